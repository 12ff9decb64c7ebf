/*
 * A load generator for HTTP/1.1 over loopback: N connections, each with one request
 * under way and the next one sent as soon as its reply is whole. It measures from the first byte
 * sent to the last byte received, and a wrong reply counts as an error, not as a fast one.
 *
 * First the warm-up requests run and are forgotten, then the counted ones; the connections stay.
 * What is reported as a latency is that of a right reply. A closed loop waits for slow replies
 * instead of piling up requests behind them, so its percentiles are of service, not of a queue.
 *
 * With --rate the loop is open: requests are due at fixed times, whatever became of those before,
 * and a latency counts from the time a request was due, so that one that had to wait for a
 * connection, or for this program, is not told as a fast one.
 */
#include "options.h"
#include "reply.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	ERRORS_MAX = 1000, /* then the run is given up */
};

struct connection {
	int fd; /* -1: none */
	bool busy;
	size_t sent;	/* bytes of the request */
	uint64_t began; /* ns */
	struct reply reply;
};

struct load {
	const struct options *options;
	struct bytes request;
	struct connection *connections;
	uint32_t *latencies; /* us, `right` of them */
	size_t right;
	size_t errors;
	bool complained;
	uint64_t ended; /* ns, of the last reply */
};

/* One phase: how many requests may still be sent, and until when. */
struct phase {
	size_t to_send;
	uint64_t deadline; /* ns; 0: none */
	bool counted;
	uint64_t interval; /* ns between requests of an open loop; 0: closed */
	uint64_t due;	   /* ns, of the next one */
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void __attribute__((format(printf, 2, 3)))
bytes_printf(struct bytes *bytes, const char *format, ...)
{
	va_list args;
	char *text;
	int size;

	va_start(args, format);
	size = vasprintf(&text, format, args);
	va_end(args);
	if (size < 0)
		abort();
	bytes_append(bytes, text, (size_t)size);
	free(text);
}

/* Says only the first thing that went wrong: the rest is most often the same again. */
static void fail(struct load *load, const char *what, const char *detail, size_t size)
{
	load->errors++;
	if (load->complained)
		return;
	load->complained = true;
	fprintf(stderr, "load: first error: %s: %.*s\n", what, size > 400 ? 400 : (int)size,
		detail);
}

static void disconnect(struct connection *connection)
{
	if (connection->fd >= 0)
		close(connection->fd);
	connection->fd = -1;
}

/* Starts to connect; how it ends is seen when the request is sent. */
static int connect_to(const struct sockaddr_in *address)
{
	int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		options_die("cannot make a socket: %s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
	    errno != EINPROGRESS) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

static void broke(struct load *load, struct connection *connection, const char *what, int r)
{
	const char *why = strerror(-r);

	fail(load, what, why, strlen(why));
	connection->busy = false;
	disconnect(connection);
}

static void send_request(struct load *load, struct connection *connection)
{
	while (connection->sent < load->request.size) {
		ssize_t n = send(connection->fd, load->request.data + connection->sent,
				 load->request.size - connection->sent, MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			broke(load, connection, "send", -errno);
			return;
		}
		connection->sent += (size_t)n;
	}
}

static void begin(struct load *load, struct connection *connection, uint64_t at)
{
	connection->busy = true;
	connection->sent = 0;
	connection->began = at;
	reply_reset(&connection->reply);
	if (connection->fd < 0) {
		int fd = connect_to(&load->options->address);

		if (fd < 0) {
			broke(load, connection, "connect", fd);
			return;
		}
		connection->fd = fd;
	}
	send_request(load, connection);
}

/* In the warm-up any success will do: the first answer of a held sandbox is not like the others. */
static bool is_right(struct load *load, const struct reply *reply, bool counted)
{
	const struct options *options = load->options;
	const char *body = reply->data + reply->body;

	if (reply->status != 200) {
		fail(load, "status is not 200", reply->data, reply->size);
		return false;
	}
	if (!counted)
		return true;
	if (options->expect.data && (reply->body_size != options->expect.size ||
				     memcmp(body, options->expect.data, reply->body_size) != 0)) {
		fail(load, "not the expected body", body, reply->body_size);
		return false;
	}
	if (options->contains.data &&
	    !memmem(body, reply->body_size, options->contains.data, options->contains.size)) {
		fail(load, "body without the expected part", body, reply->body_size);
		return false;
	}
	return true;
}

static void finish(struct load *load, struct connection *connection, const struct phase *phase)
{
	uint64_t now = now_ns();

	connection->busy = false;
	load->ended = now;
	if (is_right(load, &connection->reply, phase->counted) && phase->counted) {
		uint64_t us = (now - connection->began) / 1000;

		load->latencies[load->right++] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
	}
	if (connection->reply.close)
		disconnect(connection);
}

static void receive(struct load *load, struct connection *connection, const struct phase *phase)
{
	while (connection->busy) {
		size_t size;
		char *room = reply_room(&connection->reply, &size);
		ssize_t n;
		int r;

		if (!room) {
			broke(load, connection, "reply is too large", -EMSGSIZE);
			return;
		}
		n = recv(connection->fd, room, size, 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			broke(load, connection, "receive", n < 0 ? -errno : -ECONNRESET);
			return;
		}
		r = reply_received(&connection->reply, (size_t)n);
		if (r < 0)
			broke(load, connection, "reply is not HTTP", r);
		else if (r > 0)
			finish(load, connection, phase);
	}
}

static void serve(struct load *load, struct connection *connection, const struct phase *phase,
		  short events)
{
	uint64_t limit = (uint64_t)load->options->timeout * 1000000000;

	if (connection->sent < load->request.size && (events & (POLLOUT | POLLERR | POLLHUP)))
		send_request(load, connection);
	if (connection->busy && (events & (POLLIN | POLLERR | POLLHUP)))
		receive(load, connection, phase);
	if (connection->busy && now_ns() - connection->began > limit)
		broke(load, connection, "no reply in time", -ETIMEDOUT);
}

/* Sends the next request on each idle connection; fills in what to wait for. Returns how many. */
static size_t refill(struct load *load, struct phase *phase, struct pollfd *polls,
		     struct connection **polled)
{
	size_t waiting = 0;

	for (long i = 0; i < load->options->concurrency; i++) {
		struct connection *connection = &load->connections[i];

		while (!connection->busy && phase->to_send > 0 && load->errors < ERRORS_MAX) {
			uint64_t now = now_ns();

			if (phase->deadline > 0 && now >= phase->deadline) {
				phase->to_send = 0;
				break;
			}
			if (phase->interval > 0 && now < phase->due)
				break;
			phase->to_send--;
			begin(load, connection, phase->interval > 0 ? phase->due : now);
			phase->due += phase->interval;
		}
		if (!connection->busy)
			continue;
		polled[waiting] = connection;
		polls[waiting].fd = connection->fd;
		polls[waiting].events =
			connection->sent < load->request.size ? POLLIN | POLLOUT : POLLIN;
		waiting++;
	}
	return waiting;
}

static void run_phase(struct load *load, struct phase phase)
{
	static struct pollfd polls[OPTIONS_CONCURRENCY_MAX];
	static struct connection *polled[OPTIONS_CONCURRENCY_MAX];
	size_t waiting;

	phase.due = now_ns();
	while ((waiting = refill(load, &phase, polls, polled)) > 0 ||
	       (phase.interval > 0 && phase.to_send > 0 && load->errors < ERRORS_MAX)) {
		uint64_t now = now_ns(), wait = 250000000;
		struct timespec limit;
		int ready;

		if (phase.interval > 0 && phase.to_send > 0 && phase.due < now + wait)
			wait = phase.due > now ? phase.due - now : 0;
		limit = (struct timespec){.tv_nsec = (long)wait};
		ready = ppoll(polls, waiting, &limit, NULL);

		if (ready < 0 && errno != EINTR)
			options_die("cannot poll: %s", strerror(errno));
		for (size_t i = 0; i < waiting; i++)
			serve(load, polled[i], &phase, ready > 0 ? polls[i].revents : 0);
	}
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Nearest rank: the smallest latency that at least `per_mille` of them do not exceed. */
static uint32_t percentile(const struct load *load, size_t per_mille)
{
	size_t rank = (load->right * per_mille + 999) / 1000;

	return load->right > 0 ? load->latencies[rank > 0 ? rank - 1 : 0] : 0;
}

static void report(struct load *load, double seconds)
{
	const struct options *options = load->options;
	double per_second = seconds > 0 ? (double)load->right / seconds : 0;
	uint32_t p50, p90, p99, max;

	qsort(load->latencies, load->right, sizeof(*load->latencies), compare);
	p50 = percentile(load, 500);
	p90 = percentile(load, 900);
	p99 = percentile(load, 990);
	max = percentile(load, 1000);
	if (options->json) {
		printf("{\"count\": %zu, \"errors\": %zu, \"concurrency\": %ld, \"seconds\": %.3f, "
		       "\"per_second\": %.1f, \"p50_us\": %u, \"p90_us\": %u, \"p99_us\": %u, "
		       "\"max_us\": %u}\n",
		       load->right, load->errors, options->concurrency, seconds, per_second, p50,
		       p90, p99, max);
	} else {
		printf("%zu right, %zu errors, %.1f/s at concurrency %ld; p50 %u, p90 %u, p99 %u, "
		       "max %u us\n",
		       load->right, load->errors, per_second, options->concurrency, p50, p90, p99,
		       max);
	}
}

static void build_request(struct load *load)
{
	const struct options *options = load->options;
	struct bytes *request = &load->request;

	bytes_printf(request, "%s %s HTTP/1.1\r\nHost: %s\r\n", options->body.data ? "POST" : "GET",
		     options->path, options->host);
	if (options->headers.data)
		bytes_append(request, options->headers.data, options->headers.size);
	if (options->body.data)
		bytes_printf(request, "Content-Length: %zu\r\n", options->body.size);
	bytes_append(request, "\r\n", 2);
	if (options->body.data)
		bytes_append(request, options->body.data, options->body.size);
}

/* Returns true when every counted request had a right reply. */
static bool run(const struct options *options)
{
	struct phase warmup = {.to_send = (size_t)options->warmup};
	struct phase counted = {.counted = true};
	struct load load = {.options = options};
	uint64_t began;
	bool right;

	counted.to_send = options->requests > 0 ? (size_t)options->requests : OPTIONS_REQUESTS_MAX;
	load.connections = calloc((size_t)options->concurrency, sizeof(*load.connections));
	load.latencies = calloc(counted.to_send, sizeof(*load.latencies));
	if (!load.connections || !load.latencies)
		abort();
	for (long i = 0; i < options->concurrency; i++) {
		load.connections[i].fd = -1;
		reply_init(&load.connections[i].reply);
	}
	build_request(&load);

	run_phase(&load, warmup);
	if (load.errors > 0)
		options_die("%zu of the warm-up requests failed", load.errors);
	began = load.ended = now_ns();
	if (options->rate > 0)
		counted.interval = 1000000000 / (uint64_t)options->rate;
	if (options->seconds > 0)
		counted.deadline = began + (uint64_t)options->seconds * 1000000000;
	run_phase(&load, counted);
	report(&load, (double)(load.ended - began) / 1e9);
	right = load.errors == 0 && load.right > 0;

	for (long i = 0; i < options->concurrency; i++) {
		disconnect(&load.connections[i]);
		reply_done(&load.connections[i].reply);
	}
	free(load.connections);
	free(load.latencies);
	free(load.request.data);
	return right;
}

int main(int argc, char **argv)
{
	struct options options;
	bool right;

	options_parse(&options, argc, argv);
	right = run(&options);
	options_done(&options);
	return right ? 0 : 1;
}
