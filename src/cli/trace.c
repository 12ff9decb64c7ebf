/* `cordon trace RUN`: one run from its admission to its end, for whoever asks afterwards why. */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/event_query.h"
#include "cli/event_view.h"
#include "cli/moment.h"
#include "cli/safe.h"

#include "base/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 4096, NOTES_MAX = 8, TEXT_MAX = 16 << 10, LINES_MAX = 64 << 20 };

struct trace {
	struct client client;
	const char *id;
	struct reply run_reply, receipt_reply;
	struct buf statement, lines;				/* lines: events, one each */
	struct jsonview run, bundle, predicate, admitted, last; /* absent: not known */
	char *notes[NOTES_MAX];					/* what is missing, and why */
	size_t n_notes;
	int64_t start_ms;
};

static void note(struct trace *t, char *text)
{
	if (t->n_notes < NOTES_MAX)
		t->notes[t->n_notes++] = text;
	else
		free(text);
}

/* ---- what there is ---- */

/* 0; 1: there is none (404), or not yet (409). */
static int ask(const struct trace *t, const char *things, const char *after, struct reply *ret,
	       struct err *reterr)
{
	_cleanup_buf_ struct buf path = BUF_INIT(PATH_SIZE);
	int r;

	api_path(&path, things, t->id, after);
	client_query(&path, "tenant", t->client.tenant);
	if (!strcmp(things, "receipts")) /* of a run that ended just now */
		client_query(&path, "wait", "true");
	r = client_call(&t->client, &(struct request){.method = "GET", .path = buf_str(&path)}, ret,
			reterr);
	return r < 0 && (ret->status == 404 || ret->status == 409) ? 1 : r;
}

static int open_answer(const struct reply *r, struct jsonview *ret, struct err *reterr)
{
	if (json_check(r->body.data, r->body.len, NULL) == 0 &&
	    jsonview_open(ret, r->body.data, r->body.len) == 0 && *ret->p == '{')
		return 0;
	return err_set(reterr, EIO, "client.answer",
		       "the daemon's answer is not what its API gives: check the URL, and that "
		       "daemon and command are of one version");
}

static int load_run(struct trace *t, struct err *reterr)
{
	int r = ask(t, "runs", "", &t->run_reply, reterr);

	if (r == 0)
		return open_answer(&t->run_reply, &t->run, reterr);
	return r < 0 ? r : 0;
}

/* The statement within the bundle; what it says is the ledger's word, not checked here. */
static void open_statement(struct trace *t)
{
	struct jsonview payload = jsonview_get(jsonview_get(t->bundle, "dsseEnvelope"), "payload");
	struct jsonview v;

	t->statement = BUF_INIT(payload.len);
	if (jsonview_base64(payload, &t->statement) == 0 &&
	    json_check(t->statement.data, t->statement.len, NULL) == 0 &&
	    jsonview_open(&v, t->statement.data, t->statement.len) == 0)
		t->predicate = jsonview_get(v, "predicate");
}

static int load_receipt(struct trace *t, struct err *reterr)
{
	int r = ask(t, "receipts", "", &t->receipt_reply, reterr);

	if (r == 1 && t->receipt_reply.status == 409)
		note(t, xstrdup("the receipt is pending: no checkpoint covers it yet (`cordon "
				"receipt --wait`)"));
	if (r != 0)
		return r < 0 && reterr->number != EACCES ? r : 0;
	r = open_answer(&t->receipt_reply, &t->bundle, reterr);
	if (r == 0)
		open_statement(t);
	return r;
}

/* Lines of a journal, each of which must be JSON. */
static int take_lines(struct trace *t, const struct buf *body, struct err *reterr)
{
	const char *p = (const char *)body->data, *end = p + body->len;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl ? nl : end) - p);

		if (json_check(p, n, NULL) < 0 || n == 0 || *p != '{')
			return err_set(reterr, EIO, "client.answer",
				       "the daemon's answer has a line that is no event");
		json_line(&t->lines, p, n);
		buf_addc(&t->lines, '\n');
		p += n + 1;
	}
	return 0;
}

