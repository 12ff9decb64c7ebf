/* `cordon events export`: its options, and what runs it. */
#pragma once

#include "cli/event_query.h"

struct export_options {
	struct shared_options shared;
	struct event_query query;
	const char *to, *cursor, *format, *ca;
	struct option_list headers;
	uint64_t timeout_s;
	int follow;
};

extern const struct option_row export_rows[];
int export_events(const struct call *call);
