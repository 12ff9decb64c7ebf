/* Whom a verifier trusts: the keys of logs and of statements. */
#pragma once

#include "base/err.h"
#include "evidence/bundle.h"

enum { VERIFY_FILE_MAX = 16 << 20, VERIFY_KEYS_MAX = 1024 };

/* What trusted_root_write() wrote, read. The times of validity are not: a bundle has no time. */
struct trust {
	struct generation *generations; /* of statement keys, only hint and public key are known */
	size_t n;
	struct note_key *logs;
	size_t n_logs;
};
/* -EBADMSG, trust.form. */
int trust_read(const void *text, size_t len, struct trust *ret, struct err *reterr);
void trust_done(struct trust *t);
