#include "latency.h"
#include "schedule.h"

#include "base/clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Held against the definition: sort, and take the one of that rank. */
static void assert_percentiles(const uint64_t *us, size_t n)
{
	static const uint32_t asked[] = {1, 1000, 50000, 90000, 99000, 99900, 99999, 100000};
	struct latency *l = calloc(1, sizeof(*l));
	uint64_t *sorted = malloc(n * sizeof(*sorted));

	assert_true(l && sorted);
	memcpy(sorted, us, n * sizeof(*us));
	qsort(sorted, n, sizeof(*sorted), compare);
	for (size_t i = 0; i < n; i++)
		latency_add(l, us[i]);
	for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
		uint64_t rank = (n * asked[i] + 99999) / 100000;
		uint64_t wanted = sorted[rank > 0 ? rank - 1 : 0], got = latency_at(l, asked[i]);

		assert_true(got >= wanted);
		assert_true(got - wanted <= wanted / 256);
	}
	assert_int_equal(l->count, n);
	assert_int_equal(l->max_us, sorted[n - 1]);
	assert_int_equal(latency_at(l, 100000), sorted[n - 1]);
	free(sorted);
	free(l);
}

static void percentiles_are_those_of_a_sorted_list(void **state)
{
	enum { N = 20000 };
	uint64_t *us = malloc(N * sizeof(*us)), x = 1;

	(void)state;
	assert_non_null(us);
	for (size_t i = 0; i < N; i++) { /* from one microsecond to more than an hour */
		x = x * 6364136223846793005 + 1442695040888963407;
		us[i] = (x >> 32) >> (x >> 59);
	}
	for (size_t n = 1; n <= N; n = n * 3 + 1)
		assert_percentiles(us, n);
	assert_percentiles(us, N);
	free(us);
}

static void short_latencies_are_exact(void **state)
{
	struct latency *l = calloc(1, sizeof(*l));

	(void)state;
	assert_non_null(l);
	assert_int_equal(latency_at(l, 99000), 0);
	for (uint64_t us = 0; us < 200; us++)
		latency_add(l, us);
	for (uint32_t i = 1; i <= 200; i++)
		assert_int_equal(latency_at(l, i * 500), i - 1);
	free(l);
}

static void every_bucket_edge_is_in_place(void **state)
{
	(void)state;
	for (unsigned log2 = 0; log2 < LATENCY_MAX_LOG2; log2++) {
		uint64_t around[] = {(1ULL << log2) - 1, 1ULL << log2, (1ULL << log2) + 1};

		assert_percentiles(around, 3);
	}
}

static void what_is_too_long_counts_as_the_longest(void **state)
{
	struct latency *l = calloc(1, sizeof(*l));

	(void)state;
	assert_non_null(l);
	latency_add(l, UINT64_MAX);
	latency_add(l, 5);
	assert_int_equal(latency_at(l, 100000), (1ULL << LATENCY_MAX_LOG2) - 1);
	assert_int_equal(latency_at(l, 50000), 5);
	free(l);
}

static void merged_is_as_if_added_together(void **state)
{
	struct latency *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b)),
		       *both = calloc(1, sizeof(*both));

	(void)state;
	assert_true(a && b && both);
	for (uint64_t i = 0; i < 1000; i++) {
		latency_add(i % 3 ? a : b, i * i);
		latency_add(both, i * i);
	}
	latency_merge(a, b);
	assert_memory_equal(a, both, sizeof(*a));
	free(a);
	free(b);
	free(both);
}

static size_t times(const struct schedule_config *config, uint64_t *out, size_t max)
{
	struct schedule s;
	size_t n = 0;

	schedule_init(&s, config);
	for (; schedule_peek(&s) != UINT64_MAX; schedule_take(&s)) {
		assert_true(n < max);
		out[n++] = schedule_peek(&s);
	}
	schedule_take(&s); /* past the end it stays at the end */
	assert_true(schedule_peek(&s) == UINT64_MAX);
	return n;
}

static void even_arrivals_do_not_drift(void **state)
{
	static uint64_t due[300000];
	struct schedule_config c = {.per_second = 3, .start_ns = 7, .end_ns = 7 + 86400 * NS_PER_S};
	size_t n = times(&c, due, 300000);

	(void)state;
	assert_int_equal(n, 3 * 86400);
	assert_int_equal(due[0], 7);
	for (size_t i = 0; i < n; i += 3)
		assert_int_equal(due[i], 7 + i / 3 * NS_PER_S);
}

static void poisson_gaps_are_exponential(void **state)
{
	static uint64_t due[120000];
	struct schedule_config c = {
		.law = SCHEDULE_POISSON, .per_second = 1000, .end_ns = 100 * NS_PER_S, .seed = 1};
	size_t n = times(&c, due, 120000), longer[3] = {0};
	uint64_t last = 0;

	(void)state;
	for (size_t i = 0; i < n; i++) { /* P(gap > t) = e^(-t * rate) */
		assert_true(due[i] >= last);
		for (size_t k = 0; k < 3; k++)
			longer[k] += due[i] - last > (k + 1) * NS_PER_MS;
		last = due[i];
	}
	assert_true(n > 98500 && n < 101500); /* four standard deviations and more */
	for (size_t k = 0; k < 3; k++)
		assert_true(fabs((double)longer[k] / (double)n - exp(-(double)(k + 1))) < 0.01);
}

static void a_seed_gives_the_same_times_again(void **state)
{
	static uint64_t a[3000], b[3000];
	struct schedule_config c = {
		.law = SCHEDULE_POISSON, .per_second = 100, .end_ns = 20 * NS_PER_S, .seed = 5};
	size_t n = times(&c, a, 3000);

	(void)state;
	assert_int_equal(times(&c, b, 3000), n);
	assert_memory_equal(a, b, n * sizeof(*a));
	c.seed = 6;
	times(&c, b, 3000);
	assert_true(memcmp(a, b, 10 * sizeof(*a)) != 0);
}

static void a_burst_comes_between_the_others(void **state)
{
	uint64_t due[20] = {0};
	struct schedule_config c = {
		.per_second = 2, .end_ns = 2 * NS_PER_S, .burst = 3, .burst_ns = 700 * NS_PER_MS};
	const uint64_t wanted[] = {0, 500, 700, 700, 700, 1000, 1500};

	(void)state;
	assert_int_equal(times(&c, due, 20), 7);
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(due[i], wanted[i] * NS_PER_MS);
	c.per_second = 0;
	assert_int_equal(times(&c, due, 20), 3);
	assert_int_equal(due[0], 700 * NS_PER_MS);
	c.burst = 0;
	assert_int_equal(times(&c, due, 20), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percentiles_are_those_of_a_sorted_list),
		cmocka_unit_test(short_latencies_are_exact),
		cmocka_unit_test(every_bucket_edge_is_in_place),
		cmocka_unit_test(what_is_too_long_counts_as_the_longest),
		cmocka_unit_test(merged_is_as_if_added_together),
		cmocka_unit_test(even_arrivals_do_not_drift),
		cmocka_unit_test(poisson_gaps_are_exponential),
		cmocka_unit_test(a_seed_gives_the_same_times_again),
		cmocka_unit_test(a_burst_comes_between_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
