#include "ledger/usage.h"

#include "base/log.h"
#include "evidence/sha256.h"
#include "evidence/tokens.h"

#include <errno.h>
#include <string.h>

/* Names are digests, whose bytes nobody chooses: none is better than its first ones. */
#define HASH_FUNCTION(key, len, value) memcpy(&(value), (key), sizeof(value))
#include <uthash.h>

_Static_assert(sizeof(unsigned) <= USAGE_NAME, "a hash is the beginning of a name");

struct pending {
	UT_hash_handle hh;
	enum usage_table table;
	uint8_t name[USAGE_NAME];
	struct usage_row row; /* its fields point into text */
	size_t len;
	char text[];
};

struct usage {
	struct ledger *ledger;
	struct pending *rows;
	size_t n, bytes;
	struct usage_cursor written; /* entries that are in the tables; */
	struct usage_cursor summed;  /* in them and in memory */
	struct tokens tokens;
	struct loop_timer piece;
};

int64_t usage_summed(const struct ledger *l)
{
	return l->usage->summed.entries;
}

int usage_is_full(const struct ledger *l)
{
	return l->usage->n >= USAGE_PENDING_ROWS || l->usage->bytes >= USAGE_PENDING_BYTES;
}

static void forget(struct usage *u)
{
	struct pending *p = u->rows, *next;

	HASH_CLEAR(hh, u->rows);
	for (; p; p = next) {
		next = p->hh.next;
		free(p);
	}
	u->n = u->bytes = 0;
	u->summed = u->written;
}

/* ---- adding up ---- */

/* What a row is told apart by: its table, and its fields with a zero byte after each. */
static size_t write_key(enum usage_table t, const struct usage_charge *c, char *to)
{
	size_t len = 0;

	to[len++] = (char)('0' + t);
	for (int f = 0; f < USAGE_FIELD_COUNT; f++) {
		if (!usage_has(t, (enum usage_field)f))
			continue;
		memcpy(to + len, c->field[f].p, c->field[f].len);
		len += c->field[f].len;
		to[len++] = '\0';
	}
	return len;
}

static struct pending *find(struct usage *u, enum usage_table t, const struct usage_charge *c)
{
	static char key[USAGE_LABELS_MAX + 1024];
	size_t len = write_key(t, c, key), at = 1;
	uint8_t name[USAGE_NAME];
	struct pending *p;

	sha256(key, len, name);
	HASH_FIND(hh, u->rows, name, sizeof(name), p);
	if (p)
		return p;
	p = xcalloc(1, sizeof(*p) + len);
	p->table = t;
	p->len = len;
	memcpy(p->name, name, sizeof(name));
	memcpy(p->text, key, len);
	p->row = (struct usage_row){.name = p->name, .first = INT64_MAX, .last = -1};
	for (int f = 0; f < USAGE_FIELD_COUNT; f++) {
		if (!usage_has(t, (enum usage_field)f))
			continue;
		p->row.field[f] = p->text + at;
		at += strlen(p->text + at) + 1;
	}
	HASH_ADD(hh, u->rows, name, sizeof(p->name), p);
	u->n++;
	u->bytes += sizeof(*p) + len;
	return p;
}

static void add_receipt(struct usage *u, int64_t index, const uint8_t *digest,
			const struct usage_charge *c)
{
	struct usage_row row = {.first = index, .last = index};

	memcpy(row.sum, c->sum, sizeof(row.sum));
	memcpy(row.digest, digest, sizeof(row.digest));
	for (int t = 0; t < USAGE_TABLE_COUNT; t++)
		usage_row_add(&find(u, (enum usage_table)t, c)->row, &row);
}

/* Entries are added one after the other: what comes while others are behind waits for its turn. */
void usage_add(struct ledger *l, enum entry_kind kind, int64_t index, const char *subject,
	       const void *statement, size_t len)
{
	struct usage *u = l->usage;
	uint8_t digest[USAGE_DIGEST];
	struct usage_charge c;

	if (index != u->summed.entries)
		return;
	sha256(subject, strlen(subject), digest);
	u->summed.entries++;
	usage_digest_add(u->summed.digest, digest);
	if (kind != ENTRY_RUN)
		return;
	if (usage_read(statement, len, &u->tokens, &c) == 0)
		add_receipt(u, index, digest, &c);
	tokens_done(&u->tokens);
}

