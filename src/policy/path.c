#include "policy/path.h"

#include "base/json.h"

#include <errno.h>
#include <string.h>

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Unreserved, sub-delims, ":" and "@" (RFC 3986 section 3.3), without the star. */
static bool is_plain(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-._~!$&'()+,;=:@", c));
}

/*
 * One byte of a segment, decoded: the number of characters it took, or -EINVAL if a segment must
 * not hold it. `[ ] ^ |` should be encoded, but the URL standard of browsers leaves them as they
 * are.
 */
static int segment_byte(const char *p, const char *end, char *ret)
{
	int high, low, c;

	if (*p != '%') {
		if (!is_plain((unsigned char)*p) && !(*p && strchr("*[]^|", *p)))
			return -EINVAL;
		*ret = *p;
		return 1;
	}
	if (end - p < 3 || (high = hex(p[1])) < 0 || (low = hex(p[2])) < 0)
		return -EINVAL;
	c = high << 4 | low;
	if (c < 0x20 || c == 0x7f || c == '/' || c == '.' || c == '\\' || c == '%')
		return -EINVAL;
	*ret = (char)c;
	return 3;
}

/* "." and "..", also where a parameter follows that some servers cut off. */
static bool is_dots(const char *s, size_t len)
{
	size_t dots = 0;

	while (dots < len && s[dots] == '.')
		dots++;
	return (dots == 1 || dots == 2) && (dots == len || s[dots] == ';');
}

/* Valid UTF-8 without C1 control characters. */
static bool is_text(const char *s, size_t len)
{
	bool ascii = true;

	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)s[i] < 0x80)
			continue;
		ascii = false;
		if ((unsigned char)s[i] == 0xc2 && i + 1 < len && (unsigned char)s[i + 1] < 0xa0)
			return false;
	}
	return ascii || utf8_valid(s, len);
}

int path_parse(const char *text, size_t len, struct path *ret)
{
	const char *p = text, *end = text + len;
	char *to = ret->bytes;

	ret->n = 0;
	if (len > PATH_MAX_BYTES || !len || *p != '/')
		return -EINVAL;
	while (p < end) { /* at a slash */
		char *start = to;
		size_t n;

		if (ret->n == PATH_MAX_SEGMENTS)
			return -EINVAL;
		for (p++; p < end && *p != '/'; to++) {
			int used = segment_byte(p, end, to);

			if (used < 0)
				return -EINVAL;
			p += used;
		}
		n = (size_t)(to - start);
		if ((!n && p < end) || is_dots(start, n) || !is_text(start, n))
			return -EINVAL;
		ret->segments[ret->n].at = (uint16_t)(start - ret->bytes);
		ret->segments[ret->n].len = (uint16_t)n;
		ret->n++;
	}
	return 0;
}

int path_encode(struct buf *b, const char *bytes, size_t len)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];

		r = is_plain(c) ? buf_addc(b, (char)c) : buf_addf(b, "%%%02X", c);
	}
	return r;
}

/* One segment of a pattern: decoded, stars marked. Counts stars. */
static int pattern_segment(struct arena *a, const char *p, const char *end,
			   struct path_segment *ret, unsigned *stars, const char **ret_why)
{
	char *to = arena_alloc(a, (size_t)(end - p) + 1), *start = to;

	ret->kind = SEGMENT_LITERAL;
	while (p < end) {
		int used = 1;

		if (*p == '*') {
			if (p + 1 < end && p[1] == '*') {
				*ret_why =
					"has ** inside a segment; ** must be a segment of its own";
				return -EINVAL;
			}
			*to = PATH_STAR;
			ret->kind = SEGMENT_GLOB;
			++*stars;
		} else if ((unsigned char)*p >= 0x80) {
			*to = *p;
		} else {
			used = segment_byte(p, end, to);
		}
		if (used < 0) {
			*ret_why =
				*p == '{' || *p == '}' ? "has braces; use * for one segment"
				: *p == '?' || *p == '#'
					? "has a query or fragment; rules are about the path only"
					: "has a character that no decided path can have; "
					  "percent-encode what is not a letter, digit or -._~";
			return -EINVAL;
		}
		p += used;
		to++;
	}
	ret->bytes = start;
	ret->len = (uint16_t)(to - start);
	if (ret->kind == SEGMENT_GLOB && ret->len == 1)
		ret->kind = SEGMENT_ANY;
	if (is_dots(start, ret->len)) {
		*ret_why = "has a dot segment; requests with one are always denied";
		return -EINVAL;
	}
	return 0;
}

