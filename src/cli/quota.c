/* `cordon quota …`: what a tenant, and in it a team, a key or a profile, may use in a day. */
#include "cli/api.h"
#include "cli/client.h"
#include "cli/commands.h"

#include "base/json.h"
#include "policy/amount.h"
#include "policy/platform.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 4096, BODY_SIZE = 64 << 10, WORD = 64 };

enum kind { DURATION, SIZE, COUNT, MONEY };
static const struct resource {
	const char *name;
	enum kind kind;
} resources[] = {{"cpu", DURATION}, {"runs", COUNT},  {"egress", SIZE},	 {"tools", COUNT},
		 {"storage", SIZE}, {"money", MONEY}, {"running", COUNT}};

static const struct resource *find(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(resources); i++)
		if (strlen(resources[i].name) == len && !memcmp(resources[i].name, name, len))
			return &resources[i];
	return NULL;
}

/* ---- amounts as people write them ---- */

/* "1.50" in billionths of a unit. */
static int parse_money(const char *text, size_t len, uint64_t *ret)
{
	uint64_t v = 0, scale = 0;

	if (!len || text[0] == '.' || text[len - 1] == '.')
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '.' && !scale) {
			scale = 1000000000;
			continue;
		}
		if (!isdigit((unsigned char)text[i]) || scale == 1)
			return -EINVAL;
		if (v > AMOUNT_MAX / 10)
			return -ERANGE;
		v = v * 10 + (uint64_t)(text[i] - '0');
		scale /= scale ? 10 : 1;
	}
	for (scale = scale ? scale : 1000000000; scale > 1; scale /= 10) {
		if (v > AMOUNT_MAX / 10)
			return -ERANGE;
		v *= 10;
	}
	*ret = v;
	return 0;
}

/* What comes after the number, if anything, is the currency. */
static int take_money(const char *text, char currency[8], uint64_t *ret)
{
	size_t len = strspn(text, "0123456789.");
	const char *unit = text + len + strspn(text + len, " ");
	int r = parse_money(text, len, ret);

	if (r < 0 || strlen(unit) >= 8)
		return r < 0 ? r : -EINVAL;
	if (*unit)
		snprintf(currency, 8, "%s", unit);
	return 0;
}

static int take_amount(const struct resource *r, const char *text, char currency[8], uint64_t *ret)
{
	switch (r->kind) {
	case DURATION:
		return amount_duration(text, ret);
	case SIZE:
		return amount_size(text, ret);
	case MONEY:
		return take_money(text, currency, ret);
	case COUNT:
		break;
	}
	return strspn(text, "0123456789") == strlen(text) ? amount_size(text, ret) : -EINVAL;
}

/* The largest unit of which there are some, with a digit or two after the point if need be. */
static void show_scaled(double v, const char *const *units, const double *factors, size_t n,
			char out[WORD])
{
	size_t i = n - 1;

	while (i && v < factors[i])
		i--;
	v /= factors[i];
	if (v == (double)(uint64_t)v)
		snprintf(out, WORD, "%.0f%s", v, units[i]);
	else
		snprintf(out, WORD, "%.2f%s", v, units[i]);
}

