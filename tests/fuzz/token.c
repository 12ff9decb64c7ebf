/*
 * Fuzz target: runtime tokens. Once as they come from outside, which must never be taken, and once
 * with a right signature over the input as claims, so that the parser behind it is reached too.
 */
#include "control/token.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void from_outside(const struct token_key *key, const uint8_t *data, size_t size)
{
	char *text = memcpy(xmalloc(size + 1), data, size);
	struct token t;

	text[size] = '\0';
	if (token_read(key, text, &t) == 0)
		abort();
	free(text);
}

static void signed_claims(const struct token_key *key, const uint8_t *data, size_t size)
{
	static const char head[] = "{\"alg\":\"EdDSA\",\"typ\":\"cordon-lease+jwt\"}";
	const int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
	uint8_t signature[crypto_sign_BYTES];
	char text[4 * TOKEN_MAX];
	struct token t;
	size_t at;

	if (size > TOKEN_MAX)
		return;
	sodium_bin2base64(text, sizeof(text), (const uint8_t *)head, sizeof(head) - 1, variant);
	at = strlen(text);
	text[at++] = '.';
	sodium_bin2base64(text + at, sizeof(text) - at, data, size, variant);
	at = strlen(text);
	crypto_sign_detached(signature, NULL, (const uint8_t *)text, at, key->secret);
	text[at++] = '.';
	sodium_bin2base64(text + at, sizeof(text) - at, signature, sizeof(signature), variant);
	if (token_read(key, text, &t) == 0 &&
	    (!memchr(t.lease, 0, sizeof(t.lease)) || !memchr(t.tenant, 0, sizeof(t.tenant)) ||
	     !memchr(t.policy, 0, sizeof(t.policy)) || t.epoch < 0 || t.expires_ms < 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[crypto_sign_SEEDBYTES] = {1};
	static struct token_key key;

	if (!key.public[0] &&
	    (sodium_init() < 0 || crypto_sign_seed_keypair(key.public, key.secret, seed)))
		abort();
	from_outside(&key, data, size);
	signed_claims(&key, data, size);
	return 0;
}
