/*
 * Runtime tokens: JSON Web Tokens (RFC 7519), signed with Ed25519 (RFC 8037), that carry a lease to
 * whoever runs code under it. Only the very header that is issued here is accepted: there is no
 * algorithm to choose, and no key to name.
 *
 * A token is proof of what was granted, not that it still stands: lease_check() asks that.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"

#include <sodium.h>

enum { TOKEN_MAX = 1024 };

struct token_key {
	uint8_t public[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
};

struct token {
	char lease[ID_SIZE];
	char tenant[64];
	char policy[80]; /* digest of the profile */
	int64_t epoch;
	int64_t issued_ms, expires_ms;
};

/* The compact form, as text. */
int token_issue(const struct token_key *key, const struct token *t, struct buf *out);

/*
 * -EBADMSG: not a token of this key, or changed. Expiry is the caller's to judge. `ret` is filled
 * only if the signature holds.
 */
int token_read(const struct token_key *key, const char *text, struct token *ret);
