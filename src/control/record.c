/*
 * What the ledger is told of a run: the facts that go into its receipt, and its journal. It is told
 * when the run is over, and before anybody else; a run that was told, and whose control died before
 * it wrote that down, is told again by the next one, and gets the receipt that it has.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "control/body.h"
#include "control/ledger.h"
#include "control/quota.h"
#include "control/run.h"
#include "control/tier.h"
#include "evidence/journal.h"
#include "wire/words.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_digest(struct buf *b, const char *name, const struct wire_bytes *data)
{
	uint8_t digest[crypto_hash_sha256_BYTES];
	char hex[sizeof(digest) * 2 + 1];

	crypto_hash_sha256(digest, data->data, data->len);
	sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest));
	body_member(b, name, hex);
}

static void add_limits(struct buf *b, const struct msg_submit *m)
{
	buf_addf(b,
		 ",\"limits\":{\"cpu_us\":%llu,\"wall_us\":%llu,\"memory_bytes\":%llu,"
		 "\"output_bytes\":%llu,\"operations\":%u,\"log_lines\":%u,\"timers\":%u}",
		 (unsigned long long)m->cpu_us, (unsigned long long)m->wall_us,
		 (unsigned long long)m->memory_bytes, (unsigned long long)m->output_bytes,
		 m->operations, m->log_lines, m->timers);
}

void record_begin(struct run *r, const struct msg_submit *m)
{
	struct buf *b = &run_out(r)->facts;

	buf_adds(b, "{\"run\":{");
	body_member(b, "id", r->id);
	body_member(b, "tenant", r->tenant);
	body_member(b, "session", r->session);
	body_member(b, "lease", r->lease_id);
	body_member(b, "trace", r->trace);
	body_member(b, "tier", r->tier);
	body_member(b, "class", r->class_);
	if (m && m->input.len)
		add_digest(b, "input_sha256", &m->input);
	buf_addf(b, ",\"labels\":%s,\"created_at\":", r->labels ? r->labels : "{}");
	body_time(b, r->created_ms);
	buf_adds(b, "},\"caller\":{");
	body_member(b, "key", r->key);
	body_member(b, "role", r->role);
	buf_addf(b, "},\"provenance\":%s,\"artifact\":{", r->provenance ? r->provenance : "{}");
	body_member(b, "digest", r->artifact);
	buf_adds(b, "},\"policy\":{");
	body_member(b, "digest", r->policy);
	body_member(b, "profile", r->profile);
	buf_addc(b, '}');
	if (m)
		add_limits(b, m);
	r->engine = m ? words_engine(m->engine) : "";
}

/* Not before it is needed: while a run waits, what it was submitted with is all that is kept. */
static void begin_late(struct run *r)
{
	struct msg m;
	size_t used;

	if (msg_decode(r->wire.data, r->wire.len, LIMIT_FRAME, &m, &used) == 1)
		record_begin(r, &m.submit);
	else
		record_begin(r, NULL);
	buf_done(&r->wire);
}

/* The member "code" of an error that the platform made: a denial's. */
static void add_code(struct buf *b, const struct msg_run_done *m)
{
	const char *at;
	size_t len;

	if (m->outcome == OUTCOME_TERMINATED)
		body_member(b, "reason", words_reason(m->reason));
	else if (m->outcome == OUTCOME_DENIED &&
		 json_member(m->error.data, m->error.len, "code", &at, &len) == 0)
		buf_addf(b, ",\"reason\":%.*s", (int)len, at);
}

/* Of the value as it is shown: JSON on one line. */
static void add_output(struct buf *b, const struct msg_run_done *m)
{
	_cleanup_buf_ struct buf line = BUF_INIT(LIMIT_RESULT + 1);
	struct wire_bytes value = m->value;

	if (m->value_kind == VALUE_JSON &&
	    (memchr(value.data, '\n', value.len) || memchr(value.data, '\r', value.len))) {
		json_line(&line, value.data, value.len);
		value = WIRE_BUF(&line);
	}
	add_digest(b, "output_sha256", &value);
}

/* Of a run that another control had, what that one knew; or nothing, rather than zeros. */
static void add_usage(struct buf *b, const struct run *r, const struct msg_run_done *m)
{
	if (r->out->known_usage.len) {
		buf_adds(b, ",\"usage\":");
		buf_add(b, r->out->known_usage.data, r->out->known_usage.len);
	}
	if (r->recovered)
		return;
	buf_addf(b,
		 ",\"usage\":{\"queue_us\":%llu,\"spawn_us\":%llu,\"run_us\":%llu,\"wall_us\":%llu,"
		 "\"cpu_us\":%llu,\"memory_peak_bytes\":%llu,\"operations\":%u,\"output_bytes\":"
		 "%llu,\"egress_bytes\":%llu,\"tool_calls\":%llu}",
		 (unsigned long long)m->queue_us, (unsigned long long)m->spawn_us,
		 (unsigned long long)m->run_us, (unsigned long long)m->wall_us,
		 (unsigned long long)m->cpu_us, (unsigned long long)m->memory_peak_bytes,
		 m->operations, (unsigned long long)m->output_bytes,
		 (unsigned long long)r->out->egress_bytes, (unsigned long long)r->out->tool_calls);
}

