#include "os/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

/* Flags of glibc's fork() and pthread_create(): the two shapes of clone(2) that we know. */
#define CLONE_FORK (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD)
#define CLONE_PTHREAD                                                                              \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |        \
	 CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

#define ENGINE (1 << 0) /* zygote and sandbox */
#define ZYGOTE (1 << 1) /* zygote only: killed in the sandbox */
#define NODE (1 << 2)
#define CONTROL (1 << 3)
#define LEDGER (1 << 4)

struct rule {
	int nr;
	unsigned who;
	int error; /* 0: allowed; else this errno */
};

#define ALLOW(name, who)                                                                           \
	{                                                                                          \
		SCMP_SYS(name), who, 0                                                             \
	}
#define SOFT(name, number, who)                                                                    \
	{                                                                                          \
		SCMP_SYS(name), who, number                                                        \
	}

static const struct rule rules[] = {
	/* memory; mmap and mprotect get their own rules below */
	ALLOW(munmap, ENGINE | NODE),
	ALLOW(mremap, ENGINE | NODE),
	ALLOW(madvise, ENGINE | NODE),
	ALLOW(brk, ENGINE | NODE),
	/* its one socket, waiting, time, chance */
	ALLOW(read, ENGINE | NODE),
	ALLOW(write, ENGINE | NODE),
	ALLOW(futex, ENGINE | NODE),
	ALLOW(clock_gettime, ENGINE | NODE),
	ALLOW(clock_getres, NODE),
	ALLOW(gettimeofday, ENGINE | NODE),
	ALLOW(clock_nanosleep, ENGINE | NODE),
	ALLOW(nanosleep, ENGINE),
	ALLOW(sched_yield, ENGINE),
	ALLOW(getrandom, ENGINE | NODE),
	/* itself */
	ALLOW(rt_sigreturn, ENGINE | NODE),
	ALLOW(rt_sigprocmask, ENGINE | NODE),
	ALLOW(rt_sigaction, ENGINE | NODE),
	ALLOW(sigaltstack, ENGINE | NODE),
	ALLOW(getpid, ENGINE | NODE),
	ALLOW(gettid, ENGINE | NODE),
	ALLOW(getrusage, ENGINE),
	ALLOW(restart_syscall, ENGINE | NODE),
	ALLOW(exit, ENGINE | NODE),
	ALLOW(exit_group, ENGINE | NODE),
	ALLOW(set_robust_list, ENGINE),
	ALLOW(rseq, ENGINE),
	ALLOW(membarrier, ENGINE),
	ALLOW(sched_getaffinity, ENGINE),
	/* the engine's harmless questions: told no, not killed */
	SOFT(openat, EACCES, ENGINE),
	SOFT(open, EACCES, ENGINE),
	SOFT(access, EACCES, ENGINE),
	SOFT(readlink, EACCES, ENGINE),
	SOFT(newfstatat, EACCES, ENGINE),
	SOFT(fstat, EBADF, ENGINE),
	SOFT(ioctl, ENOTTY, ENGINE),
	SOFT(pread64, EBADF, ENGINE),
	SOFT(lseek, EBADF, ENGINE),
	SOFT(sysinfo, EPERM,
	     ENGINE | CONTROL | LEDGER), /* glibc's qsort asks how much memory there is */
	SOFT(uname, EPERM, ENGINE),
	SOFT(sched_setscheduler, EPERM, ENGINE),
	SOFT(sched_getparam, EPERM, ENGINE),
	SOFT(sched_getscheduler, EPERM, ENGINE),
	/* its flags cannot be inspected; glibc falls back to clone */
	SOFT(clone3, ENOSYS, ENGINE),
	/* abort() then ends the process by itself */
	SOFT(tgkill, EPERM, ENGINE),
	/* forking and reaping */
	ALLOW(wait4, ZYGOTE),
	ALLOW(recvmsg, ZYGOTE | NODE),
	ALLOW(sendmsg, ZYGOTE | NODE),
	ALLOW(poll, ZYGOTE),
	ALLOW(pidfd_open, ZYGOTE),
	ALLOW(close, ZYGOTE | NODE),
	ALLOW(close_range, ZYGOTE),
	ALLOW(dup2, ZYGOTE),
	ALLOW(seccomp, ZYGOTE),
	/* node: its loop, its children's pulse */
	ALLOW(epoll_ctl, NODE),
	ALLOW(epoll_pwait, NODE),
	ALLOW(epoll_pwait2, NODE),
	ALLOW(pidfd_send_signal, NODE),
	ALLOW(sendto, NODE),
	ALLOW(recvfrom, NODE),
	ALLOW(openat, NODE),
	ALLOW(fcntl, NODE),
	ALLOW(fstat, NODE),
	ALLOW(newfstatat, NODE),
	ALLOW(lseek, NODE),
	ALLOW(pread64, NODE),
	ALLOW(tgkill, NODE),
	/* control: connections that come in, and the files of its database. No way to open one out.
	 */
	ALLOW(accept4, CONTROL),
	ALLOW(epoll_wait, CONTROL),
	ALLOW(getsockopt, CONTROL),
	ALLOW(setsockopt, CONTROL),
	ALLOW(getsockname, CONTROL),
	ALLOW(getpeername, CONTROL),
	ALLOW(shutdown, CONTROL),
	ALLOW(writev, CONTROL | LEDGER),
	ALLOW(pwrite64, CONTROL | LEDGER),
	ALLOW(fsync, CONTROL | LEDGER),
	ALLOW(fdatasync, CONTROL | LEDGER),
	ALLOW(ftruncate, CONTROL | LEDGER),
	ALLOW(fallocate, CONTROL | LEDGER),
	ALLOW(unlink, CONTROL | LEDGER),
	ALLOW(access, CONTROL | LEDGER),
	ALLOW(faccessat2, CONTROL | LEDGER),
	ALLOW(readlink, CONTROL | LEDGER),
	ALLOW(getcwd, CONTROL | LEDGER),
	ALLOW(geteuid, CONTROL | LEDGER),
	ALLOW(fchmod, CONTROL | LEDGER),
	SOFT(fchown, EPERM, CONTROL | LEDGER),
};

