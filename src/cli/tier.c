/* `cordon tier …`: what the tiers of a daemon give, and to whom. */
#include "cli/api.h"
#include "cli/commands.h"
#include "policy/platform.h"

#include <string.h>

enum { CELL_MAX = 64 << 10 };

/* Without a ceiling its cell is empty. */
static const struct column {
	const char *header, *group,
		*member; /* group: the object that has the member; NULL: the tier */
	enum { PLAIN, DURATION, SIZE, WORDS } kind;
} columns[] = {{"TIER", NULL, "tier", PLAIN},
	       {"AVAILABLE", NULL, "available", PLAIN},
	       {"CPU", "limits", "cpu_us", DURATION},
	       {"WALL", "limits", "wall_us", DURATION},
	       {"MEMORY", "limits", "memory_bytes", SIZE},
	       {"OUTPUT", "limits", "output_bytes", SIZE},
	       {"OPERATIONS", "limits", "operations", PLAIN},
	       {"NICE", NULL, "nice", PLAIN},
	       {"DURABILITY", NULL, "durability", PLAIN},
	       {"ENGINE", NULL, "engine", PLAIN},
	       {"KEPT, DAYS", NULL, "keep_days", PLAIN},
	       {"ROLES", NULL, "roles", WORDS},
	       {"TENANTS", NULL, "tenants", WORDS}};

static void add_amount(struct table *t, struct jsonview v, int is_size)
{
	uint64_t amount = jsonview_u64(v, UINT64_MAX);
	char text[AMOUNT_TEXT] = "";

	if (amount != UINT64_MAX)
		(is_size ? amount_size_text : amount_duration_text)(amount, text);
	table_add(t, text, strlen(text));
}

/* The words of an array, with commas between them. */
static void add_words(struct table *t, struct jsonview v)
{
	_cleanup_buf_ struct buf b = BUF_INIT(CELL_MAX);
	struct jsonview at = {0}, key, item;

	while (jsonview_next(v, &at, &key, &item)) {
		if (b.len)
			buf_adds(&b, ", ");
		jsonview_text(item, &b);
	}
	table_add(t, buf_str(&b), b.len);
}

static void add_cell(struct table *t, struct jsonview tier, const struct column *c)
{
	struct jsonview v = jsonview_get(c->group ? jsonview_get(tier, c->group) : tier, c->member);

	switch (c->kind) {
	case PLAIN:
		table_add_view(t, v);
		break;
	case DURATION:
	case SIZE:
		add_amount(t, v, c->kind == SIZE);
		break;
	case WORDS:
		add_words(t, v);
		break;
	}
}

static int list(const struct call *call)
{
	const struct shared_options *o = call->options;
	_cleanup_reply_ struct reply r = {0};
	struct jsonview v, at = {0}, key, item;
	const char *names[ARRAY_SIZE(columns)];
	_cleanup_table_ struct table t;
	int status = api_do(call, "GET", "/v1/tiers", &r);

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		names[i] = columns[i].header;
	table_init(&t, names, ARRAY_SIZE(columns));
	if (status)
		return status;
	if (o->json)
		return api_print_json(&r);
	if (api_view(&r, &v))
		return EXIT_PLATFORM;
	v = jsonview_get(v, "tiers");
	if (!v.len || *v.p != '[')
		return api_no_answer();
	while (jsonview_next(v, &at, &key, &item))
		for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
			add_cell(&t, item, &columns[i]);
	table_print(&t);
	return 0;
}

const struct command tier_commands[] = {
	{.name = "tier list",
	 .what = "Lists the service tiers: what each gives, and to whom.",
	 .text = "Ceilings over those of profiles, empty where there are none. What the operator "
		 "gave `cordon up` with --platform; a caller with a key sees no tenant but its "
		 "own.",
	 .shared = options_shared,
	 .size = sizeof(struct shared_options),
	 .run = list},
	{0}};
