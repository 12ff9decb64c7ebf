#include "streams.h"

#include "exchange.h"

#include "base/clock.h"
#include "base/macros.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: bench-openloop --url http://HOST:PORT --stream KEY=VALUE,… [--stream …] "
	"[option]...\n"
	"  --url http://HOST:PORT  where to; loopback only\n"
	"  --stream KEY=VALUE,…    requests that come whatever became of those before; may be "
	"repeated\n"
	"      name=NAME           what it is called in the result; needed\n"
	"      rate=N              arrivals a second; default 0\n"
	"      poisson             exponential gaps between them; else even ones\n"
	"      burst=N@S           N arrivals besides, all at second S\n"
	"      start=S, for=S      when it begins, and for how long; default: all the time\n"
	"      body=FILE           sends POST with it; without it GET\n"
	"      key=FILE            API key or token, for the header Authorization\n"
	"      path=PATH           default /v1/runs\n"
	"      async               with the header Prefer: respond-async; 202 is the right answer\n"
	"      connections=N       at most; arrivals wait for one, and that counts; default 64\n"
	"      expect=FILE         the whole body of a right answer; its last newline is ignored\n"
	"      contains=FILE       a part of the body of a right answer\n"
	"  --seconds S             how long requests arrive; default 10\n"
	"  --slice S               tell how it went for each S seconds, too\n"
	"  --drain S               how long to wait for answers after that; default 30\n"
	"  --timeout S             for one answer; default 60\n"
	"  --seed N                of the exponential gaps; default 1\n"
	"Each stream has an address of its own (127.0.0.2, …), as callers elsewhere would.\n"
	"Prints JSON: for each stream what came of the requests, and latencies counted from when "
	"they\n"
	"were due; how far the generator was behind. Exit status: 0 all were answered, 1 some were "
	"not\n"
	"or wrongly, 2 nothing was measured.\n";

/* One --stream while it is read. */
struct reading {
	struct stream_config *stream;
	struct bytes headers, body;
	const char *path;
	double start, length; /* length < 0: to the end */
};

static uint64_t ns(double seconds)
{
	return (uint64_t)(seconds * (double)NS_PER_S);
}

static void set_key(struct reading *x, const char *file)
{
	struct bytes key = values_file("--stream key", file), line = {0};

	values_trim(&key);
	bytes_printf(&line, "Authorization: Bearer %s", key.data);
	values_header("--stream key", line.data, &x->headers);
	free(line.data);
	free(key.data);
}

static void set_burst(struct reading *x, char *value)
{
	char *at = strchr(value, '@');

	if (!at)
		values_die("--stream burst: %s is not N@SECOND", value);
	*at = '\0';
	x->stream->schedule.burst =
		(uint64_t)values_number("--stream burst", value, 1, STREAMS_BURST_MAX);
	x->stream->schedule.burst_ns =
		ns(values_decimal("--stream burst", at + 1, 0, STREAMS_SECONDS_MAX));
}

/* Returns false when there is no such key. */
static bool set_value(struct reading *x, const char *name, char *value)
{
	struct stream_config *s = x->stream;

	if (strcmp(name, "name") == 0)
		snprintf(s->name, sizeof(s->name), "%s", value);
	else if (strcmp(name, "rate") == 0)
		s->schedule.per_second =
			values_decimal("--stream rate", value, 0, STREAMS_RATE_MAX);
	else if (strcmp(name, "burst") == 0)
		set_burst(x, value);
	else if (strcmp(name, "start") == 0)
		x->start = values_decimal("--stream start", value, 0, STREAMS_SECONDS_MAX);
	else if (strcmp(name, "for") == 0)
		x->length = values_decimal("--stream for", value, 0, STREAMS_SECONDS_MAX);
	else if (strcmp(name, "body") == 0)
		x->body = values_file("--stream body", value);
	else if (strcmp(name, "key") == 0)
		set_key(x, value);
	else if (strcmp(name, "path") == 0)
		x->path = values_path("--stream path", value);
	else if (strcmp(name, "connections") == 0)
		s->connections = (unsigned)values_number("--stream connections", value, 1,
							 STREAMS_CONNECTIONS_MAX);
	else if (strcmp(name, "expect") == 0)
		s->expect = values_file("--stream expect", value);
	else if (strcmp(name, "contains") == 0)
		s->contains = values_file("--stream contains", value);
	else
		return false;
	return true;
}

