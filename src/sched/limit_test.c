#include "base/clock.h"
#include "sched/limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MS NS_PER_MS

static const struct limit_config usual = {
	.min = 2, .max = 64, .start = 8, .samples = 20, .window_ns = 100 * MS, .tolerance = 2};

/*
 * A machine of so many CPUs that shares them evenly among runs of 1 ms of CPU, `waiting` times that
 * spent in waiting for others; `demand` runs want to run. For so many windows.
 */
static uint32_t run(struct limit *l, uint64_t *now, double cpus, unsigned demand, unsigned windows)
{
	uint32_t limit = (uint32_t)l->value;

	for (unsigned w = 0; w < windows; w++)
		for (unsigned i = 0; i < 100; i++) {
			uint32_t running = demand < limit ? demand : limit;
			double stretch = running > cpus ? running / cpus : 1;

			*now += MS + MS / 10;
			limit = limit_ended(l, (uint64_t)(1000 * stretch), 1000, running, *now);
			assert_in_range(limit, l->config.min, l->config.max);
		}
	return limit;
}

static void test_it_rises_while_it_is_used_and_nobody_waits_for_a_cpu(void **state)
{
	struct limit l;
	uint64_t now = 1;

	(void)state;
	limit_init(&l, &usual);
	assert_int_equal(run(&l, &now, 1000, 1000, 30), 64);
}

static void test_it_does_not_rise_unused(void **state)
{
	struct limit l;
	uint64_t now = 1;

	(void)state;
	limit_init(&l, &usual);
	assert_int_equal(run(&l, &now, 1000, 7, 100), 8);
}

static void test_it_settles_where_runs_take_twice_as_long(void **state)
{
	struct limit l;
	uint64_t now = 1;
	uint32_t least = UINT32_MAX, most = 0;

	(void)state;
	limit_init(&l, &usual);
	run(&l, &now, 8, 1000, 50);
	for (unsigned i = 0; i < 500; i++) {
		uint32_t limit = run(&l, &now, 8, 1000, 1);

		least = limit < least ? limit : least;
		most = limit > most ? limit : most;
	}
	assert_in_range(least, 12, 17); /* 16, give or take a step */
	assert_in_range(most, 16, 24);
}

static void test_it_sinks_under_contention_and_recovers(void **state)
{
	struct limit l;
	uint64_t now = 1;

	(void)state;
	limit_init(&l, &usual);
	run(&l, &now, 1000, 1000, 30);
	assert_in_range(run(&l, &now, 0.1, 1000, 1), 32, 40); /* at most to half in a window */
	assert_in_range(run(&l, &now, 4, 1000, 2), 8, 16);
	assert_in_range(run(&l, &now, 4, 1000, 20), 5, 12);
	assert_int_equal(run(&l, &now, 0.01, 1000, 20), 2); /* the least there is */
	assert_int_equal(run(&l, &now, 1000, 1000, 30), 64);
}

/* Runs that wait for others use little CPU in much time; active time does not count that. */
static void test_it_does_not_sink_for_runs_that_wait_for_others(void **state)
{
	struct limit l;
	uint64_t now = 1;
	uint32_t limit = 0;

	(void)state;
	limit_init(&l, &usual);
	for (unsigned i = 0; i < 10000; i++)
		limit = limit_ended(&l, 1010, 1000, 64, now += i % 2 ? 2000 * MS : 0);
	assert_int_equal(limit, 64);
}

/* One run that made itself look slow, among a hundred that use as much CPU. */
static void test_one_odd_run_does_not_move_it(void **state)
{
	struct limit l;
	uint64_t now = 1;
	uint32_t limit = 0;

	(void)state;
	limit_init(&l, &usual);
	run(&l, &now, 1000, 1000, 30);
	for (unsigned i = 0; i < 10000; i++) {
		limit = limit_ended(&l, i % 100 ? 1000 : 1000000000, 1000, 64, now += MS);
		assert_int_equal(limit, 64);
	}
}

static void test_few_runs_say_nothing(void **state)
{
	struct limit l;
	uint64_t now = 1;

	(void)state;
	limit_init(&l, &usual);
	limit_ended(&l, 1000, 1000, 1, now);
	for (unsigned i = 0; i < 18; i++)
		assert_int_equal(limit_ended(&l, 1000000, 1000, 8, now += NS_PER_S), 8);
}

static void test_it_survives_any_input(void **state)
{
	static const uint64_t odd[] = {0, 1, 999, 1ULL << 40, 1ULL << 63, UINT64_MAX};
	struct limit_config none = {0};
	struct limit l;
	uint64_t now = 1;
	uint32_t seed = 1;

	(void)state;
	limit_init(&l, &none);
	assert_int_equal(limit_ended(&l, 0, 0, 0, 0), 1);
	none.tolerance = 0.0 / 0.0;
	none.min = 5;
	limit_init(&l, &none);
	assert_int_equal(limit_ended(&l, UINT64_MAX, 1, UINT32_MAX, UINT64_MAX), 5);
	limit_init(&l, &usual);
	for (unsigned i = 0; i < 200000; i++) {
		seed = seed * 1664525 + 1013904223;
		now = i % 1000 == 999 ? 1 : now + MS * 10; /* a clock that goes back */
		assert_in_range(limit_ended(&l, odd[(seed >> 8) % 6], odd[(seed >> 16) % 6],
					    seed >> 24, now),
				2, 64);
		assert_true(l.value >= 2 && l.best >= 0 && l.best < 1e13);
	}
	/* And then it works again. */
	run(&l, &now, 1000, 1000, 1000);
	assert_int_equal((uint32_t)l.value, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_rises_while_it_is_used_and_nobody_waits_for_a_cpu),
		cmocka_unit_test(test_it_does_not_rise_unused),
		cmocka_unit_test(test_it_settles_where_runs_take_twice_as_long),
		cmocka_unit_test(test_it_sinks_under_contention_and_recovers),
		cmocka_unit_test(test_it_does_not_sink_for_runs_that_wait_for_others),
		cmocka_unit_test(test_one_odd_run_does_not_move_it),
		cmocka_unit_test(test_few_runs_say_nothing),
		cmocka_unit_test(test_it_survives_any_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
