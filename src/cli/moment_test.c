#include "cli/moment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { NOW = 1000000000 };

static int64_t parsed(const char *text)
{
	int64_t ms = -1;

	assert_int_equal(moment_parse(text, NOW, &ms), 0);
	return ms;
}

static void what_the_api_writes(void **state)
{
	(void)state;
	assert_true(parsed("1970-01-01T00:00:00Z") == 0);
	assert_true(parsed("2026-11-21T16:26:06.531Z") == 1795278366531);
	assert_true(parsed("2026-11-21T16:26:06.5Z") == 1795278366500);
	assert_true(parsed("2026-11-21T16:26:06.531999Z") == 1795278366531);
}

static void what_people_write(void **state)
{
	(void)state;
	assert_true(parsed("0") == 0);
	assert_true(parsed("1795278366531") == 1795278366531);
	assert_true(parsed("90s") == NOW - 90000);
	assert_true(parsed("15m") == NOW - 900000);
	assert_true(parsed("2h") == NOW - 7200000);
	assert_true(parsed("7d") == (int64_t)NOW - 604800000);
}

static void nothing_else(void **state)
{
	static const char *const bad[] = {"",
					  "s",
					  "-1",
					  "5x",
					  "5ms",
					  "1.5h",
					  "soon",
					  "1h ",
					  " 1h",
					  "9999999999999999",
					  "999999999999999d", /* no sum is that large */
					  "2026-11-21",
					  "2026-11-21T16:26:06",
					  "2026-11-21T16:26:06.Z",
					  "2026-11-21T16:26:06+01:00",
					  "2026-13-01T00:00:00Z",
					  "2026-11-21T16:26:06Zx"};
	int64_t ms = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_not_equal(moment_parse(bad[i], NOW, &ms), 0);
	assert_true(ms == 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_api_writes),
		cmocka_unit_test(what_people_write),
		cmocka_unit_test(nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
