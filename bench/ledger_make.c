#include "bench/ledger_make.h"

#include "bench/ledger_sample.h"

#include <err.h>
#include <sqlite3.h>
#include <stdio.h>

enum { SMALL_FIRST = 380, SMALL_SECOND = 310, SMALL_STEP = 50, SMALL_TAIL = 13 };

static void take_appended(struct process *p)
{
	struct msg m;

	process_next(p, &m);
	if (m.type != MSG_APPENDED || m.appended.number)
		errx(1, "an entry was not appended: %.*s", (int)m.appended.error.len,
		     (const char *)m.appended.error.data);
}

void make_append(struct process *p, uint64_t from, uint64_t to, unsigned outstanding, int varied,
		 int synced)
{
	_cleanup_buf_ struct buf out = BUF_INIT(64 << 20);
	uint64_t answered = from;

	for (uint64_t n = from; n < to; n++) {
		struct sample s;
		struct msg m;

		sample_make(&s, n, varied, p->seal_key);
		m = sample_append(&s, n + 1, synced);
		if (msg_encode(&out, &m) < 0)
			errx(1, "an entry that is too large");
		sample_done(&s);
		process_send(p, &out);
		for (; n + 1 - answered >= outstanding; answered++)
			take_appended(p);
	}
	for (; answered < to; answered++)
		take_appended(p);
}

static void sql(const char *directory, const char *text)
{
	char path[4096];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/ledger.db", directory);
	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		errx(1, "%s: %s", path, sqlite3_errmsg(db));
	sqlite3_close(db);
}

static void some(struct process *p, uint64_t *at, uint64_t *size, uint64_t n)
{
	make_append(p, *at, *at + n, 16, 1, 0);
	*at += n;
	*size += n;
	process_await_signed(p, *size);
}

void make_small(const char *program, const char *directory)
{
	static const char *const often[] = {"--interval=5", "--origin=log.example/small", NULL};
	static const char *const never[] = {"--interval=3600000", NULL};
	uint64_t at = 0, size = 1;
	struct process p;
	struct msg m;

	process_start(&p, program, directory, often);
	while (at < SMALL_FIRST)
		some(&p, &at, &size, at ? SMALL_STEP : SMALL_FIRST % SMALL_STEP);
	process_stop(&p, 0);
	/* Keys are rotated once a minute at most: for a moment they are older than they are. */
	sql(directory, "UPDATE generations SET from_ms = from_ms - 3600000");
	process_start(&p, program, directory, often);
	if (process_ask(&p, ASK_ROTATE, 0, 0, "", &m) < 0)
		errx(1, "the keys were not rotated");
	sql(directory, "UPDATE generations SET from_ms = from_ms + 3600000 WHERE number = 1");
	size++;
	while (at < SMALL_FIRST + SMALL_SECOND)
		some(&p, &at, &size, SMALL_SECOND % SMALL_STEP + SMALL_STEP);
	process_stop(&p, 0);
	process_start(&p, program, directory, never);
	make_append(&p, at, at + SMALL_TAIL, 16, 1, 0);
	process_stop(&p, 0);
}