/* From the log, which keeps events longer than the daemon keeps runs. */
static int load_recorded(struct trace *t, struct err *reterr)
{
	_cleanup_buf_ struct buf path = BUF_INIT(EVENT_PATH_SIZE);
	const struct event_query q = {.run = t->id};
	char after[EVENT_CURSOR_SIZE] = "";
	int r = event_query_path(&q, t->client.tenant, &path, reterr);

	for (int more = 1; r == 0 && more;) {
		_cleanup_page_ struct event_page page = {.reply = {0}};
		struct jsonview at = {0}, key, item;

		r = event_page_get(&t->client, buf_str(&path), after, EVENT_PAGE_MAX, &page,
				   reterr);
		if (r < 0)
			return r;
		while (jsonview_next(page.events, &at, &key, &item)) {
			struct jsonview event = jsonview_get(item, "event");

			if (!event.len)
				continue;
			json_line(&t->lines, event.p, event.len);
			buf_addc(&t->lines, '\n');
		}
		more = page.more;
		memcpy(after, page.next, sizeof(after));
	}
	return r;
}

static int load_events(struct trace *t, struct err *reterr)
{
	_cleanup_reply_ struct reply r = {0};
	int e = ask(t, "runs", "/events", &r, reterr);

	if (e < 0)
		return e;
	if (e == 0)
		e = take_lines(t, &r.body, reterr);
	if (e >= 0 && !t->lines.len)
		return load_recorded(t, reterr);
	return e < 0 ? e : 0;
}

/* The next line; 0 at the end. */
static int next_event(const struct trace *t, size_t *at, struct jsonview *ret)
{
	const char *p = (const char *)t->lines.data + *at, *nl;

	if (*at >= t->lines.len)
		return 0;
	nl = memchr(p, '\n', t->lines.len - *at);
	*ret = (struct jsonview){p, (size_t)(nl - p)};
	*at += ret->len + 1;
	return 1;
}

static int64_t time_of(struct jsonview event)
{
	int64_t ms = -1;
	char text[64];

	jsonview_copy(jsonview_get(event, "time"), text, sizeof(text));
	return moment_parse(text, 0, &ms) < 0 ? -1 : ms;
}

/* ---- what is missing ---- */

static void look_at_events(struct trace *t)
{
	uint64_t wanted = 1, gaps = 0;
	struct jsonview event;

	t->start_ms = -1;
	for (size_t at = 0; next_event(t, &at, &event);) {
		uint64_t seq = jsonview_u64(jsonview_get(event, "seq"), 0);

		gaps += seq != wanted;
		wanted = seq + 1;
		if (t->start_ms < 0)
			t->start_ms = time_of(event);
		if (jsonview_is(jsonview_get(event, "event"), "\"run_admitted\""))
			t->admitted = event;
		t->last = event;
	}
	if (gaps)
		note(t, xasprintf("the events' numbers have gaps: `cordon log check` finds out "
				  "whether the journal is whole"));
	if (!t->lines.len)
		note(t, xstrdup("there are no events: none are recorded yet"));
}

static void look_for_gaps(struct trace *t)
{
	struct jsonview sealed = jsonview_get(jsonview_get(t->predicate, "journal"), "sealed_by");

	if (!t->run.len)
		note(t, xstrdup("the daemon does not have the run any more (--keep-days): what is "
				"here is what the log has; values, logs and payloads are gone"));
	if (jsonview_is(jsonview_get(t->run, "state"), "\"running\""))
		note(t, xstrdup("the run is under way: its end is not here yet"));
	if (jsonview_is_string(jsonview_get(t->run, "erased_at")))
		note(t, xstrdup("its payloads were erased: result, logs and requests are gone, "
				"their digests stay"));
	if (jsonview_is(sealed, "\"control\""))
		note(t, xstrdup("the journal is not sealed by the node: it was lost, or the run "
				"never reached one, and control finished it"));
	look_at_events(t);
}

/* ---- for people ---- */

static void row(const char *name, struct jsonview v)
{
	_cleanup_buf_ struct buf text = BUF_INIT(v.len), cell = BUF_INIT(TEXT_MAX);

	jsonview_text(v, &text);
	if (!text.len)
		return;
	safe_cell(&cell, buf_str(&text), text.len);
	printf("%-10s%s\n", name, buf_str(&cell));
}

/* The first of these places that has it. */
static struct jsonview find(const struct trace *t, const char *in_run, const char *in_event,
			    const char *object, const char *in_object)
{
	struct jsonview v = jsonview_get(t->run, in_run);

	if (!v.len || jsonview_is(v, "null"))
		v = jsonview_get(t->admitted.len ? t->admitted : t->last, in_event);
	if (!v.len)
		v = jsonview_get(jsonview_get(t->predicate, object), in_object);
	return v;
}

