/* Entries as real runs and acts have them: what control and the node would send of them. */
#pragma once

#include "evidence/journal.h"
#include "wire/message.h"

struct sample {
	char subject[40];
	struct buf facts;
	struct journal journal;
	uint8_t seal[JOURNAL_SEAL];
	int sealed, act;
};

/*
 * Number n, the same each time but for its subject, which is new. Of ten, seven are runs of about
 * 1.2 KB of facts and three events; with `varied` some of the others are denied, asked for what
 * they may not have, or are acts.
 */
void sample_make(struct sample *s, uint64_t n, int varied, const uint8_t seal_key[JOURNAL_KEY]);
void sample_done(struct sample *s);

/* The message that appends it; it points into the sample. */
struct msg sample_append(const struct sample *s, uint64_t handle, int synced);
