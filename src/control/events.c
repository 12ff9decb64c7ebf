/*
 * Events: a page of them, or all that come. A follower asks the ledger for the next page when the
 * log has grown, and not before it has read the last one.
 */
#include "base/clock.h"
#include "base/json.h"
#include "control/body.h"
#include "control/ledger.h"
#include "wire/words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_EVENTS = 100, PAGE_EVENTS_MAX = 1000, BEHIND_MAX = 1 << 20, BEAT_S = 5 };

struct follow {
	struct list link;
	struct request *q;
	struct buf conditions;
	uint64_t entry, line; /* the last one that was told */
	int asking;
};

static const char *const texts[] = {"subject", "trace",	   "session", "lease",	     "artifact",
				    "profile", "decision", "event",   "destination", "reason"};

static int add_times(struct request *q, struct buf *b)
{
	static const char *const names[] = {"since", "until"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *text = http_query(q, names[i]);

		if (!text)
			continue;
		if (!*text || strlen(text) > 15 || text[strspn(text, "0123456789")]) {
			http_problem(q, 400, "request.query",
				     "'%s' must be a time in milliseconds since 1970", names[i]);
			return -EINVAL;
		}
		buf_addf(b, ",\"%s_ms\":%s", names[i], text);
	}
	return 0;
}

static int add_limit(struct request *q, struct buf *b)
{
	const char *text = http_query(q, "limit");
	long limit = text ? strtol(text, NULL, 10) : PAGE_EVENTS;

	if (text && (!*text || strlen(text) > 9 || text[strspn(text, "0123456789")] || limit < 1 ||
		     limit > PAGE_EVENTS_MAX)) {
		http_problem(q, 400, "request.query", "'limit' must be a whole number from 1 to %d",
			     PAGE_EVENTS_MAX);
		return -EINVAL;
	}
	buf_addf(b, ",\"limit\":%ld", limit);
	return 0;
}

static int add_text(struct request *q, const char *name, const char *value, struct buf *b)
{
	if (!*value || strlen(value) > 200) {
		http_problem(q, 400, "request.query", "'%s' must have 1 to 200 bytes", name);
		return -EINVAL;
	}
	buf_addf(b, ",\"%s\":", name);
	return json_quote_str(b, value);
}

/* What is asked for, as the ledger takes it. A key sees its tenant's events and no others. */
static int read_conditions(struct request *q, struct buf *b)
{
	const char *run = http_query(q, "run"), *tenant = http_query(q, "tenant");

	buf_adds(b, "{\"v\":1");
	if (q->caller.role != ROLE_LOCAL) {
		if (tenant && strcmp(tenant, q->caller.tenant) != 0) {
			http_problem(q, 404, "not_found", "there is no such tenant");
			return -ENOENT;
		}
		tenant = q->caller.tenant;
	}
	if (run && http_query(q, "subject")) {
		http_problem(q, 400, "request.query",
			     "'run' and 'subject' are the same condition; give one");
		return -EINVAL;
	}
	if ((tenant && add_text(q, "tenant", tenant, b) < 0) ||
	    (run && add_text(q, "subject", run, b) < 0))
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const char *value = http_query(q, texts[i]);

		if (value && add_text(q, texts[i], value, b) < 0)
			return -EINVAL;
	}
	if (add_times(q, b) < 0 || add_limit(q, b) < 0)
		return -EINVAL;
	return buf_addc(b, '}');
}

/* "ENTRY.LINE": the last one that was seen. */
static int read_cursor(struct request *q, const char *text, uint64_t *entry, uint64_t *line)
{
	char *end;

	*entry = *line = 0;
	if (!text)
		return 0;
	errno = 0;
	*entry = strtoull(text, &end, 10);
	if (end != text && *end == '.' && end[1] >= '0' && end[1] <= '9') {
		*line = strtoull(end + 1, &end, 10);
		if (!*end && !errno && *text >= '0' && *text <= '9' && *entry < INT64_MAX)
			return 0;
	}
	http_problem(q, 400, "request.query",
		     "'%.60s' is no place in the events: take 'next' of a "
		     "page, or the id of an event",
		     text);
	return -EINVAL;
}

static void told_page(struct request *q, const struct msg_ledger_told *m)
{
	struct buf b = BUF_INIT(LIMIT_TOLD + 1024);

	buf_adds(&b, "{\"events\":[");
	buf_add(&b, m->body.data, m->body.len);
	buf_addf(&b, "],\"next\":\"%llu.%llu\",\"more\":%s}\n", (unsigned long long)m->entry,
		 (unsigned long long)m->line, m->more ? "true" : "false");
	http_answer(q, 200, "application/json", &b);
}

/* ---- following ---- */

static void ask_more(struct follow *f);

