/* A capability profile: from the document to a layer of a policy. */
#include "policy/schema.h"

#include <errno.h>
#include <string.h>

const char *const policy_class_names[2] = {"interactive", "bulk"};
const char *const policy_tier_names[3] = {"batch", "standard", "regulated"};
const char *const policy_storage_names[3] = {"none", "read", "read-write"};

#define AT(field) offsetof(struct policy_limits, field)
const struct limit_row limit_rows[LIMIT_ROWS] = {
	{"cpu", AT(cpu_us), AMOUNT_DURATION, 1000, 3600000000, POLICY_NO_LIMIT},
	{"wall", AT(wall_us), AMOUNT_DURATION, 1000, 86400000000, POLICY_NO_LIMIT},
	{"memory", AT(memory_bytes), AMOUNT_SIZE, 8ull << 20, 64ull << 30, POLICY_NO_LIMIT},
	{"output", AT(output_bytes), AMOUNT_SIZE, 1024, 32 << 20, POLICY_NO_LIMIT},
	{"operations", AT(operations), AMOUNT_COUNT, 0, 1000000, POLICY_NO_LIMIT},
	{"timers", AT(timers), AMOUNT_COUNT, 0, 10000, 1000},
	{"logLines", AT(log_lines), AMOUNT_COUNT, 0, 1000000, 1000},
};
#undef AT

enum { OWNER_MAX = 256, DESCRIPTION_MAX = 4096, STORAGE_MAX = 1 << 30, TEXT_MAX = 8192 };

