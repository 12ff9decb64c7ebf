/*
 * Every message between Cordon's processes: the one schema from which structs, encoders and
 * decoders are generated (message.h, message.c).
 *
 * A frame is 8 bytes, then the body: body length (u32), message type (u8), three zero bytes.
 * Integers are little-endian. A field of type `bytes` is a u32 length and that many bytes, at most
 * the maximum in its third column; the decoder refuses a longer one, a body that ends early, and a
 * body with anything left over.
 *
 *   M(type number, UPPER, lower, FIELDS)      F(type, name, maximum)
 *
 * Numbers are never reused. Links: see `enum wire_link` in message.h for who may send what, when.
 */
#pragma once

#include "wire/limits.h"

/* What a run may use. Shared by SUBMIT (front to node) and the node's own records. */
#define WIRE_LIMIT_FIELDS(F)                                                                       \
	F(u64, cpu_us, 0)	/* CPU time of the run, microseconds */                            \
	F(u64, wall_us, 0)	/* wall time from start to result, microseconds */                 \
	F(u64, memory_bytes, 0) /* growth of the sandbox's data segment */                         \
	F(u64, output_bytes, 0) /* result and logs together */                                     \
	F(u32, operations, 0)	/* messages that ask for an answer */                              \
	F(u32, log_lines, 0)                                                                       \
	F(u32, timers, 0) /* pending at once */

/* front (the CLI now, control later) -> node */
#define WIRE_SUBMIT(F)                                                                             \
	F(u64, handle, 0)	  /* the front's name for the run on this link; unique, not 0 */   \
	F(bytes, run, LIMIT_NAME) /* run ID */                                                     \
	/* members of a JSON object, each after a comma: they stand in every event of the run */   \
	F(bytes, context, LIMIT_CONTEXT)                                                           \
	F(bytes, admitted, LIMIT_CONTEXT) /* the same, but in the first event only */              \
	F(u64, hold, 0)	 /* not 0: in this sandbox; engine, memory and code are its */             \
	F(u8, engine, 0) /* enum engine_mode */                                                    \
	F(u8, class_, 0) /* enum task_class */                                                     \
	F(u8, nice, 0)	 /* 0 to 19: how far its share of the CPU stands behind others */          \
	F(u8, flags, 0)	 /* RUN_* */                                                               \
	WIRE_LIMIT_FIELDS(F)                                                                       \
	F(u64, seed, 0)                                                                            \
	F(i64, now_ms, 0) /* clock at start when RUN_VIRTUAL_CLOCK, else ignored */                \
	F(bytes, language, LIMIT_NAME)                                                             \
	F(bytes, main, LIMIT_MODULE_NAME)                                                          \
	F(bytes, modules, LIMIT_CODE + LIMIT_MODULES * (LIMIT_MODULE_NAME + 16)) /* modmap.h */    \
	F(bytes, input, LIMIT_INPUT) /* JSON text; empty: no input */
#define WIRE_CANCEL(F)                                                                             \
	F(u64, handle, 0)                                                                          \
	F(u8, reason, 0) /* enum termination_reason */
/* From here until RELEASE, one sandbox is kept for runs that name `hold`, once one has begun. */
#define WIRE_HOLD(F)                                                                               \
	F(u64, hold, 0) /* the front's name for it; unique, not 0 */                               \
	F(u8, engine, 0)                                                                           \
	F(u8, nice, 0)                                                                             \
	F(u8, flags, 0)		/* RUN_FENCES, RUN_EVAL, RUN_NO_WASM */                            \
	F(u64, memory_bytes, 0) /* growth of the sandbox over all its runs */                      \
	F(bytes, language, LIMIT_NAME)                                                             \
	F(bytes, main, LIMIT_MODULE_NAME)                                                          \
	F(bytes, modules, LIMIT_CODE + LIMIT_MODULES * (LIMIT_MODULE_NAME + 16))
#define WIRE_RELEASE(F) F(u64, hold, 0)

/* node -> front */
#define WIRE_NODE_READY(F)                                                                         \
	F(bytes, error_code, LIMIT_NAME) /* not empty: the node cannot run anything, and why */    \
	F(bytes, error, 1024)                                                                      \
	F(bytes, jail, LIMIT_JAIL_REPORT) /* JSON object, see jail_json() */