static double unit(struct jsonview v, double scale)
{
	return (double)jsonview_u64(v, 0) / scale;
}

static void print_limits(const struct trace *t)
{
	struct jsonview from = jsonview_get(t->predicate, "limits");

	if (!from.len)
		from = t->admitted;
	if (!jsonview_get(from, "cpu_us").len)
		return;
	printf("%-10scpu %.10g ms, wall %.10g ms, memory %.10g MiB, output %.10g KiB, %llu "
	       "operations, %llu log lines\n",
	       "LIMITS", unit(jsonview_get(from, "cpu_us"), 1000),
	       unit(jsonview_get(from, "wall_us"), 1000),
	       unit(jsonview_get(from, "memory_bytes"), 1 << 20),
	       unit(jsonview_get(from, "output_bytes"), 1 << 10),
	       (unsigned long long)jsonview_u64(jsonview_get(from, "operations"), 0),
	       (unsigned long long)jsonview_u64(jsonview_get(from, "log_lines"), 0));
}

static void print_usage(const struct trace *t)
{
	struct jsonview from = jsonview_get(t->run, "usage");

	if (!from.len || jsonview_is(from, "null"))
		from = jsonview_get(t->predicate, "usage");
	if (!from.len)
		return;
	printf("%-10swaited %.1f ms, ran %.1f ms, cpu %.1f ms, memory %.1f MiB, %llu operations, "
	       "%llu bytes out\n",
	       "USAGE", unit(jsonview_get(from, "queue_us"), 1000),
	       unit(jsonview_get(from, "run_us"), 1000), unit(jsonview_get(from, "cpu_us"), 1000),
	       unit(jsonview_get(from, "memory_peak_bytes"), 1 << 20),
	       (unsigned long long)jsonview_u64(jsonview_get(from, "operations"), 0),
	       (unsigned long long)jsonview_u64(jsonview_get(from, "output_bytes"), 0));
}

static void print_outcome(const struct trace *t)
{
	struct jsonview outcome = find(t, "outcome", "outcome", "result", "outcome"), reason, error;
	_cleanup_buf_ struct buf text = BUF_INIT(TEXT_MAX);

	if (!outcome.len || jsonview_is(outcome, "null"))
		outcome = jsonview_get(t->last, "outcome");
	if (!outcome.len)
		return;
	reason = jsonview_get(jsonview_get(t->predicate, "result"), "reason");
	if (!reason.len)
		reason = jsonview_get(t->last, "reason");
	error = jsonview_get(t->run, "error");
	if (!error.len || jsonview_is(error, "null"))
		error = jsonview_get(t->run, "termination");
	jsonview_text(outcome, &text);
	if (reason.len && !jsonview_is(reason, "\"none\"")) {
		buf_adds(&text, " (");
		jsonview_text(reason, &text);
		buf_addc(&text, ')');
	}
	if (jsonview_is_string(jsonview_get(error, "message")))
		error = jsonview_get(error, "message");
	else
		error = jsonview_get(error, "detail");
	if (jsonview_is_string(error) && error.len > 2) {
		buf_adds(&text, ": ");
		jsonview_text(error, &text);
	}
	printf("%-10s", "OUTCOME");
	safe_print(stdout, buf_str(&text), strcspn(buf_str(&text), "\n"));
	putchar('\n');
}

static struct jsonview entry_of(const struct trace *t)
{
	struct jsonview at = {0}, key, entry = {0};

	jsonview_next(jsonview_get(jsonview_get(t->bundle, "verificationMaterial"), "tlogEntries"),
		      &at, &key, &entry);
	return entry;
}

static struct jsonview receipt_of(const struct trace *t)
{
	struct jsonview v = jsonview_get(jsonview_get(t->run, "receipt"), "id");

	return v.len ? v : jsonview_get(jsonview_get(t->predicate, "recorded"), "receipt");
}

