#include "wire/run_json.h"

#include "base/json.h"
#include "wire/words.h"

void run_json_log(struct buf *b, const struct msg_run_log *m)
{
	buf_addf(b, "{\"level\":\"%s\",\"text\":", words_level(m->level));
	json_quote(b, m->text.data, m->text.len);
	buf_adds(b, ",\"data\":");
	json_line(b, m->data.data, m->data.len);
	buf_addc(b, '}');
}

int run_json_event(struct buf *b, const struct msg_run_journal *m)
{
	int e;

	if (!m->payload.len || !m->line.len)
		return buf_add(b, m->line.data, m->line.len);
	e = buf_add(b, m->line.data, m->line.len - 1); /* without its brace */
	if (e == 0)
		e = buf_adds(b, ",\"request\":");
	if (e == 0)
		e = json_line(b, m->payload.data, m->payload.len);
	return e ? e : buf_addc(b, '}');
}

static void add_termination(struct buf *b, const struct msg_run_done *m)
{
	if (m->outcome != OUTCOME_TERMINATED) {
		buf_adds(b, "null");
		return;
	}
	buf_addf(b, "{\"reason\":\"%s\",\"limit\":%llu,\"observed\":%llu,\"detail\":",
		 words_reason(m->reason), (unsigned long long)m->limit,
		 (unsigned long long)m->observed);
	json_quote(b, m->detail.data, m->detail.len);
	buf_addc(b, '}');
}

static void add_value(struct buf *b, const struct msg_run_done *m)
{
	if (m->outcome != OUTCOME_COMPLETED) {
		buf_adds(b, "null");
	} else if (m->value_kind == VALUE_JSON) {
		json_line(b, m->value.data, m->value.len);
	} else if (m->value_kind == VALUE_TEXT) {
		json_quote(b, m->value.data, m->value.len);
	} else {
		buf_adds(b, "{\"base64\":\"");
		base64_add(b, m->value.data, m->value.len);
		buf_adds(b, "\"}");
	}
}

static void add_text_or_null(struct buf *b, struct wire_bytes json)
{
	if (json.len)
		json_line(b, json.data, json.len);
	else
		buf_adds(b, "null");
}

void run_json_members(struct buf *b, const struct msg_run_done *m, const char *logs)
{
	buf_addf(b, "\"outcome\":\"%s\",\"termination\":", words_outcome(m->outcome));
	add_termination(b, m);
	buf_addf(b, ",\"value_kind\":\"%s\",\"value\":", words_value(m->value_kind));
	add_value(b, m);
	buf_adds(b, ",\"error\":");
	add_text_or_null(b, m->error);
	buf_adds(b, ",\"logs\":[");
	buf_adds(b, logs);
	buf_addf(
		b,
		"],\"usage\":{\"queue_us\":%llu,\"spawn_us\":%llu,\"run_us\":%llu,\"wall_us\":%llu,"
		"\"cpu_us\":%llu,\"memory_peak_bytes\":%llu,\"operations\":%u,\"output_bytes\":"
		"%llu},\"jail\":",
		(unsigned long long)m->queue_us, (unsigned long long)m->spawn_us,
		(unsigned long long)m->run_us, (unsigned long long)m->wall_us,
		(unsigned long long)m->cpu_us, (unsigned long long)m->memory_peak_bytes,
		m->operations, (unsigned long long)m->output_bytes);
	add_text_or_null(b, m->jail);
	/* A seed has 64 bits, which a JSON number does not hold everywhere. */
	buf_addf(b, ",\"seed\":\"%llu\",\"now_ms\":%lld", (unsigned long long)m->seed,
		 (long long)m->now_ms);
}
