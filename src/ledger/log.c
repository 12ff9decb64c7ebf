/*
 * Appending. What one read of the link brought is one transaction (group commit): each entry's
 * statement is made and signed, its leaf goes into the tree, and nobody is answered before the
 * transaction stands. If it cannot be written, none of it happened.
 */
#include "ledger/log.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "evidence/sha256.h"
#include "evidence/statement.h"
#include "ledger/usage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- the tree ---- */

static int push(struct ledger *l, unsigned level, const struct hash *h, struct err *reterr)
{
	struct edge *e = &l->edges[level];
	struct merkle_range whole = {0};
	struct hash root;
	int r;

	e->h[e->width++] = *h;
	if (e->width < TILE_WIDTH)
		return 0;
	r = ledger_tile_add(l->store, level, (int64_t)(l->size >> (8 * (level + 1))), e->h, reterr);
	if (r < 0)
		return r;
	for (size_t i = 0; i < TILE_WIDTH; i++) /* any two children: the rule is the same */
		merkle_append(&whole, &e->h[i]);
	merkle_root(&whole, &root);
	e->width = 0;
	return level + 1 < TILE_LEVELS ? push(l, level + 1, &root, reterr) : 0;
}

static int grow(struct ledger *l, const struct hash *leaf, struct err *reterr)
{
	int r = push(l, 0, leaf, reterr);

	if (r == 0)
		l->size++;
	return r;
}

static struct tile *tile_slot(struct ledger *l)
{
	struct tile *oldest = &l->tiles[0];

	for (size_t i = 1; i < TILES_KEPT; i++)
		if (l->tiles[i].used < oldest->used)
			oldest = &l->tiles[i];
	return oldest;
}

static const struct hash *full_tile(struct ledger *l, unsigned level, uint64_t n, int *ret)
{
	struct tile *t;
	struct err e;

	*ret = 0;
	for (size_t i = 0; i < TILES_KEPT; i++) {
		t = &l->tiles[i];
		if (t->used && t->level == level && t->n == n) {
			t->used = ++l->tile_clock;
			return t->h;
		}
	}
	t = tile_slot(l);
	t->used = 0;
	*ret = ledger_tile(l->store, level, (int64_t)n, t->h, &e);
	if (*ret < 0)
		return NULL;
	t->level = level;
	t->n = n;
	t->used = ++l->tile_clock;
	return t->h;
}

int log_tile(void *arg, unsigned level, uint64_t n, unsigned width, struct hash *out)
{
	struct ledger *l = arg;
	uint64_t edge;
	const struct hash *h;
	int r;

	if (level >= TILE_LEVELS)
		return -EINVAL;
	edge = level + 1 < TILE_LEVELS ? l->size >> (8 * (level + 1)) : 0;
	if (n > edge || (n == edge && width > l->edges[level].width))
		return -ENOENT;
	h = n == edge ? l->edges[level].h : full_tile(l, level, n, &r);
	if (!h)
		return r;
	memcpy(out, h, width * sizeof(*out));
	return 0;
}

struct loading {
	struct ledger *ledger;
	int damaged;
};

static int take_leaf(void *arg, const struct entry_row *row)
{
	struct loading *x = arg;
	struct edge *e = &x->ledger->edges[0];

	if (!row->leaf || e->width == TILE_WIDTH)
		return x->damaged = 1;
	memcpy(e->h[e->width++].b, row->leaf, HASH_SIZE);
	x->ledger->last_ms = MAX_I64(x->ledger->last_ms, row->time_ms);
	return 0;
}

/* A level's edge: the roots of the tiles below it that are full and not under a full tile. */
static int load_edge(struct ledger *l, unsigned level, struct err *reterr)
{
	uint64_t tiles = l->size >> (8 * level), from = tiles & ~(uint64_t)(TILE_WIDTH - 1);
	struct edge *e = &l->edges[level];

	for (uint64_t n = from; n < tiles; n++) {
		struct merkle_range whole = {0};
		struct hash h[TILE_WIDTH];
		int r = ledger_tile(l->store, level - 1, (int64_t)n, h, reterr);

		if (r == -ENOENT)
			return err_set(reterr, EUCLEAN, "store.damaged",
				       "tile %llu of level %u is missing; restore the ledger's "
				       "database from a backup",
				       (unsigned long long)n, level - 1);
		if (r < 0)
			return r;
		for (size_t i = 0; i < TILE_WIDTH; i++)
			merkle_append(&whole, &h[i]);
		merkle_root(&whole, &e->h[e->width++]);
	}
	return 0;
}

