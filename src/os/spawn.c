#include "os/spawn.h"

#include "os/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef CORDON_LIBEXEC
#define CORDON_LIBEXEC "/usr/local/libexec/cordon"
#endif

#define NEW_NAMESPACES                                                                             \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWPID | \
	 CLONE_NEWCGROUP)

/* User IDs that no account has; 65534 (nobody) where the machine does not offer them. */
enum {
	UID_NODE = 0x6c0d0001,
	UID_SANDBOX = 0x6c0d0002,
	UID_CONTROL = 0x6c0d0003,
	UID_LEDGER = 0x6c0d0004,
	UID_NOBODY = 65534,
	FIRST_FD = 3,
	STACK_SIZE = 8 << 20
};

static int uid_exists_here(uid_t uid)
{
	unsigned long inside, outside, count;
	FILE *f = fopen("/proc/self/uid_map", "re");
	int found = 0;

	while (f && fscanf(f, "%lu %lu %lu", &inside, &outside, &count) == 3)
		if (uid >= inside && uid - inside < count)
			found = 1;
	if (f)
		fclose(f);
	return found;
}

void spawn_ids(struct spawn_ids *ret)
{
	ret->root = geteuid() == 0;
	ret->node = ret->sandbox = ret->control = ret->ledger = geteuid();
	if (!ret->root)
		return;
	ret->node = uid_exists_here(UID_NODE) ? UID_NODE : UID_NOBODY;
	ret->sandbox = uid_exists_here(UID_SANDBOX) ? UID_SANDBOX : UID_NOBODY;
	ret->control = uid_exists_here(UID_CONTROL) ? UID_CONTROL : UID_NOBODY;
	ret->ledger = uid_exists_here(UID_LEDGER) ? UID_LEDGER : UID_NOBODY;
}

int spawn_find(const char *name, struct err *reterr)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 128);
	int fd = -1;

	if (n > 0) {
		char *slash;

		path[n] = '\0';
		slash = strrchr(path, '/');
		snprintf(slash + 1, 100, "%s", name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0) {
		snprintf(path, sizeof(path), "%s/%s", CORDON_LIBEXEC, name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0)
		return err_set(reterr, errno, "install.missing",
			       "'%s' is neither beside this program nor in %s; reinstall Cordon",
			       name, CORDON_LIBEXEC);
	return fd;
}

/* In the child: descriptors into place. Duplicates go high first, so that none overwrites another.
 */
static int place_fds(const struct spawn *s)
{
	int high[8], null;

	if (s->nfds > ARRAY_SIZE(high))
		return -E2BIG;
	for (size_t i = 0; i < s->nfds; i++) {
		high[i] = fcntl(s->fds[i], F_DUPFD_CLOEXEC, 100);
		if (high[i] < 0)
			return -errno;
	}
	for (size_t i = 0; i < s->nfds; i++)
		if (dup2(high[i], FIRST_FD + (int)i) < 0) /* clears close-on-exec */
			return -errno;
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0)
		return -errno;
	return 0;
}

/* In the child: the program, or the errno why not, written to `report`. */
_Noreturn static void exec_child(const struct spawn *s, int report)
{
	int exe = fcntl(s->exe, F_DUPFD_CLOEXEC, 100), r;

	report = fcntl(report, F_DUPFD_CLOEXEC, 100);
	r = exe < 0 || report < 0 ? -errno : place_fds(s);
	if (r == 0) {
		/* Everything else goes at the exec, the program's own descriptor included. */
		if (syscall(SYS_close_range, FIRST_FD + (unsigned)s->nfds, ~0U,
			    CLOSE_RANGE_CLOEXEC) < 0)
			r = -errno;
	}
	if (r == 0) {
		/* The same stack everywhere: a run's depth must not depend on the caller's limit.
		 */
		setrlimit(RLIMIT_STACK, &(struct rlimit){STACK_SIZE, STACK_SIZE});
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		syscall(SYS_execveat, exe, "", s->argv, s->envp, AT_EMPTY_PATH);
		r = -errno;
	}
	(void)!write(report, &r, sizeof(r));
	_exit(127);
}

static int become(uid_t uid)
{
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	return 0;
}

/* Waits for the exec: the pipe closes when it succeeded. */
static int exec_result(int report)
{
	int r = 0;
	ssize_t n;

	do
		n = read(report, &r, sizeof(r));
	while (n < 0 && errno == EINTR);
	return n == 0 ? 0 : n == sizeof(r) ? r : -EIO;
}

