/*
 * What an owned control or ledger could do: each attempt in a fresh process that is confined as
 * they confine themselves (Landlock to one directory, the filter). Run with "open" as argument, the
 * confinement is left out, and the test must fail.
 */
#include "lib/tap.h"
#include "os/filter.h"
#include "os/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[] = "/tmp/cordon-control-XXXXXX";
static enum filter_kind kind;
static int open_mode, listener;
static pid_t parent;
static struct sockaddr_in address;

static long connect_out(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? -1 : connect(fd, (struct sockaddr *)&address, sizeof(address));
}

/* A socket that control has anyway must not be turned around. */
static long connect_with_given(void)
{
	return connect(listener, (struct sockaddr *)&address, sizeof(address));
}

static long send_datagram(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	return fd < 0 ? -1 : sendto(fd, "x", 1, 0, (struct sockaddr *)&address, sizeof(address));
}

static long unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static long netlink_socket(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0);
}

static long exec_program(void)
{
	char *argv[] = {(char *)"true", NULL}, *envp[] = {NULL};

	return execve("/bin/true", argv, envp);
}

static long fork_process(void)
{
	return (long)syscall(SYS_fork);
}

static long start_thread(void)
{
	return syscall(SYS_clone, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD,
		       0, 0, 0, 0);
}

static long trace_parent(void)
{
	return ptrace(PTRACE_SEIZE, parent, 0, 0);
}

static long signal_parent(void)
{
	return kill(parent, 0);
}

static long read_elsewhere(void)
{
	return open("/etc/passwd", O_RDONLY);
}

static long read_up(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/../../etc/passwd", directory);
	return open(path, O_RDONLY);
}

static long write_elsewhere(void)
{
	return open("/tmp/cordon-control-escaped", O_WRONLY | O_CREAT, 0600);
}

static long read_memory_of_others(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", parent);
	return open(path, O_RDONLY);
}

static long unlink_elsewhere(void)
{
	return unlink("/tmp/cordon-control-bait");
}

static long map_file_executable(void)
{
	char path[128];
	int fd;
	void *p;

	snprintf(path, sizeof(path), "%s/mapped", directory);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, 4096) < 0)
		return -1;
	unlink(path);
	p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	return p == MAP_FAILED ? -1 : 0;
}

static long make_executable_memory(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	return p == MAP_FAILED ? -1 : 0;
}

static long become_root(void)
{
	return setuid(0);
}

static long new_namespace(void)
{
	return unshare(CLONE_NEWUSER);
}

static long mount_something(void)
{
	return mount("none", "/mnt", "tmpfs", 0, NULL);
}

static long io_uring(void)
{
	char params[120] = {0};

	return syscall(425, 1, params);
}

static long be_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static const struct attempt {
	const char *name;
	long (*run)(void);
} attempts[] = {
	{"open a connection", connect_out},
	{"turn the listening socket around", connect_with_given},
	{"send a datagram", send_datagram},
	{"make a unix socket", unix_socket},
	{"make a netlink socket", netlink_socket},
	{"start a program", exec_program},
	{"fork", fork_process},
	{"start a thread", start_thread},
	{"trace its parent", trace_parent},
	{"signal its parent", signal_parent},
	{"read a file elsewhere", read_elsewhere},
	{"read a file above its directory", read_up},
	{"write a file elsewhere", write_elsewhere},
	{"read another process's memory", read_memory_of_others},
	{"remove a file elsewhere", unlink_elsewhere},
	{"make executable memory", make_executable_memory},
	{"become another user", become_root},
	{"make a namespace", new_namespace},
	{"mount", mount_something},
	{"use io_uring", io_uring},
	{"become dumpable again", be_dumpable},
	{"execute a file of its own by mapping it", map_file_executable},
};

static long use_own_files(void)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/state.db", directory);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	return fd >= 0 && pwrite(fd, "x", 1, 0) == 1 && fdatasync(fd) == 0 && close(fd) == 0 &&
			       unlink(path) == 0
		       ? 0
		       : -1;
}

static void confine(void)
{
	struct err e;

	if (!open_mode && jail_service(directory, kind, &e) != 1)
		_exit(99);
}

/* Beside that, what SQLite does so that another process can read meanwhile. */
static long share_own_files(void)
{
	char path[128];
	void *p;
	int fd;

	snprintf(path, sizeof(path), "%s/ledger.db-shm", directory);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, 32768) < 0)
		return -1;
	p = mmap(NULL, 32768, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	unlink(path);
	return p == MAP_FAILED ? -1 : 0;
}

/* The status of a process that tried: killed, 0 it worked, 1 it was told no. */
static int try(long (*run)(void))
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		abort();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		confine();
		_exit(run() >= 0 ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	return status;
}

static int stopped(int status)
{
	return (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) ||
	       (WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

int main(int argc, char **argv)
{
	socklen_t len = sizeof(address);
	int bait;

	(void)argv;
	tap_begin();
	open_mode = argc > 1;
	parent = getpid();
	if (!mkdtemp(directory) || chmod(directory, 0777) < 0)
		return 1;
	bait = open("/tmp/cordon-control-bait", O_WRONLY | O_CREAT, 0666);
	close(bait);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listener, 5) < 0 || getsockname(listener, (struct sockaddr *)&address, &len) < 0)
		return 1;
	for (int k = 0; k < 2; k++) {
		kind = k ? FILTER_LEDGER : FILTER_CONTROL;
		for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
			int status = try(attempts[i].run);

			tap_ok(stopped(status), "an owned %s cannot %s (status %#x)",
			       k ? "ledger" : "control", attempts[i].name, (unsigned)status);
		}
		tap_ok(try(use_own_files) == 0, "it can use the files of its own directory");
	}
	tap_ok(try(share_own_files) == 0, "the ledger can share them with who reads meanwhile");
	unlink("/tmp/cordon-control-bait");
	unlink("/tmp/cordon-control-escaped");
	rmdir(directory);
	return tap_end();
}
