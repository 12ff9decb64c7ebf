#include "control/quota_book.h"

#include "base/list.h"
#include "base/macros.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names are chosen by tenants: which of them share a place in the table is not. */
static uint8_t secret[crypto_shorthash_KEYBYTES];

static unsigned hash_name(const void *name, size_t len)
{
	uint64_t h;

	crypto_shorthash((uint8_t *)&h, name, len, secret);
	return (unsigned)h;
}
#define HASH_FUNCTION(name, len, h) (h) = hash_name(name, len)
#include <uthash.h>

struct cell_name {
	char tenant[QUOTA_NAME], name[QUOTA_NAME];
	enum quota_scope scope;
};

struct quota_account {
	struct quota_account *next; /* of the same cell */
	struct cell *cell;
	char day[DAY_SIZE];
	unsigned holds; /* runs that have something reserved here */
	struct quota_amounts used, reserved, granted;
	uint8_t due[QUOTA_DAILY], told[QUOTA_DAILY]; /* bit for each level */
};

/* A tenant, a team, a key or a profile. */
struct cell {
	struct cell_name name; /* padded with zeros: a key of the table */
	uint64_t limits[QUOTA_RESOURCE_COUNT];
	struct quota_account *accounts;
	struct list limited, noticed; /* in the book's, if it has a limit, something due */
	UT_hash_handle hh;
};

struct day {
	struct day *next;
	char day[DAY_SIZE];
	enum quota_day state;
	uint64_t upto; /* entries below are in the sums that it was loaded from */
};

/* Something that came while the sums of its day were on their way. */
struct early {
	struct early *next;
	char tenant[QUOTA_NAME], team[QUOTA_NAME], key[QUOTA_NAME], profile[QUOTA_NAME];
	char day[DAY_SIZE];
	uint64_t number;
	struct quota_amounts used;
};

struct quota_book {
	struct cell *cells;
	struct day *days;
	struct early *early;
	struct list limited, noticed;
};

#define X(U, t) t,
static const char *const scopes[] = {QUOTA_SCOPES(X)};
static const char *const resources[] = {QUOTA_RESOURCES(X)};
#undef X

const char *quota_scope_text(enum quota_scope s)
{
	return s < QUOTA_SCOPE_COUNT ? scopes[s] : "";
}

int quota_scope_parse(const char *text, enum quota_scope *ret)
{
	for (unsigned i = 0; i < QUOTA_SCOPE_COUNT; i++)
		if (!strcmp(text, scopes[i])) {
			*ret = i;
			return 0;
		}
	return -EINVAL;
}

const char *quota_resource_text(enum quota_resource r)
{
	return r < QUOTA_RESOURCE_COUNT ? resources[r] : "";
}

int quota_resource_parse(const char *text, enum quota_resource *ret)
{
	for (unsigned i = 0; i < QUOTA_RESOURCE_COUNT; i++)
		if (!strcmp(text, resources[i])) {
			*ret = i;
			return 0;
		}
	return -EINVAL;
}

struct quota_book *quota_book_new(void)
{
	struct quota_book *b = xcalloc(1, sizeof(*b));

	list_init(&b->limited);
	list_init(&b->noticed);
	if (sodium_is_zero(secret, sizeof(secret)))
		randombytes_buf(secret, sizeof(secret));
	return b;
}

static void drop_cell(struct quota_book *b, struct cell *x)
{
	list_remove(&x->limited);
	list_remove(&x->noticed);
	HASH_DEL(b->cells, x);
	while (x->accounts) {
		struct quota_account *a = x->accounts;

		x->accounts = a->next;
		free(a);
	}
	free(x);
}

void quota_book_free(struct quota_book *b)
{
	struct cell *x, *tmp;

	if (!b)
		return;
	HASH_ITER (hh, b->cells, x, tmp)
		drop_cell(b, x);
	while (b->days) {
		struct day *d = b->days;

		b->days = d->next;
		free(d);
	}
	while (b->early) {
		struct early *e = b->early;

		b->early = e->next;
		free(e);
	}
	free(b);
}

/* ---- amounts: nothing wraps ---- */

static uint64_t add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t bounded(uint64_t a)
{
	return a > QUOTA_MAX ? QUOTA_MAX : a;
}

/* ---- cells and accounts ---- */

static struct cell *find_cell(const struct quota_book *b, const struct quota_who *who)
{
	struct cell_name name;
	struct cell *x;

