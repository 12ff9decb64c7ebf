#include "cli/jsonview.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *skip_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

/* Past the string that begins at `p`; NULL if it does not end. */
static const char *skip_string(const char *p, const char *end)
{
	for (p++; p < end; p++) {
		if (*p == '"')
			return p + 1;
		if (*p == '\\')
			p++;
	}
	return NULL;
}

/* Past the value that begins at `p`; NULL if there is none or it does not end. */
static const char *skip_value(const char *p, const char *end)
{
	size_t depth = 0;

	if (p >= end)
		return NULL;
	if (*p != '{' && *p != '[' && *p != '"') {
		const char *start = p;

		while (p < end && !strchr(",]}: \t\r\n\"", *p))
			p++;
		return p > start ? p : NULL;
	}
	do {
		if (*p == '"') {
			p = skip_string(p, end);
			if (!p)
				return NULL;
		} else {
			depth += *p == '{' || *p == '[';
			depth -= *p == '}' || *p == ']';
			p++;
		}
	} while (depth && p < end);
	return depth ? NULL : p;
}

int jsonview_open(struct jsonview *ret, const void *text, size_t len)
{
	const char *end = (const char *)text + len, *p = skip_space(text, end);
	const char *after = skip_value(p, end);

	if (!after || skip_space(after, end) != end)
		return -EBADMSG;
	*ret = (struct jsonview){p, (size_t)(after - p)};
	return 0;
}

int jsonview_next(struct jsonview v, struct jsonview *at, struct jsonview *ret_key,
		  struct jsonview *ret_item)
{
	const char *end, *p, *after;
	int object = v.len && *v.p == '{';

	if (v.len < 2 || (!object && *v.p != '['))
		return 0;
	end = v.p + v.len - 1; /* its bracket */
	p = skip_space(at->p ? at->p : v.p + 1, end);
	if (at->p && (p >= end || *p++ != ','))
		return 0;
	p = skip_space(p, end);
	*ret_key = (struct jsonview){0};
	if (object) {
		after = p < end && *p == '"' ? skip_string(p, end) : NULL;
		if (!after)
			return 0;
		*ret_key = (struct jsonview){p, (size_t)(after - p)};
		p = skip_space(after, end);
		if (p >= end || *p++ != ':')
			return 0;
		p = skip_space(p, end);
	}
	after = skip_value(p, end);
	if (!after)
		return 0;
	*ret_item = (struct jsonview){p, (size_t)(after - p)};
	at->p = after;
	return 1;
}

struct jsonview jsonview_get(struct jsonview v, const char *name)
{
	struct jsonview at = {0}, key, item;
	size_t n = strlen(name);

	if (!v.len || *v.p != '{')
		return (struct jsonview){0};
	while (jsonview_next(v, &at, &key, &item))
		if (key.len == n + 2 && !memcmp(key.p + 1, name, n))
			return item;
	return (struct jsonview){0};
}

int jsonview_is(struct jsonview v, const char *literal)
{
	return v.len == strlen(literal) && !memcmp(v.p, literal, v.len);
}

int jsonview_is_string(struct jsonview v)
{
	return v.len >= 2 && *v.p == '"';
}

/* Four hexadecimal digits at `p`; -1 if they are not there. */
static int hex4(const char *p, const char *end)
{
	int v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		static const char digits[] = "0123456789abcdef0123456789ABCDEF";
		const char *at = p[i] ? strchr(digits, p[i]) : NULL;

		if (!at)
			return -1;
		v = v * 16 + (int)((at - digits) % 16);
	}
	return v;
}

static void add_point(struct buf *out, unsigned c)
{
	char u[4];
	size_t n = 0;

	if (c < 0x80) {
		u[n++] = (char)c;
	} else if (c < 0x800) {
		u[n++] = (char)(0xc0 | c >> 6);
		u[n++] = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		u[n++] = (char)(0xe0 | c >> 12);
		u[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		u[n++] = (char)(0x80 | (c & 0x3f));
	} else {
		u[n++] = (char)(0xf0 | c >> 18);
		u[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		u[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		u[n++] = (char)(0x80 | (c & 0x3f));
	}
	buf_add(out, u, n);
}

/* The escape whose `u` is at `p`, with the second half of a pair; returns its last byte. */
static const char *add_unicode(struct buf *out, const char *p, const char *end)
{
	int high = hex4(p + 1, end), low;

	if (high < 0)
		return p;
	p += 4;
	if (high < 0xd800 || high > 0xdfff) {
		add_point(out, (unsigned)high);
		return p;
	}
	low = high < 0xdc00 && end - p > 6 && p[1] == '\\' && p[2] == 'u' ? hex4(p + 3, end) : -1;
	if (low < 0xdc00 || low > 0xdfff) {
		add_point(out, 0xfffd);
		return p;
	}
	add_point(out, 0x10000 + ((unsigned)(high - 0xd800) << 10) + (unsigned)(low - 0xdc00));
	return p + 6;
}

void jsonview_text(struct jsonview v, struct buf *out)
{
	const char *end;

	if (!v.len || jsonview_is(v, "null"))
		return;
	if (!jsonview_is_string(v)) {
		buf_add(out, v.p, v.len);
		return;
	}
	end = v.p + v.len - 1;
	for (const char *p = v.p + 1; p < end; p++) {
		static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
		const char *at;

		if (*p != '\\' || p + 1 >= end) {
			buf_addc(out, *p);
			continue;
		}
		p++;
		at = *p ? strchr(from, *p) : NULL;
		if (*p == 'u')
			p = add_unicode(out, p, end);
		else
			buf_addc(out, at ? to[at - from] : *p);
	}
}

int jsonview_base64(struct jsonview v, struct buf *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p, *end;
	uint32_t bits = 0;
	int n = 0;

	if (!jsonview_is_string(v))
		return -EBADMSG;
	p = v.p + 1;
	end = v.p + v.len - 1;
	while (end > p && end[-1] == '=')
		end--;
	for (; p < end; p++) {
		const char *at = *p ? strchr(digits, *p) : NULL;

		if (!at)
			return -EBADMSG;
		bits = bits << 6 | (uint32_t)(at - digits);
		n += 6;
		if (n < 8)
			continue;
		n -= 8;
		if (buf_addc(out, (char)(bits >> n & 0xff)) < 0)
			return -EBADMSG;
	}
	return 0;
}

void jsonview_copy(struct jsonview v, char *out, size_t size)
{
	_cleanup_buf_ struct buf b = BUF_INIT(v.len);

	if (jsonview_is_string(v))
		jsonview_text(v, &b);
	snprintf(out, size, "%s", buf_str(&b));
}

/* The digits of a whole number, for strtoull and its kin; 0 if it is none. */
static int number_text(struct jsonview v, char out[24])
{
	if (!v.len || v.len > 21)
		return 0;
	memcpy(out, v.p, v.len);
	out[v.len] = '\0';
	return out[strspn(out, "-0123456789")] == '\0';
}

uint64_t jsonview_u64(struct jsonview v, uint64_t fallback)
{
	char text[24], *end;
	unsigned long long n;

	errno = 0;
	if (!number_text(v, text) || *text == '-')
		return fallback;
	n = strtoull(text, &end, 10);
	return errno || *end ? fallback : n;
}

int64_t jsonview_i64(struct jsonview v, int64_t fallback)
{
	char text[24], *end;
	long long n;

	errno = 0;
	if (!number_text(v, text))
		return fallback;
	n = strtoll(text, &end, 10);
	return errno || *end ? fallback : n;
}
