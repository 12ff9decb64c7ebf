#include "sandbox/sandbox.h"

#include "sandbox/clock.h"
#include "sandbox/threads.h"
#include "wire/words.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static struct {
	int started;	     /* the ceilings are in force */
	size_t memory;	     /* that ceiling, bytes */
	int compiled;	     /* COMPILED was sent, or is not wanted */
	int done;	     /* a result or failure was sent */
	int hold;	     /* more runs of the same code may follow */
	int nice;	     /* of the platform itself */
	uint32_t operations; /* IDs given out */
	int64_t waiting;     /* the WAIT that is outstanding; -2: none */
	struct buf in;
} self = {.waiting = -2, .in = {.max = LIMIT_FRAME + FRAME_HEADER}};

static void send_all(const struct buf *b)
{
	for (size_t at = 0; at < b->len;) {
		ssize_t n = write(JAIL_SOCKET, b->data + at, b->len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(0); /* the node has had enough of us */
		at += (size_t)n;
	}
}

static void send_message(const struct msg *m)
{
	_cleanup_buf_ struct buf b = BUF_INIT(LIMIT_FRAME);

	if (msg_encode(&b, m) == 0)
		send_all(&b);
}

/* Text that is longer than the wire takes is cut at a character's start. */
static struct wire_bytes cut(struct wire_bytes b, size_t max)
{
	const uint8_t *p = b.data;

	if (b.len > max) {
		while (max && (p[max] & 0xc0) == 0x80)
			max--;
		b.len = max;
	}
	return b;
}

static void on_log(uint8_t level, struct wire_bytes text, struct wire_bytes data)
{
	static const char too_large[] = "[\"[arguments larger than 64 KiB]\"]";

	if (data.len > LIMIT_LOG_DATA)
		data = WIRE_STR(too_large);
	send_message(
		&(struct msg){.type = MSG_LOG, .log = {level, cut(text, LIMIT_LOG_TEXT), data}});
}

static uint32_t on_operation(struct wire_bytes kind, struct wire_bytes payload)
{
	uint32_t id = ++self.operations;

	send_message(&(struct msg){.type = MSG_OPERATION, .operation = {id, kind, payload}});
	return id;
}

/* Once, and only where the node waits for it: it closes the time in which no user code has run. */
static void on_compiled(struct wire_bytes text)
{
	if (self.compiled)
		return;
	self.compiled = 1;
	send_message(&(struct msg){.type = MSG_COMPILED, .compiled = {text}});
}

/*
 * A result that is too large for the schema is still announced with its true length, so that the
 * node sees for itself that the output ceiling was passed.
 */
static void announce_too_large(uint8_t type, size_t len)
{
	_cleanup_buf_ struct buf b = BUF_INIT(FRAME_HEADER);
	uint32_t body = len > UINT32_MAX - 64 ? UINT32_MAX : (uint32_t)len + 5;
	uint8_t header[FRAME_HEADER] = {(uint8_t)body,
					(uint8_t)(body >> 8),
					(uint8_t)(body >> 16),
					(uint8_t)(body >> 24),
					type,
					0,
					0,
					0};

	buf_add(&b, header, sizeof(header));
	send_all(&b);
}

static void on_result(uint8_t kind, struct wire_bytes data)
{
	if (self.done)
		return;
	self.done = 1;
	if (data.len > LIMIT_RESULT)
		announce_too_large(MSG_RESULT, data.len);
	else
		send_message(&(struct msg){.type = MSG_RESULT, .result = {kind, data}});
}

/* Takes all memory that the ceiling leaves, so that the node can see with its own eyes that it is
 * gone. */
static void exhaust(void)
{
	for (size_t size = 1UL << 30; size >= 4096; size /= 2)
		while (mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0) != MAP_FAILED)
			;
}

static void on_fail(int exhausted, struct wire_bytes error)
{
	/* Encoded before the memory goes. */
	_cleanup_buf_ struct buf b = BUF_INIT(LIMIT_ERROR + 64);

	if (self.done)
		return;
	self.done = 1;
	if (msg_encode(&b, &(struct msg){.type = MSG_FAIL, .fail = {(uint8_t)exhausted, error}}) <
	    0)
		_exit(1);
	if (exhausted)
		exhaust();
	send_all(&b);
}

/*
 * Whether more than half of the memory is used up. Then a process that dies, dies for want of
 * memory: the engine asks for large pieces, and does not survive a no. What the node makes of it,
 * it sees for itself.
 */
