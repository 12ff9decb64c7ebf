/* Events for people: one line each. */
#pragma once

#include "cli/jsonview.h"

/* The header of such lines, on standard output. */
void event_view_header(void);

/* An item of GET /v1/events: its time, name, run or act, tenant, and what it says besides. */
void event_view_line(struct jsonview item);

/* What an event says besides who, when and where: "name=value", harmless for a terminal. */
void event_view_what(struct jsonview event, struct buf *out);

/* An item as one line of JSON. */
void event_view_json(struct jsonview item);
