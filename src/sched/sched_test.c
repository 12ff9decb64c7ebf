#include "sched/sched_testing.h"

static void test_a_heap_gives_the_smallest_first(void **state)
{
	enum { N = 300 };
	static struct heap_node nodes[N];
	static uint64_t keys[N];
	struct heap h = {0};
	uint32_t seed = 1, left = 0;

	(void)state;
	memset(nodes, 0, sizeof(nodes));
	for (uint32_t step = 0; step < 20000; step++) {
		uint32_t i = (seed = seed * 1664525 + 1013904223) >> 8;

		i %= N;
		if (step % 3 == 2 && heap_has(&nodes[i])) {
			heap_take(&h, &nodes[i]);
			left--;
		} else {
			left += !heap_has(&nodes[i]);
			keys[i] = seed >> 20;
			heap_put(&h, &nodes[i], keys[i], 0);
		}
		assert_int_equal(h.count, left);
		if (left) {
			uint64_t smallest = UINT64_MAX;

			for (uint32_t k = 0; k < N; k++)
				if (heap_has(&nodes[k]) && keys[k] < smallest)
					smallest = keys[k];
			assert_int_equal(heap_first(&h)->key, smallest);
		}
	}
	for (uint64_t last = 0; left; left--) {
		const struct heap_entry *e = heap_first(&h);

		assert_true(e->key >= last);
		last = e->key;
		heap_take(&h, e->node);
	}
	assert_null(h.entries); /* an empty one has no memory */
}

static void test_one_tenant_runs_in_order_of_arrival(void **state)
{
	struct sched_config config = usual();
	struct sched *s = sched_new(&config);
	struct sched_item items[5];

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		add(s, &items[i], CLASS_BULK, "a");
		assert_int_equal(items[i].position, i);
	}
	assert_ptr_equal(next(s), &items[0]);
	assert_ptr_equal(next(s), &items[1]);
	assert_null(next(s));
	done(s, &items[1], 1000);
	assert_ptr_equal(next(s), &items[2]);
	assert_null(next(s));
	done(s, &items[0], 1000);
	done(s, &items[2], 1000);
	assert_ptr_equal(next(s), &items[3]);
	assert_ptr_equal(next(s), &items[4]);
	assert_int_equal(items[0].because, SCHED_NONE);
	assert_int_equal(items[4].because, SCHED_CONCURRENCY);
	sched_free(s);
}

static void test_two_tenants_take_turns(void **state)
{
	struct sched_config config = usual();
	struct sched *s = sched_new(&config);
	struct sched_item a[10], b[1];

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		add(s, &a[i], CLASS_BULK, "a");
	assert_ptr_equal(next(s), &a[0]);
	assert_ptr_equal(next(s), &a[1]);
	assert_null(next(s));
	add(s, &b[0], CLASS_BULK, "b");
	done(s, &a[0], 20000);
	assert_ptr_equal(next(s), &b[0]); /* not behind eight others */
	assert_int_equal(b[0].because, SCHED_CONCURRENCY);
	done(s, &a[1], 20000);
	assert_ptr_equal(next(s), &a[2]);
	assert_int_equal(a[2].because, SCHED_FAIRNESS);
	sched_free(s);
}

/* Even if a turn is long, it is not taken as a whole while others have their turn too. */
static void test_turns_are_not_taken_as_a_whole(void **state)
{
	struct sched_config config = usual();
	struct sched *s = sched_new(&config);
	struct sched_item a[10], b[10];

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		add(s, &a[i], CLASS_BULK, "a");
	for (unsigned i = 0; i < 10; i++)
		add(s, &b[i], CLASS_BULK, "b");
	done(s, next(s), 100); /* which is what runs cost, it seems */
	for (unsigned i = 0; i < 9; i++) {
		assert_ptr_equal(next(s), &b[i]);
		done(s, &b[i], 100);
		assert_ptr_equal(next(s), &a[i + 1]);
		done(s, &a[i + 1], 100);
	}
	sched_free(s);
}

