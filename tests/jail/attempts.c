/*
 * The table of attempts. Inside, nearly all of it dies; what only gets an errno is what the engine
 * itself asks for at times. A row of this table is one right that an owned engine does not have.
 */
#include "jail/attempts.h"

#include "os/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

struct targets targets;
char secret[64];

enum { SOCK = 3, MIB = 1 << 20 };

static long fail(int number)
{
	errno = number;
	return -1;
}

/* ---- files, programs ---- */

static char buffer[4096];
static const char passwd[] = "/etc/passwd", root[] = "/", mem[] = "/proc/self/mem",
		  self_exe[] = "/proc/self/exe", true_program[] = "/bin/true";
static const struct {
	uint64_t flags, mode, resolve;
} open_how = {O_RDONLY, 0, 0};
static const char *const no_words[] = {"true", NULL};

static long creat_file(void)
{
	return creat("/tmp/cordon-jail-probe", 0600);
}

static long shm_file(void)
{
	int fd = shm_open("/cordon-jail-probe", O_RDWR | O_CREAT | O_EXCL, 0600);

	if (fd >= 0)
		shm_unlink("/cordon-jail-probe");
	return fd;
}

/* A program made of memory, so that no file is needed. */
static long exec_memory(void)
{
	static const char script[] = "#!/bin/true\n";
	int fd = (int)syscall(SYS_memfd_create, "p", 0);

	if (fd < 0 || write(fd, script, sizeof(script) - 1) < 0)
		return -1;
	return syscall(SYS_execveat, fd, "", no_words, no_words + 1, AT_EMPTY_PATH);
}

/* ---- descriptors ---- */

/* Every descriptor but the socket is closed: reading nothing from it would work otherwise. */
static long count_descriptors(void)
{
	long open = 0;

	for (int fd = 0; fd < 4096; fd++)
		if (fd != SOCK && (read(fd, buffer, 0) != -1 || errno != EBADF))
			open++;
	if (read(SOCK, buffer, 0) != 0)
		return fail(ENOTCONN);
	return open ? fail(EMFILE) : 0;
}

static long send_descriptor(void)
{
	int fd = SOCK, r = fd_send_packet(SOCK, "x", 1, &fd, 1);

	return r < 0 ? fail(-r) : 0;
}

static long receive_descriptor(void)
{
	struct iovec iov = {buffer, 1};
	struct msghdr h = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = buffer + 64,
			   .msg_controllen = 512};

	return recvmsg(SOCK, &h, MSG_DONTWAIT);
}

static struct iovec one_byte = {buffer, 1};

/* ---- network ---- */

static const struct sockaddr_in loopback = {
	.sin_family = AF_INET, .sin_port = 0x0900, .sin_addr.s_addr = 0x0100007f};

static long udp_connect(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	return fd < 0 ? -1 : connect(fd, (const struct sockaddr *)&loopback, sizeof(loopback));
}

static long tcp_connect(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		return -1;
	return connect(fd, (const struct sockaddr *)&loopback, sizeof(loopback));
}

static long unix_bind(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "\0cordon-jail-probe"};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return fd < 0 ? -1 : bind(fd, (struct sockaddr *)&a, sizeof(sa_family_t) + 19);
}

/* ---- processes and threads ---- */

static long fork_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 ? -1 : waitpid(pid, NULL, 0);
}

static long clone_child(unsigned long flags)
{
	long pid = syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	return pid < 0 ? -1 : waitpid((pid_t)pid, NULL, 0);
}

static long clone_plain(void)
{
	return clone_child(SIGCHLD);
}

/* glibc's fork() has this shape; the zygote may, so here the second filter is on trial. */
static long clone_fork_shape(void)
{
	return clone_child(CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD);
}

static long clone_namespace(void)
{
	return clone_child(CLONE_NEWUSER | SIGCHLD);
}

static long clone_parent(void)
{
	long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	return pid;
}

/* A thread in all but name: shares memory, is a process of its own, so no count of threads sees it.
 */
static long clone_memory_only(void)
{
	return syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL, NULL, NULL, NULL);
}

static long clone_thread_and_more(void)
{
	return syscall(SYS_clone,
		       CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			       CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |
			       CLONE_CHILD_CLEARTID | CLONE_UNTRACED,
		       NULL, NULL, NULL, NULL);
}

static void *thread_nothing(void *p)
{
	return p;
}

static long thread(void)
{
	pthread_t t;
	int r = pthread_create(&t, NULL, thread_nothing, NULL);

	if (r)
		return fail(r);
	pthread_join(t, NULL);
	return 0;
}

static void *thread_socket(void *p)
{
	socket(AF_INET, SOCK_STREAM, 0);
	return p;
}

/* The filter ends the process, not the thread that offended. */
static long thread_offends(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, thread_socket, NULL) == 0)
		pthread_join(t, NULL);
	return 0;
}

static long read_other(pid_t pid)
{
	char got[sizeof(secret)] = "";
	struct iovec to = {got, sizeof(got)}, from = {secret, sizeof(secret)};

	return process_vm_readv(pid, &to, 1, &from, 1, 0);
}

static long read_sibling(void)
{
	return read_other(targets.sibling);
}

static long read_zygote(void)
{
	return read_other(targets.zygote);
}

static long write_sibling(void)
{
	struct iovec v = {secret, sizeof(secret)};

	return process_vm_writev(targets.sibling, &v, 1, &v, 1, 0);
}

static long write_zygote(void)
{
	struct iovec v = {secret, sizeof(secret)};

	return process_vm_writev(targets.zygote, &v, 1, &v, 1, 0);
}

static long attach(pid_t pid)
{
	return ptrace(PTRACE_ATTACH, pid, NULL, NULL);
}

static long attach_sibling(void)
{
	return attach(targets.sibling);
}

static long attach_zygote(void)
{
	return attach(targets.zygote);
}

static long seize_sibling(void)
{
	return ptrace(PTRACE_SEIZE, targets.sibling, NULL, NULL);
}

/* Signal 0 asks only whether one might: harmless where it works. */
static long kill_sibling(void)
{
	return kill(targets.sibling, 0);
}

