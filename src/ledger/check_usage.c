/*
 * The sums of usage, added up once more from the statements, and held against what stands: the
 * tables and, if there is one, an export. As the ledger does it, but by other code (usage.c).
 */
#include "ledger/check.h"
#include "ledger/usage.h"

#include <errno.h>
#include <string.h>
#include <uthash.h>

struct total {
	uint64_t sum[USAGE_SUM_COUNT];
	int64_t first, last;
	unsigned __int128 high, low; /* of the digest */
};

/* What an export says of a row, and what its receipts add up to, up to its last one. */
struct exported {
	struct exported *next;
	enum usage_table table;
	int64_t line;
	struct usage_row says;
	struct total total;
	char who[256];
};

struct row {
	UT_hash_handle hh;
	uint8_t name[USAGE_NAME];
	struct total total;
	struct exported *exported;
	int known; /* its table has it, or it came in the export: it need not be looked for */
};

struct sums {
	const struct check *check;
	struct store *store;
	struct findings *found;
	struct row *rows[USAGE_TABLE_COUNT];
	struct exported *exported;
	int64_t cursor;	     /* -1: there is none that could be */
	struct usage_row at; /* the digest that the cursor has */
	struct total all;    /* of its entries */
	/* What an export has to have, if entries is more than 0. */
	struct {
		enum usage_table table;
		int64_t entries;
		char tenant[64], from[16], to[16];
	} whole;
};

static unsigned __int128 half(const uint8_t *p)
{
	unsigned __int128 v = 0;

	for (int i = 0; i < 16; i++)
		v = v << 8 | p[i];
	return v;
}

static void digest_add(struct total *to, const struct part *p)
{
	unsigned __int128 low = half(p->digest + 16);

	to->low += low;
	to->high += half(p->digest) + (to->low < low);
}

static void total_add(struct total *to, const struct part *p, int64_t index)
{
	for (int i = 0; i < USAGE_SUM_COUNT; i++) {
		unsigned __int128 v = (unsigned __int128)to->sum[i] + p->sum[i];

		to->sum[i] = v > INT64_MAX ? INT64_MAX : (uint64_t)v;
	}
	digest_add(to, p);
	if (!to->sum[USAGE_receipts] || index < to->first)
		to->first = index;
	if (index > to->last)
		to->last = index;
}

static struct row *row_of(struct sums *s, enum usage_table t, const uint8_t *name)
{
	struct row *r;

	HASH_FIND(hh, s->rows[t], name, USAGE_NAME, r);
	if (r)
		return r;
	r = xcalloc(1, sizeof(*r));
	memcpy(r->name, name, USAGE_NAME);
	r->total.first = INT64_MAX;
	r->total.last = -1;
	HASH_ADD(hh, s->rows[t], name, USAGE_NAME, r);
	return r;
}

void sums_add(struct sums *s, const struct range *r)
{
	for (int64_t i = r->from; i < r->to; i++) {
		const struct part *p = &r->parts[i - r->from];

		if (i < s->cursor)
			digest_add(&s->all, p);
		for (int t = 0; p->is_run && t < USAGE_TABLE_COUNT; t++) {
			struct row *row = row_of(s, (enum usage_table)t, p->name[t]);

			if (i < s->cursor)
				total_add(&row->total, p, i);
			if (row->exported && i <= row->exported->says.last)
				total_add(&row->exported->total, p, i);
		}
	}
}

static void read_cursor(struct sums *s)
{
	struct strict c;
	struct err e;
	int rows = 0, r = strict_begin(&c, s->store, STRICT_USAGE_CURSOR, 0, 0, &e);

	s->cursor = -1;
	while (r >= 0 && (r = strict_next(&c, &e)) == 1) {
		rows++;
		if (!c.odd && c.cursor.id == 1 && c.cursor.entries >= 0 &&
		    c.cursor.entries <= s->check->size) {
			s->cursor = c.cursor.entries;
			memcpy(s->at.digest, c.cursor.digest, sizeof(s->at.digest));
		}
	}
	strict_end(&c);
	if (r < 0)
		findings_add(s->found, AT_DATABASE, 0, "", "the cursor of usage cannot be read: %s",
			     e.message);
	else if (rows != 1 || s->cursor < 0)
		findings_add(s->found, AT_USAGE, 0, "usage_cursor",
			     "it does not say how many of the log's %lld entries are in the sums",
			     (long long)s->check->size);
}

