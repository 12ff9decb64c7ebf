/*
 * The modules of a run as one run of bytes: count (u32), then per module: name (u32 length, bytes),
 * type (u8, enum module_type), source (u32 length, bytes). Names are unique, valid UTF-8, without
 * control characters, not empty.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

#define MODULE_TYPES(X)                                                                            \
	X(0, AUTO, "auto")                                                                         \
	X(1, JS, "js")                                                                             \
	X(2, TS, "ts") X(3, JSON, "json") X(4, TEXT, "text") X(5, DATA, "data") X(6, WASM, "wasm")
#define X(n, U, t) MODULE_##U = n,
enum module_type { MODULE_TYPES(X) MODULE_TYPE_COUNT };
#undef X

struct module {
	const char *name; /* not terminated */
	size_t name_len;
	uint8_t type;
	const void *source;
	size_t source_len;
};

/* Appends one module; the first call on an empty buffer writes the count too. */
int modmap_add(struct buf *b, const char *name, uint8_t type, const void *source, size_t len,
	       struct err *reterr);

/* A walk over an encoded map. */
struct modmap {
	const uint8_t *p, *end;
	uint32_t left;
};

/* -EBADMSG if the bytes cannot be a map. */
int modmap_open(struct modmap *m, const void *data, size_t len);
/* 1 and the next module; 0 at the end (everything consumed); -EBADMSG. */
int modmap_next(struct modmap *m, struct module *ret);

/* Checks a whole map as it came from outside: form, limits, names, uniqueness, and `main` in it. */
int modmap_check(const void *data, size_t len, const char *main_name, size_t main_len,
		 struct err *reterr);

const char *modmap_type_text(uint8_t type);
int modmap_type_parse(const char *text, uint8_t *ret);
