/*
 * Starting our own programs: exec with named descriptors, a fixed environment, and nothing else.
 */
#pragma once

#include "base/err.h"

#include <sys/types.h>

/* The identities of the processes. Without root all are the caller's. */
struct spawn_ids {
	int root;      /* started as root */
	uid_t node;    /* owns the jails, so it may signal what is in them */
	uid_t sandbox; /* what a jail's only user is outside of it */
	uid_t control; /* owns the state database */
	uid_t ledger;  /* owns the ledger's */
};
void spawn_ids(struct spawn_ids *ret);

/* The status of a child that cannot work, and would not if it were started again. */
enum { SPAWN_USELESS = 78 };

struct spawn {
	int exe;		 /* open program file; executed as it is, by descriptor */
	const char *const *argv; /* NULL-terminated */
	const char *const *envp; /* NULL-terminated: the whole environment */
	const int *fds;		 /* become 3, 4, 5 …; standard input is /dev/null, 1 and 2 stay */
	size_t nfds;
	uid_t uid;  /* identity when ids->root */
	int cgroup; /* directory of a cgroup to join, or -1 */
};

/* Opens a program that stands beside this one, or in the installation's directory. -errno. */
int spawn_find(const char *name, struct err *reterr);

/* An ordinary child. It dies with this process. */
int spawn_plain(const struct spawn *s, pid_t *ret, struct err *reterr);

/*
 * A child in new namespaces (user, mount, network, IPC, UTS, PID, cgroup), as their PID 1 and their
 * root, mapped to ids->sandbox. Its jail is not closed yet: see jail_enter(). When namespaces are
 * refused and `require_namespaces` is 0, it becomes an ordinary child.
 */
int spawn_jailed(const struct spawn *s, const struct spawn_ids *ids, int require_namespaces,
		 pid_t *ret, struct err *reterr);
