#include "evidence/canonical.h"

#include "evidence/tokens.h"

#include <errno.h>
#include <string.h>

enum { SORT_SMALL = 24 }; /* members that are sorted without an allocation */

/*
 * UTF-8 sorts by code point. UTF-16 does too, but for one thing: what is past U+FFFF is written
 * with surrogates (D800..DFFF), so it comes before U+E000..U+FFFF, which 0xee and 0xef lead here.
 */
static int compare(const struct token *a, const struct token *b)
{
	size_t len = MIN_U64(a->len, b->len), i = 0;
	int c;

	if (len && *a->p != *b->p && *a->p < 0x80 && *b->p < 0x80)
		return (int)*a->p - (int)*b->p;
	if (a->kind == TOKEN_STRING || b->kind == TOKEN_STRING) {
		c = memcmp(a->p, b->p, len);
		if (c)
			return c;
		i = len;
	}
	while (i < len && a->p[i] == b->p[i])
		i++;
	if (i == len)
		return (a->len > b->len) - (a->len < b->len);
	if (a->p[i] >= 0xee && b->p[i] >= 0xee && (a->p[i] >= 0xf0) != (b->p[i] >= 0xf0))
		return a->p[i] >= 0xf0 ? -1 : 1;
	return (int)a->p[i] - (int)b->p[i];
}

static int compare_names(const void *a, const void *b, void *tokens)
{
	const struct token *t = tokens;

	return compare(&t[*(const uint32_t *)a], &t[*(const uint32_t *)b]);
}

static void sort(const struct token *t, uint32_t *names, uint32_t n)
{
	if (n > SORT_SMALL) {
		qsort_r(names, n, sizeof(*names), compare_names, (void *)t);
		return;
	}
	for (uint32_t i = 1; i < n; i++) {
		uint32_t name = names[i], at = i;

		for (; at && compare(&t[names[at - 1]], &t[name]) > 0; at--)
			names[at] = names[at - 1];
		names[at] = name;
	}
}

static uint8_t *write_decoded(uint8_t *w, const struct token *s)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt", hex[] = "0123456789abcdef";

	for (uint32_t i = 0; i < s->len; i++) {
		uint8_t c = s->p[i];
		const char *at = c ? strchr(from, c) : NULL;

		if (at) {
			*w++ = '\\';
			*w++ = (uint8_t)to[at - from];
		} else if (c < 0x20) {
			w = (uint8_t *)mempcpy(w, "\\u00", 4);
			*w++ = (uint8_t)hex[c >> 4];
			*w++ = (uint8_t)hex[c & 15];
		} else {
			*w++ = c;
		}
	}
	return w;
}

static uint8_t *write_string(uint8_t *w, const struct token *s)
{
	*w++ = '"';
	w = s->kind == TOKEN_STRING_DECODED ? write_decoded(w, s) : mempcpy(w, s->p, s->len);
	*w++ = '"';
	return w;
}

static uint8_t *write_value(uint8_t *w, const struct token *t, uint32_t i);

/* NULL: a name comes twice. */
static uint8_t *write_members(uint8_t *w, const struct token *t, const uint32_t *names, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (i) {
			if (!compare(&t[names[i - 1]], &t[names[i]]))
				return NULL;
			*w++ = ',';
		}
		w = write_string(w, &t[names[i]]);
		*w++ = ':';
		w = write_value(w, t, names[i] + 1);
		if (!w)
			return NULL;
	}
	return w;
}

static uint8_t *write_object(uint8_t *w, const struct token *t, uint32_t self)
{
	_cleanup_free_ uint32_t *heap = NULL;
	uint32_t small[SORT_SMALL], *names = small, n = 0, cap = SORT_SMALL;
	int sorted = 1;

	for (uint32_t i = self + 1; i < t[self].next; i = t[i + 1].next) {
		if (n == cap) {
			names = xrealloc(heap, sizeof(*heap) * (cap *= 4));
			if (!heap)
				memcpy(names, small, sizeof(small));
			heap = names;
		}
		names[n++] = i;
		sorted = sorted && (n < 2 || compare(&t[names[n - 2]], &t[i]) < 0);
	}
	if (!sorted)
		sort(t, names, n);
	*w++ = '{';
	w = write_members(w, t, names, n);
	if (w)
		*w++ = '}';
	return w;
}

static uint8_t *write_value(uint8_t *w, const struct token *t, uint32_t self)
{
	switch ((enum token_kind)t[self].kind) {
	case TOKEN_OBJECT:
		return write_object(w, t, self);
	case TOKEN_ARRAY:
		*w++ = '[';
		for (uint32_t i = self + 1; w && i < t[self].next; i = t[i].next) {
			if (i != self + 1)
				*w++ = ',';
			w = write_value(w, t, i);
		}
		if (w)
			*w++ = ']';
		return w;
	case TOKEN_PLAIN:
		return mempcpy(w, t[self].p, t[self].len);
	case TOKEN_STRING:
	case TOKEN_STRING_WIDE:
	case TOKEN_STRING_DECODED:
		return write_string(w, &t[self]);
	}
	return NULL;
}

/*
 * What is written is never longer than what was read: white space goes, and no escape is longer
 * than what it replaces. So room for that is enough.
 */
static int write_all(const struct token *t, size_t len, struct buf *out)
{
	_cleanup_free_ uint8_t *heap = NULL;
	uint8_t *to = buf_reserve(out, len), *end;

	if (!to) /* being shorter, it may fit nevertheless */
		to = heap = xmalloc(len);
	end = write_value(to, t, 0);
	if (!end)
		return -EBADMSG;
	if (heap)
		return buf_add(out, heap, (size_t)(end - heap));
	out->len += (size_t)(end - to);
	return 0;
}

int canonical_json(const void *text, size_t len, struct buf *out)
{
	_cleanup_(tokens_done) struct tokens r;
	int e = tokens_read(&r, text, len);

	return e ? e : write_all(r.t, len, out);
}

static int names_sorted(const struct tokens *r)
{
	for (uint32_t self = 0; self < r->n; self++) {
		uint32_t before = 0;

		if (r->t[self].kind != TOKEN_OBJECT)
			continue;
		for (uint32_t i = self + 1; i < r->t[self].next; before = i, i = r->t[i + 1].next)
			if (before && compare(&r->t[before], &r->t[i]) >= 0)
				return 0;
	}
	return 1;
}

int canonical_check(const void *text, size_t len, struct buf *again, struct tokens *ret)
{
	if (tokens_read(ret, text, len) < 0 || ret->loose)
		return -EBADMSG;
	if (!ret->decoded) /* no escapes: but for the order there is one way to write it */
		return names_sorted(ret) ? 0 : -EBADMSG;
	again->len = 0;
	return write_all(ret->t, len, again) == 0 && again->len == len &&
			       !memcmp(again->data, text, len)
		       ? 0
		       : -EBADMSG;
}
