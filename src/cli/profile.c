/* `cordon profile …`: the profiles of a tenant. */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/safe.h"

#include "base/json.h"

#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 8192, BODY_SIZE = 16384, PROFILE_MAX = 1 << 20 };

struct profile_options {
	struct shared_options shared;
	const char *name;
	uint64_t version;
};

static const struct api_column columns[] = {
	{"NAME", "name", 0},
	{"VERSION", "version", 0},
	{"DIGEST", "digest", 0},
	{"CREATED", "created_at", 1},
};

/* Sends the profile in the file that is the first operand. */
static int send_file(const struct call *call, const char *method, const char *path,
		     struct reply *ret)
{
	const char *file = call->operands[0], *dot = strrchr(file, '.');
	_cleanup_free_ char *text = NULL;
	struct err e;
	size_t len;

	if (api_read(file, PROFILE_MAX, &text, &len, &e) < 0)
		return api_usage(call, &e);
	return api_ask(call,
		       &(struct request){.method = method,
					 .path = path,
					 .body = text,
					 .body_len = len,
					 .content_type = dot && !strcmp(dot, ".json")
								 ? "application/json"
								 : "application/yaml"},
		       ret);
}

static int put(const struct call *call)
{
	_cleanup_buf_ struct buf path = BUF_INIT(PATH_SIZE);
	const struct profile_options *o = call->options;
	const char *base = api_base_name(call->operands[0]), *dot = strrchr(base, '.');
	_cleanup_free_ char *stem =
		xasprintf("%.*s", dot ? (int)(dot - base) : (int)strlen(base), base);
	_cleanup_reply_ struct reply r = {0};
	int status;

	if (!o->name && (!strcmp(call->operands[0], "-") || !*stem))
		return api_refuse(call,
				  "--name NAME is needed: there is no file name to take it from");
	api_path(&path, "profiles", o->name ? o->name : stem, "");
	status = send_file(call, "PUT", buf_str(&path), &r);
	return status ? status : api_print_card(call, &r, columns, 3);
}

static int get(const struct call *call)
{
	const struct profile_options *o = call->options;
	_cleanup_buf_ struct buf path = BUF_INIT(PATH_SIZE), source = BUF_INIT(CLIENT_REPLY_MAX);
	_cleanup_reply_ struct reply r = {0};
	struct jsonview v;
	int status;

	api_path(&path, "profiles", call->operands[0], "");
	if (o->version)
		buf_addf(&path, "?version=%llu", (unsigned long long)o->version);
	status = api_do(call, "GET", buf_str(&path), &r);
	if (status)
		return status;
	if (o->shared.json)
		return api_print_json(&r);
	if (api_view(&r, &v))
		return EXIT_PLATFORM;
	if (!jsonview_is_string(jsonview_get(v, "source")))
		return api_no_answer();
	jsonview_text(jsonview_get(v, "source"), &source);
	if (isatty(STDOUT_FILENO))
		safe_print(stdout, buf_str(&source), source.len);
	else /* into a file it goes as it was put */
		fwrite(buf_str(&source), 1, source.len, stdout);
	if (source.len && source.data[source.len - 1] != '\n')
		putchar('\n');
	return 0;
}

static int list(const struct call *call)
{
	_cleanup_reply_ struct reply r = {0};
	int status = api_do(call, "GET", "/v1/profiles", &r);

	return status ? status : api_print_list(call, &r, "profiles", columns, ARRAY_SIZE(columns));
}

static int versions(const struct call *call)
{
	static const struct api_column shown[] = {
		{"VERSION", "version", 0}, {"DIGEST", "digest", 0}, {"CREATED", "created_at", 1}};
	_cleanup_buf_ struct buf path = BUF_INIT(PATH_SIZE);
	_cleanup_reply_ struct reply r = {0};
	int status;

	api_path(&path, "profiles", call->operands[0], "/versions");
	status = api_do(call, "GET", buf_str(&path), &r);
	return status ? status : api_print_list(call, &r, "versions", shown, ARRAY_SIZE(shown));
}

static int check(const struct call *call)
{
	static const struct api_column shown[] = {
		{"NAME", "name", 0}, {"DIGEST", "digest", 0}, {"TESTS", "tests", 0}};
	_cleanup_reply_ struct reply r = {0};
	int status = send_file(call, "POST", "/v1/profiles/check", &r);

	return status ? status : api_print_card(call, &r, shown, ARRAY_SIZE(shown));
}

static void print_text(struct jsonview v)
{
	_cleanup_buf_ struct buf b = BUF_INIT(v.len), cell = BUF_INIT(v.len * 4);

	jsonview_text(v, &b);
	safe_cell(&cell, buf_str(&b), b.len);
	fputs(buf_str(&cell), stdout);
}

