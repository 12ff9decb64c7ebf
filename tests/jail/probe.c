/*
 * Native hostile code inside the real jail: one attempt per process, each with the one end it must
 * come to. Then every system call number; then what holds with the filter left out; then machines
 * that refuse namespaces. As root all of it twice, the second time as an ordinary user.
 */
#include "jail/cell.h"
#include "jail/sweep.h"
#include "lib/tap.h"
#include "os/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { ORDINARY = 65534 };

static const char *word(int expectation, char out[32])
{
	switch (expectation) {
	case KILLED:
		return "killed";
	case REFUSED:
		return "refused";
	case DIES:
		return "dies";
	case EXITS:
		return "replaced";
	case WORKS:
		return "works";
	default:
		snprintf(out, 32, "%s", strerrorname_np(expectation));
		return out;
	}
}

static int as_expected(const struct report *r, int expectation)
{
	int sig = WIFSIGNALED(r->status) ? WTERMSIG(r->status) : 0;
	int killed = !r->reported && sig == SIGSYS;

	switch (expectation) {
	case KILLED:
		return killed;
	case REFUSED:
		return killed || (r->reported && r->error);
	case DIES:
		return !r->reported && sig;
	case EXITS:
		return !r->reported && r->status == 0;
	default:
		return r->reported && r->error == expectation;
	}
}

static void judge(const char *who, const char *name, const struct report *r, int expectation)
{
	char text[32];

	if (tap_ok(as_expected(r, expectation) && r->sibling_alive, "%s: %s: %s", who, name,
		   word(expectation, text)))
		return;
	if (r->reported)
		tap_note("it lived to report: value %ld, errno %d (%s)", r->value, r->error,
			 strerror(r->error));
	else
		tap_note("it did not report; wait status %#x", (unsigned)r->status);
	if (!r->sibling_alive)
		tap_note("its neighbour died");
}

/* A table in a cell. The cell is replaced when an attempt breaks it, which is a failure. */
static void try_table(struct cell *c, enum cell_how how, enum cell_table table, const char *who)
{
	size_t n = table == CELL_LAYERS ? layer_count : attempt_count;

	for (size_t i = 0; i < n; i++) {
		const struct attempt *a = table == CELL_LAYERS ? &layers[i] : &attempts[i];
		int expectation = how == CELL_THREADS ? a->threads : a->inside, r;
		struct report report;

		if (expectation == UNTRIED)
			continue;
		if (!strncmp(a->name, "Landlock:", 9) &&
		    !(c->ready.jail.on & 1u << JAIL_LANDLOCK)) {
			tap_skip("this kernel has no Landlock", "%s: %s", who, a->name);
			continue;
		}
		r = cell_try(c, &(struct order){how, table, (long)i, 0}, &report);
		if (r < 0) {
			tap_ok(0, "%s: %s: the cell survives it (%s)", who, a->name, strerror(-r));
			return;
		}
		judge(who, a->name, &report, expectation);
	}
}

static int yama_forbids(void)
{
	_cleanup_fd_ int fd = open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY | O_CLOEXEC);
	char c = '0';

	return fd >= 0 && read(fd, &c, 1) == 1 && c != '0';
}

/* What the jail takes away is there without it. */
static void try_outside(const char *who)
{
	for (size_t i = 0; i < attempt_count; i++) {
		const struct attempt *a = &attempts[i];
		struct report r;

		if (a->outside == UNTRIED)
			continue;
		if (strstr(a->name, "sibling's memory") && yama_forbids()) {
			tap_skip("Yama forbids it to siblings", "%s, no jail: %s", who, a->name);
			continue;
		}
		cell_try_here(&(struct order){CELL_PLAIN, CELL_ATTEMPTS, (long)i, 0}, &r);
		r.sibling_alive = 1; /* some of it ends it, rightly */
		judge(who, a->name, &r, a->outside);
	}
}

static int listen_abstract(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "\0cordon-jail-outside"};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&a, sizeof(sa_family_t) + 20) < 0 || listen(fd, 8) < 0)
		tap_note("abstract socket: %s", strerror(errno));
	return fd;
}

static void test_layers(const char *who)
{
	char name[96];
	struct cell c;
	struct err e;
	int listener = listen_abstract();
	int segment = shmget(OUTSIDE_SEGMENT, 4096, IPC_CREAT | 0666);

	tap_ok(segment >= 0 && shmget(OUTSIDE_SEGMENT, 0, 0) == segment,
	       "%s, no jail: shared memory of a process outside: works", who);

	snprintf(name, sizeof(name), "%s, no filter", who);
	if (tap_ok(cell_open(&c, JAIL_FULL, 0, &e) == 0, "%s: a cell without filter starts", who))
		try_table(&c, CELL_SANDBOX, CELL_LAYERS, name);
	cell_close(&c);
	shmctl(segment, IPC_RMID, NULL);
	close(listener);
}

/* Descriptors that whoever started us left open must not reach the zygote. */
static void leave_open(void)
{
	struct rlimit l;

	getrlimit(RLIMIT_NOFILE, &l);
	l.rlim_cur = l.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l);
	for (int fd = 40; fd < 2000; fd += 490)
		dup2(STDERR_FILENO, fd);
}

