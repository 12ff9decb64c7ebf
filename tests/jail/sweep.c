#include "jail/sweep.h"

#include "lib/tap.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { LAST = 600, X32 = 0x40000000, IN_CELL = 1, ZYGOTE = 2, NODE = 4 };

/* May be made; what comes of it is the kernel's affair. */
static const struct {
	int nr, who;
} allowed[] = {
	{SYS_read, IN_CELL | NODE},
	{SYS_write, IN_CELL | NODE},
	{SYS_munmap, IN_CELL | NODE},
	{SYS_mremap, IN_CELL | NODE},
	{SYS_madvise, IN_CELL | NODE},
	{SYS_brk, IN_CELL | NODE},
	{SYS_futex, IN_CELL | NODE},
	{SYS_clock_gettime, IN_CELL | NODE},
	{SYS_gettimeofday, IN_CELL | NODE},
	{SYS_clock_nanosleep, IN_CELL | NODE},
	{SYS_getrandom, IN_CELL | NODE},
	{SYS_rt_sigreturn, IN_CELL | NODE},
	{SYS_rt_sigprocmask, IN_CELL | NODE},
	{SYS_rt_sigaction, IN_CELL | NODE},
	{SYS_sigaltstack, IN_CELL | NODE},
	{SYS_getpid, IN_CELL | NODE},
	{SYS_gettid, IN_CELL | NODE},
	{SYS_restart_syscall, IN_CELL | NODE},
	{SYS_exit, IN_CELL | NODE},
	{SYS_exit_group, IN_CELL | NODE},
	{SYS_nanosleep, IN_CELL},
	{SYS_sched_yield, IN_CELL},
	{SYS_getrusage, IN_CELL},
	{SYS_set_robust_list, IN_CELL},
	{SYS_rseq, IN_CELL},
	{SYS_membarrier, IN_CELL},
	{SYS_sched_getaffinity, IN_CELL},
	{SYS_wait4, ZYGOTE},
	{SYS_recvmsg, ZYGOTE | NODE},
	{SYS_sendmsg, ZYGOTE | NODE},
	{SYS_poll, ZYGOTE},
	{SYS_pidfd_open, ZYGOTE},
	{SYS_close, ZYGOTE | NODE},
	{SYS_close_range, ZYGOTE},
	{SYS_dup2, ZYGOTE},
	{SYS_seccomp, ZYGOTE},
	{SYS_clock_getres, NODE},
	{SYS_epoll_ctl, NODE},
	{SYS_epoll_pwait, NODE},
	{SYS_epoll_pwait2, NODE},
	{SYS_pidfd_send_signal, NODE},
	{SYS_sendto, NODE},
	{SYS_recvfrom, NODE},
	{SYS_openat, NODE},
	{SYS_fcntl, NODE},
	{SYS_fstat, NODE},
	{SYS_newfstatat, NODE},
	{SYS_lseek, NODE},
	{SYS_pread64, NODE},
	{SYS_tgkill, NODE},
};

/* Allowed with all arguments 0, death with all bits 1: calls whose arguments are looked at. */
static const struct {
	int nr, who;
} looked_at[] = {
	{SYS_mprotect, IN_CELL | NODE},
	{SYS_prlimit64, IN_CELL},
	{SYS_setpriority, IN_CELL},
};

/* Refused without harm in cells. */
static const struct {
	int nr, error;
} soft[] = {
	{SYS_open, EACCES},	     {SYS_openat, EACCES},
	{SYS_access, EACCES},	     {SYS_readlink, EACCES},
	{SYS_newfstatat, EACCES},    {SYS_fstat, EBADF},
	{SYS_ioctl, ENOTTY},	     {SYS_pread64, EBADF},
	{SYS_lseek, EBADF},	     {SYS_sysinfo, EPERM},
	{SYS_uname, EPERM},	     {SYS_sched_setscheduler, EPERM},
	{SYS_sched_getparam, EPERM}, {SYS_sched_getscheduler, EPERM},
	{SYS_clone3, ENOSYS},	     {SYS_tgkill, EPERM},
	{SYS_prctl, EPERM},
};

/*
 * uretprobe and uprobe: recent kernels (seen: 6.18) let them pass every filter, and refuse them
 * themselves, by SIGILL or ENXIO, unless their own trampoline makes them. Nothing of ours can
 * change that.
 */
enum { URETPROBE = 335, UPROBE = 336 };

enum { MAY = -10 };

/* MAY, an errno, or KILLED. */
static int expected(long nr, long arg, int who)
{
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		if (allowed[i].nr == nr && allowed[i].who & who)
			return MAY;
	for (size_t i = 0; i < ARRAY_SIZE(looked_at); i++)
		if (looked_at[i].nr == nr && looked_at[i].who & who)
			return arg ? KILLED : MAY;
	for (size_t i = 0; i < ARRAY_SIZE(soft); i++)
		if (soft[i].nr == nr && who & IN_CELL)
			return soft[i].error;
	return KILLED;
}

static int exempt(long nr, const struct report *r)
{
	int sig = WIFSIGNALED(r->status) ? WTERMSIG(r->status) : 0;

	return (nr == URETPROBE && !r->reported && sig == SIGILL) ||
	       (nr == UPROBE && r->reported && r->error == ENXIO);
}

static int seen(const struct report *r)
{
	if (!r->reported && WIFSIGNALED(r->status) && WTERMSIG(r->status) == SIGSYS)
		return KILLED;
	return r->reported && r->error ? r->error : MAY;
}

static int sweep_range(struct cell *cell, enum cell_how how, int who, long base, long arg)
{
	int wrong = 0;

	for (long i = 0; i <= LAST; i++) {
		struct order o = {how, CELL_SWEEP, base + i, arg};
		struct report r;
		int e = expected(base + i, arg, who), s;
		int failed = cell ? cell_try(cell, &o, &r) : cell_try_here(&o, &r);

		if (failed) {
			tap_note("call %ld: %s", base + i, strerror(-failed));
			return wrong + 1;
		}
		s = seen(&r);
		if (exempt(base + i, &r))
			continue;
		if (e == MAY ? s == KILLED : s != e) {
			tap_note("call %ld, arguments %ld: expected %d, seen %d (-10 may, -1 "
				 "killed, else errno)",
				 base + i, arg, e, s);
			wrong++;
		}
		if (!r.sibling_alive) {
			tap_note("call %ld: the sibling died", base + i);
			wrong++;
		}
	}
	return wrong;
}

void sweep(struct cell *cell, enum cell_how how, const char *who)
{
	int kinds = how == CELL_NODE ? NODE : how == CELL_ZYGOTE ? IN_CELL | ZYGOTE : IN_CELL;

	tap_ok(sweep_range(cell, how, kinds, 0, 0) == 0, "%s: all calls, arguments 0", who);
	tap_ok(sweep_range(cell, how, kinds, 0, -1) == 0, "%s: all calls, arguments -1", who);
	tap_ok(sweep_range(cell, how, kinds, X32, 0) == 0, "%s: all calls of the x32 table", who);
}
