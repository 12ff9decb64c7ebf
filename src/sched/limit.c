#include "sched/limit.h"
#include "base/macros.h"

#include <math.h>

/*
 * One run counts in its window for at most so many tolerances of stretch: a run that somehow makes
 * itself slow while it uses no CPU is not to halve the limit of everybody.
 */
#define WORST_TOLERANCES 4.0
/*
 * The best stretch is forgotten slowly, for machines change: a part of the difference at each
 * window in which the limit does not show in it, since not half of it was used, or it cannot sink
 * any more. In others it would be the limit's own doing, and both would rise for ever.
 */
#define FORGETTING (1 / 64.0)
/* Longer than any run takes; beyond it a time is a mistake of who measured. */
#define TIME_MAX_US (1ULL << 40)

void limit_init(struct limit *l, const struct limit_config *config)
{
	*l = (struct limit){.config = *config};
	if (l->config.min < 1)
		l->config.min = 1;
	if (l->config.max < l->config.min)
		l->config.max = l->config.min;
	if (!(l->config.tolerance >= 1)) /* nor NaN */
		l->config.tolerance = 1;
	l->value = fmin(fmax(config->start, l->config.min), l->config.max);
}

static void new_window(struct limit *l, uint64_t now)
{
	l->window_from = now;
	l->active_us = l->cpu_us = 0;
	l->ended = l->most = 0;
}

static void adjust(struct limit *l)
{
	double stretch = fmax((double)l->active_us / (double)l->cpu_us, 1);
	double good, min = l->config.min, max = l->config.max;

	l->stretch = stretch;
	if (l->best == 0 || stretch < l->best)
		l->best = stretch;
	good = l->config.tolerance * l->best;
	if (l->most * 2.0 <= l->value || (stretch > good && l->value <= min))
		l->best += (stretch - l->best) * FORGETTING;
	if (stretch > good)
		l->value = fmax(l->value * fmax(good / stretch, 0.5), min);
	else if (l->most >= (uint32_t)l->value)
		l->value = fmin(l->value + sqrt(l->value), max);
}

uint32_t limit_ended(struct limit *l, uint64_t active_us, uint64_t cpu_us, uint32_t running,
		     uint64_t now)
{
	double worst = WORST_TOLERANCES * l->config.tolerance * l->best;

	if (!l->window_from)
		l->window_from = now;
	if (running > l->most)
		l->most = running;
	l->ended++;
	cpu_us = MIN_U64(cpu_us, TIME_MAX_US);
	if (cpu_us) { /* who used none says nothing of how it shared it */
		active_us = MAX_U64(MIN_U64(active_us, TIME_MAX_US), cpu_us);
		if (l->best > 0 && (double)active_us > worst * (double)cpu_us)
			active_us = (uint64_t)(worst * (double)cpu_us);
		l->active_us += active_us;
		l->cpu_us += cpu_us;
	}
	if (now >= l->window_from && now - l->window_from >= l->config.window_ns &&
	    l->ended >= l->config.samples) {
		if (l->cpu_us)
			adjust(l);
		new_window(l, now);
	}
	return (uint32_t)l->value;
}
