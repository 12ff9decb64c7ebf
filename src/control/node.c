/* The link to the node: runs go out, their logs, journals and ends come in. */
#include "base/json.h"
#include "base/log.h"
#include "control/control.h"
#include "control/lease.h"
#include "control/run.h"
#include "os/fd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { READ_CHUNK = 262144, ANSWER_LOOKS = 64 };

static void detach(struct control *c)
{
	struct list *p, *tmp;

	if (c->node.fd < 0)
		return;
	loop_unwatch(c->loop, &c->node);
	close_fd(&c->node.fd);
	c->node_ready = 0;
	buf_done(&c->node_in);
	buf_done(&c->node_out);
	lease_node_lost(c);
	/* What it had is lost with it; what it had not yet is for the next. */
	list_for_each_safe (p, tmp, &c->runs) {
		struct run *r = list_entry(p, struct run, link);

		if (r->sent && !r->ended)
			run_lost(r);
	}
}

void node_flush(struct control *c)
{
	while (c->node_out.len) {
		ssize_t n = send(c->node.fd, c->node_out.data, c->node_out.len,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break; /* full, or gone: the loop sees the end of the stream */
		buf_consume(&c->node_out, (size_t)n);
	}
	loop_watch(c->loop, &c->node, EPOLLIN | (c->node_out.len ? EPOLLOUT : 0));
}

static void on_ready(struct control *c, const struct msg_node_ready *m)
{
	if (m->error_code.len) {
		log_line("the node cannot run anything: %.*s", (int)m->error.len,
			 (const char *)m->error.data);
		return;
	}
	c->node_ready = 1;
	control_announce(c);
}

static void on_message(struct control *c, const struct msg *m)
{
	struct run *r;

	if (m->type == MSG_NODE_READY)
		on_ready(c, &m->node_ready);
	else if (m->type == MSG_RUN_LOG && (r = run_by_handle(c, m->run_log.handle)))
		run_on_log(r, &m->run_log);
	else if (m->type == MSG_RUN_JOURNAL && (r = run_by_handle(c, m->run_journal.handle)))
		run_on_journal(r, &m->run_journal);
	else if (m->type == MSG_RUN_DONE && (r = run_by_handle(c, m->run_done.handle)))
		run_on_done(r, &m->run_done);
}

static void on_node(struct loop_watch *w, uint32_t events)
{
	struct control *c = container_of(w, struct control, node);
	uint8_t *to = buf_reserve(&c->node_in, READ_CHUNK);
	size_t at = 0;
	ssize_t n;

	if (events & EPOLLOUT)
		node_flush(c);
	n = to ? recv(w->fd, to, READ_CHUNK, MSG_DONTWAIT) : -1;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		detach(c);
		return;
	}
	c->node_in.len += (size_t)n;
	for (;;) {
		struct msg m;
		size_t used;
		int r = msg_decode(c->node_in.data + at, c->node_in.len - at, LIMIT_FRAME, &m,
				   &used);

		if (r < 0) {
			log_line("the node sent bytes that are no message; it is let go");
			detach(c);
			return;
		}
		if (r == 0)
			break;
		on_message(c, &m);
		at += used;
	}
	buf_consume(&c->node_in, at);
}

void node_attach(struct control *c, int fd)
{
	struct list *p, *tmp;

	detach(c);
	c->node = (struct loop_watch){.fd = fd, .ready = on_node};
	c->node_in = BUF_INIT(LIMIT_FRAME * 2 + READ_CHUNK);
	c->node_out = BUF_INIT(1UL << 30);
	fd_set_blocking(fd, 0);
	if (loop_watch(c->loop, &c->node, EPOLLIN) < 0)
		log_fatal("epoll: %s", strerror(errno));
	list_for_each_safe (p, tmp, &c->runs)
		run_send(list_entry(p, struct run, link));
}
