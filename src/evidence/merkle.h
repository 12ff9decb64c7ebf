/*
 * The Merkle tree of RFC 6962, section 2.1 (SHA-256; leaf SHA-256(0x00 || leaf), node SHA-256(0x01
 * || left || right)), kept as tiles of 256 hashes (C2SP tlog-tiles): tile n of level L holds the
 * hashes of the subtrees of 256^L leaves, from the (256 * n)th on. Pure: whoever has the tiles
 * gives a function that reads them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { HASH_SIZE = 32, TILE_WIDTH = 256, MERKLE_PROOF_MAX = 64 };

struct hash {
	uint8_t b[HASH_SIZE];
};

void merkle_leaf(const void *data, size_t len, struct hash *ret);
void merkle_node(const struct hash *left, const struct hash *right, struct hash *ret);

/* A tree of which only the right edge is kept: the roots of its perfect subtrees, largest first. */
struct merkle_range {
	uint64_t size;
	struct hash edge[64];
};
void merkle_append(struct merkle_range *m, const struct hash *leaf);
void merkle_root(const struct merkle_range *m, struct hash *ret); /* size 0: SHA-256 of nothing */

/*
 * Reads the first `width` hashes (1 to TILE_WIDTH) of tile `n` of `level` to out[]. 0, or a
 * negative errno, which the function that asked returns. `width` is what that tile has in the tree
 * asked about; a wider one begins with the same hashes.
 */
typedef int merkle_tile_fn(void *arg, unsigned level, uint64_t n, unsigned width, struct hash *out);

/* The root of the first `size` leaves. */
int merkle_root_at(uint64_t size, merkle_tile_fn *tile, void *arg, struct hash *ret);
/* RFC 6962, section 2.1.1. -EINVAL unless index < size. */
int merkle_inclusion(uint64_t index, uint64_t size, merkle_tile_fn *tile, void *arg,
		     struct hash proof[MERKLE_PROOF_MAX], size_t *ret_n);
/* RFC 6962, section 2.1.2. -EINVAL unless 0 < from <= to. */
int merkle_consistency(uint64_t from, uint64_t to, merkle_tile_fn *tile, void *arg,
		       struct hash proof[MERKLE_PROOF_MAX], size_t *ret_n);

/*
 * The same for several questions about one tree: tiles are read once and nodes hashed once, as long
 * as the questions stay near each other (a batch of new entries).
 */
struct merkle_view;
struct merkle_view *merkle_view_new(uint64_t size, merkle_tile_fn *tile, void *arg);
void merkle_view_free(struct merkle_view *v);
int merkle_view_root(struct merkle_view *v, struct hash *ret);
int merkle_view_inclusion(struct merkle_view *v, uint64_t index,
			  struct hash proof[MERKLE_PROOF_MAX], size_t *ret_n);
int merkle_view_consistency(struct merkle_view *v, uint64_t from,
			    struct hash proof[MERKLE_PROOF_MAX], size_t *ret_n);

/* Whether a proof shows it: 0, or -EBADMSG. */
int merkle_check_inclusion(uint64_t index, uint64_t size, const struct hash *leaf,
			   const struct hash *proof, size_t n, const struct hash *root);
int merkle_check_consistency(uint64_t from, uint64_t to, const struct hash *root_from,
			     const struct hash *root_to, const struct hash *proof, size_t n);

/*
 * The path of a tile as C2SP tlog-tiles writes it, without "tile/": "0/x001/x234/067",
 * "1/003.p/17"; level -1: "entries/000". And back: 0, or -EINVAL for anything that is not exactly
 * such a path. width TILE_WIDTH: a whole tile.
 */
enum { TILE_PATH_SIZE = 64 };
void merkle_tile_path(int level, uint64_t n, unsigned width, char out[TILE_PATH_SIZE]);
int merkle_tile_parse(const char *path, int *ret_level, uint64_t *ret_n, unsigned *ret_width);
