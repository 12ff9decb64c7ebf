#include "store/store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/cordon-store-XXXXXX";
static struct store *store;
static struct err err;

static void forget_files(void)
{
	static const char *const names[] = {"state.db", "state.db-wal", "state.db-shm",
					    "state.db-journal"};
	char path[128];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		unlink(path);
	}
}

static int setup(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/cordon-store-XXXXXX");
	return !mkdtemp(directory) || store_open(directory, &store, &err) < 0 ||
	       store_tenant_add(store, "acme", 1, &err) < 0 ||
	       store_tenant_add(store, "globex", 1, &err) < 0;
}

static int teardown(void **state)
{
	(void)state;
	store_close(store);
	forget_files();
	return rmdir(directory);
}

static int add_run_of(const char *tier, const char *id, const char *tenant, const char *idempotency,
		      const char *state)
{
	const uint8_t body[KEY_HASH_SIZE] = {1};

	return store_run_add(store,
			     &(struct run_row){.id = id,
					       .tenant = tenant,
					       .key = "key",
					       .lease = "",
					       .session = "",
					       .profile = "p",
					       .policy = "",
					       .artifact = "",
					       .tier = tier,
					       .class_ = "bulk",
					       .labels = "{\"a\":\"b\"}",
					       .provenance = "{}",
					       .trace = "",
					       .idempotency = idempotency,
					       .body = body,
					       .created_ms = 5,
					       .state = state,
					       .outcome = "",
					       .reason = "",
					       .result = "{}",
					       .result_len = 2,
					       .payloads = "",
					       .payloads_len = 0},
			     &err);
}

static int add_run(const char *id, const char *tenant, const char *idempotency, const char *state)
{
	return add_run_of("standard", id, tenant, idempotency, state);
}

static void count(void *arg, const struct run_row *row)
{
	(void)row;
	++*(int *)arg;
}

static int runs(const struct run_filter *f)
{
	int n = 0;

	assert_in_range(-store_runs(store, f, count, &n, &err), 0, ENOENT);
	return n;
}

static void test_tenants_are_apart(void **state)
{
	(void)state;
	assert_int_equal(add_run("run_1", "acme", "", "done"), 0);
	assert_int_equal(runs(&(struct run_filter){.tenant = "acme", .id = "run_1"}), 1);
	assert_int_equal(runs(&(struct run_filter){.tenant = "globex", .id = "run_1"}), 0);
	assert_int_equal(runs(&(struct run_filter){.tenant = "globex"}), 0);
	assert_int_equal(add_run("run_2", "nobody", "", "done"), -ENOENT);
}

static void test_a_tenant_goes_with_all_it_has(void **state)
{
	int64_t keys = -1;

	(void)state;
	assert_int_equal(add_run("run_1", "acme", "", "done"), 0);
	assert_int_equal(store_key_add(store,
				       &(struct key_row){.id = "key_1",
							 .tenant = "acme",
							 .role = "runner",
							 .label = "",
							 .team = "",
							 .hash = (const uint8_t[KEY_HASH_SIZE]){1}},
				       &err),
			 0);
	assert_int_equal(store_count(store, "keys", "acme", &keys, &err), 0);
	assert_int_equal(keys, 1);
	assert_int_equal(store_tenant_delete(store, "acme", &err), 0);
	assert_int_equal(store_count(store, "keys", "acme", &keys, &err), 0);
	assert_int_equal(keys, 0);
	assert_int_equal(runs(&(struct run_filter){.id = "run_1"}), 0);
	assert_int_equal(store_tenant_delete(store, "acme", &err), -ENOENT);
}

static void test_an_idempotency_key_is_of_one_run(void **state)
{
	(void)state;
	assert_int_equal(add_run("run_1", "acme", "once", "running"), 0);
	assert_int_equal(add_run("run_2", "acme", "once", "running"), -EEXIST);
	assert_int_equal(add_run("run_3", "globex", "once", "running"), 0);
	assert_int_equal(add_run("run_4", "acme", "", "running"), 0);
	assert_int_equal(add_run("run_5", "acme", "", "running"), 0);
}

