#include "os/jail.h"

#include "base/json.h"
#include "os/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/securebits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* Newer than Debian 12's headers (landlock(7)). */
#define LANDLOCK_ALL_FS ((1ULL << 16) - 1)
#define LANDLOCK_NET_TCP 3ULL
#define LANDLOCK_SCOPE_ALL 3ULL
#define LANDLOCK_SCOPE_SOCKETS 1ULL /* not signals: the node ends sandboxes */

struct part {
	const char *text, *what;
	int required;
};

#define X(n, U, t, what, required) [n] = {t, what, required},
static const struct part parts[] = {JAIL_PARTS(X)};
#undef X

static struct sock_fprog narrow_filter[2]; /* [threads], compiled by jail_enter */

const char *jail_part_text(enum jail_part p)
{
	return parts[p].text;
}

const char *jail_part_what(enum jail_part p)
{
	return parts[p].what;
}

int jail_part_required(enum jail_part p)
{
	return parts[p].required;
}

int jail_is_full(const struct jail *j)
{
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (parts[i].required && !(j->on & 1u << i))
			return 0;
	return 1;
}

int jail_json(const struct jail *j, struct buf *out)
{
	int r = buf_addf(out, "{\"full\":%s,\"parts\":{", jail_is_full(j) ? "true" : "false");

	for (size_t i = 0; i < ARRAY_SIZE(parts) && !r; i++)
		r = buf_addf(out, "%s\"%s\":%s", i ? "," : "", parts[i].text,
			     j->on & 1u << i ? "true" : "false");
	return r ? r : buf_adds(out, "}}");
}

static const struct {
	const char *file;
	enum jail_part part;
} namespaces[] = {
	{"user", JAIL_USER_NS},	    {"mnt", JAIL_MOUNT_NS}, {"net", JAIL_NET_NS},
	{"ipc", JAIL_IPC_NS},	    {"uts", JAIL_UTS_NS},   {"pid", JAIL_PID_NS},
	{"cgroup", JAIL_CGROUP_NS},
};

static int namespace_id(const char *file, char *out, size_t size)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", file);
	n = readlink(path, out, size - 1);
	if (n < 0)
		return -errno;
	out[n] = '\0';
	return 0;
}

void jail_outer(char out[JAIL_OUTER_SIZE])
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++) {
		char id[64];

		if (namespace_id(namespaces[i].file, id, sizeof(id)) == 0)
			at += (size_t)snprintf(out + at, JAIL_OUTER_SIZE - at, "%s,", id);
	}
}

/* Notes what came of a step; under JAIL_FULL a required step that failed ends the jailing. */
static int step(struct jail *j, enum jail_part part, int r, struct err *reterr)
{
	if (r == 0) {
		j->on |= 1u << part;
		return 0;
	}
	if (!parts[part].required)
		return 0;
	if (!j->missing[0])
		snprintf(j->missing, sizeof(j->missing), "%s: %s", parts[part].text, strerror(-r));
	if (j->require == JAIL_AVAILABLE)
		return 0;
	return err_set(
		reterr, -r, "jail.incomplete",
		"jail part '%s' (%s) cannot be had: %s; see `cordon doctor`, or accept a weaker "
		"jail with --jail available",
		parts[part].text, parts[part].what, strerror(-r));
}

