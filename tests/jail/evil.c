#include "jail/evil.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

static void send_raw(int sock, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = send(sock, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			_exit(0);
		p += n;
		len -= (size_t)n;
	}
}

static void header(int sock, uint8_t type, uint32_t body)
{
	uint8_t h[FRAME_HEADER] = {(uint8_t)body, (uint8_t)(body >> 8), (uint8_t)(body >> 16),
				   (uint8_t)(body >> 24), type};

	send_raw(sock, h, sizeof(h));
}

/* A frame with any body whatever. */
static void frame(int sock, uint8_t type, const void *body, size_t len)
{
	header(sock, type, (uint32_t)len);
	send_raw(sock, body, len);
}

#define SEND(...)                                                                                  \
	do {                                                                                       \
		if (front_frame(sock, &(struct msg){__VA_ARGS__}) < 0)                             \
			_exit(0);                                                                  \
	} while (0)
#define BYTES(s)                                                                                   \
	{                                                                                          \
		s, sizeof(s) - 1                                                                   \
	}
#define PLAY(name) static void name(int sock, const struct msg_start *start)

static void result(int sock, uint8_t kind, const char *data, size_t len)
{
	SEND(.type = MSG_RESULT, .result = {kind, {data, len}});
}

static void log_line_of(int sock, uint8_t level, struct wire_bytes text, struct wire_bytes data)
{
	SEND(.type = MSG_LOG, .log = {level, text, data});
}

static void operation(int sock, uint32_t id, const char *kind, const char *payload)
{
	SEND(.type = MSG_OPERATION, .operation = {id, WIRE_STR(kind), WIRE_STR(payload)});
}

static void wait_until(int sock, int64_t until)
{
	SEND(.type = MSG_WAIT, .wait = {until});
}

/* Waits for the next message and tells its type. */
static int receive(int sock, struct msg *m, struct buf *in)
{
	size_t used;
	int r;

	while ((r = msg_decode(in->data, in->len, LIMIT_FRAME, m, &used)) == 0) {
		uint8_t *to = buf_reserve(in, 65536);
		ssize_t n = recv(sock, to, 65536, 0);

		if (n <= 0)
			_exit(0);
		in->len += (size_t)n;
	}
	return r == 1 ? (int)m->type : -1;
}

static int next_type(int sock)
{
	_cleanup_buf_ struct buf in = BUF_INIT(LIMIT_FRAME + 65536);
	struct msg m;

	return receive(sock, &m, &in);
}

/* ---- honest, so that the test knows that the others could have been ---- */

PLAY(honest)
{
	if (!start->compiled.len)
		SEND(.type = MSG_COMPILED, .compiled = {BYTES("compiled")});
	log_line_of(sock, LEVEL_LOG, (struct wire_bytes)BYTES("hello"),
		    (struct wire_bytes)BYTES("[\"hello\"]"));
	operation(sock, 1, "fetch", "{}");
	if (next_type(sock) != MSG_ANSWER)
		_exit(1);
	wait_until(sock, start->now_ms + 1);
	if (next_type(sock) != MSG_WAKE)
		_exit(1);
	result(sock, VALUE_JSON, "\"ok\"", 4);
}

/* One byte at a time is slow, and allowed. */
PLAY(trickle)
{
	static const uint8_t whole[] = {9, 0, 0, 0, MSG_RESULT, 0,   0,	  0,  VALUE_JSON,
					4, 0, 0, 0, '"',	'o', 'k', '"'};

	for (size_t i = 0; i < sizeof(whole); i++)
		send_raw(sock, whole + i, 1);
}

/* ---- bytes that are no message ---- */

PLAY(garbage)
{
	uint8_t b[512];

	memset(b, 0xff, sizeof(b));
	send_raw(sock, b, sizeof(b));
}