static void test_a_run_ends_once(void **state)
{
	const struct run_row end = {.id = "run_1",
				    .outcome = "completed",
				    .reason = "",
				    .result = "{}",
				    .result_len = 2,
				    .payloads = "",
				    .ended_ms = 9};

	(void)state;
	assert_int_equal(add_run("run_1", "acme", "", "running"), 0);
	assert_int_equal(store_run_end(store, &end, &err), 0);
	assert_int_equal(store_run_end(store, &end, &err), -ENOENT);
}

static void test_what_is_over_can_be_forgotten(void **state)
{
	char id[8];

	(void)state;
	for (int i = 0; i < 10; i++) {
		snprintf(id, sizeof(id), "run_%d", i);
		assert_int_equal(add_run(id, "acme", "", i == 2 ? "running" : "done"), 0);
	}
	assert_int_equal(store_run_sweep(store, "run_6", 3, &err), 3);
	assert_int_equal(store_run_sweep(store, "run_6", 3, &err), 2);
	assert_int_equal(store_run_sweep(store, "run_6", 3, &err), 0);
	assert_int_equal(runs(&(struct run_filter){.tenant = "acme"}), 5);
	assert_int_equal(runs(&(struct run_filter){.tenant = "acme", .running = 1}), 1);
}

static void test_a_transaction_is_all_or_nothing(void **state)
{
	(void)state;
	assert_int_equal(store_begin(store, &err), 0);
	assert_int_equal(add_run("run_1", "acme", "", "done"), 0);
	assert_true(store_in_transaction(store));
	store_rollback(store);
	assert_false(store_in_transaction(store));
	assert_int_equal(runs(&(struct run_filter){.tenant = "acme"}), 0);
}

static int add_lease(const char *id, int64_t expires)
{
	return store_lease_add(store,
			       &(struct lease_row){.id = id,
						   .tenant = "acme",
						   .key = "key",
						   .profile = "p",
						   .policy = "",
						   .session = "",
						   .artifact = "",
						   .team = "",
						   .epoch = 1,
						   .created_ms = 10,
						   .expires_ms = expires},
			       2, &err);
}

static void test_leases(void **state)
{
	(void)state;
	assert_int_equal(add_lease("lease_1", 100), 0);
	assert_int_equal(add_lease("lease_2", 100), 0);
	assert_int_equal(add_lease("lease_3", 100), -ENOSPC);
	assert_string_equal(err.code, "lease.quota");
	assert_int_equal(store_lease_renew(store, "acme", "lease_1", 1, 50, 200, &err), 0);
	assert_int_equal(store_lease_renew(store, "acme", "lease_1", 1, 50, 200, &err), -ESTALE);
	assert_int_equal(store_lease_renew(store, "globex", "lease_1", 2, 50, 200, &err), -ESTALE);
	assert_int_equal(store_lease_renew(store, "acme", "lease_2", 1, 100, 200, &err), -ESTALE);
	assert_int_equal(store_lease_revoke(store, "acme", "lease_1", 60, &err), 0);
	assert_int_equal(store_lease_renew(store, "acme", "lease_1", 2, 61, 200, &err), -ESTALE);
	assert_int_equal(add_lease("lease_3", 100), 0);
}

static void tell_erased(void *arg, const char *tenant, int runs)
{
	char *to = arg;

	snprintf(to + strlen(to), 128 - strlen(to), "%s %d;", tenant, runs);
}

