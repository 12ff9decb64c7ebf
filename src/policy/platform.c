#include "policy/platform.h"

#include "policy/canonical.h"
#include "policy/schema.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	NANOS_DIGITS = 9,
	PRICE_KEYS = 5,
	ROLE_NAMES = 3,
	CANONICAL_MAX = DOCUMENT_TEXT_MAX,
};

struct platform {
	struct arena arena;
	struct platform_tier tiers[PLATFORM_TIERS];
	struct platform_prices prices;
	const char *canonical;
	size_t canonical_len;
	char digest[POLICY_DIGEST_SIZE];
};

/* Who may start runs at all; an auditor may not, so no tier can be given to one. */
static const char *const role_names[ROLE_NAMES] = {"runner", "operator", "admin"};
static const unsigned role_bits[ROLE_NAMES] = {1 << 0, 1 << 2, 1 << 3};

static const char *const durabilities[] = {"written", "synced"};
static const char *const engines[] = {"standard", "regulated"};

#define AT(field) offsetof(struct platform_prices, field)
static const struct price_row {
	const char *key;
	size_t offset;
} price_rows[PRICE_KEYS] = {{"cpuSecond", AT(cpu_second)},
			    {"run", AT(run)},
			    {"egressGiB", AT(egress_gib)},
			    {"toolCall", AT(tool_call)},
			    {"storedGiB", AT(stored_gib)}};
#undef AT

static uint64_t *price_at(const struct platform_prices *p, size_t row)
{
	return (uint64_t *)((char *)p + price_rows[row].offset);
}

/* Without a document everything is as profiles have it, but for what a tier's name promises. */
static void set_defaults(struct platform *p)
{
	for (size_t t = 0; t < PLATFORM_TIERS; t++) {
		for (size_t i = 0; i < LIMIT_ROWS; i++)
			*limit_at(&p->tiers[t].limits, i) = POLICY_NO_LIMIT;
		for (size_t i = 0; i < ROLE_NAMES; i++)
			p->tiers[t].roles |= role_bits[i];
		p->prices.factors[t] = PLATFORM_BILLION;
	}
	p->tiers[POLICY_BATCH].nice = 5;
	p->tiers[POLICY_REGULATED].synced = true;
	p->tiers[POLICY_REGULATED].regulated_engine = true;
}

/* ---- reading ---- */

/* Digits, and up to nine more behind a point: exact, where binary fractions are not. */
static int read_decimal(const struct node *n, uint64_t max, uint64_t *ret, struct err *reterr)
{
	uint64_t whole = 0, parts = 0;
	const char *s, *p;
	unsigned places = 0;
	int r = schema_string(n, 64, &s, reterr);

	if (r < 0)
		return r;
	for (p = s; *p >= '0' && *p <= '9'; p++)
		if (whole <= max) /* stays too large once it is */
			whole = whole * 10 + (uint64_t)(*p - '0');
	if (p == s || (*s == '0' && p > s + 1))
		goto bad;
	if (*p == '.') {
		for (p++; *p >= '0' && *p <= '9' && places < NANOS_DIGITS; p++, places++)
			parts = parts * 10 + (uint64_t)(*p - '0');
		if (!places)
			goto bad;
	}
	if (*p)
		goto bad;
	while (places++ < NANOS_DIGITS)
		parts *= 10;
	if (whole > max || (whole == max && parts))
		return node_error(n, reterr, "profile.range", "%.40s is not from 0 to %llu", s,
				  (unsigned long long)max);
	*ret = whole * PLATFORM_BILLION + parts;
	return 0;
bad:
	return node_error(n, reterr, "profile.value",
			  "\"%.40s\" is not a price; write digits, with at most %d behind a point, "
			  "such as \"0.00002\"",
			  s, NANOS_DIGITS);
}

