#include "control/lease.h"
#include "control/ledger.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "control/code.h"
#include "control/run.h"
#include "control/tier.h"
#include "control/token.h"
#include "policy/policy.h"

#include <errno.h>
#include <string.h>

enum { TOKENS_KEPT = 256, LIST_MAX = 16 << 20 };
static struct token_key signing;

int lease_start(struct control *c, struct err *reterr)
{
	int r;

	list_init(&c->leases);
	r = store_setting(c->store, "token_key", &signing, sizeof(signing), reterr);
	if (r == -ENOENT) {
		crypto_sign_keypair(signing.public, signing.secret);
		r = store_setting_put(c->store, "token_key", &signing, sizeof(signing), reterr);
	}
	return r;
}

/* A copy of a row, which lives only while it is shown. */
struct copy {
	char id[ID_SIZE], tenant[64], key[ID_SIZE], team[64], profile[64], policy[80],
		session[SESSION_SIZE], artifact[80];
	int64_t epoch, created_ms, expires_ms, revoked_ms;
};

static void take_copy(void *arg, const struct lease_row *w)
{
	struct copy *c = arg;

	snprintf(c->id, sizeof(c->id), "%s", w->id);
	snprintf(c->tenant, sizeof(c->tenant), "%s", w->tenant);
	snprintf(c->key, sizeof(c->key), "%s", w->key);
	snprintf(c->team, sizeof(c->team), "%s", w->team);
	snprintf(c->profile, sizeof(c->profile), "%s", w->profile);
	snprintf(c->policy, sizeof(c->policy), "%s", w->policy);
	snprintf(c->session, sizeof(c->session), "%s", w->session);
	snprintf(c->artifact, sizeof(c->artifact), "%s", w->artifact);
	c->epoch = w->epoch;
	c->created_ms = w->created_ms;
	c->expires_ms = w->expires_ms;
	c->revoked_ms = w->revoked_ms;
}

/*
 * Tokens whose signature was found right. They are compared in constant time: how long it takes
 * must not tell a guesser how near he is.
 */
static struct known {
	size_t len;
	char text[TOKEN_MAX];
	struct token token;
} known[TOKENS_KEPT];

static int read_token(const char *text, struct token *ret)
{
	size_t len = strlen(text);
	struct known *k;
	uint64_t hash;
	int r;

	if (len > TOKEN_MAX)
		return -EBADMSG;
	crypto_shorthash((uint8_t *)&hash, (const uint8_t *)text, len, signing.secret);
	k = &known[hash % TOKENS_KEPT];
	if (k->len == len && sodium_memcmp(k->text, text, len) == 0) {
		*ret = k->token;
		return 0;
	}
	r = token_read(&signing, text, ret);
	if (r == 0) {
		k->len = len;
		memcpy(k->text, text, len);
		k->token = *ret;
	}
	return r;
}

static int refuse(struct request *q, const char *code, const char *text)
{
	http_problem(q, 401, code, "%s", text);
	return -EACCES;
}

int lease_check(struct request *q, const char *text)
{
	struct control *c = q->control;
	struct copy row = {.id = ""};
	int64_t now = clock_wall_ms();
	struct token t;
	struct err e;
	int r;

	if (read_token(text, &t) < 0)
		return refuse(q, "token.invalid", "that is no token of this platform");
	r = store_leases(c->store, t.tenant, t.lease, NULL, now, take_copy, &row, &e);
	if (r < 0 && r != -ENOENT) {
		http_problem_err(q, 503, &e);
		return -EACCES;
	}
	if (r == -ENOENT || strcmp(row.policy, t.policy) != 0)
		return refuse(q, "token.invalid", "the token's lease does not exist any more");
	if (row.revoked_ms)
		return refuse(q, "lease.revoked", "the lease was revoked");
	if (row.expires_ms <= now || t.expires_ms <= now)
		return refuse(q, "lease.expired", "the token has expired; renew the lease");
	if (row.epoch != t.epoch)
		return refuse(
			q, "lease.epoch",
			"the lease was renewed, and this token is of an epoch before; use the "
			"newer one");
	q->caller.role = ROLE_LEASE;
	snprintf(q->caller.tenant, sizeof(q->caller.tenant), "%s", row.tenant);
	snprintf(q->caller.key, sizeof(q->caller.key), "%s", row.key);
	snprintf(q->caller.team, sizeof(q->caller.team), "%s", row.team);
	q->lease.epoch = row.epoch;
	q->lease.expires_ms = row.expires_ms;
	snprintf(q->lease.id, sizeof(q->lease.id), "%s", row.id);
	snprintf(q->lease.profile, sizeof(q->lease.profile), "%s", row.profile);
	snprintf(q->lease.policy, sizeof(q->lease.policy), "%s", row.policy);
	snprintf(q->lease.session, sizeof(q->lease.session), "%s", row.session);
	snprintf(q->lease.artifact, sizeof(q->lease.artifact), "%s", row.artifact);
	return 0;
}

