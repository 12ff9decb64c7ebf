#include "cli/link.h"

#include "os/fd.h"
#include "os/spawn.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { START_TIMEOUT_MS = 20000, ARGS_MAX = 16, READ_CHUNK = 262144 };

extern char **environ;

int link_start(struct link *l, int jail_full, const char *const *node_args, struct err *reterr)
{
	const char *argv[ARGS_MAX + 4] = {"cordon-supervisor",
					  jail_full ? "--jail=full" : "--jail=available", "--"};
	const char *envp[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL};
	_cleanup_fd_ int theirs = -1, exe = -1;
	int pair[2], r;

	*l = (struct link){.control = -1, .node = -1, .in = BUF_INIT(LIMIT_FRAME + READ_CHUNK)};
	for (size_t i = 0; node_args[i] && i < ARGS_MAX; i++)
		argv[3 + i] = node_args[i];
	exe = spawn_find("cordon-supervisor", reterr);
	if (exe < 0)
		return exe;
	r = fd_pair(SOCK_SEQPACKET, pair);
	if (r < 0)
		return err_set(reterr, -r, "spawn", "socketpair: %s", strerror(-r));
	l->control = pair[0];
	theirs = pair[1];
	r = spawn_plain(&(struct spawn){.exe = exe,
					.argv = argv,
					.envp = envp,
					.fds = &theirs,
					.nfds = 1,
					.uid = geteuid(),
					.cgroup = -1},
			&l->supervisor, reterr);
	if (r < 0)
		return r;
	close_fd(&theirs);
	return link_renew(l, reterr);
}

int link_renew(struct link *l, struct err *reterr)
{
	struct pollfd p = {l->control, POLLIN, 0};
	uint8_t packet[64];
	int fds[FD_PACKET_MAX], r;
	size_t nfds, used;
	struct msg m;
	ssize_t n;

	close_fd(&l->node);
	l->in.len = l->used = 0;
	do
		r = poll(&p, 1, START_TIMEOUT_MS);
	while (r < 0 && errno == EINTR);
	if (r <= 0)
		return err_set(reterr, ETIMEDOUT, "platform.start",
			       "the supervisor does not answer");
	n = fd_recv_packet(l->control, packet, sizeof(packet), fds, &nfds);
	if (n > 0 && nfds == 1 && msg_decode(packet, (size_t)n, sizeof(packet), &m, &used) == 1 &&
	    m.type == MSG_NODE_LINK) {
		l->node = fds[0];
		return 0;
	}
	return err_set(reterr, EPIPE, "platform.start",
		       "the supervisor ended while starting; its last lines say why");
}

void link_guard_signals(struct link *l)
{
	sigset_t block;

	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigprocmask(SIG_BLOCK, &block, &l->waiting);
	sigdelset(&l->waiting, SIGINT);
	sigdelset(&l->waiting, SIGTERM);
	l->guarded = 1;
}

int link_send(struct link *l, const struct msg *m, struct err *reterr)
{
	_cleanup_buf_ struct buf b = BUF_INIT(LIMIT_FRAME + FRAME_HEADER);
	int r = msg_encode(&b, m);

	if (r < 0)
		return err_set(reterr, -r, "run.too_large",
			       "code and input together are larger than the platform takes");
	for (size_t at = 0; at < b.len;) {
		ssize_t n = send(l->node, b.data + at, b.len - at, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(reterr, errno, "platform.lost", "the node is gone: %s",
				       strerror(errno));
		at += (size_t)n;
	}
	return 0;
}

int link_next(struct link *l, struct msg *ret, struct err *reterr)
{
	if (l->used) {
		buf_consume(&l->in, l->used);
		l->used = 0;
	}
	for (;;) {
		size_t used;
		int r = msg_decode(l->in.data, l->in.len, LIMIT_FRAME, ret, &used);
		uint8_t *to;
		ssize_t n;

		if (r == 1) {
			l->used = used;
			return 1;
		}
		if (r < 0)
			return err_set(reterr, -r, "platform.protocol",
				       "the node sent bytes that are no message");
		if (l->guarded) {
			struct pollfd p = {l->node, POLLIN, 0};
			struct timespec tick = {l->tick_ms / 1000, l->tick_ms % 1000 * 1000000L};
			int ready = ppoll(&p, 1, l->tick_ms ? &tick : NULL, &l->waiting);

			if (ready <= 0)
				return ready ? -EINTR : -EAGAIN;
		}
		to = buf_reserve(&l->in, READ_CHUNK);
		n = to ? recv(l->node, to, READ_CHUNK, 0) : -1;
		if (n < 0 && errno == EINTR)
			return -EINTR;
		if (n <= 0)
			return 0;
		l->in.len += (size_t)n;
	}
}

void link_stop(struct link *l)
{
	close_fd(&l->node);
	close_fd(&l->control); /* the supervisor takes this as its end */
	if (l->supervisor > 0)
		waitpid(l->supervisor, NULL, 0);
	l->supervisor = 0;
	buf_done(&l->in);
}