static void test_a_lease_runs_one_at_a_time(void **state)
{
	struct sched_config config = usual();
	struct sched *s = sched_new(&config);
	struct sched_item h[2], other;

	(void)state;
	add_as(s, &h[0], CLASS_BULK, "a", "key", "p", 7);
	add_as(s, &h[1], CLASS_BULK, "a", "key", "p", 7);
	add_as(s, &other, CLASS_BULK, "a", "key", "p", 0);
	assert_ptr_equal(next(s), &h[0]);
	assert_ptr_equal(next(s), &other); /* it passes by the one that cannot run */
	assert_null(next(s));
	done(s, &other, 10);
	assert_null(next(s));
	assert_int_equal(sched_because(s, &h[1]), SCHED_LEASE);
	done(s, &h[0], 10);
	assert_ptr_equal(next(s), &h[1]);
	assert_int_equal(h[1].because, SCHED_LEASE);
	sched_free(s);
}

struct terms {
	uint32_t tenant, key, profile;
};

static struct sched_terms caps(void *arg, enum sched_scope scope, const char *tenant,
			       const char *name)
{
	const struct terms *t = arg;
	struct sched_terms r = {.weight = 100};

	assert_string_equal(tenant, "a");
	switch (scope) {
	case SCHED_OF_TENANT:
		r.running_max = t->tenant;
		break;
	case SCHED_OF_KEY:
		assert_string_equal(name, "key");
		r.running_max = t->key;
		break;
	case SCHED_OF_PROFILE:
		assert_string_equal(name, "profile");
		r.running_max = t->profile;
		break;
	}
	return r;
}

/* Caps hold across both classes, a change of them takes effect at once. */
static void check_cap(struct terms t, uint32_t *cap, struct terms *live, enum sched_reason reason)
{
	struct sched_config config = usual();
	struct sched *s;
	struct sched_item i[4];

	config.limit = 4;
	s = sched_new(&config);
	*live = t;
	sched_on_terms(s, caps, live);
	add(s, &i[0], CLASS_BULK, "a");
	add(s, &i[1], CLASS_INTERACTIVE, "a");
	add(s, &i[2], CLASS_BULK, "a");
	assert_ptr_equal(next(s), &i[1]);
	assert_null(next(s));
	add(s, &i[3], CLASS_INTERACTIVE, "a");
	assert_int_equal(i[3].because, reason);
	assert_int_equal(sched_because(s, &i[0]), reason);
	assert_null(next(s));
	done(s, &i[1], 100);
	assert_ptr_equal(next(s), &i[3]);
	assert_null(next(s));
	assert_int_equal(i[3].because, reason);
	*cap = 2;
	sched_terms_changed(s, "a");
	assert_ptr_equal(next(s), &i[0]);
	assert_null(next(s));
	*cap = 0;
	sched_terms_changed(s, "a");
	assert_ptr_equal(next(s), &i[2]);
	assert_int_equal(i[2].because, reason);
	sched_free(s);
}

static void test_caps_of_tenant_key_and_profile(void **state)
{
	struct terms live;

	(void)state;
	check_cap((struct terms){.tenant = 1}, &live.tenant, &live, SCHED_TENANT_CAP);
	check_cap((struct terms){.key = 1}, &live.key, &live, SCHED_KEY_CAP);
	check_cap((struct terms){.profile = 1}, &live.profile, &live, SCHED_PROFILE_CAP);
}

static struct sched_terms one_p_one_few(void *arg, enum sched_scope scope, const char *tenant,
					const char *name)
{
	struct sched_terms t = {.weight = 100};

	(void)arg;
	(void)tenant;
	if (scope == SCHED_OF_PROFILE && strcmp(name, "one") == 0)
		t.running_max = 1;
	if (scope == SCHED_OF_KEY && strcmp(name, "one") == 0)
		t.running_max = 1;
	return t;
}

/* Many lanes wait for a profile, all but the last of a key that is at its own cap: the last is
 * found. */
static void test_the_one_that_may_run_is_found_among_many_that_may_not(void **state)
{
	struct sched_config config = usual();
	struct sched *s;
	struct sched_item first, many[30], other, last;

	(void)state;
	config.limit = 4;
	s = sched_new(&config);
	sched_on_terms(s, one_p_one_few, NULL);
	add_as(s, &first, CLASS_BULK, "a", "k", "one", 0);
	assert_ptr_equal(next(s), &first);
	for (unsigned i = 0; i < 30; i++)
		add_as(s, &many[i], CLASS_BULK, "a", "one", "one", 1 + i);
	assert_null(next(s));
	add_as(s, &last, CLASS_BULK, "a", "k", "one", 77);
	assert_null(next(s));
	add_as(s, &other, CLASS_BULK, "a", "one", "any", 0);
	assert_ptr_equal(next(s), &other);
	assert_null(next(s));
	done(s, &first, 10);
	assert_ptr_equal(next(s), &last);
	assert_int_equal(last.because, SCHED_PROFILE_CAP);
	assert_null(next(s));
	sched_free(s);
}