static void print_header(const struct trace *t)
{
	struct jsonview sealed = jsonview_get(jsonview_get(t->predicate, "journal"), "sealed_by");

	row("RUN", find(t, "run", "run", "run", "id"));
	row("TENANT", find(t, "tenant", "tenant", "run", "tenant"));
	row("KEY", find(t, "key", "key", "caller", "key"));
	row("PROFILE", find(t, "profile", "profile", "policy", "profile"));
	row("POLICY", find(t, "policy", "policy", "policy", "digest"));
	row("ARTIFACT", find(t, "artifact", "artifact", "artifact", "digest"));
	row("LEASE", find(t, "lease", "lease", "run", "lease"));
	row("SESSION", find(t, "session", "session", "run", "session"));
	row("TRACE", find(t, "trace", "trace", "run", "trace"));
	print_limits(t);
	row("CREATED", find(t, "created_at", "time", "run", "created_at"));
	row("ENDED", jsonview_get(t->run, "ended_at"));
	print_outcome(t);
	print_usage(t);
	row("RECEIPT", receipt_of(t));
	row("LOG-INDEX", jsonview_get(entry_of(t), "logIndex"));
	row("SEALED-BY", sealed);
}

/* What could be done about a denial, by how its reason begins. */
static const struct {
	const char *prefix, *remedy;
} remedies[] = {
	{"egress.", "an egress rule of the profile would allow it (`cordon profile get`)"},
	{"limits.", "ask for less, or raise the profile's limits"},
	{"quota.", "wait, or have the quota raised"},
	{"profile.", "`cordon profile list` shows the profiles that there are"},
	{"artifact.", "`cordon artifact list` shows the artifacts that there are"},
	{"lease.", "`cordon lease list` shows the leases that there are"},
	{"tier.", "`cordon tier list` shows the tiers, and for whom they are"},
	{"tenant.", "`cordon tenant show` tells the tenant's state"},
	{"capacity", "try again later"},
	{"operation.", "use what the code's documentation lists"},
	{"tool.", "use what the code's documentation lists"},
	{"jail_violation", "code that does this is hostile or broken: do not run it again"},
	{"cpu_time", "look for a loop that does not end, or raise the limit"},
	{"wall_time", "it waited too long, or the limit is too low for it"},
	{"memory", "work on less data at a time, or raise the limit"},
	{"output", "return and log less, or raise the limit"},
	{"operations", "ask for less at a time, or raise the limit"},
	{"log_lines", "log less, or raise the limit"},
};

static const char *remedy_for(struct jsonview event)
{
	char reason[64];

	jsonview_copy(jsonview_get(event, "reason"), reason, sizeof(reason));
	for (size_t i = 0; *reason && i < ARRAY_SIZE(remedies); i++)
		if (!strncmp(reason, remedies[i].prefix, strlen(remedies[i].prefix)))
			return remedies[i].remedy;
	return NULL;
}

static int is_bad(struct jsonview event)
{
	struct jsonview name = jsonview_get(event, "event");

	return jsonview_is(name, "\"tool_call_blocked\"") || jsonview_is(name, "\"run_denied\"") ||
	       jsonview_is(name, "\"execution_terminated\"");
}

static void print_event(const struct trace *t, struct jsonview event)
{
	_cleanup_buf_ struct buf what = BUF_INIT(TEXT_MAX), name = BUF_INIT(TEXT_MAX),
				 cell = BUF_INIT(TEXT_MAX);
	const char *remedy = is_bad(event) ? remedy_for(event) : NULL;
	int64_t ms = time_of(event);
	char offset[32] = "?";

	if (ms >= 0 && t->start_ms >= 0)
		snprintf(offset, sizeof(offset), "%+lld ms", (long long)(ms - t->start_ms));
	jsonview_text(jsonview_get(event, "event"), &name);
	safe_cell(&cell, buf_str(&name), MIN_U64(name.len, 64));
	event_view_what(event, &what);
	printf("%12s  #%-4llu %-20s  %s\n", offset,
	       (unsigned long long)jsonview_u64(jsonview_get(event, "seq"), 0), buf_str(&cell),
	       buf_str(&what));
	if (remedy)
		printf("%12s  %5s remedy: %s\n", "", "", remedy);
}

static void print_log(struct jsonview line)
{
	_cleanup_buf_ struct buf text = BUF_INIT(line.len), cell = BUF_INIT(line.len * 12 + 16),
				 word = BUF_INIT(line.len), level = BUF_INIT(256);

	jsonview_text(jsonview_get(line, "text"), &text);
	safe_cell(&cell, buf_str(&text), text.len);
	jsonview_text(jsonview_get(line, "level"), &word);
	safe_cell(&level, buf_str(&word), MIN_U64(word.len, 16));
	printf("  [%s] %s\n", buf_str(&level), buf_str(&cell));
}

