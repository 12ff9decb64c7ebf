/*
 * System call filters (seccomp(2)) as tables. A filter is compiled once with libseccomp and kept as
 * a program, so that installing it is one system call.
 */
#pragma once

#include "base/err.h"

#include <linux/filter.h>

enum filter_kind {
	FILTER_ZYGOTE,		/* what zygote and sandbox need together; default: kill */
	FILTER_SANDBOX,		/* on top: takes away what only the zygote needs */
	FILTER_SANDBOX_THREADS, /* the same, but threads may be started */
	FILTER_NODE,		/* the node after start-up */
	FILTER_CONTROL,		/* control after start-up: files, and what was accepted */
	FILTER_LEDGER,		/* the ledger after start-up: files, and the links it is given */
	FILTER_COUNT,
};

/* Compiles; the program lives as long as the process. */
int filter_compile(enum filter_kind kind, struct sock_fprog *ret, struct err *reterr);

/* Installs on the calling thread; no_new_privs must be on. 0 or -errno. Async-signal-safe. */
int filter_install(const struct sock_fprog *program);
