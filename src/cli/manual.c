#include "cli/manual.h"

#include <string.h>

enum { WIDTH = 96 };

static const struct {
	int code;
	const char *meaning;
} exits[] = {{0, "completed; for other commands: done"},
	     {1, "failed: the code threw, or its result cannot be represented"},
	     {2, "usage error, or a request that the daemon cannot serve as it is"},
	     {3, "denied: never started; or the caller may not do this"},
	     {4, "terminated: stopped at a ceiling, by its jail, or by order"},
	     {5, "platform error: Cordon cannot be started, reached or understood"}};

size_t manual_group(const struct command *c)
{
	return strcspn(c->name, " ");
}

static int in_group(const struct command *c, const char *group)
{
	return !group ||
	       (manual_group(c) == strlen(group) && !strncmp(c->name, group, strlen(group)));
}

static void wrap(FILE *to, const char *text, int indent)
{
	int col = indent;

	while (*text) {
		int n = (int)strcspn(text, " \n");

		if (col > indent && col + 1 + n > WIDTH) {
			fprintf(to, "\n%*s", indent, "");
			col = indent;
		} else if (col > indent) {
			fputc(' ', to);
			col++;
		}
		fprintf(to, "%.*s", n, text);
		col += n;
		text += n;
		if (*text == '\n') {
			fprintf(to, "\n%*s", indent, "");
			col = indent;
		}
		text += *text != '\0';
	}
	fputc('\n', to);
}

/* "Default: …" of a number, if there is something to say. */
static void number_range(FILE *to, const struct option_row *row, const char *before,
			 const char *after)
{
	if (row->kind != OPTION_NUMBER)
		return;
	fputs(before, to);
	if (row->fallback >= row->min)
		fprintf(to, "Default: %llu, from", (unsigned long long)row->fallback);
	else
		fputs("From", to);
	fprintf(to, " %llu to %llu.%s", (unsigned long long)row->min, (unsigned long long)row->max,
		after);
}

void manual_list(FILE *to, const struct command *const *commands, const char *group)
{
	fprintf(to, "Usage: cordon %s%sCOMMAND [OPTIONS]\n\n", group ? group : "",
		group ? " " : "");
	for (; *commands; commands++)
		for (const struct command *c = *commands; c->name; c++) {
			char name[64];

			if (!in_group(c, group))
				continue;
			snprintf(name, sizeof(name), "%s %s", c->name,
				 c->operands ? c->operands : "");
			fprintf(to, "  %-32s ", name);
			wrap(to, c->what, 35);
		}
	fputs("\n`cordon COMMAND --help` lists the options of a command; cordon(1) says more.\n",
	      to);
}

void manual_command(FILE *to, const struct command *c)
{
	const struct option_row *row;

	fprintf(to, "Usage: cordon %s [OPTIONS]%s%s\n\n", c->name, c->operands ? " " : "",
		c->operands ? c->operands : "");
	wrap(to, c->text ? c->text : c->what, 0);
	fputs("\nOptions:\n", to);
	for (size_t i = 0; (row = options_row(c, i)); i++) {
		fprintf(to, "  --%s%s%s\n      ", row->name, row->argument ? " " : "",
			row->argument ? row->argument : "");
		wrap(to, row->help, 6);
		number_range(to, row, "      ", "\n");
	}
	fputs("\nExit status:\n", to);
	for (size_t i = 0; i < ARRAY_SIZE(exits); i++)
		fprintf(to, "  %d  %s\n", exits[i].code, exits[i].meaning);
}

static void roff(FILE *to, const char *text)
{
	int start = 1; /* of a line: a dot there would be a request */

	for (; *text; text++) {
		if (start && (*text == '.' || *text == '\''))
			fputs("\\&", to);
		start = *text == '\n';
		if (*text == '-')
			fputs("\\-", to);
		else if (*text == '\\')
			fputs("\\e", to);
		else
			fputc(*text, to);
	}
}

static void roff_row(FILE *to, const struct option_row *row)
{
	fputs(".TP\n.B ", to);
	roff(to, "--");
	roff(to, row->name);
	if (row->argument)
		fprintf(to, " \\fI%s\\fR", row->argument);
	fputs("\n", to);
	roff(to, row->help);
	number_range(to, row, " ", "");
	fputs("\n", to);
}

static void roff_name(FILE *to, const struct command *c)
{
	fputs(".B cordon ", to);
	roff(to, c->name);
	fputs("\n[\\fIOPTIONS\\fR]", to);
	if (c->operands) {
		fputs(" \\fI", to);
		roff(to, c->operands);
		fputs("\\fR", to);
	}
	fputs("\n", to);
}

void manual_man(FILE *to, const struct command *const *commands)
{
	fputs(".TH CORDON 1\n.SH NAME\ncordon \\- run code that nobody has reviewed, in a jail of "
	      "its own\n.SH SYNOPSIS\n",
	      to);
	for (size_t i = 0; commands[i]; i++)
		for (const struct command *c = commands[i]; c->name; c++) {
			if (i || c != commands[i])
				fputs(".br\n", to);
			roff_name(to, c);
		}
	fputs(".SH COMMANDS\n", to);
	for (size_t i = 0; commands[i]; i++)
		for (const struct command *c = commands[i]; c->name; c++) {
			fputs(".SS cordon ", to);
			roff(to, c->name);
			fputs("\n", to);
			roff(to, c->text ? c->text : c->what);
			fputs("\n", to);
			for (const struct option_row *row = c->rows; row && row->name; row++)
				roff_row(to, row);
		}
	fputs(".SS Options of the commands that speak to the daemon\n", to);
	for (const struct option_row *row = options_shared; row->name; row++)
		roff_row(to, row);
	fputs(".SH EXIT STATUS\n", to);
	for (size_t i = 0; i < ARRAY_SIZE(exits); i++) {
		fprintf(to, ".TP\n.B %d\n", exits[i].code);
		roff(to, exits[i].meaning);
		fputs("\n", to);
	}
	fputs(".SH ENVIRONMENT\n.TP\n.B CORDON_URL\nThe daemon's API, when \\-\\-url is not "
	      "given.\n"
	      ".TP\n.B CORDON_API_KEY\nThe key for that API. It is not an option, because other "
	      "users see the options of a process.\n"
	      ".TP\n.B CORDON_CA_FILE\nA file with the certificates (PEM) of the authorities "
	      "that the daemon's certificate is checked against, in place of the machine's.\n"
	      ".TP\n.B XDG_STATE_HOME\nWhere the default data directory is.\n"
	      ".SH SEE ALSO\nnamespaces(7), seccomp(2), landlock(7)\n",
	      to);
}
