/*
 * control: who may do what. It serves the HTTP API, knows tenants, keys and profiles, admits runs
 * under a policy that was compiled before, and owns the state database. It starts no process and
 * opens no connection; it hands runs to the node over the link that the supervisor gives it.
 *
 * One thread, one loop. Everything that a caller can make grow has a maximum in the enum below.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"
#include "base/list.h"
#include "control/day.h"
#include "os/loop.h"
#include "store/store.h"
#include "wire/message.h"
#include "wire/words.h"

#include <microhttpd.h>

enum {
	BODY_MAX = 40 << 20,	  /* a request's body, base64 of modules included */
	SMALL_BODY_MAX = 1 << 20, /* the same for everything but runs */
	ANSWERS_MAX = 1 << 30,	  /* of all that are being sent; */
	ANSWER_SMALL = 64 << 10,  /* up to this each, they always are */
	BODIES_MAX = 256 << 20,	  /* of all requests that are being received */
	CONNECTIONS_MAX = 1024,
	CONNECTIONS_PER_ADDRESS = 256,
	HEADERS_MAX = 32 << 10,
	REQUEST_MAX_S =
		20, /* from a connection's start, or its last answer, to a request's headers */
	UPLOAD_MAX_S = 60, /* from a request's headers to its last byte */
	IDLE_MAX_S = 30,
	RUNS_MAX = 2048,	 /* begun and not on record */
	RUN_BYTES_MAX = 1 << 30, /* their code and input together */
	KEYS_MAX = 10000,	 /* of a tenant, revoked ones included */
	PROFILES_MAX = 10000,	 /* versions, of a tenant */
	LEASE_KEEP_DAYS = 7,	 /* leases that are over */
	SWEEP_S = 60,		 /* between looks for runs that are kept no longer */
	SWEEP_RUNS = 500,	 /* at a time */
	LABELS_MAX = 16,
	LABEL_SIZE_MAX = 128,
	PROVENANCE_SIZE_MAX = 256,  /* each member */
	STREAM_MAX = 64 << 20,	    /* bytes that a client may be behind */
	EVENTS_MAX = LIMIT_JOURNAL, /* bytes of one run's journal that are kept */
	PAGE_DEFAULT = 50,
	PAGE_MAX = 500,
	SESSION_SIZE = 129,
	SCHEMA_MAX = 64 << 10, /* an output_schema */
	JUDGE_CPU_MS = 1000,   /* what judging a value by it may take */
	JUDGE_MEMORY = 64 << 20,
	LEASE_TTL_S = 300,
	LEASE_TTL_MAX_S = 86400,
	LEASES_PER_TENANT = 10000,  /* that are not over */
	HOLD_BYTES_MAX = 256 << 20, /* of code, for all of them */
	HOLDS_PER_TENANT = 64,	    /* so that one tenant cannot have all of them */
	HOLDS_MAX = 256,	    /* sandboxes that are held */
	FOLLOWERS_MAX = 64,	    /* who follow events; */
	FOLLOWERS_PER_TENANT = 16,  /* with keys of one tenant */
};

#define ROLES(X)                                                                                   \
	X(0, RUNNER, "runner")                                                                     \
	X(1, AUDITOR, "auditor") X(2, OPERATOR, "operator") X(3, ADMIN, "admin")
#define X(n, U, t) ROLE_##U = 1 << n,
enum role {
	ROLES(X) ROLE_LOCAL = 1 << 4, /* the machine's administrator, at the unix socket */
	ROLE_KEY = 31,		      /* any of the above */
	ROLE_LEASE = 1 << 5,	      /* a lease's token */
	ROLE_NOBODY = 1 << 6,	      /* no key needed */
};
#undef X

/* Who asks. */
struct caller {
	enum role role;
	char tenant[64], team[64]; /* team "": none */
	char key[ID_SIZE];	   /* "local" for ROLE_LOCAL */
};

/* What a lease's token grants, as the lease's row has it; id "": the caller has none. */
struct lease_grant {
	char id[ID_SIZE], profile[64], policy[80], session[SESSION_SIZE];
	char artifact[80]; /* of what is held; "" */
	int64_t epoch, expires_ms;
};

struct door {
	struct control *control;
	struct MHD_Daemon *daemon;
	struct loop_watch watch;
	struct loop_timer timer, sweep;
	struct list connections; /* of struct connection, http.c */
	int local;
};

struct platform;