struct sums *sums_new(const struct check *c, struct store *store, struct findings *f)
{
	struct sums *s = xcalloc(1, sizeof(*s));

	s->check = c;
	s->store = store;
	s->found = f;
	read_cursor(s);
	return s;
}

void sums_free(struct sums *s)
{
	struct exported *x;
	struct row *r, *next;

	if (!s)
		return;
	for (int t = 0; t < USAGE_TABLE_COUNT; t++) {
		r = s->rows[t];
		HASH_CLEAR(hh, s->rows[t]);
		for (; r; r = next) {
			next = r->hh.next;
			free(r);
		}
	}
	while ((x = s->exported)) {
		s->exported = x->next;
		free(x);
	}
	free(s);
}

/* ---- against what stands ---- */

/* The first column that is otherwise: its name, and both values. */
static const char *differs(const struct total *want, const struct usage_row *have,
			   enum usage_table t, char wanted[80], char had[80])
{
	char *const texts[] = {wanted, had};
	unsigned __int128 halves[2][2] = {{want->high, want->low},
					  {half(have->digest), half(have->digest + 16)}};

	for (int i = 0; i < (t == USAGE_REASONS ? 1 : USAGE_SUM_COUNT); i++)
		if (want->sum[i] != have->sum[i]) {
			snprintf(wanted, 80, "%lld", (long long)want->sum[i]);
			snprintf(had, 80, "%lld", (long long)have->sum[i]);
			return usage_sums[i];
		}
	if (want->first != have->first || want->last != have->last) {
		int first = want->first != have->first;

		snprintf(wanted, 80, "%lld", (long long)(first ? want->first : want->last));
		snprintf(had, 80, "%lld", (long long)(first ? have->first : have->last));
		return first ? "first" : "last";
	}
	if (!memcmp(halves[0], halves[1], sizeof(halves[0])))
		return NULL;
	for (int i = 0; i < 2; i++)
		snprintf(texts[i], 80, "%016llx%016llx%016llx%016llx",
			 (unsigned long long)(halves[i][0] >> 64), (unsigned long long)halves[i][0],
			 (unsigned long long)(halves[i][1] >> 64),
			 (unsigned long long)halves[i][1]);
	return "digest";
}

static void describe(enum usage_table t, const struct usage_row *row, char to[256])
{
	size_t len = 0;

	*to = '\0';
	for (int f = 0; f < USAGE_FIELD_COUNT; f++)
		if (usage_has(t, (enum usage_field)f) && *row->field[f] && len < 200)
			len += (size_t)snprintf(to + len, 256 - len, "%s%s %.40s", len ? ", " : "",
						usage_fields[f], row->field[f]);
}

/* Whether an export of this range must have the row. */
static int is_exported(const struct sums *s, enum usage_table t, const struct usage_row *row)
{
	return s->whole.entries > row->first && s->whole.table == t &&
	       (!*s->whole.tenant || !strcmp(s->whole.tenant, row->field[USAGE_tenant])) &&
	       strcmp(row->field[USAGE_day], s->whole.from) >= 0 &&
	       strcmp(row->field[USAGE_day], s->whole.to) <= 0;
}

static void compare_row(struct sums *s, enum usage_table t, const struct strict *c)
{
	const struct usage_row *have = &c->usage;
	char who[256], wanted[80], had[80];
	uint8_t name[USAGE_NAME];
	const char *column;
	struct row *r;

	if (c->odd) {
		findings_add(s->found, AT_USAGE, have->id, usage_tables[t],
			     "its column %s is not of the type and size that the ledger writes",
			     c->odd);
		return;
	}
	describe(t, have, who);
	part_name(t, have->field, name);
	if (memcmp(name, have->name, sizeof(name)) != 0) {
		findings_add(s->found, AT_USAGE, have->id, usage_tables[t],
			     "it is filed under another name than that of %s", who);
		return;
	}
	HASH_FIND(hh, s->rows[t], name, USAGE_NAME, r);
	if (!r || !r->total.sum[USAGE_receipts] || r->known) {
		findings_add(s->found, AT_USAGE, have->id, usage_tables[t], "no receipt is of %s",
			     who);
		return;
	}
	r->known = 1;
	column = differs(&r->total, have, t, wanted, had);
	if (column)
		findings_add(s->found, AT_USAGE, have->id, usage_tables[t],
			     "its %s is %s, and the receipts give %s, of %s", column, had, wanted,
			     who);
	if (!r->exported && is_exported(s, t, have))
		findings_add(s->found, AT_EXPORT, 0, "",
			     "a row is missing, of which there are receipts: %s", who);
}

