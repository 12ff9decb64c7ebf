/* What a run came to, for a person or as one JSON object. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "cli/jsonview.h"
#include "wire/message.h"

struct report {
	char run[LIMIT_NAME], receipt[LIMIT_NAME]; /* receipt: "" without a ledger */
	const char *tier, *class_;
	struct buf logs; /* JSON array elements, comma-separated; for --json */
};

/* One log line as it comes, for a person. */
void report_log(const struct msg_run_log *m);
/* The same, kept for report_json. */
void report_keep_log(struct report *r, const struct msg_run_log *m);

void report_person(const struct report *r, const struct msg_run_done *m);
void report_json(const struct report *r, const struct msg_run_done *m);

/* One log line as the API describes it. */
void report_api_log(struct jsonview line);

/*
 * Prints a run as the API describes it in the way of report_person, with its logs before it, but
 * for the first `logs_shown`. Returns the exit status; -EIO if the text is not a run that is over.
 */
int report_api(const char *text, size_t len, size_t logs_shown, struct err *reterr);
/* The outcome of such a run, without printing; -EIO. */
int report_api_outcome(const char *text, size_t len, struct err *reterr);

/* Exit status of an outcome (cordon(1), EXIT STATUS). */
int report_exit(uint8_t outcome);
