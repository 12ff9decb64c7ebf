/*
 * A run between its admission and its end. Its row in the database says "running" for that time;
 * the row is written before the node hears of the run, and its end before a caller does.
 */
#pragma once

#include "control/control.h"
#include "control/day.h"
#include "control/quota_book.h"
#include "policy/platform.h"

struct run {
	struct list link;
	struct list turn; /* control's begun or ended */
	struct control *control;
	uint64_t handle; /* the node's name for it */
	char id[ID_SIZE], tenant[64], team[64], key[ID_SIZE], profile[64];
	char day[DAY_SIZE];	       /* that it is billed to */
	char policy[80], artifact[80]; /* digests, "" if it was denied before there was one */
	char lease_id[ID_SIZE], session[SESSION_SIZE]; /* "": none */
	struct lease *lease;			       /* while it is under way */
	char trace[64];
	char *labels, *provenance; /* JSON objects */
	const char *tier, *class_;
	int64_t created_ms;
	char *schema;	   /* JSON Schema for its value; NULL: none */
	uint64_t judge;	   /* the node's name for the run that judges the value; 0: none */
	struct buf judged; /* meanwhile: RUN_DONE of the run itself */
	struct buf wire;   /* SUBMIT, until a node has it */
	struct buf logs;
	struct buf events;   /* its journal, until it is on the way to the ledger */
	struct buf payloads; /* what stands beside it: lines of a number, a space, and JSON */
	int ended;	     /* as `json` says */
	struct buf json;
	int sent, cancelled, stored; /* stored: its code is an artifact that was put */
	struct quota_hold hold;	     /* what is reserved for it */
	char *more;		     /* members of a denial's error, ",…"; NULL */
	size_t bytes;		     /* of code and input: it counts for control->run_bytes */
	struct list waiters;	     /* of struct request */
	/* When it is over: its end, until the database has it. */
	const char *outcome, *reason;
	char denial[48]; /* `reason` of a denied one */
	int64_t ended_ms;
	int cached, unwritten;
	/* Until the ledger has it: */
	struct buf facts, record; /* what its receipt says; the frame that tells the ledger */
	/* What its node metered besides RUN_DONE; attempts 0: one. */
	uint64_t egress_bytes, tool_calls;
	unsigned attempts;
	size_t kept_bytes; /* of one that is told again: what is kept of it besides its journal */
	/* When it is over, as its receipt has it; all 0 if it was denied, or nothing is known. */
	struct platform_usage used;
	uint64_t cost_nanos;
	const char *engine;
	uint64_t recording; /* what the frame is called; 0: none is under way */
	int record_sent;    /* on this link */
	int refused;	    /* the ledger would not have it as the node sealed it */
	int recovered;	    /* another control had it */
	int told_again;	    /* its end stood, and is told once more: it takes nobody's place */
	struct wire_bytes known_usage; /* of such a one, JSON, while its end is recorded */
	int by_node;		       /* its journal was sealed by the node */
	/* And then: */
	char receipt[ID_SIZE];
	struct buf envelope; /* the signed statement */
};

struct run *run_new(struct control *c);
void run_free(struct run *r);
struct run *run_find(struct control *c, const char *id);
struct run *run_by_handle(struct control *c, uint64_t handle);

/* Answers who waits for its end; `e`: it could not be written. */
void run_answer(struct run *r, const struct err *e);
/* Its row was written: it is the node's when this turn's are committed. */
void run_begin(struct run *r);
void run_send(struct run *r); /* if it was not sent yet */
/* Ends it before its time. */
void run_stop(struct run *r, enum termination_reason why);
/* The request is answered when the run is over. */
void run_wait(struct run *r, struct request *q);
/* The request is answered with what happens from now on; the run's end is the last of it. */
void run_follow(struct run *r, struct request *q);

void run_on_log(struct run *r, const struct msg_run_log *m);
void run_on_journal(struct run *r, const struct msg_run_journal *m);
void run_on_done(struct run *r, const struct msg_run_done *m);
void run_end(struct run *r, const struct msg_run_done *m); /* for good */
/* The ledger has it. */
void run_recorded(struct run *r);
/* The journal's lines as people are shown them, each with its payload. */
int run_show_events(const void *lines, size_t len, const void *payloads, size_t n, struct buf *out);
/* Who waits is told; it stays under way for all others, and is tried again. */
void run_unwritten(struct run *r, const struct err *e);
void run_lost(struct run *r); /* its node is gone */

/* What the API shows of it while it is under way; when it is over. */
void run_json(const struct run *r, const struct msg_run_done *m, struct buf *out);

/* judge.c: 1: the value is being judged, or was found wanting; either way run_end() is called for
 * it. */
int judge_begin(struct run *r, const struct msg_run_done *m);
void judge_end(struct run *r, const struct msg_run_done *m);