static void noise(int sock, uint32_t seed)
{
	uint8_t b[4096];

	for (size_t i = 0; i < sizeof(b); i++) {
		seed = seed * 1664525u + 1013904223u;
		b[i] = (uint8_t)(seed >> 24);
	}
	b[3] |= 0x80; /* at first sight longer than anything */
	b[4] |= 0x80; /* and of no type that there is */
	send_raw(sock, b, sizeof(b));
}
PLAY(noise_1)
{
	noise(sock, 1);
}
PLAY(noise_2)
{
	noise(sock, 2);
}
PLAY(noise_3)
{
	noise(sock, 3);
}
PLAY(zeros)
{
	static const uint8_t b[4096];

	send_raw(sock, b, sizeof(b));
}
PLAY(type_unknown)
{
	frame(sock, 99, "x", 1);
}
PLAY(reserved_bytes)
{
	static const uint8_t b[] = {9, 0, 0, 0, MSG_RESULT, 1,	 0,   0,  0,
				    4, 0, 0, 0, '"',	    'o', 'k', '"'};

	send_raw(sock, b, sizeof(b));
}
PLAY(body_too_short)
{
	frame(sock, MSG_RESULT, "\0\5\0\0\0ab", 7);
}
PLAY(body_too_long)
{
	frame(sock, MSG_WAIT, "\0\0\0\0\0\0\0\0x", 9);
}
PLAY(body_empty)
{
	frame(sock, MSG_LOG, NULL, 0);
}
PLAY(length_wraps)
{
	frame(sock, MSG_RESULT, "\0\xff\xff\xff\xff\"ok\"", 9);
}
PLAY(truncated_exit)
{
	header(sock, MSG_RESULT, 100);
	send_raw(sock, "\0\5", 2);
	_exit(0);
}
PLAY(truncated_hang)
{
	header(sock, MSG_RESULT, 100);
	send_raw(sock, "\0\5", 2);
}
PLAY(half_header_exit)
{
	send_raw(sock, "\1\0\0", 3);
	_exit(0);
}

/* ---- lengths ---- */

PLAY(huge_operation)
{
	header(sock, MSG_OPERATION, 0x7fffffff);
}
PLAY(huge_fail)
{
	header(sock, MSG_FAIL, 0xffffffff);
}
PLAY(huge_wait)
{
	header(sock, MSG_WAIT, 1 << 20);
}
PLAY(huge_compiled)
{
	header(sock, MSG_COMPILED, LIMIT_COMPILED + 4096);
}
PLAY(huge_result)
{
	header(sock, MSG_RESULT, 0xffffffff);
}
PLAY(huge_log)
{
	header(sock, MSG_LOG, 0x10000000);
}
PLAY(long_log_text)
{
	static char b[4 + LIMIT_LOG_TEXT + 64];
	uint32_t n = LIMIT_LOG_TEXT + 1;

	memset(b, 'x', sizeof(b));
	b[0] = LEVEL_LOG;
	memcpy(b + 1, &n, 4);
	frame(sock, MSG_LOG, b, 1 + 4 + n + 4);
}
PLAY(long_kind)
{
	char b[4 + 4 + 65 + 4 + 2] = {1};
	uint32_t n = 65;

	memcpy(b + 4, &n, 4);
	memset(b + 8, 'k', 65);
	b[8 + 65] = 2;
	b[8 + 65 + 4] = '{';
	b[8 + 65 + 5] = '}';
	frame(sock, MSG_OPERATION, b, sizeof(b));
}

/* ---- the wrong message ---- */

PLAY(touched_again)
{
	SEND(.type = MSG_TOUCHED);
}
PLAY(compiled_after_log)
{
	log_line_of(sock, LEVEL_LOG, (struct wire_bytes)BYTES("x"), (struct wire_bytes)BYTES("[]"));
	SEND(.type = MSG_COMPILED, .compiled = {BYTES("late")});
}
PLAY(compiled_twice)
{
	SEND(.type = MSG_COMPILED, .compiled = {BYTES("a")});
	SEND(.type = MSG_COMPILED, .compiled = {BYTES("b")});
}
PLAY(compiled_not_text)
{
	SEND(.type = MSG_COMPILED, .compiled = {BYTES("\xff\xfe")});
	result(sock, VALUE_JSON, "\"ok\"", 4);
}
PLAY(send_start)
{
	SEND(.type = MSG_START, .start = *start);
}
PLAY(send_answer)
{
	SEND(.type = MSG_ANSWER, .answer = {.id = 1});
}
PLAY(send_wake)
{
	SEND(.type = MSG_WAKE);
}
PLAY(send_submit)
{
	SEND(.type = MSG_SUBMIT, .submit = {.handle = 1});
}
PLAY(send_cancel)
{
	SEND(.type = MSG_CANCEL, .cancel = {1});
}
PLAY(send_done)
{
	SEND(.type = MSG_RUN_DONE, .run_done = {.handle = 1});
}
PLAY(send_fork)
{
	SEND(.type = MSG_FORK, .fork = {1, 0});
}
PLAY(send_forked)
{
	SEND(.type = MSG_FORKED, .forked = {1, 0});
}
PLAY(send_exited)
{
	SEND(.type = MSG_EXITED, .exited = {.id = 1});
}
PLAY(send_spawn)
{
	SEND(.type = MSG_SPAWN, .spawn = {1});
}
PLAY(send_link)
{
	SEND(.type = MSG_NODE_LINK, .node_link = {1});
}

