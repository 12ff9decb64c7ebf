#include "bench/ledger_make.h"
#include "store/ledger.h"

#include <err.h>
#include <stdio.h>
#include <string.h>

enum { TRANSACTION = 100000, LEVELS = 4 };

struct fill {
	struct store *store;
	struct hash edges[LEVELS][TILE_WIDTH];
	unsigned widths[LEVELS];
	uint64_t size;
};

static void must(int r, const struct err *e)
{
	if (r < 0)
		errx(1, "%s", e->message);
}

static void push(struct fill *f, unsigned level, const struct hash *h)
{
	struct merkle_range whole = {0};
	struct hash root;
	struct err e;

	f->edges[level][f->widths[level]++] = *h;
	if (f->widths[level] < TILE_WIDTH)
		return;
	must(ledger_tile_add(f->store, level, (int64_t)(f->size >> (8 * (level + 1))),
			     f->edges[level], &e),
	     &e);
	for (size_t i = 0; i < TILE_WIDTH; i++)
		merkle_append(&whole, &f->edges[level][i]);
	merkle_root(&whole, &root);
	f->widths[level] = 0;
	if (level + 1 < LEVELS)
		push(f, level + 1, &root);
}

static int take_leaf(void *arg, const struct entry_row *row)
{
	struct fill *f = arg;
	struct hash leaf;

	if (!row->leaf)
		errx(1, "entry %lld has no leaf", (long long)row->index);
	memcpy(&leaf, row->leaf, sizeof(leaf));
	push(f, 0, &leaf);
	f->size++;
	return 0;
}

static void add(struct fill *f)
{
	static const uint8_t signature[LEDGER_SIGNATURE];
	char subject[32], statement[160], journal[128];
	struct hash leaf;
	struct err e;
	int n = snprintf(subject, sizeof(subject), "act_%010llu", (unsigned long long)f->size),
	    s = snprintf(statement, sizeof(statement),
			 "{\"predicate\":{\"event\":{\"act\":\"%s\",\"event\":\"filled\"}}}",
			 subject),
	    j = snprintf(journal, sizeof(journal),
			 "{\"act\":\"%s\",\"event\":\"filled\",\"seq\":1}\n", subject);

	merkle_leaf(subject, (size_t)n, &leaf);
	must(ledger_entry_add(f->store,
			      &(struct entry_row){.index = (int64_t)f->size,
						  .kind = ENTRY_ACT,
						  .generation = 1,
						  .time_ms = 1777636800000,
						  .subject = subject,
						  .tenant = "",
						  .trace = "",
						  .session = "",
						  .lease = "",
						  .artifact = "",
						  .profile = "",
						  .leaf = leaf.b,
						  .signature = signature,
						  .statement = statement,
						  .statement_len = (size_t)s,
						  .journal = journal,
						  .journal_len = (size_t)j},
			      &e),
	     &e);
	push(f, 0, &leaf);
	f->size++;
}

void make_large(const char *directory, uint64_t size)
{
	static struct fill f;
	struct err e;

	memset(&f, 0, sizeof(f));
	must(ledger_open(directory, &f.store, &e), &e);
	must(ledger_entries(f.store, 0, take_leaf, &f, &e), &e);
	while (f.size < size) {
		must(store_begin(f.store, &e), &e);
		do
			add(&f);
		while (f.size < size && f.size % TRANSACTION);
		must(store_commit(f.store, &e), &e);
	}
	store_close(f.store);
}
