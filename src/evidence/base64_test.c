#include "evidence/base64.h"

#include "base/json.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void vectors_of_the_rfc(void **state)
{
	static const char *const vectors[][2] = {{"", ""},
						 {"f", "Zg=="},
						 {"fo", "Zm8="},
						 {"foo", "Zm9v"},
						 {"foob", "Zm9vYg=="},
						 {"fooba", "Zm9vYmE="},
						 {"foobar", "Zm9vYmFy"}};
	uint8_t to[8];
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		const char *text = vectors[i][1];

		assert_int_equal(base64_read(text, strlen(text), to, 6, &n), 0);
		assert_int_equal(n, strlen(vectors[i][0]));
		assert_memory_equal(to, vectors[i][0], n);
		if (n)
			assert_int_equal(base64_read(text, strlen(text), to, n - 1, &n), -EBADMSG);
	}
}

/* Of all texts of four bytes that differ from a good one in one, only other good ones are read. */
static void each_sequence_of_bytes_has_one_text(void **state)
{
	static const char *const good[] = {"Zm9v", "Zm8=", "Zg=="};
	char text[5];
	uint8_t to[3];
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		for (unsigned k = 0; k < 4 * 256; k++) {
			_cleanup_buf_ struct buf again = BUF_INIT(8);

			memcpy(text, good[i], 5);
			text[k / 256] = (char)(k % 256);
			if (base64_read(text, 4, to, 3, &n) < 0)
				continue;
			assert_int_equal(base64_add(&again, to, n), 0);
			assert_int_equal(again.len, 4);
			assert_memory_equal(again.data, text, 4);
		}
}

static void what_is_no_base64(void **state)
{
	static const char *const bad[] = {
		"Z",	"Zg",	  "Zg=",      "Zm8",	 "=",
		"==",	"===",	  "====",     "Z===",	 "Zg==Zg==",
		"Zh==", "Zm9=",	  "Zm9v\n",   "Zm9 v",	 " Zm9",
		"Zm-_", "Zg==\n", "Zm9v====", "Zm9\xc7", "\xff\xff\xff\xff"};
	uint8_t to[8];
	size_t n = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(base64_read(bad[i], strlen(bad[i]), to, sizeof(to), &n), -EBADMSG);
	assert_int_equal(n, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_of_the_rfc),
		cmocka_unit_test(each_sequence_of_bytes_has_one_text),
		cmocka_unit_test(what_is_no_base64),
	};

	return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
