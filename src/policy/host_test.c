/* Hosts, addresses and amounts: what profiles and URLs are made of. */
#include "base/buf.h"
#include "policy/amount.h"
#include "policy/cidr.h"
#include "policy/host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* What the text becomes, or NULL if it is refused. */
static const char *normalise(const char *text)
{
	static char out[HOST_SIZE];
	uint8_t bytes[16];
	bool address;
	size_t len;

	if (host_normalise(text, strlen(text), out, &len, &address, bytes) < 0)
		return NULL;
	assert_int_equal(strlen(out), len);
	return out;
}

static void a_host_has_one_spelling(void **state)
{
	static const char *const pairs[][2] = {
		{"docs.example.com", "docs.example.com"},
		{"DOCS.Example.COM", "docs.example.com"},
		{"example.com.", "example.com"},
		{"localhost", "localhost"},
		{"a-b.x1", "a-b.x1"},
		{"xn--mnchen-3ya.de", "xn--mnchen-3ya.de"},
		{"1.2.3.4", "1.2.3.4"},
		{"1.2.3.4.", "1.2.3.4"},
		{"1password.com", "1password.com"},
		{"0x.org", "0x.org"},
		{"[::1]", "[::1]"},
		{"[2001:DB8:0:0:1:0:0:1]", "[2001:db8::1:0:0:1]"},
		{"[2001:0db8::0001]", "[2001:db8::1]"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		const char *got = normalise(pairs[i][0]);

		if (!got)
			fail_msg("refused: %s", pairs[i][0]);
		assert_string_equal(got, pairs[i][1]);
	}
}

static void what_could_be_another_host_is_refused(void **state)
{
	static const char *const bad[] = {
		"", ".", "..", "a..b", ".a", "example.com..", "-a.com", "a-.com", "a_b.com",
		"a b.com", "m\xc3\xbcnchen.de", "\xef\xbd\x85xample.com", "a%2ecom", "a.com\t",
		/* All of these reach 127.0.0.1 in some client. */
		"127.1", "127.0.1", "2130706433", "0x7f.0.0.1", "0x7f000001", "0177.0.0.1",
		"127.0.0.01", "0x7F.1", "127.0.0.0x1", "1.2.3", "1.2.3.4.5", "256.1.1.1",
		"1.2.3.4..", "a.1", "example.0", "example.0x1f", "[", "[]", "[:]", "[::1", "::1",
		"[::1%25eth0]", "[::1]a", "[1.2.3.4]", "[::g]", "[::ffff:127.0.0.1]",
		"[::FFFF:7f00:1]", "[0:0:0:0:0:ffff:a00:1]", "user@host", "host:80", "host/x",
		"host\\x"};
	_cleanup_buf_ struct buf name = BUF_INIT(300);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (normalise(bad[i]))
			fail_msg("accepted: %s", bad[i]);
	for (int i = 0; i < 63; i++)
		buf_addc(&name, 'a');
	assert_non_null(normalise(buf_str(&name)));
	buf_addc(&name, 'a');
	assert_null(normalise(buf_str(&name)));
	buf_consume(&name, name.len);
	for (int i = 0; i < 126; i++)
		buf_adds(&name, "a.");
	buf_addc(&name, 'b');
	assert_non_null(normalise(buf_str(&name))); /* 253 */
	buf_addc(&name, 'b');
	assert_null(normalise(buf_str(&name)));
}

static void a_nul_ends_no_host(void **state)
{
	char out[HOST_SIZE];
	uint8_t bytes[16];
	bool address;
	size_t len;

	(void)state;
	assert_int_equal(host_normalise("a.com\0.b", 8, out, &len, &address, bytes), -EINVAL);
	assert_int_equal(host_normalise("1.2.3.4\0", 8, out, &len, &address, bytes), -EINVAL);
	assert_int_equal(host_normalise("[::1\0zz]", 8, out, &len, &address, bytes), -EINVAL);
}

static bool matches(const char *pattern, const char *host)
{
	struct host_pattern p;
	char out[HOST_SIZE];
	uint8_t bytes[16];
	const char *why;
	bool address;
	size_t len;

	if (host_pattern_parse(pattern, strlen(pattern), &p, &why) < 0)
		fail_msg("%s %s", pattern, why);
	assert_int_equal(host_normalise(host, strlen(host), out, &len, &address, bytes), 0);
	return host_matches(&p, out, len, address);
}

static void a_star_is_one_label_and_two_are_any_depth(void **state)
{
	(void)state;
	assert_true(matches("Docs.example.com", "docs.EXAMPLE.com."));
	assert_false(matches("docs.example.com", "xdocs.example.com"));
	assert_true(matches("*.example.com", "a.example.com"));
	assert_false(matches("*.example.com", "example.com"));
	assert_false(matches("*.example.com", "a.b.example.com"));
	assert_false(matches("*.example.com", "aexample.com"));
	assert_true(matches("**.example.com", "a.example.com"));
	assert_true(matches("**.example.com", "a.b.c.example.com"));
	assert_false(matches("**.example.com", "example.com"));
	assert_false(matches("**.example.com", "badexample.com"));
	assert_true(matches("[::1]", "[0:0::1]"));
	assert_true(matches("10.0.0.1", "10.0.0.1"));
}

static void patterns_that_mean_everything_are_refused(void **state)
{
	static const char *const bad[][2] = {
		{"*", "every host"},
		{"**", "every host"},
		{"*.", "every host"},
		{"**.", "every host"},
		{"*.com", "top-level"},
		{"**.com", "top-level"},
		{"*.com.", "top-level"},
		{"***.example.com", "star"},
		{"*example.com", "star"},
		{"a.*.com", "star"},
		{"*.*.com", "star"},
		{"*.1.2.3.4", "address"},
		{"*.0.0.1", "not a host"},
		{"*.127.0.0.1", "address"},
		{"m\xc3\xbcnchen.de", "xn--"},
		{"https://a.com", "own keys"},
		{"a.com/x", "own keys"},
		{"a.com:80", "own keys"},
		{"", "not a host"},
		{"127.1", "not a host"},
		{"*.[::1]", "own keys"},
	};
	struct host_pattern p;
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (host_pattern_parse(bad[i][0], strlen(bad[i][0]), &p, &why) == 0)
			fail_msg("accepted: %s", bad[i][0]);
		if (!strstr(why, bad[i][1]))
			fail_msg("%s %s", bad[i][0], why);
	}
}

