#include "cli/usage.h"

#include "base/json.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { PAGE = 1000, PATH = 16 << 10, BEHIND_TRIES = 300, BEHIND_MS = 200, LABELS = 64 << 10 };

#define X(name) #name,
const char *const usage_fields[USAGE_FIELD_COUNT] = {USAGE_FIELDS(X)};
const char *const usage_sums[USAGE_SUM_COUNT] = {USAGE_NUMBERS(X)};
#undef X

void usage_decimal(unsigned __int128 value, unsigned digits, char out[USAGE_DECIMAL])
{
	char reversed[USAGE_DECIMAL];
	size_t n = 0, len = 0;
	int significant = 0;

	for (unsigned i = 0; value || i <= digits; i++, value /= 10) {
		char d = (char)('0' + (int)(value % 10));

		if (i == digits && significant)
			reversed[n++] = '.';
		significant |= d != '0' || i >= digits;
		if (significant)
			reversed[n++] = d;
	}
	while (n)
		out[len++] = reversed[--n];
	out[len] = '\0';
}

static int is_day(const char *text)
{
	static const char form[] = "dddd-dd-dd";

	for (size_t i = 0; i < sizeof(form); i++)
		if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
			return 0;
	return 1;
}

int usage_check_days(const struct usage_query *q, struct err *reterr)
{
	const char *const days[] = {q->from, q->to};

	for (int i = 0; i < 2; i++)
		if (days[i] && !is_day(days[i]))
			return err_set(reterr, EINVAL, "usage",
				       "--%s '%s' is no day; write it as 2026-11-21",
				       i ? "to" : "from", days[i]);
	return 0;
}

static int no_page(struct err *reterr)
{
	return err_set(reterr, EIO, "client.answer",
		       "the daemon's answer is no page of usage: check the URL, and that daemon "
		       "and command are of one version");
}

/* ---- a row ---- */

static void item_init(struct usage_item *item)
{
	memset(item, 0, sizeof(*item));
	for (int f = 0; f < USAGE_FIELD_COUNT; f++) {
		item->field[f] = BUF_INIT(f == USAGE_labels ? LABELS : 4096);
		buf_reserve(&item->field[f], 0); /* so that it has a text from the start */
	}
}

static void item_done(struct usage_item *item)
{
	for (int f = 0; f < USAGE_FIELD_COUNT; f++)
		buf_done(&item->field[f]);
}

static int is(struct jsonview key, const char *name)
{
	return key.len == strlen(name) + 2 && !memcmp(key.p + 1, name, key.len - 2);
}

static void take_member(struct usage_item *item, struct jsonview key, struct jsonview value)
{
	for (int f = 0; f < USAGE_FIELD_COUNT; f++)
		if (is(key, usage_fields[f]) && f == USAGE_labels)
			buf_add(&item->field[f], value.p, value.len);
		else if (is(key, usage_fields[f]))
			jsonview_text(value, &item->field[f]);
	for (int i = 0; i < USAGE_SUM_COUNT; i++)
		if (is(key, usage_sums[i]))
			item->sum[i] = jsonview_u64(value, 0);
	if (is(key, "digest"))
		jsonview_copy(value, item->digest, sizeof(item->digest));
}

static void take_item(struct usage_item *item, struct jsonview row)
{
	struct jsonview at = {0}, key, value;

	for (int f = 0; f < USAGE_FIELD_COUNT; f++)
		item->field[f].len = 0;
	memset(item->sum, 0, sizeof(item->sum));
	item->json = row;
	while (jsonview_next(row, &at, &key, &value))
		take_member(item, key, value);
	for (int f = 0; f < USAGE_FIELD_COUNT; f++)
		buf_str(&item->field[f]);
}

/* ---- pages ---- */

