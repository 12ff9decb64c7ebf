#include "evidence/note.h"

#include <errno.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define DASH "\xe2\x80\x94 "

/* From the documentation of golang.org/x/mod/sumdb/note. */
static const char peter_key[] =
	"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char peter_note[] =
	"If you think cryptography is the answer to your problem,\n"
	"then you don't know what your problem is.\n"
	"\n" DASH
	"PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotp"
	"RZb6KE6RyyBwJnAM=\n";
/* From C2SP signed-note. */
static const char foo_key[] =
	"example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
static const char foo_note[] =
	"This is an example message.\n"
	"\n" DASH
	"example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXm"
	"RKuwHjG1Yu72IneyaQM=\n";

struct signer {
	struct note_key key;
	uint8_t secret[NOTE_SECRET];
};

static void signer_init(struct signer *s, enum note_kind kind, const char *name, uint8_t seed)
{
	const uint8_t bytes[crypto_sign_SEEDBYTES] = {seed};
	uint8_t public[NOTE_PUBLIC];

	crypto_sign_seed_keypair(public, s->secret, bytes);
	assert_int_equal(note_key_init(&s->key, kind, name, public), 0);
}

static void notes_of_others_are_verified(void **state)
{
	struct note_key peter, foo;
	const char *line;
	size_t len;

	(void)state;
	assert_int_equal(note_key_read(peter_key, &peter), 0);
	assert_int_equal(note_key_read(foo_key, &foo), 0);
	assert_int_equal(note_verify(peter_note, strlen(peter_note), &peter, NULL), 0);
	assert_int_equal(note_verify(foo_note, strlen(foo_note), &foo, NULL), 0);
	assert_int_equal(note_verify(foo_note, strlen(foo_note), &peter, NULL), -ENOENT);
	assert_int_equal(note_find(peter_note, strlen(peter_note), &peter, &line, &len), 0);
	assert_ptr_equal(line, strstr(peter_note, DASH));
	assert_ptr_equal(line + len, peter_note + strlen(peter_note));
	assert_int_equal(note_find(peter_note, strlen(peter_note), &foo, &line, &len), -ENOENT);
}

