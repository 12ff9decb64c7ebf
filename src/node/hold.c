/*
 * Sandboxes that are kept: the module is evaluated once, and many runs call it, one at a time. Its
 * state is theirs to share, for they have the same code, the same policy and the same tenant. A
 * sandbox that ended, broke a rule or was stopped at a ceiling is never used again; the next run
 * gets a fresh one.
 */
#include "node/node.h"

#include <string.h>

static void forget(struct hold *h)
{
	if (h->sandbox) {
		struct sandbox *s = h->sandbox;

		pool_kill(s); /* which lets go of us */
		pool_release(s);
	}
	list_remove(&h->link);
	free(h->body);
	free(h);
}

struct hold *hold_find(struct node *n, uint64_t id)
{
	struct list *p, *tmp;

	list_for_each_safe (p, tmp, &n->holds) {
		struct hold *h = list_entry(p, struct hold, link);

		if (h->id == id && !h->released)
			return h;
	}
	return NULL;
}

void hold_add(struct node *n, const struct msg_hold *m)
{
	struct hold *h = hold_find(n, m->hold);
	struct wire_bytes *parts[3];
	size_t total = 0, at = 0;

	if (h) /* told twice */
		return;
	h = xcalloc(1, sizeof(*h));
	h->id = m->hold;
	h->spec = *m;
	parts[0] = &h->spec.language;
	parts[1] = &h->spec.main;
	parts[2] = &h->spec.modules;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		total += parts[i]->len;
	h->body = xmalloc(total);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (parts[i]->len)
			memcpy((char *)h->body + at, parts[i]->data, parts[i]->len);
		parts[i]->data = (char *)h->body + at;
		at += parts[i]->len;
	}
	list_append(&n->holds, &h->link);
}

void hold_release(struct node *n, uint64_t id)
{
	struct hold *h = hold_find(n, id);

	if (!h)
		return;
	h->released = 1;
	if (!h->users)
		forget(h);
}

void hold_leave(struct hold *h)
{
	if (--h->users == 0 && h->released)
		forget(h);
}

int hold_keeps(const struct run *r, enum outcome o)
{
	const struct sandbox *s = r->sandbox;

	return r->hold && !r->hold->released && s && s->phase == PHASE_RUNNING && !s->eof &&
	       !s->exited && s->in.len == s->frame && /* it said its last word, and no more */
	       (o == OUTCOME_COMPLETED || (o == OUTCOME_FAILED && r->hold->served));
}

void hold_lost(struct sandbox *s)
{
	if (s->hold) {
		s->hold->sandbox = NULL;
		s->hold->served = 0;
	}
	s->hold = NULL;
}
