/* `cordon usage`: rows added up by what the caller names, with what follows from the sums. */
#include "base/json.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/csv.h"
#include "cli/log.h"
#include "cli/safe.h"
#include "cli/usage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { BY_MAX = 8, MERGE_AT = 1 << 16, GROUPS_MAX = 1 << 20, RATIO_DIGITS = 6 };
#define OUT_MAX (256u << 20)

/* ---- groups ---- */

struct by {
	const char *name, *label; /* label: NULL, or whose value it is */
	enum usage_field field;
};

/* Texts with a zero byte after each: what it is grouped by, then the currency, or outcome and
 * reason. */
struct group {
	char *key;
	size_t len, prefix; /* prefix: what it is grouped by */
	uint64_t sum[USAGE_SUM_COUNT];
};

struct groups {
	struct by by[BY_MAX];
	size_t n_by;
	int reasons;
	struct group *g;
	size_t n, cap, merged;
};

static void groups_done(struct groups *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->g[i].key);
	free(s->g);
}

static int by_key(const void *a, const void *b)
{
	const struct group *x = a, *y = b;
	int r = memcmp(x->key, y->key, x->len < y->len ? x->len : y->len);

	return r ? r : (x->len > y->len) - (x->len < y->len);
}

static void add_sums(uint64_t *to, const uint64_t *add)
{
	for (int i = 0; i < USAGE_SUM_COUNT; i++)
		to[i] = add[i] > UINT64_MAX - to[i] ? UINT64_MAX : to[i] + add[i];
}

/* Groups of one key become one. */
static void merge(struct groups *s)
{
	size_t to = 0;

	qsort(s->g, s->n, sizeof(*s->g), by_key);
	for (size_t i = 1; i < s->n; i++) {
		if (by_key(&s->g[to], &s->g[i]) != 0) {
			s->g[++to] = s->g[i];
			continue;
		}
		add_sums(s->g[to].sum, s->g[i].sum);
		free(s->g[i].key);
	}
	s->n = s->merged = s->n ? to + 1 : 0;
}

static void add_text(struct buf *key, const char *text)
{
	buf_add(key, text, strlen(text) + 1);
}

static void add_label(const struct usage_item *item, const char *name, struct buf *key)
{
	_cleanup_buf_ struct buf value = BUF_INIT(64 << 10);
	struct jsonview labels = {0}, at = {0}, k, v;

	jsonview_open(&labels, item->field[USAGE_labels].data, item->field[USAGE_labels].len);
	while (jsonview_next(labels, &at, &k, &v)) {
		_cleanup_buf_ struct buf have = BUF_INIT(64 << 10);

		jsonview_text(k, &have);
		if (!strcmp(buf_str(&have), name))
			jsonview_text(v, &value);
	}
	add_text(key, buf_str(&value));
}

static int add_item(void *arg, const struct usage_item *item)
{
	_cleanup_buf_ struct buf key = BUF_INIT(256 << 10);
	struct groups *s = arg;
	struct group *g;

	if (s->n == s->cap) {
		if (s->n - s->merged >= MERGE_AT || s->n == GROUPS_MAX)
			merge(s);
		if (s->n == GROUPS_MAX)
			return -E2BIG;
		if (s->n == s->cap) {
			s->cap = s->cap ? s->cap * 2 : 1024;
			s->g = xrealloc(s->g, s->cap * sizeof(*s->g));
		}
	}
	for (size_t i = 0; i < s->n_by; i++)
		if (s->by[i].label)
			add_label(item, s->by[i].label, &key);
		else
			add_text(&key, (const char *)item->field[s->by[i].field].data);
	g = &s->g[s->n++];
	*g = (struct group){.prefix = key.len};
	add_text(&key, (const char *)item->field[s->reasons ? USAGE_outcome : USAGE_currency].data);
	if (s->reasons)
		add_text(&key, (const char *)item->field[USAGE_reason].data);
	memcpy(g->sum, item->sum, sizeof(g->sum));
	g->len = key.len;
	g->key = memcpy(xmalloc(key.len), key.data, key.len);
	return 0;
}

static const char *key_text(const struct group *g, size_t n)
{
	const char *p = g->key;

	while (n--)
		p += strlen(p) + 1;
	return p;
}

/* ---- what is shown ---- */

struct cell {
	const char *header; /* in a table; NULL: not there */
	const char *name;   /* elsewhere */
	char text[USAGE_DECIMAL];
};
enum { CELLS_MAX = 40 };

