#include "control/day.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HOUR 3600000LL

static void test_days_have_the_length_that_the_clock_gives_them(void **state)
{
	char day[DAY_SIZE];

	(void)state;
	assert_int_equal(day_zone("Europe/Berlin"), 0);
	/* 2026-03-29, when 02:00 becomes 03:00: 23 hours, from 28th 23:00 UTC to 29th 22:00 UTC */
	day_of(1774738799999, day);
	assert_string_equal(day, "2026-03-28");
	day_of(1774738800000, day);
	assert_string_equal(day, "2026-03-29");
	assert_int_equal(day_end(1774738800000), 1774738800000 + 23 * HOUR);
	/* 2026-10-25, when 03:00 becomes 02:00: 25 hours */
	day_of(1792879200000, day);
	assert_string_equal(day, "2026-10-25");
	assert_int_equal(day_end(1792879200000), 1792879200000 + 25 * HOUR);
	day_of(1792879200000 + 25 * HOUR - 1, day);
	assert_string_equal(day, "2026-10-25");
	day_of(1792879200000 + 25 * HOUR, day);
	assert_string_equal(day, "2026-10-26");
	/* A zone whose clock changes at midnight: the day begins at 01:00. */
	assert_int_equal(day_zone("America/Asuncion"), 0);
	day_of(1728187199999, day); /* 2024-10-05 23:59:59 -04 is 03:59:59 UTC */
	assert_string_equal(day, "2024-10-05");
	assert_int_equal(day_end(1728187199999), 1728187200000);
}

static void test_zones_that_are_none_are_refused(void **state)
{
	(void)state;
	assert_int_equal(day_zone("Europe/Nowhere"), -ENOENT);
	assert_int_equal(day_zone("Europe"), -ENOENT); /* a folder */
	assert_int_equal(day_zone("leapseconds"), -ENOENT);
	assert_int_equal(day_zone("../etc/passwd"), -EINVAL);
	assert_int_equal(day_zone("/etc/localtime"), -EINVAL);
	assert_int_equal(day_zone(""), 0);
	assert_int_equal(day_end(0), 24 * HOUR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_days_have_the_length_that_the_clock_gives_them),
		cmocka_unit_test(test_zones_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
