#include "sched/heap.h"
#include "base/macros.h"

/* Keys stand beside the pointers, so that finding a place does not touch the users' structs. */
static int before(const struct heap_entry *a, const struct heap_entry *b)
{
	return a->key != b->key ? a->key < b->key : a->order < b->order;
}

static void set(struct heap *h, uint32_t i, struct heap_entry e)
{
	h->entries[i] = e;
	e.node->at = i + 1;
}

static void up(struct heap *h, uint32_t i, struct heap_entry e)
{
	for (; i && before(&e, &h->entries[(i - 1) / 2]); i = (i - 1) / 2)
		set(h, i, h->entries[(i - 1) / 2]);
	set(h, i, e);
}

static void down(struct heap *h, uint32_t i, struct heap_entry e)
{
	for (uint32_t child; (child = 2 * i + 1) < h->count; i = child) {
		if (child + 1 < h->count && before(&h->entries[child + 1], &h->entries[child]))
			child++;
		if (!before(&h->entries[child], &e))
			break;
		set(h, i, h->entries[child]);
	}
	set(h, i, e);
}

static void place(struct heap *h, uint32_t i, struct heap_entry e)
{
	if (i && before(&e, &h->entries[(i - 1) / 2]))
		up(h, i, e);
	else
		down(h, i, e);
}

static void resize(struct heap *h, uint32_t capacity)
{
	h->entries = xrealloc(h->entries, capacity * sizeof(*h->entries));
	h->capacity = capacity;
}

void heap_done(struct heap *h)
{
	free(h->entries);
	*h = (struct heap){0};
}

void heap_put(struct heap *h, struct heap_node *n, uint64_t key, uint64_t order)
{
	struct heap_entry e = {.key = key, .order = order, .node = n};

	if (n->at) {
		place(h, n->at - 1, e);
		return;
	}
	if (h->count == h->capacity)
		resize(h, h->capacity ? 2 * h->capacity : 1);
	up(h, h->count++, e);
}

void heap_take(struct heap *h, struct heap_node *n)
{
	uint32_t i = n->at;

	if (!i)
		return;
	n->at = 0;
	h->count--;
	if (i - 1 < h->count)
		place(h, i - 1, h->entries[h->count]);
	if (!h->count)
		heap_done(h);
	else if (h->capacity > 8 && h->count < h->capacity / 4)
		resize(h, h->capacity / 2);
}
