/*
 * The node's main: links, start-up, end. See node.h for the tour.
 *
 * Descriptors: 3 the front (stream of messages; the CLI now, control later), 4 the supervisor
 * (packets), then one socket and one pidfd per sandbox, one packet socket per zygote. It trusts the
 * front and the supervisor, and a zygote as far as its packets; it trusts no sandbox at all.
 *
 * Worst case if it is owned: the runs of this node. It has no network, no file but /proc (by
 * Landlock), no credential.
 */
#include "base/clock.h"
#include "base/log.h"
#include "node/node.h"
#include "os/fd.h"
#include "os/filter.h"
#include "os/jail.h"
#include "os/proc.h"
#include "os/slice.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum { FRONT_FD = 3, SUPERVISOR_FD = 4, PACKET_MAX = 8192, READ_CHUNK = 262144 };
#define FRONT_OUT_MAX (1UL << 30)
#define CACHE_MAX (64u << 20)

static void front_flush(struct node *n)
{
	while (n->front_out.len) {
		ssize_t r = send(n->front.fd, n->front_out.data, n->front_out.len,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			break; /* full, or gone: the loop sees the end of the stream */
		buf_consume(&n->front_out, (size_t)r);
	}
	if (loop_watch(n->loop, &n->front, EPOLLIN | (n->front_out.len ? EPOLLOUT : 0)) < 0)
		log_fatal("epoll: %s", strerror(errno));
}

void node_send_front(struct node *n, const struct msg *m)
{
	int r = msg_encode(&n->front_out, m);

	if (r < 0)
		log_fatal("message %s to the front: %s", msg_name(m->type), strerror(-r));
	/* Sent at the end of the turn, all that it made together; unless it is much. */
	if (n->front_out.len >= READ_CHUNK)
		front_flush(n);
}

static void on_turn(void *arg)
{
	struct node *n = arg;

	if (n->front_out.len)
		front_flush(n);
}

void node_announce(struct node *n, const struct zygote *z)
{
	struct msg m = {.type = MSG_NODE_READY};

	if (n->announced || z->engine != n->warm_engine)
		return;
	n->announced = 1;
	if (z->state == ZYGOTE_FAILED) {
		m.node_ready.error_code = WIRE_STR(z->error.code);
		m.node_ready.error = WIRE_STR(z->error.message);
	} else {
		m.node_ready.jail = WIRE_BUF(&z->jail);
	}
	node_send_front(n, &m);
}

static void on_front(struct loop_watch *w, uint32_t events)
{
	struct node *n = container_of(w, struct node, front);
	uint8_t *to;
	ssize_t got;

	if (events & EPOLLOUT)
		front_flush(n);
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	to = buf_reserve(&n->front_in, READ_CHUNK);
	got = to ? recv(w->fd, to, READ_CHUNK, MSG_DONTWAIT) : -1;
	if (got < 0 && to && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		loop_stop(n->loop);
		return;
	}
	n->front_in.len += (size_t)got;
	for (size_t at = 0;;) {
		size_t used;
		struct msg m;
		int r = msg_decode(n->front_in.data + at, n->front_in.len - at, LIMIT_FRAME, &m,
				   &used);

		if (r < 0)
			log_fatal("the front sent bytes that are no message");
		if (r == 0) {
			buf_consume(&n->front_in, at);
			return;
		}
		if (m.type == MSG_SUBMIT)
			run_submit(n, &m.submit);
		else if (m.type == MSG_CANCEL)
			run_cancel(n, m.cancel.handle, m.cancel.reason);
		else if (m.type == MSG_HOLD)
			hold_add(n, &m.hold);
		else if (m.type == MSG_RELEASE)
			hold_release(n, m.release.hold);
		else
			log_fatal("the front sent %s, which is not its to send", msg_name(m.type));
		at += used;
	}
}

void node_ask_zygote(struct node *n, uint8_t engine)
{
	uint8_t raw[32];
	struct buf b = {.data = raw, .cap = sizeof(raw), .max = sizeof(raw) - 1};

	n->zygotes[engine].state = ZYGOTE_SPAWNING;
	msg_encode(&b, &(struct msg){.type = MSG_SPAWN, .spawn = {engine}});
	fd_send_packet(n->supervisor.fd, b.data, b.len, NULL, 0);
}

static void on_supervisor(struct loop_watch *w, uint32_t events)
{
	struct node *n = container_of(w, struct node, supervisor);
	uint8_t packet[PACKET_MAX];
	int fds[FD_PACKET_MAX];
	size_t nfds, used;
	struct msg m;
	ssize_t got = fd_recv_packet(w->fd, packet, sizeof(packet), fds, &nfds);

	(void)events;
	if (got <= 0) {
		loop_stop(n->loop);
		return;
	}
	if (msg_decode(packet, (size_t)got, sizeof(packet), &m, &used) == 1 &&
	    m.type == MSG_SPAWNED && m.spawned.engine < ENGINE_COUNT) {
		struct zygote *z = &n->zygotes[m.spawned.engine];
		struct err e;

		if (nfds == 1) {
			pool_attach(z, fds[0]);
			return;
		}
		err_set(&e, 0, "zygote", "%.*s", (int)m.spawned.error.len,
			(const char *)m.spawned.error.data);
		snprintf(e.code, sizeof(e.code), "%.*s", (int)m.spawned.error_code.len,
			 (const char *)m.spawned.error_code.data);
		pool_failed(z, &e);
	}
	while (nfds)
		close(fds[--nfds]);
}

/* The supervisor's first packet: what seals of journals are made with. */
static void take_seal_key(struct node *n)
{
	uint8_t packet[FRAME_HEADER + 4 + JOURNAL_KEY];
	int fds[FD_PACKET_MAX];
	size_t nfds, used;
	struct msg m;
	ssize_t got = fd_recv_packet(SUPERVISOR_FD, packet, sizeof(packet), fds, &nfds);

	if (got <= 0 || nfds || msg_decode(packet, (size_t)got, sizeof(packet), &m, &used) != 1 ||
	    m.type != MSG_SEAL_KEY || m.seal_key.key.len != sizeof(n->seal_key))
		log_fatal("no key came first (started by cordon-supervisor, not by hand)");
	memcpy(n->seal_key, m.seal_key.key.data, sizeof(n->seal_key));
	explicit_bzero(packet, sizeof(packet));
}

static uint32_t number(const char *arg, const char *option, uint32_t max)
{
	const char *text = arg + strlen(option);
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (!*text || *end || v > max)
		log_fatal("%s%s: a number from 0 to %u is needed", option, text, max);
	return (uint32_t)v;
}

static void parse(struct node *n, int argc, char **argv)
{
	const struct {
		const char *option;
		uint32_t *to, max;
	} numbers[] = {{"--pool-floor=", &n->limits.pool_floor, 10000},
		       {"--pool-ceiling=", &n->limits.pool_ceiling, 10000},
		       {"--running-max=", &n->limits.running_max, 10000},
		       {"--queue-max=", &n->limits.queue_max, 1000000}};

	for (int i = 1; i < argc; i++) {
		size_t k;

		if (!strncmp(argv[i], "--warm=", 7)) {
			if (words_engine_parse(argv[i] + 7, &n->warm_engine) < 0)
				log_fatal("unknown engine mode '%s'", argv[i] + 7);
			continue;
		}
		for (k = 0; k < ARRAY_SIZE(numbers); k++)
			if (!strncmp(argv[i], numbers[k].option, strlen(numbers[k].option))) {
				*numbers[k].to = number(argv[i], numbers[k].option, numbers[k].max);
				break;
			}
		if (k == ARRAY_SIZE(numbers))
			log_fatal("unknown option '%s'", argv[i]);
	}
}

/* The node needs no right that its identity does not have, and no call that is not in its filter.
 */
static void confine(const struct node *n)
{
	struct rlimit core = {0, 0};
	struct sock_fprog filter;
	struct err e;
	int r;

	setrlimit(RLIMIT_CORE, &core);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		log_fatal("no_new_privs: %s", strerror(errno));
	r = jail_landlock(n->proc, -1);
	if (r < 0)
		log_line("no Landlock here (%s): the node's identity alone limits which files it "
			 "could open",
			 strerror(-r));
	if (filter_compile(FILTER_NODE, &filter, &e) < 0)
		log_fatal("%s", e.message);
	r = filter_install(&filter);
	if (r < 0)
		log_fatal("system call filter: %s", strerror(-r));
}

int main(int argc, char **argv)
{
	static struct node n = {.limits = {.pool_floor = 4,
					   .pool_ceiling = 64,
					   .running_max = 64,
					   .queue_max = 4096},
				.front = {.fd = FRONT_FD, .ready = on_front},
				.supervisor = {.fd = SUPERVISOR_FD, .ready = on_supervisor}};

	log_init("cordon-node");
	slice_short();
	parse(&n, argc, argv);
	take_seal_key(&n);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0,
	      0); /* ceilings are exact: wake within a microsecond */
	n.front_in = BUF_INIT(LIMIT_FRAME * 2 + READ_CHUNK);
	n.front_out = BUF_INIT(FRONT_OUT_MAX);
	n.loop = loop_new();
	n.proc = proc_open();
	if (!n.loop || n.proc < 0 || sodium_init() < 0)
		log_fatal("start-up: %s (is /proc mounted?)", strerror(errno));
	n.cache = cache_new(CACHE_MAX);
	loop_each_turn(n.loop, on_turn, &n);
	list_init(&n.queue);
	list_init(&n.running);
	list_init(&n.holds);
	pool_init(&n);
	fd_set_blocking(FRONT_FD, 0);
	if (loop_watch(n.loop, &n.front, EPOLLIN) < 0 ||
	    loop_watch(n.loop, &n.supervisor, EPOLLIN) < 0)
		log_fatal("epoll: %s (started by cordon-supervisor, not by hand)", strerror(errno));
	confine(&n);
	node_ask_zygote(&n, n.warm_engine);
	return loop_run(n.loop) < 0;
}
