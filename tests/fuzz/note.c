/*
 * Fuzz target: notes, checkpoints, verifier keys, paths of tiles. What is read is what would be
 * written; what is signed verifies.
 */
#include "evidence/note.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct note_key keys[2];
static uint8_t secret[NOTE_SECRET];

static void init(void)
{
	static const uint8_t seed[crypto_sign_SEEDBYTES] = {1};
	uint8_t public[NOTE_PUBLIC];

	if (sodium_init() < 0 || crypto_sign_seed_keypair(public, secret, seed) ||
	    note_key_init(&keys[0], NOTE_LOG, "log.example.com", public) < 0 ||
	    note_key_init(&keys[1], NOTE_COSIGNATURE, "witness.example.com/w1", public) < 0)
		abort();
}

static void read_checkpoint(const uint8_t *data, size_t size)
{
	struct buf b = BUF_INIT(NOTE_MAX);
	struct checkpoint c;
	int r = checkpoint_read(data, size, &c);

	if (r == 0 && (c.text_len >= size || checkpoint_write(c.origin, c.size, &c.root, &b) < 0 ||
		       b.len > c.text_len || memcmp(b.data, data, b.len) != 0))
		abort();
	if (r != 0 && r != -EBADMSG)
		abort();
	buf_done(&b);
}

static void sign(const uint8_t *data, size_t size, const struct note_key *k)
{
	struct buf b = BUF_INIT(NOTE_MAX);
	const char *line;
	uint64_t when;
	size_t len;
	int before = note_verify(data, size, k, NULL), found;

	found = note_find(data, size, k, &line, &len);
	if ((before == 0 && found != 0) || (before == -ENOENT && found != -ENOENT))
		abort();
	if (found == 0 &&
	    ((const uint8_t *)line < data || (const uint8_t *)line + len > data + size))
		abort();
	if (buf_add(&b, data, size) == 0 && found != 0 && note_sign(&b, k, secret, 77) == 0 &&
	    (note_verify(b.data, b.len, k, &when) != 0 || when != (k->kind == NOTE_LOG ? 0 : 77)))
		abort();
	buf_done(&b);
}

static void read_strings(const uint8_t *data, size_t size)
{
	char *text = memcpy(xmalloc(size + 1), data, size), path[TILE_PATH_SIZE];
	struct buf b = BUF_INIT(NOTE_MAX);
	struct note_key k;
	unsigned width;
	uint64_t n;
	int level;

	text[size] = '\0';
	if (note_key_read(text, &k) == 0 &&
	    (note_key_write(&k, &b) < 0 || strcmp(text, buf_str(&b)) != 0))
		abort();
	if (merkle_tile_parse(text, &level, &n, &width) == 0) {
		merkle_tile_path(level, n, width, path);
		if (strcmp(path, text) != 0)
			abort();
	}
	buf_done(&b);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!keys[0].name[0])
		init();
	if (size > 2 * NOTE_MAX)
		return 0;
	read_checkpoint(data, size);
	sign(data, size, &keys[0]);
	sign(data, size, &keys[1]);
	read_strings(data, size);
	return 0;
}
