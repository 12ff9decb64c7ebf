/* Cells that are no cells, and cells that compute. */
#include "cli/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void is(const char *const *cells, const char *wanted)
{
	struct buf b = BUF_INIT(4096);

	for (; *cells; cells++)
		assert_int_equal(csv_text(&b, *cells), 0);
	assert_int_equal(csv_end(&b), 0);
	assert_string_equal(buf_str(&b), wanted);
	buf_done(&b);
}
#define IS(wanted, ...) is((const char *const[]){__VA_ARGS__, NULL}, wanted)

static void test_structure_is_quoted(void **state)
{
	(void)state;
	IS("a,b\r\n", "a", "b");
	IS("\"a,b\",\"c\"\"d\",\"e\r\nf\"\r\n", "a,b", "c\"d", "e\r\nf");
	IS("\"\",x,\"\"\r\n", "", "x", "");
	IS("\"{\"\"a\"\":1}\"\r\n", "{\"a\":1}");
}

static void test_nothing_computes(void **state)
{
	(void)state;
	IS("'=1+1,'+1,'-1,'@SUM(A1)\r\n", "=1+1", "+1", "-1", "@SUM(A1)");
	IS("'\tx,\"'\rx\"\r\n", "\tx", "\rx");
	IS("\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"\r\n", "=HYPERLINK(\"http://x\",\"y\")");
	IS("''=1,a=1, =1\r\n", "'=1", "a=1", " =1"); /* what is taken away again is one */
}

static void test_a_full_buffer_says_so(void **state)
{
	struct buf b = BUF_INIT(8);

	(void)state;
	assert_int_equal(csv_text(&b, "12345"), 0);
	assert_true(csv_text(&b, "6789") < 0);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_structure_is_quoted),
		cmocka_unit_test(test_nothing_computes),
		cmocka_unit_test(test_a_full_buffer_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
