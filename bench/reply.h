/*
 * One HTTP/1.1 reply (RFC 9112) read from a keep-alive connection without pipelining: a status, a
 * body, and whether the connection may be used again. Bodies framed by Content-Length or by the
 * chunked coding; a body that ends where the connection ends is refused.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
	REPLY_MAX = 16 * 1024 * 1024, /* bytes of one reply, framing included */
};

enum reply_phase {
	REPLY_HEAD,
	REPLY_BODY,
	REPLY_CHUNK_SIZE,
	REPLY_CHUNK_DATA,
	REPLY_CHUNK_END,
	REPLY_TRAILER,
	REPLY_DONE,
};

struct reply {
	enum reply_phase phase;
	int status;
	bool close;	  /* the peer will not take another request on this connection */
	long retry_after; /* seconds; -1: the head does not say */
	char *data;	  /* what was received; owned */
	size_t size;
	size_t capacity;
	size_t next; /* first byte of data that was not looked at yet */
	size_t left; /* bytes to come of the body or of the current chunk */
	size_t body; /* where the body starts; chunks are moved together there */
	size_t body_size;
};

void reply_init(struct reply *reply);
void reply_done(struct reply *reply);

/* Makes ready for the next reply on the same connection; keeps the memory. */
void reply_reset(struct reply *reply);

/*
 * Room for at least one more byte, of *ret_size bytes, owned by the reply and valid until the next
 * call. Returns NULL when the reply would grow past REPLY_MAX. Aborts when out of memory.
 */
char *reply_room(struct reply *reply, size_t *ret_size);

/*
 * Takes note that `size` bytes were written to the room. Returns 1 when the reply is complete, 0
 * when more must come, -EBADMSG when this is not a reply or more came than a reply.
 */
int reply_received(struct reply *reply, size_t size);
