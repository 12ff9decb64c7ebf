/* Strings between the engine (UTF-16) and the wire (UTF-8). */
#pragma once

#include "base/buf.h"

#include <JavaScriptCore/JavaScript.h>

/* A new engine string. Ill-formed UTF-8 becomes U+FFFD per maximal subpart (WHATWG Encoding). */
JSStringRef text_from_utf8(const void *data, size_t len);

/* The same, but NULL if the bytes are ill-formed. */
JSStringRef text_from_utf8_strict(const void *data, size_t len);

/* Appends the string; lone surrogates become U+FFFD. -ENOSPC past the buffer's maximum. */
int text_to_utf8(JSStringRef s, struct buf *out);