	memset(&name, 0, sizeof(name)); /* what is between its members, too */
	name.scope = who->scope;
	snprintf(name.tenant, sizeof(name.tenant), "%s", who->tenant);
	snprintf(name.name, sizeof(name.name), "%s", who->name);
	HASH_FIND(hh, b->cells, &name, sizeof(name), x);
	return x;
}

static struct cell *get_cell(struct quota_book *b, const struct quota_who *who)
{
	struct cell *x = find_cell(b, who);

	if (x)
		return x;
	x = xcalloc(1, sizeof(*x));
	x->name.scope = who->scope;
	snprintf(x->name.tenant, sizeof(x->name.tenant), "%s", who->tenant);
	snprintf(x->name.name, sizeof(x->name.name), "%s", who->name);
	for (size_t i = 0; i < QUOTA_RESOURCE_COUNT; i++)
		x->limits[i] = QUOTA_NONE;
	list_init(&x->limited);
	list_init(&x->noticed);
	HASH_ADD(hh, b->cells, name, sizeof(x->name), x);
	return x;
}

static struct quota_account *find_account(const struct cell *x, const char *day)
{
	struct quota_account *a = x ? x->accounts : NULL;

	while (a && strcmp(a->day, day) != 0)
		a = a->next;
	return a;
}

static struct quota_account *get_account(struct quota_book *b, const struct quota_who *who,
					 const char *day)
{
	struct cell *x = get_cell(b, who);
	struct quota_account *a = find_account(x, day);

	if (a)
		return a;
	a = xcalloc(1, sizeof(*a));
	a->cell = x;
	snprintf(a->day, sizeof(a->day), "%s", day);
	a->next = x->accounts;
	x->accounts = a;
	return a;
}

/* The accounts of a run. */
static size_t parts(const struct quota_party *p, struct quota_who who[QUOTA_SCOPE_COUNT])
{
	size_t n = 0;

	who[n++] = (struct quota_who){QUOTA_OF_TENANT, p->tenant, ""};
	if (*p->team)
		who[n++] = (struct quota_who){QUOTA_OF_TEAM, p->tenant, p->team};
	who[n++] = (struct quota_who){QUOTA_OF_KEY, p->tenant, p->key};
	who[n++] = (struct quota_who){QUOTA_OF_PROFILE, p->tenant, p->profile};
	return n;
}

static uint64_t room_of(const struct quota_account *a, enum quota_resource r)
{
	uint64_t limit = a->cell->limits[r];

	return limit == QUOTA_NONE ? QUOTA_NONE : bounded(add(limit, a->granted.of[r]));
}

static uint64_t taken(const struct quota_account *a, enum quota_resource r)
{
	return add(a->used.of[r], a->reserved.of[r]);
}

/* ---- notices ---- */

static void notice(struct quota_book *b, struct quota_account *a, enum quota_resource r,
		   enum quota_level level)
{
	if ((a->due[r] | a->told[r]) & 1 << level)
		return;
	a->due[r] |= (uint8_t)(1 << level);
	list_remove(&a->cell->noticed);
	list_append(&b->noticed, &a->cell->noticed);
}

/* After anything that may have filled it, or made it smaller. */
static void look(struct quota_book *b, struct quota_account *a)
{
	for (enum quota_resource r = 0; r < QUOTA_DAILY; r++) {
		uint64_t room = room_of(a, r), used = taken(a, r);

		if (room != QUOTA_NONE && used && used >= (room * QUOTA_WARN_PERCENT + 99) / 100)
			notice(b, a, r, QUOTA_WARNED);
	}
}

static void view(const struct cell *x, const struct quota_account *a, enum quota_resource r,
		 struct quota_view *ret)
{
	*ret = (struct quota_view){.limit = x ? x->limits[r] : QUOTA_NONE};
	if (a && r < QUOTA_DAILY) {
		ret->granted = a->granted.of[r];
		ret->used = a->used.of[r];
		ret->reserved = a->reserved.of[r];
	}
}

static int first_due(const struct quota_account *a, enum quota_resource r, enum quota_level level,
		     struct quota_notice *to)
{
	const struct cell_name *n = &a->cell->name;

	if (!(a->due[r] & 1 << level))
		return 0;
	*to = (struct quota_notice){.scope = n->scope, .resource = r, .level = level};
	memcpy(to->tenant, n->tenant, sizeof(to->tenant));
	memcpy(to->name, n->name, sizeof(to->name));
	memcpy(to->day, a->day, sizeof(to->day));
	view(a->cell, a, r, &to->view);
	return 1;
}

