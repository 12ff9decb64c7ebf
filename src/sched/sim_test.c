/*
 * What the scheduler promises about CPU time, simulated: whole hours of a saturated machine. The
 * figures that are asserted are the promises of sched.h.
 */
#include "base/clock.h"
#include "sched/simulate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define MS NS_PER_MS
#define S NS_PER_S
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Less of everything under a sanitizer. */
#ifdef __SANITIZE_ADDRESS__
#define LONG(ns) ((ns) / 10)
#else
#define LONG(ns) (ns)
#endif

static struct sched_config machine(uint32_t slots)
{
	struct sched_class_config c = {
		.queue_max = 1 << 20, .tenant_max = 1 << 20, .age_ns = 3600 * S};

	return (struct sched_config){.classes = {c, c},
				     .limit = slots,
				     .limit_max = 2 * slots,
				     .quantum_us = 1000,
				     .debt_max_us = 60000000,
				     .age_every = 8};
}

/* Jain's index of fairness of what each got for its weight: 1 if all got the same. */
static double jain(struct sim_source *const *s, unsigned n)
{
	double sum = 0, squares = 0;

	for (unsigned i = 0; i < n; i++) {
		double x = (double)s[i]->cpu_us / (s[i]->weight ? s[i]->weight : 100);

		sum += x;
		squares += x * x;
	}
	return squares > 0 ? sum * sum / (n * squares) : 0;
}

/* The one that is furthest from its share, as a part of the share. */
static double worst(struct sim_source *const *s, unsigned n)
{
	double sum = 0, weights = 0, worst = 0;

	for (unsigned i = 0; i < n; i++) {
		sum += (double)s[i]->cpu_us;
		weights += s[i]->weight ? s[i]->weight : 100;
	}
	for (unsigned i = 0; i < n; i++) {
		double share = sum * (s[i]->weight ? s[i]->weight : 100) / weights;
		double off = (double)s[i]->cpu_us / share - 1;

		off = off < 0 ? -off : off;
		worst = off > worst ? off : worst;
	}
	return worst;
}

static const char *name(unsigned i)
{
	static char names[8][16];
	char *n = names[i % 8];

	snprintf(n, sizeof(names[0]), "t%u", i);
	return n;
}

/* Fifty tenants who want the same, with runs of every size; some with a few that are much longer
 * than the others, which nobody can know before. */
static void test_equals_get_the_same(void **state)
{
	static const uint32_t costs[] = {1000, 3000, 10000, 50000, 200000};
	struct sched_config config = machine(8);
	struct sim_source *t[50];
	struct sim *m = sim_new(&config, 1);

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++)
		t[i] = sim_add(m, (struct sim_source){.class_ = CLASS_BULK,
						      .tenant = name(i),
						      .outstanding = 1 + i % 40 + 20,
						      .cost_us = costs[i % 5],
						      .rare = i % 3 ? 0 : 50,
						      .rare_us = 500000});
	sim_run(m, 60 * S);
	sim_count_again(m);
	sim_run(m, LONG(1500 * S));
	assert_true(jain(t, ARRAY_SIZE(t)) >= 0.99);
	assert_true(sim_idle_ns(m) == 0);
	print_message("# Jain's index of 50 equals: %.6f, the worst is %.2f %% off\n",
		      jain(t, ARRAY_SIZE(t)), 100 * worst(t, ARRAY_SIZE(t)));
	sim_free(m);
}

static void test_weights_are_kept(void **state)
{
	static const uint32_t weights[] = {10, 50, 100, 100, 200, 300, 1000, 2000};
	struct sched_config config = machine(4);
	struct sim_source *t[ARRAY_SIZE(weights)];
	struct sim *m = sim_new(&config, 2);

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++)
		t[i] = sim_add(m, (struct sim_source){.class_ = CLASS_BULK,
						      .tenant = name(i),
						      .weight = weights[i],
						      .outstanding = 50,
						      .cost_us = i % 2 ? 2000 : 7000,
						      .rare = i % 3 ? 0 : 20,
						      .rare_us = 40000});
	sim_run(m, 10 * S);
	sim_count_again(m);
	sim_run(m, LONG(1500 * S));
	print_message("# weights 10 to 2000: the worst is %.2f %% off\n",
		      100 * worst(t, ARRAY_SIZE(t)));
	assert_true(worst(t, ARRAY_SIZE(t)) <= 0.02);
	sim_free(m);
}

