/* SHA-256 against libsodium's: every length around the edges of blocks, at every alignment. */
#include "evidence/sha256.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <sodium.h>
#include <string.h>

static void known_answer(void **state)
{
	/* FIPS 180-4, appendix B.1 of its predecessor: "abc" */
	static const uint8_t abc[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
				      0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
				      0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
				      0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
	uint8_t got[SHA256_SIZE];

	sha256("abc", 3, got);
	assert_memory_equal(got, abc, sizeof(abc));
	sha256_after('a', "b", 1, "c", 1, got);
	assert_memory_equal(got, abc, sizeof(abc));
	sha256_after('a', "bc", 2, "", 0, got);
	assert_memory_equal(got, abc, sizeof(abc));
}

static void every_length(void **state)
{
	uint8_t data[1100], got[SHA256_SIZE], want[SHA256_SIZE];

	randombytes_buf(data, sizeof(data));
	for (size_t len = 0; len <= 1024; len++) {
		size_t at = len % 64;

		sha256(data + at, len, got);
		crypto_hash_sha256(want, data + at, len);
		assert_memory_equal(got, want, sizeof(want));
	}
}

static void every_split(void **state)
{
	uint8_t data[300], got[SHA256_SIZE], want[SHA256_SIZE];

	randombytes_buf(data, sizeof(data));
	crypto_hash_sha256(want, data, sizeof(data));
	for (size_t len = 0; len < sizeof(data); len++) {
		sha256_after(data[0], data + 1, len, data + 1 + len, sizeof(data) - 1 - len, got);
		assert_memory_equal(got, want, sizeof(want));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answer),
		cmocka_unit_test(every_length),
		cmocka_unit_test(every_split),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
