/* Stand-ins for what is around a real cordon-ledger: its supervisor and control. */
#pragma once

#include "base/buf.h"
#include "evidence/journal.h"
#include "wire/message.h"
#include "wire/words.h"

#include <sys/types.h>

struct process {
	pid_t pid;
	int supervisor, control;
	struct buf in;
	size_t taken; /* bytes of `in` that the last message had */
	uint8_t seal_key[JOURNAL_KEY];
	uint64_t signed_size; /* what the newest LEDGER_STATE said */
};

/*
 * Starts `program` on `directory` (NULL-terminated options), with the same key of keys each time.
 * Whatever fails here ends the benchmark.
 */
void process_start(struct process *p, const char *program, const char *directory,
		   const char *const *options);
/* Ends it by leaving; with `kill`, without warning. Its wait status. */
int process_stop(struct process *p, int kill);

void process_send_bytes(struct process *p, const void *data, size_t len);
/* Sends the encoded frames in `b`, and empties it. */
void process_send(struct process *p, struct buf *b);
/* The next message that is no LEDGER_STATE. It lives until the next call. */
void process_next(struct process *p, struct msg *m);
/* Asks, and waits for the answer; 0, or -errno with what it said on standard error. */
int process_ask(struct process *p, enum ledger_question what, uint64_t a, uint64_t b,
		const char *text, struct msg *m);
/* Until a checkpoint covers `size` entries. */
void process_await_signed(struct process *p, uint64_t size);
