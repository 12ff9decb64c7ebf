/*
 * All combinations of verdicts that some path gets, each with a shortest path that gets it.
 *
 * The patterns together are a nondeterministic automaton that reads a path character by character
 * (Unicode: globs consist of whole characters, so a star never ends inside of one). It is made
 * deterministic while it is explored, breadth first. Why the answer is exact:
 *
 * - A state is the set of places in patterns that the path so far can be at, and whether the
 *   segment so far may end (empty segments and dot segments are no paths). Two paths with the same
 *   state have the same continuations and verdicts.
 * - Characters that no place in the state waits for act alike, so one of them, which no pattern
 *   names, stands for all. Where it stands for a dot or semicolon too, it only leaves out paths
 * that are like others but may be no paths.
 * - A place that another one of the same pattern dominates (a later star takes all that an earlier
 *   one could) is dropped: its pattern matches all the same.
 */
#include "base/json.h"
#include "policy/diff.h"

#include <errno.h>
#include <string.h>

enum { SLASH = '/', OFFSET_BITS = 11, SEGMENT_BITS = 6 };

/* A place: pattern, segment, and offset in the segment's bytes (in an ANY: whether one was taken).
 */
static uint32_t place(unsigned pattern, unsigned segment, unsigned offset)
{
	return pattern << (OFFSET_BITS + SEGMENT_BITS) | segment << OFFSET_BITS | offset;
}

static unsigned place_pattern(uint32_t p)
{
	return p >> (OFFSET_BITS + SEGMENT_BITS);
}

static unsigned place_segment(uint32_t p)
{
	return p >> OFFSET_BITS & ((1u << SEGMENT_BITS) - 1);
}

static unsigned place_offset(uint32_t p)
{
	return p & ((1u << OFFSET_BITS) - 1);
}

/* What the segment so far is. */
enum phase { PHASE_EMPTY, PHASE_DOT, PHASE_DOTS, PHASE_TEXT, PHASE_NO_PATH };

struct state {
	uint32_t parent, symbol;
	uint32_t at, n; /* its places */
	enum phase phase;
};

struct places {
	uint32_t *all;
	size_t n, cap;
};

struct explorer {
	const struct diff_question *q;
	uint32_t other; /* a character that no pattern names */
	struct state *states;
	size_t n_states, cap_states;
	struct places pool;
	uint32_t *table; /* states by content, index + 1; open addressing */
	size_t table_size;
	struct places next; /* of the step under way */
	struct places symbols;
	struct diff_verdicts *seen;
	size_t n_seen, cap_seen;
};

static void push(struct places *p, uint32_t v)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 64;
		p->all = xrealloc(p->all, p->cap * sizeof(*p->all));
	}
	p->all[p->n++] = v;
}

static const struct path_segment *segment_of(const struct explorer *x, uint32_t p)
{
	return &x->q->patterns[place_pattern(p)].pattern->segments[place_segment(p)];
}

/* The character at an offset, and its length in bytes; the bytes are valid UTF-8. */
static uint32_t character(const struct path_segment *s, unsigned at, unsigned *ret_len)
{
	const unsigned char *p = (const unsigned char *)s->bytes + at;
	unsigned n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t c = n == 1 ? p[0] : p[0] & (0xffu >> (n + 1));

	for (unsigned i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3f);
	*ret_len = n;
	return c;
}

/* Goes to an offset of a segment, and past stars, which may stand for nothing. */
static void add_place(struct explorer *x, unsigned pattern, unsigned segment, unsigned offset)
{
	const struct path_segment *s = &x->q->patterns[pattern].pattern->segments[segment];

	push(&x->next, place(pattern, segment, offset));
	if (s->kind == SEGMENT_GLOB)
		for (; offset < s->len && s->bytes[offset] == PATH_STAR; offset++)
			push(&x->next, place(pattern, segment, offset + 1));
}

/* Begins a segment at the boundary before a pattern's segment. */
static void enter(struct explorer *x, unsigned pattern, unsigned segment)
{
	const struct path_pattern *p = x->q->patterns[pattern].pattern;

	for (; segment < p->n; segment++) {
		add_place(x, pattern, segment, 0);
		if (p->segments[segment].kind != SEGMENT_DEEP)
			break;
	}
}

/* Whether the segment may end at the place; then *ret_boundary is where the pattern goes on. */
static bool ends(const struct explorer *x, uint32_t p, unsigned *ret_boundary)
{
	const struct path_segment *s = segment_of(x, p);

	*ret_boundary = place_segment(p) + 1;
	switch (s->kind) {
	case SEGMENT_LITERAL:
	case SEGMENT_GLOB:
		return place_offset(p) == s->len;
	case SEGMENT_ANY:
		return place_offset(p) > 0;
	case SEGMENT_DEEP:
		*ret_boundary = place_segment(p); /* it may take further segments */
		return true;
	}
	return false;
}

