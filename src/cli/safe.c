#include "cli/safe.h"

#include <stdint.h>

enum style { STYLE_LINES, STYLE_CELL, STYLE_JSON };

struct range {
	uint32_t first, last;
};

/* Embedding, override and isolation of the direction (UAX #9), and separators of lines. */
static const struct range steering[] = {{0x2028, 0x2029}, {0x202a, 0x202e}, {0x2066, 0x2069}};

/* Further ones that leave no mark of their own where they stand. */
static const struct range unseen[] = {{0xad, 0xad},	{0x61c, 0x61c},	   {0x180e, 0x180e},
				      {0x200b, 0x200f}, {0x2060, 0x206f},  {0xfeff, 0xfeff},
				      {0xfff9, 0xfffb}, {0xe0000, 0xe007f}};

static int within(const struct range *r, size_t n, uint32_t c)
{
	for (size_t i = 0; i < n; i++)
		if (c >= r[i].first && c <= r[i].last)
			return 1;
	return 0;
}

/* The character at `p`, and its length; 0 if the bytes are not UTF-8 (RFC 3629). */
static size_t decode(const char *p, size_t left, uint32_t *ret)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *u = (const unsigned char *)p;
	size_t n = u[0] < 0x80 ? 1 : u[0] < 0xc2 ? 0 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	uint32_t c = n == 1 ? u[0] : n == 2 ? u[0] & 0x1f : n == 3 ? u[0] & 0xf : u[0] & 0x7;

	if (!n || u[0] > 0xf4 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (u[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return n;
}

static int harmless(uint32_t c, enum style style)
{
	if (c < 0x20) /* as tokens of JSON are apart by them; in its strings they cannot stand */
		return style != STYLE_CELL &&
		       (c == '\n' || c == '\t' || (style == STYLE_JSON && c == '\r'));
	if (c < 0x7f)
		return 1;
	if (c < 0xa0 || within(steering, ARRAY_SIZE(steering), c))
		return 0;
	return style != STYLE_CELL || !within(unseen, ARRAY_SIZE(unseen), c);
}

/* Writes what stands for a character; at most 12 bytes. */
static int spell(char out[16], uint32_t c, enum style style)
{
	if (style != STYLE_JSON && c < 0xa0)
		return snprintf(out, 16, "\\x%02x", c);
	return snprintf(out, 16, c > 0xffff ? "\\u{%x}" : "\\u%04x", c);
}

static void add(void *to, enum style style, const char *text, size_t len)
{
	if (style == STYLE_CELL)
		buf_add(to, text, len);
	else
		fwrite(text, 1, len, to);
}

static void escape(void *to, enum style style, const char *text, size_t len)
{
	size_t from = 0, i = 0;

	if (!len)
		return;
	while (i < len) {
		uint32_t c = (unsigned char)text[i];
		size_t n = decode(text + i, len - i, &c);
		char out[16];
		int spelt;

		if (n && harmless(c, style)) {
			i += n;
			continue;
		}
		if (n)
			spelt = spell(out, c, style);
		else /* no JSON has such bytes; U+FFFD is what a decoder would make of them */
			spelt = snprintf(out, sizeof(out),
					 style == STYLE_JSON ? "\\ufffd" : "\\x%02x", c);
		add(to, style, text + from, i - from);
		add(to, style, out, (size_t)spelt);
		i += n ? n : 1;
		from = i;
	}
	add(to, style, text + from, len - from);
}

void safe_print(FILE *to, const char *text, size_t len)
{
	escape(to, STYLE_LINES, text, len);
}

void safe_cell(struct buf *out, const char *text, size_t len)
{
	escape(out, STYLE_CELL, text, len);
}

void safe_json(FILE *to, const char *text, size_t len)
{
	escape(to, STYLE_JSON, text, len);
}
