/*
 * What came of the requests of one stream: counts by status, outcome and code, latencies, and the
 * same for slices of time.
 */
#pragma once

#include "latency.h"
#include "reply.h"
#include "streams.h"

enum {
	TALLY_WORDS_MAX = 32, /* different outcomes, or codes; the others are counted as "other" */
	TALLY_WORD_SIZE = 64,
};

struct tally_words {
	unsigned count;
	struct {
		char text[TALLY_WORD_SIZE];
		uint64_t count;
	} all[TALLY_WORDS_MAX + 1];
};

/* Of those that were due in it; `completed`, and the CPU time, of those that were over in it. */
struct tally_slice {
	uint64_t due, completed, refused, cpu_us;
	struct latency latency;
};

struct tally {
	const struct stream_config *stream;
	uint64_t due, sent, right, in_time; /* in_time: right, and before the stream's end */
	uint64_t wrong, broken, unanswered, reconnected;
	struct tally_words status, outcomes, codes;
	struct latency
		latency; /* of right answers, and of what got none, as long as it was waited */
	struct latency refused; /* of all other answers */
	struct latency waited;	/* in the platform's queue, by its own word */
	struct latency pool;	/* for a connection */
	uint64_t cpu_us;	/* of runs, by the platform's word */
	long retry_min, retry_max;
	uint64_t retries;
	unsigned slice_count;
	uint64_t slice_ns;
	struct tally_slice *slices;
	int last_break; /* -errno */
};

void tally_init(struct tally *t, const struct stream_config *stream, const struct streams *all);
void tally_done(struct tally *t);

/* Times in nanoseconds from the beginning. */
void tally_due(struct tally *t, uint64_t due);
void tally_reply(struct tally *t, const struct reply *reply, uint64_t due, uint64_t now);
/* There is and will be no answer: its connection broke (r: -errno), or (0) time is up. */
void tally_none(struct tally *t, int r, uint64_t due, uint64_t now);

void tally_print(const struct tally *t);
void tally_print_latency(const char *name, const struct latency *l);
