/* URLs, paths and patterns of paths: what has one reading, and what is refused. */
#include "policy/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static enum url_status parse(const char *text, struct url *u)
{
	return url_parse(text, strlen(text), u);
}

static void an_url_is_taken_apart(void **state)
{
	struct url u;

	(void)state;
	assert_int_equal(parse("HTTPS://Docs.Example.COM:8443/a%20b/c?q=/../#", &u), URL_BAD);
	assert_int_equal(parse("HTTPS://Docs.Example.COM:8443/a%20b/c?q=/../%2f", &u), URL_OK);
	assert_int_equal(u.scheme, URL_HTTPS);
	assert_string_equal(u.host, "docs.example.com");
	assert_int_equal(u.port, 8443);
	assert_int_equal(u.path.n, 2);
	assert_memory_equal(u.path.bytes, "a bc", 4);
	assert_int_equal(u.query_len, strlen("?q=/../%2f"));
	assert_int_equal(parse("http://h", &u), URL_OK);
	assert_int_equal(u.port, 80);
	assert_int_equal(u.path.n, 1);
	assert_int_equal(u.path.segments[0].len, 0);
	assert_null(u.query);
	assert_int_equal(parse("https://h?x", &u), URL_OK);
	assert_int_equal(u.port, 443);
	assert_int_equal(parse("http://[2001:db8::1]:81/", &u), URL_OK);
	assert_true(u.address);
	assert_int_equal(u.port, 81);
	assert_int_equal(parse("http://10.0.0.1/", &u), URL_OK);
	assert_int_equal(u.bytes[12], 10);
}

static void an_url_with_two_readings_is_refused(void **state)
{
	static const struct {
		const char *text;
		enum url_status status;
	} bad[] = {
		{"", URL_BAD},
		{"h/x", URL_BAD},
		{"/x", URL_BAD},
		{"//h/x", URL_BAD},
		{"https:h/x", URL_BAD},
		{"https:/h/x", URL_BAD},
		{"https:///x", URL_BAD},
		{"https://", URL_BAD},
		{" https://h/", URL_BAD},
		{"ht\ttps://h/", URL_BAD},
		{"https:\\\\h/", URL_BAD},
		{"https:/\\h/", URL_BAD},
		{"https://user@h/", URL_BAD},
		{"https://user:pw@h/", URL_BAD},
		{"https://@h/", URL_BAD},
		{"https://good.com\\@evil.com/", URL_BAD},
		{"https://good.com\\.evil.com/", URL_BAD},
		{"https://good.com#@evil.com/", URL_BAD},
		{"https://good.com%00.evil.com/", URL_BAD},
		{"https://good.com%2fevil.com/", URL_BAD},
		{"https://g%6fod.com/", URL_BAD},
		{"https://h /", URL_BAD},
		{"https://h\n/", URL_BAD},
		{"https://h/a b", URL_BAD_PATH},
		{"https://h/a\tb", URL_BAD_PATH},
		{"https://h/a\x7f", URL_BAD_PATH},
		{"https://h/\xc3\xa4", URL_BAD_PATH},
		{"https://h/?a b", URL_BAD},
		{"https://h/?\xc3\xa4", URL_BAD},
		{"https://h/?a\r\nHost: evil", URL_BAD},
		{"https://h/#x", URL_BAD},
		{"https://h/?x#y", URL_BAD},
		{"https://h:/", URL_BAD},
		{"https://h:0/", URL_BAD},
		{"https://h:65536/", URL_BAD},
		{"https://h:99999/", URL_BAD},
		{"https://h:0443/", URL_BAD},
		{"https://h:443x/", URL_BAD},
		{"https://h:+443/", URL_BAD},
		{"https://h:-1/", URL_BAD},
		{"https://h:443:443/", URL_BAD},
		{"https://h:4294967739/", URL_BAD},
		{"https://[::1]x/", URL_BAD},
		{"https://[::1/", URL_BAD},
		{"https://::1/", URL_BAD},
		{"https://0x7f.1/", URL_BAD},
		{"ftp://h/", URL_BAD_SCHEME},
		{"file:///etc/passwd", URL_BAD_SCHEME},
		{"javascript:alert(1)", URL_BAD_SCHEME},
		{"httpss://h/", URL_BAD_SCHEME},
		{"https+x://h/", URL_BAD_SCHEME},
		{"https://h//", URL_BAD_PATH},
		{"https://h/a//b", URL_BAD_PATH},
		{"https://h//a", URL_BAD_PATH},
		{"https://h/.", URL_BAD_PATH},
		{"https://h/..", URL_BAD_PATH},
		{"https://h/a/../b", URL_BAD_PATH},
		{"https://h/a/./b", URL_BAD_PATH},
		{"https://h/a/%2e%2e/b", URL_BAD_PATH},
		{"https://h/a/.%2e/b", URL_BAD_PATH},
		{"https://h/a%2Etxt", URL_BAD_PATH},
		{"https://h/a/..;/b", URL_BAD_PATH},
		{"https://h/a/..;x=1/b", URL_BAD_PATH},
		{"https://h/a/..%3b/b", URL_BAD_PATH},
		{"https://h/a/.;/b", URL_BAD_PATH},
		{"https://h/a%2fb", URL_BAD_PATH},
		{"https://h/a%2Fb", URL_BAD_PATH},
		{"https://h/a%5cb", URL_BAD_PATH},
		{"https://h/a\\b", URL_BAD_PATH},
		{"https://h/a%252fb", URL_BAD_PATH},
		{"https://h/a%00", URL_BAD_PATH},
		{"https://h/a%0a", URL_BAD_PATH},
		{"https://h/a%7f", URL_BAD_PATH},
		{"https://h/a%c2%85", URL_BAD_PATH},
		{"https://h/a%", URL_BAD_PATH},
		{"https://h/a%4", URL_BAD_PATH},
		{"https://h/a%4g", URL_BAD_PATH},
		{"https://h/a%u0041", URL_BAD_PATH},
		{"https://h/%ff", URL_BAD_PATH},
		{"https://h/%c0%af", URL_BAD_PATH},
		{"https://h/%c0%ae%c0%ae/x", URL_BAD_PATH},
		{"https://h/%ed%a0%80", URL_BAD_PATH},
		{"https://h/%c3/%a9", URL_BAD_PATH}, /* whole only across the slash */
		{"https://h/<x>", URL_BAD_PATH},
		{"https://h/\"x\"", URL_BAD_PATH},
		{"https://h/{x}", URL_BAD_PATH},
	};
	struct url u;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		enum url_status got = parse(bad[i].text, &u);

		if (got != bad[i].status)
			fail_msg("%s: %d", bad[i].text, got);
	}
	assert_int_equal(url_parse("https://h\0/x", 12, &u), URL_BAD);
	assert_int_equal(url_parse("https://h/x\0y", 13, &u), URL_BAD_PATH);
	assert_int_equal(url_parse("https://h/x?\0y", 14, &u), URL_BAD);
}

