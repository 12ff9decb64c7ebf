#include "cli/jsonview.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct jsonview view(const char *text)
{
	struct jsonview v = {0};

	jsonview_open(&v, text, strlen(text));
	return v;
}

static void is_text(struct jsonview v, const char *wanted)
{
	struct buf b = BUF_INIT(1000);

	jsonview_text(v, &b);
	assert_string_equal(buf_str(&b), wanted);
	buf_done(&b);
}

static void finds_members(void **state)
{
	struct jsonview v = view(" { \"a\" : [1, {\"b\":\"}\"}] , \"c\":null,\"d\":\"\\\"x\" } ");

	(void)state;
	is_text(jsonview_get(v, "a"), "[1, {\"b\":\"}\"}]");
	is_text(jsonview_get(v, "d"), "\"x");
	assert_true(jsonview_is(jsonview_get(v, "c"), "null"));
	is_text(jsonview_get(v, "c"), "");
	assert_int_equal(jsonview_get(v, "b").len, 0);			  /* of an inner object */
	assert_int_equal(jsonview_get(jsonview_get(v, "a"), "b").len, 0); /* of an array */
	assert_int_equal(jsonview_get((struct jsonview){0}, "a").len, 0);
}

static void walks_in_order(void **state)
{
	struct jsonview at = {0}, key, item, v = view("[1,\"two\",[],{}]");
	static const char *const wanted[] = {"1", "two", "[]", "{}"};
	size_t n = 0;

	(void)state;
	while (jsonview_next(v, &at, &key, &item)) {
		assert_in_range(n, 0, 3);
		is_text(item, wanted[n++]);
		assert_int_equal(key.len, 0);
	}
	assert_int_equal(n, 4);
}

static void unescapes(void **state)
{
	(void)state;
	is_text(view("\"a\\n\\u00e9\\ud83d\\ude00\\/\""), "a\n\xc3\xa9\xf0\x9f\x98\x80/");
	is_text(view("\"\\ud800x\\udc00\\ud800\\ud800\""),
		"\xef\xbf\xbdx\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

static void text_that_is_not_json_has_fewer_members(void **state)
{
	static const char *const bad[] = {"",	  "{",	    "[1", "\"a", "\"\\",	"{} {}",
					  "[1]2", "{\"a\"", "}",  ",",	 "{\"a\":\"b}", "[[[]]"};
	static const char *const odd[] = {"{\"a\" 1}", "{1:2}", "[,1]", "{\"b\":1 \"a\":2}"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct jsonview v = {0};

		assert_int_not_equal(jsonview_open(&v, bad[i], strlen(bad[i])), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++)
		assert_int_equal(jsonview_get(view(odd[i]), "a").len, 0);
}

static void whole_numbers_only(void **state)
{
	(void)state;
	assert_true(jsonview_u64(view("18446744073709551615"), 1) == UINT64_MAX);
	assert_true(jsonview_u64(view("18446744073709551616"), 1) == 1);
	assert_true(jsonview_u64(view("-1"), 1) == 1);
	assert_true(jsonview_u64(view("1.5"), 1) == 1);
	assert_true(jsonview_u64(view("1e3"), 1) == 1);
	assert_true(jsonview_u64(view("\"5\""), 1) == 1);
	assert_true(jsonview_u64((struct jsonview){0}, 1) == 1);
	assert_true(jsonview_i64(view("-9223372036854775808"), 1) == INT64_MIN);
	assert_true(jsonview_i64(view("9223372036854775808"), 1) == 1);
}

static void copies_are_cut(void **state)
{
	char out[4];

	(void)state;
	jsonview_copy(view("\"abcdef\""), out, sizeof(out));
	assert_string_equal(out, "abc");
	jsonview_copy(view("5"), out, sizeof(out));
	assert_string_equal(out, "");
}

static void bytes_of_base64(void **state)
{
	static const char *const bad[] = {"\"A*==\"", "\"\\u0041AAA\"", "5", "null", "{}"};
	struct buf b = BUF_INIT(100);

	(void)state;
	assert_int_equal(jsonview_base64(view("\"AP8K\""), &b), 0);
	assert_int_equal(jsonview_base64(view("\"QQ==\""), &b), 0);
	assert_int_equal(jsonview_base64(view("\"\""), &b), 0);
	assert_int_equal(b.len, 4);
	assert_memory_equal(b.data, "\0\xff\nA", 4);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_not_equal(jsonview_base64(view(bad[i]), &b), 0);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_members),
		cmocka_unit_test(walks_in_order),
		cmocka_unit_test(unescapes),
		cmocka_unit_test(text_that_is_not_json_has_fewer_members),
		cmocka_unit_test(whole_numbers_only),
		cmocka_unit_test(bytes_of_base64),
		cmocka_unit_test(copies_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
