/*
 * POST /v1/runs: from a request to a run that was admitted, or denied with a reason. The order of
 * the questions: tenant's state, profile, class, limits within the profile, room. A refusal is a
 * run too: it has an ID, and can be looked up.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "control/code.h"
#include "control/lease.h"
#include "control/ledger.h"
#include "control/limits.h"
#include "control/quota.h"
#include "control/run.h"
#include "control/shed.h"
#include "control/tier.h"
#include "policy/platform.h"
#include "wire/words.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static const char members[] = " profile input class limits session seed labels provenance "
			      "output_schema deadline_ms idempotent" CODE_MEMBERS;

/* Bulk runs stand behind all others on the CPU. */
enum { IDEMPOTENCY_MAX = 200, DEADLINE_MAX_MS = 86400000, BULK_NICE = 15 };

struct submit {
	struct request *q;
	json_t *body;
	struct run *run;
	struct policy *policy;
	struct policy_limits limits; /* the least of its and its tier's */
	struct code code;
	const char *input;
	char idempotency[ID_SIZE + IDEMPOTENCY_MAX + 2]; /* a lease's have its ID before them */
	size_t input_len;
	uint8_t digest[KEY_HASH_SIZE]; /* of the body */
	struct msg_submit m;
	struct err denied; /* code not empty: the run is denied */
};

static void bad(struct submit *s, const char *format, ...) _printf_(2, 3);
static void bad(struct submit *s, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	http_problem(s->q, 400, "request.member", "%s", text);
}

/*
 * The input goes to the sandbox as it was written, and so does not pass through a parser's idea of
 * numbers: it is taken out of the body, and 0 put in its place, before the rest is parsed.
 */
static int take_input(struct submit *s)
{
	struct buf *b = &s->q->body;
	const char *at;
	size_t len, offset;

	if (json_check(b->data, b->len, &offset) < 0) {
		http_problem(s->q, 400, "request.json",
			     "the body is not one JSON value: byte %zu is where it goes wrong",
			     offset);
		return -EINVAL;
	}
	if (json_member(b->data, b->len, "input", &at, &len) < 0)
		return 0;
	if (len > LIMIT_INPUT) {
		http_problem(s->q, 413, "request.too_large", "'input' has more than %d bytes",
			     LIMIT_INPUT);
		return -EINVAL;
	}
	s->input = memcpy(xmalloc(len + 1), at, len);
	s->input_len = len;
	/* "0" fits where any value stood; what was behind it moves up. */
	offset = (size_t)(at - (const char *)b->data);
	b->data[offset] = '0';
	memmove(b->data + offset + 1, b->data + offset + len, b->len - offset - len);
	b->len -= len - 1;
	return 0;
}

