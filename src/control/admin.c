/* Tenants and API keys. */
#include "base/clock.h"
#include "base/json.h"
#include "control/body.h"
#include "control/lease.h"
#include "control/ledger.h"
#include "control/queue.h"
#include "control/quota.h"
#include "control/run.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

enum {
	LIST_MAX = 16 << 20,
	TTL_MAX_S = 10 * 365 * 86400,
	PAYLOAD_DAYS_MAX = 36500,
	WEIGHT_MAX = 10000
};

static void add_tenant(void *arg, const struct tenant_row *t)
{
	struct buf *b = arg;

	if (b->len && b->data[b->len - 1] == '}')
		buf_addc(b, ',');
	buf_addf(b, "{\"id\":\"%s\",\"state\":\"%s\",\"created_at\":", t->id, t->state);
	body_time(b, t->created_ms);
	if (t->payload_days)
		buf_addf(b, ",\"payload_days\":%lld", (long long)t->payload_days);
	else
		buf_adds(b, ",\"payload_days\":null");
	buf_addf(b, ",\"weight\":%lld}", (long long)t->weight);
}

static void show_tenant(struct request *q, unsigned status, const char *id)
{
	struct buf b = BUF_INIT(LIST_MAX);
	struct err e;
	int r = store_tenants(q->control->store, id, add_tenant, &b, &e);

	if (r < 0) {
		buf_done(&b);
		http_store_problem(q, r, &e, "tenant");
		return;
	}
	http_answer(q, status, "application/json", &b);
}

void admin_tenant_add(struct request *q)
{
	json_t *body = body_object(q, " id ");
	struct control *c = q->control;
	int r, failed = 0;
	const char *id;
	struct err e;

	if (!body)
		return;
	id = body_string(q, body, "id", &failed);
	if (!failed && (!id || !auth_name_valid(id))) {
		http_problem(q, 400, "request.member",
			     "'id' must be 1 to 63 of a-z, 0-9 and '-', not beginning with '-'");
	} else if (!failed) {
		r = act_begin(q, &e);
		if (r == 0)
			r = store_tenant_add(c->store, id, clock_wall_ms(), &e);
		if (r == 0)
			r = profile_defaults(c, id, &e);
		if (r == 0)
			r = act(c, q, "tenant_created", id, &e, NULL);
		r = act_commit(q, r, &e);
		if (r < 0)
			http_store_problem(q, r, &e, "tenant");
		else
			show_tenant(q, 201, id);
	}
	json_decref(body);
}

void admin_tenants(struct request *q)
{
	struct buf b = BUF_INIT(LIST_MAX);
	struct err e;
	int r;

	buf_adds(&b, "{\"tenants\":[");
	r = store_tenants(q->control->store, NULL, add_tenant, &b, &e);
	buf_adds(&b, "]}\n");
	http_store_answer(q, r, &e, "tenant", 200, &b);
}

void admin_tenant(struct request *q)
{
	show_tenant(q, 200, q->tail[0]);
}

/* To suspend takes a right away: that is done whether or not it can be recorded at once. */
/* What is under way goes on; what waits is not begun any more. */
static void deny_waiting(struct control *c, const char *tenant)
{
	_cleanup_free_ char *text = xasprintf("the tenant '%s' is suspended", tenant);
	struct list *p, *tmp;

	list_for_each_safe (p, tmp, &c->runs) {
		struct run *r = list_entry(p, struct run, link);

		if (!r->go && !r->ended && !r->recovered && !strcmp(r->tenant, tenant))
			run_deny(r, "tenant.suspended", text, 0);
	}
}

static int set_tenant(struct request *q, const char *state, int64_t days, int64_t weight,
		      struct err *reterr)
{
	const char *id = q->tail[0];
	struct control *c = q->control;
	char number[24] = "", share[24] = "";
	int r = state && strcmp(state, "active") ? batch_open(c, reterr) : act_begin(q, reterr);

