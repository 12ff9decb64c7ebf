#include "cli/safe.h"

/* Whether a control character of two bytes, U+0080 to U+009F, is at `text`. */
static int is_c1(const char *text, size_t left)
{
	return (unsigned char)text[0] == 0xc2 && left > 1 && (unsigned char)text[1] < 0xa0 &&
	       (unsigned char)text[1] >= 0x80;
}

static void escape(struct buf *out, const char *text, size_t len, int keep_lines)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (is_c1(text + i, len - i))
			buf_addf(out, "\\x%02x", (unsigned char)text[++i]);
		else if (c == 0x7f || (c < 0x20 && !(keep_lines && (c == '\n' || c == '\t'))))
			buf_addf(out, "\\x%02x", c);
		else
			buf_addc(out, (char)c);
	}
}

/* "\x1b" for one byte: four times the length at most. */
static struct buf room_for(size_t len)
{
	return BUF_INIT(len * 4 + 1);
}

void safe_print(FILE *to, const char *text, size_t len)
{
	_cleanup_buf_ struct buf b = room_for(len);

	escape(&b, text, len, 1);
	fwrite(buf_str(&b), 1, b.len, to);
}

void safe_cell(struct buf *out, const char *text, size_t len)
{
	escape(out, text, len, 0);
}

void safe_json(FILE *to, const char *text, size_t len)
{
	size_t from = 0, i = 0;

	while (i < len) {
		size_t n = is_c1(text + i, len - i) ? 2 : text[i] == 0x7f;

		if (n) {
			fwrite(text + from, 1, i - from, to);
			fprintf(to, "\\u00%02x", (unsigned char)text[i + n - 1]);
			from = i + n;
		}
		i += n ? n : 1;
	}
	fwrite(text + from, 1, len - from, to);
}
