/*
 * The commands of `cordon`: a table for each file, ended by a row without a name. The first word of
 * the names in one table is the same.
 */
#pragma once

#include "cli/options.h"

enum { EXIT_USAGE = 2, EXIT_DENIED = 3, EXIT_PLATFORM = 5 };

extern const struct command run_commands[], doctor_commands[], tenant_commands[], tier_commands[],
	key_commands[], profile_commands[], runs_commands[], up_commands[], lease_commands[],
	artifact_commands[], events_commands[], trace_commands[], receipt_commands[],
	verify_commands[], log_commands[], queue_commands[], quota_commands[], usage_commands[];
