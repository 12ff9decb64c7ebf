/*
 * What a receipt says: an in-toto Statement v1 (in-toto/attestation, spec/v1/statement.md) in
 * canonical JSON. Its subject is what it is about, by SHA-256: the artifact and the output of a run
 * where there are such, and always the journal, by its root.
 *
 * The predicate has what control says ("facts": who, what, under which policy, with which limits,
 * how it ended), and three members that the ledger makes itself, which facts cannot have:
 *   journal    root, count, sealed_by: "node" or "control"; the artifact that its first event
 *              names, outcome and reason of its last: the node's word, where it sealed it
 *   decisions  what the journal has of them: how many by rule and reason, denied ones in full
 *   recorded   receipt, time, generation of the signing keys
 */
#pragma once

#include "base/err.h"
#include "evidence/journal.h"

#define STATEMENT_TYPE "https://in-toto.io/Statement/v1"
#define STATEMENT_RUN "urn:cordon:run:v1"
#define STATEMENT_ACT "urn:cordon:act:v1" /* facts of an act: its event, under "event" */

enum {
	STATEMENT_DENIALS_MAX = 100, /* in full; the journal has the rest */
	STATEMENT_DENIALS_BYTES = 96 << 10,
	STATEMENT_RULES_MAX = 100,
};

struct statement {
	const char *predicate; /* STATEMENT_RUN, STATEMENT_ACT */
	const char *facts;     /* a JSON object */
	size_t facts_len;
	const struct journal *journal;
	const char *receipt;
	int64_t time_ms;
	unsigned generation;
	int sealed_by_node;
};

/*
 * Appends the statement. -EINVAL with *reterr (statement.*): facts are no object, or have a member
 * that is the ledger's; -ENOSPC: it is larger than out's maximum.
 */
int statement_write(const struct statement *s, struct buf *out, struct err *reterr);

/*
 * Whether `text` is what statement_write() gives for the facts that it holds, and for `s`, whose
 * own facts are not looked at. 0, or -EBADMSG with what is wrong in words (statement.differs). *ret
 * are its tokens, as canonical_check() gives them.
 */
struct tokens;
int statement_check(const struct statement *s, const void *text, size_t len, struct tokens *ret,
		    struct err *reterr);
