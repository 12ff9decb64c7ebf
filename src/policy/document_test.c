/* Documents from outside: what each reader takes, what it refuses, where it says the fault is. */
#include "policy/canonical.h"
#include "policy/document.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { OUT = 1 << 16 };

/* The canonical form of what was read, or the error as "code message". */
static const char *read_text(const char *text, size_t len)
{
	static char out[OUT];
	_cleanup_arena_ struct arena a = {0};
	_cleanup_buf_ struct buf b = BUF_INIT(OUT - 1);
	struct node *n;
	struct err e;
	int r = document_read(&a, text, len, &n, &e);

	if (r < 0) {
		assert_int_equal(r, strcmp(e.code, "document.too_large") ? -EINVAL : -E2BIG);
		assert_int_equal(e.number, -r);
		snprintf(out, sizeof(out), "%s %s", e.code, e.message);
		return out;
	}
	assert_int_equal(canonical_write(&b, n), 0);
	snprintf(out, sizeof(out), "%s", buf_str(&b));
	return out;
}

static void reads(const char *text, const char *canonical)
{
	assert_string_equal(read_text(text, strlen(text)), canonical);
}

/* `wanted` is "code LINE:COLUMN: " and what else the message begins with. */
static void refuses(const char *text, const char *wanted)
{
	const char *got = read_text(text, strlen(text));

	if (strncmp(got, wanted, strlen(wanted)) != 0)
		fail_msg("%s\nwanted %s\ngot    %s", text, wanted, got);
}

static void yaml_and_json_read_the_same(void **state)
{
	(void)state;
	reads("a: 1\nb: [x, \"2\", true, null, ~]\nc: {d: -5}\n",
	      "{\"a\":1,\"b\":[\"x\",\"2\",true,null,null],\"c\":{\"d\":-5}}");
	reads("{\"a\": 1, \"b\": [\"x\", \"2\", true, null, null], \"c\": {\"d\": -5}}",
	      "{\"a\":1,\"b\":[\"x\",\"2\",true,null,null],\"c\":{\"d\":-5}}");
	reads("--- # c\na: |\n  x\n  y\nb: >-\n  x\n  y\n...\n",
	      "{\"a\":\"x\\ny\\n\",\"b\":\"x y\"}");
	reads("a: \"\\u00e4\\t\\x41\"\n", "{\"a\":\"\xc3\xa4\\tA\"}");
	reads("{\"a\":\"\\u00e4\\t\\ud83d\\ude00\\/\"}",
	      "{\"a\":\"\xc3\xa4\\t\xf0\x9f\x98\x80/\"}");
	reads("a: 64MiB\nb: 10.0.0.1\nc: 10/s\nd: 1.2.3\ne: a: b\n",
	      "document.syntax 5:5: not valid YAML: mapping values are not allowed in this "
	      "context");
	reads("a: 64MiB\nb: 10.0.0.1\nc: 10/s\nd: 10.0.0.0/8\ne: 50ms\n",
	      "{\"a\":\"64MiB\",\"b\":\"10.0.0.1\",\"c\":\"10/s\",\"d\":\"10.0.0.0/"
	      "8\",\"e\":\"50ms\"}");
	reads("a:\r\n  - 1\r\n", "{\"a\":[1]}");
	reads("a: {}\nb: []\nc:\n", "{\"a\":{},\"b\":[],\"c\":null}");
}

static void numbers_are_exact(void **state)
{
	_cleanup_arena_ struct arena a = {0};
	_cleanup_buf_ struct buf b = BUF_INIT(100);

	(void)state;
	reads("a: 9007199254740991\n", "{\"a\":9007199254740991}");
	reads("a: -0\n", "{\"a\":0}");
	reads("{\"a\":-0}", "{\"a\":0}");
	assert_int_equal(canonical_write(&b, node_int(&a, 1ll << 53)), -ERANGE);
	assert_int_equal(canonical_write(&b, node_int(&a, -(1ll << 53))), -ERANGE);
	refuses("a: 99999999999999999999\n", "document.syntax 1:4: the number is too large");
	refuses("{\"a\": 99999999999999999999}", "document.syntax 1:2");
	refuses("{\"a\":\n 1.5}", "document.syntax 2:3: numbers are integers");
	refuses("{\"a\":\n 1e3}", "document.syntax 2:3: numbers are integers");
}

