/*
 * The tree over all entries, as it grows: each full tile against the stored one, each checkpoint's
 * root against the one that the entries up to it give.
 */
#include "ledger/check.h"

#include <stdio.h>
#include <string.h>

#define TILE_LEVEL (1LL << 56) /* a tile's ID: level * 2^56 + number */

struct tree {
	const struct check *check;
	struct store *store;
	struct findings *found;
	struct merkle_range whole;
	struct hash edges[TILE_LEVELS][TILE_WIDTH];
	unsigned widths[TILE_LEVELS];
	int64_t tiles;	      /* that should be there so far */
	uint8_t *handed_over; /* for each generation: the checkpoint that its first entry needs */
	int broken;	      /* an entry has no leaf: nothing can be said of what is after it */
	int tile_wrong;	      /* one was: those above it are, too */
	struct tree_state state;
};

struct tree *tree_new(const struct check *c, struct store *s, struct findings *f)
{
	struct tree *t = xcalloc(1, sizeof(*t));

	t->check = c;
	t->store = s;
	t->found = f;
	t->handed_over = xcalloc(c->n_generations, 1);
	return t;
}

void tree_free(struct tree *t)
{
	if (!t)
		return;
	free(t->handed_over);
	free(t);
}

const struct tree_state *tree_state(const struct tree *t)
{
	return &t->state;
}

/* ---- tiles ---- */

static void compare_tile(struct tree *t, unsigned level, int64_t n, const struct hash *have)
{
	const struct hash *want = t->edges[level];
	int64_t id = level * TILE_LEVEL + n;
	size_t i = 0;

	while (i < TILE_WIDTH && !memcmp(&have[i], &want[i], sizeof(*want)))
		i++;
	if (i == TILE_WIDTH)
		return;
	if (level == 0)
		findings_add(t->found, AT_ENTRY, n * TILE_WIDTH + (int64_t)i, "",
			     "it is not the entry whose leaf hash the log's tile 0/%lld has",
			     (long long)n);
	else if (!t->tile_wrong)
		findings_add(t->found, AT_TILE, id, "",
			     "its hash %zu is not that of the tile below it", i);
	t->tile_wrong = 1;
}

static void check_tile(struct tree *t, unsigned level, int64_t n)
{
	int64_t id = level * TILE_LEVEL + n;
	struct strict c;
	struct err e;
	int r = strict_begin(&c, t->store, STRICT_TILES, id, id + 1, &e);

	t->tiles++;
	if (r == 0)
		r = strict_next(&c, &e);
	if (r < 0)
		findings_add(t->found, AT_TILE, id, "", "it cannot be read: %s", e.message);
	else if (r == 0)
		findings_add(t->found, AT_TILE, id, "", "it is missing");
	else if (c.odd)
		findings_add(t->found, AT_TILE, id, "", "it is not of the type and size of one");
	else
		compare_tile(t, level, n, c.tile.hashes);
	strict_end(&c);
}

static void push(struct tree *t, unsigned level, const struct hash *h)
{
	struct merkle_range whole = {0};
	struct hash root;

	t->edges[level][t->widths[level]++] = *h;
	if (t->widths[level] < TILE_WIDTH)
		return;
	check_tile(t, level, (int64_t)((t->whole.size - 1) >> (8 * (level + 1))));
	for (size_t i = 0; i < TILE_WIDTH; i++)
		merkle_append(&whole, &t->edges[level][i]);
	merkle_root(&whole, &root);
	t->widths[level] = 0;
	if (level + 1 < TILE_LEVELS)
		push(t, level + 1, &root);
}

/* ---- checkpoints ---- */

static void take_claim(struct tree *t, const struct claim *claim, int64_t time_ms)
{
	const struct check *c = t->check;
	struct tree_state *s = &t->state;
	struct hash root;

	merkle_root(&t->whole, &root);
	s->checkpoints++;
	s->newest = claim->size;
	s->newest_root = root;
	s->newest_ms = time_ms;
	for (size_t g = 1; g < c->n_generations; g++)
		if (c->firsts[g] == claim->size)
			t->handed_over[g] = 1;
	if (!memcmp(&root, &claim->root, sizeof(root))) {
		s->right = s->wrong ? s->right : claim->size;
		return;
	}
	if (!s->wrong) { /* all later ones have other roots, too */
		s->wrong = claim->size;
		findings_add(
			t->found, AT_CHECKPOINT, claim->size, "",
			"its root is not that of the log's first %lld entries: those after the "
			"first %lld are not what was signed, or not in that order",
			(long long)claim->size, (long long)s->right);
	}
}

