/*
 * Quotas: what a tenant, and in it a team, a key or a profile, may use in a billing day (day.h). A
 * run is admitted if there is room for all that its ceilings allow, everywhere; that is reserved,
 * and gives way to what it did use when its receipt stands, or to nothing if it gets none. So a
 * limit holds however many runs are asked for at once.
 *
 * The accounts (quota_book.h) are in memory. At start, and for a day that control has not seen,
 * what was used is the sum of the ledger's receipts; until it is there nothing is admitted. Limits,
 * and what was granted besides, are in the state database.
 *
 *   quota.c       reserving, settling, and telling
 *   quota_load.c  terms from the database, sums from the ledger
 *   quota_api.c   what administrators set and see
 */
#pragma once

#include "control/control.h"
#include "control/quota_book.h"

struct run;
struct msg_submit;

enum {
	QUOTAS_MAX = 2000,	/* limits of a tenant */
	QUOTA_SERIES_MAX = 100, /* in the metrics: the fullest */
	QUOTA_RUNNING_MAX = 1000000,
	QUOTA_DAYS_KEPT = 30, /* what was granted and told, in the database */
};

struct quotas {
	struct control *control;
	struct quota_book *book;
	char day[DAY_SIZE]; /* today's, when it was last looked at */
	struct loop_timer tell, turn;
	struct quota_load *load; /* under way; NULL: none is */
	struct list waiting;	 /* requests, for the sums of today */
	struct loop_timer patience;
	uint64_t refused[QUOTA_DAILY];
};

/* At start. */
int quota_start(struct control *c, struct err *reterr);
/* What today's runs used is known. If it is not, it is asked for, once nothing has to be recovered:
 * then the ledger's sums have all of it. */
int quota_is_ready(struct control *c);

/* 1: the request waits for that, and is then handled anew; if it does not come, it is answered. */
int quota_wait(struct request *q);

/*
 * Reserves what the run could use at most. -EDQUOT: it is not admitted, and *ret says why. -EAGAIN:
 * what was used on its day is being asked for.
 */
int quota_reserve(struct run *r, const struct msg_submit *m, struct quota_refusal *ret);
/* The refusal: its code, a sentence, and members of an error, beginning with a comma. */
void quota_explain(const struct run *r, const struct quota_refusal *f, struct err *ret,
		   struct buf *members);
unsigned quota_retry_s(const struct run *r); /* until its day is over */
/* The log has it, as that entry. */
void quota_recorded(struct run *r, uint64_t number);
/* It has no end: what is reserved for it is free again. Nothing if it was settled. */
void quota_release(struct run *r);

/* How many runs may be under way at once; 0: no limit. For teams there is none. */
unsigned quota_running_max(struct control *c, enum quota_scope scope, const char *tenant,
			   const char *name);
void quota_tenant_gone(struct control *c, const char *tenant);

/* Routes: GET /v1/quotas; PUT and DELETE /v1/quotas/{scope}/{name}; POST …/grants */
void quota_list(struct request *q);
void quota_put(struct request *q);
void quota_delete(struct request *q);
void quota_grant(struct request *q);

void quota_metrics(struct control *c, struct buf *b);

/* Between these files: notices that are due will be told; the day is looked at. */
void quota_tell(struct control *c);
void quota_look(struct control *c);
/* Sums have come, or did not: who waits for them goes on. */
void quota_loaded(struct control *c, int r);
/* quota_load.c: asks for the sums of those of the days, in their order, that are not known;
 * quota_loaded() is called in any case. */
int quota_load(struct control *c, const char *const *days, size_t n);