static int take_checkpoint(void *arg, const struct checkpoint_row *row)
{
	struct loading *x = arg;
	struct ledger *l = x->ledger;
	struct checkpoint c;

	if (checkpoint_read(row->note, row->note_len, &c) < 0 || (int64_t)c.size != row->size ||
	    c.size > l->size)
		return x->damaged = 1;
	l->signed_size = c.size;
	l->root = c.root;
	l->checkpoint.len = 0;
	buf_add(&l->checkpoint, row->note, row->note_len);
	return 0;
}

int log_load(struct ledger *l, struct err *reterr)
{
	struct loading x = {.ledger = l};
	struct hash root;
	int64_t size = 0;
	int r = ledger_size(l->store, &size, reterr);

	for (unsigned i = 0; i < TILE_LEVELS; i++)
		l->edges[i].width = 0;
	for (size_t i = 0; i < TILES_KEPT; i++)
		l->tiles[i].used = 0;
	l->size = (uint64_t)size;
	l->last_ms = 0;
	l->signed_size = 0;
	if (r == 0 && size)
		r = ledger_time(l->store, size - 1, &l->last_ms, reterr);
	if (r == 0)
		r = ledger_entries(l->store, size & ~(int64_t)(TILE_WIDTH - 1), take_leaf, &x,
				   reterr);
	for (unsigned i = 1; r == 0 && i < TILE_LEVELS; i++)
		r = load_edge(l, i, reterr);
	if (r == 0)
		r = ledger_checkpoint(l->store, take_checkpoint, &x, reterr);
	if (r == -ENOENT)
		r = 0;
	if (r == 0 && (x.damaged || l->edges[0].width != (unsigned)(size & (TILE_WIDTH - 1)) ||
		       (l->signed_size && (merkle_root_at(l->signed_size, log_tile, l, &root) < 0 ||
					   memcmp(&root, &l->root, sizeof(root)) != 0))))
		return err_set(reterr, EUCLEAN, "store.damaged",
			       "the log does not agree with its newest checkpoint, of %llu "
			       "entries; `cordon log check` finds where, then restore the "
			       "ledger's database from a backup",
			       (unsigned long long)l->signed_size);
	return r < 0 ? r : usage_load(l, reterr);
}

/* ---- entries ---- */

struct entry {
	enum entry_kind kind;
	char subject[LIMIT_NAME + 1];
	struct wire_bytes facts;
	struct journal journal;
	int node;
};

static int add_marks(struct ledger *l, const struct journal *j, struct err *reterr)
{
	const char *p = (const char *)j->lines.data, *end = p + j->lines.len;
	int r = 0;

	for (int64_t line = 1; r == 0 && p < end; line++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		char event[64], destination[256], reason[64];

		if (events_mark(p, (size_t)(nl - p), event, destination, reason))
			r = ledger_mark_add(l->store,
					    &(struct mark_row){(int64_t)l->size, line, event,
							       destination, reason},
					    reterr);
		p = nl + 1;
	}
	return r;
}

void log_receipt(const char *subject, char out[LOG_RECEIPT])
{
	const char *id = strchr(subject, '_');

	snprintf(out, LOG_RECEIPT, "rct%s", id ? id : "_");
}

struct signed_entry {
	struct buf statement, leaf;
	uint8_t signature[DSSE_SIGNATURE];
	struct hash hash;
	char receipt[LOG_RECEIPT];
};

static void signed_done(struct signed_entry *s)
{
	buf_done(&s->statement);
	buf_done(&s->leaf);
}

