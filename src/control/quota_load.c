/* What the accounts of a day begin with: what was granted and told, from the state database, and
 * what was used, from the ledger. */
#include "control/ledger.h"
#include "control/quota.h"

#include <errno.h>
#include <string.h>

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

int quota_load_day_terms(struct control *c, const char *day, struct err *reterr)
{
	int r = store_quota_grants(c->store, day, take_grant, c, reterr);

	return r < 0 ? r : store_quota_notices(c->store, day, take_notice, c, reterr);
}

int quota_load(struct control *c, const char *from, const char *to)
{
	const char *days[] = {from, c->quotas->day, to};
	struct err e;

	if (!c->ledger_known)
		return -EAGAIN;
	for (size_t i = 0; i < 3; i++) {
		if (quota_book_day(c->quotas->book, days[i]) != QUOTA_DAY_UNKNOWN)
			continue;
		quota_book_ask(c->quotas->book, days[i]);
		quota_load_day_terms(c, days[i], &e);
		quota_book_loaded(c->quotas->book, days[i], c->ledger_size);
	}
	return 0;
}
