/*
 * Leases: a short-lived right to start runs under one version of one profile, carried as a token. A
 * lease that is held has code, and keeps one sandbox in which its module was evaluated once.
 *
 * The row in the database is the lease. Here is only what one needs that has work under way, or a
 * sandbox: it ends that when its time is over.
 */
#pragma once

#include "control/control.h"

struct lease {
	struct list link;
	struct control *control;
	char id[ID_SIZE], tenant[64], key[ID_SIZE]; /* whose it is, and which key made it */
	uint64_t hold;	  /* the node's name for its sandbox; 0: it has none */
	struct buf frame; /* HOLD, for a node that does not know it */
	int held;	  /* this one does */
	int64_t expires_ms;
	struct loop_timer timer;
	unsigned runs; /* under way */
};

/*
 * Whether the bearer's token stands: signature, tenant, policy, epoch, expiry, and the key that
 * made the lease. Fills q->caller and q->lease; else answered, and -EACCES.
 */
int lease_check(struct request *q, const char *token);

/*
 * One more run is under way, until lease_leave(). NULL: there is no room for another lease that is
 * held.
 */
struct lease *lease_enter(struct control *c, const struct caller *who, const struct lease_grant *g);
/* -ENOSPC: what all leases hold is too much code. */
int lease_keep(struct lease *l, const struct msg_hold *m);
void lease_leave(struct lease *l);

/* The tenant was deleted, or (key not NULL) its key was revoked: its leases' work ends. */
void lease_maker_gone(struct control *c, const char *tenant, const char *key);

/* The node is gone, and what it held. */
void lease_node_lost(struct control *c);

/* The key that signs tokens: read, or made on the first start. */
int lease_start(struct control *c, struct err *reterr);
