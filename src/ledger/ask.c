/*
 * Questions of control: receipts, checkpoints, tiles, proofs, keys. None changes what stands, and
 * none keeps appends waiting: they are answered a few at a time, and only while control takes the
 * answers.
 */
#include "base/json.h"
#include "base/log.h"
#include "evidence/sha256.h"
#include "ledger/usage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void tell_page(struct ledger *l, uint64_t handle, const struct buf *body, uint64_t entry,
	       uint64_t line, int more)
{
	struct msg m = {.type = MSG_LEDGER_TOLD,
			.ledger_told = {.handle = handle,
					.body = WIRE_BUF(body),
					.more = (uint8_t)more,
					.entry = entry,
					.line = line}};

	if (msg_encode(&l->out, &m) < 0)
		log_fatal("control does not take its answers");
}

static void tell(struct ledger *l, uint64_t handle, const struct buf *body)
{
	tell_page(l, handle, body, 0, 0, 0);
}

void tell_error(struct ledger *l, uint64_t handle, const struct err *e)
{
	struct msg m = {.type = MSG_LEDGER_TOLD,
			.ledger_told = {.handle = handle,
					.number = (uint32_t)(e->number ? e->number : EIO),
					.error_code = WIRE_STR(e->code),
					.error = WIRE_STR(e->message)}};

	if (msg_encode(&l->out, &m) < 0)
		log_fatal("control does not take its answers");
}

/* ---- receipts ---- */

struct receipt {
	struct ledger *ledger;
	const char *asked;
	size_t tenant; /* length of its tenant's name; 0: whosever it is */
	struct buf out;
	struct err e;
	int r, pending;
};

/* The newest checkpoint's last signature is by the generation that was in use then. */
static const struct generation *signer(const struct ledger *l)
{
	for (size_t i = l->n_generations; i > 0; i--)
		if (note_verify(l->checkpoint.data, l->checkpoint.len, &l->generations[i - 1].log,
				NULL) == 0)
			return &l->generations[i - 1];
	return NULL;
}

static int take_receipt(void *arg, const struct entry_row *row)
{
	struct receipt *x = arg;
	struct ledger *l = x->ledger;
	const struct generation *g = keys_at(l, row->generation), *log = signer(l);
	struct hash proof[MERKLE_PROOF_MAX];
	struct bundle b = {.payload = row->statement,
			   .payload_len = row->statement_len,
			   .signature = row->signature,
			   .public = g ? g->statement : NULL,
			   .log = log ? &log->log : NULL,
			   .index = (uint64_t)row->index,
			   .size = l->signed_size,
			   .root = &l->root,
			   .proof = proof,
			   .checkpoint = l->checkpoint.data,
			   .checkpoint_len = l->checkpoint.len};

	if (x->tenant &&
	    (strlen(row->tenant) != x->tenant || memcmp(row->tenant, x->asked, x->tenant) != 0)) {
		x->r = -ENOENT;
		return 1;
	}
	if ((uint64_t)row->index >= l->signed_size) {
		x->pending = 1;
		return 1;
	}
	x->r = !b.public || !b.log || !b.signature
		       ? -EUCLEAN
		       : merkle_inclusion(b.index, b.size, log_tile, l, proof, &b.proof_n);
	if (x->r == 0)
		x->r = bundle_write(&b, &x->out);
	if (x->r < 0)
		err_set(&x->e, EUCLEAN, "store.damaged",
			"the receipt cannot be made: the ledger's database is damaged; `cordon log "
			"check` finds where");
	return 1;
}

static int find_receipt(struct ledger *l, const char *subject, struct receipt *x)
{
	static const char *const kinds[] = {"run", "act"};
	char id[LIMIT_NAME + 8];
	int r = -ENOENT;

	if (strncmp(subject, "rct_", 4) != 0)
		return ledger_entry(l->store, subject, take_receipt, x, &x->e);
	for (size_t i = 0; r == -ENOENT && i < ARRAY_SIZE(kinds); i++) {
		snprintf(id, sizeof(id), "%s%s", kinds[i], subject + 3);
		r = ledger_entry(l->store, id, take_receipt, x, &x->e);
	}
	return r;
}