static void put_ratio(unsigned __int128 a, uint64_t b, char *out)
{
	unsigned __int128 scale = 1000000;

	*out = '\0';
	if (b)
		usage_decimal((a * scale * 2 + b) / ((unsigned __int128)b * 2), RATIO_DIGITS, out);
}

/* What follows from the sums; "": it cannot be said. */
static size_t derive(const struct group *g, struct cell *to)
{
	const uint64_t *s = g->sum;
	uint64_t started = s[USAGE_runs] - s[USAGE_denied], attempts = s[USAGE_attempts];
	size_t n = 0;

#define CELL(h, m) (to[n] = (struct cell){.header = (h), .name = (m), .text = ""}, to[n++].text)
	usage_decimal(s[USAGE_runs], 0, CELL("RUNS", "runs"));
	usage_decimal(s[USAGE_completed], 0, CELL("COMPLETED", "completed"));
	put_ratio(s[USAGE_completed], s[USAGE_runs], CELL("SUCCESS", "success_ratio"));
	usage_decimal(attempts > started ? attempts - started : 0, 0, CELL("RETRIES", "retries"));
	put_ratio(s[USAGE_denied] + s[USAGE_terminated], s[USAGE_runs],
		  CELL("DROPPED", "dropped_ratio"));
	put_ratio(s[USAGE_cached], started, CELL("CACHED", "cached_ratio"));
	usage_decimal(s[USAGE_cpu_us], 6, CELL("CPU-S", "cpu_seconds"));
	usage_decimal(s[USAGE_cost_nanos], 9, CELL("COST", "cost"));
	if (s[USAGE_completed])
		usage_decimal(((unsigned __int128)s[USAGE_cost_nanos] * 2 + s[USAGE_completed]) /
				      ((unsigned __int128)s[USAGE_completed] * 2),
			      9, CELL("COST/SUCCESS", "cost_per_success"));
	else
		CELL("COST/SUCCESS", "cost_per_success");
#undef CELL
	return n;
}

static void upper(const char *text, char out[160])
{
	size_t i = 0;

	for (; text[i] && i < 159; i++)
		out[i] = text[i] >= 'a' && text[i] <= 'z' ? (char)(text[i] - 32) : text[i];
	out[i] = '\0';
}

static void print_table(const struct groups *s)
{
	char names[BY_MAX][160];
	const char *headers[TABLE_COLUMNS_MAX];
	struct cell cells[CELLS_MAX];
	struct group none = {0};
	size_t n = 0, derived = derive(&none, cells);
	_cleanup_table_ struct table t;

	for (size_t i = 0; i < s->n_by; i++) {
		upper(s->by[i].label ? s->by[i].label : s->by[i].name, names[i]);
		headers[n++] = names[i];
	}
	for (size_t i = 0; i < derived; i++)
		headers[n++] = cells[i].header;
	headers[n++] = "CURRENCY";
	table_init(&t, headers, n);
	for (size_t g = 0; g < s->n; g++) {
		derive(&s->g[g], cells);
		for (size_t i = 0; i < s->n_by; i++)
			table_add(&t, key_text(&s->g[g], i), strlen(key_text(&s->g[g], i)));
		for (size_t i = 0; i < derived; i++)
			table_add(&t, cells[i].text, strlen(cells[i].text));
		table_add(&t, key_text(&s->g[g], s->n_by), strlen(key_text(&s->g[g], s->n_by)));
	}
	table_print(&t);
}

static int write_csv(const struct groups *s, struct buf *b)
{
	struct cell cells[CELLS_MAX];
	struct group none = {0};
	size_t derived = derive(&none, cells);
	char number[24];
	int r = 0;

	for (size_t i = 0; i < s->n_by; i++)
		csv_text(b, s->by[i].name);
	csv_text(b, "currency");
	for (size_t i = 0; i < derived; i++)
		csv_text(b, cells[i].name);
	for (int i = USAGE_failed; i < USAGE_first; i++)
		csv_text(b, usage_sums[i]);
	csv_end(b);
	for (size_t g = 0; r == 0 && g < s->n; g++) {
		derive(&s->g[g], cells);
		for (size_t i = 0; i <= s->n_by; i++)
			csv_text(b, key_text(&s->g[g], i));
		for (size_t i = 0; i < derived; i++)
			csv_number(b, cells[i].text);
		for (int i = USAGE_failed; i < USAGE_first; i++) {
			snprintf(number, sizeof(number), "%llu",
				 (unsigned long long)s->g[g].sum[i]);
			csv_number(b, number);
		}
		r = csv_end(b);
	}
	return r;
}

