/*
 * The zygote: starts the engine, warms it, closes the jail around itself, and then forks one
 * sandbox for each request of the node. It runs no agent code and reads no untrusted byte: its only
 * peer is the node.
 *
 * Descriptors: 3 the node (packets), 4 the prelude (closed after reading).
 *
 * It is PID 1 of its own PID namespace: when it ends, the kernel ends every sandbox with it. It
 * must have one thread when it forks, or a child may inherit a lock that nobody will ever release:
 * see threads.c.
 *
 * Worst case if it is owned: the runs of this engine mode on this node that start from now on.
 */
#include "base/clock.h"
#include "base/log.h"
#include "os/fd.h"
#include "sandbox/clock.h"
#include "sandbox/image.h"
#include "sandbox/reserve.h"
#include "sandbox/sandbox.h"
#include "sandbox/threads.h"
#include "wire/words.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum {
	NODE_FD = 3,
	PRELUDE_FD = 4,
	PACKET_MAX = 8192,
	PRELUDE_MAX = 16 << 20,
	CHILDREN_MAX = 16384
};

struct child {
	pid_t pid;
	uint64_t id;
};

static struct {
	uint8_t engine;
	struct jail jail;
	const char *outer;
	int cgroup;
	struct child *children; /* open addressing by PID */
	size_t alive;
} z;

static int send_node(const struct msg *m, const int *fds, size_t nfds)
{
	uint8_t raw[PACKET_MAX];
	struct buf b = {.data = raw, .cap = sizeof(raw), .max = sizeof(raw) - 1};
	int r = msg_encode(&b, m);

	return r ? r : fd_send_packet(NODE_FD, b.data, b.len, fds, nfds);
}

static struct child *child_slot(pid_t pid)
{
	size_t i = (size_t)pid % (CHILDREN_MAX * 2);

	while (z.children[i].pid && z.children[i].pid != pid)
		i = (i + 1) % (CHILDREN_MAX * 2);
	return &z.children[i];
}

static void child_forget(struct child *c)
{
	size_t i = (size_t)(c - z.children);

	c->pid = 0;
	z.alive--;
	/* Later entries of the same cluster move up, so that searches never stop short. */
	for (size_t k = (i + 1) % (CHILDREN_MAX * 2); z.children[k].pid;
	     k = (k + 1) % (CHILDREN_MAX * 2)) {
		struct child moved = z.children[k];

		z.children[k].pid = 0;
		*child_slot(moved.pid) = moved;
	}
}

static void fork_failed(uint64_t id, int number)
{
	send_node(&(struct msg){.type = MSG_FORK_FAILED, .fork_failed = {id, (uint32_t)number}},
		  NULL, 0);
}

static void on_fork(uint64_t id, int threads)
{
	uint64_t begin = clock_now_ns();
	_cleanup_fd_ int ours = -1, theirs = -1, pidfd = -1;
	int pair[2], fds[2];
	pid_t pid;

	if (z.alive >= CHILDREN_MAX) {
		fork_failed(id, EAGAIN);
		return;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		fork_failed(id, errno);
		return;
	}
	theirs = pair[0];
	ours = pair[1];
	pid = fork();
	if (pid == 0)
		sandbox_main(&z.jail, ours, threads);
	if (pid < 0) {
		fork_failed(id, errno);
		return;
	}
	*child_slot(pid) = (struct child){pid, id};
	z.alive++;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	fds[0] = theirs;
	fds[1] = pidfd;
	if (pidfd < 0) /* closing its socket ends the child */
		fork_failed(id, errno);
	else
		send_node(&(struct msg){.type = MSG_FORKED,
					.forked = {id, (clock_now_ns() - begin) / NS_PER_US}},
			  fds, 2);
}

static void reap(void)
{
	struct rusage u;
	int status;
	pid_t pid;

	while ((pid = wait4(-1, &status, WNOHANG, &u)) > 0) {
		struct child *c = child_slot(pid);
		uint64_t rss = (uint64_t)u.ru_maxrss * 1024;

		if (!c->pid)
			continue;
		send_node(
			&(struct msg){.type = MSG_EXITED,
				      .exited = {c->id, (uint32_t)status,
						 (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) *
								 1000000 +
							 (uint64_t)(u.ru_utime.tv_usec +
								    u.ru_stime.tv_usec),
						 rss}},
			NULL, 0);
		child_forget(c);
	}
}

