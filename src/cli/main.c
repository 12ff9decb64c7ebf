/*
 * cordon: the command line. It starts a platform for its own duration and talks to it, or asks a
 * daemon over HTTP; it holds no right that its caller does not have, but the key in CORDON_API_KEY.
 * What it prints from inside a sandbox was checked by the node, and what a daemon answers is
 * bounded and walked with care; both are made harmless for a terminal here. Worst case: a hostile
 * daemon at the other end of a URL learns that key, and owns a process with the rights of its
 * caller.
 */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/config.h"
#include "cli/manual.h"

#include <stdio.h>
#include <string.h>

#ifndef CORDON_VERSION
#define CORDON_VERSION "unknown"
#endif

static int version(const struct call *call);
static int completion(const struct call *call);

static const struct command version_commands[] = {{.name = "version",
						   .what = "Prints the version.",
						   .shared = options_help_only,
						   .size = sizeof(struct shared_options),
						   .run = version},
						  {0}};
static const struct command completion_commands[] = {
	{.name = "completion",
	 .operands = "bash|zsh|fish",
	 .operands_min = 1,
	 .operands_max = 1,
	 .what = "Prints a completion for the shell.",
	 .text = "Prints what a shell needs to complete commands and options.\n"
		 "bash: source <(cordon completion bash)\n"
		 "zsh: source <(cordon completion zsh), after compinit\n"
		 "fish: cordon completion fish | source",
	 .shared = options_help_only,
	 .size = sizeof(struct shared_options),
	 .run = completion},
	{0}};

static const struct command *const commands[] = {up_commands,	    config_commands,
						 run_commands,	    runs_commands,
						 artifact_commands, lease_commands,
						 events_commands,   trace_commands,
						 receipt_commands,  verify_commands,
						 log_commands,	    usage_commands,
						 profile_commands,  tenant_commands,
						 tier_commands,	    key_commands,
						 queue_commands,    quota_commands,
						 doctor_commands,   completion_commands,
						 version_commands,  NULL};

static int version(const struct call *call)
{
	(void)call;
	puts("cordon " CORDON_VERSION);
	return 0;
}

static int completion(const struct call *call)
{
	static const struct {
		const char *shell;
		void (*write)(FILE *to, const struct command *const *commands);
	} shells[] = {
		{"bash", completion_bash}, {"zsh", completion_zsh}, {"fish", completion_fish}};
	struct err e;

	for (size_t i = 0; i < ARRAY_SIZE(shells); i++)
		if (!strcmp(call->operands[0], shells[i].shell)) {
			shells[i].write(stdout, commands);
			return 0;
		}
	err_set(&e, 0, "usage", "no completion for '%s': bash, zsh or fish is needed",
		call->operands[0]);
	return api_usage(call, &e);
}

/*
 * The command that the words at argv[1] name; a group's word alone names its list. *ret_words: how
 * many of them; 1 with NULL: a group without the command.
 */
static const struct command *find(int argc, char **argv, int *ret_words)
{
	const char *second = argc > 2 && argv[2][0] != '-' ? argv[2] : "list";

	*ret_words = 0;
	for (size_t i = 0; commands[i]; i++)
		for (const struct command *c = commands[i]; c->name; c++) {
			size_t n = manual_group(c);

			if (strlen(argv[1]) != n || strncmp(argv[1], c->name, n) != 0)
				continue;
			*ret_words = 1;
			if (!c->name[n])
				return c;
			if (!strcmp(second, c->name + n + 1)) {
				*ret_words = argc > 2 && second == argv[2] ? 2 : 1;
				return c;
			}
			*ret_words = 1;
		}
	return NULL;
}

static int call_command(const struct command *c, int argc, char **argv)
{
	struct call call;
	struct err e;
	int status;

	if (options_parse(&call, c, argc, argv, &e) < 0) {
		status = api_usage(&call, &e);
	} else if (((struct shared_options *)call.options)->help) {
		manual_command(stdout, c);
		status = 0;
	} else {
		status = c->run(&call);
	}
	options_done(&call);
	/* What was flushed earlier and failed is known by ferror() alone. */
	if ((fflush(stdout) != 0 || ferror(stdout)) && status == 0) {
		fputs("cordon: standard output cannot be written\n", stderr);
		status = EXIT_PLATFORM;
	}
	return status;
}

static int is_help(const char *word)
{
	return !strcmp(word, "help") || !strcmp(word, "--help") || !strcmp(word, "-h");
}

int main(int argc, char **argv)
{
	const struct command *c;
	int words;

	if (argc < 2) {
		manual_list(stderr, commands, NULL);
		return EXIT_USAGE;
	}
	if (is_help(argv[1])) {
		manual_list(stdout, commands, NULL);
		return 0;
	}
	if (!strcmp(argv[1], "--man")) { /* how the build makes the man page */
		manual_man(stdout, commands);
		return 0;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("cordon " CORDON_VERSION);
		return 0;
	}
	c = find(argc, argv, &words);
	if (words && argc > 2 && is_help(argv[2]) && (!c || c->name[manual_group(c)])) {
		manual_list(stdout, commands, argv[1]);
		return 0;
	}
	if (c)
		return call_command(c, argc - 1 - words, argv + 1 + words);
	if (words && argc > 2)
		fprintf(stderr, "cordon: unknown command '%s %s'\n\n", argv[1], argv[2]);
	else if (!words)
		fprintf(stderr, "cordon: unknown command '%s'\n\n", argv[1]);
	manual_list(stderr, commands, words ? argv[1] : NULL);
	return EXIT_USAGE;
}