/* A weight that is changed counts from then on. */
static void test_weights_change(void **state)
{
	struct sched_config config = machine(2);
	struct sim *m = sim_new(&config, 18);
	struct sim_source *t[2];

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		t[i] = sim_add(m, (struct sim_source){.class_ = CLASS_BULK,
						      .tenant = name(i),
						      .outstanding = 50,
						      .cost_us = 2000});
	sim_run(m, 10 * S);
	assert_true(worst(t, 2) <= 0.02);
	t[1]->weight = 500;
	sched_terms_changed(sim_sched(m), t[1]->tenant);
	sim_count_again(m);
	sim_run(m, 10 * S);
	assert_true(worst(t, 2) <= 0.02);
	sim_free(m);
}

static void test_time_counts_not_runs(void **state)
{
	struct sched_config config = machine(4);
	struct sim *m = sim_new(&config, 3);
	struct sim_source *t[2];

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		t[i] = sim_add(m, (struct sim_source){.class_ = CLASS_BULK,
						      .tenant = name(i),
						      .outstanding = 100,
						      .cost_us = i ? 50000 : 1000});
	sim_run(m, LONG(200 * S));
	assert_true(worst(t, 2) <= 0.02);
	assert_in_range(t[0]->ended / t[1]->ended, 48, 52);
	sim_free(m);
}

static void test_one_alone_gets_everything(void **state)
{
	struct sched_config config = machine(4);
	struct sim *m = sim_new(&config, 4);
	struct sim_source *t;

	(void)state;
	config.classes[CLASS_INTERACTIVE].floor = 2;
	t = sim_add(m, (struct sim_source){.class_ = CLASS_BULK,
					   .tenant = "alone",
					   .weight = 1,
					   .outstanding = 8,
					   .cost_us = 300000});
	sim_run(m, 100 * S);
	assert_int_equal(sim_idle_ns(m), 0);
	assert_in_range(t->cpu_us, 399000000, 400000000);
	sim_free(m);
}

/* A thousand wait; the one of another tenant is next. */
static void test_one_does_not_wait_behind_a_thousand(void **state)
{
	struct sched_config config = machine(1);
	struct sim *m = sim_new(&config, 5);
	struct sim_source *one;

	(void)state;
	sim_add(m, (struct sim_source){.class_ = CLASS_BULK,
				       .tenant = "thousand",
				       .outstanding = 1000,
				       .cost_us = 3000});
	one = sim_add(m, (struct sim_source){.class_ = CLASS_BULK,
					     .tenant = "one",
					     .gap_ns = 517 * MS,
					     .from_ns = 10 * S,
					     .cost_us = 3000});
	sim_run(m, LONG(1000 * S));
	assert_true(one->started > 100);
	assert_in_range(one->wait_max_ns, 1, 3 * MS); /* but for what runs already */
	sim_free(m);
}

/* One whose runs were thought to be long, and are short now, has much to get back; but not at the
 * cost of those who come later. */
static void test_what_is_given_back_is_no_treasure(void **state)
{
	struct sched_config config = machine(60);
	struct sim *m = sim_new(&config, 6);
	struct sim_source *late;

	(void)state;
	sim_add(m, (struct sim_source){.class_ = CLASS_BULK,
				       .tenant = "treasure",
				       .outstanding = 60,
				       .to_ns = 10 * S,
				       .cost_us = 1000000});
	sim_add(m, (struct sim_source){.class_ = CLASS_BULK,
				       .tenant = "treasure",
				       .outstanding = 10000,
				       .from_ns = 10 * S + 1,
				       .cost_us = 1000});
	sim_run(m, 10 * S + MS / 2); /* now sixty run, each charged as a second */
	sched_set_limit(sim_sched(m), 1);
	late = sim_add(m, (struct sim_source){.class_ = CLASS_BULK,
					      .tenant = "late",
					      .outstanding = 2,
					      .cost_us = 1000});
	sim_run(m, 20 * S);
	/* At most what two of the long ones were charged, besides a turn. */
	assert_in_range(late->wait_max_ns, 0, 2100 * MS);
	assert_in_range(late->cpu_us, 8900000, 10100000);
	sim_free(m);
}