static void show_amount(const struct resource *r, uint64_t v, const char *currency, char out[WORD])
{
	static const char *const times[] = {"us", "ms", "s", "m", "h"};
	static const double lengths[] = {1, 1e3, 1e6, 60e6, 3600e6};
	static const char *const sizes[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	static const double bytes[] = {1, 1024.0, 1048576.0, 1073741824.0, 1099511627776.0};
	char price[PLATFORM_PRICE_TEXT];

	switch (r->kind) {
	case DURATION:
		show_scaled((double)v, times, lengths, ARRAY_SIZE(times), out);
		break;
	case SIZE:
		show_scaled((double)v, sizes, bytes, ARRAY_SIZE(sizes), out);
		break;
	case MONEY:
		snprintf(out, WORD, "%s%s%s", platform_price_text(v, price), *currency ? " " : "",
			 currency);
		break;
	case COUNT:
		snprintf(out, WORD, "%llu", (unsigned long long)v);
		break;
	}
}

/* ---- the table ---- */

static void add_amount(struct table *t, const struct resource *r, struct jsonview v,
		       const char *currency)
{
	char text[WORD] = "";

	if (v.len && !jsonview_is(v, "null"))
		show_amount(r, jsonview_u64(v, 0), currency, text);
	table_add(t, text, strlen(text));
}

static void add_left(struct table *t, const struct resource *r, struct jsonview row,
		     const char *currency)
{
	uint64_t all = jsonview_u64(jsonview_get(row, "limit"), 0) +
		       jsonview_u64(jsonview_get(row, "granted"), 0);
	uint64_t taken = jsonview_u64(jsonview_get(row, "used"), 0) +
			 jsonview_u64(jsonview_get(row, "reserved"), 0);
	char text[WORD] = "";

	if (!jsonview_is(jsonview_get(row, "used"), "null"))
		show_amount(r, all > taken ? all - taken : 0, currency, text);
	table_add(t, text, strlen(text));
}

static int print(const struct call *call, const struct reply *reply)
{
	static const char *const headers[] = {"SCOPE", "NAME",	   "RESOURCE", "LIMIT", "GRANTED",
					      "USED",  "RESERVED", "LEFT",     "RESETS"};
	static const char *const amounts[] = {"limit", "granted", "used", "reserved"};
	const struct shared_options *o = call->options;
	struct jsonview v, at = {0}, key, row;
	_cleanup_table_ struct table t;
	char currency[8] = "", name[WORD];

	table_init(&t, headers, ARRAY_SIZE(headers));
	if (o->json)
		return api_print_json(reply);
	if (api_view(reply, &v))
		return EXIT_PLATFORM;
	jsonview_copy(jsonview_get(v, "currency"), currency, sizeof(currency));
	v = jsonview_get(v, "quotas");
	if (!v.len || *v.p != '[')
		return api_no_answer();
	while (jsonview_next(v, &at, &key, &row)) {
		const struct resource *r;

		jsonview_copy(jsonview_get(row, "resource"), name, sizeof(name));
		r = find(name, strlen(name));
		if (!r)
			continue; /* of a newer daemon */
		table_add_view(&t, jsonview_get(row, "scope"));
		table_add_view(&t, jsonview_get(row, "name"));
		table_add(&t, name, strlen(name));
		for (size_t i = 0; i < ARRAY_SIZE(amounts); i++)
			add_amount(&t, r, jsonview_get(row, amounts[i]), currency);
		add_left(&t, r, row, currency);
		table_add_time(&t, jsonview_get(row, "reset_at"));
	}
	table_print(&t);
	return 0;
}

/* ---- what a command is about ---- */

/* SCOPE [NAME]; of a tenant it is the tenant that is asked about. The first operand that is left.
 */
static size_t take_subject(const struct call *call, const char *after, struct buf *path)
{
	struct shared_options *o = call->options;
	const char *scope = call->operands[0], *name = call->operands[1];
	int named = call->operand_count > 1 && !strchr(name, '=') && !find(name, strlen(name));

	if (!strcmp(scope, "tenant")) {
		if (named)
			o->tenant = name;
		name = o->tenant ? o->tenant : "default";
	} else if (!named) {
		return 0;
	}
	buf_adds(path, "/v1/quotas/");
	client_escape(path, scope);
	buf_addc(path, '/');
	client_escape(path, name);
	buf_adds(path, after);
	return named ? 2 : 1;
}

/* RESOURCE=AMOUNT as a member of the body. */
static int add_pair(struct buf *body, const char *pair, int may_remove, char currency[8],
		    struct err *reterr)
{
	const char *eq = strchr(pair, '=');
	const struct resource *r = find(pair, eq ? (size_t)(eq - pair) : strlen(pair));
	uint64_t amount = 0;
	int e;

	if (!r || !eq)
		return err_set(reterr, EINVAL, "usage",
			       "%s: RESOURCE=AMOUNT is needed, with cpu, runs, egress, tools, "
			       "storage, money%s",
			       pair, may_remove ? " or running" : "");
	if (body->len > 1)
		buf_addc(body, ',');
	buf_addf(body, "\"%s\":", r->name);
	if (may_remove && !strcmp(eq + 1, "none"))
		return buf_adds(body, "null");
	e = take_amount(r, eq + 1, currency, &amount);
	if (e < 0)
		return err_set(reterr, EINVAL, "usage", "%s: %s", pair,
			       e == -ERANGE ? "that is too much"
			       : r->kind == DURATION
				       ? "a time such as 500ms, 90s, 10m or 2h is needed"
			       : r->kind == SIZE  ? "a size such as 4096, 50MiB or 2GiB is needed"
			       : r->kind == MONEY ? "an amount such as 1.50 or 1.50EUR is needed"
						  : "a whole number is needed");
	return buf_addf(body, "%llu", (unsigned long long)amount);
}

/* Whoever names a currency means the platform's; 0, or the exit status. */
static int check_currency(const struct call *call, const char *currency)
{
	_cleanup_reply_ struct reply r = {0};
	struct jsonview v;
	char theirs[8] = "", text[128];
	int status = *currency ? api_do(call, "GET", "/v1/quotas", &r) : 0;

	if (status || !*currency)
		return status;
	if (api_view(&r, &v))
		return EXIT_PLATFORM;
	jsonview_copy(jsonview_get(v, "currency"), theirs, sizeof(theirs));
	if (!strcmp(theirs, currency))
		return 0;
	snprintf(text, sizeof(text), "the platform's prices are in %s, not in %s",
		 *theirs ? theirs : "no currency", currency);
	return api_refuse(call, text);
}

static int send_pairs(const struct call *call, const char *method, const char *after)
{
	_cleanup_buf_ struct buf path = BUF_INIT(PATH_SIZE), body = BUF_INIT(BODY_SIZE);
	_cleanup_reply_ struct reply r = {0};
	size_t i = take_subject(call, after, &path);
	char currency[8] = "";
	struct err e;
	int status;

	if (!i)
		return api_refuse(call, "NAME is needed: of the team or profile, or the key's ID");
	if (i == call->operand_count)
		return api_refuse(call, "RESOURCE=AMOUNT is needed");
	buf_addc(&body, '{');
	for (; i < call->operand_count; i++)
		if (add_pair(&body, call->operands[i], !*after, currency, &e) < 0)
			return api_usage(call, &e);
	buf_addc(&body, '}');
	status = check_currency(call, currency);
	if (!status)
		status = api_ask(call,
				 &(struct request){.method = method,
						   .path = buf_str(&path),
						   .body = body.data,
						   .body_len = body.len},
				 &r);
	return status ? status : print(call, &r);
}

static int list(const struct call *call)
{
	_cleanup_reply_ struct reply r = {0};
	int status = api_do(call, "GET", "/v1/quotas", &r);

	return status ? status : print(call, &r);
}

static int set(const struct call *call)
{
	return send_pairs(call, "PUT", "");
}

static int grant(const struct call *call)
{
	return send_pairs(call, "POST", "/grants");
}

static int remove_quota(const struct call *call)
{
	_cleanup_buf_ struct buf path = BUF_INIT(PATH_SIZE), body = BUF_INIT(BODY_SIZE);
	_cleanup_reply_ struct reply r = {0};
	size_t i = take_subject(call, "", &path);

	if (!i)
		return api_refuse(call, "NAME is needed: of the team or profile, or the key's ID");
	if (i == call->operand_count)
		return api_do(call, "DELETE", buf_str(&path), &r);
	for (; i < call->operand_count; i++) {
		if (!find(call->operands[i], strlen(call->operands[i])))
			return api_refuse(call, "RESOURCE is cpu, runs, egress, tools, storage, "
						"money or running");
		buf_addf(&body, "%s\"%s\":null", body.len ? "," : "{", call->operands[i]);
	}
	buf_addc(&body, '}');
	return api_ask(call,
		       &(struct request){.method = "PUT",
					 .path = buf_str(&path),
					 .body = body.data,
					 .body_len = body.len},
		       &r);
}

static const char about[] =
	"SCOPE is tenant, team, key or profile; NAME is the team's, the profile's, or the key's "
	"ID, and may be left out for a tenant. RESOURCE is, for a day: cpu (10m), runs, egress and "
	"storage (50MiB), tools, money (1.50); or running: runs at once.";

const struct command quota_commands[] = {
	{.name = "quota list",
	 .what = "Shows what a tenant's quotas are, and what is used of them today.",
	 .shared = options_shared,
	 .size = sizeof(struct shared_options),
	 .run = list},
	{.name = "quota set",
	 .operands = "SCOPE [NAME] RESOURCE=AMOUNT...",
	 .operands_min = 2,
	 .operands_max = 10,
	 .what = "Sets, raises or lowers limits, from now on.",
	 .text = about,
	 .shared = options_shared,
	 .size = sizeof(struct shared_options),
	 .run = set},
	{.name = "quota remove",
	 .operands = "SCOPE [NAME] [RESOURCE...]",
	 .operands_min = 1,
	 .operands_max = 10,
	 .what = "Removes limits: all of a scope and name, or those that are named.",
	 .text = about,
	 .shared = options_shared,
	 .size = sizeof(struct shared_options),
	 .run = remove_quota},
	{.name = "quota grant",
	 .operands = "SCOPE [NAME] RESOURCE=AMOUNT...",
	 .operands_min = 2,
	 .operands_max = 10,
	 .what = "Grants more for today, besides the limit.",
	 .text = about,
	 .shared = options_shared,
	 .size = sizeof(struct shared_options),
	 .run = grant},
	{0}};