size_t quota_book_notices(const struct quota_book *b, struct quota_notice *to, size_t max)
{
	struct list *p, *tmp;
	size_t n = 0;

	list_for_each_safe (p, tmp, (struct list *)&b->noticed) {
		const struct quota_account *a = list_entry(p, struct cell, noticed)->accounts;

		for (; a; a = a->next)
			for (enum quota_resource r = 0; r < QUOTA_DAILY; r++)
				for (enum quota_level l = 0; l < QUOTA_LEVEL_COUNT; l++)
					if (n < max)
						n += (size_t)first_due(a, r, l, &to[n]);
	}
	return n;
}

void quota_book_told(struct quota_book *b, const struct quota_who *who, const char *day,
		     enum quota_resource r, enum quota_level level)
{
	struct quota_account *a;
	unsigned due = 0;

	if (r >= QUOTA_DAILY)
		return;
	a = get_account(b, who, day);
	a->told[r] |= (uint8_t)(1 << level);
	a->due[r] &= (uint8_t)~a->told[r];
	for (const struct quota_account *x = a->cell->accounts; x; x = x->next)
		for (size_t i = 0; i < QUOTA_DAILY; i++)
			due |= x->due[i];
	if (!due)
		list_remove(&a->cell->noticed);
}

/* ---- terms ---- */

void quota_book_limit(struct quota_book *b, const struct quota_who *who, enum quota_resource r,
		      uint64_t amount)
{
	struct cell *x = get_cell(b, who);
	int any = 0;

	x->limits[r] = amount == QUOTA_NONE ? amount : bounded(amount);
	for (size_t i = 0; i < QUOTA_RESOURCE_COUNT; i++)
		any |= x->limits[i] != QUOTA_NONE;
	list_remove(&x->limited);
	if (any)
		list_append(&b->limited, &x->limited);
	for (struct quota_account *a = x->accounts; a; a = a->next) {
		if (amount == QUOTA_NONE && r < QUOTA_DAILY)
			a->due[r] = 0;
		look(b, a);
	}
}

uint64_t quota_book_limit_of(const struct quota_book *b, const struct quota_who *who,
			     enum quota_resource r)
{
	const struct cell *x = find_cell(b, who);

	return x ? x->limits[r] : QUOTA_NONE;
}

void quota_book_grant(struct quota_book *b, const struct quota_who *who, const char *day,
		      enum quota_resource r, uint64_t amount)
{
	if (r < QUOTA_DAILY)
		get_account(b, who, day)->granted.of[r] = bounded(amount);
}

void quota_book_forget_terms(struct quota_book *b, const char *tenant)
{
	struct cell *x, *tmp;

	HASH_ITER (hh, b->cells, x, tmp) {
		if (strcmp(x->name.tenant, tenant) != 0)
			continue;
		for (size_t i = 0; i < QUOTA_RESOURCE_COUNT; i++)
			x->limits[i] = QUOTA_NONE;
		list_remove(&x->limited);
		list_remove(&x->noticed);
		for (struct quota_account *a = x->accounts; a; a = a->next) {
			a->granted = (struct quota_amounts){0};
			memset(a->due, 0, sizeof(a->due));
			memset(a->told, 0, sizeof(a->told));
		}
	}
}

/* ---- days ---- */

static struct day *find_day(const struct quota_book *b, const char *day)
{
	struct day *d = b->days;

	while (d && strcmp(d->day, day) != 0)
		d = d->next;
	return d;
}

enum quota_day quota_book_day(const struct quota_book *b, const char *day)
{
	const struct day *d = find_day(b, day);

	return d ? d->state : QUOTA_DAY_UNKNOWN;
}

void quota_book_ask(struct quota_book *b, const char *day)
{
	struct day *d = find_day(b, day);
	struct cell *x, *tmp;

	if (!d) {
		d = xcalloc(1, sizeof(*d));
		snprintf(d->day, sizeof(d->day), "%s", day);
		d->next = b->days;
		b->days = d;
	}
	d->state = QUOTA_DAY_ASKED;
	HASH_ITER (hh, b->cells, x, tmp) {
		struct quota_account *a = find_account(x, day);

		if (a)
			a->used = (struct quota_amounts){0};
	}
}

static void use(struct quota_book *b, const struct quota_party *p, const char *day,
		const struct quota_amounts *used)
{
	struct quota_who who[QUOTA_SCOPE_COUNT];
	size_t n = parts(p, who);

	for (size_t i = 0; i < n; i++) {
		struct quota_account *a = get_account(b, &who[i], day);

		for (size_t r = 0; r < QUOTA_DAILY; r++)
			a->used.of[r] = add(a->used.of[r], used->of[r]);
		look(b, a);
	}
}

