/* `cordon tenant …`: tenants of the daemon on this machine; the API serves them on its socket. */
#include "cli/api.h"
#include "cli/commands.h"

#include "base/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 4096, BODY_SIZE = 4096 };

static const struct api_column columns[] = {{"ID", "id", 0},
					    {"STATE", "state", 0},
					    {"CREATED", "created_at", 1},
					    {"PAYLOADS KEPT, DAYS", "payload_days", 0},
					    {"WEIGHT", "weight", 0}};

/* Here the tenant is what the command is about: an operand, or --tenant. The API gets it in the
 * path, so it is taken out of the options. */
static const char *subject(const struct call *call, struct err *reterr)
{
	struct shared_options *o = call->options;
	const char *id = call->operand_count ? call->operands[0] : o->tenant;

	if (!id) {
		err_set(reterr, EINVAL, "usage", "ID is needed: which tenant?");
		return NULL;
	}
	if (o->tenant && strcmp(id, o->tenant)) {
		err_set(reterr, EINVAL, "usage",
			"'%s' and --tenant %s name different tenants; give one of them", id,
			o->tenant);
		return NULL;
	}
	o->tenant = NULL;
	return id;
}

/* One request about /v1/tenants/ID with the body given, NULL: none. */
static int about(const struct call *call, const char *method, const char *body, struct reply *ret)
{
	_cleanup_buf_ struct buf path = BUF_INIT(PATH_SIZE);
	struct err e;
	const char *id = subject(call, &e);

	*ret = (struct reply){0};
	if (!id)
		return api_usage(call, &e);
	api_path(&path, "tenants", id, "");
	return api_ask(call,
		       &(struct request){.method = method,
					 .path = buf_str(&path),
					 .body = body,
					 .body_len = body ? strlen(body) : 0},
		       ret);
}

static int print(const struct call *call, int status, const struct reply *r)
{
	return status ? status : api_print_card(call, r, columns, ARRAY_SIZE(columns));
}

struct keep_options {
	struct shared_options shared;
	uint64_t days;
};

static int create(const struct call *call)
{
	_cleanup_buf_ struct buf body = BUF_INIT(BODY_SIZE);
	_cleanup_reply_ struct reply r = {0};
	struct err e;
	const char *id = subject(call, &e);

	if (!id)
		return api_usage(call, &e);
	buf_adds(&body, "{\"id\":");
	if (json_quote_str(&body, id) < 0 || buf_addc(&body, '}') < 0) {
		err_set(&e, EINVAL, "usage", "ID is too long: at most a few dozen characters");
		return api_usage(call, &e);
	}
	return print(call,
		     api_ask(call,
			     &(struct request){.method = "POST",
					       .path = "/v1/tenants",
					       .body = body.data,
					       .body_len = body.len},
			     &r),
		     &r);
}

static int list(const struct call *call)
{
	_cleanup_reply_ struct reply r = {0};
	int status;

	((struct shared_options *)call->options)->tenant = NULL; /* the list is of all */
	status = api_do(call, "GET", "/v1/tenants", &r);
	return status ? status : api_print_list(call, &r, "tenants", columns, ARRAY_SIZE(columns));
}

static int show(const struct call *call)
{
	_cleanup_reply_ struct reply r = {0};

	return print(call, about(call, "GET", NULL, &r), &r);
}

static int suspend(const struct call *call)
{
	_cleanup_reply_ struct reply r = {0};

	return print(call, about(call, "PATCH", "{\"state\":\"suspended\"}", &r), &r);
}

static int resume(const struct call *call)
{
	_cleanup_reply_ struct reply r = {0};

	return print(call, about(call, "PATCH", "{\"state\":\"active\"}", &r), &r);
}

static int remove_tenant(const struct call *call)
{
	_cleanup_reply_ struct reply r = {0};

	return about(call, "DELETE", NULL, &r);
}

static int keep(const struct call *call)
{
	const struct keep_options *o = call->options;
	_cleanup_reply_ struct reply r = {0};
	char body[64];

	snprintf(body, sizeof(body), "{\"payload_days\":%llu}", (unsigned long long)o->days);
	return print(call, about(call, "PATCH", body, &r), &r);
}

struct set_options {
	struct shared_options shared;
	uint64_t weight;
};

static int set(const struct call *call)
{
	const struct set_options *o = call->options;
	_cleanup_reply_ struct reply r = {0};
	char body[64];

	if (!o->weight)
		return api_refuse(call, "--weight is needed");
	snprintf(body, sizeof(body), "{\"weight\":%llu}", (unsigned long long)o->weight);
	return print(call, about(call, "PATCH", body, &r), &r);
}

static const struct option_row set_rows[] = {
	{.name = "weight",
	 .argument = "N",
	 .kind = OPTION_NUMBER,
	 .offset = offsetof(struct set_options, weight),
	 .min = 1,
	 .max = 10000,
	 .help = "Its share of CPU time among tenants that wait; 100 is the usual."},
	{0}};

static const struct option_row keep_rows[] = {
	{.name = "payload-days",
	 .argument = "DAYS",
	 .kind = OPTION_NUMBER,
	 .offset = offsetof(struct keep_options, days),
	 .min = 0,
	 .max = 36500,
	 .help = "How many; 0: as long as the runs themselves (`cordon up --keep-days`)."},
	{0}};

#define COMMAND(n, f, w)                                                                           \
	{                                                                                          \
		.name = "tenant " n, .operands = "ID", .operands_max = 1, .what = w,               \
		.shared = options_shared, .size = sizeof(struct shared_options), .run = f          \
	}

const struct command tenant_commands[] = {
	COMMAND("create", create, "Creates a tenant."),
	{.name = "tenant list",
	 .what = "Lists the tenants.",
	 .shared = options_shared,
	 .size = sizeof(struct shared_options),
	 .run = list},
	COMMAND("show", show, "Shows a tenant."),
	COMMAND("suspend", suspend, "Lets a tenant start no runs until it is resumed."),
	COMMAND("resume", resume, "Makes a suspended tenant active again."),
	{.name = "tenant keep",
	 .operands = "ID",
	 .operands_max = 1,
	 .what = "Says how long a tenant's results, logs and payloads are kept.",
	 .text = "What is older is erased, as `cordon runs erase` does it. Journals and receipts "
		 "stay.",
	 .rows = keep_rows,
	 .shared = options_shared,
	 .size = sizeof(struct keep_options),
	 .run = keep},
	{.name = "tenant set",
	 .operands = "ID",
	 .operands_max = 1,
	 .what = "Says what a tenant's share of the machine is, where tenants wait for it.",
	 .rows = set_rows,
	 .shared = options_shared,
	 .size = sizeof(struct set_options),
	 .run = set},
	COMMAND("delete", remove_tenant,
		"Deletes a tenant, and its keys, profiles and runs with it."),
	{0}};
