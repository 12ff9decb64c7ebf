/*
 * A log in memory with keys that are always the same, for tests and for measuring. Statement number
 * i is always the same too.
 */
#pragma once

#include "evidence/bundle.h"

#define SAMPLE_ORIGIN "log.example.com/evidence"

enum { SAMPLE_LEVELS = 4 };

struct sample_log {
	struct generation keys;
	uint8_t statement_secret[DSSE_SECRET], log_secret[NOTE_SECRET];
	struct merkle_range range;
	struct hash *levels[SAMPLE_LEVELS]; /* what the tiles hold, end to end */
	size_t n[SAMPLE_LEVELS];
	unsigned reads; /* of tiles */
};

/* seed: which keys. */
void sample_log_init(struct sample_log *l, uint8_t seed);
void sample_log_done(struct sample_log *l);
void sample_log_add(struct sample_log *l, const struct hash *leaf);
/* A merkle_tile_fn of a struct sample_log; -ENOENT for what the log does not have. */
int sample_log_tile(void *arg, unsigned level, uint64_t n, unsigned width, struct hash *out);

/* Statement i, and the log entry of it and its signature. */
void sample_statement(unsigned i, struct buf *out);
void sample_log_entry(const struct sample_log *l, unsigned i, struct buf *out);
/* Signed checkpoint of the first `size` leaves. */
void sample_log_checkpoint(struct sample_log *l, uint64_t size, struct buf *out);
void sample_log_bundle(struct sample_log *l, unsigned i, uint64_t size, struct buf *out);
