/*
 * Canonical JSON (RFC 8785, JCS): the one form of a JSON value that is hashed and signed. Members
 * sorted by UTF-16 code units, no white space, strings with the fewest escapes. Numbers are
 * integers of at most 2^53-1 in magnitude (RFC 7493, section 2.2), written without fraction or
 * exponent: evidence needs no others.
 */
#pragma once

#include "base/buf.h"

enum { CANONICAL_DEPTH_MAX = 32, CANONICAL_VALUES_MAX = 65536 };

/*
 * Appends the canonical form of the JSON value `text`. -EBADMSG: it is not exactly one JSON value
 * in UTF-8, a member's name comes twice in an object, or a string has a lone surrogate; -ERANGE: a
 * number that is no such integer; -E2BIG: deeper, or of more values, than the maxima above;
 * -ENOSPC: past out's maximum. `out` is as it was after any of them.
 */
int canonical_json(const void *text, size_t len, struct buf *out);

/*
 * Whether `text` is in that form. 0, or -EBADMSG. *ret are its tokens, which point into it;
 * tokens_done() in either case. `again` is for work, with room for `len` bytes.
 */
struct tokens;
int canonical_check(const void *text, size_t len, struct buf *again, struct tokens *ret);
