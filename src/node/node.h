/*
 * The node: owns the sandboxes of this machine. It takes runs from the front, gives each a fresh
 * sandbox from its pool, answers what the sandbox asks, watches its ceilings, and tells the front
 * how it ended.
 *
 *   main.c    start-up, the links to front and supervisor
 *   pool.c    zygotes and the sandboxes they fork, until a run takes one
 *   run.c     a run's life: admission, dispatch, ceilings, end
 *   hold.c    sandboxes that are kept between runs
 *   broker.c  the bytes from a sandbox: decode, check against the phase, decide, journal, answer
 *   journal.c the record of a run
 *   cache.c   transformed code by artifact digest
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "evidence/journal.h"
#include "os/loop.h"
#include "os/proc.h"
#include "wire/message.h"
#include "wire/words.h"

#include <sys/types.h>

enum { RUN_MAGIC = 0x52756e31, SANDBOX_MAGIC = 0x53626f78 };

/* How many sandboxes and runs; every queue of the node is bounded by one of these. */
struct node_limits {
	uint32_t pool_floor;   /* ready sandboxes kept for an engine that is in use */
	uint32_t pool_ceiling; /* most that demand may make it keep */
	uint32_t running_max;  /* runs under way at once */
	uint32_t queue_max;    /* runs waiting for a place */
};

enum zygote_state { ZYGOTE_NONE, ZYGOTE_SPAWNING, ZYGOTE_STARTING, ZYGOTE_READY, ZYGOTE_FAILED };

struct pool {
	struct list idle; /* struct sandbox */
	uint32_t idle_count, forking;
	uint32_t target; /* how many ready ones demand asks for now */
	uint32_t low;	 /* fewest idle since the last look */
};

struct zygote {
	struct node *node;
	uint8_t engine;
	enum zygote_state state;
	struct loop_watch link;
	uint32_t failures;  /* starts in a row that came to nothing */
	uint64_t failed_ns; /* when it was given up */
	struct err error;
	struct buf jail;	      /* its report, JSON */
	char version[LIMIT_NAME + 1]; /* of its engine */
	struct list sandboxes;	      /* all of them, whatever they do */
	struct pool pool[2];	      /* [threads] */
};

struct sandbox {
	uint32_t magic;
	uint64_t id;
	struct zygote *zygote;
	int threads;
	uint64_t asked_ns; /* when the zygote was asked for it */
	enum sandbox_phase phase;
	int pidfd;
	pid_t pid;
	int statm; /* proc_memory_read(); -1: not open */
	struct loop_watch watch;
	struct buf in, out;
	struct run *run;
	struct hold *hold;	 /* it is kept for */
	size_t frame;		 /* bytes in `in` of the message that is being handled */
	struct proc_memory base; /* when it was ready */
	uint64_t base_cpu_ns;
	int eof, exited;
	int held;	     /* its bytes are being handled: not to be freed now */
	uint32_t operations; /* last operation number it used */
	struct msg_exited exit;
	struct list all, idle;
};

/* A sandbox that is kept between runs of the same code, for whoever named it. */
struct hold {
	struct list link;
	uint64_t id;
	struct msg_hold spec; /* bytes point into `body` */
	void *body;
	int checked;   /* its code is known to be in order, and what it needs: */
	uint8_t flags; /* RUN_WASM */
	uint8_t artifact[32];
	uint8_t digest[32];	 /* both as those of its runs */
	struct sandbox *sandbox; /* NULL: the next run gets a fresh one */
	struct run *run;	 /* that it serves now */
	uint32_t served;	 /* runs, by this sandbox */
	unsigned users;		 /* runs that name it */
	int released;		 /* to be forgotten with its last user */
};

enum run_state { RUN_QUEUED, RUN_RUNNING, RUN_DYING };

struct run {
	uint32_t magic;
	struct node *node;
	struct list link; /* node->queue or node->running */
	enum run_state state;
	uint64_t handle;
	char id[LIMIT_NAME + 1];
	struct msg_submit spec; /* bytes point into `body` */
	void *body;
	uint8_t flags;
	uint8_t artifact[32]; /* digest of its code, as the API has it */
	uint8_t digest[32];   /* the same with engine mode and flags: names transformed code */
	struct sandbox *sandbox;
	struct hold *hold; /* NULL: none */
	struct loop_timer wall, cpu, wake;
	uint64_t idle_from_ns, idle_ns; /* since when it waits for us (0: it does not); before */
	int64_t wake_ms;		/* what the clock will say at the wake that is armed */
	int64_t now_ms;			/* the run's clock */
	int64_t start_ms;		/* the same when it began */
	int64_t admitted_ms;		/* real time at its admission */
	uint64_t submit_ns, spawn_ns, start_ns, end_ns;
	int missed; /* found no ready sandbox */
	int stuck;  /* said that nothing could wake it any more */
	uint32_t operations, log_lines;
	uint64_t output_bytes;
	uint64_t seq; /* of the journal: last number given */
	struct journal journal;
	struct buf envelope; /* members that stand in each of its events, each after a comma */
	struct buf payloads; /* beside it: journal.c */
	char policy[128];    /* its digest, JSON text; "": none */
	size_t journal_sent, payloads_sent;
	uint64_t events_sent;
	struct hash root;
	uint8_t seal[JOURNAL_SEAL];
	struct msg_run_done done; /* as far as it is known */
	struct buf value, error;
	char detail[512];
};

