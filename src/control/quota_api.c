/* What administrators set and see: GET /v1/quotas, PUT and DELETE /v1/quotas/{scope}/{name}, and
 * POST /v1/quotas/{scope}/{name}/grants. */
#include "base/clock.h"
#include "control/body.h"
#include "control/ledger.h"
#include "control/queue.h"
#include "control/quota.h"
#include "policy/platform.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { LIST_MAX = 4 << 20 };

static const char members[] = " cpu runs egress tools storage money running ";

/* What a request is about. */
struct subject {
	char tenant[64], name[64]; /* name "": the tenant's own */
	enum quota_scope scope;
	struct quota_who who;
};

/* What was asked for, by resource. */
enum { UNTOUCHED = -1, REMOVED = -2 };
struct wish {
	int64_t of[QUOTA_RESOURCE_COUNT];
};

/* ---- showing ---- */

struct shown {
	struct control *control;
	struct buf *b;
	const char *day, *reset;
	const struct subject *only; /* NULL: all of the tenant */
};

static void add_row(void *arg, const struct quota_row *w)
{
	struct shown *s = arg;
	struct quota_who who = {.tenant = w->tenant, .name = w->name};
	struct quota_view v;
	enum quota_resource r;

	if (quota_scope_parse(w->scope, &who.scope) < 0 ||
	    quota_resource_parse(w->resource, &r) < 0 ||
	    (s->only && (s->only->scope != who.scope || strcmp(s->only->name, w->name) != 0)))
		return;
	quota_book_view(s->control->quotas->book, &who, s->day, r, &v);
	if (s->b->data[s->b->len - 1] == '}')
		buf_addc(s->b, ',');
	buf_addf(s->b, "{\"scope\":\"%s\",\"name\":\"%s\",\"resource\":\"%s\",\"limit\":%llu,",
		 w->scope, *w->name ? w->name : w->tenant, w->resource,
		 (unsigned long long)v.limit);
	if (r == QUOTA_RUNNING)
		buf_adds(s->b,
			 "\"granted\":null,\"used\":null,\"reserved\":null,\"reset_at\":null}");
	else
		buf_addf(s->b,
			 "\"granted\":%llu,\"used\":%llu,\"reserved\":%llu,\"reset_at\":\"%s\"}",
			 (unsigned long long)v.granted, (unsigned long long)v.used,
			 (unsigned long long)v.reserved, s->reset);
}

/* Nothing is shown, or given besides, of a day whose beginning is not known. */
static int know_today(struct request *q, char day[DAY_SIZE], char reset[CLOCK_TEXT_SIZE])
{
	struct control *c = q->control;
	int64_t now = clock_wall_ms();

	quota_look(c);
	day_of(now, day);
	clock_text(day_end(now), reset);
	if (quota_book_day(c->quotas->book, day) == QUOTA_DAY_KNOWN)
		return 0;
	http_problem(q, 503, "quota.loading", "what was used on %s is not known yet; try again",
		     day);
	return -EAGAIN;
}

static void show(struct request *q, const char *tenant, const struct subject *only)
{
	struct buf b = BUF_INIT(LIST_MAX);
	char day[DAY_SIZE], reset[CLOCK_TEXT_SIZE];
	struct shown s = {q->control, &b, day, reset, only};
	struct err e;
	int r;

	if (know_today(q, day, reset) < 0)
		return;
	buf_addf(&b, "{\"day\":\"%s\",\"reset_at\":\"%s\",\"zone\":\"%s\",\"currency\":", day,
		 reset, q->control->zone);
	body_text(&b, platform_currency(q->control->platform));
	buf_adds(&b, ",\"quotas\":[");
	r = store_quotas(q->control->store, tenant, add_row, &s, &e);
	buf_adds(&b, "]}\n");
	http_store_answer(q, r, &e, "tenant", 200, &b);
}

void quota_list(struct request *q)
{
	char tenant[64], state[16];
	struct err e;
	int r;

	if (quota_wait(q) || auth_tenant(q, tenant) < 0)
		return;
	r = admin_tenant_state(q->control, tenant, state, &e);
	if (r < 0)
		http_store_problem(q, r, &e, "tenant");
	else
		show(q, tenant, NULL);
}

