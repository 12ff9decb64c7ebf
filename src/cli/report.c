#include "cli/report.h"

#include "cli/jsonview.h"
#include "cli/safe.h"
#include "wire/run_json.h"
#include "wire/words.h"

#include <stdio.h>
#include <string.h>

#define WORD "abcdefghijklmnopqrstuvwxyz0123456789._-" /* what codes and IDs are made of */

enum { REPORT_MAX = 256 << 20 };

static const struct {
	const char *option, *unit;
	uint64_t scale; /* the option's unit, in the ceiling's */
	const char *advice;
} ceilings[REASON_COUNT] = {
	[REASON_WALL_TIME] = {"--wall-ms", "ms", 1000,
			      "It waited too long, or --wall-ms is too low for it."},
	[REASON_CPU_TIME] = {"--cpu-ms", "ms", 1000,
			     "Look for a loop that does not end, or raise --cpu-ms."},
	[REASON_MEMORY] = {"--memory-mb", "MiB", 1 << 20,
			   "Work on less data at a time, or raise --memory-mb."},
	[REASON_OUTPUT] = {"--output-kb", "KiB", 1 << 10,
			   "Return and log less, or raise --output-kb."},
	[REASON_OPERATIONS] = {"--operations", "", 1,
			       "Ask for less at a time, or raise --operations."},
	[REASON_LOG_LINES] = {"--log-lines", "lines", 1, "Log less, or raise --log-lines."},
	[REASON_JAIL_VIOLATION] =
		{NULL, "", 1, "Code that does this is hostile or broken: do not run it again."},
	[REASON_CRASHED] = {NULL, "", 1,
			    "Run it again; if it happens again, keep the code and report it."},
};

void report_log(const struct msg_run_log *m)
{
	fprintf(stderr, "[%s] ", words_level(m->level));
	/* Further lines are marked, or a log could pass for our own words. */
	for (const char *p = m->text.data, *end = p + m->text.len;;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		safe_print(stderr, p, (size_t)((nl ? nl : end) - p));
		fputc('\n', stderr);
		if (!nl)
			break;
		fputs("  | ", stderr);
		p = nl + 1;
	}
}

void report_keep_log(struct report *r, const struct msg_run_log *m)
{
	if (r->logs.len)
		buf_addc(&r->logs, ',');
	run_json_log(&r->logs, m);
}

static void indent(struct buf *out, int depth)
{
	buf_addf(out, "\n%*s", depth * 2, "");
}

/* Valid JSON text, indented by two. */
static void pretty(struct buf *out, const char *p, size_t len)
{
	int depth = 0, string = 0;

	for (size_t i = 0; i < len; i++) {
		char c = p[i];

		if (string) {
			buf_addc(out, c);
			if (c == '\\')
				buf_addc(out, p[++i]);
			else if (c == '"')
				string = 0;
		} else if (c == '{' || c == '[') {
			buf_addc(out, c);
			if (i + 1 < len && (p[i + 1] == '}' || p[i + 1] == ']'))
				buf_addc(out, p[++i]);
			else
				indent(out, ++depth);
		} else if (c == '}' || c == ']') {
			indent(out, --depth);
			buf_addc(out, c);
		} else if (c == ',') {
			buf_addc(out, c);
			indent(out, depth);
		} else if (c == ':') {
			buf_adds(out, ": ");
		} else if (c != ' ' && c != '\n' && c != '\t' && c != '\r') {
			string = c == '"';
			buf_addc(out, c);
		}
	}
}

static void print_error(const struct msg_run_done *m)
{
	_cleanup_buf_ struct buf stack = BUF_INIT(LIMIT_ERROR), frame = BUF_INIT(LIMIT_ERROR);
	_cleanup_buf_ struct buf code = BUF_INIT(LIMIT_ERROR);
	struct jsonview error = {0};

	jsonview_open(&error, m->error.data, m->error.len);
	jsonview_text(jsonview_get(error, "stack"), &stack);
	jsonview_text(jsonview_get(error, "frame"), &frame);
	jsonview_text(jsonview_get(error, "code"), &code);
	if (!stack.len)
		jsonview_text(jsonview_get(error, "message"), &stack);
	if (m->outcome == OUTCOME_DENIED)
		fprintf(stderr, "denied (%.*s): ", (int)strspn(buf_str(&code), WORD),
			buf_str(&code));
	safe_print(stderr, buf_str(&stack), stack.len);
	fputc('\n', stderr);
	if (frame.len) {
		fputc('\n', stderr);
		safe_print(stderr, buf_str(&frame), frame.len);
		fputc('\n', stderr);
	}
}