/* Six tenants; one of them sends its runs one by one, and they are longer than a turn. */
static void check_one_by_one(uint32_t slots, uint32_t cost_us, uint64_t think_ns)
{
	struct sched_config config = machine(slots);
	struct sim *m = sim_new(&config, 7);
	struct sim_source *t[6];
	double fair = 0;

	for (unsigned i = 0; i < 6; i++)
		t[i] = sim_add(m, (struct sim_source){.class_ = CLASS_BULK,
						      .tenant = name(i),
						      .think_ns = i ? 0 : think_ns,
						      .outstanding = i ? 200 : 1,
						      .cost_us = i ? 5000 : cost_us});
	sim_run(m, LONG(400 * S));
	for (unsigned i = 0; i < 6; i++)
		fair += (double)t[i]->cpu_us / 6;
	assert_true((double)t[0]->cpu_us <= 1.02 * fair);
	sim_free(m);
}

static void test_sending_one_at_a_time_gains_nothing(void **state)
{
	(void)state;
	check_one_by_one(1, 50000, 0);
	check_one_by_one(1, 50000, 100);
	check_one_by_one(3, 400000, 0);
	check_one_by_one(1, 5000, 0);
	check_one_by_one(2, 2000, 1);
}

/* Ninety keys of one tenant against one key of another; and the keys among each other. */
static void test_many_keys_gain_nothing(void **state)
{
	struct sched_config config = machine(4);
	struct sim *m = sim_new(&config, 8);
	struct sim_source *keys[90], *one;
	static char names[90][8];
	uint64_t sum = 0;

	(void)state;
	for (unsigned i = 0; i < 90; i++) {
		snprintf(names[i], sizeof(names[0]), "k%u", i);
		keys[i] = sim_add(m, (struct sim_source){.class_ = CLASS_BULK,
							 .tenant = "many",
							 .principal = names[i],
							 .outstanding = 10 + i % 30,
							 .cost_us = i % 2 ? 1000 : 9000});
	}
	one = sim_add(m, (struct sim_source){.class_ = CLASS_BULK,
					     .tenant = "one",
					     .outstanding = 50,
					     .cost_us = 4000});
	sim_run(m, LONG(1500 * S));
	for (unsigned i = 0; i < 90; i++)
		sum += keys[i]->cpu_us;
	assert_in_range(one->cpu_us * 1000 / sum, 980, 1020);
	assert_true(jain(keys, 90) >= 0.99);
	sim_free(m);
}

/* Thirty keys behind one profile that may run twice at once: its runs are shared out like slots. */
static void test_keys_are_equal_behind_a_cap(void **state)
{
	struct sched_config config = machine(4);
	struct sim *m = sim_new(&config, 19);
	struct sim_source *keys[30];
	static char names[30][8];
	uint64_t sum = 0;

	(void)state;
	for (unsigned i = 0; i < 30; i++) {
		snprintf(names[i], sizeof(names[0]), "k%u", i);
		keys[i] = sim_add(m, (struct sim_source){.class_ = CLASS_BULK,
							 .tenant = "many",
							 .principal = names[i],
							 .profile_max = 2,
							 .outstanding = 10,
							 .cost_us = i < 3 ? 2000 : 40000});
	}
	sim_run(m, LONG(500 * S));
	for (unsigned i = 0; i < 30; i++)
		sum += keys[i]->cpu_us;
	assert_in_range(sum, LONG(2 * 498 * 1000000ULL), LONG(2 * 500 * 1000000ULL));
	print_message("# Jain's index of 30 keys behind a cap: %.6f\n", jain(keys, 30));
	assert_true(jain(keys, 30) >= 0.99);
	sim_free(m);
}

/* Runs of one lease come one by one, however many wait; it has its slot all the same, if that is no
 * more than its share. */
static void check_lease(uint32_t cap, uint64_t hold)
{
	struct sched_config config = machine(2);
	struct sim *m = sim_new(&config, 20);
	struct sim_source *one, *many;

	many = sim_add(m, (struct sim_source){.class_ = CLASS_BULK,
					      .tenant = "many",
					      .outstanding = 100,
					      .cost_us = 1000});
	one = sim_add(m, (struct sim_source){.class_ = CLASS_BULK,
					     .tenant = "one",
					     .running_max = cap,
					     .hold = hold,
					     .outstanding = 10,
					     .cost_us = 1300});
	sim_run(m, LONG(100 * S));
	assert_in_range(one->cpu_us * 1000 / many->cpu_us, 980, 1020);
	sim_free(m);
}

