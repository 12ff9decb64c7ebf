/*
 * Days as bills have them: from midnight to midnight in the billing time zone (setting
 * billing.zone, a name of the IANA time zone database), so of 23 or 25 hours where the clock is
 * changed. A run belongs to the day in which it was accepted.
 */
#pragma once

#include <stdint.h>

enum { DAY_SIZE = 11 /* "2026-11-21" */, DAY_ZONE_SIZE = 64 };

/* Once, before files are out of reach. -ENOENT: there is no such zone; -EINVAL: that is no name of
 * one. NULL or "": UTC. */
int day_zone(const char *name);
void day_of(int64_t ms, char out[DAY_SIZE]);
int64_t day_end(int64_t ms); /* when the day of that moment ends */