static long kill_zygote(void)
{
	return kill(targets.zygote, 0);
}

static long kill_outside(void)
{
	return kill(targets.outside, 0);
}

static long tgkill_sibling(void)
{
	return syscall(SYS_tgkill, targets.sibling, targets.sibling, 0);
}

static long tgkill_self(void)
{
	return syscall(SYS_tgkill, getpid(), getpid(), 0);
}

static long tkill_sibling(void)
{
	return syscall(SYS_tkill, targets.sibling, 0);
}

static long queue_sibling(void)
{
	siginfo_t i = {.si_code = SI_QUEUE};

	return syscall(SYS_rt_sigqueueinfo, targets.sibling, SIGUSR1, &i);
}

static long queue_thread(void)
{
	siginfo_t i = {.si_code = SI_QUEUE};

	return syscall(SYS_rt_tgsigqueueinfo, targets.sibling, targets.sibling, SIGUSR1, &i);
}

static long pidfd_self(void)
{
	return syscall(SYS_pidfd_open, getpid(), 0);
}

static long pidfd_sibling(void)
{
	return syscall(SYS_pidfd_open, targets.sibling, 0);
}

/* How much CPU time another process has used tells what it does. */
static long clock_of(pid_t pid)
{
	struct timespec t;

	return syscall(SYS_clock_gettime, (long)(~(unsigned)pid << 3 | 2), &t);
}

static long clock_of_sibling(void)
{
	return clock_of(targets.sibling);
}

static long clock_of_zygote(void)
{
	return clock_of(targets.zygote);
}

static long affinity_of_sibling(void)
{
	return syscall(SYS_sched_getaffinity, targets.sibling, 128, buffer);
}

/* What was given up of its share of the CPU does not come back. */
static long regain_priority(void)
{
	return syscall(SYS_setpriority, PRIO_PROCESS, 0, 7) < 0
		       ? -1
		       : syscall(SYS_setpriority, PRIO_PROCESS, 0, 6);
}

static long raise_priority(void)
{
	return syscall(SYS_setpriority, PRIO_PROCESS, 0, -1);
}

static long priority_of_sibling(void)
{
	return syscall(SYS_setpriority, PRIO_PROCESS, targets.sibling, 19);
}

static long limits_of_sibling(void)
{
	struct rlimit l;

	return syscall(SYS_prlimit64, targets.sibling, RLIMIT_NOFILE, NULL, &l);
}

/* ---- its own ceilings ---- */

static long lower_limit(void)
{
	struct rlimit l = {8, 8};

	return setrlimit(RLIMIT_NOFILE, &l);
}

static long raise_own(int resource, rlim_t first)
{
	struct rlimit low = {first, first}, high = {first + MIB, first + MIB};

	if (setrlimit(resource, &low) < 0)
		return fail(ENOTRECOVERABLE);
	return setrlimit(resource, &high);
}

static long raise_data(void)
{
	return raise_own(RLIMIT_DATA, 64 * MIB);
}

static long raise_space(void)
{
	return raise_own(RLIMIT_AS, 2048UL * MIB);
}

static long raise_cpu(void)
{
	return raise_own(RLIMIT_CPU, 1000);
}

static long raise_files(void)
{
	struct rlimit l = {1024, 1024};

	return setrlimit(RLIMIT_NOFILE, &l);
}

/* The memory ceilings as START sets them; then memory in ways that they might not count. */
static long past_ceiling(int prot, int flags, size_t size)
{
	struct rlimit data = {64 * MIB, 64 * MIB}, space = {2048UL * MIB, 2048UL * MIB};

	if (setrlimit(RLIMIT_DATA, &data) < 0 || setrlimit(RLIMIT_AS, &space) < 0)
		return fail(ENOTRECOVERABLE);
	return mmap(NULL, size, prot, flags | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

static long private_memory(void)
{
	return past_ceiling(PROT_READ | PROT_WRITE, MAP_PRIVATE, 256 * MIB);
}

static long unreserved_memory(void)
{
	return past_ceiling(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, 256 * MIB);
}

static long shared_memory(void)
{
	return past_ceiling(PROT_READ | PROT_WRITE, MAP_SHARED, 256 * MIB);
}

static long growing_memory(void)
{
	return past_ceiling(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_GROWSDOWN, 256 * MIB);
}

/* Readable first, writable afterwards. */
static long belated_memory(void)
{
	struct rlimit l = {64 * MIB, 64 * MIB};
	void *p = mmap(NULL, 256 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || setrlimit(RLIMIT_DATA, &l) < 0)
		return fail(ENOTRECOVERABLE);
	return mprotect(p, 256 * MIB, PROT_READ | PROT_WRITE);
}

/* Only what is writable counts: pages that were filled and then protected would be free of charge.
 */
static long protected_memory(void)
{
	struct rlimit l = {64 * MIB, 64 * MIB};
	long n = 0;

	if (setrlimit(RLIMIT_DATA, &l) < 0)
		return fail(ENOTRECOVERABLE);
	for (; n < 4; n++) {
		void *p = mmap(NULL, 32 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			       -1, 0);

		if (p == MAP_FAILED || mprotect(p, 32 * MIB, PROT_READ) < 0)
			return -1;
	}
	return n;
}

static long grown_memory(void)
{
	struct rlimit l = {64 * MIB, 64 * MIB};
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || setrlimit(RLIMIT_DATA, &l) < 0)
		return fail(ENOTRECOVERABLE);
	return mremap(p, 4096, 256 * MIB, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0;
}

static long heap_memory(void)
{
	struct rlimit l = {64 * MIB, 64 * MIB};

	if (setrlimit(RLIMIT_DATA, &l) < 0)
		return fail(ENOTRECOVERABLE);
	return sbrk(256 * MIB) == (void *)-1 ? -1 : 0;
}

/* The stack has a limit of its own. */
static long deep_stack(void)
{
	volatile char *p = __builtin_alloca(32 * MIB);

	for (long i = 32 * MIB - 1; i >= 0; i -= 4096)
		p[i] = 1;
	return p[0];
}

/*
 * Reading one byte of each 2 MiB costs a page of page table and no data: 8 TiB make 16 GiB of
 * kernel memory that no limit but that of the address space sees.
 */
static long page_tables(void)
{
	return past_ceiling(PROT_READ, MAP_PRIVATE | MAP_NORESERVE, 8ULL << 40);
}

static long huge_memory(void)
{
	return past_ceiling(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_HUGETLB, 2 * MIB);
}

/* ---- executable memory ---- */

static long map_exec(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			       MAP_FAILED
		       ? -1
		       : 0;
}

/* The bits above the 32 that the kernel looks at must not hide PROT_EXEC from the filter. */
static long map_exec_high(void)
{
	return syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC | 1UL << 32,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == -1
		       ? -1
		       : 0;
}

static long protect_exec(void)
{
	static char page[8192] __attribute__((aligned(4096)));

	return mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
}

static long protect_code(void)
{
	return mprotect((void *)((uintptr_t)protect_code & ~4095UL), 4096,
			PROT_READ | PROT_WRITE | PROT_EXEC);
}

static long pkey_exec(void)
{
	static char page[8192] __attribute__((aligned(4096)));

	return syscall(SYS_pkey_mprotect, page, 4096, PROT_READ | PROT_EXEC, -1);
}

static long map_descriptor(void)
{
	return mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, SOCK, 0) == MAP_FAILED ? -1 : 0;
}

static long map_other_descriptor(void)
{
	return mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 5, 0) == MAP_FAILED ? -1 : 0;
}

