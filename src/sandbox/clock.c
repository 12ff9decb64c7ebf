#include "sandbox/clock.h"

#include <dlfcn.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

typedef int clock_gettime_fn(clockid_t clock, struct timespec *ts);

static clock_gettime_fn *real_clock_gettime;
static int64_t frozen_ms = -1;

void sandbox_clock_init(void)
{
	/* POSIX has dlsym give functions as object pointers; the copy says so to the compiler. */
	void *p = dlsym(RTLD_NEXT, "clock_gettime");

	memcpy(&real_clock_gettime, &p, sizeof(p));
	if (!p || sodium_init() < 0)
		abort();
}

void sandbox_clock_set(int64_t now_ms)
{
	frozen_ms = now_ms;
}

int64_t sandbox_clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *ts)
{
	if (frozen_ms >= 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
		ts->tv_sec = frozen_ms / 1000;
		ts->tv_nsec = frozen_ms % 1000 * 1000000;
		return 0;
	}
	if (!real_clock_gettime)
		sandbox_clock_init();
	return real_clock_gettime(clock, ts);
}

__attribute__((visibility("default"))) int gettimeofday(struct timeval *restrict tv,
							void *restrict zone)
{
	struct timespec t;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &t);
	tv->tv_sec = t.tv_sec;
	tv->tv_usec = t.tv_nsec / 1000;
	return 0;
}

static struct {
	int seeded;
	uint8_t key[crypto_stream_chacha20_KEYBYTES];
	uint64_t block; /* next counter value, in units of 64 bytes */
	uint8_t pool[1024];
	size_t used;
} chance = {.used = sizeof(chance.pool)};

void sandbox_random_seed(uint64_t seed)
{
	uint8_t text[8];

	for (int i = 0; i < 8; i++)
		text[i] = (uint8_t)(seed >> (8 * i));
	crypto_generichash(chance.key, sizeof(chance.key), text, sizeof(text),
			   (const uint8_t *)"cordon/run-seed/1", 17);
	chance.block = 0;
	chance.used = sizeof(chance.pool);
	chance.seeded = 1;
}

void sandbox_random(void *out, size_t len)
{
	static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];
	uint8_t *to = out;

	memset(out, 0, len);
	if (!chance.seeded)
		return;
	while (len) {
		size_t n;

		if (chance.used == sizeof(chance.pool)) {
			memset(chance.pool, 0, sizeof(chance.pool));
			crypto_stream_chacha20_xor_ic(chance.pool, chance.pool, sizeof(chance.pool),
						      nonce, chance.block, chance.key);
			chance.block += sizeof(chance.pool) / 64;
			chance.used = 0;
		}
		n = sizeof(chance.pool) - chance.used;
		if (n > len)
			n = len;
		memcpy(to, chance.pool + chance.used, n);
		chance.used += n;
		to += n;
		len -= n;
	}
}
