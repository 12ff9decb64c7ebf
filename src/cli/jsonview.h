/*
 * A look into JSON text without a tree: a view is the span of one value within the text. What code
 * in a sandbox returned passes through byte for byte, with every number, lone surrogate and depth
 * that a tree would lose or refuse. Walking is not recursive and stays within the text whatever is
 * in it; text that is not JSON gives fewer members, never a fault.
 */
#pragma once

#include "base/buf.h"

struct jsonview {
	const char *p; /* first byte of the value; not terminated */
	size_t len;    /* 0: absent */
};

/* 0, or -EBADMSG if the text does not begin with a value that ends in it, or more follows it. */
int jsonview_open(struct jsonview *ret, const void *text, size_t len);

/* The first member of that name; absent if `v` is no object or has none. Names with escapes in the
 * text are not found: the daemon writes none. */
struct jsonview jsonview_get(struct jsonview v, const char *name);

/*
 * A walk over the elements of an array or the members of an object:
 *	struct jsonview at = {0}, key, item;
 *	while (jsonview_next(v, &at, &key, &item)) …
 * `key` is the name with its quotes, absent in an array. 0 at the end, or if `v` is neither.
 */
int jsonview_next(struct jsonview v, struct jsonview *at, struct jsonview *ret_key,
		  struct jsonview *ret_item);

int jsonview_is(struct jsonview v, const char *literal); /* the text itself: "null", "true" */
int jsonview_is_string(struct jsonview v);

/* Appends a string's text, unescaped; lone surrogates become U+FFFD. Of any other value its JSON;
 * of null and absent nothing. */
void jsonview_text(struct jsonview v, struct buf *out);

/* Appends the bytes that a string of base64 stands for (RFC 4648, section 4; it needs no escapes).
 * -EBADMSG: it is none. */
int jsonview_base64(struct jsonview v, struct buf *out);

/* A string's text or "", cut at `size` - 1 bytes. */
void jsonview_copy(struct jsonview v, char *out, size_t size);

/* A whole number, or the fallback if it is none or does not fit. */
uint64_t jsonview_u64(struct jsonview v, uint64_t fallback);
int64_t jsonview_i64(struct jsonview v, int64_t fallback);