struct control {
	struct loop *loop;
	struct store *store;
	struct door doors[2];
	uid_t owner; /* who may use the unix socket, besides root */
	char url[64];
	struct loop_watch supervisor, signals;
	/* the node */
	struct loop_watch node;
	struct buf node_in, node_out;
	int node_ready, announced;
	/* runs that are not over */
	struct list runs;
	struct run *runs_by_id;	      /* hash tables */
	struct run_out *runs_by_name; /* of those that node or ledger have */
	size_t run_count, run_bytes;
	struct queue *queue;
	struct loop_timer sweep;
	char swept_tenant[64]; /* the last one whose payloads were looked at */
	size_t body_bytes;     /* see BODIES_MAX */
	size_t answer_bytes;   /* see ANSWERS_MAX */
	uint64_t next_handle;
	/* the ledger: ledger.h */
	struct loop_watch ledger;
	struct buf ledger_in, ledger_out;
	int ledger_known;	 /* it has said how it is: */
	struct err ledger_error; /* why it takes nothing; code "": it does */
	uint64_t ledger_size, ledger_signed, ledger_gone_ns;
	uint64_t
		ledger_owes_ns; /* since when it owes an answer, and says nothing; 0: it does not */
	struct list asks, acts, followers;
	size_t ask_count, follower_count;
	struct loop_timer beat; /* of followers */
	/* this turn: a transaction is open; runs that began or ended in it */
	int batch, batch_synced; /* synced: it has to be on the disk, too */
	struct list begun, ended;
	struct loop_timer unwritten;  /* ends of runs that the database would not take */
	struct loop_timer acts_again; /* acts that the ledger would not take */
	/* leases that have work under way or hold a sandbox */
	struct list leases;
	unsigned holds;
	size_t hold_bytes;
	struct shed *shed;     /* shed.h */
	struct quotas *quotas; /* quota.h */
	/* the end */
	int stopping, ending; /* ending: what was under way has been told to end */
	struct loop_timer stop;
	/* settings: requests a second, of one address and one key (0: no limit); seconds for
	 * runs that are under way when control is asked to end; PEM, NULL: no TLS */
	unsigned rate_address, rate_key, stop_s, keep_days;
	char *tls_certificate, *tls_key;
	struct platform *platform; /* tiers and prices: the document, or the defaults */
	char zone[DAY_ZONE_SIZE];  /* of days that are billed */
	/* metrics */
	uint64_t started_ms, requests, refused, limited;
	uint64_t outcomes[OUTCOME_COUNT], reasons[REASON_COUNT];
	uint64_t cpu_us, wall_us, cache_hits;
	uint64_t accepted, sealed[2]; /* runs; sealed: by control, by the node */
};

/* One HTTP request. */
struct request {
	struct control *control;
	struct MHD_Connection *connection;
	struct caller caller;
	struct lease_grant lease;
	const char *method, *path, *version;
	int target_bad;	   /* see framing_target_bad() */
	char tail[3][128]; /* what the route's wildcards matched */
	struct buf body;
	size_t body_bytes; /* it counts for control->body_bytes */
	char trace[64];
	struct MHD_Response *answer; /* ready to be sent */
	unsigned status;
	int suspended, refused, crowded; /* crowded: there was no room for its body */
	int again;			 /* it waits to be handled anew, with its body */
	int replayed;			 /* its Idempotency-Key was used before */
	struct list waiting;		 /* in the run's list, if it waits for one */
	/* An answer that comes in pieces: what was not sent yet, and whether more will come. */
	size_t answer_bytes; /* of control's */
	int streaming, stream_over;
	struct buf stream;
	struct follow *follow; /* events.c: it is told what comes */
};

/* main.c: says that it is ready, once, when it is. */
void control_announce(struct control *c);

/* http.c */
int http_open(struct control *c, struct door *d, int fd, struct err *reterr);
void http_close(struct door *d);
const char *http_header(const struct request *q, const char *name);
const char *http_query(const struct request *q, const char *name); /* NULL: not there */
/* Sends; `b` is taken over. A request that waits is woken. */
void http_answer(struct request *q, unsigned status, const char *type, struct buf *b);
void http_add_header(struct request *q, const char *name, const char *value); /* after the answer */
void http_suspend(struct request *q);
/* It waits, and is handled anew from the beginning, after http_again(). */
void http_wait(struct request *q);
void http_again(struct request *q);
/*
 * An answer of server-sent events (HTML Standard, section 9.2): http_event() adds one to it, with
 * data of one line, until http_stream_end(). Who does not read what comes loses the rest.
 */
int http_wants_events(const struct request *q);
void http_stream(struct request *q);
void http_event(struct request *q, const char *name, const void *data, size_t len);
/* The same with an "id", from which a client can go on (Last-Event-ID). */
void http_event_id(struct request *q, const char *name, const char *id, const void *data,
		   size_t len);
/* Something that means nothing, to find out whether the client is there. */
void http_beat(struct request *q);
int http_is_gone(const struct request *q); /* as far as its connection tells */
/* The event "error", with a problem as its data. */
void http_event_problem(struct request *q, unsigned status, const struct err *e);
void http_stream_end(struct request *q);
/* RFC 9457. */
void http_problem(struct request *q, unsigned status, const char *code, const char *format, ...)
	_printf_(4, 5);
void http_problem_err(struct request *q, unsigned status, const struct err *e);
/* After the answer: when to ask again, instead of what a problem says by itself. */
void http_retry_after(struct request *q, unsigned seconds);
/* For functions of store.h: 404, 409 or 503 with what *e says. */
void http_store_problem(struct request *q, int r, const struct err *e, const char *what);
/* That if r < 0, else `json`, which is taken over in either case. */
void http_store_answer(struct request *q, int r, const struct err *e, const char *what,
		       unsigned status, struct buf *json);

