/* What the commands share that ask the daemon one thing and print its answer. */
#pragma once

#include "cli/client.h"
#include "cli/jsonview.h"
#include "cli/options.h"
#include "cli/table.h"

/*
 * Asks the daemon that the options name, for the tenant that they name. 0 and the answer; else it
 * has said what went wrong, and returns the exit status (more than 0).
 */
int api_ask(const struct call *call, const struct request *q, struct reply *ret);

/* The same without a body. */
int api_do(const struct call *call, const char *method, const char *path, struct reply *ret);

/*
 * The answer as JSON on standard output, on a line of its own. 0; says so and returns EXIT_PLATFORM
 * if it is none.
 */
int api_print_json(const struct reply *r);

/* Says that the daemon's answer is not what the API gives; returns EXIT_PLATFORM. */
int api_no_answer(void);

/* A view of the answer, which must be an object; api_no_answer() if it is none. */
int api_view(const struct reply *r, struct jsonview *ret);

/* A column of a table that shows a member of each object. */
struct api_column {
	const char *header, *member;
	int is_time;
};

/* Rows of the array `list` in the answer; with --json the answer itself. Returns the status. */
int api_print_list(const struct call *call, const struct reply *r, const char *list,
		   const struct api_column *columns, size_t n);
/* The answer's own members, one a line; with --json the answer itself. */
int api_print_card(const struct call *call, const struct reply *r, const struct api_column *columns,
		   size_t n);

/* Prints "cordon COMMAND: message"; returns EXIT_USAGE. */
int api_usage(const struct call *call, const struct err *e);

/* The same for a sentence. */
int api_refuse(const struct call *call, const char *what);

/* "/v1/THINGS/ID" and what follows. */
void api_path(struct buf *path, const char *things, const char *id, const char *after);

/* "name=MS" in the query for a moment that was given as people do (moment.h); nothing if it is
 * NULL. -EINVAL: it is none; the message names the option. */
int api_moment(struct buf *path, const char *name, const char *text, struct err *reterr);

/* Prints a secret member alone, for scripts. */
int api_print_secret(const struct reply *r, const char *member);

/* The whole of a file, or with "-" of standard input, terminated by a zero byte. */
int api_read(const char *path, size_t max, char **ret, size_t *ret_len, struct err *reterr);

/* The part after the last slash. */
const char *api_base_name(const char *path);

/* "K=V" as a member of a JSON object, after a comma if others are there. -EINVAL: no "="; the
 * message names the option. */
int api_pair(struct buf *object, const char *option, const char *pair, struct err *reterr);