static int read_limits(const struct node *n, struct policy_limits *ret, struct err *reterr)
{
	struct schema_key keys[LIMIT_ROWS];
	int r;

	for (size_t i = 0; i < LIMIT_ROWS; i++)
		keys[i] = (struct schema_key){limit_rows[i].key, false};
	r = schema_map(n, keys, LIMIT_ROWS, reterr);
	for (size_t i = 0; r == 0 && i < LIMIT_ROWS; i++) {
		const struct limit_row *row = &limit_rows[i];
		const struct node *c = node_get(n, row->key);

		if (c)
			r = schema_amount(c, row->kind, row->min, row->max, limit_at(ret, i),
					  reterr);
	}
	return r;
}

static int read_roles(const struct node *n, unsigned *ret, struct err *reterr)
{
	unsigned roles = 0, choice = 0;
	int r = schema_list(n, ROLE_NAMES, reterr);

	for (const struct node *c = r == 0 ? n->first : NULL; c; c = c->next) {
		r = schema_choice(c, role_names, ROLE_NAMES, &choice, reterr);
		if (r < 0)
			return r;
		if (roles & role_bits[choice])
			return node_error(c, reterr, "profile.value",
					  "\"%s\" stands twice; keep one", c->string);
		roles |= role_bits[choice];
	}
	*ret = roles;
	return r;
}

/* Into its place in the order. -EINVAL: it is there. */
static int insert_name(const char **names, unsigned count, const char *name)
{
	unsigned at = count;

	for (; at && strcmp(names[at - 1], name) >= 0; at--)
		if (!strcmp(names[at - 1], name))
			return -EINVAL;
	memmove(names + at + 1, names + at, (count - at) * sizeof(*names));
	names[at] = name;
	return 0;
}

static int read_tenants(struct arena *a, const struct node *n, struct platform_tier *t,
			struct err *reterr)
{
	const char **names, *name = "";
	unsigned count = 0;
	int r = schema_list(n, PLATFORM_TENANTS_MAX, reterr);

	if (r < 0)
		return r;
	if (!n->count)
		return node_error(n, reterr, "profile.value",
				  "is empty; name tenants, or all of them with \"*\" (so that "
				  "nobody may use a tier, give it no roles: [])");
	names = arena_new(a, const char *, n->count);
	for (const struct node *c = n->first; c; c = c->next) {
		if (c->kind == NODE_STRING && !strcmp(c->string, "*")) {
			if (n->count > 1)
				return node_error(c, reterr, "profile.value",
						  "\"*\" is all tenants; let it stand alone, or "
						  "remove it");
			t->n_tenants = 0;
			t->tenants = NULL;
			return 0;
		}
		r = schema_name(c, "-", &name, reterr);
		if (r < 0)
			return r;
		if (insert_name(names, count, arena_strndup(a, name, strlen(name))) < 0)
			return node_error(c, reterr, "profile.value",
					  "\"%s\" stands twice; keep one", name);
		count++;
	}
	t->n_tenants = count;
	t->tenants = names;
	return 0;
}

/* What the tier regulated promises is not an operator's to take back. */
static int read_promise(const struct node *n, const char *const words[2], enum policy_tier tier,
			bool *ret, struct err *reterr)
{
	unsigned choice = 0;
	int r = schema_choice(n, words, 2, &choice, reterr);

	if (r == 0 && tier == POLICY_REGULATED && choice == 0)
		return node_error(n, reterr, "profile.value",
				  "the tier regulated is \"%s\" always; leave the key out, or use "
				  "another tier for what needs less",
				  words[1]);
	if (r == 0)
		*ret = choice == 1;
	return r;
}

static int read_tier(struct platform *p, const struct node *n, enum policy_tier tier,
		     struct err *reterr)
{
	static const struct schema_key keys[] = {
		{"limits", false},   {"nice", false},  {"durability", false}, {"engine", false},
		{"keepDays", false}, {"roles", false}, {"tenants", false}};
	struct platform_tier *t = &p->tiers[tier];
	uint64_t nice = t->nice, days = t->keep_days;
	const struct node *c;
	int r = schema_map(n, keys, ARRAY_SIZE(keys), reterr);

