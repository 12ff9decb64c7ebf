/*
 * The book of quotas: what tenants, teams, keys and profiles may use in a day, what they have used,
 * and what runs under way may still use. Pure: no clock, no I/O. A day is a text as day.h makes it;
 * which one a run belongs to is said by its caller.
 *
 * A run belongs to a tenant, a key, a profile, and perhaps a team; each of these has an account for
 * each day. What the run could use at most is reserved in all of them or in none, and gives way to
 * what it did use. Accounts are kept whether or not there is a limit, so that one that is set later
 * holds for what was used before.
 *
 * A day counts only once it is known: the ledger's sums of it were loaded. What the ledger was told
 * of while they were on their way is told apart by its place in the log.
 */
#pragma once

#include "control/day.h"

#include <stddef.h>
#include <stdint.h>

#define QUOTA_SCOPES(X) X(TENANT, "tenant") X(TEAM, "team") X(KEY, "key") X(PROFILE, "profile")
#define X(U, t) QUOTA_OF_##U,
enum quota_scope { QUOTA_SCOPES(X) QUOTA_SCOPE_COUNT };
#undef X

/* All but the last are amounts of a day. */
#define QUOTA_RESOURCES(X)                                                                         \
	X(CPU, "cpu")	      /* microseconds */                                                   \
	X(RUNS, "runs")	      /* that were admitted */                                             \
	X(EGRESS, "egress")   /* bytes */                                                          \
	X(TOOLS, "tools")     /* calls */                                                          \
	X(STORAGE, "storage") /* bytes that runs leave */                                          \
	X(MONEY, "money")     /* billionths of a unit of the currency */                           \
	X(RUNNING, "running") /* at once; the scheduler sees to it */
#define X(U, t) QUOTA_##U,
enum quota_resource {
	QUOTA_RESOURCES(X) QUOTA_RESOURCE_COUNT,
	QUOTA_DAILY = QUOTA_RUNNING /* how many are of a day */
};
#undef X

enum {
	QUOTA_NAME = 64,
	QUOTA_WARN_PERCENT = 70,
};
/* The largest amount: years of CPU time, a pebibyte, a million units of a currency. */
#define QUOTA_MAX ((UINT64_C(1) << 50) - 1)
#define QUOTA_NONE UINT64_MAX /* no limit */

const char *quota_scope_text(enum quota_scope s);
int quota_scope_parse(const char *text, enum quota_scope *ret); /* -EINVAL */
const char *quota_resource_text(enum quota_resource r);
int quota_resource_parse(const char *text, enum quota_resource *ret);

struct quota_amounts {
	uint64_t of[QUOTA_DAILY];
};

/* Whom a quota is of. The name of a tenant's own is "". */
struct quota_who {
	enum quota_scope scope;
	const char *tenant, *name;
};

/* Whose a run is; team "": none. */
struct quota_party {
	const char *tenant, *team, *key, *profile;
};

/* What is reserved for one run; zeroed: nothing. It lives in the run, and not after the book. */
struct quota_account;
struct quota_hold {
	struct quota_account *accounts[QUOTA_SCOPE_COUNT];
	struct quota_amounts amounts;
};

struct quota_refusal {
	enum quota_scope scope;
	enum quota_resource resource;
	char name[QUOTA_NAME];
	uint64_t limit; /* with what was granted */
	uint64_t used, reserved, asked;
};

struct quota_book;
struct quota_book *quota_book_new(void);
void quota_book_free(struct quota_book *b);

/* ---- terms ---- */

void quota_book_limit(struct quota_book *b, const struct quota_who *who, enum quota_resource r,
		      uint64_t amount);
uint64_t quota_book_limit_of(const struct quota_book *b, const struct quota_who *who,
			     enum quota_resource r);
/* All that was granted for the day, besides the limit. */
void quota_book_grant(struct quota_book *b, const struct quota_who *who, const char *day,
		      enum quota_resource r, uint64_t amount);
/* It has no limits any more, nor have its teams, keys and profiles; what was used was used. */
void quota_book_forget_terms(struct quota_book *b, const char *tenant);

/* ---- days ---- */

enum quota_day { QUOTA_DAY_UNKNOWN, QUOTA_DAY_ASKED, QUOTA_DAY_KNOWN };
enum quota_day quota_book_day(const struct quota_book *b, const char *day);
/* Its sums are on their way, from the first on; again after a failure. Not of a known day. */
void quota_book_ask(struct quota_book *b, const char *day);
/* One of them. */
void quota_book_sum(struct quota_book *b, const struct quota_party *p, const char *day,
		    const struct quota_amounts *used);
/* That was all, of the log's entries with numbers below `upto`. */
void quota_book_loaded(struct quota_book *b, const char *day, uint64_t upto);
/* Something was recorded of a day whose sums are on their way. */
int quota_book_has_early(const struct quota_book *b);
/* They did not come. */
void quota_book_failed(struct quota_book *b, const char *day);
/* Days that are not among these, and for which nothing is reserved, are not known any more. */
void quota_book_keep(struct quota_book *b, const char *const *days, size_t n);

/* ---- runs ---- */

/*
 * 0: reserved. -EDQUOT: nothing is, and *ret says what there was no room for. -EAGAIN: the day is
 * not known.
 */
int quota_book_reserve(struct quota_book *b, const struct quota_party *p, const char *day,
		       const struct quota_amounts *most, struct quota_hold *h,
		       struct quota_refusal *ret);
/* What is reserved gives way to what was used; nothing happens if nothing is. */
void quota_book_settle(struct quota_book *b, struct quota_hold *h,
		       const struct quota_amounts *used);
/* The log's entry with that number is about a run for which nothing was reserved. */
void quota_book_recorded(struct quota_book *b, const struct quota_party *p, const char *day,
			 uint64_t number, const struct quota_amounts *used);

/* ---- what people are shown ---- */

struct quota_view {
	uint64_t limit, granted, used, reserved;
};
/* QUOTA_RUNNING has a limit alone. */
void quota_book_view(const struct quota_book *b, const struct quota_who *who, const char *day,
		     enum quota_resource r, struct quota_view *ret);

/* Of `day`, those with a limit, the fullest first: used and reserved to limit. How many. */
struct quota_fullness {
	char tenant[QUOTA_NAME], name[QUOTA_NAME];
	enum quota_scope scope;
	enum quota_resource resource;
	double ratio;
};
size_t quota_book_fullest(const struct quota_book *b, const char *day, struct quota_fullness *to,
			  size_t max);

/*
 * What somebody ought to be told, once for a day: that most of a limit is taken, and that there was
 * no room for a run.
 */
enum quota_level { QUOTA_WARNED, QUOTA_EXHAUSTED, QUOTA_LEVEL_COUNT };
struct quota_notice {
	char tenant[QUOTA_NAME], name[QUOTA_NAME], day[DAY_SIZE];
	enum quota_scope scope;
	enum quota_resource resource;
	enum quota_level level;
	struct quota_view view;
};
/* What was not told yet, at most `max`. How many. */
size_t quota_book_notices(const struct quota_book *b, struct quota_notice *to, size_t max);
/* It was told: now, or by the control before this one. */
void quota_book_told(struct quota_book *b, const struct quota_who *who, const char *day,
		     enum quota_resource r, enum quota_level level);
