/* What runs brought to light, read from a state database that may be somebody's work. */
#pragma once

#include "store/store.h"

struct payload_row {
	const char *id;
	const char *result; /* JSON, or whatever stands there */
	size_t result_len;
	const char *payloads; /* lines: number of the event, a space, JSON */
	size_t payloads_len;
	int64_t erased;
};
typedef void payload_fn(void *arg, const struct payload_row *row);

/* All runs that are over and were not erased. Opens the database of that directory for reading. */
int payloads_each(const char *directory, payload_fn *fn, void *arg, struct err *reterr);