	if (r == 0 && (c = node_get(n, "limits")))
		r = read_limits(c, &t->limits, reterr);
	if (r == 0 && (c = node_get(n, "nice")))
		r = schema_int(c, 0, PLATFORM_NICE_MAX, &nice, reterr);
	if (r == 0 && (c = node_get(n, "durability")))
		r = read_promise(c, durabilities, tier, &t->synced, reterr);
	if (r == 0 && (c = node_get(n, "engine")))
		r = read_promise(c, engines, tier, &t->regulated_engine, reterr);
	if (r == 0 && (c = node_get(n, "keepDays")))
		r = schema_int(c, 0, PLATFORM_KEEP_DAYS_MAX, &days, reterr);
	if (r == 0 && (c = node_get(n, "roles")))
		r = read_roles(c, &t->roles, reterr);
	if (r == 0 && (c = node_get(n, "tenants")))
		r = read_tenants(&p->arena, c, t, reterr);
	t->nice = (unsigned)nice;
	t->keep_days = (unsigned)days;
	return r;
}

/* A map of which tiers are the keys. */
typedef int each_fn(struct platform *p, const struct node *n, enum policy_tier t,
		    struct err *reterr);
static int each_tier(struct platform *p, const struct node *n, each_fn *fn, struct err *reterr)
{
	struct schema_key keys[PLATFORM_TIERS];
	int r;

	for (size_t t = 0; t < PLATFORM_TIERS; t++)
		keys[t] = (struct schema_key){policy_tier_names[t], false};
	r = schema_map(n, keys, PLATFORM_TIERS, reterr);
	for (size_t t = 0; r == 0 && t < PLATFORM_TIERS; t++) {
		const struct node *c = node_get(n, policy_tier_names[t]);

		if (c)
			r = fn(p, c, (enum policy_tier)t, reterr);
	}
	return r;
}

static int read_currency(const struct node *n, char ret[PLATFORM_CURRENCY_SIZE], struct err *reterr)
{
	const char *s;
	int r = schema_string(n, 64, &s, reterr);

	if (r < 0)
		return r;
	if (strlen(s) != 3 || strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3)
		return node_error(n, reterr, "profile.value",
				  "\"%.40s\" is not a currency; use its code of ISO 4217, three "
				  "capital letters such as EUR",
				  s);
	memcpy(ret, s, PLATFORM_CURRENCY_SIZE);
	return 0;
}

static int read_factor(struct platform *p, const struct node *n, enum policy_tier t,
		       struct err *reterr)
{
	return read_decimal(n, PLATFORM_FACTOR_MAX, &p->prices.factors[t], reterr);
}

static int read_prices(struct platform *p, const struct node *n, struct err *reterr)
{
	struct schema_key keys[PRICE_KEYS + 2] = {{"currency", true}, {"tiers", false}};
	const struct node *c;
	int r;

	for (size_t i = 0; i < PRICE_KEYS; i++)
		keys[i + 2] = (struct schema_key){price_rows[i].key, false};
	r = schema_map(n, keys, ARRAY_SIZE(keys), reterr);
	if (r == 0)
		r = read_currency(node_get(n, "currency"), p->prices.currency, reterr);
	for (size_t i = 0; r == 0 && i < PRICE_KEYS; i++)
		if ((c = node_get(n, price_rows[i].key)))
			r = read_decimal(c, PLATFORM_PRICE_MAX, price_at(&p->prices, i), reterr);
	if (r == 0 && (c = node_get(n, "tiers")))
		r = each_tier(p, c, read_factor, reterr);
	return r;
}

