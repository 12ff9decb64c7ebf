/*
 * An open-loop load generator for HTTP/1.1 over loopback: requests are due at times that were fixed
 * before, whatever became of those that came earlier, as from callers who do not know of each
 * other. A latency counts from when the request was due: one that had to wait for a connection, or
 * for this program, is not told as a fast one, and one that was never answered is told as one that
 * took as long as it was waited for.
 *
 * One thread, one loop. A stream's connections grow in number to their bound; when all are taken
 * its requests wait here, in order. How late the program itself was is in the result, so that a
 * reader sees whether it was the bottleneck: "behind" is from when a request was due until the loop
 * came to it, "turn" is how long the loop took for what had come at once, which is how late an
 * answer can have been noticed.
 */
#include "exchange.h"
#include "streams.h"
#include "tally.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/macros.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum {
	BACKLOG_MAX = 1 << 20, /* of one stream; what is due beyond that gets no answer */
	EVENTS = 256,	       /* looked at in one turn */
};

static const uint64_t SWEEP_NS = 100 * NS_PER_MS; /* between looks for answers that do not come */

struct call {
	struct exchange exchange;
	struct stream *stream;
	struct call *next_idle;
	uint64_t due, began; /* from the beginning */
	bool again;	     /* the second attempt, on a new connection */
};

struct stream {
	const struct stream_config *config;
	struct sockaddr_in from;
	struct schedule schedule;
	struct tally tally;
	struct call *calls, *idle; /* idle: the one that was used last is first */
	unsigned opened, busy;
	uint64_t *backlog; /* a ring: when they were due */
	size_t head, waiting, room;
};

struct openloop {
	struct streams config;
	struct stream *streams;
	int epoll;
	uint64_t origin, swept;
	struct latency behind, turn;
};

static uint64_t now_ns(const struct openloop *o)
{
	return clock_now_ns() - o->origin;
}

static void backlog_add(struct stream *s, uint64_t due, uint64_t now)
{
	if (s->waiting == BACKLOG_MAX) {
		tally_none(&s->tally, 0, due, now);
		return;
	}
	if (s->waiting == s->room) {
		size_t room = s->room ? s->room * 2 : 256;
		uint64_t *grown = xcalloc(room, sizeof(*grown));

		for (size_t i = 0; i < s->waiting; i++)
			grown[i] = s->backlog[(s->head + i) % s->room];
		free(s->backlog);
		s->backlog = grown;
		s->head = 0;
		s->room = room;
	}
	s->backlog[(s->head + s->waiting++) % s->room] = due;
}

static uint64_t backlog_take(struct stream *s)
{
	uint64_t due = s->backlog[s->head];

	s->head = (s->head + 1) % s->room;
	s->waiting--;
	return due;
}

static void watch(struct openloop *o, struct call *c)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
				    .data.ptr = c};

	if (epoll_ctl(o->epoll, EPOLL_CTL_ADD, c->exchange.fd, &event) < 0)
		values_die("cannot watch a connection: %s", strerror(errno));
}

static void release(struct stream *s, struct call *c)
{
	s->busy--;
	c->next_idle = s->idle;
	s->idle = c;
}

static int send_request(struct openloop *o, struct call *c)
{
	struct stream *s = c->stream;
	bool fresh = c->exchange.fd < 0;
	int r = exchange_begin(&c->exchange, &o->config.address, &s->from, &s->config->request);

	if (r == 0 && fresh)
		watch(o, c);
	return r;
}

/*
 * A server may close a connection that it thinks idle just when a request goes out on it. It has
 * not begun to answer, so the request is sent once more, on a new connection (RFC 9112, 9.3.1).
 */
static void begin_again(struct openloop *o, struct call *c, bool used, int r)
{
	bool may = used && !c->again && c->exchange.reply.size == 0 &&
		   (r == -ECONNRESET || r == -EPIPE);

	if (may) {
		c->again = true;
		c->stream->tally.reconnected++;
		r = send_request(o, c);
	}
	if (r < 0) {
		tally_none(&c->stream->tally, r, c->due, now_ns(o));
		release(c->stream, c);
	}
}

static struct call *take_call(struct stream *s)
{
	struct call *c = s->idle;

	if (c)
		s->idle = c->next_idle;
	else if (s->opened < s->config->connections)
		c = &s->calls[s->opened++];
	return c;
}

/* Sends what waits, as far as there are connections. */
static void send_waiting(struct openloop *o, struct stream *s)
{
	struct call *c;

	while (s->waiting > 0 && (c = take_call(s))) {
		bool used = c->exchange.used;
		int r;

		s->busy++;
		c->due = backlog_take(s);
		c->again = false;
		c->began = now_ns(o);
		s->tally.sent++;
		latency_add(&s->tally.pool, (c->began - c->due) / NS_PER_US);
		r = send_request(o, c);
		if (r < 0)
			begin_again(o, c, used, r);
	}
}

/* What is due by now. Returns when the next one will be. */
static uint64_t take_due(struct openloop *o)
{
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < o->config.count; i++) {
		struct stream *s = &o->streams[i];
		uint64_t due, now = now_ns(o);

		while ((due = schedule_peek(&s->schedule)) <= now) {
			schedule_take(&s->schedule);
			tally_due(&s->tally, due);
			latency_add(&o->behind, (now - due) / NS_PER_US);
			backlog_add(s, due, now);
		}
		send_waiting(o, s);
		next = MIN_U64(next, due);
	}
	return next;
}

