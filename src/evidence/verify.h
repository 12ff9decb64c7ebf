/*
 * Checks a bundle offline, as an outsider would, from nothing but a trusted root. Hostile input:
 * every member is checked for its type, and sizes have maxima.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "evidence/bundle.h"

#include <jansson.h>

enum { VERIFY_FILE_MAX = 16 << 20, VERIFY_KEYS_MAX = 1024 };

/* What trusted_root_write() wrote, read. */
struct trust {
	struct generation *generations; /* of statement keys, only hint and public key are known */
	size_t n;
	struct note_key *logs;
	size_t n_logs;
};
int trust_read(const void *text, size_t len, struct trust *ret, struct err *reterr);
void trust_done(struct trust *t);

struct verified {
	json_t *statement; /* json_decref() it */
	char hint[DSSE_HINT_SIZE];
	struct checkpoint checkpoint;
	uint64_t index;
};
/*
 * In order: form, statement key known, signature, log entry, inclusion, checkpoint. The first that
 * fails gives the code: verify.form, verify.key, verify.signature, verify.entry, verify.inclusion,
 * verify.checkpoint.
 */
int verify_bundle(const struct trust *t, const void *text, size_t len, struct verified *ret,
		  struct err *reterr);
