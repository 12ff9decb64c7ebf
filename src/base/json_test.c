#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int check(const char *text)
{
	return json_check(text, strlen(text), NULL);
}

static void accepts_what_rfc_8259_allows(void **state)
{
	static const char *const good[] = {"null",
					   "true",
					   "false",
					   "0",
					   "-0",
					   "1.5e+10",
					   "123456789012345678901234567890",
					   "\"\"",
					   "\"\\u0000\\ud800\\n\"",
					   " [ ] ",
					   "{\"a\":{\"b\":[1,2,{\"c\":null}]}}",
					   "\"\xf0\x9f\x98\x80\"",
					   "\t\r\n 1 \n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(check(good[i]), 0);
}

static void refuses_everything_else(void **state)
{
	static const char *const bad[] = {"",
					  " ",
					  "nul",
					  "nullx",
					  "01",
					  "1.",
					  ".5",
					  "+1",
					  "1e",
					  "-",
					  "\"",
					  "\"\\x\"",
					  "\"\\u12g4\"",
					  "\"\n\"",
					  "[1,]",
					  "[,1]",
					  "{\"a\":}",
					  "{a:1}",
					  "{\"a\":1,}",
					  "[1 2]",
					  "1 2",
					  "1,\"outcome\":\"x\"",
					  "}",
					  "NaN",
					  "Infinity",
					  "'a'",
					  "\"\xc0\x80\"",
					  "\"\xed\xa0\x80\"",
					  "\"\xf4\x90\x80\x80\"",
					  "\"\xe2\x82\"",
					  "// c\n1",
					  "[",
					  "{\"a\"",
					  "\xef\xbb\xbf"
					  "1"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (check(bad[i]) == 0)
			fail_msg("accepted: %s", bad[i]);
	}
	assert_int_equal(json_check("1\0", 2, NULL), -22);
}

static void names_the_offending_byte(void **state)
{
	size_t at = 0;

	(void)state;
	assert_int_equal(json_check("[1,2,x]", 7, &at), -22);
	assert_int_equal(at, 5);
}

static void bounds_nesting(void **state)
{
	char deep[2 * JSON_DEPTH_MAX + 4];
	int n = JSON_DEPTH_MAX;

	(void)state;
	memset(deep, '[', (size_t)n);
	memset(deep + n, ']', (size_t)n);
	assert_int_equal(json_check(deep, (size_t)n * 2, NULL), 0);
	n++;
	memset(deep, '[', (size_t)n);
	memset(deep + n, ']', (size_t)n);
	assert_int_equal(json_check(deep, (size_t)n * 2, NULL), -22);
}

static void strings_cannot_steer_a_reader(void **state)
{
	static const char hostile[] = "a\"\\\n\x1b[2J\x7f\xc2\x9b\xe2\x80\xa8\xff\xc3";
	_cleanup_buf_ struct buf b = BUF_INIT(256);

	(void)state;
	assert_int_equal(json_quote(&b, hostile, sizeof(hostile) - 1), 0);
	assert_string_equal(
		buf_str(&b),
		"\"a\\\"\\\\\\n\\u001b[2J\\u007f\\u009b\\u2028\xef\xbf\xbd\xef\xbf\xbd\"");
	assert_int_equal(json_check(b.data, b.len, NULL), 0);
}

static void base64_follows_rfc_4648(void **state)
{
	static const char *const vectors[][2] = {{"", ""},
						 {"f", "Zg=="},
						 {"fo", "Zm8="},
						 {"foo", "Zm9v"},
						 {"foob", "Zm9vYg=="},
						 {"fooba", "Zm9vYmE="},
						 {"foobar", "Zm9vYmFy"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		_cleanup_buf_ struct buf b = BUF_INIT(64);

		assert_int_equal(base64_add(&b, vectors[i][0], strlen(vectors[i][0])), 0);
		assert_string_equal(buf_str(&b), vectors[i][1]);
	}
}

static void a_buffer_keeps_to_its_maximum(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(10);

	(void)state;
	assert_int_equal(buf_adds(&b, "123456"), 0);
	assert_int_equal(buf_adds(&b, "78901"), -28);
	assert_string_equal(buf_str(&b), "123456");
	assert_int_equal(buf_addf(&b, "%d", 7890), 0);
	assert_string_equal(buf_str(&b), "1234567890");
	assert_int_equal(buf_addc(&b, 'x'), -28);
	buf_consume(&b, 4);
	assert_string_equal(buf_str(&b), "567890");
}

static void a_buffer_is_consumed_from_the_front_and_filled_at_the_end(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(1000);
	unsigned in = 0, out = 0;

	(void)state;
	buf_consume(&b, 0);
	for (int i = 0; i < 500; i++) {
		for (int k = 0; k < 1 + i % 7 && b.len < 990; k++)
			assert_int_equal(buf_addc(&b, (char)in++), 0);
		for (size_t n = b.len < 3 ? b.len : 3; n > 0; n--, out++) {
			assert_int_equal(b.data[0], out & 0xff);
			buf_consume(&b, 1);
		}
	}
	assert_int_equal(b.len, in - out);
	for (; b.len; out++) {
		size_t n = b.len > 40 ? 40 : b.len;

		assert_int_equal(b.data[n - 1], (out + n - 1) & 0xff);
		buf_consume(&b, n);
		out += (unsigned)n - 1;
	}
	assert_int_equal(in, out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_what_rfc_8259_allows),
		cmocka_unit_test(refuses_everything_else),
		cmocka_unit_test(names_the_offending_byte),
		cmocka_unit_test(bounds_nesting),
		cmocka_unit_test(strings_cannot_steer_a_reader),
		cmocka_unit_test(base64_follows_rfc_4648),
		cmocka_unit_test(a_buffer_keeps_to_its_maximum),
		cmocka_unit_test(a_buffer_is_consumed_from_the_front_and_filled_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