/* The work of leases */

static struct lease *find(struct control *c, const char *id)
{
	struct list *p, *tmp;

	list_for_each_safe (p, tmp, &c->leases) {
		struct lease *l = list_entry(p, struct lease, link);

		if (!strcmp(l->id, id))
			return l;
	}
	return NULL;
}

static void forget(struct lease *l)
{
	struct msg m = {.type = MSG_RELEASE, .release = {l->hold}};
	struct control *c = l->control;

	loop_disarm(c->loop, &l->timer);
	list_remove(&l->link);
	if (l->hold) {
		c->holds--;
		c->hold_bytes -= l->frame.len;
		buf_done(&l->frame);
		if (c->node.fd >= 0 && msg_encode(&c->node_out, &m) == 0)
			node_flush(c);
	}
	free(l);
}

/* Its work ends now, and so does what it held. */
static void end(struct lease *l)
{
	struct control *c = l->control;
	struct list *p, *tmp;

	/* Stopped ones stay in the list until their end is written. */
	list_for_each_safe (p, tmp, &c->runs) {
		struct run *r = list_entry(p, struct run, link);

		if (r->lease != l)
			continue;
		r->lease = NULL;
		run_stop(r, REASON_REVOKED);
	}
	forget(l);
}

static void arm(struct lease *l)
{
	int64_t left = l->expires_ms - clock_wall_ms();

	loop_arm(l->control->loop, &l->timer,
		 clock_now_ns() + (uint64_t)(left > 0 ? left : 0) * NS_PER_MS);
}

/* The wall clock decides, and it may have been set since. */
static void on_expiry(struct loop_timer *t)
{
	struct lease *l = container_of(t, struct lease, timer);

	if (clock_wall_ms() < l->expires_ms)
		arm(l);
	else
		end(l);
}

static unsigned holds_of(struct control *c, const char *tenant)
{
	struct list *p, *tmp;
	unsigned n = 0;

	list_for_each_safe (p, tmp, &c->leases) {
		const struct lease *l = list_entry(p, struct lease, link);

		n += l->hold && !strcmp(l->tenant, tenant);
	}
	return n;
}

struct lease *lease_enter(struct control *c, const struct caller *who, const struct lease_grant *g)
{
	struct lease *l = find(c, g->id);

	if (!l) {
		if (*g->artifact &&
		    (c->holds >= HOLDS_MAX || holds_of(c, who->tenant) >= HOLDS_PER_TENANT))
			return NULL;
		l = xcalloc(1, sizeof(*l));
		l->control = c;
		l->timer.fire = on_expiry;
		l->expires_ms = g->expires_ms;
		snprintf(l->id, sizeof(l->id), "%s", g->id);
		memcpy(l->tenant, who->tenant, sizeof(l->tenant));
		memcpy(l->key, who->key, sizeof(l->key));
		if (*g->artifact) {
			l->hold = ++c->next_handle;
			c->holds++;
		}
		list_append(&c->leases, &l->link);
		arm(l);
	}
	l->runs++;
	return l;
}

int lease_keep(struct lease *l, const struct msg_hold *m)
{
	struct control *c = l->control;

	if (c->hold_bytes + m->modules.len > HOLD_BYTES_MAX)
		return -ENOSPC;
	l->frame = BUF_INIT(LIMIT_FRAME + FRAME_HEADER);
	if (msg_encode(&l->frame, &(struct msg){.type = MSG_HOLD, .hold = *m}) < 0)
		log_fatal("code is larger than it can be");
	c->hold_bytes += l->frame.len;
	return 0;
}

void lease_leave(struct lease *l)
{
	if (--l->runs == 0 && !l->hold)
		forget(l);
}

void lease_maker_gone(struct control *c, const char *tenant, const char *key)
{
	struct list *p, *tmp;

	list_for_each_safe (p, tmp, &c->leases) {
		struct lease *l = list_entry(p, struct lease, link);

		if (!strcmp(l->tenant, tenant) && (!key || !strcmp(l->key, key)))
			end(l);
	}
}

