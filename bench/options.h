/*
 * What the load generator is asked to do, from its command line.
 */
#pragma once

#include "values.h"

enum {
	OPTIONS_CONCURRENCY_MAX = 1024,
	OPTIONS_REQUESTS_MAX = 10 * 1000 * 1000,
	OPTIONS_SECONDS_MAX = 3600,
};

struct options {
	struct sockaddr_in address;
	const char *host; /* as given, for the Host field */
	const char *path;
	struct bytes body;
	struct bytes expect;   /* the whole body, when data is set */
	struct bytes contains; /* a part of it, when data is set */
	struct bytes headers;  /* whole lines */
	long concurrency;
	long requests; /* 0: none given */
	long seconds;  /* 0: none given */
	long warmup;
	long timeout; /* seconds for one request */
	bool json;
};

/* Reads the command line; explains what is wrong with it and exits with 2, or returns. */
void options_parse(struct options *options, int argc, char **argv);
void options_done(struct options *options);