	if (r == 0 && state)
		r = store_tenant_set_state(c->store, id, state, reterr);
	if (r == 0 && days >= 0)
		r = store_tenant_set_payload_days(c->store, id, days, reterr);
	if (r == 0 && weight)
		r = store_tenant_set_weight(c->store, id, weight, reterr);
	if (weight)
		snprintf(share, sizeof(share), "%lld", (long long)weight);
	if (days >= 0)
		snprintf(number, sizeof(number), "%lld", (long long)days);
	if (r == 0)
		r = act(c, q, "tenant_changed", id, reterr, "state", state, "payload_days", number,
			"weight", share, NULL);
	r = act_commit(q, r, reterr);
	if (r >= 0 && weight)
		queue_terms_changed(c, id);
	if (r >= 0 && state && strcmp(state, "active") != 0)
		deny_waiting(c, id);
	return r;
}

void admin_tenant_set(struct request *q)
{
	json_t *body = body_object(q, " state payload_days weight ");
	const char *state;
	int64_t days, weight;
	int r, failed = 0;
	struct err e;

	if (!body)
		return;
	state = body_string(q, body, "state", &failed);
	days = failed ? 0 : body_number(q, body, "payload_days", -1, 0, PAYLOAD_DAYS_MAX, &failed);
	weight = failed ? 0 : body_number(q, body, "weight", 0, 1, WEIGHT_MAX, &failed);
	if (!failed && state && strcmp(state, "active") && strcmp(state, "suspended")) {
		http_problem(q, 400, "request.member",
			     "'state' must be \"active\" or \"suspended\"");
	} else if (!failed && !state && days < 0 && !weight) {
		http_problem(q, 400, "request.member",
			     "'state', 'payload_days' or 'weight' is needed");
	} else if (!failed) {
		r = set_tenant(q, state, days, weight, &e);
		if (r < 0)
			http_store_problem(q, r, &e, "tenant");
		else
			show_tenant(q, 200, q->tail[0]);
	}
	json_decref(body);
}

void admin_tenant_delete(struct request *q)
{
	struct list *p, *tmp;
	struct err e;
	int r;

	/* What still runs for it ends first: a run without a tenant would be nobody's. */
	list_for_each_safe (p, tmp, &q->control->runs) {
		struct run *run = list_entry(p, struct run, link);

		if (!strcmp(run->tenant, q->tail[0])) {
			run_stop(run, REASON_CANCELLED);
			http_problem(q, 409, "tenant.running",
				     "runs of this tenant are still under way; they are being "
				     "cancelled, try again");
		}
	}
	if (q->answer)
		return;
	r = act_begin(q, &e);
	if (r == 0)
		r = store_tenant_delete(q->control->store, q->tail[0], &e);
	if (r == 0)
		r = act(q->control, q, "tenant_deleted", q->tail[0], &e, NULL);
	r = act_commit(q, r, &e);
	if (r < 0)
		http_store_problem(q, r, &e, "tenant");
	else {
		lease_maker_gone(q->control, q->tail[0], NULL);
		quota_tenant_gone(q->control, q->tail[0]);
		events_recheck(q->control);
		http_answer(q, 204, NULL, NULL);
	}
}

static void take_state(void *arg, const struct tenant_row *t)
{
	snprintf(arg, 16, "%s", t->state);
}

int admin_tenant_state(struct control *c, const char *id, char state[16], struct err *reterr)
{
	return store_tenants(c->store, id, take_state, state, reterr);
}

static void add_key(void *arg, const struct key_row *k)
{
	struct buf *b = arg;

	if (b->len && b->data[b->len - 1] == '}')
		buf_addc(b, ',');
	buf_addf(b, "{\"id\":\"%s\",\"tenant\":\"%s\",\"role\":\"%s\",\"label\":", k->id, k->tenant,
		 k->role);
	json_quote_str(b, k->label);
	buf_adds(b, ",\"team\":");
	body_text(b, k->team);
	buf_adds(b, ",\"created_at\":");
	body_time(b, k->created_ms);
	buf_adds(b, ",\"expires_at\":");
	body_time(b, k->expires_ms);
	buf_adds(b, ",\"revoked_at\":");
	body_time(b, k->revoked_ms);
	buf_addc(b, '}');
}

