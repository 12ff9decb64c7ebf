/* `cordon run`: its options, and the way of a run through the daemon. */
#pragma once

#include "cli/client.h"
#include "cli/code.h"
#include "cli/options.h"
#include "wire/message.h"

#include <stdio.h>

struct run_options {
	struct shared_options shared;
	const char *input; /* JSON, or @path */
	const char *class_, *tier, *jail, *journal, *seed, *now;
	const char *profile, *artifact, *schema, *session, *idempotency_key;
	struct code_options code;
	struct option_list labels, provenance; /* KEY=VALUE */
	uint64_t cpu_ms, wall_ms, memory_mb, output_kb, operations, log_lines, timers, deadline_ms;
	int eval, local, idempotent;
};

/*
 * Whether the run goes to the daemon: 1 or 0; -EINVAL when the options contradict that. A socket is
 * taken if a daemon answers on it; if nobody named it, only for what a daemon can do.
 */
int remote_wanted(const struct call *call, const struct client *c, struct err *reterr);

/* What goes to the daemon besides what the options say themselves. */
struct remote_code {
	const struct msg_submit *submit; /* its input */
	const struct buf *map;		 /* its modules */
	const char *schema;		 /* JSON; NULL: none */
};

/*
 * Runs it on the daemon and prints what it comes to, as the local way does. Limits, class and seed
 * go along only if they were given: the profile has its own. Returns the exit status.
 */
int remote_run(const struct call *call, const struct client *c, const struct remote_code *code,
	       FILE *journal);
