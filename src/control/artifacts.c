/* Artifacts: code that is kept under its digest, so that a run needs only to name it. */
#include "base/clock.h"
#include "base/json.h"
#include "control/code.h"
#include "control/ledger.h"
#include "wire/modmap.h"

#include <errno.h>
#include <string.h>

enum { LIST_MAX = 64 << 20, TRUST_MAX = 2 };
#define TENANT_BYTES_MAX (1LL << 30)

static void add_members(struct buf *b, const struct artifact_row *w)
{
	buf_addf(b, "\"artifact\":\"%s\",\"language\":", w->digest);
	if (*w->language)
		json_quote_str(b, w->language);
	else
		buf_adds(b, "null");
	buf_adds(b, ",\"main\":");
	json_quote_str(b, w->main);
	buf_addf(b,
		 ",\"fences\":%s,\"bytes\":%zu,\"trust\":%lld,\"runs\":%lld,\"cache_hits\":%lld,"
		 "\"created_at\":",
		 w->fences ? "true" : "false", w->modules_len, (long long)w->trust,
		 (long long)w->runs, (long long)w->hits);
	body_time(b, w->created_ms);
}

static void add_brief(void *arg, const struct artifact_row *w)
{
	struct buf *b = arg;

	buf_adds(b, b->data[b->len - 1] == '}' ? ",{" : "{");
	add_members(b, w);
	buf_addc(b, '}');
}

static void add_modules(struct buf *b, const struct artifact_row *w)
{
	struct modmap map;
	struct module m;
	int first = 1;

	buf_adds(b, ",\"modules\":{");
	if (modmap_open(&map, w->modules, w->modules_len) == 0)
		while (modmap_next(&map, &m) > 0) {
			if (!first)
				buf_addc(b, ',');
			first = 0;
			json_quote(b, m.name, m.name_len);
			buf_addc(b, ':');
			if (m.type == MODULE_DATA || m.type == MODULE_WASM) {
				buf_adds(b, "{\"base64\":\"");
				base64_add(b, m.source, m.source_len);
				buf_adds(b, "\"}");
			} else {
				json_quote(b, m.source, m.source_len);
			}
		}
	buf_addc(b, '}');
}

static void add_card(void *arg, const struct artifact_row *w)
{
	buf_addc(arg, '{');
	add_members(arg, w);
	buf_adds(arg, "}\n");
}

static void add_whole(void *arg, const struct artifact_row *w)
{
	buf_addc(arg, '{');
	add_members(arg, w);
	add_modules(arg, w);
	buf_adds(arg, "}\n");
}

static void show(struct request *q, unsigned status, const char *tenant, const char *digest,
		 artifact_fn *fn)
{
	struct buf b = BUF_INIT(LIST_MAX);
	struct err e;
	int r = store_artifacts(q->control->store, tenant, digest, fn, &b, &e);

	http_store_answer(q, r, &e, "artifact", status, &b);
}

int code_keep(struct control *c, const char *tenant, const struct code *code, int *ret_added,
	      struct err *reterr)
{
	const struct artifact_row row = {.tenant = tenant,
					 .digest = code->digest,
					 .language = code->language,
					 .main = code->main,
					 .modules = code->modules.data,
					 .modules_len = code->modules.len,
					 .fences = code->fences,
					 .created_ms = clock_wall_ms()};
	int64_t have = 0;
	int r = store_artifact_bytes(c->store, tenant, &have, reterr);

	if (r == 0 && have + (int64_t)row.modules_len > TENANT_BYTES_MAX)
		return err_set(
			reterr, EDQUOT, "artifact.quota",
			"the tenant's artifacts would be larger than %lld bytes; delete some",
			TENANT_BYTES_MAX);
	return r ? r : store_artifact_put(c->store, &row, ret_added, reterr);
}

static void put(struct request *q, const char *tenant, const struct code *c)
{
	int added = 0;
	struct err e;
	int r = act_begin(q, &e);

	if (r == 0)
		r = code_keep(q->control, tenant, c, &added, &e);
	if (r == 0 && added)
		r = act(q->control, q, "artifact_put", tenant, &e, "artifact", c->digest, NULL);
	r = act_commit(q, r, &e);
	if (r == -EDQUOT)
		http_problem_err(q, 409, &e);
	else if (r < 0)
		http_store_problem(q, r, &e, "tenant");
	else
		show(q, added ? 201 : 200, tenant, c->digest, add_card);
}

void artifact_put(struct request *q)
{
	json_t *body = body_object(q, " code main modules language fences ");
	char tenant[64];
	struct code c;
	struct err e;

	code_init(&c);
	if (body && auth_tenant(q, tenant) == 0 && code_take(q, body, tenant, &c, &e) == 0)
		put(q, tenant, &c);
	code_done(&c);
	json_decref(body);
}

void artifact_list(struct request *q)
{
	struct buf b = BUF_INIT(LIST_MAX);
	char tenant[64];
	struct err e;
	int r;

	if (auth_tenant(q, tenant) < 0)
		return;
	buf_adds(&b, "{\"artifacts\":[");
	r = store_artifacts(q->control->store, tenant, NULL, add_brief, &b, &e);
	buf_adds(&b, "]}\n");
	http_store_answer(q, r, &e, "artifact", 200, &b);
}

void artifact_get(struct request *q)
{
	char tenant[64];

	if (auth_tenant(q, tenant) == 0)
		show(q, 200, tenant, q->tail[0], add_whole);
}

static int set_trust(struct request *q, const char *tenant, int64_t trust, struct err *reterr)
{
	const char level[2] = {(char)('0' + trust), '\0'};
	int r = act_begin(q, reterr);

	if (r == 0)
		r = store_artifact_trust(q->control->store, tenant, q->tail[0], trust, reterr);
	if (r == 0)
		r = act(q->control, q, "artifact_trusted", tenant, reterr, "artifact", q->tail[0],
			"trust", level, NULL);
	return act_commit(q, r, reterr);
}

/* Who may put code may not say how far it is trusted: that is the operator's word. */
void artifact_trust(struct request *q)
{
	json_t *body = body_object(q, " trust ");
	char tenant[64];
	int failed = 0, r;
	int64_t trust;
	struct err e;

	if (!body)
		return;
	trust = body_number(q, body, "trust", -1, 0, TRUST_MAX, &failed);
	if (!failed && trust < 0)
		http_problem(q, 400, "request.member", "'trust' is needed: 0 to %d", TRUST_MAX);
	else if (!failed && auth_tenant(q, tenant) == 0) {
		r = set_trust(q, tenant, trust, &e);
		if (r < 0)
			http_store_problem(q, r, &e, "artifact");
		else
			show(q, 200, tenant, q->tail[0], add_card);
	}
	json_decref(body);
}

void artifact_delete(struct request *q)
{
	char tenant[64];
	struct err e;
	int r;

	if (auth_tenant(q, tenant) < 0)
		return;
	r = batch_open(q->control, &e);
	if (r == 0)
		r = store_artifact_delete(q->control->store, tenant, q->tail[0], &e);
	if (r == 0)
		r = act(q->control, q, "artifact_deleted", tenant, &e, "artifact", q->tail[0],
			NULL);
	r = act_commit(q, r, &e);
	if (r < 0)
		http_store_problem(q, r, &e, "artifact");
	else
		http_answer(q, 204, NULL, NULL);
}