/* ---- operations ---- */

PLAY(operation_skips)
{
	operation(sock, 2, "fetch", "{}");
}
PLAY(operation_zero)
{
	operation(sock, 0, "fetch", "{}");
}
PLAY(operation_repeats)
{
	operation(sock, 1, "fetch", "{}");
	operation(sock, 1, "fetch", "{}");
}
PLAY(operation_wraps)
{
	operation(sock, UINT32_MAX, "fetch", "{}");
}
PLAY(operation_not_json)
{
	operation(sock, 1, "fetch", "{},\"decision\":\"allow\"");
}
PLAY(operation_kind_not_text)
{
	operation(sock, 1, "\xff\xfe", "{}");
}
PLAY(operation_kind_quotes)
{
	operation(sock, 1, "x\",\"event\":\"forged\",\"seq\":9,\"prev\":\"00\",\"y\":\"\\", "{}");
	result(sock, VALUE_JSON, "\"ok\"", 4);
}
PLAY(operation_kind_line_end)
{
	operation(sock, 1, "x\n{\"event\":\"forged\"}", "{}");
}
PLAY(operation_kind_control)
{
	operation(sock, 1, "x\xc2\x9b", "{}");
}
PLAY(operation_kind_empty)
{
	operation(sock, 1, "", "{}");
}
/* JSON allows line ends between tokens; the journal is one entry per line. */
PLAY(operation_forges_journal)
{
	operation(sock, 1, "fetch",
		  "[\n{\"seq\":2,\"event\":\"forged\",\"run\":\"r\",\"decision\":\"d2\"}\n]");
	result(sock, VALUE_JSON, "\"ok\"", 4);
}
/* What is shown of it would not have the digest that the journal has. */
PLAY(operation_returns)
{
	operation(sock, 1, "fetch", "{\r}");
}
PLAY(operation_flood)
{
	for (uint32_t i = 1;; i++)
		operation(sock, i, "fetch", "{}");
}
PLAY(operations_unread)
{
	for (uint32_t i = 1; i <= 5001; i++)
		operation(sock, i, "fetch", "{}");
}

/* ---- waiting ---- */

PLAY(wait_minus_2)
{
	wait_until(sock, -2);
}
PLAY(wait_least)
{
	wait_until(sock, INT64_MIN);
}
PLAY(wait_most)
{
	wait_until(sock, INT64_MAX);
}
PLAY(wait_ages)
{
	wait_until(sock, 9000000000000000);
}
PLAY(wait_forever)
{
	wait_until(sock, -1);
}
PLAY(wait_past)
{
	wait_until(sock, 0);
	if (next_type(sock) == MSG_WAKE)
		result(sock, VALUE_JSON, "\"ok\"", 4);
}
/* A wait that something else ends early has not moved the clock. */
PLAY(wait_and_ask)
{
	_cleanup_buf_ struct buf in = BUF_INIT(LIMIT_FRAME + 65536);
	struct msg m;

	wait_until(sock, start->now_ms + 100000);
	operation(sock, 1, "fetch", "{}");
	if (receive(sock, &m, &in) != MSG_ANSWER)
		_exit(1);
	if (m.answer.now_ms >= start->now_ms + 100000)
		result(sock, VALUE_JSON, "\"the clock ran ahead\"", 21);
	else
		result(sock, VALUE_JSON, "\"ok\"", 4);
}
PLAY(wait_flood)
{
	for (;;)
		wait_until(sock, start->now_ms + 1000000);
}

