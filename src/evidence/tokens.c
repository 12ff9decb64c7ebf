#include "evidence/tokens.h"

#include "base/json.h"
#include "evidence/canonical.h"

#include <errno.h>
#include <string.h>

_Static_assert(CANONICAL_VALUES_MAX * 2 < 1 << 24, "a token's number has 24 bits");

/* What the bytes of a string are: 0 plain, else one of these. */
enum { WIDE = 1, STOP = 2 };
#define ROW(x) x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x
/* clang-format off */
static const uint8_t class[256] = {
	ROW(STOP), ROW(STOP),
	0, 0, STOP, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* '"' */
	ROW(0), ROW(0),
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, STOP, 0, 0, 0, /* the backslash */
	ROW(0), ROW(0),
	ROW(WIDE), ROW(WIDE), ROW(WIDE), ROW(WIDE), ROW(WIDE), ROW(WIDE), ROW(WIDE), ROW(WIDE),
};
/* clang-format on */

static uint32_t add(struct tokens *r, enum token_kind kind, const uint8_t *p, size_t len)
{
	if (r->n == r->cap) {
		r->cap *= 4;
		r->t = xrealloc(r->heap, r->cap * sizeof(*r->t));
		if (!r->heap)
			memcpy(r->t, r->small, sizeof(r->small));
		r->heap = r->t;
	}
	r->t[r->n] = (struct token){p, (uint32_t)len, r->n + 1, kind};
	return r->n++;
}

static void skip_space(struct tokens *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\t' || *r->p == '\r')) {
		r->loose = 1;
		r->p++;
	}
}

static int is_digit(const struct tokens *r)
{
	return r->p < r->end && *r->p >= '0' && *r->p <= '9';
}

static int read_word(struct tokens *r, const char *word, size_t len)
{
	if ((size_t)(r->end - r->p) < len || memcmp(r->p, word, len))
		return -EBADMSG;
	add(r, TOKEN_PLAIN, r->p, len);
	r->p += len;
	return 0;
}

/* What may follow the digits of a number of JSON; a number that has it is not of ours. */
static int read_fraction(struct tokens *r)
{
	if (r->p < r->end && *r->p == '.') {
		r->p++;
		if (!is_digit(r))
			return -EBADMSG;
		while (is_digit(r))
			r->p++;
	}
	if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
		r->p++;
		if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
			r->p++;
		if (!is_digit(r))
			return -EBADMSG;
	}
	return -ERANGE;
}

static int read_number(struct tokens *r)
{
	const uint8_t *start = r->p, *digits;
	uint64_t value = 0;

	if (*r->p == '-')
		r->p++;
	digits = r->p;
	if (!is_digit(r))
		return -EBADMSG;
	if (*r->p == '0')
		r->p++;
	else
		for (; is_digit(r); r->p++)
			if (r->p - digits < 17)
				value = value * 10 + (*r->p - '0');
	if (r->p < r->end && (*r->p == '.' || *r->p == 'e' || *r->p == 'E'))
		return read_fraction(r);
	if (value > ((uint64_t)1 << 53) - 1)
		return -ERANGE;
	if (value == 0 && start != digits) {
		start = digits; /* -0 is 0 (ECMA-262, Number::toString) */
		r->loose = 1;
	}
	add(r, TOKEN_PLAIN, start, (size_t)(r->p - start));
	return 0;
}

static int read_hex(struct tokens *r, uint32_t *ret)
{
	uint32_t v = 0;

	if (r->end - r->p < 4)
		return -EBADMSG;
	for (int i = 0; i < 4; i++, r->p++) {
		uint8_t c = *r->p, lower = c | 0x20;

		if (c >= '0' && c <= '9')
			v = v << 4 | (c - '0');
		else if (lower >= 'a' && lower <= 'f')
			v = v << 4 | (lower - 'a' + 10);
		else
			return -EBADMSG;
	}
	*ret = v;
	return 0;
}

/* The cursor is past the backslash. */
static int read_escape(struct tokens *r)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;
	uint32_t c, low;

	if (r->p == r->end || !*r->p)
		return -EBADMSG;
	at = strchr(from, *r->p);
	if (!at && *r->p != 'u')
		return -EBADMSG;
	r->p++;
	if (at) {
		*r->to++ = (uint8_t)to[at - from];
		return 0;
	}
	if (read_hex(r, &c) < 0 || (c >= 0xdc00 && c < 0xe000))
		return -EBADMSG;
	if (c >= 0xd800 && c < 0xdc00) {
		if (r->end - r->p < 2 || r->p[0] != '\\' || r->p[1] != 'u')
			return -EBADMSG;
		r->p += 2;
		if (read_hex(r, &low) < 0 || low < 0xdc00 || low >= 0xe000)
			return -EBADMSG;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	if (c < 0x80)
		*r->to++ = (uint8_t)c;
	else
		r->to += utf8_put((char *)r->to, c);
	return 0;
}

