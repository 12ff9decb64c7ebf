/*
 * The supervisor: starts ledger, node and zygotes, starts them again when they die, and ends them
 * all when whoever started it goes away. It makes the namespaces, because it may; it reads no
 * untrusted byte: its peers are the front (the CLI, later control) and the node, and what it reads
 * from them is a single fixed-size message that asks for a zygote of one of two kinds.
 *
 * The front is who hands out runs: the CLI that started us, for its own run; or, with --control,
 * the control process that we start for it.
 *
 * Descriptors: 3 whoever started us (packets; its end is our end); with --control, 4 the listening
 * TCP socket, 5 the listening unix socket, 6 the ledger's key, 7 the platform document; with --tls,
 * 8 certificate and key. Children get theirs by number:
 *   control 3 the supervisor (links to nodes and the ledger), 4 and 5 the listening sockets, 6 the
 *           platform document, 7 certificate and key
 *   ledger  3 the supervisor (links to control), 4 its key
 *   node    3 the front's runs (stream), 4 the supervisor
 *   zygote  3 the node, 4 the prelude
 *
 * Worst case if the node is owned: it can ask for zygotes, which is what it is for.
 */
#include "base/clock.h"
#include "base/log.h"
#include "os/cgroup.h"
#include "os/fd.h"
#include "os/jail.h"
#include "os/spawn.h"
#include "wire/message.h"
#include "wire/words.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum {
	STARTER_FD = 3,
	LISTEN_FD = 4,
	LOCAL_FD = 5,
	KEY_FD = 6,
	PLATFORM_FD = 7,
	TLS_FD = 8,
	PASS_MAX = 32,
	PACKET_MAX = 8192,
	CGROUP_PROCESSES = 16384,
	RESTARTS_MAX = 16,
	RESTARTS_AT_ONCE = 4,
	RESTART_STEP_MS = 100,
	STEADY_S = 60
};
#define LEDGER_END_NS (2 * NS_PER_S)
#define CGROUP_MEMORY                                                                              \
	(64ULL << 30) /* a wall far out; the ceilings of runs are exact and nearer                 \
		       */

struct supervisor {
	struct spawn_ids ids;
	struct cgroup cgroup;
	int require_full;
	char outer[JAIL_OUTER_SIZE];
	char **node_args;	    /* what follows "--" on our command line: for the node */
	const char *pass[PASS_MAX]; /* for control */
	size_t n_pass;
	const char *log[PASS_MAX]; /* for the ledger */
	size_t n_log;
	int tls;		 /* TLS_FD has its certificate and key */
	const char *data;	 /* the state's directory; NULL: the front is who started us */
	const char *ledger_data; /* the ledger's */
	int front;		 /* where links to nodes go */
	int ledger_link;
	uint8_t seal_key[32]; /* with which nodes seal journals, and the ledger knows that they did
			       */
	int node_exe, zygote_exe, control_exe, ledger_exe, prelude;
	pid_t control, ledger, node, zygote[ENGINE_COUNT];
	int node_link;
	int ending;  /* control was asked to end: however it does, all is over then */
	int useless; /* control cannot work, and has said why */
	uint32_t incarnation;
	uint32_t deaths; /* of children in a row that lived less than STEADY_S */
	uint64_t started_ns;
	uint32_t ledger_deaths;
	uint64_t ledger_started_ns;
};

static const char *const node_env[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL};

/*
 * The engine's settings. One thread only: no concurrent compiler or collector. No Gigacage, so that
 * RLIMIT_DATA is an exact ceiling (DESIGN: section 4). UTC and a fixed locale, so that runs repeat.
 */
#define ENGINE_ENV                                                                                 \
	"LD_BIND_NOW=1", "Malloc=1", "GIGACAGE_ENABLED=0", "JSC_useConcurrentJIT=0",               \
		"JSC_useConcurrentGC=0", "JSC_numberOfGCMarkers=1", "JSC_forceRAMSize=67108864",   \
		"TZ=UTC", "LANG=en_US.UTF-8", "LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin"
