/*
 * The broker: the only thing a sandbox can talk to. Its bytes are untrusted: each message is
 * decoded within bounds, checked against the phase of the sandbox's life, decided, numbered,
 * metered and written to the journal before it is answered. Anything else ends that sandbox and
 * nobody else.
 */
#include "base/clock.h"
#include "base/json.h"
#include "node/node.h"
#include "policy/url.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { READ_CHUNK = 65536, FRAME_SLACK = 64, WHAT_SIZE = 1024 };

static int flush(struct sandbox *s)
{
	while (s->out.len) {
		ssize_t n = send(s->watch.fd, s->out.data, s->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n < 0)
			return -errno;
		buf_consume(&s->out, (size_t)n);
	}
	if (s->out.len == 0 && s->out.cap > READ_CHUNK)
		buf_done(&s->out);
	return loop_watch(s->zygote->node->loop, &s->watch, EPOLLIN | (s->out.len ? EPOLLOUT : 0));
}

int broker_send(struct sandbox *s, const struct msg *m)
{
	int r = msg_encode(&s->out, m);

	return r ? r : flush(s);
}

static void violation(struct sandbox *s, const char *what)
{
	if (s->run)
		run_terminate(s->run, REASON_JAIL_VIOLATION, 0, 0,
			      "the sandbox broke the broker protocol: %s", what);
	else
		pool_eof(s);
}

/* Counts bytes towards the output ceiling. 0, or -1: the run has ended. */
static int meter_output(struct run *r, uint64_t more)
{
	if (more > r->spec.output_bytes || r->output_bytes > r->spec.output_bytes - more) {
		run_terminate(r, REASON_OUTPUT, r->spec.output_bytes, r->output_bytes + more,
			      "result and logs are larger than the output ceiling");
		return -1;
	}
	r->output_bytes += more;
	return 0;
}

static int meter_operation(struct run *r)
{
	if (r->operations >= r->spec.operations) {
		run_terminate(r, REASON_OPERATIONS, r->spec.operations, (uint64_t)r->operations + 1,
			      "more operations than the ceiling allows");
		return -1;
	}
	r->operations++;
	return 0;
}

static void on_log(struct run *r, const struct msg_log *m)
{
	if (m->level >= LEVEL_COUNT || !utf8_valid(m->text.data, m->text.len) ||
	    json_check(m->data.data, m->data.len, NULL) < 0) {
		violation(r->sandbox, "a log line that is not well-formed");
		return;
	}
	if (r->log_lines >= r->spec.log_lines) {
		run_terminate(r, REASON_LOG_LINES, r->spec.log_lines, (uint64_t)r->log_lines + 1,
			      "more log lines than the ceiling allows");
		return;
	}
	if (meter_output(r, m->text.len + m->data.len) < 0)
		return;
	r->log_lines++;
	if (journal_add(r, "log", ",\"level\":\"%s\",\"bytes\":%zu", words_level(m->level),
			m->text.len + m->data.len) < 0) {
		run_journal_full(r);
		return;
	}
	node_send_front(r->node, &(struct msg){.type = MSG_RUN_LOG,
					       .run_log = {r->handle, m->level, m->text, m->data}});
}

static int is_fetch(struct wire_bytes kind)
{
	return kind.len == 5 && !memcmp(kind.data, "fetch", 5);
}

/* Where a fetch would go, if its URL has one reading, and is written without escapes. */
static void add_destination(struct buf *b, struct wire_bytes payload)
{
	struct url u;
	const char *at;
	size_t len;

	if (json_member(payload.data, payload.len, "url", &at, &len) < 0 || len < 2 || *at != '"' ||
	    memchr(at, '\\', len) || url_parse(at + 1, len - 2, &u) != URL_OK)
		return;
	buf_addf(b, ",\"destination\":\"%s://%.*s:%u\"", url_scheme_text(u.scheme), (int)u.host_len,
		 u.host, u.port);
}

/* What the events of a call say it is: members, each after a comma. */
static void describe(const struct msg_operation *m, struct buf *b)
{
	buf_adds(b, ",\"tool\":");
	json_quote(b, m->kind.data, m->kind.len);
	if (is_fetch(m->kind))
		add_destination(b, m->payload);
}