static void compare_table(struct sums *s, enum usage_table t, uint64_t *ret_rows)
{
	struct row *row, *tmp;
	int64_t id = 0;
	struct strict c;
	struct err e;
	int missing = 0;
	int r = strict_begin(&c, s->store, (enum strict_rows)(STRICT_USAGE + t), 0, 0, &e);

	while (r >= 0 && s->found->n < CHECK_FINDINGS_MAX && (r = strict_next(&c, &e)) == 1) {
		if (c.usage.id != ++id) {
			findings_add(s->found, AT_USAGE, c.usage.id, usage_tables[t],
				     "rows have numbers without gaps, and it follows number %lld",
				     (long long)id - 1);
			break;
		}
		compare_row(s, t, &c);
		++*ret_rows;
	}
	strict_end(&c);
	if (r < 0)
		findings_add(s->found, AT_DATABASE, 0, "", "%s cannot be read: %s", usage_tables[t],
			     e.message);
	if (s->found->n)
		return;
	HASH_ITER (hh, s->rows[t], row, tmp)
		missing += row->total.sum[USAGE_receipts] && !row->known;
	if (missing)
		findings_add(s->found, AT_USAGE, id + 1, usage_tables[t],
			     "%d rows are missing of which there are receipts", missing);
}

/* ---- the export ---- */

int sums_export(struct sums *s, enum usage_table t, int64_t line, const struct usage_row *says)
{
	struct exported *x;
	uint8_t name[USAGE_NAME];
	struct row *row;

	part_name(t, says->field, name);
	row = row_of(s, t, name);
	if (row->exported)
		return -EEXIST;
	x = xcalloc(1, sizeof(*x));
	x->table = t;
	x->line = line;
	x->says = *says;
	describe(t, says, x->who);
	memset(x->says.field, 0, sizeof(x->says.field)); /* they are the caller's */
	x->total.first = INT64_MAX;
	x->total.last = -1;
	x->next = s->exported;
	s->exported = x;
	row->exported = x;
	return 0;
}

void sums_export_whole(struct sums *s, enum usage_table t, int64_t entries, const char *tenant,
		       const char *from, const char *to)
{
	s->whole.table = t;
	s->whole.entries = entries;
	snprintf(s->whole.tenant, sizeof(s->whole.tenant), "%s", tenant);
	snprintf(s->whole.from, sizeof(s->whole.from), "%s", from);
	snprintf(s->whole.to, sizeof(s->whole.to), "%s", to);
}

static void compare_export(struct sums *s, uint64_t *ret_rows, uint64_t *ret_newer)
{
	char wanted[80], had[80];

	for (const struct exported *x = s->exported; x && s->found->n < CHECK_FINDINGS_MAX;
	     x = x->next) {
		const char *column;

		++*ret_rows;
		if (x->says.last >= s->check->size) {
			++*ret_newer;
			continue;
		}
		column = differs(&x->total, &x->says, x->table, wanted, had);
		if (!x->total.sum[USAGE_receipts])
			findings_add(s->found, AT_EXPORT, x->line, "", "no receipt is of %s",
				     x->who);
		else if (column)
			findings_add(s->found, AT_EXPORT, x->line, "",
				     "its %s is %s, and the receipts give %s, of %s", column, had,
				     wanted, x->who);
	}
}

void sums_compare(struct sums *s, struct sums_state *ret)
{
	if (s->found->n)
		return; /* what is wrong with the entries would be told once more */
	ret->entries = s->cursor;
	if (half(s->at.digest) != s->all.high || half(s->at.digest + 16) != s->all.low)
		findings_add(s->found, AT_USAGE, 1, "usage_cursor",
			     "its digest is not that of the log's first %lld entries",
			     (long long)s->cursor);
	for (int t = 0; t < USAGE_TABLE_COUNT; t++)
		compare_table(s, (enum usage_table)t, &ret->rows);
	compare_export(s, &ret->exported, &ret->newer);
	ret->whole = s->whole.entries > 0;
}