static int short_of_memory(void)
{
	void *p = mmap(NULL, self.memory / 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	if (p == MAP_FAILED)
		return 1;
	munmap(p, self.memory / 2);
	return 0;
}

/* Runs in a signal handler of a broken process: system calls only. */
void sandbox_fatal(void)
{
	static const char text[] = "{\"name\":\"RangeError\",\"message\":\"Out of memory\"}";
	static uint8_t frame[FRAME_HEADER + 5 + sizeof(text) - 1] = {
		sizeof(frame) - FRAME_HEADER, 0, 0, 0, MSG_FAIL, 0, 0, 0, 1, sizeof(text) - 1};

	if (self.done || !self.started || !short_of_memory())
		return;
	self.done = 1;
	memcpy(frame + FRAME_HEADER + 5, text, sizeof(text) - 1);
	exhaust();
	send_all(&(struct buf){.data = frame, .len = sizeof(frame)});
	while (read(JAIL_SOCKET, frame, 1) > 0)
		;
	_exit(1);
}

const struct engine_host sandbox_host = {on_log, on_operation, on_compiled, on_result, on_fail};

/* The one place where a sandbox waits. Blocks for the next frame; *ret points into self.in. */
static void receive(struct msg *ret)
{
	size_t used;
	int r;

	while ((r = msg_decode(self.in.data, self.in.len, LIMIT_FRAME, ret, &used)) == 0) {
		size_t want = used > self.in.len ? used - self.in.len : 4096;
		uint8_t *to = buf_reserve(&self.in, want);
		ssize_t n = to ? read(JAIL_SOCKET, to, want) : -1;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(0);
		self.in.len += (size_t)n;
	}
	if (r < 0)
		_exit(1);
}

static void handled(void)
{
	size_t used;
	struct msg m;

	if (msg_decode(self.in.data, self.in.len, LIMIT_FRAME, &m, &used) == 1)
		buf_consume(&self.in, used);
}

static void set_limit(int resource, uint64_t value)
{
	struct rlimit l = {value, value};

	if (setrlimit(resource, &l) < 0)
		_exit(1);
}

static void start(void)
{
	struct msg m;

	receive(&m);
	if (m.type != MSG_START)
		_exit(1);
	/* The ceilings, before the first byte of the agent's. Nothing in here can raise them again.
	 */
	set_limit(RLIMIT_CPU, m.start.cpu_s);
	set_limit(RLIMIT_DATA, m.start.data_limit);
	set_limit(RLIMIT_AS, m.start.space_limit);
	if (m.start.nice && setpriority(PRIO_PROCESS, 0, self.nice + m.start.nice) < 0)
		_exit(1);
	self.started = 1;
	self.compiled = m.start.compiled.len > 0;
	self.memory = m.start.memory_bytes;
	self.hold = m.start.flags & RUN_HOLD;
	sandbox_random_seed(m.start.seed);
	sandbox_clock_set(m.start.now_ms);
	engine_start(&m.start);
	handled();
	buf_done(&self.in); /* code and input were taken over; an empty buffer starts anew */
}

/* Until there is another run; for most sandboxes: until the node ends them. */
static void rest(void)
{
	struct msg m;

	if (self.hold && engine_broken())
		_exit(1);
	for (;; handled()) {
		receive(&m);
		if (m.type == MSG_AGAIN && self.hold)
			break;
	}
	self.done = 0;
	self.waiting = -2;
	sandbox_random_seed(m.again.seed);
	sandbox_clock_set(m.again.now_ms);
	engine_again(&m.again);
	handled();
}

static void wait_for_node(int64_t until)
{
	struct msg m;

	if (self.waiting != until && !(until < 0 && engine_pending())) {
		self.waiting = until;
		send_message(&(struct msg){.type = MSG_WAIT, .wait = {until}});
	}
	receive(&m);
	if (m.type == MSG_WAKE) {
		self.waiting = -2;
		sandbox_clock_set(m.wake.now_ms);
	} else if (m.type == MSG_ANSWER) {
		sandbox_clock_set(m.answer.now_ms);
		engine_answer(&m.answer);
	} else {
		_exit(1);
	}
	handled();
}

void sandbox_prepare(void)
{
	self.nice = getpriority(PRIO_PROCESS, 0);
}

_Noreturn void sandbox_main(const struct jail *jail, int sock, int threads)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* where there is no PID namespace to see to it */
	prctl(PR_SET_NAME, "cordon-sandbox");
	if (jail_narrow(jail, sock, threads) < 0)
		_exit(1);
	if (threads)
		threads_allow();
	engine_touch();
	send_message(&(struct msg){.type = MSG_TOUCHED, .touched = {0}});
	for (start();; rest())
		while (!self.done) {
			int64_t due = engine_next_timer();

			if (self.done)
				break;
			if (due >= 0 && due <= sandbox_clock_now())
				engine_run_timers();
			else
				wait_for_node(due);
		}
}
