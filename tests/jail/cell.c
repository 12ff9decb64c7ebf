#include "jail/cell.h"

#include "base/buf.h"
#include "os/fd.h"
#include "os/filter.h"
#include "os/spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { LINK_FD = 3, HANG_MS = 30000 };

/* jail.c's filter_install() calls come by here (ld --wrap), so that a cell can leave them out. */
static int no_filter;
int __real_filter_install(const struct sock_fprog *program);
int __wrap_filter_install(const struct sock_fprog *program);
int __wrap_filter_install(const struct sock_fprog *program)
{
	return no_filter ? 0 : __real_filter_install(program);
}

static struct jail jail;

/* ---- the process that tries ---- */

static void node_confine(void)
{
	struct sock_fprog f;
	struct err e;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || filter_compile(FILTER_NODE, &f, &e) < 0 ||
	    filter_install(&f) < 0)
		_exit(99);
}

_Noreturn static void try(const struct order *o, int sock)
{
	struct report r = {.reported = 1};
	const struct attempt sweep = {.nr = o->index,
				      .arg = {o->arg, o->arg, o->arg, o->arg, o->arg, o->arg}};
	const struct attempt *a = o->table == CELL_ATTEMPTS ? &attempts[o->index]
				  : o->table == CELL_LAYERS ? &layers[o->index]
							    : &sweep;

	snprintf(secret, sizeof(secret), "the attempt's own");
	if (o->how == CELL_SANDBOX || o->how == CELL_THREADS) {
		if (jail_narrow(&jail, sock, o->how == CELL_THREADS) < 0)
			_exit(98);
	} else if (sock != JAIL_SOCKET && dup2(sock, JAIL_SOCKET) < 0) {
		_exit(98);
	}
	if (o->how == CELL_NODE)
		node_confine();
	errno = 0;
	r.value = attempt_run(a);
	r.error = r.value == -1 ? errno : 0;
	(void)!write(JAIL_SOCKET, &r, sizeof(r));
	_exit(0);
}

/* Forks, lets it try, and gathers its report and its end. Runs in the zygote or in the test. */
static void supervise(const struct order *o, struct report *ret)
{
	char got[2 * sizeof(*ret)];
	size_t len = 0;
	int pair[2];
	ssize_t n;
	pid_t pid;

	memset(ret, 0, sizeof(*ret));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	pid = fork();
	if (pid == 0)
		try(o, pair[1]);
	close(pair[1]);
	/* The report comes last: the attempt itself may have sent something. */
	while (len < sizeof(got) && (n = read(pair[0], got + len, sizeof(got) - len)) > 0)
		len += (size_t)n;
	if (len >= sizeof(*ret))
		memcpy(ret, got + len - sizeof(*ret), sizeof(*ret));
	close(pair[0]); /* what still waits on its socket ends here */
	if (pid < 0 || wait4(pid, &ret->status, 0, NULL) != pid)
		ret->status = -1;
}

/* ---- the zygote ---- */

/* A neighbour: jailed like the others, waiting like the others, with something of its own. */
static pid_t start_sibling(int pair[2])
{
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		char c;

		snprintf(secret, sizeof(secret), "the sibling's own");
		if (jail_narrow(&jail, pair[1], 0) < 0)
			_exit(98);
		(void)!write(JAIL_SOCKET, "r", 1);
		_exit(read(JAIL_SOCKET, &c, 1) == 1 ? 1 : 0);
	}
	close(pair[1]);
	return pid;
}

/* How many are open that should not be; `seen` lists them. */
static int strange_descriptors(char *seen, size_t size)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	size_t at = 0;
	int n = 0;

	while (d && (e = readdir(d))) {
		int fd = atoi(e->d_name);

		if (e->d_name[0] == '.' || fd <= LINK_FD || fd == dirfd(d))
			continue;
		n++;
		if (at < size)
			at += (size_t)snprintf(seen + at, size - at, " %d", fd);
	}
	if (d)
		closedir(d);
	return d ? n : -1;
}

