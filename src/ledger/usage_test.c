/* Sums of usage without their process: statements that lie, databases that fail, starts again. */
#include "ledger/usage.h"
#include "store/db.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char directory[64];
static struct ledger l;

static void open_log(void)
{
	struct err e = {0};

	memset(&l, 0, sizeof(l));
	l.control.fd = -1;
	l.loop = loop_new();
	l.out = BUF_INIT(64 << 20);
	l.checkpoint = BUF_INIT(NOTE_MAX);
	l.tiles = xcalloc(TILES_KEPT, sizeof(*l.tiles));
	l.interval_ns = 1;
	l.batch = 1 << 20;
	snprintf(l.origin, sizeof(l.origin), "log.test");
	assert_int_equal(ledger_open(directory, &l.store, &e), 0);
	assert_int_equal(log_load(&l, &e), 0);
	assert_int_equal(keys_load(&l, &e), 0);
	log_start(&l);
}

static void close_log(void)
{
	usage_free(&l);
	store_close(l.store);
	loop_free(l.loop);
	sodium_free(l.secrets);
	free(l.generations);
	free(l.firsts);
	free(l.tiles);
	buf_done(&l.out);
	buf_done(&l.checkpoint);
}

static int setup(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/cordon-usage-XXXXXX");
	if (sodium_init() < 0 || !mkdtemp(directory))
		return -1;
	open_log();
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = {"ledger.db", "ledger.db-wal", "ledger.db-shm"};
	char path[128];

	(void)state;
	close_log();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		unlink(path);
	}
	return rmdir(directory);
}

/* Appends a run with these facts besides its ID; the errno that the answer has. */
static uint32_t append(int n, const char *run, const char *rest)
{
	struct journal j = {.lines = BUF_INIT(4096)};
	_cleanup_buf_ struct buf facts = BUF_INIT(LIMIT_FACTS);
	char id[32], event[160];
	struct msg m;
	size_t used;

	snprintf(id, sizeof(id), "run_%06d", n);
	snprintf(event, sizeof(event),
		 "{\"event\":\"execution_completed\",\"run\":\"%s\",\"tenant\":\"acme\"}", id);
	buf_addf(&facts,
		 "{\"run\":{\"id\":\"%s\",\"tenant\":\"acme\",\"tier\":\"standard\",\"class\":"
		 "\"bulk\",\"created_at\":\"2026-11-20T23:59:59.000Z\"%s}%s}",
		 id, run, rest);
	assert_int_equal(journal_append(&j, event, strlen(event)), 0);
	l.out.len = 0;
	log_append_all(&l,
		       &(struct msg_append){.handle = 1,
					    .kind = ENTRY_RUN,
					    .subject = WIRE_STR(id),
					    .facts = WIRE_BUF(&facts),
					    .journal = WIRE_BUF(&j.lines)},
		       1);
	buf_done(&j.lines);
	assert_int_equal(msg_decode(l.out.data, l.out.len, LIMIT_FRAME, &m, &used), 1);
	assert_int_equal(m.type, MSG_APPENDED);
	return m.appended.number;
}

#define DONE ",\"result\":{\"outcome\":\"completed\"},\"usage\":{\"cpu_us\":1000}"

/* The answer to a question; it lives until the next. */
static const char *ask_usage(const char *conditions)
{
	static char text[1 << 20];
	struct msg m;
	size_t used;

	l.out.len = 0;
	usage_ask(&l, &(struct msg_ledger_ask){1, ASK_USAGE, 0, 0, WIRE_STR(conditions)});
	assert_int_equal(msg_decode(l.out.data, l.out.len, LIMIT_FRAME, &m, &used), 1);
	assert_int_equal(m.type, MSG_LEDGER_TOLD);
	if (m.ledger_told.number)
		snprintf(text, sizeof(text), "error %u %.*s", m.ledger_told.number,
			 (int)m.ledger_told.error_code.len,
			 (const char *)m.ledger_told.error_code.data);
	else
		snprintf(text, sizeof(text), "%.*s", (int)m.ledger_told.body.len,
			 (const char *)m.ledger_told.body.data);
	return text;
}

#define HAS(text, part) assert_non_null(strstr(text, part))

