/*
 * Identifiers: a prefix, "_", and 26 characters of Crockford's base32 that hold 48 bits of
 * milliseconds and 80 random bits (the layout of a ULID), so they sort by time of birth.
 */
#pragma once

#include <stdint.h>

enum { ID_SIZE = 40 };

/* prefix: at most 12 lower-case letters. */
void id_new(const char *prefix, char out[ID_SIZE]);

/* The smallest one of that millisecond: those born before sort before it. */
void id_at(const char *prefix, int64_t ms, char out[ID_SIZE]);
