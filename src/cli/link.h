/*
 * A platform of one's own: starts supervisor, node and zygotes for the duration of a command, and
 * speaks to the node as control will.
 */
#pragma once

#include "base/err.h"
#include "wire/message.h"

#include <signal.h>
#include <sys/types.h>

struct link {
	pid_t supervisor;
	int control; /* packets from the supervisor: new nodes */
	int node;    /* the present node; -1: none */
	struct buf in;
	int guarded;	  /* signals come only while link_next waits */
	sigset_t waiting; /* the signal mask for that time */
	size_t used;	  /* of `in`, by the message that link_next gave last */
	int tick_ms; /* link_next, guarded, waits no longer than that; 0: as long as it takes */
};

/* node_args: NULL-terminated options for cordon-node. */
int link_start(struct link *l, int jail_full, const char *const *node_args, struct err *reterr);

/* From now on SIGINT and SIGTERM come while link_next() waits, and then for certain: none is lost.
 */
void link_guard_signals(struct link *l);

int link_send(struct link *l, const struct msg *m, struct err *reterr);

/*
 * The next message of the node; its bytes live until the next call.
 *   1       a message
 *   0       the node is gone; a new one may take its place (link_renew)
 *   -EINTR  a signal came
 *   -EAGAIN nothing came in tick_ms
 */
int link_next(struct link *l, struct msg *ret, struct err *reterr);

/* Waits for the supervisor's next node. */
int link_renew(struct link *l, struct err *reterr);

/* Ends everything that link_start started, and waits until it is gone. */
void link_stop(struct link *l);
