#include "base/id.h"

#include "base/clock.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static void write_id(const char *prefix, const uint8_t raw[16], char out[ID_SIZE])
{
	static const char set[] = "0123456789abcdefghjkmnpqrstvwxyz";
	int n = snprintf(out, ID_SIZE, "%.12s_", prefix);

	/* 128 bits in 26 characters: the first holds the top 3 bits. */
	for (int i = 0, bit = -2; i < 26; i++, bit += 5) {
		unsigned v = 0;

		for (int k = 0; k < 5; k++) {
			int at = bit + k;

			v = v << 1 | (at < 0 ? 0u : (raw[at / 8] >> (7 - at % 8)) & 1u);
		}
		out[n++] = set[v];
	}
	out[n] = '\0';
}

void id_at(const char *prefix, int64_t ms, char out[ID_SIZE])
{
	uint8_t raw[16] = {0};

	if (ms < 0) /* before there were any */
		ms = 0;
	for (int i = 0; i < 6; i++)
		raw[i] = (uint8_t)((uint64_t)ms >> (40 - 8 * i));
	write_id(prefix, raw, out);
}

void id_new(const char *prefix, char out[ID_SIZE])
{
	uint64_t ms = (uint64_t)clock_wall_ms();
	uint8_t raw[16];

	for (int i = 0; i < 6; i++)
		raw[i] = (uint8_t)(ms >> (40 - 8 * i));
	if (getrandom(raw + 6, 10, 0) != 10)
		abort();
	write_id(prefix, raw, out);
}