static void compare_kept(struct tree *t)
{
	const struct kept *kept = &t->check->kept;
	struct hash root;

	if (!kept->given || t->whole.size != kept->checkpoint.size)
		return;
	merkle_root(&t->whole, &root);
	if (memcmp(&root, &kept->checkpoint.root, sizeof(root)) != 0)
		findings_add(t->found, AT_CHECKPOINT, (int64_t)kept->checkpoint.size, "",
			     "the one that was kept has another root: the log was rewritten");
}

void tree_add(struct tree *t, const struct range *r)
{
	size_t claim = 0;

	t->state.checkpoints += t->broken ? (int64_t)r->n_claims : 0;
	if (t->broken)
		return;
	for (int64_t i = 0; i < r->good; i++) {
		merkle_append(&t->whole, &r->leaves[i]);
		push(t, 0, &r->leaves[i]);
		compare_kept(t);
		if (claim < r->n_claims && r->claims[claim].size == (int64_t)t->whole.size)
			take_claim(t, &r->claims[claim++], r->times[i]);
	}
	t->broken = r->good < r->to - r->from;
}

/* ---- what is left ---- */

/* A tile that nothing leads to. */
static void find_extra(struct tree *t)
{
	struct strict c;
	struct err e;
	int r = strict_begin(&c, t->store, STRICT_TILES, 0, INT64_MAX, &e);

	while (r >= 0 && (r = strict_next(&c, &e)) == 1) {
		int64_t level = c.tile.id / TILE_LEVEL, n = c.tile.id % TILE_LEVEL;

		if (level < TILE_LEVELS - 1 && n < t->check->size >> (8 * (level + 1)))
			continue;
		findings_add(t->found, AT_TILE, c.tile.id, "",
			     "it is there, and the log has not the entries for it");
		break;
	}
	strict_end(&c);
}

static void check_counts(struct tree *t)
{
	static const struct {
		enum strict_rows rows;
		enum place place;
		const char *what, *wrong;
	} all[] = {
		{STRICT_ENTRIES, AT_ENTRY, "entries",
		 "it is there, and the log begins with number 0"},
		{STRICT_MARKS, AT_ENTRY, "marks", "there are marks of it, and it is not there"},
		{STRICT_CHECKPOINTS, AT_CHECKPOINT, "checkpoints",
		 "the log has no such number of entries"},
		{STRICT_TILES, AT_TILE, "tiles", "there is no such tile"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		int64_t n = 0, other = 0;
		int others = 0;
		struct err e;

		if (strict_count(t->store, all[i].rows, t->check->size, &n, &others, &other, &e) <
		    0)
			findings_add(t->found, AT_DATABASE, 0, "", "its %s cannot be counted: %s",
				     all[i].what, e.message);
		else if (others)
			findings_add(t->found, all[i].place, other, "", "%s", all[i].wrong);
		else if (all[i].rows == STRICT_TILES && !t->broken && n != t->tiles)
			find_extra(t);
	}
}

void tree_end(struct tree *t)
{
	const struct check *c = t->check;

	check_counts(t);
	if (c->newest > c->size)
		findings_add(t->found, AT_ENTRY, c->size, "",
			     "it is missing: a checkpoint covers %lld entries",
			     (long long)c->newest);
	if (c->kept.given && (int64_t)c->kept.checkpoint.size > c->size)
		findings_add(t->found, AT_CHECKPOINT, (int64_t)c->kept.checkpoint.size, "",
			     "the one that was kept covers more entries than the log has: its end "
			     "is gone");
	for (size_t g = 1; g < c->n_generations && !t->broken; g++)
		if (!t->handed_over[g])
			findings_add(t->found, AT_GENERATION, (int64_t)g + 1, "",
				     "the checkpoint of %lld entries that the keys before it and "
				     "its own sign is missing",
				     (long long)c->firsts[g]);
}