static void test_who_cannot_run_twice_has_his_share_too(void **state)
{
	(void)state;
	check_lease(0, 7);
	check_lease(1, 0);
}

/* Two keys of one tenant, one of which sends one run at a time and each under another lease. */
static void test_keys_have_weights_and_debts_too(void **state)
{
	struct sched_config config = machine(1);
	struct sim *m = sim_new(&config, 9);
	struct sim_source *k[3];

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		k[i] = sim_add(m, (struct sim_source){.class_ = CLASS_BULK,
						      .tenant = "a",
						      .principal = name(i),
						      .key_weight = i == 2 ? 300 : 100,
						      .hold = i,
						      .outstanding = i ? 40 : 1,
						      .cost_us = i ? 3000 : 60000});
	sim_run(m, LONG(400 * S));
	k[2]->weight = 300; /* as a source has it: for worst() */
	assert_true(k[0]->cpu_us <= 1.02 * (double)k[1]->cpu_us);
	assert_in_range(k[2]->cpu_us * 100 / k[1]->cpu_us, 290, 310);
	sim_free(m);
}

static void test_idle_floors_are_lent_and_given_back(void **state)
{
	struct sched_config config = machine(8);
	struct sched_view v;
	struct sim_source *person, *bulk;
	struct sim *m;

	(void)state;
	config.limit_max = 12;
	config.classes[CLASS_INTERACTIVE].floor = 4;
	config.classes[CLASS_BULK].floor = 2;
	m = sim_new(&config, 10);
	bulk = sim_add(m, (struct sim_source){.class_ = CLASS_BULK,
					      .tenant = "bulk",
					      .outstanding = 100,
					      .cost_us = 700000});
	sim_run(m, 10 * S);
	assert_int_equal(sim_idle_ns(m), 0);
	sched_view(sim_sched(m), &v);
	assert_int_equal(v.classes[CLASS_BULK].running, 8);
	assert_int_equal(v.classes[CLASS_BULK].borrowed, 4);
	/* Four at a time at most: each starts in the moment in which it comes. */
	person = sim_add(m, (struct sim_source){.class_ = CLASS_INTERACTIVE,
						.tenant = "person",
						.outstanding = 4,
						.think_ns = 20 * MS,
						.cost_us = 30000});
	sim_run(m, 1 * MS);
	sched_view(sim_sched(m), &v);
	assert_int_equal(v.running, 12);
	sim_run(m, 100 * S);
	assert_int_equal(person->wait_max_ns, 0);
	assert_in_range(person->ended, 7000, 8000);
	/* And bulk has at most what the others' floor and its own leave it, once that was given
	 * back. */
	sim_count_again(m);
	sim_run(m, 100 * S);
	assert_true(bulk->cpu_us <= 800 * 1000000ULL);
	assert_true(bulk->cpu_us + person->cpu_us >= 795 * 1000000ULL);
	sim_free(m);
}

static void test_bulk_has_its_floor_while_people_flood(void **state)
{
	struct sched_config config = machine(8);
	struct sim_source *bulk, *people[10];
	struct sim *m;

	(void)state;
	config.classes[CLASS_INTERACTIVE].floor = 3;
	config.classes[CLASS_BULK].floor = 2;
	m = sim_new(&config, 11);
	for (unsigned i = 0; i < 10; i++)
		people[i] = sim_add(m, (struct sim_source){.class_ = CLASS_INTERACTIVE,
							   .tenant = name(i),
							   .outstanding = 100,
							   .cost_us = 20000});
	bulk = sim_add(m, (struct sim_source){.class_ = CLASS_BULK,
					      .tenant = name(0),
					      .from_ns = 1 * S,
					      .outstanding = 10,
					      .cost_us = 50000});
	sim_run(m, 2 * S);
	sim_count_again(m);
	sim_run(m, 100 * S);
	assert_in_range(bulk->cpu_us, 199 * 1000000ULL, 201 * 1000000ULL); /* two slots, no more */
	assert_true(jain(people, 10) >= 0.999);
	sim_free(m);
}