void quota_book_sum(struct quota_book *b, const struct quota_party *p, const char *day,
		    const struct quota_amounts *used)
{
	if (quota_book_day(b, day) == QUOTA_DAY_ASKED)
		use(b, p, day, used);
}

/* What was told early: what the sums do not have is added, if there are any. */
static void end_asking(struct quota_book *b, struct day *d, uint64_t upto)
{
	struct early **at = &b->early;

	while (*at) {
		struct early *e = *at;

		if (strcmp(e->day, d->day) != 0) {
			at = &e->next;
			continue;
		}
		*at = e->next;
		if (e->number >= upto)
			use(b, &(struct quota_party){e->tenant, e->team, e->key, e->profile},
			    e->day, &e->used);
		free(e);
	}
}

void quota_book_loaded(struct quota_book *b, const char *day, uint64_t upto)
{
	struct day *d = find_day(b, day);

	if (!d || d->state != QUOTA_DAY_ASKED)
		return;
	d->state = QUOTA_DAY_KNOWN;
	d->upto = upto;
	end_asking(b, d, upto);
}

int quota_book_has_early(const struct quota_book *b)
{
	return b->early != NULL;
}

void quota_book_failed(struct quota_book *b, const char *day)
{
	struct day *d = find_day(b, day);

	if (!d || d->state != QUOTA_DAY_ASKED)
		return;
	d->state = QUOTA_DAY_UNKNOWN;
	end_asking(b, d, UINT64_MAX); /* the log has them: they are in the next answer */
}

static int is_among(const char *day, const char *const *days, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(day, days[i]))
			return 1;
	return 0;
}

/* Accounts of days that are not known, unless something is reserved in them. */
static void drop_accounts(struct quota_book *b, struct cell *x)
{
	struct quota_account **at = &x->accounts;

	while (*at) {
		struct quota_account *a = *at;

		if (a->holds || quota_book_day(b, a->day) != QUOTA_DAY_UNKNOWN) {
			at = &a->next;
			continue;
		}
		*at = a->next;
		free(a);
	}
	if (!x->accounts && list_empty(&x->limited))
		drop_cell(b, x);
}

void quota_book_keep(struct quota_book *b, const char *const *days, size_t n)
{
	struct day **at = &b->days;
	struct cell *x, *tmp;

	for (struct day *d = b->days; d; d = d->next)
		if (d->state == QUOTA_DAY_KNOWN && !is_among(d->day, days, n))
			d->state = QUOTA_DAY_UNKNOWN;
	/* One for which something is reserved stays: every run of it is in some tenant's account.
	 */
	HASH_ITER (hh, b->cells, x, tmp)
		for (struct quota_account *a = x->accounts; a; a = a->next)
			if (a->holds && find_day(b, a->day))
				find_day(b, a->day)->state = QUOTA_DAY_KNOWN;
	while (*at) {
		struct day *d = *at;

		if (d->state != QUOTA_DAY_UNKNOWN) {
			at = &d->next;
			continue;
		}
		*at = d->next;
		free(d);
	}
	HASH_ITER (hh, b->cells, x, tmp)
		drop_accounts(b, x);
}

/* ---- runs ---- */

static int has_room(const struct quota_account *a, const struct quota_amounts *most,
		    struct quota_refusal *ret)
{
	for (enum quota_resource r = 0; r < QUOTA_DAILY; r++) {
		uint64_t room = room_of(a, r), asked = most->of[r];

		if (!asked)
			continue;
		/* Without a limit, too, what is reserved must be a number, or it could not be
		 * given back. */
		if (room == QUOTA_NONE ? asked <= UINT64_MAX - a->reserved.of[r]
				       : add(taken(a, r), asked) <= room)
			continue;
		*ret = (struct quota_refusal){.scope = a->cell->name.scope,
					      .resource = r,
					      .limit = room,
					      .used = a->used.of[r],
					      .reserved = a->reserved.of[r],
					      .asked = asked};
		memcpy(ret->name, a->cell->name.name, sizeof(ret->name));
		return 0;
	}
	return 1;
}

int quota_book_reserve(struct quota_book *b, const struct quota_party *p, const char *day,
		       const struct quota_amounts *most, struct quota_hold *h,
		       struct quota_refusal *ret)
{
	struct quota_hold hold = {.amounts = *most};
	struct quota_who who[QUOTA_SCOPE_COUNT];
	size_t n = parts(p, who);

