/*
 * Zygotes, and the sandboxes they fork: ready before anybody asks, used for one run, never again.
 */
#include "base/clock.h"
#include "base/log.h"
#include "node/node.h"
#include "os/fd.h"
#include "os/proc.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

enum {
	PACKET_MAX = 8192,
	FAILURES_MAX = 3,
	LOOK_MS = 1000,
	FORKING_MAX = 16,
	WARMING_MAX_S = 30, /* a sandbox that is not ready by then never will be */
	RETRY_S = 10,	    /* before a zygote that was given up is tried again */
};

static void refill(struct zygote *z, int threads)
{
	struct pool *p = &z->pool[threads];

	while (z->state == ZYGOTE_READY && p->idle_count + p->forking < p->target &&
	       p->forking < FORKING_MAX) {
		uint8_t raw[64];
		struct buf b = {.data = raw, .cap = sizeof(raw), .max = sizeof(raw) - 1};
		struct sandbox *s = xcalloc(1, sizeof(*s));

		*s = (struct sandbox){.magic = SANDBOX_MAGIC,
				      .id = ++z->node->next_sandbox,
				      .zygote = z,
				      .threads = threads,
				      .asked_ns = clock_now_ns(),
				      .phase = PHASE_WARMING,
				      .pidfd = -1,
				      .statm = -1,
				      .watch = {.fd = -1, .ready = broker_readable},
				      .in = BUF_INIT(LIMIT_FRAME + FRAME_HEADER),
				      .out = BUF_INIT(LIMIT_FRAME * 2)};
		list_append(&z->sandboxes, &s->all);
		list_init(&s->idle);
		p->forking++;
		msg_encode(&b, &(struct msg){.type = MSG_FORK, .fork = {s->id, (uint8_t)threads}});
		if (fd_send_packet(z->link.fd, b.data, b.len, NULL, 0) < 0)
			return; /* it is dying; its end of stream is on its way */
	}
}

void pool_kill(struct sandbox *s)
{
	hold_lost(s);
	s->phase = PHASE_ENDED;
	if (s->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, s->pidfd, SIGKILL, NULL, 0);
	loop_unwatch(s->zygote->node->loop, &s->watch);
	close_fd(&s->watch.fd);
	s->eof = 1;
}

