/*
 * The journal of a run: numbered, linked events (evidence/journal.h), each written before what it
 * records takes effect. An event's number is the decision ID within the run ("d7" is event 7).
 * docs/events.md lists the events.
 *
 * What a sandbox asked for stands beside the journal: an event has its digest, so that the payload
 * can be erased one day and the journal still verifies.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "node/node.h"

#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { EVENT_MAX = 8192, LAST_WORD = 4096, PAYLOAD_MAX = 4096 };

/* Before each payload in run->payloads. */
struct payload {
	uint64_t seq; /* its event */
	size_t len;
};

struct text {
	size_t len;
	char s[EVENT_MAX];
};

static void add_text(struct text *t, const char *format, va_list ap)
{
	size_t room = sizeof(t->s) - t->len;
	int n = vsnprintf(t->s + t->len, room, format, ap);

	if (n < 0 || (size_t)n >= room)
		log_fatal("an event has more than %d bytes", EVENT_MAX);
	t->len += (size_t)n;
}

static void add(struct text *t, const char *format, ...) _printf_(2, 3);
static void add(struct text *t, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add_text(t, format, ap);
	va_end(ap);
}

static void begin(const struct run *r, struct text *t, const char *event, int64_t wall_ms)
{
	char time[CLOCK_TEXT_SIZE];

	clock_text(wall_ms, time);
	t->len = 0;
	add(t, "{\"event\":\"%s\",\"time\":\"%s\",\"clock_ms\":%lld%.*s", event, time,
	    (long long)r->now_ms, (int)r->envelope.len, (const char *)r->envelope.data);
}

/* -ENOSPC: the run has had its room, payloads included. Its last word has some of its own. */
static int end(struct run *r, struct text *t, struct wire_bytes payload)
{
	size_t max = r->state == RUN_DYING ? JOURNAL_MAX + LAST_WORD : JOURNAL_MAX;
	size_t aside = r->payloads.len + (payload.len ? sizeof(struct payload) + payload.len : 0);
	int e;

	add(t, "}");
	r->journal.lines.max = max > aside ? max - aside : 0;
	e = journal_append(&r->journal, t->s, t->len);
	if (e == -ENOSPC)
		return e;
	if (e < 0) /* all in it is checked, but for what the front gave */
		log_fatal("an event that cannot be written (%s): %s", strerror(-e), t->s);
	r->seq = r->journal.tree.size;
	if (payload.len) {
		struct payload head = {r->seq, payload.len};

		buf_add(&r->payloads, &head, sizeof(head));
		buf_add(&r->payloads, payload.data, payload.len);
	}
	if (r->flags & RUN_LIVE)
		journal_send(r);
	return 0;
}

void journal_open(struct run *r)
{
	const struct wire_bytes *c = &r->spec.context;

	r->payloads = BUF_INIT(JOURNAL_MAX);
	r->envelope = BUF_INIT(LIMIT_NAME * 6 + LIMIT_CONTEXT + 16);
	if (!(r->flags & RUN_JOURNAL))
		return;
	buf_adds(&r->envelope, ",\"run\":");
	json_quote_str(&r->envelope, r->id);
	buf_add(&r->envelope, c->data, c->len);
}

void journal_done(struct run *r)
{
	buf_done(&r->envelope);
	buf_done(&r->payloads);
	buf_done(&r->journal.lines);
}

int journal_add(struct run *r, const char *event, const char *format, ...)
{
	struct text t;
	va_list ap;

	if (!(r->flags & RUN_JOURNAL)) {
		r->seq++; /* nobody will read it: numbered and metered all the same */
		return 0;
	}
	begin(r, &t, event, clock_wall_ms());
	va_start(ap, format);
	add_text(&t, format, ap);
	va_end(ap);
	return end(r, &t, (struct wire_bytes){0});
}

