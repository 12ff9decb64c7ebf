/*
 * Hosts and patterns of hosts. A host is a DNS name in lower case without a trailing dot (letters,
 * digits, hyphens; IDN as A-labels, RFC 5890), an IPv4 address in dotted decimal, or an IPv6
 * address in brackets in the text form of RFC 5952. An IPv4 address as a mapped IPv6 address
 * ([::ffff:10.0.0.1]) is refused: one address has one name, so no deny rule misses it.
 *
 * Patterns: an exact host; `*.example.com` for exactly one label more; `**.example.com` for one
 * or more labels more. What follows the star has at least two labels, so that no pattern covers a
 * top-level domain. A wildcard never matches an address.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HOST_SIZE = 256,	/* the longest host and a NUL */
	HOST_PATTERN_BASE = 200 /* so that a longer name always exists below a pattern */
};

enum host_kind { HOST_EXACT, HOST_ONE, HOST_DEEP };

struct host_pattern {
	enum host_kind kind;
	bool address;	   /* exact, and an IP address */
	uint8_t bytes[16]; /* the address; IPv4 as ::ffff:a.b.c.d */
	size_t len;
	char base[HOST_SIZE]; /* for wildcards what follows "*." */
};

/*
 * Normalises a host as it stands in a URL. ret_bytes is filled if it is an address. -EINVAL: not a
 * host.
 */
int host_normalise(const char *text, size_t len, char out[HOST_SIZE], size_t *ret_len,
		   bool *ret_address, uint8_t ret_bytes[16]);

/* On failure *ret_why says in a few words what is wrong and what to do. */
int host_pattern_parse(const char *text, size_t len, struct host_pattern *ret,
		       const char **ret_why);

bool host_matches(const struct host_pattern *p, const char *host, size_t len, bool address);

/* As it is written in a profile, normalised. */
const char *host_pattern_text(const struct host_pattern *p, char out[HOST_SIZE + 3]);
