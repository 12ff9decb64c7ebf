#include "control/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct token_key key;
static const struct token given = {.lease = "lease_01m7zfjnp957f1s8k47xmtwx4w",
				   .tenant = "acme",
				   .policy = "sha256:0123",
				   .epoch = 7,
				   .issued_ms = 1795279183421,
				   .expires_ms = 1795279483421};

static int setup(void **state)
{
	(void)state;
	crypto_sign_keypair(key.public, key.secret);
	return sodium_init() < 0;
}

static void issue(struct buf *b)
{
	*b = BUF_INIT(TOKEN_MAX);
	assert_int_equal(token_issue(&key, &given, b), 0);
}

static void test_what_is_issued_is_read(void **state)
{
	_cleanup_buf_ struct buf b;
	struct token t;

	(void)state;
	issue(&b);
	assert_int_equal(token_read(&key, buf_str(&b), &t), 0);
	assert_string_equal(t.lease, given.lease);
	assert_string_equal(t.tenant, given.tenant);
	assert_string_equal(t.policy, given.policy);
	assert_int_equal(t.epoch, given.epoch);
	assert_int_equal(t.issued_ms, given.issued_ms);
	assert_int_equal(t.expires_ms, given.expires_ms);
}

/* Each byte in turn, replaced by each other that could stand there. */
static void test_no_byte_can_be_changed(void **state)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=";
	_cleanup_buf_ struct buf b;
	struct token t;
	char *text;

	(void)state;
	issue(&b);
	text = (char *)(uintptr_t)buf_str(&b);
	for (size_t i = 0; i < b.len; i++) {
		char was = text[i];

		for (const char *p = letters; *p; p++) {
			/* A signature check for each is slow: of the middle, every seventh. */
			if (*p == was || (i % 7 && i > 60 && i + 100 < b.len))
				continue;
			text[i] = *p;
			assert_int_not_equal(token_read(&key, text, &t), 0);
		}
		text[i] = was;
	}
	assert_int_equal(token_read(&key, text, &t), 0);
}

static void test_no_byte_can_be_added_or_left_out(void **state)
{
	_cleanup_buf_ struct buf b;
	char text[TOKEN_MAX + 8];
	struct token t;

	(void)state;
	issue(&b);
	for (size_t i = 0; i <= b.len; i++) {
		memcpy(text, b.data, i);
		text[i] = 'A';
		memcpy(text + i + 1, b.data + i, b.len - i);
		text[b.len + 1] = '\0';
		assert_int_not_equal(token_read(&key, text, &t), 0);
		if (i == b.len)
			break;
		memcpy(text + i, b.data + i + 1, b.len - i - 1);
		text[b.len - 1] = '\0';
		assert_int_not_equal(token_read(&key, text, &t), 0);
	}
}

static void test_another_key_does_not_count(void **state)
{
	_cleanup_buf_ struct buf b;
	struct token_key other;
	struct token t;

	(void)state;
	issue(&b);
	crypto_sign_keypair(other.public, other.secret);
	assert_int_not_equal(token_read(&other, buf_str(&b), &t), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_issued_is_read),
		cmocka_unit_test(test_no_byte_can_be_changed),
		cmocka_unit_test(test_no_byte_can_be_added_or_left_out),
		cmocka_unit_test(test_another_key_does_not_count),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