/* ---- IPC, removed again where it works ---- */

static long sysv_shm(void)
{
	int id = shmget(IPC_PRIVATE, 4096, 0600);

	if (id >= 0)
		shmctl(id, IPC_RMID, NULL);
	return id;
}

static long sysv_msg(void)
{
	int id = msgget(IPC_PRIVATE, 0600);

	if (id >= 0)
		msgctl(id, IPC_RMID, NULL);
	return id;
}

static long posix_queue(void)
{
	mqd_t q = mq_open("/cordon-jail-probe", O_CREAT | O_RDWR, 0600, NULL);

	if (q >= 0)
		mq_unlink("/cordon-jail-probe");
	return q;
}

/* ---- time ---- */

static const struct itimerval later = {{0, 0}, {1000, 0}};

static long make_timer(void)
{
	timer_t t;

	return timer_create(CLOCK_MONOTONIC, NULL, &t);
}

/* ---- identity and filter ---- */

static long all_capabilities(void)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct all[2];

	memset(all, 0xff, sizeof(all));
	return syscall(SYS_capset, &h, all);
}

static const uint32_t allow_action = SECCOMP_RET_ALLOW;
static cpu_set_t first_cpu = {{1}};

/* ---- other doors into the kernel ---- */

/* getpid by the 32-bit table */
static long int80(void)
{
	long r = 20;

	__asm__ volatile("int $0x80" : "+a"(r) : : "memory", "r8", "r9", "r10", "r11");
	return r < 0 ? fail((int)-r) : r;
}

/* open by the 32-bit table: number 5 is fstat in the 64-bit one, which is only refused softly */
static long int80_open(void)
{
	long r = 5;

	__asm__ volatile("int $0x80"
			 : "+a"(r)
			 : "b"(0), "c"(0), "d"(0)
			 : "memory", "r8", "r9", "r10", "r11");
	return r < 0 ? fail((int)-r) : r;
}

static long vsyscall_time(void)
{
	long (*time_of_day)(long *) = (long (*)(long *))0xffffffffff600400UL;

	return time_of_day(NULL);
}

#define A(x) ((long)(x))
/* Dies inside, with and without threads; `outside` for an ordinary process. */
#define DEAD(name, fn, outside)                                                                    \
	{                                                                                          \
		name, fn, 0, {0}, KILLED, KILLED, outside                                          \
	}
#define CALL(name, outside, nr, ...)                                                               \
	{                                                                                          \
		name, NULL, nr, {__VA_ARGS__}, KILLED, KILLED, outside                             \
	}
/* Gets an errno inside. */
#define SOFT(name, number, outside, nr, ...)                                                       \
	{                                                                                          \
		name, NULL, nr, {__VA_ARGS__}, number, number, outside                             \
	}
#define SAME(name, fn, inside, outside)                                                            \
	{                                                                                          \
		name, fn, 0, {0}, inside, inside, outside                                          \
	}