/* Who waited for a cap that has room again has his turn, though others of his tenant keep it busy.
 */
static void test_room_under_a_cap_is_noticed_while_others_are_served(void **state)
{
	struct sched_config config = usual();
	struct sched *s = sched_new(&config);
	struct sched_item first, second, busy[40];
	unsigned served = 0;

	(void)state;
	sched_on_terms(s, one_p_one_few, NULL);
	add_as(s, &first, CLASS_BULK, "a", "k", "one", 0);
	assert_ptr_equal(next(s), &first);
	add_as(s, &second, CLASS_BULK, "a", "k", "one", 0);
	assert_null(next(s));
	for (unsigned i = 0; i < 40; i++)
		add_as(s, &busy[i], CLASS_BULK, "a", "busy", "any", 0);
	done(s, &first, 10);
	for (struct sched_item *i; (i = next(s)) != &second; served++)
		done(s, i, 10000);
	assert_in_range(served, 0, 3);
	sched_free(s);
}

static void test_removing_what_waits_and_what_runs(void **state)
{
	struct sched_config config = usual();
	struct sched *s = sched_new(&config);
	struct sched_item i[5];
	struct sched_view v;
	int64_t debt = 0;

	(void)state;
	for (unsigned k = 0; k < 5; k++)
		add(s, &i[k], CLASS_BULK, "a");
	assert_ptr_equal(next(s), &i[0]);
	sched_remove(s, &i[0], now);
	sched_remove(s, &i[1], now);
	sched_remove(s, &i[3], now);
	sched_remove(s, &i[3], now); /* once is enough */
	sched_done(s, &i[3], 1, 1, now);
	sched_view(s, &v);
	assert_int_equal(v.running, 0);
	assert_int_equal(v.classes[CLASS_BULK].waiting, 2);
	assert_ptr_equal(next(s), &i[2]);
	assert_ptr_equal(next(s), &i[4]);
	assert_null(next(s));
	done(s, &i[2], 1000000);
	done(s, &i[4], 1000000);
	add(s, &i[0], CLASS_BULK, "a");
	assert_ptr_equal(next(s), &i[0]); /* it is expected to take a second */
	sched_debts(s, sum, &debt);
	assert_in_range(debt, 900000, 1100000);
	sched_remove(s, &i[0], now); /* but costs nothing */
	debt = 0;
	sched_debts(s, sum, &debt);
	assert_int_equal(debt, 0);
	sched_free(s);
}

static void test_deadlines(void **state)
{
	struct sched_config config = usual();
	struct sched *s = sched_new(&config);
	struct sched_item i[4], late[3], *evicted;
	enum sched_refusal why;
	int shed;

	(void)state;
	add(s, &i[0], CLASS_BULK, "a");
	add(s, &i[1], CLASS_BULK, "a");
	assert_non_null(next(s));
	assert_non_null(next(s));
	assert_int_equal(sched_due(s, now), UINT64_MAX);
	memset(late, 0, sizeof(late));
	assert_int_equal(try_add(s, &late[0], CLASS_BULK, "a", "k", "p", 0, now, &why, &evicted),
			 -EAGAIN);
	assert_int_equal(why, SCHED_DEADLINE);
	assert_null(late[0].lane);
	assert_int_equal(
		try_add(s, &late[0], CLASS_BULK, "a", "k", "p", 0, now + 9 * MS, &why, &evicted),
		0);
	assert_int_equal(
		try_add(s, &late[1], CLASS_BULK, "a", "k", "p", 0, now + 5 * MS, &why, &evicted),
		0);
	assert_int_equal(sched_due(s, now), now + 5 * MS);
	now += 5 * MS;
	assert_ptr_equal(sched_next(s, now, &shed, &why), &late[1]);
	assert_true(shed);
	assert_int_equal(why, SCHED_DEADLINE);
	assert_null(late[1].lane);
	assert_null(next(s));
	sched_free(s);
}

