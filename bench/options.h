/*
 * What the load generator is asked to do, from its command line.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

enum {
	OPTIONS_CONCURRENCY_MAX = 1024,
	OPTIONS_REQUESTS_MAX = 10 * 1000 * 1000,
	OPTIONS_SECONDS_MAX = 3600,
	OPTIONS_FILE_MAX = 16 * 1024 * 1024,
};

/* Owned bytes; a NUL that does not count follows them. data is NULL where there are none. */
struct bytes {
	char *data;
	size_t size;
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
	long rate;     /* requests per second of an open loop; 0: a closed one */
	long warmup;
	long timeout; /* seconds for one request */
	bool json;
};

/* Reads the command line; explains what is wrong with it and exits with 2, or returns. */
void options_parse(struct options *options, int argc, char **argv);
void options_done(struct options *options);

/* Says why nothing can be measured, and exits with 2. */
_Noreturn void options_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Aborts when out of memory. */
void bytes_append(struct bytes *bytes, const char *data, size_t size);
