#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

enum kind { FLAG, NUMBER, TEXT, REPEATED };

static const struct option_row {
	const char *name, *argument;
	enum kind kind;
	size_t offset;
	uint64_t fallback, min, max;
	const char *help;
} rows[] = {
#define AT(m) offsetof(struct run_options, m)
	{"input", "JSON|@FILE", TEXT, AT(input), 0, 0, 0,
	 "Input of the code: a JSON value, or @FILE to read one from FILE (@- for standard "
	 "input)."},
	{"module", "NAME=FILE", REPEATED, AT(modules), 0, 0, 0,
	 "A further module that the code may import as NAME. Its type follows from NAME: .js .mjs "
	 ".ts "
	 ".mts "
	 ".json .txt .md .csv .html .bin .wasm. May be given up to 255 times."},
	{"language", "js|ts", TEXT, AT(language), 0, 0, 0,
	 "Language of the main module. By default its file name decides, then the code itself."},
	{"fences", NULL, FLAG, AT(fences), 0, 0, 0,
	 "Tolerate Markdown fences around the code, as models write them."},
	{"class", "interactive|bulk", TEXT, AT(class_), 0, 0, 0,
	 "Task class. Default: interactive."},
	{"tier", "batch|standard|regulated", TEXT, AT(tier), 0, 0, 0,
	 "Service tier. `regulated` runs without JIT, WebAssembly or executable memory. Default: "
	 "standard."},
	{"cpu-ms", "N", NUMBER, AT(cpu_ms), 1000, 1, 3600000, "CPU time ceiling in milliseconds."},
	{"wall-ms", "N", NUMBER, AT(wall_ms), 10000, 1, 86400000,
	 "Wall time ceiling in milliseconds."},
	{"memory-mb", "N", NUMBER, AT(memory_mb), 128, 8, 65536,
	 "Memory ceiling in MiB, counted as growth of the sandbox's data segment."},
	{"output-kb", "N", NUMBER, AT(output_kb), 1024, 1, 32768,
	 "Ceiling in KiB on result and logs together."},
	{"operations", "N", NUMBER, AT(operations), 1000, 0, 1000000,
	 "Ceiling on messages to the broker that ask for an answer (fetch, waiting for a timer)."},
	{"log-lines", "N", NUMBER, AT(log_lines), 1000, 0, 1000000, "Ceiling on log lines."},
	{"timers", "N", NUMBER, AT(timers), 1000, 0, 10000, "Ceiling on timers pending at once."},
	{"seed", "N", TEXT, AT(seed), 0, 0, 0,
	 "Seed of Math.random and crypto, 0 to 18446744073709551615. With a seed the clock is "
	 "virtual "
	 "too, so "
	 "that the same seed gives the same result and logs to the byte."},
	{"now", "TIME", TEXT, AT(now), 0, 0, 0,
	 "What the clock says at the start, in milliseconds since 1970, with --seed. Default: "
	 "946684800000 (2000-01-01T00:00:00Z)."},
	{"eval", NULL, FLAG, AT(eval), 0, 0, 0, "Let eval and new Function work."},
	{"jail", "full|available", TEXT, AT(jail), 0, 0, 0,
	 "`full` (default) refuses to run unless every required part of the jail is in force; "
	 "`available` "
	 "runs with what the machine offers, and says so in the result."},
	{"json", NULL, FLAG, AT(json), 0, 0, 0, "Print one JSON object instead of text."},
	{"journal", "FILE", TEXT, AT(journal), 0, 0, 0,
	 "Write the journal of the run to FILE, one JSON object per line."},
	{"help", NULL, FLAG, AT(help), 0, 0, 0, "Show this help."},
#undef AT
};

static const struct {
	int code;
	const char *meaning;
} exits[] = {{0, "completed"},
	     {1, "failed: the code threw, or its result cannot be represented"},
	     {2, "usage error"},
	     {3, "denied: never started"},
	     {4, "terminated: stopped at a ceiling, by its jail, or by order"},
	     {5, "platform error"}};

static void *field(struct run_options *o, const struct option_row *row)
{
	return (char *)o + row->offset;
}

static int parse_number(const struct option_row *row, const char *text, uint64_t *ret,
			struct err *reterr)
{
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (!*text || *end || errno || *text == '-' || v < row->min || v > row->max)
		return err_set(reterr, EINVAL, "usage",
			       "--%s %s: a whole number from %llu to %llu is needed", row->name,
			       text, (unsigned long long)row->min, (unsigned long long)row->max);
	*ret = v;
	return 0;
}

static int take(struct run_options *o, const struct option_row *row, const char *argument,
		struct err *reterr)
{
	switch (row->kind) {
	case FLAG:
		*(int *)field(o, row) = 1;
		return 0;
	case NUMBER:
		return parse_number(row, argument, field(o, row), reterr);
	case TEXT:
		*(const char **)field(o, row) = argument;
		return 0;
	case REPEATED:
		if (o->module_count >= OPTION_MODULES_MAX - 1)
			return err_set(reterr, EINVAL, "usage",
				       "more than %d modules; bundle some of them",
				       OPTION_MODULES_MAX - 1);
		o->modules[o->module_count++] = argument;
		return 0;
	}
	return -EINVAL;
}