static const char *const zygote_env[ENGINE_COUNT][16] = {
	[ENGINE_STANDARD] = {ENGINE_ENV, "JSC_jitMemoryReservationSize=67108864",
			     "JSC_thresholdForJITAfterWarmUp=50000",
			     "JSC_thresholdForJITSoon=50000", NULL},
	[ENGINE_REGULATED] = {ENGINE_ENV, "JSC_useJIT=0", "JSC_useWebAssembly=0",
			      "JSC_useRegExpJIT=0", NULL},
};

static int send_message(int fd, const struct msg *m, int carry)
{
	_cleanup_buf_ struct buf b = BUF_INIT(PACKET_MAX);
	int r = msg_encode(&b, m);

	return r ? r : fd_send_packet(fd, b.data, b.len, &carry, carry >= 0 ? 1 : 0);
}

/* The first packet on a new link. A peer that is gone already is noticed elsewhere. */
static void send_seal_key(struct supervisor *s, int fd)
{
	uint8_t raw[64];
	struct buf b = {.data = raw, .cap = sizeof(raw), .max = sizeof(raw) - 1};

	if (msg_encode(&b, &(struct msg){.type = MSG_SEAL_KEY,
					 .seal_key = {{s->seal_key, sizeof(s->seal_key)}}}) == 0)
		fd_send_packet(fd, b.data, b.len, NULL, 0);
	explicit_bzero(raw, sizeof(raw));
}

static void start_control(struct supervisor *s)
{
	char owner[32];
	const char *argv[PASS_MAX + 8] = {"cordon-control", s->data, owner};
	int link[2], fds[5];
	size_t n = 3;
	struct err e;

	if (fd_pair(SOCK_SEQPACKET, link) < 0)
		log_fatal("socketpair: %s", strerror(errno));
	fds[0] = link[1];
	fds[1] = LISTEN_FD;
	fds[2] = LOCAL_FD;
	fds[3] = PLATFORM_FD;
	fds[4] = TLS_FD;
	if (s->tls)
		argv[n++] = "--tls";
	for (size_t i = 0; i < s->n_pass; i++)
		argv[n++] = s->pass[i];
	snprintf(owner, sizeof(owner), "--owner=%u", (unsigned)getuid());
	if (spawn_plain(&(struct spawn){.exe = s->control_exe,
					.argv = argv,
					.envp = node_env,
					.fds = fds,
					.nfds = s->tls ? 5 : 4,
					.uid = s->ids.control,
					.cgroup = -1},
			&s->control, &e) < 0)
		log_fatal("%s", e.message);
	close(link[1]);
	close_fd(&s->front);
	s->front = link[0];
}

static void start_ledger(struct supervisor *s)
{
	const char *argv[PASS_MAX + 8] = {"cordon-ledger", s->ledger_data};
	int link[2], fds[2];
	size_t n = 2;
	struct err e;

	if (fd_pair(SOCK_SEQPACKET, link) < 0)
		log_fatal("socketpair: %s", strerror(errno));
	fds[0] = link[1];
	fds[1] = KEY_FD;
	for (size_t i = 0; i < s->n_log; i++)
		argv[n++] = s->log[i];
	if (spawn_plain(&(struct spawn){.exe = s->ledger_exe,
					.argv = argv,
					.envp = node_env,
					.fds = fds,
					.nfds = 2,
					.uid = s->ids.ledger,
					.cgroup = -1},
			&s->ledger, &e) < 0)
		log_fatal("%s", e.message);
	close(link[1]);
	close_fd(&s->ledger_link);
	s->ledger_link = link[0];
	s->ledger_started_ns = clock_now_ns();
	send_seal_key(s, s->ledger_link);
}

