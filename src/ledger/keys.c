/*
 * The signing keys. A generation is a pair: one key signs statements, one checkpoints. Their
 * secrets stand in the database, encrypted (XChaCha20-Poly1305) with a key that does not. A
 * rotation is an entry of the log, signed by the old key, that names the new ones; a checkpoint
 * that both sign covers it; then the old secrets are gone.
 */
#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "ledger/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES

enum { RETRY_MS = 60000, SEEDS = 64 };
_Static_assert(KEYS_BOX == NONCE + SEEDS + TAG, "as libsodium has them");

static size_t context(int64_t number, char out[64])
{
	return (size_t)snprintf(out, 64, "cordon ledger keys v1 %lld", (long long)number);
}

static void seal(const struct ledger *l, int64_t number, const struct secrets *s,
		 uint8_t box[KEYS_BOX])
{
	uint8_t seeds[SEEDS];
	char ad[64];
	size_t n = context(number, ad);

	crypto_sign_ed25519_sk_to_seed(seeds, s->statement);
	crypto_sign_ed25519_sk_to_seed(seeds + 32, s->log);
	randombytes_buf(box, NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(box + NONCE, NULL, seeds, SEEDS,
						   (const uint8_t *)ad, n, NULL, box, l->key);
	sodium_memzero(seeds, sizeof(seeds));
}

static int unseal(const struct ledger *l, int64_t number, const uint8_t *box, size_t len,
		  struct secrets *ret)
{
	uint8_t seeds[SEEDS], public[32];
	char ad[64];
	size_t n = context(number, ad);

	if (len != KEYS_BOX ||
	    crypto_aead_xchacha20poly1305_ietf_decrypt(seeds, NULL, NULL, box + NONCE, len - NONCE,
						       (const uint8_t *)ad, n, box, l->key) < 0)
		return -EACCES;
	crypto_sign_seed_keypair(public, ret->statement, seeds);
	crypto_sign_seed_keypair(public, ret->log, seeds + 32);
	sodium_memzero(seeds, sizeof(seeds));
	return 0;
}

struct loading {
	struct ledger *ledger;
	int wrong;
};

static struct generation *grow(struct ledger *l)
{
	l->generations = xrealloc(l->generations, (l->n_generations + 1) * sizeof(*l->generations));
	l->firsts = xrealloc(l->firsts, (l->n_generations + 1) * sizeof(*l->firsts));
	memset(&l->generations[l->n_generations], 0, sizeof(*l->generations));
	return &l->generations[l->n_generations++];
}

static void take_generation(void *arg, const struct generation_row *row)
{
	struct loading *x = arg;
	struct ledger *l = x->ledger;
	struct generation *g;

	if (!row->statement || !row->log || row->number != (int64_t)l->n_generations + 1 ||
	    l->n_generations == GENERATIONS_MAX) {
		x->wrong = 1;
		return;
	}
	g = grow(l);
	l->firsts[l->n_generations - 1] = row->first;
	memcpy(g->statement, row->statement, sizeof(g->statement));
	note_key_init(&g->log, NOTE_LOG, l->origin, row->log);
	g->from_ms = row->from_ms;
	g->until_ms = row->until_ms;
	if (row->until_ms == 0 &&
	    unseal(l, row->number, row->secret, row->secret_len, l->secrets) < 0)
		x->wrong = 2;
}

const struct generation *keys_at(const struct ledger *l, int64_t number)
{
	return number < 1 || number > (int64_t)l->n_generations ? NULL
								: &l->generations[number - 1];
}

/* A new generation, in the database and in memory. */
static int add(struct ledger *l, struct secrets *s, int64_t first, int64_t now, struct err *reterr)
{
	int64_t number = (int64_t)l->n_generations + 1;
	struct generation_row row = {.number = number, .first = first, .from_ms = now};
	uint8_t statement[32], log[32], box[KEYS_BOX];
	struct generation *g;
	int r;

	crypto_sign_ed25519_sk_to_pk(statement, s->statement);
	crypto_sign_ed25519_sk_to_pk(log, s->log);
	seal(l, number, s, box);
	row.statement = statement;
	row.log = log;
	row.secret = box;
	row.secret_len = sizeof(box);
	r = ledger_generation_add(l->store, &row, reterr);
	if (r < 0)
		return r;
	if (l->n_generations)
		l->generations[l->n_generations - 1].until_ms = now;
	g = grow(l);
	l->firsts[l->n_generations - 1] = first;
	memcpy(g->statement, statement, sizeof(statement));
	note_key_init(&g->log, NOTE_LOG, l->origin, log);
	g->from_ms = now;
	*l->secrets = *s;
	return 0;
}

static void make(struct secrets *s)
{
	uint8_t public[32];

	crypto_sign_keypair(public, s->statement);
	crypto_sign_keypair(public, s->log);
}

/* The event that names a generation's keys. */
static void describe(const char *event, const char *id, int64_t number, const struct secrets *s,
		     struct buf *b)
{
	uint8_t public[32], spki[DSSE_SPKI];
	char time[CLOCK_TEXT_SIZE];

	clock_text(clock_wall_ms(), time);
	buf_addf(b,
		 "{\"event\":\"%s\",\"act\":\"%s\",\"time\":\"%s\",\"by\":\"ledger\","
		 "\"generation\":%lld",
		 event, id, time, (long long)number);
	crypto_sign_ed25519_sk_to_pk(public, s->statement);
	dsse_spki(public, spki);
	buf_adds(b, ",\"statement_key\":\"");
	base64_add(b, spki, sizeof(spki));
	crypto_sign_ed25519_sk_to_pk(public, s->log);
	dsse_spki(public, spki);
	buf_adds(b, "\",\"log_key\":\"");
	base64_add(b, spki, sizeof(spki));
	buf_adds(b, "\"");
}

static int first_keys(struct ledger *l, struct err *reterr)
{
	_cleanup_buf_ struct buf b = BUF_INIT(4096);
	struct secrets s;
	char id[ID_SIZE];
	int r;

	make(&s);
	log_time(l);
	r = add(l, &s, 0, l->last_ms, reterr);
	if (r == 0) {
		id_new("act", id);
		describe(EVENT_CREATED, id, 1, &s, &b);
		buf_adds(&b, ",\"origin\":");
		json_quote_str(&b, l->origin);
		buf_addc(&b, '}');
		r = log_act(l, &b, reterr);
	}
	sodium_memzero(&s, sizeof(s));
	return r;
}

int keys_load(struct ledger *l, struct err *reterr)
{
	struct loading x = {.ledger = l};
	int r;

	l->secrets = sodium_malloc(sizeof(*l->secrets)); /* locked, between guard pages */
	if (!l->secrets)
		return err_set(reterr, ENOMEM, "ledger.memory",
			       "memory for the signing keys cannot be locked; allow some with "
			       "LimitMEMLOCK= or `ulimit -l`");
	r = ledger_generations(l->store, take_generation, &x, reterr);
	if (r == 0 && x.wrong == 2)
		return err_set(reterr, EACCES, "ledger.key",
			       "the key file does not open the signing keys of this ledger; start "
			       "with the file that they were made with");
	if (r == 0 && x.wrong)
		return err_set(reterr, EUCLEAN, "store.damaged",
			       "the ledger's table of keys is damaged; restore it from a backup");
	if (r < 0 || l->n_generations)
		return r;
	r = store_begin(l->store, reterr);
	if (r == 0)
		r = first_keys(l, reterr);
	if (r == 0)
		return store_commit(l->store, reterr);
	store_rollback(l->store);
	return r;
}

static int hand_over(struct ledger *l, struct secrets *new, struct err *reterr)
{
	const struct note_key old_key = l->generations[l->n_generations - 1].log;
	_cleanup_buf_ struct buf b = BUF_INIT(4096);
	uint8_t old[NOTE_SECRET];
	char id[ID_SIZE];
	int r;

	id_new("act", id);
	describe(EVENT_ROTATED, id, (int64_t)l->n_generations + 1, new, &b);
	buf_addc(&b, '}');
	log_time(l);
	r = log_act(l, &b, reterr); /* the old key's last */
	memcpy(old, l->secrets->log, sizeof(old));
	if (r == 0)
		r = add(l, new, (int64_t)l->size, l->last_ms, reterr);
	if (r == 0)
		r = log_checkpoint(l, &old_key, old, reterr);
	sodium_memzero(old, sizeof(old));
	return r;
}

static void reload(struct ledger *l)
{
	struct err e;

	sodium_free(l->secrets);
	l->n_generations = 0;
	if (keys_load(l, &e) < 0 || log_load(l, &e) < 0)
		log_fatal("%s", e.message);
}

int keys_rotate(struct ledger *l, struct err *reterr)
{
	struct secrets new;
	int r;

	if (l->n_generations >= GENERATIONS_MAX)
		return err_set(reterr, ENOSPC, "ledger.generations",
			       "the ledger has had %d generations of keys, and takes no more",
			       GENERATIONS_MAX);
	/* Not if the clock was ahead when they were made. */
	if (clock_wall_ms() >= l->generations[l->n_generations - 1].from_ms &&
	    clock_wall_ms() - l->generations[l->n_generations - 1].from_ms < ROTATE_MIN_MS)
		return err_set(reterr, EAGAIN, "ledger.rotated",
			       "the keys were rotated less than %d seconds ago; try again later",
			       ROTATE_MIN_MS / 1000);
	make(&new);
	r = ledger_sync(l->store, 1, reterr);
	if (r == 0)
		r = store_begin(l->store, reterr);
	if (r == 0) {
		r = hand_over(l, &new, reterr);
		if (r == 0)
			r = store_commit(l->store, reterr);
		else
			store_rollback(l->store);
		if (r < 0)
			reload(l); /* half of it is in memory */
	}
	sodium_memzero(&new, sizeof(new));
	if (r == 0) {
		/* Who reads the database now keeps it for another while; they are encrypted. */
		store_erase_traces(l->store, NULL);
		keys_schedule(l);
		ask_waiting(l);
		log_state(l);
	}
	return r;
}

static void on_rotate(struct loop_timer *t)
{
	struct ledger *l = container_of(t, struct ledger, rotate);
	const struct generation *g = &l->generations[l->n_generations - 1];
	struct err e;

	if (clock_wall_ms() - g->from_ms >= (int64_t)l->rotate_ms && keys_rotate(l, &e) < 0)
		log_line("%s", e.message);
	keys_schedule(l);
}

void keys_schedule(struct ledger *l)
{
	int64_t due = l->generations[l->n_generations - 1].from_ms + (int64_t)l->rotate_ms;
	int64_t left = MAX_I64(due - clock_wall_ms(), RETRY_MS);

	l->rotate.fire = on_rotate;
	/* The wall clock may jump: looked at every hour at least. */
	if (l->rotate_ms)
		loop_arm(l->loop, &l->rotate,
			 clock_now_ns() + MIN_U64((uint64_t)left, 3600000) * NS_PER_MS);
}
