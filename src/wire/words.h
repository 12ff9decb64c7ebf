/*
 * The vocabulary that crosses process boundaries as numbers (DESIGN: section 2). Numbers are
 * append-only. `words_*` give the stable text of each.
 */
#pragma once

#include <stdint.h>

#define ENGINE_MODES(X) X(0, STANDARD, "standard") X(1, REGULATED, "regulated")
#define TASK_CLASSES(X) X(0, INTERACTIVE, "interactive") X(1, BULK, "bulk")
#define OUTCOMES(X)                                                                                \
	X(0, COMPLETED, "completed")                                                               \
	X(1, FAILED, "failed") X(2, DENIED, "denied") X(3, TERMINATED, "terminated")
#define TERMINATION_REASONS(X)                                                                     \
	X(0, NONE, "none")                                                                         \
	X(1, WALL_TIME, "wall_time")                                                               \
	X(2, CPU_TIME, "cpu_time")                                                                 \
	X(3, MEMORY, "memory")                                                                     \
	X(4, OUTPUT, "output")                                                                     \
	X(5, OPERATIONS, "operations")                                                             \
	X(6, POLICY, "policy")                                                                     \
	X(7, JAIL_VIOLATION, "jail_violation")                                                     \
	X(8, CRASHED, "crashed")                                                                   \
	X(9, CANCELLED, "cancelled")                                                               \
	X(10, REVOKED, "revoked") X(11, SHUTDOWN, "shutdown") X(12, LOG_LINES, "log_lines")
#define VALUE_KINDS(X) X(0, JSON, "json") X(1, TEXT, "text") X(2, BYTES, "bytes")
#define ANSWER_STATUSES(X) X(0, OK, "ok") X(1, DENY, "deny") X(2, ERROR, "error")
#define LOG_LEVELS(X)                                                                              \
	X(0, DEBUG, "debug")                                                                       \
	X(1, LOG, "log") X(2, INFO, "info") X(3, WARN, "warn") X(4, ERROR, "error")

/* What an entry of the log is. */
#define ENTRY_KINDS(X) X(0, RUN, "run") X(1, ACT, "act")
/* What the ledger can be asked. a, b and text: */
#define LEDGER_QUESTIONS(X)                                                                        \
	/* text: a subject, or "TENANT/SUBJECT": one of that tenant; a: 1: wait for a checkpoint   \
	 * that has it */                                                                          \
	X(0, RECEIPT, "receipt")                                                                   \
	X(1, CHECKPOINT, "checkpoint") /* the newest */                                            \
	X(2, TILE, "tile")	       /* text: its path, merkle_tile_parse() */                   \
	X(3, TRUSTED_ROOT, "trusted_root")                                                         \
	X(4, EVENTS,                                                                               \
	  "events") /* text: conditions, a JSON object; a, b: after which entry, line */           \
	X(5, INCLUSION, "inclusion")	 /* a: index; b: size */                                   \
	X(6, CONSISTENCY, "consistency") /* a: from; b: to */                                      \
	X(7, ROTATE, "rotate")		 /* a new generation of keys */                            \
	X(8, COSIGN, "cosign")		 /* text: a checkpoint with a witness's signature */       \
	X(9, JOURNAL, "journal")	 /* text: a subject */                                     \
	X(10, USAGE, "usage")		 /* text: conditions, a JSON object */

#define X(n, U, t) ENTRY_##U = n,
enum entry_kind { ENTRY_KINDS(X) ENTRY_COUNT };
#undef X
#define X(n, U, t) ASK_##U = n,
enum ledger_question { LEDGER_QUESTIONS(X) ASK_COUNT };
#undef X
#define X(n, U, t) ENGINE_##U = n,
enum engine_mode { ENGINE_MODES(X) ENGINE_COUNT };
#undef X
#define X(n, U, t) CLASS_##U = n,
enum task_class { TASK_CLASSES(X) CLASS_COUNT };
#undef X
#define X(n, U, t) OUTCOME_##U = n,
enum outcome { OUTCOMES(X) OUTCOME_COUNT };
#undef X
#define X(n, U, t) REASON_##U = n,
enum termination_reason { TERMINATION_REASONS(X) REASON_COUNT };
#undef X
#define X(n, U, t) VALUE_##U = n,
enum value_kind { VALUE_KINDS(X) VALUE_COUNT };
#undef X
#define X(n, U, t) ANSWER_##U = n,
enum answer_status { ANSWER_STATUSES(X) ANSWER_COUNT };
#undef X
#define X(n, U, t) LEVEL_##U = n,
enum log_level { LOG_LEVELS(X) LEVEL_COUNT };
#undef X

/* Flags of a run (SUBMIT, START). */
enum run_flag {
	RUN_VIRTUAL_CLOCK =
		1 << 0,	      /* the clock starts at now_ms and moves only as asked: repeatable */
	RUN_FENCES = 1 << 1,  /* tolerate Markdown fences around the main module */
	RUN_EVAL = 1 << 2,    /* eval and new Function work */
	RUN_WASM = 1 << 3,    /* WebAssembly exists (node sets it: code asks and mode allows) */
	RUN_JOURNAL = 1 << 4, /* send the journal to the front at the end */
	RUN_NO_WASM = 1 << 5, /* WebAssembly is absent, whatever the code names */
	RUN_LIVE = 1 << 7,    /* send the journal as it is written */
	RUN_HOLD = 1 << 6,    /* more runs of the same code may follow (node sets it) */
};

const char *words_engine(uint8_t value);
const char *words_class(uint8_t value);
const char *words_outcome(uint8_t value);
const char *words_reason(uint8_t value);
const char *words_value(uint8_t value);
const char *words_answer(uint8_t value);
const char *words_level(uint8_t value);
int words_engine_parse(const char *text, uint8_t *ret);
int words_class_parse(const char *text, uint8_t *ret);