/* Serves until the node is gone. */
static void serve(int sig)
{
	uint8_t packet[64];
	int fds[FD_PACKET_MAX];

	for (;;) {
		struct pollfd p[] = {{NODE_FD, POLLIN, 0}, {sig, POLLIN, 0}};
		struct signalfd_siginfo info;
		struct msg m;
		size_t nfds, used;
		ssize_t n;

		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			return;
		if (p[1].revents) {
			if (read(sig, &info, sizeof(info)) < 0 && errno != EAGAIN)
				return;
			reap();
		}
		if (!p[0].revents)
			continue;
		n = fd_recv_packet(NODE_FD, packet, sizeof(packet), fds, &nfds);
		if (n <= 0)
			return;
		if (msg_decode(packet, (size_t)n, sizeof(packet), &m, &used) == 1 &&
		    m.type == MSG_FORK)
			on_fork(m.fork.id, m.fork.threads);
	}
}

/* Regulated: no page of this process may be both writable and executable. */
static int check_no_writable_code(struct err *reterr)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512], perms[8];
	int r = f ? 0 : -errno;

	while (f && !r && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %4s", perms) == 1 && perms[1] == 'w' && perms[2] == 'x')
			r = -EPERM;
	if (f)
		fclose(f);
	return r ? err_set(reterr, -r, "engine.executable_memory",
			   "regulated mode, but the engine holds writable executable memory: %s",
			   f ? line : "no /proc")
		 : 0;
}

static void refuse(const struct err *e)
{
	send_node(&(struct msg){.type = MSG_ZYGOTE_READY,
				.zygote_ready = {.error_code = WIRE_STR(e->code),
						 .error = WIRE_STR(e->message)}},
		  NULL, 0);
	log_line("%s", e->message);
	_exit(1);
}

/* The engine's own remarks ("disabling gigacage") are not for the operator. */
static void silence(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (null >= 0)
		dup2(null, STDERR_FILENO);
	close_fd(&null);
}

static void warm(void)
{
	_cleanup_free_ char *prelude = NULL;
	_cleanup_fd_ int err_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	size_t len;
	struct err e;
	int r = fd_read_file(PRELUDE_FD, PRELUDE_MAX, &prelude, &len);

	close(PRELUDE_FD);
	if (r < 0) {
		err_set(&e, -r, "engine.prelude", "reading the prelude: %s", strerror(-r));
		refuse(&e);
	}
	silence();
	sandbox_clock_init();
	r = engine_init(prelude, len, &sandbox_host, &e);
	if (r == 0)
		r = engine_settle(&e);
	dup2(err_fd, STDERR_FILENO);
	if (r < 0)
		refuse(&e);
}

/* When the machine runs out of memory, a sandbox goes before anything else (proc(5)). */
static void offer_to_oom_killer(void)
{
	_cleanup_fd_ int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "500", 3) != 3)
		log_line("oom_score_adj: %s", strerror(errno));
}

/* Closes the jail, says so, and serves. */
static void open_shop(void)
{
	_cleanup_buf_ struct buf report = BUF_INIT(LIMIT_JAIL_REPORT);
	struct err e;
	char version[64];
	sigset_t set;
	int sig;

	if (threads_wait_alone(&e) < 0)
		refuse(&e);
	if (reserve_seal(sandbox_fatal, &e) < 0)
		refuse(&e);
	image_heap();
	if (z.engine == ENGINE_REGULATED && check_no_writable_code(&e) < 0)
		refuse(&e);
	z.children = xcalloc(CHILDREN_MAX * 2, sizeof(*z.children));
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sig = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (sig < 0)
		log_fatal("signalfd: %s", strerror(errno));
	if (z.cgroup)
		z.jail.on |= 1u << JAIL_CGROUP;
	if (jail_enter(&z.jail, z.outer, &e) < 0)
		refuse(&e);
	jail_json(&z.jail, &report);
	engine_version(version);
	if (send_node(&(struct msg){.type = MSG_ZYGOTE_READY,
				    .zygote_ready = {.jail = WIRE_BUF(&report),
						     .version = WIRE_STR(version)}},
		      NULL, 0) == 0)
		serve(sig);
}

int main(int argc, char **argv)
{
	log_init("cordon-zygote");
	if (argc != 5 || words_engine_parse(argv[1], &z.engine) < 0 ||
	    strncmp(argv[4], "--outer=", 8) != 0)
		log_fatal("started by cordon-supervisor, not by hand");
	z.jail.require = strcmp(argv[2], "--jail=available") ? JAIL_FULL : JAIL_AVAILABLE;
	z.cgroup = !strcmp(argv[3], "--cgroup");
	z.outer = argv[4] + 8;
	mallopt(M_MXFAST,
		0); /* or a large allocation in a sandbox would consolidate, and touch, all bins */
	offer_to_oom_killer();
	sandbox_prepare();
	image_code();
	warm();
	open_shop();
	return 0;
}
