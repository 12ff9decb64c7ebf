#include "cli/completion.h"

#include "cli/manual.h"

#include <string.h>

enum { WHAT_MAX = 72 }; /* characters of an explanation */

/* What an argument is, by what the help calls it. */
enum argument { ARGUMENT_NONE, ARGUMENT_FILE, ARGUMENT_DIRECTORY };

static enum argument argument_of(const char *name)
{
	if (!name)
		return ARGUMENT_NONE;
	return strstr(name, "DIR")    ? ARGUMENT_DIRECTORY
	       : strstr(name, "FILE") ? ARGUMENT_FILE
				      : ARGUMENT_NONE;
}

/* "a|b|c" as words, in a buffer of its own. */
static const char *words_of(const char *alternatives)
{
	static char words[256];
	size_t n = 0;

	for (const char *p = alternatives; *p && n < sizeof(words) - 1; p++)
		words[n++] = *p == '|' ? ' ' : *p;
	words[n] = '\0';
	return words;
}

/* The words that may stand as the option's argument, or "". */
static const char *choices(const struct option_row *row)
{
	return row->kind == OPTION_CHOICE ? words_of(row->argument) : "";
}

/* The words that may stand as the command's operand, or "": such as its help has in small letters.
 */
static const char *operand_words(const struct command *c)
{
	return c->operands && c->operands[0] >= 'a' && c->operands[0] <= 'z' ? words_of(c->operands)
									     : "";
}

static void bash_command(FILE *to, const struct command *c)
{
	static const char *const kinds[] = {"none", "files", "dirs"};
	const struct option_row *row;

	fprintf(to, "\t'%s')\n\t\toptions='", c->name);
	for (size_t i = 0; (row = options_row(c, i)); i++)
		fprintf(to, "%s--%s", i ? " " : "", row->name);
	fputs("'\n\t\tcase $before in\n", to);
	for (size_t i = 0; (row = options_row(c, i)); i++)
		if (*choices(row))
			fprintf(to, "\t\t--%s) words='%s' ;;\n", row->name, choices(row));
		else if (row->argument)
			fprintf(to, "\t\t--%s) words=@%s ;;\n", row->name,
				kinds[argument_of(row->argument)]);
	if (*operand_words(c))
		fprintf(to, "\t\tesac\n\t\toperand='%s' ;;\n", operand_words(c));
	else
		fprintf(to, "\t\tesac\n\t\toperand=@%s ;;\n",
			argument_of(c->operands) == ARGUMENT_FILE ? "files" : "none");
}

void completion_bash(FILE *to, const struct command *const *commands)
{
	fputs("# Completion of cordon for bash, made by `cordon completion bash`.\n"
	      "_cordon()\n{\n"
	      "\tlocal now=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
	      "\tlocal command=${COMP_WORDS[1]} options='' words='' operand='' second=''\n"
	      "\tCOMPREPLY=()\n"
	      "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\twords='help",
	      to);
	for (size_t i = 0; commands[i]; i++)
		fprintf(to, " %.*s", (int)manual_group(commands[i]), commands[i]->name);
	fputs("'\n\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$now\"))\n\t\treturn\n\tfi\n"
	      "\tcase $command in\n",
	      to);
	for (size_t i = 0; commands[i]; i++) {
		if (!strchr(commands[i]->name, ' '))
			continue;
		fprintf(to, "\t%.*s) second='", (int)manual_group(commands[i]), commands[i]->name);
		for (const struct command *c = commands[i]; c->name; c++)
			fprintf(to, "%s%s", c == commands[i] ? "" : " ",
				c->name + manual_group(c) + 1);
		fputs("' ;;\n", to);
	}
	fputs("\tesac\n"
	      "\tif [ -n \"$second\" ]; then\n"
	      "\t\tif [ \"$COMP_CWORD\" -eq 2 ]; then\n"
	      "\t\t\tCOMPREPLY=($(compgen -W \"$second\" -- \"$now\"))\n\t\t\treturn\n\t\tfi\n"
	      "\t\tcommand=\"$command ${COMP_WORDS[2]}\"\n"
	      "\tfi\n\tcase $command in\n",
	      to);
	for (size_t i = 0; commands[i]; i++)
		for (const struct command *c = commands[i]; c->name; c++)
			bash_command(to, c);
	fputs("\tesac\n"
	      "\tif [ -z \"$words\" ]; then\n"
	      "\t\tcase $now in\n\t\t-*) words=$options ;;\n\t\t*) words=$operand ;;\n\t\tesac\n"
	      "\tfi\n\tcase $words in\n"
	      "\t@files) COMPREPLY=($(compgen -f -- \"$now\")) ;;\n"
	      "\t@dirs) COMPREPLY=($(compgen -d -- \"$now\")) ;;\n"
	      "\t@none) ;;\n"
	      "\t*) COMPREPLY=($(compgen -W \"$words\" -- \"$now\")) ;;\n"
	      "\tesac\n}\ncomplete -o filenames -F _cordon cordon\n",
	      to);
}

