#include "policy/cidr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define V4(a, b, c, d, n)                                                                          \
	{                                                                                          \
		{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}, 96 + (n)                   \
	}
#define V6(a, b, c, d, n)                                                                          \
	{                                                                                          \
		{(a) >> 8, (a)&255, (b) >> 8, (b)&255, (c) >> 8, (c)&255, (d) >> 8, (d)&255}, n    \
	}

/* The first two are what may be public at all, the rest what is special within. */
static const struct cidr special[] = {
	V4(0, 0, 0, 0, 0),	     V6(0x2000, 0, 0, 0, 3),  V4(0, 0, 0, 0, 8),
	V4(10, 0, 0, 0, 8),	     V4(100, 64, 0, 0, 10),   V4(127, 0, 0, 0, 8),
	V4(169, 254, 0, 0, 16),	     V4(172, 16, 0, 0, 12),   V4(192, 0, 0, 0, 24),
	V4(192, 0, 2, 0, 24),	     V4(192, 88, 99, 0, 24),  V4(192, 168, 0, 0, 16),
	V4(198, 18, 0, 0, 15),	     V4(198, 51, 100, 0, 24), V4(203, 0, 113, 0, 24),
	V4(224, 0, 0, 0, 4),	     V4(240, 0, 0, 0, 4),     V6(0x2001, 0, 0, 0, 23),
	V6(0x2001, 0xdb8, 0, 0, 32), V6(0x2002, 0, 0, 0, 16), V6(0x3fff, 0, 0, 0, 20),
};
enum { PUBLIC_BLOCKS = 2 };

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool cidr_has(const struct cidr *c, const uint8_t address[16])
{
	unsigned whole = c->prefix / 8, rest = c->prefix % 8;

	if (memcmp(c->first, address, whole) != 0)
		return false;
	return !rest || !((c->first[whole] ^ address[whole]) >> (8 - rest));
}

bool cidr_public(const uint8_t address[16])
{
	if (!cidr_has(&special[0], address) && !cidr_has(&special[1], address))
		return false;
	for (size_t i = PUBLIC_BLOCKS; i < ARRAY_SIZE(special); i++)
		if (cidr_has(&special[i], address))
			return false;
	return true;
}

const struct cidr *cidr_special(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(special);
	return special;
}

bool cidr_next(const struct cidr *c, uint8_t ret[16])
{
	uint8_t out[16];
	unsigned bit = c->prefix;

	memcpy(out, c->first, 16);
	/* Adds one at the last bit of the prefix. */
	while (bit--) {
		uint8_t mask = (uint8_t)(0x80 >> (bit % 8));

		out[bit / 8] ^= mask;
		if (out[bit / 8] & mask) {
			memcpy(ret, out, 16);
			return true;
		}
	}
	return false;
}

static bool host_bits(const struct cidr *c)
{
	for (unsigned bit = c->prefix; bit < 128; bit++)
		if (c->first[bit / 8] & (0x80 >> (bit % 8)))
			return true;
	return false;
}

int cidr_parse(const char *text, size_t len, struct cidr *ret, const char **ret_why)
{
	char copy[CIDR_TEXT], *slash;
	struct cidr c = {0};
	unsigned bits = 0, most;

	*ret_why = "is not a block of addresses such as 10.1.0.0/16";
	if (len >= sizeof(copy) || memchr(text, 0, len))
		return -EINVAL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	slash = strchr(copy, '/');
	if (!slash || strlen(slash) < 2 || strlen(slash) > 4 ||
	    slash[1 + strspn(slash + 1, "0123456789")] || (slash[1] == '0' && slash[2]))
		return -EINVAL;
	*slash = '\0';
	for (const char *p = slash + 1; *p; p++)
		bits = bits * 10 + (unsigned)(*p - '0');
	if (strchr(copy, ':')) {
		most = 128;
		if (inet_pton(AF_INET6, copy, c.first) != 1)
			return -EINVAL;
		c.prefix = bits;
		if (bits <= 128 && c.first[0] == 0 && c.first[1] == 0) {
			*ret_why =
				"is in ::/16, where IPv4 addresses are embedded; write it as IPv4";
			return -EINVAL;
		}
	} else {
		most = 32;
		memcpy(c.first, mapped, sizeof(mapped));
		if (inet_pton(AF_INET, copy, c.first + 12) != 1)
			return -EINVAL;
		c.prefix = 96 + bits;
	}
	if (bits > most)
		return -EINVAL;
	*ret_why = "is too wide; IPv4 blocks are /8 or narrower, IPv6 blocks /16 or narrower";
	if (bits < (most == 32 ? 8u : 16u))
		return -EINVAL;
	*ret_why = "has bits set after its prefix; clear them";
	if (host_bits(&c))
		return -EINVAL;
	*ret = c;
	return 0;
}

const char *cidr_address_text(const uint8_t address[16], char out[CIDR_TEXT])
{
	if (!memcmp(address, mapped, sizeof(mapped)))
		inet_ntop(AF_INET, address + 12, out, CIDR_TEXT);
	else
		inet_ntop(AF_INET6, address, out, CIDR_TEXT);
	return out;
}

const char *cidr_text(const struct cidr *c, char out[CIDR_TEXT])
{
	bool v4 = !memcmp(c->first, mapped, sizeof(mapped)) && c->prefix >= 96;
	size_t n;

	cidr_address_text(c->first, out);
	n = strlen(out);
	snprintf(out + n, CIDR_TEXT - n, "/%u", v4 ? c->prefix - 96 : c->prefix);
	return out;
}
