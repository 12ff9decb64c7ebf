#include "cli/backoff.h"

#include "base/macros.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

uint64_t backoff_ms(struct backoff *b, uint64_t least_ms)
{
	uint32_t step = b->next_ms ? b->next_ms : BACKOFF_FIRST_MS, dice = 0;

	b->next_ms = (uint32_t)MIN_U64(2 * step, BACKOFF_MAX_MS);
	if (getrandom(&dice, sizeof(dice), GRND_NONBLOCK) != sizeof(dice))
		dice = (uint32_t)getpid(); /* chance only keeps many from coming at once */
	return MAX_U64(least_ms, step / 2 + dice % (step / 2 + 1));
}

void backoff_sleep(uint64_t ms)
{
	struct timespec t = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}
