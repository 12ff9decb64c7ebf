/* Code as the command line takes it: a file, further modules, and what is said about them. */
#pragma once

#include "cli/options.h"

#include "base/buf.h"

struct code_options {
	struct option_list modules; /* NAME=FILE */
	const char *language;	    /* "" or NULL: by name, then by the code */
	int fences;
};

/* The rows of these options in the table of a command whose options are a `struct type`. */
#define CODE_ROWS(type, member)                                                                    \
	{.name = "module",                                                                         \
	 .argument = "NAME=FILE",                                                                  \
	 .kind = OPTION_REPEATED,                                                                  \
	 .offset = offsetof(struct type, member.modules),                                          \
	 .help = "A further module that the code may import as NAME. Its type follows from NAME: " \
		 ".js .mjs .ts .mts .json .txt .md .csv .html .bin .wasm. May be given up to 255 " \
		 "times."},                                                                        \
		{.name = "language",                                                               \
		 .argument = "js|ts",                                                              \
		 .kind = OPTION_CHOICE,                                                            \
		 .offset = offsetof(struct type, member.language),                                 \
		 .preset = "",                                                                     \
		 .help = "Language of the main module. By default its file name decides, then "    \
			 "the code itself."},                                                      \
	{                                                                                          \
		.name = "fences", .kind = OPTION_FLAG,                                             \
		.offset = offsetof(struct type, member.fences),                                    \
		.help = "Tolerate Markdown fences around the code, as models write them."          \
	}

/* A buffer that has room for the largest module map. */
#define CODE_MAP_INIT BUF_INIT(LIMIT_CODE + LIMIT_MODULES * (LIMIT_MODULE_NAME + 16))

/* What the main module from `file` ("-": standard input) is called. */
const char *code_main(const char *file);

/* Reads the file and the modules into a module map (wire/modmap.h), and checks it. */
int code_load(const struct code_options *o, const char *file, struct buf *map, struct err *reterr);

/* Appends the members with which the API takes the code, with a comma before each. */
void code_json(struct buf *b, const struct code_options *o, const char *main_name,
	       const struct buf *map);

/* The name of the first of these options that was given; NULL: none. */
const char *code_given(const struct code_options *o);