static bool complete(const struct path_pattern *p, unsigned boundary)
{
	while (boundary < p->n && p->segments[boundary].kind == SEGMENT_DEEP)
		boundary++;
	return boundary == p->n;
}

static void take_character(struct explorer *x, uint32_t p, uint32_t c)
{
	const struct path_segment *s = segment_of(x, p);
	unsigned pattern = place_pattern(p), segment = place_segment(p), at = place_offset(p), len;

	switch (s->kind) {
	case SEGMENT_DEEP:
		push(&x->next, p);
		break;
	case SEGMENT_ANY:
		push(&x->next, place(pattern, segment, 1));
		break;
	case SEGMENT_LITERAL:
	case SEGMENT_GLOB:
		if (at == s->len)
			break;
		if (s->kind == SEGMENT_GLOB && s->bytes[at] == PATH_STAR)
			add_place(x, pattern, segment, at);
		else if (character(s, at, &len) == c)
			add_place(x, pattern, segment, at + len);
		break;
	}
}

static enum phase phase_after(enum phase phase, uint32_t c)
{
	switch (phase) {
	case PHASE_EMPTY:
		return c == '.' ? PHASE_DOT : PHASE_TEXT;
	case PHASE_DOT:
		return c == '.' ? PHASE_DOTS : c == ';' ? PHASE_NO_PATH : PHASE_TEXT;
	case PHASE_DOTS:
		return c == ';' ? PHASE_NO_PATH : PHASE_TEXT;
	case PHASE_TEXT:
	case PHASE_NO_PATH:
		break;
	}
	return phase;
}