struct node {
	struct loop *loop;
	struct node_limits limits;
	int proc;
	uint8_t seal_key[JOURNAL_KEY];
	struct loop_watch front, supervisor;
	struct buf front_in, front_out;
	struct zygote zygotes[ENGINE_COUNT];
	uint8_t warm_engine;
	int announced; /* NODE_READY was sent */
	struct list queue, running, holds;
	uint32_t queued, active;
	uint64_t next_sandbox;
	struct loop_timer pool_timer;
	struct cache *cache;
};

/* main.c */
void node_send_front(struct node *n, const struct msg *m);
void node_ask_zygote(struct node *n, uint8_t engine);
void node_announce(struct node *n, const struct zygote *z);

/* pool.c */
void pool_init(struct node *n);
void pool_attach(struct zygote *z, int link); /* the supervisor's answer */
void pool_failed(struct zygote *z, const struct err *e);
struct sandbox *pool_take(struct node *n, uint8_t engine, int threads); /* NULL: none ready yet */
void pool_refill(struct node *n, uint8_t engine); /* a run is over: make up for its sandbox */
void pool_kill(struct sandbox *s);
void pool_ready(struct sandbox *s);   /* it is jailed and warm */
void pool_eof(struct sandbox *s);     /* its end of the socket closed; may free it */
void pool_release(struct sandbox *s); /* frees when it is dead and unused */

/* run.c */
void run_submit(struct node *n, const struct msg_submit *m);
void run_cancel(struct node *n, uint64_t handle, uint8_t why);
void run_dispatch(struct node *n);
void run_engine_failed(struct node *n, uint8_t engine, const struct err *e);
void run_completed(struct run *r, uint8_t kind, struct wire_bytes data);
void run_failed(struct run *r, struct wire_bytes error);
/* Ends a run for a ceiling or by order. `limit` and `observed` in the ceiling's unit, 0 if none. */
void run_terminate(struct run *r, enum termination_reason why, uint64_t limit, uint64_t observed,
		   const char *format, ...) _printf_(5, 6);
void run_sandbox_died(struct run *r);
void run_journal_full(struct run *r); /* what cannot be recorded does not happen: it ends */
void run_wait_until(struct run *r, int64_t until_ms);
void run_idle(struct run *r, int idle); /* it waits for us from now on, or does not */
int64_t run_clock(struct run *r);	/* moves the run's clock on, as its kind of clock does */
uint64_t run_cpu_us(const struct run *r);

/* hold.c */
void hold_add(struct node *n, const struct msg_hold *m);
void hold_release(struct node *n, uint64_t id);
struct hold *hold_find(struct node *n, uint64_t id);
void hold_leave(struct hold *h);		     /* a run of it is over */
int hold_keeps(const struct run *r, enum outcome o); /* its sandbox serves the next one too */
void hold_lost(struct sandbox *s);		     /* it ended */

/* broker.c */
void broker_readable(struct loop_watch *w, uint32_t events);
int broker_send(struct sandbox *s, const struct msg *m); /* 0, or -errno: the sandbox is gone */

/* journal.c; the run's ID and spec are set. */
enum { JOURNAL_MAX = 8 << 20 }; /* of a run, with what stands beside it */
void journal_open(struct run *r);
void journal_done(struct run *r);
/*
 * One event; `format` gives further members, beginning with a comma. -ENOSPC: the journal is full;
 * what was to be recorded must not happen.
 */
int journal_add(struct run *r, const char *event, const char *format, ...) _printf_(3, 4);
void journal_admitted(struct run *r);			/* its first, */
void journal_denied(struct run *r, const char *reason); /* or its only one */
/* tool_call_attempted; `what`: tool and destination, members that begin with a comma. -ENOSPC. */
int journal_add_call(struct run *r, const char *what, struct wire_bytes payload);
void journal_send(struct run *r);  /* what was not sent yet */
void journal_close(struct run *r); /* fills what r->done says of it */

/* cache.c */
struct cache *cache_new(size_t max_bytes);
void cache_free(struct cache *c);
void cache_put(struct cache *c, const uint8_t digest[32], struct wire_bytes text);
struct wire_bytes cache_get(struct cache *c, const uint8_t digest[32]); /* .data NULL: not there */
