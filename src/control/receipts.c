/* What outsiders verify: receipts, and the log that they are in (C2SP tlog-tiles). */
#include "base/json.h"
#include "control/body.h"
#include "control/ledger.h"
#include "wire/words.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MAX = LIMIT_TOLD };

static void answer(struct request *q, const char *type, const struct wire_bytes *body)
{
	struct buf b = BUF_INIT(ANSWER_MAX + 1);

	buf_add(&b, body->data, body->len);
	http_answer(q, 200, type, &b);
}

/* ---- receipts ---- */

struct span {
	const char *at;
	size_t len;
};

static struct span member(struct span object, const char *name)
{
	struct span v = {0};

	json_member(object.at, object.len, name, &v.at, &v.len);
	return v;
}

static int is(struct span v, const char *text)
{
	return v.len == strlen(text) + 2 && !memcmp(v.at + 1, text, v.len - 2);
}

/* A receipt is for its tenant; a runner's and a lease's are those of their own runs. */
static int may_see(const struct request *q, struct span predicate)
{
	struct span run = member(predicate, "run"), event = member(predicate, "event");
	struct span of = run.len ? run : event;

	if (q->caller.role == ROLE_LOCAL)
		return 1;
	if (!is(member(of, "tenant"), q->caller.tenant))
		return 0;
	if (q->caller.role == ROLE_RUNNER)
		return is(member(member(predicate, "caller"), "key"), q->caller.key);
	if (q->caller.role == ROLE_LEASE)
		return is(member(run, "lease"), q->lease.id);
	return 1;
}

static void told_receipt(struct request *q, const struct msg_ledger_told *m)
{
	_cleanup_buf_ struct buf statement = BUF_INIT(LIMIT_ENVELOPE);
	struct span bundle = {m->body.data, m->body.len};
	struct span payload = member(member(bundle, "dsseEnvelope"), "payload");
	uint8_t *to = payload.len > 2 ? buf_reserve(&statement, payload.len) : NULL;

	if (!to || sodium_base642bin(to, payload.len, payload.at + 1, payload.len - 2, NULL,
				     &statement.len, NULL, sodium_base64_VARIANT_ORIGINAL) < 0) {
		http_problem(q, 503, "ledger_unavailable", "the receipt cannot be read");
		return;
	}
	if (may_see(q, member((struct span){(char *)statement.data, statement.len}, "predicate")))
		answer(q, "application/vnd.dev.sigstore.bundle.v0.3+json", &m->body);
	else
		http_problem(q, 404, "receipt.unknown", "the log has no entry for '%s'",
			     q->tail[0]);
}

static int wants_wait(struct request *q, int *ret)
{
	const char *wait = http_query(q, "wait");

	*ret = wait && !strcmp(wait, "true");
	if (!wait || *ret || !strcmp(wait, "false"))
		return 0;
	http_problem(q, 400, "request.query", "'wait' must be true or false");
	return -EINVAL;
}

/* Of another tenant's not even that it will be there: the ledger is asked for the caller's own. */
void receipt_get(struct request *q)
{
	char subject[sizeof(q->caller.tenant) + sizeof(q->tail[0]) + 1];
	int wait, local = q->caller.role == ROLE_LOCAL;

	snprintf(subject, sizeof(subject), "%s%s%s", local ? "" : q->caller.tenant,
		 local ? "" : "/", q->tail[0]);
	if (wants_wait(q, &wait) == 0)
		ledger_ask(q, ASK_RECEIPT, (uint64_t)wait, 0, subject, strlen(subject),
			   told_receipt);
}

/* ---- the log ---- */

static void told_note(struct request *q, const struct msg_ledger_told *m)
{
	answer(q, "text/plain; charset=utf-8", &m->body);
}

static void told_bytes(struct request *q, const struct msg_ledger_told *m)
{
	answer(q, "application/octet-stream", &m->body);
}

static void told_json(struct request *q, const struct msg_ledger_told *m)
{
	struct buf b = BUF_INIT(ANSWER_MAX + 1);

	buf_add(&b, m->body.data, m->body.len);
	buf_addc(&b, '\n');
	http_answer(q, 200, "application/json", &b);
}

void log_checkpoint(struct request *q)
{
	ledger_ask(q, ASK_CHECKPOINT, 0, 0, "", 0, told_note);
}

/* The path behind /v1/log/tile/, or behind /v1/log/, where it begins with "entries/". */
void log_tile(struct request *q)
{
	const char *path = q->path + strlen("/v1/log/");

	if (!strncmp(path, "tile/", 5))
		path += 5;
	ledger_ask(q, ASK_TILE, 0, 0, path, strlen(path), told_bytes);
}

void log_trusted_root(struct request *q)
{
	ledger_ask(q, ASK_TRUSTED_ROOT, 0, 0, "", 0, told_json);
}

static int take_number(struct request *q, const char *name, int needed, uint64_t *ret)
{
	const char *text = http_query(q, name);

	*ret = 0;
	if (!text && !needed)
		return 0;
	errno = 0;
	if (text)
		*ret = strtoull(text, NULL, 10);
	if (text && *text && !text[strspn(text, "0123456789")] && !errno)
		return 0;
	http_problem(q, 400, "request.query", "'%s' must be a whole number", name);
	return -EINVAL;
}

static void proof(struct request *q, enum ledger_question what, const char *first)
{
	uint64_t a, size;

	if (take_number(q, first, 1, &a) == 0 && take_number(q, "size", 0, &size) == 0)
		ledger_ask(q, what, a, size, "", 0, told_json);
}

void log_inclusion(struct request *q)
{
	proof(q, ASK_INCLUSION, "index");
}

void log_consistency(struct request *q)
{
	proof(q, ASK_CONSISTENCY, "from");
}

/* Who asks for new keys is on record; the ledger records the hand-over itself. */
void log_rotate(struct request *q)
{
	struct err e;
	int r = act_begin(q, &e);

	if (r == 0)
		r = act(q->control, q, "rotation_asked", "", &e, NULL);
	r = act_commit(q, r, &e);
	if (r < 0)
		http_problem_err(q, 503, &e);
	else
		ledger_ask(q, ASK_ROTATE, 0, 0, "", 0, told_json);
}

void log_cosign(struct request *q)
{
	ledger_ask(q, ASK_COSIGN, 0, 0, (const char *)q->body.data, q->body.len, told_note);
}
