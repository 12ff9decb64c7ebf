/*
 * The journal of a run: canonical events, one per line, numbered without gaps from 1 ("seq"), each
 * but the first with the leaf hash of the one before it ("prev", hexadecimal). Its root is that of
 * the Merkle tree (merkle.h) whose leaves are the lines, without their line feeds.
 */
#pragma once

#include "base/buf.h"
#include "evidence/merkle.h"

enum { JOURNAL_SEAL = 32, JOURNAL_KEY = 32 };

struct journal {
	struct buf lines;
	struct merkle_range tree; /* its size is the last number given */
	struct hash last;
};

/*
 * Adds an event. `members` is the text of a JSON object without "seq" and "prev", which are added.
 * -ENOSPC: no room; others as canonical_json() has them. Nothing was added then.
 */
int journal_append(struct journal *j, const char *members, size_t len);

/*
 * Reads lines that somebody else wrote into an empty journal (lines.max set): numbers, links and
 * canonical form must be right. -EBADMSG; *ret_line is the first bad line, from 1.
 */
int journal_load(struct journal *j, const void *lines, size_t len, uint64_t *ret_line);

/* The node's word for it: keyed BLAKE2b (RFC 7693) of run, count and root. */
void journal_seal(const uint8_t key[JOURNAL_KEY], const char *run, uint64_t count,
		  const struct hash *root, uint8_t ret[JOURNAL_SEAL]);
