#include "base/clock.h"
#include "sched/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define MS NS_PER_MS

static const struct retry_config usual = {.attempts = {3, 5},
					  .ratio = {0.1, 0.2},
					  .burst = 10,
					  .base_ns = 100 * MS,
					  .cap_ns = 1000 * MS,
					  .tenants = 1000};

static uint64_t next_random(uint64_t *x) /* splitmix64 */
{
	uint64_t z = *x += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static void test_a_run_has_so_many_attempts(void **state)
{
	struct retry *r = retry_new(&usual);
	uint64_t delay = 77;

	(void)state;
	assert_int_equal(retry_ask(r, CLASS_INTERACTIVE, "a", 1, 0, 1, &delay), RETRY_ALLOWED);
	assert_int_equal(delay, 0);
	delay = 77;
	assert_int_equal(retry_ask(r, CLASS_INTERACTIVE, "a", 3, 0, 1, &delay), RETRY_ATTEMPTS);
	assert_int_equal(retry_ask(r, CLASS_INTERACTIVE, "a", UINT32_MAX, 0, 1, &delay),
			 RETRY_ATTEMPTS);
	assert_int_equal(delay, 77); /* untouched */
	assert_int_equal(retry_ask(r, CLASS_BULK, "a", 4, 0, 1, &delay), RETRY_ALLOWED);
	assert_string_equal(retry_verdict_text(RETRY_CLASS), "class_budget");
	retry_free(r);
}

/* Everything fails, for an hour: retries are a tenth of the runs, and what was saved up. */
static void check_outage(unsigned tenants, enum task_class c, double ratio)
{
	struct retry *r = retry_new(&usual);
	uint64_t now = NS_PER_S, x = 1, delay, firsts = 0, retries = 0;
	uint64_t refused[RETRY_VERDICT_COUNT] = {0};
	char name[16];

	for (unsigned i = 0; i < 50000; i++, now += 72 * MS) {
		enum retry_verdict v = RETRY_ALLOWED;

		snprintf(name, sizeof(name), "t%u", i % tenants);
		retry_first(r, c, name, now);
		firsts++;
		for (unsigned done = 1; v == RETRY_ALLOWED; done++) {
			v = retry_ask(r, c, name, done, next_random(&x), now, &delay);
			retries += v == RETRY_ALLOWED;
		}
		refused[v]++;
	}
	assert_true((double)retries <= (double)firsts * ratio + usual.burst);
	assert_true((double)retries >= (double)firsts * ratio * 0.99);
	if (tenants > 1)
		assert_true(refused[RETRY_CLASS] > 0);
	else
		assert_true(refused[RETRY_TENANT] > 0);
	retry_free(r);
}

static void test_budgets_bound_what_an_outage_adds(void **state)
{
	(void)state;
	check_outage(1, CLASS_INTERACTIVE, 0.1);
	check_outage(1, CLASS_BULK, 0.2);
	check_outage(500, CLASS_BULK, 0.2); /* each with a budget of its own, but one class */
}

/* One tenant's failures do not take another's retries, as long as the class has some left. */
static void test_budgets_are_the_tenants_own(void **state)
{
	struct retry *r = retry_new(&usual);
	uint64_t delay;
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 200; i++) /* what others did right keeps the class's full */
		retry_first(r, CLASS_BULK, "good", 1);
	while (retry_ask(r, CLASS_BULK, "bad", 1, 0, 1, &delay) == RETRY_ALLOWED) {
		retry_first(r, CLASS_BULK, "good", 1);
		retry_first(r, CLASS_BULK, "good", 1);
		retry_first(r, CLASS_BULK, "good", 1);
		retry_first(r, CLASS_BULK, "good", 1);
		retry_first(r, CLASS_BULK, "good", 1);
		assert_in_range(++n, 1, 10);
	}
	assert_int_equal(n, 10);
	assert_int_equal(retry_ask(r, CLASS_BULK, "bad", 1, 0, 1, &delay), RETRY_TENANT);
	assert_int_equal(retry_ask(r, CLASS_BULK, "good", 1, 0, 1, &delay), RETRY_ALLOWED);
	/* Nor does bulk take interactive ones. */
	assert_int_equal(retry_ask(r, CLASS_INTERACTIVE, "bad", 1, 0, 1, &delay), RETRY_ALLOWED);
	/* Who was not heard of for long has a full budget again. */
	assert_int_equal(retry_ask(r, CLASS_BULK, "bad", 1, 0, 3600 * NS_PER_S, &delay),
			 RETRY_ALLOWED);
	retry_free(r);
}

