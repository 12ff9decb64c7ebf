/*
 * JSON text as tokens, in one pass and without an allocation for each value: what canonical_json()
 * sorts and writes.
 */
#pragma once

#include "base/macros.h"

enum token_kind {
	TOKEN_OBJECT,
	TOKEN_ARRAY,
	TOKEN_PLAIN,
	TOKEN_STRING,
	TOKEN_STRING_WIDE,
	TOKEN_STRING_DECODED
};

/* Depth first: a container, then what it holds; of an object, names and values in turn. */
struct token {
	const uint8_t *p; /* as it is written; of a string, what is between its quotes */
	uint32_t len;
	uint32_t next : 24; /* the number of the token after it and all that it holds */
	uint32_t kind : 8;  /* TOKEN_STRING is ASCII; TOKEN_STRING_DECODED had escapes, and p is
			       without them */
};

enum { TOKENS_SMALL = 384 };

struct tokens {
	const uint8_t *p, *end; /* what is still to be read */
	struct token *t;
	uint32_t n, cap, values;
	unsigned depth;
	int loose; /* white space, or -0: it is not written as canonical_json() writes it */
	uint8_t *decoded, *to; /* room for all strings with escapes; NULL until there is one */
	struct token *heap;
	struct token small[TOKENS_SMALL];
};

/* Fills it from the whole text; the tokens point into both. Errors as of canonical_json(). */
int tokens_read(struct tokens *r, const void *text, size_t len);
void tokens_done(struct tokens *r);

/* The number of the value of an object's member; 0: it has none of that name, or is no object. */
uint32_t tokens_member(const struct tokens *r, uint32_t object, const char *name);
