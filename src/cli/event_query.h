/*
 * Questions about events (GET /v1/events), as the command line takes them: conditions as options,
 * pages as views.
 */
#pragma once

#include "cli/client.h"
#include "cli/jsonview.h"
#include "cli/options.h"

enum { EVENT_PAGE_MAX = 500, EVENT_CURSOR_SIZE = SSE_ID_SIZE, EVENT_PATH_SIZE = 64 << 10 };

struct event_query {
	const char *run, *event, *reason, *destination, *decision, *lease, *session, *trace,
		*artifact, *profile, *since, *until, *after; /* NULL: no such condition */
};

#define EVENT_QUERY_ITEM(type, m, a, h)                                                            \
	{                                                                                          \
		.name = #m, .argument = a, .kind = OPTION_TEXT,                                    \
		.offset = offsetof(struct type, query.m), .help = h                                \
	}
/* The rows of these options in the table of a command whose options have a member `query`. */
#define EVENT_QUERY_ROWS(type)                                                                     \
	EVENT_QUERY_ITEM(type, run, "ID", "Only events of this run, or this administrative act."), \
		EVENT_QUERY_ITEM(type, event, "NAME",                                              \
				 "Only events of this name, such as tool_call_blocked."),          \
		EVENT_QUERY_ITEM(type, reason, "CODE",                                             \
				 "Only denials and terminations for this reason, such as "         \
				 "egress.denied or cpu_time."),                                    \
		EVENT_QUERY_ITEM(type, destination, "ORIGIN",                                      \
				 "Only calls of this destination, such as "                        \
				 "https://example.com:443."),                                      \
		EVENT_QUERY_ITEM(type, decision, "ID",                                             \
				 "Only events of this decision, such as d7; "                      \
				 "with --run it is one."),                                         \
		EVENT_QUERY_ITEM(type, lease, "ID", "Only events under this lease."),              \
		EVENT_QUERY_ITEM(type, session, "ID", "Only events of this session."),             \
		EVENT_QUERY_ITEM(type, trace, "ID",                                                \
				 "Only events of this trace (W3C Trace Context)."),                \
		EVENT_QUERY_ITEM(type, artifact, "DIGEST",                                         \
				 "Only events of runs of this artifact."),                         \
		EVENT_QUERY_ITEM(type, profile, "NAME",                                            \
				 "Only events of runs under this profile."),                       \
		EVENT_QUERY_ITEM(type, since, "TIME",                                              \
				 "Only what was recorded at this moment or later: "                \
				 "2026-01-31T12:00:00Z, milliseconds since 1970, or how long ago " \
				 "(90s, 15m, 2h, 7d)."),                                           \
		EVENT_QUERY_ITEM(type, until, "TIME",                                              \
				 "Only what was recorded before this moment, written in the same " \
				 "way."),                                                          \
		EVENT_QUERY_ITEM(                                                                  \
			type, after, "CURSOR",                                                     \
			"Begin after this place in the log, as an earlier answer gave it.")
/*
 * The path that asks for such events, without where to begin and how many. -EINVAL: a condition is
 * not as it must be.
 */
int event_query_path(const struct event_query *q, const char *tenant, struct buf *path,
		     struct err *reterr);

struct event_page {
	struct reply reply;
	struct jsonview events;	      /* an array */
	char next[EVENT_CURSOR_SIZE]; /* where the next page begins; "": as this one did */
	int more;
};
void event_page_done(struct event_page *p);
#define _cleanup_page_ _cleanup_(event_page_done)

/* At most `limit` of them. As client_call(); -EIO also if the answer is no such page. */
int event_page_get(const struct client *c, const char *path, const char *after, uint64_t limit,
		   struct event_page *ret, struct err *reterr);

/* The cursor that begins after an item: "ENTRY.LINE". -EBADMSG: it is no item. */
int event_cursor(struct jsonview item, char out[EVENT_CURSOR_SIZE]);