static int count(const char *text, const char *part)
{
	int n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

static void test_runs_are_added_up(void **state)
{
	const char *told;

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(append(i, "", DONE), 0);
	told = ask_usage("{}");
	HAS(told, "\"cpu_us\":10000,");
	HAS(told, "\"receipts\":10,");
	HAS(told, "\"completed\":10,");
	HAS(told, "\"first\":1,");
	HAS(told, "\"last\":10,");
	HAS(told, "\"day\":\"2026-11-20\""); /* it has no other */
	HAS(told, "\"behind\":0,\"entries\":11,\"more\":false");
	assert_int_equal(append(0, "", DONE), 0); /* the same run told again */
	HAS(ask_usage("{}"), "\"receipts\":10,");
}

static void test_a_start_goes_on(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(append(i, "", DONE), 0);
	HAS(ask_usage("{}"), "\"receipts\":5,");
	for (int i = 5; i < 12; i++) /* of these nothing is written yet */
		assert_int_equal(append(i, "", DONE), 0);
	close_log();
	open_log();
	HAS(ask_usage("{}"), "\"receipts\":12,");
	close_log();
	open_log();
	HAS(ask_usage("{}"), "\"cpu_us\":12000,");
}

/* A transaction that fails takes back what it had added up. */
static void test_a_full_database(void **state)
{
	char big[40000];

	(void)state;
	assert_int_equal(append(0, "", DONE), 0);
	sqlite3_exec(l.store->db, "PRAGMA max_page_count = 1", NULL, NULL, NULL);
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	for (int i = 1; i < 40; i++) {
		_cleanup_free_ char *more = xasprintf(",\"provenance\":\"%s\"%s", big, DONE);

		if (append(i, "", more) == ENOSPC)
			break;
		assert_true(i < 39);
	}
	sqlite3_exec(l.store->db, "PRAGMA max_page_count = 1000000", NULL, NULL, NULL);
	assert_int_equal(append(101, "", DONE), 0);
	{
		const char *told = ask_usage("{}");
		char wanted[64];

		snprintf(wanted, sizeof(wanted), "\"receipts\":%d,", (int)l.size - 1);
		HAS(told, wanted);
		HAS(told, "\"behind\":0,");
	}
}

/* While a question cannot be answered, nothing is lost. */
static void test_sums_that_cannot_be_written(void **state)
{
	(void)state;
	assert_int_equal(append(0, "", DONE), 0);
	sqlite3_exec(
		l.store->db,
		"CREATE TRIGGER no BEFORE INSERT ON usage BEGIN SELECT raise(ABORT, 'no'); END",
		NULL, NULL, NULL);
	HAS(ask_usage("{}"), "error");
	assert_int_equal(append(1, "", DONE), 0); /* the log goes on */
	HAS(ask_usage("{}"), "error");
	sqlite3_exec(l.store->db, "DROP TRIGGER no", NULL, NULL, NULL);
	HAS(ask_usage("{}"), "\"receipts\":2,");
}

/* Whatever a statement says, rows are bounded texts and sums that do not turn over. */
static void test_statements_that_lie(void **state)
{
	static const char *const lies[] = {
		",\"charge\":{\"cost_nanos\":-5,\"attempts\":\"9\",\"day\":\"tomorrow!!\"}",
		",\"charge\":{\"cost_nanos\":{},\"stored_bytes\":[1],\"team\":7,\"currency\":null}",
		",\"charge\":7,\"usage\":[],\"policy\":null,\"caller\":\"x\",\"artifact\":1",
		",\"charge\":{\"cost_nanos\":5,\"parts\":{\"cpu\":9007199254740991,\"tools\":"
		"9007199254740991}}",
		",\"charge\":{\"team\":\"a\\u0000b\",\"day\":\"2026-01-01\\u0000\"}",
		",\"charge\":{\"team\":"
		"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"\"}",
		",\"result\":{\"outcome\":\"splendid\",\"reason\":\"\\\"\"},\"runtime\":{"
		"\"cached\":"
		"\"true\"}",
	};
	const char *told;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++)
		assert_int_equal(append((int)i, ",\"labels\":{\"a\":{\"b\":1}}", lies[i]), 0);
	told = ask_usage("{\"rows\":\"detail\"}");
	HAS(told, "\"receipts\":7,");
	HAS(told, "\"labels\":{},");
	HAS(told, "\"team\":\"\",");
	HAS(told, "\"cost_nanos\":5,\"cpu_nanos\":0,");
	HAS(told, "\"attempts\":7,");
	HAS(told, "\"completed\":0,");
	HAS(told, "\"cached\":0,");
	assert_int_equal(count(told, "\"tenant\":"), 1);
}