static void print_text(const struct trace *t)
{
	struct jsonview event, logs = jsonview_get(t->run, "logs"), at = {0}, key, line;

	print_header(t);
	puts("\nEVENTS");
	for (size_t i = 0; next_event(t, &i, &event);)
		print_event(t, event);
	for (int n = 0; jsonview_next(logs, &at, &key, &line); n++) {
		if (!n)
			puts("\nLOGS");
		print_log(line);
	}
	if (t->n_notes)
		puts("\nMISSING");
	for (size_t i = 0; i < t->n_notes; i++)
		printf("  - %s\n", t->notes[i]);
}

/* ---- for programs ---- */

static void add_value(struct buf *b, const char *name, struct jsonview v)
{
	buf_addf(b, "%s\"%s\":", b->data[b->len - 1] == '{' ? "" : ",", name);
	if (v.len)
		json_line(b, v.p, v.len);
	else
		buf_adds(b, "null");
}

static void print_json(const struct trace *t)
{
	_cleanup_buf_ struct buf b = BUF_INIT(2 * LINES_MAX);
	const char *before = "";
	struct jsonview event;

	buf_adds(&b, "{\"id\":");
	json_quote_str(&b, t->id);
	add_value(&b, "run", t->run);
	buf_adds(&b, ",\"receipt\":{");
	add_value(&b, "id", receipt_of(t));
	add_value(&b, "log_index", jsonview_get(entry_of(t), "logIndex"));
	add_value(&b, "statement", t->predicate);
	buf_adds(&b, "},\"events\":[");
	for (size_t at = 0; next_event(t, &at, &event); before = ",") {
		int64_t ms = time_of(event);

		buf_addf(&b, "%s{\"at_ms\":", before);
		if (ms >= 0 && t->start_ms >= 0)
			buf_addf(&b, "%lld", (long long)(ms - t->start_ms));
		else
			buf_adds(&b, "null");
		add_value(&b, "event", event);
		if (is_bad(event) && remedy_for(event)) {
			buf_adds(&b, ",\"remedy\":");
			json_quote_str(&b, remedy_for(event));
		}
		buf_addc(&b, '}');
	}
	buf_adds(&b, "],\"missing\":[");
	for (size_t i = 0; i < t->n_notes; i++) {
		buf_adds(&b, i ? "," : "");
		json_quote_str(&b, t->notes[i]);
	}
	buf_adds(&b, "]}");
	safe_json(stdout, buf_str(&b), b.len);
	putchar('\n');
}

/* ---- the command ---- */

static int load(struct trace *t, struct err *reterr)
{
	int r = load_run(t, reterr);

	if (r == 0)
		r = load_receipt(t, reterr);
	if (r == 0)
		r = load_events(t, reterr);
	if (r < 0)
		return r;
	if (!t->run.len && !t->bundle.len && !t->lines.len)
		return err_set(reterr, EINVAL, "not_found",
			       "there is no such run, and the log has no entry for '%.64s'", t->id);
	look_for_gaps(t);
	return 0;
}

static int trace(const struct call *call)
{
	const struct shared_options *o = call->options;
	struct trace t = {.id = call->operands[0], .lines = BUF_INIT(LINES_MAX)};
	struct err e;
	int status;

	if (client_init(&t.client, o, &e) < 0)
		return api_usage(call, &e);
	status = load(&t, &e) < 0 ? client_complain(&e) : 0;
	if (!status && o->json)
		print_json(&t);
	else if (!status)
		print_text(&t);
	for (size_t i = 0; i < t.n_notes; i++)
		free(t.notes[i]);
	client_done(&t.client);
	reply_done(&t.run_reply);
	reply_done(&t.receipt_reply);
	buf_done(&t.statement);
	buf_done(&t.lines);
	return status;
}

const struct command trace_commands[] = {
	{.name = "trace",
	 .operands = "RUN",
	 .operands_min = 1,
	 .operands_max = 1,
	 .surplus = "one run is traced at a time",
	 .what = "Shows a run from its admission to its end, as for a postmortem.",
	 .text = "Shows a run from its admission to its end: who, under what, with which limits, "
		 "what it came to, its place in the log; then each event with the time since its "
		 "beginning, what was denied, by which rule and what to do about it; its logs if "
		 "they are still there; and what is missing, and why.",
	 .shared = options_shared,
	 .size = sizeof(struct shared_options),
	 .run = trace},
	{0}};
