#include "os/loop.h"

#include "base/clock.h"

#include <errno.h>
#include <sys/epoll.h>
#include <time.h>

enum { BATCH = 64 };

struct loop {
	int epoll;
	int stopped;
	struct loop_timer **heap; /* heap[0] unused: slots are 1-based */
	size_t timers, cap;
	struct epoll_event batch[BATCH];
	int batch_len;
	void (*turn)(void *arg);
	void *turn_arg;
};

struct loop *loop_new(void)
{
	struct loop *l = xcalloc(1, sizeof(*l));

	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0) {
		free(l);
		return NULL;
	}
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	close_fd(&l->epoll);
	free(l->heap);
	free(l);
}

int loop_watch(struct loop *l, struct loop_watch *w, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = w};
	int op = w->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (w->events == events)
		return 0;
	if (epoll_ctl(l->epoll, op, w->fd, &e) < 0)
		return -errno;
	w->events = events;
	return 0;
}

void loop_unwatch(struct loop *l, struct loop_watch *w)
{
	if (!w->events)
		return;
	epoll_ctl(l->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	w->events = 0;
	for (int i = 0; i < l->batch_len; i++) /* events of this round that were not handled yet */
		if (l->batch[i].data.ptr == w)
			l->batch[i].data.ptr = NULL;
}

static void place(struct loop *l, struct loop_timer *t, size_t slot)
{
	l->heap[slot] = t;
	t->slot = slot;
}

static void sift(struct loop *l, struct loop_timer *t, size_t slot)
{
	while (slot > 1 && l->heap[slot / 2]->due_ns > t->due_ns) {
		place(l, l->heap[slot / 2], slot);
		slot /= 2;
	}
	for (;;) {
		size_t child = slot * 2;

		if (child < l->timers && l->heap[child + 1]->due_ns < l->heap[child]->due_ns)
			child++;
		if (child > l->timers || l->heap[child]->due_ns >= t->due_ns)
			break;
		place(l, l->heap[child], slot);
		slot = child;
	}
	place(l, t, slot);
}

void loop_arm(struct loop *l, struct loop_timer *t, uint64_t due_ns)
{
	loop_disarm(l, t);
	if (l->timers + 2 > l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->heap = xrealloc(l->heap, l->cap * sizeof(*l->heap));
	}
	t->due_ns = due_ns;
	l->timers++;
	sift(l, t, l->timers);
}

void loop_disarm(struct loop *l, struct loop_timer *t)
{
	struct loop_timer *last;
	size_t slot = t->slot;

	if (!slot)
		return;
	t->slot = 0;
	last = l->heap[l->timers--];
	if (last != t)
		sift(l, last, slot);
}

static void fire_due(struct loop *l)
{
	uint64_t now = clock_now_ns();

	while (!l->stopped && l->timers && l->heap[1]->due_ns <= now) {
		struct loop_timer *t = l->heap[1];

		loop_disarm(l, t);
		t->fire(t);
	}
}

void loop_each_turn(struct loop *l, void (*fn)(void *arg), void *arg)
{
	l->turn = fn;
	l->turn_arg = arg;
}

int loop_run(struct loop *l)
{
	while (!l->stopped) {
		struct timespec wait, *timeout = NULL;

		if (l->turn)
			l->turn(l->turn_arg);
		if (l->timers) {
			uint64_t now = clock_now_ns(), due = l->heap[1]->due_ns;
			uint64_t left = due > now ? due - now : 0;

			wait = (struct timespec){(time_t)(left / NS_PER_S),
						 (long)(left % NS_PER_S)};
			timeout = &wait;
		}
		l->batch_len = epoll_pwait2(l->epoll, l->batch, BATCH, timeout, NULL);
		if (l->batch_len < 0 && errno != EINTR)
			return -errno;
		fire_due(l);
		for (int i = 0; i < l->batch_len && !l->stopped; i++) {
			struct loop_watch *w = l->batch[i].data.ptr;

			if (w)
				w->ready(w, l->batch[i].events);
		}
		l->batch_len = 0;
	}
	return 0;
}

void loop_stop(struct loop *l)
{
	l->stopped = 1;
}
