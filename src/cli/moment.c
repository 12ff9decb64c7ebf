#include "cli/moment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DIGITS "0123456789"

enum { DIGITS_MAX = 15 }; /* of a number: until the year 30000, and no sum can overflow */

static int parse_rfc3339(const char *text, int64_t *ret_ms)
{
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t ms = 0;

	if (rest && *rest == '.') {
		size_t n = strspn(++rest, DIGITS);

		for (size_t i = 0; i < 3; i++)
			ms = ms * 10 + (i < n ? rest[i] - '0' : 0);
		rest = n ? rest + n : NULL;
	}
	if (!rest || strcmp(rest, "Z") != 0)
		return -EINVAL;
	*ret_ms = (int64_t)timegm(&tm) * 1000 + ms;
	return 0;
}

int moment_parse(const char *text, int64_t now_ms, int64_t *ret_ms)
{
	static const struct {
		char unit;
		int64_t ms;
	} units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
	size_t n = strspn(text, DIGITS);
	int64_t number = 0;

	if (!n || n > DIGITS_MAX || (text[n] && text[n + 1]))
		return parse_rfc3339(text, ret_ms);
	for (size_t i = 0; i < n; i++)
		number = number * 10 + (text[i] - '0');
	if (!text[n]) {
		*ret_ms = number;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (text[n] == units[i].unit && number <= INT64_MAX / 2 / units[i].ms) {
			*ret_ms = now_ms - number * units[i].ms;
			return 0;
		}
	return -EINVAL;
}
