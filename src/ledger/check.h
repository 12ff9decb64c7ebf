/*
 * `cordon-ledger check`: everything in the ledger's database, recomputed from the entries.
 *
 *   check.c        what is asked for, what comes first, and the verdict
 *   check_say.c    the verdict, told
 *   check_pool.c   threads, each of which looks at one range of the log after the other
 *   check_entry.c  one range: entries, their marks, the checkpoints among them
 *   check_tree.c   what only all of them together give: tiles and roots
 *   check_part.c   what a statement adds to usage
 *   check_usage.c  sums of usage, added up once more
 *   check_export.c  an export of them, against the same entries
 *   check_payloads.c  what the state database has of runs, which payloads.c reads
 */
#pragma once

#include "ledger/log.h"
#include "store/ledger_strict.h"

#include <pthread.h>
#include <stdio.h>

enum {
	CHECK_RANGE = 4096, /* entries that a thread takes at once */
	CHECK_THREADS_MAX = 16,
	CHECK_FINDINGS_MAX = 20,
	CHECK_TEXT = 512,
};

/* Where something is wrong. */
enum place {
	AT_DATABASE,
	AT_GENERATION,
	AT_ENTRY,
	AT_TILE,
	AT_CHECKPOINT,
	AT_STATE,
	AT_USAGE,  /* a row of a table of usage */
	AT_EXPORT, /* a row of the export */
};

struct finding {
	enum place place;
	int64_t number; /* of the generation, entry, tile or row (its ID); size of the checkpoint */
	char subject[128]; /* of an entry; of a row the name of its table */
	char text[CHECK_TEXT];
};

struct findings {
	struct finding f[CHECK_FINDINGS_MAX];
	size_t n;
	int more; /* than there is room for */
};
void findings_add(struct findings *f, enum place place, int64_t number, const char *subject,
		  const char *format, ...) _printf_(5, 6);

/* What a checkpoint says, its form and signatures being right. */
struct claim {
	int64_t size;
	struct hash root;
};

/* What the receipt of a run adds to usage. */
struct part {
	int is_run;
	uint8_t name[USAGE_TABLE_COUNT][USAGE_NAME]; /* of the rows that it is in */
	uint64_t sum[USAGE_SUM_COUNT];
	uint8_t digest[USAGE_DIGEST]; /* SHA-256 of its subject */
};

/* What came of one range. */
struct range {
	int64_t from, to;
	struct hash leaves[CHECK_RANGE];
	int64_t times[CHECK_RANGE];
	int64_t good; /* leaves that are there, from the first one on */
	struct claim claims[CHECK_RANGE];
	size_t n_claims;
	uint64_t events;
	struct part parts[CHECK_RANGE];
	struct findings found;
};

struct kept {
	int given;
	struct checkpoint checkpoint;
};

/* What all threads read, and none changes once they run. */
struct check {
	const char *directory;
	int signatures, json;
	unsigned threads;
	struct kept kept; /* a checkpoint from elsewhere */
	char origin[NOTE_NAME_MAX + 1];
	int64_t size, newest; /* entries; those that the newest checkpoint covers */
	struct generation *generations;
	int64_t *firsts;
	size_t n_generations;
};
/* The generation (from 0) that signs entry `index`. */
size_t check_generation(const struct check *c, int64_t index);

/* check_entry.c */
struct looker;
struct looker *looker_new(const struct check *c, struct store *s);
void looker_free(struct looker *k);
/* Fills r, whose from and to are set. */
void looker_look(struct looker *k, struct range *r);
/* The first entry of these that its key has not signed, -1: there is none. */
int64_t looker_unsigned(struct looker *k, int64_t from, int64_t to);

/* check_pool.c */
struct pool;
/* NULL: *reterr says why. */
struct pool *pool_new(const struct check *c, struct err *reterr);
/* The next range in order, for the caller until the next call; NULL: that was the last. */
struct range *pool_next(struct pool *p);
/* Waits for the threads; what the database's own check has found is added. */
void pool_free(struct pool *p, struct findings *f);

/* check_part.c */
struct tokens;
/* What the statement of a run adds; `t` are its tokens. */
void part_read(struct part *p, const struct tokens *t, const char *subject);
void part_act(struct part *p, const char *subject); /* only that it is there */
/* The name of a row that has these fields: what `field` has for a table's columns. */
void part_name(enum usage_table t, const char *const *field, uint8_t name[USAGE_NAME]);

/* check_usage.c */
struct sums;
/* Of the entries that the database's cursor names. The store is this check's view of the sums. */
struct sums *sums_new(const struct check *c, struct store *s, struct findings *f);
void sums_free(struct sums *s);
void sums_add(struct sums *s, const struct range *r);
/* After the last range: what the tables have otherwise. */
struct sums_state {
	uint64_t rows;
	int64_t entries;	  /* that are in them */
	uint64_t exported, newer; /* rows of the export; those with entries that came since */
	int whole;		  /* rows that it lacks were looked for */
};
void sums_compare(struct sums *s, struct sums_state *ret);
/* What an export has: the row as of its last entry. Before sums_add(). -EEXIST: it has it already.
 */
int sums_export(struct sums *s, enum usage_table t, int64_t line, const struct usage_row *says);
/* Each row of which the first entry is below `entries`, of these days and this tenant ("": of all),
 * must be in it. */
void sums_export_whole(struct sums *s, enum usage_table t, int64_t entries, const char *tenant,
		       const char *from, const char *to);

/* check_export.c: -EINVAL: it is no export. */
int export_read(FILE *f, struct sums *s, struct err *reterr);

/* check_payloads.c: `list` is what payloads.c has written. */
struct payloads {
	uint64_t count;
	int whole;     /* it was looked at to its end; else */
	char why[256]; /* why not */
};
int check_payloads(const char *directory, FILE *list, struct payloads *ret, struct findings *f,
		   struct err *reterr);

/* check_tree.c */
struct tree;
struct tree *tree_new(const struct check *c, struct store *s, struct findings *f);
void tree_free(struct tree *t);
void tree_add(struct tree *t, const struct range *r);
/* After the last range: what should be there and did not come, or is there in vain. */
void tree_end(struct tree *t);
struct tree_state {
	struct hash newest_root;
	int64_t newest, newest_ms; /* size and time of the newest checkpoint */
	int64_t checkpoints;
	/* Sizes of checkpoints: the first whose root is not that of the entries, and the last
	 * before it whose root is; 0: there is none. */
	int64_t wrong, right;
};
const struct tree_state *tree_state(const struct tree *t);

/* check_say.c */
struct verdict {
	struct check check;
	struct findings found;
	struct tree_state tree;
	uint64_t events;
	struct sums_state usage;
	int usage_only; /* it is told of usage alone */
	FILE *export;	/* of usage; NULL: there is none to be looked at */
	FILE *list;	/* of payloads; NULL: they are not looked at */
	struct payloads payloads;
	double seconds;
};
/* On standard output. */
void check_say(const struct verdict *v);
