/*
 * A byte buffer that has a maximum, given at creation. Appending past it fails with -ENOSPC and
 * leaves the buffer as it was, so untrusted input can grow nothing without a limit.
 */
#pragma once

#include "base/macros.h"

struct buf {
	uint8_t *data;
	size_t len;
	size_t cap;
	size_t max;
	size_t gone; /* forgotten bytes before `data`, in the same allocation */
};

#define BUF_INIT(maximum) ((struct buf){.max = (maximum)})

void buf_done(struct buf *b);
#define _cleanup_buf_ _cleanup_(buf_done)

/* Room for `n` more bytes: a pointer to where they go, or NULL past the maximum. Length unchanged.
 */
uint8_t *buf_reserve(struct buf *b, size_t n);

/* 0, or -ENOSPC past the maximum. */
int buf_add(struct buf *b, const void *p, size_t n);
int buf_adds(struct buf *b, const char *s);
int buf_addc(struct buf *b, char c);
int buf_addf(struct buf *b, const char *format, ...) _printf_(2, 3);

/* Forgets the first `n` bytes (n <= len). */
void buf_consume(struct buf *b, size_t n);

/* Gives back what it has room for besides its contents. */
void buf_fit(struct buf *b);

/* The contents as a C string; the terminator is not counted in len. */
const char *buf_str(struct buf *b);