#define WIRE_RUN_LOG(F)                                                                            \
	F(u64, handle, 0)                                                                          \
	F(u8, level, 0)                                                                            \
	F(bytes, text, LIMIT_LOG_TEXT)                                                             \
	F(bytes, data, LIMIT_LOG_DATA)
#define WIRE_RUN_JOURNAL(F)                                                                        \
	F(u64, handle, 0)                                                                          \
	F(bytes, line, LIMIT_JOURNAL_LINE) /* one event, canonical JSON; see evidence/journal.h */ \
	F(bytes, payload, LIMIT_JOURNAL_PAYLOAD) /* whose digest the event has; empty: none */
#define WIRE_RUN_DONE(F)                                                                           \
	F(u64, handle, 0)                                                                          \
	F(u8, outcome, 0)      /* enum outcome */                                                  \
	F(u8, reason, 0)       /* enum termination_reason, when terminated */                      \
	F(u64, limit, 0)       /* the ceiling that was reached, in its own unit */                 \
	F(u64, observed, 0)    /* what the node saw, same unit */                                  \
	F(bytes, detail, 1024) /* one sentence for a person */                                     \
	F(u8, value_kind, 0)   /* enum value_kind */                                               \
	F(bytes, value, LIMIT_RESULT)                                                              \
	F(bytes, error, LIMIT_ERROR) /* JSON object, when failed or denied */                      \
	F(u64, queue_us, 0)                                                                        \
	F(u64, spawn_us, 0)                                                                        \
	F(u64, run_us, 0)                                                                          \
	F(u64, wall_us, 0)                                                                         \
	F(u64, active_us, 0) /* of run_us: when it was not waiting for an answer or a timer */     \
	F(u64, cpu_us, 0)                                                                          \
	F(u64, memory_peak_bytes, 0)                                                               \
	F(u32, operations, 0)                                                                      \
	F(u64, output_bytes, 0)                                                                    \
	F(u64, seed, 0)                                                                            \
	F(i64, now_ms, 0)  /* the run's clock at its start */                                      \
	F(u8, cached, 0)   /* its transformed code was known */                                    \
	F(u8, platform, 0) /* it came to nothing for no fault of its own */                        \
	F(bytes, jail, LIMIT_JAIL_REPORT)                                                          \
	F(bytes, engine_version, LIMIT_NAME)                                                       \
	F(u64, journal_count, 0) /* events of its journal; 0: it has none */                       \
	F(bytes, journal_root, 32)                                                                 \
	F(bytes, seal, 32) /* the node's word for them, journal_seal() */

/* node -> sandbox */
#define WIRE_START(F)                                                                              \
	F(u64, memory_bytes, 0) /* the ceiling, for the sandbox's last words only */               \
	F(u64, data_limit, 0)	/* absolute RLIMIT_DATA */                                         \
	F(u64, space_limit, 0) /* absolute RLIMIT_AS: bounds page tables, which cost memory too */ \
	F(u8, nice, 0)                                                                             \
	F(u64, cpu_s, 0) /* RLIMIT_CPU, the backstop behind the node's own watch */                \
	F(u64, seed, 0)                                                                            \
	F(i64, now_ms, 0)                                                                          \
	F(u8, flags, 0)                                                                            \
	F(u32, timers, 0)                                                                          \
	F(bytes, language, LIMIT_NAME)                                                             \
	F(bytes, main, LIMIT_MODULE_NAME)                                                          \
	F(bytes, modules, LIMIT_CODE + LIMIT_MODULES * (LIMIT_MODULE_NAME + 16))                   \
	F(bytes, input, LIMIT_INPUT)                                                               \
	F(bytes, compiled, LIMIT_COMPILED)
/* To one that was started with RUN_HOLD and has answered: another run of the same code. */
#define WIRE_AGAIN(F)                                                                              \
	F(u64, seed, 0)                                                                            \
	F(i64, now_ms, 0)                                                                          \
	F(u32, timers, 0)                                                                          \
	F(bytes, input, LIMIT_INPUT)
#define WIRE_ANSWER(F)                                                                             \
	F(u32, id, 0)                                                                              \
	F(u8, status, 0) /* enum answer_status */                                                  \
	F(i64, now_ms, 0)                                                                          \
	F(bytes, payload, LIMIT_ANSWER)
#define WIRE_WAKE(F) F(i64, now_ms, 0)

