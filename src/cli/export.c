/*
 * `cordon events export`: a process of its own, so that neither the ledger nor control speaks to
 * anything outside. A batch is delivered, then its place in the log is kept, then the next is
 * fetched: at least once, and never more than one page in memory.
 */
#include "cli/export.h"

#include "cli/api.h"
#include "cli/backoff.h"
#include "cli/commands.h"
#include "cli/moment.h"
#include "cli/ocsf.h"
#include "cli/place.h"
#include "cli/safe.h"
#include "cli/sink.h"

#include "base/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { IDLE_MS = 1000, LINES_MAX = 64 << 20 };

struct export
{
	const struct export_options *o;
	struct client client;
	struct buf path;
	struct sink *sink;
	struct place place;
	struct batch batch;
	struct buf line;	       /* the event that comes next, in its format */
	char after[EVENT_CURSOR_SIZE]; /* of the last event that is in the batch, or delivered */
	uint64_t delivered;
};

/* ---- one event in a batch ---- */

/* Syslog's severities: alert, warning, notice, informational. */
static int severity_of(struct jsonview event)
{
	char name[BATCH_NAME_SIZE], reason[32];

	jsonview_copy(jsonview_get(event, "event"), name, sizeof(name));
	jsonview_copy(jsonview_get(event, "reason"), reason, sizeof(reason));
	if (!strcmp(name, "execution_terminated") && !strcmp(reason, "jail_violation"))
		return 1;
	if (!strcmp(name, "tool_call_blocked") || !strcmp(name, "run_denied"))
		return 4;
	if (!strcmp(name, "execution_terminated") || jsonview_get(event, "act").len)
		return 5;
	return 6;
}

static void describe(struct batch_item *i, struct jsonview event)
{
	char time[64];

	jsonview_copy(jsonview_get(event, "event"), i->name, sizeof(i->name));
	for (char *p = i->name; *p; p++)
		if (*p < '!' || *p > '~')
			*p = '?';
	if (!*i->name)
		memcpy(i->name, "-", 2);
	jsonview_copy(jsonview_get(event, "time"), time, sizeof(time));
	if (moment_parse(time, 0, &i->time_ms) < 0)
		i->time_ms = 0;
	i->severity = severity_of(event);
}

static int is_ocsf(const struct export_options *o)
{
	return !strcmp(o->format, "ocsf");
}

/* The line that it becomes; empty if the format has no form for it. */
static void write_line(struct export *x, struct jsonview item)
{
	x->line.len = 0;
	if (is_ocsf(x->o))
		ocsf_event(item, &x->line);
	else
		json_line(&x->line, item.p, item.len);
}

static void add_line(struct export *x, struct jsonview item)
{
	struct batch *b = &x->batch;
	struct batch_item *i = &b->item[b->n++];

	*i = (struct batch_item){.at = b->lines.len, .len = x->line.len};
	describe(i, jsonview_get(item, "event"));
	buf_add(&b->lines, x->line.data, x->line.len);
	buf_addc(&b->lines, '\n');
}

/* ---- delivery ---- */

static void complain_again(const struct err *e, uint64_t ms)
{
	fputs("cordon: ", stderr);
	safe_print(stderr, e->message, strlen(e->message));
	fprintf(stderr, "; trying again in %llu.%llu s\n", (unsigned long long)ms / 1000,
		(unsigned long long)ms % 1000 / 100);
}

/* Until the destination has it. */
static int deliver(struct export *x, struct err *reterr)
{
	struct backoff wait = {0};
	uint32_t wanted_s;
	uint64_t ms;
	int r = 0;

	while (x->batch.n) {
		r = sink_send(x->sink, &x->batch, &wanted_s, reterr);
		if (r != -EAGAIN)
			break;
		ms = backoff_ms(&wait, wanted_s * 1000ULL);
		complain_again(reterr, ms);
		backoff_sleep(ms);
	}
	if (r < 0)
		return r;
	x->delivered += x->batch.n;
	x->batch.lines.len = x->batch.n = x->batch.taken = 0;
	return place_keep(&x->place, x->after, reterr);
}

static int has_room(const struct batch *b, size_t len)
{
	return !b->n || (b->n < BATCH_EVENTS_MAX && b->lines.len + len < BATCH_BYTES_MAX);
}

static int deliver_page(struct export *x, const struct event_page *page, struct err *reterr)
{
	struct jsonview at = {0}, key, item;
	int r;

	while (jsonview_next(page->events, &at, &key, &item)) {
		char cursor[EVENT_CURSOR_SIZE];

		if (event_cursor(item, cursor) < 0)
			return err_set(reterr, EIO, "client.answer",
				       "the daemon's answer has something that is no event");
		write_line(x, item);
		r = has_room(&x->batch, x->line.len) ? 0 : deliver(x, reterr);
		if (r < 0)
			return r;
		if (x->line.len)
			add_line(x, item);
		memcpy(x->after, cursor, sizeof(cursor));
	}
	if (*page->next)
		memcpy(x->after, page->next, sizeof(x->after));
	return deliver(x, reterr);
}

/* ---- fetching ---- */

/* With --follow a daemon that is not there now is waited for. */
static int fetch(struct export *x, struct event_page *page, struct err *reterr)
{
	struct backoff wait = {0};
	uint64_t ms;
	int r;

	for (;;) {
		r = event_page_get(&x->client, buf_str(&x->path), x->after, EVENT_PAGE_MAX, page,
				   reterr);
		if (r != -EIO || !x->o->follow || !client_passing(reterr))
			return r;
		event_page_done(page);
		ms = backoff_ms(&wait, 0);
		complain_again(reterr, ms);
		backoff_sleep(ms);
	}
}

