/*
 * The jail: everything that stands between an owned engine and the machine, applied in one place.
 *
 *   supervisor   spawn_jailed()   makes the namespaces                      (spawn.h)
 *   zygote       jail_enter()     once, after the engine is warm, before any untrusted byte
 *   sandbox      jail_narrow()    once per process, right after fork
 *
 * Each step either holds or the process ends: nothing continues half jailed. The one exception is
 * JAIL_AVAILABLE, which an operator must choose and which every result then says.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "os/filter.h"

#include <sys/types.h>

/* number, NAME, text, what it is, whether JAIL_FULL requires it */
#define JAIL_PARTS(X)                                                                              \
	X(0, USER_NS, "user_namespace", "own user namespace, mapped to one unprivileged user", 1)  \
	X(1, MOUNT_NS, "mount_namespace", "own mount table", 1)                                    \
	X(2, NET_NS, "network_namespace", "own network without any interface up", 1)               \
	X(3, IPC_NS, "ipc_namespace", "own System V and POSIX IPC", 1)                             \
	X(4, UTS_NS, "uts_namespace", "own host name", 1)                                          \
	X(5, PID_NS, "pid_namespace", "sees no process but its siblings; dies with its zygote", 1) \
	X(6, CGROUP_NS, "cgroup_namespace", "own view of control groups", 1)                       \
	X(7, ROOT, "empty_root", "an empty, read-only root directory", 1)                          \
	X(8, CAPABILITIES, "no_capabilities", "all capabilities dropped for good", 1)              \
	X(9, NO_NEW_PRIVS, "no_new_privs", "exec can grant nothing", 1)                            \
	X(10, DUMPABLE, "not_dumpable", "no ptrace, no /proc access by siblings, no core", 1)      \
	X(11, LANDLOCK, "landlock", "no path, no TCP port, whatever the mounts say", 0)            \
	X(12, CGROUP, "cgroup", "own control group, so that all of it can be ended at once", 0)    \
	X(13, RLIMITS, "rlimits", "hard resource limits", 1)                                       \
	X(14, DESCRIPTORS, "descriptors", "one open descriptor: the socket to the broker", 1)      \
	X(15, SECCOMP, "seccomp", "short list of system calls; any other ends the process", 1)

#define X(n, U, t, what, required) JAIL_##U = n,
enum jail_part { JAIL_PARTS(X) JAIL_PART_COUNT };
#undef X

enum jail_require { JAIL_FULL, JAIL_AVAILABLE };

struct jail {
	uint32_t on; /* bit per part that is in force */
	enum jail_require require;
	char missing[160]; /* why the first missing part is missing */
};

const char *jail_part_text(enum jail_part p);
const char *jail_part_what(enum jail_part p);
int jail_part_required(enum jail_part p);

/* Whether every required part is on. */
int jail_is_full(const struct jail *j);

/* {"full":true,"parts":{"user_namespace":true,…}} */
int jail_json(const struct jail *j, struct buf *out);

/* The identity of this process' namespaces as text, for jail_enter to compare with. */
enum { JAIL_OUTER_SIZE = 256 };
void jail_outer(char out[JAIL_OUTER_SIZE]);

/*
 * Zygote: closes the jail around this process for good. `outer` is jail_outer() of the supervisor:
 * a namespace counts as on only if it differs. Must be called with one thread. On an error under
 * JAIL_FULL the caller must exit.
 */
int jail_enter(struct jail *j, const char *outer, struct err *reterr);

/*
 * Landlock: from now on this process can name no file and no TCP port, except that it can read what
 * is beneath the directory `readable`, and do anything beneath the directory `writable` (-1: none).
 * 0, or -errno where the kernel does not offer it.
 */
int jail_landlock(int readable, int writable);

/*
 * Control, ledger: no core, not dumpable, no new privileges, no file but those beneath `directory`
 * (Landlock), the filter of that kind. For good. 1; 0: the kernel offers no Landlock, all else
 * holds; or -errno.
 */
int jail_service(const char *directory, enum filter_kind kind, struct err *reterr);

/* Sandbox: moves `sock` to descriptor 3, closes all else, takes away what only the zygote needs. */
enum { JAIL_SOCKET = 3 };
int jail_narrow(const struct jail *j, int sock, int threads);
