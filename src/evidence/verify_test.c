#include "evidence/verify.h"

#include "base/json.h"
#include "evidence/canonical.h"
#include "evidence/sample_log.h"

#include <errno.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE = 300, ENTRY = 137 };

static struct sample_log sample;
static struct trust trust;
static json_t *good; /* the bundle of ENTRY, as a tree; tests work on copies */

static void read_trust(const struct generation *g, size_t n, struct trust *ret)
{
	_cleanup_buf_ struct buf b = BUF_INIT(1 << 20);
	struct err e = {0};

	assert_int_equal(trusted_root_write(SAMPLE_ORIGIN, g, n, &b), 0);
	if (trust_read(b.data, b.len, ret, &e) < 0)
		fail_msg("%s", e.message);
}

static void fill(struct sample_log *l, uint8_t seed)
{
	_cleanup_buf_ struct buf entry = BUF_INIT(4096);
	struct hash leaf;

	sample_log_init(l, seed);
	for (unsigned i = 0; i < SIZE; i++) {
		entry.len = 0;
		sample_log_entry(l, i, &entry);
		merkle_leaf(entry.data, entry.len, &leaf);
		sample_log_add(l, &leaf);
	}
}

static json_t *bundle_of(struct sample_log *l, unsigned i, uint64_t size)
{
	_cleanup_buf_ struct buf b = BUF_INIT(1 << 20);

	sample_log_bundle(l, i, size, &b);
	return json_loadb((const char *)b.data, b.len, 0, NULL);
}

static int setup(void **state)
{
	(void)state;
	fill(&sample, 1);
	read_trust(&sample.keys, 1, &trust);
	good = bundle_of(&sample, ENTRY, SIZE);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	json_decref(good);
	trust_done(&trust);
	sample_log_done(&sample);
	return 0;
}

static int verify(const struct trust *t, const json_t *bundle, struct err *e)
{
	char *text = json_dumps(bundle, JSON_COMPACT);
	struct verified v = {.index = 12345};
	int r = verify_bundle(t, text, strlen(text), &v, e);

	if (r == 0)
		json_decref(v.statement);
	else
		assert_true(r == -EBADMSG && v.index == 12345 && !v.statement);
	free(text);
	return r;
}

static void expect(const struct trust *t, const json_t *bundle, const char *code)
{
	struct err e = {0};
	int r = verify(t, bundle, &e);

	if (strcmp(e.code, code) != 0)
		fail_msg("wanted \"%s\", got \"%s\": %s", code, e.code, e.message);
	assert_int_equal(r, *code ? -EBADMSG : 0);
}

static void a_good_bundle(void **state)
{
	static const unsigned entries[] = {0, 1, 127, 255, 256, 299};
	char *text = json_dumps(good, 0);
	struct err e = {0};
	struct verified v;

	(void)state;
	assert_int_equal(verify_bundle(&trust, text, strlen(text), &v, &e), 0);
	assert_int_equal(v.index, ENTRY);
	assert_int_equal(v.checkpoint.size, SIZE);
	assert_string_equal(v.checkpoint.origin, SAMPLE_ORIGIN);
	assert_int_equal(json_integer_value(
				 json_object_get(json_object_get(v.statement, "predicate"), "run")),
			 ENTRY);
	assert_int_equal(strlen(v.hint), 64);
	json_decref(v.statement);
	free(text);
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		for (unsigned size = entries[i] + 1; size <= SIZE; size += 97) {
			json_t *b = bundle_of(&sample, entries[i], size);

			expect(&trust, b, "");
			json_decref(b);
		}
}

/* A copy with another value at "a.b.0.c"; NULL: without it. */
static json_t *replaced(const char *path, json_t *value)
{
	json_t *copy = json_deep_copy(good), *at = copy, *in = NULL;
	char part[64] = "";

	for (const char *p = path; *p;) {
		size_t n = strcspn(p, ".");

		snprintf(part, sizeof(part), "%.*s", (int)n, p);
		in = at;
		at = json_is_array(in) ? json_array_get(in, strtoul(part, NULL, 10))
				       : json_object_get(in, part);
		p += n + (p[n] == '.');
	}
	assert_non_null(at);
	if (!value)
		assert_int_equal(json_is_array(in) ? json_array_remove(in, strtoul(part, NULL, 10))
						   : json_object_del(in, part),
				 0);
	else if (json_is_array(in))
		assert_int_equal(json_array_set_new(in, strtoul(part, NULL, 10), value), 0);
	else
		assert_int_equal(json_object_set_new(in, part, value), 0);
	return copy;
}