	if (quota_book_day(b, day) != QUOTA_DAY_KNOWN)
		return -EAGAIN;
	/* One more than the largest limit fits in none. */
	for (size_t r = 0; r < QUOTA_DAILY; r++)
		if (hold.amounts.of[r] > QUOTA_MAX)
			hold.amounts.of[r] = QUOTA_MAX + 1;
	for (size_t i = 0; i < n; i++) {
		hold.accounts[i] = get_account(b, &who[i], day);
		if (!has_room(hold.accounts[i], &hold.amounts, ret)) {
			notice(b, hold.accounts[i], ret->resource, QUOTA_EXHAUSTED);
			return -EDQUOT;
		}
	}
	for (size_t i = 0; i < n; i++) {
		struct quota_account *a = hold.accounts[i];

		a->holds++;
		for (size_t r = 0; r < QUOTA_DAILY; r++)
			a->reserved.of[r] = add(a->reserved.of[r], hold.amounts.of[r]);
		look(b, a);
	}
	*h = hold;
	return 0;
}

void quota_book_settle(struct quota_book *b, struct quota_hold *h, const struct quota_amounts *used)
{
	for (size_t i = 0; i < QUOTA_SCOPE_COUNT; i++) {
		struct quota_account *a = h->accounts[i];

		if (!a)
			continue;
		a->holds--;
		for (size_t r = 0; r < QUOTA_DAILY; r++) {
			a->reserved.of[r] = less(a->reserved.of[r], h->amounts.of[r]);
			a->used.of[r] = add(a->used.of[r], used->of[r]);
		}
		look(b, a);
	}
	*h = (struct quota_hold){0};
}

void quota_book_recorded(struct quota_book *b, const struct quota_party *p, const char *day,
			 uint64_t number, const struct quota_amounts *used)
{
	const struct day *d = find_day(b, day);
	struct early *e;

	switch (d ? d->state : QUOTA_DAY_UNKNOWN) {
	case QUOTA_DAY_UNKNOWN:
		return; /* whoever asks for it later is told of this, too */
	case QUOTA_DAY_KNOWN:
		if (number >= d->upto)
			use(b, p, day, used);
		return;
	case QUOTA_DAY_ASKED:
		break;
	}
	e = xcalloc(1, sizeof(*e));
	snprintf(e->tenant, sizeof(e->tenant), "%s", p->tenant);
	snprintf(e->team, sizeof(e->team), "%s", p->team);
	snprintf(e->key, sizeof(e->key), "%s", p->key);
	snprintf(e->profile, sizeof(e->profile), "%s", p->profile);
	snprintf(e->day, sizeof(e->day), "%s", day);
	e->number = number;
	e->used = *used;
	e->next = b->early;
	b->early = e;
}

/* ---- what people are shown ---- */

void quota_book_view(const struct quota_book *b, const struct quota_who *who, const char *day,
		     enum quota_resource r, struct quota_view *ret)
{
	const struct cell *x = find_cell(b, who);

	view(x, find_account(x, day), r, ret);
}

/* Into its place among the fullest so far. */
static size_t insert(struct quota_fullness *to, size_t n, size_t max,
		     const struct quota_fullness *f)
{
	size_t i = n < max ? n : max;

	while (i && to[i - 1].ratio < f->ratio)
		i--;
	if (i >= max)
		return n;
	memmove(&to[i + 1], &to[i], ((n < max ? n : max - 1) - i) * sizeof(*to));
	to[i] = *f;
	return n < max ? n + 1 : n;
}

size_t quota_book_fullest(const struct quota_book *b, const char *day, struct quota_fullness *to,
			  size_t max)
{
	struct list *p, *tmp;
	size_t n = 0;

	list_for_each_safe (p, tmp, (struct list *)&b->limited) {
		const struct cell *x = list_entry(p, struct cell, limited);
		const struct quota_account *a = find_account(x, day);

		for (enum quota_resource r = 0; r < QUOTA_DAILY && max; r++) {
			struct quota_fullness f = {.scope = x->name.scope, .resource = r};
			uint64_t room = a ? room_of(a, r) : x->limits[r];
			uint64_t used = a ? taken(a, r) : 0;

			if (room == QUOTA_NONE)
				continue;
			memcpy(f.tenant, x->name.tenant, sizeof(f.tenant));
			memcpy(f.name, x->name.name, sizeof(f.name));
			f.ratio = room ? (double)used / (double)room : used ? 2 : 1;
			n = insert(to, n, max, &f);
		}
	}
	return n;
}
