/*
 * A line that says that something long goes on. Only on a terminal, only at standard error, and
 * only when it has taken PROGRESS_AFTER_MS already.
 */
#pragma once

#include <stdint.h>

enum { PROGRESS_AFTER_MS = 1500, PROGRESS_TICK_MS = 500 };

struct progress {
	const char *what; /* "running"; lives as long as this */
	uint64_t since_ns;
	int wanted, shown;
};

void progress_start(struct progress *p, const char *what);
void progress_tick(struct progress *p);	 /* every PROGRESS_TICK_MS or so */
void progress_clear(struct progress *p); /* before anything else is written */
