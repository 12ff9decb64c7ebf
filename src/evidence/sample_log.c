#include "evidence/sample_log.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* A test that cannot make its log has failed. */
static void must(int r)
{
	if (r < 0)
		abort();
}

void sample_log_init(struct sample_log *l, uint8_t seed)
{
	const uint8_t statement[crypto_sign_SEEDBYTES] = {seed, 1},
		      log[crypto_sign_SEEDBYTES] = {seed, 2};
	uint8_t public[NOTE_PUBLIC];

	*l = (struct sample_log){.keys = {.from_ms = 1700000000000}};
	crypto_sign_seed_keypair(l->keys.statement, l->statement_secret, statement);
	crypto_sign_seed_keypair(public, l->log_secret, log);
	must(note_key_init(&l->keys.log, NOTE_LOG, SAMPLE_ORIGIN, public));
}

void sample_log_done(struct sample_log *l)
{
	for (unsigned i = 0; i < SAMPLE_LEVELS; i++)
		free(l->levels[i]);
}

void sample_log_add(struct sample_log *l, const struct hash *leaf)
{
	struct merkle_range tile;
	struct hash h = *leaf;

	merkle_append(&l->range, leaf);
	for (unsigned level = 0; level < SAMPLE_LEVELS; level++) {
		size_t n = l->n[level]++;

		if ((n & (n - 1)) == 0)
			l->levels[level] = xrealloc(l->levels[level], (n ? n * 2 : 1) * sizeof(h));
		l->levels[level][n] = h;
		if ((n + 1) % TILE_WIDTH)
			return;
		tile.size = 0;
		for (size_t i = n + 1 - TILE_WIDTH; i <= n; i++)
			merkle_append(&tile, &l->levels[level][i]);
		merkle_root(&tile, &h);
	}
}

int sample_log_tile(void *arg, unsigned level, uint64_t n, unsigned width, struct hash *out)
{
	struct sample_log *l = arg;

	l->reads++;
	if (level >= SAMPLE_LEVELS || width == 0 || width > TILE_WIDTH ||
	    n * TILE_WIDTH + width > l->n[level])
		return -ENOENT;
	memcpy(out, &l->levels[level][n * TILE_WIDTH], width * sizeof(*out));
	return 0;
}

void sample_statement(unsigned i, struct buf *out)
{
	uint8_t digest[HASH_SIZE];
	char hex[HASH_SIZE * 2 + 1];

	crypto_hash_sha256(digest, (const uint8_t *)&i, sizeof(i));
	sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest));
	must(buf_addf(out,
		      "{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicate\":{\"run\":%u},"
		      "\"predicateType\":\"https://example.com/run/v1\",\"subject\":[{\"digest\":"
		      "{\"sha256\":\"%s\"},\"name\":\"output\"}]}",
		      i, hex));
}

static void sign(const struct sample_log *l, unsigned i, struct buf *statement,
		 uint8_t signature[DSSE_SIGNATURE])
{
	sample_statement(i, statement);
	dsse_sign(statement->data, statement->len, l->statement_secret, signature);
}

void sample_log_entry(const struct sample_log *l, unsigned i, struct buf *out)
{
	_cleanup_buf_ struct buf statement = BUF_INIT(4096);
	uint8_t signature[DSSE_SIGNATURE];
	struct hash payload;

	sign(l, i, &statement, signature);
	crypto_hash_sha256(payload.b, statement.data, statement.len);
	must(dsse_entry(&payload, signature, l->keys.statement, out));
}

void sample_log_checkpoint(struct sample_log *l, uint64_t size, struct buf *out)
{
	struct hash root;

	must(merkle_root_at(size, sample_log_tile, l, &root));
	must(checkpoint_write(SAMPLE_ORIGIN, size, &root, out));
	must(note_sign(out, &l->keys.log, l->log_secret, 0));
}

void sample_log_bundle(struct sample_log *l, unsigned i, uint64_t size, struct buf *out)
{
	_cleanup_buf_ struct buf statement = BUF_INIT(4096), checkpoint = BUF_INIT(NOTE_MAX);
	struct hash proof[MERKLE_PROOF_MAX], root;
	uint8_t signature[DSSE_SIGNATURE];
	struct bundle b = {.signature = signature, .proof = proof, .root = &root};

	sign(l, i, &statement, signature);
	sample_log_checkpoint(l, size, &checkpoint);
	must(merkle_root_at(size, sample_log_tile, l, &root));
	must(merkle_inclusion(i, size, sample_log_tile, l, proof, &b.proof_n));
	b.payload = statement.data;
	b.payload_len = statement.len;
	b.public = l->keys.statement;
	b.log = &l->keys.log;
	b.index = i;
	b.size = size;
	b.checkpoint = checkpoint.data;
	b.checkpoint_len = checkpoint.len;
	must(bundle_write(&b, out));
}
