/*
 * Where exported events go. A sink takes batches: what it has taken once is the destination's, and
 * whoever delivers may forget it.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "cli/options.h"

enum { BATCH_EVENTS_MAX = 500, BATCH_BYTES_MAX = 1 << 20, BATCH_NAME_SIZE = 33 };

struct batch_item {
	size_t at, len; /* of its line in the batch, without the line feed */
	int64_t time_ms;
	int severity;		    /* RFC 5424, section 6.2.1 */
	char name[BATCH_NAME_SIZE]; /* of the event: visible ASCII, or "-" */
};

struct batch {
	struct buf lines; /* each ends with a line feed */
	struct batch_item item[BATCH_EVENTS_MAX];
	size_t n;
	size_t taken; /* items that need not be sent again, by a sink that takes them one by one */
};

struct sink_options {
	const char *to;			   /* as the command line has it */
	const struct option_list *headers; /* "Name: value" or "@FILE" */
	const char *ca; /* authorities of an https destination; NULL: the machine's */
	int timeout_s;	/* for one batch */
};

struct sink;

struct sink_kind {
	const char *scheme; /* what `to` begins with */
	int (*open)(const struct sink_kind *kind, const struct sink_options *o, struct sink **ret,
		    struct err *reterr);
	/*
	 * 0: the destination has the batch. -EAGAIN: it may take it later, and the error says why
	 * not now; *ret_wait_s is how long it wants to be left alone. Anything else lasts.
	 */
	int (*send)(struct sink *s, struct batch *b, uint32_t *ret_wait_s, struct err *reterr);
	void (*free)(struct sink *s);
};

/* The first member of every sink. */
struct sink {
	const struct sink_kind *kind;
};

extern const struct sink_kind sink_stdout, sink_file, sink_http, sink_https, sink_syslog,
	sink_syslog_udp, sink_syslog_tcp;

/* -EINVAL: `to` is no destination, or not one to which these options belong. */
int sink_open(const struct sink_options *o, struct sink **ret, struct err *reterr);
int sink_send(struct sink *s, struct batch *b, uint32_t *ret_wait_s, struct err *reterr);
void sink_free(struct sink **s);
#define _cleanup_sink_ _cleanup_(sink_free)
