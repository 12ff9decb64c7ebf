/* `cordon runs …`: what ran, what runs. */
#include "base/json.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/moment.h"
#include "cli/report.h"
#include "cli/safe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 256 << 10 };

struct runs_options {
	struct shared_options shared;
	const char *profile, *outcome, *reason, *lease, *session, *artifact, *label, *since, *until,
		*cursor;
	uint64_t limit;
	int follow;
};

static int list_path(const struct runs_options *o, struct buf *path, struct err *reterr)
{
	char limit[32];

	snprintf(limit, sizeof(limit), "%llu", (unsigned long long)o->limit);
	buf_adds(path, "/v1/runs");
	client_query(path, "profile", o->profile);
	client_query(path, "outcome", o->outcome);
	client_query(path, "reason", o->reason);
	client_query(path, "lease", o->lease);
	client_query(path, "session", o->session);
	client_query(path, "artifact", o->artifact);
	client_query(path, "label", o->label);
	client_query(path, "limit", limit);
	client_query(path, "cursor", o->cursor);
	if (api_moment(path, "since", o->since, reterr) < 0)
		return -EINVAL;
	return api_moment(path, "until", o->until, reterr);
}

/* Outcome or state, whichever says more. */
static struct jsonview result_of(struct jsonview run)
{
	struct jsonview outcome = jsonview_get(run, "outcome");

	return jsonview_is_string(outcome) ? outcome : jsonview_get(run, "state");
}

/* From its acceptance to its end, as text; "" if it is under way. */
static void took(struct jsonview run, char out[32])
{
	int64_t from, to;
	char text[64];

	*out = '\0';
	jsonview_copy(jsonview_get(run, "created_at"), text, sizeof(text));
	if (moment_parse(text, 0, &from) < 0)
		return;
	jsonview_copy(jsonview_get(run, "ended_at"), text, sizeof(text));
	if (moment_parse(text, 0, &to) < 0)
		return;
	if (to - from < 10000)
		snprintf(out, 32, "%lld ms", (long long)(to - from));
	else
		snprintf(out, 32, "%lld s", (long long)(to - from) / 1000);
}

static void add_run(struct table *t, struct jsonview run)
{
	char text[32];

	took(run, text);
	table_add_view(t, jsonview_get(run, "run"));
	table_add_time(t, jsonview_get(run, "created_at"));
	table_add_view(t, jsonview_get(run, "profile"));
	table_add_view(t, result_of(run));
	table_add_view(t, jsonview_get(run, "reason"));
	table_add(t, text, strlen(text));
	table_add_view(t, jsonview_get(run, "labels"));
}

static int list(const struct call *call)
{
	static const char *const headers[] = {"RUN", "CREATED", "PROFILE", "OUTCOME",
					      "WHY", "TOOK",	"LABELS"};
	_cleanup_buf_ struct buf path = BUF_INIT(PATH_SIZE), next = BUF_INIT(PATH_SIZE);
	const struct runs_options *o = call->options;
	struct jsonview v, runs, at = {0}, key, run;
	_cleanup_reply_ struct reply r = {0};
	_cleanup_table_ struct table t;
	struct err e;
	int status;

	table_init(&t, headers, ARRAY_SIZE(headers));
	if (list_path(o, &path, &e) < 0)
		return api_usage(call, &e);
	status = api_do(call, "GET", buf_str(&path), &r);
	if (status)
		return status;
	if (o->shared.json)
		return api_print_json(&r);
	if (api_view(&r, &v))
		return EXIT_PLATFORM;
	runs = jsonview_get(v, "runs");
	if (!runs.len || *runs.p != '[')
		return api_no_answer();
	while (jsonview_next(runs, &at, &key, &run))
		add_run(&t, run);
	table_print(&t);
	fflush(stdout);
	jsonview_text(jsonview_get(v, "next"), &next);
	if (next.len) {
		fputs("There are more: the same with --cursor ", stderr);
		safe_print(stderr, buf_str(&next), next.len);
		fputc('\n', stderr);
	}
	return 0;
}

/* One request about /v1/runs/ID. */
static int about(const struct call *call, const char *method, const char *after, struct reply *ret)
{
	_cleanup_buf_ struct buf path = BUF_INIT(PATH_SIZE);

	api_path(&path, "runs", call->operands[0], after);
	return api_do(call, method, buf_str(&path), ret);
}

static int show(const struct call *call)
{
	static const struct api_column columns[] = {
		{"STATE", "state", 0},	      {"TENANT", "tenant", 0},
		{"PROFILE", "profile", 0},    {"POLICY", "policy", 0},
		{"ARTIFACT", "artifact", 0},  {"LEASE", "lease", 0},
		{"SESSION", "session", 0},    {"PROVENANCE", "provenance", 0},
		{"CLASS", "class", 0},	      {"TIER", "tier", 0},
		{"LABELS", "labels", 0},      {"TRACE", "trace", 0},
		{"CREATED", "created_at", 1}, {"ENDED", "ended_at", 1},
	};
	const struct runs_options *o = call->options;
	_cleanup_reply_ struct reply r = {0};
	struct jsonview v;
	struct err e;
	int status = about(call, "GET", "", &r);

	if (status)
		return status;
	status = api_print_card(call, &r, columns, ARRAY_SIZE(columns));
	if (status || o->shared.json || api_view(&r, &v) ||
	    !jsonview_is(jsonview_get(v, "state"), "\"done\""))
		return status;
	putchar('\n');
	fflush(stdout);
	/* How the run ended is what was asked for, not how this command does. */
	return report_api(buf_str(&r.body), r.body.len, 0, &e) < 0 ? client_complain(&e) : 0;
}