/* A good year is no licence for a bad day. */
static void test_tokens_are_not_hoarded(void **state)
{
	struct retry *r = retry_new(&usual);
	uint64_t delay;
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 100000; i++)
		retry_first(r, CLASS_BULK, "a", 1);
	while (retry_ask(r, CLASS_BULK, "a", 1, 0, 1, &delay) == RETRY_ALLOWED)
		assert_in_range(++n, 1, 10);
	assert_int_equal(n, 10);
	retry_free(r);
}

static void test_delays_have_full_jitter(void **state)
{
	static const uint64_t most[] = {200 * MS, 400 * MS, 800 * MS, 1000 * MS};
	uint64_t x = 1, delay = 0;

	(void)state;
	for (unsigned done = 1; done <= 4; done++) {
		uint64_t bound = most[done - 1], least = UINT64_MAX, highest = 0, sum = 0;

		for (unsigned i = 0; i < 10000; i++) {
			struct retry *r = retry_new(&usual);

			assert_int_equal(
				retry_ask(r, CLASS_BULK, "a", done, next_random(&x), 1, &delay),
				RETRY_ALLOWED);
			least = delay < least ? delay : least;
			highest = delay > highest ? delay : highest;
			sum += delay / 10000;
			retry_free(r);
		}
		assert_in_range(highest, bound * 99 / 100, bound);
		assert_in_range(least, 0, bound / 100);
		assert_in_range(sum, bound * 48 / 100, bound * 52 / 100);
	}
}

static void test_delays_do_not_overflow(void **state)
{
	struct retry_config c = usual;
	struct retry *r;
	uint64_t delay;

	(void)state;
	c.attempts[CLASS_BULK] = UINT32_MAX;
	c.cap_ns = UINT64_MAX;
	r = retry_new(&c);
	assert_int_equal(retry_ask(r, CLASS_BULK, "a", 4000000000U, UINT64_MAX, 1, &delay),
			 RETRY_ALLOWED);
	assert_int_equal(delay, UINT64_MAX);
	retry_free(r);
}

/* Names cost nothing for long, and those that are forgotten are the oldest. */
static void test_the_table_is_bounded(void **state)
{
	struct retry_config c = usual;
	struct retry *r;
	uint64_t delay;
	char name[16];

	(void)state;
	c.tenants = 2;
	c.burst = 1;
	c.ratio[CLASS_BULK] = 0;
	r = retry_new(&c);
	assert_int_equal(retry_ask(r, CLASS_BULK, "a", 1, 0, 1, &delay), RETRY_ALLOWED);
	assert_int_equal(retry_ask(r, CLASS_BULK, "a", 1, 0, 1, &delay), RETRY_TENANT);
	retry_first(r, CLASS_BULK, "b", 1);
	assert_int_equal(retry_ask(r, CLASS_BULK, "a", 1, 0, 1, &delay), RETRY_TENANT);
	retry_first(r, CLASS_BULK, "c", 1); /* b is out, not a */
	assert_int_equal(retry_ask(r, CLASS_BULK, "a", 1, 0, 1, &delay), RETRY_TENANT);
	for (unsigned i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "x%u", i);
		retry_first(r, CLASS_BULK, name, 1);
	}
	assert_int_equal(retry_ask(r, CLASS_BULK, "a", 1, 0, 1, &delay), RETRY_CLASS);
	retry_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_run_has_so_many_attempts),
		cmocka_unit_test(test_budgets_bound_what_an_outage_adds),
		cmocka_unit_test(test_budgets_are_the_tenants_own),
		cmocka_unit_test(test_tokens_are_not_hoarded),
		cmocka_unit_test(test_delays_have_full_jitter),
		cmocka_unit_test(test_delays_do_not_overflow),
		cmocka_unit_test(test_the_table_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