static void what_yaml_readers_differ_on_is_refused(void **state)
{
	static const char *const scalars[] = {"yes",
					      "No",
					      "on",
					      "OFF",
					      "y",
					      "N",
					      "True",
					      "FALSE",
					      "NULL",
					      "010",
					      "0x10",
					      "0o17",
					      "0b11",
					      "1e3",
					      "1.5",
					      ".5",
					      "5.",
					      "+1",
					      "1_000",
					      "1:30",
					      "190:20:30",
					      ".inf",
					      "-.INF",
					      ".nan",
					      "1E+5",
					      "-1.5e-3",
					      "2026-11-21",
					      "2026-1-1 10:00:00",
					      "2026-11-21T10:00:00Z",
					      "=",
					      "00",
					      "-01",
					      "0_1",
					      "1__0"};
	char text[64], wanted[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(scalars); i++) {
		snprintf(text, sizeof(text), "x:\n  a: %s\n", scalars[i]);
		snprintf(wanted, sizeof(wanted), "document.ambiguous 2:6: %s ", scalars[i]);
		refuses(text, wanted);
		assert_non_null(strstr(read_text(text, strlen(text)), "quotes"));
		snprintf(text, sizeof(text), "a: \"%s\"\n", scalars[i]);
		snprintf(wanted, sizeof(wanted), "{\"a\":\"%s\"}", scalars[i]);
		reads(text, wanted);
	}
}

static void yaml_that_hides_structure_is_refused(void **state)
{
	(void)state;
	refuses("a: &x 1\nb: *x\n", "document.unsupported 1:4: anchors and aliases");
	refuses("a: &x {}\n", "document.unsupported 1:4: anchors");
	refuses("a: &x []\n", "document.unsupported 1:4: anchors");
	refuses("&x a: 1\n", "document.unsupported 1:1: anchors");
	refuses("a: *x\n", "document.unsupported 1:4: anchors");
	refuses("host: *.example.com\n", "document."); /* an alias: quotes are needed */
	refuses("a: !!str 1\n", "document.unsupported 1:4: tags");
	refuses("a: !x {}\n", "document.unsupported 1:4: tags");
	refuses("a: ! 12\n", "document.unsupported 1:4: tags");
	refuses("a: ! [1]\n", "document.unsupported 1:4: tags");
	refuses("!!map\na: 1\n", "document.unsupported 1:1: tags");
	refuses("%YAML 1.1\n---\na: 1\n", "document.unsupported 1:1: directives");
	refuses("%TAG ! x\n---\na: 1\n", "document.unsupported 1:1: directives");
	refuses("a: {b: 1}\nc:\n  <<: {d: 1}\n", "document.ambiguous 3:3: <<");
	refuses("a: 1\nb: 2\na: 3\n",
		"document.duplicate 3:1: the key \"a\" stands twice; keep one");
	refuses("a: 1\n\"a\": 3\n", "document.duplicate 2:1");
	refuses("{a: 1}", "document.syntax 1:2"); /* begins like JSON, so it is JSON */
	refuses("- {a: 1, \"\\x61\": 2}", "document.duplicate 1:10");
	refuses("a: 1\n---\nb: 1\n", "document.unsupported 2:1: one document only");
	refuses("? [a]\n: 1\n", "document.unsupported 1:3: a key must be");
	refuses("1: a\n", "document.unsupported 1:1: a key must be a word");
	refuses("true: a\n", "document.unsupported 1:1: a key must be a word");
	refuses(": a\n", "document.syntax 1:1: not valid YAML");
	refuses("", "document.syntax 1:1: the document is empty");
	assert_string_equal(read_text(NULL, 0), read_text("", 0));
	refuses("# nothing\n", "document.syntax 2:1: the document is empty");
	refuses("a: [1\n", "document.syntax 2:1: not valid YAML");
	refuses("a: 'x\n", "document.syntax 2:1: not valid YAML");
	refuses("a:\n\t- 1\n", "document.syntax 2:1: not valid YAML");
	refuses("a: @x\n", "document.syntax 1:4: not valid YAML");
}