/* Four that send ten times what the queue holds; the fifth's are all accepted, and nearly all stay:
 * it is below its even share. */
static void test_floods_do_not_keep_others_out(void **state)
{
	struct sched_config config = machine(4);
	struct sim_source *fifth, *flood[4];
	struct sim *m;

	(void)state;
	config.classes[CLASS_BULK].queue_max = 1000;
	config.classes[CLASS_BULK].tenant_max = 300;
	m = sim_new(&config, 12);
	for (unsigned i = 0; i < 4; i++)
		flood[i] = sim_add(m, (struct sim_source){.class_ = CLASS_BULK,
							  .tenant = name(i),
							  .gap_ns = 10 * MS,
							  .burst = 10,
							  .cost_us = 20000});
	sim_run(m, 20 * S);
	fifth = sim_add(m, (struct sim_source){.class_ = CLASS_BULK,
					       .tenant = "fifth",
					       .gap_ns = 100 * MS,
					       .burst = 2,
					       .cost_us = 20000});
	sim_run(m, 100 * S);
	assert_int_equal(fifth->refused, 0);
	assert_int_equal(fifth->evicted, 0);
	assert_true(fifth->sent - fifth->ended < 10);
	assert_true(flood[0]->refused > 10000);
	assert_true(flood[0]->evicted + flood[1]->evicted + flood[2]->evicted + flood[3]->evicted >
		    0);
	sim_free(m);
}

static void test_overload_is_shed_and_bursts_are_not(void **state)
{
	struct sched_config config = machine(4);
	struct sim_source *burst, *t[4];
	struct sched_view v;
	struct sim *m;

	(void)state;
	config.classes[CLASS_INTERACTIVE].target_ns = 50 * MS;
	config.classes[CLASS_INTERACTIVE].interval_ns = 100 * MS;
	m = sim_new(&config, 13);
	/* 28 at once are 140 ms of work: they wait longer than the target, but not for long. */
	burst = sim_add(m, (struct sim_source){.class_ = CLASS_INTERACTIVE,
					       .tenant = "burst",
					       .gap_ns = 500 * MS,
					       .burst = 28,
					       .cost_us = 20000});
	sim_run(m, 100 * S);
	assert_int_equal(burst->shed, 0);
	assert_true(burst->wait_max_ns > 100 * MS);
	sim_free(m);
	/* Half as much again as can be done, for long. */
	m = sim_new(&config, 14);
	for (unsigned i = 0; i < 4; i++)
		t[i] = sim_add(m, (struct sim_source){.class_ = CLASS_INTERACTIVE,
						      .tenant = name(i),
						      .gap_ns = 13300000 + i,
						      .cost_us = 20000});
	sim_run(m, 100 * S);
	sched_view(sim_sched(m), &v);
	assert_true(v.classes[CLASS_INTERACTIVE].overloaded);
	sim_count_again(m);
	sim_run(m, 100 * S);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(t[i]->shed > 1000);
		assert_in_range(t[i]->shed * 100 / t[i]->sent, 32, 36); /* a third cannot be done */
		assert_in_range(t[i]->wait_max_ns, 0, 1 * S);
	}
	assert_int_equal(sim_idle_ns(m), 0);
	sim_free(m);
}

/* A capped tenant's own queue is no overload of its class. */
static void test_a_cap_is_no_overload(void **state)
{
	struct sched_config config = machine(4);
	struct sim_source *capped;
	struct sim *m;

	(void)state;
	config.classes[CLASS_BULK].target_ns = 50 * MS;
	config.classes[CLASS_BULK].interval_ns = 1 * S;
	m = sim_new(&config, 15);
	capped = sim_add(m, (struct sim_source){.class_ = CLASS_BULK,
						.tenant = "capped",
						.running_max = 1,
						.outstanding = 100,
						.cost_us = 20000});
	sim_run(m, 100 * S);
	assert_int_equal(capped->shed, 0);
	assert_in_range(capped->ended, 4990, 5000);
	assert_true(capped->wait_max_ns > 1 * S);
	sim_free(m);
}

/*
 * A thousand of the least weight, against a thousand with ten thousand times as much. Each is
 * served once in age_ns + age_every * (tenants with work) starts, whatever its share would be.
 */