static void leave_pool(struct sandbox *s)
{
	/* Off the list before it is freed: NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	struct pool *p = &s->zygote->pool[s->threads];

	if (!list_empty(&s->idle)) {
		list_remove(&s->idle);
		p->idle_count--;
		if (p->idle_count < p->low)
			p->low = p->idle_count;
	} else if (s->phase == PHASE_WARMING) {
		p->forking--;
	}
}

/* A sandbox is forgotten when it is dead, reaped, and no run holds it. */
void pool_release(struct sandbox *s)
{
	if (!s->exited || !s->eof || s->run || s->held)
		return;
	list_remove(&s->all);
	close_fd(&s->pidfd);
	close_fd(&s->statm);
	close_fd(&s->watch.fd);
	buf_done(&s->in);
	buf_done(&s->out);
	s->magic = 0;
	free(s);
}

static struct sandbox *find(struct zygote *z, uint64_t id)
{
	struct list *p, *tmp;

	/* From the young end: answers to forks come soon after the question. */
	for (p = z->sandboxes.prev; p != &z->sandboxes; p = tmp) {
		struct sandbox *s = list_entry(p, struct sandbox, all);

		tmp = p->prev;
		if (s->id == id)
			return s;
	}
	return NULL;
}

static void on_forked(struct zygote *z, const struct msg_forked *m, int fds[2])
{
	struct sandbox *s = find(z, m->id);
	struct node *n = z->node;

	if (!s || s->watch.fd >= 0 || s->phase != PHASE_WARMING) {
		close(fds[0]);
		close(fds[1]);
		return;
	}
	s->watch.fd = fds[0];
	s->pidfd = fds[1];
	fd_set_blocking(s->watch.fd, 0);
	if (proc_pid_of(n->proc, s->pidfd, &s->pid) < 0 ||
	    loop_watch(n->loop, &s->watch, EPOLLIN) < 0) {
		leave_pool(s);
		pool_kill(s);
	}
}

/* Both the end of its socket and its exit status: now it is known how it died. */
static void dead(struct sandbox *s)
{
	if (!s->exited || !s->eof)
		return;
	if (s->run)
		run_sandbox_died(s->run); /* which lets go of it */
	else
		pool_release(s);
}

void pool_ready(struct sandbox *s)
{
	struct pool *p = &s->zygote->pool[s->threads];
	if (proc_memory(s->zygote->node->proc, s->pid, &s->base) < 0 ||
	    proc_cpu_ns(s->pid, &s->base_cpu_ns) < 0) {
		leave_pool(s);
		pool_kill(s);
		dead(s);
		return;
	}
	leave_pool(s);
	s->phase = PHASE_IDLE;
	list_append(&p->idle, &s->idle);
	p->idle_count++;
	refill(s->zygote, s->threads);
	run_dispatch(s->zygote->node);
}

void pool_eof(struct sandbox *s)
{
	if (s->phase == PHASE_WARMING || s->phase == PHASE_IDLE)
		leave_pool(s);
	if (!s->run)
		pool_kill(s);
	loop_unwatch(s->zygote->node->loop, &s->watch);
	close_fd(&s->watch.fd);
	s->eof = 1;
	dead(s);
}

static void on_exited(struct zygote *z, const struct msg_exited *m)
{
	struct sandbox *s = find(z, m->id);

	if (!s)
		return;
	s->exited = 1;
	s->exit = *m;
	if (s->phase == PHASE_WARMING || s->phase == PHASE_IDLE) {
		leave_pool(s);
		pool_kill(s);
	}
	dead(s);
	refill(z, 0);
}

static void on_fork_failed(struct zygote *z, const struct msg_fork_failed *m)
{
	struct sandbox *s = find(z, m->id);

	if (!s)
		return;
	log_line("zygote %s cannot fork: %s", words_engine(z->engine), strerror((int)m->number));
	leave_pool(s);
	s->phase = PHASE_ENDED;
	s->exited = s->eof = 1;
	pool_release(s); /* asked for again at the next look */
}

static void on_ready(struct zygote *z, const struct msg_zygote_ready *m)
{
	struct err e = {0};

	if (m->error_code.len) {
		err_set(&e, 0, "zygote", "%.*s", (int)m->error.len, (const char *)m->error.data);
		snprintf(e.code, sizeof(e.code), "%.*s", (int)m->error_code.len,
			 (const char *)m->error_code.data);
		pool_failed(z, &e);
		return;
	}
	z->state = ZYGOTE_READY;
	z->failures = 0;
	z->jail.len = 0;
	buf_add(&z->jail, m->jail.data, m->jail.len);
	snprintf(z->version, sizeof(z->version), "%.*s", (int)m->version.len,
		 (const char *)m->version.data);
	z->pool[0].target = z->node->limits.pool_floor;
	node_announce(z->node, z);
	refill(z, 0);
	run_dispatch(z->node);
}

/* The zygote is gone, and with it every process it had forked. */
static void lost(struct zygote *z)
{
	enum zygote_state was = z->state;
	struct list *p, *tmp;

	if (was != ZYGOTE_FAILED)
		z->state =
			ZYGOTE_SPAWNING; /* nobody asks it, or for another, before all is settled */
	loop_unwatch(z->node->loop, &z->link);
	close_fd(&z->link.fd);
	/* Else ending one run would hand the next to a dead sandbox, and so on through the queue.
	 */
	for (int t = 0; t < 2; t++)
		while (!list_empty(&z->pool[t].idle))
			leave_pool(list_entry(z->pool[t].idle.next, struct sandbox, idle));
	list_for_each_safe (p, tmp, &z->sandboxes) {
		struct sandbox *s = list_entry(p, struct sandbox, all);

		/* What it still sent before it died counts; a result in the socket is a result. */
		if (s->run && !s->eof)
			broker_readable(&s->watch, EPOLLIN);
	}
	list_for_each_safe (p, tmp, &z->sandboxes) {
		struct sandbox *s = list_entry(p, struct sandbox, all);

		leave_pool(s);
		s->exited = 1;
		pool_kill(s);
		dead(s);
	}
	for (int t = 0; t < 2; t++)
		z->pool[t].idle_count = z->pool[t].forking = 0;
	if (was == ZYGOTE_FAILED)
		return;
	if (++z->failures >= FAILURES_MAX) {
		struct err e;

		err_set(&e, 0, "zygote.lost", "the %s zygote died %u times in a row; see the log",
			words_engine(z->engine), z->failures);
		pool_failed(z, &e);
		return;
	}
	node_ask_zygote(z->node, z->engine);
}

static void on_zygote(struct loop_watch *w, uint32_t events)
{
	struct zygote *z = container_of(w, struct zygote, link);
	uint8_t packet[PACKET_MAX];
	int fds[FD_PACKET_MAX];
	size_t nfds, used;
	struct msg m;
	ssize_t n = fd_recv_packet(w->fd, packet, sizeof(packet), fds, &nfds);

	(void)events;
	if (n <= 0) {
		lost(z);
		return;
	}
	if (msg_decode(packet, (size_t)n, sizeof(packet), &m, &used) == 1) {
		if (m.type == MSG_FORKED && nfds == 2) {
			on_forked(z, &m.forked, fds);
			return;
		}
		if (m.type == MSG_EXITED)
			on_exited(z, &m.exited);
		else if (m.type == MSG_FORK_FAILED)
			on_fork_failed(z, &m.fork_failed);
		else if (m.type == MSG_ZYGOTE_READY)
			on_ready(z, &m.zygote_ready);
	}
	while (nfds)
		close(fds[--nfds]);
}

void pool_attach(struct zygote *z, int link)
{
	z->link.fd = link;
	z->link.ready = on_zygote;
	z->state = ZYGOTE_STARTING;
	if (loop_watch(z->node->loop, &z->link, EPOLLIN) < 0)
		log_fatal("epoll: %s", strerror(errno));
}

void pool_failed(struct zygote *z, const struct err *e)
{
	z->state = ZYGOTE_FAILED;
	z->failed_ns = clock_now_ns();
	z->error = *e;
	node_announce(z->node, z);
	run_engine_failed(z->node, z->engine, e);
}

/*
 * Whether it said anything after TOUCHED, or is gone. Nothing that was sent before START may be
 * taken for the word of the run that START begins.
 */
static int spoke_early(const struct sandbox *s)
{
	size_t touched = s->held ? FRAME_HEADER + 1 : 0; /* that frame is being handled just now */
	char c;

	return s->in.len > touched || recv(s->watch.fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

struct sandbox *pool_take(struct node *n, uint8_t engine, int threads)
{
	struct zygote *z = &n->zygotes[engine];
	struct pool *p = &z->pool[threads];

	if (z->state == ZYGOTE_NONE) {
		node_ask_zygote(n, engine);
		return NULL;
	}
	while (!list_empty(&p->idle)) {
		struct sandbox *s = list_entry(p->idle.next, struct sandbox, idle);

		leave_pool(s); /* NOLINT(clang-analyzer-unix.Malloc): off the list before it is
				  freed */
		if (spoke_early(s)) {
			pool_kill(s);
			dead(s);
			continue;
		}
		/* While there are enough, forking waits until the run is over: the two would share
		 * the processors. */
		if (p->idle_count * 2 < p->target)
			refill(z, threads);
		return s;
	}
	/* Demand: one more than before, and for bursts at least what is waiting. */
	if (p->target < n->limits.pool_ceiling)
		p->target++;
	refill(z, threads);
	return NULL;
}

void pool_refill(struct node *n, uint8_t engine)
{
	for (int threads = 0; threads < 2; threads++)
		refill(&n->zygotes[engine], threads);
}

/* What hangs before its first run must not hold a place for ever. */
static void drop_stuck(struct zygote *z, uint64_t now)
{
	struct list *p, *tmp;

	list_for_each_safe (p, tmp, &z->sandboxes) {
		struct sandbox *s = list_entry(p, struct sandbox, all);

		if (s->phase != PHASE_WARMING || now - s->asked_ns < WARMING_MAX_S * NS_PER_S)
			continue;
		log_line("a sandbox was not ready after %d s", WARMING_MAX_S);
		leave_pool(s);
		pool_kill(s);
		dead(s);
	}
}

static void retry_failed(struct zygote *z, uint64_t now)
{
	if (z->state != ZYGOTE_FAILED || now - z->failed_ns < RETRY_S * NS_PER_S)
		return;
	z->failures = FAILURES_MAX - 1; /* one more is enough to give up again */
	node_ask_zygote(z->node, z->engine);
}

/* Once a second: what was never needed since the last look is let go, one at a time. */
static void on_look(struct loop_timer *t)
{
	struct node *n = container_of(t, struct node, pool_timer);
	uint64_t now = clock_now_ns();

	for (size_t i = 0; i < ENGINE_COUNT; i++) {
		drop_stuck(&n->zygotes[i], now);
		retry_failed(&n->zygotes[i], now);
		for (int threads = 0; threads < 2; threads++) {
			struct pool *p = &n->zygotes[i].pool[threads];
			uint32_t floor = threads ? 0 : n->limits.pool_floor;

			if (p->low > 1 && p->target > floor)
				p->target--;
			if (p->idle_count > p->target) {
				struct sandbox *s = list_entry(p->idle.next, struct sandbox, idle);

				leave_pool(s);
				pool_kill(s);
				dead(s);
			}
			p->low = p->idle_count;
			refill(&n->zygotes[i], threads);
		}
	}
	loop_arm(n->loop, t, clock_now_ns() + LOOK_MS * NS_PER_MS);
}

void pool_init(struct node *n)
{
	for (size_t i = 0; i < ENGINE_COUNT; i++) {
		struct zygote *z = &n->zygotes[i];

		z->node = n;
		z->engine = (uint8_t)i;
		z->link = (struct loop_watch){.fd = -1, .ready = on_zygote};
		z->jail = BUF_INIT(LIMIT_JAIL_REPORT);
		list_init(&z->sandboxes);
		list_init(&z->pool[0].idle);
		list_init(&z->pool[1].idle);
	}
	n->pool_timer.fire = on_look;
	loop_arm(n->loop, &n->pool_timer, clock_now_ns() + LOOK_MS * NS_PER_MS);
}