static void unusual_paths_with_one_reading_are_fine(void **state)
{
	static const char *const good[] = {"https://h/...",
					   "https://h/..a",
					   "https://h/a..",
					   "https://h/.hidden",
					   "https://h/a;b=1/c",
					   "https://h/a%20b",
					   "https://h/%E2%82%AC",
					   "https://h/a+b:c@d!$&'()*,;=",
					   "https://h/~u/-_.x",
					   "https://h/[a]^|",
					   "https://h/a/",
					   "https://h:1/",
					   "https://h:65535/",
					   "https://h/?",
					   "https://h/?a=[]{}|\\^`\"<>"};
	struct url u;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (parse(good[i], &u) != URL_OK)
			fail_msg("refused: %s", good[i]);
}

static void length_and_depth_of_a_path_are_bounded(void **state)
{
	_cleanup_buf_ struct buf longest = BUF_INIT(URL_MAX_BYTES + 1), deep = BUF_INIT(1000);
	struct url u;

	(void)state;
	buf_adds(&longest, "https://h/");
	while (longest.len < URL_MAX_BYTES)
		buf_addc(&longest, 'a');
	assert_int_equal(parse(buf_str(&longest), &u), URL_OK);
	buf_addc(&longest, 'a');
	assert_int_equal(parse(buf_str(&longest), &u), URL_BAD);
	buf_adds(&deep, "https://h");
	for (int i = 0; i < PATH_MAX_SEGMENTS; i++)
		buf_adds(&deep, "/a");
	assert_int_equal(parse(buf_str(&deep), &u), URL_OK);
	buf_adds(&deep, "/a");
	assert_int_equal(parse(buf_str(&deep), &u), URL_BAD_PATH);
}

static int path_case(const char *pattern, const char *text)
{
	_cleanup_arena_ struct arena a = {0};
	static struct path path;
	struct path_pattern p;
	const char *why;

	if (path_pattern_parse(&a, pattern, strlen(pattern), &p, &why) < 0)
		fail_msg("%s %s", pattern, why);
	if (path_parse(text, strlen(text), &path) < 0)
		fail_msg("%s", text);
	return path_matches(&p, &path);
}

