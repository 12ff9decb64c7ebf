#include "node/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static uint8_t *digest(int i)
{
	static uint8_t d[32];

	memset(d, 0, sizeof(d));
	memcpy(d, &i, sizeof(i));
	return d;
}

static void the_first_word_stands(void **state)
{
	struct cache *c = cache_new(10000);

	(void)state;
	assert_null(cache_get(c, digest(1)).data);
	cache_put(c, digest(1), (struct wire_bytes){"one", 3});
	cache_put(c, digest(1), (struct wire_bytes){"two", 3});
	assert_memory_equal(cache_get(c, digest(1)).data, "one", 3);
	cache_free(c);
}

static void what_was_not_used_longest_goes_first(void **state)
{
	struct cache *c = cache_new(4000);
	static const char kilobyte[1000];

	(void)state;
	for (int i = 0; i < 3; i++)
		cache_put(c, digest(i), (struct wire_bytes){kilobyte, sizeof(kilobyte)});
	assert_non_null(cache_get(c, digest(0)).data);
	cache_put(c, digest(3), (struct wire_bytes){kilobyte, sizeof(kilobyte)});
	assert_null(cache_get(c, digest(1)).data);
	assert_non_null(cache_get(c, digest(0)).data);
	cache_put(c, digest(4),
		  (struct wire_bytes){kilobyte, 5000}); /* larger than all: not kept */
	assert_null(cache_get(c, digest(4)).data);
	cache_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_word_stands),
		cmocka_unit_test(what_was_not_used_longest_goes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