/* A receipt has no number above 2^53 - 1: what is more is so much. */
static uint64_t bounded(uint64_t n)
{
	return MIN_U64(n, JSON_INTEGER_MAX);
}

static uint64_t known(const struct run *r, const char *name)
{
	const char *at;
	size_t len;

	return json_member(r->out->known_usage.data, r->out->known_usage.len, name, &at, &len) == 0
		       ? strtoull(at, NULL, 10)
		       : 0;
}

/*
 * What it used, and is billed for. A run that was denied used nothing. Of one whose control died
 * nothing is known, so nothing is charged; unless its end stood, with its usage.
 */
static struct platform_usage used(const struct run *r, const struct msg_run_done *m)
{
	struct platform_usage u = {.runs = 1,
				   .cpu_us = m->cpu_us + r->out->judge_us,
				   .egress_bytes = r->out->egress_bytes,
				   .tool_calls = r->out->tool_calls};

	if (m->outcome == OUTCOME_DENIED || (r->recovered && !r->out->known_usage.len))
		return (struct platform_usage){0};
	if (r->out->known_usage.len) {
		u.cpu_us = known(r, "cpu_us");
		u.egress_bytes = known(r, "egress_bytes");
		u.tool_calls = known(r, "tool_calls");
	}
	u.stored_bytes = bounded(r->out->json.len + r->out->payloads.len + r->out->kept_bytes +
				 r->out->events.len);
	return u;
}

/*
 * Each part is what the cost grows by when its meter is added to those before it, so that parts and
 * whole agree to the last billionth however they are rounded. What is left is for the run itself.
 */
static void add_parts(struct buf *b, const struct run *r)
{
	const struct platform *p = r->control->platform;
	enum policy_tier t = tier_named(r->tier);
	struct platform_usage u = {.runs = r->out->used.runs};
	const struct {
		const char *name;
		uint64_t *to, value;
	} meters[] = {{"cpu", &u.cpu_us, r->out->used.cpu_us},
		      {"egress", &u.egress_bytes, r->out->used.egress_bytes},
		      {"stored", &u.stored_bytes, r->out->used.stored_bytes},
		      {"tools", &u.tool_calls, r->out->used.tool_calls}};
	uint64_t before = bounded(platform_cost(p, t, &u));

	buf_adds(b, ",\"parts\":{");
	for (size_t i = 0; i < ARRAY_SIZE(meters); i++) {
		uint64_t cost;

		*meters[i].to = meters[i].value;
		cost = bounded(platform_cost(p, t, &u));
		buf_addf(b, "%s\"%s\":%llu", i ? "," : "", meters[i].name,
			 (unsigned long long)(cost - before));
		before = cost;
	}
	buf_addc(b, '}');
}

static void add_charge(struct buf *b, struct run *r, const struct msg_run_done *m)
{
	const char *currency = platform_currency(r->control->platform);

	r->out->used = used(r, m);
	r->out->cost_nanos =
		bounded(platform_cost(r->control->platform, tier_named(r->tier), &r->out->used));
	buf_adds(b, ",\"charge\":{");
	body_member(b, "day", r->day);
	body_member(b, "team", r->team ? r->team : "");
	body_member(b, "currency", currency);
	buf_addf(b, ",\"attempts\":%u,\"stored_bytes\":%llu,\"cost_nanos\":%llu",
		 m->outcome == OUTCOME_DENIED ? 0
		 : r->attempts		      ? r->attempts
					      : 1,
		 (unsigned long long)r->out->used.stored_bytes,
		 (unsigned long long)r->out->cost_nanos);
	/* Beside what the node says of the run itself. */
	if (r->out->judge_us && r->out->used.runs)
		buf_addf(b, ",\"judge_cpu_us\":%llu", (unsigned long long)r->out->judge_us);
	if (r->out->cost_nanos)
		add_parts(b, r);
	buf_addc(b, '}');
}

