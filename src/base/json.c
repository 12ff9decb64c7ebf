#include "base/json.h"

#include <errno.h>
#include <string.h>

struct cursor {
	const uint8_t *p, *end;
	int depth;
};

/* Length of the valid UTF-8 sequence at p (1 to 4), or 0. RFC 3629 section 4. */
static size_t utf8_sequence(const uint8_t *p, const uint8_t *end)
{
	size_t n, i;
	uint8_t lo = 0x80, hi = 0xbf;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if ((size_t)(end - p) < n)
		return 0;
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	if (p[1] < lo || p[1] > hi)
		return 0;
	for (i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

int utf8_valid(const void *text, size_t len)
{
	const uint8_t *p = text, *end = p + len;

	while (p < end) {
		size_t n = utf8_sequence(p, end);

		if (!n)
			return 0;
		p += n;
	}
	return 1;
}

static void skip_space(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
		c->p++;
}

static int is_digit(struct cursor *c)
{
	return c->p < c->end && *c->p >= '0' && *c->p <= '9';
}

static int check_word(struct cursor *c, const char *word)
{
	for (; *word; word++, c->p++)
		if (c->p >= c->end || *c->p != (uint8_t)*word)
			return -EINVAL;
	return 0;
}

static int check_number(struct cursor *c)
{
	if (*c->p == '-')
		c->p++;
	if (!is_digit(c))
		return -EINVAL;
	if (*c->p == '0')
		c->p++;
	else
		while (is_digit(c))
			c->p++;
	if (c->p < c->end && *c->p == '.') {
		c->p++;
		if (!is_digit(c))
			return -EINVAL;
		while (is_digit(c))
			c->p++;
	}
	if (c->p < c->end && (*c->p == 'e' || *c->p == 'E')) {
		c->p++;
		if (c->p < c->end && (*c->p == '+' || *c->p == '-'))
			c->p++;
		if (!is_digit(c))
			return -EINVAL;
		while (is_digit(c))
			c->p++;
	}
	return 0;
}

static int check_escape(struct cursor *c)
{
	int i;

	if (++c->p >= c->end)
		return -EINVAL;
	if (*c->p && strchr("\"\\/bfnrt", *c->p)) {
		c->p++;
		return 0;
	}
	if (*c->p != 'u')
		return -EINVAL;
	for (i = 0, c->p++; i < 4; i++, c->p++)
		if (c->p >= c->end || !*c->p || !strchr("0123456789abcdefABCDEF", *c->p))
			return -EINVAL;
	return 0;
}

/* Characters that a string has as they are, in one byte: nearly all of nearly every string. */
static int is_plain(uint8_t b)
{
	return b >= 0x20 && b < 0x80 && b != '"' && b != '\\';
}

static int check_string(struct cursor *c)
{
	if (c->p >= c->end || *c->p != '"')
		return -EINVAL;
	c->p++;
	while (c->p < c->end) {
		size_t n;

		while (c->p < c->end && is_plain(*c->p))
			c->p++;
		if (c->p >= c->end)
			break;
		if (*c->p == '"') {
			c->p++;
			return 0;
		}
		if (*c->p < 0x20)
			return -EINVAL;
		if (*c->p == '\\') {
			if (check_escape(c) < 0)
				return -EINVAL;
			continue;
		}
		n = utf8_sequence(c->p, c->end);
		if (!n)
			return -EINVAL;
		c->p += n;
	}
	return -EINVAL;
}

static int check_value(struct cursor *c);

/* An object or array: `members` tells which. The opening bracket is at the cursor. */
static int check_container(struct cursor *c, int members, uint8_t close)
{
	if (++c->depth > JSON_DEPTH_MAX)
		return -EINVAL;
	c->p++;
	skip_space(c);
	if (c->p < c->end && *c->p == close)
		goto out;
	for (;;) {
		skip_space(c);
		if (members) {
			if (check_string(c) < 0)
				return -EINVAL;
			skip_space(c);
			if (c->p >= c->end || *c->p != ':')
				return -EINVAL;
			c->p++;
		}
		if (check_value(c) < 0)
			return -EINVAL;
		skip_space(c);
		if (c->p >= c->end)
			return -EINVAL;
		if (*c->p == close)
			break;
		if (*c->p != ',')
			return -EINVAL;
		c->p++;
	}
out:
	c->p++;
	c->depth--;
	return 0;
}

static int check_value(struct cursor *c)
{
	skip_space(c);
	if (c->p >= c->end)
		return -EINVAL;
	switch (*c->p) {
	case '{':
		return check_container(c, 1, '}');
	case '[':
		return check_container(c, 0, ']');
	case '"':
		return check_string(c);
	case 't':
		return check_word(c, "true");
	case 'f':
		return check_word(c, "false");
	case 'n':
		return check_word(c, "null");
	default:
		return *c->p == '-' || is_digit(c) ? check_number(c) : -EINVAL;
	}
}

int json_check(const void *text, size_t len, size_t *ret_offset)
{
	struct cursor c = {.p = text, .end = (const uint8_t *)text + len};
	int r = check_value(&c);

	if (r == 0) {
		skip_space(&c);
		if (c.p != c.end)
			r = -EINVAL;
	}
	if (r < 0 && ret_offset)
		*ret_offset = (size_t)(c.p - (const uint8_t *)text);
	return r;
}

int json_member(const void *text, size_t len, const char *name, const char **ret, size_t *ret_len)
{
	struct cursor c = {text, (const uint8_t *)text + len, 0};
	size_t want = strlen(name);

	skip_space(&c);
	if (c.p >= c.end || *c.p != '{')
		return -ENOENT;
	for (c.p++;; c.p++) { /* past '{' or ',' */
		const uint8_t *key, *value;

		skip_space(&c);
		key = c.p + 1;
		if (check_string(&c) < 0)
			return -ENOENT; /* the empty object */
		value = c.p - 1;
		skip_space(&c);
		c.p++; /* ':' */
		skip_space(&c);
		if ((size_t)(value - key) == want && !memcmp(key, name, want)) {
			*ret = (const char *)c.p;
			if (check_value(&c) < 0)
				return -ENOENT;
			*ret_len = (size_t)((const char *)c.p - *ret);
			return 0;
		}
		if (check_value(&c) < 0)
			return -ENOENT;
		skip_space(&c);
		if (c.p >= c.end || *c.p != ',')
			return -ENOENT;
	}
}

int json_text(const void *text, size_t len, const char *name, char *out, size_t size)
{
	const char *at;
	size_t n;

	*out = '\0';
	if (json_member(text, len, name, &at, &n) < 0 || n < 2 || *at != '"' || n - 2 >= size ||
	    memchr(at, '\\', n))
		return 0;
	memcpy(out, at + 1, n - 2);
	out[n - 2] = '\0';
	return 1;
}

static int needs_escape(const uint8_t *p, size_t n)
{
	if (n == 1)
		return *p < 0x20 || *p == '"' || *p == '\\' || *p == 0x7f;
	if (n == 2)
		return p[0] == 0xc2 && p[1] < 0xa0; /* C1 controls */
	return n == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9);
}

static int add_escape(struct buf *b, const uint8_t *p, size_t n)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *at = n == 1 && *p ? strchr(from, *p) : NULL;

	if (at)
		return buf_addf(b, "\\%c", to[at - from]);
	if (n == 3)
		return buf_adds(b, p[2] == 0xa8 ? "\\u2028" : "\\u2029");
	return buf_addf(b, "\\u%04x", n == 2 ? p[1] : p[0]);
}