static void test_the_least_weight_waits_no_longer_than_it_is_told(void **state)
{
	enum { TENANTS = 2000, SLOTS = 8, COST_US = 10000 };
	struct sched_config config = machine(SLOTS);
	struct sim_source *least[TENANTS / 2];
	uint64_t bound, longest = 0;
	struct sim *m;

	(void)state;
	config.classes[CLASS_BULK].age_ns = 5 * S;
	m = sim_new(&config, 16);
	for (unsigned i = 0; i < TENANTS; i++) {
		struct sim_source *t = sim_add(m, (struct sim_source){.class_ = CLASS_BULK,
								      .tenant = name(i),
								      .weight = i % 2 ? 1 : 10000,
								      .outstanding = i % 2 ? 1 : 3,
								      .cost_us = COST_US});

		if (i % 2)
			least[i / 2] = t;
	}
	sim_run(m, 30 * S); /* none of the queue of the first moment */
	sim_count_again(m);
	sim_run(m, LONG(400 * S));
	/* Slots start at the same moments here, so one more round of them. */
	bound = config.classes[CLASS_BULK].age_ns +
		(uint64_t)config.age_every * TENANTS * COST_US * NS_PER_US / SLOTS +
		COST_US * NS_PER_US;
	for (unsigned i = 0; i < TENANTS / 2; i++) {
		assert_true(least[i]->started >= 2);
		longest = least[i]->wait_max_ns > longest ? least[i]->wait_max_ns : longest;
	}
	print_message("# the least weight waited %.3f s at most, of %.3f s it may\n",
		      (double)longest / (double)S, (double)bound / (double)S);
	assert_in_range(longest, config.classes[CLASS_BULK].age_ns, bound);
	sim_free(m);
}

static void test_debts_survive_a_restart(void **state)
{
	struct sched_config config = machine(1);
	struct sim *m = sim_new(&config, 17);
	struct sim_source *debtor, *other;

	(void)state;
	sim_add(m, (struct sim_source){.class_ = CLASS_BULK,
				       .tenant = "debtor",
				       .outstanding = 1,
				       .to_ns = 5 * S,
				       .cost_us = 4000000});
	sim_run(m, 6 * S);
	sim_restart(m);
	debtor = sim_add(m, (struct sim_source){.class_ = CLASS_BULK,
						.tenant = "debtor",
						.outstanding = 10,
						.cost_us = 10000});
	other = sim_add(m, (struct sim_source){.class_ = CLASS_BULK,
					       .tenant = "other",
					       .outstanding = 10,
					       .cost_us = 10000});
	sim_run(m, 3 * S);
	assert_true(debtor->ended <= 1);
	assert_true(other->ended >= 299);
	sim_run(m, 10 * S);
	assert_in_range(debtor->ended, 400, 500); /* half of what came after its debt */
	sim_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equals_get_the_same),
		cmocka_unit_test(test_weights_are_kept),
		cmocka_unit_test(test_weights_change),
		cmocka_unit_test(test_time_counts_not_runs),
		cmocka_unit_test(test_one_alone_gets_everything),
		cmocka_unit_test(test_one_does_not_wait_behind_a_thousand),
		cmocka_unit_test(test_what_is_given_back_is_no_treasure),
		cmocka_unit_test(test_sending_one_at_a_time_gains_nothing),
		cmocka_unit_test(test_many_keys_gain_nothing),
		cmocka_unit_test(test_keys_are_equal_behind_a_cap),
		cmocka_unit_test(test_who_cannot_run_twice_has_his_share_too),
		cmocka_unit_test(test_keys_have_weights_and_debts_too),
		cmocka_unit_test(test_idle_floors_are_lent_and_given_back),
		cmocka_unit_test(test_bulk_has_its_floor_while_people_flood),
		cmocka_unit_test(test_floods_do_not_keep_others_out),
		cmocka_unit_test(test_overload_is_shed_and_bursts_are_not),
		cmocka_unit_test(test_a_cap_is_no_overload),
		cmocka_unit_test(test_the_least_weight_waits_no_longer_than_it_is_told),
		cmocka_unit_test(test_debts_survive_a_restart),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	print_message("# %llu runs\n", (unsigned long long)sim_total());
	return r;
}
