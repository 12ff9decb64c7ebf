/* Bodies of requests as JSON objects whose members are known beforehand. */
#pragma once

#include "control/control.h"

#include <jansson.h>

/*
 * The body as an object; anything else is answered with 400. `known` are the members it may have,
 * with a space on either side of each. Duplicate names are refused. The caller decrefs.
 */
json_t *body_object(struct request *q, const char *known);
/* Whether `known`, as above, has this name. */
int body_knows(const char *known, const char *name);
/* A string member, NULL if it is absent; of another type, it is answered and *failed set. */
const char *body_string(struct request *q, const json_t *body, const char *name, int *failed);
/* A whole number within [min, max]; `fallback` if absent. */
int64_t body_number(struct request *q, const json_t *body, const char *name, int64_t fallback,
		    int64_t min, int64_t max, int *failed);

/* "2026-01-02T03:04:05.678Z", quoted; null for 0. */
void body_time(struct buf *b, int64_t ms);
/* Quoted; null for "". */
void body_text(struct buf *b, const char *text);
/* A member of the object that is being written, in its place; nothing for NULL and "". */
void body_member(struct buf *b, const char *name, const char *value);