/* ---- results ---- */

#define RESULT_OF(name, kind, text)                                                                \
	PLAY(name)                                                                                 \
	{                                                                                          \
		result(sock, kind, text, sizeof(text) - 1);                                        \
	}
RESULT_OF(result_injects, VALUE_JSON, "1,\"outcome\":\"completed\"")
RESULT_OF(result_empty, VALUE_JSON, "")
RESULT_OF(result_open, VALUE_JSON, "{")
RESULT_OF(result_two, VALUE_JSON, "1 2")
RESULT_OF(result_word, VALUE_JSON, "undefined")
RESULT_OF(result_comma, VALUE_JSON, "[1,]")
RESULT_OF(result_nul_after, VALUE_JSON, "1\0")
RESULT_OF(result_nul_inside, VALUE_JSON, "\"a\0b\"")
RESULT_OF(result_newline_inside, VALUE_JSON, "\"a\nb\"")
RESULT_OF(result_json_not_utf8, VALUE_JSON, "\"\xff\"")
RESULT_OF(result_overlong, VALUE_TEXT, "\xc0\x80")
RESULT_OF(result_surrogate, VALUE_TEXT, "\xed\xa0\x80")
RESULT_OF(result_cut, VALUE_TEXT, "\xe2\x82")
RESULT_OF(result_beyond, VALUE_TEXT, "\xf4\x90\x80\x80")
RESULT_OF(result_kind_3, 3, "1")
RESULT_OF(result_kind_255, 255, "1")
RESULT_OF(result_bytes, VALUE_BYTES, "\xff\xfe\x80")
RESULT_OF(result_text, VALUE_TEXT, "plain")

PLAY(result_deep)
{
	static char b[3000];

	memset(b, '[', sizeof(b));
	result(sock, VALUE_JSON, b, sizeof(b));
}
PLAY(result_twice)
{
	result(sock, VALUE_JSON, "\"ok\"", 4);
	result(sock, VALUE_JSON, "\"second\"", 8);
}
/* In one write, so that the node has both in hand at once. */
static void result_and(int sock, const void *more, size_t len)
{
	_cleanup_buf_ struct buf b = BUF_INIT(65536);

	msg_encode(&b, &(struct msg){.type = MSG_RESULT, .result = {VALUE_JSON, BYTES("\"ok\"")}});
	buf_add(&b, more, len);
	send_raw(sock, b.data, b.len);
}
PLAY(result_then_log)
{
	_cleanup_buf_ struct buf b = BUF_INIT(4096);

	msg_encode(&b,
		   &(struct msg){.type = MSG_LOG, .log = {LEVEL_LOG, BYTES("after"), BYTES("[]")}});
	result_and(sock, b.data, b.len);
}
PLAY(result_then_garbage)
{
	uint8_t b[4096];

	memset(b, 0xff, sizeof(b));
	result_and(sock, b, sizeof(b));
}
PLAY(result_then_fail)
{
	_cleanup_buf_ struct buf b = BUF_INIT(4096);

	msg_encode(&b, &(struct msg){.type = MSG_FAIL, .fail = {1, BYTES("{}")}});
	result_and(sock, b.data, b.len);
}
PLAY(result_then_flood)
{
	static char b[65536];

	result(sock, VALUE_JSON, "\"ok\"", 4);
	for (;;)
		send_raw(sock, b, sizeof(b));
}
/* The frame's own overhead is not output. */
static void result_of_size(int sock, size_t n)
{
	static char b[1 << 16];

	memset(b, 'x', n);
	result(sock, VALUE_TEXT, b, n);
}
PLAY(result_fits)
{
	result_of_size(sock, 4096);
}
PLAY(result_one_more)
{
	result_of_size(sock, 4097);
}
PLAY(result_and_logs)
{
	log_line_of(sock, LEVEL_LOG, (struct wire_bytes)BYTES("12"),
		    (struct wire_bytes)BYTES("[]"));
	result_of_size(sock, 4093);
}

/* ---- failures ---- */

