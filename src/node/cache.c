/*
 * Transformed code by artifact digest, least recently used first out. An entry was made by a
 * sandbox from the very code it will be used for, before any of that code ran, so a hostile entry
 * can harm only runs of the artifact that made it.
 */
#include "node/node.h"

#include <string.h>

enum { BUCKETS = 1024 };

struct entry {
	struct list age;
	struct entry *next;
	uint8_t digest[32];
	size_t len;
	uint8_t text[];
};

struct cache {
	struct list age; /* oldest first */
	struct entry *buckets[BUCKETS];
	size_t bytes, max;
};

struct cache *cache_new(size_t max_bytes)
{
	struct cache *c = xcalloc(1, sizeof(*c));

	c->max = max_bytes;
	list_init(&c->age);
	return c;
}

static struct entry **find(struct cache *c, const uint8_t digest[32])
{
	struct entry **p = &c->buckets[(digest[0] | digest[1] << 8) % BUCKETS];

	while (*p && memcmp((*p)->digest, digest, 32) != 0)
		p = &(*p)->next;
	return p;
}

static void drop(struct cache *c, struct entry **p)
{
	struct entry *e = *p;

	*p = e->next;
	list_remove(&e->age);
	c->bytes -= e->len + sizeof(*e);
	free(e);
}

void cache_free(struct cache *c)
{
	while (c && !list_empty(&c->age))
		drop(c, find(c, list_entry(c->age.next, struct entry, age)->digest));
	free(c);
}

void cache_put(struct cache *c, const uint8_t digest[32], struct wire_bytes text)
{
	struct entry **p = find(c, digest), *e;
	size_t need = text.len + sizeof(*e);

	if (*p || need > c->max) /* the first word stands */
		return;
	while (c->bytes + need > c->max)
		drop(c, find(c, list_entry(c->age.next, struct entry, age)->digest));
	e = xmalloc(need);
	memcpy(e->digest, digest, 32);
	e->len = text.len;
	if (text.len)
		memcpy(e->text, text.data, text.len);
	p = find(c, digest);
	e->next = NULL;
	*p = e;
	list_append(&c->age, &e->age);
	c->bytes += need;
}

struct wire_bytes cache_get(struct cache *c, const uint8_t digest[32])
{
	struct entry *e = *find(c, digest);

	if (!e)
		return (struct wire_bytes){NULL, 0};
	list_remove(&e->age);
	list_append(&c->age, &e->age);
	return (struct wire_bytes){e->text, e->len};
}
