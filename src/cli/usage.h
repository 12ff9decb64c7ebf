/*
 * `cordon usage …`: what runs used (docs/usage.md).
 *
 *   usage.c         rows, as the API gives them
 *   usage_list.c    added up by what the caller names
 *   usage_export.c  all of them, as JSON or CSV
 *   usage_focus.c   and as FOCUS has bills
 *   log_check.c     the check, which is the log's
 */
#pragma once

#include "base/usage_columns.h"
#include "cli/client.h"
#include "cli/jsonview.h"

/* Of each row besides: entries of the log. */
#define USAGE_NUMBERS(X) USAGE_SUMS(X) X(first) X(last)
#define X(name) USAGE_##name,
enum usage_field { USAGE_FIELDS(X) USAGE_FIELD_COUNT };
enum usage_sum { USAGE_NUMBERS(X) USAGE_SUM_COUNT };
#undef X
extern const char *const usage_fields[USAGE_FIELD_COUNT];
extern const char *const usage_sums[USAGE_SUM_COUNT];

enum usage_table { USAGE_TOTALS, USAGE_DETAIL, USAGE_REASONS };

struct usage_item {
	struct buf field[USAGE_FIELD_COUNT]; /* labels: JSON */
	uint64_t sum[USAGE_SUM_COUNT];
	char digest[72];
	uint64_t entries; /* of the log, that were in the sums when it was told */
	struct jsonview json;
};

/* What is asked for; NULL: not given. */
struct usage_query {
	const char *from, *to, *team, *key, *profile, *tier, *class_, *artifact, *label;
};

struct usage_answer {
	uint64_t entries; /* the least that any row was told with */
	char zone[128];
};

/*
 * Each row, page by page; fn returns less than 0 to end it. The daemon may be adding up yet, after
 * a start; it is waited for. Errors as client_call(), and those of fn.
 */
typedef int usage_fn(void *arg, const struct usage_item *item);
int usage_each(const struct client *c, enum usage_table t, const char *tenant,
	       const struct usage_query *q, usage_fn *fn, void *arg, struct usage_answer *ret,
	       struct err *reterr);

/* "0.5", of a number of 10^-digits; whole numbers have no point. */
enum { USAGE_DECIMAL = 48 };
void usage_decimal(unsigned __int128 value, unsigned digits, char out[USAGE_DECIMAL]);

/* -EINVAL: days that are none; the message says so. */
int usage_check_days(const struct usage_query *q, struct err *reterr);

struct usage_options {
	struct shared_options shared;
	struct usage_query query;
	struct option_list by;
	const char *format, *output, *rows, *issuer;
	int reasons, csv;
};

/* usage_list.c, usage_export.c */
int usage_list(const struct call *call);
int usage_export(const struct call *call);
/* The rows as JSON, for a check. */
int usage_fetch(const struct client *c, enum usage_table t, const char *tenant,
		const struct usage_query *q, struct buf *out, struct err *reterr);

/* usage_focus.c */
struct focus;
struct focus *focus_new(const char *issuer, struct buf *out);
void focus_free(struct focus *f);
int focus_add(void *focus, const struct usage_item *item); /* usage_fn */
/* When all rows are there, since their zone is known only then: writes them. */
int focus_write(struct focus *f, const char *zone, struct err *reterr);
