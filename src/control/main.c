/*
 * Descriptors: 3 the supervisor (links to nodes and to the ledger), 4 the listening TCP socket, 5
 * the listening unix socket, 6 the platform document (empty: the defaults), 7 (with --tls)
 * certificate and key. Started as: cordon-control DIRECTORY --owner=UID [--tls] [--rate-address=N]
 * [--rate-key=N] [--stop=SECONDS] [--keep-days=N] [--billing-zone=ZONE]
 *
 * Worst case if it is owned: future policy, and what the API shows. It holds no key that signs
 * receipts, no credential of any destination, and has no way to open a connection or start a
 * program.
 */
#include "base/clock.h"
#include "base/log.h"
#include "control/day.h"
#include "control/lease.h"
#include "control/ledger.h"
#include "control/quota.h"
#include "control/run.h"
#include "control/shed.h"
#include "control/tier.h"
#include "os/fd.h"
#include "os/filter.h"
#include "os/jail.h"
#include "os/slice.h"
#include "os/spawn.h"
#include "policy/platform.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SUPERVISOR_FD = 3,
	LISTEN_FD = 4,
	LOCAL_FD = 5,
	PLATFORM_FD = 6,
	TLS_FD = 7,
	TLS_FILE_MAX = 1 << 20
};
#define ENDING_NS (3 * NS_PER_S)

static void on_supervisor(struct loop_watch *w, uint32_t events)
{
	struct control *c = container_of(w, struct control, supervisor);
	uint8_t packet[64];
	int fds[FD_PACKET_MAX];
	size_t nfds, used;
	struct msg m;
	ssize_t n = fd_recv_packet(w->fd, packet, sizeof(packet), fds, &nfds);

	(void)events;
	if (n <= 0)
		log_fatal("the supervisor is gone");
	if (nfds == 1 && msg_decode(packet, (size_t)n, sizeof(packet), &m, &used) == 1 &&
	    m.type == MSG_NODE_LINK) {
		node_attach(c, fds[0]);
		return;
	}
	if (nfds == 1 && msg_decode(packet, (size_t)n, sizeof(packet), &m, &used) == 1 &&
	    m.type == MSG_LEDGER_LINK) {
		ledger_attach(c, fds[0]);
		return;
	}
	while (nfds)
		close(fds[--nfds]);
}

/* A run that another control left is over, and has its place in the log, before we serve. */
static int is_recovering(struct control *c)
{
	struct list *p, *tmp;

	list_for_each_safe (p, tmp, &c->runs) {
		const struct run *r = list_entry(p, struct run, link);

		if (r->recovered && !r->unwritten)
			return 1;
	}
	return 0;
}

void control_announce(struct control *c)
{
	if (c->announced || !c->node_ready || !c->ledger_known || is_recovering(c) ||
	    !quota_is_ready(c))
		return;
	c->announced = 1;
	printf("ready %s\n", c->url);
	fflush(stdout);
}

/* They are told to the ledger, and then to who waits: that takes a moment. */
static void end_runs(struct control *c)
{
	struct list *p, *tmp;

	list_for_each_safe (p, tmp, &c->runs) {
		struct msg_run_done m = {.outcome = OUTCOME_TERMINATED, .reason = REASON_SHUTDOWN};

		m.detail = WIRE_STR("the platform was stopped");
		run_on_done(list_entry(p, struct run, link), &m);
	}
}

static void on_stop_deadline(struct loop_timer *t)
{
	struct control *c = container_of(t, struct control, stop);

	if (c->ending)
		loop_stop(c->loop);
	c->ending = 1;
	end_runs(c);
	loop_arm(c->loop, t, clock_now_ns() + ENDING_NS);
}

/* Nothing new is accepted; what is under way may end, or is ended at the deadline. */
static void on_signal(struct loop_watch *w, uint32_t events)
{
	struct control *c = container_of(w, struct control, signals);
	struct signalfd_siginfo info;

	(void)events;
	while (read(w->fd, &info, sizeof(info)) == sizeof(info)) {
		if (c->stopping) { /* asked twice: now */
			loop_arm(c->loop, &c->stop, 0);
			return;
		}
		c->stopping = 1;
		loop_arm(c->loop, &c->stop, clock_now_ns() + c->stop_s * NS_PER_S);
		if (c->run_count == 0)
			loop_stop(c->loop);
	}
}

