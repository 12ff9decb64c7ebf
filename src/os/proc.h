/* What the kernel says of another process, read by number. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* A handle on /proc, opened before the file system is closed off. -errno. */
int proc_open(void);

/* Sizes in bytes (proc(5), statm). */
struct proc_memory {
	uint64_t size;	   /* address space */
	uint64_t resident; /* shared pages included */
	uint64_t data; /* private writable memory, the currency of RLIMIT_DATA, plus the main stack
			*/
};
int proc_memory(int proc_fd, pid_t pid, struct proc_memory *ret); /* -errno */
/* The same for one that will be asked often: a descriptor, or -errno. */
int proc_memory_open(int proc_fd, pid_t pid);
int proc_memory_read(int fd, struct proc_memory *ret);

/* Number of threads (proc(5), stat, field 20). -errno. */
int proc_threads(int proc_fd, pid_t pid, unsigned *ret);

/* CPU time of all threads so far, nanoseconds. -errno when the process is gone. */
int proc_cpu_ns(pid_t pid, uint64_t *ret);

/* The process behind a pidfd as this process numbers it; -ESRCH when it was reaped. */
int proc_pid_of(int proc_fd, int pidfd, pid_t *ret);