/* The first sentence, with a backslash before each of `special`; "'" as `quote`. */
static void sentence(FILE *to, const char *text, const char *special, const char *quote)
{
	size_t n = 0;

	for (; *text && *text != '\n' && n < WHAT_MAX; text++, n++) {
		if (*text == '.' && (text[1] == ' ' || !text[1]))
			break;
		if (*text == '\'')
			fputs(quote, to);
		else if (strchr(special, *text))
			fprintf(to, "\\%c", *text);
		else
			fputc(*text, to);
	}
	for (; n == WHAT_MAX && ((unsigned char)*text & 0xc0) == 0x80; text++)
		fputc(*text, to); /* the rest of a character */
	fputs(n == WHAT_MAX ? "…" : "", to);
}

static const char zsh_quote[] = "'\\''", fish_quote[] = "\\'";

/* One line of a list for _describe: 'word:explanation'. */
static void zsh_word(FILE *to, const char *indent, const char *word, size_t len, const char *what)
{
	fprintf(to, "%s'%.*s:", indent, (int)len, word);
	sentence(to, what, ":\\", zsh_quote);
	fputs("'\n", to);
}

static void zsh_action(FILE *to, enum argument kind)
{
	switch (kind) {
	case ARGUMENT_NONE:
		fputc(' ', to);
		break;
	case ARGUMENT_FILE:
		fputs("_files", to);
		break;
	case ARGUMENT_DIRECTORY:
		fputs("_files -/", to);
		break;
	}
}

static void zsh_command(FILE *to, const struct command *c)
{
	const struct option_row *row;

	fprintf(to, "\t'%s')\n\t\t_arguments", c->name);
	for (size_t i = 0; (row = options_row(c, i)); i++) {
		fprintf(to, " \\\n\t\t\t'%s--%s%s[", row->kind == OPTION_REPEATED ? "*" : "",
			row->name, row->argument ? "=" : "");
		sentence(to, row->help, ":[]\\", zsh_quote);
		fputc(']', to);
		if (row->argument) {
			fputc(':', to);
			sentence(to, row->argument, ":\\", zsh_quote);
			fputc(':', to);
			if (*choices(row))
				fprintf(to, "(%s)", choices(row));
			else
				zsh_action(to, argument_of(row->argument));
		}
		fputc('\'', to);
	}
	if (c->operands) {
		fprintf(to, " \\\n\t\t\t'*:%s:", c->operands);
		if (*operand_words(c))
			fprintf(to, "(%s)", operand_words(c));
		else
			zsh_action(to, argument_of(c->operands));
		fputc('\'', to);
	}
	fputs(" ;;\n", to);
}

/* A group's own word, or the whole name; what it is about. */
static const char *group_what(const struct command *table)
{
	static char text[128];

	if (!strchr(table->name, ' '))
		return table->what;
	snprintf(text, sizeof(text), "Commands about %.*s%s", (int)manual_group(table), table->name,
		 table->name[manual_group(table) - 1] == 's' ? "" : "s");
	return text;
}