static int read_document(struct platform *p, const struct node *document, struct err *reterr)
{
	static const struct schema_key keys[] = {
		{"apiVersion", true}, {"kind", true}, {"spec", true}};
	static const struct schema_key spec_keys[] = {{"tiers", false}, {"prices", false}};
	static const char *const version = "cordon/v1", *const kind = "Platform";
	const struct node *spec, *c;
	unsigned choice;
	int r = schema_map(document, keys, ARRAY_SIZE(keys), reterr);

	if (r == 0)
		r = schema_choice(node_get(document, "apiVersion"), &version, 1, &choice, reterr);
	if (r == 0)
		r = schema_choice(node_get(document, "kind"), &kind, 1, &choice, reterr);
	spec = r == 0 ? node_get(document, "spec") : NULL;
	if (r == 0)
		r = schema_map(spec, spec_keys, ARRAY_SIZE(spec_keys), reterr);
	if (r == 0 && (c = node_get(spec, "tiers")))
		r = each_tier(p, c, read_tier, reterr);
	if (r == 0 && (c = node_get(spec, "prices")))
		r = read_prices(p, c, reterr);
	return r;
}

/* ---- writing ---- */

static struct node *write_tier(struct arena *a, const struct platform_tier *t)
{
	struct node *n = node_new(a, NODE_MAP), *m = node_new(a, NODE_MAP);

	for (size_t i = 0; i < LIMIT_ROWS; i++)
		if (*limit_at(&t->limits, i) != POLICY_NO_LIMIT)
			node_put_int(a, m, limit_rows[i].key, *limit_at(&t->limits, i));
	node_put(n, "limits", m);
	node_put_int(a, n, "nice", t->nice);
	node_put_string(a, n, "durability", durabilities[t->synced]);
	node_put_string(a, n, "engine", engines[t->regulated_engine]);
	node_put_int(a, n, "keepDays", t->keep_days);
	m = node_put_list(a, n, "roles");
	for (size_t i = 0; i < ROLE_NAMES; i++)
		if (t->roles & role_bits[i])
			node_add_string(a, m, role_names[i]);
	m = node_put_list(a, n, "tenants");
	for (unsigned i = 0; i < t->n_tenants; i++)
		node_add_string(a, m, t->tenants[i]);
	if (!t->n_tenants)
		node_add_string(a, m, "*");
	return n;
}

static struct node *write_prices(struct arena *a, const struct platform_prices *p)
{
	struct node *n = node_new(a, NODE_MAP), *m = node_new(a, NODE_MAP);
	char text[PLATFORM_PRICE_TEXT];

	node_put_string(a, n, "currency", p->currency);
	for (size_t i = 0; i < PRICE_KEYS; i++)
		node_put_string(a, n, price_rows[i].key,
				platform_price_text(*price_at(p, i), text));
	for (size_t t = 0; t < PLATFORM_TIERS; t++)
		node_put_string(a, m, policy_tier_names[t],
				platform_price_text(p->factors[t], text));
	node_put(n, "tiers", m);
	return n;
}

static int write_canonical(struct platform *p, struct err *reterr)
{
	_cleanup_arena_ struct arena scratch = {0};
	_cleanup_buf_ struct buf b = BUF_INIT(CANONICAL_MAX);
	struct node *n = node_new(&scratch, NODE_MAP), *spec = node_new(&scratch, NODE_MAP),
		    *tiers = node_new(&scratch, NODE_MAP);

	node_put_string(&scratch, n, "apiVersion", "cordon/v1");
	node_put_string(&scratch, n, "kind", "Platform");
	node_put(n, "spec", spec);
	node_put(spec, "tiers", tiers);
	for (size_t t = 0; t < PLATFORM_TIERS; t++)
		node_put(tiers, policy_tier_names[t], write_tier(&scratch, &p->tiers[t]));
	if (*p->prices.currency)
		node_put(spec, "prices", write_prices(&scratch, &p->prices));
	if (canonical_write(&b, n) < 0)
		return err_set(reterr, E2BIG, "document.too_large",
			       "the document's canonical form has more than %d bytes; name fewer "
			       "tenants",
			       CANONICAL_MAX);
	p->canonical = arena_strndup(&p->arena, buf_str(&b), b.len);
	p->canonical_len = b.len;
	canonical_digest(p->canonical, p->canonical_len, p->digest);
	return 0;
}