/* ---- whose quota it is ---- */

static void is_of(void *arg, const struct key_row *k)
{
	struct subject *s = arg;

	if (!strcmp(k->tenant, s->tenant))
		s->who.name = s->name; /* found */
}

static void is_there(void *arg, const struct profile_row *p)
{
	struct subject *s = arg;

	s->who.name = s->name;
}

/* The key or profile that is named, of this tenant; teams need not be there beforehand. */
static int find(struct request *q, struct subject *s, struct err *reterr)
{
	char state[16];
	int r = admin_tenant_state(q->control, s->tenant, state, reterr);

	if (r < 0)
		return r;
	switch (s->scope) {
	case QUOTA_OF_TENANT:
	case QUOTA_OF_TEAM:
	case QUOTA_SCOPE_COUNT:
		s->who.name = s->name;
		break;
	case QUOTA_OF_KEY:
		r = store_keys(q->control->store, NULL, s->name, is_of, s, reterr);
		break;
	case QUOTA_OF_PROFILE:
		r = store_profiles(q->control->store, s->tenant, s->name, 0, is_there, s, reterr);
		break;
	}
	return r < 0 ? r : s->who.name ? 0 : -ENOENT;
}

/* -EINVAL: answered. */
static int take_subject(struct request *q, struct subject *s)
{
	const char *scope = q->tail[0], *name = q->tail[1];
	struct err e;
	int r;

	*s = (struct subject){.name = ""};
	if (auth_tenant(q, s->tenant) < 0)
		return -EINVAL;
	if (quota_scope_parse(scope, &s->scope) < 0) {
		http_problem(q, 404, "not_found", "there is no such quota");
		return -EINVAL;
	}
	/* What a tenant has in all is not its own to say. */
	if (s->scope == QUOTA_OF_TENANT && q->caller.role != ROLE_LOCAL) {
		http_problem(q, 403, "auth.role",
			     "a tenant's own quotas are set by the administrator of the machine");
		return -EINVAL;
	}
	r = s->scope == QUOTA_OF_TENANT && strcmp(name, s->tenant) != 0 ? -ENOENT : 0;
	if (r == 0 && s->scope == QUOTA_OF_TEAM && !auth_name_valid(name))
		r = -ENOENT;
	if (r == 0 && s->scope != QUOTA_OF_TENANT)
		snprintf(s->name, sizeof(s->name), "%s", name);
	if (r == 0 && s->scope != QUOTA_OF_TENANT && strlen(name) >= sizeof(s->name))
		r = -ENOENT;
	if (r == 0)
		r = find(q, s, &e);
	if (r < 0) {
		http_store_problem(q, r, &e, quota_scope_text(s->scope));
		return -EINVAL;
	}
	s->who = (struct quota_who){s->scope, s->tenant, s->name};
	return 0;
}

/* ---- amounts ---- */

static int64_t max_of(enum quota_resource r)
{
	return r == QUOTA_RUNNING ? QUOTA_RUNNING_MAX : (int64_t)QUOTA_MAX;
}

/* An amount of each resource that is named; `may_remove`: or null. -EINVAL: answered. */
static int take_wish(struct request *q, enum quota_scope scope, int may_remove, struct wish *w)
{
	json_t *body = body_object(q, members), *v;
	const char *name;
	int bad = 0;

	for (size_t i = 0; i < QUOTA_RESOURCE_COUNT; i++)
		w->of[i] = UNTOUCHED;
	if (!body)
		return -EINVAL;
	if (!json_object_size(body)) {
		http_problem(q, 400, "request.member", "no resource is named; known are:%.*s",
			     (int)sizeof(members) - 2, members);
		bad = 1;
	}
	json_object_foreach(body, name, v)
	{
		enum quota_resource r = 0;
		int64_t n = json_is_integer(v) ? json_integer_value(v) : -1, least;

		quota_resource_parse(name, &r); /* body_object() knows them all */
		least = r == QUOTA_RUNNING || !may_remove;
		if (bad)
			break;
		if (r == QUOTA_RUNNING && (scope == QUOTA_OF_TEAM || !may_remove)) {
			http_problem(q, 400, "request.member",
				     may_remove
					     ? "a team has no limit of runs at once; its keys have"
					     : "'running' is not of a day: set it instead");
			bad = 1;
		} else if (may_remove && json_is_null(v)) {
			w->of[r] = REMOVED;
		} else if (n < least || n > max_of(r)) {
			http_problem(q, 400, "request.member",
				     "'%s' must be a whole number from %lld to %lld%s", name,
				     (long long)least, (long long)max_of(r),
				     may_remove ? ", or null" : "");
			bad = 1;
		} else {
			w->of[r] = n;
		}
	}
	json_decref(body);
	return bad ? -EINVAL : 0;
}