static int export_all(struct export *x, struct err *reterr)
{
	for (;;) {
		_cleanup_page_ struct event_page page = {.reply = {0}};
		int r = fetch(x, &page, reterr);

		if (r == 0)
			r = deliver_page(x, &page, reterr);
		if (r < 0 || (!page.more && !x->o->follow))
			return r;
		if (!page.more)
			backoff_sleep(IDLE_MS);
	}
}

/* ---- the command ---- */

static int start(struct export *x, struct err *reterr)
{
	const struct export_options *o = x->o;
	struct sink_options s = {
		.to = o->to, .headers = &o->headers, .ca = o->ca, .timeout_s = (int)o->timeout_s};
	int r;

	if (o->query.after && strlen(o->query.after) >= sizeof(x->after))
		return err_set(reterr, EINVAL, "usage", "--after is too long for a cursor");
	if (o->query.after)
		snprintf(x->after, sizeof(x->after), "%s", o->query.after);
	r = event_query_path(&o->query, o->shared.tenant, &x->path, reterr);
	if (r == 0)
		r = client_init(&x->client, &o->shared, reterr);
	if (r == 0)
		r = sink_open(&s, &x->sink, reterr);
	return r < 0 ? r : place_open(&x->place, o->cursor, x->after, reterr);
}

/* With --json on standard output, unless events went there. */
static void print_result(const struct export *x)
{
	unsigned long long n = x->delivered;

	if (x->o->shared.json && strcmp(x->o->to, "-") != 0)
		printf("{\"delivered\":%llu,\"cursor\":\"%.*s\"}\n", n,
		       (int)strspn(x->after, "0123456789."), x->after);
	else
		fprintf(stderr, "cordon: %llu events delivered\n", n);
}

int export_events(const struct call *call)
{
	const struct export_options *o = call->options;
	struct export *x;
	struct err e;
	int r, status;

	if (!o->to)
		return api_refuse(call, "--to DEST is needed: where shall the events go?");
	if (o->follow && o->query.until)
		return api_refuse(call, "--follow has no end, and --until is one: leave out one");
	x = xcalloc(1, sizeof(*x));
	x->o = o;
	x->path = BUF_INIT(EVENT_PATH_SIZE);
	x->batch.lines = BUF_INIT(LINES_MAX);
	x->line = BUF_INIT(LINES_MAX / 2);
	r = start(x, &e);
	if (r < 0 && !strcmp(e.code, "usage")) {
		status = api_usage(call, &e);
	} else {
		r = r < 0 ? r : export_all(x, &e);
		status = r < 0 ? client_complain(&e) : 0;
	}
	if (!status)
		print_result(x);
	sink_free(&x->sink);
	client_done(&x->client);
	place_done(&x->place);
	buf_done(&x->path);
	buf_done(&x->batch.lines);
	buf_done(&x->line);
	free(x);
	return status;
}

#define AT(m) offsetof(struct export_options, m)
const struct option_row export_rows[] = {
	{.name = "to",
	 .argument = "DEST",
	 .kind = OPTION_TEXT,
	 .offset = AT(to),
	 .help = "Where they go: - (standard output), file:PATH (appended), http://… or https://… "
		 "(POST), syslog: (this machine's, or syslog:/PATH of its socket), "
		 "syslog+udp://HOST:PORT, syslog+tcp://HOST:PORT."},
	{.name = "cursor",
	 .argument = "FILE",
	 .kind = OPTION_TEXT,
	 .offset = AT(cursor),
	 .help = "Keep in FILE how far the destination has them, and go on there. Made if it is "
		 "missing; what it says counts more than --after."},
	{.name = "format",
	 .argument = "jsonl|ocsf",
	 .kind = OPTION_CHOICE,
	 .offset = AT(format),
	 .preset = "jsonl",
	 .help = "jsonl (default): each as the API gives it, with its place in the log and its "
		 "receipt. ocsf: as an event of OCSF " OCSF_VERSION
		 "; what is of no interest to security is left out."},
	{.name = "header",
	 .argument = "TEXT|@FILE",
	 .kind = OPTION_REPEATED,
	 .offset = AT(headers),
	 .help = "A header for an HTTP destination, 'Name: value'; @FILE: those in FILE, one a "
		 "line, so that a token does not stand in the arguments, which others can see."},
	{.name = "ca",
	 .argument = "FILE",
	 .kind = OPTION_TEXT,
	 .offset = AT(ca),
	 .help = "Authorities (PEM) that an https destination's certificate is checked against. "
		 "Default: the machine's."},
	{.name = "timeout",
	 .argument = "SECONDS",
	 .kind = OPTION_NUMBER,
	 .offset = AT(timeout_s),
	 .fallback = 30,
	 .min = 1,
	 .max = 3600,
	 .help = "How long the destination may take for a batch before it is sent again."},
	{.name = "follow",
	 .kind = OPTION_FLAG,
	 .offset = AT(follow),
	 .help = "Having delivered what there is, go on with what comes, until it is ended; a "
		 "daemon that is not there is waited for."},
	EVENT_QUERY_ROWS(export_options),
	{0}};
#undef AT
