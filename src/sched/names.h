/*
 * Names of tenants, keys and profiles in hash tables (uthash). Who chooses names must not be able
 * to choose where they are put, so the hash is keyed (SipHash) with a secret of this process.
 */
#pragma once

#include "base/macros.h"

uint64_t names_hash(const void *data, size_t len);

#define HASH_FUNCTION(data, len, ret) ((ret) = (unsigned)names_hash((data), (len)))
/* No memory ends the process; uthash would exit(). */
#define uthash_malloc(size) xmalloc(size)
#define uthash_fatal(msg) abort()
#include <uthash.h>

/* So that one is in a bucket on the average, not three: each is another miss of the cache. */
#undef HASH_BKT_CAPACITY_THRESH
#define HASH_BKT_CAPACITY_THRESH 6U
