/*
 * Canonical JSON (RFC 8785, JCS) of a document tree: no white space, keys sorted by their UTF-16
 * code units, the shortest escapes. All numbers are integers; beyond +-(2^53 - 1) RFC 8785's
 * number form would not be exact, so such a number is an error.
 */
#pragma once

#include "policy/document.h"

/* 0; -ENOSPC past the buffer's maximum; -ERANGE for a number that is too large. */
int canonical_write(struct buf *b, const struct node *n);

/* "sha256:…" of it. */
enum { CANONICAL_DIGEST_SIZE = 72 };
void canonical_digest(const char *text, size_t len, char out[CANONICAL_DIGEST_SIZE]);

/* Order of two UTF-8 strings by UTF-16 code units (RFC 8785 section 3.2.3): <0, 0, >0. */
int canonical_compare(const char *a, const char *b);
