/* `cordon artifact …`: code that the daemon keeps under its digest. */
#include "cli/api.h"
#include "cli/code.h"
#include "cli/commands.h"
#include "cli/safe.h"

#include "base/json.h"
#include "wire/limits.h"

#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 4096, BODY_MAX = 64 << 20 };

struct artifact_options {
	struct shared_options shared;
	struct code_options code;
	int quiet;
};

static const struct api_column columns[] = {
	{"ARTIFACT", "artifact", 0},	 {"MAIN", "main", 0},	       {"LANGUAGE", "language", 0},
	{"TRUST", "trust", 0},		 {"BYTES", "bytes", 0},	       {"RUNS", "runs", 0},
	{"CACHE-HITS", "cache_hits", 0}, {"CREATED", "created_at", 1},
};

static int put(const struct call *call)
{
	_cleanup_buf_ struct buf map = CODE_MAP_INIT, body = BUF_INIT(BODY_MAX);
	const struct artifact_options *o = call->options;
	const char *file = call->operands[0];
	_cleanup_reply_ struct reply r = {0};
	struct err e;
	int status;

	if (code_load(&o->code, file, &map, &e) < 0)
		return api_usage(call, &e);
	buf_addc(&body, '{');
	code_json(&body, &o->code, code_main(file), &map);
	if (buf_addc(&body, '}') < 0)
		return api_refuse(call, "the code is larger than the daemon takes");
	body.data[1] = ' '; /* the comma before the first member */
	status = api_ask(call,
			 &(struct request){.method = "PUT",
					   .path = "/v1/artifacts",
					   .body = body.data,
					   .body_len = body.len},
			 &r);
	if (status)
		return status;
	return o->quiet ? api_print_secret(&r, "artifact")
			: api_print_card(call, &r, columns, ARRAY_SIZE(columns));
}

static int list(const struct call *call)
{
	_cleanup_reply_ struct reply r = {0};
	int status = api_do(call, "GET", "/v1/artifacts", &r);

	return status ? status
		      : api_print_list(call, &r, "artifacts", columns, ARRAY_SIZE(columns));
}

/* One request about /v1/artifacts/DIGEST. */
static int about(const struct call *call, const char *method, const char *after, const char *body,
		 struct reply *ret)
{
	_cleanup_buf_ struct buf path = BUF_INIT(PATH_SIZE);

	api_path(&path, "artifacts", call->operands[0], after);
	return api_ask(call,
		       &(struct request){.method = method,
					 .path = buf_str(&path),
					 .body = body,
					 .body_len = body ? strlen(body) : 0},
		       ret);
}

static int show(const struct call *call)
{
	const struct shared_options *o = call->options;
	struct jsonview v, at = {0}, key, source;
	_cleanup_reply_ struct reply r = {0};
	int status = about(call, "GET", "", NULL, &r);

	if (!status)
		status = api_print_card(call, &r, columns, ARRAY_SIZE(columns));
	if (status || o->json || api_view(&r, &v))
		return status;
	puts("\nMODULES");
	while (jsonview_next(jsonview_get(v, "modules"), &at, &key, &source)) {
		_cleanup_buf_ struct buf name = BUF_INIT(key.len), shown = BUF_INIT(key.len * 4);

		jsonview_text(key, &name);
		safe_cell(&shown, buf_str(&name), name.len);
		puts(buf_str(&shown));
	}
	return 0;
}

/* The module of that name, which may be written with escapes. */
static struct jsonview module_named(struct jsonview modules, const char *name)
{
	struct jsonview at = {0}, key, source;

	while (jsonview_next(modules, &at, &key, &source)) {
		_cleanup_buf_ struct buf text = BUF_INIT(key.len);

		jsonview_text(key, &text);
		if (!strcmp(buf_str(&text), name))
			return source;
	}
	return (struct jsonview){0};
}

