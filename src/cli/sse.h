/* Server-sent events (HTML Standard, section 9.2.6) as they come, in pieces of any size. */
#pragma once

#include "base/buf.h"

enum { SSE_NAME_SIZE = 32, SSE_ID_SIZE = 64 };

struct sse {
	struct buf line, data; /* of what is not complete yet */
	char name[SSE_NAME_SIZE], next_id[SSE_ID_SIZE];
	char *id; /* of the last event that was taken; NULL: not wanted */
	/* One event. A value less than 0 ends the reading. The bytes live until it returns. */
	int (*event)(void *arg, const char *name, const char *data, size_t len);
	void *arg;
};

/* An event has at most `max` bytes. */
void sse_init(struct sse *s, size_t max,
	      int (*event)(void *arg, const char *name, const char *data, size_t len), void *arg);
void sse_done(struct sse *s);
/* Keeps the last event's ID in id[SSE_ID_SIZE], which has the one of an earlier stream, or "". */
void sse_keep_id(struct sse *s, char *id);

/* 0; -ENOSPC: an event is larger; or what event() returned. Events that are not complete at the
 * end are none. */
int sse_feed(struct sse *s, const char *bytes, size_t len);
