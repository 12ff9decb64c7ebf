/* Text from outside on its way to a terminal, which it must not steer, and to a reader whom it must
 * not deceive. */
#pragma once

#include "base/buf.h"

#include <stdio.h>

/*
 * What a terminal obeys becomes visible: control characters (\x1b), characters that turn the
 * direction of writing or break lines unseen (\u202e), bytes that are not UTF-8 (\xff). New lines
 * and tabs stay.
 */
void safe_print(FILE *to, const char *text, size_t len);

/* The same for one cell of a table: new lines, tabs and every character without a width become
 * visible too. */
void safe_cell(struct buf *out, const char *text, size_t len);

/*
 * JSON text as it is, but for such characters that it may hold as they are (in strings only), which
 * are escaped: the same JSON for every reader.
 */
void safe_json(FILE *to, const char *text, size_t len);
