/*
 * Makes a log whose keys and statements are always the same, and writes what a log hands out, for
 * other people's verifiers: evidence-make DIR FIRST SIZE SEED [CHANGED]. Trusts its caller, and
 * holds nothing but the files it writes.
 *
 * The log has SIZE entries; there are checkpoints of it with FIRST and with SIZE. SEED (1 to 254)
 * chooses the keys. With CHANGED it is a log with the same keys in which that entry is another:
 * history, rewritten.
 */
#include "evidence/sample_log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *directory;

static void must(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "evidence-make: %s: %s\n", what, strerror(-r));
	exit(1);
}

static void put(const char *name, const void *data, size_t len)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	for (char *p = path + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(path, 0777) < 0 && errno != EEXIST)
			must(-errno, path);
		*p = '/';
	}
	f = fopen(path, "we");
	if (!f || fwrite(data, 1, len, f) != len || fclose(f) != 0)
		must(errno ? -errno : -EIO, path);
}

static void put_buf(const char *name, const struct buf *b)
{
	put(name, b->data, b->len);
}

static unsigned statement_of(unsigned i, const unsigned *changed)
{
	return changed && *changed == i ? i + 1000000 : i;
}

static void fill(struct sample_log *l, unsigned size, const unsigned *changed)
{
	_cleanup_buf_ struct buf entry = BUF_INIT(UINT16_MAX);
	struct hash leaf;

	for (unsigned i = 0; i < size; i++) {
		entry.len = 0;
		sample_log_entry(l, statement_of(i, changed), &entry);
		merkle_leaf(entry.data, entry.len, &leaf);
		sample_log_add(l, &leaf);
	}
}

/* The tiles of the tree of `size`, with the partial ones at its right edge. */
static void put_tiles(struct sample_log *l, unsigned size)
{
	char path[TILE_PATH_SIZE], name[TILE_PATH_SIZE + 8];
	struct hash tile[TILE_WIDTH];

	for (unsigned level = 0; size >> (8 * level); level++) {
		unsigned there = size >> (8 * level);

		for (unsigned n = 0; n * TILE_WIDTH < there; n++) {
			unsigned width = (unsigned)MIN_U64(there - n * TILE_WIDTH, TILE_WIDTH);

			must(sample_log_tile(l, level, n, width, tile), "tile");
			merkle_tile_path((int)level, n, width, path);
			snprintf(name, sizeof(name), "tile/%s", path);
			put(name, tile, width * sizeof(*tile));
		}
	}
}

static void put_entries(struct sample_log *l, unsigned size, const unsigned *changed)
{
	_cleanup_buf_ struct buf bundle = BUF_INIT(TILE_WIDTH * (UINT16_MAX + 2)),
				 entry = BUF_INIT(UINT16_MAX);
	char path[TILE_PATH_SIZE], name[TILE_PATH_SIZE + 8];

	for (unsigned n = 0; n * TILE_WIDTH < size; n++) {
		unsigned width = (unsigned)MIN_U64(size - n * TILE_WIDTH, TILE_WIDTH);

		bundle.len = 0;
		for (unsigned i = n * TILE_WIDTH; i < n * TILE_WIDTH + width; i++) {
			entry.len = 0;
			sample_log_entry(l, statement_of(i, changed), &entry);
			must(buf_addc(&bundle, (char)(entry.len >> 8)), "entry");
			must(buf_addc(&bundle, (char)entry.len), "entry");
			must(buf_add(&bundle, entry.data, entry.len), "entry");
		}
		merkle_tile_path(-1, n, width, path);
		snprintf(name, sizeof(name), "tile/%s", path);
		put_buf(name, &bundle);
	}
}

/* The checkpoint, and the same with a witness's cosignature. */
static void put_checkpoint(struct sample_log *l, unsigned size, const char *name)
{
	_cleanup_buf_ struct buf note = BUF_INIT(NOTE_MAX), key = BUF_INIT(1024);
	const uint8_t seed[crypto_sign_SEEDBYTES] = {255};
	uint8_t public[NOTE_PUBLIC], secret[NOTE_SECRET];
	struct note_key witness;
	char cosigned[64];

	sample_log_checkpoint(l, size, &note);
	put_buf(name, &note);
	crypto_sign_seed_keypair(public, secret, seed);
	must(note_key_init(&witness, NOTE_COSIGNATURE, "witness.example.com/w1", public),
	     "witness");
	must(note_sign(&note, &witness, secret, 1679315147), "cosignature");
	snprintf(cosigned, sizeof(cosigned), "%s.cosigned", name);
	put_buf(cosigned, &note);
	must(note_key_write(&witness, &key), "witness");
	put_buf("witness.vkey", &key);
}