/* What its lane's runs take decides before it starts; but not for ever. */
static void test_what_cannot_be_done_in_time_is_not_started(void **state)
{
	struct sched_config config = usual();
	struct sched *s = sched_new(&config);
	struct sched_item known, i, *evicted;
	enum sched_refusal why;
	unsigned tries = 0;

	(void)state;
	add(s, &known, CLASS_BULK, "a");
	add(s, &i, CLASS_BULK, "a"); /* keeps the lane known */
	assert_ptr_equal(next(s), &known);
	sched_done(s, &known, 1000, 50000, now);
	while (try_add(s, &known, CLASS_BULK, "a", "key", "profile", 0, now + 20 * MS, &why,
		       &evicted) < 0) {
		assert_int_equal(why, SCHED_DEADLINE);
		assert_in_range(++tries, 1, 20);
	}
	assert_in_range(tries, 1, 20);
	sched_free(s);
}

static void test_bounds(void **state)
{
	struct sched_config config = usual();
	struct sched_item i[8], more, *evicted;
	enum sched_refusal why;
	struct sched *s;
	uint32_t ms;

	(void)state;
	config.classes[CLASS_BULK].queue_max = 6;
	config.classes[CLASS_BULK].tenant_max = 5;
	s = sched_new(&config);
	for (unsigned k = 0; k < 5; k++)
		add(s, &i[k], CLASS_BULK, "a");
	assert_int_equal(sched_is_full(s, CLASS_BULK, "a", &why, &ms), -EAGAIN);
	assert_int_equal(why, SCHED_TENANT_FULL);
	memset(&more, 0, sizeof(more));
	assert_int_equal(try_add(s, &more, CLASS_BULK, "a", "key", "p", 0, 0, &why, &evicted),
			 -EAGAIN);
	assert_int_equal(why, SCHED_TENANT_FULL);
	add(s, &i[5], CLASS_BULK, "b");
	/* Full: b may have three, and takes them from a, the newest first. */
	assert_int_equal(sched_is_full(s, CLASS_BULK, "b", &why, &ms), 0);
	assert_int_equal(try_add(s, &i[6], CLASS_BULK, "b", "key", "p", 0, 0, &why, &evicted), 0);
	assert_ptr_equal(evicted, &i[4]);
	assert_null(evicted->lane);
	assert_int_equal(try_add(s, &i[7], CLASS_BULK, "b", "key", "p", 0, 0, &why, &evicted), 0);
	assert_ptr_equal(evicted, &i[3]);
	assert_int_equal(try_add(s, &more, CLASS_BULK, "b", "key", "p", 0, 0, &why, &evicted),
			 -EAGAIN);
	assert_int_equal(why, SCHED_FULL);
	assert_int_equal(sched_is_full(s, CLASS_BULK, "b", &why, &ms), -EAGAIN);
	/* What was accepted before comes in past all bounds. */
	assert_int_equal(sched_add(s, &more, CLASS_BULK, &(struct sched_who){"a", "k", "p", 0}, 0,
				   1, now, &why, &ms, &evicted),
			 0);
	assert_null(evicted);
	assert_ptr_equal(next(s), &i[0]);
	sched_free(s);
}

static void test_floors_sink_with_the_limit(void **state)
{
	struct sched_config config = usual();
	struct sched_item people[9], bulk[9];
	struct sched_view v;
	struct sched *s;

	(void)state;
	config.limit = config.limit_max = 8;
	config.classes[CLASS_INTERACTIVE].floor = 5;
	config.classes[CLASS_BULK].floor = 3;
	s = sched_new(&config);
	for (unsigned i = 0; i < 9; i++) {
		add(s, &people[i], CLASS_INTERACTIVE, "a");
		add(s, &bulk[i], CLASS_BULK, "b");
	}
	sched_set_limit(s, 0);
	sched_view(s, &v);
	assert_int_equal(v.limit, 2); /* one for each class that has a floor */
	assert_int_equal(v.classes[CLASS_INTERACTIVE].floor, 1);
	assert_int_equal(v.classes[CLASS_BULK].floor, 1);
	assert_ptr_equal(next(s), &people[0]);
	assert_ptr_equal(next(s), &bulk[0]);
	assert_null(next(s));
	sched_set_limit(s, 4);
	while (next(s))
		;
	sched_view(s, &v);
	assert_int_equal(v.classes[CLASS_INTERACTIVE].running, 2);
	assert_int_equal(v.classes[CLASS_BULK].running, 2);
	sched_set_limit(s, 1000);
	while (next(s))
		;
	sched_view(s, &v);
	assert_int_equal(v.limit, 8);
	assert_int_equal(v.classes[CLASS_INTERACTIVE].running, 5);
	assert_int_equal(v.classes[CLASS_BULK].running, 3);
	sched_free(s);
}

