/* A run's end as JSON, as `cordon run --json` and the HTTP API show it. */
#pragma once

#include "wire/message.h"

/* One element of "logs". */
void run_json_log(struct buf *b, const struct msg_run_log *m);

/*
 * A line of a journal as people are shown it: what stands beside it is its last member, "request".
 * -ENOSPC past b's maximum; something was added then.
 */
int run_json_event(struct buf *b, const struct msg_run_journal *m);

/*
 * The members from "outcome" to "now_ms", without braces: outcome, termination, value_kind, value,
 * error, logs (`logs`: elements that run_json_log() wrote, with commas between), usage, jail, seed,
 * now_ms.
 */
void run_json_members(struct buf *b, const struct msg_run_done *m, const char *logs);