void lease_node_lost(struct control *c)
{
	struct list *p, *tmp;

	list_for_each_safe (p, tmp, &c->leases)
		list_entry(p, struct lease, link)->held = 0;
}

/* What the API shows of leases */

static void add_members(struct buf *b, const struct lease_row *w, int64_t now)
{
	buf_addf(b, "\"lease\":\"%s\",\"state\":\"%s\",\"tenant\":\"%s\",\"profile\":\"%s\",",
		 w->id,
		 w->revoked_ms		? "revoked"
		 : w->expires_ms <= now ? "expired"
					: "active",
		 w->tenant, w->profile);
	buf_addf(b, "\"policy\":\"%s\",\"key\":\"%s\",\"session\":", w->policy, w->key);
	if (*w->session)
		json_quote_str(b, w->session);
	else
		buf_adds(b, "null");
	buf_addf(b, ",\"hold\":%s,\"artifact\":", *w->artifact ? "true" : "false");
	if (*w->artifact)
		json_quote_str(b, w->artifact);
	else
		buf_adds(b, "null");
	buf_addf(b, ",\"epoch\":%lld,\"created_at\":", (long long)w->epoch);
	body_time(b, w->created_ms);
	buf_adds(b, ",\"expires_at\":");
	body_time(b, w->expires_ms);
	buf_adds(b, ",\"revoked_at\":");
	body_time(b, w->revoked_ms);
}

struct view {
	struct buf b;
	const char *key; /* only those of this key; NULL: all */
	int64_t now;
	int count;
	struct copy copy;
};

static void add_lease(void *arg, const struct lease_row *w)
{
	struct view *v = arg;

	buf_adds(&v->b, v->count++ ? ",{" : "{");
	add_members(&v->b, w, v->now);
	buf_addc(&v->b, '}');
	take_copy(&v->copy, w);
}

/* A runner sees the leases of its own key. */
static void view_init(struct view *v, const struct request *q)
{
	*v = (struct view){.b = BUF_INIT(LIST_MAX),
			   .key = q->caller.role == ROLE_RUNNER ? q->caller.key : NULL,
			   .now = clock_wall_ms()};
}

/* The lease in the path, if the caller may see it; else answered. */
static int look_up(struct request *q, char tenant[64], struct view *v)
{
	struct err e;
	int r;

	view_init(v, q);
	if (auth_tenant(q, tenant) < 0)
		return -ENOENT;
	r = store_leases(q->control->store, tenant, q->tail[0], v->key, v->now, add_lease, v, &e);
	if (r == 0 && !v->count)
		r = -ENOENT;
	if (r < 0)
		http_store_problem(q, r, &e, "lease");
	return r;
}

void lease_list(struct request *q)
{
	char tenant[64];
	struct view v;
	struct err e;
	int r;

	view_init(&v, q);
	if (auth_tenant(q, tenant) < 0)
		return;
	buf_adds(&v.b, "{\"leases\":[");
	r = store_leases(q->control->store, tenant, NULL, v.key, v.now, add_lease, &v, &e);
	buf_adds(&v.b, "]}\n");
	http_store_answer(q, r, &e, "lease", 200, &v.b);
}

void lease_get(struct request *q)
{
	char tenant[64];
	struct view v;

	if (look_up(q, tenant, &v) == 0) {
		buf_addc(&v.b, '\n');
		http_answer(q, 200, "application/json", &v.b);
	}
	buf_done(&v.b);
}

/* The lease as it stands in the database, with a token for it. */
static void show(struct request *q, unsigned status, const char *tenant, const char *id)
{
	struct view v = {.b = BUF_INIT(LIST_MAX), .now = clock_wall_ms()};
	struct err e;
	int r = store_leases(q->control->store, tenant, id, NULL, v.now, add_lease, &v, &e);
	struct token t;

	if (r < 0) {
		http_store_problem(q, r, &e, "lease");
		return;
	}
	t = (struct token){
		.epoch = v.copy.epoch, .issued_ms = v.now, .expires_ms = v.copy.expires_ms};
	memcpy(t.lease, v.copy.id, sizeof(t.lease));
	memcpy(t.tenant, v.copy.tenant, sizeof(t.tenant));
	memcpy(t.policy, v.copy.policy, sizeof(t.policy));
	v.b.len--; /* the brace, for one member more */
	buf_adds(&v.b, ",\"token\":\"");
	if (token_issue(&signing, &t, &v.b) < 0)
		log_fatal("a token is larger than it can be");
	buf_adds(&v.b, "\"}\n");
	http_answer(q, status, "application/json", &v.b);
}