/* sandbox -> node: untrusted */
#define WIRE_TOUCHED(F) F(u8, zero, 0) /* jailed and warm, waits for START */
#define WIRE_COMPILED(F) F(bytes, text, LIMIT_COMPILED)
#define WIRE_LOG(F)                                                                                \
	F(u8, level, 0)                                                                            \
	F(bytes, text, LIMIT_LOG_TEXT)                                                             \
	F(bytes, data, LIMIT_LOG_DATA)
#define WIRE_OPERATION(F)                                                                          \
	F(u32, id, 0) /* 1, 2, 3 … without gaps */                                               \
	F(bytes, kind, LIMIT_NAME)                                                                 \
	F(bytes, payload, LIMIT_OPERATION)
#define WIRE_WAIT(F) F(i64, until_ms, 0) /* -1: nothing left that could wake it */
#define WIRE_RESULT(F)                                                                             \
	F(u8, kind, 0)                                                                             \
	F(bytes, data, LIMIT_RESULT)
#define WIRE_FAIL(F)                                                                               \
	F(u8, exhausted, 0) /* claims that memory ran out; the node looks for itself */            \
	F(bytes, error, LIMIT_ERROR)

/* node <-> zygote (one message per packet) */
#define WIRE_FORK(F)                                                                               \
	F(u64, id, 0)                                                                              \
	F(u8, threads, 0) /* this sandbox may start threads (WebAssembly needs one) */
#define WIRE_ZYGOTE_READY(F)                                                                       \
	F(bytes, error_code, LIMIT_NAME) /* not empty: it will exit, and why */                    \
	F(bytes, error, 1024)                                                                      \
	F(bytes, jail, LIMIT_JAIL_REPORT)                                                          \
	F(bytes, version, LIMIT_NAME) /* of the engine */
#define WIRE_FORKED(F)		      /* carries two descriptors: socket, pidfd */                 \
	F(u64, id, 0)                                                                              \
	F(u64, fork_us, 0)
#define WIRE_FORK_FAILED(F)                                                                        \
	F(u64, id, 0)                                                                              \
	F(u32, number, 0) /* errno */
#define WIRE_EXITED(F)                                                                             \
	F(u64, id, 0)                                                                              \
	F(u32, status, 0) /* as wait(2) gives it */                                                \
	F(u64, cpu_us, 0)                                                                          \
	F(u64, rss_peak_bytes, 0) /* resident set at its highest, shared pages included */

/* node <-> supervisor (one message per packet) */
#define WIRE_SPAWN(F) F(u8, engine, 0)
#define WIRE_SPAWNED(F) /* carries one descriptor, the link to the zygote, unless error */         \
	F(u8, engine, 0)                                                                           \
	F(bytes, error_code, LIMIT_NAME)                                                           \
	F(bytes, error, 1024)

/* supervisor -> front (one message per packet) */
#define WIRE_NODE_LINK(F)                                                                          \
	F(u32, incarnation, 0) /* carries one descriptor: the link to a new node */
/* supervisor -> control, ledger: carries one descriptor, the link between the two */
#define WIRE_LEDGER_LINK(F) F(u32, incarnation, 0)
/* supervisor -> node, ledger: the first packet. What seals of journals are made with. */
#define WIRE_SEAL_KEY(F) F(bytes, key, 32)

/* control -> ledger. There is no message that changes or drops what was appended. */
#define WIRE_APPEND(F)                                                                             \
	F(u64, handle, 0)		 /* control's name for it on this link */                  \
	F(u8, kind, 0)			 /* enum entry_kind */                                     \
	F(u8, synced, 0)		 /* answered when it is on the disk, not before */         \
	F(bytes, subject, LIMIT_NAME)	 /* ID of the run or act; in the log once */               \
	F(bytes, facts, LIMIT_FACTS)	 /* JSON object; see evidence/statement.h */               \
	F(bytes, journal, LIMIT_JOURNAL) /* lines; at least one */                                 \
	F(bytes, seal, 32)		 /* by the node; empty: control's own word */
#define WIRE_LEDGER_ASK(F)                                                                         \
	F(u64, handle, 0)                                                                          \
	F(u8, what, 0) /* enum ledger_question */                                                  \
	F(u64, a, 0)                                                                               \
	F(u64, b, 0)                                                                               \
	F(bytes, text, LIMIT_QUESTION)

