#include "sandbox/hugepages.h"

#include "base/macros.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE (2UL << 20)

enum { REGIONS_MAX = 16 };
#define REGION_MIN (8UL << 20) /* the engine; its libraries are smaller and little used */

struct region {
	uintptr_t start, end;
};

static size_t collect(struct region *out)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512], perms[8];
	size_t n = 0;

	while (f && n < REGIONS_MAX && fgets(line, sizeof(line), f)) {
		unsigned long start, end;

		if (sscanf(line, "%lx-%lx %7s", &start, &end, perms) != 3 ||
		    strcmp(perms, "r-xp") != 0)
			continue;
		start = (start + HUGE - 1) & ~(HUGE - 1);
		end &= ~(HUGE - 1);
		if (end > start && end - start >= REGION_MIN)
			out[n++] = (struct region){start, end};
	}
	if (f)
		fclose(f);
	return n;
}

/* Copies the code, then moves the copy over the original in one step. */
static void replace(const struct region *r)
{
	size_t len = r->end - r->start;
	uintptr_t raw, at;
	void *p =
		mmap(NULL, len + HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return;
	raw = (uintptr_t)p;
	at = (raw + HUGE - 1) & ~(HUGE - 1);
	if (madvise((void *)at, len, MADV_HUGEPAGE) == 0) {
		memcpy((void *)at, (const void *)r->start, len);
		if (mprotect((void *)at, len, PROT_READ | PROT_EXEC) == 0 &&
		    mremap((void *)at, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)r->start) !=
			    MAP_FAILED)
			len = 0; /* only the margins are left */
	}
	munmap(p, at - raw + len);
	munmap((void *)(at + (r->end - r->start)), HUGE - (at - raw));
}

void hugepages_code(void)
{
	struct region regions[REGIONS_MAX];
	size_t n = collect(regions);

	for (size_t i = 0; i < n; i++)
		replace(&regions[i]);
}