/* What is left is runs whose end could not be written: nobody waits here until it can. */
static void drop_runs(struct control *c)
{
	struct list *p, *tmp;
	struct err e;

	err_set(&e, EIO, "store.failed",
		"the end of this run could not be written; it stands after the next start");
	list_for_each_safe (p, tmp, &c->runs) {
		struct run *r = list_entry(p, struct run, link);

		run_answer(r, &e);
		run_free(r);
	}
}

static void confine(const char *directory)
{
	struct err e;
	int r = jail_service(directory, FILTER_CONTROL, &e);

	if (r < 0)
		log_fatal("%s", e.message);
	if (r == 0)
		log_line("no Landlock here: control's identity alone limits which files it could "
			 "open");
}

static void name_url(struct control *c)
{
	struct sockaddr_storage a = {0};
	socklen_t len = sizeof(a);
	const char *scheme = c->tls_key ? "https" : "http";
	char host[INET6_ADDRSTRLEN] = "";

	if (getsockname(LISTEN_FD, (struct sockaddr *)&a, &len) < 0)
		log_fatal("getsockname: %s", strerror(errno));
	if (a.ss_family == AF_INET6) {
		const struct sockaddr_in6 *s = (const struct sockaddr_in6 *)&a;

		inet_ntop(AF_INET6, &s->sin6_addr, host, sizeof(host));
		snprintf(c->url, sizeof(c->url), "%s://[%s]:%u", scheme, host, ntohs(s->sin6_port));
	} else {
		const struct sockaddr_in *s = (const struct sockaddr_in *)&a;

		inet_ntop(AF_INET, &s->sin_addr, host, sizeof(host));
		snprintf(c->url, sizeof(c->url), "%s://%s:%u", scheme, host, ntohs(s->sin_port));
	}
}

/* A tenant to begin with, on the first start. */
static int first_start(struct control *c, struct err *reterr)
{
	char state[16];
	int r = admin_tenant_state(c, "default", state, reterr);

	if (r != -ENOENT)
		return r;
	r = store_begin(c->store, reterr);
	if (r < 0)
		return r;
	r = store_tenant_add(c->store, "default", clock_wall_ms(), reterr);
	if (r == 0)
		r = profile_defaults(c, "default", reterr);
	if (r == 0)
		return store_commit(c->store, reterr);
	store_rollback(c->store);
	return r;
}

static void on_turn(void *arg)
{
	batch_settle(arg, NULL);
	queue_pump(arg);
	ledger_flush(arg);
}

static void start(struct control *c, const char *directory)
{
	struct err e;
	sigset_t set;

	c->loop = loop_new();
	if (!c->loop || sodium_init() < 0)
		log_fatal("start-up: %s", strerror(errno));
	loop_each_turn(c->loop, on_turn, c);
	if (store_open(directory, &c->store, &e) < 0 || lease_start(c, &e) < 0 ||
	    acts_load(c, &e) < 0 || quota_start(c, &e) < 0 || queue_open(c, &e) < 0 ||
	    runs_recover(c, &e) < 0 || first_start(c, &e) < 0 || tier_start(c, &e) < 0) {
		log_line("the data directory '%s': %s", directory, e.message);
		exit(SPAWN_USELESS);
	}
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	c->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (c->signals.fd < 0 || loop_watch(c->loop, &c->signals, EPOLLIN) < 0 ||
	    loop_watch(c->loop, &c->supervisor, EPOLLIN) < 0)
		log_fatal("start-up: %s", strerror(errno));
	if (http_open(c, &c->doors[0], LISTEN_FD, &e) < 0 ||
	    http_open(c, &c->doors[1], LOCAL_FD, &e) < 0)
		log_fatal("%s", e.message);
	runs_sweep(c);
}

/* What `cordon up` wrote: a length (u64) before each of the two, which end with NUL. */
static char *read_tls(uint64_t *at)
{
	uint64_t len;
	char *text;

	if (pread(TLS_FD, &len, sizeof(len), (off_t)*at) != sizeof(len) || !len ||
	    len > TLS_FILE_MAX + 1)
		log_fatal("the certificate was not handed over");
	text = xmalloc(len);
	if (pread(TLS_FD, text, len, (off_t)(*at + sizeof(len))) != (ssize_t)len)
		log_fatal("the certificate was not handed over");
	text[len - 1] = '\0';
	*at += sizeof(len) + len;
	return text;
}

