/*
 * A load generator for HTTP/1.1 over loopback: N connections, each with one request
 * under way and the next one sent as soon as its reply is whole. It measures from the first byte
 * sent to the last byte received, and a wrong reply counts as an error, not as a fast one.
 *
 * First the warm-up requests run and are forgotten, then the counted ones; the connections stay.
 * What is reported as a latency is that of a right reply. A closed loop waits for slow replies
 * instead of piling up requests behind them, so its percentiles are of service, not of a queue.
 * openloop.c is for the other question: what callers see who do not wait for each other.
 */
#include "exchange.h"
#include "latency.h"
#include "options.h"

#include "base/clock.h"
#include "base/macros.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
	ERRORS_MAX = 1000, /* then the run is given up */
};

struct connection {
	struct exchange exchange;
	uint64_t began; /* ns */
};

struct load {
	const struct options *options;
	struct bytes request;
	struct connection *connections;
	struct latency latencies; /* of right replies */
	size_t errors;
	bool complained;
	uint64_t ended; /* ns, of the last reply */
};

/* One phase: how many requests may still be sent, and until when. */
struct phase {
	size_t to_send;
	uint64_t deadline; /* ns; 0: none */
	bool counted;
};

/* Says only the first thing that went wrong: the rest is most often the same again. */
static void fail(struct load *load, const char *what, const char *detail, size_t size)
{
	load->errors++;
	if (load->complained)
		return;
	load->complained = true;
	fprintf(stderr, "bench-load: first error: %s: %.*s\n", what, size > 400 ? 400 : (int)size,
		detail);
}

static void broke(struct load *load, const char *what, int r)
{
	const char *why = strerror(-r);

	fail(load, what, why, strlen(why));
}

static void begin(struct load *load, struct connection *connection, uint64_t now)
{
	int r;

	connection->began = now;
	r = exchange_begin(&connection->exchange, &load->options->address, NULL, &load->request);
	if (r < 0)
		broke(load, "send", r);
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
	uint64_t now = clock_now_ns();

	load->ended = now;
	if (is_right(load, &connection->exchange.reply, phase->counted) && phase->counted)
		latency_add(&load->latencies, (now - connection->began) / NS_PER_US);
}

static void serve(struct load *load, struct connection *connection, const struct phase *phase,
		  short events)
{
	uint64_t limit = (uint64_t)load->options->timeout * NS_PER_S;
	int r = events ? exchange_go(&connection->exchange) : 0;

	if (r > 0)
		finish(load, connection, phase);
	else if (r < 0)
		broke(load, r == -EBADMSG ? "reply is not HTTP" : "receive", r);
	else if (clock_now_ns() - connection->began > limit) {
		exchange_close(&connection->exchange);
		broke(load, "no reply in time", -ETIMEDOUT);
	}
}

/* Sends the next request on each idle connection; fills in what to wait for. Returns how many. */
static size_t refill(struct load *load, struct phase *phase, struct pollfd *polls,
		     struct connection **polled)
{
	size_t waiting = 0;

	for (long i = 0; i < load->options->concurrency; i++) {
		struct connection *connection = &load->connections[i];
		struct exchange *x = &connection->exchange;

		while (!x->busy && phase->to_send > 0 && load->errors < ERRORS_MAX) {
			uint64_t now = clock_now_ns();

			if (phase->deadline > 0 && now >= phase->deadline) {
				phase->to_send = 0;
				break;
			}
			phase->to_send--;
			begin(load, connection, now);
		}
		if (!x->busy)
			continue;
		polled[waiting] = connection;
		polls[waiting].fd = x->fd;
		polls[waiting].events = exchange_events(x);
		waiting++;
	}
	return waiting;
}

static void run_phase(struct load *load, struct phase phase)
{
	static struct pollfd polls[OPTIONS_CONCURRENCY_MAX];
	static struct connection *polled[OPTIONS_CONCURRENCY_MAX];
	size_t waiting;

	while ((waiting = refill(load, &phase, polls, polled)) > 0) {
		int ready = poll(polls, waiting, 250);

		if (ready < 0 && errno != EINTR)
			values_die("cannot poll: %s", strerror(errno));
		for (size_t i = 0; i < waiting; i++)
			serve(load, polled[i], &phase, ready > 0 ? polls[i].revents : 0);
	}
}

static void report(const struct load *load, double seconds)
{
	const struct options *options = load->options;
	const struct latency *l = &load->latencies;

	printf(options->json ? "{\"count\": %llu, \"errors\": %zu, \"concurrency\": %ld, "
			       "\"seconds\": %.3f, \"per_second\": %.1f, \"p50_us\": %llu, "
			       "\"p90_us\": %llu, \"p99_us\": %llu, \"max_us\": %llu}\n"
			     : "%llu right, %zu errors, concurrency %ld, %.3f s: %.1f/s; p50 %llu, "
			       "p90 %llu, p99 %llu, max %llu us\n",
	       (unsigned long long)l->count, load->errors, options->concurrency, seconds,
	       seconds > 0 ? (double)l->count / seconds : 0,
	       (unsigned long long)latency_at(l, 50000), (unsigned long long)latency_at(l, 90000),
	       (unsigned long long)latency_at(l, 99000), (unsigned long long)l->max_us);
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
	load.connections = xcalloc((size_t)options->concurrency, sizeof(*load.connections));
	for (long i = 0; i < options->concurrency; i++)
		exchange_init(&load.connections[i].exchange);
	load.request =
		exchange_request(options->host, options->path, &options->headers, &options->body);

	run_phase(&load, warmup);
	if (load.errors > 0)
		values_die("%zu of the warm-up requests failed", load.errors);
	began = load.ended = clock_now_ns();
	if (options->seconds > 0)
		counted.deadline = began + (uint64_t)options->seconds * NS_PER_S;
	run_phase(&load, counted);
	report(&load, (double)(load.ended - began) / 1e9);
	right = load.errors == 0 && load.latencies.count > 0;

	for (long i = 0; i < options->concurrency; i++)
		exchange_done(&load.connections[i].exchange);
	free(load.connections);
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