struct decision {
	const char *rule, *code, *message, *remedy;
};

/*
 * What this run may do outside of itself: nothing yet, since there is no gateway. Every kind is
 * denied; a kind that the platform knows gets the answer that helps.
 */
static struct decision decide(struct wire_bytes kind)
{
	if (is_fetch(kind))
		return (struct decision){
			"egress.default_deny", "egress.denied",
			"network access is denied: this run has no egress rule",
			"pass the data in as input, or have a profile allow the destination"};
	return (struct decision){"operation.default_deny", "operation.denied",
				 "the platform offers no such operation",
				 "use what the documentation lists"};
}

/* Visible ASCII: it stands in events, which people read in terminals. */
static int is_word(struct wire_bytes b)
{
	const uint8_t *p = b.data, *end = p + b.len;

	while (p<end && * p> 0x20 && *p < 0x7f)
		p++;
	return b.len && p == end;
}

/* As the prelude writes it, so that it can be shown as it is, and still has its digest. */
static int one_line(struct wire_bytes b)
{
	return !memchr(b.data, '\n', b.len) && !memchr(b.data, '\r', b.len);
}

static void on_operation(struct run *r, const struct msg_operation *m)
{
	_cleanup_buf_ struct buf what = BUF_INIT(WHAT_SIZE), answer = BUF_INIT(LIMIT_ANSWER);
	struct decision d;
	char id[32];

	if (m->id != r->sandbox->operations + 1 || !one_line(m->payload) ||
	    json_check(m->payload.data, m->payload.len, NULL) < 0 || !is_word(m->kind)) {
		violation(r->sandbox, "an operation that is not well-formed");
		return;
	}
	r->sandbox->operations++;
	if (meter_operation(r) < 0)
		return;
	d = decide(m->kind);
	describe(m, &what);
	if (journal_add_call(r, buf_str(&what), m->payload) < 0 ||
	    journal_add(r, "tool_call_blocked",
			"%s,\"decision\":\"d%llu\",\"rule\":\"%s\",\"reason\":\"%s\"",
			buf_str(&what), (unsigned long long)r->seq + 1, d.rule, d.code) < 0) {
		run_journal_full(r);
		return;
	}
	snprintf(id, sizeof(id), "d%llu", (unsigned long long)r->seq);
	buf_addf(&answer,
		 "{\"code\":\"%s\",\"message\":\"%s\",\"decision\":\"%s\",\"rule\":\"%s\","
		 "\"remedy\":\"%s\"}",
		 d.code, d.message, id, d.rule, d.remedy);
	/* A send that fails means that it is dying: the end of its stream says so in a moment. */
	broker_send(r->sandbox,
		    &(struct msg){.type = MSG_ANSWER,
				  .answer = {m->id, ANSWER_DENY, run_clock(r), WIRE_BUF(&answer)}});
}

static void on_wait(struct run *r, const struct msg_wait *m)
{
	if (m->until_ms < -1 || m->until_ms > (int64_t)9e15) {
		violation(r->sandbox, "a wait for a time that does not exist");
		return;
	}
	if (meter_operation(r) < 0)
		return;
	if (journal_add(r, "wait", ",\"decision\":\"d%llu\",\"until_ms\":%lld",
			(unsigned long long)r->seq + 1, (long long)m->until_ms) < 0)
		run_journal_full(r);
	else {
		run_idle(r, 1);
		run_wait_until(r, m->until_ms);
	}
}

static void on_result(struct run *r, const struct msg_result *m)
{
	int ok = m->kind < VALUE_COUNT;

	if (ok && m->kind == VALUE_JSON)
		ok = json_check(m->data.data, m->data.len, NULL) == 0;
	else if (ok && m->kind == VALUE_TEXT)
		ok = utf8_valid(m->data.data, m->data.len);
	if (!ok) {
		violation(r->sandbox, "a result that is not well-formed");
		return;
	}
	if (meter_output(r, m->data.len) == 0)
		run_completed(r, m->kind, m->data);
}

