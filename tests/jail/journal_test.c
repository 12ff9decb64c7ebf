/*
 * What a real cordon-node vouches for: the journal of each kind of end is linked, counted and
 * sealed, says what it must, and no sandbox has a say in its numbers and links. (broker_test.c
 * looks at the journals of all its bad faiths in the same way, hold_test.c at those of kept
 * sandboxes.)
 *
 * Usage: jail-journal [CORDON-NODE] (default: $CORDON_BUILD/cordon-node)
 */
#include "evidence/journal.h"
#include "jail/sealed.h"
#include "lib/tap.h"
#include "wire/modmap.h"

#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define CONTEXT                                                                                    \
	",\"tenant\":\"acme\",\"lease\":\"lease_1\",\"session\":\"\\\"s\\\"\",\"trace\":\"00-1-2-" \
	"03\""
#define ADMITTED ",\"policy\":\"sha256:00ff\",\"profile\":\"p\",\"key\":\"key_1\""
#define CODE "export default 1"

enum { POOL = 2, WALL_US = 5000000, FULL = 8 << 20 };

static struct front f;

/* ---- the sandbox: does what the number in its input says ---- */

static void ask(int sock, uint32_t id, const char *kind, const void *payload, size_t len)
{
	front_frame(sock, &(struct msg){.type = MSG_OPERATION,
					.operation = {id, WIRE_STR(kind), {payload, len}}});
}

static void answer(int sock, const void *json, size_t len)
{
	front_frame(sock, &(struct msg){.type = MSG_RESULT, .result = {VALUE_JSON, {json, len}}});
}

/* The next message; its bytes live in `in`, which is emptied with the next call. */
static struct msg next(int sock, struct buf *in)
{
	struct msg m;
	size_t used;

	in->len = 0;
	while (msg_decode(in->data, in->len, LIMIT_FRAME, &m, &used) != 1) {
		uint8_t *to = buf_reserve(in, 65536);
		ssize_t n = recv(sock, to, 65536, 0);

		if (n <= 0)
			_exit(0);
		in->len += (size_t)n;
	}
	return m;
}

static void play_result(int sock)
{
	answer(sock, "1", 1);
}

static void play_fail(int sock)
{
	front_frame(sock, &(struct msg){.type = MSG_FAIL, .fail = {0, WIRE_STR("{}")}});
}

static void play_silence(int sock)
{
	(void)sock;
}

static void play_exit(int sock)
{
	(void)sock;
	_exit(0);
}

static void play_wait(int sock)
{
	front_frame(sock, &(struct msg){.type = MSG_WAIT, .wait = {-1}});
}

/* Returns what it is told about its decision. */
static void play_decision(int sock)
{
	_cleanup_buf_ struct buf in = BUF_INIT(1 << 20);
	struct msg m;

	ask(sock, 1, "fetch", "{}", 2);
	m = next(sock, &in);
	answer(sock, m.answer.payload.data, m.answer.payload.len);
}

/* The empty object, with room in it. */
static void spaces(char *text, size_t len)
{
	memset(text, ' ', len);
	text[0] = '{';
	text[1] = '}';
}

/* All that an event is made of, and 8 MiB of it. */
static void play_flood(int sock)
{
	static char payload[4096];

	spaces(payload, sizeof(payload));
	for (uint32_t i = 1;; i++)
		ask(sock, i, "fetch", payload, sizeof(payload));
}

/* As much of it in small events: when it is full, there is no room for another small one. */
static void play_logs(int sock)
{
	for (;;)
		front_frame(sock, &(struct msg){.type = MSG_LOG,
						.log = {LEVEL_LOG, WIRE_STR(""), WIRE_STR("[]")}});
}

static const size_t sizes[] = {2, 3, 4095, 4096, 4097, 100000, LIMIT_OPERATION};

static void play_sizes(int sock)
{
	static char payload[LIMIT_OPERATION];

	spaces(payload, sizeof(payload));
	for (uint32_t i = 0; i < ARRAY_SIZE(sizes); i++)
		ask(sock, i + 1, "fetch", payload, sizes[i]);
	play_result(sock);
}

