#include "control/run.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "control/body.h"
#include "control/lease.h"
#include "control/ledger.h"
#include "control/quota.h"
#include "control/tier.h"
#include "wire/run_json.h"
#include "wire/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { RUN_JSON_MAX = 256 << 20 };

static char nothing[] = ""; /* most runs wait with little to say */

struct run *run_new(struct control *c)
{
	struct run *r = xcalloc(1, sizeof(*r));

	*r = (struct run){.control = c,
			  .handle = ++c->next_handle,
			  .created_ms = clock_wall_ms(),
			  .class_ = "interactive",
			  .engine = "",
			  .role = "",
			  .team = nothing,
			  .session = nothing,
			  .trace = nothing,
			  .wire = BUF_INIT(LIMIT_FRAME + FRAME_HEADER)};
	tier_enter(r, POLICY_STANDARD);
	id_new("run", r->id);
	day_of(r->created_ms, r->day);
	list_init(&r->link);
	list_init(&r->turn);
	list_init(&r->waiters);
	return r;
}

static void free_text(char *text)
{
	if (text != nothing)
		free(text);
}

void run_text(char **text, const char *to)
{
	free_text(*text);
	*text = *to ? xstrdup(to) : nothing;
}

struct run_out *run_out(struct run *r)
{
	if (!r->out) {
		r->out = xcalloc(1, sizeof(*r->out));
		*r->out = (struct run_out){.run = r,
					   .json = BUF_INIT(RUN_JSON_MAX),
					   .logs = BUF_INIT(RUN_JSON_MAX),
					   .events = BUF_INIT(EVENTS_MAX),
					   .payloads = BUF_INIT(EVENTS_MAX),
					   .facts = BUF_INIT(LIMIT_FACTS),
					   .envelope = BUF_INIT(LIMIT_ENVELOPE)};
	}
	return r->out;
}

static void out_free(struct run_out *o)
{
	if (!o)
		return;
	buf_done(&o->logs);
	buf_done(&o->events);
	buf_done(&o->payloads);
	buf_done(&o->judged);
	buf_done(&o->json);
	buf_done(&o->facts);
	buf_done(&o->record);
	buf_done(&o->envelope);
	free(o);
}

void run_free(struct run *r)
{
	struct list *p, *tmp;

	list_for_each_safe (p, tmp, &r->waiters)
		list_remove(p);
	list_remove(&r->turn);
	quota_release(r);
	queue_leave(r, NULL);
	run_rename(r, 0);
	if (!list_empty(&r->link)) {
		list_remove(&r->link);
		HASH_DELETE(by_id, r->control->runs_by_id, r);
		r->control->run_count -= !r->told_again;
		r->control->run_bytes -= r->bytes;
	}
	buf_done(&r->wire);
	out_free(r->out);
	if (r->lease)
		lease_leave(r->lease);
	free_text(r->team);
	free_text(r->session);
	free_text(r->trace);
	free(r->schema);
	free(r->more);
	free(r->labels);
	free(r->provenance);
	free(r);
}

struct run *run_find(struct control *c, const char *id)
{
	struct run *r;

	HASH_FIND(by_id, c->runs_by_id, id, strlen(id), r);
	return r;
}

struct run *run_by_name(struct control *c, uint64_t name)
{
	struct run_out *o;

	HASH_FIND(by_name, c->runs_by_name, &name, sizeof(name), o);
	return o ? o->run : NULL;
}

struct run *run_by_handle(struct control *c, uint64_t handle)
{
	struct run *r = run_by_name(c, handle);

	return r && (r->handle == handle || r->out->judge == handle) ? r : NULL;
}

void run_rename(struct run *r, uint64_t name)
{
	struct control *c = r->control;
	struct run_out *o = name ? run_out(r) : r->out;

	if (o && o->name)
		HASH_DELETE(by_name, c->runs_by_name, o);
	if (o)
		o->name = name;
	if (name)
		HASH_ADD(by_name, c->runs_by_name, name, sizeof(o->name), o);
}

void run_enlist(struct run *r)
{
	struct control *c = r->control;

	list_append(&c->runs, &r->link);
	HASH_ADD_KEYPTR(by_id, c->runs_by_id, r->id, strlen(r->id), r);
	c->run_count++;
}