static int64_t ttl_of(struct request *q, const json_t *body, int *failed)
{
	int64_t s = body_number(q, body, "ttl_s", LEASE_TTL_S, 1, LEASE_TTL_MAX_S, failed);

	return *failed ? 0 : s * 1000;
}

/* What a lease is of: the profile as it is now, and the code if it is to be held. */
static int take_terms(struct request *q, const json_t *body, struct lease_row *w, struct code *code,
		      struct policy **policy)
{
	const json_t *hold = json_object_get(body, "hold");
	char state[16] = "";
	struct err e;
	int r;

	if (hold && !json_is_boolean(hold)) {
		http_problem(q, 400, "request.member", "'hold' must be true or false");
		return -EINVAL;
	}
	if (json_is_true(hold) != code_given(body)) {
		http_problem(
			q, 400, "request.member",
			json_is_true(hold)
				? "a lease that is held needs its code: 'code', 'modules' with "
				  "'main', or 'artifact'"
				: "code belongs to a lease only with \"hold\": true; without, "
				  "each run brings its own");
		return -EINVAL;
	}
	r = admin_tenant_state(q->control, w->tenant, state, &e);
	if (r == 0 && strcmp(state, "active") != 0) {
		http_problem(q, 403, "tenant.suspended", "the tenant '%s' is suspended", w->tenant);
		return -EACCES;
	}
	if (r == 0)
		r = profile_policy(q->control, w->tenant, w->profile, 0, NULL, policy, &e);
	if (r < 0) {
		http_store_problem(q, r, &e, "profile");
		return r;
	}
	r = tier_refuses(q->control, policy_tier(*policy), q->caller.role, w->tenant, &e);
	if (r < 0) {
		http_problem_err(q, 403, &e);
		return r;
	}
	w->policy = policy_digest(*policy);
	if (!json_is_true(hold))
		return 0;
	r = code_take(q, body, w->tenant, code, &e);
	if (r == -ENOENT)
		http_problem_err(q, 404, &e);
	if (r < 0)
		return r;
	if (code->trust < (int64_t)policy_min_trust(*policy)) {
		http_problem(q, 403, "trust.too_low",
			     "the profile '%s' is for artifacts of trust tier %u and higher; this "
			     "code has %lld",
			     w->profile, policy_min_trust(*policy), (long long)code->trust);
		return -EACCES;
	}
	w->artifact = code->digest;
	return 0;
}

static int record(struct request *q, const char *event, const char *tenant,
		  const struct lease_row *w, int64_t expires_ms, struct err *reterr)
{
	char expires[CLOCK_TEXT_SIZE] = "";

	if (expires_ms)
		clock_text(expires_ms, expires);
	return act(q->control, q, event, tenant, reterr, "lease", w->id, "profile", w->profile,
		   "policy", w->policy, "session", w->session, "artifact", w->artifact,
		   "expires_at", expires, NULL);
}

static void create(struct request *q, const json_t *body, struct lease_row *w)
{
	struct policy *policy = NULL;
	struct code code;
	struct err e;
	int added = 0, r;

	code_init(&code);
	if (take_terms(q, body, w, &code, &policy) == 0) {
		r = act_begin(q, &e);
		if (r == 0 && *w->artifact && !code.stored)
			r = code_keep(q->control, w->tenant, &code, &added, &e);
		if (r == 0 && added)
			r = act(q->control, q, "artifact_put", w->tenant, &e, "artifact",
				code.digest, NULL);
		if (r == 0)
			r = store_lease_add(q->control->store, w, LEASES_PER_TENANT, &e);
		if (r == 0)
			r = record(q, "lease_created", w->tenant, w, w->expires_ms, &e);
		r = act_commit(q, r, &e);
		if (r == -ENOSPC && !strcmp(e.code, "lease.quota"))
			http_problem_err(q, 429, &e);
		else if (r == -EDQUOT)
			http_problem_err(q, 409, &e);
		else if (r < 0)
			http_store_problem(q, r, &e, "tenant");
		else
			show(q, 201, w->tenant, w->id);
	}
	w->artifact = w->policy = ""; /* they were this function's own */
	code_done(&code);
}

