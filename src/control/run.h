/*
 * A run between its admission and its end. Its row in the database says "running" for that time;
 * the row is written before the node hears of the run, and its end before a caller does.
 */
#pragma once

#include "control/control.h"
#include "control/day.h"
#include "control/queue.h"
#include "control/quota_book.h"
#include "policy/platform.h"

#include <stdbool.h>
#include <uthash.h>

/* What comes of a run: it has it when it is begun, or over before that. */
struct run_out {
	struct run *run;
	UT_hash_handle by_name;
	uint64_t name; /* what it is called now: handle, judge, recording; 0: nothing */
	struct loop_timer retry;
	uint64_t judge;	   /* the node's name for the run that judges its value; 0: none */
	uint64_t judge_us; /* CPU time of that one */
	struct buf logs;
	struct buf events;   /* its journal, until it is on the way to the ledger */
	struct buf payloads; /* what stands beside it: lines of a number, a space, and JSON */
	struct buf judged;   /* RUN_DONE of the run itself, while its value is judged */
	struct buf json;     /* its end, until the database has it */
	const char *outcome, *reason;
	char denial[48]; /* why it was denied */
	int64_t ended_ms;
	/* As its receipt has it; all 0 if it was denied, or nothing is known. */
	struct platform_usage used;
	uint64_t cost_nanos;
	/* Until the ledger has it: */
	uint64_t recording;	       /* what `record` is called; 0: none is under way */
	struct buf facts, record;      /* what its receipt says; the frame that tells the ledger */
	struct wire_bytes known_usage; /* told again: JSON, while its end is recorded */
	/* What its node metered besides RUN_DONE. */
	uint64_t egress_bytes, tool_calls;
	size_t kept_bytes; /* told again: what is kept of it besides its journal */
	/* And then: */
	char receipt[ID_SIZE];
	struct buf envelope; /* the signed statement */
};

struct run {
	struct list link;
	struct list turn; /* control's begun or ended */
	struct control *control;
	UT_hash_handle by_id;
	uint64_t handle; /* the node's name for it */
	char id[ID_SIZE], tenant[64], key[ID_SIZE], profile[64];
	char day[DAY_SIZE];	       /* that it is billed to */
	char policy[72], artifact[72]; /* digests, "" if it was denied before there was one */
	char lease_id[ID_SIZE];	       /* "": none */
	char *team, *session, *trace;  /* "": none; owned, as are: */
	char *labels, *provenance;     /* JSON objects; NULL: {} */
	char *schema;		       /* JSON Schema for its value; NULL: none */
	struct lease *lease;	       /* while it is under way */
	const char *tier, *class_, *engine, *role;
	int64_t created_ms;
	struct buf wire;	/* SUBMIT, as long as it may be sent */
	size_t bytes;		/* of code and input: it counts for control->run_bytes */
	struct list waiters;	/* of struct request */
	struct quota_hold hold; /* what is reserved for it */
	char *more;		/* members of a denial's error, ",…"; NULL */
	/* the queue */
	struct sched_item item;
	uint64_t waited_ns;   /* before that, in all its attempts; */
	uint64_t waiting_ns;  /* and since then; 0: it does not wait */
	uint64_t deadline_ns; /* CLOCK_MONOTONIC; 0: none */
	uint8_t nice;
	bool idempotent; /* to run it twice does no harm */
	bool synced;	 /* its end is on the disk before anybody is told */
	bool go;	 /* it has its place among those that run */
	bool sent, cancelled;
	bool stored; /* its code is an artifact that was put */
	bool ended;  /* as out->json says */
	bool cached, unwritten;
	bool record_sent; /* on this link */
	bool refused;	  /* the ledger would not have it as the node sealed it */
	bool recovered;	  /* another control had it */
	bool told_again;  /* its end stood, and is told once more: it takes nobody's place */
	bool by_node;	  /* its journal was sealed by the node */
	unsigned attempts;
	struct run_out *out; /* NULL: nothing yet; run_out() */
};

struct run_out *run_out(struct run *r);	    /* made, if there is none */
void run_text(char **text, const char *to); /* of one that the run owns */

struct run *run_new(struct control *c);
void run_free(struct run *r);
struct run *run_find(struct control *c, const char *id);
struct run *run_by_handle(struct control *c, uint64_t handle); /* what the node has */
struct run *run_by_name(struct control *c, uint64_t name);
void run_rename(struct run *r, uint64_t name); /* 0: it has none from now on */
void run_enlist(struct run *r);		       /* it is under way */
/* It ends before it was begun. */
void run_deny(struct run *r, const char *code, const char *message, uint64_t seed);

/* Who follows it is told of an event, with a JSON value on one line. */
void run_tell(struct run *r, const char *event, const void *data, size_t len);
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