static void make_key(struct request *q, struct key_row *k)
{
	struct buf b = BUF_INIT(4096);
	uint8_t hash[KEY_HASH_SIZE];
	char id[ID_SIZE], secret[64];
	int64_t have = 0;
	struct err e;
	int r;

	r = store_count(q->control->store, "keys", k->tenant, &have, &e);
	if (r == 0 && have >= KEYS_MAX) {
		http_problem(q, 409, "key.quota", "the tenant has %d keys, which is the most",
			     KEYS_MAX);
		return;
	}
	auth_new_key(id, secret, hash);
	k->id = id;
	k->hash = hash;
	if (r == 0)
		r = act_begin(q, &e);
	if (r == 0)
		r = store_key_add(q->control->store, k, &e);
	if (r == 0)
		r = act(q->control, q, "key_created", k->tenant, &e, "key", id, "key_role", k->role,
			"label", k->label, "team", k->team, NULL);
	r = act_commit(q, r, &e);
	if (r == 0)
		add_key(&b, k);
	k->id = NULL; /* both live here only */
	k->hash = NULL;
	if (r < 0) {
		http_store_problem(q, r, &e, r == -ENOENT ? "tenant" : "key");
		return;
	}
	b.len--; /* the brace, for one member more */
	buf_addf(&b, ",\"key\":\"cordon_%s_%s\"}\n", id, secret);
	http_answer(q, 201, "application/json", &b);
	sodium_memzero(secret, sizeof(secret));
}

void admin_key_add(struct request *q)
{
	json_t *body = body_object(q, " role label team ttl_s ");
	struct key_row k = {.created_ms = clock_wall_ms()};
	const char *role, *label, *team;
	enum role parsed;
	char tenant[64];
	int failed = 0;
	int64_t ttl;

	if (!body)
		return;
	role = body_string(q, body, "role", &failed);
	label = failed ? NULL : body_string(q, body, "label", &failed);
	team = failed ? NULL : body_string(q, body, "team", &failed);
	ttl = failed ? 0 : body_number(q, body, "ttl_s", 0, 1, TTL_MAX_S, &failed);
	if (!failed && (!role || auth_role_parse(role, &parsed) < 0))
		http_problem(q, 400, "request.member",
			     "'role' must be runner, auditor, operator or admin");
	else if (!failed && label && strlen(label) > LABEL_SIZE_MAX)
		http_problem(q, 400, "request.member", "'label' has more than %d bytes",
			     LABEL_SIZE_MAX);
	else if (!failed && team && !auth_name_valid(team))
		http_problem(q, 400, "request.member",
			     "'team' must be 1 to 63 of a-z, 0-9 and '-', not beginning with '-'");
	else if (!failed && auth_tenant(q, tenant) == 0) {
		k.tenant = tenant;
		k.role = role;
		k.label = label ? label : "";
		k.team = team ? team : "";
		k.expires_ms = ttl ? k.created_ms + ttl * 1000 : 0;
		make_key(q, &k);
	}
	json_decref(body);
}

void admin_keys(struct request *q)
{
	struct buf b = BUF_INIT(LIST_MAX);
	char tenant[64];
	struct err e;
	int r;

	if (auth_tenant(q, tenant) < 0)
		return;
	buf_adds(&b, "{\"keys\":[");
	r = store_keys(q->control->store, tenant, NULL, add_key, &b, &e);
	buf_adds(&b, "]}\n");
	http_store_answer(q, r, &e, "key", 200, &b);
}

/* What a revoked key started ends with it: runs by itself, and those of leases that it made. */
static void end_work(struct control *c, const char *tenant, const char *key)
{
	struct list *p, *tmp;

	lease_maker_gone(c, tenant, key);
	list_for_each_safe (p, tmp, &c->runs) {
		struct run *run = list_entry(p, struct run, link);

		if (run->cancelled || run->ended || strcmp(run->tenant, tenant) != 0 ||
		    strcmp(run->key, key) != 0)
			continue;
		run_stop(run, REASON_REVOKED);
	}
}

void admin_key_revoke(struct request *q)
{
	char tenant[64];
	struct err e;
	int r;

	if (auth_tenant(q, tenant) < 0)
		return;
	r = batch_open(q->control, &e);
	if (r == 0)
		r = store_key_revoke(q->control->store, tenant, q->tail[0], clock_wall_ms(), &e);
	if (r == 0)
		r = act(q->control, q, "key_revoked", tenant, &e, "key", q->tail[0], NULL);
	r = act_commit(q, r, &e);
	if (r < 0 && r != -EALREADY)
		http_store_problem(q, r, &e, "key");
	else {
		end_work(q->control, tenant, q->tail[0]);
		events_recheck(q->control);
		http_answer(q, 204, NULL, NULL);
	}
}
