/* What a shell needs to complete the command line, from the tables of the commands. */
#pragma once

#include "cli/options.h"

#include <stdio.h>

/* commands: NULL-terminated list of the commands' tables. */
void completion_bash(FILE *to, const struct command *const *commands);
void completion_zsh(FILE *to, const struct command *const *commands);
void completion_fish(FILE *to, const struct command *const *commands);
