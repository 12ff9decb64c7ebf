/* `cordon lease …`: short-lived rights to run under one version of one profile. */
#include "cli/api.h"
#include "cli/code.h"
#include "cli/commands.h"

#include "base/json.h"
#include "wire/limits.h"

#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 4096, BODY_MAX = 64 << 20, TTL_MAX_S = 86400 };

struct lease_options {
	struct shared_options shared;
	struct code_options code;
	const char *profile, *session, *artifact;
	uint64_t ttl_s, epoch;
	int quiet;
};

static const struct api_column columns[] = {
	{"LEASE", "lease", 0},	      {"STATE", "state", 0}, {"PROFILE", "profile", 0},
	{"SESSION", "session", 0},    {"HOLD", "hold", 0},   {"EPOCH", "epoch", 0},
	{"EXPIRES", "expires_at", 1},
};
static const struct api_column whole[] = {
	{"LEASE", "lease", 0},	      {"STATE", "state", 0},	    {"TENANT", "tenant", 0},
	{"PROFILE", "profile", 0},    {"POLICY", "policy", 0},	    {"KEY", "key", 0},
	{"SESSION", "session", 0},    {"HOLD", "hold", 0},	    {"ARTIFACT", "artifact", 0},
	{"EPOCH", "epoch", 0},	      {"CREATED", "created_at", 1}, {"EXPIRES", "expires_at", 1},
	{"REVOKED", "revoked_at", 1}, {"TOKEN", "token", 0},
};
enum { WITHOUT_TOKEN = ARRAY_SIZE(whole) - 1 };

/* The lease with its token. */
static int print_token(const struct call *call, struct reply *r)
{
	const struct lease_options *o = call->options;
	int status = o->quiet ? api_print_secret(r, "token")
			      : api_print_card(call, r, whole, ARRAY_SIZE(whole));

	if (!status && !o->quiet && !o->shared.json)
		fputs("The token is shown this once. Whoever has it as CORDON_API_KEY may run code "
		      "under the lease.\n",
		      stderr);
	explicit_bzero(r->body.data, r->body.len);
	return status;
}

static void add_text(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	buf_addf(b, ",\"%s\":", name);
	json_quote_str(b, value);
}

/* What the lease holds, if it is to hold something. */
static int add_code(struct buf *b, const struct call *call, struct err *reterr)
{
	_cleanup_buf_ struct buf map = CODE_MAP_INIT;
	const struct lease_options *o = call->options;
	const char *file = call->operand_count ? call->operands[0] : NULL;
	const char *given = code_given(&o->code);

	if (given && !file)
		return err_set(reterr, 0, "usage", "--%s belongs to a FILE that the lease holds",
			       given);
	if (file && o->artifact)
		return err_set(reterr, 0, "usage",
			       "--artifact names all of the code: leave out FILE");
	if (!file && !o->artifact)
		return 0;
	buf_adds(b, ",\"hold\":true");
	add_text(b, "artifact", o->artifact);
	if (o->artifact)
		return 0;
	if (code_load(&o->code, file, &map, reterr) < 0)
		return -reterr->number;
	code_json(b, &o->code, code_main(file), &map);
	return 0;
}

static int create(const struct call *call)
{
	_cleanup_buf_ struct buf body = BUF_INIT(BODY_MAX);
	const struct lease_options *o = call->options;
	_cleanup_reply_ struct reply r = {0};
	struct err e;
	int status;

	if (!o->profile)
		return api_refuse(call, "--profile NAME is needed: what may be run under it?");
	buf_adds(&body, "{\"profile\":");
	json_quote_str(&body, o->profile);
	add_text(&body, "session", o->session);
	if (o->ttl_s)
		buf_addf(&body, ",\"ttl_s\":%llu", (unsigned long long)o->ttl_s);
	if (add_code(&body, call, &e) < 0)
		return api_usage(call, &e);
	if (buf_addc(&body, '}') < 0)
		return api_refuse(call, "the code is larger than the daemon takes");
	status = api_ask(call,
			 &(struct request){.method = "POST",
					   .path = "/v1/leases",
					   .body = body.data,
					   .body_len = body.len},
			 &r);
	return status ? status : print_token(call, &r);
}

static int list(const struct call *call)
{
	_cleanup_reply_ struct reply r = {0};
	int status = api_do(call, "GET", "/v1/leases", &r);

	return status ? status : api_print_list(call, &r, "leases", columns, ARRAY_SIZE(columns));
}