int json_quote(struct buf *b, const void *text, size_t len)
{
	const uint8_t *p = text, *end = p + len, *plain = p;
	int r = buf_addc(b, '"');

	while (r == 0 && p < end) {
		size_t n = utf8_sequence(p, end);

		if (n && !needs_escape(p, n)) {
			p += n;
			continue;
		}
		r = buf_add(b, plain, (size_t)(p - plain));
		if (r == 0)
			r = n ? add_escape(b, p, n) : buf_adds(b, "\xef\xbf\xbd");
		p += n ? n : 1;
		plain = p;
	}
	if (r == 0)
		r = buf_add(b, plain, (size_t)(p - plain));
	return r ? r : buf_addc(b, '"');
}

int json_quote_str(struct buf *b, const char *text)
{
	return json_quote(b, text, strlen(text));
}

int json_line(struct buf *b, const void *text, size_t len)
{
	size_t at = b->len;
	int r = buf_add(b, text, len);

	for (; r == 0 && at < b->len; at++)
		if (b->data[at] == '\n' || b->data[at] == '\r')
			b->data[at] = ' ';
	return r;
}

int base64_add(struct buf *b, const void *data, size_t len)
{
	static const char set[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *p = data;
	uint8_t *to = buf_reserve(b, (len + 2) / 3 * 4);

	if (!to)
		return -ENOSPC;
	b->len += (len + 2) / 3 * 4;
	for (; len >= 3; len -= 3, p += 3) {
		*to++ = set[p[0] >> 2];
		*to++ = set[(p[0] & 3) << 4 | p[1] >> 4];
		*to++ = set[(p[1] & 15) << 2 | p[2] >> 6];
		*to++ = set[p[2] & 63];
	}
	if (len) {
		*to++ = set[p[0] >> 2];
		*to++ = set[(p[0] & 3) << 4 | (len == 2 ? p[1] >> 4 : 0)];
		*to++ = len == 2 ? set[(p[1] & 15) << 2] : '=';
		*to++ = '=';
	}
	return 0;
}

size_t utf8_put(char to[4], uint32_t c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 63));
		to[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 63));
	to[2] = (char)(0x80 | (c >> 6 & 63));
	to[3] = (char)(0x80 | (c & 63));
	return 4;
}
