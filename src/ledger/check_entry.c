/*
 * One range of the log: each entry against everything that it can be derived from or leads to.
 * Whatever is read may be hostile; what is used of it has been checked before.
 */
#include "base/clock.h"
#include "base/json.h"
#include "evidence/sha256.h"
#include "evidence/statement.h"
#include "evidence/tokens.h"
#include "ledger/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TIME_MAX 253402300799999 /* the end of year 9999 */

struct looker {
	const struct check *check;
	struct store *store;
	struct journal journal; /* of the entry at hand */
	struct buf leaf;
	struct strict marks;
	int have_mark; /* the cursor stands on one that was not looked at */
	struct range *out;
};

struct looker *looker_new(const struct check *c, struct store *s)
{
	struct looker *k = xcalloc(1, sizeof(*k));

	k->check = c;
	k->store = s;
	k->journal.lines = BUF_INIT(LIMIT_JOURNAL);
	k->leaf = BUF_INIT(4096);
	return k;
}

void looker_free(struct looker *k)
{
	if (!k)
		return;
	buf_done(&k->journal.lines);
	buf_done(&k->leaf);
	store_close(k->store);
	free(k);
}

#define WRONG(k, row, ...)                                                                         \
	findings_add(&(k)->out->found, AT_ENTRY, (row)->index, (row)->subject, __VA_ARGS__)

/* ---- members of lines and statements ---- */

struct text {
	const char *p;
	size_t len;
};

/* What the ledger's columns take of a member: a string without escapes, shorter than `size`. */
static struct text text_at(const struct tokens *t, uint32_t object, const char *name, size_t size)
{
	uint32_t i = tokens_member(t, object, name);

	if (!i || (t->t[i].kind != TOKEN_STRING && t->t[i].kind != TOKEN_STRING_WIDE) ||
	    t->t[i].len >= size)
		return (struct text){"", 0};
	return (struct text){(const char *)t->t[i].p, t->t[i].len};
}

static int text_is(struct text t, const char *s)
{
	return t.len == strlen(s) && !memcmp(t.p, s, t.len);
}

static int number_is(const struct tokens *t, uint32_t object, const char *name, uint64_t value)
{
	uint32_t i = tokens_member(t, object, name);
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return i && t->t[i].kind == TOKEN_PLAIN &&
	       text_is((struct text){(const char *)t->t[i].p, t->t[i].len}, text);
}

/* ---- columns that the first event gives ---- */

