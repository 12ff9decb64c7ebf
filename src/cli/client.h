/*
 * The client side of the daemon's HTTP API (docs/api.md): finds the daemon, and asks it one thing
 * at a time. No proxy, no redirect, only http and https, answers of at most CLIENT_REPLY_MAX bytes.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "cli/options.h"
#include "cli/sse.h"

enum { CLIENT_REPLY_MAX = 64 << 20 };

/* How to reach the daemon. */
struct client {
	char *base;	    /* http://HOST:PORT, without a slash at its end */
	char *socket;	    /* path of its socket; NULL: by network */
	char *key;	    /* API key; NULL: none */
	const char *ca;	    /* CORDON_CA_FILE: authorities to trust; NULL: the machine's */
	const char *tenant; /* NULL: the caller's own */
	int named;	    /* by an option or a variable; else it is where one is by default */
};

/*
 * The daemon that options and environment name. The first of these that is given decides: --url
 * (with CORDON_API_KEY) or --data (its socket, without a key); CORDON_URL with CORDON_API_KEY;
 * CORDON_API_KEY alone (at the address where `cordon up` listens by default); the socket in the
 * default data directory. Does not speak to it yet. -EINVAL: the URL or key is not one.
 */
int client_init(struct client *c, const struct shared_options *o, struct err *reterr);
void client_done(struct client *c);
#define _cleanup_client_ _cleanup_(client_done)

/* Where it looks for the daemon: a socket or a URL. */
const char *client_where(const struct client *c);

/* Whether a daemon answers there. */
int client_alive(const struct client *c);

enum { CLIENT_HEADERS_MAX = 3 };

struct request {
	const char *method;
	const char *path; /* with its query, escaped; client_path() helps */
	const void *body; /* NULL: none */
	size_t body_len;
	const char *content_type;		 /* of the body */
	const char *accept;			 /* NULL: JSON */
	const char *headers[CLIENT_HEADERS_MAX]; /* further ones, "Name: value" */
	int timeout_s; /* for the whole exchange; 0: the usual one; -1: none, as a run may take
			  long */
	/* A descriptor to watch meanwhile, and what to do when it can be read; NULL: none. The
	 * exchange ends with -EINTR when that returns less than 0. */
	int watch_fd;
	int (*watched)(void *arg);
	void (*tick)(void *arg); /* called now and then meanwhile; may be NULL */
	/* Asks for the answer as events, each of which it gets as it comes (sse.h); the reply then
	 * has no body. A daemon may answer with a body all the same. NULL: none. */
	int (*event)(void *arg, const char *name, const char *data, size_t len);
	char *event_id; /* SSE_ID_SIZE bytes: the last event's ID, kept up to date; may be NULL */
	void *arg;
};

struct reply {
	int status; /* 0: none came */
	struct buf body;
};
void reply_done(struct reply *r);
#define _cleanup_reply_ _cleanup_(reply_done)

/*
 * One request. 0: it was answered with a status of 200 to 299. Else the error says what the daemon
 * said in its problem (RFC 9457), with its code, or why it could not be asked:
 *   -EINVAL  the request cannot be served as it is
 *   -EACCES  the caller may not do this
 *   -EIO     daemon or network
 *   -EINTR   the watcher ended it
 */
int client_call(const struct client *c, const struct request *q, struct reply *ret,
		struct err *reterr);

/* Whether an error of client_call() may pass by itself: not what the daemon refused. */
int client_passing(const struct err *e);

/* Appends text as one segment of a path or one value of a query (RFC 3986, section 2.1). */
void client_escape(struct buf *out, const char *text);

/* Appends "?name=value" or "&name=value", whichever is due; nothing if the value is NULL. */
void client_query(struct buf *path, const char *name, const char *value);

/* Prints "cordon: message (code)", harmless for a terminal; returns the exit status for it. */
int client_complain(const struct err *e);
