#include "policy/amount.h"

#include "base/macros.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct unit {
	const char *text;
	uint64_t factor;
};

/* Ascending. */
static const struct unit durations[] = {
	{"us", 1}, {"ms", 1000}, {"s", 1000000}, {"m", 60000000}, {"h", 3600000000}};
static const struct unit sizes[] = {{"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};

static int digits(const char **s, uint64_t *ret)
{
	const char *p = *s;
	uint64_t v = 0;

	if (*p < '0' || *p > '9' || (*p == '0' && p[1] >= '0' && p[1] <= '9'))
		return -EINVAL;
	for (; *p >= '0' && *p <= '9'; p++)
		if (v <= AMOUNT_MAX) /* stays too large once it is */
			v = v * 10 + (uint64_t)(*p - '0');
	*s = p;
	*ret = v;
	return 0;
}

static int with_unit(const char *s, const struct unit *units, size_t n, uint64_t *ret)
{
	uint64_t v;

	if (digits(&s, &v) < 0)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(s, units[i].text) != 0)
			continue;
		if (v > AMOUNT_MAX / units[i].factor)
			return -ERANGE;
		*ret = v * units[i].factor;
		return 0;
	}
	return -EINVAL;
}

int amount_duration(const char *s, uint64_t *ret_us)
{
	return with_unit(s, durations, ARRAY_SIZE(durations), ret_us);
}

int amount_size(const char *s, uint64_t *ret_bytes)
{
	const char *p = s;
	uint64_t v;

	if (digits(&p, &v) == 0 && !*p) {
		if (v > AMOUNT_MAX)
			return -ERANGE;
		*ret_bytes = v;
		return 0;
	}
	return with_unit(s, sizes, ARRAY_SIZE(sizes), ret_bytes);
}

int amount_rate(const char *s, struct policy_rate *ret)
{
	uint64_t count;

	if (digits(&s, &count) < 0 || *s++ != '/')
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(durations); i++) {
		if (durations[i].factor < 1000000 || strcmp(s, durations[i].text) != 0)
			continue;
		if (count > AMOUNT_MAX)
			return -ERANGE;
		*ret = (struct policy_rate){.count = count, .period_us = durations[i].factor};
		return 0;
	}
	return -EINVAL;
}

static const char *text(uint64_t v, const struct unit *units, size_t n, char out[AMOUNT_TEXT])
{
	while (n > 1 && (v % units[n - 1].factor || !v))
		n--;
	snprintf(out, AMOUNT_TEXT, "%llu%s", (unsigned long long)(v / units[n - 1].factor),
		 units[n - 1].text);
	return out;
}

const char *amount_duration_text(uint64_t us, char out[AMOUNT_TEXT])
{
	return text(us, durations, ARRAY_SIZE(durations), out);
}

const char *amount_size_text(uint64_t bytes, char out[AMOUNT_TEXT])
{
	return text(bytes, sizes, ARRAY_SIZE(sizes), out);
}

const char *amount_rate_text(struct policy_rate rate, char out[AMOUNT_TEXT])
{
	const char *unit = rate.period_us == 3600000000 ? "h"
			   : rate.period_us == 60000000 ? "m"
							: "s";

	snprintf(out, AMOUNT_TEXT, "%llu/%s", (unsigned long long)rate.count, unit);
	return out;
}