/* framing.c: what of a request is not as HTTP has it, in words; NULL: nothing. */
const char *framing_flaw(const struct request *q);
int framing_target_bad(const char *target); /* of the target as it was sent */

/* auth.c */
int auth_caller(struct request *q);		  /* fills q->caller; -EACCES: refused, answered */
int auth_tenant(struct request *q, char out[64]); /* the tenant that is meant; -ENOENT: answered */
const char *auth_role_text(enum role role);
int auth_role_parse(const char *text, enum role *ret);
void auth_new_key(char id[ID_SIZE], char secret[64], uint8_t hash[KEY_HASH_SIZE]);
int auth_name_valid(const char *name);	     /* [a-z0-9][a-z0-9-]{0,62} */
int auth_session_valid(const char *session); /* visible ASCII, less than SESSION_SIZE */

/* api.c */
void api_dispatch(struct request *q);
/* Before its body is read: 1 if the request will be refused whatever it says, and has been. */
int api_refuse_early(struct request *q);
size_t api_body_max(const struct request *q);

/* admin.c: tenants, keys, profiles */
void admin_tenant_add(struct request *q);
void admin_tenants(struct request *q);
void admin_tenant(struct request *q);
void admin_tenant_set(struct request *q);
void admin_tenant_delete(struct request *q);
void admin_key_add(struct request *q);
void admin_keys(struct request *q);
void admin_key_revoke(struct request *q);
int admin_tenant_state(struct control *c, const char *id, char state[16], struct err *reterr);

/* profiles.c */
struct policy;
void profile_put(struct request *q);
void profile_list(struct request *q);
void profile_get(struct request *q);
void profile_versions(struct request *q);
void profile_check(struct request *q);
void profile_diff(struct request *q); /* diff.c */
/*
 * The policy of a profile: of a version (0: the newest), or of the version with that digest.
 * Compiled once, and kept by profiles.c: it lives until more than a hundred others were asked for,
 * so no longer than a request. -ENOENT: there is none.
 */
int profile_policy(struct control *c, const char *tenant, const char *name, int64_t version,
		   const char *digest, struct policy **ret, struct err *reterr);
int profile_defaults(struct control *c, const char *tenant, struct err *reterr);

/* artifacts.c */
void artifact_put(struct request *q);
void artifact_list(struct request *q);
void artifact_get(struct request *q);
void artifact_trust(struct request *q);
void artifact_delete(struct request *q);

/* lease.c; see also lease.h */
void lease_create(struct request *q);
void lease_list(struct request *q);
void lease_get(struct request *q);
void lease_renew(struct request *q);
void lease_revoke(struct request *q);

/* submit.c: POST /v1/runs */
void submit_run(struct request *q);

/* runs.c: reading and cancelling; see also run.h */
void runs_list(struct request *q);
void runs_get(struct request *q);
void runs_events(struct request *q);
void runs_cancel(struct request *q);
void runs_erase(struct request *q);
void runs_sweep(struct control *c); /* from now on, again and again */
/* At start: runs that were under way when the last control ended are over. */
int runs_recover(struct control *c, struct err *reterr);

/* tier.c; see also tier.h */
void tier_list(struct request *q);
void tier_prices(struct request *q);

/* batch.c */
int batch_open(struct control *c, struct err *reterr); /* before a write of this turn */
/* Commits it, and tells who waits for that. On failure nothing of it happened. */
int batch_settle(struct control *c, struct err *reterr);
/* Takes back what a handler wrote, which is all that there is in it. */
void batch_abandon(struct control *c);

/* node.c */
void node_attach(struct control *c, int fd);
void node_flush(struct control *c);

/* rate.c: 1, or 0: answered. */
int rate_address(struct request *q);
int rate_caller(struct request *q);

/* receipts.c, events.c: what the ledger has; see also ledger.h */
void receipt_get(struct request *q);
void log_checkpoint(struct request *q);
void log_tile(struct request *q);
void log_trusted_root(struct request *q);
void log_inclusion(struct request *q);
void log_consistency(struct request *q);
void log_rotate(struct request *q);
void log_cosign(struct request *q);
void events_list(struct request *q);

/* usage.c */
void usage_list(struct request *q);
void usage_reasons(struct request *q);
struct run;
void usage_count(const struct run *r); /* the ledger has its receipt */
void usage_metrics(const struct control *c, struct buf *b);

/* metrics.c */
struct run;
struct msg_run_done;
void metrics_run(const struct run *r, const struct msg_run_done *m); /* one is over */
void metrics_end(const struct run *r, const struct msg_run_done *m); /* the same, also if no node
								      * had it */
void metrics(struct request *q);
void health(struct request *q);
void ready(struct request *q);

/* openapi.c */
void openapi(struct request *q);
