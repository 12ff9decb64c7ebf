/*
 * JSON text (RFC 8259): a strict check of bytes from outside, and writing. There is no tree:
 * Cordon's trusted processes never need the contents of an agent's JSON, only the certainty that
 * embedding it in a larger document cannot change that document.
 */
#pragma once

#include "base/buf.h"

#include <stdint.h>

enum { JSON_DEPTH_MAX = 512 };

/* The largest integer that every reader of JSON can hold (RFC 7493, section 2.2). */
#define JSON_INTEGER_MAX ((1ULL << 53) - 1)

/*
 * 0 if `text` is exactly one JSON value in valid UTF-8 (RFC 3629), nested at most JSON_DEPTH_MAX
 * deep, with white space around it at most. Else -EINVAL, and *ret_offset (may be NULL) is the
 * first offending byte. Lone surrogate escapes (\ud800) are accepted, as RFC 8259 section 8.2 does.
 */
int json_check(const void *text, size_t len, size_t *ret_offset);

/*
 * The value of member `name` of the object `text`, which json_check() accepted: where it lies. A
 * name that is written with escapes is not found. -ENOENT if there is none, or `text` is no object.
 */
int json_member(const void *text, size_t len, const char *name, const char **ret, size_t *ret_len);

/*
 * The same of a string without escapes, of less than `size` bytes: 1, and out[] is the string. 0,
 * and out[] is "": there is none, or it is no such string.
 */
int json_text(const void *text, size_t len, const char *name, char *out, size_t size);

/* Whether all of the text is valid UTF-8. */
int utf8_valid(const void *text, size_t len);
/* A character up to U+10FFFF that is no surrogate, as 1 to 4 bytes. How many. */
size_t utf8_put(char to[4], uint32_t c);

/*
 * Appends a JSON string. Bytes that are not valid UTF-8 become U+FFFD. All control characters, the
 * delete character and U+2028/2029 are escaped, so a line of JSON stays one line in every reader
 * and a terminal cannot be steered by it.
 */
int json_quote(struct buf *b, const void *text, size_t len);
int json_quote_str(struct buf *b, const char *text);

/*
 * Appends JSON text that json_check() accepted, on one line: what breaks lines between its tokens
 * (within strings nothing can) becomes a space.
 */
int json_line(struct buf *b, const void *text, size_t len);

/* Appends base64 (RFC 4648 section 4), without quotes. */
int base64_add(struct buf *b, const void *data, size_t len);
