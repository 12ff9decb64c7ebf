/* What the accounts of a day begin with: what was granted and told, from the state database, and
 * what was used, from the ledger, page by page. */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "control/ledger.h"
#include "control/quota.h"
#include "policy/platform.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { DAYS_MAX = 3 };

struct quota_load {
	struct control *control;
	char days[DAYS_MAX][DAY_SIZE]; /* in order */
	size_t n;
	uint64_t entries; /* of the log, in the pages so far */
	int pages;
};

static int parse(const struct quota_row *w, struct quota_who *who, enum quota_resource *r)
{
	*who = (struct quota_who){.tenant = w->tenant, .name = w->name};
	return quota_scope_parse(w->scope, &who->scope) == 0 &&
	       quota_resource_parse(w->resource, r) == 0;
}

static void take_grant(void *arg, const struct quota_row *w)
{
	struct control *c = arg;
	struct quota_who who;
	enum quota_resource r;

	if (parse(w, &who, &r))
		quota_book_grant(c->quotas->book, &who, w->day, r, (uint64_t)w->amount);
}

static void take_notice(void *arg, const struct quota_row *w)
{
	struct control *c = arg;
	struct quota_who who;
	enum quota_resource r;

	if (parse(w, &who, &r) && w->amount >= 0 && w->amount < QUOTA_LEVEL_COUNT)
		quota_book_told(c->quotas->book, &who, w->day, r, (enum quota_level)w->amount);
}

static void finish(struct control *c, int r)
{
	struct quota_load *l = c->quotas->load;

	for (size_t i = 0; i < l->n; i++) {
		if (r < 0)
			quota_book_failed(c->quotas->book, l->days[i]);
		else
			quota_book_loaded(c->quotas->book, l->days[i], l->entries);
	}
	c->quotas->load = NULL;
	free(l);
	quota_loaded(c, r);
}

static const char *text(const json_t *row, const char *name)
{
	const char *s = json_string_value(json_object_get(row, name));

	return s ? s : "";
}

static uint64_t number(const json_t *row, const char *name)
{
	json_int_t n = json_integer_value(json_object_get(row, name));

	return n > 0 ? (uint64_t)n : 0;
}

static void take_row(struct control *c, const json_t *row)
{
	const struct quota_party p = {text(row, "tenant"), text(row, "team"), text(row, "key"),
				      text(row, "profile")};
	uint64_t all = number(row, "runs"), denied = number(row, "denied");
	struct quota_amounts used = {0};

	used.of[QUOTA_RUNS] = all > denied ? all - denied : 0;
	used.of[QUOTA_CPU] = number(row, "cpu_us");
	used.of[QUOTA_EGRESS] = number(row, "egress_bytes");
	used.of[QUOTA_TOOLS] = number(row, "tool_calls");
	used.of[QUOTA_STORAGE] = number(row, "stored_bytes");
	/* What was paid in another currency cannot be held against a limit in this one. */
	if (!strcmp(text(row, "currency"), platform_currency(c->platform)))
		used.of[QUOTA_MONEY] = number(row, "cost_nanos");
	quota_book_sum(c->quotas->book, &p, text(row, "day"), &used);
}

static int ask(struct control *c, const char *after);

/* 1: there is a page more. */
static int take_page(struct control *c, const json_t *page)
{
	struct quota_load *l = c->quotas->load;
	uint64_t entries = number(page, "entries");
	const json_t *row;
	size_t i;

	if (number(page, "behind"))
		return -EAGAIN; /* the ledger is still adding up */
	/* Pages may be of different moments. That matters only for what was recorded meanwhile. */
	if (l->pages++ && entries != l->entries && quota_book_has_early(c->quotas->book))
		return -EAGAIN;
	l->entries = entries;
	json_array_foreach(json_object_get(page, "rows"), i, row) take_row(c, row);
	if (!json_is_true(json_object_get(page, "more")))
		return 0;
	return ask(c, text(page, "next")) < 0 ? -EAGAIN : 1;
}

static void told(void *arg, const struct msg_ledger_told *m)
{
	struct control *c = arg;
	json_t *page =
		m->number ? NULL : json_loadb((const char *)m->body.data, m->body.len, 0, NULL);
	int r = m->number ? -(int)m->number : page ? take_page(c, page) : -EBADMSG;

	json_decref(page);
	if (r == 1)
		return;
	if (r < 0 && r != -EAGAIN && r != -ENOTCONN)
		log_line("what was used today could not be asked for: %s", strerror(-r));
	finish(c, r);
}

static int ask(struct control *c, const char *after)
{
	const struct quota_load *l = c->quotas->load;
	_cleanup_buf_ struct buf b = BUF_INIT(LIMIT_QUESTION);

	buf_addf(&b, "{\"from\":\"%s\",\"to\":\"%s\"", l->days[0], l->days[l->n - 1]);
	if (*after) {
		buf_adds(&b, ",\"after\":");
		json_quote_str(&b, after);
	}
	buf_addc(&b, '}');
	return ledger_ask_self(c, ASK_USAGE, 0, 0, (const char *)b.data, b.len, told, c);
}

static int load_terms(struct control *c, const char *day, struct err *reterr)
{
	int r = store_quota_grants(c->store, day, take_grant, c, reterr);

	return r < 0 ? r : store_quota_notices(c->store, day, take_notice, c, reterr);
}

int quota_load(struct control *c, const char *const *days, size_t n)
{
	struct quota_load *l = xcalloc(1, sizeof(*l));
	struct err e;
	int r = 0;

	l->control = c;
	for (size_t i = 0; i < n && l->n < DAYS_MAX; i++)
		if (quota_book_day(c->quotas->book, days[i]) == QUOTA_DAY_UNKNOWN)
			memcpy(l->days[l->n++], days[i], DAY_SIZE);
	c->quotas->load = l;
	for (size_t i = 0; r == 0 && i < l->n; i++) {
		quota_book_ask(c->quotas->book, l->days[i]);
		r = load_terms(c, l->days[i], &e);
		if (r < 0)
			log_line("what was granted on %s could not be read: %s", l->days[i],
				 e.message);
	}
	if (r == 0)
		r = ask(c, "");
	if (r < 0)
		finish(c, r);
	return r;
}
