#include "evidence/base64.h"

#include <errno.h>

/* The value of a character, or -1. */
static int value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int base64_read(const char *text, size_t len, uint8_t *to, size_t max, size_t *ret_len)
{
	unsigned padding = 0;
	size_t n = 0;

	if (len % 4)
		return -EBADMSG;
	while (padding < 2 && len > padding && text[len - 1 - padding] == '=')
		padding++;
	if (len / 4 * 3 - padding > max)
		return -EBADMSG;
	for (size_t i = 0; i < len; i += 4) {
		unsigned digits = i + 4 == len ? 4 - padding : 4;
		uint32_t bits = 0;

		for (unsigned k = 0; k < 4; k++) {
			int v = k < digits ? value(text[i + k]) : 0;

			if (v < 0)
				return -EBADMSG;
			bits = bits << 6 | (uint32_t)v;
		}
		for (unsigned k = 0; k + 1 < digits; k++)
			to[n++] = (uint8_t)(bits >> (16 - 8 * k));
		if (bits & ((1u << (8 * (4 - digits))) - 1))
			return -EBADMSG;
	}
	*ret_len = n;
	return 0;
}