static void write_path(enum usage_table t, const char *tenant, const struct usage_query *q,
		       const char *after, struct buf *path)
{
	char page[16];

	snprintf(page, sizeof(page), "%d", PAGE);
	buf_adds(path, t == USAGE_REASONS ? "/v1/usage/reasons" : "/v1/usage");
	if (t != USAGE_REASONS)
		client_query(path, "rows", t == USAGE_DETAIL ? "detail" : "totals");
	client_query(path, "tenant", tenant);
	client_query(path, "from", q->from);
	client_query(path, "to", q->to);
	client_query(path, "team", q->team);
	client_query(path, "key", q->key);
	client_query(path, "profile", q->profile);
	client_query(path, "tier", q->tier);
	client_query(path, "class", q->class_);
	client_query(path, "artifact", q->artifact);
	client_query(path, "label", q->label);
	client_query(path, "limit", page);
	client_query(path, "after", *after ? after : NULL);
}

static int get(const struct client *c, const char *path, struct reply *ret, struct jsonview *page,
	       struct err *reterr)
{
	for (int tries = 0;; tries++) {
		int r = client_call(c, &(struct request){.method = "GET", .path = path}, ret,
				    reterr);

		if (r < 0)
			return r;
		if (json_check(ret->body.data, ret->body.len, NULL) < 0 ||
		    jsonview_open(page, ret->body.data, ret->body.len) < 0 ||
		    !jsonview_get(*page, "rows").len)
			return no_page(reterr);
		if (!jsonview_u64(jsonview_get(*page, "behind"), 0))
			return 0;
		if (tries == BEHIND_TRIES)
			return err_set(reterr, EAGAIN, "usage.behind",
				       "the ledger is adding up what it has recorded; try again "
				       "in a minute");
		reply_done(ret);
		nanosleep(&(struct timespec){.tv_nsec = BEHIND_MS * 1000000L}, NULL);
	}
}

int usage_each(const struct client *c, enum usage_table t, const char *tenant,
	       const struct usage_query *q, usage_fn *fn, void *arg, struct usage_answer *ret,
	       struct err *reterr)
{
	struct usage_item item;
	char after[64] = "";
	int more = 1, r = 0;

	item_init(&item);
	*ret = (struct usage_answer){.entries = UINT64_MAX};
	while (r == 0 && more) {
		_cleanup_buf_ struct buf path = BUF_INIT(PATH);
		_cleanup_reply_ struct reply reply = {0};
		struct jsonview page = {0}, at = {0}, key, row;
		char before[64];

		write_path(t, tenant, q, after, &path);
		r = get(c, buf_str(&path), &reply, &page, reterr);
		if (r < 0)
			break;
		item.entries = jsonview_u64(jsonview_get(page, "entries"), 0);
		ret->entries = MIN_U64(ret->entries, item.entries);
		jsonview_copy(jsonview_get(page, "zone"), ret->zone, sizeof(ret->zone));
		while (r == 0 && jsonview_next(jsonview_get(page, "rows"), &at, &key, &row)) {
			take_item(&item, row);
			r = fn(arg, &item);
			if (r < 0)
				err_set(reterr, -r, "usage",
					"there are too many rows; ask for fewer days");
		}
		more = jsonview_is(jsonview_get(page, "more"), "true");
		memcpy(before, after, sizeof(before));
		jsonview_copy(jsonview_get(page, "next"), after, sizeof(after));
		if (r == 0 && more && (!*after || !strcmp(after, before)))
			r = no_page(reterr);
	}
	item_done(&item);
	return r;
}

/* ---- the commands ---- */

#define AT(m) offsetof(struct usage_options, m)
#define DAYS                                                                                       \
	{.name = "from",                                                                           \
	 .argument = "DAY",                                                                        \
	 .kind = OPTION_TEXT,                                                                      \
	 .offset = AT(query.from),                                                                 \
	 .help = "The first day: 2026-11-21, in the daemon's billing time zone."},                 \
	{                                                                                          \
		.name = "to", .argument = "DAY", .kind = OPTION_TEXT, .offset = AT(query.to),      \
		.help = "The last day."                                                            \
	}
#define ONLY(option, what, m, text)                                                                \
	{                                                                                          \
		.name = option, .argument = what, .kind = OPTION_TEXT, .offset = AT(m),            \
		.help = text                                                                       \
	}