/* A request, a tool or a switch that B allows and A does not. */
static void print_witness(struct jsonview witness)
{
	struct jsonview method = jsonview_get(witness, "method");
	struct jsonview tool = jsonview_get(witness, "tool");

	fputs("  for example: ", stdout);
	if (method.len) {
		print_text(method);
		putchar(' ');
		print_text(jsonview_get(witness, "url"));
	} else {
		fputs(tool.len ? "the tool " : "", stdout);
		print_text(tool.len ? tool : jsonview_get(witness, "what"));
	}
	putchar('\n');
}

static int print_diff(const struct call *call, const struct reply *r)
{
	struct jsonview v, wider, at = {0}, key, item;

	if (api_view(r, &v))
		return EXIT_PLATFORM;
	wider = jsonview_get(v, "wider");
	if (!jsonview_is(wider, "true") && !jsonview_is(wider, "false"))
		return api_no_answer();
	safe_print(stdout, call->operands[1], strlen(call->operands[1]));
	fputs(jsonview_is(wider, "true") ? " allows something that " : " allows nothing that ",
	      stdout);
	safe_print(stdout, call->operands[0], strlen(call->operands[0]));
	puts(" does not");
	if (jsonview_is(wider, "true"))
		print_witness(jsonview_get(v, "witness"));
	while (jsonview_next(jsonview_get(v, "differences"), &at, &key, &item)) {
		struct jsonview effect = jsonview_get(item, "effect");

		fputs(jsonview_is(effect, "\"widens\"")	   ? "+ "
		      : jsonview_is(effect, "\"narrows\"") ? "- "
							   : "~ ",
		      stdout);
		print_text(jsonview_get(item, "text"));
		putchar('\n');
	}
	return 0;
}

static int diff(const struct call *call)
{
	const struct shared_options *o = call->options;
	_cleanup_buf_ struct buf body = BUF_INIT(BODY_SIZE);
	_cleanup_reply_ struct reply r = {0};
	int status;

	buf_adds(&body, "{\"a\":");
	status = json_quote_str(&body, call->operands[0]);
	buf_adds(&body, ",\"b\":");
	if (status < 0 || json_quote_str(&body, call->operands[1]) < 0 || buf_addc(&body, '}') < 0)
		return api_refuse(call, "these names are longer than a profile's can be");
	status = api_ask(call,
			 &(struct request){.method = "POST",
					   .path = "/v1/profiles/diff",
					   .body = body.data,
					   .body_len = body.len},
			 &r);
	if (status)
		return status;
	return o->json ? api_print_json(&r) : print_diff(call, &r);
}

#define AT(m) offsetof(struct profile_options, m)
static const struct option_row put_rows[] = {{.name = "name",
					      .argument = "NAME",
					      .kind = OPTION_TEXT,
					      .offset = AT(name),
					      .help = "Name of the profile. Default: the file's "
						      "name without what follows its last dot."},
					     {0}};
static const struct option_row get_rows[] = {{.name = "version",
					      .argument = "N",
					      .kind = OPTION_NUMBER,
					      .offset = AT(version),
					      .min = 1,
					      .max = 1000000000,
					      .help = "Which version. Default: the newest."},
					     {0}};
#undef AT

#define COMMON .shared = options_shared, .size = sizeof(struct profile_options)
const struct command profile_commands[] = {
	{.name = "profile put",
	 .operands = "FILE|-",
	 .operands_min = 1,
	 .operands_max = 1,
	 .what = "Stores a profile; it becomes the newest version of its name.",
	 .rows = put_rows,
	 .run = put,
	 COMMON},
	{.name = "profile get",
	 .operands = "NAME",
	 .operands_min = 1,
	 .operands_max = 1,
	 .what = "Prints a profile as it was put.",
	 .rows = get_rows,
	 .run = get,
	 COMMON},
	{.name = "profile list",
	 .what = "Lists the profiles, each with its newest version.",
	 .run = list,
	 COMMON},
	{.name = "profile versions",
	 .operands = "NAME",
	 .operands_min = 1,
	 .operands_max = 1,
	 .what = "Lists the versions of a profile.",
	 .run = versions,
	 COMMON},
	{.name = "profile check",
	 .operands = "FILE|-",
	 .operands_min = 1,
	 .operands_max = 1,
	 .what = "Checks a profile and runs its tests, and stores nothing.",
	 .run = check,
	 COMMON},
	{.name = "profile diff",
	 .operands = "A B",
	 .operands_min = 2,
	 .operands_max = 2,
	 .what = "Tells what differs between two profiles, and whether B allows more than A.",
	 .text = "Tells what differs between two profiles, and whether B allows more than A. Each "
		 "is "
		 "NAME or NAME@VERSION.\n"
		 "Each difference is a line: `+` what B allows more, `-` what it allows less, `~` "
		 "what is other. The answer is exact, and the example is a request that B allows "
		 "and A does not.",
	 .run = diff,
	 COMMON},
	{0}};
