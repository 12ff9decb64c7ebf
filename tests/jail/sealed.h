/* Whether the journal of a run is what the node vouches for, and what it must be. */
#pragma once

#include "jail/front.h"

/*
 * NULL: its lines are linked, canonical and numbered; count, root and seal are theirs; it begins
 * and ends as its outcome says, all of it is of this run, and payloads have the digests of their
 * events. Else what is wrong.
 */
const char *sealed_flaw(struct done *d);

/* The line at *p of a text of lines, for the caller to free; *p moves on to the next. */
char *sealed_line(const char **p);
/* Whether member `name` of the object is `value`, as JSON text. */
int sealed_is(const char *line, const char *name, const char *value);
/* The first event of this kind, NUL-terminated, for the caller to free; NULL: there is none. */
char *sealed_find(struct done *d, const char *event);
