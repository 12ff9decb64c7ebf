#include "evidence/merkle.h"

#include "evidence/sha256.h"

#include <errno.h>
#include <string.h>

void merkle_leaf(const void *data, size_t len, struct hash *ret)
{
	sha256_after(0x00, data, len, "", 0, ret->b);
}

void merkle_node(const struct hash *left, const struct hash *right, struct hash *ret)
{
	sha256_after(0x01, left, HASH_SIZE, right, HASH_SIZE, ret->b);
}

void merkle_append(struct merkle_range *m, const struct hash *leaf)
{
	unsigned n = (unsigned)__builtin_popcountll(m->size);

	m->edge[n] = *leaf;
	for (uint64_t rest = m->size; rest & 1; rest >>= 1, n--)
		merkle_node(&m->edge[n - 1], &m->edge[n], &m->edge[n - 1]);
	m->size++;
}

void merkle_root(const struct merkle_range *m, struct hash *ret)
{
	unsigned n = (unsigned)__builtin_popcountll(m->size);
	struct hash h;

	if (!n) {
		sha256("", 0, ret->b);
		return;
	}
	h = m->edge[--n];
	while (n--)
		merkle_node(&m->edge[n], &h, &h);
	*ret = h;
}

static int equal(const struct hash *a, const struct hash *b)
{
	return memcmp(a, b, HASH_SIZE) == 0;
}

/* RFC 9162, section 2.1.3.2: the same tree and proofs, the checks spelled out. */
int merkle_check_inclusion(uint64_t index, uint64_t size, const struct hash *leaf,
			   const struct hash *proof, size_t n, const struct hash *root)
{
	uint64_t at = index, last = size - 1;
	struct hash r = *leaf;

	if (index >= size)
		return -EBADMSG;
	for (size_t i = 0; i < n; i++) {
		if (last == 0)
			return -EBADMSG;
		if ((at & 1) || at == last) {
			merkle_node(&proof[i], &r, &r);
			while (!(at & 1) && at) {
				at >>= 1;
				last >>= 1;
			}
		} else {
			merkle_node(&r, &proof[i], &r);
		}
		at >>= 1;
		last >>= 1;
	}
	return last == 0 && equal(&r, root) ? 0 : -EBADMSG;
}

/* RFC 9162, section 2.1.4.2. */
int merkle_check_consistency(uint64_t from, uint64_t to, const struct hash *root_from,
			     const struct hash *root_to, const struct hash *proof, size_t n)
{
	uint64_t at = from - 1, last = to - 1;
	struct hash old, new;
	size_t i = 0;

	if (from == 0 || from > to)
		return -EBADMSG;
	if (from == to)
		return n == 0 && equal(root_from, root_to) ? 0 : -EBADMSG;
	for (; at & 1; at >>= 1)
		last >>= 1;
	if (at ==
	    0) { /* the old tree is a perfect subtree of the new: the proof does not repeat it */
		old = new = *root_from;
	} else {
		if (n == 0)
			return -EBADMSG;
		old = new = proof[i++];
	}
	for (; i < n; i++) {
		if (last == 0)
			return -EBADMSG;
		if ((at & 1) || at == last) {
			merkle_node(&proof[i], &old, &old);
			merkle_node(&proof[i], &new, &new);
			while (!(at & 1) && at) {
				at >>= 1;
				last >>= 1;
			}
		} else {
			merkle_node(&new, &proof[i], &new);
		}
		at >>= 1;
		last >>= 1;
	}
	return last == 0 && equal(&old, root_from) && equal(&new, root_to) ? 0 : -EBADMSG;
}
