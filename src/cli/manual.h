/* What is told about the commands, all of it from their tables. */
#pragma once

#include "cli/options.h"

#include <stdio.h>

/* commands: NULL-terminated list of the commands' tables. */
void manual_list(FILE *to, const struct command *const *commands, const char *group);
void manual_command(FILE *to, const struct command *c);
void manual_man(FILE *to, const struct command *const *commands); /* roff, for man(7) */

/* The first word of a command's name, which is a group's if there are two. */
size_t manual_group(const struct command *c);