static void patterns_match_segments(void **state)
{
	static const struct {
		const char *pattern, *path;
		int matches;
	} rows[] = {
		{"/", "/", 1},
		{"/", "/a", 0},
		{"/a", "/a", 1},
		{"/a", "/a/", 0},
		{"/a/", "/a/", 1},
		{"/a/", "/a", 0},
		{"/a", "/A", 0},
		{"/a%20b", "/a%20b", 1},
		{"/\xc3\xa4", "/%C3%A4", 1},
		{"/*", "/a", 1},
		{"/*", "/", 0},
		{"/*", "/a/", 0},
		{"/*", "/a/b", 0},
		{"/*/", "/a/", 1},
		{"/a*", "/a", 1},
		{"/a*", "/abc", 1},
		{"/a*", "/b", 0},
		{"/*.json", "/x.json", 1},
		{"/*.json", "/.json", 1},
		{"/*.json", "/x.jsonp", 0},
		{"/a*b*c", "/axbybzc", 1},
		{"/a*b*c", "/axc", 0},
		{"/a*b*c", "/acb", 0},
		{"/%2A", "/*", 1},
		{"/%2A", "/a", 0},
		{"/**", "/", 1},
		{"/**", "/a/b/c", 1},
		{"/**", "/a/", 1},
		{"/a/**", "/a", 1},
		{"/a/**", "/a/", 1},
		{"/a/**", "/a/b/c/", 1},
		{"/a/**", "/ab", 0},
		{"/**/b", "/b", 1},
		{"/**/b", "/a/a/b", 1},
		{"/**/b", "/a/a/b/c", 0},
		{"/a/**/b", "/a/b", 1},
		{"/a/**/b/**/c", "/a/b/x/b/c", 1},
		{"/a/**/b/**/c", "/a/c/b", 0},
		{"/**/a/*/", "/x/a/b/", 1},
		{"/**/", "/a/", 1},
		{"/**/", "/", 1},
		{"/**/", "/a", 0},
		{"/**/*", "/", 0},
		{"/**/*", "/a/b", 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (path_case(rows[i].pattern, rows[i].path) != rows[i].matches)
			fail_msg("%s %s", rows[i].pattern, rows[i].path);
}

static void a_pattern_has_one_spelling(void **state)
{
	static const char *const pairs[][2] = {
		{"/a", "/a"},		{"/%61b", "/ab"},   {"/\xc3\xa4", "/%C3%A4"},
		{"/%c3%a4", "/%C3%A4"}, {"/%2a", "/%2A"},   {"/a*%20/**/", "/a*%20/**/"},
		{"/[x]", "/%5Bx%5D"},	{"/a%3Bb", "/a;b"}, {"/", "/"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		_cleanup_arena_ struct arena a = {0};
		struct path_pattern p, again;
		const char *why;

		assert_int_equal(path_pattern_parse(&a, pairs[i][0], strlen(pairs[i][0]), &p, &why),
				 0);
		assert_string_equal(p.text, pairs[i][1]);
		assert_int_equal(path_pattern_parse(&a, p.text, strlen(p.text), &again, &why), 0);
		assert_string_equal(again.text, p.text);
	}
}

static void patterns_that_no_path_has_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"a",
		"**",
		"*",
		"/a//b",
		"//",
		"/a/**b",
		"/**a",
		"/***",
		"/**/**",
		"/./a",
		"/..",
		"/a/..;x",
		"/a?x",
		"/a#x",
		"/{id}",
		"/a b",
		"/a%2fb",
		"/%2e%2e",
		"/a%5Cb",
		"/a%",
		"/%00",
		"/%ff",
		"/a\\b",
		"/%c3*%a9",
		"/%01",
		"/a%25b",
		"/*a*a*a*a*a*a*a*a*a",
		"/**/a/**/a/**/a/**/a/**",
		"/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_arena_ struct arena a = {0};
		struct path_pattern p;
		const char *why = NULL;

		if (path_pattern_parse(&a, bad[i], strlen(bad[i]), &p, &why) == 0)
			fail_msg("accepted: %s", bad[i]);
		assert_non_null(why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_url_is_taken_apart),
		cmocka_unit_test(an_url_with_two_readings_is_refused),
		cmocka_unit_test(unusual_paths_with_one_reading_are_fine),
		cmocka_unit_test(length_and_depth_of_a_path_are_bounded),
		cmocka_unit_test(patterns_match_segments),
		cmocka_unit_test(a_pattern_has_one_spelling),
		cmocka_unit_test(patterns_that_no_path_has_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
