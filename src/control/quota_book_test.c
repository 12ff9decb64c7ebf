/* The book, under a clock that the tests turn: whatever is asked for in whatever order, no account
 * has more admitted than there is room for, and each run is settled once. */
#include "control/quota_book.h"

#include "base/macros.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HOUR 3600000LL
#define TODAY "2026-11-21"
#define TOMORROW "2026-11-22"

static const struct quota_party red1 = {"acme", "red", "key_1", "fetcher"};
static const struct quota_party red2 = {"acme", "red", "key_2", "fetcher"};
static const struct quota_party blue = {"acme", "blue", "key_3", "fetcher"};
static const struct quota_party alone = {"acme", "", "key_4", "other"};
static const struct quota_party stranger = {"evil", "red", "key_1", "fetcher"};

static const struct quota_who acme = {QUOTA_OF_TENANT, "acme", ""};
static const struct quota_who team_red = {QUOTA_OF_TEAM, "acme", "red"};
static const struct quota_who key_1 = {QUOTA_OF_KEY, "acme", "key_1"};
static const struct quota_who fetcher = {QUOTA_OF_PROFILE, "acme", "fetcher"};

static const struct quota_amounts nothing = {0};
static struct quota_refusal why;

static struct quota_amounts cpu(uint64_t us)
{
	struct quota_amounts a = {0};

	a.of[QUOTA_CPU] = us;
	a.of[QUOTA_RUNS] = 1;
	return a;
}

static void know(struct quota_book *b, const char *day)
{
	quota_book_ask(b, day);
	quota_book_loaded(b, day, 0);
}

static struct quota_book *open_book(void)
{
	struct quota_book *b = quota_book_new();

	know(b, TODAY);
	return b;
}

static int reserve(struct quota_book *b, const struct quota_party *p, const char *day, uint64_t us,
		   struct quota_hold *h)
{
	struct quota_amounts most = cpu(us);

	memset(h, 0, sizeof(*h));
	return quota_book_reserve(b, p, day, &most, h, &why);
}

static void settle(struct quota_book *b, struct quota_hold *h, uint64_t us)
{
	struct quota_amounts used = cpu(us);

	quota_book_settle(b, h, &used);
}

static struct quota_view look(struct quota_book *b, const struct quota_who *who, const char *day,
			      enum quota_resource r)
{
	struct quota_view v;

	quota_book_view(b, who, day, r, &v);
	return v;
}

static void is(struct quota_book *b, const struct quota_who *who, const char *day,
	       enum quota_resource r, uint64_t used, uint64_t reserved)
{
	struct quota_view v = look(b, who, day, r);

	assert_int_equal(v.used, used);
	assert_int_equal(v.reserved, reserved);
}

/* ---- reserving ---- */

static void of_many_at_once_as_many_are_admitted_as_there_is_room_for(void **state)
{
	struct quota_book *b = open_book();
	struct quota_hold holds[200];
	int admitted = 0;

	(void)state;
	quota_book_limit(b, &acme, QUOTA_RUNS, 50);
	for (size_t i = 0; i < 200; i++)
		admitted += reserve(b, i % 2 ? &red1 : &blue, TODAY, 10, &holds[i]) == 0;
	assert_int_equal(admitted, 50);
	assert_int_equal(why.scope, QUOTA_OF_TENANT);
	assert_int_equal(why.resource, QUOTA_RUNS);
	assert_int_equal(why.limit, 50);
	assert_int_equal(why.used, 0);
	assert_int_equal(why.reserved, 50);
	assert_int_equal(why.asked, 1);
	is(b, &acme, TODAY, QUOTA_RUNS, 0, 50);
	/* Of those that were refused nothing is left. */
	is(b, &acme, TODAY, QUOTA_CPU, 0, 500);
	for (size_t i = 0; i < 200; i++)
		settle(b, &holds[i], 3);
	is(b, &acme, TODAY, QUOTA_RUNS, 50, 0);
	is(b, &acme, TODAY, QUOTA_CPU, 150, 0);
	quota_book_free(b);
}