int options_parse(struct run_options *o, int argc, char **argv, struct err *reterr)
{
	struct option longs[ARRAY_SIZE(rows) + 1] = {0};
	int c, index;

	*o = (struct run_options){
		.class_ = "interactive", .tier = "standard", .jail = "full", .language = ""};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		longs[i].name = rows[i].name;
		longs[i].has_arg = rows[i].argument ? required_argument : no_argument;
		if (rows[i].kind == NUMBER)
			*(uint64_t *)field(o, &rows[i]) = rows[i].fallback;
	}
	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, ":h", longs, &index)) != -1) {
		if (c == 'h') {
			o->help = 1;
		} else if (c == ':') {
			return err_set(reterr, EINVAL, "usage",
				       "%s needs an argument; see `cordon run --help`",
				       argv[optind - 1]);
		} else if (c == '?') {
			return err_set(reterr, EINVAL, "usage",
				       "unknown option '%s'; see `cordon run --help`",
				       argv[optind - 1]);
		} else {
			int r = take(o, &rows[index], optarg, reterr);

			if (r < 0)
				return r;
		}
	}
	if (o->help)
		return 0;
	if (optind < argc - 1)
		return err_set(
			reterr, EINVAL, "usage",
			"'%s' is one argument too many: one FILE is run; give further modules with "
			"--module NAME=FILE",
			argv[optind + 1]);
	o->file = optind < argc ? argv[optind] : "-";
	return 0;
}

static void wrap(FILE *to, const char *text, int indent, int width)
{
	int col = indent;

	while (*text) {
		int n = (int)strcspn(text, " ");

		if (col + n > width && col > indent) {
			fprintf(to, "\n%*s", indent, "");
			col = indent;
		}
		fprintf(to, "%.*s", n, text);
		col += n;
		text += n;
		if (*text) {
			fputc(' ', to);
			col++;
			text++;
		}
	}
	fputc('\n', to);
}

void options_help(FILE *to)
{
	fputs("Usage: cordon run [OPTIONS] [FILE|-]\n\n"
	      "Runs JavaScript or TypeScript in a jailed process of its own, and prints what it "
	      "returns.\n"
	      "The shape of the code is recognised: a function expression (`async ({input}) => "
	      "…`), a module\n"
	      "whose default export is a function, or one whose default export has `fetch`.\n"
	      "The value goes to standard output; logs, usage and errors to standard "
	      "error.\n\nOptions:\n",
	      to);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		fprintf(to, "  --%s%s%s\n      ", rows[i].name, rows[i].argument ? " " : "",
			rows[i].argument ? rows[i].argument : "");
		wrap(to, rows[i].help, 6, 96);
		if (rows[i].kind == NUMBER)
			fprintf(to, "      Default: %llu, from %llu to %llu.\n",
				(unsigned long long)rows[i].fallback,
				(unsigned long long)rows[i].min, (unsigned long long)rows[i].max);
	}
	fputs("\nExit status:\n", to);
	for (size_t i = 0; i < ARRAY_SIZE(exits); i++)
		fprintf(to, "  %d  %s\n", exits[i].code, exits[i].meaning);
}

static void roff(FILE *to, const char *text)
{
	for (; *text; text++)
		if (*text == '-')
			fputs("\\-", to);
		else if (*text == '\\')
			fputs("\\e", to);
		else
			fputc(*text, to);
}

void options_man(FILE *to)
{
	fputs(".TH CORDON 1\n.SH NAME\ncordon \\- run code that nobody has reviewed, in a jail of "
	      "its own\n"
	      ".SH SYNOPSIS\n.B cordon run\n[\\fIOPTIONS\\fR] [\\fIFILE\\fR|\\fB\\-\\fR]\n.br\n.B "
	      "cordon doctor\n.br\n"
	      ".B cordon version\n"
	      ".SH DESCRIPTION\n\\fBcordon run\\fR runs JavaScript or TypeScript in a jailed "
	      "process of its own, "
	      "under exact ceilings, and prints what it returns on standard output. Logs, usage "
	      "and errors go to "
	      "standard error.\n.PP\n\\fBcordon doctor\\fR tells which parts of the jail this "
	      "machine offers, and "
	      "for each missing one the remedy.\n.SH OPTIONS\n",
	      to);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		fputs(".TP\n.B ", to);
		roff(to, "--");
		roff(to, rows[i].name);
		if (rows[i].argument)
			fprintf(to, " \\fI%s\\fR", rows[i].argument);
		fputs("\n", to);
		roff(to, rows[i].help);
		if (rows[i].kind == NUMBER)
			fprintf(to, " Default: %llu, from %llu to %llu.",
				(unsigned long long)rows[i].fallback,
				(unsigned long long)rows[i].min, (unsigned long long)rows[i].max);
		fputs("\n", to);
	}
	fputs(".SH EXIT STATUS\n", to);
	for (size_t i = 0; i < ARRAY_SIZE(exits); i++)
		fprintf(to, ".TP\n.B %d\n%s\n", exits[i].code, exits[i].meaning);
	fputs(".SH SEE ALSO\nnamespaces(7), seccomp(2), landlock(7)\n", to);
}