void lease_create(struct request *q)
{
	json_t *body = body_object(q, " profile ttl_s session hold" CODE_MEMBERS);
	struct lease_row w = {.session = "", .artifact = "", .epoch = 1};
	char id[ID_SIZE], tenant[64];
	const char *profile, *session;
	int failed = 0;
	int64_t ttl;

	if (!body)
		return;
	id_new("lease", id);
	profile = body_string(q, body, "profile", &failed);
	session = failed ? NULL : body_string(q, body, "session", &failed);
	ttl = failed ? 0 : ttl_of(q, body, &failed);
	if (!failed && (!profile || !auth_name_valid(profile)))
		http_problem(q, 400, "request.member", "'profile' must be the name of a profile");
	else if (!failed && session && !auth_session_valid(session))
		http_problem(q, 400, "request.member",
			     "'session' must be 1 to %d visible ASCII characters",
			     SESSION_SIZE - 1);
	else if (!failed && auth_tenant(q, tenant) == 0) {
		w.id = id;
		w.tenant = tenant;
		w.key = q->caller.key;
		w.team = q->caller.team;
		w.profile = profile;
		w.session = session ? session : "";
		w.created_ms = clock_wall_ms();
		w.expires_ms = w.created_ms + ttl;
		create(q, body, &w);
	}
	json_decref(body);
}

/* Who renews answers for it as who makes one: the tier may be for others by now. */
static int may_renew(struct request *q, const char *tenant, const struct copy *l)
{
	struct policy *policy;
	struct err e;
	int r = profile_policy(q->control, tenant, l->profile, 0, l->policy, &policy, &e);

	if (r < 0) {
		http_store_problem(q, r, &e, "profile");
		return r;
	}
	r = tier_refuses(q->control, policy_tier(policy), q->caller.role, tenant, &e);
	if (r < 0)
		http_problem_err(q, 403, &e);
	return r;
}

void lease_renew(struct request *q)
{
	json_t *body = body_object(q, " epoch ttl_s ");
	int failed = 0, r;
	char tenant[64];
	struct view v = {.key = NULL};
	int64_t epoch, ttl;
	struct lease *l;
	struct err e;

	if (!body)
		return;
	epoch = body_number(q, body, "epoch", -1, 1, INT64_MAX, &failed);
	ttl = failed ? 0 : ttl_of(q, body, &failed);
	if (!failed && epoch < 0)
		http_problem(q, 400, "request.member",
			     "'epoch' is needed: the one that the caller takes the lease to have");
	else if (!failed && look_up(q, tenant, &v) == 0 && may_renew(q, tenant, &v.copy) == 0) {
		r = act_begin(q, &e);
		if (r == 0)
			r = store_lease_renew(q->control->store, tenant, v.copy.id, epoch, v.now,
					      v.now + ttl, &e);
		if (r == 0)
			r = record(q, "lease_renewed", tenant, &(struct lease_row){.id = v.copy.id},
				   v.now + ttl, &e);
		r = act_commit(q, r, &e);
		l = find(q->control, v.copy.id);
		if (r == 0 && l) {
			l->expires_ms = v.now + ttl;
			arm(l);
		}
		if (r == -ESTALE && (v.copy.revoked_ms || v.copy.expires_ms <= v.now))
			http_problem(q, 409, "lease.over",
				     "the lease is over, and cannot be renewed; create another");
		else if (r == -ESTALE)
			http_problem(q, 409, "lease.epoch",
				     "the lease has epoch %lld by now; somebody else renewed it",
				     (long long)v.copy.epoch);
		else if (r < 0)
			http_store_problem(q, r, &e, "lease");
		else
			show(q, 200, tenant, v.copy.id);
	}
	buf_done(&v.b);
	json_decref(body);
}

void lease_revoke(struct request *q)
{
	char tenant[64];
	struct view v;
	struct lease *l;
	struct err e;
	int r;

	if (look_up(q, tenant, &v) == 0) {
		r = batch_open(q->control, &e);
		if (r == 0)
			r = store_lease_revoke(q->control->store, tenant, v.copy.id, v.now, &e);
		if (r == 0 && !v.copy.revoked_ms)
			r = record(q, "lease_revoked", tenant, &(struct lease_row){.id = v.copy.id},
				   0, &e);
		r = act_commit(q, r, &e);
		l = r == 0 ? find(q->control, v.copy.id) : NULL;
		if (l)
			end(l);
		if (r < 0)
			http_store_problem(q, r, &e, "lease");
		else
			http_answer(q, 204, NULL, NULL);
	}
	buf_done(&v.b);
}
