/*
 * Usage: what runs used, added up from the log's own statements (docs/usage.md). What is appended
 * is added up in memory, and written with the next checkpoint or before the next question: rows and
 * cursor (how many entries are in them) in one transaction. What was not written is read from the
 * log again, so whatever dies, each receipt is in the sums once.
 *
 *   usage.c        sums in memory; written, and caught up with
 *   usage_read.c   from a statement to what it adds
 *   usage_ask.c    questions
 */
#pragma once

#include "ledger/log.h"
#include "store/ledger_usage.h"

enum {
	USAGE_LABELS_MAX = 32 << 10,  /* bytes of labels; longer ones are none */
	USAGE_ROWS_MAX = 1000,	      /* of an answer */
	USAGE_LOOKED_AT = 10000,      /* rows, for one answer, */
	USAGE_LOOKED_BYTES = 2 << 20, /* and labels in them */
	USAGE_PENDING_ROWS = 8192,    /* in memory */
	USAGE_PIECE = 1000,	      /* entries that are caught up with at once */
};
#define USAGE_SETTLE_NS (100 * NS_PER_MS)
#define USAGE_PENDING_BYTES (16u << 20)
#define USAGE_BYTES (4u << 20) /* of an answer, about */

/* What one statement adds, and to which rows: texts point into the statement, or are constant. */
struct usage_text {
	const char *p;
	size_t len;
};
struct usage_charge {
	struct usage_text field[USAGE_FIELD_COUNT];
	uint64_t sum[USAGE_SUM_COUNT];
	char day[USAGE_DAY + 1];
};
/* usage_read.c. The statement is canonical; of what is not as control writes it nothing is added
 * but the receipt. -EBADMSG: it is no statement. */
struct tokens;
int usage_read(const void *statement, size_t len, struct tokens *work, struct usage_charge *ret);

/* usage.c */
struct usage;
/* When l->size is known: forgets what was not written, and catches up with the log by and by. */
int usage_load(struct ledger *l, struct err *reterr);
void usage_free(struct ledger *l);
/* An entry stands in the transaction that is open; usage_load() if that fails. */
void usage_add(struct ledger *l, enum entry_kind kind, int64_t index, const char *subject,
	       const void *statement, size_t len);
int usage_is_full(const struct ledger *l); /* usage_flush() is due */
/* Writes what there is in the transaction that is open; usage_written() when that is committed. */
int usage_write(struct ledger *l, struct err *reterr);
void usage_written(struct ledger *l);
/* All of it in a transaction of its own. */
int usage_flush(struct ledger *l, struct err *reterr);
/* The same, after catching up for a moment. */
int usage_settle(struct ledger *l, struct err *reterr);
int64_t usage_summed(const struct ledger *l); /* entries */
int64_t usage_behind(const struct ledger *l); /* entries that are not */

/* usage_ask.c */
void usage_ask(struct ledger *l, const struct msg_ledger_ask *m);
