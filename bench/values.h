/*
 * Values of options, read by all load generators alike: what is wrong with one is said with the
 * option's name, and ends the program with 2.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

enum {
	VALUES_FILE_MAX = 16 * 1024 * 1024,
};

/* Owned bytes; a NUL that does not count follows them. data is NULL where there are none. */
struct bytes {
	char *data;
	size_t size;
};

/* Aborts when out of memory. */
void bytes_append(struct bytes *bytes, const char *data, size_t size);
void bytes_printf(struct bytes *bytes, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Says why nothing can be measured, and exits with 2. */
_Noreturn void values_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

long values_number(const char *option, const char *value, long min, long max);
double values_decimal(const char *option, const char *value, double min, double max);
const char *values_path(const char *option, const char *value);

/* HOST:PORT. Only loopback: a load generator pointed elsewhere by mistake is an attack. */
struct sockaddr_in values_address(const char *option, const char *value);

struct bytes values_file(const char *option, const char *path);
/* The text itself, or with @ before it the content of that file. */
struct bytes values_content(const char *option, const char *value);
/* Text files end in a newline that the reply need not have. */
void values_trim(struct bytes *content);

/* Adds "Name: value" to lines of header fields. */
void values_header(const char *option, const char *value, struct bytes *headers);