/* A string that has an escape; the cursor is where its content begins. */
static int read_decoded(struct tokens *r)
{
	const uint8_t *start;

	if (!r->decoded)
		r->decoded = r->to = xmalloc((size_t)(r->end - r->p));
	start = r->to;
	while (r->p < r->end && *r->p != '"') {
		if (*r->p < 0x20)
			return -EBADMSG;
		if (*r->p != '\\') {
			*r->to++ = *r->p++;
			continue;
		}
		r->p++;
		if (read_escape(r) < 0)
			return -EBADMSG;
	}
	/* No part of a character can come from an escape, so this says it of the text as well. */
	if (r->p == r->end || !utf8_valid(start, (size_t)(r->to - start)))
		return -EBADMSG;
	r->p++;
	add(r, TOKEN_STRING_DECODED, start, (size_t)(r->to - start));
	return 0;
}

static int read_string(struct tokens *r)
{
	const uint8_t *p, *start;
	uint8_t seen = 0;

	if (r->p == r->end || *r->p != '"')
		return -EBADMSG;
	start = ++r->p;
	for (p = start; p < r->end && !(class[*p] & STOP); p++)
		seen |= class[*p];
	if (p == r->end || *p < 0x20)
		return -EBADMSG;
	if (*p == '\\')
		return read_decoded(r);
	if (seen && !utf8_valid(start, (size_t)(p - start)))
		return -EBADMSG;
	r->p = p + 1;
	add(r, seen ? TOKEN_STRING_WIDE : TOKEN_STRING, start, (size_t)(p - start));
	return 0;
}

static int read_value(struct tokens *r);

static int read_container(struct tokens *r, enum token_kind kind, uint8_t close)
{
	uint32_t self = add(r, kind, r->p, 0);
	int e;

	if (++r->depth > CANONICAL_DEPTH_MAX)
		return -E2BIG;
	r->p++;
	skip_space(r);
	if (r->p < r->end && *r->p == close)
		goto out;
	for (;; r->p++) { /* past the comma */
		skip_space(r);
		if (kind == TOKEN_OBJECT) {
			e = read_string(r);
			if (e < 0)
				return e;
			skip_space(r);
			if (r->p == r->end || *r->p++ != ':')
				return -EBADMSG;
			skip_space(r);
		}
		e = read_value(r);
		if (e < 0)
			return e;
		skip_space(r);
		if (r->p == r->end || (*r->p != ',' && *r->p != close))
			return -EBADMSG;
		if (*r->p == close)
			break;
	}
out:
	r->p++;
	r->depth--;
	r->t[self].next = r->n;
	r->t[self].len = (uint32_t)(r->p - r->t[self].p);
	return 0;
}

static int read_value(struct tokens *r)
{
	if (r->p == r->end)
		return -EBADMSG;
	if (++r->values > CANONICAL_VALUES_MAX)
		return -E2BIG;
	switch (*r->p) {
	case '"':
		return read_string(r);
	case '{':
		return read_container(r, TOKEN_OBJECT, '}');
	case '[':
		return read_container(r, TOKEN_ARRAY, ']');
	case 't':
		return read_word(r, "true", 4);
	case 'f':
		return read_word(r, "false", 5);
	case 'n':
		return read_word(r, "null", 4);
	default:
		return read_number(r);
	}
}

int tokens_read(struct tokens *r, const void *text, size_t len)
{
	int e;

	r->p = text;
	r->end = r->p + len;
	r->t = r->small;
	r->cap = TOKENS_SMALL;
	r->n = r->values = 0;
	r->depth = 0;
	r->loose = 0;
	r->decoded = r->to = NULL;
	r->heap = NULL;
	if (len > UINT32_MAX)
		return -E2BIG;
	skip_space(r);
	e = read_value(r);
	skip_space(r);
	if (e == 0 && r->p != r->end)
		e = -EBADMSG;
	return e;
}

void tokens_done(struct tokens *r)
{
	free(r->decoded);
	free(r->heap);
}

uint32_t tokens_member(const struct tokens *r, uint32_t object, const char *name)
{
	size_t len = strlen(name);

	if (r->t[object].kind != TOKEN_OBJECT)
		return 0;
	for (uint32_t i = object + 1; i < r->t[object].next; i = r->t[i + 1].next)
		if (r->t[i].len == len && !memcmp(r->t[i].p, name, len))
			return i + 1;
	return 0;
}