int platform_read(const char *text, size_t len, struct platform **ret, struct err *reterr)
{
	_cleanup_arena_ struct arena scratch = {0};
	_cleanup_platform_ struct platform *p = xcalloc(1, sizeof(*p));
	struct node *document;
	int r = 0;

	set_defaults(p);
	if (text)
		r = document_read(&scratch, text, len, &document, reterr);
	if (text && r == 0)
		r = read_document(p, document, reterr);
	if (r == 0)
		r = write_canonical(p, reterr);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(p);
	return 0;
}

void platform_free(struct platform *p)
{
	if (!p)
		return;
	arena_done(&p->arena);
	free(p);
}

const char *platform_digest(const struct platform *p)
{
	return p->digest;
}

const char *platform_canonical(const struct platform *p, size_t *ret_len)
{
	*ret_len = p->canonical_len;
	return p->canonical;
}

const struct platform_tier *platform_tier(const struct platform *p, enum policy_tier t)
{
	return &p->tiers[t];
}

void platform_limits(const struct platform_tier *t, const struct policy_limits *profile,
		     struct policy_limits *ret)
{
	for (size_t i = 0; i < LIMIT_ROWS; i++)
		*limit_at(ret, i) = MIN_U64(*limit_at(profile, i), *limit_at(&t->limits, i));
}

bool platform_tier_has(const struct platform_tier *t, const char *tenant)
{
	for (unsigned i = 0; i < t->n_tenants; i++)
		if (!strcmp(t->tenants[i], tenant))
			return true;
	return !t->n_tenants;
}

const struct platform_prices *platform_prices(const struct platform *p)
{
	return &p->prices;
}

const char *platform_currency(const struct platform *p)
{
	return p->prices.currency;
}

const char *platform_price_text(uint64_t billionths, char out[PLATFORM_PRICE_TEXT])
{
	int n = snprintf(out, PLATFORM_PRICE_TEXT, "%llu.%09llu",
			 (unsigned long long)(billionths / PLATFORM_BILLION),
			 (unsigned long long)(billionths % PLATFORM_BILLION));

	while (out[n - 1] == '0')
		out[--n] = '\0';
	if (out[n - 1] == '.')
		out[n - 1] = '\0';
	return out;
}

/* ---- money ---- */

typedef unsigned __int128 wide;

enum { US_PER_S = 1000000, GIB = 1 << 30 };
/* Both kinds of fractions, of a second and of a GiB, are whole parts of this. */
#define PARTS ((wide)15625 << 30)

struct sum {
	wide whole, parts; /* billionths; of one, in 1/PARTS */
};

/* amount * price / per. No step can overflow: 64 bits times 50, and a rest below `per`. */
static void add(struct sum *s, uint64_t amount, uint64_t price, uint64_t per)
{
	wide v = (wide)amount * price;

	s->whole += v / per;
	s->parts += v % per * (PARTS / per);
}

/*
 * Exact to the end, and rounded there: the whole and the rest of each division are carried apart,
 * so that 128 bits are enough for any usage at any price.
 */
uint64_t platform_cost(const struct platform *p, enum policy_tier t, const struct platform_usage *u)
{
	const struct platform_prices *x = &p->prices;
	const wide denominator = PARTS * PLATFORM_BILLION;
	uint64_t factor = x->factors[t];
	struct sum s = {0, 0};
	wide v, rest;

	add(&s, u->cpu_us, x->cpu_second, US_PER_S);
	add(&s, u->runs, x->run, 1);
	add(&s, u->egress_bytes, x->egress_gib, GIB);
	add(&s, u->tool_calls, x->tool_call, 1);
	add(&s, u->stored_bytes, x->stored_gib, GIB);
	if (__builtin_mul_overflow(s.whole, (wide)factor, &v))
		return UINT64_MAX;
	rest = v % PLATFORM_BILLION * PARTS + s.parts * factor;
	v = v / PLATFORM_BILLION + (rest + denominator / 2) / denominator;
	return v > UINT64_MAX ? UINT64_MAX : (uint64_t)v;
}