static void test_what_a_tier_keeps_no_longer_is_erased(void **state)
{
	char told[128] = "", id[16];

	(void)state;
	assert_int_equal(add_run_of("batch", "run_1", "acme", "", "done"), 0);
	assert_int_equal(add_run_of("batch", "run_2", "globex", "", "done"), 0);
	assert_int_equal(add_run_of("standard", "run_3", "acme", "", "done"), 0);
	assert_int_equal(add_run_of("batch", "run_4", "acme", "", "running"), 0);
	assert_int_equal(add_run_of("batch", "run_5", "acme", "", "done"), 0);
	assert_int_equal(add_run_of("batch", "run_6", "acme", "", "done"), 0);
	assert_int_equal(store_run_erase(store, "acme", "run_1", 1, &err), 0);
	assert_int_equal(store_run_erases_tiers(store, 1, &err), 0);
	assert_int_equal(store_run_erases_tiers(store, 1, &err), 0);
	assert_int_equal(store_run_erase_tier(store, "batch", "run_6", 2, tell_erased, told, &err),
			 2);
	assert_string_equal(told, "globex 1;acme 1;");
	/* What was under way then is erased when it is over, however old it is by then. */
	assert_int_equal(store_run_end(store,
				       &(struct run_row){.id = "run_4",
							 .outcome = "",
							 .reason = "",
							 .result = "{}",
							 .result_len = 2},
				       &err),
			 0);
	*told = '\0';
	assert_int_equal(store_run_erase_tier(store, "batch", "run_6", 2, tell_erased, told, &err),
			 1);
	assert_string_equal(told, "acme 1;");
	assert_int_equal(store_run_erase_tier(store, "batch", "run_6", 2, tell_erased, told, &err),
			 0);
	assert_int_equal(store_run_erase(store, "acme", "run_6", 3, &err), 0); /* it was not */
	for (int i = 0; i < STORE_ERASE_MOST + 1; i++) {
		snprintf(id, sizeof(id), "rux_%03d", i);
		assert_int_equal(add_run_of("batch", id, i % 2 ? "acme" : "globex", "", "done"), 0);
	}
	*told = '\0';
	assert_int_equal(store_run_erase_tier(store, "batch", "z", 2, tell_erased, told, &err),
			 STORE_ERASE_MOST);
	assert_string_equal(told, "globex 100;acme 100;");
	assert_int_equal(store_run_erase_tier(store, "batch", "z", 2, tell_erased, told, &err), 1);
}

static void sum_debts(void *arg, const struct debt_row *row)
{
	int64_t *sum = arg;

	sum[0]++;
	sum[1] += row->micros;
	assert_string_equal(row->tenant, "acme");
	assert_int_equal(row->class_, 1);
}

static void test_debts(void **state)
{
	struct debt_row rows[] = {
		{.tenant = "acme", .class_ = 1, .micros = 500},
		{.tenant = "acme", .principal = "key_1", .class_ = 1, .micros = -20},
		{.tenant = "nobody", .class_ = 1, .micros = 7000}};
	int64_t sum[2] = {0, 0};

	(void)state;
	assert_int_equal(store_debts_put(store, rows, ARRAY_SIZE(rows), &err), 0);
	assert_int_equal(store_debts(store, sum_debts, sum, &err), 0);
	assert_int_equal(sum[0], 2); /* of a tenant that is gone there are none */
	assert_int_equal(sum[1], 480);
	assert_int_equal(store_debts_put(store, rows, 1, &err), 0);
	assert_int_equal(store_debts(store, sum_debts, (sum[0] = sum[1] = 0, sum), &err), 0);
	assert_int_equal(sum[0], 1);
	assert_int_equal(store_tenant_delete(store, "acme", &err), 0);
	assert_int_equal(store_debts(store, sum_debts, (sum[0] = sum[1] = 0, sum), &err), 0);
	assert_int_equal(sum[0], 0);
}

static void test_settings(void **state)
{
	uint32_t value = 7, got = 0;
	uint64_t wider;

	(void)state;
	assert_int_equal(store_setting(store, "x", &got, sizeof(got), &err), -ENOENT);
	assert_int_equal(store_setting_put(store, "x", &value, sizeof(value), &err), 0);
	assert_int_equal(store_setting(store, "x", &got, sizeof(got), &err), 0);
	assert_int_equal(got, 7);
	assert_int_equal(store_setting(store, "x", &wider, sizeof(wider), &err), -EUCLEAN);
}

static int syncs;

/* What the store calls: this program's own comes before the C library's. */
int fdatasync(int fd)
{
	syncs++;
	return (int)syscall(SYS_fdatasync, fd);
}

static void test_sync(void **state)
{
	int before;

	(void)state;
	assert_int_equal(store_begin(store, &err), 0);
	assert_int_equal(add_run("run_1", "acme", "", "running"), 0);
	before = syncs;
	assert_int_equal(store_commit(store, &err), 0);
	assert_int_equal(syncs, before);
	assert_int_equal(store_sync(store, &err), 0);
	assert_int_equal(syncs, before + 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_tenants_are_apart),
		T(test_a_tenant_goes_with_all_it_has),
		T(test_an_idempotency_key_is_of_one_run),
		T(test_a_run_ends_once),
		T(test_what_is_over_can_be_forgotten),
		T(test_a_transaction_is_all_or_nothing),
		T(test_leases),
		T(test_sync),
		T(test_settings),
		T(test_what_a_tier_keeps_no_longer_is_erased),
		T(test_debts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