/* ledger -> control */
#define WIRE_LEDGER_STATE(F)                                                                       \
	F(bytes, error_code, LIMIT_NAME) /* not empty: nothing can be appended now, and why */     \
	F(bytes, error, 1024)                                                                      \
	F(u64, size, 0)	   /* entries of the log */                                                \
	F(u64, signed_, 0) /* entries that the newest checkpoint covers */
#define WIRE_APPENDED(F)                                                                           \
	F(u64, handle, 0)                                                                          \
	F(u32, number, 0) /* errno; 0: it stands */                                                \
	F(bytes, error_code, LIMIT_NAME)                                                           \
	F(bytes, error, 1024)                                                                      \
	F(u64, index, 0)                                                                           \
	F(u8, known, 0) /* it stood already: what is here is what was recorded then */             \
	F(bytes, receipt, LIMIT_NAME)                                                              \
	F(bytes, envelope, LIMIT_ENVELOPE) /* DSSE, JSON */
#define WIRE_LEDGER_TOLD(F)                                                                        \
	F(u64, handle, 0)                                                                          \
	F(u32, number, 0) /* errno; 0: `body` is the answer */                                     \
	F(bytes, error_code, LIMIT_NAME)                                                           \
	F(bytes, error, 1024)                                                                      \
	F(bytes, body, LIMIT_TOLD)                                                                 \
	F(u8, more, 0) /* of a page: there is more now, after: */                                  \
	F(u64, entry, 0)                                                                           \
	F(u64, line, 0)

#define WIRE_MESSAGES(M)                                                                           \
	M(1, SUBMIT, submit, WIRE_SUBMIT)                                                          \
	M(2, CANCEL, cancel, WIRE_CANCEL)                                                          \
	M(3, NODE_READY, node_ready, WIRE_NODE_READY)                                              \
	M(4, RUN_LOG, run_log, WIRE_RUN_LOG)                                                       \
	M(5, RUN_JOURNAL, run_journal, WIRE_RUN_JOURNAL)                                           \
	M(6, RUN_DONE, run_done, WIRE_RUN_DONE)                                                    \
	M(7, HOLD, hold, WIRE_HOLD)                                                                \
	M(8, RELEASE, release, WIRE_RELEASE)                                                       \
	M(20, START, start, WIRE_START)                                                            \
	M(21, ANSWER, answer, WIRE_ANSWER)                                                         \
	M(22, WAKE, wake, WIRE_WAKE)                                                               \
	M(23, AGAIN, again, WIRE_AGAIN)                                                            \
	M(30, TOUCHED, touched, WIRE_TOUCHED)                                                      \
	M(31, COMPILED, compiled, WIRE_COMPILED)                                                   \
	M(32, LOG, log, WIRE_LOG)                                                                  \
	M(33, OPERATION, operation, WIRE_OPERATION)                                                \
	M(34, WAIT, wait, WIRE_WAIT)                                                               \
	M(35, RESULT, result, WIRE_RESULT)                                                         \
	M(36, FAIL, fail, WIRE_FAIL)                                                               \
	M(50, FORK, fork, WIRE_FORK)                                                               \
	M(51, ZYGOTE_READY, zygote_ready, WIRE_ZYGOTE_READY)                                       \
	M(52, FORKED, forked, WIRE_FORKED)                                                         \
	M(53, FORK_FAILED, fork_failed, WIRE_FORK_FAILED)                                          \
	M(54, EXITED, exited, WIRE_EXITED)                                                         \
	M(60, SPAWN, spawn, WIRE_SPAWN)                                                            \
	M(61, SPAWNED, spawned, WIRE_SPAWNED)                                                      \
	M(62, NODE_LINK, node_link, WIRE_NODE_LINK)                                                \
	M(63, LEDGER_LINK, ledger_link, WIRE_LEDGER_LINK)                                          \
	M(64, SEAL_KEY, seal_key, WIRE_SEAL_KEY)                                                   \
	M(70, APPEND, append, WIRE_APPEND)                                                         \
	M(71, LEDGER_ASK, ledger_ask, WIRE_LEDGER_ASK)                                             \
	M(80, LEDGER_STATE, ledger_state, WIRE_LEDGER_STATE)                                       \
	M(81, APPENDED, appended, WIRE_APPENDED)                                                   \
	M(82, LEDGER_TOLD, ledger_told, WIRE_LEDGER_TOLD)