static int check_namespaces(struct jail *j, const char *outer, struct err *reterr)
{
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++) {
		char id[64];
		int r = namespace_id(namespaces[i].file, id, sizeof(id));

		if (r == 0 && strstr(outer, id))
			r = -EPERM; /* still the supervisor's */
		r = step(j, namespaces[i].part, r, reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

/* An empty tmpfs becomes the root; the old one is detached, so nothing of it can be named any more.
 */
static int empty_root(void)
{
	const char *at = "/proc"; /* exists everywhere */

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	if (mount("none", at, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "size=4k,nr_inodes=1,mode=0555") < 0)
		return -errno;
	if (chdir(at) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return -errno;
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -errno;
	if (mount(NULL, "/", NULL,
		  MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return -errno;
	return 0;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2];

	for (int cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EINVAL && errno != EPERM)
			return -errno;
	prctl(PR_SET_SECUREBITS,
	      SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
		      SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
		      SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED,
	      0, 0, 0); /* refused without CAP_SETPCAP: then there was nothing to lock */
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	memset(none, 0, sizeof(none));
	if (syscall(SYS_capset, &h, none) < 0)
		return -errno;
	memset(none, 0xff, sizeof(none));
	if (syscall(SYS_capget, &h, none) < 0)
		return -errno;
	for (int i = 0; i < 2; i++)
		if (none[i].effective || none[i].permitted || none[i].inheritable)
			return -EPERM;
	return 0;
}

static int beneath(int ruleset, int directory, __u64 access)
{
	struct landlock_path_beneath_attr attr = {.allowed_access = access, .parent_fd = directory};

	if (directory < 0)
		return 0;
	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0) < 0
		       ? -errno
		       : 0;
}

int jail_landlock(int readable, int writable)
{
	struct {
		__u64 fs, net, scoped;
	} attr = {LANDLOCK_ALL_FS, LANDLOCK_NET_TCP,
		  readable < 0 && writable < 0 ? LANDLOCK_SCOPE_ALL : LANDLOCK_SCOPE_SOCKETS};
	static const struct {
		int abi;
		__u64 fs;
		size_t size;
	} kinds[] = {{6, (1ULL << 16) - 1, 24}, {5, (1ULL << 16) - 1, 16},
		     {4, (1ULL << 15) - 1, 16}, {3, (1ULL << 15) - 1, 8},
		     {2, (1ULL << 14) - 1, 8},	{1, (1ULL << 13) - 1, 8}};
	_cleanup_fd_ int fd = -1;
	int r;
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (abi < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (abi < kinds[i].abi)
			continue;
		attr.fs = kinds[i].fs;
		fd = (int)syscall(SYS_landlock_create_ruleset, &attr, kinds[i].size, 0);
		break;
	}
	if (fd < 0)
		return -errno;
	r = beneath(fd, readable, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR);
	if (r == 0)
		r = beneath(fd, writable, attr.fs);
	if (r < 0)
		return r;
	return syscall(SYS_landlock_restrict_self, fd, 0) < 0 ? -errno : 0;
}

static int limit(int resource, rlim_t value)
{
	struct rlimit l = {value, value};

	return setrlimit(resource, &l) < 0 ? -errno : 0;
}

static int limits(void)
{
	static const struct {
		int resource;
		rlim_t value;
	} all[] = {{RLIMIT_CORE, 0},	 {RLIMIT_FSIZE, 0},   {RLIMIT_NOFILE, 32},
		   {RLIMIT_MSGQUEUE, 0}, {RLIMIT_MEMLOCK, 0}, {RLIMIT_LOCKS, 0},
		   {RLIMIT_NICE, 0},	 {RLIMIT_RTPRIO, 0},  {RLIMIT_SIGPENDING, 64}};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		int r = limit(all[i].resource, all[i].value);

		if (r < 0)
			return r;
	}
	return 0;
}

static int no_new_privs(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : -EPERM;
}

static int not_dumpable(void)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : -EPERM;
}

/* Order matters: what needs files or capabilities first, the filter last. */
int jail_enter(struct jail *j, const char *outer, struct err *reterr)
{
	struct sock_fprog whole;
	int r;

	r = filter_compile(FILTER_ZYGOTE, &whole, reterr);
	if (r == 0)
		r = filter_compile(FILTER_SANDBOX, &narrow_filter[0], reterr);
	if (r == 0)
		r = filter_compile(FILTER_SANDBOX_THREADS, &narrow_filter[1], reterr);
	if (r < 0)
		return r;
	r = check_namespaces(j, outer, reterr);
	if (r < 0)
		return r;
	if (j->on & 1u << JAIL_MOUNT_NS)
		r = step(j, JAIL_ROOT, empty_root(), reterr);
	else
		r = step(j, JAIL_ROOT, -EPERM, reterr);
	if (r == 0)
		r = step(j, JAIL_CAPABILITIES, drop_capabilities(), reterr);
	if (r == 0)
		r = step(j, JAIL_NO_NEW_PRIVS, no_new_privs(), reterr);
	if (r == 0)
		r = step(j, JAIL_DUMPABLE, not_dumpable(), reterr);
	if (r == 0)
		r = step(j, JAIL_LANDLOCK, jail_landlock(-1, -1), reterr);
	if (r == 0)
		r = step(j, JAIL_RLIMITS, limits(), reterr);
	if (r < 0)
		return r;
	/* Without these two there is no jail worth the name, whatever the configuration says. */
	r = filter_install(&whole);
	if (r < 0)
		return err_set(reterr, -r, "jail.seccomp",
			       "the kernel refuses the system call filter: %s", strerror(-r));
	j->on |= 1u << JAIL_SECCOMP | 1u << JAIL_DESCRIPTORS;
	return 0;
}

int jail_narrow(const struct jail *j, int sock, int threads)
{
	struct rlimit none = {0, 0};

	(void)j;
	if (sock != JAIL_SOCKET && dup2(sock, JAIL_SOCKET) < 0)
		return -errno;
	if (syscall(SYS_close_range, 0, JAIL_SOCKET - 1, 0) < 0 ||
	    syscall(SYS_close_range, JAIL_SOCKET + 1, ~0U, 0) < 0)
		return -errno;
	if (!threads && setrlimit(RLIMIT_NPROC, &none) < 0)
		return -errno;
	return filter_install(&narrow_filter[threads ? 1 : 0]);
}

int jail_service(const char *directory, enum filter_kind kind, struct err *reterr)
{
	_cleanup_fd_ int dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct sock_fprog filter;
	int landlock, r;

	if (dir < 0 || setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(reterr, errno, "jail.service", "confining it to '%s': %s", directory,
			       strerror(errno));
	landlock = jail_landlock(-1, dir);
	r = filter_compile(kind, &filter, reterr);
	if (r == 0) {
		r = filter_install(&filter);
		if (r < 0)
			return err_set(reterr, -r, "jail.seccomp", "system call filter: %s",
				       strerror(-r));
	}
	return r < 0 ? r : landlock == 0;
}