static void ask_receipt(struct ledger *l, uint64_t handle, const char *asked, int wait)
{
	const char *slash = strchr(asked, '/'), *subject = slash ? slash + 1 : asked;
	struct receipt x = {.ledger = l,
			    .asked = asked,
			    .tenant = slash ? (size_t)(slash - asked) : 0,
			    .out = BUF_INIT(LIMIT_TOLD)};
	int r = find_receipt(l, subject, &x);

	if (r == 0)
		r = x.r;
	if (r == -ENOENT) {
		err_set(&x.e, ENOENT, "receipt.unknown", "the log has no entry for '%s'", subject);
	} else if (r == 0 && x.pending && wait && !*l->failing.code && l->n_waiting < WAITING_MAX) {
		struct waiting *w = &l->waiting[l->n_waiting++];

		w->handle = handle;
		snprintf(w->subject, sizeof(w->subject), "%s", asked);
		return;
	} else if (r == 0 && x.pending) {
		r = err_set(&x.e, EAGAIN, "receipt.pending",
			    "'%s' is in the log, and no checkpoint covers it yet; ask again in a "
			    "second, or wait for it",
			    subject);
	}
	if (r < 0)
		tell_error(l, handle, &x.e);
	else
		tell(l, handle, &x.out);
	buf_done(&x.out);
}

void ask_waiting(struct ledger *l)
{
	for (size_t i = 0; i < l->n_waiting; i++) {
		const struct waiting *w = &l->waiting[i];

		ask(l, &(struct msg_ledger_ask){
			       w->handle, ASK_RECEIPT, 1, 0, {w->subject, strlen(w->subject)}});
	}
	l->n_waiting = 0;
}

static int take_journal(void *arg, const struct entry_row *row)
{
	return buf_add(arg, row->journal, row->journal_len) + 1;
}

static void ask_journal(struct ledger *l, uint64_t handle, const char *subject)
{
	_cleanup_buf_ struct buf out = BUF_INIT(LIMIT_TOLD);
	struct err e;
	int r = ledger_entry(l->store, subject, take_journal, &out, &e);

	if (r == -ENOENT)
		err_set(&e, ENOENT, "receipt.unknown", "the log has no entry for '%s'", subject);
	if (r < 0)
		tell_error(l, handle, &e);
	else
		tell(l, handle, &out);
}

/* ---- the log ---- */

static void ask_checkpoint(struct ledger *l, uint64_t handle)
{
	struct err e;

	if (l->checkpoint.len) {
		tell(l, handle, &l->checkpoint);
		return;
	}
	err_set(&e, ENOENT, "log.empty", "the log has no checkpoint yet; ask again in a second");
	tell_error(l, handle, &e);
}

struct bundle_entries {
	struct ledger *ledger;
	struct buf out;
	uint64_t until;
	int damaged;
};

/* C2SP tlog-tiles, section "Log entries": each with its length before it, 16 bits, big-endian. */
static int take_leaf(void *arg, const struct entry_row *row)
{
	struct bundle_entries *x = arg;
	const struct generation *g = keys_at(x->ledger, row->generation);
	_cleanup_buf_ struct buf leaf = BUF_INIT(4096);
	struct hash payload;

	if ((uint64_t)row->index >= x->until)
		return 1;
	if (!g || !row->signature)
		return x->damaged = 1;
	sha256(row->statement, row->statement_len, payload.b);
	dsse_entry(&payload, row->signature, g->statement, &leaf);
	buf_addc(&x->out, (char)(leaf.len >> 8));
	buf_addc(&x->out, (char)leaf.len);
	return buf_add(&x->out, leaf.data, leaf.len) < 0;
}

static int entries_tile(struct ledger *l, uint64_t n, unsigned width, struct buf *out,
			struct err *reterr)
{
	struct bundle_entries x = {
		.ledger = l, .out = BUF_INIT(LIMIT_TOLD), .until = n * TILE_WIDTH + width};
	int r = ledger_entries(l->store, (int64_t)(n * TILE_WIDTH), take_leaf, &x, reterr);

	if (r == 0 && x.damaged)
		r = err_set(reterr, EUCLEAN, "store.damaged",
			    "an entry of the log is damaged; `cordon log check` finds which");
	if (r == 0)
		buf_add(out, x.out.data, x.out.len);
	buf_done(&x.out);
	return r;
}

