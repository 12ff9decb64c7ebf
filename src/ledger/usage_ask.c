/*
 * Questions about usage: rows of one of its tables, a page at a time. Which rows, an index says (a
 * tenant's, of some days); what else is asked for is looked at row by row, of which an answer looks
 * at a bounded number, and says where to go on.
 */
#include "base/json.h"
#include "evidence/canonical.h"
#include "evidence/tokens.h"
#include "ledger/usage.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { CONDITION = 1024, ROW_MAX = 4 * USAGE_LABELS_MAX };

/* What is compared: all but day and labels. */
static const enum usage_field compared[] = {
	USAGE_tenant, USAGE_team,     USAGE_key,      USAGE_profile, USAGE_tier,
	USAGE_class,  USAGE_currency, USAGE_artifact, USAGE_outcome, USAGE_reason};

struct question {
	enum usage_table table;
	char want[USAGE_FIELD_COUNT][128];
	int given[USAGE_FIELD_COUNT]; /* also "": rows that have none */
	char label[CONDITION], value[CONDITION];
	int by_label;
	char from[USAGE_DAY + 1], to[USAGE_DAY + 1];
	int64_t after, limit;
	/* the answer */
	struct buf out, row;
	int64_t told, looked;
	size_t looked_bytes;
	char next_day[USAGE_DAY + 1];
	int64_t next_id;
	int more, damaged;
};

/* ---- what is asked for ---- */

static int is_string(const struct token *t)
{
	return t->kind >= TOKEN_STRING;
}

/* A string, with its escapes undone. */
static int take_text(const struct tokens *t, uint32_t object, const char *name, char *to,
		     size_t size, struct err *reterr)
{
	uint32_t i = tokens_member(t, object, name);

	if (!i)
		return 0;
	if (!is_string(&t->t[i]) || t->t[i].len >= size || memchr(t->t[i].p, '\0', t->t[i].len))
		return err_set(reterr, EINVAL, "usage.condition",
			       "'%s' must be a string of less than %zu bytes, without a zero byte",
			       name, size);
	memcpy(to, t->t[i].p, t->t[i].len);
	to[t->t[i].len] = '\0';
	return 1;
}

static int take_table(const struct tokens *t, struct question *q, struct err *reterr)
{
	static const char *const names[USAGE_TABLE_COUNT] = {"totals", "detail", "reasons"};
	char rows[16] = "totals";

	if (take_text(t, 0, "rows", rows, sizeof(rows), reterr) < 0)
		return -EINVAL;
	for (int i = 0; i < USAGE_TABLE_COUNT; i++)
		if (!strcmp(rows, names[i])) {
			q->table = (enum usage_table)i;
			return 0;
		}
	return err_set(reterr, EINVAL, "usage.condition",
		       "'rows' must be totals, detail or reasons");
}

static int is_day(const char *text)
{
	return strlen(text) == USAGE_DAY && text[4] == '-' && text[7] == '-' &&
	       strspn(text, "0123456789-") == USAGE_DAY;
}

static int take_days(const struct tokens *t, struct question *q, struct err *reterr)
{
	char cursor[40] = "";

	memcpy(q->from, "0000-00-00", sizeof(q->from));
	memcpy(q->to, "9999-99-99", sizeof(q->to));
	if (take_text(t, 0, "from", q->from, sizeof(q->from), reterr) < 0 ||
	    take_text(t, 0, "to", q->to, sizeof(q->to), reterr) < 0 ||
	    take_text(t, 0, "after", cursor, sizeof(cursor), reterr) < 0)
		return -EINVAL;
	if (!is_day(q->from) || !is_day(q->to))
		return err_set(reterr, EINVAL, "usage.condition",
			       "'from' and 'to' are days: 2026-11-21");
	if (!*cursor)
		return 0;
	if (strlen(cursor) < USAGE_DAY + 2 || cursor[USAGE_DAY] != '.')
		return err_set(reterr, EINVAL, "usage.condition",
			       "'after' is no place in the rows: take 'next' of a page");
	cursor[USAGE_DAY] = '\0';
	q->after = strtoll(cursor + USAGE_DAY + 1, NULL, 10);
	if (!is_day(cursor) ||
	    cursor[USAGE_DAY + 1 + strspn(cursor + USAGE_DAY + 1, "0123456789")] != '\0')
		return err_set(reterr, EINVAL, "usage.condition",
			       "'after' is no place in the rows: take 'next' of a page");
	if (strcmp(cursor, q->from) >= 0)
		memcpy(q->from, cursor, sizeof(q->from));
	else
		q->after = 0;
	return 0;
}

