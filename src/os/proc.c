#include "os/proc.h"

#include "base/macros.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int proc_open(void)
{
	int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* The kernel's name for the CPU clock of a process (clock_getcpuclockid(3) asks whether it exists).
 */
static clockid_t cpu_clock(pid_t pid)
{
	return (clockid_t)((~(unsigned)pid << 3) | 2);
}

static int read_small(int proc_fd, const char *path, char *out, size_t size)
{
	_cleanup_fd_ int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, out, size - 1);
	if (n < 0)
		return -errno;
	out[n] = '\0';
	return 0;
}

static int parse_memory(const char *text, struct proc_memory *ret)
{
	unsigned long long size, resident, data, page = (unsigned long long)sysconf(_SC_PAGESIZE);

	if (sscanf(text, "%llu %llu %*u %*u %*u %llu", &size, &resident, &data) != 3)
		return -EBADMSG;
	*ret = (struct proc_memory){size * page, resident * page, data * page};
	return 0;
}

int proc_memory_open(int proc_fd, pid_t pid)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "%d/statm", (int)pid);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int proc_memory_read(int fd, struct proc_memory *ret)
{
	char text[256];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	return parse_memory(text, ret);
}

int proc_memory(int proc_fd, pid_t pid, struct proc_memory *ret)
{
	_cleanup_fd_ int fd = proc_memory_open(proc_fd, pid);

	return fd < 0 ? fd : proc_memory_read(fd, ret);
}

int proc_threads(int proc_fd, pid_t pid, unsigned *ret)
{
	char path[32], text[1024], *p;
	int r;

	snprintf(path, sizeof(path), "%d/stat", (int)pid);
	r = read_small(proc_fd, path, text, sizeof(text));
	if (r < 0)
		return r;
	p = strrchr(text, ')'); /* the name before it may hold anything */
	if (!p ||
	    sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %u",
		   ret) != 1)
		return -EBADMSG;
	return 0;
}

int proc_cpu_ns(pid_t pid, uint64_t *ret)
{
	struct timespec t;

	if (clock_gettime(cpu_clock(pid), &t) < 0)
		return -errno;
	*ret = (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
	return 0;
}

int proc_pid_of(int proc_fd, int pidfd, pid_t *ret)
{
	char path[64], text[512], *at;
	int r;

	snprintf(path, sizeof(path), "self/fdinfo/%d", pidfd);
	r = read_small(proc_fd, path, text, sizeof(text));
	if (r < 0)
		return r;
	at = strstr(text, "\nPid:");
	if (!at || sscanf(at, "\nPid: %d", ret) != 1)
		return -EBADMSG;
	return *ret > 0 ? 0 : -ESRCH;
}