void run_begin(struct run *r)
{
	run_enlist(r);
	r->bytes = r->wire.len;
	r->control->run_bytes += r->bytes;
	list_append(&r->control->begun, &r->turn);
	r->control->accepted++;
}

void run_send(struct run *r)
{
	struct control *c = r->control;

	if (!r->go || r->sent || r->ended || !list_empty(&r->turn) || c->node.fd < 0)
		return;
	if (r->lease && r->lease->hold && !r->lease->held) {
		if (buf_add(&c->node_out, r->lease->frame.data, r->lease->frame.len) < 0)
			return;
		r->lease->held = 1;
	}
	if (buf_add(&c->node_out, r->wire.data, r->wire.len) < 0)
		return; /* the node does not read; the run waits for it */
	r->sent = 1;
	run_rename(r, r->handle);
	node_flush(c);
}

void run_stop(struct run *r, enum termination_reason why)
{
	struct msg m = {
		.type = MSG_CANCEL,
		.cancel = {r->out && r->out->judge ? r->out->judge : r->handle, (uint8_t)why}};
	struct msg_run_done done = {.outcome = OUTCOME_TERMINATED, .reason = (uint8_t)why};

	if (r->cancelled || r->ended)
		return;
	r->cancelled = 1;
	if (!r->sent)
		run_on_done(r, &done);
	else if (r->control->node.fd >= 0 && msg_encode(&r->control->node_out, &m) == 0)
		node_flush(r->control);
}

void run_wait(struct run *r, struct request *q)
{
	list_append(&r->waiters, &q->waiting);
	http_suspend(q);
}

void run_follow(struct run *r, struct request *q)
{
	_cleanup_buf_ struct buf b = BUF_INIT(1 << 16);

	run_json(r, NULL, &b);
	http_stream(q);
	http_event(q, "run", b.data, b.len);
	list_append(&r->waiters, &q->waiting);
}

void run_tell(struct run *r, const char *event, const void *data, size_t len)
{
	struct list *p, *tmp;

	list_for_each_safe (p, tmp, &r->waiters) {
		struct request *q = list_entry(p, struct request, waiting);

		if (q->streaming)
			http_event(q, event, data, len);
	}
}

void run_on_log(struct run *r, const struct msg_run_log *m)
{
	size_t at;

	if (r->out->logs.len)
		buf_addc(&r->out->logs, ',');
	at = r->out->logs.len;
	run_json_log(&r->out->logs, m);
	run_tell(r, "log", r->out->logs.data + at, r->out->logs.len - at);
}

void run_on_journal(struct run *r, const struct msg_run_journal *m)
{
	_cleanup_buf_ struct buf shown = BUF_INIT(LIMIT_JOURNAL_LINE + LIMIT_JOURNAL_PAYLOAD + 64);
	size_t lines = r->out->events.len, payloads = r->out->payloads.len;
	const char *seq;
	size_t len;

	if (buf_add(&r->out->events, m->line.data, m->line.len) < 0 ||
	    buf_addc(&r->out->events, '\n') < 0) {
		r->out->events.len =
			lines; /* more than a node allows: the whole line, or nothing of it */
		return;
	}
	if (m->payload.len && json_member(m->line.data, m->line.len, "seq", &seq, &len) == 0 &&
	    (buf_addf(&r->out->payloads, "%.*s ", (int)len, seq) < 0 ||
	     json_line(&r->out->payloads, m->payload.data, m->payload.len) < 0 ||
	     buf_addc(&r->out->payloads, '\n') < 0))
		r->out->payloads.len = payloads;
	if (!list_empty(&r->waiters) && run_json_event(&shown, m) == 0)
		run_tell(r, "journal", shown.data, shown.len);
}

int run_show_events(const void *lines, size_t len, const void *payloads, size_t n, struct buf *out)
{
	const char *p = lines, *end = p + len, *aside = payloads, *last = aside + n;
	int r = 0;

	for (uint64_t seq = 1; r == 0 && p < end; seq++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p)), *stop;
		struct msg_run_journal m = {.line = {p, (size_t)(nl - p)}};

		if (aside < last && strtoull(aside, NULL, 10) == seq &&
		    (stop = memchr(aside, '\n', (size_t)(last - aside)))) {
			const char *json = memchr(aside, ' ', (size_t)(stop - aside));

			if (json)
				m.payload =
					(struct wire_bytes){json + 1, (size_t)(stop - json - 1)};
			aside = stop + 1;
		}
		r = run_json_event(out, &m);
		if (r == 0)
			r = buf_addc(out, '\n');
		p = nl + 1;
	}
	return r;
}