static int get(const struct call *call)
{
	const struct shared_options *o = call->options;
	_cleanup_buf_ struct buf text = BUF_INIT(CLIENT_REPLY_MAX);
	_cleanup_reply_ struct reply r = {0};
	struct jsonview v, source, bytes;
	char main_name[LIMIT_MODULE_NAME + 1];
	const char *name = call->operand_count > 1 ? call->operands[1] : main_name;
	int status = about(call, "GET", "", NULL, &r);

	if (status)
		return status;
	if (o->json)
		return api_print_json(&r);
	if (api_view(&r, &v))
		return EXIT_PLATFORM;
	jsonview_copy(jsonview_get(v, "main"), main_name, sizeof(main_name));
	source = module_named(jsonview_get(v, "modules"), name);
	if (!source.len && name != main_name)
		return api_refuse(call, "the artifact has no module of that name; `cordon artifact "
					"show` lists them");
	bytes = jsonview_get(source, "base64");
	if (jsonview_is_string(source))
		jsonview_text(source, &text);
	else if (jsonview_base64(bytes, &text) < 0)
		return api_no_answer();
	if (isatty(STDOUT_FILENO))
		safe_print(stdout, buf_str(&text), text.len);
	else /* into a file it goes as it was put */
		fwrite(buf_str(&text), 1, text.len, stdout);
	return 0;
}

static int trust(const struct call *call)
{
	_cleanup_reply_ struct reply r = {0};
	char body[64];
	int status;

	if (strlen(call->operands[1]) != 1 || !strchr("012", call->operands[1][0]))
		return api_refuse(call, "the trust tier is 0 (untrusted proposal), 1 (validated "
					"automation) or 2 (production-approved)");
	snprintf(body, sizeof(body), "{\"trust\":%s}", call->operands[1]);
	status = about(call, "PUT", "/trust", body, &r);
	return status ? status : api_print_card(call, &r, columns, ARRAY_SIZE(columns));
}

static int remove_artifact(const struct call *call)
{
	_cleanup_reply_ struct reply r = {0};

	return about(call, "DELETE", "", NULL, &r);
}

static const struct option_row put_rows[] = {CODE_ROWS(artifact_options, code),
					     {.name = "quiet",
					      .kind = OPTION_FLAG,
					      .offset = offsetof(struct artifact_options, quiet),
					      .help = "Print the digest alone, for scripts."},
					     {0}};

#define COMMON .shared = options_shared, .size = sizeof(struct artifact_options)
#define ONE .operands = "DIGEST", .operands_min = 1, .operands_max = 1, COMMON
const struct command artifact_commands[] = {
	{.name = "artifact put",
	 .operands = "FILE|-",
	 .operands_min = 1,
	 .operands_max = 1,
	 .surplus = "one FILE is the main module; give further ones with --module NAME=FILE",
	 .what = "Stores code under its digest, by which runs may name it.",
	 .rows = put_rows,
	 .run = put,
	 COMMON},
	{.name = "artifact list", .what = "Lists a tenant's artifacts.", .run = list, COMMON},
	{.name = "artifact show",
	 .what = "Shows an artifact and the names of its modules.",
	 .run = show,
	 ONE},
	{.name = "artifact get",
	 .operands = "DIGEST [MODULE]",
	 .operands_min = 1,
	 .operands_max = 2,
	 .what = "Prints a module of an artifact as it was put; the main one by default.",
	 .run = get,
	 COMMON},
	{.name = "artifact trust",
	 .operands = "DIGEST 0|1|2",
	 .operands_min = 2,
	 .operands_max = 2,
	 .what = "Says how far an artifact is trusted.",
	 .text = "Says how far an artifact is trusted: 0 an untrusted proposal, 1 validated "
		 "automation, 2 approved for production. Profiles ask for a tier with `minTrust`.",
	 .run = trust,
	 COMMON},
	{.name = "artifact delete",
	 .what = "Deletes an artifact. What ran is not touched.",
	 .run = remove_artifact,
	 ONE},
	{0}};