static void json_beyond_a_profile_is_refused(void **state)
{
	(void)state;
	refuses("{\"a\":1,\n \"a\":2}",
		"document.duplicate 2:2: the key \"a\" stands twice; keep one");
	refuses("{\"a\":1,\"\\u0061\":2}", "document.duplicate 1:8");
	refuses("{\"a\":1} x", "document.syntax 1:9: not valid JSON");
	refuses("{\"a\":1}{}", "document.syntax 1:8: not valid JSON");
	refuses("{\"a\":1,}", "document.syntax 1:8: not valid JSON");
	refuses("{", "document.syntax 1:2: not valid JSON");
	refuses("{\"a\":\"\\ud800\"}", "document.encoding 1:");
	refuses("{\"a\":\"\\ud800\\u0041\"}", "document.encoding 1:");
	refuses("{\"a\":\"\\udc00\"}", "document.encoding 1:");
	reads("{\"a\":[{\"b\":{}}, []]}", "{\"a\":[{\"b\":{}},[]]}");
}

static void hidden_characters_are_refused_in_every_spelling(void **state)
{
	static const char *const raw[] = {"\x01",
					  "\x08",
					  "\x7f",
					  "\xc2\x85",
					  "\xc2\x9b",
					  "\xe2\x80\xa8",
					  "\xe2\x80\xae",
					  "\xe2\x81\xa6",
					  "\xe2\x80\x8b",
					  "\xe2\x80\x8f",
					  "\xd8\x9c",
					  "\xef\xbb\xbf",
					  "\r"};
	static const char *const escaped[] = {"\\u0001", "\\u0008", "\\u007f", "\\u0085", "\\u009b",
					      "\\u2028", "\\u202e", "\\u2066", "\\u200b", "\\u200f",
					      "\\u061c", "\\ufeff", "\\r",     "\\u0000"};
	char text[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(raw); i++) {
		snprintf(text, sizeof(text), "b: 1\na: x%sy\n", raw[i]);
		refuses(text, "document.encoding 2:5: ");
		snprintf(text, sizeof(text), "{\"a\":\n\"x%sy\"}", raw[i]);
		refuses(text, "document.encoding 2:3: ");
	}
	for (size_t i = 0; i < ARRAY_SIZE(escaped); i++) {
		snprintf(text, sizeof(text), "b: 1\na: \"x%sy\"\n", escaped[i]);
		refuses(text, "document.encoding 2:4: ");
		snprintf(text, sizeof(text), "{\"a\":\n\"x%sy\"}", escaped[i]);
		refuses(text, "document.encoding 2:");
		snprintf(text, sizeof(text), "{\"x%sy\":\n1}", escaped[i]);
		refuses(text, "document.encoding 1:");
	}
	refuses("a: \"\\e\\N\\_\"\n", "document.encoding 1:4: ");
	reads("a: \xe2\x82\xac\xc2\xa0\xd8\xa7\n", "{\"a\":\"\xe2\x82\xac\xc2\xa0\xd8\xa7\"}");
	assert_non_null(strstr(read_text("a: \0\n", 5), "document.encoding 1:4: "));
	assert_non_null(strstr(read_text("{\"a\":\"\0\"}", 9), "document.encoding 1:7: "));
}

static void bad_utf8_is_found_where_it_stands(void **state)
{
	(void)state;
	refuses("a: \xc3\xa4\nb: \xff\n", "document.encoding 2:4: not valid UTF-8");
	refuses("b: \xc3\xa4\xc3\n", "document.encoding 1:5: not valid UTF-8");
	refuses("b: \xed\xa0\x80\n", "document.encoding 1:4: not valid UTF-8");
	refuses("b: \xc0\x80\n", "document.encoding 1:4: not valid UTF-8");
	refuses("b: \xf4\x90\x80\x80", "document.encoding 1:4: not valid UTF-8");
	refuses("b: x\xe2\x82", "document.encoding 1:5: not valid UTF-8");
	refuses("a: \xef\xbf\xbe\n", "document.encoding 1:4: ");
	/* UTF-16 is not taken for anything. */
	assert_non_null(strstr(read_text("\xff\xfe"
					 "a\0",
					 4),
			       "document.encoding 1:1:"));
}