static void end_facts(struct run *r, const struct msg_run_done *m)
{
	struct buf *b = &r->out->facts;

	add_usage(b, r, m);
	add_charge(b, r, m);
	buf_addc(b, ',');
	queue_json(r, b);
	buf_adds(b, ",\"result\":{");
	body_member(b, "outcome", words_outcome(m->outcome));
	add_code(b, m);
	if (m->outcome == OUTCOME_COMPLETED && m->value.data) {
		body_member(b, "value_kind", words_value(m->value_kind));
		add_output(b, m);
	}
	buf_adds(b, ",\"ended_at\":");
	body_time(b, r->out->ended_ms);
	buf_adds(b, "},\"runtime\":{");
	body_member(b, "cordon", CORDON_VERSION);
	body_member(b, "engine", r->engine);
	if (m->engine_version.len) {
		buf_adds(b, ",\"engine_version\":");
		json_quote(b, m->engine_version.data, m->engine_version.len);
	}
	buf_addf(b, ",\"cached\":%s,\"seed\":\"%llu\",\"clock_ms\":%lld}",
		 m->cached ? "true" : "false", (unsigned long long)m->seed, (long long)m->now_ms);
	if (m->jail.len) {
		buf_adds(b, ",\"jail\":");
		json_line(b, m->jail.data, m->jail.len);
	}
	buf_addc(b, '}');
}

/* ---- the journal, where the node did not finish it ---- */

static void write_event(const struct run *r, const struct msg_run_done *m, struct buf *b)
{
	char time[CLOCK_TEXT_SIZE];

	clock_text(r->out->ended_ms, time);
	buf_adds(b, "{");
	body_member(b, "event",
		    m->outcome == OUTCOME_DENIED       ? "run_denied"
		    : m->outcome == OUTCOME_TERMINATED ? "execution_terminated"
						       : "execution_completed");
	body_member(b, "run", r->id);
	body_member(b, "time", time);
	body_member(b, "tenant", r->tenant);
	body_member(b, "lease", r->lease_id);
	body_member(b, "session", r->session);
	body_member(b, "trace", r->trace);
	body_member(b, "key", r->key);
	body_member(b, "profile", r->profile);
	body_member(b, "policy", r->policy);
	body_member(b, "artifact", r->artifact);
	body_member(b, "outcome", words_outcome(m->outcome));
	add_code(b, m);
	body_member(b, "by", "control");
	buf_addc(b, '}');
}

/* What came of it before its node was lost, if anything, and one event more. */
static void finish_journal(struct run *r, const struct msg_run_done *m)
{
	_cleanup_buf_ struct buf event = BUF_INIT(LIMIT_FACTS);
	struct journal j = {.lines = BUF_INIT(LIMIT_JOURNAL)};
	uint64_t line;

	write_event(r, m, &event);
	if (r->out->events.len &&
	    journal_load(&j, r->out->events.data, r->out->events.len, &line) < 0) {
		log_line("the journal of %s is not in order at line %llu; a new one is begun",
			 r->id, (unsigned long long)line);
		buf_done(&j.lines);
		j = (struct journal){.lines = BUF_INIT(LIMIT_JOURNAL)};
	}
	if (journal_append(&j, (const char *)event.data, event.len) < 0) {
		/* It is full; what came of it stands without. */
		if (!j.tree.size)
			log_fatal("the end of %s cannot be recorded", r->id);
	}
	buf_done(&r->out->events);
	r->out->events = j.lines;
}

/* ---- appends ---- */

static int is_sealed(const struct msg_run_done *m)
{
	return m->journal_count && m->seal.len;
}

static void encode(struct run *r, const struct msg_run_done *m)
{
	int sealed = is_sealed(m);
	struct msg a = {.type = MSG_APPEND,
			.append = {.handle = ++r->control->next_handle,
				   .kind = ENTRY_RUN,
				   .synced = (uint8_t)r->synced,
				   .subject = WIRE_STR(r->id),
				   .facts = WIRE_BUF(&r->out->facts)}};

	if (sealed)
		a.append.seal = m->seal;
	r->by_node = sealed;
	a.append.journal = WIRE_BUF(&r->out->events);
	r->out->recording = a.append.handle;
	run_rename(r, r->out->recording);
	r->out->record = BUF_INIT(LIMIT_FRAME + FRAME_HEADER);
	if (msg_encode(&r->out->record, &a) < 0)
		log_fatal("the end of %s cannot be recorded", r->id);
	buf_done(&r->out->facts);
}

void record_end(struct run *r, const struct msg_run_done *m)
{
	if (!r->out->facts.len)
		begin_late(r);
	if (!is_sealed(m))
		finish_journal(r, m);
	end_facts(r, m);
	encode(r, m);
	record_send(r);
}

void record_send(struct run *r)
{
	/* Not before its row stands, nor twice on one link. */
	if (r->out && r->out->record.len && !r->record_sent && !*r->out->receipt &&
	    list_empty(&r->turn))
		r->record_sent = ledger_send(r->control, &r->out->record) == 0;
}

/* ---- what the ledger says ---- */

