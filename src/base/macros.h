/* Small helpers that every folder uses: cleanup attributes, ownership transfer, array length. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define MIN_U64(a, b) ((uint64_t)(a) < (uint64_t)(b) ? (uint64_t)(a) : (uint64_t)(b))
#define MAX_U64(a, b) ((uint64_t)(a) > (uint64_t)(b) ? (uint64_t)(a) : (uint64_t)(b))

#define MAX_I64(a, b) ((int64_t)(a) > (int64_t)(b) ? (int64_t)(a) : (int64_t)(b))

static inline void free_ptr(void *p)
{
	free(*(void **)p);
}

/* Closes *fd if it is open and marks it closed. errno survives. */
void close_fd(int *fd);

#define _cleanup_free_ _cleanup_(free_ptr)
#define _cleanup_fd_ _cleanup_(close_fd)

static inline int take_fd(int *fd)
{
	int f = *fd;
	*fd = -1;
	return f;
}

static inline void *take_ptr(void *pp)
{
	void *p = *(void **)pp;
	*(void **)pp = NULL;
	return p;
}
#define TAKE_FD(fd) take_fd(&(fd))
#define TAKE_PTR(p) ((__typeof__(p))take_ptr(&(p)))

/* Out of memory ends the process; its supervisor starts it again (STYLE: rule 8). */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
char *xasprintf(const char *format, ...) _printf_(1, 2);