static const struct {
	const char *kind, *payload, *destination; /* NULL: the event names none */
} calls[] = {
	{"fetch", "{\"url\":\"https://example.com/a?b\"}", "\"https://example.com:443\""},
	{"fetch", "{\"a\":[{}],\"url\" : \"http://EXAMPLE.com:8080\"}",
	 "\"http://example.com:8080\""},
	{"fetch", "{\"url\":\"https://[2001:db8::1]/\"}", "\"https://[2001:db8::1]:443\""},
	{"fetch", "{\"url\":\"https:\\/\\/example.com/\"}", NULL},
	{"fetch", "{\"url\":\"https://example.com/?\\u0061\"}", NULL},
	{"fetch", "{\"\\u0075rl\":\"https://example.com/\"}", NULL},
	{"fetch", "{\"url\":\"https://you@example.com/\"}", NULL},
	{"fetch", "{\"url\":\"ftp://example.com/\"}", NULL},
	{"fetch", "{\"url\":\"https://example.com/%2e%2e/\"}", NULL},
	{"fetch", "{\"url\":\"\"}", NULL},
	{"fetch", "{\"url\":\"\\\"\"}", NULL},
	{"fetch", "{\"url\":7}", NULL},
	{"fetch", "{\"a\":{\"url\":\"https://example.com/\"}}", NULL},
	{"fetch", "[\"url\",\"https://example.com/\"]", NULL},
	{"fetch", "\"https://example.com/\"", NULL},
	{"fetch", "{}", NULL},
	{"other", "{\"url\":\"https://example.com/\"}", NULL},
	/* What would like to be an event. */
	{"x\",\"seq\":1,\"prev\":\"00\",\"event\":\"forged\",\"y\":\"", "{}", NULL},
	{"\"}\\n{\"event\":\"forged\",\"seq\":2}", "{}", NULL},
	{"fetch", "{\"event\":\"forged\",\"seq\":1,\"prev\":\"00\",\"run\":\"other\"}", NULL},
	{"fetch", "\"}\\n{\\\"event\\\":\\\"forged\\\",\\\"seq\\\":2,\\\"prev\\\":\\\"00\\\"}\"",
	 NULL},
};

static void play_calls(int sock)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(calls); i++)
		ask(sock, i + 1, calls[i].kind, calls[i].payload, strlen(calls[i].payload));
	play_result(sock);
}

enum { RESULT, FAIL, SILENCE, EXIT, WAIT, DECISION, FLOOD, LOGS, SIZES, CALLS };
static void (*const plays[])(int sock) = {
	[RESULT] = play_result, [FAIL] = play_fail, [SILENCE] = play_silence,
	[EXIT] = play_exit,	[WAIT] = play_wait, [DECISION] = play_decision,
	[FLOOD] = play_flood,	[LOGS] = play_logs, [SIZES] = play_sizes,
	[CALLS] = play_calls,
};

static void sandbox(int sock)
{
	_cleanup_buf_ struct buf in = BUF_INIT(LIMIT_FRAME + 65536);
	struct msg m;

	front_frame(sock, &(struct msg){.type = MSG_TOUCHED});
	m = next(sock, &in);
	if (m.type != MSG_START)
		_exit(1);
	/* Bytes follow it: not the buffer's end. A sandbox that answered waits for its end. */
	plays[strtoul(m.start.input.data, NULL, 10)](sock);
	for (;;)
		pause();
}

/* ---- the front ---- */

static struct msg_submit usual(void)
{
	return (struct msg_submit){.engine = ENGINE_STANDARD,
				   .class_ = CLASS_BULK,
				   .flags = RUN_JOURNAL,
				   .cpu_us = 4000000,
				   .wall_us = WALL_US,
				   .memory_bytes = 64 << 20,
				   .output_bytes = 4096,
				   .operations = 5000,
				   .log_lines = 11,
				   .timers = 12,
				   .seed = UINT64_MAX,
				   .context = WIRE_STR(CONTEXT),
				   .admitted = WIRE_STR(ADMITTED),
				   .main = WIRE_STR("main.js")};
}

static uint64_t submit(struct msg_submit m, int play)
{
	_cleanup_buf_ struct buf modules = BUF_INIT(4096);
	char input[24], run[24];

	snprintf(input, sizeof(input), "%d", play);
	snprintf(run, sizeof(run), "run-%zu", (size_t)f.last + 1);
	modmap_add(&modules, "main.js", MODULE_AUTO, CODE, strlen(CODE), NULL);
	if (!m.modules.len)
		m.modules = WIRE_BUF(&modules);
	if (!m.input.len)
		m.input = WIRE_STR(input);
	if (!m.run.len)
		m.run = WIRE_STR(run);
	return front_submit(&f, &m);
}

static int sealed(struct done *d, const char *what)
{
	const char *flaw = d ? sealed_flaw(d) : "it has no outcome";

	if (!tap_ok(!flaw, "%s: its journal is whole and sealed", what))
		tap_note("%s", flaw);
	return !flaw;
}

static struct done *run(struct msg_submit m, int play, const char *what)
{
	struct done *d = front_await(&f, submit(m, play));

