/*
 * Events as they stand in the journals of the log's entries: found by what an entry is about (its
 * columns), by what is marked, and then by each line's members. An answer looks at a bounded number
 * of entries and bytes, and says where to go on.
 */
#include "base/json.h"
#include "ledger/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct text {
	char s[256];
};

/* Of an entry, by its columns; of a line, by its members. The most telling first. */
enum condition {
	SUBJECT,
	TRACE,
	LEASE,
	SESSION,
	DESTINATION,
	REASON,
	EVENT,
	ARTIFACT,
	PROFILE,
	TENANT,
	DECISION,
	CONDITIONS
};
static const struct {
	const char *name;
	enum ledger_by by;
	int line;
} conditions[CONDITIONS] = {
	[SUBJECT] = {"subject", LEDGER_BY_SUBJECT, 0},
	[TRACE] = {"trace", LEDGER_BY_TRACE, 0},
	[LEASE] = {"lease", LEDGER_BY_LEASE, 0},
	[SESSION] = {"session", LEDGER_BY_SESSION, 0},
	[DESTINATION] = {"destination", LEDGER_BY_DESTINATION, 1},
	[REASON] = {"reason", LEDGER_BY_REASON, 1},
	[EVENT] = {"event", LEDGER_BY_EVENT, 1},
	[ARTIFACT] = {"artifact", LEDGER_BY_ARTIFACT, 0},
	[PROFILE] = {"profile", LEDGER_BY_PROFILE, 0},
	[TENANT] = {"tenant", LEDGER_BY_TENANT, 0},
	[DECISION] = {"decision", LEDGER_BY_INDEX, 1},
};

struct question {
	struct text want[CONDITIONS]; /* "": no such condition */
	int64_t since, until, limit;
	uint64_t after_entry, after_line; /* lines up to this one were told */
	/* the answer */
	struct buf out;
	uint64_t looked, bytes, told;
	uint64_t entry, line; /* the last one that was looked at */
	int more;
};

/* Those that every run has are found by their entries; all others have a row of their own. */
static int commonplace(const char *event)
{
	static const char *const all[] = {"run_admitted", "sandbox_issued",	 "wait",
					  "wake",	  "execution_completed", "log"};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (!strcmp(event, all[i]))
			return 1;
	return 0;
}

int events_mark(const char *line, size_t len, char event[64], char destination[256],
		char reason[64])
{
	if (!json_text(line, len, "event", event, 64) || commonplace(event))
		return 0;
	json_text(line, len, "destination", destination, 256);
	json_text(line, len, "reason", reason, 64);
	return 1;
}

static int line_fits(const struct question *q, const char *line, size_t len)
{
	char have[256];

	for (size_t i = 0; i < CONDITIONS; i++)
		if (conditions[i].line && *q->want[i].s &&
		    (!json_text(line, len, conditions[i].name, have, sizeof(have)) ||
		     strcmp(have, q->want[i].s) != 0))
			return 0;
	return 1;
}

static int entry_fits(const struct question *q, const struct entry_row *row)
{
	const char *const have[CONDITIONS] = {
		[SUBJECT] = row->subject, [TRACE] = row->trace,	      [LEASE] = row->lease,
		[SESSION] = row->session, [ARTIFACT] = row->artifact, [PROFILE] = row->profile,
		[TENANT] = row->tenant,
	};

	for (size_t i = 0; i < CONDITIONS; i++)
		if (have[i] && *q->want[i].s && strcmp(have[i], q->want[i].s) != 0)
			return 0;
	return row->time_ms >= q->since;
}

static void add(struct question *q, const struct entry_row *row, uint64_t number, const char *line,
		size_t len)
{
	const char *id = strchr(row->subject, '_');

	buf_addf(&q->out, "%s{\"entry\":%lld,\"line\":%llu,\"receipt\":\"rct%s\",\"event\":",
		 q->told ? "," : "", (long long)row->index, (unsigned long long)number,
		 id ? id : "_");
	buf_add(&q->out, line, len);
	buf_addc(&q->out, '}');
	q->told++;
}