#define FAIL_OF(name, exhausted, text)                                                             \
	PLAY(name)                                                                                 \
	{                                                                                          \
		SEND(.type = MSG_FAIL, .fail = {exhausted, BYTES(text)});                          \
	}
FAIL_OF(fail_plain, 0, "{\"name\":\"E\"}")
FAIL_OF(fail_lies, 1, "{\"name\":\"E\"}")
FAIL_OF(fail_array, 0, "[]")
FAIL_OF(fail_string, 0, "\"x\"")
FAIL_OF(fail_empty, 0, "")
FAIL_OF(fail_open, 0, "{")
FAIL_OF(fail_injects, 0, "{},\"outcome\":\"completed\"")
FAIL_OF(fail_nul, 0, "{}\0")

PLAY(fail_twice)
{
	SEND(.type = MSG_FAIL, .fail = {0, BYTES("{\"name\":\"E\"}")});
	SEND(.type = MSG_FAIL, .fail = {0, BYTES("{\"name\":\"F\"}")});
}
PLAY(fail_then_result)
{
	SEND(.type = MSG_FAIL, .fail = {0, BYTES("{\"name\":\"E\"}")});
	result(sock, VALUE_JSON, "\"ok\"", 4);
}
PLAY(fail_full)
{
	if (mmap(NULL, 80 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	    MAP_FAILED)
		_exit(1);
	SEND(.type = MSG_FAIL, .fail = {0, BYTES("{\"name\":\"E\"}")});
}

/* ---- logs ---- */

PLAY(log_flood)
{
	for (;;)
		log_line_of(sock, LEVEL_LOG, (struct wire_bytes)BYTES("x"),
			    (struct wire_bytes)BYTES("[]"));
}
PLAY(log_large_flood)
{
	static char text[2000];

	memset(text, 'x', sizeof(text));
	for (;;)
		log_line_of(sock, LEVEL_LOG, (struct wire_bytes){text, sizeof(text)},
			    (struct wire_bytes)BYTES("[]"));
}
PLAY(log_level)
{
	log_line_of(sock, LEVEL_COUNT, (struct wire_bytes)BYTES("x"),
		    (struct wire_bytes)BYTES("[]"));
}
PLAY(log_not_utf8)
{
	log_line_of(sock, LEVEL_LOG, (struct wire_bytes)BYTES("\xff"),
		    (struct wire_bytes)BYTES("[]"));
}
PLAY(log_not_json)
{
	log_line_of(sock, LEVEL_LOG, (struct wire_bytes)BYTES("x"),
		    (struct wire_bytes)BYTES("[],\"level\":\"error\""));
}

/* ---- ends ---- */

PLAY(exit_0)
{
	_exit(0);
}
PLAY(exit_7)
{
	_exit(7);
}
static void end_by(int sig)
{
	signal(sig, SIG_DFL);
	raise(sig);
}
PLAY(die_kill)
{
	end_by(SIGKILL);
}
PLAY(die_segv)
{
	end_by(SIGSEGV);
}
PLAY(die_sys)
{
	end_by(SIGSYS);
}
PLAY(die_xcpu)
{
	end_by(SIGXCPU);
}
PLAY(silent)
{
}
PLAY(spin)
{
	for (volatile int i = 0;; i++)
		;
}
/* The socket ends, the process does not. */
PLAY(hang_up)
{
	close(sock);
	for (;;)
		pause();
}
PLAY(half_hang_up)
{
	shutdown(sock, SHUT_WR);
}
static void *sleeper(void *p)
{
	for (;;)
		pause();
	return p;
}
PLAY(many_threads)
{
	pthread_attr_t a;
	pthread_t t;

	pthread_attr_init(&a);
	pthread_attr_setstacksize(&a, 65536);
	for (int i = 0; i < 20; i++)
		if (pthread_create(&t, &a, sleeper, NULL))
			_exit(1);
}
/* Rights that come with bytes must not take root in the node. */
PLAY(send_rights)
{
	char c[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {(char[]){9}, 1};
	struct msghdr h = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof(c)};
	struct cmsghdr *m = CMSG_FIRSTHDR(&h);
	static const uint8_t rest[] = {0, 0, 0, MSG_RESULT, 0,	 0,   0,   VALUE_JSON,
				       4, 0, 0, 0,	    '"', 'o', 'k', '"'};

	m->cmsg_level = SOL_SOCKET;
	m->cmsg_type = SCM_RIGHTS;
	m->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(m), &sock, sizeof(int));
	if (sendmsg(sock, &h, MSG_NOSIGNAL) == 1)
		send_raw(sock, rest, sizeof(rest));
}