static void on_fail(struct run *r, const struct msg_fail *m)
{
	const char *p = m->error.data;

	if (!m->error.len || p[0] != '{' || json_check(m->error.data, m->error.len, NULL) < 0) {
		violation(r->sandbox, "an error that is not well-formed");
		return;
	}
	if (meter_output(r, m->error.len) == 0)
		run_failed(r, m->error);
}

static void dispatch(struct sandbox *s, const struct msg *m)
{
	if (!msg_allowed(s->phase, m->type)) {
		violation(s, "a message that has no place in this phase");
		return;
	}
	if (m->type == MSG_TOUCHED) {
		pool_ready(s);
		return;
	}
	if (m->type != MSG_COMPILED)
		s->phase = PHASE_RUNNING;
	switch (m->type) {
	case MSG_COMPILED:
		s->phase = PHASE_RUNNING;
		if (m->compiled.text.len && utf8_valid(m->compiled.text.data, m->compiled.text.len))
			cache_put(s->zygote->node->cache, s->run->digest, m->compiled.text);
		break;
	case MSG_LOG:
		on_log(s->run, &m->log);
		break;
	case MSG_OPERATION:
		on_operation(s->run, &m->operation);
		break;
	case MSG_WAIT:
		on_wait(s->run, &m->wait);
		break;
	case MSG_RESULT:
		on_result(s->run, &m->result);
		break;
	case MSG_FAIL:
		on_fail(s->run, &m->fail);
		break;
	default: /* msg_allowed let nothing else through */
		break;
	}
}

/* A frame that announces more than can be right is judged by its header, before its body comes. */
static int check_header(struct sandbox *s)
{
	const uint8_t *p = s->in.data;
	uint32_t body;
	size_t max;

	if (s->in.len < FRAME_HEADER)
		return 0;
	if (!msg_allowed(s->phase, p[4])) {
		violation(s, "a message that has no place in this phase");
		return -1;
	}
	body = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
	switch (p[4]) {
	case MSG_RESULT:
	case MSG_LOG:
		if (!s->run || body < FRAME_SLACK ||
		    body - FRAME_SLACK <= s->run->spec.output_bytes)
			return 0;
		meter_output(s->run, body - FRAME_SLACK);
		return -1;
	case MSG_COMPILED:
		max = LIMIT_COMPILED;
		break;
	case MSG_OPERATION:
		max = LIMIT_OPERATION + LIMIT_NAME;
		break;
	default:
		max = LIMIT_ERROR;
		break;
	}
	if (body <= max + FRAME_SLACK)
		return 0;
	violation(s, "a message longer than its kind may be");
	return -1;
}

/*
 * Reads once and handles what is whole. One read per event: a sandbox that floods the node waits
 * its turn like the others. While a handler runs the sandbox may end; `in` of an ended one is not
 * touched again.
 */
static void consume(struct sandbox *s)
{
	size_t at = 0;

	while (s->phase != PHASE_ENDED) {
		struct msg m;
		size_t used;
		int r;

		if (at) {
			buf_consume(&s->in, at);
			at = 0;
		}
		if (check_header(s) < 0)
			return;
		r = msg_decode(s->in.data, s->in.len, LIMIT_FRAME, &m, &used);
		if (r == 0)
			return;
		if (r < 0) {
			violation(s, "bytes that are no message");
			return;
		}
		at = s->frame = used;
		dispatch(s, &m);
	}
}

void broker_readable(struct loop_watch *w, uint32_t events)
{
	struct sandbox *s = container_of(w, struct sandbox, watch);
	size_t want = READ_CHUNK;
	uint8_t *to;
	ssize_t n;

	if (s->magic != SANDBOX_MAGIC)
		abort();
	if (events & EPOLLOUT)
		flush(s);
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	to = buf_reserve(&s->in, want);
	n = to ? recv(w->fd, to, want, MSG_DONTWAIT) : -1;
	if (n > 0) {
		s->in.len += (size_t)n;
		s->held = 1;
		consume(s);
		s->held = 0;
		if (s->phase == PHASE_ENDED)
			pool_release(s);
		return;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	pool_eof(s);
}
