#include "cli/sse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void sse_init(struct sse *s, size_t max,
	      int (*event)(void *arg, const char *name, const char *data, size_t len), void *arg)
{
	*s = (struct sse){.line = BUF_INIT(max), .data = BUF_INIT(max), .event = event, .arg = arg};
}

void sse_keep_id(struct sse *s, char *id)
{
	s->id = id;
	memcpy(s->next_id, id, sizeof(s->next_id));
}

void sse_done(struct sse *s)
{
	buf_done(&s->line);
	buf_done(&s->data);
}

static int end_event(struct sse *s)
{
	int r = 0;

	if (s->data.len) /* each line of data left a new line behind */
		r = s->event(s->arg, *s->name ? s->name : "message", buf_str(&s->data),
			     s->data.len - 1);
	if (r >= 0 && s->id)
		memcpy(s->id, s->next_id, sizeof(s->next_id));
	s->data.len = 0;
	*s->name = '\0';
	return r;
}

/* The line is complete, without its end. */
static int end_line(struct sse *s)
{
	const char *line = buf_str(&s->line), *colon = strchr(line, ':'), *value;
	size_t n = colon ? (size_t)(colon - line) : s->line.len;
	int r = 0;

	value = colon ? colon + 1 : line + n;
	value += *value == ' ';
	if (!s->line.len)
		r = end_event(s);
	else if (n == 5 && !memcmp(line, "event", 5))
		snprintf(s->name, sizeof(s->name), "%s", value);
	else if (n == 2 && !memcmp(line, "id", 2) && strlen(value) < sizeof(s->next_id))
		memcpy(s->next_id, value, strlen(value) + 1);
	else if (n == 4 && !memcmp(line, "data", 4))
		r = buf_add(&s->data, value, s->line.len - (size_t)(value - line)) < 0 ||
				    buf_addc(&s->data, '\n') < 0
			    ? -ENOSPC
			    : 0;
	s->line.len = 0;
	return r;
}

int sse_feed(struct sse *s, const char *bytes, size_t len)
{
	const char *end = bytes + len;

	while (bytes < end) {
		const char *nl = memchr(bytes, '\n', (size_t)(end - bytes));
		size_t n = (size_t)((nl ? nl : end) - bytes);
		int r;

		if (buf_add(&s->line, bytes, n) < 0)
			return -ENOSPC;
		bytes += n + 1;
		if (!nl)
			break;
		if (s->line.len && s->line.data[s->line.len - 1] == '\r')
			s->line.len--;
		r = end_line(s);
		if (r < 0)
			return r;
	}
	return 0;
}
