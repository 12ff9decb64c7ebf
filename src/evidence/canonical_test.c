#include "evidence/canonical.h"

#include "base/json.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *text, const char *wanted)
{
	_cleanup_buf_ struct buf b = BUF_INIT(1 << 20);

	assert_int_equal(canonical_json(text, strlen(text), &b), 0);
	assert_string_equal(buf_str(&b), wanted);
}

static void expect_error(const char *text, int error)
{
	_cleanup_buf_ struct buf b = BUF_INIT(1 << 20);

	assert_int_equal(buf_adds(&b, "kept"), 0);
	if (canonical_json(text, strlen(text), &b) != error)
		fail_msg("%s", text);
	assert_string_equal(buf_str(&b), "kept");
}

static void the_examples_of_the_rfc(void **state)
{
	(void)state;
	/* Section 3.2.2, without the numbers that are no integers. */
	expect("{\n  \"numbers\": [333333333, 4, -0],\n"
	       "  \"string\": \"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\",\n"
	       "  \"literals\": [null, true, false]\n}",
	       "{\"literals\":[null,true,false],\"numbers\":[333333333,4,0],"
	       "\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
	/* Section 3.2.3: the order of UTF-16 code units, which is not that of code points. */
	expect("{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\",\"\\ufb33\":\"Hebrew Letter "
	       "Dalet With Dagesh\",\"1\":\"One\",\"\\ud83d\\ude00\":\"Emoji: Grinning Face\","
	       "\"\\u0080\":\"Control\",\"\\u00f6\":\"Latin Small Letter O With Diaeresis\"}",
	       "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\",\"ö\":\"Latin "
	       "Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning "
	       "Face\",\"\xef\xac\xb3\":\"Hebrew Letter Dalet With Dagesh\"}");
	/* Appendix B, its integers that are exact. */
	expect("[0, -0, 9007199254740991, -9007199254740991]",
	       "[0,0,9007199254740991,-9007199254740991]");
}

static void forms_of_values(void **state)
{
	(void)state;
	expect(" \t\r\n[ ]\n", "[]");
	expect("{ }", "{}");
	expect("\"\"", "\"\"");
	expect("null", "null");
	expect("-12", "-12");
	expect("[[],{},[[1]],\"a\"]", "[[],{},[[1]],\"a\"]");
	expect("{\"b\":{\"d\":1,\"c\":[{\"f\":1,\"e\":2}]},\"a\":0}",
	       "{\"a\":0,\"b\":{\"c\":[{\"e\":2,\"f\":1}],\"d\":1}}");
	expect("\"\\b\\f\\n\\r\\t\\u0000\\u001F\\u007f\\/\"",
	       "\"\\b\\f\\n\\r\\t\\u0000\\u001f\x7f/\"");
	expect("{\"aa\":1,\"a\":2,\"\":3,\"\\u0000\":4}",
	       "{\"\":3,\"\\u0000\":4,\"a\":2,\"aa\":1}");
	expect("{\"\xef\xbf\xbd\":1,\"\xf0\x90\x80\x80\":2,\"\xed\x9f\xbf\":3}",
	       "{\"\xed\x9f\xbf\":3,\"\xf0\x90\x80\x80\":2,\"\xef\xbf\xbd\":1}");
}

static void what_is_no_json(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"{",
		"}",
		"[",
		"[1",
		"[1,]",
		"[,1]",
		"[1 2]",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":1,}",
		"{,\"a\":1}",
		"{a:1}",
		"{1:1}",
		"{\"a\" 1}",
		"{\"a\":1 \"b\":2}",
		"nul",
		"nulll",
		"tru",
		"True",
		"1 2",
		"[1]]",
		"01",
		"-",
		"+1",
		"-01",
		".5",
		"1.",
		"1e",
		"1e+",
		"[1.x]",
		"0x1",
		"NaN",
		"\"",
		"\"a",
		"'a'",
		"\"\n\"",
		"\"\t\"",
		"\"\\",
		"\"\\x\"",
		"\"\\u12\"",
		"\"\\u12g4\"",
		"\"\\U0041\"",
		"\"\\u 041\"",
		"[1}",
		"{\"a\":1]",
		"//",
		"[1]//",
		"\xef\xbb\xbf[]", /* a byte order mark */
		"\"\x80\"",
		"\"\xc3\"",
		"\"\xc0\x80\"",
		"\"\xed\xa0\x80\"",
		"\"\xf4\x90\x80\x80\"",
		"\"\xff\"",
		"\"\\n\xc3\"",
		"\"\xc3\\u00a9\"",
		"\"\\n\xed\xa0\x80\"",
		"\"\\ud800\"",
		"\"\\udc00\"",
		"\"\\ud800x\"",
		"\"\\ud800\\n\"",
		"\"\\ud800\\u0041\"",
		"\"\\ud800\\ud800\"",
		"\"\\udc00\\ud800\"",
		"\"\\ud83d\\u\"",
		"{\"\\udead\":1}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		expect_error(texts[i], -EBADMSG);
}

static void a_name_may_come_once(void **state)
{
	(void)state;
	expect_error("{\"a\":1,\"a\":1}", -EBADMSG);
	expect_error("{\"a\":1,\"\\u0061\":2}", -EBADMSG);
	expect_error("{\"\\u0061\":1,\"b\":0,\"a\":2}", -EBADMSG);
	expect_error("{\"😀\":1,\"\\ud83d\\ude00\":2}", -EBADMSG);
	expect_error("{\"\":1,\"\":2}", -EBADMSG);
	expect_error("[{\"x\":{\"b\":1,\"a\":1,\"b\":2}}]", -EBADMSG);
	expect("[{\"a\":1},{\"a\":1}]", "[{\"a\":1},{\"a\":1}]");
}

static void numbers_are_exact_integers(void **state)
{
	static const char *const texts[] = {
		"9007199254740992",
		"-9007199254740992",
		"18446744073709551617",
		"99999999999999999999",
		"1.5",
		"1.0",
		"1e3",
		"1E-3",
		"0.0",
		"-0.0",
		"0e0",
		"100000000000000000000000000000",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		expect_error(texts[i], -ERANGE);
}

static void nest(struct buf *b, unsigned depth, char open, char close)
{
	for (unsigned i = 0; i < depth; i++)
		assert_int_equal(buf_addc(b, open), 0);
	for (unsigned i = 0; i < depth; i++)
		assert_int_equal(buf_addc(b, close), 0);
}

static void depth_and_number_of_values_have_maxima(void **state)
{
	_cleanup_buf_ struct buf in = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);

	(void)state;
	nest(&in, CANONICAL_DEPTH_MAX, '[', ']');
	expect(buf_str(&in), buf_str(&in));
	in.len = 0;
	nest(&in, CANONICAL_DEPTH_MAX + 1, '[', ']');
	expect_error(buf_str(&in), -E2BIG);
	in.len = 0;
	assert_int_equal(buf_addc(&in, '['), 0);
	for (int i = 2; i < CANONICAL_VALUES_MAX; i++)
		assert_int_equal(buf_adds(&in, "1,"), 0);
	assert_int_equal(buf_adds(&in, "1]"), 0);
	assert_int_equal(canonical_json(in.data, in.len, &out), 0);
	assert_int_equal(out.len, in.len);
	in.len--;
	assert_int_equal(buf_adds(&in, ",1]"), 0);
	assert_int_equal(canonical_json(in.data, in.len, &out), -E2BIG);
	assert_int_equal(out.len, in.len - 2);
}

/* More members than are sorted in place, more tokens than fit the small array, in any order. */
static void large_objects_are_sorted(void **state)
{
	enum { N = 3000 };
	_cleanup_buf_ struct buf in = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20),
				 again = BUF_INIT(1 << 20), wanted = BUF_INIT(1 << 20);

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		unsigned k = i * 1009 % N; /* each once: 1009 and N have no common divisor */

		assert_int_equal(buf_addf(&in, "%c\"k%04u\":[%u]", i ? ',' : '{', k, k), 0);
		assert_int_equal(buf_addf(&wanted, "%c\"k%04u\":[%u]", i ? ',' : '{', i, i), 0);
	}
	assert_int_equal(buf_addc(&in, '}'), 0);
	assert_int_equal(buf_addc(&wanted, '}'), 0);
	assert_int_equal(canonical_json(in.data, in.len, &out), 0);
	assert_string_equal(buf_str(&out), buf_str(&wanted));
	assert_int_equal(canonical_json(out.data, out.len, &again), 0);
	assert_string_equal(buf_str(&out), buf_str(&again));
	in.len--;
	assert_int_equal(buf_adds(&in, ",\"k1234\":0}"), 0);
	assert_int_equal(canonical_json(in.data, in.len, &out), -EBADMSG);
}

static void the_buffer_has_a_maximum(void **state)
{
	_cleanup_buf_ struct buf small = BUF_INIT(9);

	(void)state;
	assert_int_equal(canonical_json("[ 1, 2, 30 ]", 12, &small), 0);
	assert_string_equal(buf_str(&small), "[1,2,30]");
	assert_int_equal(canonical_json("[1]", 3, &small), -ENOSPC);
	assert_int_equal(canonical_json("1", 1, &small), 0);
	assert_string_equal(buf_str(&small), "[1,2,30]1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_the_rfc),
		cmocka_unit_test(forms_of_values),
		cmocka_unit_test(what_is_no_json),
		cmocka_unit_test(a_name_may_come_once),
		cmocka_unit_test(numbers_are_exact_integers),
		cmocka_unit_test(depth_and_number_of_values_have_maxima),
		cmocka_unit_test(large_objects_are_sorted),
		cmocka_unit_test(the_buffer_has_a_maximum),
	};

	return cmocka_run_group_tests_name("canonical", tests, NULL, NULL);
}