static void print_value(const struct msg_run_done *m)
{
	_cleanup_buf_ struct buf b = BUF_INIT(REPORT_MAX);

	switch ((enum value_kind)m->value_kind) {
	case VALUE_JSON:
		pretty(&b, m->value.data, m->value.len);
		safe_print(stdout, buf_str(&b), b.len);
		putchar('\n');
		break;
	case VALUE_TEXT:
		safe_print(stdout, m->value.data, m->value.len);
		putchar('\n');
		break;
	case VALUE_BYTES:
		if (isatty(STDOUT_FILENO)) { /* they could steer it */
			printf("(%zu bytes; redirect standard output to keep them)\n",
			       m->value.len);
			break;
		}
		fwrite(m->value.data, 1, m->value.len, stdout);
		break;
	case VALUE_COUNT:
		break;
	}
}

static void print_termination(const struct msg_run_done *m)
{
	uint8_t why = m->reason < REASON_COUNT ? m->reason : 0;
	uint64_t scale = ceilings[why].scale ? ceilings[why].scale : 1;

	fprintf(stderr, "terminated (%s): ", words_reason(why));
	safe_print(stderr, m->detail.data, m->detail.len);
	fputc('\n', stderr);
	if (m->limit)
		fprintf(stderr, "  ceiling %.10g %s, seen %.10g %s%s%s\n",
			(double)m->limit / (double)scale,
			ceilings[why].unit ? ceilings[why].unit : "",
			(double)m->observed / (double)scale,
			ceilings[why].unit ? ceilings[why].unit : "",
			ceilings[why].option ? "; option " : "",
			ceilings[why].option ? ceilings[why].option : "");
	if (ceilings[why].advice)
		fprintf(stderr, "  %s\n", ceilings[why].advice);
}

static int jail_full(const struct msg_run_done *m)
{
	struct jsonview jail = {0};

	jsonview_open(&jail, m->jail.data, m->jail.len);
	return jsonview_is(jsonview_get(jail, "full"), "true");
}

void report_person(const struct report *r, const struct msg_run_done *m)
{
	switch ((enum outcome)m->outcome) {
	case OUTCOME_COMPLETED:
		print_value(m);
		break;
	case OUTCOME_FAILED:
	case OUTCOME_DENIED:
		print_error(m);
		break;
	case OUTCOME_TERMINATED:
		print_termination(m);
		break;
	case OUTCOME_COUNT:
		break;
	}
	fflush(stdout);
	fprintf(stderr,
		"-- %.*s %s | run %.1f ms, cpu %.1f ms | memory %.1f MiB | %u operations | %llu "
		"bytes out | jail %s%s%.*s\n",
		(int)strspn(r->run, WORD), r->run, words_outcome(m->outcome),
		(double)m->run_us / 1000, (double)m->cpu_us / 1000,
		(double)m->memory_peak_bytes / (1 << 20), m->operations,
		(unsigned long long)m->output_bytes,
		!m->jail.len   ? "unknown"
		: jail_full(m) ? "full"
			       : "NOT FULL",
		*r->receipt ? " | receipt " : "", (int)strspn(r->receipt, WORD), r->receipt);
}

void report_json(const struct report *r, const struct msg_run_done *m)
{
	_cleanup_buf_ struct buf b = BUF_INIT(REPORT_MAX);

	buf_addf(&b, "{\"run\":\"%s\",", r->run);
	run_json_members(&b, m, buf_str((struct buf *)&r->logs));
	buf_addf(&b, ",\"tier\":\"%s\",\"class\":\"%s\"}\n", r->tier, r->class_);
	fwrite(b.data, 1, b.len, stdout);
	fflush(stdout);
}

int report_exit(uint8_t outcome)
{
	switch ((enum outcome)outcome) {
	case OUTCOME_COMPLETED:
		return 0;
	case OUTCOME_FAILED:
		return 1;
	case OUTCOME_DENIED:
		return 3;
	case OUTCOME_TERMINATED:
		return 4;
	case OUTCOME_COUNT:
		break;
	}
	return 5;
}
