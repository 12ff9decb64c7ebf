/* The ledger's log without its process: times that jump, a database that is full, starts again. */
#include "evidence/statement.h"
#include "ledger/usage.h"
#include "os/fd.h"
#include "store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

#define HOUR 3600000LL
#define YEAR (365 * 24 * HOUR)

static int64_t now = 1800000000000LL;
static char directory[64];
static struct ledger l;

int64_t __wrap_clock_wall_ms(void);
int64_t __wrap_clock_wall_ms(void)
{
	return now;
}

static int syncs;

/* What SQLite calls: this program's own comes before the C library's. */
int fdatasync(int fd)
{
	syncs++;
	return (int)syscall(SYS_fdatasync, fd);
}

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
	keys_schedule(&l);
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
	strcpy(directory, "/tmp/cordon-log-XXXXXX");
	now = 1800000000000LL;
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

/* The errno that the answer has. */
static uint32_t append_as(int n, int synced)
{
	struct journal j = {.lines = BUF_INIT(4096)};
	char id[32], event[160], facts[160];
	struct msg m;
	size_t used;

	snprintf(id, sizeof(id), "run_%06d", n);
	snprintf(event, sizeof(event),
		 "{\"event\":\"execution_terminated\",\"run\":\"%s\",\"tenant\":\"acme\","
		 "\"reason\":\"memory\"}",
		 id);
	snprintf(facts, sizeof(facts), "{\"run\":{\"id\":\"%s\",\"tenant\":\"acme\"}}", id);
	assert_int_equal(journal_append(&j, event, strlen(event)), 0);
	l.out.len = 0;
	log_append_all(&l,
		       &(struct msg_append){.handle = 1,
					    .kind = ENTRY_RUN,
					    .synced = (uint8_t)synced,
					    .subject = WIRE_STR(id),
					    .facts = WIRE_STR(facts),
					    .journal = WIRE_BUF(&j.lines)},
		       1);
	buf_done(&j.lines);
	assert_int_equal(msg_decode(l.out.data, l.out.len, LIMIT_FRAME, &m, &used), 1);
	assert_int_equal(m.type, MSG_APPENDED);
	return m.appended.number;
}

static uint32_t append(int n)
{
	return append_as(n, 0);
}

/* docs/ledger.md, "What is on the disk, when" */
static void test_what_is_synced(void **state)
{
	struct err e;
	int before;

	(void)state;
	assert_int_equal(append(0), 0); /* the first one after a start opens the file anew */
	before = syncs;
	for (int i = 1; i < 20; i++)
		assert_int_equal(append(i), 0);
	assert_int_equal(syncs, before);
	for (int i = 20; i < 30; i++) {
		before = syncs;
		assert_int_equal(append_as(i, 1), 0);
		assert_int_equal(syncs, before + 1);
		before = syncs;
		assert_int_equal(append(100 + i), 0);
		assert_int_equal(syncs, before);
	}
	l.due.fire(&l.due); /* a checkpoint is shown when what it covers is on the disk */
	assert_int_equal(l.signed_size, l.size);
	assert_int_equal(syncs, before + 1);
	assert_int_equal(store_begin(l.store, &e), 0);
	store_rollback(l.store);
}

static int take_time(void *arg, const struct entry_row *row)
{
	int64_t *last = arg;

	assert_true(row->time_ms >= *last);
	*last = row->time_ms;
	return 0;
}

static void test_times_never_go_back(void **state)
{
	static const int64_t jumps[] = {0,    -HOUR, -YEAR, 10 * YEAR, -9 * YEAR,
					HOUR, -1,    1,	    -40 * YEAR};
	int64_t last = 0;
	struct err e;

	(void)state;
	for (int i = 0; i < (int)ARRAY_SIZE(jumps); i++) {
		now += jumps[i];
		assert_int_equal(append(i), 0);
	}
	assert_int_equal(ledger_entries(l.store, 0, take_time, &last, &e), 0);
	close_log(); /* nor over a start */
	open_log();
	assert_int_equal(append(100), 0);
	last = 0;
	assert_int_equal(ledger_entries(l.store, 0, take_time, &last, &e), 0);
}