	sealed(d, what);
	return d;
}

static int event_is(struct done *d, const char *event, const char *name, const char *value)
{
	_cleanup_free_ char *line = sealed_find(d, event);
	int ok = line && sealed_is(line, name, value);

	if (!ok)
		tap_note("%s of %s is not %s: %s", name, event, value, line ? line : "no event");
	return ok;
}

static int has(struct done *d, const char *event, const char *name)
{
	_cleanup_free_ char *line = sealed_find(d, event);
	char member[64];

	snprintf(member, sizeof(member), "\"%s\":", name);
	return line && strstr(line, member);
}

static void hash_part(crypto_hash_sha256_state *h, const void *data, uint64_t len)
{
	uint8_t raw[8];

	for (int i = 0; i < 8; i++)
		raw[i] = (uint8_t)(len >> (8 * i));
	crypto_hash_sha256_update(h, raw, sizeof(raw));
	crypto_hash_sha256_update(h, data, len);
}

/* The name of the code in the API, as a JSON string. */
static void artifact(const char *fences, char out[80])
{
	_cleanup_buf_ struct buf modules = BUF_INIT(4096);
	uint8_t digest[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state h;
	char hex[sizeof(digest) * 2 + 1];

	modmap_add(&modules, "main.js", MODULE_AUTO, CODE, strlen(CODE), NULL);
	crypto_hash_sha256_init(&h);
	hash_part(&h, "main.js", 7);
	hash_part(&h, "", 0);
	hash_part(&h, fences, 1);
	hash_part(&h, modules.data, modules.len);
	crypto_hash_sha256_final(&h, digest);
	snprintf(out, 80, "\"sha256:%s\"",
		 sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest)));
}

static void what_it_says(void)
{
	static const char *const all[] = {"run_admitted", "sandbox_issued", "execution_completed"};
	struct msg_submit m = usual();
	struct done *d = run(m, RESULT, "completed");
	char name[80];
	int ok = 1;

	if (!d)
		return;
	artifact("0", name);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		ok &= event_is(d, all[i], "tenant", "\"acme\"") &&
		      event_is(d, all[i], "lease", "\"lease_1\"") &&
		      event_is(d, all[i], "session", "\"\\\"s\\\"\"") &&
		      event_is(d, all[i], "trace", "\"00-1-2-03\"") && has(d, all[i], "time") &&
		      has(d, all[i], "clock_ms");
	tap_ok(ok, "each event says whose it is");
	ok = event_is(d, "run_admitted", "policy", "\"sha256:00ff\"") &&
	     event_is(d, "run_admitted", "profile", "\"p\"") &&
	     event_is(d, "run_admitted", "key", "\"key_1\"") &&
	     event_is(d, "run_admitted", "artifact", name) &&
	     event_is(d, "run_admitted", "class", "\"bulk\"") &&
	     event_is(d, "run_admitted", "engine", "\"standard\"") &&
	     event_is(d, "run_admitted", "cpu_us", "4000000") &&
	     event_is(d, "run_admitted", "wall_us", "5000000") &&
	     event_is(d, "run_admitted", "memory_bytes", "67108864") &&
	     event_is(d, "run_admitted", "output_bytes", "4096") &&
	     event_is(d, "run_admitted", "operations", "5000") &&
	     event_is(d, "run_admitted", "log_lines", "11") &&
	     event_is(d, "run_admitted", "timers", "12");
	tap_ok(ok, "the first says what was admitted, and under which policy");
	ok = event_is(d, "sandbox_issued", "policy", "\"sha256:00ff\"") &&
	     event_is(d, "sandbox_issued", "ttl_us", "5000000") &&
	     event_is(d, "sandbox_issued", "seed", "\"18446744073709551615\"") &&
	     event_is(d, "sandbox_issued", "served", "0") && has(d, "sandbox_issued", "cached");
	tap_ok(ok && !has(d, "sandbox_issued", "profile") && !has(d, "execution_completed", "key"),
	       "the second what it got");
	tap_ok(event_is(d, "execution_completed", "output_bytes", "1") && d->journal_count == 3,
	       "the last what it used");
	m.flags |= RUN_FENCES;
	d = run(m, RESULT, "with fences");
	artifact("1", name);
	tap_ok(d && event_is(d, "run_admitted", "artifact", name), "it is another artifact");
}