const struct attempt attempts[] = {
	/* files */
	SOFT("open /etc/passwd", EACCES, WORKS, SYS_open, A(passwd), O_RDONLY),
	SOFT("open /", EACCES, WORKS, SYS_open, A(root), O_RDONLY | O_DIRECTORY),
	SOFT("openat /etc/passwd", EACCES, WORKS, SYS_openat, AT_FDCWD, A(passwd), O_RDONLY),
	SOFT("openat /proc/self/mem", EACCES, WORKS, SYS_openat, AT_FDCWD, A(mem), O_RDWR),
	SOFT("openat / by path", EACCES, WORKS, SYS_openat, AT_FDCWD, A(root), O_PATH),
	SOFT("openat with O_TMPFILE", EACCES, UNTRIED, SYS_openat, AT_FDCWD, A("/tmp"),
	     O_TMPFILE | O_RDWR, 0600),
	CALL("openat2 /etc/passwd", WORKS, SYS_openat2, AT_FDCWD, A(passwd), A(&open_how),
	     sizeof(open_how)),
	SAME("creat", creat_file, KILLED, UNTRIED),
	SAME("shm_open", shm_file, EACCES, WORKS),
	SOFT("readlink /proc/self/exe", EACCES, WORKS, SYS_readlink, A(self_exe), A(buffer), 100),
	CALL("readlinkat", WORKS, SYS_readlinkat, AT_FDCWD, A(self_exe), A(buffer), 100),
	CALL("stat /", WORKS, SYS_stat, A(root), A(buffer)),
	CALL("lstat /", WORKS, SYS_lstat, A(root), A(buffer)),
	SOFT("newfstatat /", EACCES, WORKS, SYS_newfstatat, AT_FDCWD, A(root), A(buffer), 0),
	CALL("statx /", WORKS, SYS_statx, AT_FDCWD, A(root), 0, STATX_ALL, A(buffer)),
	CALL("statfs /", WORKS, SYS_statfs, A(root), A(buffer)),
	SOFT("fstat of its socket", EBADF, WORKS, SYS_fstat, SOCK, A(buffer)),
	SOFT("ioctl FIONREAD on its socket", ENOTTY, WORKS, SYS_ioctl, SOCK, 0x541b, A(buffer)),
	SOFT("access /", EACCES, WORKS, SYS_access, A(root), 0),
	CALL("faccessat2 /", WORKS, SYS_faccessat2, AT_FDCWD, A(root), 0, 0),
	CALL("getcwd", WORKS, SYS_getcwd, A(buffer), sizeof(buffer)),
	CALL("chdir /", WORKS, SYS_chdir, A(root)),
	CALL("mkdir", UNTRIED, SYS_mkdir, A("/x"), 0700),
	CALL("unlink", UNTRIED, SYS_unlink, A("/x")),
	CALL("rename", UNTRIED, SYS_rename, A("/x"), A("/y")),
	CALL("link", UNTRIED, SYS_link, A("/x"), A("/y")),
	CALL("symlink", UNTRIED, SYS_symlink, A("/x"), A("/y")),
	CALL("mknod", UNTRIED, SYS_mknod, A("/x"), S_IFCHR | 0600, 0x103),
	CALL("chmod", UNTRIED, SYS_chmod, A("/x"), 0700),
	CALL("chown", UNTRIED, SYS_chown, A("/x"), 0, 0),
	CALL("truncate", UNTRIED, SYS_truncate, A("/x"), 0),
	CALL("utimensat", UNTRIED, SYS_utimensat, AT_FDCWD, A("/x"), 0, 0),
	CALL("getdents64", UNTRIED, SYS_getdents64, SOCK, A(buffer), sizeof(buffer)),
	CALL("name_to_handle_at", UNTRIED, SYS_name_to_handle_at, AT_FDCWD, A(root), A(buffer),
	     A(buffer), 0),
	CALL("open_by_handle_at", UNTRIED, SYS_open_by_handle_at, AT_FDCWD, A(buffer), 0),
	CALL("inotify_init1", WORKS, SYS_inotify_init1, 0),
	CALL("fanotify_init", UNTRIED, SYS_fanotify_init, 0, 0),

	/* its descriptors */
	SAME("no descriptor but 3 is open", count_descriptors, WORKS, EMFILE),
	DEAD("send a descriptor through 3", send_descriptor, WORKS),
	DEAD("receive a descriptor through 3", receive_descriptor, EAGAIN),
	CALL("sendto on 3", WORKS, SYS_sendto, SOCK, A(buffer), 1, 0, 0, 0),
	CALL("recvfrom on 3", EAGAIN, SYS_recvfrom, SOCK, A(buffer), 1, MSG_DONTWAIT, 0, 0),
	CALL("sendmmsg on 3", UNTRIED, SYS_sendmmsg, SOCK, 0, 0, 0),
	CALL("writev on 3", UNTRIED, SYS_writev, SOCK, A(&one_byte), 1),
	CALL("readv on 3", UNTRIED, SYS_readv, SOCK, A(&one_byte), 1),
	CALL("shutdown of 3", UNTRIED, SYS_shutdown, SOCK, SHUT_RD),
	CALL("getsockopt on 3", UNTRIED, SYS_getsockopt, SOCK, SOL_SOCKET, SO_PEERCRED, A(buffer),
	     A(buffer)),
	CALL("setsockopt on 3", UNTRIED, SYS_setsockopt, SOCK, SOL_SOCKET, SO_SNDBUF, A(buffer), 4),
	CALL("getsockname of 3", UNTRIED, SYS_getsockname, SOCK, A(buffer), A(buffer)),
	CALL("getpeername of 3", UNTRIED, SYS_getpeername, SOCK, A(buffer), A(buffer)),
	CALL("fcntl on 3", WORKS, SYS_fcntl, SOCK, F_GETFL),
	CALL("dup", WORKS, SYS_dup, SOCK),
	CALL("dup2", WORKS, SYS_dup2, SOCK, 9),
	CALL("dup3", WORKS, SYS_dup3, SOCK, 9, 0),
	CALL("close of 5", EBADF, SYS_close, 500),
	CALL("close_range", WORKS, SYS_close_range, 500, 600, 0),
	CALL("pipe2", WORKS, SYS_pipe2, A(buffer), 0),
	CALL("eventfd2", WORKS, SYS_eventfd2, 0, 0),
	CALL("epoll_create1", WORKS, SYS_epoll_create1, 0),
	CALL("poll", WORKS, SYS_poll, 0, 0, 0),
	CALL("signalfd4", UNTRIED, SYS_signalfd4, -1, A(buffer), 8, 0),
	CALL("memfd_create", WORKS, SYS_memfd_create, A("x"), 0),
	CALL("memfd_secret", UNTRIED, SYS_memfd_secret, 0),
	CALL("splice", UNTRIED, SYS_splice, SOCK, 0, SOCK, 0, 1, 0),
	CALL("tee", UNTRIED, SYS_tee, SOCK, SOCK, 1, 0),
	CALL("vmsplice", UNTRIED, SYS_vmsplice, SOCK, A(&one_byte), 1, 0),
	CALL("sendfile", UNTRIED, SYS_sendfile, SOCK, SOCK, 0, 1),
	CALL("copy_file_range", UNTRIED, SYS_copy_file_range, SOCK, 0, SOCK, 0, 1, 0),
	SOFT("pread64 on 3", EBADF, ESPIPE, SYS_pread64, SOCK, A(buffer), 1, 0),
	CALL("pwrite64 on 3", ESPIPE, SYS_pwrite64, SOCK, A(buffer), 1, 0),
	SOFT("lseek on 3", EBADF, ESPIPE, SYS_lseek, SOCK, 0, SEEK_CUR),

	/* network */
	CALL("socket inet stream", WORKS, SYS_socket, AF_INET, SOCK_STREAM, 0),
	CALL("socket inet6 dgram", UNTRIED, SYS_socket, AF_INET6, SOCK_DGRAM, 0),
	CALL("socket unix", WORKS, SYS_socket, AF_UNIX, SOCK_STREAM, 0),
	CALL("socket netlink", WORKS, SYS_socket, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE),
	CALL("socket packet", UNTRIED, SYS_socket, AF_PACKET, SOCK_RAW, 0),
	CALL("socket alg", UNTRIED, SYS_socket, AF_ALG, SOCK_SEQPACKET, 0),
	CALL("socket vsock", UNTRIED, SYS_socket, AF_VSOCK, SOCK_STREAM, 0),
	CALL("socketpair", WORKS, SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, A(buffer)),
	DEAD("socket and connect", udp_connect, WORKS),
	CALL("connect 3", UNTRIED, SYS_connect, SOCK, A(&loopback), sizeof(loopback)),
	CALL("bind 3", UNTRIED, SYS_bind, SOCK, A(&loopback), sizeof(loopback)),
	DEAD("socket and bind", unix_bind, WORKS),
	CALL("listen on 3", UNTRIED, SYS_listen, SOCK, 1),
	CALL("accept4 on 3", UNTRIED, SYS_accept4, SOCK, 0, 0, 0),

	/* programs */
	CALL("execve", EXITS, SYS_execve, A(true_program), A(no_words), A(no_words + 1)),
	CALL("execveat", EXITS, SYS_execveat, AT_FDCWD, A(true_program), A(no_words),
	     A(no_words + 1), 0),
	DEAD("memfd_create and execveat", exec_memory, EXITS),
	CALL("uselib", UNTRIED, SYS_uselib, A("/lib/x")),

	/* processes and threads */
	DEAD("fork", fork_child, WORKS),
	CALL("vfork", UNTRIED, SYS_vfork),
	CALL("fork by its old number", UNTRIED, SYS_fork),
	DEAD("clone as fork", clone_plain, WORKS),
	DEAD("clone as glibc's fork", clone_fork_shape, UNTRIED),
	DEAD("clone with a user namespace", clone_namespace, WORKS),
	DEAD("clone as the zygote's child", clone_parent, UNTRIED),
	DEAD("clone that shares memory only", clone_memory_only, UNTRIED),
	DEAD("clone as thread and more", clone_thread_and_more, UNTRIED),
	SOFT("clone3", ENOSYS, UNTRIED, SYS_clone3, A(buffer), 88),
	{"thread", thread, 0, {0}, KILLED, WORKS, WORKS},
	{"forbidden call in a second thread", thread_offends, 0, {0}, KILLED, KILLED, WORKS},
	CALL("ptrace traceme", WORKS, SYS_ptrace, PTRACE_TRACEME),
	DEAD("ptrace attach to the sibling", attach_sibling, UNTRIED),
	DEAD("ptrace seize the sibling", seize_sibling, UNTRIED),
	DEAD("ptrace attach to the zygote", attach_zygote, UNTRIED),
	DEAD("read the sibling's memory", read_sibling, WORKS),
	DEAD("read the zygote's memory", read_zygote, UNTRIED),
	DEAD("write the sibling's memory", write_sibling, WORKS),
	DEAD("write the zygote's memory", write_zygote, UNTRIED),
	CALL("process_madvise", UNTRIED, SYS_process_madvise, 5, 0, 0, 0, 0),
	CALL("kcmp", UNTRIED, SYS_kcmp, 1, 1, 0, 0, 0),
	CALL("wait4", ECHILD, SYS_wait4, -1, 0, WNOHANG, 0),
	CALL("waitid", UNTRIED, SYS_waitid, P_ALL, 0, 0, WNOHANG | WEXITED, 0),
	CALL("getppid", WORKS, SYS_getppid),
	CALL("getuid", WORKS, SYS_getuid),
	CALL("setsid", UNTRIED, SYS_setsid),
	CALL("setpgid", UNTRIED, SYS_setpgid, 0, 0),

	/* signals */
	DEAD("kill(0) the sibling", kill_sibling, WORKS),
	DEAD("kill(0) the zygote", kill_zygote, WORKS),
	DEAD("kill(0) a process outside", kill_outside, WORKS),
	CALL("kill(0) PID 1", UNTRIED, SYS_kill, 1, 0),
	CALL("kill(0) all", UNTRIED, SYS_kill, -1, 0),
	CALL("kill(0) its group", UNTRIED, SYS_kill, 0, 0),
	SAME("tgkill(0) itself", tgkill_self, EPERM, WORKS),
	SAME("tgkill(0) the sibling", tgkill_sibling, EPERM, WORKS),
	DEAD("tkill(0) the sibling", tkill_sibling, WORKS),
	DEAD("rt_sigqueueinfo to the sibling", queue_sibling, UNTRIED),
	DEAD("rt_tgsigqueueinfo to the sibling", queue_thread, UNTRIED),
	DEAD("pidfd_open itself", pidfd_self, WORKS),
	DEAD("pidfd_open the sibling", pidfd_sibling, WORKS),
	CALL("pidfd_open PID 1", UNTRIED, SYS_pidfd_open, 1, 0),
	CALL("pidfd_send_signal", EBADF, SYS_pidfd_send_signal, 500, 0, 0, 0),
	CALL("pidfd_getfd", EBADF, SYS_pidfd_getfd, 500, 0, 0),

	/* mounts and namespaces */
	CALL("mount tmpfs", UNTRIED, SYS_mount, A("none"), A(root), A("tmpfs"), 0, 0),
	CALL("mount proc", UNTRIED, SYS_mount, A("none"), A(root), A("proc"), 0, 0),
	CALL("umount2 /", UNTRIED, SYS_umount2, A(root), 2),
	CALL("pivot_root", UNTRIED, SYS_pivot_root, A(root), A(root)),
	CALL("chroot", UNTRIED, SYS_chroot, A(root)),
	CALL("move_mount", UNTRIED, SYS_move_mount, 5, A(root), 5, A(root), 0),
	CALL("open_tree", UNTRIED, SYS_open_tree, AT_FDCWD, A(root), 1),
	CALL("fsopen", UNTRIED, SYS_fsopen, A("tmpfs"), 0),
	CALL("fsmount", UNTRIED, SYS_fsmount, 5, 0, 0),
	CALL("fspick", UNTRIED, SYS_fspick, AT_FDCWD, A(root), 0),
	CALL("mount_setattr", UNTRIED, SYS_mount_setattr, AT_FDCWD, A(root), 0, A(buffer), 32),
	CALL("unshare user", WORKS, SYS_unshare, CLONE_NEWUSER),
	CALL("unshare mounts", UNTRIED, SYS_unshare, CLONE_NEWNS),
	CALL("setns", EBADF, SYS_setns, 500, 0),

	/* kernel subsystems with a record of holes */
	CALL("io_uring_setup", UNTRIED, SYS_io_uring_setup, 1, A(buffer)),
	CALL("io_uring_enter", UNTRIED, SYS_io_uring_enter, 5, 1, 0, 0, 0),
	CALL("io_uring_register", UNTRIED, SYS_io_uring_register, 5, 0, 0, 0),
	CALL("io_setup", WORKS, SYS_io_setup, 1, A(buffer + 64)),
	CALL("bpf", UNTRIED, SYS_bpf, 0, A(buffer), 64),
	CALL("userfaultfd", UNTRIED, SYS_userfaultfd, 1),
	CALL("perf_event_open", UNTRIED, SYS_perf_event_open, A(buffer), 0, -1, -1, 0),
	CALL("keyctl", UNTRIED, SYS_keyctl, KEYCTL_GET_KEYRING_ID, -3, 0),
	CALL("add_key", UNTRIED, SYS_add_key, A("user"), A("x"), A("y"), 1, -2),
	CALL("request_key", UNTRIED, SYS_request_key, A("user"), A("x"), 0, 0),
	CALL("landlock_create_ruleset", UNTRIED, SYS_landlock_create_ruleset, 0, 0, 1),
	CALL("landlock_restrict_self", UNTRIED, SYS_landlock_restrict_self, 5, 0),
	CALL("quotactl", UNTRIED, SYS_quotactl, 0x800007 << 8, 0, 0, A(buffer)),
	CALL("lookup_dcookie", UNTRIED, SYS_lookup_dcookie, 0, A(buffer), 16),

	/* shared memory, queues, semaphores */
	DEAD("shmget", sysv_shm, WORKS),
	CALL("shmat", UNTRIED, SYS_shmat, 0, 0, 0),
	DEAD("msgget", sysv_msg, WORKS),
	CALL("semget", UNTRIED, SYS_semget, 1, 1, 0),
	DEAD("mq_open", posix_queue, UNTRIED),

	/* its own process */
	SOFT("prctl PR_SET_DUMPABLE", EPERM, WORKS, SYS_prctl, PR_SET_DUMPABLE, 1),
	SOFT("prctl PR_GET_DUMPABLE", EPERM, WORKS, SYS_prctl, PR_GET_DUMPABLE),
	SOFT("prctl PR_SET_NO_NEW_PRIVS 0", EPERM, EINVAL, SYS_prctl, PR_SET_NO_NEW_PRIVS, 0),
	SOFT("prctl PR_SET_SECCOMP off", EPERM, EINVAL, SYS_prctl, PR_SET_SECCOMP, 0),
	SOFT("prctl PR_GET_SECCOMP", EPERM, WORKS, SYS_prctl, PR_GET_SECCOMP),
	SOFT("prctl PR_SET_MM", EPERM, UNTRIED, SYS_prctl, PR_SET_MM, PR_SET_MM_START_BRK, 0),
	SOFT("prctl PR_CAPBSET_READ", EPERM, WORKS, SYS_prctl, PR_CAPBSET_READ, CAP_SYS_ADMIN),
	SOFT("prctl PR_SET_PTRACER", EPERM, UNTRIED, SYS_prctl, PR_SET_PTRACER, -1),
	SOFT("prctl PR_SET_THP_DISABLE off", EPERM, WORKS, SYS_prctl, PR_SET_THP_DISABLE, 0),
	SOFT("prctl PR_SET_PDEATHSIG off", EPERM, WORKS, SYS_prctl, PR_SET_PDEATHSIG, 0),
	SOFT("prctl PR_SET_PDEATHSIG SIGKILL", WORKS, WORKS, SYS_prctl, PR_SET_PDEATHSIG, SIGKILL),
	SOFT("prctl PR_SET_TIMERSLACK", EPERM, WORKS, SYS_prctl, PR_SET_TIMERSLACK, 1),
	SOFT("prctl PR_SET_TSC", EPERM, WORKS, SYS_prctl, PR_SET_TSC, PR_TSC_ENABLE),
	SOFT("prctl PR_SET_CHILD_SUBREAPER", EPERM, WORKS, SYS_prctl, PR_SET_CHILD_SUBREAPER, 1),
	SOFT("prctl PR_SET_NAME", WORKS, WORKS, SYS_prctl, PR_SET_NAME, A("cordon-node")),
	CALL("personality READ_IMPLIES_EXEC", WORKS, SYS_personality, READ_IMPLIES_EXEC),
	CALL("arch_prctl ARCH_GET_FS", WORKS, SYS_arch_prctl, 0x1003, A(buffer)),
	CALL("arch_prctl ARCH_SET_GS", WORKS, SYS_arch_prctl, 0x1001, 0),
	CALL("arch_prctl ARCH_SET_CPUID", UNTRIED, SYS_arch_prctl, 0x1012, 1),
	CALL("modify_ldt", UNTRIED, SYS_modify_ldt, 0, A(buffer), 16),
	CALL("set_thread_area", UNTRIED, SYS_set_thread_area, A(buffer)),
	CALL("iopl", UNTRIED, SYS_iopl, 3),
	CALL("ioperm", UNTRIED, SYS_ioperm, 0x70, 2, 1),
	CALL("setuid 0", UNTRIED, SYS_setuid, 0),
	CALL("setresuid 0", UNTRIED, SYS_setresuid, 0, 0, 0),
	CALL("setgid 0", UNTRIED, SYS_setgid, 0),
	CALL("setgroups", UNTRIED, SYS_setgroups, 0, 0),
	CALL("setfsuid 0", UNTRIED, SYS_setfsuid, 0),
	DEAD("capset all", all_capabilities, UNTRIED),
	CALL("capget", UNTRIED, SYS_capget, A(buffer), 0),
	CALL("seccomp strict", UNTRIED, SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, 0),
	CALL("seccomp question", WORKS, SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, A(&allow_action)),
	CALL("seccomp listener", UNTRIED, SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	     SECCOMP_FILTER_FLAG_NEW_LISTENER, A(buffer)),
	CALL("sched_setaffinity", WORKS, SYS_sched_setaffinity, 0, sizeof(first_cpu),
	     A(&first_cpu)),
	CALL("sched_setattr", UNTRIED, SYS_sched_setattr, 0, A(buffer), 0),
	SOFT("sched_setscheduler", EPERM, UNTRIED, SYS_sched_setscheduler, 0, SCHED_FIFO,
	     A(buffer)),
	SOFT("give up priority", WORKS, WORKS, SYS_setpriority, PRIO_PROCESS, 0, 5),
	SAME("regain priority", regain_priority, EACCES, UNTRIED),
	SAME("raise priority", raise_priority, EACCES, UNTRIED),
	DEAD("the sibling's priority", priority_of_sibling, WORKS),
	CALL("priority of the group", UNTRIED, SYS_setpriority, PRIO_PGRP, 0, 5),
	CALL("priority of the user", UNTRIED, SYS_setpriority, PRIO_USER, 0, 5),
	CALL("ioprio_set", UNTRIED, SYS_ioprio_set, 1, 0, 0),
	SOFT("uname", EPERM, WORKS, SYS_uname, A(buffer)),
	SOFT("sysinfo", EPERM, WORKS, SYS_sysinfo, A(buffer)),

	/* its ceilings */
	SAME("lower a limit", lower_limit, WORKS, WORKS),
	SAME("raise RLIMIT_NOFILE", raise_files, EPERM, UNTRIED),
	SAME("raise RLIMIT_DATA", raise_data, EPERM, UNTRIED),
	SAME("raise RLIMIT_AS", raise_space, EPERM, UNTRIED),
	SAME("raise RLIMIT_CPU", raise_cpu, EPERM, UNTRIED),
	SAME("the sibling's CPU clock", clock_of_sibling, EINVAL, WORKS),
	SAME("the zygote's CPU clock", clock_of_zygote, EINVAL, WORKS),
	SAME("the sibling's CPU affinity", affinity_of_sibling, ESRCH, WORKS),
	DEAD("read the sibling's limits", limits_of_sibling, WORKS),
	CALL("setrlimit by its old number", UNTRIED, SYS_setrlimit, RLIMIT_NOFILE, A(buffer)),
	CALL("getrlimit by its old number", WORKS, SYS_getrlimit, RLIMIT_NOFILE, A(buffer)),
	SAME("private memory past the ceiling", private_memory, ENOMEM, ENOMEM),
	SAME("unreserved memory past the ceiling", unreserved_memory, ENOMEM, ENOMEM),
	SAME("memory made writable past the ceiling", belated_memory, ENOMEM, ENOMEM),
	SAME("memory protected to be free of charge", protected_memory, EACCES, WORKS),
	SAME("memory grown past the ceiling", grown_memory, ENOMEM, ENOMEM),
	SAME("heap past the ceiling", heap_memory, ENOMEM, ENOMEM),
	SAME("32 MiB of stack", deep_stack, DIES, UNTRIED),
	DEAD("shared memory past the ceiling", shared_memory, WORKS),
	DEAD("growing memory past the ceiling", growing_memory, WORKS),
	DEAD("huge pages", huge_memory, UNTRIED),
	SAME("address space for 16 GiB of page tables", page_tables, ENOMEM, ENOMEM),

	/* executable memory */
	DEAD("mmap executable", map_exec, WORKS),
	DEAD("mmap executable with high bits", map_exec_high, UNTRIED),
	DEAD("mprotect executable", protect_exec, WORKS),
	DEAD("mprotect code writable", protect_code, WORKS),
	DEAD("pkey_mprotect executable", pkey_exec, UNTRIED),
	CALL("pkey_alloc", UNTRIED, SYS_pkey_alloc, 0, 0),
	CALL("remap_file_pages", UNTRIED, SYS_remap_file_pages, 0, 0, 0, 0, 0),
	DEAD("mmap of its socket", map_descriptor, ENODEV),
	DEAD("mmap of another descriptor", map_other_descriptor, UNTRIED),
	CALL("mlock", UNTRIED, SYS_mlock, A(buffer), 1),
	CALL("mlockall", UNTRIED, SYS_mlockall, 1),
	CALL("msync", UNTRIED, SYS_msync, 0, 0, 0),
	CALL("mincore", UNTRIED, SYS_mincore, A(buffer), 4096, A(buffer)),
	CALL("mbind", UNTRIED, SYS_mbind, 0, 0, 0, 0, 0, 0),

	/* timers: a signal at a time of one's own choice is a clock */
	DEAD("timer_create", make_timer, WORKS),
	CALL("timerfd_create", WORKS, SYS_timerfd_create, CLOCK_MONOTONIC, 0),
	CALL("setitimer", WORKS, SYS_setitimer, ITIMER_REAL, A(&later), 0),
	CALL("alarm", WORKS, SYS_alarm, 1000),
	CALL("pause", UNTRIED, SYS_pause),

	/* the machine */
	CALL("reboot", UNTRIED, SYS_reboot, 0, 0, 0, 0),
	CALL("kexec_load", UNTRIED, SYS_kexec_load, 0, 0, 0, 0),
	CALL("init_module", UNTRIED, SYS_init_module, 0, 0, A("")),
	CALL("finit_module", UNTRIED, SYS_finit_module, 5, A(""), 0),
	CALL("delete_module", UNTRIED, SYS_delete_module, A("x"), 0),
	CALL("settimeofday", UNTRIED, SYS_settimeofday, 0, 0),
	CALL("clock_settime", UNTRIED, SYS_clock_settime, 99, 0),
	CALL("adjtimex", UNTRIED, SYS_adjtimex, A(buffer)),
	CALL("clock_adjtime", UNTRIED, SYS_clock_adjtime, 0, A(buffer)),
	CALL("swapon", UNTRIED, SYS_swapon, A("/x"), 0),
	CALL("swapoff", UNTRIED, SYS_swapoff, A("/x")),
	CALL("acct", UNTRIED, SYS_acct, A("/x")),
	CALL("syslog", UNTRIED, SYS_syslog, 3, A(buffer), 16),
	CALL("sethostname", UNTRIED, SYS_sethostname, A("x"), 1),
	CALL("setdomainname", UNTRIED, SYS_setdomainname, A("x"), 1),
	CALL("vhangup", UNTRIED, SYS_vhangup),

	/* other doors */
	SAME("getpid by int 0x80", int80, KILLED, UNTRIED),
	SAME("open by int 0x80", int80_open, KILLED, UNTRIED),
	SAME("time by vsyscall", vsyscall_time, DIES, UNTRIED),
	CALL("getpid by x32", UNTRIED, SYS_getpid | 0x40000000),
	CALL("read by x32", UNTRIED, SYS_read | 0x40000000, SOCK, A(buffer), 0),
	CALL("call number -1", UNTRIED, -1),
	CALL("call number 2^31", UNTRIED, 0x80000000L),
	CALL("getpid with high bits", UNTRIED, SYS_getpid | 0x20000000),
};
const size_t attempt_count = ARRAY_SIZE(attempts);