/* A line of a journal; -EBADMSG if it is no JSON. */
static int print_line(const char *line, size_t len)
{
	if (json_check(line, len, NULL) < 0)
		return -EBADMSG;
	safe_json(stdout, line, len);
	putchar('\n');
	return 0;
}

static int on_event(void *arg, const char *name, const char *data, size_t len)
{
	int r = strcmp(name, "journal") ? 0 : print_line(data, len);

	(void)arg;
	fflush(stdout);
	return r;
}

/* As it happens, until the run is over. */
static int follow(const struct call *call)
{
	_cleanup_buf_ struct buf path = BUF_INIT(PATH_SIZE);
	_cleanup_reply_ struct reply r = {0};

	api_path(&path, "runs", call->operands[0], "/events");
	return api_ask(call,
		       &(struct request){.method = "GET",
					 .path = buf_str(&path),
					 .timeout_s = -1,
					 .event = on_event},
		       &r);
}

static int events(const struct call *call)
{
	const struct runs_options *o = call->options;
	_cleanup_reply_ struct reply r = {0};
	const char *p, *end;
	int status;

	if (o->follow)
		return follow(call);
	status = about(call, "GET", "/events", &r);
	if (status)
		return status;
	p = buf_str(&r.body);
	end = p + r.body.len;
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl ? nl : end) - p);

		if (print_line(p, n) < 0)
			return api_no_answer();
		p += n + 1;
	}
	return 0;
}

static int cancel(const struct call *call)
{
	const struct runs_options *o = call->options;
	_cleanup_reply_ struct reply r = {0};
	int status = about(call, "DELETE", "", &r);

	return !status && o->shared.json && r.body.len ? api_print_json(&r) : status;
}

static int erase(const struct call *call)
{
	_cleanup_reply_ struct reply r = {0};

	return about(call, "DELETE", "/payload", &r);
}

#define AT(m) offsetof(struct runs_options, m)
#define TEXT_ROW(n, a, k, m, h)                                                                    \
	{                                                                                          \
		.name = n, .argument = a, .kind = k, .offset = AT(m), .help = h                    \
	}
static const struct option_row list_rows[] = {
	TEXT_ROW("profile", "NAME", OPTION_TEXT, profile, "Only runs under this profile."),
	TEXT_ROW("outcome", "completed|failed|denied|terminated", OPTION_CHOICE, outcome,
		 "Only runs that ended so."),
	TEXT_ROW("reason", "REASON", OPTION_TEXT, reason,
		 "Only runs terminated for this reason, such as cpu_time."),
	TEXT_ROW("lease", "ID", OPTION_TEXT, lease, "Only runs under this lease."),
	TEXT_ROW("session", "ID", OPTION_TEXT, session, "Only runs of this session."),
	TEXT_ROW("artifact", "DIGEST", OPTION_TEXT, artifact, "Only runs of this artifact."),
	TEXT_ROW("label", "KEY=VALUE", OPTION_TEXT, label, "Only runs with this label."),
	TEXT_ROW("since", "TIME", OPTION_TEXT, since,
		 "Only runs accepted at this moment or later: 2026-01-31T12:00:00Z, milliseconds "
		 "since 1970, or how long ago (90s, 15m, 2h, 7d)."),
	TEXT_ROW("until", "TIME", OPTION_TEXT, until,
		 "Only runs accepted before this moment, written in the same way."),
	{.name = "limit",
	 .argument = "N",
	 .kind = OPTION_NUMBER,
	 .offset = AT(limit),
	 .fallback = 50,
	 .min = 1,
	 .max = 500,
	 .help = "At most so many."},
	TEXT_ROW("cursor", "TEXT", OPTION_TEXT, cursor,
		 "Go on where an earlier list ended, with the cursor that it gave."),
	{0}};
static const struct option_row events_rows[] = {
	{.name = "follow",
	 .kind = OPTION_FLAG,
	 .offset = AT(follow),
	 .help = "Go on, with each entry as it happens, until the run is over."},
	{0}};
#undef AT

#define COMMON .shared = options_shared, .size = sizeof(struct runs_options)
#define ONE_RUN .operands = "ID", .operands_min = 1, .operands_max = 1, COMMON
const struct command runs_commands[] = {
	{.name = "runs list",
	 .what = "Lists runs, the newest first. A runner's key lists its own.",
	 .rows = list_rows,
	 .run = list,
	 COMMON},
	{.name = "runs show",
	 .what = "Shows a run: what it was, its logs, and what it came to.",
	 .run = show,
	 ONE_RUN},
	{.name = "runs events",
	 .what = "Prints the journal of a run, one JSON object a line.",
	 .rows = events_rows,
	 .run = events,
	 ONE_RUN},
	{.name = "runs cancel",
	 .what = "Stops a run: it ends as terminated, for the reason cancelled.",
	 .run = cancel,
	 ONE_RUN},
	{.name = "runs erase",
	 .what = "Erases what a run brought to light: value, error, logs, payloads.",
	 .text = "Erases what a run that is over brought to light: its value, error and logs, and "
		 "the payloads of its operations. Its journal and its receipt have digests of them "
		 "only, and verify as before. There is no way back.",
	 .run = erase,
	 ONE_RUN},
	{0}};
