/*
 * A syslog: messages of RFC 5424, whose text is the event's JSON. On this machine (/dev/log) and by
 * UDP (RFC 5426) each is a datagram; by TCP they are counted octets (RFC 6587, section 3.4.1). None
 * of them acknowledges messages: a batch counts as taken when the kernel at the other end has it.
 */
#include "cli/sink.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

enum {
	FACILITY = 13, /* log audit */
	HEAD_MAX = 512,
	HOST_MAX = 255,
	DATAGRAM_MAX = 65000,  /* what UDP over IPv4 carries, and some room */
	STREAM_MAX = 64 << 20, /* a batch with its heads; one event may be larger than a batch */
	DRAIN_POLL_MS = 5,
};

struct syslog_sink {
	struct sink sink;
	char *host, *port; /* NULL: on this machine */
	struct sockaddr_un local;
	char name[HOST_MAX + 1];
	int type, timeout_ms, fd;
};

/* HOSTNAME: visible ASCII. */
static void own_name(char out[HOST_MAX + 1])
{
	char name[HOST_MAX + 1] = "";

	gethostname(name, sizeof(name) - 1);
	snprintf(out, HOST_MAX + 1, "%.*s",
		 (int)strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789.-_"),
		 name);
	if (!*out)
		memcpy(out, "-", 2);
}

static void add_head(const struct syslog_sink *g, const struct batch_item *i, struct buf *out)
{
	char time[CLOCK_TEXT_SIZE];

	clock_text(i->time_ms, time);
	buf_addf(out, "<%d>1 %s %s cordon %ld %s - ", FACILITY * 8 + i->severity, time, g->name,
		 (long)getpid(), i->name);
}

static void add_message(const struct syslog_sink *g, const struct batch *b,
			const struct batch_item *i, struct buf *out)
{
	add_head(g, i, out);
	buf_add(out, b->lines.data + i->at, i->len);
}

/* In place of an event that is too large for a datagram. */
static void add_omission(const struct syslog_sink *g, const struct batch_item *i, struct buf *out)
{
	add_head(g, i, out);
	buf_addf(out, "{\"omitted\":\"the event has %zu bytes, too many for a datagram\"}", i->len);
}

static int later(const struct syslog_sink *g, int number, struct err *reterr)
{
	err_set(reterr, number, "export.unreachable", "%s%s%s does not take events now: %s",
		g->host ? g->host : g->local.sun_path, g->host ? " port " : "",
		g->host ? g->port : "", strerror(number));
	return -EAGAIN;
}

/* Until the socket is ready, or the time for a batch is over. */
static int await(const struct syslog_sink *g, short events)
{
	struct pollfd p = {g->fd, events, 0};
	int r;

	do
		r = poll(&p, 1, g->timeout_ms);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r == 0 ? -ETIMEDOUT : 0;
}

