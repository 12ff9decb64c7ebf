#include "cli/safe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char *to_file(void (*print)(FILE *, const char *, size_t), const char *text)
{
	char *out = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&out, &len);

	print(f, text, strlen(text));
	fclose(f);
	return out;
}

static void prints(const char *text, const char *wanted)
{
	char *out = to_file(safe_print, text);

	assert_string_equal(out, wanted);
	free(out);
}

static void cell(const char *text, const char *wanted)
{
	struct buf b = BUF_INIT(1000);

	safe_cell(&b, text, strlen(text));
	assert_string_equal(buf_str(&b), wanted);
	buf_done(&b);
}

static void json(const char *text, const char *wanted)
{
	char *out = to_file(safe_json, text);

	assert_string_equal(out, wanted);
	free(out);
}

static void a_terminal_is_not_steered(void **state)
{
	(void)state;
	prints("\x1b[2J\x07 a\nb\tc\r", "\\x1b[2J\\x07 a\nb\tc\\x0d");
	prints("\xc2\x9b"
	       "31m\x7f",
	       "\\x9b31m\\x7f");
	cell("a\nb\tc", "a\\x0ab\\x09c");
}

static void letters_stay_letters(void **state)
{
	(void)state;
	prints("\xc3\xbc \xe6\xbc\xa2 \xf0\x9f\x98\x80", "\xc3\xbc \xe6\xbc\xa2 \xf0\x9f\x98\x80");
	cell("\xd7\xa9\xd7\x9c", "\xd7\xa9\xd7\x9c");
	prints("", "");
}

static void the_direction_of_writing_does_not_turn_unseen(void **state)
{
	(void)state;
	prints("\xe2\x80\xaeg\xe2\x81\xa6", "\\u202eg\\u2066");
	prints("\xe2\x80\xa8", "\\u2028");
	prints("a\xe2\x80\x8f", "a\xe2\x80\x8f"); /* a mark: letters that are written so need it */
	cell("a\xe2\x80\x8f\xef\xbb\xbf\xf3\xa0\x80\x81", "a\\u200f\\ufeff\\u{e0001}");
}

static void bytes_that_are_not_utf_8_are_shown(void **state)
{
	(void)state;
	prints("\xff\x9b", "\\xff\\x9b");
	prints("\xc0\x9b", "\\xc0\\x9b");		    /* overlong */
	prints("\xe2\x80", "\\xe2\\x80");		    /* cut */
	prints("\xed\xa0\x80", "\\xed\\xa0\\x80");	    /* a surrogate */
	prints("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* past U+10FFFF */
}

static void json_stays_the_same_json(void **state)
{
	(void)state;
	json("{\"a\":\r\n\t\"\x7f\xc2\x9b\xe2\x80\xae\xc3\xbc\"}",
	     "{\"a\":\r\n\t\"\\u007f\\u009b\\u202e\xc3\xbc\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_terminal_is_not_steered),
		cmocka_unit_test(letters_stay_letters),
		cmocka_unit_test(the_direction_of_writing_does_not_turn_unseen),
		cmocka_unit_test(bytes_that_are_not_utf_8_are_shown),
		cmocka_unit_test(json_stays_the_same_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