#define COMPLETED .outcome = OUTCOME_COMPLETED
#define FAILED .outcome = OUTCOME_FAILED
#define ENDED(why) .outcome = OUTCOME_TERMINATED, .reason = REASON_##why
#define VIOLATION ENDED(JAIL_VIOLATION)

const struct script scripts[] = {
	{"honest", honest, COMPLETED, .value = "\"ok\""},
	{"one byte at a time", trickle, COMPLETED, .value = "\"ok\""},

	{"bytes 0xff", garbage, VIOLATION},
	{"noise 1", noise_1, VIOLATION},
	{"noise 2", noise_2, VIOLATION},
	{"noise 3", noise_3, VIOLATION},
	{"zeros", zeros, VIOLATION},
	{"a type that does not exist", type_unknown, VIOLATION},
	{"reserved bytes set", reserved_bytes, VIOLATION},
	{"a body that ends early", body_too_short, VIOLATION},
	{"a body with something left over", body_too_long, VIOLATION},
	{"an empty body", body_empty, VIOLATION},
	{"a field of 4 GiB in a small body", length_wraps, VIOLATION},
	{"half a message, then its end", truncated_exit, ENDED(CRASHED)},
	{"half a header, then its end", half_header_exit, ENDED(CRASHED)},
	{"half a message, then silence", truncated_hang, ENDED(WALL_TIME), .wall_ms = 200},

	{"an operation of 2 GiB", huge_operation, VIOLATION},
	{"a failure of 4 GiB", huge_fail, VIOLATION},
	{"a wait of 1 MiB", huge_wait, VIOLATION},
	{"compiled code past its maximum", huge_compiled, VIOLATION},
	{"a result of 4 GiB", huge_result, ENDED(OUTPUT)},
	{"a log line of 256 MiB", huge_log, ENDED(OUTPUT)},
	{"a log text past its maximum", long_log_text, VIOLATION, .output = 1 << 20},
	{"an operation kind past its maximum", long_kind, VIOLATION},

	{"TOUCHED after START", touched_again, VIOLATION},
	{"COMPILED after LOG", compiled_after_log, VIOLATION},
	{"COMPILED twice", compiled_twice, VIOLATION},
	{"COMPILED that is no text", compiled_not_text, COMPLETED, .value = "\"ok\""},
	{"START sent back", send_start, VIOLATION},
	{"ANSWER", send_answer, VIOLATION},
	{"WAKE", send_wake, VIOLATION},
	{"SUBMIT", send_submit, VIOLATION},
	{"CANCEL", send_cancel, VIOLATION},
	{"RUN_DONE", send_done, VIOLATION},
	{"FORK", send_fork, VIOLATION},
	{"FORKED", send_forked, VIOLATION},
	{"EXITED", send_exited, VIOLATION},
	{"SPAWN", send_spawn, VIOLATION},
	{"NODE_LINK", send_link, VIOLATION},

	{"operation 2 first", operation_skips, VIOLATION},
	{"operation 0", operation_zero, VIOLATION},
	{"operation 1 twice", operation_repeats, VIOLATION},
	{"operation 2^32-1", operation_wraps, VIOLATION},
	{"an operation that is no JSON", operation_not_json, VIOLATION},
	{"an operation kind that is no text", operation_kind_not_text, VIOLATION},
	{"an operation kind with quotes", operation_kind_quotes, COMPLETED, .value = "\"ok\""},
	{"an operation kind with a line end", operation_kind_line_end, VIOLATION},
	{"an operation kind with a control character", operation_kind_control, VIOLATION},
	{"an operation without a kind", operation_kind_empty, VIOLATION},
	{"an operation that forges the journal", operation_forges_journal, VIOLATION},
	{"an operation with a carriage return", operation_returns, VIOLATION},
	{"operations without end", operation_flood, ENDED(OPERATIONS)},
	{"5,000 operations, no answer read", operations_unread, ENDED(OPERATIONS),
	 .operations = 5000},

	{"a wait until -2", wait_minus_2, VIOLATION},
	{"a wait until -2^63", wait_least, VIOLATION},
	{"a wait until 2^63-1", wait_most, VIOLATION},
	{"a wait for ages", wait_ages, ENDED(WALL_TIME), .wall_ms = 200},
	{"a wait for ever", wait_forever, ENDED(WALL_TIME), .wall_ms = 200},
	{"a wait for the past", wait_past, COMPLETED, .value = "\"ok\""},
	{"a wait, then an operation", wait_and_ask, COMPLETED, .value = "\"ok\""},
	{"waits without end", wait_flood, ENDED(OPERATIONS)},

	{"a result that adds members", result_injects, VIOLATION},
	{"an empty result", result_empty, VIOLATION},
	{"a result that does not close", result_open, VIOLATION},
	{"a result of two values", result_two, VIOLATION},
	{"a result that is a word", result_word, VIOLATION},
	{"a result with a comma too many", result_comma, VIOLATION},
	{"a result with a NUL behind it", result_nul_after, VIOLATION},
	{"a result with a NUL in it", result_nul_inside, VIOLATION},
	{"a result with a raw line end in a string", result_newline_inside, VIOLATION},
	{"a result that is not UTF-8", result_json_not_utf8, VIOLATION},
	{"a result nested 3000 deep", result_deep, VIOLATION},
	{"a text result, overlong", result_overlong, VIOLATION},
	{"a text result with a surrogate", result_surrogate, VIOLATION},
	{"a text result cut in a character", result_cut, VIOLATION},
	{"a text result beyond Unicode", result_beyond, VIOLATION},
	{"a result of kind 3", result_kind_3, VIOLATION},
	{"a result of kind 255", result_kind_255, VIOLATION},
	{"a result of bytes", result_bytes, COMPLETED, .value = "\xff\xfe\x80"},
	{"a text result", result_text, COMPLETED, .value = "plain"},
	{"two results", result_twice, COMPLETED, .value = "\"ok\""},
	{"a result, then a log line", result_then_log, COMPLETED, .value = "\"ok\""},
	{"a result, then garbage", result_then_garbage, COMPLETED, .value = "\"ok\""},
	{"a result, then a failure", result_then_fail, COMPLETED, .value = "\"ok\""},
	{"a result, then bytes without end", result_then_flood, COMPLETED, .value = "\"ok\""},
	{"a result as large as allowed", result_fits, COMPLETED},
	{"a result one byte larger", result_one_more, ENDED(OUTPUT)},
	{"logs and result together one byte larger", result_and_logs, ENDED(OUTPUT)},

	{"a failure", fail_plain, FAILED, .value = "{\"name\":\"E\"}"},
	{"a failure that claims to be out of memory", fail_lies, FAILED,
	 .value = "{\"name\":\"E\"}"},
	{"a failure that is out of memory", fail_full, ENDED(MEMORY)},
	{"a failure that is an array", fail_array, VIOLATION},
	{"a failure that is a string", fail_string, VIOLATION},
	{"a failure that is empty", fail_empty, VIOLATION},
	{"a failure that does not close", fail_open, VIOLATION},
	{"a failure that adds members", fail_injects, VIOLATION},
	{"a failure with a NUL behind it", fail_nul, VIOLATION},
	{"two failures", fail_twice, FAILED, .value = "{\"name\":\"E\"}"},
	{"a failure, then a result", fail_then_result, FAILED, .value = "{\"name\":\"E\"}"},

	{"log lines without end", log_flood, ENDED(LOG_LINES)},
	{"large log lines without end", log_large_flood, ENDED(OUTPUT)},
	{"a log level that does not exist", log_level, VIOLATION},
	{"a log line that is not UTF-8", log_not_utf8, VIOLATION},
	{"log data that adds members", log_not_json, VIOLATION},

	{"exit 0 without a result", exit_0, ENDED(CRASHED)},
	{"exit 7 without a result", exit_7, ENDED(CRASHED)},
	{"SIGKILL", die_kill, ENDED(CRASHED)},
	{"SIGSEGV", die_segv, ENDED(CRASHED)},
	{"SIGSYS", die_sys, VIOLATION},
	{"SIGXCPU", die_xcpu, ENDED(CRASHED)},
	{"a wait for ages, patiently", wait_ages, ENDED(WALL_TIME), .wall_ms = 5000},
	{"silence", silent, ENDED(WALL_TIME), .wall_ms = 200},
	{"an endless loop", spin, ENDED(CPU_TIME), .cpu_ms = 50},
	{"the socket closed, the process alive", hang_up, ENDED(WALL_TIME), .wall_ms = 500},
	{"the socket half closed", half_hang_up, ENDED(WALL_TIME), .wall_ms = 500},
	{"20 threads", many_threads, VIOLATION, .wall_ms = 2000, .cpu_ms = 20000, .threads = 1},
	{"descriptors sent along", send_rights, COMPLETED, .value = "\"ok\""},
};
const size_t script_count = ARRAY_SIZE(scripts);

