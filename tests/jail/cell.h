/*
 * A stand-in for the zygote, made of the same code: spawn_jailed() starts it, it calls
 * jail_enter(), forks per order, and the child calls jail_narrow(). Instead of running an engine
 * with agent code, the child makes one attempt. See zygote.c and sandbox_main() for the originals.
 */
#pragma once

#include "base/err.h"
#include "jail/attempts.h"
#include "os/jail.h"

enum cell_how {
	CELL_SANDBOX, /* jail_narrow(…, threads 0) */
	CELL_THREADS, /* jail_narrow(…, threads 1) */
	CELL_ZYGOTE,  /* the zygote itself: jail_enter() only */
	CELL_NODE,    /* an ordinary process under the node's filter */
	CELL_PLAIN,   /* an ordinary process */
};

enum cell_table { CELL_ATTEMPTS, CELL_LAYERS, CELL_SWEEP };

struct order {
	enum cell_how how;
	enum cell_table table;
	long index; /* into the table; for the sweep the system call's number */
	long arg;   /* the sweep's value for all six arguments */
};

struct report {
	int reported;
	long value;
	int error;	   /* errno, 0 if it worked */
	int status;	   /* as wait(2) gives it */
	int sibling_alive; /* the neighbour that it must not harm */
};

struct cell_ready {
	struct err error; /* number not 0: no cell */
	struct jail jail;
	char json[4096];
	int strange; /* descriptors besides 0-3 that it was born with */
	char strange_list[64];
};

struct cell {
	pid_t pid;
	int link;
	struct cell_ready ready;
};

/*
 * Starts a cell. `filter` 0 leaves all system call filters out. On an error of spawn_jailed() or
 * jail_enter() *reterr has it.
 */
int cell_open(struct cell *c, enum jail_require require, int filter, struct err *reterr);
void cell_close(struct cell *c);

/* One attempt in a fresh process. 0; -ETIMEDOUT: it hung; -EPIPE: the cell died. */
int cell_try(struct cell *c, const struct order *o, struct report *ret);

/* The same in an ordinary child of this process (CELL_PLAIN, CELL_NODE). */
int cell_try_here(const struct order *o, struct report *ret);

/* main() of the stand-in. */
int cell_main(char **argv);
