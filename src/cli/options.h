/*
 * The options of `cordon run`: one table from which parser, --help and the man page come.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

#include <stdio.h>

enum { OPTION_MODULES_MAX = 256 };

struct run_options {
	const char *file;  /* path, or "-" */
	const char *input; /* JSON, or @path */
	const char *class_, *tier, *jail, *language, *journal, *seed, *now;
	const char *modules[OPTION_MODULES_MAX + 1]; /* NAME=FILE */
	size_t module_count;
	uint64_t cpu_ms, wall_ms, memory_mb, output_kb, operations, log_lines, timers;
	int json, fences, eval, help;
};

/* 0, or -EINVAL with a message that names the argument and the remedy. argv[0] is skipped. */
int options_parse(struct run_options *o, int argc, char **argv, struct err *reterr);

void options_help(FILE *to);
void options_man(FILE *to); /* roff, for man(7) */