static void ask_tile(struct ledger *l, uint64_t handle, const char *path)
{
	_cleanup_buf_ struct buf out = BUF_INIT(LIMIT_TOLD);
	struct hash h[TILE_WIDTH];
	unsigned width = 0;
	uint64_t n = 0, covered;
	int level = 0, r = merkle_tile_parse(path, &level, &n, &width);
	struct err e = {0};

	if (r < 0) {
		err_set(&e, EINVAL, "log.tile",
			"'%s' is no tile: LEVEL/N, LEVEL/N.p/WIDTH or entries/N are, N in groups "
			"of three digits such as x001/234",
			path);
		tell_error(l, handle, &e);
		return;
	}
	/* Only what a checkpoint covers is shown: the rest may still be lost. */
	covered = level < 0		? l->signed_size
		  : level < TILE_LEVELS ? l->signed_size >> (8 * level)
					: 0;
	if (n > (UINT64_MAX >> 9) || n * TILE_WIDTH + width > covered)
		r = err_set(&e, ENOENT, "log.tile", "the log has no tile '%s' yet", path);
	else if (level < 0)
		r = entries_tile(l, n, width, &out, &e);
	else if (log_tile(l, (unsigned)level, n, width, h) == 0)
		r = buf_add(&out, h, width * sizeof(h[0]));
	else
		r = err_set(&e, EUCLEAN, "store.damaged", "tile '%s' cannot be read", path);
	if (r < 0)
		tell_error(l, handle, &e);
	else
		tell(l, handle, &out);
}

static void ask_proof(struct ledger *l, const struct msg_ledger_ask *m)
{
	_cleanup_buf_ struct buf out = BUF_INIT(1 << 16);
	struct hash proof[MERKLE_PROOF_MAX];
	int inclusion = m->what == ASK_INCLUSION, r;
	uint64_t size = m->b ? m->b : l->signed_size;
	struct err e = {0};
	size_t n = 0;

	if (size > l->signed_size)
		r = err_set(&e, EINVAL, "log.size",
			    "the newest checkpoint covers %llu entries, not %llu",
			    (unsigned long long)l->signed_size, (unsigned long long)size);
	else if (inclusion ? m->a >= size : !m->a || m->a > size)
		r = err_set(&e, EINVAL, "log.size", "%llu is not %s", (unsigned long long)m->a,
			    inclusion ? "the index of an entry in a tree of that size"
				      : "a size of the log before that size");
	else
		r = inclusion ? merkle_inclusion(m->a, size, log_tile, l, proof, &n)
			      : merkle_consistency(m->a, size, log_tile, l, proof, &n);
	if (r < 0) {
		if (!*e.code)
			err_set(&e, EUCLEAN, "store.damaged", "the log's tiles cannot be read");
		tell_error(l, m->handle, &e);
		return;
	}
	buf_addf(&out, "{\"%s\":%llu,\"size\":%llu,\"hashes\":[", inclusion ? "index" : "from",
		 (unsigned long long)m->a, (unsigned long long)size);
	for (size_t i = 0; i < n; i++) {
		buf_adds(&out, i ? ",\"" : "\"");
		base64_add(&out, &proof[i], sizeof(proof[i]));
		buf_addc(&out, '"');
	}
	buf_adds(&out, "]}");
	tell(l, m->handle, &out);
}

static void ask_trusted_root(struct ledger *l, uint64_t handle)
{
	_cleanup_buf_ struct buf out = BUF_INIT(LIMIT_TOLD);

	trusted_root_write(l->origin, l->generations, l->n_generations, &out);
	tell(l, handle, &out);
}

static void ask_rotate(struct ledger *l, uint64_t handle)
{
	_cleanup_buf_ struct buf out = BUF_INIT(4096);
	char hint[DSSE_HINT_SIZE];
	struct err e;

	if (keys_rotate(l, &e) < 0) {
		tell_error(l, handle, &e);
		return;
	}
	dsse_hint(l->generations[l->n_generations - 1].statement, hint);
	buf_addf(&out, "{\"generation\":%zu,\"statement_key\":\"%s\",\"first_entry\":%lld}",
		 l->n_generations, hint, (long long)l->firsts[l->n_generations - 1]);
	tell(l, handle, &out);
}

/* ---- witnesses ---- */

/*
 * A witness's signature under the newest checkpoint goes to the others there. It changes no entry
 * and no tree, and comes only from keys that the operator has named.
 */
