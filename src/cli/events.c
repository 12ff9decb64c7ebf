/* `cordon events …`: what the ledger recorded, of all runs and administrative acts. */
#include "cli/api.h"
#include "cli/backoff.h"
#include "cli/commands.h"
#include "cli/event_query.h"
#include "cli/event_view.h"
#include "cli/export.h"

#include "base/clock.h"
#include "base/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct events_options {
	struct shared_options shared;
	struct event_query query;
	uint64_t limit;
	int follow;
};

static void print_item(const struct events_options *o, struct jsonview item)
{
	if (o->shared.json)
		event_view_json(item);
	else
		event_view_line(item);
}

static int list(const struct call *call, const struct client *c, const char *path)
{
	const struct events_options *o = call->options;
	char after[EVENT_CURSOR_SIZE] = "";
	uint64_t left = o->limit;
	int more = 1;

	if (o->query.after)
		snprintf(after, sizeof(after), "%s", o->query.after);
	for (int first = 1; more && left; first = 0) {
		_cleanup_page_ struct event_page page;
		struct jsonview at = {0}, key, item;
		struct err e;

		if (event_page_get(c, path, after, MIN_U64(left, EVENT_PAGE_MAX), &page, &e) < 0)
			return client_complain(&e);
		if (first && !o->shared.json)
			event_view_header();
		for (; left && jsonview_next(page.events, &at, &key, &item); left--)
			print_item(o, item);
		more = page.more;
		if (*page.next)
			memcpy(after, page.next, sizeof(after));
	}
	fflush(stdout);
	if (more)
		fprintf(stderr, "There are more: the same with --after %.*s\n",
			(int)strspn(after, "0123456789."), after);
	return 0;
}

/* ---- --follow ---- */

struct follower {
	const struct events_options *options;
	char id[SSE_ID_SIZE]; /* of the last event that was printed */
};

static int on_event(void *arg, const char *name, const char *data, size_t len)
{
	const struct follower *f = arg;
	char cursor[EVENT_CURSOR_SIZE];
	struct jsonview item;

	if (strcmp(name, "event") != 0)
		return 0;
	if (json_check(data, len, NULL) < 0 || jsonview_open(&item, data, len) < 0 ||
	    event_cursor(item, cursor) < 0)
		return -EBADMSG;
	print_item(f->options, item);
	fflush(stdout);
	return ferror(stdout) ? -EPIPE : 0;
}

/* Until it is ended, whatever becomes of the connection, once there was one. */
static int follow(const struct call *call, const struct client *c, const char *path)
{
	struct follower f = {.options = call->options};
	struct backoff wait = {0};
	int connected = 0;

	for (;;) {
		_cleanup_free_ char *resume = *f.id ? xasprintf("Last-Event-ID: %s", f.id) : NULL;
		_cleanup_reply_ struct reply reply = {0};
		struct err e;
		int r = client_call(c,
				    &(struct request){.method = "GET",
						      .path = path,
						      .headers = {resume},
						      .timeout_s = -1,
						      .event = on_event,
						      .event_id = f.id,
						      .arg = &f},
				    &reply, &e);

		if (ferror(stdout))
			return EXIT_PLATFORM; /* main() says it */
		if (r == 0 && reply.body.len)
			return api_no_answer(); /* it knows no streams */
		if (reply.status == 200) {
			connected = 1;
			wait = (struct backoff){0};
		}
		if (r < 0 && (!connected || !client_passing(&e)))
			return client_complain(&e);
		fprintf(stderr, "cordon: the connection to the daemon is lost; trying again\n");
		backoff_sleep(backoff_ms(&wait, 0));
	}
}

/* "From now on", unless it was said from when. */
static int follow_path(const struct events_options *o, struct buf *path, struct err *reterr)
{
	struct event_query q = o->query;
	char now[32];

	if (!q.since && !q.after) {
		snprintf(now, sizeof(now), "%lld", (long long)clock_wall_ms());
		q.since = now;
	}
	if (event_query_path(&q, o->shared.tenant, path, reterr) < 0)
		return -EINVAL;
	client_query(path, "after", q.after);
	return 0;
}

static int events(const struct call *call)
{
	_cleanup_buf_ struct buf path = BUF_INIT(EVENT_PATH_SIZE);
	const struct events_options *o = call->options;
	_cleanup_client_ struct client c = {0};
	struct err e;

	if (o->follow && options_given(call, "limit"))
		return api_refuse(call, "--follow has no end, and --limit is one: leave out one");
	if (o->follow && o->query.until)
		return api_refuse(call, "--follow has no end, and --until is one: leave out one");
	if ((o->follow ? follow_path(o, &path, &e)
		       : event_query_path(&o->query, o->shared.tenant, &path, &e)) < 0 ||
	    client_init(&c, &o->shared, &e) < 0)
		return api_usage(call, &e);
	if (o->query.after && strlen(o->query.after) >= EVENT_CURSOR_SIZE)
		return api_refuse(call, "--after is too long for a cursor");
	return o->follow ? follow(call, &c, buf_str(&path)) : list(call, &c, buf_str(&path));
}

#define AT(m) offsetof(struct events_options, m)
static const struct option_row list_rows[] = {
	EVENT_QUERY_ROWS(events_options),
	{.name = "limit",
	 .argument = "N",
	 .kind = OPTION_NUMBER,
	 .offset = AT(limit),
	 .fallback = 100,
	 .min = 1,
	 .max = 1000000,
	 .help = "At most so many."},
	{.name = "follow",
	 .kind = OPTION_FLAG,
	 .offset = AT(follow),
	 .help = "Go on, with each event as it is recorded: from now on, or from --since or "
		 "--after on. A connection that is lost is made again, and nothing is left out."},
	{0}};
#undef AT

const struct command events_commands[] = {
	{.name = "events list",
	 .what = "Lists what the ledger recorded, the oldest first.",
	 .text = "Lists what the ledger recorded of runs and administrative acts, the oldest "
		 "first. With --json, one object a line.",
	 .rows = list_rows,
	 .shared = options_shared,
	 .size = sizeof(struct events_options),
	 .run = events},
	{.name = "events export",
	 .what = "Delivers events to a file, a collector or a syslog, each at least once.",
	 .text = "Delivers events to a file, an HTTP collector or a syslog. With --cursor it goes "
		 "on after the last batch that the destination took, whatever became of it "
		 "meanwhile: each event is delivered at least once.\n"
		 "DEST: - (standard output), file:PATH, http://… or https://…, syslog: (this "
		 "machine's), syslog+udp://HOST:PORT, syslog+tcp://HOST:PORT.",
	 .rows = export_rows,
	 .shared = options_shared,
	 .size = sizeof(struct export_options),
	 .run = export_events},
	{0}};