/* A stream between control and ledger, one end to each. */
static void link_ledger(struct supervisor *s)
{
	struct msg m = {.type = MSG_LEDGER_LINK, .ledger_link = {++s->incarnation}};
	int pair[2];

	if (fd_pair(SOCK_STREAM, pair) < 0)
		log_fatal("socketpair: %s", strerror(errno));
	send_message(s->ledger_link, &m, pair[0]);
	send_message(s->front, &m, pair[1]);
	close(pair[0]);
	close(pair[1]);
}

static void start_node(struct supervisor *s)
{
	const char *argv[32] = {"cordon-node"};
	int runs[2], link[2], fds[2], r;
	struct err e;
	size_t n = 1;

	for (char **a = s->node_args; *a && n + 1 < ARRAY_SIZE(argv); a++)
		argv[n++] = *a;
	if (fd_pair(SOCK_STREAM, runs) < 0 || fd_pair(SOCK_SEQPACKET, link) < 0)
		log_fatal("socketpair: %s", strerror(errno));
	fds[0] = runs[1];
	fds[1] = link[1];
	r = spawn_plain(&(struct spawn){.exe = s->node_exe,
					.argv = argv,
					.envp = node_env,
					.fds = fds,
					.nfds = 2,
					.uid = s->ids.node,
					.cgroup = -1},
			&s->node, &e);
	if (r < 0)
		log_fatal("%s", e.message);
	close(runs[1]);
	close(link[1]);
	s->node_link = link[0];
	send_seal_key(s, s->node_link);
	s->incarnation++;
	s->started_ns = clock_now_ns();
	r = send_message(s->front,
			 &(struct msg){.type = MSG_NODE_LINK, .node_link = {s->incarnation}},
			 runs[0]);
	close(runs[0]);
	if (r < 0 && !s->data)
		exit(0); /* the front is gone; so are we */
}

static int start_zygote(struct supervisor *s, uint8_t engine, int link, struct err *reterr)
{
	char outer[JAIL_OUTER_SIZE + 16];
	const char *argv[] = {"cordon-zygote",
			      words_engine(engine),
			      s->require_full ? "--jail=full" : "--jail=available",
			      s->cgroup.dir >= 0 ? "--cgroup" : "--no-cgroup",
			      outer,
			      NULL};
	int fds[] = {link, s->prelude};

	snprintf(outer, sizeof(outer), "--outer=%s", s->outer);
	return spawn_jailed(&(struct spawn){.exe = s->zygote_exe,
					    .argv = argv,
					    .envp = zygote_env[engine],
					    .fds = fds,
					    .nfds = 2,
					    .uid = s->ids.sandbox,
					    .cgroup = s->cgroup.dir},
			    &s->ids, s->require_full, &s->zygote[engine], reterr);
}

static void end_zygote(struct supervisor *s, size_t engine)
{
	if (s->zygote[engine] > 0) {
		kill(s->zygote[engine], SIGKILL);
		waitpid(s->zygote[engine], NULL, 0);
	}
	s->zygote[engine] = 0;
}

/* The node asks for a zygote: an old one of that kind is of no more use to it. */
static void on_spawn(struct supervisor *s, uint8_t engine)
{
	struct msg answer = {.type = MSG_SPAWNED, .spawned = {.engine = engine}};
	int link[2], r;
	struct err e;

	if (engine >= ENGINE_COUNT)
		return;
	end_zygote(s, engine);
	if (fd_pair(SOCK_SEQPACKET, link) < 0)
		log_fatal("socketpair: %s", strerror(errno));
	r = start_zygote(s, engine, link[1], &e);
	if (r < 0) {
		answer.spawned.error_code = WIRE_STR(e.code);
		answer.spawned.error = WIRE_STR(e.message);
	}
	send_message(s->node_link, &answer, r < 0 ? -1 : link[0]);
	close(link[0]);
	close(link[1]);
}

