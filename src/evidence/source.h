/*
 * Typed members of a JSON document from outside. What is not as it must be is -EBADMSG, with a
 * message that names the place; text from outside is not in it.
 */
#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <errno.h>
#include <jansson.h>

static inline void free_json(json_t **j)
{
	json_decref(*j);
}
#define _cleanup_json_ _cleanup_(free_json)

struct source {
	const json_t *root;
	const char *what, *code; /* for messages: "the bundle", "verify.form" */
	struct err *err;
};

/* Parses at most `max` bytes and sets the root; NULL, and the error filled. json_decref() it. */
json_t *source_parse(struct source *s, const void *text, size_t len, size_t max, size_t flags);
/* "…: path problem" as the error. */
static inline int source_bad(const struct source *s, const char *path, const char *problem)
{
	err_set(s->err, EBADMSG, s->code, "%s: %s %s", s->what, path, problem);
	return -EBADMSG;
}

/* The value at "a.b.0.c": members of objects, and numbers of items of arrays. NULL: none. */
const json_t *source_at(const json_t *j, const char *path);
int source_text(const struct source *s, const char *path, const char **ret, size_t *ret_len);
int source_word(const struct source *s, const char *path, const char *wanted);
/* Canonical base64: of any length (free() *ret), or of just so many bytes. */
int source_bytes(const struct source *s, const char *path, uint8_t **ret, size_t *ret_len);
int source_exactly(const struct source *s, const char *path, void *to, size_t size);
/* A 64-bit number is a string of decimal digits; at most 2^63-1. */
int source_number(const struct source *s, const char *path, uint64_t *ret);
int source_array(const struct source *s, const char *path, size_t min, size_t max, size_t *ret_n);
