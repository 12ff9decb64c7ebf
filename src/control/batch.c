/*
 * What is written in one turn of the loop is one transaction: a turn that serves many requests pays
 * for one. Its order is kept all the same: the node hears of a run, and a caller of its end, when
 * that is written, and if it cannot be written neither happens.
 */
#include "base/log.h"
#include "control/ledger.h"
#include "control/run.h"

#include <errno.h>

int batch_open(struct control *c, struct err *reterr)
{
	int r = c->batch ? 0 : store_begin(c->store, reterr);

	if (c->batch && !store_in_transaction(c->store))
		return err_set(reterr, EIO, "store.failed",
			       "the state database could not be written; try again");
	if (r == 0)
		c->batch = 1;
	return r;
}

void batch_abandon(struct control *c)
{
	if (c->batch && store_in_transaction(c->store))
		store_rollback(c->store);
	c->batch = c->batch_synced = 0;
	acts_settled(c, 0);
}

static void tell_end(struct run *r, const struct err *e)
{
	struct control *c = r->control;

	if (e) {
		run_unwritten(r, e);
		return;
	}
	run_answer(r, NULL);
	run_free(r);
	control_announce(c);
	if (c->stopping && c->run_count == 0)
		loop_stop(c->loop);
}

static void tell_begin(struct run *r, const struct err *e)
{
	if (!e) {
		if (r->ended)
			record_send(r); /* it was denied */
		return;			/* else queue_pump() sends it when it is its turn */
	}
	run_answer(r, e);
	run_free(r); /* it was never begun */
}

int batch_settle(struct control *c, struct err *reterr)
{
	struct list *p, *tmp;
	struct err e;
	int r = c->batch ? store_commit(c->store, &e) : 0;

	if (r == 0 && c->batch && c->batch_synced)
		r = store_sync(c->store, &e);
	c->batch = c->batch_synced = 0;
	acts_settled(c, r == 0);
	if (r < 0 && reterr)
		*reterr = e;
	list_for_each_safe (p, tmp, &c->ended) {
		list_remove(p);
		tell_end(list_entry(p, struct run, turn), r < 0 ? &e : NULL);
	}
	list_for_each_safe (p, tmp, &c->begun) {
		list_remove(p);
		tell_begin(list_entry(p, struct run, turn), r < 0 ? &e : NULL);
	}
	return r;
}