static void what_was_not_used_is_free_again(void **state)
{
	struct quota_book *b = open_book();
	struct quota_hold h, more;

	(void)state;
	quota_book_limit(b, &key_1, QUOTA_CPU, 100);
	assert_int_equal(reserve(b, &red1, TODAY, 80, &h), 0);
	assert_int_equal(reserve(b, &red1, TODAY, 80, &more), -EDQUOT);
	assert_int_equal(why.scope, QUOTA_OF_KEY);
	assert_string_equal(why.name, "key_1");
	settle(b, &h, 5);
	assert_int_equal(reserve(b, &red1, TODAY, 96, &more), -EDQUOT);
	assert_int_equal(reserve(b, &red1, TODAY, 95, &more), 0);
	quota_book_settle(b, &more, &nothing);
	is(b, &key_1, TODAY, QUOTA_CPU, 5, 0);
	/* A measurement may lie above its ceiling; it counts as it is. */
	assert_int_equal(reserve(b, &red1, TODAY, 90, &h), 0);
	settle(b, &h, 200);
	is(b, &key_1, TODAY, QUOTA_CPU, 205, 0);
	assert_int_equal(reserve(b, &red1, TODAY, 1, &h), -EDQUOT);
	quota_book_free(b);
}

static void a_run_is_settled_once_whatever_path_it_takes(void **state)
{
	struct quota_book *b = open_book();
	struct quota_hold h, other;

	(void)state;
	assert_int_equal(reserve(b, &red1, TODAY, 10, &other), 0);
	assert_int_equal(reserve(b, &red1, TODAY, 10, &h), 0);
	settle(b, &h, 7);
	settle(b, &h, 7);
	quota_book_settle(b, &h, &nothing);
	is(b, &acme, TODAY, QUOTA_CPU, 7, 10);
	is(b, &team_red, TODAY, QUOTA_RUNS, 1, 1);
	quota_book_free(b);
}

static void nobody_spends_what_stands_above_them(void **state)
{
	struct quota_book *b = open_book();
	struct quota_hold h[8];
	int n = 0;

	(void)state;
	/* A team's day is shared by its keys, and less than its keys have. */
	quota_book_limit(b, &team_red, QUOTA_CPU, 50);
	quota_book_limit(b, &key_1, QUOTA_CPU, 1000);
	assert_int_equal(reserve(b, &red1, TODAY, 30, &h[n++]), 0);
	assert_int_equal(reserve(b, &red2, TODAY, 30, &h[n]), -EDQUOT);
	assert_int_equal(why.scope, QUOTA_OF_TEAM);
	assert_string_equal(why.name, "red");
	assert_int_equal(reserve(b, &red2, TODAY, 20, &h[n++]), 0);
	assert_int_equal(reserve(b, &red1, TODAY, 1, &h[n]), -EDQUOT);
	/* Another team and a key without one have the tenant's. */
	quota_book_limit(b, &acme, QUOTA_CPU, 100);
	assert_int_equal(reserve(b, &blue, TODAY, 30, &h[n++]), 0);
	assert_int_equal(reserve(b, &alone, TODAY, 30, &h[n]), -EDQUOT);
	assert_int_equal(why.scope, QUOTA_OF_TENANT);
	assert_int_equal(reserve(b, &alone, TODAY, 20, &h[n++]), 0);
	/* What was refused by the last account is in none of the others. */
	quota_book_limit(b, &acme, QUOTA_CPU, QUOTA_NONE);
	quota_book_limit(b, &fetcher, QUOTA_CPU, 80);
	assert_int_equal(reserve(b, &blue, TODAY, 10, &h[n]), -EDQUOT);
	assert_int_equal(why.scope, QUOTA_OF_PROFILE);
	is(b, &acme, TODAY, QUOTA_CPU, 0, 100);
	/* Names are a tenant's own. */
	assert_int_equal(reserve(b, &stranger, TODAY, 1000, &h[n++]), 0);
	is(b, &team_red, TODAY, QUOTA_CPU, 0, 50);
	quota_book_free(b);
}

