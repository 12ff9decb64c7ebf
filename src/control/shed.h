/*
 * Requests that are refused without becoming runs. A refusal that is a run costs a row, a receipt
 * and an entry of the log, and who was refused may ask again at once; so only some of them are, and
 * the others are counted, by tenant and reason. Each count is recorded as one act,
 * `requests_refused`, within a minute of the first of them. What a crash of control takes away is
 * the counts of that minute.
 */
#pragma once

#include "control/control.h"

enum {
	SHED_EVERY_S = 60,
	SHED_DENIED_MAX = 30,	/* refusals of one tenant in that time that may be runs */
	SHED_COUNTS_MAX = 4096, /* that are kept; more are recorded sooner */
};

/* One more was refused. `reason`: a problem's code, one that the platform wrote. */
void shed_count(struct control *c, const char *tenant, const char *reason);
/* 1: this refusal may be a run with the outcome denied, and is one of those that may be. */
int shed_may_deny(struct control *c, const char *tenant);
/* At the end of control: what was counted is recorded now. */
void shed_flush(struct control *c);
void shed_metrics(const struct control *c, struct buf *b);
