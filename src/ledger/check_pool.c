/*
 * The threads of a check. Each has a connection of its own and takes one range after the other; the
 * caller gets them in order. One thread more lets the database check itself.
 */
#include "ledger/check.h"

#include <errno.h>
#include <string.h>

enum { AHEAD = 2 }; /* ranges for each thread: it does not wait for the caller */

enum state { FREE, TAKEN, READY };

struct slot {
	enum state state;
	struct range range;
};

struct pool {
	const struct check *check;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t threads[CHECK_THREADS_MAX], integrity;
	struct looker *lookers[CHECK_THREADS_MAX];
	unsigned n_threads;
	int n_started, integrity_started;
	struct slot *slots;
	int64_t n_slots, ranges; /* ranges: how many there are */
	int64_t next, given;	 /* the next one for a thread; for the caller */
	int over;
	struct store *store; /* of the database's own check */
	struct findings complaints;
};

static void *work(void *arg)
{
	struct pool *p = arg;
	struct looker *k;

	pthread_mutex_lock(&p->lock);
	k = p->lookers[p->n_started++];
	while (!p->over && p->next < p->ranges) {
		struct slot *s = &p->slots[p->next % p->n_slots];

		if (s->state != FREE) {
			pthread_cond_wait(&p->changed, &p->lock);
			continue;
		}
		s->state = TAKEN;
		s->range.from = p->next++ * CHECK_RANGE;
		s->range.to = (int64_t)MIN_U64(s->range.from + CHECK_RANGE, p->check->size);
		pthread_mutex_unlock(&p->lock);
		looker_look(k, &s->range);
		pthread_mutex_lock(&p->lock);
		s->state = READY;
		pthread_cond_broadcast(&p->changed);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static void complain(void *arg, const char *text)
{
	findings_add(arg, AT_DATABASE, 0, "", "SQLite says: %.400s", text);
}

static void *look_at_pages(void *arg)
{
	struct pool *p = arg;
	struct err e;

	if (strict_integrity(p->store, complain, &p->complaints, &e) < 0)
		complain(&p->complaints, e.message);
	return NULL;
}

static int start(struct pool *p, struct err *reterr)
{
	int r = strict_open(p->check->directory, &p->store, reterr);

	for (unsigned i = 0; r == 0 && i < p->check->threads; i++) {
		struct store *s;

		r = strict_open(p->check->directory, &s, reterr);
		if (r == 0)
			p->lookers[i] = looker_new(p->check, s);
	}
	for (unsigned i = 0; r == 0 && i < p->check->threads; i++) {
		r = -pthread_create(&p->threads[i], NULL, work, p);
		if (r == 0)
			p->n_threads++;
		else
			err_set(reterr, -r, "check.thread", "no thread: %s", strerror(-r));
	}
	if (r == 0)
		p->integrity_started = pthread_create(&p->integrity, NULL, look_at_pages, p) == 0;
	if (r == 0 && !p->integrity_started)
		r = err_set(reterr, EAGAIN, "check.thread", "no thread: %s", strerror(EAGAIN));
	return r;
}

struct pool *pool_new(const struct check *c, struct err *reterr)
{
	struct pool *p = xcalloc(1, sizeof(*p));

	p->check = c;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	p->n_slots = (int64_t)c->threads * AHEAD + 1;
	p->slots = xcalloc((size_t)p->n_slots, sizeof(*p->slots));
	p->ranges = (c->size + CHECK_RANGE - 1) / CHECK_RANGE;
	if (start(p, reterr) == 0)
		return p;
	pool_free(p, NULL);
	return NULL;
}

struct range *pool_next(struct pool *p)
{
	struct slot *s = &p->slots[p->given % p->n_slots];

	pthread_mutex_lock(&p->lock);
	if (p->given) { /* the caller has done with the one before */
		p->slots[(p->given - 1) % p->n_slots].state = FREE;
		pthread_cond_broadcast(&p->changed);
	}
	while (p->given < p->ranges && s->state != READY)
		pthread_cond_wait(&p->changed, &p->lock);
	s = p->given < p->ranges ? s : NULL;
	p->given++;
	pthread_mutex_unlock(&p->lock);
	return s ? &s->range : NULL;
}

void pool_free(struct pool *p, struct findings *f)
{
	pthread_mutex_lock(&p->lock);
	p->over = 1;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->n_threads; i++)
		pthread_join(p->threads[i], NULL);
	if (p->integrity_started && (!f || f->more))
		strict_interrupt(p->store); /* enough is known */
	if (p->integrity_started)
		pthread_join(p->integrity, NULL);
	for (size_t i = 0; f && !f->more && i < p->complaints.n; i++)
		findings_add(f, AT_DATABASE, 0, "", "%s", p->complaints.f[i].text);
	for (unsigned i = 0; i < CHECK_THREADS_MAX; i++)
		looker_free(p->lookers[i]);
	store_close(p->store);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->changed);
	free(p->slots);
	free(p);
}
