/* How long to wait before something is tried again: twice as long each time, and not all at once.
 */
#pragma once

#include <stdint.h>

struct backoff {
	uint32_t next_ms; /* 0: from the beginning */
};

enum { BACKOFF_FIRST_MS = 250, BACKOFF_MAX_MS = 60000 };

/* Milliseconds: between half of the present step and all of it; at least `least_ms`. */
uint64_t backoff_ms(struct backoff *b, uint64_t least_ms);

/* Waits so long. */
void backoff_sleep(uint64_t ms);