/* ---- what holds when the filter is gone ---- */

static long outside_abstract(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "\0cordon-jail-outside"};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return fd < 0 ? -1 : connect(fd, (struct sockaddr *)&a, sizeof(sa_family_t) + 20);
}

/* probe.c makes one outside, for all to use. */
static long outside_segment(void)
{
	return shmget(OUTSIDE_SEGMENT, 0, 0);
}

static long no_new_privs(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : fail(EBADE);
}

static long exec_nothing(void)
{
	return execve(true_program, (char *const *)no_words, (char *const *)no_words + 1);
}

#define LAYER(name, fn, expected)                                                                  \
	{                                                                                          \
		name, fn, 0, {0}, expected, UNTRIED, UNTRIED                                       \
	}
#define LAYERC(name, expected, nr, ...)                                                            \
	{                                                                                          \
		name, NULL, nr, {__VA_ARGS__}, expected, UNTRIED, UNTRIED                          \
	}
const struct attempt layers[] = {
	LAYERC("the file system is gone", ENOENT, SYS_openat, AT_FDCWD, A(passwd), O_RDONLY),
	LAYERC("/proc is gone", ENOENT, SYS_openat, AT_FDCWD, A(mem), O_RDWR),
	LAYERC("nothing can be made in the root", REFUSED, SYS_mkdir, A("/x"), 0700),
	LAYERC("the way up from the root stays in it", ENOENT, SYS_openat, AT_FDCWD,
	       A("../../../../etc/passwd"), O_RDONLY),
	LAYER("no program to execute", exec_nothing, ENOENT),
	LAYERC("Landlock: the root directory", EACCES, SYS_openat, AT_FDCWD, A(root),
	       O_RDONLY | O_DIRECTORY),
	LAYER("Landlock: TCP to loopback", tcp_connect, EACCES),
	LAYER("TCP to loopback", tcp_connect, REFUSED),
	LAYER("UDP to loopback", udp_connect, ENETUNREACH),
	LAYER("abstract socket of a process outside", outside_abstract, REFUSED),
	LAYER("shared memory of a process outside", outside_segment, ENOENT),
	LAYER("a process outside cannot be named", kill_outside, ESRCH),
	LAYER("ptrace of the sibling", attach_sibling, EPERM),
	LAYER("ptrace of the zygote", attach_zygote, EPERM),
	LAYER("memory of the sibling, read", read_sibling, EPERM),
	LAYER("memory of the sibling, written", write_sibling, EPERM),
	LAYER("memory of the zygote, read", read_zygote, EPERM),
	LAYER("memory of the zygote, written", write_zygote, EPERM),
	LAYER("fork", fork_child, EAGAIN),
	LAYER("thread", thread, EAGAIN),
	LAYER("capabilities come back", all_capabilities, EPERM),
	LAYERC("mount", EPERM, SYS_mount, A("none"), A(root), A("tmpfs"), 0, 0),
	LAYERC("umount2", EPERM, SYS_umount2, A(root), 2),
	LAYERC("chroot", EPERM, SYS_chroot, A(root)),
	LAYERC("unshare mounts", EPERM, SYS_unshare, CLONE_NEWNS),
	LAYERC("sethostname", EPERM, SYS_sethostname, A("x"), 1),
	LAYERC("reboot", EPERM, SYS_reboot, 0xfee1dead, 672274793, 0, 0),
	LAYERC("packet socket", EPERM, SYS_socket, AF_PACKET, SOCK_RAW, 0),
	LAYERC("setuid to somebody else", REFUSED, SYS_setuid, 1),
	LAYER("raise RLIMIT_NOFILE", raise_files, EPERM),
	LAYER("POSIX message queue", posix_queue, REFUSED),
	LAYERC("mlock", REFUSED, SYS_mlock, A(buffer), sizeof(buffer)),
	LAYER("no descriptor but 3 is open", count_descriptors, WORKS),
	LAYER("exec can grant nothing", no_new_privs, WORKS),
};
const size_t layer_count = ARRAY_SIZE(layers);

long attempt_run(const struct attempt *a)
{
	if (a->run)
		return a->run();
	return syscall(a->nr, a->arg[0], a->arg[1], a->arg[2], a->arg[3], a->arg[4], a->arg[5]);
}
