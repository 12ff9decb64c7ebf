/*
 * The link to the ledger, in which each run and each administrative act is recorded. A run's end is
 * told to nobody before the ledger has it; an act stands in the state database, in the transaction
 * that does it, until the ledger has it. Each is in the log once, whatever dies in between: what
 * was not confirmed is sent again, and the ledger knows it by its ID.
 */
#pragma once

#include "control/control.h"

struct run;

/* Why nothing new can be taken on, because it could not be recorded; 0: it can. */
int ledger_refuses(struct control *c, struct err *reterr);
/* The same, answered with 503. */
int ledger_refuses_request(struct request *q);

void ledger_attach(struct control *c, int fd);
void ledger_close(struct control *c); /* who waits for it or follows it is answered */
void ledger_flush(struct control *c); /* at the end of a turn */

/*
 * Asks (words.h, LEDGER_QUESTIONS), and answers the request when the answer is there: with `told`,
 * or if that failed with a problem. The request may be gone by then; told() is not called then.
 * A request that follows events is not answered with problems: told() learns of failures
 * (m->number). 0, or -EAGAIN: it was not asked.
 */
typedef void told_fn(struct request *q, const struct msg_ledger_told *m);
int ledger_ask(struct request *q, enum ledger_question what, uint64_t a, uint64_t b,
	       const char *text, size_t len, told_fn *told);

/*
 * The same for control itself, with no request: told() is called once, with m->number (an errno) if
 * it failed, also when the ledger ends meanwhile (ENOTCONN). 0, or -EAGAIN: it was not asked, and
 * told() is not called.
 *
 * What runs used, with ASK_USAGE: `text` is a JSON object of conditions, each of which may be left
 * out: "rows" ("totals", which is meant without it, "detail", "reasons"), "from" and "to" (days),
 * "tenant" (all, if it is left out), "team", "key", "profile", "tier", "class", "currency",
 * "limit" (1000 at most), "after". m->body is a JSON object: "rows" (docs/usage.md has their
 * members), "entries" (how many entries of the log are in them), "behind" (how many are not yet,
 *but for those that were appended after the question: more than 0 for a while after a start; ask
 * again), "more", and if that is true "next", which is "after" of the next page. So for a day:
 *
 *	{"from":"2026-11-21","to":"2026-11-21"}
 */
typedef void self_told_fn(void *arg, const struct msg_ledger_told *m);
int ledger_ask_self(struct control *c, enum ledger_question what, uint64_t a, uint64_t b,
		    const char *text, size_t len, self_told_fn *told, void *arg);

/* ledger.c, for record.c and acts.c: a frame goes out, if there is a link. -ENOTCONN, -ENOSPC. */
int ledger_send(struct control *c, const struct buf *frame);

/* record.c: runs */
/* What is known of a run when it is admitted, for its receipt. m NULL: only what its row has. By
 * itself, if nobody has called it, it is done at the run's end. */
void record_begin(struct run *r, const struct msg_submit *m);
/* It is over: its APPEND is made. */
void record_end(struct run *r, const struct msg_run_done *m);
/* Sends it, unless that was done on this link. */
void record_send(struct run *r);
/* The ledger has it, or says why not. 1 if `handle` was a run's. */
int record_told(struct control *c, const struct msg_appended *m);
void record_link(struct control *c, int up);

/* acts.c */
/*
 * Around a handler's writes: act_begin() opens the transaction, unless nothing can be recorded;
 * act_commit() commits if `r` is not negative, else takes all back and returns it. What takes away
 * a right begins with batch_open() instead: it is done whether or not the ledger is there, and
 * recorded when it is.
 */
int act_begin(struct request *q, struct err *reterr);
int act_commit(struct request *q, int r, struct err *reterr);
/*
 * Records an act, in the transaction that does it. `more`: names and values of further members,
 * ended by NULL; a value that is NULL or "" is left out. q NULL: control itself acts.
 */
int act(struct control *c, const struct request *q, const char *event, const char *tenant,
	struct err *reterr, ... /* , NULL */) __attribute__((sentinel));
int acts_load(struct control *c, struct err *reterr); /* at start: what the ledger has not */
void acts_settled(struct control *c, int committed);
int acts_told(struct control *c, const struct msg_appended *m);
void acts_link(struct control *c);

/* followers of events: events.c */
void events_grown(struct control *c);
void events_drained(struct request *q); /* it has read all */
void events_stop(struct control *c);	/* all of them */
void events_recheck(struct control *c); /* who may not follow any more does not */
void events_leave(struct request *q);	/* it is gone */