static int compare_places(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Sorted, each once, without what a later star of the same pattern (segment) dominates. */
static void tidy(struct explorer *x)
{
	struct places *p = &x->next;
	size_t to = p->n;
	uint32_t deep = UINT32_MAX, star = UINT32_MAX, last = UINT32_MAX;

	if (p->n > 1)
		qsort(p->all, p->n, sizeof(*p->all), compare_places);
	for (size_t i = p->n; i-- > 0;) {
		uint32_t v = p->all[i];
		const struct path_segment *s = segment_of(x, v);
		bool is_star = s->kind == SEGMENT_GLOB && place_offset(v) < s->len &&
			       s->bytes[place_offset(v)] == PATH_STAR;

		if (v == last || (deep != UINT32_MAX && place_pattern(deep) == place_pattern(v)) ||
		    (star != UINT32_MAX && star >> OFFSET_BITS == v >> OFFSET_BITS))
			continue;
		last = v;
		if (s->kind == SEGMENT_DEEP)
			deep = v;
		if (is_star)
			star = v;
		p->all[--to] = v;
	}
	for (size_t i = to; i < p->n; i++)
		p->all[i - to] = p->all[i];
	p->n -= to;
}

/* Whether every slot that is wanted can still come to allow. */
static bool is_hopeful(const struct explorer *x)
{
	unsigned can = 0;

	for (size_t i = 0; i < x->next.n; i++) {
		const struct diff_pattern *p = &x->q->patterns[place_pattern(x->next.all[i])];

		if (!p->deny)
			can |= 1u << p->slot;
	}
	return (can & x->q->wanted) == x->q->wanted;
}

static uint64_t hash_next(const struct explorer *x, enum phase phase)
{
	uint64_t h = 0xcbf29ce484222325 ^ (uint64_t)phase;

	for (size_t i = 0; i < x->next.n; i++) {
		h = (h ^ x->next.all[i]) * 0x100000001b3;
		h ^= h >> 29;
	}
	return h;
}

static bool is_next(const struct explorer *x, const struct state *s, enum phase phase)
{
	if (s->phase != phase || s->n != x->next.n)
		return false;
	for (uint32_t i = 0; i < s->n; i++)
		if (x->pool.all[s->at + i] != x->next.all[i])
			return false;
	return true;
}

static void rehash(struct explorer *x)
{
	x->table_size = x->table_size ? x->table_size * 2 : 256;
	free(x->table);
	x->table = xcalloc(x->table_size, sizeof(*x->table));
}

/* The slot of the table for what `next` holds: empty, or with the same state. */
static size_t find_slot(const struct explorer *x, enum phase phase)
{
	size_t slot = hash_next(x, phase) & (x->table_size - 1);

	while (x->table[slot] && !is_next(x, &x->states[x->table[slot] - 1], phase))
		slot = (slot + 1) & (x->table_size - 1);
	return slot;
}

static void grow_table(struct explorer *x)
{
	struct places kept = x->next;

	rehash(x);
	for (size_t i = 0; i < x->n_states; i++) {
		const struct state *s = &x->states[i];

		x->next = (struct places){.all = x->pool.all + s->at, .n = s->n};
		x->table[find_slot(x, s->phase)] = (uint32_t)i + 1;
	}
	x->next = kept;
}

/* Keeps the state that `next` holds, unless it is known or of no use. */
static int keep(struct explorer *x, uint32_t parent, uint32_t symbol, enum phase phase)
{
	size_t slot;

	tidy(x);
	*x->q->work += 4 + x->next.n;
	if (!is_hopeful(x))
		return 0;
	if ((x->n_states + 1) * 2 > x->table_size)
		grow_table(x);
	slot = find_slot(x, phase);
	if (x->table[slot])
		return 0;
	if (x->n_states == DIFF_STATES_MAX || x->pool.n > DIFF_PLACES_MAX ||
	    *x->q->work > DIFF_WORK_MAX)
		return -E2BIG;
	if (x->n_states == x->cap_states) {
		x->cap_states *= 2;
		x->states = xrealloc(x->states, x->cap_states * sizeof(*x->states));
	}
	x->states[x->n_states] = (struct state){.parent = parent,
						.symbol = symbol,
						.at = (uint32_t)x->pool.n,
						.n = (uint32_t)x->next.n,
						.phase = phase};
	for (size_t i = 0; i < x->next.n; i++)
		push(&x->pool, x->next.all[i]);
	x->table[slot] = (uint32_t)++x->n_states;
	return 0;
}

/* The path that leads to a state. */
static int spell(const struct explorer *x, size_t state, struct buf *out)
{
	_cleanup_free_ uint32_t *symbols = NULL;
	size_t n = 0;
	int r = 0;

	for (size_t s = state; s; s = x->states[s].parent)
		n++;
	symbols = xcalloc(n, sizeof(*symbols));
	n = 0;
	for (; state; state = x->states[state].parent)
		symbols[n++] = x->states[state].symbol;
	r = buf_addc(out, SLASH);
	while (r == 0 && n--) {
		char bytes[4];

		r = symbols[n] == SLASH ? buf_addc(out, SLASH)
					: path_encode(out, bytes, utf8_put(bytes, symbols[n]));
	}
	return r < 0 ? -E2BIG : 0;
}

static struct diff_verdicts verdicts_of(const struct explorer *x, const struct state *s)
{
	struct diff_verdicts v;

	for (unsigned i = 0; i < DIFF_SLOTS; i++)
		v.slots[i] = VERDICT_NONE;
	for (uint32_t i = 0; i < s->n; i++) {
		uint32_t p = x->pool.all[s->at + i];
		const struct diff_pattern *d = &x->q->patterns[place_pattern(p)];
		int *slot = &v.slots[d->slot];
		unsigned boundary;

		if (!ends(x, p, &boundary) || !complete(d->pattern, boundary))
			continue;
		if (d->deny)
			*slot = VERDICT_DENIED;
		else if (*slot == VERDICT_NONE || (*slot >= 0 && (int)d->rule < *slot))
			*slot = (int)d->rule;
	}
	return v;
}

/* The path may end here: says so, if it is of use and new. */
static int end_here(struct explorer *x, size_t state)
{
	_cleanup_buf_ struct buf path = BUF_INIT((size_t)PATH_MAX_BYTES * 4);
	struct diff_verdicts v = verdicts_of(x, &x->states[state]);
	int r;

	for (unsigned i = 0; i < DIFF_SLOTS; i++)
		if (x->q->wanted & 1u << i && v.slots[i] < 0)
			return 0;
	*x->q->work += 1 + x->n_seen;
	for (size_t i = 0; i < x->n_seen; i++)
		if (!memcmp(&x->seen[i], &v, sizeof(v)))
			return 0;
	if (x->n_seen == x->cap_seen) {
		x->cap_seen = x->cap_seen ? x->cap_seen * 2 : 16;
		x->seen = xrealloc(x->seen, x->cap_seen * sizeof(*x->seen));
	}
	x->seen[x->n_seen++] = v;
	r = spell(x, state, &path);
	return r < 0 ? r : x->q->found(x->q->user, &v, buf_str(&path));
}

/* The characters that a place of the state waits for, and one for all others. */
static void collect_symbols(struct explorer *x, size_t state)
{
	x->symbols.n = 0;
	push(&x->symbols, x->other);
	for (uint32_t i = 0; i < x->states[state].n; i++) {
		uint32_t p = x->pool.all[x->states[state].at + i];
		const struct path_segment *s = segment_of(x, p);
		unsigned len;

		if ((s->kind == SEGMENT_LITERAL || s->kind == SEGMENT_GLOB) &&
		    place_offset(p) < s->len && s->bytes[place_offset(p)] != PATH_STAR)
			push(&x->symbols, character(s, place_offset(p), &len));
	}
	qsort(x->symbols.all, x->symbols.n, sizeof(uint32_t), compare_places);
}

static int next_character(struct explorer *x, size_t state, uint32_t c)
{
	enum phase phase = phase_after(x->states[state].phase, c);

	if (phase == PHASE_NO_PATH)
		return 0;
	x->next.n = 0;
	for (uint32_t i = 0; i < x->states[state].n; i++)
		take_character(x, x->pool.all[x->states[state].at + i], c);
	*x->q->work += x->states[state].n;
	return keep(x, (uint32_t)state, c, phase);
}

static int next_segment(struct explorer *x, size_t state)
{
	x->next.n = 0;
	for (uint32_t i = 0; i < x->states[state].n; i++) {
		uint32_t p = x->pool.all[x->states[state].at + i];
		unsigned boundary;

		if (ends(x, p, &boundary))
			enter(x, place_pattern(p), boundary);
	}
	return keep(x, (uint32_t)state, SLASH, PHASE_EMPTY);
}

static int explore(struct explorer *x)
{
	int r;

	for (unsigned i = 0; i < x->q->n_patterns; i++)
		enter(x, i, 0);
	r = keep(x, 0, SLASH, PHASE_EMPTY);
	for (size_t i = 0; r == 0 && i < x->n_states; i++) {
		enum phase phase = x->states[i].phase;

		if (phase == PHASE_EMPTY || phase == PHASE_TEXT)
			r = end_here(x, i);
		if (r == 0 && phase == PHASE_TEXT)
			r = next_segment(x, i);
		collect_symbols(x, i);
		for (size_t k = 0; r == 0 && k < x->symbols.n; k++)
			if (!k || x->symbols.all[k] != x->symbols.all[k - 1])
				r = next_character(x, i, x->symbols.all[k]);
	}
	return r;
}

enum { COMMON_FIRST = 0x4e00, COMMON = 20480 }; /* ideographs */

/* Marks the characters that patterns name: ASCII and the common ideographs. */
static void mark_named(const struct diff_question *q, uint8_t ascii[128], uint8_t common[COMMON])
{
	for (unsigned i = 0; i < q->n_patterns; i++)
		for (unsigned k = 0; k < q->patterns[i].pattern->n; k++) {
			const struct path_segment *s = &q->patterns[i].pattern->segments[k];

			*q->work += s->len;
			for (unsigned at = 0, len; at < s->len; at += len) {
				uint32_t c = character(s, at, &len);

				if (c < 128)
					ascii[c] = 1;
				else if (c >= COMMON_FIRST && c < COMMON_FIRST + COMMON)
					common[c - COMMON_FIRST] = 1;
			}
		}
}

/* A character that no pattern names: letters and digits first, for the reader's sake; 0: none. */
static uint32_t pick_other(const struct diff_question *q)
{
	static const char nice[] = "xyzwvutsrqponmlkjihgfedcba0123456789XYZ";
	uint8_t ascii[128] = {0}, common[COMMON] = {0};

	mark_named(q, ascii, common);
	for (const char *p = nice; *p; p++)
		if (!ascii[(unsigned char)*p])
			return (uint32_t)*p;
	for (uint32_t i = 0; i < COMMON; i++)
		if (!common[i])
			return COMMON_FIRST + i;
	return 0;
}

int diff_paths(const struct diff_question *q)
{
	struct explorer x = {.q = q, .cap_states = 64};
	int r = -E2BIG;

	_Static_assert(PATTERN_MAX_SEGMENTS + 1 < 1 << SEGMENT_BITS &&
			       PATTERN_MAX_BYTES < 1 << OFFSET_BITS &&
			       (uint64_t)DIFF_PATTERNS_MAX << (SEGMENT_BITS + OFFSET_BITS) <=
				       (uint64_t)1 << 32,
		       "a place has 32 bits");
	if (q->n_patterns < DIFF_PATTERNS_MAX) {
		x.states = xcalloc(x.cap_states, sizeof(*x.states));
		x.pool = (struct places){.all = xcalloc(256, sizeof(uint32_t)), .cap = 256};
		x.next = (struct places){.all = xcalloc(256, sizeof(uint32_t)), .cap = 256};
		x.other = pick_other(q);
		r = x.other ? explore(&x) : -E2BIG;
	}
	free(x.states);
	free(x.pool.all);
	free(x.table);
	free(x.next.all);
	free(x.symbols.all);
	free(x.seen);
	return r;
}
