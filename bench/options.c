#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

/* A whole body, or a part of one, that is expected. */
static struct bytes parse_expected(const char *option, const char *value)
{
	struct bytes content = values_content(option, value);

	if (value[0] == '@')
		values_trim(&content);
	return content;
}

static const char usage[] =
	"usage: bench-load --connect HOST:PORT [option]...\n"
	"  --connect HOST:PORT   where to; loopback only\n"
	"  --path PATH           default /\n"
	"  --body TEXT|@FILE     sends POST with it; without it GET\n"
	"  --header 'N: V'       one more header field; may be repeated\n"
	"  --concurrency N       connections, each with one request under way; default 1\n"
	"  --requests N          counted requests; default 1000 unless --seconds is given\n"
	"  --seconds N           send no more after N seconds\n"
	"  --warmup N            requests before those that count, checked only for their status;\n"
	"                        default 0\n"
	"  --timeout N           seconds to wait for one reply; default 10\n"
	"  --expect TEXT|@FILE   the whole body of each reply; a file's last newline is ignored\n"
	"  --contains TEXT|@FILE a part of the body of each reply\n"
	"  --json                print the result as JSON\n"
	"Exit status: 0 all replies right, 1 not so, 2 nothing was measured.\n";

void options_parse(struct options *options, int argc, char **argv)
{
	static const struct option longs[] = {
		{"connect", required_argument, NULL, 'a'},
		{"path", required_argument, NULL, 'p'},
		{"body", required_argument, NULL, 'b'},
		{"header", required_argument, NULL, 'H'},
		{"concurrency", required_argument, NULL, 'c'},
		{"requests", required_argument, NULL, 'r'},
		{"seconds", required_argument, NULL, 's'},
		{"warmup", required_argument, NULL, 'w'},
		{"timeout", required_argument, NULL, 't'},
		{"expect", required_argument, NULL, 'e'},
		{"contains", required_argument, NULL, 'C'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int which, at;

	*options = (struct options){.path = "/", .concurrency = 1, .timeout = 10};
	while ((which = getopt_long(argc, argv, "", longs, &at)) != -1) {
		const char *name = which == '?' ? "" : longs[at].name;

		switch (which) {
		case 'a':
			options->address = values_address(name, optarg);
			options->host = optarg;
			break;
		case 'p':
			options->path = values_path(name, optarg);
			break;
		case 'b':
			options->body = values_content(name, optarg);
			break;
		case 'H':
			values_header(name, optarg, &options->headers);
			break;
		case 'c':
			options->concurrency =
				values_number(name, optarg, 1, OPTIONS_CONCURRENCY_MAX);
			break;
		case 'r':
			options->requests = values_number(name, optarg, 1, OPTIONS_REQUESTS_MAX);
			break;
		case 's':
			options->seconds = values_number(name, optarg, 1, OPTIONS_SECONDS_MAX);
			break;
		case 'w':
			options->warmup = values_number(name, optarg, 0, OPTIONS_REQUESTS_MAX);
			break;
		case 't':
			options->timeout = values_number(name, optarg, 1, OPTIONS_SECONDS_MAX);
			break;
		case 'e':
			options->expect = parse_expected(name, optarg);
			break;
		case 'C':
			options->contains = parse_expected(name, optarg);
			break;
		case 'j':
			options->json = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}
	if (!options->host || optind != argc) {
		fputs(usage, stderr);
		exit(2);
	}
	if (options->requests == 0 && options->seconds == 0)
		options->requests = 1000;
}

void options_done(struct options *options)
{
	free(options->body.data);
	free(options->expect.data);
	free(options->contains.data);
	free(options->headers.data);
}
