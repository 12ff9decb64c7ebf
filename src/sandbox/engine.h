/*
 * JavaScriptCore and the prelude (js/CONTRACT.md): one global object, made and warmed in the
 * zygote, used by each forked sandbox for one run, or for the runs of one lease.
 */
#pragma once

#include "base/err.h"
#include "wire/message.h"

/* What the prelude may ask of its surroundings; set by sandbox.c. */
struct engine_host {
	void (*log)(uint8_t level, struct wire_bytes text, struct wire_bytes data);
	uint32_t (*operation)(struct wire_bytes kind, struct wire_bytes payload);
	void (*compiled)(struct wire_bytes text);
	void (*result)(uint8_t kind, struct wire_bytes data);
	void (*fail)(int exhausted, struct wire_bytes error);
};

/* Zygote: starts the engine, evaluates the prelude, warms it. */
int engine_init(const char *prelude, size_t len, const struct engine_host *host,
		struct err *reterr);

/*
 * Zygote: collects garbage, so that no sandbox comes near the next collection by what the zygote
 * did, and rehearses the commonest runs on the collected heap.
 */
int engine_settle(struct err *reterr);

/* Sandbox, before it is given work: touches what every run touches, so that those pages are its
 * own. */
void engine_touch(void);

/* Sandbox: the calls of the contract. Each drains microtasks before it returns. */
void engine_start(const struct msg_start *start);
void engine_again(const struct msg_again *again);
void engine_answer(const struct msg_answer *answer);
int64_t engine_next_timer(void); /* ms since the epoch, or -1 */
void engine_run_timers(void);
void engine_version(char out[64]); /* "JavaScriptCore 2.50.6" */
int engine_broken(void);	   /* no other run can follow */
uint32_t engine_pending(void);	   /* operations that wait for an answer */