static int sign(struct ledger *l, const struct entry *e, struct signed_entry *s, struct err *reterr)
{
	const struct generation *g = &l->generations[l->n_generations - 1];
	struct statement st = {.predicate = e->kind == ENTRY_RUN ? STATEMENT_RUN : STATEMENT_ACT,
			       .facts = e->facts.data,
			       .facts_len = e->facts.len,
			       .journal = &e->journal,
			       .sealed_by_node = e->node,
			       .receipt = s->receipt,
			       .time_ms = l->last_ms,
			       .generation = (unsigned)l->n_generations};
	struct hash payload;
	int r;

	log_receipt(e->subject, s->receipt);
	s->statement = BUF_INIT(LIMIT_STATEMENT);
	s->leaf = BUF_INIT(4096);
	r = statement_write(&st, &s->statement, reterr);
	if (r == -ENOSPC)
		return err_set(reterr, EMSGSIZE, "ledger.too_large",
			       "the statement of %s is larger than %u bytes", e->subject,
			       LIMIT_STATEMENT);
	if (r < 0)
		return r;
	dsse_sign(s->statement.data, s->statement.len, l->secrets->statement, s->signature);
	sha256(s->statement.data, s->statement.len, payload.b);
	dsse_entry(&payload, s->signature, g->statement, &s->leaf);
	merkle_leaf(s->leaf.data, s->leaf.len, &s->hash);
	return 0;
}

static int write_entry(struct ledger *l, const struct entry *e, struct signed_entry *s,
		       struct err *reterr)
{
	const char *first = (const char *)e->journal.lines.data;
	const char *end = first ? memchr(first, '\n', e->journal.lines.len) : NULL;
	size_t len = end ? (size_t)(end - first) : 0;
	char tenant[ENTRY_TENANT], trace[ENTRY_TRACE], session[ENTRY_SESSION], lease[ENTRY_LEASE],
		artifact[ENTRY_ARTIFACT], profile[ENTRY_PROFILE];
	struct entry_row row = {.index = (int64_t)l->size,
				.kind = e->kind,
				.generation = (int64_t)l->n_generations,
				.time_ms = l->last_ms,
				.subject = e->subject,
				.tenant = tenant,
				.trace = trace,
				.session = session,
				.lease = lease,
				.artifact = artifact,
				.profile = profile,
				.leaf = s->hash.b,
				.signature = s->signature,
				.statement = (const char *)s->statement.data,
				.statement_len = s->statement.len,
				.journal = first,
				.journal_len = e->journal.lines.len,
				.node = e->node};
	int r;

	json_text(first, len, "tenant", tenant, sizeof(tenant));
	json_text(first, len, "trace", trace, sizeof(trace));
	json_text(first, len, "session", session, sizeof(session));
	json_text(first, len, "lease", lease, sizeof(lease));
	json_text(first, len, "artifact", artifact, sizeof(artifact));
	json_text(first, len, "profile", profile, sizeof(profile));
	r = ledger_entry_add(l->store, &row, reterr);
	if (r == 0)
		r = add_marks(l, &e->journal, reterr);
	r = r ? r : grow(l, &s->hash, reterr);
	if (r == 0)
		usage_add(l, e->kind, row.index, e->subject, row.statement, row.statement_len);
	return r;
}

void log_time(struct ledger *l)
{
	l->last_ms = MAX_I64(clock_wall_ms(), l->last_ms);
}

int log_act(struct ledger *l, const struct buf *members, struct err *reterr)
{
	_cleanup_buf_ struct buf facts = BUF_INIT(LIMIT_FACTS);
	struct entry e = {.kind = ENTRY_ACT, .journal = {.lines = BUF_INIT(LIMIT_FACTS)}};
	struct signed_entry s = {0};
	int r;

	json_text((const char *)members->data, members->len, "act", e.subject, sizeof(e.subject));
	buf_adds(&facts, "{\"event\":");
	buf_add(&facts, members->data, members->len);
	buf_addc(&facts, '}');
	e.facts = WIRE_BUF(&facts);
	r = journal_append(&e.journal, (const char *)members->data, members->len);
	if (r == 0)
		r = sign(l, &e, &s, reterr);
	if (r == 0)
		r = write_entry(l, &e, &s, reterr);
	signed_done(&s);
	buf_done(&e.journal.lines);
	return r;
}

/* ---- what control sends ---- */

int log_reserved(const char *event)
{
	return !strcmp(event, EVENT_CREATED) || !strcmp(event, EVENT_ROTATED);
}

