/*
 * Amounts as people write them, as integers: `50ms`, `64MiB`, `10/s`. Checked for overflow; no
 * fractions, no signs, no spaces, no leading zeros. 0 or -EINVAL (not an amount), -ERANGE (too
 * large for 53 bits, which is what canonical JSON can carry).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define AMOUNT_MAX (((uint64_t)1 << 53) - 1)

struct policy_rate {
	uint64_t count;	    /* tokens: that many at once */
	uint64_t period_us; /* in which `count` tokens come back, evenly; 0: no rate limit */
};

/* us, ms, s, m, h. */
int amount_duration(const char *s, uint64_t *ret_us);

/* B, KiB, MiB, GiB, or a plain number of bytes. */
int amount_size(const char *s, uint64_t *ret_bytes);

/* N/s, N/m, N/h. */
int amount_rate(const char *s, struct policy_rate *ret);

/* The shortest exact spelling: "50ms", "64MiB", "10/s". */
enum { AMOUNT_TEXT = 32 };
const char *amount_duration_text(uint64_t us, char out[AMOUNT_TEXT]);
const char *amount_size_text(uint64_t bytes, char out[AMOUNT_TEXT]);
const char *amount_rate_text(struct policy_rate rate, char out[AMOUNT_TEXT]);
