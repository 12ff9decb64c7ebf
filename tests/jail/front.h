/*
 * Stand-ins for everything around a real cordon-node: its supervisor, its front, and a zygote whose
 * sandboxes do what the test wants. One process, one poll loop.
 */
#pragma once

#include "base/buf.h"
#include "wire/message.h"
#include "wire/words.h"

#include <sys/types.h>

enum { RUNS_MAX = 1024, CHILDREN_MAX = 256 };

extern const uint8_t front_seal_key[32]; /* what the node seals journals with */
extern struct msg front_first;		 /* what it gets first: that key, if nobody changes it */

struct done {
	char run[LIMIT_NAME + 1];
	int count; /* RUN_DONE messages: exactly 1 is right */
	uint8_t outcome, reason;
	uint64_t limit, observed;
	char detail[256];
	uint8_t value_kind;
	char value[256];
	size_t value_len;
	char error[512];
	uint32_t operations;
	int logs;
	int logs_after; /* log lines after its end */
	struct buf journal;
	struct buf payloads; /* of its events: number of the event (u64), length (u64), bytes */
	uint64_t events;
	uint64_t journal_count;
	size_t root_len, seal_len;
	uint8_t root[32], seal[32];
};

struct child {
	pid_t pid;
	uint64_t id;
};

struct front {
	pid_t node;
	int node_status;
	int stream, supervisor, zygote, sigchld;
	struct buf in;
	struct child children[CHILDREN_MAX];
	int alive; /* children */
	int spawns, forks;
	int ready; /* NODE_READY came */
	int over;  /* the node closed its stream */
	struct done runs[RUNS_MAX];
	uint64_t last;
	/* What new sandboxes are: set before they are forked. Never returns. */
	void (*sandbox)(int sock);
};

/* Starts the node with these arguments (NULL-terminated) and waits until it is ready. 0 or -1. */
int front_open(struct front *f, const char *node, const char *const *args,
	       void (*sandbox)(int sock));

/* Ends the node by closing its stream. Its wait status, or -1 when it hung. */
int front_close(struct front *f);

/* One turn of the loop; -1 after 20 s without anything to do. */
int front_turn(struct front *f);

/* The handle of a new run. */
uint64_t front_submit(struct front *f, const struct msg_submit *m);
void front_cancel(struct front *f, uint64_t handle);
void front_cancel_for(struct front *f, uint64_t handle, enum termination_reason why);

/* Turns until this run has ended. NULL: the node died, or it hung. */
struct done *front_await(struct front *f, uint64_t handle);

/* The zygote dies. What it had forked lives for another moment, as it does when the kernel ends a
 * PID namespace; the node will ask for another zygote. */
void front_lose_zygote(struct front *f);

/* Turns until there are this many children, forked at least `forks` times. 0 or -1. */
int front_settle(struct front *f, int children, int forks);

/* Sends one frame to a blocking socket; -1 when the other end is gone. */
int front_frame(int sock, const struct msg *m);