/* A front that says little: the member is absent, the journal no worse. */
static void what_it_leaves_out(void)
{
	struct msg_submit m = usual();
	struct done *d;

	m.context = m.admitted = (struct wire_bytes){0};
	m.run = WIRE_STR("a \"run\"\n");
	d = front_await(&f, submit(m, RESULT));
	/* sealed_flaw() compares IDs as they are; the event has this one as JSON. */
	tap_ok(d && event_is(d, "sandbox_issued", "run", "\"a \\\"run\\\"\\n\"") &&
		       !has(d, "sandbox_issued", "policy") && !has(d, "run_admitted", "tenant"),
	       "without context and policy");
	m.run = (struct wire_bytes){0};
	run(m, RESULT, "without context");
	m.flags = 0;
	d = front_await(&f, submit(m, DECISION));
	tap_ok(d && d->outcome == OUTCOME_COMPLETED && !d->events && !d->journal_count &&
		       !d->root_len && !d->seal_len && strstr(d->value, "\"d4\""),
	       "without a journal there is none, and decisions have the same numbers");
	d = run(usual(), DECISION, "with one");
	tap_ok(d && strstr(d->value, "\"d4\"") &&
		       event_is(d, "tool_call_blocked", "decision", "\"d4\"") &&
		       event_is(d, "tool_call_blocked", "seq", "4") &&
		       event_is(d, "tool_call_blocked", "rule", "\"egress.default_deny\"") &&
		       event_is(d, "tool_call_blocked", "reason", "\"egress.denied\""),
	       "the sandbox is told the decision that the journal holds");
}

static void denied(const char *what, struct msg_submit m, const char *reason)
{
	struct done *d = run(m, RESULT, what);

	tap_ok(d && d->outcome == OUTCOME_DENIED && event_is(d, "run_denied", "reason", reason) &&
		       event_is(d, "run_denied", "policy", "\"sha256:00ff\"") &&
		       event_is(d, "run_denied", "tenant", "\"acme\""),
	       "%s: denied, and nothing else was recorded", what);
}

static void denials(void)
{
	struct msg_submit m = usual();

	m.input = WIRE_STR("{");
	denied("no JSON", m, "\"run.input\"");
	m = usual();
	m.engine = 99;
	denied("no such engine", m, "\"run.malformed\"");
	m = usual();
	m.cpu_us = 0;
	denied("no CPU time", m, "\"run.limits\"");
	m = usual();
	m.wall_us = 1ULL << 53;
	denied("more time than a JSON number holds", m, "\"run.limits\"");
	m = usual();
	m.modules = WIRE_STR("no module map");
	denied("no code", m, "\"module.malformed\"");
	m = usual();
	m.hold = 77;
	denied("a hold that nobody made", m, "\"run.hold\"");
}

static void ended(const char *what, struct done *d, enum termination_reason why, uint64_t events)
{
	sealed(d, what);
	tap_ok(d && d->outcome == OUTCOME_TERMINATED && d->reason == why &&
		       d->journal_count == events && has(d, "execution_terminated", "wall_us"),
	       "%s: %s, after %llu events", what, words_reason((uint8_t)why),
	       (unsigned long long)events);
}

/* By order: while it runs, and before it has begun. */
static void ended_by_order(void)
{
	static const enum termination_reason orders[] = {REASON_CANCELLED, REASON_REVOKED,
							 REASON_SHUTDOWN};

	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		struct msg_submit m = usual();
		uint64_t running, queued;
		struct done *d;

		m.flags |= RUN_LIVE;
		running = submit(m, SILENCE);
		while (!f.runs[running].events && front_turn(&f) == 0)
			;
		queued = submit(usual(), RESULT); /* behind it: --running-max=1 */
		front_cancel_for(&f, queued, orders[i]);
		d = front_await(&f, queued);
		ended("ended in the queue", d, orders[i], 2);
		tap_ok(d && !has(d, "sandbox_issued", "seq"), "and it got no sandbox");
		front_cancel_for(&f, running, orders[i]);
		ended("ended while it runs", front_await(&f, running), orders[i], 3);
	}
}

static void other_ends(void)
{
	struct msg_submit m = usual();
	struct done *d = run(usual(), FAIL, "failed");

	tap_ok(d && d->outcome == OUTCOME_FAILED &&
		       event_is(d, "execution_completed", "outcome", "\"failed\""),
	       "failed is completed, with that outcome");
	ended("dead", front_await(&f, submit(usual(), EXIT)), REASON_CRASHED, 3);
	m.wall_us = 100000;
	d = front_await(&f, submit(m, WAIT));
	ended("too slow", d, REASON_WALL_TIME, 4);
	tap_ok(d && event_is(d, "execution_terminated", "limit", "100000") &&
		       has(d, "execution_terminated", "observed") &&
		       event_is(d, "wait", "until_ms", "-1"),
	       "too slow: the last event has the ceiling, and what was seen");
}

