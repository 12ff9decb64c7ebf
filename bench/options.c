#include "options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void options_die(const char *format, ...)
{
	va_list args;

	fputs("load: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

void bytes_append(struct bytes *bytes, const char *data, size_t size)
{
	char *grown = realloc(bytes->data, bytes->size + size + 1);

	if (!grown)
		abort();
	if (size > 0)
		memcpy(grown + bytes->size, data, size);
	bytes->data = grown;
	bytes->size += size;
	grown[bytes->size] = '\0';
}

/* An option's value: the text itself, or with @ before it the content of that file. */
static struct bytes parse_content(const char *option, const char *value)
{
	struct bytes content = {0};
	char part[4096];
	size_t n;
	FILE *file;

	if (value[0] != '@') {
		bytes_append(&content, value, strlen(value));
		return content;
	}
	file = fopen(value + 1, "re");
	if (!file)
		options_die("--%s: cannot open %s: %s", option, value + 1, strerror(errno));
	bytes_append(&content, "", 0);
	while ((n = fread(part, 1, sizeof(part), file)) > 0 && content.size <= OPTIONS_FILE_MAX)
		bytes_append(&content, part, n);
	if (ferror(file) || content.size > OPTIONS_FILE_MAX)
		options_die("--%s: %s cannot be read, or has more than %d bytes", option, value + 1,
			    OPTIONS_FILE_MAX);
	fclose(file);
	return content;
}

/* Text files end in a newline that the reply need not have. */
static struct bytes parse_expected(const char *option, const char *value)
{
	struct bytes content = parse_content(option, value);

	if (value[0] == '@' && content.size > 0 && content.data[content.size - 1] == '\n')
		content.size--;
	return content;
}

static long parse_number(const char *option, const char *value, long min, long max)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(value, &end, 10);
	if (errno != 0 || end == value || *end != '\0' || number < min || number > max)
		options_die("--%s: %s is not a number from %ld to %ld", option, value, min, max);
	return number;
}

/* Only loopback: a load generator pointed elsewhere by mistake is an attack. */
static struct sockaddr_in parse_address(const char *value)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	const char *colon = strrchr(value, ':');
	char host[64];

	if (!colon || (size_t)(colon - value) >= sizeof(host))
		options_die("--connect: %s is not HOST:PORT", value);
	memcpy(host, value, (size_t)(colon - value));
	host[colon - value] = '\0';
	if (strcmp(host, "localhost") == 0)
		address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
		options_die("--connect: %s is not an IPv4 address", host);
	if (ntohl(address.sin_addr.s_addr) >> 24 != 127)
		options_die("--connect: %s is not a loopback address (127.0.0.0/8)", host);
	address.sin_port = htons((uint16_t)parse_number("connect", colon + 1, 1, 65535));
	return address;
}

static void parse_header(struct bytes *headers, const char *value)
{
	if (!strchr(value, ':') || strpbrk(value, "\r\n"))
		options_die("--header: %s is not 'Name: value' on one line", value);
	bytes_append(headers, value, strlen(value));
	bytes_append(headers, "\r\n", 2);
}

static const char usage[] =
	"usage: load --connect HOST:PORT [option]...\n"
	"  --connect HOST:PORT   where to; loopback only\n"
	"  --path PATH           default /\n"
	"  --body TEXT|@FILE     sends POST with it; without it GET\n"
	"  --header 'N: V'       one more header field; may be repeated\n"
	"  --concurrency N       connections, each with one request under way; default 1\n"
	"  --requests N          counted requests; default 1000 unless --seconds is given\n"
	"  --seconds N           send no more after N seconds\n"
	"  --rate N              open loop: N requests a second, on up to --concurrency "
	"connections\n"
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
		{"rate", required_argument, NULL, 'R'},
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
			options->address = parse_address(optarg);
			options->host = optarg;
			break;
		case 'p':
			if (optarg[0] != '/' || strpbrk(optarg, " \r\n"))
				options_die("--path: %s is not a path", optarg);
			options->path = optarg;
			break;
		case 'b':
			options->body = parse_content(name, optarg);
			break;
		case 'H':
			parse_header(&options->headers, optarg);
			break;
		case 'c':
			options->concurrency =
				parse_number(name, optarg, 1, OPTIONS_CONCURRENCY_MAX);
			break;
		case 'r':
			options->requests = parse_number(name, optarg, 1, OPTIONS_REQUESTS_MAX);
			break;
		case 's':
			options->seconds = parse_number(name, optarg, 1, OPTIONS_SECONDS_MAX);
			break;
		case 'R':
			options->rate = parse_number(name, optarg, 1, 1000000);
			break;
		case 'w':
			options->warmup = parse_number(name, optarg, 0, OPTIONS_REQUESTS_MAX);
			break;
		case 't':
			options->timeout = parse_number(name, optarg, 1, OPTIONS_SECONDS_MAX);
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