/* ---- setting ---- */

static const char *number(char out[24], uint64_t n)
{
	snprintf(out, 24, "%llu", (unsigned long long)n);
	return out;
}

static const char *name_of(const struct subject *s)
{
	return *s->name ? s->name : s->tenant;
}

static int write_one(struct request *q, const struct subject *s, enum quota_resource r,
		     int64_t amount, struct err *reterr)
{
	const char *scope = quota_scope_text(s->scope), *what = quota_resource_text(r);
	uint64_t before = quota_book_limit_of(q->control->quotas->book, &s->who, r);
	const struct quota_row row = {s->tenant, scope, s->name, what, "", amount};
	char old[24] = "", new[24];
	int e;

	if (amount == UNTOUCHED || (amount == REMOVED && before == QUOTA_NONE) ||
	    (amount >= 0 && before == (uint64_t)amount))
		return 0;
	if (before != QUOTA_NONE)
		number(old, before);
	if (amount == REMOVED) {
		e = store_quota_remove(q->control->store, &row, reterr);
		return e < 0 ? e
			     : act(q->control, q, "quota_removed", s->tenant, reterr, "scope",
				   scope, "name", name_of(s), "resource", what, "old", old, NULL);
	}
	e = store_quota_set(q->control->store, &row, reterr);
	return e < 0 ? e
		     : act(q->control, q, "quota_set", s->tenant, reterr, "scope", scope, "name",
			   name_of(s), "resource", what, "old", old, "new",
			   number(new, (uint64_t)amount), NULL);
}

/* It holds from now on. */
static void apply(struct control *c, const struct subject *s, const struct wish *w)
{
	for (enum quota_resource r = 0; r < QUOTA_RESOURCE_COUNT; r++) {
		if (w->of[r] == UNTOUCHED)
			continue;
		quota_book_limit(c->quotas->book, &s->who, r,
				 w->of[r] == REMOVED ? QUOTA_NONE : (uint64_t)w->of[r]);
		if (w->of[r] == REMOVED && r < QUOTA_DAILY)
			quota_book_grant(c->quotas->book, &s->who, c->quotas->day, r, 0);
	}
	if (w->of[QUOTA_RUNNING] != UNTOUCHED)
		queue_terms_changed(c, s->tenant);
	quota_tell(c);
}

static int has_room(struct request *q, const struct subject *s, const struct wish *w)
{
	int64_t have = 0;
	struct err e;
	int r = store_count(q->control->store, "quotas", s->tenant, &have, &e);

	for (enum quota_resource i = 0; i < QUOTA_RESOURCE_COUNT; i++)
		have += w->of[i] >= 0 &&
			quota_book_limit_of(q->control->quotas->book, &s->who, i) == QUOTA_NONE;
	if (r < 0)
		http_store_problem(q, r, &e, "tenant");
	else if (have > QUOTAS_MAX)
		http_problem(q, 409, "quota.quota",
			     "the tenant would have %lld quotas; %d is the most", (long long)have,
			     QUOTAS_MAX);
	return !q->answer;
}

static int set(struct request *q, const struct subject *s, const struct wish *w, struct err *reterr)
{
	int r = act_begin(q, reterr);

	for (enum quota_resource i = 0; r == 0 && i < QUOTA_RESOURCE_COUNT; i++)
		r = write_one(q, s, i, w->of[i], reterr);
	r = act_commit(q, r, reterr);
	if (r == 0)
		apply(q->control, s, w);
	return r;
}

