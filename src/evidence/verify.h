/*
 * Checks a bundle offline, as an outsider would, from nothing but a trusted root. Hostile input:
 * every member is checked for its type, and sizes have maxima.
 */
#pragma once

#include "evidence/trust.h"

#include <jansson.h>

struct verified {
	json_t *statement; /* json_decref() it */
	char hint[DSSE_HINT_SIZE];
	struct checkpoint checkpoint;
	uint64_t index;
};
/*
 * In order: form, statement key known, signature, log entry, inclusion, checkpoint. The first that
 * fails gives the code: verify.form, verify.key, verify.signature, verify.entry, verify.inclusion,
 * verify.checkpoint. Only what passed all that is read as a Statement (in-toto, v1), which must
 * have a subject with a SHA-256 digest: else, again, verify.form.
 */
int verify_bundle(const struct trust *t, const void *text, size_t len, struct verified *ret,
		  struct err *reterr);