static void test_nothing_starts_while_paused(void **state)
{
	struct sched_config config = usual();
	struct sched *s = sched_new(&config);
	struct sched_item i[2], late, *evicted;
	enum sched_refusal why;
	int shed;

	(void)state;
	sched_pause(s, 1);
	add(s, &i[0], CLASS_INTERACTIVE, "a");
	add(s, &i[1], CLASS_BULK, "a");
	assert_int_equal(i[1].because, SCHED_CONCURRENCY);
	memset(&late, 0, sizeof(late));
	assert_int_equal(try_add(s, &late, CLASS_BULK, "a", "k", "p", 0, now + MS, &why, &evicted),
			 0);
	assert_null(next(s));
	now += MS;
	assert_ptr_equal(sched_next(s, now, &shed, &why), &late);
	assert_true(shed);
	sched_pause(s, 0);
	assert_ptr_equal(next(s), &i[0]);
	assert_ptr_equal(next(s), &i[1]);
	sched_free(s);
}

/* Slots that are held for ever are nobody else's trouble. */
static void test_who_has_nothing_starts_past_all_limits(void **state)
{
	struct sched_config config = usual();
	struct sched_item sleeper[9], other[2], third[1];
	struct sched *s;

	(void)state;
	config.limit = config.limit_max = 4;
	config.reserve = 2;
	config.classes[CLASS_BULK].floor = 0;
	config.classes[CLASS_BULK].age_ns = 100 * MS;
	s = sched_new(&config);
	for (unsigned i = 0; i < 9; i++)
		add(s, &sleeper[i], CLASS_BULK, "sleeper");
	for (unsigned i = 0; i < 4; i++)
		assert_ptr_equal(next(s), &sleeper[i]);
	assert_null(next(s));
	assert_int_equal(sched_due(s, now), UINT64_MAX); /* the sleeper has what it has */
	add(s, &other[0], CLASS_BULK, "other");
	add(s, &other[1], CLASS_BULK, "other");
	assert_null(next(s));
	assert_int_equal(sched_due(s, now), now + 100 * MS);
	now += 100 * MS;
	assert_ptr_equal(next(s), &other[0]);
	assert_null(next(s)); /* it has something now */
	add(s, &third[0], CLASS_BULK, "third");
	now += 200 * MS;
	assert_ptr_equal(next(s), &third[0]);
	assert_null(next(s)); /* the reserve is taken */
	sched_done(s, &other[0], 1, 1, now);
	assert_ptr_equal(next(s), &other[1]);
	for (unsigned i = 0; i < 4; i++)
		sched_done(s, &sleeper[i], 1, 1, now);
	assert_ptr_equal(next(s), &sleeper[4]);
	sched_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_who_has_nothing_starts_past_all_limits, setup),
		cmocka_unit_test_setup(test_a_heap_gives_the_smallest_first, setup),
		cmocka_unit_test_setup(test_one_tenant_runs_in_order_of_arrival, setup),
		cmocka_unit_test_setup(test_two_tenants_take_turns, setup),
		cmocka_unit_test_setup(test_turns_are_not_taken_as_a_whole, setup),
		cmocka_unit_test_setup(test_a_lease_runs_one_at_a_time, setup),
		cmocka_unit_test_setup(test_caps_of_tenant_key_and_profile, setup),
		cmocka_unit_test_setup(test_the_one_that_may_run_is_found_among_many_that_may_not,
				       setup),
		cmocka_unit_test_setup(test_room_under_a_cap_is_noticed_while_others_are_served,
				       setup),
		cmocka_unit_test_setup(test_removing_what_waits_and_what_runs, setup),
		cmocka_unit_test_setup(test_deadlines, setup),
		cmocka_unit_test_setup(test_what_cannot_be_done_in_time_is_not_started, setup),
		cmocka_unit_test_setup(test_bounds, setup),
		cmocka_unit_test_setup(test_floors_sink_with_the_limit, setup),
		cmocka_unit_test_setup(test_nothing_starts_while_paused, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
