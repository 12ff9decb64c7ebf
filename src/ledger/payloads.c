/*
 * `cordon-ledger payloads DIRECTORY`: digests of what runs brought to light, from the state
 * database, for `cordon-ledger check --payloads`. Two processes, since neither user may read the
 * other's database. A line for each:
 *
 *   ID value SHA256       of the value as it is kept
 *   ID NUMBER SHA256      of what stands beside event NUMBER
 *   ! REASON              it could not be read, or not to its end
 *   .                     that was all
 */
#include "store/payloads.h"
#include "base/json.h"
#include "evidence/base64.h"
#include "ledger/log.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static void say(const char *id, const char *what, const void *data, size_t len)
{
	uint8_t digest[crypto_hash_sha256_BYTES];
	char hex[2 * sizeof(digest) + 1];

	crypto_hash_sha256(digest, data, len);
	sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest));
	printf("%s %s %s\n", id, what, hex);
}

static int is(const char *at, size_t len, const char *text)
{
	return len == strlen(text) && !memcmp(at, text, len);
}

static void say_text(const char *id, const char *value, size_t len)
{
	json_t *v = json_loadb(value, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	if (json_is_string(v))
		say(id, "value", json_string_value(v), json_string_length(v));
	else
		say(id, "value", "", 0);
	json_decref(v);
}

static void say_bytes(const char *id, const char *value, size_t len)
{
	_cleanup_free_ uint8_t *to = xmalloc(len + 1);
	const char *at;
	size_t n, got = 0;

	if (json_member(value, len, "base64", &at, &n) == 0 && n >= 2 &&
	    base64_read(at + 1, n - 2, to, len, &got) == 0)
		say(id, "value", to, got);
	else
		say(id, "value", "", 0);
}

static void say_value(const struct payload_row *row)
{
	const char *outcome, *kind, *value;
	size_t n_outcome, n_kind, n_value;

	if (json_check(row->result, row->result_len, NULL) < 0 ||
	    json_member(row->result, row->result_len, "outcome", &outcome, &n_outcome) < 0 ||
	    json_member(row->result, row->result_len, "value_kind", &kind, &n_kind) < 0 ||
	    json_member(row->result, row->result_len, "value", &value, &n_value) < 0) {
		say(row->id, "value", "", 0); /* no receipt has that */
		return;
	}
	if (!is(outcome, n_outcome, "\"completed\""))
		return;
	if (is(kind, n_kind, "\"text\""))
		say_text(row->id, value, n_value);
	else if (is(kind, n_kind, "\"bytes\""))
		say_bytes(row->id, value, n_value);
	else
		say(row->id, "value", value, n_value);
}

static void say_row(void *arg, const struct payload_row *row)
{
	const char *p = row->payloads, *end = p + row->payloads_len;

	(void)arg;
	if (strlen(row->id) > LIMIT_NAME || strpbrk(row->id, " \n"))
		return;
	say_value(row);
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *space = memchr(p, ' ', (size_t)((nl ? nl : end) - p));
		char number[24];

		if (!nl || !space) {
			say(row->id, "0", "", 0); /* no event has that */
			return;
		}
		snprintf(number, sizeof(number), "%.*s", (int)(space - p), p);
		say(row->id, strtoull(number, NULL, 10) ? number : "0", space + 1,
		    (size_t)(nl - space - 1));
		p = nl + 1;
	}
}

int payloads_main(int argc, char **argv)
{
	struct err e;

	if (argc != 2 || sodium_init() < 0) {
		fprintf(stderr, "usage: cordon-ledger payloads DIRECTORY\n");
		return 2;
	}
	if (payloads_each(argv[1], say_row, NULL, &e) < 0)
		printf("! %s\n", e.message);
	else
		printf(".\n");
	return fflush(stdout) == 0 ? 0 : 5;
}
