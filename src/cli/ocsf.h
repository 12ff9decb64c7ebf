/*
 * Events of the ledger as OCSF has them (Open Cybersecurity Schema Framework, schema 1.8.0); the
 * table is in docs/ocsf.md. Pure.
 */
#pragma once

#include "cli/jsonview.h"

#define OCSF_VERSION "1.8.0"

/*
 * Appends the OCSF event for an item of GET /v1/events that json_check() accepted, on one line. 1;
 * 0 and nothing: it is of no interest to security (wait, wake, log).
 */
int ocsf_event(struct jsonview item, struct buf *out);