void completion_zsh(FILE *to, const struct command *const *commands)
{
	fputs("#compdef cordon\n"
	      "# Completion of cordon for zsh, made by `cordon completion zsh`.\n"
	      "_cordon()\n{\n"
	      "\tlocal command=$words[2]\n\tlocal -a list\n\tinteger taken=1\n"
	      "\tif (( CURRENT == 2 )); then\n\t\tlist=(\n",
	      to);
	for (size_t i = 0; commands[i]; i++)
		zsh_word(to, "\t\t\t", commands[i]->name, manual_group(commands[i]),
			 group_what(commands[i]));
	fputs("\t\t)\n\t\t_describe command list\n\t\treturn\n\tfi\n"
	      "\tcase $command in\n",
	      to);
	for (size_t i = 0; commands[i]; i++) {
		size_t n = manual_group(commands[i]);

		if (!commands[i]->name[n])
			continue;
		fprintf(to, "\t%.*s)\n\t\tlist=(\n", (int)n, commands[i]->name);
		for (const struct command *c = commands[i]; c->name; c++)
			zsh_word(to, "\t\t\t", c->name + n + 1, strlen(c->name + n + 1), c->what);
		fputs("\t\t)\n\t\ttaken=2 ;;\n", to);
	}
	fputs("\tesac\n"
	      "\tif (( taken == 2 )); then\n"
	      "\t\tif (( CURRENT == 3 )); then\n\t\t\t_describe command list\n\t\t\treturn\n"
	      "\t\tfi\n\t\tcommand=\"$command $words[3]\"\n\tfi\n"
	      "\twords=(cordon \"${(@)words[taken + 2, -1]}\")\n\t(( CURRENT -= taken ))\n"
	      "\tcase $command in\n",
	      to);
	for (size_t i = 0; commands[i]; i++)
		for (const struct command *c = commands[i]; c->name; c++)
			zsh_command(to, c);
	fputs("\tesac\n}\n"
	      "# Sourced, it registers itself; found by compinit in $fpath, it is the function.\n"
	      "if [ \"$funcstack[1]\" = _cordon ]; then _cordon \"$@\"; else compdef _cordon "
	      "cordon; "
	      "fi\n",
	      to);
}

static void fish_explain(FILE *to, const char *what)
{
	fputs(" -d '", to);
	sentence(to, what, "\\", fish_quote);
	fputs("'\n", to);
}

static void fish_command(FILE *to, const struct command *c)
{
	const struct option_row *row;

	for (size_t i = 0; (row = options_row(c, i)); i++) {
		fprintf(to, "complete -c cordon -n '__cordon_in %s' -l %s", c->name, row->name);
		if (row->argument && *choices(row))
			fprintf(to, " -x -a '%s'", choices(row));
		else if (row->argument && argument_of(row->argument) == ARGUMENT_FILE)
			fputs(" -r -F", to);
		else if (row->argument && argument_of(row->argument) == ARGUMENT_DIRECTORY)
			fputs(" -x -a '(__fish_complete_directories)'", to);
		else if (row->argument)
			fputs(" -x", to);
		fish_explain(to, row->help);
	}
	if (*operand_words(c))
		fprintf(to, "complete -c cordon -n '__cordon_in %s' -a '%s'\n", c->name,
			operand_words(c));
	else if (argument_of(c->operands) == ARGUMENT_FILE)
		fprintf(to, "complete -c cordon -n '__cordon_in %s' -F\n", c->name);
}

void completion_fish(FILE *to, const struct command *const *commands)
{
	fputs("# Completion of cordon for fish, made by `cordon completion fish`.\n"
	      "function __cordon_first\n"
	      "\ttest (count (commandline -opc)) -eq 1\nend\n"
	      "function __cordon_group\n"
	      "\tset -l t (commandline -opc)\n"
	      "\ttest (count $t) -eq 2; and test $t[2] = $argv[1]\nend\n"
	      "function __cordon_in\n"
	      "\tset -l t (commandline -opc)\n\tset -l last (math (count $argv) + 1)\n"
	      "\ttest (count $t) -ge $last; and test \"$t[2..$last]\" = \"$argv\"\nend\n"
	      "complete -c cordon -f\n",
	      to);
	for (size_t i = 0; commands[i]; i++) {
		size_t n = manual_group(commands[i]);

		fprintf(to, "complete -c cordon -n __cordon_first -a %.*s", (int)n,
			commands[i]->name);
		fish_explain(to, group_what(commands[i]));
		for (const struct command *c = commands[i]; c->name; c++) {
			if (c->name[n]) {
				fprintf(to, "complete -c cordon -n '__cordon_group %.*s' -a %s",
					(int)n, c->name, c->name + n + 1);
				fish_explain(to, c->what);
			}
			fish_command(to, c);
		}
	}
}
