/* CSV (RFC 4180): lines end with CR LF, and what would be taken for structure is quoted. */
#pragma once

#include "base/buf.h"

/*
 * A cell of text. Spreadsheets compute a cell that begins with = + - @, a tab or a carriage return;
 * whoever wrote the text could have them send other cells away. Such a cell, and one that begins
 * with an apostrophe, gets an apostrophe before it, which a reader takes away again.
 */
int csv_text(struct buf *b, const char *text);
/* A number that the program itself has made. */
int csv_number(struct buf *b, const char *digits);
int csv_end(struct buf *b); /* of a line */
