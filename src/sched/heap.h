/*
 * A binary heap, smallest first, from which any node can be taken, and whose keys can be changed.
 * It holds pointers into its users' structs; it shrinks when it has become empty.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* In the user's struct; zeroed: in no heap. In at most one heap at a time. */
struct heap_node {
	uint32_t at; /* its place, counted from 1 */
};

struct heap_entry {
	uint64_t key, order; /* by key, then by order */
	struct heap_node *node;
};

struct heap {
	struct heap_entry *entries;
	uint32_t count, capacity;
};

void heap_done(struct heap *h);
/* Puts it in, or moves it to where its new key belongs. */
void heap_put(struct heap *h, struct heap_node *n, uint64_t key, uint64_t order);
/* Does nothing if it is in none. */
void heap_take(struct heap *h, struct heap_node *n);

static inline int heap_has(const struct heap_node *n)
{
	return n->at != 0;
}

/* NULL: it is empty. */
static inline const struct heap_entry *heap_first(const struct heap *h)
{
	return h->count ? &h->entries[0] : NULL;
}
