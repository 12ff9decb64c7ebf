/*
 * Every bound on what crosses a socket between our processes, in one table. Sizes in bytes.
 * The per-run ceilings of a run are set by its policy; these are the walls behind them.
 */
#pragma once

#define LIMIT_CODE (4u << 20)	     /* all modules of a run together */
#define LIMIT_MODULES 256u	     /* modules of a run */
#define LIMIT_MODULE_NAME 256u	     /* a module's name */
#define LIMIT_COMPILED (12u << 20)   /* transformed form of the modules */
#define LIMIT_INPUT (16u << 20)	     /* input of a run */
#define LIMIT_RESULT (32u << 20)     /* value of a run */
#define LIMIT_ERROR (64u << 10)	     /* structured error of a run */
#define LIMIT_LOG_TEXT (64u << 10)   /* one log line, formatted */
#define LIMIT_LOG_DATA (64u << 10)   /* the same line's arguments as JSON */
#define LIMIT_OPERATION (256u << 10) /* payload of one operation */
#define LIMIT_ANSWER (1u << 20)	     /* payload of one answer */
#define LIMIT_CONTEXT 2048u	     /* what every event of a run says of it */
#define LIMIT_NAME 64u		     /* kinds, languages, tiers, run IDs */
#define LIMIT_JAIL_REPORT (4u << 10)
#define LIMIT_JOURNAL_LINE (384u << 10)
#define LIMIT_JOURNAL_PAYLOAD LIMIT_OPERATION
#define LIMIT_JOURNAL ((8u << 20) + 4096) /* all of a run's events; the last always has room */
#define LIMIT_FACTS (64u << 10)		  /* what a receipt says besides */
#define LIMIT_STATEMENT (192u << 10)	  /* a whole statement */
#define LIMIT_ENVELOPE (260u << 10)	  /* the same in base64, with its signature */
#define LIMIT_QUESTION 8192u		  /* to the ledger */
#define LIMIT_TOLD (20u << 20)		  /* its answer */

/* The largest frame of all: START or SUBMIT with everything at its maximum, and their fixed fields.
 */
#define LIMIT_FRAME (LIMIT_CODE + LIMIT_COMPILED + LIMIT_INPUT + (256u << 10))
