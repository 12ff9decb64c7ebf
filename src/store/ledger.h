/*
 * The ledger's database: `ledger.db` (SQLite, write-ahead log). One process, the ledger, writes it;
 * nothing here changes or removes an entry, a tile or a checkpoint. It can be read by another
 * process meanwhile. Results as in store.h; store_begin() and store_commit() are its too.
 */
#pragma once

#include "store/store.h"

int ledger_open(const char *directory, struct store **ret, struct err *reterr);
int ledger_open_to_read(const char *directory, struct store **ret, struct err *reterr);
/* Outside of a transaction: whether the next one is on the disk when it is committed, or with the
 * operating system only. */
/* What was deleted is gone from the database and its log. -EBUSY: somebody reads. */
int ledger_erase_traces(struct store *s, struct err *reterr);
int ledger_sync(struct store *s, int on, struct err *reterr);

enum { LEDGER_HASH = 32, LEDGER_SIGNATURE = 64 };

/* The log's name, set once. -ENOENT: not yet. */
int ledger_origin(struct store *s, char *out, size_t size, struct err *reterr);
int ledger_origin_put(struct store *s, const char *origin, struct err *reterr);

/* Writes something that changes nothing: 0 if that is possible. */
int ledger_probe(struct store *s, struct err *reterr);

/* Keys, the oldest first. Numbers begin with 1. */
struct generation_row {
	int64_t number, first;		/* first: index of the first entry that it signs */
	const uint8_t *statement, *log; /* public keys, 32 bytes each */
	const uint8_t *secret;		/* both, encrypted; NULL when they were retired */
	size_t secret_len;
	int64_t from_ms, until_ms; /* until: 0 while in use */
};
typedef void generation_fn(void *arg, const struct generation_row *row);
int ledger_generations(struct store *s, generation_fn *fn, void *arg, struct err *reterr);
/* Adds one, and retires the one before it: its secret is gone. */
int ledger_generation_add(struct store *s, const struct generation_row *row, struct err *reterr);

struct entry_row {
	int64_t index, kind, generation, time_ms;
	const char *subject; /* ID of the run or act */
	const char *tenant, *trace, *session, *lease, *artifact, *profile; /* "": none */
	const uint8_t *leaf, *signature;
	const char *statement, *journal;
	size_t statement_len, journal_len;
	int64_t node; /* sealed by the node */
};
/* -EEXIST: its subject is in the log. */
int ledger_entry_add(struct store *s, const struct entry_row *row, struct err *reterr);
typedef int entry_fn(void *arg, const struct entry_row *row); /* not 0: no more */
/* -ENOENT: it is not in the log. */
int ledger_entry(struct store *s, const char *subject, entry_fn *fn, void *arg, struct err *reterr);
int ledger_entry_at(struct store *s, int64_t index, entry_fn *fn, void *arg, struct err *reterr);
/* From `from` on, in order, until fn has enough; without their journals, which may be large. */
int ledger_entries(struct store *s, int64_t from, entry_fn *fn, void *arg, struct err *reterr);
/* When it was recorded; later ones have no earlier time. */
int ledger_time(struct store *s, int64_t index, int64_t *ret, struct err *reterr);
int ledger_size(struct store *s, int64_t *ret, struct err *reterr);

/* An event that is worth finding by itself: line `line` (from 1) of an entry's journal. */
struct mark_row {
	int64_t index, line;
	const char *event, *destination, *reason;
};
int ledger_mark_add(struct store *s, const struct mark_row *row, struct err *reterr);
typedef int mark_fn(void *arg, const struct mark_row *row);		       /* not 0: no more */
int ledger_marks(struct store *s, mark_fn *fn, void *arg, struct err *reterr); /* in order */

/*
 * Entries in order, from index `from` on, of which one thing is so; `value` is NULL for
 * LEDGER_BY_INDEX. By a mark: an entry that has several comes several times in a row.
 */
enum ledger_by {
	LEDGER_BY_INDEX,
	LEDGER_BY_SUBJECT,
	LEDGER_BY_TRACE,
	LEDGER_BY_LEASE,
	LEDGER_BY_SESSION,
	LEDGER_BY_DESTINATION,
	LEDGER_BY_REASON,
	LEDGER_BY_EVENT,
	LEDGER_BY_ARTIFACT,
	LEDGER_BY_PROFILE,
	LEDGER_BY_TENANT,
};
int ledger_find(struct store *s, enum ledger_by by, const char *value, int64_t from, entry_fn *fn,
		void *arg, struct err *reterr);

int ledger_tile_add(struct store *s, unsigned level, int64_t n, const void *hashes,
		    struct err *reterr);
int ledger_tile(struct store *s, unsigned level, int64_t n, void *hashes, struct err *reterr);
int ledger_tiles_count(struct store *s, int64_t *ret, struct err *reterr);

struct checkpoint_row {
	int64_t size, time_ms;
	const char *note;
	size_t note_len;
};
int ledger_checkpoint_add(struct store *s, const struct checkpoint_row *row, struct err *reterr);
/* Puts cosignatures under one that stands. */
int ledger_checkpoint_cosign(struct store *s, const struct checkpoint_row *row, struct err *reterr);
typedef int checkpoint_fn(void *arg, const struct checkpoint_row *row);
/* The newest; -ENOENT. */
int ledger_checkpoint(struct store *s, checkpoint_fn *fn, void *arg, struct err *reterr);
int ledger_checkpoints(struct store *s, checkpoint_fn *fn, void *arg, struct err *reterr);
