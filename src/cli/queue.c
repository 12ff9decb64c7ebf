/* `cordon queue`: who waits, and why. */
#include "cli/api.h"
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

static const struct queue_row {
	const char *header, *member;
	int is_time; /* microseconds */
} class_rows[] =
	{{"WAITING", "waiting", 0},	 {"OF", "waiting_max", 0},  {"OLDEST, s", "oldest_us", 1},
	 {"TENANTS", "tenants", 0},	 {"RUNNING", "running", 0}, {"FLOOR", "floor", 0},
	 {"BORROWED", "borrowed", 0},	 {"STARTED", "started", 0}, {"AGED", "aged", 0},
	 {"REFUSED", "refused", 0},	 {"EVICTED", "evicted", 0}, {"SHED", "shed", 0},
	 {"OVERLOADED", "overloaded", 0}},
  tenant_rows[] = {{"TENANT", "tenant", 0},   {"CLASS", "class", 0},
		   {"WAITING", "waiting", 0}, {"OLDEST, s", "oldest_us", 1},
		   {"RUNNING", "running", 0}, {"CAP", "running_max", 0},
		   {"WEIGHT", "weight", 0},   {"DEBT, s", "debt_us", 1}};

static void add_cells(struct table *t, struct jsonview v, const struct queue_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct jsonview cell = jsonview_get(v, rows[i].member);
		char text[32];
		int len;

		if (!rows[i].is_time) {
			table_add_view(t, cell);
			continue;
		}
		len = snprintf(text, sizeof(text), "%.3f", (double)jsonview_i64(cell, 0) / 1e6);
		table_add(t, text, (size_t)len);
	}
}

static void headers(struct table *t, const char *first, const struct queue_row *rows, size_t n)
{
	const char *all[TABLE_COLUMNS_MAX];
	size_t k = 0;

	if (first)
		all[k++] = first;
	for (size_t i = 0; i < n; i++)
		all[k++] = rows[i].header;
	table_init(t, all, k);
}

static void print_classes(struct jsonview v)
{
	struct jsonview at = {0}, key, item;
	_cleanup_table_ struct table t;

	headers(&t, "CLASS", class_rows, ARRAY_SIZE(class_rows));
	while (jsonview_next(v, &at, &key, &item)) {
		table_add_view(&t, key);
		add_cells(&t, item, class_rows, ARRAY_SIZE(class_rows));
	}
	table_print(&t);
}

static void print_tenants(struct jsonview v)
{
	struct jsonview at = {0}, key, item;
	_cleanup_table_ struct table t;

	headers(&t, NULL, tenant_rows, ARRAY_SIZE(tenant_rows));
	while (jsonview_next(v, &at, &key, &item))
		add_cells(&t, item, tenant_rows, ARRAY_SIZE(tenant_rows));
	table_print(&t);
}

static int queue(const struct call *call)
{
	const struct shared_options *o = call->options;
	_cleanup_reply_ struct reply r = {0};
	int status = api_do(call, "GET", "/v1/queue", &r);
	struct jsonview v, tenants;
	_cleanup_buf_ struct buf stretch = BUF_INIT(64);

	if (status || o->json)
		return status ? status : api_print_json(&r);
	if (api_view(&r, &v))
		return EXIT_PLATFORM;
	tenants = jsonview_get(v, "tenants");
	if (!tenants.len || *tenants.p != '[')
		return api_no_answer();
	if (jsonview_get(v, "limit").len) {
		jsonview_text(jsonview_get(v, "stretch"), &stretch);
		printf("%llu running; at once at most %llu (from %llu to %llu), stretch %s\n\n",
		       (unsigned long long)jsonview_u64(jsonview_get(v, "running"), 0),
		       (unsigned long long)jsonview_u64(jsonview_get(v, "limit"), 0),
		       (unsigned long long)jsonview_u64(jsonview_get(v, "limit_min"), 0),
		       (unsigned long long)jsonview_u64(jsonview_get(v, "limit_max"), 0),
		       buf_str(&stretch));
		print_classes(jsonview_get(v, "classes"));
		putchar('\n');
	}
	print_tenants(tenants);
	return 0;
}

const struct command queue_commands[] = {
	{.name = "queue",
	 .what = "Shows who waits, and why.",
	 .text = "Shows the two queues, and the tenants with most runs waiting. A tenant's debt is "
		 "CPU time that it has had ahead of its turn; negative, that it may have before "
		 "others. With a key of another tenant than `default`: of that tenant only.",
	 .shared = options_shared,
	 .size = sizeof(struct shared_options),
	 .run = queue},
	{0}};
