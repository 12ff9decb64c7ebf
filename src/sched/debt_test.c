/* What is owed, by whom, and for how long it is remembered. */
#include "sched/sched_testing.h"

/* A debt stays when the queue runs empty, is shown, set again, and paid off by others' turns. */
static void test_debts_are_kept_and_paid(void **state)
{
	struct sched_config config = usual();
	struct sched *s = sched_new(&config);
	struct sched_item a[2], b[40];
	int64_t debt = 0;
	unsigned first = 0;

	(void)state;
	add(s, &a[0], CLASS_BULK, "a");
	assert_ptr_equal(next(s), &a[0]);
	done(s, &a[0], 130000);
	sched_debts(s, sum, &debt);
	assert_int_equal(debt, 120000); /* a turn of 10 ms was its own */
	sched_free(s);

	s = sched_new(&config);
	sched_set_debt(s, CLASS_BULK, "a", "", debt, now);
	debt = 0;
	sched_debts(s, sum, &debt);
	assert_int_equal(debt, 120000);
	add(s, &a[0], CLASS_BULK, "a");
	for (unsigned i = 0; i < 40; i++)
		add(s, &b[i], CLASS_BULK, "b");
	for (struct sched_item *i; (i = next(s)) != &a[0]; first++)
		done(s, i, 10000);
	assert_in_range(first, 11, 14);
	done(s, &a[0], 0);
	while (next(s))
		;
	sched_free(s);
}

/* One run at a time on the second slot, so many. */
static void serve(struct sched *s, const char *tenant, unsigned runs, uint64_t cpu_us)
{
	struct sched_item i;

	for (; runs; runs--) {
		add(s, &i, CLASS_BULK, tenant);
		assert_ptr_equal(next(s), &i);
		done(s, &i, cpu_us);
	}
}

/* Turns pass while others are served: they pay the debt of one who sends nothing, as much as it
 * could have used, and no more. */
static void test_turns_pay_the_debts_of_those_who_send_nothing(void **state)
{
	struct sched_config config = usual();
	struct sched *s = sched_new(&config);
	struct sched_item a, b;
	int64_t debt = 0;

	(void)state;
	serve(s, "a", 1, 1010000);
	serve(s, "b", 50, 10000);
	sched_debts(s, sum, &debt);
	assert_in_range(debt, 480000, 520000);
	serve(s, "b", 55, 10000);
	debt = 0;
	sched_debts(s, sum, &debt);
	assert_in_range(debt, 0, 20000);
	add(s, &a, CLASS_BULK, "a");
	add(s, &b, CLASS_BULK, "b");
	assert_ptr_equal(next(s), &a);
	sched_free(s);
}

/* Whoever has a run under way while others are served saves up nothing. */
static void test_nobody_saves_up_turns(void **state)
{
	struct sched_config config = usual();
	struct sched *s = sched_new(&config);
	struct sched_item slow, a[20], b[20];
	unsigned of_a = 0;

	(void)state;
	add(s, &slow, CLASS_BULK, "a");
	assert_ptr_equal(next(s), &slow);
	serve(s, "b", 1000, 10000);
	for (unsigned i = 0; i < 20; i++)
		add(s, &a[i], CLASS_BULK, "a");
	for (unsigned i = 0; i < 20; i++)
		add(s, &b[i], CLASS_BULK, "b");
	for (unsigned i = 0; i < 20; i++) {
		struct sched_item *n = next(s);

		of_a += n >= a && n < a + 20;
		done(s, n, 10000);
	}
	assert_in_range(of_a, 9, 11);
	sched_free(s);
}

/* The same among the keys of a tenant, which is not in debt itself: it is alone. */
static void test_keys_have_debts_among_each_other(void **state)
{
	struct sched_config config = usual();
	struct sched *s = sched_new(&config);
	struct sched_item slow, a[2], b[40];
	unsigned first = 0;

	(void)state;
	add_as(s, &slow, CLASS_BULK, "t", "c", "profile", 0); /* so that it is not forgotten */
	assert_ptr_equal(next(s), &slow);
	add_as(s, &a[0], CLASS_BULK, "t", "a", "profile", 0);
	assert_ptr_equal(next(s), &a[0]);
	done(s, &a[0], 130000);
	add_as(s, &a[1], CLASS_BULK, "t", "a", "profile", 0);
	for (unsigned i = 0; i < 40; i++)
		add_as(s, &b[i], CLASS_BULK, "t", "b", "profile", 0);
	for (struct sched_item *i; (i = next(s)) != &a[1]; first++)
		done(s, i, 10000);
	assert_in_range(first, 11, 14);
	sched_free(s);
}

static void how_many(void *arg, enum task_class c, const char *tenant, const char *principal,
		     int64_t us)
{
	unsigned *n = arg; /* of tenants, of principals */

	(void)c;
	(void)tenant;
	assert_true(us > 0);
	n[*principal != '\0']++;
}

