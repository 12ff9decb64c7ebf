/*
 * Commands and their options: one table per command, from which the parser, --help, the man page
 * and the shell's completion come (manual.h).
 */
#pragma once

#include "base/err.h"

enum option_kind {
	OPTION_FLAG,	 /* int: 1 when given */
	OPTION_NUMBER,	 /* uint64_t */
	OPTION_TEXT,	 /* const char *: the argument as given, in argv */
	OPTION_CHOICE,	 /* const char *: one of the words in `argument`, "a|b|c" */
	OPTION_REPEATED, /* struct option_list: each argument as given */
};

struct option_row {
	const char *name;     /* without the dashes; NULL ends a table */
	const char *argument; /* what --help calls it; NULL for a flag */
	enum option_kind kind;
	size_t offset; /* of the member in the command's options */
	uint64_t fallback, min,
		max;	     /* of a number; a fallback below min: no default, 0 if absent */
	const char *preset;  /* of a text or choice that is absent */
	const char *setting; /* its name in cordon.yaml (config.h); NULL: it has none */
	const char *help;
};

enum { OPTION_LIST_MAX = 255, OPERANDS_MAX = 64, OPTIONS_MAX = 64 };

struct option_list {
	const char *v[OPTION_LIST_MAX];
	size_t n;
};

/* The first member of every command's options. */
struct shared_options {
	const char *data, *url, *tenant; /* NULL: not given */
	int json, help;
};

extern const struct option_row options_help_only[]; /* --help */
extern const struct option_row options_json[];	    /* --json --help */
extern const struct option_row options_local[];	    /* --data --json --help */
extern const struct option_row options_daemon[];    /* --url --data --json --help */
extern const struct option_row options_shared[];    /* those, and --tenant */

/* A command as it was called. */
struct call {
	const struct command *command;
	void *options;	/* as the command's table describes it */
	uint64_t given; /* a bit for each row: own rows first, then the shared ones */
	const char *operands[OPERANDS_MAX];
	size_t operand_count;
};

struct command {
	const char *name;     /* one or two words: "run", "tenant create"; NULL ends a table */
	const char *operands; /* as the usage line has them; NULL: none */
	size_t operands_min, operands_max;
	const char *surplus;	       /* what to do instead of giving more of them; may be NULL */
	const char *what;	       /* a few words, for the list of commands */
	const char *text;	       /* for --help and the man page; may be NULL */
	const struct option_row *rows; /* its own; may be NULL */
	const struct option_row *shared;
	size_t size;			     /* of its options */
	int (*run)(const struct call *call); /* returns the exit status */
};

/*
 * Fills `call` for `command` from the arguments after its name. 0, or -EINVAL with a message that
 * names the argument and the remedy. With --help nothing else is checked. Give it to
 * options_done() in either case.
 */
int options_parse(struct call *call, const struct command *command, int argc, char **argv,
		  struct err *reterr);
void options_done(struct call *call);

/* The value of an option from elsewhere than the command line; `text` must live as long as `call`.
 */
int options_take(struct call *call, const struct option_row *row, const char *text,
		 struct err *reterr);

/* Whether the option of that name was given. */
int options_given(const struct call *call, const char *name);

/* The option's row, NULL if the command has none of that name. *ret_index may be NULL. */
const struct option_row *options_find(const struct command *c, const char *name, size_t len,
				      size_t *ret_index);

/* Row `index` of the command, own rows first; NULL past the end. */
const struct option_row *options_row(const struct command *c, size_t index);
