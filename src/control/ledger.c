#include "control/ledger.h"

#include "base/clock.h"
#include "base/log.h"
#include "control/run.h"
#include "os/fd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { READ_CHUNK = 1 << 20, ASKS_MAX = 512 };
/* How long a ledger may be gone before nothing new is taken on: it is started again at once. */
#define GRACE_NS (2 * NS_PER_S)
/* How long one that is there may say nothing, when it was told something. */
#define SILENCE_NS (5 * NS_PER_S)

struct asked {
	struct list link, waiter;
	uint64_t handle;
	told_fn *told;
	self_told_fn *self; /* not NULL: control itself asks, and there is no waiter */
	void *arg;
};

int ledger_refuses(struct control *c, struct err *reterr)
{
	if (*c->ledger_error.code)
		return err_set(reterr, c->ledger_error.number, "ledger_unavailable",
			       "nothing can be recorded now, so nothing is started: %s",
			       c->ledger_error.message);
	if (c->ledger.fd < 0 && clock_now_ns() - c->ledger_gone_ns > GRACE_NS)
		return err_set(reterr, ENOTCONN, "ledger_unavailable",
			       "nothing can be recorded now, so nothing is started: the ledger is "
			       "being started; try again");
	if (c->ledger_owes_ns && clock_now_ns() - c->ledger_owes_ns > SILENCE_NS)
		return err_set(
			reterr, ETIMEDOUT, "ledger_unavailable",
			"nothing can be recorded now, so nothing is started: the ledger does "
			"not answer; try again");
	return 0;
}

int ledger_refuses_request(struct request *q)
{
	struct err e;
	int r = ledger_refuses(q->control, &e);

	if (r < 0)
		http_problem_err(q, 503, &e);
	return r;
}

/* ---- questions ---- */

static void forget(struct control *c, struct asked *a)
{
	struct list *p, *tmp;

	list_for_each_safe (p, tmp, &a->waiter)
		list_remove(p);
	list_remove(&a->link);
	c->ask_count--;
	free(a);
}

static struct request *asker(const struct asked *a)
{
	return list_empty(&a->waiter) ? NULL : list_entry(a->waiter.next, struct request, waiting);
}

static unsigned status_of(uint32_t number)
{
	switch (number) {
	case ENOENT:
		return 404;
	case EINVAL:
		return 400;
	case EPERM:
		return 403;
	case EAGAIN:
	case ESTALE:
		return 409;
	default:
		return 503;
	}
}

static void take_error(const struct wire_bytes *code, const struct wire_bytes *message,
		       uint32_t number, struct err *e)
{
	e->number = (int)number;
	snprintf(e->code, sizeof(e->code), "%.*s", (int)code->len, (const char *)code->data);
	snprintf(e->message, sizeof(e->message), "%.*s", (int)message->len,
		 (const char *)message->data);
}

static void on_told(struct control *c, const struct msg_ledger_told *m)
{
	struct list *p, *tmp;

	list_for_each_safe (p, tmp, &c->asks) {
		struct asked *a = list_entry(p, struct asked, link);
		struct request *q = asker(a);
		struct asked copy = *a;
		struct err e;

		if (a->handle != m->handle)
			continue;
		forget(c, a);
		if (copy.self) {
			copy.self(copy.arg, m);
		} else if (q && m->number && !q->follow) {
			take_error(&m->error_code, &m->error, m->number, &e);
			http_problem_err(q, status_of(m->number), &e);
			if (m->number == EAGAIN)
				http_add_header(q, "Retry-After", "1");
		} else if (q) {
			copy.told(q, m);
		}
		return;
	}
}

static int has_room(const struct control *c)
{
	return c->ledger.fd >= 0 && c->ask_count < ASKS_MAX;
}

/* NULL: it was not sent. */
static struct asked *send_question(struct control *c, enum ledger_question what, uint64_t a,
				   uint64_t b, const char *text, size_t len)
{
	struct msg m = {.type = MSG_LEDGER_ASK,
			.ledger_ask = {++c->next_handle, (uint8_t)what, a, b, {text, len}}};
	struct asked *x;

	if (!has_room(c) || msg_encode(&c->ledger_out, &m) < 0)
		return NULL;
	x = xcalloc(1, sizeof(*x));
	x->handle = m.ledger_ask.handle;
	list_init(&x->waiter);
	list_append(&c->asks, &x->link);
	c->ask_count++;
	return x;
}

int ledger_ask_self(struct control *c, enum ledger_question what, uint64_t a, uint64_t b,
		    const char *text, size_t len, self_told_fn *told, void *arg)
{
	struct asked *x = send_question(c, what, a, b, text, len);

	if (!x)
		return -EAGAIN;
	x->self = told;
	x->arg = arg;
	return 0;
}