static void test_sums_stay_at_their_end(void **state)
{
	uint64_t sum = 0;
	uint8_t a[USAGE_DIGEST], b[USAGE_DIGEST], zero[USAGE_DIGEST] = {0};

	(void)state;
	for (int i = 0; i < 5000; i++)
		usage_sum_add(&sum, (1ULL << 53) - 1);
	assert_true(sum == INT64_MAX);
	usage_sum_add(&sum, 1);
	assert_true(sum == INT64_MAX);
	/* 2^256 - 1 and 1 are 0; and order means nothing. */
	memset(a, 0xff, sizeof(a));
	memcpy(b, zero, sizeof(b));
	b[USAGE_DIGEST - 1] = 1;
	usage_digest_add(a, b);
	assert_memory_equal(a, zero, sizeof(a));
}

/* Ever new labels: what is kept in memory has an end, and all of it is in the sums. */
static void test_many_rows(void **state)
{
	const char *told;
	char labels[64];

	(void)state;
	for (int i = 0; i < USAGE_PENDING_ROWS + 100; i++) {
		snprintf(labels, sizeof(labels), ",\"labels\":{\"n\":\"%d\"}", i);
		assert_int_equal(append(i, labels, DONE), 0);
		assert_true(!usage_is_full(&l));
	}
	told = ask_usage("{}");
	snprintf(labels, sizeof(labels), "\"receipts\":%d,", USAGE_PENDING_ROWS + 100);
	HAS(told, labels);
	told = ask_usage("{\"rows\":\"detail\",\"limit\":3}");
	assert_int_equal(count(told, "\"tenant\""), 3);
	HAS(told, "\"more\":true,\"next\":\"2026-11-20.3\"");
	told = ask_usage("{\"rows\":\"detail\",\"limit\":2,\"after\":\"2026-11-20.3\"}");
	HAS(told, "{\"n\":\"3\"}");
	HAS(told, "{\"n\":\"4\"}");
	told = ask_usage("{\"rows\":\"detail\",\"label\":{\"name\":\"n\",\"value\":\"8200\"}}");
	assert_int_equal(count(told, "\"tenant\""), 1);
}

static void test_questions_that_are_none(void **state)
{
	static const char *const none[] = {
		"",
		"[]",
		"{",
		"{\"from\":\"x\"}",
		"{\"to\":20261121}",
		"{\"rows\":\"all\"}",
		"{\"after\":\"2026-11-20\"}",
		"{\"after\":\"2026-11-20.x\"}",
		"{\"after\":\"2026-11-20.-1\"}",
		"{\"label\":\"a\"}",
		"{\"rows\":\"detail\",\"label\":{\"name\":\"a\"}}",
		"{\"label\":{\"name\":\"a\",\"value\":\"b\"}}",
		"{\"tenant\":\"a\\u0000b\"}",
		"{\"tenant\":7}",
		"{\"rows\":\"reasons\",\"key\":\"k\"}",
	};

	(void)state;
	assert_int_equal(append(0, "", DONE), 0);
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		HAS(ask_usage(none[i]), "error 22 usage.condition");
	HAS(ask_usage("{\"tenant\":\"other\"}"), "\"rows\":[]");
	HAS(ask_usage("{\"limit\":-1}"), "\"receipts\":1,");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_runs_are_added_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_start_goes_on, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_full_database, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sums_that_cannot_be_written, setup, teardown),
		cmocka_unit_test_setup_teardown(test_statements_that_lie, setup, teardown),
		cmocka_unit_test(test_sums_stay_at_their_end),
		cmocka_unit_test_setup_teardown(test_many_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_questions_that_are_none, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
