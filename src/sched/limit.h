/*
 * How many runs the machine does well at once: a limit that follows the gradient of latency
 * (Netflix, concurrency-limits, Gradient2). Latency is measured as stretch, so that it does not
 * depend on what runs do: the time in which a run could have used the CPU (it was not waiting for
 * an answer or a timer), to the CPU time that it used. Pure code; time is an argument.
 *
 * Every `window_ns`, if at least `samples` runs ended: the window's stretch (sum of active time to
 * sum of CPU time) is held against the best that was seen for long; where it is more than
 * `tolerance` times that, the limit sinks in proportion, at most to half; else it rises by its
 * square root, but only if it was in use. So it neither grows while nobody needs it, nor sinks for
 * runs that wait for others.
 */
#pragma once

#include <stdint.h>

struct limit_config {
	uint32_t min, max, start; /* min 1 */
	uint32_t samples;
	uint64_t window_ns;
	double tolerance; /* 2: runs may take twice as long as alone */
};

struct limit {
	struct limit_config config;
	double value, best; /* best: stretch; 0: not known yet */
	uint64_t window_from, active_us, cpu_us;
	uint32_t ended, most; /* most: running at once in this window */
	double stretch;	      /* of the last whole window, to be shown; 0: none yet */
};

void limit_init(struct limit *l, const struct limit_config *config);
/* A run is over; `running`: how many were, with it. The limit from now on. */
uint32_t limit_ended(struct limit *l, uint64_t active_us, uint64_t cpu_us, uint32_t running,
		     uint64_t now);