static void expect_replaced(const char *path, json_t *value, const char *code)
{
	json_t *copy = replaced(path, value);

	expect(&trust, copy, code);
	json_decref(copy);
}

#define ENTRY_AT "verificationMaterial.tlogEntries.0."
#define PROOF_AT ENTRY_AT "inclusionProof."

static void each_part_has_its_code(void **state)
{
	static const char zeros[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
	_cleanup_buf_ struct buf checkpoint = BUF_INIT(4096), body = BUF_INIT(4096),
				 text = BUF_INIT(4096);
	struct hash root;
	json_t *j;

	(void)state;
	expect_replaced("mediaType", json_string("application/json"), "verify.form");
	expect_replaced("verificationMaterial.publicKey.hint", json_string("x"), "verify.form");
	/* The envelope of another statement: its signature is right, but the entry is not its. */
	j = bundle_of(&sample, ENTRY + 1, SIZE);
	expect_replaced("dsseEnvelope", json_incref(json_object_get(j, "dsseEnvelope")),
			"verify.entry");
	json_decref(j);
	expect_replaced("dsseEnvelope.payload", json_string("e30="), "verify.signature");
	expect_replaced(PROOF_AT "hashes.0", json_string(zeros), "verify.inclusion");
	expect_replaced(PROOF_AT "hashes.0", NULL, "verify.inclusion");
	expect_replaced(PROOF_AT "rootHash", json_string(zeros), "verify.inclusion");
	expect_replaced(PROOF_AT "treeSize", json_string("137"), "verify.inclusion");
	/* A path of the same form, so that only the checkpoint tells. */
	expect_replaced(PROOF_AT "treeSize", json_string("301"), "verify.checkpoint");
	sample_log_entry(&sample, ENTRY, &body);
	assert_int_equal(buf_addc(&body, ' '), 0);
	assert_int_equal(base64_add(&text, body.data, body.len), 0);
	expect_replaced(ENTRY_AT "canonicalizedBody", json_string(buf_str(&text)), "verify.entry");
	expect_replaced(ENTRY_AT "logId.keyId", json_string(zeros), "verify.checkpoint");
	/* Signed by the log's key, but of a log of another name. */
	assert_int_equal(merkle_root_at(SIZE, sample_log_tile, &sample, &root), 0);
	assert_int_equal(checkpoint_write("other.example.com", SIZE, &root, &checkpoint), 0);
	assert_int_equal(note_sign(&checkpoint, &sample.keys.log, sample.log_secret, 0), 0);
	expect_replaced(PROOF_AT "checkpoint.envelope",
			json_stringn((const char *)checkpoint.data, checkpoint.len),
			"verify.checkpoint");
	checkpoint.len = 0;
	sample_log_checkpoint(&sample, SIZE - 1, &checkpoint);
	expect_replaced(PROOF_AT "checkpoint.envelope",
			json_stringn((const char *)checkpoint.data, checkpoint.len),
			"verify.checkpoint");
}

/* A key, a log, and an origin that the trusted root does not have. */
static void strangers_are_refused(void **state)
{
	struct sample_log stranger;
	struct generation mixed;
	struct trust half;
	json_t *b;

	(void)state;
	fill(&stranger, 2);
	b = bundle_of(&stranger, ENTRY, SIZE);
	expect(&trust, b, "verify.key");
	mixed = stranger.keys;
	mixed.log = sample.keys.log;
	read_trust(&mixed, 1, &half); /* knows its statement key, but not its log */
	expect(&half, b, "verify.checkpoint");
	json_decref(b);
	trust_done(&half);
	sample_log_done(&stranger);
}

/* What an attacker could do with the log's old keys is not at issue: a bundle has no time. */
static void bundles_from_before_a_rotation(void **state)
{
	struct sample_log next;
	struct generation g[3];
	struct trust both;
	json_t *b;

	(void)state;
	fill(&next, 3);
	g[0] = sample.keys;
	g[0].until_ms = 1750000000000;
	g[1] = next.keys;
	g[1].from_ms = 1750000000000;
	g[2] = next.keys; /* the same keys twice are one */
	read_trust(g, 3, &both);
	assert_int_equal(both.n, 2);
	assert_int_equal(both.n_logs, 2);
	expect(&both, good, "");
	b = bundle_of(&next, ENTRY, SIZE);
	expect(&both, b, "");
	json_decref(b);
	trust_done(&both);
	sample_log_done(&next);
}

/* Changes each character of each string, each member and item of the tree in turn. */
static void change_each(json_t *whole, json_t *at, unsigned *count)
{
	const char *name;
	json_t *v;
	size_t i;

	if (json_is_string(at)) {
		char *old = strdup(json_string_value(at));
		size_t len = json_string_length(at);

		for (i = 0; i<len; i += len> 2000 ? 7 : 1) {
			char *s = strdup(old);
			struct err e = {0};

			s[i] = s[i] == 'B' ? 'C' : 'B';
			if ((unsigned char)old[i] < 0x80) {
				json_string_setn(at, s, len);
				if (verify(&trust, whole, &e) == 0)
					fail_msg("changed byte %zu of \"%s\"", i, old);
				(*count)++;
			}
			free(s);
		}
		json_string_setn(at, old, len ? len - 1 : 0);
		assert_int_equal(verify(&trust, whole, NULL), -EBADMSG);
		json_string_set(at, "");
		assert_int_equal(verify(&trust, whole, NULL), -EBADMSG);
		json_string_setn(at, old, len);
		free(old);
	}
	json_object_foreach(at, name, v)
	{
		char *copy = strdup(name);

		json_incref(v);
		change_each(whole, v, count);
		json_object_set_new(at, copy, json_integer(1));
		assert_int_equal(verify(&trust, whole, NULL), -EBADMSG);
		json_object_set_new(at, copy, json_null());
		assert_int_equal(verify(&trust, whole, NULL), -EBADMSG);
		json_object_set_new(at, copy, v);
		free(copy);
	}
	json_array_foreach(at, i, v)
	{
		json_incref(v);
		change_each(whole, v, count);
		json_array_set_new(at, i, json_object());
		assert_int_equal(verify(&trust, whole, NULL), -EBADMSG);
		json_array_set_new(at, i, v);
		json_array_append(at, v); /* one too many */
		assert_int_equal(verify(&trust, whole, NULL), -EBADMSG);
		json_array_remove(at, json_array_size(at) - 1);
	}
}

static void every_changed_string_is_refused(void **state)
{
	json_t *copy = json_deep_copy(good);
	unsigned count = 0;

	(void)state;
	change_each(copy, copy, &count);
	assert_in_range(count, 1000, 100000);
	expect(&trust, copy, "");
	json_decref(copy);
}

/* A statement that is signed and logged as it should be, but is none. */
static void expect_statement(const char *statement, const char *code)
{
	_cleanup_buf_ struct buf entry = BUF_INIT(4096), checkpoint = BUF_INIT(4096),
				 out = BUF_INIT(8192);
	uint8_t signature[DSSE_SIGNATURE];
	struct bundle b = {.payload = statement, .payload_len = strlen(statement)};
	struct sample_log l;
	struct hash hash, leaf;
	struct verified v;
	struct err e = {0};

	sample_log_init(&l, 1);
	dsse_sign(statement, strlen(statement), l.statement_secret, signature);
	crypto_hash_sha256(hash.b, (const uint8_t *)statement, strlen(statement));
	assert_int_equal(dsse_entry(&hash, signature, l.keys.statement, &entry), 0);
	merkle_leaf(entry.data, entry.len, &leaf);
	sample_log_add(&l, &leaf);
	sample_log_checkpoint(&l, 1, &checkpoint);
	b.signature = signature;
	b.public = l.keys.statement;
	b.log = &l.keys.log;
	b.size = 1;
	b.root = &leaf;
	b.checkpoint = checkpoint.data;
	b.checkpoint_len = checkpoint.len;
	assert_int_equal(bundle_write(&b, &out), 0);
	if (verify_bundle(&trust, out.data, out.len, &v, &e) == 0)
		json_decref(v.statement);
	if (strcmp(e.code, code) != 0)
		fail_msg("%s: %s %s", statement, e.code, e.message);
	sample_log_done(&l);
}

#define TYPE "\"_type\":\"https://in-toto.io/Statement/v1\""
#define SUBJECT "\"subject\":[{\"digest\":{\"sha256\":\"00\"}}]"
#define PREDICATE "\"predicateType\":\"x\",\"predicate\":{}"

static void what_is_signed_must_be_a_statement(void **state)
{
	(void)state;
	expect_statement("{" TYPE "," SUBJECT "," PREDICATE "}", "");
	expect_statement("{" TYPE "," SUBJECT
			 ",\"predicateType\":\"\",\"predicate\":{\"a\":\"\\u0000\"}}",
			 "");
	expect_statement("", "verify.form");
	expect_statement("x", "verify.form");
	expect_statement("[]", "verify.form");
	expect_statement("{}", "verify.form");
	expect_statement("{" SUBJECT "," PREDICATE "}", "verify.form");
	expect_statement("{\"_type\":\"https://in-toto.io/Statement/v0.1\"," SUBJECT "," PREDICATE
			 "}",
			 "verify.form");
	expect_statement("{" TYPE "," PREDICATE "}", "verify.form");
	expect_statement("{" TYPE ",\"subject\":{}," PREDICATE "}", "verify.form");
	expect_statement("{" TYPE ",\"subject\":[]," PREDICATE "}", "verify.form");
	expect_statement("{" TYPE ",\"subject\":[{}]," PREDICATE "}", "verify.form");
	expect_statement("{" TYPE ",\"subject\":[1]," PREDICATE "}", "verify.form");
	expect_statement("{" TYPE "," SUBJECT ",\"predicate\":{}}", "verify.form");
	expect_statement("{" TYPE "," SUBJECT ",\"predicateType\":\"x\",\"predicate\":[]}",
			 "verify.form");
	expect_statement("{" TYPE "," TYPE "," SUBJECT "," PREDICATE "}", "verify.form");
}

static void trusted_roots_are_checked(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"trustedRoot\":1}",
		"{\"trustedRoot\":{\"tlogs\":[]},\"keys\":{}}",
		"{\"trustedRoot\":{\"tlogs\":[1]},\"keys\":{\"a\":\"\"}}",
		"{\"trustedRoot\":{\"tlogs\":[{}]},\"keys\":1}",
	};
	_cleanup_buf_ struct buf b = BUF_INIT(1 << 16);
	struct trust t = {.n = 9};
	unsigned accepted = 0;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(trust_read(bad[i], strlen(bad[i]), &t, &e), -EBADMSG);
		assert_string_equal(e.code, "trust.form");
	}
	assert_int_equal(trusted_root_write(SAMPLE_ORIGIN, &sample.keys, 1, &b), 0);
	for (size_t n = 0; n < b.len; n++)
		assert_int_equal(trust_read(b.data, n, &t, &e), -EBADMSG);
	for (size_t i = 0; i < b.len; i++) {
		b.data[i] ^= 2;
		if (trust_read(b.data, b.len, &t, &e) == 0) {
			assert_memory_equal(t.logs[0].id, sample.keys.log.id, HASH_SIZE);
			assert_memory_equal(t.generations[0].statement, sample.keys.statement,
					    DSSE_PUBLIC);
			trust_done(&t);
			t.n = 9;
			accepted++; /* in what is not looked at: the times and the empty lists */
		}
		b.data[i] ^= 2;
	}
	assert_int_equal(t.n, 9);
	assert_in_range(accepted, 1, 250);
}

