/*
 * cordon: the command line. It starts a platform for its own duration and talks to it; it holds no
 * right that its caller does not have. What it prints from inside a sandbox was checked by the node
 * and is made harmless for a terminal here.
 */
#include "cli/commands.h"
#include "cli/options.h"

#include <stdio.h>
#include <string.h>

#ifndef CORDON_VERSION
#define CORDON_VERSION "unknown"
#endif

static int help(FILE *to)
{
	fputs("Usage: cordon COMMAND [OPTIONS]\n\n"
	      "  run [FILE|-]   run JavaScript or TypeScript in a jailed process of its own\n"
	      "  up             serve the HTTP API in the foreground\n"
	      "  doctor         tell what this machine offers for the jail, and what is missing\n"
	      "  version        print the version\n\n"
	      "`cordon run --help` lists the options of a run; cordon(1) says more.\n",
	      to);
	return to == stdout ? 0 : EXIT_USAGE;
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	if (!strcmp(command, "run"))
		return command_run(argc - 1, argv + 1);
	if (!strcmp(command, "up"))
		return command_up(argc - 1, argv + 1);
	if (!strcmp(command, "doctor"))
		return command_doctor(argc - 1, argv + 1);
	if (!strcmp(command, "version") || !strcmp(command, "--version")) {
		puts("cordon " CORDON_VERSION);
		return 0;
	}
	if (!strcmp(command, "--man")) { /* how the build makes the man page */
		options_man(stdout);
		return 0;
	}
	if (!strcmp(command, "help") || !strcmp(command, "--help") || !strcmp(command, "-h"))
		return help(stdout);
	if (*command)
		fprintf(stderr, "cordon: unknown command '%s'\n\n", command);
	return help(stderr);
}
