#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void buf_done(struct buf *b)
{
	free(b->data ? b->data - b->gone : NULL);
	b->data = NULL;
	b->len = b->cap = b->gone = 0;
}

/* Moves the content to the start of the allocation. */
static void compact(struct buf *b)
{
	memmove(b->data - b->gone, b->data, b->len);
	b->data -= b->gone;
	b->cap += b->gone;
	b->gone = 0;
}

uint8_t *buf_reserve(struct buf *b, size_t n)
{
	size_t want, cap;

	if (n > b->max || b->len > b->max - n)
		return NULL;
	want = b->len + n + 1; /* one for buf_str */
	if (want > b->cap && b->gone)
		compact(b);
	if (want > b->cap) {
		cap = b->cap < 64 ? 64 : b->cap;
		while (cap < want)
			cap *= 2;
		b->data = xrealloc(b->data, cap);
		b->cap = cap;
	}
	return b->data + b->len;
}

int buf_add(struct buf *b, const void *p, size_t n)
{
	uint8_t *to = buf_reserve(b, n);

	if (!to)
		return -ENOSPC;
	if (n)
		memcpy(to, p, n);
	b->len += n;
	return 0;
}

int buf_adds(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int buf_addc(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

int buf_addf(struct buf *b, const char *format, ...)
{
	char small[256];
	_cleanup_free_ char *large = NULL;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(small, sizeof(small), format, ap);
	va_end(ap);
	if (n < 0)
		return -EINVAL;
	if ((size_t)n < sizeof(small))
		return buf_add(b, small, (size_t)n);
	if ((size_t)n > b->max)
		return -ENOSPC;
	large = xmalloc((size_t)n + 1);
	va_start(ap, format);
	vsnprintf(large, (size_t)n + 1, format, ap);
	va_end(ap);
	return buf_add(b, large, (size_t)n);
}

void buf_consume(struct buf *b, size_t n)
{
	if (n == 0)
		return;
	b->data += n;
	b->gone += n;
	b->cap -= n;
	b->len -= n;
	if (b->gone && b->gone >= b->len) /* so each byte is moved once at most, on average */
		compact(b);
}

void buf_fit(struct buf *b)
{
	if (b->gone)
		compact(b);
	if (!b->data || b->cap == b->len + 1)
		return;
	b->cap = b->len + 1;
	b->data = xrealloc(b->data, b->cap);
}

const char *buf_str(struct buf *b)
{
	if (!b->data)
		return "";
	b->data[b->len] = '\0';
	return (const char *)b->data;
}
