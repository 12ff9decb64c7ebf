/*
 * Administrative acts on their way to the ledger. An act is written in the transaction that does
 * it, so there is none without the other; it leaves the table `outbox` when the ledger has it.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "control/body.h"
#include "control/ledger.h"
#include "evidence/journal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pending {
	struct list link;
	char id[ID_SIZE];
	struct buf event;
	uint64_t handle; /* it was sent under; 0: not on this link */
	int committed, said;
};

static void forget(struct pending *p)
{
	list_remove(&p->link);
	buf_done(&p->event);
	free(p);
}

static void append(struct control *c, struct pending *p)
{
	_cleanup_buf_ struct buf facts = BUF_INIT(LIMIT_FACTS), frame = BUF_INIT(1 << 20);
	struct journal j = {.lines = BUF_INIT(LIMIT_FACTS)};
	struct msg m = {.type = MSG_APPEND,
			.append = {.kind = ENTRY_ACT, .subject = WIRE_STR(p->id)}};

	if (p->handle || !p->committed)
		return;
	buf_adds(&facts, "{\"event\":");
	buf_add(&facts, p->event.data, p->event.len);
	buf_addc(&facts, '}');
	if (journal_append(&j, (const char *)p->event.data, p->event.len) < 0)
		log_fatal("an act that cannot be recorded: %s", buf_str(&p->event));
	m.append.handle = ++c->next_handle;
	m.append.facts = WIRE_BUF(&facts);
	m.append.journal = WIRE_BUF(&j.lines);
	if (msg_encode(&frame, &m) == 0 && ledger_send(c, &frame) == 0)
		p->handle = m.append.handle;
	buf_done(&j.lines);
}

static struct pending *keep(struct control *c, const char *id, const void *event, size_t len)
{
	struct pending *p = xcalloc(1, sizeof(*p));

	snprintf(p->id, sizeof(p->id), "%s", id);
	p->event = BUF_INIT(LIMIT_FACTS);
	buf_add(&p->event, event, len);
	list_append(&c->acts, &p->link);
	return p;
}

int act(struct control *c, const struct request *q, const char *event, const char *tenant,
	struct err *reterr, ...)
{
	_cleanup_buf_ struct buf b = BUF_INIT(LIMIT_FACTS / 2);
	char id[ID_SIZE], time[CLOCK_TEXT_SIZE];
	const char *name, *value;
	va_list ap;
	int r;

	id_new("act", id);
	clock_text(clock_wall_ms(), time);
	buf_addc(&b, '{');
	body_member(&b, "event", event);
	body_member(&b, "act", id);
	body_member(&b, "time", time);
	body_member(&b, "tenant", tenant);
	body_member(&b, "by", q ? (*q->lease.id ? q->lease.id : q->caller.key) : "control");
	body_member(&b, "role", q ? auth_role_text(q->caller.role) : "");
	body_member(&b, "trace", q ? q->trace : "");
	va_start(ap, reterr);
	while ((name = va_arg(ap, const char *))) {
		value = va_arg(ap, const char *);
		body_member(&b, name, value);
	}
	va_end(ap);
	if (buf_addc(&b, '}') < 0)
		return err_set(reterr, EMSGSIZE, "request.too_large", "this act says too much");
	r = store_outbox_add(c->store, id, b.data, b.len, reterr);
	if (r == 0)
		keep(c, id, b.data, b.len);
	return r;
}

int act_begin(struct request *q, struct err *reterr)
{
	int r = ledger_refuses(q->control, reterr);

	return r ? r : batch_open(q->control, reterr);
}

int act_commit(struct request *q, int r, struct err *reterr)
{
	if (r >= 0)
		return batch_settle(q->control, reterr);
	batch_abandon(q->control);
	return r;
}

void acts_settled(struct control *c, int committed)
{
	struct list *p, *tmp;

	list_for_each_safe (p, tmp, &c->acts) {
		struct pending *x = list_entry(p, struct pending, link);

		if (x->committed)
			continue;
		if (!committed) {
			forget(x);
			continue;
		}
		x->committed = 1;
		append(c, x);
	}
}

/* Not while the ledger says that it cannot write. */
static void on_again(struct loop_timer *t)
{
	struct control *c = container_of(t, struct control, acts_again);
	struct list *p, *tmp;

	if (*c->ledger_error.code)
		loop_arm(c->loop, t, clock_now_ns() + NS_PER_S);
	else
		list_for_each_safe (p, tmp, &c->acts)
			append(c, list_entry(p, struct pending, link));
}

static void try_again(struct control *c, struct pending *p)
{
	p->handle = 0;
	c->acts_again.fire = on_again;
	if (!c->acts_again.slot)
		loop_arm(c->loop, &c->acts_again, clock_now_ns() + NS_PER_S);
}

int acts_told(struct control *c, const struct msg_appended *m)
{
	struct list *p, *tmp;
	struct err e;

	list_for_each_safe (p, tmp, &c->acts) {
		struct pending *x = list_entry(p, struct pending, link);

		if (!x->handle || x->handle != m->handle)
			continue;
		if (m->number) {
			if (!x->said)
				log_line("%s is not in the ledger yet: %.*s", x->id,
					 (int)m->error.len, (const char *)m->error.data);
			x->said = 1;
			try_again(c, x);
		} else if (batch_open(c, &e) == 0 && store_outbox_drop(c->store, x->id, &e) == 0) {
			c->ledger_size = MAX_U64(c->ledger_size, m->index + 1);
			forget(x);
		} else { /* it is in the log once, however often it is sent */
			try_again(c, x);
		}
		return 1;
	}
	return 0;
}

void acts_link(struct control *c)
{
	struct list *p, *tmp;

	list_for_each_safe (p, tmp, &c->acts) {
		struct pending *x = list_entry(p, struct pending, link);

		x->handle = 0;
		append(c, x);
	}
}

static void take_act(void *arg, const char *id, const void *event, size_t len)
{
	keep(arg, id, event, len)->committed = 1;
}

int acts_load(struct control *c, struct err *reterr)
{
	return store_outbox(c->store, take_act, c, reterr);
}