static int take_label(const struct tokens *t, struct question *q, struct err *reterr)
{
	uint32_t i = tokens_member(t, 0, "label");
	int r;

	if (!i)
		return 0;
	r = take_text(t, i, "name", q->label, sizeof(q->label), reterr);
	if (r > 0)
		r = take_text(t, i, "value", q->value, sizeof(q->value), reterr);
	q->by_label = 1;
	return r > 0 ? 0
		     : err_set(reterr, EINVAL, "usage.condition",
			       "'label' is an object with 'name' and 'value'");
}

static int64_t take_limit(const struct tokens *t)
{
	uint32_t i = tokens_member(t, 0, "limit");
	int64_t limit = i && t->t[i].kind == TOKEN_PLAIN && t->t[i].len < 10
				? strtoll((const char *)t->t[i].p, NULL, 10)
				: 0;

	return limit < 1 || limit > USAGE_ROWS_MAX ? USAGE_ROWS_MAX : limit;
}

static int read_conditions(const struct tokens *t, struct question *q, struct err *reterr)
{
	int r = take_table(t, q, reterr);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(compared); i++) {
		enum usage_field f = compared[i];

		r = take_text(t, 0, usage_fields[f], q->want[f], sizeof(q->want[f]), reterr);
		if (r < 0)
			return r;
		if (r && !usage_has(q->table, f))
			return err_set(reterr, EINVAL, "usage.condition",
				       "these rows are not told apart by '%s'", usage_fields[f]);
		q->given[f] = r;
		r = 0;
	}
	if (r == 0)
		r = take_days(t, q, reterr);
	if (r == 0)
		r = take_label(t, q, reterr);
	if (r == 0 && q->by_label && q->table != USAGE_DETAIL)
		r = err_set(reterr, EINVAL, "usage.condition",
			    "these rows are not told apart by 'labels'");
	q->limit = take_limit(t);
	return r;
}

static int read_question(const struct msg_ledger_ask *m, struct question *q, struct err *reterr)
{
	_cleanup_(tokens_done) struct tokens t = {.n = 0};

	if (tokens_read(&t, m->text.data, m->text.len) < 0 || t.t[0].kind != TOKEN_OBJECT)
		return err_set(reterr, EINVAL, "usage.condition", "conditions are a JSON object");
	return read_conditions(&t, q, reterr);
}

/* ---- rows ---- */

static int has_label(const struct question *q, const char *labels)
{
	_cleanup_(tokens_done) struct tokens t = {.n = 0};
	uint32_t i;

	if (tokens_read(&t, labels, strlen(labels)) < 0)
		return 0;
	i = tokens_member(&t, 0, q->label);
	return i && is_string(&t.t[i]) && t.t[i].len == strlen(q->value) &&
	       !memcmp(t.t[i].p, q->value, t.t[i].len);
}

static int fits(const struct question *q, const struct usage_row *row)
{
	for (size_t i = 0; i < ARRAY_SIZE(compared); i++)
		if (q->given[compared[i]] &&
		    strcmp(row->field[compared[i]], q->want[compared[i]]) != 0)
			return 0;
	return !q->by_label || has_label(q, row->field[USAGE_labels]);
}

/* Members in their canonical order: fields, sums, and what references the receipts. */
enum member { FIRST = USAGE_FIELD_COUNT + USAGE_SUM_COUNT, LAST, DIGEST, MEMBERS };

static const char *member_name(int m)
{
	static const char *const others[] = {"first", "last", "digest"};

	return m < USAGE_FIELD_COUNT ? usage_fields[m]
	       : m < FIRST	     ? usage_sums[m - USAGE_FIELD_COUNT]
				     : others[m - FIRST];
}

static int by_name(const void *a, const void *b)
{
	return strcmp(member_name(*(const int *)a), member_name(*(const int *)b));
}

static const int *members(void)
{
	static int all[MEMBERS];

	if (!all[0] && !all[1]) {
		for (int i = 0; i < MEMBERS; i++)
			all[i] = i;
		qsort(all, MEMBERS, sizeof(all[0]), by_name);
	}
	return all;
}

