/* What a run came to, for a person or as one JSON object. */
#pragma once

#include "base/buf.h"
#include "wire/message.h"

struct report {
	char run[LIMIT_NAME];
	const char *tier, *class_;
	uint64_t memory_bytes; /* the ceiling, for advice */
	struct buf logs;       /* JSON array elements, comma-separated; for --json */
};

/* One log line as it comes, for a person. */
void report_log(const struct msg_run_log *m);
/* The same, kept for report_json. */
void report_keep_log(struct report *r, const struct msg_run_log *m);

void report_person(const struct report *r, const struct msg_run_done *m);
void report_json(const struct report *r, const struct msg_run_done *m);

/* Exit status of an outcome (cordon(1), EXIT STATUS). */
int report_exit(uint8_t outcome);
