/*
 * Outputs that must have a form: a run that names a JSON Schema has its value judged by it, in a
 * sandbox of its own (js/src/check). Schemas are the tenant's, and so is the value: nothing here
 * looks at either. What the sandbox says is believed only as far as the tenant's own run goes.
 */
#include "base/json.h"
#include "base/log.h"
#include "control/body.h"
#include "control/run.h"
#include "wire/modmap.h"

#include <errno.h>
#include <string.h>

extern const unsigned char check_js[];
extern const size_t check_js_size;

enum { VERDICT_MAX = 8192 };

static int make_input(const struct run *r, const struct msg_run_done *m, struct buf *b)
{
	int e = buf_adds(b, "{\"schema\":");

	if (e == 0)
		e = buf_adds(b, r->schema);
	if (e == 0)
		e = buf_adds(b, ",\"value\":");
	if (e == 0 && m->value_kind == VALUE_JSON)
		e = buf_add(b, m->value.data, m->value.len);
	else if (e == 0)
		json_quote(b, m->value.data, m->value.len);
	return e ? e : buf_addc(b, '}');
}

/* The run has failed, for what its value is: in the words of `code`, `message` and `path`. */
static void fail(struct run *r, struct msg_run_done *m, const char *code, const char *message,
		 const char *path, const char *rule)
{
	_cleanup_buf_ struct buf b = BUF_INIT(LIMIT_ERROR);

	buf_adds(&b, "{\"name\":\"OutputError\",\"class\":\"semantic\",\"code\":");
	json_quote_str(&b, code);
	buf_adds(&b, ",\"message\":");
	json_quote_str(&b, message);
	if (path) {
		buf_adds(&b, ",\"path\":");
		json_quote_str(&b, path);
		buf_adds(&b, ",\"rule\":");
		json_quote_str(&b, rule);
	}
	buf_addc(&b, '}');
	m->outcome = OUTCOME_FAILED;
	m->value = (struct wire_bytes){NULL, 0};
	m->error = WIRE_BUF(&b);
	run_end(r, m);
}

int judge_begin(struct run *r, const struct msg_run_done *m)
{
	struct control *c = r->control;
	_cleanup_buf_ struct buf input = BUF_INIT(LIMIT_INPUT),
				 modules = BUF_INIT(check_js_size + 1024);
	struct msg_run_done copy = *m;
	struct msg submit = {.type = MSG_SUBMIT};
	struct err e;

	if (m->value_kind == VALUE_BYTES) {
		fail(r, &copy, "output.kind", "the output is bytes, and a schema was asked for",
		     NULL, NULL);
		return 1;
	}
	if (make_input(r, m, &input) < 0) {
		fail(r, &copy, "output.too_large", "the output is too large to be judged", NULL,
		     NULL);
		return 1;
	}
	if (modmap_add(&modules, "main", MODULE_AUTO, check_js, check_js_size, &e) < 0)
		log_fatal("the judge of outputs: %s", e.message);
	r->out->judge = ++c->next_handle;
	run_rename(r, r->out->judge);
	r->out->judged = BUF_INIT(LIMIT_FRAME + FRAME_HEADER);
	submit.submit = (struct msg_submit){.handle = r->out->judge,
					    .run = WIRE_STR(r->id),
					    .engine = ENGINE_STANDARD,
					    .nice = r->nice,
					    .flags = RUN_EVAL | RUN_NO_WASM,
					    .cpu_us = JUDGE_CPU_MS * 1000,
					    .wall_us = 10 * JUDGE_CPU_MS * 1000,
					    .memory_bytes = JUDGE_MEMORY,
					    .output_bytes = VERDICT_MAX,
					    .operations = 10,
					    .main = WIRE_STR("main"),
					    .modules = WIRE_BUF(&modules),
					    .input = WIRE_BUF(&input)};
	if (msg_encode(&r->out->judged, &(struct msg){.type = MSG_RUN_DONE, .run_done = *m}) < 0 ||
	    msg_encode(&c->node_out, &submit) < 0) {
		r->out->judge = 0;
		fail(r, &copy, "output.unjudged", "there was no room to judge the output", NULL,
		     NULL);
		return 1;
	}
	node_flush(c);
	return 1;
}

static void conclude(struct run *r, struct msg_run_done *m, const json_t *verdict)
{
	const char *is = json_string_value(json_object_get(verdict, "verdict"));
	const char *message = json_string_value(json_object_get(verdict, "message"));
	const char *path = json_string_value(json_object_get(verdict, "path"));
	const char *rule = json_string_value(json_object_get(verdict, "rule"));
	_cleanup_free_ char *text = NULL;

	if (is && !strcmp(is, "valid")) {
		run_end(r, m);
	} else if (is && !strcmp(is, "invalid") && message && path && rule) {
		text = xasprintf("the output does not match output_schema: %s %s",
				 *path ? path : "it", message);
		fail(r, m, "output.schema", text, path, rule);
	} else if (is && !strcmp(is, "schema") && message) {
		text = xasprintf("output_schema is no JSON Schema (2020-12): %s", message);
		fail(r, m, "output.schema_invalid", text, NULL, NULL);
	} else {
		fail(r, m, "output.unjudged", "the output could not be judged", NULL, NULL);
	}
}

void judge_end(struct run *r, const struct msg_run_done *m)
{
	_cleanup_buf_ struct buf judged = r->out->judged;
	_cleanup_free_ char *text = NULL;
	json_t *verdict;
	struct msg done;
	size_t used;

	r->out->judged = (struct buf){0};
	r->out->judge = 0;
	if (msg_decode(judged.data, judged.len, LIMIT_FRAME, &done, &used) != 1)
		log_fatal("the end of %s was lost while it was judged", r->id);
	if (m->outcome == OUTCOME_TERMINATED && r->cancelled) {
		done.run_done.outcome = OUTCOME_TERMINATED;
		done.run_done.reason = m->reason;
		done.run_done.detail = m->detail;
		done.run_done.value = (struct wire_bytes){NULL, 0};
		run_end(r, &done.run_done);
	} else if (m->outcome == OUTCOME_TERMINATED) {
		text = xasprintf("judging the output by output_schema was stopped (%s)",
				 words_reason(m->reason));
		fail(r, &done.run_done, "output.unjudged", text, NULL, NULL);
	} else {
		verdict = m->outcome == OUTCOME_COMPLETED
				  ? json_loadb(m->value.data, m->value.len, 0, NULL)
				  : NULL;
		conclude(r, &done.run_done, verdict);
		json_decref(verdict);
	}
}
