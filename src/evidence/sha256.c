#include "evidence/sha256.h"

#include <sodium.h>
#include <string.h>

enum { BLOCK = 64 };

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

static const uint32_t constants[64] __attribute__((aligned(16))) = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2};

/*
 * Intel SDM, SHA256RNDS2, SHA256MSG1 and SHA256MSG2. The state is kept as the instructions want it:
 * words A, B, E, F in one register and C, D, G, H in the other. Each turn of the inner loop is four
 * rounds, and makes the four words of the schedule that are used four turns later.
 */
__attribute__((target("sha,sse4.1"))) static void compress(uint32_t state[8], const uint8_t *p,
							   size_t blocks)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
	__m128i dcba = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xb1);
	__m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1b);
	__m128i abef = _mm_alignr_epi8(dcba, hgfe, 8), cdgh = _mm_blend_epi16(hgfe, dcba, 0xf0);

	for (; blocks; blocks--, p += BLOCK) {
		__m128i w[4], before_abef = abef, before_cdgh = cdgh;

		for (int i = 0; i < 4; i++)
			w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)p + i), swap);
#pragma GCC unroll 16
		for (int i = 0; i < 16; i++) {
			__m128i *now = &w[i & 3], last = w[(i + 3) & 3];
			__m128i k = _mm_add_epi32(*now, _mm_load_si128((__m128i *)constants + i));

			cdgh = _mm_sha256rnds2_epu32(cdgh, abef, k);
			abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(k, 0x0e));
			if (i < 12)
				*now = _mm_sha256msg2_epu32(
					_mm_add_epi32(_mm_sha256msg1_epu32(*now, w[(i + 1) & 3]),
						      _mm_alignr_epi8(last, w[(i + 2) & 3], 4)),
					last);
		}
		abef = _mm_add_epi32(abef, before_abef);
		cdgh = _mm_add_epi32(cdgh, before_cdgh);
	}
	dcba = _mm_shuffle_epi32(abef, 0x1b);
	hgfe = _mm_shuffle_epi32(cdgh, 0xb1);
	_mm_storeu_si128((__m128i *)state, _mm_blend_epi16(dcba, hgfe, 0xf0));
	_mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(hgfe, dcba, 8));
}

static int able;

__attribute__((constructor)) static void look(void)
{
	unsigned a, b, c, d;

	able = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSSE3) && (c & bit_SSE4_1) &&
	       __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

#else

enum { able = 0 };

static void compress(uint32_t state[8], const uint8_t *p, size_t blocks)
{
}

#endif

static void add(crypto_hash_sha256_state *s, const void *data, size_t len)
{
	size_t held = s->count % BLOCK, n;
	const uint8_t *p = data;

	s->count += len;
	if (held) {
		n = len < BLOCK - held ? len : BLOCK - held;
		memcpy(s->buf + held, p, n);
		p += n;
		len -= n;
		if (held + n < BLOCK)
			return;
		compress(s->state, s->buf, 1);
	}
	compress(s->state, p, len / BLOCK);
	memcpy(s->buf, p + len / BLOCK * BLOCK, len % BLOCK);
}

static void finish(crypto_hash_sha256_state *s, uint8_t ret[SHA256_SIZE])
{
	size_t held = s->count % BLOCK;
	uint64_t bits = s->count * 8;

	s->buf[held++] = 0x80;
	if (held > BLOCK - 8) {
		memset(s->buf + held, 0, BLOCK - held);
		compress(s->state, s->buf, 1);
		held = 0;
	}
	memset(s->buf + held, 0, BLOCK - 8 - held);
	for (int i = 0; i < 8; i++)
		s->buf[BLOCK - 1 - i] = (uint8_t)(bits >> (8 * i));
	compress(s->state, s->buf, 1);
	for (int i = 0; i < SHA256_SIZE; i++)
		ret[i] = (uint8_t)(s->state[i / 4] >> (24 - i % 4 * 8));
}

void sha256(const void *data, size_t len, uint8_t ret[SHA256_SIZE])
{
	crypto_hash_sha256_state s;

	if (!able) {
		crypto_hash_sha256(ret, data, len);
		return;
	}
	crypto_hash_sha256_init(&s); /* the same words to begin with, and a count of zero */
	if (len)
		add(&s, data, len);
	finish(&s, ret);
}

void sha256_after(uint8_t first, const void *a, size_t a_len, const void *b, size_t b_len,
		  uint8_t ret[SHA256_SIZE])
{
	crypto_hash_sha256_state s;

	crypto_hash_sha256_init(&s);
	if (able) {
		add(&s, &first, 1);
		add(&s, a, a_len);
		add(&s, b, b_len);
		finish(&s, ret);
	} else {
		crypto_hash_sha256_update(&s, &first, 1);
		crypto_hash_sha256_update(&s, a, a_len);
		crypto_hash_sha256_update(&s, b, b_len);
		crypto_hash_sha256_final(&s, ret);
	}
}