void run_json(const struct run *r, const struct msg_run_done *m, struct buf *b)
{
	buf_addf(b, "{\"run\":\"%s\",\"state\":\"%s\",", r->id, m ? "done" : "running");
	if (m) {
		run_json_members(b, m, buf_str(&r->out->logs));
		buf_addc(b, ',');
	}
	buf_addf(b, "\"tier\":\"%s\",\"class\":\"%s\",\"tenant\":\"%s\",\"profile\":", r->tier,
		 r->class_, r->tenant);
	json_quote_str(b, r->profile);
	buf_addf(b,
		 ",\"policy\":\"%s\",\"artifact\":\"%s\",\"key\":\"%s\",\"labels\":%s,\"trace\":",
		 r->policy, r->artifact, r->key, r->labels ? r->labels : "{}");
	json_quote_str(b, r->trace);
	buf_adds(b, ",\"lease\":");
	body_text(b, r->lease_id);
	buf_adds(b, ",\"session\":");
	body_text(b, r->session);
	buf_addf(b, ",\"provenance\":%s,", r->provenance ? r->provenance : "{}");
	queue_json(r, b);
	buf_adds(b, ",\"created_at\":");
	body_time(b, r->created_ms);
	buf_adds(b, ",\"ended_at\":");
	body_time(b, m ? r->out->ended_ms : 0);
	/* The last member: run_answer() adds to it. */
	if (m)
		buf_addf(b, ",\"receipt\":{\"id\":\"rct%s\"}}", strchr(r->id, '_'));
	else
		buf_adds(b, ",\"receipt\":null}");
}

/* The run's end as who waited for it is told: with the signed statement. */
static void add_answer(const struct run *r, struct buf *b)
{
	if (!r->out->envelope.len || r->out->json.len < 2) {
		buf_add(b, r->out->json.data, r->out->json.len);
		return;
	}
	buf_add(b, r->out->json.data, r->out->json.len - 2);
	buf_adds(b, ",\"envelope\":");
	buf_add(b, r->out->envelope.data, r->out->envelope.len);
	buf_adds(b, "}}");
}

void run_answer(struct run *r, const struct err *e)
{
	struct list *p, *tmp;

	list_for_each_safe (p, tmp, &r->waiters) {
		struct request *q = list_entry(p, struct request, waiting);
		struct buf copy = BUF_INIT(RUN_JSON_MAX);

		list_remove(p);
		if (q->streaming) {
			add_answer(r, &copy);
			if (e)
				http_event_problem(q, 503, e);
			else
				http_event(q, "result", copy.data, copy.len);
			buf_done(&copy);
			http_stream_end(q);
		} else if (e) {
			http_problem_err(q, 503, e);
		} else {
			add_answer(r, &copy);
			buf_addc(&copy, '\n');
			http_answer(q, 200, "application/json", &copy);
		}
	}
}

void run_deny(struct run *r, const char *code, const char *message, uint64_t seed)
{
	_cleanup_buf_ struct buf error = BUF_INIT(4096);
	struct msg_run_done m = {.outcome = OUTCOME_DENIED, .seed = seed};

	buf_adds(&error, "{\"name\":\"Denied\",\"code\":");
	json_quote_str(&error, code);
	buf_adds(&error, ",\"message\":");
	json_quote_str(&error, message);
	if (r->more)
		buf_adds(&error, r->more);
	buf_addc(&error, '}');
	m.error = WIRE_BUF(&error);
	run_on_done(r, &m);
}

void run_on_done(struct run *r, const struct msg_run_done *m)
{
	struct msg_run_done all = *m;

	if (r->ended)
		return; /* the node has said so before */
	run_out(r);
	if (r->out->judge && m->handle == r->out->judge) {
		r->out->judge_us = m->cpu_us;
		judge_end(r, m);
		return;
	}
	if (m->platform && retry_run(r, m))
		return;
	queue_waited(r); /* if it was never begun */
	if (r->deadline_ns && m->outcome == OUTCOME_TERMINATED && m->reason == REASON_WALL_TIME &&
	    clock_now_ns() >= r->deadline_ns)
		all.detail = WIRE_STR("its deadline passed while it was running");
	if (!r->schema || m->outcome != OUTCOME_COMPLETED || !judge_begin(r, &all))
		run_end(r, &all);
}