static void public_keys_in_der(void **state)
{
	uint8_t spki[DSSE_SPKI], public[DSSE_PUBLIC] = {7}, back[DSSE_PUBLIC];

	(void)state;
	dsse_spki(public, spki);
	assert_int_equal(dsse_spki_read(spki, sizeof(spki), back), 0);
	assert_memory_equal(public, back, sizeof(public));
	assert_int_equal(dsse_spki_read(spki, sizeof(spki) - 1, back), -EBADMSG);
	for (size_t i = 0; i < DSSE_SPKI - DSSE_PUBLIC; i++) {
		spki[i] ^= 1;
		assert_int_equal(dsse_spki_read(spki, sizeof(spki), back), -EBADMSG);
		spki[i] ^= 1;
	}
}

/* The entry is written by hand, so it is compared with its canonical form. */
static void entries_are_canonical(void **state)
{
	_cleanup_buf_ struct buf entry = BUF_INIT(4096), again = BUF_INIT(4096),
				 small = BUF_INIT(300);
	uint8_t signature[DSSE_SIGNATURE] = {1};
	struct hash h = {{2}};

	(void)state;
	assert_int_equal(dsse_entry(&h, signature, sample.keys.statement, &entry), 0);
	assert_int_equal(canonical_json(entry.data, entry.len, &again), 0);
	assert_string_equal(buf_str(&entry), buf_str(&again));
	assert_int_equal(dsse_entry(&h, signature, sample.keys.statement, &small), -ENOSPC);
	assert_int_equal(small.len, 0);
	assert_int_equal(dsse_envelope("{}", 2, signature, sample.keys.statement, &small), 0);
	assert_int_equal(dsse_envelope("{}", 2, signature, sample.keys.statement, &small), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_bundle),
		cmocka_unit_test(each_part_has_its_code),
		cmocka_unit_test(strangers_are_refused),
		cmocka_unit_test(bundles_from_before_a_rotation),
		cmocka_unit_test(every_changed_string_is_refused),
		cmocka_unit_test(what_is_signed_must_be_a_statement),
		cmocka_unit_test(trusted_roots_are_checked),
		cmocka_unit_test(public_keys_in_der),
		cmocka_unit_test(entries_are_canonical),
	};

	return cmocka_run_group_tests_name("verify", tests, setup, teardown);
}