static void put_consistency(struct sample_log *l, unsigned from, unsigned to)
{
	_cleanup_buf_ struct buf lines = BUF_INIT(1 << 16);
	struct hash proof[MERKLE_PROOF_MAX];
	char text[64];
	size_t n;

	must(merkle_consistency(from, to, sample_log_tile, l, proof, &n), "consistency");
	for (size_t i = 0; i < n; i++) {
		sodium_bin2base64(text, sizeof(text), proof[i].b, HASH_SIZE,
				  sodium_base64_VARIANT_ORIGINAL);
		must(buf_addf(&lines, "%s\n", text), "consistency");
	}
	put_buf("consistency", &lines);
}

static void put_keys(const struct sample_log *l, uint8_t seed)
{
	_cleanup_buf_ struct buf root = BUF_INIT(1 << 16), vkey = BUF_INIT(1024);
	uint8_t spki[DSSE_SPKI];
	struct sample_log next;
	struct generation g[2];

	must(trusted_root_write(SAMPLE_ORIGIN, &l->keys, 1, &root), "trusted root");
	put_buf("trusted-root.json", &root);
	must(note_key_write(&l->keys.log, &vkey), "key");
	put_buf("log.vkey", &vkey);
	dsse_spki(l->keys.statement, spki);
	put("statement.der", spki, sizeof(spki));
	/* What is handed out after a rotation: the old keys, which have ended, and the next ones.
	 */
	sample_log_init(&next, (uint8_t)(seed + 1));
	g[0] = l->keys;
	g[0].until_ms = g[0].from_ms + 1000;
	g[1] = next.keys;
	g[1].from_ms = g[0].until_ms;
	root.len = 0;
	must(trusted_root_write(SAMPLE_ORIGIN, g, 2, &root), "trusted root");
	put_buf("trusted-root-rotated.json", &root);
	sample_log_done(&next);
}

static void put_bundles(struct sample_log *l, unsigned first, unsigned size)
{
	_cleanup_buf_ struct buf b = BUF_INIT(1 << 20);
	char name[64];

	for (unsigned i = 0; i < size; i = i < 4 ? i + 1 : i * 5 / 3) {
		b.len = 0;
		sample_log_bundle(l, i, size, &b);
		snprintf(name, sizeof(name), "bundle/%u.json", i);
		put_buf(name, &b);
	}
	b.len = 0;
	sample_log_bundle(l, first - 1, first, &b); /* of the older checkpoint */
	put_buf("bundle/first.json", &b);
	b.len = 0;
	sample_log_bundle(l, size - 1, size, &b);
	put_buf("bundle/last.json", &b);
}

int main(int argc, char **argv)
{
	unsigned first, size, changed;
	struct sample_log l;

	if (argc < 5 || argc > 6) {
		fprintf(stderr, "usage: evidence-make DIR FIRST SIZE SEED [CHANGED]\n");
		return 2;
	}
	directory = argv[1];
	first = (unsigned)strtoul(argv[2], NULL, 10);
	size = (unsigned)strtoul(argv[3], NULL, 10);
	changed = argc > 5 ? (unsigned)strtoul(argv[5], NULL, 10) : 0;
	if (first == 0 || first > size || size > 1000000)
		must(-EINVAL, "0 < FIRST <= SIZE <= 1000000");
	sample_log_init(&l, (uint8_t)strtoul(argv[4], NULL, 10));
	fill(&l, size, argc > 5 ? &changed : NULL);
	put_tiles(&l, first);
	put_tiles(&l, size);
	put_entries(&l, first, argc > 5 ? &changed : NULL);
	put_entries(&l, size, argc > 5 ? &changed : NULL);
	put_checkpoint(&l, first, "checkpoint.first");
	put_checkpoint(&l, size, "checkpoint");
	put_consistency(&l, first, size);
	put_keys(&l, (uint8_t)strtoul(argv[4], NULL, 10));
	if (argc == 5)
		put_bundles(&l, first, size);
	sample_log_done(&l);
	return 0;
}