static void every_changed_bit_is_noticed(void **state)
{
	char note[sizeof(peter_note)];
	struct note_key peter;

	(void)state;
	assert_int_equal(note_key_read(peter_key, &peter), 0);
	memcpy(note, peter_note, sizeof(note));
	for (size_t bit = 0; bit < (sizeof(note) - 1) * 8; bit++) {
		note[bit / 8] ^= (char)(1 << bit % 8);
		assert_true(note_verify(note, sizeof(note) - 1, &peter, NULL) < 0);
		note[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (size_t n = 0; n < sizeof(note) - 1; n++)
		assert_int_equal(note_verify(note, n, &peter, NULL), -EBADMSG);
}

static void verifier_keys(void **state)
{
	static const char *const bad[] = {
		"",
		"a",
		"a+b",
		"a++",
		"PeterNeumann",
		"PeterNeumann+c74f20a3+",
		"PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+c74f20a+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
		"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWAA==",
		"PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", /* another
											 kind */
		"PeterNeumanN+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann +c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	};
	_cleanup_buf_ struct buf b = BUF_INIT(1000);
	struct note_key k;
	struct signer w;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (note_key_read(bad[i], &k) != -EINVAL)
			fail_msg("%s", bad[i]);
	assert_int_equal(note_key_read(peter_key, &k), 0);
	assert_int_equal(k.kind, NOTE_LOG);
	assert_string_equal(k.name, "PeterNeumann");
	assert_int_equal(note_key_write(&k, &b), 0);
	assert_string_equal(buf_str(&b), peter_key);
	b.len = 0;
	signer_init(&w, NOTE_COSIGNATURE, "witness.example.com/w1", 1);
	assert_int_equal(note_key_write(&w.key, &b), 0);
	assert_int_equal(note_key_read(buf_str(&b), &k), 0);
	assert_int_equal(k.kind, NOTE_COSIGNATURE);
	assert_memory_equal(k.id, w.key.id, HASH_SIZE);
}

static void names_of_keys(void **state)
{
	static const char *const bad[] = {
		"",
		"a b",
		"a+b",
		"a\tb",
		"a\nb",
		"\x01",
		"a\xc2\xa0",
		"\xe2\x80\x80",
		"x\xe2\x80\xa8",
		"\xe3\x80\x80",
		"\xe1\x9a\x80",
		"\xe2\x81\x9f",
		"\xff",
		"\x7f",
	};
	char name[NOTE_NAME_MAX + 2];
	uint8_t public[NOTE_PUBLIC] = {1};
	struct note_key k;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(note_key_init(&k, NOTE_LOG, bad[i], public), -EINVAL);
	memset(name, 'a', sizeof(name));
	name[NOTE_NAME_MAX + 1] = '\0';
	assert_int_equal(note_key_init(&k, NOTE_LOG, name, public), -EINVAL);
	name[NOTE_NAME_MAX] = '\0';
	assert_int_equal(note_key_init(&k, NOTE_LOG, name, public), 0);
	assert_int_equal(note_key_init(&k, NOTE_LOG, "log.example.com/ü/\xe2\x80\x94", public), 0);
}

static void several_keys_sign_one_note(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(NOTE_MAX);
	struct signer log, w1, w2;
	struct hash root = {{1, 2, 3}};
	const char *line;
	uint64_t when = 7;
	size_t len;

	(void)state;
	signer_init(&log, NOTE_LOG, "log.example.com", 1);
	signer_init(&w1, NOTE_COSIGNATURE, "witness.example.com/w1", 2);
	signer_init(&w2, NOTE_COSIGNATURE, "log.example.com", 1); /* the same key in another role */
	assert_int_equal(checkpoint_write("log.example.com", 300, &root, &b), 0);
	assert_string_equal(buf_str(&b),
			    "log.example.com\n300\nAQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
	assert_int_equal(note_sign(&b, &log.key, log.secret, 0), 0);
	assert_int_equal(note_sign(&b, &w1.key, w1.secret, 1679315147), 0);
	assert_int_equal(note_sign(&b, &w2.key, w2.secret, 5), 0);
	assert_int_equal(note_verify(b.data, b.len, &log.key, &when), 0);
	assert_int_equal(when, 0);
	assert_int_equal(note_verify(b.data, b.len, &w1.key, &when), 0);
	assert_int_equal(when, 1679315147);
	assert_int_equal(note_verify(b.data, b.len, &w2.key, &when), 0);
	assert_int_equal(when, 5);
	assert_int_equal(note_sign(&b, &w1.key, w1.secret, 1679315148), 0);
	assert_int_equal(note_verify(b.data, b.len, &w1.key, &when), 0);
	assert_int_equal(when, 1679315148);
	assert_int_equal(note_find(b.data, b.len, &w1.key, &line, &len), 0);
	assert_memory_equal(line, DASH "witness.example.com/w1 ", 27);
	assert_int_equal(line[len - 1], '\n');
	assert_ptr_equal(memchr(line, '\n', len), line + len - 1);
}

/* The message is put together here once more, as tlog-cosignature has it. */
static void a_cosignature_is_as_specified(void **state)
{
	static const char
		text[] = "log.example.com\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
		message[] = "cosignature/v1\ntime 258\n"
			    "log.example.com\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
	_cleanup_buf_ struct buf b = BUF_INIT(NOTE_MAX);
	uint8_t blob[76], id_of[3 + NOTE_PUBLIC] = {'w', '\n', 0x04}, id[HASH_SIZE];
	struct signer w;
	const char *line;
	size_t len, n;

	(void)state;
	signer_init(&w, NOTE_COSIGNATURE, "w", 2);
	memcpy(id_of + 3, w.key.public, NOTE_PUBLIC);
	crypto_hash_sha256(id, id_of, 3 + NOTE_PUBLIC);
	assert_int_equal(buf_adds(&b, text), 0);
	assert_int_equal(note_sign(&b, &w.key, w.secret, 258), 0);
	assert_int_equal(note_find(b.data, b.len, &w.key, &line, &len), 0);
	assert_int_equal(sodium_base642bin(blob, sizeof(blob), line + 6, len - 7, NULL, &n, NULL,
					   sodium_base64_VARIANT_ORIGINAL),
			 0);
	assert_int_equal(n, sizeof(blob));
	assert_memory_equal(blob, id, 4);
	assert_memory_equal(blob + 4, "\0\0\0\0\0\0\1\2", 8);
	assert_int_equal(crypto_sign_verify_detached(blob + 12, (const uint8_t *)message,
						     sizeof(message) - 1, w.key.public),
			 0);
}

static void a_bad_signature_beside_a_good_one(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(NOTE_MAX), other = BUF_INIT(NOTE_MAX);
	struct signer log, stranger;
	const char *line;
	size_t len;

	(void)state;
	signer_init(&log, NOTE_LOG, "log.example.com", 1);
	signer_init(&stranger, NOTE_LOG, "log.example.com", 3);
	assert_int_equal(buf_adds(&b, "text\n"), 0);
	assert_int_equal(buf_adds(&other, "other text\n"), 0);
	assert_int_equal(note_sign(&b, &log.key, log.secret, 0), 0);
	assert_int_equal(note_sign(&b, &stranger.key, stranger.secret, 0), 0);
	assert_int_equal(note_verify(b.data, b.len, &log.key, NULL),
			 0); /* unknown keys are ignored */
	assert_int_equal(note_sign(&other, &log.key, log.secret, 0), 0);
	assert_int_equal(note_find(other.data, other.len, &log.key, &line, &len), 0);
	assert_int_equal(buf_add(&b, line, len), 0);
	assert_int_equal(note_verify(b.data, b.len, &log.key, NULL), -EBADMSG);
}

static void numbers_of_signatures_and_sizes_have_maxima(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(2 * NOTE_MAX), small = BUF_INIT(100);
	struct signer log;

	(void)state;
	signer_init(&log, NOTE_LOG, "l", 1);
	assert_int_equal(buf_adds(&b, "text\n"), 0);
	for (int i = 0; i < NOTE_SIGNATURES_MAX; i++)
		assert_int_equal(note_sign(&b, &log.key, log.secret, 0), 0);
	assert_int_equal(note_verify(b.data, b.len, &log.key, NULL), 0);
	assert_int_equal(note_sign(&b, &log.key, log.secret, 0), -ENOSPC);
	assert_int_equal(buf_adds(&b, DASH "l AAAAAAA=\n"), 0);
	assert_int_equal(note_verify(b.data, b.len, &log.key, NULL), -EBADMSG);
	b.len = 0;
	while (b.len < NOTE_MAX - 50)
		assert_int_equal(buf_adds(&b, "a line\n"), 0);
	assert_int_equal(note_sign(&b, &log.key, log.secret, 0), -ENOSPC);
	assert_int_equal(buf_adds(&small, "text\n"), 0);
	assert_int_equal(note_sign(&small, &log.key, log.secret, 0), -ENOSPC);
	assert_string_equal(buf_str(&small), "text\n");
	b.len = 0;
	assert_int_equal(note_sign(&b, &log.key, log.secret, 0), -EINVAL);
	assert_int_equal(buf_adds(&b, "no line feed"), 0);
	assert_int_equal(note_sign(&b, &log.key, log.secret, 0), -EINVAL);
}

/* Text before the signatures may have empty lines: the last one counts. */
static void a_text_with_empty_lines(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(NOTE_MAX);
	struct signer log;

	(void)state;
	signer_init(&log, NOTE_LOG, "l", 1);
	assert_int_equal(buf_adds(&b, "one\n\n\ntwo\n"), 0);
	assert_int_equal(note_sign(&b, &log.key, log.secret, 0), 0);
	assert_int_equal(note_verify(b.data, b.len, &log.key, NULL), 0);
	b.data[0] ^= 1;
	assert_int_equal(note_verify(b.data, b.len, &log.key, NULL), -EBADMSG);
}

#define ROOT "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
#define SIGNED "\n" DASH "l AAAAAAA=\n"

static void checkpoints_are_read_strictly(void **state)
{
	static const char *const bad[] = {
		"",
		"\n",
		"\n\n",
		"l\n1\n" ROOT "\n",
		"l\n1\n" ROOT "\n\n",
		SIGNED,
		"l\n" SIGNED,
		"l\n1\n" SIGNED,
		"l\n1\n" ROOT SIGNED,
		"\n1\n" ROOT "\n" SIGNED,
		"l\n\n" ROOT "\n" SIGNED,
		"l m\n1\n" ROOT "\n" SIGNED,
		"l+\n1\n" ROOT "\n" SIGNED,
		"l\n01\n" ROOT "\n" SIGNED,
		"l\n00\n" ROOT "\n" SIGNED,
		"l\n-1\n" ROOT "\n" SIGNED,
		"l\n+1\n" ROOT "\n" SIGNED,
		"l\n1 \n" ROOT "\n" SIGNED,
		"l\n0x1\n" ROOT "\n" SIGNED,
		"l\n9223372036854775808\n" ROOT "\n" SIGNED,
		"l\n18446744073709551617\n" ROOT "\n" SIGNED,
		"l\n1\n" ROOT "=\n" SIGNED,
		"l\n1\nAAAA\n" SIGNED,
		"l\n1\n\n" SIGNED,
		"l\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n" SIGNED, /* unused bits */
		"l\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n" SIGNED,
		"l\n1\nCsUYapGGPo4dkMgIAUqom_Xajj7h2fB2MPA3j2jxq2I=\n" SIGNED,
		"l\n1\nCsUYapGGPo4dkMgIAUqom\xc7\x9f"
		"ajj7h2fB2MPA3j2jxq2I=\n" SIGNED,
		"l\r\n1\n" ROOT "\n" SIGNED,
		"l\n1\n" ROOT "\n\x01\n" SIGNED,
		"l\n1\n" ROOT "\n\xff\n" SIGNED,
		"l\n1\n" ROOT "\n\nmore\n" SIGNED,
		"l\n1\n" ROOT "\n" SIGNED "x",
		"l\n1\n" ROOT "\n" SIGNED "\n",
		"l\n1\n" ROOT "\n\n-- l AAAAAAA=\n",
		"l\n1\n" ROOT "\n\n" DASH "l\n",
		"l\n1\n" ROOT "\n\n" DASH "l \n",
		"l\n1\n" ROOT "\n\n" DASH "l AAAA\n",
		"l\n1\n" ROOT "\n\n" DASH "l AAAAAAA\n",
		"l\n1\n" ROOT "\n\n" DASH " AAAAAAA=\n",
		"l\n1\n" ROOT "\n\n" DASH "l AAAAAAA= \n",
		"l\n1\n" ROOT "\n\n" DASH "l  AAAAAAA=\n",
		"l\n1\n" ROOT "\n\n" DASH "l AAAAAAA=",
		"l\n1\n" ROOT "\n\n" DASH "l AAAAAAA=\n" DASH "l+ AAAAAAA=\n",
	};
	static const char good[] = "l\n9223372036854775807\n" ROOT "\nextension\n" SIGNED,
			  nul[] = "l\n1\n" ROOT "\n\0\n" SIGNED;
	struct checkpoint c = {.size = 77};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (checkpoint_read(bad[i], strlen(bad[i]), &c) != -EBADMSG)
			fail_msg("%zu: %s", i, bad[i]);
	assert_int_equal(checkpoint_read(nul, sizeof(nul) - 1, &c), -EBADMSG);
	assert_int_equal(c.size, 77);
	assert_int_equal(checkpoint_read(good, strlen(good), &c), 0);
	assert_string_equal(c.origin, "l");
	assert_true(c.size == INT64_MAX);
	assert_int_equal(c.root.b[0], 0x0a);
	assert_int_equal(c.root.b[31], 0x62);
	assert_int_equal(c.text_len, strstr(good, "\n\n") + 1 - good);
	assert_int_equal(
		checkpoint_read("l\n0\n" ROOT "\n" SIGNED, strlen("l\n0\n" ROOT "\n" SIGNED), &c),
		0);
	assert_int_equal(c.size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notes_of_others_are_verified),
		cmocka_unit_test(every_changed_bit_is_noticed),
		cmocka_unit_test(verifier_keys),
		cmocka_unit_test(names_of_keys),
		cmocka_unit_test(several_keys_sign_one_note),
		cmocka_unit_test(a_cosignature_is_as_specified),
		cmocka_unit_test(a_bad_signature_beside_a_good_one),
		cmocka_unit_test(numbers_of_signatures_and_sizes_have_maxima),
		cmocka_unit_test(a_text_with_empty_lines),
		cmocka_unit_test(checkpoints_are_read_strictly),
	};

	return cmocka_run_group_tests_name("note", tests, NULL, NULL);
}