static int add_rules(scmp_filter_ctx c, unsigned who)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rules) && !r; i++)
		if (rules[i].who & who)
			r = seccomp_rule_add(c,
					     rules[i].error
						     ? SCMP_ACT_ERRNO((uint32_t)rules[i].error)
						     : SCMP_ACT_ALLOW,
					     rules[i].nr, 0);
	return r;
}

#define MUST(call)                                                                                 \
	do {                                                                                       \
		if (!r)                                                                            \
			r = (call);                                                                \
	} while (0)

/*
 * Memory that RLIMIT_DATA counts, and no other: private and anonymous, no stacks that grow. Nothing
 * new is executable, in either engine mode: the JIT's pool was mapped before the jail closed.
 */
static int add_memory_rules(scmp_filter_ctx c)
{
	const scmp_datum_t kind = MAP_SHARED_VALIDATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_HUGETLB;
	const scmp_datum_t prot = PROT_EXEC | PROT_GROWSDOWN | PROT_GROWSUP;
	int r = 0;

	MUST(seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
			      SCMP_CMP(2, SCMP_CMP_MASKED_EQ, prot, 0),
			      SCMP_CMP(3, SCMP_CMP_MASKED_EQ, kind, MAP_PRIVATE | MAP_ANONYMOUS)));
	MUST(seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
			      SCMP_CMP(2, SCMP_CMP_MASKED_EQ, prot, 0)));
	return r;
}

/* Zygote and sandbox: an allowlist; the default ends the process. */
static int build_zygote(scmp_filter_ctx c)
{
	int r = add_rules(c, ENGINE | ZYGOTE);

	MUST(add_memory_rules(c));
	/* Its own limits only; without capabilities they can only be lowered. */
	MUST(seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
			      SCMP_CMP(0, SCMP_CMP_EQ, 0)));
	/* The same of its share of the CPU: without capabilities it can only be given up. */
	MUST(seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(setpriority), 2,
			      SCMP_CMP(0, SCMP_CMP_EQ, PRIO_PROCESS), SCMP_CMP(1, SCMP_CMP_EQ, 0)));
	MUST(seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
			      SCMP_CMP(0, SCMP_CMP_EQ, CLONE_FORK)));
	MUST(seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
			      SCMP_CMP(0, SCMP_CMP_EQ, CLONE_PTHREAD)));
	MUST(seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 1,
			      SCMP_CMP(0, SCMP_CMP_EQ, 1 /* AF_UNIX */)));
	/* A process or thread may name itself, not its memory. */
	MUST(seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
			      SCMP_CMP(0, SCMP_CMP_EQ, PR_SET_NAME)));
	/* And it may wish to die with its parent. Anything else that prctl does, it is told no. */
	MUST(seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 2,
			      SCMP_CMP(0, SCMP_CMP_EQ, PR_SET_PDEATHSIG),
			      SCMP_CMP(1, SCMP_CMP_EQ, SIGKILL)));
	MUST(seccomp_rule_add(c, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prctl), 2,
			      SCMP_CMP(0, SCMP_CMP_EQ, PR_SET_PDEATHSIG),
			      SCMP_CMP(1, SCMP_CMP_NE, SIGKILL)));
	MUST(seccomp_rule_add(c, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prctl), 1,
			      SCMP_CMP(0, SCMP_CMP_GT, PR_SET_NAME)));
	for (scmp_datum_t option = 0; option < PR_SET_NAME && !r; option++)
		if (option != PR_SET_PDEATHSIG)
			r = seccomp_rule_add(c, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prctl), 1,
					     SCMP_CMP(0, SCMP_CMP_EQ, option));
	return r;
}

