/* `cordon key …`: API keys of a tenant. */
#include "cli/api.h"
#include "cli/commands.h"

#include "base/json.h"

#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 4096, BODY_SIZE = 64 << 10 };

struct key_options {
	struct shared_options shared;
	const char *role, *label, *team;
	uint64_t ttl_s;
	int quiet;
};

static int print_created(const struct call *call, const struct reply *r)
{
	static const struct api_column columns[] = {
		{"ID", "id", 0},
		{"TENANT", "tenant", 0},
		{"ROLE", "role", 0},
		{"LABEL", "label", 0},
		{"TEAM", "team", 0},
		{"CREATED", "created_at", 1},
		{"EXPIRES", "expires_at", 1},
		{"KEY", "key", 0},
	};
	const struct key_options *o = call->options;
	int status;

	if (o->quiet)
		return api_print_secret(r, "key");
	status = api_print_card(call, r, columns, ARRAY_SIZE(columns));
	if (!status && !o->shared.json)
		fputs("The key is shown this once: keep it where secrets are kept.\n", stderr);
	return status;
}

static int create(const struct call *call)
{
	_cleanup_buf_ struct buf body = BUF_INIT(BODY_SIZE);
	const struct key_options *o = call->options;
	_cleanup_reply_ struct reply r = {0};
	int status;

	if (!o->role)
		return api_refuse(call, "--role admin|operator|auditor|runner is needed");
	if (o->team && strlen(o->team) > 1024)
		return api_refuse(call, "--team is too long: at most 63 characters");
	if (o->label && strlen(o->label) > 1024)
		return api_refuse(call, "--label is too long: at most 1024 bytes");
	buf_addf(&body, "{\"role\":\"%s\"", o->role);
	if (o->label) {
		buf_adds(&body, ",\"label\":");
		json_quote_str(&body, o->label);
	}
	if (o->team) {
		buf_adds(&body, ",\"team\":");
		json_quote_str(&body, o->team);
	}
	if (o->ttl_s)
		buf_addf(&body, ",\"ttl_s\":%llu", (unsigned long long)o->ttl_s);
	buf_addc(&body, '}');
	status = api_ask(call,
			 &(struct request){.method = "POST",
					   .path = "/v1/keys",
					   .body = body.data,
					   .body_len = body.len},
			 &r);
	status = status ? status : print_created(call, &r);
	if (r.body.data)
		explicit_bzero(r.body.data, r.body.len);
	return status;
}

static int list(const struct call *call)
{
	static const struct api_column columns[] = {
		{"ID", "id", 0},
		{"TENANT", "tenant", 0},
		{"ROLE", "role", 0},
		{"LABEL", "label", 0},
		{"TEAM", "team", 0},
		{"CREATED", "created_at", 1},
		{"EXPIRES", "expires_at", 1},
		{"REVOKED", "revoked_at", 1},
	};
	_cleanup_reply_ struct reply r = {0};
	int status = api_do(call, "GET", "/v1/keys", &r);

	return status ? status : api_print_list(call, &r, "keys", columns, ARRAY_SIZE(columns));
}

static int revoke_key(const struct call *call)
{
	_cleanup_buf_ struct buf path = BUF_INIT(PATH_SIZE);
	_cleanup_reply_ struct reply r = {0};

	if (!strncmp(call->operands[0], "cordon_", 7))
		return api_refuse(call,
				  "that is the whole key; its ID is needed, as `cordon key list` "
				  "shows it");
	api_path(&path, "keys", call->operands[0], "");
	return api_do(call, "DELETE", buf_str(&path), &r);
}

#define AT(m) offsetof(struct key_options, m)
static const struct option_row create_rows[] = {
	{.name = "role",
	 .argument = "admin|operator|auditor|runner",
	 .kind = OPTION_CHOICE,
	 .offset = AT(role),
	 .help = "What the key may do. A runner starts runs and sees its own; an auditor reads; an "
		 "operator does both and puts profiles; an admin manages keys besides."},
	{.name = "label",
	 .argument = "TEXT",
	 .kind = OPTION_TEXT,
	 .offset = AT(label),
	 .help = "Whom or what the key is for."},
	{.name = "team",
	 .argument = "NAME",
	 .kind = OPTION_TEXT,
	 .offset = AT(team),
	 .help = "The team whose quotas the key is under besides its own. It stays as it is."},
	{.name = "ttl",
	 .argument = "SECONDS",
	 .kind = OPTION_NUMBER,
	 .offset = AT(ttl_s),
	 .min = 1,
	 .max = 315360000,
	 .help = "How long the key is good for. Without it, until it is revoked."},
	{.name = "quiet",
	 .kind = OPTION_FLAG,
	 .offset = AT(quiet),
	 .help = "Print the key alone, for scripts."},
	{0}};
#undef AT

const struct command key_commands[] = {{.name = "key create",
					.what = "Makes a key for a tenant and shows it, this once.",
					.rows = create_rows,
					.shared = options_shared,
					.size = sizeof(struct key_options),
					.run = create},
				       {.name = "key list",
					.what = "Lists a tenant's keys, without their secrets.",
					.shared = options_shared,
					.size = sizeof(struct shared_options),
					.run = list},
				       {.name = "key revoke",
					.operands = "ID",
					.operands_min = 1,
					.operands_max = 1,
					.what = "Makes a key useless from now on.",
					.shared = options_shared,
					.size = sizeof(struct shared_options),
					.run = revoke_key},
				       {0}};
