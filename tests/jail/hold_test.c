/*
 * A real cordon-node and sandboxes that it keeps, which are owned: what one does in bad faith costs
 * it its place, and the next run of its lease gets a fresh one.
 *
 * Usage: jail-hold [CORDON-NODE] (default: $CORDON_BUILD/cordon-node)
 */
#include "jail/sealed.h"
#include "lib/tap.h"
#include "wire/modmap.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { POOL = 2, HOLD = 1000 };

static struct front f;

/* ---- the sandbox ---- */

static void add_result(struct buf *b, int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", n);
	msg_encode(b, &(struct msg){.type = MSG_RESULT, .result = {VALUE_JSON, WIRE_STR(text)}});
}

static void add_log(struct buf *b)
{
	msg_encode(b, &(struct msg){.type = MSG_LOG,
				    .log = {LEVEL_LOG, WIRE_STR("late"), WIRE_STR("[]")}});
}

static void send_all(int sock, struct buf *b)
{
	if (send(sock, b->data, b->len, MSG_NOSIGNAL) != (ssize_t)b->len)
		_exit(0);
	b->len = 0;
}

static void nap(long ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

/* One run as its input says; `n` counts the runs of this process. */
static void play(int sock, struct wire_bytes input, int n)
{
	_cleanup_buf_ struct buf b = BUF_INIT(65536);

#define IS(word) (input.len == sizeof(word) - 1 && !memcmp(input.data, word, input.len))
	if (IS("\"hang\""))
		for (;;)
			pause();
	if (IS("\"fail\"")) {
		msg_encode(&b, &(struct msg){.type = MSG_FAIL, .fail = {0, WIRE_STR("{}")}});
		send_all(sock, &b);
		return;
	}
	add_result(&b, n);
	if (IS("\"twice\""))
		add_result(&b, 99);
	if (IS("\"and a log\""))
		add_log(&b);
	if (IS("\"and half a frame\""))
		buf_add(&b, "\x40\0\0\0", 4);
	send_all(sock, &b);
	if (IS("\"late log\"")) {
		nap(100);
		add_log(&b);
		send_all(sock, &b);
	}
	if (IS("\"late result\"")) {
		nap(100);
		add_result(&b, 98);
		send_all(sock, &b);
	}
	if (IS("\"die\""))
		_exit(0);
	if (IS("\"close\"")) {
		close(sock);
		for (;;)
			pause();
	}
#undef IS
}

static void sandbox(int sock)
{
	_cleanup_buf_ struct buf in = BUF_INIT(LIMIT_FRAME + 65536), out = BUF_INIT(65536);
	struct msg m;
	size_t used;
	int r;

	msg_encode(&out, &(struct msg){.type = MSG_TOUCHED});
	send_all(sock, &out);
	for (int n = 1;; n++) {
		while ((r = msg_decode(in.data, in.len, LIMIT_FRAME, &m, &used)) == 0) {
			uint8_t *to = buf_reserve(&in, 65536);
			ssize_t got = recv(sock, to, 65536, 0);

			if (got <= 0)
				_exit(0);
			in.len += (size_t)got;
		}
		if (r == 1 && m.type == MSG_START && n == 1)
			play(sock, m.start.input, n);
		else if (r == 1 && m.type == MSG_AGAIN && n > 1)
			play(sock, m.again.input, n);
		else
			_exit(1);
		buf_consume(&in, used);
	}
}

/* ---- the front ---- */

static void hold(uint64_t id)
{
	_cleanup_buf_ struct buf modules = BUF_INIT(4096);
	const char *code = "export default 1";

	modmap_add(&modules, "main.js", MODULE_AUTO, code, strlen(code), NULL);
	front_frame(f.stream, &(struct msg){.type = MSG_HOLD,
					    .hold = {.hold = id,
						     .engine = ENGINE_STANDARD,
						     .memory_bytes = 64 << 20,
						     .main = WIRE_STR("main.js"),
						     .modules = WIRE_BUF(&modules)}});
}

static void release(uint64_t id)
{
	front_frame(f.stream, &(struct msg){.type = MSG_RELEASE, .release = {id}});
}

static uint64_t submit(uint64_t id, const char *what)
{
	char run[24], input[64];

	snprintf(run, sizeof(run), "run-%zu", (size_t)f.last + 1);
	snprintf(input, sizeof(input), "\"%s\"", what);
	return front_submit(&f, &(struct msg_submit){.hold = id,
						     .engine = ENGINE_STANDARD,
						     .flags = RUN_JOURNAL,
						     .cpu_us = 5000000,
						     .wall_us = 300000,
						     .output_bytes = 4096,
						     .operations = 10,
						     .log_lines = 10,
						     .timers = 10,
						     .run = WIRE_STR(run),
						     .input = WIRE_STR(input)});
}

static struct done *run(uint64_t id, const char *what)
{
	return front_await(&f, submit(id, what));
}

static int completed(struct done *d, const char *value)
{
	return d && d->count == 1 && d->outcome == OUTCOME_COMPLETED && !strcmp(d->value, value) &&
	       !sealed_flaw(d);
}

/* After what the sandbox did in its second run, is it fresh or the same? */
static void tried(const char *what, const char *value, const char *next)
{
	struct done *d;

	hold(HOLD);
	tap_ok(completed(run(HOLD, "count"), "1"), "%s: the first run completes", what);
	d = run(HOLD, what);
	tap_ok(d && d->count == 1 && !sealed_flaw(d) && (!value || completed(d, value)),
	       "%s: has one outcome, and a journal of its own", what);
	if (!strcmp(next, "1")) /* it is ended for what it did, now or in a moment */
		front_settle(&f, POOL, 0);
	tap_ok(completed(run(HOLD, "count"), next), "%s: the next run is %s", what,
	       !strcmp(next, "1") ? "in a fresh sandbox" : "in the same");
	release(HOLD);
	tap_ok(front_settle(&f, POOL, 0) == 0, "%s: nothing stays when it is released", what);
}

int main(int argc, char **argv)
{
	static const char *const args[] = {"--pool-floor=2", "--pool-ceiling=2", NULL};
	uint64_t a, b;
	struct done *d;
	char path[4096];

	snprintf(path, sizeof(path), "%s%s", argc > 1 ? argv[1] : getenv("CORDON_BUILD"),
		 argc > 1 ? "" : "/cordon-node");
	signal(SIGPIPE, SIG_IGN);
	tap_begin();
	if (!tap_ok(front_open(&f, path, args, sandbox) == 0 && front_settle(&f, POOL, POOL) == 0,
		    "the node starts and fills its pool"))
		return tap_end();
	tried("count", "2", "3");
	tried("fail", NULL, "3");
	tried("twice", "2", "1");
	tried("and a log", "2", "1");
	tried("and half a frame", "2", "1");
	tried("late log", "2", "1");
	tried("late result", "2", "1");
	tried("die", NULL, "1");
	tried("close", "2", "1");
	tried("hang", NULL, "1");

	d = run(77, "count");
	tap_ok(d && d->outcome == OUTCOME_DENIED && !sealed_flaw(d),
	       "a hold that nobody made is denied");
	hold(1);
	hold(2);
	a = submit(1, "count");
	b = submit(2, "count");
	tap_ok(completed(front_await(&f, a), "1") && completed(front_await(&f, b), "1"),
	       "two holds of the same code have a sandbox each");
	a = submit(1, "count");
	b = submit(1, "count");
	tap_ok(completed(front_await(&f, a), "2") && completed(front_await(&f, b), "3"),
	       "runs of one come one after the other");
	a = submit(1, "hang");
	b = submit(1, "count");
	front_cancel(&f, a);
	d = front_await(&f, a);
	tap_ok(d && d->reason == REASON_CANCELLED && completed(front_await(&f, b), "1"),
	       "a run that is cancelled takes the sandbox with it, not the next run");
	a = submit(2, "hang");
	release(2);
	d = front_await(&f, a);
	tap_ok(d && d->count == 1 && d->outcome == OUTCOME_TERMINATED,
	       "released while a run is under way: the run has its outcome");
	release(1);
	tap_ok(front_settle(&f, POOL, 0) == 0, "nothing stays at the end");
	tap_ok(front_close(&f) == 0, "the node ends with status 0");
	return tap_end();
}