int spawn_plain(const struct spawn *s, pid_t *ret, struct err *reterr)
{
	_cleanup_fd_ int down = -1, up = -1;
	int report[2], r;
	pid_t pid;

	if (pipe2(report, O_CLOEXEC) < 0)
		return err_set(reterr, errno, "spawn", "pipe: %s", strerror(errno));
	up = report[0];
	down = report[1];
	pid = fork();
	if (pid < 0)
		return err_set(reterr, errno, "spawn", "fork: %s", strerror(errno));
	if (pid == 0) {
		r = geteuid() == 0 ? become(s->uid) : 0;
		if (r < 0) {
			(void)!write(down, &r, sizeof(r));
			_exit(127);
		}
		exec_child(s, down);
	}
	close_fd(&down);
	r = exec_result(up);
	if (r < 0) {
		waitpid(pid, NULL, 0);
		return err_set(reterr, -r, "spawn", "starting '%s': %s", s->argv[0], strerror(-r));
	}
	*ret = pid;
	return 0;
}

static int write_file(const char *path, const char *text)
{
	_cleanup_fd_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static int write_maps(pid_t pid, uid_t outside, int root)
{
	char path[64], text[64];
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%d/setgroups", (int)pid);
	if (!root)
		r = write_file(path, "deny");
	snprintf(text, sizeof(text), "0 %u 1", root ? outside : getgid());
	snprintf(path, sizeof(path), "/proc/%d/gid_map", (int)pid);
	if (r == 0)
		r = write_file(path, text);
	snprintf(text, sizeof(text), "0 %u 1", outside);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)pid);
	return r ? r : write_file(path, text);
}

/*
 * The child of the helper, born into the new namespaces. It waits for its maps, becomes their root,
 * and executes the program.
 */
_Noreturn static void jailed_child(const struct spawn *s, int ours, int link)
{
	int r = -EIO;
	char go;

	close(ours); /* or its end would never be seen */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (read(link, &go, 1) == 1)
		r = setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0 ? -errno : 0;
	if (r < 0) {
		(void)!write(link, &r, sizeof(r));
		_exit(127);
	}
	exec_child(s, link);
}

/*
 * A helper of the node's identity makes the namespaces, so that they belong to the node;
 * CLONE_PARENT makes the jailed process our own child.
 */
static pid_t clone_jailed(const struct spawn *s, const struct spawn_ids *ids, int ours, int link)
{
	pid_t helper = fork();
	int status, r;

	if (helper < 0)
		return -errno;
	if (helper == 0) {
		char self[16];
		long pid;

		if (s->cgroup >= 0) {
			_cleanup_fd_ int f =
				openat(s->cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);

			snprintf(self, sizeof(self), "%d", (int)getpid());
			if (f >= 0)
				(void)!write(f, self, strlen(self));
		}
		r = ids->root ? become(ids->node) : 0;
		if (r == 0) {
			pid = syscall(SYS_clone, NEW_NAMESPACES | CLONE_PARENT | SIGCHLD, NULL,
				      NULL, NULL, 0);
			if (pid == 0)
				jailed_child(s, ours, link);
			r = pid < 0 ? -errno : (int)pid;
		}
		(void)!send(link, &r, sizeof(r), MSG_NOSIGNAL);
		_exit(0);
	}
	waitpid(helper, &status, 0);
	return 0;
}

int spawn_jailed(const struct spawn *s, const struct spawn_ids *ids, int require_namespaces,
		 pid_t *ret, struct err *reterr)
{
	_cleanup_fd_ int ours = -1, theirs = -1;
	int pair[2], r, pid = -1;

	r = fd_pair(SOCK_SEQPACKET, pair);
	if (r < 0)
		return err_set(reterr, -r, "spawn", "socketpair: %s", strerror(-r));
	ours = pair[0];
	theirs = pair[1];
	/* Both ends of the pair carry: helper -> us (pid), us -> child (go), child -> us (error).
	 */
	r = clone_jailed(s, ids, ours, theirs);
	/* The helper has ended: what it had to say is there, or will never be. */
	if (r == 0 && recv(ours, &pid, sizeof(pid), MSG_DONTWAIT) != sizeof(pid))
		r = -EIO;
	if (r == 0 && pid < 0)
		r = pid;
	if (r == 0) {
		r = write_maps(pid, ids->sandbox, ids->root);
		if (r == 0 && send(ours, "g", 1, MSG_NOSIGNAL) != 1)
			r = -errno;
		close_fd(&theirs);
		if (r == 0)
			r = exec_result(ours);
		if (r < 0) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
		}
	}
	if (r == 0) {
		*ret = pid;
		return 0;
	}
	if (!require_namespaces) {
		struct spawn plain = *s;

		plain.uid = ids->node; /* or the node could not end what is in it */
		return spawn_plain(&plain, ret, reterr);
	}
	return err_set(
		reterr, -r, "jail.namespaces",
		"namespaces are refused here: %s; allow user namespaces (see `cordon doctor`), or "
		"accept a weaker jail with --jail available",
		strerror(-r));
}