_Noreturn static void serve(const char *outer)
{
	struct cell_ready ready = {0};
	_cleanup_buf_ struct buf json = BUF_INIT(sizeof(ready.json) - 1);
	int pair[2] = {-1, -1};
	struct order o;
	struct report r;
	char c;

	ready.strange = strange_descriptors(ready.strange_list, sizeof(ready.strange_list));
	snprintf(secret, sizeof(secret), "the zygote's own");
	targets.zygote = getpid();
	if (jail_enter(&jail, outer, &ready.error) < 0) {
		if (!ready.error.number)
			ready.error.number = EINVAL;
		(void)!write(LINK_FD, &ready, sizeof(ready));
		_exit(1);
	}
	jail_json(&jail, &json);
	memcpy(ready.json, json.data, json.len);
	ready.jail = jail;
	targets.sibling = start_sibling(pair);
	if (targets.sibling < 0 || read(pair[0], &c, 1) != 1)
		err_set(&ready.error, ECHILD, "cell.sibling", "the neighbour did not start");
	(void)!write(LINK_FD, &ready, sizeof(ready));
	while (read(LINK_FD, &o, sizeof(o)) == sizeof(o)) {
		supervise(&o, &r);
		r.sibling_alive = wait4(targets.sibling, NULL, WNOHANG, NULL) == 0;
		(void)!write(LINK_FD, &r, sizeof(r));
	}
	_exit(0);
}

int cell_main(char **argv)
{
	jail.require = strcmp(argv[1], "available") ? JAIL_FULL : JAIL_AVAILABLE;
	no_filter = !strcmp(argv[2], "no-filter");
	targets.outside = atoi(argv[3]);
	serve(argv[4]);
}

/* ---- the test's side ---- */

static int wait_for(int fd)
{
	struct pollfd p = {fd, POLLIN, 0};
	int r;

	do
		r = poll(&p, 1, HANG_MS);
	while (r < 0 && errno == EINTR);
	return r == 0 ? -ETIMEDOUT : 0;
}

int cell_open(struct cell *c, enum jail_require require, int filter, struct err *reterr)
{
	_cleanup_fd_ int exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), theirs = -1;
	char outer[JAIL_OUTER_SIZE], self[16];
	const char *argv[] = {"cell",
			      require == JAIL_FULL ? "full" : "available",
			      filter ? "filter" : "no-filter",
			      self,
			      outer,
			      NULL};
	const char *envp[] = {"LANG=C", NULL};
	struct spawn_ids ids;
	int pair[2], r;

	*c = (struct cell){.link = -1};
	snprintf(self, sizeof(self), "%d", (int)getpid());
	jail_outer(outer);
	spawn_ids(&ids);
	r = fd_pair(SOCK_SEQPACKET, pair);
	if (r < 0)
		return err_set(reterr, -r, "cell", "socketpair: %s", strerror(-r));
	c->link = pair[0];
	theirs = pair[1];
	r = spawn_jailed(&(struct spawn){.exe = exe,
					 .argv = argv,
					 .envp = envp,
					 .fds = &theirs,
					 .nfds = 1,
					 .uid = ids.sandbox,
					 .cgroup = -1},
			 &ids, require == JAIL_FULL, &c->pid, reterr);
	if (r < 0) {
		c->pid = 0;
		cell_close(c);
		return r;
	}
	close_fd(&theirs);
	if (wait_for(c->link) < 0 ||
	    read(c->link, &c->ready, sizeof(c->ready)) != sizeof(c->ready)) {
		cell_close(c);
		return err_set(reterr, EPIPE, "cell", "the stand-in for the zygote died");
	}
	if (c->ready.error.number) {
		*reterr = c->ready.error;
		cell_close(c);
		return -reterr->number;
	}
	return 0;
}

void cell_close(struct cell *c)
{
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
	}
	c->pid = 0;
	close_fd(&c->link);
}

int cell_try(struct cell *c, const struct order *o, struct report *ret)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	if (write(c->link, o, sizeof(*o)) != sizeof(*o))
		return -EPIPE;
	r = wait_for(c->link);
	if (r < 0)
		return r;
	return read(c->link, ret, sizeof(*ret)) == sizeof(*ret) ? 0 : -EPIPE;
}

int cell_try_here(const struct order *o, struct report *ret)
{
	int pair[2];
	char ready;

	/* A neighbour of the same user, without a jail. */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	targets.zygote = getpid();
	targets.outside = getpid();
	targets.sibling = fork();
	if (targets.sibling == 0) {
		char c;

		close(pair[0]);
		snprintf(secret, sizeof(secret), "the sibling's own");
		(void)!write(pair[1], "r", 1);
		_exit(read(pair[1], &c, 1) == 1 ? 1 : 0);
	}
	close(pair[1]);
	(void)!read(pair[0], &ready, 1);
	supervise(o, ret);
	ret->sibling_alive = waitpid(targets.sibling, NULL, WNOHANG) == 0;
	close(pair[0]);
	if (ret->sibling_alive)
		waitpid(targets.sibling, NULL, 0);
	return 0;
}
