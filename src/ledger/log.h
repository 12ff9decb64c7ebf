/*
 * The ledger: every run and every administrative act, once, in the order in which it was told,
 * signed, in a Merkle log (evidence/merkle.h) whose checkpoints it signs. It takes appends and
 * questions from control. There is no message that changes or removes what stands.
 *
 *   main.c    start-up, links to supervisor and control, confinement
 *   keys.c    the signing keys: made, kept encrypted, rotated
 *   log.c     appending: statement, signature, leaf, tiles; checkpoints
 *   ask.c     questions: receipts, tiles, proofs, keys
 *   events.c  questions about events
 *   usage.h   what runs used, added up
 *   check.h   `cordon log check`: recomputes all of it
 */
#pragma once

#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"
#include "evidence/bundle.h"
#include "evidence/journal.h"
#include "os/loop.h"
#include "store/ledger.h"
#include "wire/message.h"
#include "wire/words.h"

#include <sodium.h>

enum {
	KEY_SIZE = 32, /* what the signing keys are encrypted with */
	GENERATIONS_MAX = 1000,
	ROTATE_MIN_MS = 60000, /* between rotations that are asked for */
	TILE_LEVELS = 8,
	TILES_KEPT = 32,	 /* full tiles in memory */
	WAITING_MAX = 1024,	 /* questions that wait for a checkpoint */
	ASKED_MAX = 4096,	 /* questions that wait for their turn */
	EVENTS_LOOKED_AT = 5000, /* entries, for one answer */
	EVENTS_MAX_LIMIT = 1000,
	WITNESSES_MAX = 8,
	LINK_MAX = 256 << 20,	     /* answers that control has not taken */
	LINK_HIGH = 8 << 20,	     /* of these, before nothing more is read or answered */
	KEYS_BOX = 24 + 2 * 32 + 16, /* encrypted secrets: nonce, both seeds, tag */
	/* Room for what an entry's columns have of its first event; what is longer is not there. */
	ENTRY_TENANT = 64,
	ENTRY_TRACE = 64,
	ENTRY_SESSION = 160,
	ENTRY_LEASE = 64,
	ENTRY_ARTIFACT = 80,
	ENTRY_PROFILE = 64,
};
#define EVENTS_BYTES (4u << 20)
#define EVENTS_BYTES_LOOKED_AT (8u << 20) /* journals, for one answer */
#define ASKED_NS (5 * NS_PER_MS)	  /* for questions, before appends have their turn again */

/* Both secrets of the generation in use. Locked in memory, and not dumped. */
struct secrets {
	uint8_t statement[DSSE_SECRET];
	uint8_t log[NOTE_SECRET];
};

/* The right edge of one level of tiles. */
struct edge {
	struct hash h[TILE_WIDTH];
	unsigned width;
};

struct tile {
	unsigned level;
	uint64_t n, used;
	struct hash h[TILE_WIDTH];
};

struct waiting {
	uint64_t handle;
	char subject[2 * LIMIT_NAME + 2]; /* as it was asked for */
};

struct ledger {
	struct loop *loop;
	struct store *store;
	struct loop_watch supervisor, control;
	struct buf in, out;
	/* settings */
	char origin[NOTE_NAME_MAX + 1];
	uint64_t interval_ns, batch, rotate_ms;
	struct note_key witnesses[WITNESSES_MAX];
	size_t n_witnesses;
	/* keys */
	uint8_t key[KEY_SIZE];
	int has_seal_key;
	uint8_t seal_key[JOURNAL_KEY];
	struct secrets *secrets;
	struct generation *generations; /* the last one is in use */
	int64_t *firsts;
	size_t n_generations;
	/* the log */
	uint64_t size;
	int64_t last_ms; /* time of the newest entry */
	struct edge edges[TILE_LEVELS];
	struct tile *tiles;
	uint64_t tile_clock;
	/* the newest checkpoint */
	uint64_t signed_size;
	struct hash root;
	struct buf checkpoint;
	struct loop_timer due, retry, rotate, traces;
	struct usage *usage; /* usage.h */
	/* why nothing can be appended; code "": it can */
	struct err failing;
	struct waiting waiting[WAITING_MAX];
	size_t n_waiting;
	/* questions that were not answered yet, and when they are gone on with */
	struct list asked;
	size_t n_asked;
	struct loop_timer again;
};

/* keys.c */
int keys_load(struct ledger *l, struct err *reterr); /* makes the first ones if there are none */
int keys_rotate(struct ledger *l, struct err *reterr);
void keys_schedule(struct ledger *l); /* the next rotation that is due by time */
/* What was a secret is overwritten, wherever the database had it: now, or as soon as nobody reads.
 */
void keys_erase_traces(struct ledger *l);
/* The generation that signed an entry or checkpoint; NULL. */
const struct generation *keys_at(const struct ledger *l, int64_t number);

/* log.c */
int log_load(struct ledger *l, struct err *reterr);
void log_start(struct ledger *l); /* from now on there are checkpoints */
void log_end(struct ledger *l);	  /* a last one, of what none covers yet */
/* What one read brought: one transaction. Replies go to l->out. */
void log_append_all(struct ledger *l, const struct msg_append *m, size_t n);
/* From here on it is now, or as late as the newest entry: the time of the next one. */
void log_time(struct ledger *l);
/*
 * An act of the ledger's own, within a transaction, recorded at l->last_ms. `members` as
 * journal_append() has it.
 */
int log_act(struct ledger *l, const struct buf *members, struct err *reterr);
/* A checkpoint of all that stands, signed by the generation in use and, with `also`, another key.
 */
int log_checkpoint(struct ledger *l, const struct note_key *also, const uint8_t *secret,
		   struct err *reterr);
/* Events that only the ledger itself writes. */
#define EVENT_CREATED "ledger_created"
#define EVENT_ROTATED "keys_rotated"
int log_reserved(const char *event);
/* The ID of the receipt of a run or act. */
enum { LOG_RECEIPT = LIMIT_NAME + 8 };
void log_receipt(const char *subject, char out[LOG_RECEIPT]);
int log_tile(void *arg, unsigned level, uint64_t n, unsigned width, struct hash *out);
void log_state(struct ledger *l); /* tells control how it is */
void log_failed(struct ledger *l, const struct err *e);

/* ask.c */
/* Takes a question; it is answered by ask_turn(), at the end of a turn of the loop. */
void ask(struct ledger *l, const struct msg_ledger_ask *m);
void ask_turn(struct ledger *l);
void ask_forget(struct ledger *l);  /* who asked is gone */
void ask_waiting(struct ledger *l); /* there is a new checkpoint */
/* `entry` and `line`: where the page ended. */
void tell_page(struct ledger *l, uint64_t handle, const struct buf *body, uint64_t entry,
	       uint64_t line, int more);
void tell_error(struct ledger *l, uint64_t handle, const struct err *e);

/* events.c */
void events_ask(struct ledger *l, const struct msg_ledger_ask *m);
/* Whether a line is worth a row of its own; its members, without quotes, in the row. */
int events_mark(const char *line, size_t len, char event[64], char destination[256],
		char reason[64]);

/* check.c: `cordon-ledger check DIRECTORY`. The process's status. */
int check_main(int argc, char **argv);
/* payloads.c: `cordon-ledger payloads DIRECTORY` */
int payloads_main(int argc, char **argv);