static void serve(struct openloop *o, struct call *c)
{
	struct stream *s = c->stream;
	bool used = c->exchange.used;
	int r;

	if (c->exchange.fd < 0)
		return;
	if (!c->exchange.busy) {
		exchange_is_over(&c->exchange);
		return;
	}
	r = exchange_go(&c->exchange);
	if (r == 0)
		return;
	if (r < 0) {
		begin_again(o, c, used, r);
		return;
	}
	tally_reply(&s->tally, &c->exchange.reply, c->due, now_ns(o));
	release(s, c);
	send_waiting(o, s);
}

/* Gives up what has waited for its answer for too long; with `all`, everything. */
static void give_up(struct openloop *o, bool all)
{
	uint64_t now = now_ns(o), limit = o->config.timeout_seconds * NS_PER_S;

	for (unsigned i = 0; i < o->config.count; i++) {
		struct stream *s = &o->streams[i];

		for (unsigned k = 0; k < s->opened; k++) {
			struct call *c = &s->calls[k];

			if (!c->exchange.busy || (!all && now - c->began < limit))
				continue;
			exchange_close(&c->exchange);
			tally_none(&s->tally, 0, c->due, now);
			release(s, c);
		}
		while (all && s->waiting > 0)
			tally_none(&s->tally, 0, backlog_take(s), now);
	}
	o->swept = now;
}

static bool is_over(const struct openloop *o)
{
	for (unsigned i = 0; i < o->config.count; i++) {
		const struct stream *s = &o->streams[i];

		if (s->busy > 0 || s->waiting > 0 || schedule_peek(&s->schedule) != UINT64_MAX)
			return false;
	}
	return true;
}

static void run(struct openloop *o)
{
	uint64_t end = (uint64_t)((o->config.seconds + o->config.drain_seconds) * 1e9);
	struct epoll_event events[EVENTS];

	prctl(PR_SET_TIMERSLACK, 1UL); /* ns: the kernel may not be that late on purpose */
	o->origin = clock_now_ns();
	while (!is_over(o) && now_ns(o) < end) {
		uint64_t next = take_due(o), now = now_ns(o);
		uint64_t until = MIN_U64(next, now + SWEEP_NS);
		struct timespec wait = {.tv_nsec = until > now ? (long)(until - now) : 0};
		int n = epoll_pwait2(o->epoll, events, EVENTS, &wait, NULL);

		if (n < 0 && errno != EINTR)
			values_die("cannot wait: %s", strerror(errno));
		now = now_ns(o);
		for (int i = 0; i < n; i++)
			serve(o, events[i].data.ptr);
		if (n > 0)
			latency_add(&o->turn, (now_ns(o) - now) / NS_PER_US);
		if (now - o->swept >= SWEEP_NS)
			give_up(o, false);
	}
	give_up(o, true);
}

static void open_streams(struct openloop *o)
{
	o->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (o->epoll < 0)
		values_die("cannot make an epoll: %s", strerror(errno));
	o->streams = xcalloc(o->config.count, sizeof(*o->streams));
	for (unsigned i = 0; i < o->config.count; i++) {
		struct stream *s = &o->streams[i];

		s->config = &o->config.all[i];
		s->from.sin_family = AF_INET;
		s->from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + i);
		schedule_init(&s->schedule, &s->config->schedule);
		tally_init(&s->tally, s->config, &o->config);
		s->calls = xcalloc(s->config->connections, sizeof(*s->calls));
		for (unsigned k = 0; k < s->config->connections; k++) {
			exchange_init(&s->calls[k].exchange);
			s->calls[k].stream = s;
		}
	}
}

static void close_streams(struct openloop *o)
{
	for (unsigned i = 0; i < o->config.count; i++) {
		struct stream *s = &o->streams[i];

		for (unsigned k = 0; k < s->config->connections; k++)
			exchange_done(&s->calls[k].exchange);
		free(s->calls);
		free(s->backlog);
		tally_done(&s->tally);
	}
	free(o->streams);
	close(o->epoll);
}

/* Returns true when every request was answered, and no answer was wrong. */
static bool report(const struct openloop *o)
{
	struct rusage usage;
	bool good = true;

	getrusage(RUSAGE_SELF, &usage);
	printf("{\"seconds\": %.3f, \"took_s\": %.3f, \"seed\": %llu,\n \"generator\": {\"cpu_s\": "
	       "%.3f, ",
	       o->config.seconds, (double)now_ns(o) / 1e9, (unsigned long long)o->config.seed,
	       (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	tally_print_latency("behind_us", &o->behind);
	printf(", ");
	tally_print_latency("turn_us", &o->turn);
	printf("},\n \"streams\": [");
	for (unsigned i = 0; i < o->config.count; i++) {
		const struct tally *t = &o->streams[i].tally;

		printf("%s\n  ", i > 0 ? "," : "");
		tally_print(t);
		good = good && t->broken == 0 && t->unanswered == 0 && t->wrong == 0;
		if (t->broken > 0)
			fprintf(stderr, "bench-openloop: %s: a connection broke: %s\n",
				t->stream->name, strerror(-t->last_break));
	}
	printf("]}\n");
	return good;
}

int main(int argc, char **argv)
{
	static struct openloop o;
	bool good;

	streams_parse(&o.config, argc, argv);
	open_streams(&o);
	run(&o);
	good = report(&o);
	close_streams(&o);
	streams_done(&o.config);
	return good ? 0 : 1;
}
