#include "cli/options.h"

#include "base/buf.h"

#include <errno.h>
#include <string.h>

#define AT(m) offsetof(struct shared_options, m)
#define HELP_ROW                                                                                   \
	{                                                                                          \
		.name = "help", .kind = OPTION_FLAG, .offset = AT(help), .help = "Show this help." \
	}

#define URL_ROW                                                                                    \
	{                                                                                          \
		.name = "url", .argument = "URL", .kind = OPTION_TEXT, .offset = AT(url),          \
		.help = "The daemon's API, as http://HOST:PORT or https://HOST, with the key in "  \
			"CORDON_API_KEY. Default: CORDON_URL; with CORDON_API_KEY alone, "         \
			"http://127.0.0.1:7070; else the socket in the data directory."            \
	}
#define DATA_ROW                                                                                   \
	{                                                                                          \
		.name = "data", .argument = "DIR", .kind = OPTION_TEXT, .offset = AT(data),        \
		.help = "Data directory of the daemon on this machine, whose `control.sock` is "   \
			"its API without a key, for its owner and root. Default: "                 \
			"$XDG_STATE_HOME/cordon; without that variable /var/lib/cordon as root, "  \
			"else ~/.local/state/cordon."                                              \
	}
#define JSON_ROW                                                                                   \
	{                                                                                          \
		.name = "json", .kind = OPTION_FLAG, .offset = AT(json),                           \
		.help = "Print JSON instead of text."                                              \
	}

const struct option_row options_help_only[] = {HELP_ROW, {0}};
const struct option_row options_json[] = {JSON_ROW, HELP_ROW, {0}};
const struct option_row options_local[] = {DATA_ROW, JSON_ROW, HELP_ROW, {0}};
const struct option_row options_daemon[] = {URL_ROW, DATA_ROW, JSON_ROW, HELP_ROW, {0}};
const struct option_row options_shared[] = {
	URL_ROW,
	DATA_ROW,
	{.name = "tenant",
	 .argument = "ID",
	 .kind = OPTION_TEXT,
	 .offset = AT(tenant),
	 .help = "Tenant to act for. Default: the key's own; over the socket, `default`."},
	JSON_ROW,
	HELP_ROW,
	{0}};
#undef AT

const struct option_row *options_row(const struct command *c, size_t index)
{
	size_t own = 0;

	for (; c->rows && c->rows[own].name; own++)
		if (own == index)
			return &c->rows[own];
	for (const struct option_row *r = c->shared; r && r->name; r++, own++)
		if (own == index)
			return r;
	return NULL;
}

const struct option_row *options_find(const struct command *c, const char *name, size_t len,
				      size_t *ret_index)
{
	const struct option_row *row;

	for (size_t i = 0; (row = options_row(c, i)); i++)
		if (strlen(row->name) == len && !memcmp(row->name, name, len)) {
			if (ret_index)
				*ret_index = i;
			return row;
		}
	return NULL;
}

int options_given(const struct call *call, const char *name)
{
	size_t index;

	return options_find(call->command, name, strlen(name), &index) &&
	       (call->given >> index & 1);
}

static void *field(const struct call *call, const struct option_row *row)
{
	return (char *)call->options + row->offset;
}

static int take_number(const struct option_row *row, const char *text, uint64_t *ret,
		       struct err *reterr)
{
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || v < row->min || v > row->max)
		return err_set(reterr, EINVAL, "usage",
			       "--%s %s: a whole number from %llu to %llu is needed", row->name,
			       text, (unsigned long long)row->min, (unsigned long long)row->max);
	*ret = v;
	return 0;
}

/* "a|b|c" as "a, b or c". */
static void choices_in_words(struct buf *out, const char *choices)
{
	for (const char *p = choices; *p; p++)
		if (*p == '|')
			buf_adds(out, strchr(p + 1, '|') ? ", " : " or ");
		else
			buf_addc(out, *p);
}

static int take_choice(const struct option_row *row, const char *text, const char **ret,
		       struct err *reterr)
{
	_cleanup_buf_ struct buf words = BUF_INIT(1024);

	for (const char *p = row->argument ? row->argument : ""; *p; p += strspn(p, "|")) {
		size_t n = strcspn(p, "|");

		if (strlen(text) == n && !memcmp(text, p, n)) {
			*ret = text;
			return 0;
		}
		p += n;
	}
	choices_in_words(&words, row->argument);
	return err_set(reterr, EINVAL, "usage", "--%s %s: %s is needed", row->name, text,
		       buf_str(&words));
}