static void on_node_message(struct supervisor *s)
{
	uint8_t packet[64];
	int fds[FD_PACKET_MAX];
	size_t nfds, used;
	struct msg m;
	ssize_t n = fd_recv_packet(s->node_link, packet, sizeof(packet), fds, &nfds);

	while (nfds)
		close(fds[--nfds]);
	if (n <= 0) { /* the node is going; its SIGCHLD says the rest */
		close_fd(&s->node_link);
		return;
	}
	if (msg_decode(packet, (size_t)n, sizeof(packet), &m, &used) == 1 && m.type == MSG_SPAWN)
		on_spawn(s, m.spawn.engine);
}

/* Reaps. 1 if the front's side ended of its own accord: then all is over. */
static int on_child(struct supervisor *s)
{
	int status, over = 0;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < ENGINE_COUNT; i++)
			if (s->zygote[i] == pid)
				s->zygote[i] = 0;
		if (pid == s->control) {
			s->control = 0;
			s->useless = WIFEXITED(status) && WEXITSTATUS(status) == SPAWN_USELESS;
			over |= status == 0 || s->ending || s->useless;
		} else if (pid == s->ledger) {
			s->ledger = 0;
			s->useless |= WIFEXITED(status) && WEXITSTATUS(status) == SPAWN_USELESS;
			over |= s->useless;
		} else if (pid == s->node) {
			s->node = 0; /* it ends by itself when its front does */
			over |= status == 0 && !s->data;
		}
	}
	return over;
}

static void end_child(pid_t *pid)
{
	if (*pid > 0) {
		kill(*pid, SIGKILL);
		waitpid(*pid, NULL, 0);
	}
	*pid = 0;
}

/* What serves the dead one is of no use to the new: a node has the runs of one front. */
static void restart(struct supervisor *s)
{
	for (size_t i = 0; i < ENGINE_COUNT; i++)
		end_zygote(s, i); /* its sandboxes end with it */
	end_child(&s->node);
	close_fd(&s->node_link);
	s->deaths = clock_now_ns() - s->started_ns < STEADY_S * NS_PER_S ? s->deaths + 1 : 1;
	if (s->deaths >= RESTARTS_MAX)
		log_fatal("%s died %u times in a row; giving up",
			  s->data && !s->control ? "control" : "the node", s->deaths);
	if (s->data && !s->control) {
		start_control(s);
		link_ledger(s);
	}
	start_node(s);
}

/* One that dies again and again may need a moment more than the last one had. */
static void pause_before(uint32_t deaths)
{
	if (deaths > RESTARTS_AT_ONCE)
		poll(NULL, 0, (int)(deaths - RESTARTS_AT_ONCE) * RESTART_STEP_MS);
}

static void restart_ledger(struct supervisor *s)
{
	s->ledger_deaths = clock_now_ns() - s->ledger_started_ns < STEADY_S * NS_PER_S
				   ? s->ledger_deaths + 1
				   : 1;
	if (s->ledger_deaths >= RESTARTS_MAX)
		log_fatal("the ledger died %u times in a row; giving up", s->ledger_deaths);
	pause_before(s->ledger_deaths);
	start_ledger(s);
	link_ledger(s);
}

/* It may sign a last checkpoint: what was recorded is covered by one when all is over. */
static void end_ledger(struct supervisor *s)
{
	uint64_t until = clock_now_ns() + LEDGER_END_NS;

	close_fd(&s->ledger_link);
	while (s->ledger > 0 && clock_now_ns() < until) {
		if (waitpid(s->ledger, NULL, WNOHANG) == s->ledger)
			s->ledger = 0;
		else
			poll(NULL, 0, 2);
	}
	end_child(&s->ledger);
}

static void end_all(struct supervisor *s)
{
	for (size_t i = 0; i < ENGINE_COUNT; i++)
		end_zygote(s, i);
	end_child(&s->node);
	end_child(&s->control);
	end_ledger(s);
	cgroup_remove(&s->cgroup);
}

/* Control ends when the runs that are under way have ended, or its deadline has come. */
static int ask_to_end(struct supervisor *s)
{
	s->ending = 1;
	return s->control > 0 && kill(s->control, SIGTERM) == 0 ? 0 : -1;
}