size_t script_find(const char *name)
{
	for (size_t i = 0; i < script_count; i++)
		if (!strcmp(scripts[i].name, name))
			return i;
	abort();
}

/* ---- before START ---- */

static void early_result(int sock)
{
	SEND(.type = MSG_RESULT, .result = {VALUE_JSON, BYTES("\"early\"")});
}
static void early_log(int sock)
{
	SEND(.type = MSG_LOG, .log = {LEVEL_LOG, BYTES("early"), BYTES("[]")});
}
static void early_garbage(int sock)
{
	garbage(sock, NULL);
}
static void early_exit(int sock)
{
	(void)sock;
	_exit(0);
}
static void touched(int sock)
{
	SEND(.type = MSG_TOUCHED);
}
static void idle_touched(int sock)
{
	touched(sock);
	touched(sock);
}
static void idle_result(int sock)
{
	touched(sock);
	early_result(sock);
}
static void idle_log(int sock)
{
	touched(sock);
	early_log(sock);
}
static void idle_compiled(int sock)
{
	touched(sock);
	SEND(.type = MSG_COMPILED, .compiled = {BYTES("early")});
}
static void idle_operation(int sock)
{
	touched(sock);
	operation(sock, 1, "fetch", "{}");
}
static void idle_garbage(int sock)
{
	touched(sock);
	garbage(sock, NULL);
}
static void idle_exit(int sock)
{
	touched(sock);
	_exit(0);
}
static void idle_close(int sock)
{
	touched(sock);
	close(sock);
}
/* 32 MiB that nobody asked for must not be kept until they are whole. */
static void idle_huge(int sock)
{
	touched(sock);
	header(sock, MSG_RESULT, LIMIT_RESULT);
}

