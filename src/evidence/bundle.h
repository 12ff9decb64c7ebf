/* What is handed out: Sigstore bundle v0.3, and the trusted root that verifiers need. */
#pragma once

#include "evidence/dsse.h"
#include "evidence/note.h"

struct bundle {
	const void *payload; /* the statement */
	size_t payload_len;
	const uint8_t *signature; /* DSSE_SIGNATURE bytes */
	const uint8_t *public;	  /* of the key that signed the statement */
	const struct note_key *log;
	uint64_t index, size; /* of the entry; of the tree of the checkpoint */
	const struct hash *root, *proof;
	size_t proof_n;
	const void *checkpoint; /* signed note */
	size_t checkpoint_len;
};
/* application/vnd.dev.sigstore.bundle.v0.3+json */
int bundle_write(const struct bundle *b, struct buf *out);

/* Keys of one generation: those that sign statements and checkpoints from `from_ms` on. */
struct generation {
	uint8_t statement[DSSE_PUBLIC];
	struct note_key log;
	int64_t from_ms, until_ms; /* until: 0 while it is in use */
};
/*
 * {"trustedRoot":application/vnd.dev.sigstore.trustedroot.v0.2+json,"keys":{hint:base64 SPKI DER}}.
 * A log whose keys change is one tlog for each.
 */
int trusted_root_write(const char *origin, const struct generation *g, size_t n, struct buf *out);