void quota_put(struct request *q)
{
	struct subject s;
	struct wish w;
	struct err e;
	int r;

	if (quota_wait(q) || take_subject(q, &s) < 0 || take_wish(q, s.scope, 1, &w) < 0 ||
	    !has_room(q, &s, &w))
		return;
	r = set(q, &s, &w, &e);
	if (r < 0)
		http_store_problem(q, r, &e, "tenant");
	else
		show(q, s.tenant, &s);
}

void quota_delete(struct request *q)
{
	struct subject s;
	struct wish w;
	struct err e;
	int r, any = 0;

	if (take_subject(q, &s) < 0)
		return;
	for (enum quota_resource i = 0; i < QUOTA_RESOURCE_COUNT; i++) {
		int is_set = quota_book_limit_of(q->control->quotas->book, &s.who, i) != QUOTA_NONE;

		w.of[i] = is_set ? REMOVED : UNTOUCHED;
		any |= is_set;
	}
	r = any ? set(q, &s, &w, &e) : -ENOENT;
	if (r < 0)
		http_store_problem(q, r, &e, "quota");
	else
		http_answer(q, 204, NULL, NULL);
}

/* ---- more for today ---- */

static int grant_one(struct request *q, const struct subject *s, const char *day,
		     enum quota_resource r, int64_t amount, struct err *reterr)
{
	const char *scope = quota_scope_text(s->scope), *what = quota_resource_text(r);
	struct quota_row row = {s->tenant, scope, s->name, what, day, 0};
	char more[24], all[24];
	struct quota_view v;
	int e;

	if (amount == UNTOUCHED)
		return 0;
	quota_book_view(q->control->quotas->book, &s->who, day, r, &v);
	row.amount = (int64_t)v.granted + amount;
	e = store_quota_grant(q->control->store, &row, reterr);
	return e < 0 ? e
		     : act(q->control, q, "quota_granted", s->tenant, reterr, "scope", scope,
			   "name", name_of(s), "resource", what, "day", day, "amount",
			   number(more, (uint64_t)amount), "granted",
			   number(all, (uint64_t)row.amount), NULL);
}

/* More of what has no limit would mean nothing. */
static int may_grant(struct request *q, const struct subject *s, const char *day,
		     const struct wish *w)
{
	for (enum quota_resource r = 0; r < QUOTA_DAILY && !q->answer; r++) {
		struct quota_view v;

		if (w->of[r] == UNTOUCHED)
			continue;
		quota_book_view(q->control->quotas->book, &s->who, day, r, &v);
		if (v.limit == QUOTA_NONE)
			http_problem(
				q, 409, "quota.unlimited",
				"the %s '%s' has no limit of '%s' that more could be granted of",
				quota_scope_text(s->scope), name_of(s), quota_resource_text(r));
		else if (v.limit + v.granted + (uint64_t)w->of[r] > QUOTA_MAX)
			http_problem(q, 400, "request.member",
				     "'%s': limit and grants together can be %llu at most",
				     quota_resource_text(r), (unsigned long long)QUOTA_MAX);
	}
	return !q->answer;
}

void quota_grant(struct request *q)
{
	char day[DAY_SIZE], reset[CLOCK_TEXT_SIZE];
	struct control *c = q->control;
	struct subject s;
	struct wish w;
	struct err e;
	int r;

	if (quota_wait(q) || take_subject(q, &s) < 0 || take_wish(q, s.scope, 0, &w) < 0 ||
	    know_today(q, day, reset) < 0 || !may_grant(q, &s, day, &w))
		return;
	r = act_begin(q, &e);
	for (enum quota_resource i = 0; r == 0 && i < QUOTA_DAILY; i++)
		r = grant_one(q, &s, day, i, w.of[i], &e);
	r = act_commit(q, r, &e);
	if (r < 0) {
		http_store_problem(q, r, &e, "tenant");
		return;
	}
	for (enum quota_resource i = 0; i < QUOTA_DAILY; i++) {
		struct quota_view v;

		if (w.of[i] == UNTOUCHED)
			continue;
		quota_book_view(c->quotas->book, &s.who, day, i, &v);
		quota_book_grant(c->quotas->book, &s.who, day, i, v.granted + (uint64_t)w.of[i]);
	}
	show(q, s.tenant, &s);
}
