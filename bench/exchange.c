#include "exchange.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

void exchange_init(struct exchange *x)
{
	*x = (struct exchange){.fd = -1};
	reply_init(&x->reply);
}

void exchange_close(struct exchange *x)
{
	if (x->fd >= 0)
		close(x->fd);
	x->fd = -1;
	x->used = x->busy = false;
}

void exchange_done(struct exchange *x)
{
	exchange_close(x);
	reply_done(&x->reply);
}

static int broke(struct exchange *x, int r)
{
	exchange_close(x);
	return r;
}

/* Starts to connect; how it ends is seen when the request is sent. */
static int connect_to(struct exchange *x, const struct sockaddr_in *to,
		      const struct sockaddr_in *from)
{
	int on = 1;

	x->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (x->fd < 0)
		return broke(x, -errno);
	setsockopt(x->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (from) { /* the port is chosen with the destination, so that ports do not run out */
		setsockopt(x->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
		if (bind(x->fd, (const struct sockaddr *)from, sizeof(*from)) < 0)
			return broke(x, -errno);
	}
	if (connect(x->fd, (const struct sockaddr *)to, sizeof(*to)) < 0 && errno != EINPROGRESS)
		return broke(x, -errno);
	return 0;
}

static int send_some(struct exchange *x)
{
	while (x->sent < x->request->size) {
		ssize_t n = send(x->fd, x->request->data + x->sent, x->request->size - x->sent,
				 MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n < 0)
			return broke(x, -errno);
		x->sent += (size_t)n;
	}
	return 0;
}

int exchange_begin(struct exchange *x, const struct sockaddr_in *to, const struct sockaddr_in *from,
		   const struct bytes *request)
{
	int r = x->fd < 0 ? connect_to(x, to, from) : 0;

	if (r < 0)
		return r;
	x->busy = true;
	x->request = request;
	x->sent = 0;
	reply_reset(&x->reply);
	return send_some(x);
}

short exchange_events(const struct exchange *x)
{
	return x->busy && x->sent < x->request->size ? POLLIN | POLLOUT : POLLIN;
}

static int receive_some(struct exchange *x)
{
	for (;;) {
		size_t size;
		char *room = reply_room(&x->reply, &size);
		ssize_t n;
		int r;

		if (!room)
			return broke(x, -EMSGSIZE);
		n = recv(x->fd, room, size, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0)
			return broke(x, n < 0 ? -errno : -ECONNRESET);
		r = reply_received(&x->reply, (size_t)n);
		if (r < 0)
			return broke(x, r);
		if (r > 0)
			return r;
	}
}

int exchange_go(struct exchange *x)
{
	int r = send_some(x);

	if (r == 0)
		r = receive_some(x);
	if (r <= 0)
		return r;
	x->busy = false;
	x->used = true;
	if (x->reply.close)
		exchange_close(x);
	return 1;
}

bool exchange_is_over(struct exchange *x)
{
	char byte;

	if (recv(x->fd, &byte, 1, MSG_PEEK) < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	exchange_close(x); /* also when it speaks without being asked */
	return true;
}

struct bytes exchange_request(const char *host, const char *path, const struct bytes *headers,
			      const struct bytes *body)
{
	struct bytes request = {0};

	bytes_printf(&request, "%s %s HTTP/1.1\r\nHost: %s\r\n", body->data ? "POST" : "GET", path,
		     host);
	if (headers->data)
		bytes_append(&request, headers->data, headers->size);
	if (body->data)
		bytes_printf(&request, "Content-Length: %zu\r\n", body->size);
	bytes_append(&request, "\r\n", 2);
	if (body->data)
		bytes_append(&request, body->data, body->size);
	return request;
}
