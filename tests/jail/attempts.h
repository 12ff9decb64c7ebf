/*
 * What hostile native code tries. Each attempt is one function or one raw system call; it runs in a
 * process of its own and tells through descriptor 3 what came of it, unless it dies.
 *
 * A table row says what must come of it inside the jail, and, where anybody may do it, that it
 * works in an ordinary process: so a table whose attempts are broken fails too.
 */
#pragma once

#include "base/macros.h"

#include <sys/types.h>

enum {
	/* Positive: reported with this errno. */
	WORKS = 0,
	KILLED = -1,	/* dies of SIGSYS without a word: seccomp's KILL_PROCESS */
	REFUSED = -2,	/* KILLED, or any errno */
	DIES = -3,	/* by whatever signal, without a word */
	EXITS = -4,	/* ends with status 0 without a word: another program ran in its place */
	UNTRIED = -100, /* not tried here */
};

struct attempt {
	const char *name;
	long (*run)(void); /* value, or -1 and errno; NULL: the raw call below */
	long nr, arg[6];
	int inside;  /* a sandbox without threads */
	int threads; /* a sandbox that may have threads */
	int outside; /* an ordinary process */
};

extern const struct attempt attempts[];
extern const size_t attempt_count;

/* What only the layers behind the filter stop: run with the filter left out. */
extern const struct attempt layers[];
extern const size_t layer_count;

/* Process numbers and an address that attempts aim at, set before the attempt's process is forked.
 */
struct targets {
	pid_t sibling, zygote, outside;
	int outside_fd; /* where in the sibling's descriptor table something lies */
};
extern struct targets targets;

enum { OUTSIDE_SEGMENT = 0x636f7264 };

/* The same address in each process, another content in each: what one must not read of another. */
extern char secret[64];

long attempt_run(const struct attempt *a);