static void size_depth_and_number_of_values_are_bounded(void **state)
{
	static char large[DOCUMENT_TEXT_MAX + 1];
	_cleanup_buf_ struct buf deep = BUF_INIT(1000), many = BUF_INIT(sizeof(large)),
				 keys = BUF_INIT(1000);

	(void)state;
	memset(large, '[', sizeof(large));
	assert_non_null(strstr(read_text(large, sizeof(large)), "document.too_large 1:1:"));
	assert_non_null(
		strstr(read_text(large, 1000), "document.too_large 1:17: nested too deeply"));
	reads("[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]");
	for (size_t i = 0; i < 100; i++)
		buf_adds(&deep, "{\"a\":");
	buf_addc(&deep, '1');
	for (size_t i = 0; i < 100; i++)
		buf_addc(&deep, '}');
	refuses(buf_str(&deep), "document.too_large 1:81: nested too deeply");
	buf_adds(&many, "{\"a\":[1");
	for (size_t i = 0; i < DOCUMENT_NODES_MAX; i++)
		buf_adds(&many, ",1");
	buf_adds(&many, "]}");
	refuses(buf_str(&many), "document.too_large 1:200003: too many values");
	for (int i = 0; i < 65; i++)
		buf_addf(&keys, "k%d: 1\n", i);
	refuses(buf_str(&keys), "document.too_large 65:6: a mapping has too many keys");
}

static void keys_sort_by_utf16(void **state)
{
	(void)state;
	/* The example of RFC 8785 section 3.2.3, without what profiles cannot hold. */
	reads("{\"\xe2\x82\xac\":1,\"1\":2,\"\xf0\x9f\x98\x80\":3,\"\xc3\xb6\":4,"
	      "\"\xef\xac\xb3\":5,\"a\":6,\"\xee\x80\x80\":7,\"\":8,\"ab\":9}",
	      "{\"\":8,\"1\":2,\"a\":6,\"ab\":9,\"\xc3\xb6\":4,\"\xe2\x82\xac\":1,"
	      "\"\xf0\x9f\x98\x80\":3,\"\xee\x80\x80\":7,\"\xef\xac\xb3\":5}");
	assert_true(canonical_compare("a", "ab") < 0);
	assert_true(canonical_compare("a", "a") == 0);
	assert_true(canonical_compare("\xf0\x90\x80\x80", "\xef\xbf\xbd") < 0);
	assert_true(canonical_compare("\xed\x9f\xbf", "\xf0\x90\x80\x80") < 0);
}

static void strings_have_the_shortest_escapes(void **state)
{
	(void)state;
	reads("{\"a\":\"\\\"\\\\\\/\\n\\t\\u0041\\u20ac<>&'\"}",
	      "{\"a\":\"\\\"\\\\/\\n\\tA\xe2\x82\xac<>&'\"}");
	{
		_cleanup_arena_ struct arena a = {0};
		_cleanup_buf_ struct buf b = BUF_INIT(100);

		assert_int_equal(canonical_write(&b, node_string(&a, "\b\f\r\x1f\x7f", 5)), 0);
		assert_string_equal(buf_str(&b), "\"\\b\\f\\r\\u001f\x7f\"");
	}
}

static void an_error_names_the_path(void **state)
{
	_cleanup_arena_ struct arena a = {0};
	char path[DOCUMENT_PATH_MAX];
	struct node *n;
	struct err e;

	(void)state;
	assert_int_equal(document_read(&a, "spec:\n  egress:\n  - host: x\n", 28, &n, &e), 0);
	node_path(n, path);
	assert_string_equal(path, "document");
	n = n->first->first->first->first;
	node_path(n, path);
	assert_string_equal(path, "spec.egress[0].host");
	assert_int_equal(n->line, 3);
	assert_int_equal(n->column, 11);
	assert_int_equal(node_error(n, &e, "x.y", "bad %s", "a\nb"), -EINVAL);
	assert_string_equal(e.message, "3:11: spec.egress[0].host: bad a b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(yaml_and_json_read_the_same),
		cmocka_unit_test(numbers_are_exact),
		cmocka_unit_test(what_yaml_readers_differ_on_is_refused),
		cmocka_unit_test(yaml_that_hides_structure_is_refused),
		cmocka_unit_test(json_beyond_a_profile_is_refused),
		cmocka_unit_test(hidden_characters_are_refused_in_every_spelling),
		cmocka_unit_test(bad_utf8_is_found_where_it_stands),
		cmocka_unit_test(size_depth_and_number_of_values_are_bounded),
		cmocka_unit_test(keys_sort_by_utf16),
		cmocka_unit_test(strings_have_the_shortest_escapes),
		cmocka_unit_test(an_error_names_the_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