static size_t events_since(int64_t ms)
{
	char text[64];
	struct msg m;
	size_t used, n = 0;

	snprintf(text, sizeof(text), "{\"since_ms\":%lld,\"limit\":1000}", (long long)ms);
	l.out.len = 0;
	events_ask(&l, &(struct msg_ledger_ask){.what = ASK_EVENTS, .text = WIRE_STR(text)});
	assert_int_equal(msg_decode(l.out.data, l.out.len, LIMIT_FRAME, &m, &used), 1);
	assert_int_equal(m.ledger_told.number, 0);
	for (const char *p = m.ledger_told.body.data, *end = p + m.ledger_told.body.len;
	     (p = memmem(p, (size_t)(end - p), "\"entry\":", 8)); p++)
		n++;
	return n;
}

static void test_events_since(void **state)
{
	const int64_t begin = now;

	(void)state;
	for (int i = 0; i < 300; i++) {
		now = begin + 1000 * (i + 1);
		assert_int_equal(append(i), 0);
	}
	assert_int_equal(events_since(begin), 301);
	assert_int_equal(events_since(begin + 1), 300);
	assert_int_equal(events_since(begin + 100 * 1000), 201);
	assert_int_equal(events_since(begin + 300 * 1000), 1);
	assert_int_equal(events_since(begin + 300 * 1000 + 1), 0);
}

static void test_rotation_when_the_clock_was_wrong(void **state)
{
	struct err e = {0};

	(void)state;
	now += 1000;
	assert_int_equal(keys_rotate(&l, &e), -EAGAIN); /* too soon */
	now -= 10 * YEAR;				/* it was ahead when the keys were made */
	assert_int_equal(keys_rotate(&l, &e), 0);
	assert_int_equal(l.n_generations, 2);
	assert_true(l.generations[1].from_ms >= l.generations[0].from_ms);
	assert_int_equal(append(1), 0);
	close_log();
	open_log();
	assert_int_equal(l.n_generations, 2);
}

static void test_a_start_finds_the_same_tree(void **state)
{
	struct hash before, after;
	struct err e;

	(void)state;
	for (int i = 0; i < 700; i++) {
		assert_int_equal(append(i), 0);
		if (i % 37 && i != 254 && i != 255 && i != 510 && i != 511)
			continue;
		assert_int_equal(merkle_root_at(l.size, log_tile, &l, &before), 0);
		close_log();
		open_log();
		assert_int_equal(l.size, i + 2);
		assert_int_equal(merkle_root_at(l.size, log_tile, &l, &after), 0);
		assert_memory_equal(&before, &after, sizeof(before));
	}
	assert_int_equal(store_begin(l.store, &e), 0);
	assert_int_equal(log_checkpoint(&l, NULL, NULL, &e), 0);
	assert_int_equal(store_commit(l.store, &e), 0);
	close_log();
	open_log();
	assert_int_equal(l.signed_size, l.size);
}

static void limit_pages(int n)
{
	char text[64];

	snprintf(text, sizeof(text), "PRAGMA max_page_count = %d", n);
	assert_int_equal(sqlite3_exec(l.store->db, text, NULL, NULL, NULL), SQLITE_OK);
}

