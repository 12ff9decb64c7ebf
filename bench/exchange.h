/*
 * One keep-alive connection to an HTTP server, with at most one request under way. Nothing blocks;
 * who owns the loop waits, and calls exchange_go() when something may have happened.
 */
#pragma once

#include "reply.h"
#include "values.h"

#include <netinet/in.h>

struct exchange {
	int fd; /* -1: none */
	bool busy;
	bool used; /* a reply has come on this connection */
	const struct bytes *request;
	size_t sent;
	struct reply reply;
};

void exchange_init(struct exchange *x);
void exchange_done(struct exchange *x);

/*
 * Sends `request`, which stays the caller's and as it is until the reply is there; connects before
 * that, from `from` unless it is NULL, if there is no connection. 0, or -errno: the connection is
 * gone, and it is not busy.
 */
int exchange_begin(struct exchange *x, const struct sockaddr_in *to, const struct sockaddr_in *from,
		   const struct bytes *request);

/* What to wait for: POLLIN, and POLLOUT while the request is not sent whole. */
short exchange_events(const struct exchange *x);

/*
 * Sends and receives what it can until it would block. 1: the reply is whole (it is there until the
 * next begin), 0: more must come, -errno as exchange_begin(); -EBADMSG: what came is not HTTP,
 * -EMSGSIZE: it is too large.
 */
int exchange_go(struct exchange *x);

/* When nothing is under way: the peer has closed. Its connection is gone then. */
bool exchange_is_over(struct exchange *x);
void exchange_close(struct exchange *x);

/* The head and body of a request; body.data NULL: a GET. `headers` are whole lines. Owned bytes. */
struct bytes exchange_request(const char *host, const char *path, const struct bytes *headers,
			      const struct bytes *body);