static void close_again(void)
{
	for (int fd = 40; fd < 2000; fd += 490)
		close(fd);
}

static void test_jail(const char *who)
{
	char name[96];
	struct cell c;
	struct err e;
	int r;

	leave_open();
	r = cell_open(&c, JAIL_FULL, 1, &e);
	close_again();
	if (!tap_ok(r == 0, "%s: a cell with the full jail starts", who)) {
		tap_note("%s: %s", e.code, e.message);
		return;
	}
	tap_ok(jail_is_full(&c.ready.jail) && strstr(c.ready.json, "{\"full\":true,"),
	       "%s: it says that its jail is full", who);
	if (!tap_ok(c.ready.strange == 0, "%s: the zygote holds 0-3 and nothing else", who))
		tap_note("also open:%s", c.ready.strange_list);
	snprintf(name, sizeof(name), "%s, sandbox", who);
	try_table(&c, CELL_SANDBOX, CELL_ATTEMPTS, name);
	sweep(&c, CELL_SANDBOX, name);
	snprintf(name, sizeof(name), "%s, sandbox with threads", who);
	try_table(&c, CELL_THREADS, CELL_ATTEMPTS, name);
	sweep(&c, CELL_THREADS, name);
	snprintf(name, sizeof(name), "%s, zygote", who);
	sweep(&c, CELL_ZYGOTE, name);
	cell_close(&c);
}

/* From here on no user namespace can be made, as on machines whose policy forbids it. */
static int refuse_namespaces(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWUSER, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {ARRAY_SIZE(code), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 ? -errno : 0;
}

static void test_refused(const char *who)
{
	static const char *const off[] = {"\"full\":false",
					  "\"user_namespace\":false",
					  "\"mount_namespace\":false",
					  "\"pid_namespace\":false",
					  "\"network_namespace\":false",
					  "\"empty_root\":false"};
	static const char *const on[] = {"\"seccomp\":true", "\"no_capabilities\":true",
					 "\"no_new_privs\":true", "\"rlimits\":true",
					 "\"descriptors\":true"};
	struct err e = {0};
	struct cell c;
	char name[96];
	int r;

	if (refuse_namespaces() < 0) {
		tap_ok(0, "%s: refusing namespaces to ourselves", who);
		return;
	}
	r = cell_open(&c, JAIL_FULL, 1, &e);
	tap_ok(r == -EPERM && !strcmp(e.code, "jail.namespaces"),
	       "%s, namespaces refused: the full jail refuses with jail.namespaces", who);
	tap_ok(strstr(e.message, "cordon doctor") && strstr(e.message, "--jail available"),
	       "%s, namespaces refused: the error names both remedies", who);
	if (r == 0)
		cell_close(&c);
	r = cell_open(&c, JAIL_AVAILABLE, 1, &e);
	if (!tap_ok(r == 0, "%s, namespaces refused: the available jail starts", who)) {
		tap_note("%s: %s", e.code, e.message);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(off); i++)
		tap_ok(!!strstr(c.ready.json, off[i]), "%s, available: the report says %s", who,
		       off[i]);
	for (size_t i = 0; i < ARRAY_SIZE(on); i++)
		tap_ok(!!strstr(c.ready.json, on[i]), "%s, available: the report says %s", who,
		       on[i]);
	tap_ok(!jail_is_full(&c.ready.jail) && strstr(c.ready.jail.missing, "user_namespace"),
	       "%s, available: it names the first missing part (%s)", who, c.ready.jail.missing);
	snprintf(name, sizeof(name), "%s, available jail", who);
	try_table(&c, CELL_SANDBOX, CELL_ATTEMPTS, name);
	cell_close(&c);
}

/* In a process of its own: what it does to itself ends with it. */
static void apart(void (*test)(const char *), const char *who, int ordinary)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (ordinary &&
		    (setgroups(0, NULL) < 0 || setresgid(ORDINARY, ORDINARY, ORDINARY) < 0 ||
		     setresuid(ORDINARY, ORDINARY, ORDINARY) < 0))
			_exit(1);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_DUMPABLE, 1); /* as after the exec that a login would make */
		test(who);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		tap_ok(0, "%s: the test ran to its end (status %#x)", who, (unsigned)status);
}

static void node(const char *who)
{
	char name[96];

	snprintf(name, sizeof(name), "%s, node", who);
	sweep(NULL, CELL_NODE, name);
}

int main(int argc, char **argv)
{
	void (*const tests[])(const char *) = {test_jail, node, test_layers, test_refused,
					       try_outside};

	(void)argc;
	if (!strcmp(argv[0], "cell"))
		return cell_main(argv);
	tap_begin();
	if (!freopen("/dev/null", "r", stdin)) /* a blind read(0) of the sweep finds an end */
		return 1;
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
		apart(tests[i], geteuid() == 0 ? "root" : "user", 0);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
		if (geteuid() == 0)
			apart(tests[i], "nobody", 1);
	return tap_end();
}
