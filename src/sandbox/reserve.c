#include "sandbox/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum {
	RANGES_MAX = 256,
	GRAIN = 256 << 10,    /* handed back at a time */
	REGION_MIN = 4 << 20, /* smaller mappings are no reservations */
	HEADROOM = 256 << 10, /* left writable behind what is in use: small runs never fault */
	PAGE = 4096,
};

#define PAGEMAP_IN_USE (3ULL << 62) /* present or swapped (proc(5), pagemap) */

static struct {
	uintptr_t start, end;
} ranges[RANGES_MAX];
static size_t range_count;
static struct sigaction before; /* the engine's own handler for SIGSEGV (WebAssembly traps) */
static void (*on_fatal)(void);
static char alternate_stack[64 << 10];

static const int fatal_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT, SIGFPE};

/* The last word; then the same fault again, and the kernel's default: the end. */
static void die(int sig, siginfo_t *info, void *context)
{
	struct sigaction fatal = {.sa_handler = SIG_DFL};

	(void)sig;
	(void)info;
	(void)context;
	on_fatal();
	for (size_t i = 0; i < ARRAY_SIZE(fatal_signals); i++)
		sigaction(fatal_signals[i], &fatal, NULL);
}

/* The engine's handler takes what is its own; for anything else it restores the default action. */
static void pass_on(int sig, siginfo_t *info, void *context)
{
	struct sigaction now = {.sa_handler = SIG_DFL};

	if (before.sa_flags & SA_SIGINFO && before.sa_sigaction) {
		before.sa_sigaction(sig, info, context);
		if (sigaction(sig, NULL, &now) == 0 && now.sa_handler != SIG_DFL)
			return;
	}
	die(sig, info, context);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)info->si_addr;

	for (size_t i = 0; i < range_count; i++) {
		uintptr_t from = at & ~(uintptr_t)(GRAIN - 1), to = from + GRAIN;

		if (at < ranges[i].start || at >= ranges[i].end)
			continue;
		if (from < ranges[i].start)
			from = ranges[i].start;
		if (to > ranges[i].end)
			to = ranges[i].end;
		if (mprotect((void *)from, to - from, PROT_READ | PROT_WRITE) == 0)
			return;
		die(sig, info, context);
		return;
	}
	pass_on(sig, info, context);
}

/*
 * The engine takes access away from memory that it is done with (a buffer that shrinks). The kernel
 * would no longer count those pages, but keep them; so they go, and only the address space stays.
 */
__attribute__((visibility("default"))) int mprotect(void *p, size_t len, int prot)
{
	if (!on_fatal || prot != PROT_NONE)
		return (int)syscall(SYS_mprotect, p, len, prot);
	if (len && mmap(p, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE,
			-1, 0) == MAP_FAILED)
		return -1;
	return 0;
}

static int install(void)
{
	stack_t stack = {.ss_sp = alternate_stack, .ss_size = sizeof(alternate_stack)};
	struct sigaction act = {.sa_sigaction = die,
				.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};

	if (sigaltstack(&stack, NULL) < 0 || sigaction(SIGSEGV, NULL, &before) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(fatal_signals); i++) {
		act.sa_sigaction = fatal_signals[i] == SIGSEGV ? on_fault : die;
		if (sigaction(fatal_signals[i], &act, NULL) < 0)
			return -errno;
	}
	return 0;
}

static int seal(uintptr_t from, uintptr_t to)
{
	from = (from + HEADROOM + GRAIN - 1) & ~(uintptr_t)(GRAIN - 1);
	to &= ~(uintptr_t)(GRAIN - 1);
	if (from >= to)
		return 0;
	if (range_count == RANGES_MAX)
		return -E2BIG;
	if (mprotect((void *)from, to - from, PROT_READ) < 0)
		return -errno;
	ranges[range_count].start = from;
	ranges[range_count++].end = to;
	return 0;
}

/* Seals what nobody has touched between `start` and `end`. */
static int seal_untouched(int pagemap, uintptr_t start, uintptr_t end)
{
	static uint64_t entries[8192];
	uintptr_t free_from = start;

	for (uintptr_t at = start; at < end;) {
		size_t want = (end - at) / PAGE, n;
		ssize_t got;

		if (want > ARRAY_SIZE(entries))
			want = ARRAY_SIZE(entries);
		got = pread(pagemap, entries, want * sizeof(*entries),
			    (off_t)(at / PAGE * sizeof(*entries)));
		if (got <= 0)
			return got < 0 ? -errno : -EIO;
		n = (size_t)got / sizeof(*entries);
		for (size_t i = 0; i < n; i++, at += PAGE) {
			int r = 0;

			if (!(entries[i] & PAGEMAP_IN_USE))
				continue;
			if (at > free_from)
				r = seal(free_from, at);
			if (r < 0)
				return r;
			free_from = at + PAGE;
		}
	}
	return seal(free_from, end);
}

struct region {
	uintptr_t start, end;
};

/* The large, private, writable, anonymous mappings. Collected first: sealing changes the list. */
static int collect(struct region *out, size_t max, size_t *ret)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];

	*ret = 0;
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		unsigned long start, end, inode;
		char perms[8];

		if (sscanf(line, "%lx-%lx %7s %*s %*s %lu", &start, &end, perms, &inode) != 4)
			continue;
		if (strcmp(perms, "rw-p") || inode || end - start < REGION_MIN ||
		    strstr(line, "[stack]") || strstr(line, "[heap]"))
			continue;
		if (*ret < max)
			out[(*ret)++] = (struct region){start, end};
	}
	fclose(f);
	return 0;
}

int reserve_seal(void (*fatal)(void), struct err *reterr)
{
	_cleanup_fd_ int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	struct region regions[64];
	size_t n = 0;
	int r = pagemap < 0 ? -errno : collect(regions, ARRAY_SIZE(regions), &n);

	on_fatal = fatal;
	for (size_t i = 0; i < n && r == 0; i++)
		r = seal_untouched(pagemap, regions[i].start, regions[i].end);
	if (r == 0)
		r = install();
	return r < 0 ? err_set(reterr, -r, "engine.reservations",
			       "sealing the engine's reservations: %s", strerror(-r))
		     : 0;
}
