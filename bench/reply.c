#include "reply.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	ROOM = 16 * 1024,
};

void reply_init(struct reply *reply)
{
	*reply = (struct reply){.phase = REPLY_HEAD, .retry_after = -1};
}

void reply_done(struct reply *reply)
{
	free(reply->data);
	reply_init(reply);
}

void reply_reset(struct reply *reply)
{
	*reply = (struct reply){
		.phase = REPLY_HEAD,
		.retry_after = -1,
		.data = reply->data,
		.capacity = reply->capacity,
	};
}

char *reply_room(struct reply *reply, size_t *ret_size)
{
	if (reply->size == reply->capacity) {
		size_t capacity = reply->capacity > 0 ? reply->capacity * 2 : ROOM;
		char *data;

		if (capacity > REPLY_MAX)
			return NULL;
		data = realloc(reply->data, capacity);
		if (!data)
			abort();
		reply->data = data;
		reply->capacity = capacity;
	}
	*ret_size = reply->capacity - reply->size;
	return reply->data + reply->size;
}

/* The next line without its CRLF, or false when it has not come whole. */
static bool take_line(struct reply *reply, const char **ret_line, size_t *ret_size)
{
	const char *start = reply->data + reply->next;
	const char *end = memmem(start, reply->size - reply->next, "\r\n", 2);

	if (!end)
		return false;
	*ret_line = start;
	*ret_size = (size_t)(end - start);
	reply->next += *ret_size + 2;
	return true;
}

/* The digits at the start of a line, up to its end or a stop character; no sign, no space. */
static bool parse_size(const char *line, size_t size, unsigned base, char stop, size_t *ret)
{
	size_t value = 0, i;

	for (i = 0; i < size && line[i] != stop; i++) {
		const char *digits = "0123456789abcdef";
		const char *digit = memchr(digits, tolower((unsigned char)line[i]), base);

		if (!digit || value > REPLY_MAX)
			return false;
		value = value * base + (size_t)(digit - digits);
	}
	if (i == 0 || value > REPLY_MAX)
		return false;
	*ret = value;
	return true;
}

/* "HTTP/1.1 200 OK" */
static bool parse_status(struct reply *reply, const char *line, size_t size)
{
	size_t status;

	if (size < 12 || memcmp(line, "HTTP/1.", 7) != 0 || line[8] != ' ')
		return false;
	if (!parse_size(line + 9, 3, 10, ' ', &status) || status < 100)
		return false;
	reply->status = (int)status;
	reply->close = line[7] == '0';
	return true;
}

/* Whether a line is the field `name`; gives its value without the spaces around it. */
static bool is_field(const char *line, size_t size, const char *name, const char **ret_value,
		     size_t *ret_size)
{
	size_t at = strlen(name);

	if (size <= at || strncasecmp(line, name, at) != 0 || line[at] != ':')
		return false;
	for (at++; at < size && (line[at] == ' ' || line[at] == '\t'); at++)
		;
	while (size > at && (line[size - 1] == ' ' || line[size - 1] == '\t'))
		size--;
	*ret_value = line + at;
	*ret_size = size - at;
	return true;
}

static bool equals(const char *value, size_t size, const char *word)
{
	return size == strlen(word) && strncasecmp(value, word, size) == 0;
}

/* What the head says about the framing of the body. */
struct framing {
	bool chunked;
	bool has_length;
	size_t length;
};

static bool parse_field(struct reply *reply, struct framing *framing, const char *line, size_t size)
{
	const char *value;
	size_t value_size;

	if (is_field(line, size, "Content-Length", &value, &value_size)) {
		framing->has_length = true;
		return parse_size(value, value_size, 10, '\0', &framing->length);
	}
	if (is_field(line, size, "Transfer-Encoding", &value, &value_size)) {
		framing->chunked = true;
		return equals(value, value_size, "chunked");
	}
	if (is_field(line, size, "Connection", &value, &value_size))
		reply->close = equals(value, value_size, "close");
	if (is_field(line, size, "Retry-After", &value, &value_size)) {
		size_t seconds;

		if (parse_size(value, value_size, 10, '\0', &seconds)) /* it may be a date, too */
			reply->retry_after = (long)seconds;
	}
	return true;
}

static int step_head(struct reply *reply)
{
	struct framing framing = {0};
	const char *line;
	size_t size;

	if (!memmem(reply->data + reply->next, reply->size - reply->next, "\r\n\r\n", 4))
		return 0;
	if (!take_line(reply, &line, &size) || !parse_status(reply, line, size))
		return -EBADMSG;
	while (take_line(reply, &line, &size) && size > 0) {
		if (!parse_field(reply, &framing, line, size))
			return -EBADMSG;
	}
	reply->body = reply->next;
	if (reply->status < 200) /* an interim reply: the real one follows */
		return 1;
	if (reply->status == 204 || reply->status == 304) {
		reply->phase = REPLY_DONE;
	} else if (framing.chunked) {
		reply->phase = REPLY_CHUNK_SIZE;
	} else if (framing.has_length) {
		reply->left = framing.length;
		reply->phase = REPLY_BODY;
	} else {
		return -EBADMSG;
	}
	return 1;
}

/* Moves what has come of the body, or of a chunk, to the end of the body. */
static void take_data(struct reply *reply)
{
	size_t size = reply->size - reply->next;

	if (size > reply->left)
		size = reply->left;
	memmove(reply->data + reply->body + reply->body_size, reply->data + reply->next, size);
	reply->body_size += size;
	reply->next += size;
	reply->left -= size;
}

static int step_data(struct reply *reply, enum reply_phase after)
{
	take_data(reply);
	if (reply->left > 0)
		return 0;
	reply->phase = after;
	return 1;
}

static int step_chunk_size(struct reply *reply)
{
	const char *line;
	size_t size;

	if (!take_line(reply, &line, &size))
		return 0;
	if (!parse_size(line, size, 16, ';', &reply->left))
		return -EBADMSG;
	reply->phase = reply->left > 0 ? REPLY_CHUNK_DATA : REPLY_TRAILER;
	return 1;
}

static int step_chunk_end(struct reply *reply)
{
	const char *line;
	size_t size;

	if (reply->size - reply->next < 2)
		return 0;
	if (!take_line(reply, &line, &size) || size > 0)
		return -EBADMSG;
	reply->phase = REPLY_CHUNK_SIZE;
	return 1;
}

static int step_trailer(struct reply *reply)
{
	const char *line;
	size_t size;

	if (!take_line(reply, &line, &size))
		return 0;
	if (size == 0)
		reply->phase = REPLY_DONE;
	return 1;
}

/* Returns 1 when the reply moved on, 0 when more must come first. */
static int step(struct reply *reply)
{
	switch (reply->phase) {
	case REPLY_HEAD:
		return step_head(reply);
	case REPLY_BODY:
		return step_data(reply, REPLY_DONE);
	case REPLY_CHUNK_SIZE:
		return step_chunk_size(reply);
	case REPLY_CHUNK_DATA:
		return step_data(reply, REPLY_CHUNK_END);
	case REPLY_CHUNK_END:
		return step_chunk_end(reply);
	case REPLY_TRAILER:
		return step_trailer(reply);
	case REPLY_DONE:
		return 0;
	}
	return -EBADMSG;
}

int reply_received(struct reply *reply, size_t size)
{
	int moved = 1;

	reply->size += size;
	while (moved > 0 && reply->phase != REPLY_DONE)
		moved = step(reply);
	if (moved < 0)
		return moved;
	if (reply->phase != REPLY_DONE)
		return 0;
	return reply->next == reply->size ? 1 : -EBADMSG;
}
