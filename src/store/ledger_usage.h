/*
 * What runs used, as their receipts add up (docs/usage.md): three tables of sums in the ledger's
 * database, and how many entries of the log are in them. They say nothing that the statements do
 * not say; `cordon usage check` recomputes them. Results as in store.h.
 */
#pragma once

#include "base/usage_columns.h"
#include "store/store.h"

#include <stdint.h>

#define X(name) USAGE_##name,
enum usage_sum { USAGE_SUMS(X) USAGE_SUM_COUNT };
#undef X

#define X(name) USAGE_##name,
enum usage_field { USAGE_FIELDS(X) USAGE_FIELD_COUNT };
#undef X

enum usage_table {
	USAGE_TOTALS,  /* by day to currency */
	USAGE_DETAIL,  /* by labels and artifact besides */
	USAGE_REASONS, /* by day, tenant, profile, tier, class, outcome, reason; receipts only */
	USAGE_TABLE_COUNT
};
/* The names of the tables, and of fields and sums: also their columns. */
extern const char *const usage_tables[USAGE_TABLE_COUNT];
extern const char *const usage_fields[USAGE_FIELD_COUNT];
extern const char *const usage_sums[USAGE_SUM_COUNT];
int usage_has(enum usage_table t, enum usage_field f);

enum { USAGE_NAME = 32, USAGE_DIGEST = 32, USAGE_DAY = 10 };

struct usage_row {
	int64_t id;
	const uint8_t *name;		      /* SHA-256 of what the row is told apart by */
	const char *field[USAGE_FIELD_COUNT]; /* "": none; NULL: its table has no such column */
	uint64_t sum[USAGE_SUM_COUNT];	      /* at most INT64_MAX: a sum stays there */
	int64_t first, last;		      /* entries: the first and the last that are in it */
	uint8_t digest[USAGE_DIGEST];	      /* usage_digest_add() of all */
};

/* Sums that stay at INT64_MAX, so that their order means nothing. */
void usage_sum_add(uint64_t *sum, uint64_t add);
/* The sum of two integers of 256 bits, the highest byte first, modulo 2^256. */
void usage_digest_add(uint8_t sum[USAGE_DIGEST], const uint8_t add[USAGE_DIGEST]);
/* Adds sums, digest, first and last of a row to another. */
void usage_row_add(struct usage_row *to, const struct usage_row *add);

/* How many entries, from the first one on, are in the sums; and the digest of all of them, acts
 * included, which no row has. */
struct usage_cursor {
	int64_t entries;
	uint8_t digest[USAGE_DIGEST];
};
int usage_cursor(struct store *s, struct usage_cursor *ret, struct err *reterr);
int usage_cursor_put(struct store *s, const struct usage_cursor *c, struct err *reterr);
/* Adds to the row of that name, or makes it. */
int usage_put(struct store *s, enum usage_table t, const struct usage_row *row, struct err *reterr);

/*
 * Rows of the days `from` to `to`, by day and then by ID, after day `from` and ID `after`; of one
 * tenant, or of all (NULL). Until fn has enough (not 0).
 */
typedef int usage_fn(void *arg, const struct usage_row *row);
int usage_find(struct store *s, enum usage_table t, const char *tenant, const char *from,
	       int64_t after, const char *to, usage_fn *fn, void *arg, struct err *reterr);