static const char *spell(struct arena *a, const struct path_pattern *p)
{
	_cleanup_buf_ struct buf b = BUF_INIT((size_t)PATTERN_MAX_BYTES * 4);

	for (unsigned i = 0; i < p->n; i++) {
		const struct path_segment *s = &p->segments[i];
		size_t start = 0;

		buf_addc(&b, '/');
		if (s->kind == SEGMENT_DEEP)
			buf_adds(&b, "**");
		else
			for (size_t k = 0; k <= s->len; k++)
				if (k == s->len || s->bytes[k] == PATH_STAR) {
					path_encode(&b, s->bytes + start, k - start);
					if (k < s->len)
						buf_addc(&b, '*');
					start = k + 1;
				}
	}
	return arena_strndup(a, buf_str(&b), b.len);
}

int path_pattern_parse(struct arena *a, const char *text, size_t len, struct path_pattern *ret,
		       const char **ret_why)
{
	struct path_segment segments[PATTERN_MAX_SEGMENTS], *copy;
	const char *p = text, *end = text + len;
	unsigned n = 0, stars = 0, deep = 0;

	*ret_why = "must begin with /";
	if (!len || *p != '/')
		return -EINVAL;
	*ret_why = "is too long or has too many segments or stars";
	if (len > PATTERN_MAX_BYTES)
		return -EINVAL;
	while (p < end) {
		const char *q = memchr(p + 1, '/', (size_t)(end - p - 1));

		if (!q)
			q = end;
		if (n == PATTERN_MAX_SEGMENTS)
			return -EINVAL;
		p++;
		if (p == q && q < end) {
			*ret_why = "has an empty segment; requests with one are always denied";
			return -EINVAL;
		}
		if (q - p == 2 && p[0] == '*' && p[1] == '*') {
			if (n && segments[n - 1].kind == SEGMENT_DEEP) {
				*ret_why = "has ** twice in a row; one is enough";
				return -EINVAL;
			}
			segments[n] = (struct path_segment){.kind = SEGMENT_DEEP};
			deep++;
		} else if (pattern_segment(a, p, q, &segments[n], &stars, ret_why) < 0) {
			return -EINVAL;
		} else if (!is_text(segments[n].bytes, segments[n].len)) {
			*ret_why = "is not valid UTF-8 when decoded";
			return -EINVAL;
		}
		n++;
		p = q;
	}
	if (stars > PATTERN_MAX_STARS || deep > PATTERN_MAX_DEEP)
		return -EINVAL;
	copy = arena_new(a, struct path_segment, n);
	memcpy(copy, segments, n * sizeof(*copy));
	ret->n = n;
	ret->deep = deep;
	ret->segments = copy;
	ret->text = spell(a, ret);
	return 0;
}

/*
 * What stands before the first star begins the segment, what stands after the last one ends it, and
 * each piece between is taken where it occurs first, which leaves the most for the others. So the
 * time is linear, whatever the pattern.
 */
static bool glob_matches(const char *p, size_t p_len, const char *s, size_t s_len)
{
	const char *p_end = p + p_len, *s_end = s + s_len, *star = memchr(p, PATH_STAR, p_len);
	size_t n = (size_t)(star - p);

	if (s_len < n || memcmp(p, s, n) != 0)
		return false;
	for (s += n, p = star + 1; (star = memchr(p, PATH_STAR, (size_t)(p_end - p)));
	     p = star + 1) {
		n = (size_t)(star - p);
		s = memmem(s, (size_t)(s_end - s), p, n);
		if (!s)
			return false;
		s += n;
	}
	n = (size_t)(p_end - p);
	return (size_t)(s_end - s) >= n && !memcmp(s_end - n, p, n);
}

static bool segment_matches(const struct path_segment *p, const char *s, size_t len)
{
	switch (p->kind) {
	case SEGMENT_LITERAL:
		/* The last byte first: names in a series differ there, and most patterns do not
		 * match. */
		return p->len == len &&
		       (!len || (p->bytes[len - 1] == s[len - 1] && !memcmp(p->bytes, s, len)));
	case SEGMENT_GLOB:
		return glob_matches(p->bytes, p->len, s, len);
	case SEGMENT_ANY:
		return len > 0;
	case SEGMENT_DEEP:
		return false; /* path_matches() handles it */
	}
	return false;
}

bool path_matches(const struct path_pattern *p, const struct path *path)
{
	unsigned i = 0, k = 0, deep = 0, taken = 0;
	bool seen = false;

	if (p->deep ? path->n + p->deep < p->n : path->n != p->n)
		return false;
	while (k < path->n) {
		if (i < p->n && p->segments[i].kind == SEGMENT_DEEP) {
			seen = true;
			deep = ++i;
			taken = k;
		} else if (i < p->n &&
			   segment_matches(&p->segments[i], path->bytes + path->segments[k].at,
					   path->segments[k].len)) {
			i++;
			k++;
		} else if (seen) {
			i = deep;
			k = ++taken;
		} else {
			return false;
		}
	}
	while (i < p->n && p->segments[i].kind == SEGMENT_DEEP)
		i++;
	return i == p->n;
}