static void test_debtors_are_bounded_and_the_paid_forgotten(void **state)
{
	struct sched_config config = usual();
	struct sched *s = sched_new(&config);
	unsigned debts[2] = {0, 0};
	struct sched_item i;
	char name[SCHED_NAME];

	(void)state;
	for (unsigned k = 0; k < 20000; k++) { /* each with a debt of its own */
		snprintf(name, sizeof(name), "tenant-%u", k);
		add(s, &i, CLASS_BULK, name);
		assert_ptr_equal(next(s), &i);
		done(s, &i, 60000000);
	}
	sched_debts(s, how_many, debts);
	assert_int_equal(debts[0], RESTING_TENANTS_MAX);
	assert_in_range(HASH_COUNT(s->tenants), 1, RESTING_TENANTS_MAX + 1);
	/* Those who are served now pay the debts of all who are not. */
	serve(s, "busy", 6100, 10000);
	assert_in_range(HASH_COUNT(s->tenants), 0, 2);
	assert_in_range(HASH_COUNT(s->members), 0, 4);
	assert_null(s->lanes);
	sched_free(s);
}

static void test_indebted_keys_are_bounded_and_the_paid_forgotten(void **state)
{
	struct sched_config config = usual();
	struct sched_item keep[300], i;
	unsigned debts[2] = {0, 0};
	char tenant[SCHED_NAME], key[SCHED_NAME];
	struct sched *s;

	(void)state;
	config.limit = config.limit_max = 400;
	s = sched_new(&config);
	for (unsigned t = 0; t < 300; t++) {
		snprintf(tenant, sizeof(tenant), "tenant-%u", t);
		add_as(s, &keep[t], CLASS_BULK, tenant, "keep", "profile", 0);
		assert_ptr_equal(next(s), &keep[t]);
		for (unsigned k = 0; k < 100; k++) {
			snprintf(key, sizeof(key), "key-%u", k);
			add_as(s, &i, CLASS_BULK, tenant, key, "profile", 0);
			assert_ptr_equal(next(s), &i);
			done(s, &i, 10000000);
		}
		if (t == 0) {
			sched_debts(s, how_many, debts);
			assert_int_equal(debts[1], RESTING_PRINCIPALS_MAX);
		}
	}
	debts[1] = 0;
	sched_debts(s, how_many, debts);
	assert_int_equal(debts[1], RESTING_PRINCIPALS_ALL + 299); /* 299 run, which is charged */
	for (unsigned k = 0; k < 1200; k++) {
		add_as(s, &i, CLASS_BULK, "tenant-0", "busy", "profile", 0);
		assert_ptr_equal(next(s), &i);
		done(s, &i, 10000);
	}
	for (unsigned t = 300; t-- > 1;)
		done(s, &keep[t], 0);
	serve(s, "busy", 7000, 10000);
	assert_in_range(HASH_COUNT(s->tenants), 1, 2);
	assert_in_range(HASH_COUNT(s->members), 1, 6);
	done(s, &keep[0], 0);
	sched_free(s);
}

/* More keys than are remembered, each of which sends a short run, is forgotten, and would be given
 * another turn of the same round when it comes back: a key with a queue would wait for ever. */
static void test_being_forgotten_is_no_trick(void **state)
{
	struct sched_config config = usual();
	struct sched *s;
	struct sched_item keep, b[200], i[2], *n;
	unsigned of_b = 0, of_others = 0, k = 0;
	char key[SCHED_NAME];

	(void)state;
	config.classes[CLASS_BULK].queue_max = config.classes[CLASS_BULK].tenant_max = 1000;
	s = sched_new(&config);
	add_as(s, &keep, CLASS_BULK, "t", "keep", "profile", 0);
	assert_ptr_equal(next(s), &keep);
	for (unsigned j = 0; j < 200; j++)
		add_as(s, &b[j], CLASS_BULK, "t", "b", "profile", 0);
	memset(i, 0, sizeof(i));
	while (of_b < 200 && of_others < 4000) {
		for (unsigned j = 0; j < 2; j++)
			if (!i[j].lane) {
				snprintf(key, sizeof(key), "k%u", k++ % 150);
				add_as(s, &i[j], CLASS_BULK, "t", key, "profile", 0);
			}
		n = next(s);
		of_b += n >= b && n < b + 200;
		of_others += n == &i[0] || n == &i[1];
		done(s, n, n >= b && n < b + 200 ? 5000 : 100);
	}
	assert_in_range(of_b, 100, 200);
	sched_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_debts_are_kept_and_paid, setup),
		cmocka_unit_test_setup(test_turns_pay_the_debts_of_those_who_send_nothing, setup),
		cmocka_unit_test_setup(test_nobody_saves_up_turns, setup),
		cmocka_unit_test_setup(test_keys_have_debts_among_each_other, setup),
		cmocka_unit_test_setup(test_debtors_are_bounded_and_the_paid_forgotten, setup),
		cmocka_unit_test_setup(test_indebted_keys_are_bounded_and_the_paid_forgotten,
				       setup),
		cmocka_unit_test_setup(test_being_forgotten_is_no_trick, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
