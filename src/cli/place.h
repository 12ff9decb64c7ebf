/*
 * A file that keeps how far something went: one line, replaced at once and on the disk before
 * place_keep() returns. One process at a time.
 */
#pragma once

#include "base/err.h"
#include "cli/event_query.h"

struct place {
	char *path; /* NULL: it is kept nowhere */
	int lock;
	char kept[EVENT_CURSOR_SIZE];
};

/*
 * Takes FILE (NULL: none) for this process; `text` becomes what is in it, if it is there. -EBUSY:
 * another process has it.
 */
int place_open(struct place *p, const char *path, char text[EVENT_CURSOR_SIZE], struct err *reterr);
int place_keep(struct place *p, const char *text, struct err *reterr);
void place_done(struct place *p);
