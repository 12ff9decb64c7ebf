#include "cli/event_view.h"

#include "base/json.h"
#include "cli/safe.h"

#include <stdio.h>
#include <string.h>

enum { CELL_MAX = 4096, VALUE_MAX = 256, WHAT_MAX = 16 << 10 };

/* What stands elsewhere in the line, or is for programs. */
static const char *const envelope[] = {"seq",  "prev",	 "event",    "run",    "act",
				       "time", "tenant", "clock_ms", "lease",  "session",
				       "seed", "trace",	 "sha256",   "policy", "request"};
/* What people look for first. */
static const char *const first[] = {"outcome", "tool",	 "destination", "decision",
				    "rule",    "reason", "by",		"profile"};

static int among(struct jsonview key, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (key.len == strlen(names[i]) + 2 && !memcmp(key.p + 1, names[i], key.len - 2))
			return 1;
	return 0;
}

/* A cell's text: harmless, on one line, cut. */
static void add_cell(struct buf *out, struct jsonview v, size_t max)
{
	_cleanup_buf_ struct buf text = BUF_INIT(v.len);
	size_t n;

	jsonview_text(v, &text);
	n = text.len;
	if (n > max)
		for (n = max; n && (text.data[n] & 0xc0) == 0x80;)
			n--;
	safe_cell(out, buf_str(&text), n);
	if (n < text.len)
		buf_adds(out, "…");
}

static void add_pair(struct buf *out, struct jsonview key, struct jsonview value)
{
	if (jsonview_is(value, "null") || jsonview_is(value, "\"none\""))
		return;
	if (out->len)
		buf_addc(out, ' ');
	add_cell(out, key, VALUE_MAX);
	buf_addc(out, '=');
	add_cell(out, value, VALUE_MAX);
}

void event_view_what(struct jsonview event, struct buf *out)
{
	struct jsonview at = {0}, key, value;

	for (size_t i = 0; i < ARRAY_SIZE(first); i++) {
		at = (struct jsonview){0};
		while (jsonview_next(event, &at, &key, &value))
			if (among(key, &first[i], 1))
				add_pair(out, key, value);
	}
	at = (struct jsonview){0};
	while (jsonview_next(event, &at, &key, &value))
		if (!among(key, first, ARRAY_SIZE(first)) &&
		    !among(key, envelope, ARRAY_SIZE(envelope)))
			add_pair(out, key, value);
}

static void print_cell(struct jsonview v, int width)
{
	_cleanup_buf_ struct buf cell = BUF_INIT(CELL_MAX);
	int columns = 0;

	add_cell(&cell, v, VALUE_MAX);
	if (!cell.len)
		buf_adds(&cell, "-");
	for (const char *p = buf_str(&cell); *p; p++)
		columns += ((unsigned char)*p & 0xc0) != 0x80;
	printf("%s%*s", buf_str(&cell), columns < width ? width - columns + 2 : 2, "");
}

void event_view_header(void)
{
	printf("%-24s  %-20s  %-30s  %-10s  %s\n", "TIME", "EVENT", "RUN-OR-ACT", "TENANT", "WHAT");
}

void event_view_line(struct jsonview item)
{
	struct jsonview event = jsonview_get(item, "event"), subject = jsonview_get(event, "run");
	_cleanup_buf_ struct buf what = BUF_INIT(WHAT_MAX);

	event_view_what(event, &what);
	print_cell(jsonview_get(event, "time"), 24);
	print_cell(jsonview_get(event, "event"), 20);
	print_cell(subject.len ? subject : jsonview_get(event, "act"), 30);
	print_cell(jsonview_get(event, "tenant"), 10);
	puts(what.len ? buf_str(&what) : "-");
}

void event_view_json(struct jsonview item)
{
	_cleanup_buf_ struct buf line = BUF_INIT(item.len);

	json_line(&line, item.p, item.len);
	safe_json(stdout, buf_str(&line), line.len);
	putchar('\n');
}