static void run(struct supervisor *s)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sig = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (sig < 0)
		log_fatal("signalfd: %s", strerror(errno));
	for (;;) {
		struct pollfd p[] = {
			{sig, POLLIN, 0}, {STARTER_FD, POLLIN, 0}, {s->node_link, POLLIN, 0}};
		struct signalfd_siginfo info;

		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			log_fatal("poll: %s", strerror(errno));
		if (p[1].revents)
			return; /* it sends us nothing: this is its end */
		if (p[2].revents)
			on_node_message(s);
		while (read(sig, &info, sizeof(info)) == sizeof(info))
			if (info.ssi_signo != SIGCHLD && ask_to_end(s) < 0)
				return;
		if (on_child(s))
			return;
		if (s->data && !s->ledger)
			restart_ledger(s);
		if (!s->node || (s->data && !s->control))
			restart(s);
	}
}

static void raise_limit(int resource)
{
	struct rlimit l;

	if (getrlimit(resource, &l) == 0) {
		l.rlim_cur = l.rlim_max;
		setrlimit(resource, &l);
	}
}

int main(int argc, char **argv)
{
	struct supervisor s = {
		.node_link = -1, .ledger_link = -1, .require_full = 1, .front = STARTER_FD};
	struct err e;
	int i;

	log_init("cordon-supervisor");
	if (argc < 2)
		log_fatal("started by `cordon`, not by hand");
	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (!strcmp(argv[i], "--jail=available"))
			s.require_full = 0;
		else if (!strncmp(argv[i], "--pass=", 7) && s.n_pass < PASS_MAX)
			s.pass[s.n_pass++] = argv[i] + 7;
		else if (!strcmp(argv[i], "--tls"))
			s.tls = 1;
		else if (!strncmp(argv[i], "--control=", 10))
			s.data = argv[i] + 10;
		else if (!strncmp(argv[i], "--ledger=", 9))
			s.ledger_data = argv[i] + 9;
		else if (!strncmp(argv[i], "--log=", 6) && s.n_log < PASS_MAX)
			s.log[s.n_log++] = argv[i] + 6;
		else if (strcmp(argv[i], "--jail=full") != 0)
			log_fatal("unknown option '%s'", argv[i]);
	}
	s.node_args = argv + (i < argc ? i + 1 : argc);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid(); /* a terminal's signals are for the front, and no sandbox needs a terminal */
	signal(SIGPIPE, SIG_IGN);
	raise_limit(RLIMIT_NOFILE);
	for (int fd = STARTER_FD; fd <= (s.tls ? TLS_FD : s.data ? PLATFORM_FD : STARTER_FD); fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	spawn_ids(&s.ids);
	jail_outer(s.outer);
	s.node_exe = spawn_find("cordon-node", &e);
	s.zygote_exe = s.node_exe < 0 ? -1 : spawn_find("cordon-zygote", &e);
	s.prelude = s.zygote_exe < 0 ? -1 : spawn_find("prelude.js", &e);
	if (s.prelude >= 0 && s.data)
		s.control_exe = spawn_find("cordon-control", &e);
	if (s.control_exe >= 0 && s.data)
		s.ledger_exe = spawn_find("cordon-ledger", &e);
	if (s.prelude < 0 || s.control_exe < 0 || s.ledger_exe < 0)
		log_fatal("%s", e.message);
	if (getrandom(s.seal_key, sizeof(s.seal_key), 0) != sizeof(s.seal_key))
		log_fatal("getrandom: %s", strerror(errno));
	cgroup_create(&s.cgroup, CGROUP_MEMORY, CGROUP_PROCESSES);
	if (s.data) {
		s.front = -1;
		start_ledger(&s);
		start_control(&s);
		link_ledger(&s);
	}
	start_node(&s);
	run(&s);
	end_all(&s);
	return s.useless;
}