int ledger_ask(struct request *q, enum ledger_question what, uint64_t a, uint64_t b,
	       const char *text, size_t len, told_fn *told)
{
	struct control *c = q->control;
	struct asked *x = send_question(c, what, a, b, text, len);

	if (!x) {
		if (q->streaming)
			return -EAGAIN;
		if (has_room(c))
			http_problem(q, 400, "request.query", "the question is too long");
		else
			http_problem(q, 503, "ledger_unavailable",
				     "the ledger cannot be asked now; try again");
		return -EAGAIN;
	}
	x->told = told;
	list_append(&x->waiter, &q->waiting);
	if (!q->streaming)
		http_suspend(q);
	return 0;
}

/* ---- the link ---- */

static void flush(struct control *c)
{
	while (c->ledger_out.len) {
		ssize_t n = send(c->ledger.fd, c->ledger_out.data, c->ledger_out.len,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break; /* full, or gone: the loop sees the end of the stream */
		buf_consume(&c->ledger_out, (size_t)n);
	}
	loop_watch(c->loop, &c->ledger, EPOLLIN | (c->ledger_out.len ? EPOLLOUT : 0));
}

void ledger_flush(struct control *c)
{
	if (c->ledger.fd >= 0 && c->ledger_out.len && !(c->ledger.events & EPOLLOUT))
		flush(c);
}

int ledger_send(struct control *c, const struct buf *frame)
{
	int r = c->ledger.fd < 0 ? -ENOTCONN : buf_add(&c->ledger_out, frame->data, frame->len);

	if (r == 0 && !c->ledger_owes_ns)
		c->ledger_owes_ns = clock_now_ns();
	return r;
}

static void detach(struct control *c)
{
	struct list *p, *tmp;

	if (c->ledger.fd < 0)
		return;
	loop_unwatch(c->loop, &c->ledger);
	close_fd(&c->ledger.fd);
	buf_done(&c->ledger_in);
	buf_done(&c->ledger_out);
	c->ledger_gone_ns = clock_now_ns();
	c->ledger_owes_ns = 0;
	record_link(c, 0);
	list_for_each_safe (p, tmp, &c->asks) {
		struct asked *a = list_entry(p, struct asked, link);
		struct request *q = asker(a);
		struct asked copy = *a;

		forget(c, a);
		if (copy.self)
			copy.self(copy.arg, &(struct msg_ledger_told){.number = ENOTCONN});
		else if (q && q->follow) /* it asks again */
			copy.told(q, &(struct msg_ledger_told){.number = ENOTCONN});
		else if (q)
			http_problem(q, 503, "ledger_unavailable",
				     "the ledger ended while it was asked; try again");
	}
}

static void on_state(struct control *c, const struct msg_ledger_state *m)
{
	if (m->error_code.len)
		take_error(&m->error_code, &m->error, EIO, &c->ledger_error);
	else
		c->ledger_error.code[0] = '\0';
	c->ledger_size = m->size;
	c->ledger_signed = m->signed_;
	c->ledger_known = 1;
	control_announce(c);
	events_grown(c);
}

static void on_message(struct control *c, const struct msg *m)
{
	if (m->type == MSG_LEDGER_STATE)
		on_state(c, &m->ledger_state);
	else if (m->type == MSG_APPENDED && !record_told(c, &m->appended))
		acts_told(c, &m->appended);
	else if (m->type == MSG_LEDGER_TOLD)
		on_told(c, &m->ledger_told);
}

static void on_ledger(struct loop_watch *w, uint32_t events)
{
	struct control *c = container_of(w, struct control, ledger);
	uint8_t *to = buf_reserve(&c->ledger_in, READ_CHUNK);
	uint64_t size = c->ledger_size;
	size_t at = 0;
	ssize_t n;

	if (events & EPOLLOUT)
		flush(c);
	n = to ? recv(w->fd, to, READ_CHUNK, MSG_DONTWAIT) : -1;
	if (n < 0 && to && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		detach(c);
		return;
	}
	c->ledger_owes_ns = 0;
	c->ledger_in.len += (size_t)n;
	for (;;) {
		struct msg m;
		size_t used;
		int r = msg_decode(c->ledger_in.data + at, c->ledger_in.len - at, LIMIT_FRAME, &m,
				   &used);

		if (r < 0) {
			log_line("the ledger sent bytes that are no message; it is let go");
			detach(c);
			return;
		}
		if (r == 0)
			break;
		on_message(c, &m);
		at += used;
	}
	buf_consume(&c->ledger_in, at);
	if (c->ledger_size > size)
		events_grown(c);
}

void ledger_close(struct control *c)
{
	detach(c);
	events_stop(c);
}

void ledger_attach(struct control *c, int fd)
{
	detach(c);
	c->ledger = (struct loop_watch){.fd = fd, .ready = on_ledger};
	c->ledger_in = BUF_INIT(LIMIT_FRAME * 2 + READ_CHUNK);
	c->ledger_out = BUF_INIT(1UL << 31);
	fd_set_blocking(fd, 0);
	if (loop_watch(c->loop, &c->ledger, EPOLLIN) < 0)
		log_fatal("epoll: %s", strerror(errno));
	record_link(c, 1);
	acts_link(c);
	ledger_flush(c);
}
