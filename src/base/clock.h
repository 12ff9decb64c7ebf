/* Time. Monotonic nanoseconds for measuring, wall-clock milliseconds for people. */
#pragma once

#include <stdint.h>

#define NS_PER_US 1000ULL
#define NS_PER_MS 1000000ULL
#define NS_PER_S 1000000000ULL

uint64_t clock_now_ns(void); /* CLOCK_MONOTONIC */
int64_t clock_wall_ms(void); /* milliseconds since 1970-01-01T00:00:00Z */

/* Writes "2026-01-02T03:04:05.678Z" (RFC 3339) into out. */
enum { CLOCK_TEXT_SIZE = 40 };
void clock_text(int64_t wall_ms, char out[CLOCK_TEXT_SIZE]);
