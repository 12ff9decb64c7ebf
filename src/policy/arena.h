/*
 * Memory that is freed all at once: a document tree, or everything a policy points to. What comes
 * from it is zeroed and lives until arena_done().
 */
#pragma once

#include "base/macros.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks;
};

void *arena_alloc(struct arena *a, size_t size);
char *arena_strndup(struct arena *a, const char *s, size_t len);
void arena_done(struct arena *a);
#define _cleanup_arena_ _cleanup_(arena_done)

#define arena_new(a, type, count) ((type *)arena_alloc((a), sizeof(type) * (count)))
