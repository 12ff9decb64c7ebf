/*
 * Sets of addresses. IPv4 addresses are held as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2), so there
 * is one number space, and an IPv4 address that comes as a mapped IPv6 address cannot evade a rule.
 */
#pragma once

#include "policy/host.h"

struct cidr {
	uint8_t first[16];
	unsigned prefix; /* in bits of 128 */
};

/* "10.0.0.0/8", "2001:db8::/32". Host bits must be zero; IPv4 /8 and IPv6 /16 are the widest. */
int cidr_parse(const char *text, size_t len, struct cidr *ret, const char **ret_why);

bool cidr_has(const struct cidr *c, const uint8_t address[16]);

/*
 * Whether an address is one of the public internet: not in a block of IANA's special-purpose
 * registries (RFC 6890): loopback, private, link-local, metadata services, multicast, tunnels that
 * embed another address ...
 */
bool cidr_public(const uint8_t address[16]);

/* The block as text, canonical. */
enum { CIDR_TEXT = 56 };
const char *cidr_text(const struct cidr *c, char out[CIDR_TEXT]);
const char *cidr_address_text(const uint8_t address[16], char out[CIDR_TEXT]);

/* The first address after a block; false if there is none. */
bool cidr_next(const struct cidr *c, uint8_t ret[16]);

/* The blocks by which cidr_public() decides: where it changes its mind, one of them begins or ends.
 */
const struct cidr *cidr_special(size_t *ret_count);
