/*
 * What the open-loop generator is asked to do, from its command line: an address, and streams of
 * requests with an arrival law each.
 */
#pragma once

#include "schedule.h"
#include "values.h"

enum {
	STREAMS_MAX = 16,
	STREAMS_CONNECTIONS_MAX = 1000, /* of one stream */
	STREAMS_SECONDS_MAX = 3600,
	STREAMS_RATE_MAX = 1000000,
	STREAMS_BURST_MAX = 1000000,
};

struct stream_config {
	char name[32];
	struct schedule_config schedule; /* seed: its own, made of that of all */
	struct bytes request;		 /* whole */
	struct bytes expect;		 /* the whole body of a right answer, when data is set */
	struct bytes contains;		 /* a part of it, when data is set */
	unsigned connections;		 /* at most */
	bool async;
};

struct streams {
	struct sockaddr_in address;
	unsigned count;
	struct stream_config all[STREAMS_MAX];
	double seconds, slice_seconds;
	unsigned drain_seconds; /* for what is under way at the end */
	unsigned timeout_seconds;
	uint64_t seed;
};

/* Reads the command line; explains what is wrong with it and exits with 2, or returns. */
void streams_parse(struct streams *s, int argc, char **argv);
void streams_done(struct streams *s);