/* Whether the ID is one of its kind, in characters that mean nothing anywhere. */
static int subject_fits(int kind, const char *subject)
{
	static const char set[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
	const char *rest = subject + 4;

	return !strncmp(subject, kind == ENTRY_RUN ? "run_" : "act_", 4) && *rest &&
	       !rest[strspn(rest, set)];
}

/* A run: what facts and journal are about is the run that it is filed under. */
static int check_run(const struct entry *e)
{
	const char *p = (const char *)e->journal.lines.data, *run, *end;
	char id[LIMIT_NAME + 1], tenant[64], other[64];
	size_t len;

	if (json_member(e->facts.data, e->facts.len, "run", &run, &len) < 0)
		return -EINVAL;
	json_text(run, len, "id", id, sizeof(id));
	json_text(run, len, "tenant", tenant, sizeof(tenant));
	if (strcmp(id, e->subject) != 0)
		return -EINVAL;
	end = p + e->journal.lines.len;
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		json_text(p, (size_t)(nl - p), "run", id, sizeof(id));
		json_text(p, (size_t)(nl - p), "tenant", other, sizeof(other));
		if (strcmp(id, e->subject) != 0 || strcmp(other, tenant) != 0)
			return -EINVAL;
		p = nl + 1;
	}
	return 0;
}

/* An act: its one event, said twice in the same words. */
static int check_act(const struct entry *e)
{
	struct journal again = {.lines = BUF_INIT(LIMIT_FACTS)};
	char id[LIMIT_NAME + 1], name[64];
	const char *event;
	size_t len;
	int r = -EINVAL;

	if (e->journal.tree.size == 1 &&
	    json_member(e->facts.data, e->facts.len, "event", &event, &len) == 0 &&
	    journal_append(&again, event, len) == 0 && again.lines.len == e->journal.lines.len &&
	    memcmp(again.lines.data, e->journal.lines.data, again.lines.len) == 0) {
		json_text(event, len, "act", id, sizeof(id));
		json_text(event, len, "event", name, sizeof(name));
		r = strcmp(id, e->subject) || !*name || log_reserved(name) ? -EINVAL : 0;
	}
	buf_done(&again.lines);
	return r;
}

static int read_append(struct ledger *l, const struct msg_append *m, struct entry *e,
		       struct err *reterr)
{
	uint8_t seal[JOURNAL_SEAL];
	uint64_t line = 0;
	struct hash root;

	e->kind = m->kind;
	e->facts = m->facts;
	if (m->kind >= ENTRY_COUNT || !m->subject.len ||
	    memchr(m->subject.data, '\0', m->subject.len))
		return err_set(reterr, EINVAL, "ledger.malformed",
			       "an append of an unknown kind, or without a subject");
	snprintf(e->subject, sizeof(e->subject), "%.*s", (int)m->subject.len,
		 (const char *)m->subject.data);
	if (!subject_fits(m->kind, e->subject))
		return err_set(reterr, EINVAL, "ledger.malformed", "'%s' is no ID of a run or act",
			       e->subject);
	if (journal_load(&e->journal, m->journal.data, m->journal.len, &line) < 0 ||
	    !e->journal.tree.size)
		return err_set(reterr, EINVAL, "ledger.journal",
			       "the journal of %s is not in order at line %llu", e->subject,
			       (unsigned long long)line);
	if (json_check(e->facts.data, e->facts.len, NULL) < 0 ||
	    (e->kind == ENTRY_RUN ? check_run(e) : check_act(e)) < 0)
		return err_set(reterr, EINVAL, "ledger.malformed",
			       "what is said of %s is not about it", e->subject);
	if (!m->seal.len)
		return 0;
	merkle_root(&e->journal.tree, &root);
	journal_seal(l->seal_key, e->subject, e->journal.tree.size, &root, seal);
	if (!l->has_seal_key || m->seal.len != sizeof(seal) ||
	    sodium_memcmp(seal, m->seal.data, sizeof(seal)) != 0)
		return err_set(reterr, EINVAL, "ledger.seal",
			       "the journal of %s is not as the node sealed it", e->subject);
	e->node = 1;
	return 0;
}

static void reply_error(struct ledger *l, uint64_t handle, const struct err *e)
{
	struct msg m = {.type = MSG_APPENDED,
			.appended = {.handle = handle,
				     .number = (uint32_t)(e->number ? e->number : EIO),
				     .error_code = WIRE_STR(e->code),
				     .error = WIRE_STR(e->message)}};

	if (msg_encode(&l->out, &m) < 0)
		log_fatal("control does not take its answers");
}