static int connect_fd(struct syslog_sink *g, const struct sockaddr *to, socklen_t len)
{
	int error = 0, r;
	socklen_t size = sizeof(error);

	if (connect(g->fd, to, len) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	r = await(g, POLLOUT);
	if (r == 0 && getsockopt(g->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		r = -errno;
	return r ? r : -error;
}

static int connect_local(struct syslog_sink *g)
{
	g->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return g->fd < 0 ? -errno
			 : connect_fd(g, (const struct sockaddr *)&g->local, sizeof(g->local));
}

static int connect_network(struct syslog_sink *g, struct err *reterr)
{
	const struct addrinfo hints = {.ai_socktype = g->type};
	struct addrinfo *all = NULL;
	int r = getaddrinfo(g->host, g->port, &hints, &all);

	if (r) {
		err_set(reterr, EIO, "export.unreachable", "%s is not found: %s", g->host,
			gai_strerror(r));
		return -EAGAIN;
	}
	r = -ENOENT;
	for (const struct addrinfo *a = all; a && r < 0; a = a->ai_next) {
		close_fd(&g->fd);
		g->fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		r = g->fd < 0 ? -errno : connect_fd(g, a->ai_addr, a->ai_addrlen);
	}
	freeaddrinfo(all);
	return r < 0 ? later(g, -r, reterr) : 0;
}

static int ensure_connected(struct syslog_sink *g, struct err *reterr)
{
	int r = 0;

	if (g->fd >= 0)
		return 0;
	if (g->host) {
		r = connect_network(g, reterr);
	} else {
		r = connect_local(g);
		r = r < 0 ? later(g, -r, reterr) : 0;
	}
	if (r < 0)
		close_fd(&g->fd);
	return r;
}

static int send_some(const struct syslog_sink *g, const uint8_t *p, size_t len, size_t *ret)
{
	for (;;) {
		ssize_t n = send(g->fd, p, len, MSG_NOSIGNAL);
		int r;

		if (n >= 0) {
			*ret = (size_t)n;
			return 0;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != ENOBUFS)
			return -errno;
		r = await(g, POLLOUT);
		if (r < 0)
			return r;
	}
}

static int send_datagrams(struct syslog_sink *g, struct batch *b)
{
	_cleanup_buf_ struct buf m = BUF_INIT(HEAD_MAX + DATAGRAM_MAX + HEAD_MAX);

	for (; b->taken < b->n; b->taken++) {
		const struct batch_item *item = &b->item[b->taken];
		size_t n;
		int r;

		m.len = 0;
		if (item->len <= DATAGRAM_MAX)
			add_message(g, b, item, &m);
		r = m.len ? send_some(g, m.data, m.len, &n) : -EMSGSIZE;
		if (r == -EMSGSIZE) {
			m.len = 0;
			add_omission(g, item, &m);
			r = send_some(g, m.data, m.len, &n);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* Until the other end's kernel has everything. */
static int drain(const struct syslog_sink *g)
{
	uint64_t end = clock_now_ns() + (uint64_t)g->timeout_ms * NS_PER_MS;
	int queued = 0;

	for (;;) {
		struct pollfd p = {g->fd, POLLRDHUP, 0};

		if (ioctl(g->fd, SIOCOUTQ, &queued) < 0)
			return -errno;
		if (poll(&p, 1, queued ? DRAIN_POLL_MS : 0) > 0)
			return -ECONNRESET; /* it will read no more */
		if (!queued)
			return 0;
		if (clock_now_ns() > end)
			return -ETIMEDOUT;
	}
}

/* All of the batch: what a connection that broke had taken is not known. */
static int send_stream(struct syslog_sink *g, const struct batch *b)
{
	_cleanup_buf_ struct buf all = BUF_INIT(STREAM_MAX), m = BUF_INIT(STREAM_MAX);
	size_t at = 0, n = 0;
	int r = 0;

	for (size_t i = 0; i < b->n; i++) {
		m.len = 0;
		add_message(g, b, &b->item[i], &m);
		buf_addf(&all, "%zu ", m.len);
		buf_add(&all, m.data, m.len);
	}
	for (; r == 0 && at < all.len; at += n)
		r = send_some(g, all.data + at, all.len - at, &n);
	return r ? r : drain(g);
}

static int send_syslog(struct sink *s, struct batch *b, uint32_t *ret_wait_s, struct err *reterr)
{
	struct syslog_sink *g = container_of(s, struct syslog_sink, sink);
	int r = ensure_connected(g, reterr);

	(void)ret_wait_s;
	if (r < 0)
		return r;
	r = g->type == SOCK_STREAM ? send_stream(g, b) : send_datagrams(g, b);
	if (r < 0) {
		close_fd(&g->fd);
		return later(g, -r, reterr);
	}
	return 0;
}

static void free_syslog(struct sink *s)
{
	struct syslog_sink *g = container_of(s, struct syslog_sink, sink);

	close_fd(&g->fd);
	free(g->host);
	free(g->port);
	free(g);
}

/* "HOST:PORT", "[IPv6]:PORT". */
static int take_address(struct syslog_sink *g, const char *text)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;
	unsigned long port = colon ? strtoul(colon + 1, NULL, 10) : 0;

	if (n >= 2 && *text == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	} else if (memchr(text, ':', n)) {
		return -EINVAL;
	}
	if (!n || !port || port > 65535 || colon[1 + strspn(colon + 1, "0123456789")])
		return -EINVAL;
	g->host = xasprintf("%.*s", (int)n, text);
	g->port = xstrdup(colon + 1);
	return 0;
}

static int take_path(struct syslog_sink *g, const char *path)
{
	if (!*path)
		path = "/dev/log";
	g->local.sun_family = AF_UNIX;
	if (*path != '/' || strlen(path) >= sizeof(g->local.sun_path))
		return -EINVAL;
	memcpy(g->local.sun_path, path, strlen(path) + 1);
	return 0;
}

static int open_syslog(const struct sink_kind *kind, const struct sink_options *o,
		       struct sink **ret, struct err *reterr)
{
	const char *rest = o->to + strlen(kind->scheme);
	struct syslog_sink *g = xcalloc(1, sizeof(*g));

	g->sink.kind = kind;
	g->fd = -1;
	g->type = kind == &sink_syslog_tcp ? SOCK_STREAM : SOCK_DGRAM;
	g->timeout_ms = o->timeout_s * 1000;
	own_name(g->name);
	if ((kind == &sink_syslog ? take_path(g, rest) : take_address(g, rest)) < 0) {
		free_syslog(&g->sink);
		return err_set(reterr, EINVAL, "usage",
			       "--to %s: syslog: (or syslog:/PATH of its socket), "
			       "syslog+udp://HOST:PORT or "
			       "syslog+tcp://HOST:PORT is needed",
			       o->to);
	}
	*ret = &g->sink;
	return 0;
}

const struct sink_kind sink_syslog = {"syslog:", open_syslog, send_syslog, free_syslog};
const struct sink_kind sink_syslog_udp = {"syslog+udp://", open_syslog, send_syslog, free_syslog};
const struct sink_kind sink_syslog_tcp = {"syslog+tcp://", open_syslog, send_syslog, free_syslog};