/* On top of the zygote's, in the sandbox: what remains of the zygote's rights ends the process. */
static int build_sandbox(scmp_filter_ctx c, int threads)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rules) && !r; i++)
		if (rules[i].who & ZYGOTE)
			r = seccomp_rule_add(c, SCMP_ACT_KILL_PROCESS, rules[i].nr, 0);
	MUST(seccomp_rule_add(c, SCMP_ACT_KILL_PROCESS, SCMP_SYS(socketpair), 0));
	/*
	 * What was writable stays so: RLIMIT_DATA counts a page only while it is, and pages that
	 * were filled and then protected would be free of charge. reserve.c gives the engine a
	 * mprotect(3) that lets go of the pages instead.
	 */
	MUST(seccomp_rule_add(c, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(mprotect), 1,
			      SCMP_CMP(2, SCMP_CMP_NE, PROT_READ | PROT_WRITE)));
	/* Other processes' clocks and affinity can be named by PID; only its own are its business.
	 */
	MUST(seccomp_rule_add(c, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(clock_gettime), 1,
			      SCMP_CMP(0, SCMP_CMP_GT, CLOCK_TAI)));
	MUST(seccomp_rule_add(c, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(clock_nanosleep), 1,
			      SCMP_CMP(0, SCMP_CMP_GT, CLOCK_TAI)));
	MUST(seccomp_rule_add(c, SCMP_ACT_ERRNO(ESRCH), SCMP_SYS(sched_getaffinity), 1,
			      SCMP_CMP(0, SCMP_CMP_NE, 0)));
	if (threads)
		MUST(seccomp_rule_add(c, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 1,
				      SCMP_CMP(0, SCMP_CMP_NE, CLONE_PTHREAD)));
	else
		MUST(seccomp_rule_add(c, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 0));
	return r;
}

static int build_node(scmp_filter_ctx c)
{
	int r = add_rules(c, NODE);

	MUST(add_memory_rules(c));
	return r;
}

/* Threads it has none; SQLite's shared memory is not used (locking is exclusive). */
static int build_control(scmp_filter_ctx c)
{
	int r = add_rules(c, NODE | CONTROL);

	MUST(add_memory_rules(c));
	return r;
}

/* The index of the write-ahead log is shared with who reads meanwhile (`cordon log check`): files
 * may be mapped, nothing may be executed. */
static int build_ledger(scmp_filter_ctx c)
{
	const scmp_datum_t kind = MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_HUGETLB;
	int r = add_rules(c, NODE | LEDGER);

	MUST(seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
			      SCMP_CMP(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
			      SCMP_CMP(3, SCMP_CMP_MASKED_EQ, kind, 0)));
	MUST(add_memory_rules(c));
	return r;
}

static int export(scmp_filter_ctx c, struct sock_fprog *ret)
{
	_cleanup_fd_ int fd = memfd_create("filter", MFD_CLOEXEC);
	struct stat st;
	struct sock_filter *code;
	int r;

	if (fd < 0)
		return -errno;
	r = seccomp_export_bpf(c, fd);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	code = xmalloc((size_t)st.st_size);
	if (pread(fd, code, (size_t)st.st_size, 0) != st.st_size) {
		free(code);
		return -EIO;
	}
	*ret = (struct sock_fprog){(unsigned short)((size_t)st.st_size / sizeof(*code)), code};
	return 0;
}

int filter_compile(enum filter_kind kind, struct sock_fprog *ret, struct err *reterr)
{
	int narrow = kind == FILTER_SANDBOX || kind == FILTER_SANDBOX_THREADS;
	scmp_filter_ctx c = seccomp_init(narrow ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS);
	int r = c ? 0 : -ENOMEM;

	/* Calls of another architecture (32-bit, x32) end the process: libseccomp's default. */
	MUST(seccomp_attr_set(c, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS));
	MUST(seccomp_attr_set(c, SCMP_FLTATR_CTL_OPTIMIZE, 2)); /* binary tree */
	if (!r) {
		switch (kind) {
		case FILTER_ZYGOTE:
			r = build_zygote(c);
			break;
		case FILTER_SANDBOX:
		case FILTER_SANDBOX_THREADS:
			r = build_sandbox(c, kind == FILTER_SANDBOX_THREADS);
			break;
		case FILTER_NODE:
			r = build_node(c);
			break;
		case FILTER_CONTROL:
			r = build_control(c);
			break;
		case FILTER_LEDGER:
			r = build_ledger(c);
			break;
		case FILTER_COUNT:
			r = -EINVAL;
			break;
		}
	}
	MUST(export(c, ret));
	if (c)
		seccomp_release(c);
	return r ? err_set(reterr, -r, "jail.seccomp", "compiling system call filter %d: %s",
			   (int)kind, strerror(-r))
		 : 0;
}

int filter_install(const struct sock_fprog *program)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program) < 0 ? -errno : 0;
}