static void address(const char *text, uint8_t out[16])
{
	if (strchr(text, ':')) {
		assert_int_equal(inet_pton(AF_INET6, text, out), 1);
		return;
	}
	memset(out, 0, 10);
	memset(out + 10, 0xff, 2);
	assert_int_equal(inet_pton(AF_INET, text, out + 12), 1);
}

static void blocks_hold_their_addresses(void **state)
{
	static const struct {
		const char *block, *in, *out;
	} rows[] = {
		{"10.0.0.0/8", "10.255.255.255", "11.0.0.0"},
		{"10.1.2.0/23", "10.1.3.255", "10.1.4.0"},
		{"10.1.2.3/32", "10.1.2.3", "10.1.2.4"},
		{"172.16.0.0/12", "172.31.0.1", "172.32.0.0"},
		{"2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"},
		{"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::"},
		{"fd00::1/128", "fd00::1", "fd00::2"},
		{"10.0.0.0/8", "::ffff:10.0.0.1", "::10.0.0.1"},
	};
	const char *why;
	char text[CIDR_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cidr c;
		uint8_t in[16], out[16];

		if (cidr_parse(rows[i].block, strlen(rows[i].block), &c, &why) < 0)
			fail_msg("%s %s", rows[i].block, why);
		address(rows[i].in, in);
		address(rows[i].out, out);
		assert_true(cidr_has(&c, in));
		assert_false(cidr_has(&c, out));
		assert_string_equal(cidr_text(&c, text), rows[i].block);
	}
}