static int take(const struct call *call, const struct option_row *row, const char *argument,
		struct err *reterr)
{
	struct option_list *list;

	if (!argument && row->kind != OPTION_FLAG)
		return -EINVAL;
	switch (row->kind) {
	case OPTION_FLAG:
		*(int *)field(call, row) = 1;
		return 0;
	case OPTION_NUMBER:
		return take_number(row, argument, field(call, row), reterr);
	case OPTION_TEXT:
		*(const char **)field(call, row) = argument;
		return 0;
	case OPTION_CHOICE:
		return take_choice(row, argument, field(call, row), reterr);
	case OPTION_REPEATED:
		list = field(call, row);
		if (list->n >= OPTION_LIST_MAX)
			return err_set(reterr, EINVAL, "usage", "--%s is given more than %d times",
				       row->name, OPTION_LIST_MAX);
		list->v[list->n++] = argument;
		return 0;
	}
	return -EINVAL;
}

int options_take(struct call *call, const struct option_row *row, const char *text,
		 struct err *reterr)
{
	return take(call, row, text, reterr);
}

static void set_defaults(const struct call *call)
{
	const struct option_row *row;

	for (size_t i = 0; (row = options_row(call->command, i)); i++)
		if (row->kind == OPTION_NUMBER && row->fallback >= row->min)
			*(uint64_t *)field(call, row) = row->fallback;
		else if (row->kind == OPTION_TEXT || row->kind == OPTION_CHOICE)
			*(const char **)field(call, row) = row->preset;
}

/* argv[*at] is an option; *at moves on to its argument if that stands apart. */
static int take_option(struct call *call, int argc, char **argv, int *at, struct err *reterr)
{
	const char *text = argv[*at], *name = text + 2, *argument = strchr(text, '=');
	const struct option_row *row;
	size_t index;

	if (!strcmp(text, "-h"))
		name = "help";
	else if (text[1] != '-')
		name = "";
	row = options_find(call->command, name, argument ? (size_t)(argument - name) : strlen(name),
			   &index);
	if (!row)
		return err_set(reterr, EINVAL, "usage",
			       "unknown option '%s'; see `cordon %s --help`", text,
			       call->command->name);
	if (argument && !row->argument)
		return err_set(reterr, EINVAL, "usage",
			       "--%s takes no argument; see `cordon %s --help`", row->name,
			       call->command->name);
	if (argument)
		argument++;
	else if (row->argument && *at + 1 >= argc)
		return err_set(reterr, EINVAL, "usage",
			       "%s needs an argument; see `cordon %s --help`", text,
			       call->command->name);
	else if (row->argument)
		argument = argv[++*at];
	call->given |= 1ULL << index;
	return take(call, row, argument, reterr);
}

static int take_operand(struct call *call, const char *text, struct err *reterr)
{
	const struct command *c = call->command;

	if (call->operand_count < c->operands_max) {
		call->operands[call->operand_count++] = text;
		return 0;
	}
	return err_set(reterr, EINVAL, "usage", "'%s' is one argument too many: %s", text,
		       c->surplus    ? c->surplus
		       : c->operands ? "see --help"
				     : "it takes options only, see --help");
}

int options_parse(struct call *call, const struct command *command, int argc, char **argv,
		  struct err *reterr)
{
	const struct shared_options *shared;
	int only_operands = 0;

	*call = (struct call){.command = command, .options = xcalloc(1, command->size)};
	shared = call->options;
	set_defaults(call);
	for (int i = 0; i < argc; i++) {
		int r;

		if (!only_operands && !strcmp(argv[i], "--")) {
			only_operands = 1;
			continue;
		}
		if (!only_operands && argv[i][0] == '-' && argv[i][1])
			r = take_option(call, argc, argv, &i, reterr);
		else
			r = take_operand(call, argv[i], reterr);
		if (shared->help)
			return 0;
		if (r < 0)
			return r;
	}
	if (call->operand_count < command->operands_min)
		return err_set(reterr, EINVAL, "usage", "%s is needed; see `cordon %s --help`",
			       command->operands, command->name);
	return 0;
}

void options_done(struct call *call)
{
	free(call->options);
	call->options = NULL;
}