/* ---- writing ---- */

/* What was not written is forgotten, and read from the log again. */
static void catch_up(struct ledger *l)
{
	forget(l->usage);
	loop_arm(l->loop, &l->usage->piece, clock_now_ns());
}

int usage_write(struct ledger *l, struct err *reterr)
{
	struct usage *u = l->usage;
	struct pending *p, *tmp;
	int r = 0;

	if (u->summed.entries == u->written.entries)
		return 0;
	HASH_ITER (hh, u->rows, p, tmp) {
		r = usage_put(l->store, p->table, &p->row, reterr);
		if (r < 0)
			return r;
	}
	return usage_cursor_put(l->store, &u->summed, reterr);
}

void usage_written(struct ledger *l)
{
	l->usage->written = l->usage->summed;
	forget(l->usage);
}

int usage_flush(struct ledger *l, struct err *reterr)
{
	int r;

	if (l->usage->summed.entries == l->usage->written.entries)
		return 0;
	r = ledger_sync(l->store, 0, reterr);
	if (r == 0)
		r = store_begin(l->store, reterr);
	if (r < 0)
		return r;
	r = usage_write(l, reterr);
	if (r == 0)
		r = store_commit(l->store, reterr);
	else
		store_rollback(l->store);
	if (r == 0)
		usage_written(l);
	else if (usage_is_full(l))
		catch_up(l); /* it is in the log */
	return r;
}

/* ---- catching up ---- */

struct piece {
	struct ledger *ledger;
	int left;
};

static int take_entry(void *arg, const struct entry_row *row)
{
	struct piece *p = arg;

	if (row->index != p->ledger->usage->summed.entries)
		return 1;
	usage_add(p->ledger, (enum entry_kind)row->kind, row->index, row->subject, row->statement,
		  row->statement_len);
	return --p->left == 0 || usage_is_full(p->ledger);
}

/* A piece of what is behind. */
static int take_piece(struct ledger *l, struct err *reterr)
{
	struct usage *u = l->usage;
	struct piece p = {.ledger = l, .left = USAGE_PIECE};
	int64_t before = u->summed.entries;
	int r = ledger_entries(l->store, before, take_entry, &p, reterr);

	if (r == 0 && usage_is_full(l))
		r = usage_flush(l, reterr);
	if (r == 0 && u->summed.entries == before)
		r = err_set(reterr, EUCLEAN, "store.damaged",
			    "entry %lld is not in the ledger's database; restore it from a backup",
			    (long long)before);
	return r;
}

int64_t usage_behind(const struct ledger *l)
{
	return (int64_t)l->size - l->usage->summed.entries;
}

/* A piece at a time, so that nobody waits for all of it. */
static void on_piece(struct loop_timer *t)
{
	struct ledger *l = container_of(t, struct usage, piece)->ledger;
	struct err e;
	int r = usage_behind(l) > 0 ? take_piece(l, &e) : 0;

	if (r < 0)
		log_line("usage cannot be added up: %s", e.message);
	if (usage_behind(l) > 0)
		loop_arm(l->loop, t, clock_now_ns() + (r < 0 ? NS_PER_S : 0));
}

int usage_settle(struct ledger *l, struct err *reterr)
{
	uint64_t until = clock_now_ns() + USAGE_SETTLE_NS;
	int r = 0;

	while (r == 0 && usage_behind(l) > 0 && clock_now_ns() < until)
		r = take_piece(l, reterr);
	return r < 0 ? r : usage_flush(l, reterr);
}

int usage_load(struct ledger *l, struct err *reterr)
{
	struct usage *u = l->usage;
	struct usage_cursor c;
	int r = usage_cursor(l->store, &c, reterr);

	if (r < 0)
		return r;
	if (!u)
		u = l->usage = xcalloc(1, sizeof(*u));
	u->ledger = l;
	u->piece.fire = on_piece;
	/* Who moved the cursor past the end is found by the check; here nothing is read there. */
	u->written = c;
	catch_up(l);
	return 0;
}

void usage_free(struct ledger *l)
{
	if (!l->usage)
		return;
	forget(l->usage);
	free(l->usage);
	l->usage = NULL;
}