static void blocks_in_doubt_are_refused(void **state)
{
	static const char *const bad[] = {
		"",	      "10.0.0.0",    "10.0.0.0/",     "10.0.0.0/33",  "10.0.0.0/08",
		"10.0.0.1/8", "0.0.0.0/0",   "10.0.0.0/7",    "::/0",	      "2000::/3",
		"fd00::1/64", "fd00::/129",  "::ffff:0:0/96", "10.0.0.0/8 ",  "10.0.0.0/-8",
		"10.0.0/8",   "010.0.0.0/8", "a/8",	      "10.0.0.0/8/8", "[fd00::]/64",
		"fd00::/1x",  "fe80::%1/64", "10.0.0.0/+8"};
	struct cidr c;
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (cidr_parse(bad[i], strlen(bad[i]), &c, &why) == 0)
			fail_msg("accepted: %s", bad[i]);
	assert_int_equal(cidr_parse("10.0.0.1/8", 10, &c, &why), -EINVAL);
	assert_non_null(strstr(why, "bits set"));
	assert_int_equal(cidr_parse("0.0.0.0/0", 9, &c, &why), -EINVAL);
	assert_non_null(strstr(why, "too wide"));
}

static void special_addresses_are_not_public(void **state)
{
	static const char *const special[] = {"0.0.0.0",
					      "10.1.2.3",
					      "100.64.0.1",
					      "127.0.0.1",
					      "127.255.255.255",
					      "169.254.169.254",
					      "172.16.0.1",
					      "172.31.255.255",
					      "192.0.0.1",
					      "192.0.2.1",
					      "192.88.99.1",
					      "192.168.1.1",
					      "198.18.0.1",
					      "198.19.255.255",
					      "198.51.100.1",
					      "203.0.113.1",
					      "224.0.0.1",
					      "239.255.255.255",
					      "240.0.0.1",
					      "255.255.255.255",
					      "::",
					      "::1",
					      "::127.0.0.1",
					      "64:ff9b::7f00:1",
					      "64:ff9b:1::1",
					      "100::1",
					      "2001::1",
					      "2001:1ff:ffff::1",
					      "2001:10::1",
					      "2001:db8::1",
					      "2002:7f00:1::",
					      "3fff::1",
					      "3fff:fff::1",
					      "5f00::1",
					      "fc00::1",
					      "fd00::1",
					      "fe80::1",
					      "fec0::1",
					      "ff02::1",
					      "::ffff:127.0.0.1",
					      "::ffff:0:7f00:1"};
	static const char *const open[] = {
		"1.1.1.1",	   "8.8.8.8",	     "9.255.255.255",  "11.0.0.0",
		"100.63.255.255",  "100.128.0.0",    "172.15.255.255", "172.32.0.0",
		"192.0.1.0",	   "198.17.255.255", "198.20.0.0",     "223.255.255.255",
		"2606:4700::1111", "2a00:1450::1",   "2001:200::1",    "2001:db9::",
		"2003::",	   "3ffe:ffff::",    "3fff:1000::"};
	uint8_t a[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(special); i++) {
		address(special[i], a);
		if (cidr_public(a))
			fail_msg("public: %s", special[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(open); i++) {
		address(open[i], a);
		if (!cidr_public(a))
			fail_msg("not public: %s", open[i]);
	}
}

static void the_address_after_a_block_is_the_next(void **state)
{
	static const char *const rows[][2] = {{"10.0.0.0/8", "11.0.0.0"},
					      {"10.1.2.3/32", "10.1.2.4"},
					      {"255.255.255.255/32", "::1:0:0:0"},
					      {"fd00::/16", "fd01::"},
					      {"fd00::ffff/128", "fd00::1:0"}};
	uint8_t next[16], wanted[16];
	struct cidr c;
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(cidr_parse(rows[i][0], strlen(rows[i][0]), &c, &why), 0);
		assert_true(cidr_next(&c, next));
		address(rows[i][1], wanted);
		assert_memory_equal(next, wanted, 16);
	}
	assert_int_equal(cidr_parse("ff00::/16", 9, &c, &why), 0);
	assert_true(cidr_next(&c, next));
	memset(c.first, 0xff, 16);
	c.prefix = 128;
	assert_false(cidr_next(&c, next));
}

static void amounts_are_integers_with_units(void **state)
{
	static const struct {
		const char *text;
		uint64_t value;
	} durations[] = {{"1us", 1},
			 {"50ms", 50000},
			 {"2s", 2000000},
			 {"5m", 300000000},
			 {"1h", 3600000000},
			 {"0s", 0},
			 {"9007199254740991us", AMOUNT_MAX}},
	  sizes[] = {{"64MiB", 64 << 20},
		     {"256KiB", 256 << 10},
		     {"1B", 1},
		     {"0", 0},
		     {"1GiB", 1 << 30},
		     {"4096", 4096},
		     {"8388607GiB", 8388607ull << 30}};
	static const char *const bad[] = {"",	  "ms",	  "50",	  "50 ms", " 50ms", "50ms ",
					  "-1ms", "+1ms", "1.5s", "1e3s",  "05ms",  "00ms",
					  "50MS", "50M",  "1d",	  "1w",	   "0x1s",  "50mss"};
	char text[AMOUNT_TEXT];
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(durations); i++) {
		assert_int_equal(amount_duration(durations[i].text, &v), 0);
		assert_int_equal(v, durations[i].value);
	}
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		assert_int_equal(amount_size(sizes[i].text, &v), 0);
		assert_int_equal(v, sizes[i].value);
		assert_int_equal(amount_size(amount_size_text(v, text), &v), 0);
		assert_int_equal(v, sizes[i].value);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (amount_duration(bad[i], &v) == 0)
			fail_msg("accepted: %s", bad[i]);
	assert_int_equal(amount_size("64MB", &v), -EINVAL);
	assert_int_equal(amount_size("64mib", &v), -EINVAL);
	assert_int_equal(amount_size("01", &v), -EINVAL);
	assert_string_equal(amount_duration_text(50000, text), "50ms");
	assert_string_equal(amount_duration_text(0, text), "0us");
	assert_string_equal(amount_duration_text(90000000, text), "90s");
	assert_string_equal(amount_size_text(1 << 20, text), "1MiB");
}