static void what_is_not_asked_for_is_not_in_the_way(void **state)
{
	struct quota_book *b = open_book();
	struct quota_hold h;

	(void)state;
	quota_book_limit(b, &acme, QUOTA_EGRESS, 0);
	assert_int_equal(reserve(b, &red1, TODAY, 10, &h), 0);
	quota_book_limit(b, &acme, QUOTA_RUNS, 0);
	assert_int_equal(reserve(b, &red1, TODAY, 10, &h), -EDQUOT);
	quota_book_free(b);
}

static void absurd_amounts_do_not_wrap(void **state)
{
	struct quota_amounts most = {
		{UINT64_MAX, 1, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
	struct quota_book *b = open_book();
	static struct quota_hold h[40000];
	struct quota_who other = {QUOTA_OF_KEY, "acme", "key_9"};
	size_t n = 0;
	int r;

	(void)state;
	quota_book_limit(b, &other, QUOTA_CPU, UINT64_MAX - 1);
	assert_int_equal(look(b, &other, TODAY, QUOTA_CPU).limit, QUOTA_MAX);
	quota_book_grant(b, &other, TODAY, QUOTA_CPU, UINT64_MAX);
	/* Without a limit there is room until the numbers are used up; then no more, rather than
	 * a sum that has forgotten some. */
	do {
		r = quota_book_reserve(b, &red1, TODAY, &most, &h[n], &why);
		n += r == 0;
	} while (r == 0 && n < ARRAY_SIZE(h));
	assert_int_equal(r, -EDQUOT);
	assert_true(n > 16000);
	while (n)
		quota_book_settle(b, &h[--n], &nothing);
	is(b, &acme, TODAY, QUOTA_CPU, 0, 0);
	/* What was used stays at the end of the numbers. */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(reserve(b, &blue, TODAY, 1, &h[0]), 0);
		quota_book_settle(b, &h[0], &most);
	}
	is(b, &acme, TODAY, QUOTA_CPU, UINT64_MAX, 0);
	quota_book_limit(b, &acme, QUOTA_CPU, QUOTA_MAX);
	assert_int_equal(reserve(b, &blue, TODAY, 1, &h[0]), -EDQUOT);
	/* The largest limit holds one less than what is asked for without an end. */
	quota_book_limit(b, &other, QUOTA_CPU, QUOTA_MAX);
	assert_int_equal(quota_book_reserve(b, &(struct quota_party){"x", "", "key_9", "p"}, TODAY,
					    &most, &h[0], &why),
			 0);
	quota_book_settle(b, &h[0], &nothing);
	assert_int_equal(quota_book_reserve(b, &(struct quota_party){"acme", "", "key_9", "p"},
					    TODAY, &most, &h[0], &why),
			 -EDQUOT);
	quota_book_free(b);
}

/* ---- terms ---- */

static void raising_and_lowering_hold_at_once(void **state)
{
	struct quota_book *b = open_book();
	struct quota_hold h, x;

	(void)state;
	/* What was used before there was a limit counts. */
	assert_int_equal(reserve(b, &red1, TODAY, 60, &h), 0);
	settle(b, &h, 60);
	quota_book_limit(b, &team_red, QUOTA_CPU, 50);
	assert_int_equal(reserve(b, &red2, TODAY, 1, &x), -EDQUOT);
	assert_int_equal(why.used, 60);
	assert_int_equal(why.limit, 50);
	quota_book_limit(b, &team_red, QUOTA_CPU, 70);
	assert_int_equal(reserve(b, &red2, TODAY, 10, &x), 0);
	/* Below what is reserved, too. */
	quota_book_limit(b, &team_red, QUOTA_CPU, 1);
	quota_book_settle(b, &x, &nothing);
	assert_int_equal(reserve(b, &red2, TODAY, 1, &x), -EDQUOT);
	quota_book_limit(b, &team_red, QUOTA_CPU, QUOTA_NONE);
	assert_int_equal(reserve(b, &red2, TODAY, 1000, &x), 0);
	quota_book_free(b);
}

static void a_grant_is_for_one_day(void **state)
{
	struct quota_book *b = open_book();
	struct quota_hold h;

	(void)state;
	know(b, TOMORROW);
	quota_book_limit(b, &acme, QUOTA_RUNS, 1);
	quota_book_grant(b, &acme, TODAY, QUOTA_RUNS, 1);
	assert_int_equal(reserve(b, &red1, TODAY, 1, &h), 0);
	assert_int_equal(reserve(b, &red1, TODAY, 1, &h), 0);
	assert_int_equal(reserve(b, &red1, TODAY, 1, &h), -EDQUOT);
	assert_int_equal(why.limit, 2);
	assert_int_equal(reserve(b, &red1, TOMORROW, 1, &h), 0);
	assert_int_equal(reserve(b, &red1, TOMORROW, 1, &h), -EDQUOT);
	quota_book_free(b);
}

static void a_tenant_that_comes_back_has_no_limits_and_has_used_what_it_used(void **state)
{
	struct quota_book *b = open_book();
	struct quota_hold h;

	(void)state;
	quota_book_limit(b, &acme, QUOTA_RUNS, 1);
	quota_book_limit(b, &key_1, QUOTA_RUNNING, 3);
	assert_int_equal(quota_book_limit_of(b, &key_1, QUOTA_RUNNING), 3);
	assert_int_equal(reserve(b, &red1, TODAY, 1, &h), 0);
	settle(b, &h, 1);
	assert_int_equal(reserve(b, &red1, TODAY, 1, &h), -EDQUOT);
	quota_book_forget_terms(b, "acme");
	assert_int_equal(quota_book_limit_of(b, &key_1, QUOTA_RUNNING), QUOTA_NONE);
	assert_int_equal(reserve(b, &red1, TODAY, 1, &h), 0);
	is(b, &acme, TODAY, QUOTA_RUNS, 1, 1);
	quota_book_free(b);
}

/* ---- days ---- */

static void a_run_belongs_to_the_day_that_it_was_accepted_in(void **state)
{
	struct quota_book *b = open_book();
	struct quota_hold h, x;

	(void)state;
	know(b, TOMORROW);
	quota_book_limit(b, &acme, QUOTA_CPU, 10);
	assert_int_equal(reserve(b, &red1, TODAY, 10, &h), 0);
	/* Midnight. */
	assert_int_equal(reserve(b, &red1, TOMORROW, 10, &x), 0);
	settle(b, &h, 9);
	is(b, &acme, TODAY, QUOTA_CPU, 9, 0);
	is(b, &acme, TOMORROW, QUOTA_CPU, 0, 10);
	quota_book_free(b);
}

/* Days as day.h makes them of moments, kept as quota.c keeps them. */
static int reserve_at(struct quota_book *b, int64_t ms, struct quota_hold *h)
{
	char day[DAY_SIZE];

	day_of(ms, day);
	return reserve(b, &red1, day, 1, h);
}

static void keep_around(struct quota_book *b, int64_t ms)
{
	char days[3][DAY_SIZE];
	const char *names[] = {days[0], days[1], days[2]};

	day_of(ms - 26 * HOUR, days[0]);
	day_of(ms, days[1]);
	day_of(day_end(ms), days[2]);
	quota_book_keep(b, names, 3);
	for (int i = 0; i < 3; i++)
		if (quota_book_day(b, days[i]) == QUOTA_DAY_UNKNOWN)
			know(b, days[i]);
}

static void a_clock_that_jumps_forth_and_back_grants_nothing_twice(void **state)
{
	const int64_t noon = 1792929600000; /* 2026-10-25 in Berlin, the day of 25 hours */
	struct quota_book *b = quota_book_new();
	struct quota_hold h;
	int admitted = 0;

	(void)state;
	assert_int_equal(day_zone("Europe/Berlin"), 0);
	quota_book_limit(b, &acme, QUOTA_RUNS, 5);
	keep_around(b, noon);
	for (int i = 0; i < 40; i++) {
		int64_t at = noon + (i % 2 ? 20 * HOUR : 0);

		keep_around(b, at);
		if (reserve_at(b, at, &h) == 0) {
			settle(b, &h, 1);
			admitted++;
		}
	}
	assert_int_equal(admitted, 10); /* five on each of two days */
	/* What is under way keeps its day, however far away that is. */
	quota_book_limit(b, &acme, QUOTA_RUNS, 6);
	assert_int_equal(reserve_at(b, noon, &h), 0);
	keep_around(b, noon + 20 * 24 * HOUR);
	assert_int_equal(quota_book_day(b, "2026-10-25"), QUOTA_DAY_KNOWN);
	is(b, &acme, "2026-10-25", QUOTA_RUNS, 5, 1);
	settle(b, &h, 1);
	keep_around(b, noon + 20 * 24 * HOUR);
	/* And a day that was put away is asked for anew before anything is admitted. */
	assert_int_equal(reserve_at(b, noon, &h), -EAGAIN);
	assert_int_equal(day_zone("UTC"), 0);
	quota_book_free(b);
}

static void days_of_23_and_25_hours_have_one_budget_each(void **state)
{
	const int64_t starts[] = {1774738800000 /* 2026-03-29 */, 1792879200000 /* 2026-10-25 */};
	const int hours[] = {23, 25};
	struct quota_book *b = quota_book_new();
	struct quota_hold h;

	(void)state;
	assert_int_equal(day_zone("Europe/Berlin"), 0);
	quota_book_limit(b, &acme, QUOTA_RUNS, 3);
	for (int d = 0; d < 2; d++) {
		int admitted = 0;

		keep_around(b, starts[d]);
		for (int q = 0; q < hours[d] * 4; q++) /* each quarter of an hour */
			admitted += reserve_at(b, starts[d] + q * HOUR / 4, &h) == 0;
		assert_int_equal(admitted, 3);
		assert_int_equal(reserve_at(b, starts[d] + hours[d] * HOUR, &h), 0);
	}
	assert_int_equal(day_zone("UTC"), 0);
	quota_book_free(b);
}

static void nothing_is_admitted_before_its_day_is_known(void **state)
{
	struct quota_book *b = quota_book_new();
	struct quota_amounts used = cpu(7);
	struct quota_hold h;

	(void)state;
	assert_int_equal(reserve(b, &red1, TODAY, 1, &h), -EAGAIN);
	quota_book_ask(b, TODAY);
	quota_book_sum(b, &red1, TODAY, &used);
	assert_int_equal(reserve(b, &red1, TODAY, 1, &h), -EAGAIN);
	/* The answer breaks off, and is asked for again. */
	quota_book_failed(b, TODAY);
	assert_int_equal(quota_book_day(b, TODAY), QUOTA_DAY_UNKNOWN);
	quota_book_sum(b, &red1, TODAY, &used);
	quota_book_ask(b, TODAY);
	quota_book_sum(b, &red1, TODAY, &used);
	quota_book_sum(b, &blue, TODAY, &used);
	quota_book_sum(b, &blue, TOMORROW, &used);
	quota_book_loaded(b, TODAY, 2);
	is(b, &acme, TODAY, QUOTA_CPU, 14, 0);
	is(b, &team_red, TODAY, QUOTA_RUNS, 1, 0);
	is(b, &acme, TOMORROW, QUOTA_CPU, 0, 0);
	/* Known is known: sums that come now are not believed. */
	quota_book_sum(b, &red1, TODAY, &used);
	is(b, &acme, TODAY, QUOTA_CPU, 14, 0);
	assert_int_equal(reserve(b, &red1, TODAY, 1, &h), 0);
	quota_book_free(b);
}

static void what_is_recorded_while_sums_are_on_their_way_counts_once(void **state)
{
	struct quota_book *b = quota_book_new();
	struct quota_amounts one = cpu(1);

	(void)state;
	quota_book_recorded(b, &red1, TODAY, 0, &one); /* before: the sums have it */
	quota_book_ask(b, TODAY);
	quota_book_sum(b, &red1, TODAY, &one);
	quota_book_recorded(b, &red1, TODAY, 9, &one);	/* the sums have it, too */
	quota_book_recorded(b, &red1, TODAY, 10, &one); /* this one came after them */
	is(b, &acme, TODAY, QUOTA_RUNS, 1, 0);
	quota_book_loaded(b, TODAY, 10);
	is(b, &acme, TODAY, QUOTA_RUNS, 2, 0);
	quota_book_recorded(b, &red1, TODAY, 11, &one);
	quota_book_recorded(b, &red1, TODAY, 3, &one); /* told again: the log had it */
	is(b, &acme, TODAY, QUOTA_RUNS, 3, 0);
	/* The same with an answer that breaks off between. */
	quota_book_ask(b, TOMORROW);
	quota_book_recorded(b, &red1, TOMORROW, 20, &one);
	quota_book_failed(b, TOMORROW);
	quota_book_ask(b, TOMORROW);
	quota_book_sum(b, &red1, TOMORROW, &one);
	quota_book_loaded(b, TOMORROW, 21);
	is(b, &acme, TOMORROW, QUOTA_RUNS, 1, 0);
	quota_book_free(b);
}

/* ---- notices ---- */

static size_t notices(struct quota_book *b, struct quota_notice *n)
{
	size_t count = quota_book_notices(b, n, 16);

	for (size_t i = 0; i < count; i++)
		quota_book_told(b, &(struct quota_who){n[i].scope, n[i].tenant, n[i].name},
				n[i].day, n[i].resource, n[i].level);
	return count;
}

static void each_threshold_is_told_once_a_day(void **state)
{
	struct quota_book *b = open_book();
	struct quota_notice n[16];
	struct quota_hold h[20];
	size_t i = 0;

	(void)state;
	know(b, TOMORROW);
	quota_book_limit(b, &acme, QUOTA_RUNS, 10);
	while (i < 6)
		assert_int_equal(reserve(b, &red1, TODAY, 1, &h[i++]), 0);
	assert_int_equal(notices(b, n), 0);
	assert_int_equal(reserve(b, &red1, TODAY, 1, &h[i++]), 0);
	/* Until it was told it is there; then no more. */
	assert_int_equal(quota_book_notices(b, n, 16), 1);
	assert_int_equal(notices(b, n), 1);
	assert_int_equal(n[0].level, QUOTA_WARNED);
	assert_int_equal(n[0].scope, QUOTA_OF_TENANT);
	assert_string_equal(n[0].day, TODAY);
	assert_int_equal(n[0].view.reserved, 7);
	assert_int_equal(notices(b, n), 0);
	settle(b, &h[--i], 1);
	quota_book_settle(b, &h[--i], &nothing);
	while (i < 9)
		assert_int_equal(reserve(b, &red1, TODAY, 1, &h[i++]), 0);
	assert_int_equal(notices(b, n), 0);
	/* All of it taken is not yet a refusal. */
	assert_int_equal(reserve(b, &red1, TODAY, 1, &h[i]), -EDQUOT);
	assert_int_equal(notices(b, n), 1);
	assert_int_equal(n[0].level, QUOTA_EXHAUSTED);
	assert_int_equal(reserve(b, &red1, TODAY, 1, &h[i]), -EDQUOT);
	assert_int_equal(notices(b, n), 0);
	/* Another day is another matter. */
	for (i = 0; i < 10; i++)
		assert_int_equal(reserve(b, &red1, TOMORROW, 1, &h[i]), 0);
	assert_int_equal(notices(b, n), 1);
	assert_string_equal(n[0].day, TOMORROW);
	quota_book_free(b);
}

static void what_the_last_control_told_is_not_told_again(void **state)
{
	struct quota_book *b = quota_book_new();
	struct quota_amounts used = cpu(9);
	struct quota_notice n[16];

	(void)state;
	quota_book_limit(b, &acme, QUOTA_CPU, 10);
	quota_book_limit(b, &team_red, QUOTA_CPU, 10);
	quota_book_ask(b, TODAY);
	quota_book_told(b, &acme, TODAY, QUOTA_CPU, QUOTA_WARNED);
	quota_book_sum(b, &red1, TODAY, &used);
	quota_book_loaded(b, TODAY, 1);
	assert_int_equal(notices(b, n), 1); /* the team's, which it did not get to */
	assert_int_equal(n[0].scope, QUOTA_OF_TEAM);
	/* A limit that goes takes along what was not told of it. */
	quota_book_limit(b, &key_1, QUOTA_CPU, 1);
	assert_int_equal(quota_book_notices(b, n, 16), 1);
	quota_book_limit(b, &key_1, QUOTA_CPU, QUOTA_NONE);
	assert_int_equal(quota_book_notices(b, n, 16), 0);
	quota_book_free(b);
}

static void the_fullest_come_first(void **state)
{
	struct quota_book *b = open_book();
	struct quota_fullness f[4];
	struct quota_hold h;

	(void)state;
	for (int i = 0; i < 50; i++) {
		char key[16];
		struct quota_party p = {"acme", "", key, "p"};

		snprintf(key, sizeof(key), "key_%d", (i * 7) % 50);
		quota_book_limit(b, &(struct quota_who){QUOTA_OF_KEY, "acme", key}, QUOTA_CPU,
				 1000);
		assert_int_equal(reserve(b, &p, TODAY, (uint64_t)((i * 7) % 50) * 10, &h), 0);
	}
	assert_int_equal(quota_book_fullest(b, TODAY, f, 4), 4);
	assert_string_equal(f[0].name, "key_49");
	assert_string_equal(f[1].name, "key_48");
	assert_string_equal(f[3].name, "key_46");
	assert_true(f[0].ratio > 0.489 && f[0].ratio < 0.491);
	quota_book_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_many_at_once_as_many_are_admitted_as_there_is_room_for),
		cmocka_unit_test(what_was_not_used_is_free_again),
		cmocka_unit_test(a_run_is_settled_once_whatever_path_it_takes),
		cmocka_unit_test(nobody_spends_what_stands_above_them),
		cmocka_unit_test(what_is_not_asked_for_is_not_in_the_way),
		cmocka_unit_test(absurd_amounts_do_not_wrap),
		cmocka_unit_test(raising_and_lowering_hold_at_once),
		cmocka_unit_test(a_grant_is_for_one_day),
		cmocka_unit_test(a_tenant_that_comes_back_has_no_limits_and_has_used_what_it_used),
		cmocka_unit_test(a_run_belongs_to_the_day_that_it_was_accepted_in),
		cmocka_unit_test(a_clock_that_jumps_forth_and_back_grants_nothing_twice),
		cmocka_unit_test(days_of_23_and_25_hours_have_one_budget_each),
		cmocka_unit_test(nothing_is_admitted_before_its_day_is_known),
		cmocka_unit_test(what_is_recorded_while_sums_are_on_their_way_counts_once),
		cmocka_unit_test(each_threshold_is_told_once_a_day),
		cmocka_unit_test(what_the_last_control_told_is_not_told_again),
		cmocka_unit_test(the_fullest_come_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