struct reply {
	uint64_t handle, index;
	int known;
	struct ledger *ledger;
	const char *receipt;
	const void *statement;
	size_t statement_len;
	const uint8_t *signature, *public;
};

static void reply(struct ledger *l, const struct reply *p)
{
	_cleanup_buf_ struct buf envelope = BUF_INIT(LIMIT_ENVELOPE);
	struct msg m = {.type = MSG_APPENDED,
			.appended = {.handle = p->handle,
				     .index = p->index,
				     .known = (uint8_t)p->known,
				     .receipt = WIRE_STR(p->receipt)}};

	dsse_envelope(p->statement, p->statement_len, p->signature, p->public, &envelope);
	m.appended.envelope = WIRE_BUF(&envelope);
	if (msg_encode(&l->out, &m) < 0)
		log_fatal("control does not take its answers");
}

static int reply_known(void *arg, const struct entry_row *row)
{
	struct reply *p = arg;
	const struct generation *g = keys_at(p->ledger, row->generation);
	char receipt[LOG_RECEIPT];

	log_receipt(row->subject, receipt);
	p->index = (uint64_t)row->index;
	p->known = 1;
	p->receipt = receipt;
	p->statement = row->statement;
	p->statement_len = row->statement_len;
	p->signature = row->signature;
	p->public = g ? g->statement : NULL;
	if (p->signature && p->public)
		reply(p->ledger, p);
	return 1;
}

/* 0: answered, whatever the answer is; else the transaction is no good. */
static int append(struct ledger *l, const struct msg_append *m, struct err *reterr)
{
	struct entry e = {.journal = {.lines = BUF_INIT(LIMIT_JOURNAL)}};
	struct signed_entry s = {0};
	struct reply p = {.handle = m->handle, .ledger = l};
	int64_t last_ms = l->last_ms;
	uint64_t size = l->size;
	struct err bad;
	int r;

	log_time(l);
	r = read_append(l, m, &e, &bad);
	if (r == 0)
		r = sign(l, &e, &s, &bad);
	if (r < 0) {
		reply_error(l, m->handle, &bad);
		r = 0;
	} else {
		p.index = l->size;
		r = write_entry(l, &e, &s, reterr);
		if (r == -EEXIST) {
			r = ledger_entry(l->store, e.subject, reply_known, &p, reterr);
		} else if (r == 0) {
			p.receipt = s.receipt;
			p.statement = s.statement.data;
			p.statement_len = s.statement.len;
			p.signature = s.signature;
			p.public = l->generations[l->n_generations - 1].statement;
			reply(l, &p);
		}
	}
	if (l->size == size)
		l->last_ms = last_ms;
	signed_done(&s);
	buf_done(&e.journal.lines);
	return r;
}

void log_append_all(struct ledger *l, const struct msg_append *m, size_t n)
{
	size_t answered = l->out.len;
	struct err e;
	int sync = 0, r;

	for (size_t i = 0; i < n; i++)
		sync |= m[i].synced;
	r = ledger_sync(l->store, sync, &e);
	if (r == 0)
		r = store_begin(l->store, &e);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = append(l, &m[i], &e);
	if (r == 0)
		r = store_commit(l->store, &e);
	else
		store_rollback(l->store);
	if (r < 0) {
		struct err again;

		l->out.len = answered;
		if (log_load(l, &again) < 0)
			log_fatal("%s", again.message);
		log_failed(l, &e);
		for (size_t i = 0; i < n; i++)
			reply_error(l, m[i].handle, &e);
		return;
	}
	if (*l->failing.code) {
		l->failing.code[0] = '\0';
		log_state(l);
	}
	if (usage_is_full(l) && usage_flush(l, &e) < 0)
		log_line("usage cannot be written: %s", e.message);
	if (l->size - l->signed_size >= l->batch)
		loop_arm(l->loop, &l->due, clock_now_ns());
	else if (l->size > l->signed_size && !l->due.slot)
		loop_arm(l->loop, &l->due, clock_now_ns() + l->interval_ns);
}

/* ---- checkpoints ---- */