/* The code of a denial, which the platform wrote. */
static const char *denial(struct run *r, const struct msg_run_done *m)
{
	const char *at;
	size_t len;

	if (m->outcome != OUTCOME_DENIED ||
	    json_member(m->error.data, m->error.len, "code", &at, &len) < 0 || len < 2)
		return "";
	snprintf(r->out->denial, sizeof(r->out->denial), "%.*s", (int)len - 2, at + 1);
	return r->out->denial;
}

static void conclude(struct run *r, const struct msg_run_done *m)
{
	struct control *c = r->control;

	r->out->ended_ms = clock_wall_ms();
	run_json(r, m, &r->out->json);
	r->ended = 1;
	r->out->outcome = words_outcome(m->outcome);
	r->out->reason = m->outcome == OUTCOME_TERMINATED ? words_reason(m->reason) : denial(r, m);
	r->cached = m->cached;
	if (m->outcome < OUTCOME_COUNT)
		c->outcomes[m->outcome]++;
	if (m->outcome == OUTCOME_TERMINATED && m->reason < REASON_COUNT)
		c->reasons[m->reason]++;
	metrics_end(r, m);
	if (r->sent) /* its node had it */
		metrics_run(r, m);
	c->cache_hits += m->cached;
	c->cpu_us += m->cpu_us;
	c->wall_us += m->wall_us;
	/* The node has nothing to do with it any more, nor have the queue and its lease. */
	queue_leave(r, m);
	r->handle = r->out->judge = 0;
	run_rename(r, 0);
	r->sent = r->go = 0;
	if (r->lease)
		lease_leave(r->lease);
	r->lease = NULL;
}

static int write_end(struct run *r, struct err *reterr)
{
	const struct run_row row = {.id = r->id,
				    .outcome = r->out->outcome,
				    .reason = r->out->reason,
				    .result = (const char *)r->out->json.data,
				    .result_len = r->out->json.len,
				    .payloads = (const char *)r->out->payloads.data,
				    .payloads_len = r->out->payloads.len,
				    .ended_ms = r->out->ended_ms};
	int e = batch_open(r->control, reterr);

	if (r->synced)
		r->control->batch_synced = 1;
	if (e == 0)
		e = store_run_end(r->control->store, &row, reterr);
	if (e == 0 && r->stored)
		e = store_artifact_count(r->control->store, r->tenant, r->artifact, r->cached,
					 reterr);
	return e == -ENOENT ? 0 : e; /* its tenant is gone, and its row with it; or its artifact */
}

static void settle(struct run *r)
{
	struct err e;

	list_remove(&r->turn); /* it may have begun in this very turn */
	if (write_end(r, &e) < 0)
		run_unwritten(r, &e);
	else
		list_append(&r->control->ended, &r->turn);
}

static void on_unwritten(struct loop_timer *t)
{
	struct control *c = container_of(t, struct control, unwritten);
	struct list *p, *tmp;

	list_for_each_safe (p, tmp, &c->runs) {
		struct run *r = list_entry(p, struct run, link);

		if (r->unwritten && *r->out->receipt)
			settle(r);
		else if (r->unwritten)
			record_send(r);
	}
}

void run_unwritten(struct run *r, const struct err *e)
{
	struct control *c = r->control;

	if (!r->unwritten)
		log_line("the end of %s could not be written: %s", r->id, e->message);
	run_answer(r, e);
	r->unwritten = 1;
	c->unwritten.fire = on_unwritten;
	loop_arm(c->loop, &c->unwritten, clock_now_ns() + NS_PER_S);
}

void run_end(struct run *r, const struct msg_run_done *m)
{
	if (r->ended)
		return;
	conclude(r, m);
	record_end(r, m);
}

void run_recorded(struct run *r)
{
	settle(r);
}

void run_lost(struct run *r)
{
	struct msg_run_done m = {
		.outcome = OUTCOME_TERMINATED, .reason = REASON_CRASHED, .platform = !r->recovered};

	if (r->out && r->out->judge) { /* it had ended, and only its value was looked at */
		m.handle = r->out->judge;
		m.platform = 0;
	}
	m.detail = WIRE_STR(r->recovered ? "control ended while the run was under way"
					 : "the node ended while the run was under way");
	run_on_done(r, &m);
}
