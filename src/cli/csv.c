#include "cli/csv.h"

#include <string.h>

static int begin(struct buf *b)
{
	return b->len && b->data[b->len - 1] != '\n' ? buf_addc(b, ',') : 0;
}

/* A line that begins with an empty cell begins with the comma after it: so cells are told from
 * lines by the quotes that an empty one gets. */
int csv_text(struct buf *b, const char *text)
{
	int quoted = !*text || strpbrk(text, ",\"\r\n") != NULL;
	int r = begin(b);

	if (r == 0 && quoted)
		r = buf_addc(b, '"');
	if (r == 0 && *text && strchr("=+-@\t\r'", *text))
		r = buf_addc(b, '\'');
	for (; r == 0 && *text; text++) {
		if (*text == '"')
			r = buf_addc(b, '"');
		if (r == 0)
			r = buf_addc(b, *text);
	}
	return r == 0 && quoted ? buf_addc(b, '"') : r;
}

int csv_number(struct buf *b, const char *digits)
{
	int r = begin(b);

	return r ? r : buf_adds(b, *digits ? digits : "\"\"");
}

int csv_end(struct buf *b)
{
	return buf_adds(b, "\r\n");
}