static void write_member(const struct usage_row *row, int m, struct buf *b)
{
	char hex[2 * USAGE_DIGEST + 1];

	buf_addf(b, "%s\"%s\":", b->len > 1 ? "," : "", member_name(m));
	if (m == USAGE_labels) {
		buf_adds(b, row->field[m]);
	} else if (m < USAGE_FIELD_COUNT) {
		json_quote_str(b, row->field[m]);
	} else if (m == DIGEST) {
		sodium_bin2hex(hex, sizeof(hex), row->digest, sizeof(row->digest));
		buf_addf(b, "\"%s\"", hex);
	} else if (m >= FIRST) {
		buf_addf(b, "%lld", (long long)(m == FIRST ? row->first : row->last));
	} else {
		buf_addf(b, "%llu", (unsigned long long)row->sum[m - USAGE_FIELD_COUNT]);
	}
}

static void write_row(const struct question *q, const struct usage_row *row, struct buf *b)
{
	const int *all = members();

	buf_addc(b, '{');
	for (int i = 0; i < MEMBERS; i++) {
		int m = all[i];

		if (m < USAGE_FIELD_COUNT
			    ? row->field[m] != NULL
			    : m >= FIRST || m == USAGE_FIELD_COUNT || q->table != USAGE_REASONS)
			write_member(row, m, b);
	}
	buf_addc(b, '}');
}

static int take_row(void *arg, const struct usage_row *row)
{
	struct question *q = arg;

	if (q->told == q->limit || q->looked == USAGE_LOOKED_AT || q->out.len > USAGE_BYTES ||
	    q->looked_bytes > USAGE_LOOKED_BYTES) {
		q->more = 1;
		return 1;
	}
	q->looked++;
	if (row->field[USAGE_labels])
		q->looked_bytes += strlen(row->field[USAGE_labels]);
	snprintf(q->next_day, sizeof(q->next_day), "%s", row->field[USAGE_day]);
	q->next_id = row->id;
	if (!fits(q, row))
		return 0;
	q->row.len = 0;
	write_row(q, row, &q->row);
	if (q->told)
		buf_addc(&q->out, ',');
	if (json_check(q->row.data, q->row.len, NULL) < 0) {
		q->damaged = 1; /* labels that are no JSON */
		return 1;
	}
	buf_add(&q->out, q->row.data, q->row.len);
	q->told++;
	return 0;
}

static int look(struct ledger *l, struct question *q, struct err *reterr)
{
	int r = usage_find(l->store, q->table,
			   q->given[USAGE_tenant] ? q->want[USAGE_tenant] : NULL, q->from, q->after,
			   q->to, take_row, q, reterr);

	if (r == 0 && q->damaged)
		r = err_set(reterr, EUCLEAN, "store.damaged",
			    "the sums of usage are damaged; `cordon usage check` finds where");
	return r;
}

void usage_ask(struct ledger *l, const struct msg_ledger_ask *m)
{
	struct question *q = xcalloc(1, sizeof(*q));
	_cleanup_buf_ struct buf body = BUF_INIT(LIMIT_TOLD);
	struct err e;
	int r;

	q->out = BUF_INIT(LIMIT_TOLD);
	q->row = BUF_INIT(ROW_MAX);
	r = read_question(m, q, &e);
	if (r == 0)
		r = usage_settle(l, &e);
	if (r == 0)
		r = look(l, q, &e);
	if (r < 0) {
		tell_error(l, m->handle, &e);
	} else {
		buf_addf(&body, "{\"behind\":%lld,\"entries\":%lld,\"more\":%s",
			 (long long)usage_behind(l), (long long)usage_summed(l),
			 q->more ? "true" : "false");
		if (q->more)
			buf_addf(&body, ",\"next\":\"%s.%lld\"", q->next_day,
				 (long long)q->next_id);
		buf_adds(&body, ",\"rows\":[");
		buf_add(&body, q->out.data, q->out.len);
		buf_adds(&body, "]}");
		tell_page(l, m->handle, &body, (uint64_t)usage_summed(l), 0, q->more);
	}
	buf_done(&q->out);
	buf_done(&q->row);
	free(q);
}