static void amounts_do_not_overflow(void **state)
{
	struct policy_rate r;
	uint64_t v = 7;

	(void)state;
	assert_int_equal(amount_duration("9007199254740992us", &v), -ERANGE);
	assert_int_equal(amount_duration("99999999999999999999999999h", &v), -ERANGE);
	assert_int_equal(amount_duration("18446744073709551616us", &v), -ERANGE);
	assert_int_equal(amount_size("8388608GiB", &v), -ERANGE);
	assert_int_equal(amount_size("18446744073709551617", &v), -ERANGE);
	assert_int_equal(amount_rate("9007199254740992/s", &r), -ERANGE);
	assert_int_equal(v, 7);
}

static void rates_have_a_count_and_a_period(void **state)
{
	static const char *const bad[] = {"10",	    "10/",   "/s",     "10/ms", "10/d",
					  "10 / s", "1.5/s", "10/s/s", "-1/s",	"01/s"};
	struct policy_rate r;
	char text[AMOUNT_TEXT];

	(void)state;
	assert_int_equal(amount_rate("10/s", &r), 0);
	assert_int_equal(r.count, 10);
	assert_int_equal(r.period_us, 1000000);
	assert_int_equal(amount_rate("0/m", &r), 0);
	assert_int_equal(r.period_us, 60000000);
	assert_int_equal(amount_rate("5/h", &r), 0);
	assert_string_equal(amount_rate_text(r, text), "5/h");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (amount_rate(bad[i], &r) == 0)
			fail_msg("accepted: %s", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_has_one_spelling),
		cmocka_unit_test(what_could_be_another_host_is_refused),
		cmocka_unit_test(a_nul_ends_no_host),
		cmocka_unit_test(a_star_is_one_label_and_two_are_any_depth),
		cmocka_unit_test(patterns_that_mean_everything_are_refused),
		cmocka_unit_test(blocks_hold_their_addresses),
		cmocka_unit_test(blocks_in_doubt_are_refused),
		cmocka_unit_test(special_addresses_are_not_public),
		cmocka_unit_test(the_address_after_a_block_is_the_next),
		cmocka_unit_test(amounts_are_integers_with_units),
		cmocka_unit_test(amounts_do_not_overflow),
		cmocka_unit_test(rates_have_a_count_and_a_period),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
