/* The daemon's JSON of a run, printed as a run on a platform of one's own is. */
#include "cli/jsonview.h"
#include "cli/report.h"

#include "base/json.h"
#include "wire/words.h"

#include <errno.h>
#include <string.h>

/* The number of the word that `v` is, by the table behind `word`; -1: none of them. */
static int number_of(struct jsonview v, const char *(*word)(uint8_t), int count)
{
	char text[LIMIT_NAME];

	jsonview_copy(v, text, sizeof(text));
	for (int i = 0; i < count; i++)
		if (!strcmp(text, word((uint8_t)i)))
			return i;
	return -1;
}

void report_api_log(struct jsonview line)
{
	struct jsonview text = jsonview_get(line, "text");
	_cleanup_buf_ struct buf b = BUF_INIT(text.len);
	int level = number_of(jsonview_get(line, "level"), words_level, LEVEL_COUNT);

	jsonview_text(text, &b);
	report_log(&(struct msg_run_log){.level = (uint8_t)(level < 0 ? LEVEL_LOG : level),
					 .text = {buf_str(&b), b.len}});
}

static void print_logs(struct jsonview logs, size_t shown)
{
	struct jsonview at = {0}, key, line;

	while (jsonview_next(logs, &at, &key, &line))
		if (shown)
			shown--;
		else
			report_api_log(line);
}

/* Bytes of the value; they live in `bytes` or in the text. */
static int load_value(struct jsonview run, struct msg_run_done *m, struct buf *bytes)
{
	struct jsonview value = jsonview_get(run, "value"), text;
	int kind = number_of(jsonview_get(run, "value_kind"), words_value, VALUE_COUNT);

	if (m->outcome != OUTCOME_COMPLETED)
		return 0;
	if (kind < 0)
		return -EBADMSG;
	m->value_kind = (uint8_t)kind;
	if (kind == VALUE_JSON) {
		m->value = (struct wire_bytes){value.p, (uint32_t)value.len};
		/* It is walked as JSON further on. */
		return json_check(value.p, value.len, NULL);
	}
	text = kind == VALUE_BYTES ? jsonview_get(value, "base64") : value;
	if (kind == VALUE_TEXT)
		jsonview_text(text, bytes);
	else if (jsonview_base64(text, bytes) < 0)
		return -EBADMSG;
	m->value = (struct wire_bytes){buf_str(bytes), (uint32_t)bytes->len};
	return 0;
}

static void load_usage(struct jsonview usage, struct msg_run_done *m)
{
	m->queue_us = jsonview_u64(jsonview_get(usage, "queue_us"), 0);
	m->spawn_us = jsonview_u64(jsonview_get(usage, "spawn_us"), 0);
	m->run_us = jsonview_u64(jsonview_get(usage, "run_us"), 0);
	m->wall_us = jsonview_u64(jsonview_get(usage, "wall_us"), 0);
	m->cpu_us = jsonview_u64(jsonview_get(usage, "cpu_us"), 0);
	m->memory_peak_bytes = jsonview_u64(jsonview_get(usage, "memory_peak_bytes"), 0);
	m->operations = (uint32_t)jsonview_u64(jsonview_get(usage, "operations"), 0);
	m->output_bytes = jsonview_u64(jsonview_get(usage, "output_bytes"), 0);
}

static struct wire_bytes bytes_of(struct jsonview v)
{
	return jsonview_is(v, "null") ? (struct wire_bytes){0}
				      : (struct wire_bytes){v.p, (uint32_t)v.len};
}

int report_api_outcome(const char *text, size_t len, struct err *reterr)
{
	struct jsonview run = {0};
	int outcome;

	jsonview_open(&run, text, len);
	outcome = number_of(jsonview_get(run, "outcome"), words_outcome, OUTCOME_COUNT);
	if (outcome < 0)
		return err_set(reterr, EIO, "client.answer",
			       "the daemon's answer is not a run that is over");
	return outcome;
}

int report_api(const char *text, size_t len, size_t logs_shown, struct err *reterr)
{
	int outcome = report_api_outcome(text, len, reterr), reason;
	_cleanup_buf_ struct buf bytes = BUF_INIT(len), detail = BUF_INIT(len);
	struct msg_run_done m = {0};
	struct report rep = {0};
	struct jsonview run, why;

	if (outcome < 0)
		return outcome;
	jsonview_open(&run, text, len);
	why = jsonview_get(run, "termination");
	reason = number_of(jsonview_get(why, "reason"), words_reason, REASON_COUNT);
	jsonview_text(jsonview_get(why, "detail"), &detail);
	m.outcome = (uint8_t)outcome;
	m.reason = (uint8_t)(reason < 0 ? REASON_NONE : reason);
	m.limit = jsonview_u64(jsonview_get(why, "limit"), 0);
	m.observed = jsonview_u64(jsonview_get(why, "observed"), 0);
	m.detail = (struct wire_bytes){buf_str(&detail), (uint32_t)detail.len};
	m.error = bytes_of(jsonview_get(run, "error"));
	m.jail = bytes_of(jsonview_get(run, "jail"));
	load_usage(jsonview_get(run, "usage"), &m);
	jsonview_copy(jsonview_get(run, "run"), rep.run, sizeof(rep.run));
	jsonview_copy(jsonview_get(jsonview_get(run, "receipt"), "id"), rep.receipt,
		      sizeof(rep.receipt));
	if (load_value(run, &m, &bytes) < 0 ||
	    (m.error.len && json_check(m.error.data, m.error.len, NULL) < 0))
		return err_set(reterr, EIO, "client.answer",
			       "the value or error in the daemon's answer is not what it says");
	print_logs(jsonview_get(run, "logs"), logs_shown);
	report_person(&rep, &m);
	return report_exit(m.outcome);
}
