#include "sandbox/text.h"

#include "base/json.h"

#include <errno.h>
#include <string.h>

/*
 * Decodes one code point at p, by the state machine of the WHATWG Encoding Standard (UTF-8
 * decoder). *ret_len is what it took; ill-formed input gives U+FFFD and takes the maximal subpart.
 */
static uint32_t decode(const uint8_t *p, const uint8_t *end, size_t *ret_len)
{
	uint8_t lo = 0x80, hi = 0xbf;
	uint32_t v;
	size_t need, i;

	*ret_len = 1;
	if (p[0] < 0x80)
		return p[0];
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0xfffd;
	need = p[0] < 0xe0 ? 1 : p[0] < 0xf0 ? 2 : 3;
	v = p[0] & (0x3fu >> need);
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	for (i = 1; i <= need; i++, lo = 0x80, hi = 0xbf) {
		if (p + i >= end || p[i] < lo || p[i] > hi) {
			*ret_len = i;
			return 0xfffd;
		}
		v = v << 6 | (p[i] & 0x3f);
	}
	*ret_len = need + 1;
	return v;
}

static JSStringRef widen(const uint8_t *p, size_t len)
{
	const uint8_t *end = p + len;
	_cleanup_free_ JSChar *wide = xmalloc((len + 1) * sizeof(*wide));
	size_t n = 0;

	while (p < end) {
		size_t took;
		uint32_t c = decode(p, end, &took);

		p += took;
		if (c >= 0x10000) {
			wide[n++] = (JSChar)(0xd800 + ((c - 0x10000) >> 10));
			wide[n++] = (JSChar)(0xdc00 + ((c - 0x10000) & 0x3ff));
		} else {
			wide[n++] = (JSChar)c;
		}
	}
	return JSStringCreateWithCharacters(wide, n);
}

JSStringRef text_from_utf8_strict(const void *data, size_t len)
{
	return utf8_valid(data, len) ? text_from_utf8(data, len) : NULL;
}

JSStringRef text_from_utf8(const void *data, size_t len)
{
	_cleanup_free_ char *copy = NULL;

	/* The engine's own conversion keeps ASCII at one byte a character, but stops at a zero
	 * byte. */
	if (memchr(data ? data : "", 0, len) || !utf8_valid(data, len))
		return widen(data, len);
	copy = xmalloc(len + 1);
	if (len)
		memcpy(copy, data, len);
	copy[len] = '\0';
	return JSStringCreateWithUTF8CString(copy);
}

int text_to_utf8(JSStringRef s, struct buf *out)
{
	const JSChar *p = JSStringGetCharactersPtr(s);
	size_t len = JSStringGetLength(s), i;

	for (i = 0; i < len;) {
		/* Room for a stretch at a time: three bytes for each unit at most. */
		size_t stretch = len - i < 16384 ? len - i : 16384, end = i + stretch;
		uint8_t local[16384 * 3 + 4], *to = local;

		while (i < end) {
			uint32_t c = p[i++];

			if (c < 0x80) {
				*to++ = (uint8_t)c;
				continue;
			}
			if (c < 0x800) {
				*to++ = (uint8_t)(0xc0 | c >> 6);
				*to++ = (uint8_t)(0x80 | (c & 0x3f));
				continue;
			}
			if ((c & 0xfc00) == 0xd800 && i < len && (p[i] & 0xfc00) == 0xdc00) {
				c = 0x10000 + ((c & 0x3ff) << 10) + (p[i++] & 0x3ffu);
				*to++ = (uint8_t)(0xf0 | c >> 18);
				*to++ = (uint8_t)(0x80 | (c >> 12 & 0x3f));
			} else {
				if ((c & 0xf800) == 0xd800)
					c = 0xfffd;
				*to++ = (uint8_t)(0xe0 | c >> 12);
			}
			*to++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
			*to++ = (uint8_t)(0x80 | (c & 0x3f));
		}
		if (buf_add(out, local, (size_t)(to - local)) < 0)
			return -ENOSPC;
	}
	return 0;
}