static void write_keys(const struct groups *s, const struct group *g, struct buf *b)
{
	for (size_t i = 0; i < s->n_by; i++) {
		json_quote_str(b, s->by[i].name);
		buf_addc(b, ':');
		json_quote_str(b, key_text(g, i));
		buf_addc(b, ',');
	}
}

static int write_json(const struct groups *s, const struct usage_answer *a, struct buf *b)
{
	struct cell cells[CELLS_MAX];
	int r;

	buf_adds(b, "{\"groups\":[");
	for (size_t g = 0; g < s->n; g++) {
		size_t derived = derive(&s->g[g], cells);

		buf_adds(b, g ? ",\n{" : "\n{");
		write_keys(s, &s->g[g], b);
		buf_adds(b, "\"currency\":");
		json_quote_str(b, key_text(&s->g[g], s->n_by));
		for (size_t i = 0; i < derived; i++)
			buf_addf(b, ",\"%s\":%s", cells[i].name,
				 *cells[i].text ? cells[i].text : "null");
		for (int i = USAGE_failed; i < USAGE_first; i++)
			buf_addf(b, ",\"%s\":%llu", usage_sums[i],
				 (unsigned long long)s->g[g].sum[i]);
		buf_addc(b, '}');
	}
	buf_addf(b, "],\"entries\":%llu,\"zone\":", (unsigned long long)a->entries);
	json_quote_str(b, a->zone);
	r = buf_adds(b, "}\n");
	return r;
}

/* ---- reasons ---- */

/* Runs of all groups that have the same prefix: they stand together. */
static uint64_t runs_of(const struct groups *s, const struct group *g)
{
	const struct group *from = g, *to = g;
	uint64_t n = 0;

	while (from > s->g && from[-1].prefix == g->prefix &&
	       !memcmp(from[-1].key, g->key, g->prefix))
		from--;
	for (to = from;
	     to < s->g + s->n && to->prefix == g->prefix && !memcmp(to->key, g->key, g->prefix);
	     to++)
		n += to->sum[USAGE_receipts];
	return n;
}

static void print_reasons(const struct groups *s)
{
	char names[BY_MAX][160], number[USAGE_DECIMAL];
	const char *headers[TABLE_COLUMNS_MAX];
	_cleanup_table_ struct table t;
	size_t n = 0;

	for (size_t i = 0; i < s->n_by; i++) {
		upper(s->by[i].name, names[i]);
		headers[n++] = names[i];
	}
	headers[n++] = "OUTCOME";
	headers[n++] = "REASON";
	headers[n++] = "RUNS";
	headers[n++] = "RATIO";
	table_init(&t, headers, n);
	for (size_t g = 0; g < s->n; g++) {
		for (size_t i = 0; i < s->n_by + 2; i++)
			table_add(&t, key_text(&s->g[g], i), strlen(key_text(&s->g[g], i)));
		usage_decimal(s->g[g].sum[USAGE_receipts], 0, number);
		table_add(&t, number, strlen(number));
		put_ratio(s->g[g].sum[USAGE_receipts], runs_of(s, &s->g[g]), number);
		table_add(&t, number, strlen(number));
	}
	table_print(&t);
}

static int write_reasons(const struct groups *s, int csv, struct buf *b)
{
	char number[USAGE_DECIMAL], ratio[USAGE_DECIMAL];
	int r = 0;

	if (csv) {
		for (size_t i = 0; i < s->n_by; i++)
			csv_text(b, s->by[i].name);
		buf_adds(b, s->n_by ? "," : "");
		r = buf_adds(b, "outcome,reason,runs,ratio\r\n");
	} else {
		r = buf_adds(b, "{\"reasons\":[");
	}
	for (size_t g = 0; r == 0 && g < s->n; g++) {
		const struct group *x = &s->g[g];

		usage_decimal(x->sum[USAGE_receipts], 0, number);
		put_ratio(x->sum[USAGE_receipts], runs_of(s, x), ratio);
		if (csv) {
			for (size_t i = 0; i < s->n_by + 2; i++)
				csv_text(b, key_text(x, i));
			csv_number(b, number);
			csv_number(b, ratio);
			r = csv_end(b);
			continue;
		}
		buf_adds(b, g ? ",\n{" : "\n{");
		write_keys(s, x, b);
		buf_adds(b, "\"outcome\":");
		json_quote_str(b, key_text(x, s->n_by));
		buf_adds(b, ",\"reason\":");
		json_quote_str(b, key_text(x, s->n_by + 1));
		r = buf_addf(b, ",\"runs\":%s,\"ratio\":%s}", number, ratio);
	}
	return r || csv ? r : buf_adds(b, "]}\n");
}

