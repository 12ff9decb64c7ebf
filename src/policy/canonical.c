#include "policy/canonical.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

enum { KEYS_MAX = 64 }; /* as document.c bounds them */

/*
 * UTF-8 sorts by code point. UTF-16 does too, but for one thing: what is past U+FFFF is written
 * with surrogates (D800..DFFF), so it comes before U+E000..U+FFFF.
 */
int canonical_compare(const char *a, const char *b)
{
	unsigned char x, y;

	while (*a && *a == *b) {
		a++;
		b++;
	}
	x = (unsigned char)*a;
	y = (unsigned char)*b;
	/* 0xee, 0xef lead U+E000..U+FFFF; 0xf0 and above lead what is past U+FFFF. */
	if (x >= 0xee && y >= 0xee && (x >= 0xf0) != (y >= 0xf0))
		return x >= 0xf0 ? -1 : 1;
	return (int)x - (int)y;
}

static int write_string(struct buf *b, const char *s, size_t len)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	int r = buf_addc(b, '"');

	for (size_t i = 0; r == 0 && i < len; i++) {
		const char *at = s[i] ? strchr(from, s[i]) : NULL;

		if (at)
			r = buf_addf(b, "\\%c", to[at - from]);
		else if ((unsigned char)s[i] < 0x20)
			r = buf_addf(b, "\\u%04x", s[i]);
		else
			r = buf_addc(b, s[i]);
	}
	return r ? r : buf_addc(b, '"');
}

static int write_list(struct buf *b, const struct node *n)
{
	int r = buf_addc(b, '[');

	for (const struct node *c = n->first; r == 0 && c; c = c->next) {
		if (c != n->first)
			r = buf_addc(b, ',');
		if (r == 0)
			r = canonical_write(b, c);
	}
	return r ? r : buf_addc(b, ']');
}

static int write_map(struct buf *b, const struct node *n)
{
	const struct node *sorted[KEYS_MAX];
	unsigned count = 0;
	int r = buf_addc(b, '{');

	for (const struct node *c = n->first; c; c = c->next) {
		unsigned at = count;

		if (count == KEYS_MAX)
			return -ENOSPC;
		for (; at && canonical_compare(sorted[at - 1]->key, c->key) > 0; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = c;
		count++;
	}
	for (unsigned i = 0; r == 0 && i < count; i++) {
		if (i)
			r = buf_addc(b, ',');
		if (r == 0)
			r = write_string(b, sorted[i]->key, strlen(sorted[i]->key));
		if (r == 0)
			r = buf_addc(b, ':');
		if (r == 0)
			r = canonical_write(b, sorted[i]);
	}
	return r ? r : buf_addc(b, '}');
}

int canonical_write(struct buf *b, const struct node *n)
{
	const int64_t exact = ((int64_t)1 << 53) - 1;

	switch (n->kind) {
	case NODE_NULL:
		return buf_adds(b, "null");
	case NODE_BOOL:
		return buf_adds(b, n->boolean ? "true" : "false");
	case NODE_INT:
		if (n->integer > exact || n->integer < -exact)
			return -ERANGE;
		return buf_addf(b, "%lld", (long long)n->integer);
	case NODE_STRING:
		return write_string(b, n->string, n->len);
	case NODE_LIST:
		return write_list(b, n);
	case NODE_MAP:
		return write_map(b, n);
	}
	return -EINVAL;
}

void canonical_digest(const char *text, size_t len, char out[CANONICAL_DIGEST_SIZE])
{
	unsigned char hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, (const unsigned char *)text, len);
	memcpy(out, "sha256:", 7);
	sodium_bin2hex(out + 7, CANONICAL_DIGEST_SIZE - 7, hash, sizeof(hash));
}