/* As `cordon up` has checked it. */
static void read_platform(struct control *c)
{
	_cleanup_free_ char *text = NULL;
	struct err e;
	size_t len = 0;
	int r = fd_read_file(PLATFORM_FD, PLATFORM_TEXT_MAX, &text, &len);

	if (r < 0)
		log_fatal("the platform document was not handed over");
	if (platform_read(len ? text : NULL, len, &c->platform, &e) < 0)
		log_fatal("the platform document: %s", e.message);
	close(PLATFORM_FD);
}

static void take_zone(struct control *c, const char *name)
{
	snprintf(c->zone, sizeof(c->zone), "%s", name);
	if (strlen(name) >= sizeof(c->zone) || day_zone(c->zone) < 0)
		log_fatal("there is no time zone '%s' here", name);
}

static int take_number(const char *arg, const char *name, unsigned *to)
{
	size_t n = strlen(name);

	if (strncmp(arg, name, n) != 0)
		return 0;
	*to = (unsigned)strtoul(arg + n, NULL, 10);
	return 1;
}

static void parse(struct control *c, int argc, char **argv)
{
	struct queue_settings *q = &c->queue->settings;
	uint64_t at = 0;

	if (argc < 3 || strncmp(argv[2], "--owner=", 8) != 0)
		log_fatal("started by cordon-supervisor, not by hand");
	c->owner = (uid_t)strtoul(argv[2] + 8, NULL, 10);
	read_platform(c);
	take_zone(c, "UTC");
	for (int i = 3; i < argc; i++) {
		if (!strcmp(argv[i], "--tls")) {
			c->tls_certificate = read_tls(&at);
			c->tls_key = read_tls(&at);
			close(TLS_FD);
		} else if (!strncmp(argv[i], "--billing-zone=", 15)) {
			take_zone(c, argv[i] + 15);
		} else if (!take_number(argv[i], "--rate-address=", &c->rate_address) &&
			   !take_number(argv[i], "--rate-key=", &c->rate_key) &&
			   !take_number(argv[i], "--stop=", &c->stop_s) &&
			   !take_number(argv[i], "--queue-interactive=", &q->waiting[0]) &&
			   !take_number(argv[i], "--queue-bulk=", &q->waiting[1]) &&
			   !take_number(argv[i], "--floor-interactive=", &q->floor[0]) &&
			   !take_number(argv[i], "--floor-bulk=", &q->floor[1]) &&
			   !take_number(argv[i], "--queue-target=", &q->target_ms) &&
			   !take_number(argv[i], "--attempts-interactive=", &q->attempts[0]) &&
			   !take_number(argv[i], "--attempts-bulk=", &q->attempts[1]) &&
			   !take_number(argv[i], "--concurrency-min=", &q->limit_min) &&
			   !take_number(argv[i], "--concurrency-reserve=", &q->reserve) &&
			   !take_number(argv[i], "--concurrency-max=", &q->limit_max) &&
			   !take_number(argv[i], "--keep-days=", &c->keep_days)) {
			log_fatal("unknown option '%s'", argv[i]);
		}
	}
}

int main(int argc, char **argv)
{
	static struct queue queue;
	static struct control c = {.queue = &queue,
				   .supervisor = {.fd = SUPERVISOR_FD, .ready = on_supervisor},
				   .signals = {.fd = -1, .ready = on_signal},
				   .node = {.fd = -1},
				   .ledger = {.fd = -1},
				   .stop = {.fire = on_stop_deadline},
				   .doors = {{.local = 0}, {.local = 1}}};

	log_init("cordon-control");
	slice_short();
	parse(&c, argc, argv);
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	list_init(&c.runs);
	list_init(&c.asks);
	list_init(&c.acts);
	list_init(&c.followers);
	list_init(&c.begun);
	list_init(&c.ended);
	name_url(&c);
	start(&c, argv[1]);
	confine(argv[1]);
	loop_run(c.loop);
	batch_settle(&c, NULL);
	shed_flush(&c);
	queue_close(&c);
	drop_runs(&c);
	ledger_close(&c);
	http_close(&c.doors[0]);
	http_close(&c.doors[1]);
	store_close(c.store);
	fflush(NULL);
	_exit(0); /* what runs at exit needs more than the filter allows, and there is nothing to
		     tidy */
}