/* The statement of an envelope: the ledger's own writing. */
static int open_envelope(const struct wire_bytes *envelope, struct buf *statement)
{
	const char *at;
	size_t len, n;
	uint8_t *to;

	if (json_member(envelope->data, envelope->len, "payload", &at, &len) < 0 || len < 2)
		return -EBADMSG;
	to = buf_reserve(statement, len);
	if (!to || sodium_base642bin(to, len, at + 1, len - 2, NULL, &n, NULL,
				     sodium_base64_VARIANT_ORIGINAL) < 0)
		return -EBADMSG;
	statement->len += n;
	return 0;
}

static int is(const char *at, size_t len, const char *text)
{
	return len == strlen(text) + 2 && !memcmp(at + 1, text, len - 2);
}

/*
 * It was recorded before: by a control that died before it could write the run's end. The log says
 * how it ended; a value went with that control, before anybody had seen it.
 */
static void adopt(struct run *r, const struct wire_bytes *envelope)
{
	_cleanup_buf_ struct buf statement = BUF_INIT(LIMIT_ENVELOPE), error = BUF_INIT(1024);
	const char *predicate, *result, *outcome, *reason;
	size_t n_predicate, n_result, n_outcome, n_reason;
	struct msg_run_done m = {.outcome = OUTCOME_TERMINATED, .reason = REASON_CRASHED};

	if (open_envelope(envelope, &statement) < 0 ||
	    json_member(statement.data, statement.len, "predicate", &predicate, &n_predicate) < 0 ||
	    json_member(predicate, n_predicate, "result", &result, &n_result) < 0 ||
	    json_member(result, n_result, "outcome", &outcome, &n_outcome) < 0) {
		log_line("the receipt of %s cannot be read", r->id);
		return;
	}
	if (json_member(result, n_result, "reason", &reason, &n_reason) < 0) {
		m.detail = WIRE_STR("it had ended, as its receipt says; its result was lost when "
				    "control ended");
	} else if (is(outcome, n_outcome, words_outcome(OUTCOME_DENIED))) {
		m.outcome = OUTCOME_DENIED;
		buf_addf(&error,
			 "{\"name\":\"Denied\",\"code\":%.*s,\"message\":\"its receipt "
			 "says why\"}",
			 (int)n_reason, reason);
		m.error = WIRE_BUF(&error);
	} else {
		for (int i = 0; i < REASON_COUNT; i++)
			if (is(reason, n_reason, words_reason((uint8_t)i)))
				m.reason = (uint8_t)i;
	}
	r->out->json.len = 0;
	run_json(r, &m, &r->out->json);
	r->out->outcome = words_outcome(m.outcome);
	r->out->reason = m.outcome == OUTCOME_TERMINATED ? words_reason(m.reason) : "";
}

/* It may have been refused for what the node sent: then it is recorded as control knows it. */
static int record_again(struct run *r, const struct msg_appended *m)
{
	struct msg_run_done done = {.outcome = OUTCOME_TERMINATED, .reason = REASON_CRASHED};
	struct msg a;
	size_t used;

	if (m->number != EINVAL || r->refused ||
	    msg_decode(r->out->record.data, r->out->record.len, LIMIT_FRAME, &a, &used) != 1)
		return 0;
	r->refused = 1;
	r->out->facts = BUF_INIT(LIMIT_FACTS);
	buf_add(&r->out->facts, a.append.facts.data, a.append.facts.len);
	buf_done(&r->out->record);
	r->record_sent = 0;
	finish_journal(r, &done);
	encode(r, &done);
	record_send(r);
	return 1;
}

int record_told(struct control *c, const struct msg_appended *m)
{
	struct run *r = run_by_name(c, m->handle);
	struct err e = {.number = (int)m->number};

	if (!r || r->out->recording != m->handle)
		return 0;
	if (m->number) {
		snprintf(e.code, sizeof(e.code), "ledger_unavailable");
		snprintf(e.message, sizeof(e.message), "%.*s", (int)m->error.len,
			 (const char *)m->error.data);
		if (record_again(r, m))
			return 1;
		r->record_sent = 0;
		run_unwritten(r, &e);
		return 1;
	}
	if (m->known && r->recovered)
		adopt(r, &m->envelope);
	snprintf(r->out->receipt, sizeof(r->out->receipt), "%.*s", (int)m->receipt.len,
		 (const char *)m->receipt.data);
	buf_add(&r->out->envelope, m->envelope.data, m->envelope.len);
	buf_done(&r->out->record);
	r->out->recording = 0;
	run_rename(r, 0);
	c->ledger_size = MAX_U64(c->ledger_size, m->index + 1);
	c->sealed[r->by_node]++;
	if (!m->known)
		usage_count(r);
	quota_recorded(r, m->index);
	run_recorded(r);
	return 1;
}

void record_link(struct control *c, int up)
{
	struct list *p, *tmp;

	list_for_each_safe (p, tmp, &c->runs) {
		struct run *r = list_entry(p, struct run, link);

		r->record_sent = 0;
		if (up)
			record_send(r);
	}
}