int journal_add_call(struct run *r, const char *what, struct wire_bytes payload)
{
	uint8_t digest[crypto_hash_sha256_BYTES];
	char hex[sizeof(digest) * 2 + 1];
	struct text t;

	if (!(r->flags & RUN_JOURNAL)) {
		r->seq++;
		return 0;
	}
	crypto_hash_sha256(digest, payload.data, payload.len);
	sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest));
	begin(r, &t, "tool_call_attempted", clock_wall_ms());
	add(&t, "%s,\"bytes\":%zu,\"sha256\":\"%s\"", what, payload.len, hex);
	return end(r, &t, payload.len <= PAYLOAD_MAX ? payload : (struct wire_bytes){0});
}

/* The policy's digest, as the front says it: JSON text, kept for the events that name it. */
static void know_policy(struct run *r, const struct text *t)
{
	const char *at;
	size_t len;

	if (json_member(t->s, t->len, "policy", &at, &len) == 0 && len < sizeof(r->policy))
		memcpy(r->policy, at, len);
}

void journal_admitted(struct run *r)
{
	const struct msg_submit *s = &r->spec;
	char hex[sizeof(r->artifact) * 2 + 1];
	struct text t;

	if (!(r->flags & RUN_JOURNAL)) {
		r->seq++;
		return;
	}
	sodium_bin2hex(hex, sizeof(hex), r->artifact, sizeof(r->artifact));
	begin(r, &t, "run_admitted", r->admitted_ms);
	add(&t,
	    "%.*s,\"artifact\":\"sha256:%s\",\"class\":\"%s\",\"engine\":\"%s\",\"cpu_us\":%llu,"
	    "\"wall_us\":%llu,\"memory_bytes\":%llu,\"output_bytes\":%llu,\"operations\":%u,"
	    "\"log_lines\":%u,\"timers\":%u",
	    (int)s->admitted.len, (const char *)s->admitted.data, hex, words_class(s->class_),
	    words_engine(s->engine), (unsigned long long)s->cpu_us, (unsigned long long)s->wall_us,
	    (unsigned long long)s->memory_bytes, (unsigned long long)s->output_bytes, s->operations,
	    s->log_lines, s->timers);
	end(r, &t, (struct wire_bytes){0}); /* the first: there is room */
	know_policy(r, &t);
}

void journal_denied(struct run *r, const char *reason)
{
	_cleanup_buf_ struct buf quoted = BUF_INIT(LIMIT_NAME * 6 + 2);
	const struct wire_bytes *more = &r->spec.admitted;

	json_quote_str(&quoted, reason);
	journal_add(r, "run_denied", "%.*s,\"reason\":%s", (int)more->len, (const char *)more->data,
		    buf_str(&quoted));
}

/* The payload of event `seq`, if it has one and it was not taken yet. */
static struct wire_bytes next_payload(struct run *r, uint64_t seq)
{
	const uint8_t *p = r->payloads.data + r->payloads_sent;
	struct payload head;

	if (r->payloads_sent == r->payloads.len)
		return (struct wire_bytes){0};
	memcpy(&head, p, sizeof(head));
	if (head.seq != seq)
		return (struct wire_bytes){0};
	r->payloads_sent += sizeof(head) + head.len;
	return (struct wire_bytes){p + sizeof(head), head.len};
}

void journal_send(struct run *r)
{
	const struct buf *lines = &r->journal.lines;
	const char *p = (const char *)lines->data + r->journal_sent;
	const char *to = (const char *)lines->data + lines->len;

	while (p < to) {
		const char *nl = memchr(p, '\n', (size_t)(to - p));
		struct wire_bytes payload = next_payload(r, ++r->events_sent);

		node_send_front(
			r->node,
			&(struct msg){.type = MSG_RUN_JOURNAL,
				      .run_journal = {r->handle, {p, (size_t)(nl - p)}, payload}});
		p = nl + 1;
	}
	r->journal_sent = lines->len;
}

void journal_close(struct run *r)
{
	const struct journal *j = &r->journal;

	if (!(r->flags & RUN_JOURNAL))
		return;
	merkle_root(&j->tree, &r->root);
	journal_seal(r->node->seal_key, r->id, j->tree.size, &r->root, r->seal);
	r->done.journal_count = j->tree.size;
	r->done.journal_root = (struct wire_bytes){r->root.b, sizeof(r->root.b)};
	r->done.seal = (struct wire_bytes){r->seal, sizeof(r->seal)};
}