static int look(void *arg, const struct entry_row *row)
{
	struct question *q = arg;
	const char *p = row->journal, *end = p + row->journal_len;
	int first = (uint64_t)row->index == q->after_entry;

	if (q->until && row->time_ms > q->until)
		return 1;
	if (q->looked++ == EVENTS_LOOKED_AT || q->bytes > EVENTS_BYTES_LOOKED_AT) {
		q->more = 1;
		return 1;
	}
	q->bytes += row->journal_len;
	if (!entry_fits(q, row)) {
		q->entry = (uint64_t)row->index;
		q->line = UINT32_MAX; /* none of it */
		return 0;
	}
	for (uint64_t number = 1; p < end; number++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		if (!nl)
			break; /* damaged; `cordon log check` says so */
		if ((!first || number > q->after_line) && line_fits(q, p, (size_t)(nl - p))) {
			if ((int64_t)q->told == q->limit || q->out.len > EVENTS_BYTES) {
				q->more = 1;
				return 1;
			}
			add(q, row, number, p, (size_t)(nl - p));
		}
		q->entry = (uint64_t)row->index;
		q->line = number;
		p = nl + 1;
	}
	return 0;
}

/* The first entry that was recorded at `ms` or later. */
static int first_since(struct ledger *l, int64_t ms, int64_t *ret, struct err *reterr)
{
	int64_t low = 0, high = (int64_t)l->size, at;
	int r = 0;

	while (r == 0 && low < high) {
		int64_t middle = low + (high - low) / 2;

		r = ledger_time(l->store, middle, &at, reterr);
		if (r == 0 && at < ms)
			low = middle + 1;
		else if (r == 0)
			high = middle;
	}
	*ret = low;
	return r == -ENOENT ? 0 : r;
}

static int64_t number_of(const char *json, size_t len, const char *name)
{
	const char *at;
	size_t n;

	return json_member(json, len, name, &at, &n) == 0 ? strtoll(at, NULL, 10) : 0;
}

static int read_question(struct question *q, const struct msg_ledger_ask *m, struct err *reterr)
{
	const char *text = m->text.data, *at;
	size_t len = m->text.len, n;

	if (json_check(text, len, NULL) < 0)
		return err_set(reterr, EINVAL, "ledger.malformed", "conditions are a JSON object");
	for (size_t i = 0; i < CONDITIONS; i++)
		if (!json_text(text, len, conditions[i].name, q->want[i].s, sizeof(q->want[i].s)) &&
		    json_member(text, len, conditions[i].name, &at, &n) == 0)
			return err_set(reterr, EINVAL, "events.condition",
				       "'%s' is too long, or has a character that needs an escape",
				       conditions[i].name);
	q->limit = number_of(text, len, "limit");
	if (q->limit < 1 || q->limit > EVENTS_MAX_LIMIT)
		q->limit = EVENTS_MAX_LIMIT;
	q->since = number_of(text, len, "since_ms");
	q->until = number_of(text, len, "until_ms");
	q->after_entry = q->entry = m->a;
	q->after_line = q->line = m->b;
	return 0;
}

/* The condition by which entries are found. What every run has, has no marks. */
static enum condition telling(const struct question *q)
{
	for (size_t i = 0; i < DECISION; i++)
		if (*q->want[i].s && !(i == EVENT && commonplace(q->want[i].s)) &&
		    !(i == REASON && !strcmp(q->want[i].s, "none")) &&
		    !((i == DESTINATION || i == REASON) && commonplace(q->want[EVENT].s)))
			return i;
	return CONDITIONS;
}

void events_ask(struct ledger *l, const struct msg_ledger_ask *m)
{
	struct question q = {.out = BUF_INIT(LIMIT_TOLD)};
	int64_t from = 0;
	struct err e;
	int r = read_question(&q, m, &e);

	if (r == 0 && q.since)
		r = first_since(l, q.since, &from, &e);
	from = MAX_I64(from, (int64_t)m->a);
	if (r == 0) {
		enum condition c = telling(&q);

		r = c == CONDITIONS
			    ? ledger_find(l->store, LEDGER_BY_INDEX, NULL, from, look, &q, &e)
			    : ledger_find(l->store, conditions[c].by, q.want[c].s, from, look, &q,
					  &e);
	}
	if (r < 0)
		tell_error(l, m->handle, &e);
	else
		tell_page(l, m->handle, &q.out, q.entry, q.line, q.more);
	buf_done(&q.out);
}
