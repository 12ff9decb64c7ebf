/* Text from outside on its way to a terminal, which it must not steer. */
#pragma once

#include "base/buf.h"

#include <stdio.h>

/* Control characters become visible (\x1b); new lines and tabs stay. */
void safe_print(FILE *to, const char *text, size_t len);

/* The same for one cell of a table: new lines and tabs become visible too. */
void safe_cell(struct buf *out, const char *text, size_t len);

/*
 * JSON text as it is, but for control characters that it may hold as they are (DEL, U+0080 to
 * U+009F; they can stand in strings only), which are escaped: the same JSON for every reader.
 */
void safe_json(FILE *to, const char *text, size_t len);
