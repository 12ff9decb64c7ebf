/* What a sandbox owned by its agent might send: one script per row, played by a real process. */
#pragma once

#include "jail/front.h"

struct script {
	const char *name;
	/* After START, whose message it gets. When it returns, the process waits to be ended. */
	void (*play)(int sock, const struct msg_start *start);
	uint8_t outcome, reason; /* what the run must come to */
	const char
		*value; /* what a completed run's value or a failed one's error is, if not NULL */
	/* Ceilings that differ from the test's usual ones; 0: the usual. */
	uint64_t wall_ms, cpu_ms, output;
	uint32_t operations;
	int threads; /* its code speaks of WebAssembly, so it may start threads */
};

extern const struct script scripts[];
extern const size_t script_count;

/* The index of a script by name; aborts on a name that is not there. */
size_t script_find(const char *name);

/* main of a sandbox: jailed and warm, waits for START, plays the script that the input names. */
void evil_sandbox(int sock);

/* What a sandbox does before START instead. */
struct opening {
	const char *name;
	void (*play)(int sock);
};
extern const struct opening openings[];
extern const size_t opening_count;
void evil_silence(int sock);		   /* says nothing, ever */
extern const struct opening *evil_opening; /* played by sandboxes forked from now on; NULL: none */