/*
 * What a checkpoint covers is on the disk before anybody sees it: a log that lost entries which it
 * has shown would look like one that was rewritten.
 */
int log_checkpoint(struct ledger *l, const struct note_key *also, const uint8_t *secret,
		   struct err *reterr)
{
	const struct generation *g = &l->generations[l->n_generations - 1];
	_cleanup_buf_ struct buf note = BUF_INIT(NOTE_MAX);
	struct checkpoint_row row = {.size = (int64_t)l->size, .time_ms = l->last_ms};
	struct hash root;
	int r = merkle_root_at(l->size, log_tile, l, &root);

	if (r < 0)
		return err_set(
			reterr, EUCLEAN, "store.damaged",
			"the log's tiles cannot be read; restore its database from a backup");
	checkpoint_write(l->origin, l->size, &root, &note);
	if (also)
		note_sign(&note, also, secret, 0);
	note_sign(&note, &g->log, l->secrets->log, 0);
	row.note = (const char *)note.data;
	row.note_len = note.len;
	r = ledger_checkpoint_add(l->store, &row, reterr);
	if (r < 0)
		return r;
	l->signed_size = l->size;
	l->root = root;
	l->checkpoint.len = 0;
	return buf_add(&l->checkpoint, note.data, note.len);
}

static void on_due(struct loop_timer *t)
{
	struct ledger *l = container_of(t, struct ledger, due);
	struct err e;
	int r;

	if (l->size == l->signed_size)
		return;
	r = ledger_sync(l->store, 1, &e);
	if (r == 0)
		r = store_begin(l->store, &e);
	if (r == 0) {
		struct hash root = l->root;
		uint64_t size = l->signed_size;
		_cleanup_buf_ struct buf note = BUF_INIT(NOTE_MAX);

		buf_add(&note, l->checkpoint.data, l->checkpoint.len);
		r = log_checkpoint(l, NULL, NULL, &e);
		if (r == 0)
			r = usage_write(l, &e);
		if (r == 0)
			r = store_commit(l->store, &e);
		else
			store_rollback(l->store);
		if (r == 0)
			usage_written(l);
		if (r < 0) { /* the one before it still is the newest */
			l->root = root;
			l->signed_size = size;
			l->checkpoint.len = 0;
			buf_add(&l->checkpoint, note.data, note.len);
		}
	}
	if (r < 0) {
		log_failed(l, &e);
		loop_arm(l->loop, t, clock_now_ns() + NS_PER_S);
		return;
	}
	ask_waiting(l);
	log_state(l);
}

/* ---- how it is ---- */

void log_state(struct ledger *l)
{
	struct msg m = {.type = MSG_LEDGER_STATE,
			.ledger_state = {.error_code = WIRE_STR(l->failing.code),
					 .error = WIRE_STR(l->failing.message),
					 .size = l->size,
					 .signed_ = l->signed_size}};

	if (l->control.fd >= 0 && msg_encode(&l->out, &m) < 0)
		log_fatal("control does not take its answers");
}

/* Control takes nothing new while nothing can be written, so somebody has to find out that it can.
 */
static void on_retry(struct loop_timer *t)
{
	struct ledger *l = container_of(t, struct ledger, retry);
	struct err e;

	if (!*l->failing.code)
		return;
	if (ledger_probe(l->store, &e) < 0) {
		loop_arm(l->loop, t, clock_now_ns() + NS_PER_S);
		return;
	}
	l->failing.code[0] = '\0';
	log_line("the ledger can be written again");
	log_state(l);
}

void log_failed(struct ledger *l, const struct err *e)
{
	if (!*l->failing.code)
		log_line("the ledger cannot be written: %s", e->message);
	l->failing = *e;
	l->retry.fire = on_retry;
	l->due.fire = on_due;
	loop_arm(l->loop, &l->retry, clock_now_ns() + NS_PER_S);
	log_state(l);
	ask_waiting(l); /* there may be no checkpoint for long: they are told so */
}

void log_end(struct ledger *l)
{
	if (l->size > l->signed_size)
		on_due(&l->due);
}

void log_start(struct ledger *l)
{
	l->due.fire = on_due;
	if (l->size > l->signed_size)
		loop_arm(l->loop, &l->due, clock_now_ns());
}
