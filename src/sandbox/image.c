#include "sandbox/image.h"

#include "base/macros.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

#define HUGE (2UL << 20)

enum {
	REGIONS_MAX = 1024,
	PAGE = 4096,
	HOLE_MAX = 120 << 10, /* larger pieces are mappings of their own */
	HOLE_MIN = 24,
	HOLE_STEP = 16,
	DENSE = 100, /* pages in use of the 512 that make a huge one worth while */
};
#define CODE_MIN (8UL << 20) /* the engine; its libraries are smaller and little used */

struct region {
	uintptr_t start, end;
};

/* The mappings with these permissions, of files or anonymous; not the stack. */
static size_t collect(struct region *out, const char *want, int files)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512], perms[8];
	size_t n = 0;

	while (f && n < REGIONS_MAX && fgets(line, sizeof(line), f)) {
		unsigned long start, end, inode;

		if (sscanf(line, "%lx-%lx %7s %*s %*s %lu", &start, &end, perms, &inode) == 4 &&
		    !strcmp(perms, want) && !inode == !files && !strstr(line, "[stack]") &&
		    !strstr(line, "[v"))
			out[n++] = (struct region){start, end};
	}
	if (f)
		fclose(f);
	return n;
}

static int shrink_to_huge(struct region *r)
{
	r->start = (r->start + HUGE - 1) & ~(HUGE - 1);
	r->end &= ~(HUGE - 1);
	return r->start < r->end;
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

void image_code(void)
{
	static struct region regions[REGIONS_MAX];
	size_t n = collect(regions, "r-xp", 1);

	for (size_t i = 0; i < n; i++)
		if (shrink_to_huge(&regions[i]) && regions[i].end - regions[i].start >= CODE_MIN)
			replace(&regions[i]);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

static void merge(void)
{
	static struct region regions[REGIONS_MAX];
	size_t n = collect(regions, "rw-p", 0);

	for (size_t i = 0; i < n; i++)
		madvise((void *)regions[i].start, regions[i].end - regions[i].start, MADV_DODUMP);
}

static int is_dense(uintptr_t at)
{
	unsigned char in_core[HUGE / PAGE];
	size_t n = 0;

	if (mincore((void *)at, HUGE, in_core) < 0)
		return 0;
	for (size_t i = 0; i < sizeof(in_core); i++)
		n += in_core[i] & 1;
	return n >= DENSE;
}

/*
 * Takes every free piece of the heap below its top, and keeps it: so what a sandbox allocates comes
 * from the top, one piece beside the other, and not from holes on a hundred pages of the zygote,
 * each of which it would have to copy.
 */
static void fill_holes(void)
{
	for (size_t size = HOLE_MAX; size >= HOLE_MIN; size -= HOLE_STEP)
		for (;;) {
			uintptr_t top = (uintptr_t)sbrk(0) - mallinfo2().keepcost;
			void *p = malloc(size);

			if ((uintptr_t)p >= top - HOLE_STEP) {
				free(p);
				break;
			}
		}
}

void image_heap(void)
{
	static struct region regions[REGIONS_MAX];
	size_t n;

	fill_holes();
	merge();
	n = collect(regions, "rw-p", 0);
	/* A sandbox that grows must not be given huge pages: it would clear 2 MiB to use one page.
	 */
	prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
	for (size_t i = 0; i < n; i++) {
		if (!shrink_to_huge(&regions[i]))
			continue;
		for (uintptr_t at = regions[i].start; at < regions[i].end; at += HUGE)
			if (is_dense(at))
				madvise((void *)at, HUGE, MADV_COLLAPSE);
	}
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}
