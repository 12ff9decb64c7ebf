#include "jail/front.h"

#include "os/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { HANG_MS = 20000, CHUNK = 65536 };

const uint8_t front_seal_key[32] = "a key of 32 bytes, for the tests";
struct msg front_first = {.type = MSG_SEAL_KEY,
			  .seal_key = {{front_seal_key, sizeof(front_seal_key)}}};

int front_frame(int sock, const struct msg *m)
{
	_cleanup_buf_ struct buf b = BUF_INIT(LIMIT_FRAME + FRAME_HEADER);

	if (msg_encode(&b, m) < 0)
		return -1;
	for (size_t at = 0; at < b.len;) {
		ssize_t n = send(sock, b.data + at, b.len - at, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return -1;
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static void packet(int sock, const struct msg *m, const int *fds, size_t nfds)
{
	_cleanup_buf_ struct buf b = BUF_INIT(8192);

	if (msg_encode(&b, m) == 0)
		fd_send_packet(sock, b.data, b.len, fds, nfds);
}

/* ---- the supervisor ---- */

static void on_supervisor(struct front *f)
{
	static const char report[] = "{\"full\":false,\"parts\":{}}";
	int fds[FD_PACKET_MAX], pair[2];
	uint8_t raw[64];
	size_t nfds, used;
	struct msg m;
	ssize_t n = fd_recv_packet(f->supervisor, raw, sizeof(raw), fds, &nfds);

	if (n <= 0) {
		f->over = 1;
		return;
	}
	if (msg_decode(raw, (size_t)n, sizeof(raw), &m, &used) != 1 || m.type != MSG_SPAWN)
		return;
	close_fd(&f->zygote);
	if (fd_pair(SOCK_SEQPACKET, pair) < 0)
		return;
	f->spawns++;
	f->zygote = pair[0];
	packet(f->supervisor,
	       &(struct msg){.type = MSG_SPAWNED, .spawned = {.engine = m.spawn.engine}}, &pair[1],
	       1);
	close(pair[1]);
	packet(f->zygote,
	       &(struct msg){.type = MSG_ZYGOTE_READY, .zygote_ready = {.jail = WIRE_STR(report)}},
	       NULL, 0);
}

/* ---- the zygote ---- */

static void on_fork(struct front *f, uint64_t id)
{
	int pair[2], fds[2], slot = 0;
	pid_t pid;

	while (slot < CHILDREN_MAX && f->children[slot].pid)
		slot++;
	if (slot == CHILDREN_MAX || fd_pair(SOCK_STREAM, pair) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		sigset_t none;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		dup2(pair[1], 3);
		close_range(4, ~0U, 0);
		f->sandbox(3);
		_exit(0);
	}
	close(pair[1]);
	f->forks++;
	f->children[slot] = (struct child){pid, id};
	f->alive++;
	fds[0] = pair[0];
	fds[1] = (int)syscall(SYS_pidfd_open, pid, 0);
	packet(f->zygote, &(struct msg){.type = MSG_FORKED, .forked = {id, 1}}, fds, 2);
	close(fds[0]);
	close(fds[1]);
}

static void on_zygote(struct front *f)
{
	int fds[FD_PACKET_MAX];
	uint8_t raw[64];
	size_t nfds, used;
	struct msg m;
	ssize_t n = fd_recv_packet(f->zygote, raw, sizeof(raw), fds, &nfds);

	if (n <= 0)
		close_fd(&f->zygote);
	else if (msg_decode(raw, (size_t)n, sizeof(raw), &m, &used) == 1 && m.type == MSG_FORK)
		on_fork(f, m.fork.id);
}

static void reap(struct front *f)
{
	struct rusage u;
	int status;
	pid_t pid;

	while ((pid = wait4(-1, &status, WNOHANG, &u)) > 0) {
		if (pid == f->node) {
			f->node_status = status;
			f->node = 0;
			continue;
		}
		for (int i = 0; i < CHILDREN_MAX; i++) {
			struct child *c = &f->children[i];

			if (c->pid != pid)
				continue;
			packet(f->zygote,
			       &(struct msg){.type = MSG_EXITED,
					     .exited = {c->id, (uint32_t)status, 1000,
							(uint64_t)u.ru_maxrss * 1024}},
			       NULL, 0);
			c->pid = 0;
			f->alive--;
		}
	}
}

/* ---- the front ---- */

static void copy(char *to, size_t size, struct wire_bytes b)
{
	size_t n = b.len < size - 1 ? b.len : size - 1;

	memcpy(to, b.data, n);
	to[n] = '\0';
}

static struct done *run_of(struct front *f, uint64_t handle)
{
	return handle && handle <= f->last ? &f->runs[handle] : NULL;
}

static void keep_payload(struct done *d, struct wire_bytes payload)
{
	uint64_t head[2] = {d->events, payload.len};

	if (!payload.len)
		return;
	buf_add(&d->payloads, head, sizeof(head));
	buf_add(&d->payloads, payload.data, payload.len);
}

static void on_message(struct front *f, const struct msg *m)
{
	struct done *d;

	if (m->type == MSG_NODE_READY)
		f->ready = 1;
	if (m->type == MSG_RUN_LOG && (d = run_of(f, m->run_log.handle))) {
		d->logs++;
		d->logs_after += d->count > 0;
	}
	if (m->type == MSG_RUN_JOURNAL && (d = run_of(f, m->run_journal.handle))) {
		buf_add(&d->journal, m->run_journal.line.data, m->run_journal.line.len);
		buf_addc(&d->journal, '\n');
		d->events++;
		keep_payload(d, m->run_journal.payload);
	}
	if (m->type == MSG_RUN_DONE && (d = run_of(f, m->run_done.handle))) {
		const struct msg_run_done *r = &m->run_done;

		d->count++;
		d->outcome = r->outcome;
		d->reason = r->reason;
		d->limit = r->limit;
		d->observed = r->observed;
		d->operations = r->operations;
		d->value_kind = r->value_kind;
		d->value_len = r->value.len;
		copy(d->detail, sizeof(d->detail), r->detail);
		copy(d->value, sizeof(d->value), r->value);
		copy(d->error, sizeof(d->error), r->error);
		d->journal_count = r->journal_count;
		d->root_len = r->journal_root.len; /* at most 32, by the schema */
		d->seal_len = r->seal.len;
		memcpy(d->root, r->journal_root.data, d->root_len);
		memcpy(d->seal, r->seal.data, d->seal_len);
	}
}

static void on_stream(struct front *f)
{
	uint8_t *to = buf_reserve(&f->in, CHUNK);
	ssize_t n = to ? recv(f->stream, to, CHUNK, MSG_DONTWAIT) : -1;
	size_t used;
	struct msg m;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		f->over = 1;
		return;
	}
	f->in.len += (size_t)n;
	while (msg_decode(f->in.data, f->in.len, LIMIT_FRAME, &m, &used) == 1) {
		on_message(f, &m);
		buf_consume(&f->in, used);
	}
}

int front_turn(struct front *f)
{
	struct pollfd p[] = {{f->stream, POLLIN, 0},
			     {f->supervisor, POLLIN, 0},
			     {f->zygote, POLLIN, 0},
			     {f->sigchld, POLLIN, 0}};
	struct signalfd_siginfo info;
	int r = poll(p, ARRAY_SIZE(p), HANG_MS);

	if (r == 0)
		return -1;
	if (p[1].revents)
		on_supervisor(f);
	else if (p[2].revents) /* not after on_supervisor: it may be another by now */
		on_zygote(f);
	if (p[0].revents)
		on_stream(f);
	if (p[3].revents && read(f->sigchld, &info, sizeof(info)) > 0)
		reap(f);
	return f->over ? -1 : 0;
}

uint64_t front_submit(struct front *f, const struct msg_submit *m)
{
	struct msg frame = {.type = MSG_SUBMIT, .submit = *m};

	if (f->last + 1 >= RUNS_MAX)
		abort();
	frame.submit.handle = ++f->last;
	f->runs[f->last] =
		(struct done){.journal = BUF_INIT(16 << 20), .payloads = BUF_INIT(16 << 20)};
	copy(f->runs[f->last].run, sizeof(f->runs[f->last].run), m->run);
	front_frame(f->stream, &frame);
	return f->last;
}

void front_cancel(struct front *f, uint64_t handle)
{
	front_cancel_for(f, handle, REASON_CANCELLED);
}

void front_cancel_for(struct front *f, uint64_t handle, enum termination_reason why)
{
	front_frame(f->stream, &(struct msg){.type = MSG_CANCEL, .cancel = {handle, (uint8_t)why}});
}

struct done *front_await(struct front *f, uint64_t handle)
{
	struct done *d = run_of(f, handle);

	while (!d->count)
		if (front_turn(f) < 0)
			return NULL;
	return d;
}

void front_lose_zygote(struct front *f)
{
	close_fd(&f->zygote);
}

int front_settle(struct front *f, int children, int forks)
{
	while (f->alive != children || f->forks < forks)
		if (front_turn(f) < 0)
			return -1;
	return 0;
}

int front_open(struct front *f, const char *node, const char *const *args,
	       void (*sandbox)(int sock))
{
	const char *argv[16] = {"cordon-node"};
	const char *const envp[] = {"PATH=/usr/bin:/bin", NULL};
	int stream[2], link[2];
	sigset_t set;

	*f = (struct front){.zygote = -1, .in = BUF_INIT(LIMIT_FRAME + CHUNK), .sandbox = sandbox};
	for (size_t i = 0; args[i] && i + 2 < ARRAY_SIZE(argv); i++)
		argv[i + 1] = args[i];
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	f->sigchld = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd_pair(SOCK_STREAM, stream) < 0 || fd_pair(SOCK_SEQPACKET, link) < 0)
		return -1;
	f->stream = stream[0];
	f->supervisor = link[0];
	f->node = fork();
	if (f->node == 0) {
		int high[2] = {fcntl(stream[1], F_DUPFD, 100), fcntl(link[1], F_DUPFD, 100)};

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		dup2(high[0], 3);
		dup2(high[1], 4);
		close_range(5, ~0U, 0);
		execve(node, (char *const *)argv, (char *const *)envp);
		_exit(127);
	}
	close(stream[1]);
	close(link[1]);
	packet(f->supervisor, &front_first, NULL, 0);
	while (!f->ready)
		if (front_turn(f) < 0)
			return -1;
	return 0;
}

int front_close(struct front *f)
{
	close_fd(&f->stream);
	close_fd(&f->supervisor);
	f->over = 0;
	while (f->node || f->alive) {
		struct pollfd p = {f->sigchld, POLLIN, 0};
		struct signalfd_siginfo info;

		if (poll(&p, 1, HANG_MS) <= 0)
			break;
		(void)!read(f->sigchld, &info, sizeof(info));
		reap(f);
		if (!f->node) /* what it left running was ours to end */
			for (int i = 0; i < CHILDREN_MAX; i++)
				if (f->children[i].pid)
					kill(f->children[i].pid, SIGKILL);
	}
	close_fd(&f->zygote);
	close_fd(&f->sigchld);
	buf_done(&f->in);
	return f->node ? -1 : f->node_status;
}