static bool set_flag(struct reading *x, const char *name)
{
	if (strcmp(name, "poisson") == 0)
		x->stream->schedule.law = SCHEDULE_POISSON;
	else if (strcmp(name, "async") == 0)
		x->stream->async = true;
	else
		return false;
	return true;
}

static void parse_stream(struct streams *all, const char *host, char *text)
{
	struct stream_config *s = &all->all[all->count++];
	struct reading x = {.stream = s, .path = "/v1/runs", .length = -1};
	char *rest = text, *part;

	s->connections = 64;
	while ((part = strsep(&rest, ","))) {
		char *value = strchr(part, '=');

		if (value)
			*value++ = '\0';
		if (value ? !set_value(&x, part, value) : !set_flag(&x, part))
			values_die("--stream: there is no %s %s", value ? "key" : "word", part);
	}
	if (!*s->name || strpbrk(s->name, "\"\\"))
		values_die("--stream: it needs a name, without quotation marks");
	for (unsigned i = 0; i + 1 < all->count; i++) {
		if (strcmp(all->all[i].name, s->name) == 0)
			values_die("--stream: there are two with the name %s", s->name);
	}
	values_trim(&s->expect);
	values_trim(&s->contains);
	if (s->async)
		values_header("--stream", "Prefer: respond-async", &x.headers);
	s->request = exchange_request(host, x.path, &x.headers, &x.body);
	s->schedule.start_ns = ns(x.start);
	s->schedule.end_ns = ns(x.length < 0 ? all->seconds : x.start + x.length);
	s->schedule.end_ns = MIN_U64(s->schedule.end_ns, ns(all->seconds));
	s->schedule.seed = all->seed * STREAMS_MAX + all->count;
	if (s->schedule.burst > 0 && s->schedule.burst_ns >= ns(all->seconds))
		values_die("--stream burst: it would come after the end");
	free(x.headers.data);
	free(x.body.data);
}

static const char *parse_url(struct streams *s, const char *url)
{
	if (strncmp(url, "http://", 7) != 0)
		values_die("--url: %s is not http://HOST:PORT", url);
	s->address = values_address("--url", url + 7);
	return url + 7;
}

static _Noreturn void explain(FILE *to, int status)
{
	fputs(usage, to);
	exit(status);
}

void streams_parse(struct streams *s, int argc, char **argv)
{
	static const struct option longs[] = {
		{"url", required_argument, NULL, 'u'},
		{"stream", required_argument, NULL, 's'},
		{"seconds", required_argument, NULL, 't'},
		{"slice", required_argument, NULL, 'i'},
		{"drain", required_argument, NULL, 'd'},
		{"timeout", required_argument, NULL, 'o'},
		{"seed", required_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	char *streams[STREAMS_MAX];
	const char *host = NULL;
	unsigned count = 0;
	int which;

	*s = (struct streams){.seconds = 10, .drain_seconds = 30, .timeout_seconds = 60, .seed = 1};
	while ((which = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (which) {
		case 'u':
			host = parse_url(s, optarg);
			break;
		case 's':
			if (count == STREAMS_MAX)
				values_die("--stream: at most %d", STREAMS_MAX);
			streams[count++] = optarg;
			break;
		case 't':
			s->seconds = values_decimal("--seconds", optarg, 0.1, STREAMS_SECONDS_MAX);
			break;
		case 'i':
			s->slice_seconds =
				values_decimal("--slice", optarg, 0.1, STREAMS_SECONDS_MAX);
			break;
		case 'd':
			s->drain_seconds =
				(unsigned)values_number("--drain", optarg, 0, STREAMS_SECONDS_MAX);
			break;
		case 'o':
			s->timeout_seconds = (unsigned)values_number("--timeout", optarg, 1,
								     STREAMS_SECONDS_MAX);
			break;
		case 'r':
			s->seed = (uint64_t)values_number("--seed", optarg, 0, 1000000000);
			break;
		case 'h':
			explain(stdout, 0);
		default:
			explain(stderr, 2);
		}
	}
	if (!host || count == 0 || optind != argc)
		explain(stderr, 2);
	for (unsigned i = 0; i < count; i++)
		parse_stream(s, host, streams[i]);
}

void streams_done(struct streams *s)
{
	for (unsigned i = 0; i < s->count; i++) {
		free(s->all[i].request.data);
		free(s->all[i].expect.data);
		free(s->all[i].contains.data);
	}
}
