#include "values.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void values_die(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", program_invocation_short_name);
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

void bytes_printf(struct bytes *bytes, const char *format, ...)
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

struct bytes values_file(const char *option, const char *path)
{
	struct bytes content = {0};
	char part[4096];
	size_t n;
	FILE *file = fopen(path, "re");

	if (!file)
		values_die("%s: cannot open %s: %s", option, path, strerror(errno));
	bytes_append(&content, "", 0);
	while ((n = fread(part, 1, sizeof(part), file)) > 0 && content.size <= VALUES_FILE_MAX)
		bytes_append(&content, part, n);
	if (ferror(file) || content.size > VALUES_FILE_MAX)
		values_die("%s: %s cannot be read, or has more than %d bytes", option, path,
			   VALUES_FILE_MAX);
	fclose(file);
	return content;
}

struct bytes values_content(const char *option, const char *value)
{
	struct bytes content = {0};

	if (value[0] == '@')
		return values_file(option, value + 1);
	bytes_append(&content, value, strlen(value));
	return content;
}

void values_trim(struct bytes *content)
{
	if (content->size > 0 && content->data[content->size - 1] == '\n')
		content->data[--content->size] = '\0';
}

long values_number(const char *option, const char *value, long min, long max)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(value, &end, 10);
	if (errno != 0 || end == value || *end != '\0' || number < min || number > max)
		values_die("%s: %s is not a number from %ld to %ld", option, value, min, max);
	return number;
}

double values_decimal(const char *option, const char *value, double min, double max)
{
	char *end;
	double number;

	errno = 0;
	number = strtod(value, &end);
	if (errno != 0 || end == value || *end != '\0' || !(number >= min && number <= max))
		values_die("%s: %s is not a number from %g to %g", option, value, min, max);
	return number;
}

const char *values_path(const char *option, const char *value)
{
	if (value[0] != '/' || strpbrk(value, " \r\n"))
		values_die("%s: %s is not a path", option, value);
	return value;
}

struct sockaddr_in values_address(const char *option, const char *value)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	const char *colon = strrchr(value, ':');
	char host[64];

	if (!colon || (size_t)(colon - value) >= sizeof(host))
		values_die("%s: %s is not HOST:PORT", option, value);
	memcpy(host, value, (size_t)(colon - value));
	host[colon - value] = '\0';
	if (strcmp(host, "localhost") == 0)
		address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
		values_die("%s: %s is not an IPv4 address", option, host);
	if (ntohl(address.sin_addr.s_addr) >> 24 != 127)
		values_die("%s: %s is not a loopback address (127.0.0.0/8)", option, host);
	address.sin_port = htons((uint16_t)values_number(option, colon + 1, 1, 65535));
	return address;
}

void values_header(const char *option, const char *value, struct bytes *headers)
{
	if (!strchr(value, ':') || strpbrk(value, "\r\n"))
		values_die("%s: %s is not 'Name: value' on one line", option, value);
	bytes_append(headers, value, strlen(value));
	bytes_append(headers, "\r\n", 2);
}
