/*
 * The ledger's database as a check reads it, which takes nothing for granted: somebody else may
 * have written it. SQLite keeps any kind of value in any column, so each row comes with the name of
 * its first column whose value is not of the type and size that the ledger writes, or NULL.
 *
 * A reader has its own connection, and sees the database as it was when it was opened. Readers of
 * one check are opened one after the other: the log only grows, so what the first saw of it the
 * others see too. Results as in store.h.
 */
#pragma once

#include "store/ledger.h"
#include "store/ledger_usage.h"

int strict_open(const char *directory, struct store **ret, struct err *reterr);
/* From another thread: what it is doing fails. */
void strict_interrupt(struct store *s);

/* Whether tables, indexes and triggers are exactly those that the ledger makes. -EUCLEAN. */
int strict_schema(struct store *s, struct err *reterr);
/* SQLite's own check of pages and indexes; each complaint goes to fn. */
int strict_integrity(struct store *s, void (*fn)(void *arg, const char *text), void *arg,
		     struct err *reterr);

struct log_row {
	const char *name, *value;
};
struct cursor_row {
	int64_t id, entries;
	const uint8_t *digest;
};
struct tile_row {
	int64_t id; /* level * 2^56 + number */
	const void *hashes;
};

/* What a cursor goes over, in order. Entries, marks: with index from ≤ i < to; checkpoints: with
 * size from < s ≤ to; tiles: with id from ≤ i < to; others: all. */
enum strict_rows {
	STRICT_LOG,
	STRICT_GENERATIONS,
	STRICT_ENTRIES,
	STRICT_MARKS,
	STRICT_TILES,
	STRICT_CHECKPOINTS,
	STRICT_USAGE, /* and the other tables of usage, in their order */
	STRICT_USAGE_DETAIL,
	STRICT_USAGE_REASONS,
	STRICT_USAGE_CURSOR,
	STRICT_ROWS
};
struct strict {
	struct store *store;
	enum strict_rows rows;
	void *query; /* the database's */
	const char *odd;
	union {
		struct log_row log;
		struct generation_row generation;
		struct entry_row entry;
		struct mark_row mark;
		struct tile_row tile;
		struct checkpoint_row checkpoint;
		struct usage_row usage;
		struct cursor_row cursor;
	};
};
int strict_begin(struct strict *c, struct store *s, enum strict_rows rows, int64_t from, int64_t to,
		 struct err *reterr);
/* 1: the next row, which lives until the next call; 0: there is none. */
int strict_next(struct strict *c, struct err *reterr);
/* Ends it; also one that is all zero, or has ended. */
void strict_end(struct strict *c);

/*
 * How many rows, and whether there are some that no cursor from 0 to `size` (tiles: to INT64_MAX)
 * goes over, the first of which is *ret_other.
 */
int strict_count(struct store *s, enum strict_rows rows, int64_t size, int64_t *ret,
		 int *ret_others, int64_t *ret_other, struct err *reterr);
/* The index of the last entry, -1: there is none; the size of the newest checkpoint, 0: as well. */
int strict_last(struct store *s, int64_t *ret_index, int64_t *ret_size, struct err *reterr);
