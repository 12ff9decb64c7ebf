#include "os/loop.h"

#include "base/clock.h"
#include "os/fd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cmocka.h>

static struct loop *loop;
static int order[64];
static size_t fired;

struct numbered {
	struct loop_timer timer;
	int number;
};

static void note(struct loop_timer *t)
{
	order[fired++] = container_of(t, struct numbered, timer)->number;
}

static void stop(struct loop_timer *t)
{
	(void)t;
	loop_stop(loop);
}

static void timers_fire_in_order_of_their_deadlines(void **state)
{
	static const int shuffled[] = {5, 1, 9, 3, 7, 0, 8, 2, 6, 4};
	struct numbered n[ARRAY_SIZE(shuffled)];
	struct loop_timer end = {.fire = stop};
	uint64_t now = clock_now_ns();

	(void)state;
	loop = loop_new();
	fired = 0;
	for (size_t i = 0; i < ARRAY_SIZE(shuffled); i++) {
		n[i] = (struct numbered){{.fire = note}, shuffled[i]};
		loop_arm(loop, &n[i].timer, now + (uint64_t)shuffled[i]);
	}
	loop_arm(loop, &end, now + 100);
	loop_disarm(loop, &n[3].timer);	       /* number 3 */
	loop_arm(loop, &n[0].timer, now + 50); /* number 5 now last */
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(fired, 9);
	for (size_t i = 0; i + 1 < fired; i++)
		assert_true(order[i] < order[i + 1] || order[i + 1] == 5);
	assert_int_equal(order[8], 5);
	loop_free(loop);
}

struct peer {
	struct loop_watch watch;
	struct peer *other;
	int called;
};

static void remove_other(struct loop_watch *w, uint32_t events)
{
	struct peer *p = container_of(w, struct peer, watch);

	(void)events;
	p->called = 1;
	loop_unwatch(loop, &p->other->watch);
	loop_unwatch(loop, &p->watch);
	loop_stop(loop);
}

static void a_handler_may_remove_another_that_is_ready_too(void **state)
{
	struct peer a = {.watch.ready = remove_other}, b = {.watch.ready = remove_other};
	int x[2], y[2];

	(void)state;
	assert_int_equal(fd_pair(SOCK_STREAM, x), 0);
	assert_int_equal(fd_pair(SOCK_STREAM, y), 0);
	assert_int_equal(write(x[1], "x", 1), 1);
	assert_int_equal(write(y[1], "y", 1), 1);
	loop = loop_new();
	a.watch.fd = x[0];
	b.watch.fd = y[0];
	a.other = &b;
	b.other = &a;
	assert_int_equal(loop_watch(loop, &a.watch, EPOLLIN), 0);
	assert_int_equal(loop_watch(loop, &b.watch, EPOLLIN), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(a.called + b.called, 1);
	loop_free(loop);
	for (int i = 0; i < 2; i++) {
		close(x[i]);
		close(y[i]);
	}
}

static void descriptors_travel_in_packets(void **state)
{
	int pair[2], pipe_fds[2], got[FD_PACKET_MAX];
	char data[8];
	size_t n;

	(void)state;
	assert_int_equal(fd_pair(SOCK_SEQPACKET, pair), 0);
	assert_int_equal(pipe(pipe_fds), 0);
	assert_int_equal(fd_send_packet(pair[0], "hello", 5, pipe_fds, 2), 0);
	assert_int_equal(fd_recv_packet(pair[1], data, sizeof(data), got, &n), 5);
	assert_int_equal(n, 2);
	assert_int_equal(write(got[1], "z", 1), 1);
	assert_int_equal(read(pipe_fds[0], data, 1), 1);
	assert_int_equal(fd_send_packet(pair[0], "far too long for it", 19, pipe_fds, 1), 0);
	close(got[0]);
	close(got[1]);
	assert_int_equal(fd_recv_packet(pair[1], data, sizeof(data), got, &n), -90);
	assert_int_equal(n, 0);
	close(pair[0]);
	assert_int_equal(fd_recv_packet(pair[1], data, sizeof(data), got, &n), 0);
	close(pair[1]);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_in_order_of_their_deadlines),
		cmocka_unit_test(a_handler_may_remove_another_that_is_ready_too),
		cmocka_unit_test(descriptors_travel_in_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
