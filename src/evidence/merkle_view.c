#include "evidence/merkle.h"

#include "base/macros.h"

#include <errno.h>
#include <string.h>

/*
 * A tile is read once, and the nodes inside it are hashed once: node i of height h (0: the hashes
 * of the tile) is nodes[TILE_WIDTH * 2 - (TILE_WIDTH * 2 >> h) + i]. A level of the tree has
 * two slots: for its last tile, which all proofs need, and for the one asked about last, which
 * neighbours in a log share.
 */
enum { TILE_HEIGHT = 8, LEVELS = 8, NODES = TILE_WIDTH * 2 - 1 };

struct slot {
	uint64_t n;
	unsigned width; /* 0: empty */
	uint8_t known[NODES];
	struct hash nodes[NODES];
};

struct merkle_view {
	uint64_t size;
	merkle_tile_fn *tile;
	void *arg;
	struct slot *slots[LEVELS][2];
};

struct merkle_view *merkle_view_new(uint64_t size, merkle_tile_fn *tile, void *arg)
{
	struct merkle_view *v = xcalloc(1, sizeof(*v));

	v->size = size;
	v->tile = tile;
	v->arg = arg;
	return v;
}

void merkle_view_free(struct merkle_view *v)
{
	if (!v)
		return;
	for (unsigned i = 0; i < LEVELS; i++) {
		free(v->slots[i][0]);
		free(v->slots[i][1]);
	}
	free(v);
}

static void free_view(struct merkle_view **v)
{
	merkle_view_free(*v);
}
#define _cleanup_view_ _cleanup_(free_view)

static int load(struct merkle_view *v, unsigned level, uint64_t n, struct slot **ret)
{
	uint64_t there = (v->size >> (level * TILE_HEIGHT)) - n * TILE_WIDTH;
	unsigned width = (unsigned)MIN_U64(there, TILE_WIDTH);
	struct slot **at = &v->slots[level][there <= TILE_WIDTH], *s = *at;
	int r;

	if (!s) {
		s = *at = xmalloc(sizeof(*s));
		s->width = 0;
	}
	if (s->width != width || s->n != n) {
		s->width = 0;
		r = v->tile(v->arg, level, n, width, s->nodes);
		if (r < 0)
			return r;
		s->n = n;
		s->width = width;
		memset(s->known, 0, sizeof(s->known));
		memset(s->known, 1, width);
	}
	*ret = s;
	return 0;
}

static const struct hash *node_in(struct slot *s, unsigned height, unsigned i)
{
	unsigned at = TILE_WIDTH * 2 - (TILE_WIDTH * 2 >> height) + i;

	if (!s->known[at]) {
		const struct hash *left = node_in(s, height - 1, i * 2);

		merkle_node(left, node_in(s, height - 1, i * 2 + 1), &s->nodes[at]);
		s->known[at] = 1;
	}
	return &s->nodes[at];
}

/* The root of the 2^height leaves from the first-th on, all of which are there. */
static int perfect(struct merkle_view *v, unsigned height, uint64_t first, struct hash *ret)
{
	unsigned level = height / TILE_HEIGHT, inner = height % TILE_HEIGHT;
	uint64_t i = first >> (level * TILE_HEIGHT);
	struct slot *s;
	int r = load(v, level, i / TILE_WIDTH, &s);

	if (r < 0)
		return r;
	*ret = *node_in(s, inner, (unsigned)(i % TILE_WIDTH) >> inner);
	return 0;
}

/* The largest power of two below n, as its logarithm; n > 1. */
static unsigned split(uint64_t n)
{
	return 63 - (unsigned)__builtin_clzll(n - 1);
}

/*
 * The root of the leaves first … end-1, first being a multiple of the power of two not below their
 * number: perfect subtrees, from the right, each joined to what is right of it.
 */
static int range(struct merkle_view *v, uint64_t first, uint64_t end, struct hash *ret)
{
	uint64_t n = end - first;
	struct hash right, left;
	int have = 0, r;

	while (n) {
		unsigned height = (unsigned)__builtin_ctzll(n);

		n -= (uint64_t)1 << height;
		r = perfect(v, height, first + n, have ? &left : &right);
		if (r < 0)
			return r;
		if (have)
			merkle_node(&left, &right, &right);
		have = 1;
	}
	*ret = right;
	return 0;
}

static void reverse(struct hash *h, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		struct hash x = h[i];

		h[i] = h[n - 1 - i];
		h[n - 1 - i] = x;
	}
}

int merkle_view_root(struct merkle_view *v, struct hash *ret)
{
	struct merkle_range empty = {.size = 0};

	if (v->size > INT64_MAX)
		return -EINVAL;
	if (v->size)
		return range(v, 0, v->size, ret);
	merkle_root(&empty, ret);
	return 0;
}

int merkle_view_inclusion(struct merkle_view *v, uint64_t index,
			  struct hash proof[MERKLE_PROOF_MAX], size_t *ret_n)
{
	uint64_t first = 0, end = v->size;
	size_t n = 0;
	int r;

	if (index >= v->size || v->size > INT64_MAX)
		return -EINVAL;
	while (end - first > 1) {
		uint64_t middle = first + ((uint64_t)1 << split(end - first));

		if (index < middle) {
			r = range(v, middle, end, &proof[n++]);
			end = middle;
		} else {
			r = range(v, first, middle, &proof[n++]);
			first = middle;
		}
		if (r < 0)
			return r;
	}
	reverse(proof, n);
	*ret_n = n;
	return 0;
}

int merkle_view_consistency(struct merkle_view *v, uint64_t from,
			    struct hash proof[MERKLE_PROOF_MAX], size_t *ret_n)
{
	uint64_t first = 0, end = v->size;
	size_t n = 0;
	int r;

	if (from == 0 || from > v->size || v->size > INT64_MAX)
		return -EINVAL;
	/* Down to the subtree that ends where the old tree does. */
	while (end != from) {
		uint64_t middle = first + ((uint64_t)1 << split(end - first));

		if (from <= middle) {
			r = range(v, middle, end, &proof[n++]);
			end = middle;
		} else {
			r = range(v, first, middle, &proof[n++]);
			first = middle;
		}
		if (r < 0)
			return r;
	}
	if (first) { /* else it is the old tree itself, whose root is known */
		r = range(v, first, end, &proof[n++]);
		if (r < 0)
			return r;
	}
	reverse(proof, n);
	*ret_n = n;
	return 0;
}

int merkle_root_at(uint64_t size, merkle_tile_fn *tile, void *arg, struct hash *ret)
{
	_cleanup_view_ struct merkle_view *v = merkle_view_new(size, tile, arg);

	return merkle_view_root(v, ret);
}

int merkle_inclusion(uint64_t index, uint64_t size, merkle_tile_fn *tile, void *arg,
		     struct hash proof[MERKLE_PROOF_MAX], size_t *ret_n)
{
	_cleanup_view_ struct merkle_view *v = merkle_view_new(size, tile, arg);

	return merkle_view_inclusion(v, index, proof, ret_n);
}

int merkle_consistency(uint64_t from, uint64_t to, merkle_tile_fn *tile, void *arg,
		       struct hash proof[MERKLE_PROOF_MAX], size_t *ret_n)
{
	_cleanup_view_ struct merkle_view *v = merkle_view_new(to, tile, arg);

	return merkle_view_consistency(v, from, proof, ret_n);
}