static int show(const struct call *call)
{
	_cleanup_buf_ struct buf path = BUF_INIT(PATH_SIZE);
	_cleanup_reply_ struct reply r = {0};
	int status;

	api_path(&path, "leases", call->operands[0], "");
	status = api_do(call, "GET", buf_str(&path), &r);
	return status ? status : api_print_card(call, &r, whole, WITHOUT_TOKEN);
}

static int renew(const struct call *call)
{
	_cleanup_buf_ struct buf path = BUF_INIT(PATH_SIZE), body = BUF_INIT(PATH_SIZE);
	const struct lease_options *o = call->options;
	_cleanup_reply_ struct reply r = {0};
	int status;

	if (!o->epoch)
		return api_refuse(call, "--epoch N is needed: the epoch that the lease has, as "
					"`cordon lease show` tells");
	api_path(&path, "leases", call->operands[0], "/renew");
	buf_addf(&body, "{\"epoch\":%llu", (unsigned long long)o->epoch);
	if (o->ttl_s)
		buf_addf(&body, ",\"ttl_s\":%llu", (unsigned long long)o->ttl_s);
	buf_addc(&body, '}');
	status = api_ask(call,
			 &(struct request){.method = "POST",
					   .path = buf_str(&path),
					   .body = body.data,
					   .body_len = body.len},
			 &r);
	return status ? status : print_token(call, &r);
}

static int revoke_lease(const struct call *call)
{
	_cleanup_buf_ struct buf path = BUF_INIT(PATH_SIZE);
	_cleanup_reply_ struct reply r = {0};

	api_path(&path, "leases", call->operands[0], "");
	return api_do(call, "DELETE", buf_str(&path), &r);
}

#define AT(m) offsetof(struct lease_options, m)
#define TTL_ROW                                                                                    \
	{                                                                                          \
		.name = "ttl", .argument = "SECONDS", .kind = OPTION_NUMBER, .offset = AT(ttl_s),  \
		.min = 1, .max = TTL_MAX_S,                                                        \
		.help = "How long it is good for from now on. Default: 300."                       \
	}
#define QUIET_ROW                                                                                  \
	{                                                                                          \
		.name = "quiet", .kind = OPTION_FLAG, .offset = AT(quiet),                         \
		.help = "Print the token alone, for scripts."                                      \
	}
static const struct option_row create_rows[] = {
	{.name = "profile",
	 .argument = "NAME",
	 .kind = OPTION_TEXT,
	 .offset = AT(profile),
	 .help = "The profile that runs are under: its version of now, for the life of the lease."},
	TTL_ROW,
	{.name = "session",
	 .argument = "ID",
	 .kind = OPTION_TEXT,
	 .offset = AT(session),
	 .help = "The session that runs belong to."},
	{.name = "artifact",
	 .argument = "DIGEST",
	 .kind = OPTION_TEXT,
	 .offset = AT(artifact),
	 .help = "Hold the code that was put under this digest, in place of a FILE."},
	CODE_ROWS(lease_options, code),
	QUIET_ROW,
	{0}};
static const struct option_row renew_rows[] = {
	{.name = "epoch",
	 .argument = "N",
	 .kind = OPTION_NUMBER,
	 .offset = AT(epoch),
	 .min = 1,
	 .max = INT64_MAX,
	 .help = "The epoch that the lease is taken to have: of two who renew, one succeeds."},
	TTL_ROW,
	QUIET_ROW,
	{0}};
#undef AT

#define COMMON .shared = options_shared, .size = sizeof(struct lease_options)
#define ONE .operands = "ID", .operands_min = 1, .operands_max = 1, COMMON
const struct command lease_commands[] = {
	{.name = "lease create",
	 .operands = "[FILE|-]",
	 .operands_max = 1,
	 .surplus = "one FILE is held; give further modules with --module NAME=FILE",
	 .what = "Makes a lease, and shows its token, this once.",
	 .text = "Makes a lease, and shows its token, this once. With the token as CORDON_API_KEY, "
		 "`cordon run` runs code under it.\n"
		 "With FILE or --artifact the lease holds code: a sandbox in which it is evaluated "
		 "once, and which serves one run after the other (`cordon run --artifact DIGEST`).",
	 .rows = create_rows,
	 .run = create,
	 COMMON},
	{.name = "lease list",
	 .what = "Lists leases. A runner's key lists its own.",
	 .run = list,
	 COMMON},
	{.name = "lease show", .what = "Shows a lease, without its token.", .run = show, ONE},
	{.name = "lease renew",
	 .what = "Makes a lease last longer; gives it the next epoch and another token.",
	 .rows = renew_rows,
	 .run = renew,
	 ONE},
	{.name = "lease revoke",
	 .what = "Ends a lease, and what runs under it.",
	 .run = revoke_lease,
	 ONE},
	{0}};
