/* `cordon receipt RUN`: the signed evidence of a run or an act, as other people's tools read it. */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/replace.h"

#include "base/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 4096 };

struct receipt_options {
	struct shared_options shared;
	const char *output;
	int wait;
};

static int write_bundle(const char *path, const struct reply *r)
{
	struct err e;
	int error;

	if (json_check(r->body.data, r->body.len, NULL) < 0)
		return api_no_answer();
	error = replace_file(path, r->body.data, r->body.len, 0644);
	if (error == 0)
		return 0;
	err_set(&e, EIO, "receipt.output", "%s cannot be written: %s", path, strerror(-error));
	return client_complain(&e);
}

static int receipt(const struct call *call)
{
	_cleanup_buf_ struct buf path = BUF_INIT(PATH_SIZE);
	const struct receipt_options *o = call->options;
	_cleanup_reply_ struct reply r = {0};
	int status;

	api_path(&path, "receipts", call->operands[0], "");
	client_query(&path, "wait", o->wait ? "true" : NULL);
	status = api_do(call, "GET", buf_str(&path), &r);
	if (status)
		return status;
	return o->output ? write_bundle(o->output, &r) : api_print_json(&r);
}

#define AT(m) offsetof(struct receipt_options, m)
static const struct option_row rows[] = {
	{.name = "wait",
	 .kind = OPTION_FLAG,
	 .offset = AT(wait),
	 .help = "Wait until a checkpoint of the log covers it, which takes a second or so after "
		 "the run."},
	{.name = "output",
	 .argument = "FILE",
	 .kind = OPTION_TEXT,
	 .offset = AT(output),
	 .help = "Write it to FILE, which it replaces as a whole."},
	{0}};
#undef AT

const struct command receipt_commands[] = {
	{.name = "receipt",
	 .operands = "RUN",
	 .operands_min = 1,
	 .operands_max = 1,
	 .surplus = "one run, act or receipt is named",
	 .what = "Prints the receipt of a run or an act.",
	 .text = "Prints the receipt of a run or an administrative act, by its ID or the "
		 "receipt's: a Sigstore bundle v0.3, with the signed statement, its place in the "
		 "log and a checkpoint. `cordon verify` checks it offline, and so do other "
		 "people's tools, given what `cordon log trusted-root` prints.",
	 .rows = rows,
	 .shared = options_shared,
	 .size = sizeof(struct receipt_options),
	 .run = receipt},
	{0}};