/* The items of a page: objects with commas between them, as the ledger wrote them. */
static void send_items(struct request *q, const char *p, size_t len)
{
	_cleanup_buf_ struct buf list = BUF_INIT(LIMIT_TOLD + 2);
	const char *end = p + len;

	while (p < end) {
		const char *entry, *line, *event;
		size_t n_entry, n_line, n_event;
		char id[64];

		/* Its last member is the event, on which its length hangs. */
		if (json_member(p, (size_t)(end - p), "entry", &entry, &n_entry) < 0 ||
		    json_member(p, (size_t)(end - p), "line", &line, &n_line) < 0 ||
		    json_member(p, (size_t)(end - p), "event", &event, &n_event) < 0)
			return;
		snprintf(id, sizeof(id), "%.*s.%.*s", (int)n_entry, entry, (int)n_line, line);
		http_event_id(q, "event", id, p, (size_t)(event + n_event + 1 - p));
		p = event + n_event + 2;
	}
}

static void told_followed(struct request *q, const struct msg_ledger_told *m)
{
	struct follow *f = q->follow;

	f->asking = 0;
	if (m->number)
		return; /* it asks again when the ledger is back */
	f->entry = m->entry;
	f->line = m->line;
	send_items(q, m->body.data, m->body.len);
	if (m->more)
		ask_more(f);
}

static void ask_more(struct follow *f)
{
	struct control *c = f->q->control;

	if (f->asking || c->ledger.fd < 0 || f->q->stream.len > BEHIND_MAX || f->q->stream_over)
		return;
	f->asking =
		ledger_ask(f->q, ASK_EVENTS, f->entry, f->line, (const char *)f->conditions.data,
			   f->conditions.len, told_followed) == 0;
}

void events_grown(struct control *c)
{
	struct list *p, *tmp;

	list_for_each_safe (p, tmp, &c->followers)
		ask_more(list_entry(p, struct follow, link));
}

void events_drained(struct request *q)
{
	ask_more(q->follow);
}

void events_stop(struct control *c)
{
	struct list *p, *tmp;

	list_for_each_safe (p, tmp, &c->followers)
		http_stream_end(list_entry(p, struct follow, link)->q);
}

void events_leave(struct request *q)
{
	struct follow *f = q->follow;

	if (!f)
		return;
	q->control->follower_count--;
	list_remove(&f->link);
	buf_done(&f->conditions);
	free(f);
	q->follow = NULL;
}

void events_recheck(struct control *c)
{
	struct list *p, *tmp;

	list_for_each_safe (p, tmp, &c->followers) {
		struct request *q = list_entry(p, struct follow, link)->q;

		if (auth_caller(q) < 0)
			http_stream_end(q);
	}
}

/* Who is told nothing is not looked at by the library, and may be gone; a key may have expired. */
static void on_beat(struct loop_timer *t)
{
	struct control *c = container_of(t, struct control, beat);
	struct list *p, *tmp;

	events_recheck(c);
	list_for_each_safe (p, tmp, &c->followers)
		http_beat(list_entry(p, struct follow, link)->q);
	if (c->follower_count)
		loop_arm(c->loop, t, clock_now_ns() + BEAT_S * NS_PER_S);
}

static int has_room(struct request *q)
{
	struct list *p, *tmp;
	int all = 0, own = 0;

	list_for_each_safe (p, tmp, &q->control->followers) {
		struct request *other = list_entry(p, struct follow, link)->q;

		if (other->stream_over || http_is_gone(other)) {
			http_stream_end(other);
			continue;
		}
		all++;
		own += !strcmp(other->caller.tenant, q->caller.tenant);
	}
	if (all < FOLLOWERS_MAX && (q->caller.role == ROLE_LOCAL || own < FOLLOWERS_PER_TENANT))
		return 1;
	http_problem(q, 503, "capacity",
		     "as many clients follow events as may: %d with keys of one tenant, %d in all",
		     FOLLOWERS_PER_TENANT, FOLLOWERS_MAX);
	return 0;
}

static void follow(struct request *q, struct buf *conditions, uint64_t entry, uint64_t line)
{
	struct follow *f;

	if (!has_room(q))
		return;
	f = xcalloc(1, sizeof(*f));
	f->q = q;
	f->entry = entry;
	f->line = line;
	f->conditions = *conditions;
	*conditions = (struct buf){0};
	q->follow = f;
	q->control->follower_count++;
	list_append(&q->control->followers, &f->link);
	q->control->beat.fire = on_beat;
	if (!q->control->beat.slot)
		loop_arm(q->control->loop, &q->control->beat, clock_now_ns() + BEAT_S * NS_PER_S);
	http_stream(q);
	ask_more(f);
}

void events_list(struct request *q)
{
	_cleanup_buf_ struct buf conditions = BUF_INIT(LIMIT_QUESTION);
	const char *last = http_header(q, "Last-Event-ID");
	uint64_t entry, line;

	if (read_conditions(q, &conditions) < 0 ||
	    read_cursor(q, http_wants_events(q) && last ? last : http_query(q, "after"), &entry,
			&line) < 0)
		return;
	if (http_wants_events(q))
		follow(q, &conditions, entry, line);
	else
		ledger_ask(q, ASK_EVENTS, entry, line, (const char *)conditions.data,
			   conditions.len, told_page);
}
