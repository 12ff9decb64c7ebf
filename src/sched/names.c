#include "sched/names.h"

#include <sodium.h>

static uint8_t secret[crypto_shorthash_KEYBYTES];

uint64_t names_hash(const void *data, size_t len)
{
	static int known;
	uint64_t hash;

	if (!known) {
		randombytes_buf(secret, sizeof(secret));
		known = 1;
	}
	_Static_assert(sizeof(hash) == crypto_shorthash_BYTES, "SipHash has 64 bits");
	crypto_shorthash((uint8_t *)&hash, data, len, secret);
	return hash;
}