/* Events come as they happen, and are the same as at the end. */
static void live(void)
{
	struct msg_submit m = usual();
	struct done *d;
	uint64_t handle;

	m.flags |= RUN_LIVE;
	handle = submit(m, WAIT);
	d = &f.runs[handle];
	while (d->events < 3 && !d->count && front_turn(&f) == 0)
		;
	tap_ok(d->events == 3 && !d->count, "live: three events before its end");
	front_cancel(&f, handle);
	ended("live", front_await(&f, handle), REASON_CANCELLED, 4);
	d = run(m, CALLS, "live, with payloads");
	tap_ok(d && d->outcome == OUTCOME_COMPLETED &&
		       d->journal_count == 3 + 2 * ARRAY_SIZE(calls),
	       "live, with payloads: as many events as at the end");
}

static void calls_made(void)
{
	struct done *d = run(usual(), CALLS, "calls");
	const char *p = d ? buf_str(&d->journal) : "";
	size_t n = 0;

	while (*p) {
		_cleanup_free_ char *line = sealed_line(&p);
		size_t i = n / 2;
		int ok;

		if (!sealed_is(line, "event", "\"tool_call_attempted\"") &&
		    !sealed_is(line, "event", "\"tool_call_blocked\""))
			continue;
		ok = calls[i].destination ? sealed_is(line, "destination", calls[i].destination)
					  : !strstr(line, "\"destination\":");
		if (!tap_ok(ok, "%s %s: %s, call %zu", n % 2 ? "blocked" : "attempted",
			    calls[i].kind,
			    calls[i].destination ? calls[i].destination : "no destination", i))
			tap_note("%s", line);
		n++;
	}
	tap_ok(n == 2 * ARRAY_SIZE(calls) && d->journal_count == n + 3,
	       "calls: two events for each, whatever it is made of");
	d = run(usual(), SIZES, "payloads of all sizes");
	tap_ok(d && d->journal_count == 3 + 2 * ARRAY_SIZE(sizes), "payloads of all sizes: all in");
}

static void full(int play, uint8_t flags, const char *what)
{
	const uint64_t least = play == LOGS ? FULL - 512 : FULL - 8192; /* less than an event */
	struct msg_submit m = usual();
	struct done *d;

	m.flags |= flags;
	m.log_lines = 100000;
	m.output_bytes = 1 << 20;
	d = run(m, play, what);
	if (!tap_ok(d && d->outcome == OUTCOME_TERMINATED && d->reason == REASON_OPERATIONS &&
			    d->limit == FULL && d->observed > least && d->observed <= FULL &&
			    d->journal.len + d->payloads.len <= LIMIT_JOURNAL,
		    "%s: the run ends when nothing more can be recorded", what) &&
	    d)
		tap_note("%s, limit %llu, observed %llu, %zu + %zu bytes: %s",
			 words_reason(d->reason), (unsigned long long)d->limit,
			 (unsigned long long)d->observed, d->journal.len, d->payloads.len,
			 d->detail);
}

/* The node starts with its key, or not at all. */
static void without_key(const char *node, struct msg first, const char *what)
{
	static const char *const args[] = {NULL};
	struct msg right = front_first;
	int opened, status;

	front_first = first;
	opened = front_open(&f, node, args, sandbox);
	front_first = right;
	status = front_close(&f);
	tap_ok(opened < 0 && status > 0, "%s: the node ends with status %#x", what,
	       (unsigned)status);
}

int main(int argc, char **argv)
{
	static const char *const args[] = {"--pool-floor=2", "--pool-ceiling=2", "--running-max=1",
					   NULL};
	struct msg shorter = front_first;
	char path[4096];

	snprintf(path, sizeof(path), "%s%s", argc > 1 ? argv[1] : getenv("CORDON_BUILD"),
		 argc > 1 ? "" : "/cordon-node");
	signal(SIGPIPE, SIG_IGN);
	tap_begin();
	shorter.seal_key.key.len--;
	without_key(path, shorter, "a key that is too short");
	without_key(path, (struct msg){.type = MSG_SPAWNED}, "another message first");
	if (!tap_ok(front_open(&f, path, args, sandbox) == 0 && front_settle(&f, POOL, POOL) == 0,
		    "the node starts and fills its pool"))
		return tap_end();
	what_it_says();
	what_it_leaves_out();
	denials();
	ended_by_order();
	other_ends();
	live();
	calls_made();
	full(FLOOD, 0, "full");
	full(FLOOD, RUN_LIVE, "full, live");
	full(LOGS, 0, "full of small events");
	tap_ok(front_close(&f) == 0, "the node ends with status 0");
	return tap_end();
}
