/* `cordon runs …`: what ran, what runs. */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/safe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 256 << 10 };

struct runs_options {
	struct shared_options shared;
	const char *profile, *outcome, *reason, *since, *until, *limit, *cursor;
	struct option_list labels;
};

static void list_path(const struct runs_options *o, struct buf *path)
{
	buf_adds(path, "/v1/runs");
	client_query(path, "profile", o->profile);
	client_query(path, "outcome", o->outcome);
	client_query(path, "reason", o->reason);
	for (size_t i = 0; i < o->labels.n; i++)
		client_query(path, "label", o->labels.v[i]);
	client_query(path, "since", o->since);
	client_query(path, "until", o->until);
	client_query(path, "limit", o->limit);
	client_query(path, "cursor", o->cursor);
}

/* Outcome or state, whichever says more. */
static struct jsonview result_of(struct jsonview run)
{
	struct jsonview outcome = jsonview_get(run, "outcome");

	return jsonview_is_string(outcome) ? outcome : jsonview_get(run, "state");
}

/* Why a run ended as it did: its reason, or the code of its error. */
static struct jsonview why_of(struct jsonview run)
{
	struct jsonview reason = jsonview_get(jsonview_get(run, "termination"), "reason");

	return reason.len ? reason : jsonview_get(jsonview_get(run, "error"), "code");
}

static void add_run(struct table *t, struct jsonview run)
{
	uint64_t us = jsonview_u64(jsonview_get(jsonview_get(run, "usage"), "run_us"), UINT64_MAX);
	char ms[32] = "";

	if (us != UINT64_MAX)
		snprintf(ms, sizeof(ms), "%.1f ms", (double)us / 1000);
	table_add_view(t, jsonview_get(run, "run"));
	table_add_time(t, jsonview_get(run, "created_at"));
	table_add_view(t, jsonview_get(run, "profile"));
	table_add_view(t, result_of(run));
	table_add_view(t, why_of(run));
	table_add(t, ms, strlen(ms));
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
	int status;

	table_init(&t, headers, ARRAY_SIZE(headers));
	list_path(o, &path);
	status = api_do(call, "GET", buf_str(&path), &r);
	if (status)
		return status;
	if (o->shared.json)
		return api_print_json(&r);
	if (api_view(&r, &v))
		return EXIT_PLATFORM;
	runs = jsonview_get(v, "runs");
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

	buf_adds(&path, "/v1/runs/");
	client_escape(&path, call->operands[0]);
	buf_adds(&path, after);
	return api_do(call, method, buf_str(&path), ret);
}

static int show(const struct call *call)
{
	static const struct api_column columns[] = {
		{"STATE", "state", 0},	     {"TENANT", "tenant", 0},
		{"PROFILE", "profile", 0},   {"POLICY", "policy", 0},
		{"ARTIFACT", "artifact", 0}, {"CLASS", "class", 0},
		{"TIER", "tier", 0},	     {"LABELS", "labels", 0},
		{"TRACE", "trace", 0},	     {"CREATED", "created_at", 1},
		{"ENDED", "ended_at", 1},
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
	return report_api(buf_str(&r.body), r.body.len, &e) < 0 ? client_complain(&e) : 0;
}

static int events(const struct call *call)
{
	_cleanup_reply_ struct reply r = {0};
	int status = about(call, "GET", "/events", &r);

	if (!status)
		safe_json(stdout, buf_str(&r.body), r.body.len);
	return status;
}

static int cancel(const struct call *call)
{
	const struct runs_options *o = call->options;
	_cleanup_reply_ struct reply r = {0};
	int status = about(call, "DELETE", "", &r);

	if (!status && o->shared.json && r.body.len)
		api_print_json(&r);
	return status;
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
	TEXT_ROW("label", "KEY=VALUE", OPTION_REPEATED, labels,
		 "Only runs with this label. May be given more than once."),
	TEXT_ROW("since", "MS", OPTION_TEXT, since,
		 "Only runs accepted at this moment or later, in milliseconds since 1970."),
	TEXT_ROW("until", "MS", OPTION_TEXT, until, "Only runs accepted before this moment."),
	TEXT_ROW("limit", "N", OPTION_TEXT, limit, "At most so many."),
	TEXT_ROW("cursor", "TEXT", OPTION_TEXT, cursor,
		 "Go on where an earlier list ended, with the cursor that it gave."),
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
	 .run = events,
	 ONE_RUN},
	{.name = "runs cancel",
	 .what = "Stops a run: it ends as terminated, for the reason cancelled.",
	 .run = cancel,
	 ONE_RUN},
	{0}};