void evil_silence(int sock)
{
	(void)sock;
}

const struct opening openings[] = {
	{"RESULT before TOUCHED", early_result},
	{"LOG before TOUCHED", early_log},
	{"garbage before TOUCHED", early_garbage},
	{"exit before TOUCHED", early_exit},
	{"TOUCHED twice", idle_touched},
	{"RESULT before START", idle_result},
	{"LOG before START", idle_log},
	{"COMPILED before START", idle_compiled},
	{"OPERATION before START", idle_operation},
	{"garbage before START", idle_garbage},
	{"exit before START", idle_exit},
	{"close before START", idle_close},
	{"a large RESULT announced before START", idle_huge},
};
const size_t opening_count = ARRAY_SIZE(openings);
const struct opening *evil_opening;

void evil_sandbox(int sock)
{
	_cleanup_buf_ struct buf in = BUF_INIT(LIMIT_FRAME + 65536);
	struct msg m;
	unsigned long i;

	if (evil_opening) {
		evil_opening->play(sock);
		for (;;)
			pause();
	}
	touched(sock);
	if (receive(sock, &m, &in) != MSG_START || !m.start.input.len)
		_exit(1);
	i = strtoul(m.start.input.data, NULL, 10); /* bytes follow it: not the buffer's end */
	if (i >= script_count)
		_exit(1);
	scripts[i].play(sock, &m.start);
	for (;;)
		pause();
}