static const char *copy(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

static int read_metadata(struct arena *a, const struct node *n, struct layer *l, struct err *reterr)
{
	static const struct schema_key keys[] = {
		{"name", true}, {"owner", true}, {"description", false}};
	const struct node *description;
	const char *name = "", *owner = "", *text;
	int r = schema_map(n, keys, ARRAY_SIZE(keys), reterr);

	if (r == 0)
		r = schema_name(node_get(n, "name"), "-", &name, reterr);
	if (r == 0)
		r = schema_string(node_get(n, "owner"), OWNER_MAX, &owner, reterr);
	if (r < 0)
		return r;
	l->name = copy(a, name);
	l->owner = copy(a, owner);
	description = node_get(n, "description");
	if (description) {
		r = schema_string(description, DESCRIPTION_MAX, &text, reterr);
		if (r == 0)
			l->description = copy(a, text);
	}
	return r;
}

static int read_limits(const struct node *n, struct policy_limits *ret, struct err *reterr)
{
	struct schema_key keys[LIMIT_ROWS];
	int r;

	for (size_t i = 0; i < LIMIT_ROWS; i++)
		keys[i] = (struct schema_key){limit_rows[i].key,
					      limit_rows[i].otherwise == POLICY_NO_LIMIT};
	r = schema_map(n, keys, LIMIT_ROWS, reterr);
	for (size_t i = 0; r == 0 && i < LIMIT_ROWS; i++) {
		const struct limit_row *row = &limit_rows[i];
		const struct node *c = node_get(n, row->key);

		*limit_at(ret, i) = row->otherwise;
		if (c)
			r = schema_amount(c, row->kind, row->min, row->max, limit_at(ret, i),
					  reterr);
	}
	return r;
}

static bool same_host(const struct host_pattern *a, const struct host_pattern *b)
{
	return a->kind == b->kind && a->len == b->len && !memcmp(a->base, b->base, a->len);
}

static int read_egress(struct arena *a, const struct node *n, struct layer *l, struct err *reterr)
{
	int r = schema_list(n, POLICY_RULES_MAX, reterr);

	if (r < 0)
		return r;
	l->rules = arena_new(a, struct rule, n->count);
	for (const struct node *c = n->first; c; c = c->next) {
		struct rule *rule = &l->rules[l->n_rules];

		r = rule_read(a, c, rule, reterr);
		if (r < 0)
			return r;
		rule->host_id = l->n_rules;
		for (unsigned i = 0; i < l->n_rules; i++) {
			if (same_host(&l->rules[i].host, &rule->host))
				rule->host_id = l->rules[i].host_id;
			if (!strcmp(l->rules[i].id, rule->id))
				return node_error(node_get(c, "id"), reterr, "profile.value",
						  "\"%s\" is the id of spec.egress[%u] already; "
						  "decisions name rules by id, so take another",
						  rule->id, i);
		}
		l->n_rules++;
	}
	return 0;
}

/* By name; of the same name deny first, so that the first one found decides. */
static int compare_tool(const struct tool *x, const struct tool *y)
{
	int order = strcmp(x->name, y->name);

	return order ? order : (int)y->deny - (int)x->deny;
}

static int read_tool(struct arena *a, const struct node *n, struct tool *ret, struct err *reterr)
{
	static const struct schema_key allow[] = {
		{"name", true}, {"approval", true}, {"deny", false}};
	static const struct schema_key deny[] = {{"name", true}, {"deny", true}};
	static const char *const approvals[] = {"none", "required"};
	const struct node *d = n->kind == NODE_MAP ? node_get(n, "deny") : NULL;
	unsigned approval = 0;
	const char *name = "";
	size_t i = 0;
	int r = d ? schema_bool(d, &ret->deny, reterr) : 0;

	if (r == 0)
		r = ret->deny ? schema_map(n, deny, ARRAY_SIZE(deny), reterr)
			      : schema_map(n, allow, ARRAY_SIZE(allow), reterr);
	if (r == 0)
		r = schema_string(node_get(n, "name"), 128, &name, reterr);
	if (r < 0)
		return r;
	for (; name[i]; i++)
		if (!((name[i] | 0x20) >= 'a' && (name[i] | 0x20) <= 'z') &&
		    !(name[i] >= '0' && name[i] <= '9') && !(i && strchr("._-/:", name[i])))
			return node_error(node_get(n, "name"), reterr, "profile.value",
					  "\"%.80s\" is not the name of a tool; use letters, "
					  "digits and ._-/:, no patterns",
					  name);
	if (!ret->deny)
		r = schema_choice(node_get(n, "approval"), approvals, 2, &approval, reterr);
	ret->approval = approval == 1;
	ret->name = copy(a, name);
	return r;
}

static int read_tools(struct arena *a, const struct node *n, struct layer *l, struct err *reterr)
{
	int r = schema_list(n, POLICY_TOOLS_MAX, reterr);

	if (r < 0)
		return r;
	l->tools = arena_new(a, struct tool, n->count);
	for (const struct node *c = n->first; c; c = c->next) {
		unsigned at = l->n_tools;
		struct tool t = {.name = ""};

		r = read_tool(a, c, &t, reterr);
		if (r < 0)
			return r;
		for (; at && compare_tool(&l->tools[at - 1], &t) >= 0; at--) {
			if (!compare_tool(&l->tools[at - 1], &t))
				return node_error(c, reterr, "profile.value",
						  "the tool \"%s\" stands twice", t.name);
			l->tools[at] = l->tools[at - 1];
		}
		l->tools[at] = t;
		l->n_tools++;
	}
	return 0;
}

static int read_storage(const struct node *n, struct policy_storage *ret, struct err *reterr)
{
	static const struct schema_key keys[] = {{"session", true}, {"maxBytes", true}};
	unsigned mode;
	int r = schema_list(n, 1, reterr);

	if (r < 0 || !n->count)
		return r;
	r = schema_map(n->first, keys, ARRAY_SIZE(keys), reterr);
	if (r == 0)
		r = schema_choice(node_get(n->first, "session"), policy_storage_names + 1, 2, &mode,
				  reterr);
	if (r == 0)
		r = schema_amount(node_get(n->first, "maxBytes"), AMOUNT_SIZE, 0, STORAGE_MAX,
				  &ret->max_bytes, reterr);
	if (r == 0)
		ret->mode = (enum policy_storage_mode)(mode + 1);
	return r;
}

static int read_request(struct arena *a, const struct node *n, struct embedded_test *ret,
			struct err *reterr)
{
	static const struct schema_key http[] = {{"method", true}, {"url", true}};
	static const struct schema_key tool[] = {{"tool", true}};
	bool is_tool = n->kind == NODE_MAP && node_get(n, "tool");
	const char *text;
	int r = is_tool ? schema_map(n, tool, ARRAY_SIZE(tool), reterr)
			: schema_map(n, http, ARRAY_SIZE(http), reterr);

	if (r < 0)
		return r;
	r = schema_string(node_get(n, is_tool ? "tool" : "method"), 128, &text, reterr);
	if (r == 0)
		*(is_tool ? &ret->tool : &ret->method) = copy(a, text);
	if (r == 0 && !is_tool) {
		r = schema_string(node_get(n, "url"), TEXT_MAX, &text, reterr);
		if (r == 0)
			ret->url = copy(a, text);
	}
	return r;
}

static int read_test(struct arena *a, const struct node *n, struct embedded_test *ret,
		     struct err *reterr)
{
	static const struct schema_key keys[] = {
		{"request", true}, {"expect", true}, {"reason", false}, {"rule", false}};
#define X(U, t) t,
	static const char *const reasons[] = {POLICY_REASONS(X)};
#undef X
	static const char *const expectations[] = {"deny", "allow"};
	const struct node *reason, *rule;
	unsigned choice = 0;
	const char *text;
	int r = schema_map(n, keys, ARRAY_SIZE(keys), reterr);

	if (r == 0)
		r = read_request(a, node_get(n, "request"), ret, reterr);
	if (r == 0)
		r = schema_choice(node_get(n, "expect"), expectations, 2, &choice, reterr);
	if (r < 0)
		return r;
	ret->line = n->line;
	ret->allow = choice == 1;
	ret->reason = -1;
	reason = node_get(n, "reason");
	rule = node_get(n, "rule");
	if (reason) {
		r = schema_choice(reason, reasons, ARRAY_SIZE(reasons), &choice, reterr);
		ret->reason = (int)choice;
	}
	if (r == 0 && rule) {
		r = schema_string(rule, 128, &text, reterr);
		if (r == 0)
			ret->rule = copy(a, text);
	}
	return r;
}

static int read_tests(struct arena *a, const struct node *n, struct layer *l, struct err *reterr)
{
	int r = schema_list(n, POLICY_TESTS_MAX, reterr);

	if (r < 0)
		return r;
	l->tests = arena_new(a, struct embedded_test, n->count);
	for (const struct node *c = n->first; r == 0 && c; c = c->next)
		r = read_test(a, c, &l->tests[l->n_tests++], reterr);
	return r;
}

static int read_switches(const struct node *n, struct layer *l, struct err *reterr)
{
	const struct node *eval = node_get(n, "eval"), *wasm = node_get(n, "wasm");
	int r = eval ? schema_bool(eval, &l->eval, reterr) : 0;

	if (r == 0 && wasm)
		r = schema_bool(wasm, &l->wasm, reterr);
	if (r == 0 && l->wasm && l->tier == POLICY_REGULATED)
		return node_error(wasm, reterr, "profile.value",
				  "the tier regulated has no executable memory, so no WebAssembly; "
				  "set it to false or choose another tier");
	return r;
}

static int read_spec(struct arena *a, const struct node *n, struct layer *l, struct err *reterr)
{
	static const struct schema_key keys[] = {
		{"class", true},    {"tier", true},    {"minTrust", true},
		{"limits", true},   {"egress", false}, {"tools", false},
		{"storage", false}, {"eval", false},   {"wasm", false}};
	const struct node *c;
	unsigned choice = 0;
	uint64_t trust = 0;
	int r = schema_map(n, keys, ARRAY_SIZE(keys), reterr);

	if (r == 0)
		r = schema_choice(node_get(n, "class"), policy_class_names, 2, &choice, reterr);
	if (r < 0)
		return r;
	l->class = (enum policy_class)choice;
	r = schema_choice(node_get(n, "tier"), policy_tier_names, 3, &choice, reterr);
	if (r == 0)
		r = schema_int(node_get(n, "minTrust"), 0, 2, &trust, reterr);
	if (r < 0)
		return r;
	l->tier = (enum policy_tier)choice;
	l->min_trust = (unsigned)trust;
	r = read_limits(node_get(n, "limits"), &l->limits, reterr);
	if (r == 0 && (c = node_get(n, "egress")))
		r = read_egress(a, c, l, reterr);
	if (r == 0 && (c = node_get(n, "tools")))
		r = read_tools(a, c, l, reterr);
	if (r == 0 && (c = node_get(n, "storage")))
		r = read_storage(c, &l->storage, reterr);
	return r < 0 ? r : read_switches(n, l, reterr);
}

static int read_word(const struct node *n, const char *word, struct err *reterr)
{
	unsigned choice;

	return schema_choice(n, &word, 1, &choice, reterr);
}

int layer_read(struct arena *a, const struct node *document, struct layer *ret, struct err *reterr)
{
	static const struct schema_key keys[] = {{"apiVersion", true},
						 {"kind", true},
						 {"metadata", true},
						 {"spec", true},
						 {"tests", false}};
	const struct node *tests;
	int r = schema_map(document, keys, ARRAY_SIZE(keys), reterr);

	*ret = (struct layer){0};
	if (r == 0)
		r = read_word(node_get(document, "apiVersion"), "cordon/v1", reterr);
	if (r == 0)
		r = read_word(node_get(document, "kind"), "CapabilityProfile", reterr);
	if (r == 0)
		r = read_metadata(a, node_get(document, "metadata"), ret, reterr);
	if (r == 0)
		r = read_spec(a, node_get(document, "spec"), ret, reterr);
	tests = r == 0 ? node_get(document, "tests") : NULL;
	return tests ? read_tests(a, tests, ret, reterr) : r;
}