static int add_cosignature(struct ledger *l, const struct wire_bytes *note, struct err *reterr)
{
	_cleanup_buf_ struct buf with = BUF_INIT(NOTE_MAX);
	struct checkpoint theirs, ours;
	const char *line;
	size_t len;

	if (checkpoint_read(note->data, note->len, &theirs) < 0)
		return err_set(reterr, EINVAL, "witness.note",
			       "that is not a signed checkpoint (C2SP tlog-checkpoint)");
	if (!l->checkpoint.len ||
	    checkpoint_read(l->checkpoint.data, l->checkpoint.len, &ours) < 0 ||
	    theirs.text_len != ours.text_len ||
	    memcmp(note->data, l->checkpoint.data, ours.text_len) != 0)
		return err_set(reterr, ESTALE, "witness.stale",
			       "that is not the newest checkpoint, of %llu entries; sign that one",
			       (unsigned long long)l->signed_size);
	for (size_t i = 0; i < l->n_witnesses; i++) {
		const struct note_key *w = &l->witnesses[i];
		struct checkpoint_row row = {.size = (int64_t)l->signed_size};
		int r;

		if (note_verify(note->data, note->len, w, NULL) != 0 ||
		    note_find(note->data, note->len, w, &line, &len) < 0)
			continue;
		if (note_verify(l->checkpoint.data, l->checkpoint.len, w, NULL) == 0)
			return 0; /* it has signed already */
		buf_add(&with, l->checkpoint.data, l->checkpoint.len);
		if (buf_add(&with, line, len) < 0)
			return err_set(reterr, ENOSPC, "witness.note", "too many signatures");
		row.note = (const char *)with.data;
		row.note_len = with.len;
		r = ledger_checkpoint_cosign(l->store, &row, reterr);
		if (r == 0) {
			l->checkpoint.len = 0;
			buf_add(&l->checkpoint, with.data, with.len);
		}
		return r;
	}
	return err_set(reterr, EPERM, "witness.unknown",
		       "no witness of the configuration has signed it; name its key with "
		       "--log-witness");
}

static void ask_cosign(struct ledger *l, const struct msg_ledger_ask *m)
{
	struct err e;

	if (add_cosignature(l, &m->text, &e) < 0)
		tell_error(l, m->handle, &e);
	else
		tell(l, m->handle, &l->checkpoint);
}

static void answer(struct ledger *l, const struct msg_ledger_ask *m)
{
	char text[256];
	struct err e;

	snprintf(text, sizeof(text), "%.*s", (int)m->text.len, (const char *)m->text.data);
	switch ((enum ledger_question)m->what) {
	case ASK_RECEIPT:
		ask_receipt(l, m->handle, text, m->a == 1);
		return;
	case ASK_CHECKPOINT:
		ask_checkpoint(l, m->handle);
		return;
	case ASK_TILE:
		ask_tile(l, m->handle, text);
		return;
	case ASK_TRUSTED_ROOT:
		ask_trusted_root(l, m->handle);
		return;
	case ASK_EVENTS:
		events_ask(l, m);
		return;
	case ASK_INCLUSION:
	case ASK_CONSISTENCY:
		ask_proof(l, m);
		return;
	case ASK_ROTATE:
		ask_rotate(l, m->handle);
		return;
	case ASK_COSIGN:
		ask_cosign(l, m);
		return;
	case ASK_JOURNAL:
		ask_journal(l, m->handle, text);
		return;
	case ASK_USAGE:
		usage_ask(l, m);
		return;
	case ASK_COUNT:
		break;
	}
	err_set(&e, EINVAL, "ledger.malformed", "the ledger knows no such question");
	tell_error(l, m->handle, &e);
}

struct asked {
	struct list link;
	struct msg_ledger_ask m;
	char text[];
};

void ask(struct ledger *l, const struct msg_ledger_ask *m)
{
	struct asked *a;
	struct err e;

	if (l->n_asked == ASKED_MAX) {
		err_set(&e, EAGAIN, "ledger.busy", "too much is asked at once; ask again");
		tell_error(l, m->handle, &e);
		return;
	}
	a = xcalloc(1, sizeof(*a) + m->text.len);
	a->m = *m;
	if (m->text.len)
		memcpy(a->text, m->text.data, m->text.len);
	a->m.text.data = a->text;
	list_append(&l->asked, &a->link);
	l->n_asked++;
}

static void forget(struct ledger *l, struct asked *a)
{
	list_remove(&a->link);
	l->n_asked--;
	free(a);
}

void ask_forget(struct ledger *l)
{
	struct list *p, *tmp;

	list_for_each_safe (p, tmp, &l->asked)
		forget(l, list_entry(p, struct asked, link));
	l->n_waiting = 0;
}

/* The loop comes round again, with what there is to append before. */
static void on_again(struct loop_timer *t)
{
	(void)t;
}

void ask_turn(struct ledger *l)
{
	uint64_t until = clock_now_ns() + ASKED_NS;

	while (!list_empty(&l->asked) && l->out.len < LINK_HIGH) {
		struct asked *a = list_entry(l->asked.next, struct asked, link);

		answer(l, &a->m);
		forget(l, a);
		if (clock_now_ns() < until || list_empty(&l->asked))
			continue;
		l->again.fire = on_again;
		loop_arm(l->loop, &l->again, until);
		return;
	}
}
