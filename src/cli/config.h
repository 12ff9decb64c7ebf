/*
 * cordon.yaml: every setting of `cordon up`, under the names that its options' rows give them
 * (options.h). What stands on the command line counts more.
 */
#pragma once

#include "cli/options.h"
#include "policy/arena.h"

/*
 * Takes the settings of a file for options that were not given. Texts live in `a`. -EINVAL with
 * "FILE: LINE:COLUMN: …".
 */
int config_read(struct call *call, const char *path, struct arena *a, struct err *reterr);

extern const struct command config_commands[]; /* config */