static const struct option_row list_rows[] = {
	{.name = "by",
	 .argument = "WHAT",
	 .kind = OPTION_REPEATED,
	 .offset = AT(by),
	 .help = "Add up by day (which is meant without it), tenant, team, key, profile, tier, "
		 "class, artifact or label:NAME; several times: by all of them."},
	DAYS,
	ONLY("team", "NAME", query.team, "Only runs of keys of this team; '': of no team."),
	ONLY("key", "ID", query.key, "Only runs of this key."),
	ONLY("profile", "NAME", query.profile, "Only runs under this profile."),
	ONLY("tier", "TIER", query.tier, "Only runs of this tier."),
	ONLY("class", "CLASS", query.class_, "Only runs of this class."),
	ONLY("artifact", "DIGEST", query.artifact, "Only runs of this artifact."),
	ONLY("label", "NAME=VALUE", query.label, "Only runs with this label."),
	{.name = "reasons",
	 .kind = OPTION_FLAG,
	 .offset = AT(reasons),
	 .help = "How runs ended, and why: for each outcome and reason the number of runs, and "
		 "their "
		 "ratio to all runs of the group."},
	{.name = "csv",
	 .kind = OPTION_FLAG,
	 .offset = AT(csv),
	 .help = "As CSV (RFC 4180), with all sums. Text that a spreadsheet would compute gets an "
		 "apostrophe before it."},
	{0}};

static const struct option_row export_rows[] = {
	DAYS,
	{.name = "format",
	 .argument = "csv|json|focus",
	 .kind = OPTION_CHOICE,
	 .offset = AT(format),
	 .preset = "csv",
	 .help = "csv (default) and json: the rows as they are, which `cordon usage check "
		 "--export` "
		 "reads. focus: a bill, as CSV of FOCUS 1.2."},
	{.name = "rows",
	 .argument = "totals|detail|reasons",
	 .kind = OPTION_CHOICE,
	 .offset = AT(rows),
	 .preset = "totals",
	 .help = "totals (default): by day, tenant, team, key, profile, tier, class, currency. "
		 "detail: by labels and artifact besides, as focus always is. reasons: how runs "
		 "ended."},
	{.name = "output",
	 .argument = "FILE",
	 .kind = OPTION_TEXT,
	 .offset = AT(output),
	 .help = "Write FILE, as a whole or not at all. Default: standard output."},
	{.name = "issuer",
	 .argument = "NAME",
	 .kind = OPTION_TEXT,
	 .offset = AT(issuer),
	 .preset = "Cordon",
	 .help = "Who issues the bill, and provides the service, in FOCUS. Default: Cordon."},
	{0}};
#undef AT

const struct command usage_commands[] = {
	{.name = "usage list",
	 .what = "Shows what runs used and cost, added up from their receipts.",
	 .text = "Shows what runs used and cost, added up from their receipts: by day, or by what "
		 "--by names. SUCCESS, DROPPED (denied and terminated) and CACHED are ratios; "
		 "RETRIES are attempts after the first; COST/SUCCESS is the cost of all runs for "
		 "each that completed.",
	 .rows = list_rows,
	 .shared = options_shared,
	 .size = sizeof(struct usage_options),
	 .run = usage_list},
	{.name = "usage export",
	 .what = "Writes usage as CSV or JSON, or as a bill in FOCUS 1.2.",
	 .text = "Writes usage as CSV or JSON, or as a bill of the FinOps Open Cost and Usage "
		 "Specification (FOCUS 1.2).",
	 .rows = export_rows,
	 .shared = options_shared,
	 .size = sizeof(struct usage_options),
	 .run = usage_export},
	{.name = "usage check",
	 .what = "Adds usage up once more from the signed receipts, on the daemon's machine.",
	 .text = "Adds usage up once more from the signed receipts in the ledger's database, on "
		 "the "
		 "machine where it is, and compares each row with what the ledger has; the daemon "
		 "may run meanwhile. All that `cordon log check` looks at is looked at, but for "
		 "the "
		 "payloads. What differs is listed: row, column, and both values. Exit status: 0 "
		 "all "
		 "is well, 1 it is not, 5 the database cannot be read.",
	 .rows = usage_check_rows,
	 .shared = options_local,
	 .size = sizeof(struct log_options),
	 .run = usage_check},
	{0}};