/* ---- the command ---- */

/* What rows of a table are told apart by, in words; -EINVAL: that is nothing of it. */
static int read_by(const char *text, int reasons, struct by *ret, int *ret_detail)
{
	static const enum usage_field of_reasons[] = {USAGE_day, USAGE_tenant, USAGE_profile,
						      USAGE_tier, USAGE_class};

	*ret = (struct by){.name = text};
	if (!strncmp(text, "label:", 6) && text[6] && !reasons) {
		ret->label = text + 6;
		*ret_detail = 1;
		return 0;
	}
	for (size_t i = 0; reasons && i < ARRAY_SIZE(of_reasons); i++)
		if (!strcmp(text, usage_fields[of_reasons[i]])) {
			ret->field = of_reasons[i];
			return 0;
		}
	for (int f = 0; !reasons && f <= USAGE_artifact; f++)
		if (!strcmp(text, usage_fields[f]) && f != USAGE_currency && f != USAGE_labels) {
			ret->field = (enum usage_field)f;
			*ret_detail |= f == USAGE_artifact;
			return 0;
		}
	return -EINVAL;
}

static int read_groups(const struct usage_options *o, struct groups *s, int *ret_detail,
		       struct err *reterr)
{
	s->reasons = o->reasons;
	*ret_detail = o->query.label || o->query.artifact;
	if (o->by.n > BY_MAX - 2)
		return err_set(reterr, EINVAL, "usage", "--by can be given %d times", BY_MAX - 2);
	if (o->reasons && (o->query.team || o->query.key || o->query.artifact || o->query.label))
		return err_set(reterr, EINVAL, "usage",
			       "--reasons are of all keys and labels together: leave out --team, "
			       "--key, --artifact and --label");
	for (size_t i = 0; i < o->by.n; i++)
		if (read_by(o->by.v[i], o->reasons, &s->by[s->n_by++], ret_detail) < 0)
			return err_set(reterr, EINVAL, "usage", "--by %s: %s", o->by.v[i],
				       o->reasons ? "with --reasons it is one of day, tenant, "
						    "profile, tier, class"
						  : "it is one of day, tenant, team, key, profile, "
						    "tier, class, artifact, or label:NAME");
	if (!o->by.n)
		s->by[s->n_by++] = (struct by){.name = "day", .field = USAGE_day};
	return usage_check_days(&o->query, reterr);
}

static int print(const struct usage_options *o, const struct groups *s,
		 const struct usage_answer *a)
{
	_cleanup_buf_ struct buf b = BUF_INIT(OUT_MAX);
	int r;

	if (!o->csv && !o->shared.json) {
		(o->reasons ? print_reasons : print_table)(s);
		return 0;
	}
	r = o->reasons ? write_reasons(s, o->csv, &b)
	    : o->csv   ? write_csv(s, &b)
		       : write_json(s, a, &b);
	if (r < 0) {
		fputs("cordon usage: there is too much of it; ask for fewer days\n", stderr);
		return EXIT_PLATFORM;
	}
	if (o->csv)
		fwrite(b.data, 1, b.len, stdout);
	else
		safe_json(stdout, (const char *)b.data, b.len);
	return 0;
}

int usage_list(const struct call *call)
{
	const struct usage_options *o = call->options;
	_cleanup_(groups_done) struct groups s = {.n_by = 0};
	_cleanup_client_ struct client c = {0};
	struct usage_answer a = {0};
	struct err e;
	int detail = 0;

	if (o->csv && o->shared.json)
		return api_refuse(call, "--csv and --json are two forms: leave out one");
	if (read_groups(o, &s, &detail, &e) < 0 || client_init(&c, &o->shared, &e) < 0)
		return api_usage(call, &e);
	if (usage_each(&c,
		       o->reasons ? USAGE_REASONS
		       : detail	  ? USAGE_DETAIL
				  : USAGE_TOTALS,
		       o->shared.tenant, &o->query, add_item, &s, &a, &e) < 0)
		return client_complain(&e);
	merge(&s);
	return print(o, &s, &a);
}