static void check_columns(struct looker *k, const struct entry_row *row, const struct tokens *t)
{
	const struct {
		const char *name, *have;
		size_t size;
	} columns[] = {
		{"tenant", row->tenant, ENTRY_TENANT},
		{"trace", row->trace, ENTRY_TRACE},
		{"session", row->session, ENTRY_SESSION},
		{"lease", row->lease, ENTRY_LEASE},
		{"artifact", row->artifact, ENTRY_ARTIFACT},
		{"profile", row->profile, ENTRY_PROFILE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		struct text want = text_at(t, 0, columns[i].name, columns[i].size);

		if (!text_is(want, columns[i].have))
			WRONG(k, row, "its column %s is '%.80s', and its first event says '%.*s'",
			      columns[i].name, columns[i].have, (int)MIN_U64(want.len, 80), want.p);
	}
}

/* ---- the ledger's own events ---- */

/* The generation that is named by entry `index`, from 0; -1: none. */
static int64_t named_by(const struct check *c, int64_t index)
{
	size_t g;

	if (index == 0)
		return 0;
	g = check_generation(c, index);
	return g + 1 < c->n_generations && c->firsts[g + 1] == index + 1 ? (int64_t)g + 1 : -1;
}

static int key_is(const struct tokens *t, uint32_t object, const char *name,
		  const uint8_t public[32])
{
	_cleanup_buf_ struct buf want = BUF_INIT(128);
	uint8_t spki[DSSE_SPKI];

	dsse_spki(public, spki);
	base64_add(&want, spki, sizeof(spki));
	return text_is(text_at(t, object, name, 128), buf_str(&want));
}

/* Whether the event names these keys. `object`: of the event, in the journal or the statement. */
static int names(const struct check *c, int64_t g, const struct tokens *t, uint32_t object)
{
	const struct generation *keys = &c->generations[g];

	return text_is(text_at(t, object, "event", 64), g ? EVENT_ROTATED : EVENT_CREATED) &&
	       text_is(text_at(t, object, "by", 64), "ledger") &&
	       number_is(t, object, "generation", (uint64_t)g + 1) &&
	       key_is(t, object, "statement_key", keys->statement) &&
	       key_is(t, object, "log_key", keys->log.public) &&
	       (g || text_is(text_at(t, object, "origin", 256), c->origin));
}

/* Where keys are named, and only there, the ledger's own acts stand. `event`: in the statement. */
static void check_keys(struct looker *k, const struct entry_row *row, const struct tokens *t,
		       uint32_t event)
{
	int64_t g = named_by(k->check, row->index);
	struct text name = text_at(t, event, "event", 64);

	if (g < 0 && (text_is(name, EVENT_CREATED) || text_is(name, EVENT_ROTATED)))
		WRONG(k, row, "it says that keys are new, and none are from here on");
	else if (g >= 0 && (row->kind != ENTRY_ACT || !names(k->check, g, t, event)))
		WRONG(k, row,
		      "it does not name the keys of generation %lld, and no other entry does",
		      (long long)g + 1);
	else if (g >= 0 && row->time_ms != k->check->generations[g].from_ms)
		WRONG(k, row,
		      "its time is not that from which on the keys of generation %lld are said to "
		      "be in use",
		      (long long)g + 1);
}

/* ---- marks ---- */

static int next_mark(struct looker *k)
{
	struct err e;
	int r = strict_next(&k->marks, &e);

	if (r < 0)
		findings_add(&k->out->found, AT_DATABASE, 0, "", "marks cannot be read: %s",
			     e.message);
	k->have_mark = r == 1;
	return k->have_mark;
}

/* What is left of marks up to entry `index`; nothing is right. */
static void skip_marks(struct looker *k, int64_t index, const struct entry_row *row)
{
	int any = 0;

	while (k->have_mark && k->marks.mark.index <= index) {
		if (!any++)
			findings_add(&k->out->found, AT_ENTRY, k->marks.mark.index,
				     row && row->index == k->marks.mark.index ? row->subject : "",
				     "it has a mark at line %lld ('%.64s') that its events do not "
				     "give",
				     (long long)k->marks.mark.line, k->marks.mark.event);
		next_mark(k);
	}
}

static void check_marks(struct looker *k, const struct entry_row *row)
{
	const char *p = (const char *)k->journal.lines.data, *end = p + k->journal.lines.len;

	skip_marks(k, row->index - 1, row);
	for (int64_t line = 1; p < end; line++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		char event[64], destination[256], reason[64];
		const struct mark_row *m = &k->marks.mark;

		if (events_mark(p, (size_t)(nl - p), event, destination, reason)) {
			if (!k->have_mark || m->index != row->index || m->line != line ||
			    k->marks.odd || strcmp(m->event, event) != 0 ||
			    strcmp(m->destination, destination) != 0 ||
			    strcmp(m->reason, reason) != 0) {
				WRONG(k, row, "its mark for line %lld (%s) is missing, or differs",
				      (long long)line, event);
				break;
			}
			next_mark(k);
		}
		p = nl + 1;
	}
	if (p < end) { /* the rest of them says nothing new */
		while (k->have_mark && k->marks.mark.index <= row->index)
			next_mark(k);
		return;
	}
	skip_marks(k, row->index, row);
}

/* ---- an entry ---- */

/* What is checked of the row by itself; what comes later needs it. */
static int check_form(struct looker *k, const struct entry_row *row, const char *odd,
		      int64_t before)
{
	size_t g = check_generation(k->check, row->index);

	if (odd) {
		WRONG(k, row, "its column %s is not of the type and size that the ledger writes",
		      odd);
		return -EBADMSG;
	}
	if (row->kind < 0 || row->kind >= ENTRY_COUNT || row->node < 0 || row->node > 1)
		WRONG(k, row, "its column %s has the value %lld, which means nothing",
		      row->node < 0 || row->node > 1 ? "node" : "kind",
		      (long long)(row->node < 0 || row->node > 1 ? row->node : row->kind));
	else if (row->time_ms < 0 || row->time_ms > TIME_MAX)
		WRONG(k, row, "its time, %lld, is none", (long long)row->time_ms);
	else if (row->generation != (int64_t)g + 1)
		WRONG(k, row,
		      "it is said to be signed by generation %lld, and the keys were those "
		      "of generation %zu then",
		      (long long)row->generation, g + 1);
	else if (row->statement_len > LIMIT_STATEMENT || row->journal_len > LIMIT_JOURNAL)
		WRONG(k, row, "it is larger than an entry can be");
	else {
		if (row->time_ms < before)
			WRONG(k, row, "its time is earlier than that of the entry before it");
		return 0;
	}
	return -EBADMSG;
}

static void check_leaf(struct looker *k, const struct entry_row *row, const struct generation *g)
{
	struct hash payload, leaf;

	sha256(row->statement, row->statement_len, payload.b);
	k->leaf.len = 0;
	dsse_entry(&payload, row->signature, g->statement, &k->leaf);
	merkle_leaf(k->leaf.data, k->leaf.len, &leaf);
	if (memcmp(&leaf, row->leaf, sizeof(leaf)) != 0)
		WRONG(k, row,
		      "its leaf hash is not that of its statement, signature and key: one of them "
		      "was changed");
}

/* A run: statement and events are about the run and the tenant that it is filed under. */
static void check_run(struct looker *k, const struct entry_row *row, const struct tokens *t,
		      uint32_t run)
{
	struct text id = text_at(t, run, "id", LIMIT_NAME + 1);
	const char *p = (const char *)k->journal.lines.data, *end = p + k->journal.lines.len;
	const struct text tenant = text_at(t, run, "tenant", ENTRY_TENANT);

	if (!text_is(id, row->subject)) {
		WRONG(k, row, "its subject is '%.64s', and its statement is about '%.*s'",
		      row->subject, (int)id.len, id.p);
		return;
	}
	for (int64_t number = 1; p < end; number++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		_cleanup_(tokens_done) struct tokens line;
		int r = tokens_read(&line, p, (size_t)(nl - p));
		struct text of = text_at(&line, 0, "tenant", ENTRY_TENANT);

		if (r < 0 || !text_is(text_at(&line, 0, "run", LIMIT_NAME + 1), row->subject) ||
		    of.len != tenant.len || memcmp(of.p, tenant.p, of.len) != 0) {
			WRONG(k, row, "its event %lld is of another run or tenant",
			      (long long)number);
			return;
		}
		if (number == 1)
			check_columns(k, row, &line);
		p = nl + 1;
	}
}

/* An act: its one event, said twice in the same words. */
static void check_act(struct looker *k, const struct entry_row *row, const struct tokens *t,
		      uint32_t event)
{
	struct journal again = {.lines = BUF_INIT(LIMIT_FACTS)};
	const struct buf *lines = &k->journal.lines;
	struct text id = text_at(t, event, "act", LIMIT_NAME + 1);
	_cleanup_(tokens_done) struct tokens line = {.n = 0};

	if (!text_is(id, row->subject))
		WRONG(k, row, "its subject is '%.64s', and its statement is about '%.*s'",
		      row->subject, (int)id.len, id.p);
	else if (journal_append(&again, (const char *)t->t[event].p, t->t[event].len) < 0 ||
		 again.lines.len != lines->len ||
		 memcmp(again.lines.data, lines->data, lines->len) != 0)
		WRONG(k, row, "its statement and its journal tell of different events");
	else if (tokens_read(&line, lines->data, lines->len) == 0)
		check_columns(k, row, &line);
	buf_done(&again.lines);
}

/* All that the statement and the journal say of each other and of the row. */
static void check_meaning(struct looker *k, const struct entry_row *row)
{
	_cleanup_(tokens_done) struct tokens t = {.n = 0};
	char receipt[LOG_RECEIPT];
	struct statement st = {.predicate = row->kind == ENTRY_RUN ? STATEMENT_RUN : STATEMENT_ACT,
			       .journal = &k->journal,
			       .sealed_by_node = row->node == 1,
			       .receipt = receipt,
			       .time_ms = row->time_ms,
			       .generation = (unsigned)row->generation};
	uint32_t about;
	struct err e;

	log_receipt(row->subject, receipt);
	if (statement_check(&st, row->statement, row->statement_len, &t, &e) < 0) {
		WRONG(k, row, "%s", e.message);
		return;
	}
	about = tokens_member(&t, tokens_member(&t, 0, "predicate"),
			      row->kind == ENTRY_RUN ? "run" : "event");
	if (!about || t.t[about].kind != TOKEN_OBJECT) {
		WRONG(k, row, "its statement does not say what it is about");
		return;
	}
	if (row->kind == ENTRY_RUN) {
		check_run(k, row, &t, about);
		part_read(&k->out->parts[row->index - k->out->from], &t, row->subject);
	} else {
		check_act(k, row, &t, about);
		part_act(&k->out->parts[row->index - k->out->from], row->subject);
	}
	check_keys(k, row, &t, about);
}

static void check_entry(struct looker *k, const struct entry_row *row, const char *odd,
			int64_t before)
{
	const struct check *c = k->check;
	const struct generation *g = &c->generations[check_generation(c, row->index)];
	uint64_t line = 0;

	if (check_form(k, row, odd, before) < 0)
		return;
	check_leaf(k, row, g);
	k->journal.tree.size = 0;
	k->journal.lines.len = 0;
	if (journal_load(&k->journal, row->journal, row->journal_len, &line) < 0 ||
	    !k->journal.tree.size) {
		WRONG(k, row, "its journal is not in order at line %llu",
		      (unsigned long long)MAX_U64(line, 1));
		return;
	}
	k->out->events += k->journal.tree.size;
	check_meaning(k, row);
	check_marks(k, row);
	/* What no checkpoint covers has only its own signature to say that it is real. */
	if ((c->signatures || row->index >= c->newest) &&
	    dsse_verify(row->statement, row->statement_len, g->statement, row->signature) < 0)
		WRONG(k, row, "its signature is not by the key of generation %lld",
		      (long long)row->generation);
}

/* ---- the range ---- */

static void look_at_entries(struct looker *k, struct range *r)
{
	struct strict c = {.rows = STRICT_ENTRIES};
	int64_t at = r->from, before = 0;
	int sound = 1, e;
	struct err err;

	e = strict_begin(&c, k->store, STRICT_ENTRIES, r->from, r->to, &err);
	if (e == 0)
		e = strict_begin(&k->marks, k->store, STRICT_MARKS, r->from, r->to, &err);
	if (e == 0)
		next_mark(k);
	while (e >= 0 && (e = strict_next(&c, &err)) == 1 && c.entry.index == at) {
		struct hash *leaf = &r->leaves[at - r->from];

		check_entry(k, &c.entry, c.odd, before);
		before = c.odd ? before : c.entry.time_ms;
		r->times[at - r->from] = before;
		sound = sound && c.entry.leaf;
		if (sound) {
			memcpy(leaf, c.entry.leaf, sizeof(*leaf));
			r->good++;
		}
		at++;
	}
	if (e < 0)
		findings_add(&r->found, AT_ENTRY, at, "", "it cannot be read: %s", err.message);
	else if (at < r->to)
		findings_add(&r->found, AT_ENTRY, at, "", "it is missing");
	else
		skip_marks(k, r->to, NULL);
	strict_end(&c);
	strict_end(&k->marks);
	k->have_mark = 0;
}

/* Whether the log's keys of the time have signed it. At a rotation the old and the new. */
static void check_signers(struct looker *k, const struct checkpoint_row *row)
{
	const struct check *c = k->check;
	size_t last = check_generation(c, row->size), first = last;

	if (last && c->firsts[last] == row->size)
		first = last - 1;
	for (size_t g = first; g <= last; g++)
		if (note_verify(row->note, row->note_len, &c->generations[g].log, NULL) < 0)
			findings_add(&k->out->found, AT_CHECKPOINT, row->size, "",
				     "it has no good signature by the log's key of generation %zu",
				     g + 1);
}

static void check_checkpoint(struct looker *k, const struct checkpoint_row *row, const char *odd)
{
	struct range *r = k->out;
	struct findings *f = &r->found;
	struct checkpoint c;

	if (odd) {
		findings_add(f, AT_CHECKPOINT, row->size, "",
			     "its column %s is not of the type that the ledger writes", odd);
		return;
	}
	if (checkpoint_read(row->note, row->note_len, &c) < 0) {
		findings_add(f, AT_CHECKPOINT, row->size, "", "it is no signed checkpoint");
		return;
	}
	if (strcmp(c.origin, k->check->origin) != 0)
		findings_add(f, AT_CHECKPOINT, row->size, "", "it is of the log '%.127s'",
			     c.origin);
	if ((int64_t)c.size != row->size)
		findings_add(f, AT_CHECKPOINT, row->size, "", "it says that it covers %lld entries",
			     (long long)c.size);
	else
		r->claims[r->n_claims++] = (struct claim){row->size, c.root};
	if (row->size - r->from <= r->good && row->time_ms != r->times[row->size - 1 - r->from])
		findings_add(f, AT_CHECKPOINT, row->size, "",
			     "its time is not that of the last entry that it covers");
	check_signers(k, row);
}

static void look_at_checkpoints(struct looker *k, struct range *r)
{
	int64_t before = r->from;
	struct strict c;
	struct err err;
	int e = strict_begin(&c, k->store, STRICT_CHECKPOINTS, r->from, r->to, &err);

	/* Each size comes once in a sound database: it is the key. */
	while (e >= 0 && (e = strict_next(&c, &err)) == 1 && c.checkpoint.size > before &&
	       c.checkpoint.size <= r->to) {
		before = c.checkpoint.size;
		check_checkpoint(k, &c.checkpoint, c.odd);
	}
	if (e)
		findings_add(&r->found, AT_DATABASE, 0, "",
			     "checkpoints after that of %lld entries cannot be read: %s",
			     (long long)before, e < 0 ? err.message : "they are not in order");
	strict_end(&c);
}

void looker_look(struct looker *k, struct range *r)
{
	r->good = 0;
	r->n_claims = 0;
	r->events = 0;
	for (int64_t i = 0; i < r->to - r->from; i++)
		r->parts[i].is_run = 0;
	r->found.n = 0;
	r->found.more = 0;
	k->out = r;
	look_at_entries(k, r);
	look_at_checkpoints(k, r);
}

int64_t looker_unsigned(struct looker *k, int64_t from, int64_t to)
{
	int64_t found = -1;
	struct strict c;
	struct err err;
	int e = strict_begin(&c, k->store, STRICT_ENTRIES, from, to, &err);

	while (e >= 0 && found < 0 && (e = strict_next(&c, &err)) == 1) {
		const struct generation *g =
			&k->check->generations[check_generation(k->check, c.entry.index)];

		if (c.odd || dsse_verify(c.entry.statement, c.entry.statement_len, g->statement,
					 c.entry.signature) < 0)
			found = c.entry.index;
	}
	strict_end(&c);
	return found;
}