static int take_labels(struct submit *s)
{
	json_t *labels = json_object_get(s->body, "labels"), *value;
	const char *name;

	if (labels && (!json_is_object(labels) || json_object_size(labels) > LABELS_MAX)) {
		bad(s, "'labels' must be an object with at most %d members", LABELS_MAX);
		return -EINVAL;
	}
	json_object_foreach(labels, name, value)
	{
		if (json_is_string(value) && strlen(name) <= LABEL_SIZE_MAX &&
		    json_string_length(value) <= LABEL_SIZE_MAX)
			continue;
		bad(s, "label '%.100s': names and values are strings of at most %d bytes", name,
		    LABEL_SIZE_MAX);
		return -EINVAL;
	}
	s->run->labels = labels ? json_dumps(labels, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	return 0;
}

static int take_seed(struct submit *s)
{
	int failed = 0;
	const char *seed = body_string(s->q, s->body, "seed", &failed);
	char *end;

	if (failed)
		return -EINVAL;
	if (!seed) {
		randombytes_buf(&s->m.seed, sizeof(s->m.seed));
		return 0;
	}
	errno = 0;
	s->m.seed = strtoull(seed, &end, 10);
	if (!*seed || *end || errno || strspn(seed, "0123456789") != strlen(seed)) {
		bad(s, "'seed' must be a string of digits, at most 18446744073709551615");
		return -EINVAL;
	}
	s->m.flags |= RUN_VIRTUAL_CLOCK;
	s->m.now_ms = 946684800000LL; /* 2000-01-01T00:00:00Z, as `cordon run --seed` has it */
	return 0;
}

/* Who made the code, by the caller's word: kept with the run, and not believed. */
static int take_provenance(struct submit *s)
{
	static const char known[] = " origin model prompt_sha256 author ";
	json_t *p = json_object_get(s->body, "provenance"), *value;
	const char *name;

	if (p && !json_is_object(p)) {
		bad(s, "'provenance' must be an object");
		return -EINVAL;
	}
	json_object_foreach(p, name, value)
	{
		const char *text = json_string_value(value);

		if (!body_knows(known, name)) {
			bad(s, "unknown member provenance.%.70s; known are:%.*s", name,
			    (int)sizeof(known) - 2, known);
			return -EINVAL;
		}
		if (!text || json_string_length(value) > PROVENANCE_SIZE_MAX ||
		    strlen(text) != json_string_length(value)) {
			bad(s, "provenance.%s must be a string of at most %d bytes", name,
			    PROVENANCE_SIZE_MAX);
			return -EINVAL;
		}
		if (!strcmp(name, "prompt_sha256") &&
		    (strlen(text) != 64 || strspn(text, "0123456789abcdef") != 64)) {
			bad(s, "provenance.prompt_sha256 must be 64 hexadecimal digits in lower "
			       "case");
			return -EINVAL;
		}
	}
	s->run->provenance = p ? json_dumps(p, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	return 0;
}

static int take_schema(struct submit *s)
{
	const json_t *schema = json_object_get(s->body, "output_schema");

	if (!schema)
		return 0;
	if (!json_is_object(schema) && !json_is_boolean(schema)) {
		bad(s, "'output_schema' must be a JSON Schema: an object, true or false");
		return -EINVAL;
	}
	s->run->schema = json_dumps(schema, JSON_COMPACT | JSON_ENCODE_ANY);
	if (s->run->schema && strlen(s->run->schema) <= SCHEMA_MAX)
		return 0;
	bad(s, "'output_schema' has more than %d bytes", SCHEMA_MAX);
	return -EINVAL;
}

static int take_profile(struct submit *s)
{
	const struct lease_grant *g = &s->q->lease;
	int failed = 0;
	const char *profile = body_string(s->q, s->body, "profile", &failed);
	const char *session = failed ? NULL : body_string(s->q, s->body, "session", &failed);

	if (failed)
		return -EINVAL;
	if (profile && !auth_name_valid(profile)) {
		bad(s, "'profile' must be the name of a profile");
		return -EINVAL;
	}
	if (session && !auth_session_valid(session)) {
		bad(s, "'session' must be 1 to %d visible ASCII characters", SESSION_SIZE - 1);
		return -EINVAL;
	}
	if (*g->id && ((profile && strcmp(profile, g->profile) != 0) ||
		       (session && strcmp(session, g->session) != 0)))
		err_set(&s->denied, EPERM, "lease.terms",
			"the lease is for profile '%s' and session '%s'; leave them out, or get "
			"another lease",
			g->profile, g->session);
	snprintf(s->run->profile, sizeof(s->run->profile), "%s",
		 *g->id	   ? g->profile
		 : profile ? profile
			   : "transform");
	run_text(&s->run->session, *g->id ? g->session : session ? session : "");
	return 0;
}

/* What a lease holds has its code, which a run may only repeat. */
static int take_code(struct submit *s)
{
	const struct lease_grant *g = &s->q->lease;
	struct err e;
	int r;

	if (*g->artifact && !code_given(s->body)) {
		snprintf(s->code.digest, sizeof(s->code.digest), "%s", g->artifact);
		snprintf(s->run->artifact, sizeof(s->run->artifact), "%s", g->artifact);
		return 0;
	}
	r = code_take(s->q, s->body, s->run->tenant, &s->code, &e);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT && !*s->denied.code)
		s->denied = e;
	snprintf(s->run->artifact, sizeof(s->run->artifact), "%s", s->code.digest);
	s->run->stored = s->code.stored;
	if (*g->artifact && strcmp(s->code.digest, g->artifact) != 0 && !*s->denied.code)
		err_set(&s->denied, EPERM, "lease.terms",
			"the lease holds %s, and runs nothing else; leave the code out",
			g->artifact);
	return 0;
}

/* How long its caller can use an answer, and whether it may be run twice. */
static int take_patience(struct submit *s)
{
	const json_t *twice = json_object_get(s->body, "idempotent");
	int failed = 0;
	int64_t ms = body_number(s->q, s->body, "deadline_ms", 0, 1, DEADLINE_MAX_MS, &failed);

	if (failed)
		return -EINVAL;
	if (twice && !json_is_boolean(twice)) {
		bad(s, "'idempotent' must be true or false");
		return -EINVAL;
	}
	if (ms)
		s->run->deadline_ns = clock_now_ns() + (uint64_t)ms * NS_PER_MS;
	s->run->idempotent = json_is_true(twice);
	return 0;
}

static int take_rest(struct submit *s)
{
	if (take_labels(s) < 0 || take_provenance(s) < 0 || take_seed(s) < 0 ||
	    take_schema(s) < 0 || take_patience(s) < 0 || take_profile(s) < 0 || take_code(s) < 0)
		return -EINVAL;
	s->m.flags |= RUN_JOURNAL | (http_wants_events(s->q) ? RUN_LIVE : 0);
	return 0;
}

static int take_limits(struct submit *s)
{
	return limits_take(&(struct limits_asked){.q = s->q,
						  .body = s->body,
						  .profile = s->run->profile,
						  .tier = s->run->tier,
						  .of_profile = policy_limits(s->policy),
						  .given = &s->limits},
			   &s->m, &s->denied);
}

static uint8_t nice_of(const struct submit *s, int is_bulk)
{
	return is_bulk && s->run->nice < BULK_NICE ? BULK_NICE : s->run->nice;
}

static int choose_class(struct submit *s)
{
	int failed = 0;
	const char *asked = body_string(s->q, s->body, "class", &failed);
	const char *given = policy_class_text(policy_class(s->policy));

	if (failed)
		return -EINVAL;
	if (asked && strcmp(asked, "interactive") && strcmp(asked, "bulk")) {
		bad(s, "'class' must be \"interactive\" or \"bulk\"");
		return -EINVAL;
	}
	/* Bulk is the lesser right: an interactive profile may give it up. */
	if (asked && !strcmp(asked, "interactive") && strcmp(given, "interactive") &&
	    !*s->denied.code)
		err_set(&s->denied, EPERM, "class.denied",
			"the profile '%s' is for bulk work; leave 'class' out, or use another "
			"profile",
			s->run->profile);
	/* What is held has its share of the CPU from the profile, for all its runs. */
	if (*s->q->lease.artifact && asked && strcmp(asked, given) != 0 && !*s->denied.code)
		err_set(&s->denied, EPERM, "class.denied",
			"the lease holds a sandbox of class %s; leave 'class' out", given);
	s->run->class_ = asked && !strcmp(asked, "bulk") ? "bulk" : given;
	words_class_parse(s->run->class_, &s->m.class_);
	s->m.nice = nice_of(s, s->m.class_ == CLASS_BULK);
	s->run->idempotent |= policy_is_pure(s->policy);
	s->m.flags |= (uint8_t)((policy_eval(s->policy) ? RUN_EVAL : 0) |
				(policy_wasm(s->policy) ? 0 : RUN_NO_WASM));
	return 0;
}

static void take_tier(struct submit *s)
{
	struct control *c = s->q->control;
	enum policy_tier tier = policy_tier(s->policy);
	const struct platform_tier *t = platform_tier(c->platform, tier);
	struct err e;

	tier_enter(s->run, tier);
	platform_limits(t, policy_limits(s->policy), &s->limits);
	s->m.engine = t->regulated_engine ? ENGINE_REGULATED : ENGINE_STANDARD;
	if (tier_refuses(c, tier, s->q->caller.role, s->run->tenant, &e) < 0 && !*s->denied.code)
		s->denied = e;
}

/* -EINVAL: answered. 0: s->denied says whether it may run. */
static int admit(struct submit *s)
{
	struct control *c = s->q->control;
	struct run *run = s->run;
	char state[16] = "";
	struct err e;
	int r;

	r = admin_tenant_state(c, run->tenant, state, &e);
	if (r == 0) {
		r = profile_policy(c, run->tenant, run->profile, 0,
				   *s->q->lease.id ? s->q->lease.policy : NULL, &s->policy, &e);
		if (strcmp(state, "active") != 0)
			err_set(&s->denied, EACCES, "tenant.suspended",
				"the tenant '%s' is suspended", run->tenant);
		else if (r == -ENOENT)
			err_set(&s->denied, ENOENT, "profile.unknown",
				"the tenant '%s' has no profile '%s'", run->tenant, run->profile);
	}
	if (r < 0 && !*s->denied.code) {
		http_store_problem(s->q, r, &e, "tenant");
		return -EINVAL;
	}
	if (!s->policy)
		return 0;
	snprintf(run->policy, sizeof(run->policy), "%s", policy_digest(s->policy));
	take_tier(s);
	/* What is held was judged when the lease was made. */
	if (s->code.trust < (int64_t)policy_min_trust(s->policy) && !*s->q->lease.artifact &&
	    !*s->denied.code)
		err_set(&s->denied, EPERM, "trust.too_low",
			"the profile '%s' is for artifacts of trust tier %u and higher; this code "
			"has %lld",
			run->profile, policy_min_trust(s->policy), (long long)s->code.trust);
	if (choose_class(s) < 0 || take_limits(s) < 0)
		return -EINVAL;
	if (c->run_bytes + s->code.modules.len + s->input_len > RUN_BYTES_MAX && !*s->denied.code)
		err_set(&s->denied, EAGAIN, "capacity",
			"the runs under way have more than %d bytes of code and input; try again "
			"later",
			RUN_BYTES_MAX);
	if (*s->q->lease.id && !*s->denied.code) {
		run->lease = lease_enter(c, &s->q->caller, &s->q->lease);
		if (!run->lease)
			err_set(&s->denied, EAGAIN, "capacity",
				"leases hold as many sandboxes as they may: %d of one tenant, %d "
				"in all; "
				"revoke some, or try again later",
				HOLDS_PER_TENANT, HOLDS_MAX);
	}
	return 0;
}

struct earlier {
	char id[ID_SIZE];
	int same, running;
	const uint8_t *digest;
	struct buf result;
};

static void take_earlier(void *arg, const struct run_row *w)
{
	struct earlier *x = arg;

	snprintf(x->id, sizeof(x->id), "%s", w->id);
	x->same = w->body && !sodium_memcmp(w->body, x->digest, KEY_HASH_SIZE);
	x->running = !strcmp(w->state, "running");
	buf_add(&x->result, w->result, w->result_len);
}

static int wants_async(const struct request *q)
{
	const char *prefer = http_header(q, "Prefer");

	return prefer && strcasestr(prefer, "respond-async");
}

static void answer_async(struct request *q, const struct run *run)
{
	struct buf b = BUF_INIT(1 << 16);
	char location[128];

	run_json(run, NULL, &b);
	buf_addc(&b, '\n');
	snprintf(location, sizeof(location), "/v1/runs/%s", run->id);
	http_answer(q, 202, "application/json", &b);
	http_add_header(q, "Location", location);
	http_add_header(q, "Preference-Applied", "respond-async");
}

/* A run that is over, in the form that was asked for. */
static void answer_over(struct request *q, struct buf *json)
{
	if (http_wants_events(q)) {
		http_stream(q);
		http_event(q, "result", json->data, json->len);
		http_stream_end(q);
		return;
	}
	buf_addc(json, '\n');
	http_answer(q, 200, "application/json", json);
}

/*
 * The same Idempotency-Key again: the same run, if it is the same request. -ENOENT: there is none;
 * else answered.
 */
static int replay(struct submit *s)
{
	struct earlier x = {.digest = s->digest, .result = BUF_INIT(256 << 20)};
	struct run_filter f = {
		.tenant = s->run->tenant, .key = s->run->key, .idempotency = s->idempotency};
	struct request *q = s->q;
	struct run *run;
	struct err e;
	int r = batch_settle(q->control, &e); /* what is told is committed */

	q->replayed = 1;
	if (r == 0)
		r = store_runs(q->control->store, &f, take_earlier, &x, &e);
	if (r == -ENOENT) {
		q->replayed = 0;
		return r;
	}
	run = r == 0 && x.running ? run_find(q->control, x.id) : NULL;
	if (r < 0)
		http_store_problem(q, r, &e, "run");
	else if (!x.same)
		http_problem(q, 409, "idempotency.reused",
			     "this Idempotency-Key was used with another body, for run %s", x.id);
	else if (run && http_wants_events(q))
		run_follow(run, q);
	else if (run && !wants_async(q))
		run_wait(run, q);
	else if (run)
		answer_async(q, run);
	else if (x.running)
		http_problem(q, 503, "store.failed", "the end of run %s could not be written",
			     x.id);
	else
		answer_over(q, &x.result);
	buf_done(&x.result);
	return 0;
}

/* While nothing can be recorded nothing is begun; what was begun before is told all the same. */
static int refused(struct submit *s)
{
	struct err e;
	int r = ledger_refuses(s->q->control, &e);

	if (r < 0 && (!*s->idempotency || replay(s) == -ENOENT))
		http_problem_err(s->q, 503, &e);
	return r;
}

/*
 * Room in all quotas that it is under. A tenant that goes on asking is answered without a run. 0:
 * s->denied says whether it may run; else answered.
 */
static int reserve(struct submit *s)
{
	_cleanup_buf_ struct buf more = BUF_INIT(4096);
	struct control *c = s->q->control;
	struct run *run = s->run;
	struct quota_refusal f;
	struct err e;
	int r = *s->denied.code ? 0 : quota_reserve(run, &s->m, &f);

	if (r == -EAGAIN)
		http_problem(s->q, 503, "quota.loading",
			     "what was used on %s is not known yet; try again", run->day);
	if (r != -EDQUOT)
		return r;
	quota_explain(run, &f, &e, &more);
	if (*s->idempotency && replay(s) == 0)
		return r;
	if (shed_may_deny(c, run->tenant)) {
		s->denied = e;
		run->more = xstrdup(buf_str(&more));
		return 0;
	}
	shed_count(c, run->tenant, e.code);
	c->limited++;
	http_problem_err(s->q, 429, &e);
	http_retry_after(s->q, quota_retry_s(run));
	return r;
}

/* A place in the queue. Who comes a second time is told of the first. */
static int queue(struct submit *s)
{
	uint32_t retry_ms;
	struct err e;
	int r = queue_enter(s->run, s->run->deadline_ns, &e, &retry_ms);

	if (r < 0 && (!*s->idempotency || replay(s) == -ENOENT))
		queue_refuse(s->q, s->run->tenant, &e, retry_ms);
	return r;
}

/* The row first, then the node. The run is the control's when this returns 0. */
static int enter(struct submit *s)
{
	struct run *run = s->run;
	struct err e;
	int r;

	r = batch_open(s->q->control, &e);
	if (r == 0)
		r = store_run_add(
			s->q->control->store,
			&(struct run_row){.id = run->id,
					  .tenant = run->tenant,
					  .key = run->key,
					  .profile = run->profile,
					  .policy = run->policy,
					  .artifact = run->artifact,
					  .tier = run->tier,
					  .class_ = run->class_,
					  .lease = run->lease_id,
					  .session = run->session,
					  .labels = run->labels ? run->labels : "{}",
					  .provenance = run->provenance ? run->provenance : "{}",
					  .trace = run->trace,
					  .idempotency = s->idempotency,
					  .body = s->digest,
					  .created_ms = run->created_ms,
					  .state = "running",
					  .outcome = "",
					  .reason = "",
					  .result = "",
					  .payloads = ""},
			&e);
	if (r == -EEXIST && replay(s) == 0)
		return r;
	if (r < 0)
		http_store_problem(s->q, r, &e, "tenant");
	return r;
}

/* The code of what the lease holds, the first time that it is used. -EINVAL: answered. */
static int keep_code(struct submit *s)
{
	struct run *run = s->run;
	struct code *c = &s->code;
	struct msg_hold m;
	struct err e;
	int r = c->modules.len ? 0 : code_load(s->q->control, run->tenant, c->digest, c, &e);

	if (r < 0) {
		http_problem_err(s->q, r == -ENOENT ? 409 : 503, &e);
		return -EINVAL;
	}
	m = (struct msg_hold){.hold = run->lease->hold,
			      .engine = s->m.engine,
			      /* for all its runs, so the profile's word counts */
			      .nice = nice_of(s, policy_class(s->policy) == POLICY_BULK),
			      .flags = (s->m.flags & (RUN_EVAL | RUN_NO_WASM)) |
				       (c->fences ? RUN_FENCES : 0),
			      .memory_bytes = s->limits.memory_bytes,
			      .language = WIRE_STR(c->language),
			      .main = WIRE_STR(c->main),
			      .modules = WIRE_BUF(&c->modules)};
	if (lease_keep(run->lease, &m) == 0)
		return 0;
	http_problem(s->q, 503, "capacity", "leases hold too much code; try again later");
	return -EINVAL;
}

struct member {
	const char *name, *value;
};

static void write_members(const struct member *all, size_t n, struct buf *b)
{
	for (size_t i = 0; i < n; i++) {
		if (!*all[i].value)
			continue;
		buf_addf(b, ",\"%s\":", all[i].name);
		json_quote_str(b, all[i].value);
	}
}

/* What every event says of the run it belongs to. */
static void write_context(const struct run *r, struct buf *b)
{
	const struct member all[] = {{"tenant", r->tenant},
				     {"lease", r->lease_id},
				     {"session", r->session},
				     {"trace", r->trace}};

	write_members(all, ARRAY_SIZE(all), b);
}

/* What only the first says; the code is known to the node itself. */
static void write_admitted(const struct run *r, struct buf *b)
{
	const struct member all[] = {
		{"policy", r->policy}, {"profile", r->profile}, {"key", r->key}};

	write_members(all, ARRAY_SIZE(all), b);
}

static int encode(struct submit *s)
{
	_cleanup_buf_ struct buf context = BUF_INIT(LIMIT_CONTEXT),
				 admitted = BUF_INIT(LIMIT_CONTEXT);
	const struct lease *l = s->run->lease;

	s->m.handle = s->run->handle;
	s->m.run = WIRE_STR(s->run->id);
	write_context(s->run, &context);
	s->m.context = WIRE_BUF(&context);
	write_admitted(s->run, &admitted);
	s->m.admitted = WIRE_BUF(&admitted);
	if (l && l->hold) {
		s->m.hold = l->hold;
		if (!l->frame.len && keep_code(s) < 0)
			return -EINVAL;
	} else {
		s->m.flags |= s->code.fences ? RUN_FENCES : 0;
		s->m.language = WIRE_STR(s->code.language);
		s->m.main = WIRE_STR(s->code.main);
		s->m.modules = WIRE_BUF(&s->code.modules);
	}
	if (msg_encode(&s->run->wire, &(struct msg){.type = MSG_SUBMIT, .submit = s->m}) == 0) {
		buf_fit(&s->run->wire); /* it may have to wait */
		return 0;
	}
	http_problem(s->q, 413, "request.too_large",
		     "code and input together are larger than the platform takes");
	return -EMSGSIZE;
}

static int take_idempotency(struct submit *s)
{
	const char *key = http_header(s->q, "Idempotency-Key");
	size_t n = 0;

	if (!key)
		return 0;
	while (key[n] > 0x20 && key[n] < 0x7f)
		n++;
	if (n && !key[n] && n <= IDEMPOTENCY_MAX) {
		snprintf(s->idempotency, sizeof(s->idempotency), "%s%s%s", s->q->lease.id,
			 *s->q->lease.id ? " " : "", key);
		return 0;
	}
	http_problem(s->q, 400, "request.header",
		     "Idempotency-Key must be 1 to %d visible ASCII characters", IDEMPOTENCY_MAX);
	return -EINVAL;
}

/* Who is answered before the run is over, is so when its row stands. */
static void begin(struct submit *s, struct run *run)
{
	struct request *q = s->q;
	struct err e;
	int r;

	if (!http_wants_events(q) && !wants_async(q)) {
		run_wait(run, q);
		return;
	}
	r = batch_settle(q->control, &e);
	if (r < 0)
		http_store_problem(q, r, &e, "run");
	else if (http_wants_events(q))
		run_follow(run, q);
	else
		answer_async(q, run);
}

/* When there is no room in either queue, nobody looks at the rest. */
static int crowded(struct submit *s)
{
	uint32_t retry_ms;
	struct err e;
	int r = queue_is_full(s->q->control, s->run->tenant, &e, &retry_ms);

	if (r < 0 && (!*s->idempotency || replay(s) == -ENOENT))
		queue_refuse(s->q, s->run->tenant, &e, retry_ms);
	return r;
}

static void submit(struct submit *s)
{
	struct request *q = s->q;
	struct run *run = s->run;

	crypto_generichash(s->digest, sizeof(s->digest), q->body.data, q->body.len, NULL, 0);
	if (take_idempotency(s) < 0 || auth_tenant(q, run->tenant) < 0 || refused(s) < 0 ||
	    crowded(s) < 0 || take_input(s) < 0)
		return;
	s->body = body_object(q, members);
	if (!s->body)
		return;
	if (!json_object_get(s->body, "input") != !s->input) {
		bad(s, "'input' must be written without escapes");
		return;
	}
	s->m.input = (struct wire_bytes){s->input, s->input_len};
	if (take_rest(s) < 0 || admit(s) < 0 || reserve(s) < 0 ||
	    (!*s->denied.code && (encode(s) < 0 || queue(s) < 0)) || enter(s) < 0)
		return;
	run->role = auth_role_text(q->caller.role);
	run->nice = s->m.nice; /* its value is judged at the same */
	s->run = NULL;
	run_begin(run);
	if (*s->denied.code) {
		record_begin(run, &s->m);
		if (http_wants_events(q))
			run_follow(run, q);
		else
			run_wait(run, q);
		run_deny(run, s->denied.code, s->denied.message, s->m.seed);
		return;
	}
	begin(s, run);
}

void submit_run(struct request *q)
{
	struct submit s = {.q = q};

	if (q->control->stopping) {
		http_problem(q, 503, "platform.stopping", "the platform is ending");
		return;
	}
	if (quota_wait(q))
		return;
	code_init(&s.code);
	s.run = run_new(q->control);
	snprintf(s.run->key, sizeof(s.run->key), "%s", q->caller.key);
	snprintf(s.run->lease_id, sizeof(s.run->lease_id), "%s", q->lease.id);
	run_text(&s.run->trace, q->trace);
	run_text(&s.run->team, q->caller.team);
	submit(&s);
	if (s.run)
		run_free(s.run);
	code_done(&s.code);
	json_decref(s.body);
	free((char *)(uintptr_t)s.input);
}