static void test_a_full_database(void **state)
{
	struct hash before, after;
	uint64_t size;
	int n = 0;

	(void)state;
	while (n < 200)
		assert_int_equal(append(n++), 0);
	limit_pages(1); /* as small as it can be: as large as it is */
	while (append(n) == 0)
		n++;
	assert_string_equal(l.failing.code, "store.full");
	size = l.size;
	assert_int_equal(size, n + 1);
	assert_int_equal(merkle_root_at(size, log_tile, &l, &before), 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(append(n + i), ENOSPC);
	assert_int_equal(l.size, size);
	limit_pages(1 << 20);
	assert_int_equal(append(n), 0);
	assert_string_equal(l.failing.code, "");
	assert_int_equal(l.size, size + 1);
	close_log();
	open_log();
	assert_int_equal(l.size, size + 1);
	assert_int_equal(merkle_root_at(size, log_tile, &l, &after), 0);
	assert_memory_equal(&before, &after, sizeof(before));
}

static void take_secret(void *arg, const struct generation_row *row)
{
	buf_add(arg, row->secret, row->secret_len);
}

static int file_has(const char *name, const void *data, size_t len)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", directory, name), *text = NULL;
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;

	return fd >= 0 && fd_read_file(fd, 64 << 20, &text, &n) == 0 && memmem(text, n, data, len);
}

static void test_keys_are_rotated_by_time(void **state)
{
	struct buf old = BUF_INIT(4096);
	struct err e;

	(void)state;
	assert_int_equal(ledger_generations(l.store, take_secret, &old, &e), 0);
	assert_true(old.len > 32 && (file_has("ledger.db-wal", old.data, old.len) ||
				     file_has("ledger.db", old.data, old.len)));
	l.rotate_ms = 90 * 24 * HOUR;
	now += 89 * 24 * HOUR;
	l.rotate.fire(&l.rotate);
	assert_int_equal(l.n_generations, 1);
	now += 24 * HOUR;
	l.rotate.fire(&l.rotate);
	assert_int_equal(l.n_generations, 2);
	assert_int_equal(l.signed_size, l.size); /* a checkpoint covers the hand-over */
	assert_int_equal(
		note_verify(l.checkpoint.data, l.checkpoint.len, &l.generations[0].log, NULL), 0);
	assert_int_equal(
		note_verify(l.checkpoint.data, l.checkpoint.len, &l.generations[1].log, NULL), 0);
	l.rotate.fire(&l.rotate);
	assert_int_equal(l.n_generations, 2);
	for (size_t i = 0; i < 2; i++)
		assert_false(file_has(i ? "ledger.db-wal" : "ledger.db", old.data, old.len));
	buf_done(&old);
}

static void test_a_rotation_that_cannot_be_written(void **state)
{
	uint64_t size;
	struct err e;

	(void)state;
	for (int i = 0; i < 300; i++)
		assert_int_equal(append(i), 0);
	limit_pages(1);
	for (int i = 300; append(i) == 0; i++)
		;
	now += 24 * HOUR;
	size = l.size;
	assert_true(keys_rotate(&l, &e) < 0);
	assert_string_equal(e.code, "store.full");
	assert_int_equal(l.n_generations, 1);
	assert_int_equal(l.size, size);
	limit_pages(1 << 20);
	assert_int_equal(append(100000), 0); /* signed by the keys that there are */
	assert_int_equal(keys_rotate(&l, &e), 0);
	assert_int_equal(l.n_generations, 2);
	assert_int_equal(append(100001), 0);
}

static void test_another_key_opens_nothing(void **state)
{
	struct err e = {0};

	(void)state;
	close_log();
	memset(&l, 0, sizeof(l));
	l.key[3] = 1;
	l.control.fd = -1;
	l.loop = loop_new();
	l.checkpoint = BUF_INIT(NOTE_MAX);
	l.tiles = xcalloc(TILES_KEPT, sizeof(*l.tiles));
	snprintf(l.origin, sizeof(l.origin), "log.test");
	assert_int_equal(ledger_open(directory, &l.store, &e), 0);
	assert_int_equal(log_load(&l, &e), 0);
	assert_int_equal(keys_load(&l, &e), -EACCES);
	assert_string_equal(e.code, "ledger.key");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_times_never_go_back),
		T(test_what_is_synced),
		T(test_events_since),
		T(test_rotation_when_the_clock_was_wrong),
		T(test_a_start_finds_the_same_tree),
		T(test_a_full_database),
		T(test_keys_are_rotated_by_time),
		T(test_a_rotation_that_cannot_be_written),
		T(test_another_key_opens_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
