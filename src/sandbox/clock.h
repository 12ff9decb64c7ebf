/*
 * The run's clock and the run's chance.
 *
 * The engine reads the wall clock through the C library. This program defines clock_gettime(2) and
 * gettimeofday(2) itself, so that everything in the process (Date, Intl, ICU) sees the time the
 * node last told, and it stands still in between. CLOCK_MONOTONIC stays real: the collector paces
 * itself by it, and no JavaScript can read it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

void sandbox_clock_init(void);		/* before the engine starts */
void sandbox_clock_set(int64_t now_ms); /* from now on the wall clock says this */
int64_t sandbox_clock_now(void);

/* A stream of bytes that depends on the seed alone (ChaCha20 under a key derived from it). */
void sandbox_random_seed(uint64_t seed);
void sandbox_random(void *out, size_t len); /* zeros before the seed is set */
