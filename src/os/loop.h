/*
 * An event loop for single-threaded processes: epoll and a heap of timers with nanosecond
 * deadlines. Handlers run to completion; a handler may remove any watch or timer, itself included.
 */
#pragma once

#include "base/macros.h"

struct loop;

struct loop_watch {
	int fd;
	uint32_t events; /* EPOLLIN … as armed */
	void (*ready)(struct loop_watch *w, uint32_t events);
};

struct loop_timer {
	uint64_t due_ns; /* CLOCK_MONOTONIC */
	size_t slot;	 /* 1-based place in the heap; 0: not armed */
	void (*fire)(struct loop_timer *t);
};

struct loop *loop_new(void);
void loop_free(struct loop *l);

int loop_watch(struct loop *l, struct loop_watch *w, uint32_t events); /* adds or changes; -errno */
void loop_unwatch(struct loop *l, struct loop_watch *w);

void loop_arm(struct loop *l, struct loop_timer *t, uint64_t due_ns); /* re-arms if armed */
void loop_disarm(struct loop *l, struct loop_timer *t);

/* Called at the end of each turn, before the loop waits. */
void loop_each_turn(struct loop *l, void (*fn)(void *arg), void *arg);

/* Runs until loop_stop. Returns 0, or -errno if waiting itself failed. */
int loop_run(struct loop *l);
void loop_stop(struct loop *l);
