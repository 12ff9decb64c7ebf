#include "bench/ledger_process.h"

#include "os/fd.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { CHUNK = 1 << 20, FIRST_FD = 3, OPTIONS_MAX = 16 };

/* In the child. */
_Noreturn static void become(const char *program, const char *directory, const char *const *options,
			     int supervisor, int key)
{
	const char *argv[OPTIONS_MAX + 3] = {program, directory};
	size_t n = 2;

	for (; *options && n < OPTIONS_MAX + 2; options++)
		argv[n++] = *options;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	supervisor = fcntl(supervisor, F_DUPFD, 100);
	key = fcntl(key, F_DUPFD, 100);
	if (dup2(supervisor, FIRST_FD) < 0 || dup2(key, FIRST_FD + 1) < 0)
		err(1, "descriptors");
	close_range(FIRST_FD + 2, ~0U, 0);
	execv(program, (char *const *)argv);
	err(1, "%s", program);
}

static void packet(int sock, const struct msg *m, int fd)
{
	_cleanup_buf_ struct buf b = BUF_INIT(256);

	if (msg_encode(&b, m) < 0 || fd_send_packet(sock, b.data, b.len, &fd, fd >= 0) < 0)
		errx(1, "the ledger does not take what its supervisor says");
}

void process_start(struct process *p, const char *program, const char *directory,
		   const char *const *options)
{
	static const uint8_t secret[32] = "no secret: this key is published";
	int pair[2], link[2], key = memfd_create("key", MFD_CLOEXEC);

	if (key < 0 || write(key, secret, sizeof(secret)) != sizeof(secret) ||
	    fd_pair(SOCK_SEQPACKET, pair) < 0 || fd_pair(SOCK_STREAM, link) < 0)
		err(1, "start");
	memset(p->seal_key, 7, sizeof(p->seal_key));
	p->pid = fork();
	if (p->pid == 0)
		become(program, directory, options, pair[1], key);
	close(key);
	close(pair[1]);
	p->supervisor = pair[0];
	p->control = link[0];
	p->in = BUF_INIT(LIMIT_TOLD + (64u << 20));
	p->taken = 0;
	p->signed_size = 0;
	packet(p->supervisor,
	       &(struct msg){.type = MSG_SEAL_KEY,
			     .seal_key = {{p->seal_key, sizeof(p->seal_key)}}},
	       -1);
	packet(p->supervisor, &(struct msg){.type = MSG_LEDGER_LINK, .ledger_link = {1}}, link[1]);
	close(link[1]);
}

int process_stop(struct process *p, int by_force)
{
	int status = 0;

	if (by_force)
		kill(p->pid, SIGKILL);
	kill(p->pid, SIGTERM); /* it would say that its supervisor is gone */
	close_fd(&p->control);
	close_fd(&p->supervisor);
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	buf_done(&p->in);
	return status;
}

void process_send_bytes(struct process *p, const void *data, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = send(p->control, (const char *)data + at, len - at, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			err(1, "the ledger is gone");
		at += n > 0 ? (size_t)n : 0;
	}
}

void process_send(struct process *p, struct buf *b)
{
	process_send_bytes(p, b->data, b->len);
	b->len = 0;
}

static void more(struct process *p)
{
	uint8_t *to;
	ssize_t n;

	buf_consume(&p->in, p->taken);
	p->taken = 0;
	to = buf_reserve(&p->in, CHUNK);
	n = to ? recv(p->control, to, CHUNK, 0) : -1;
	if (n <= 0 && errno != EINTR)
		errx(1, "the ledger is gone");
	p->in.len += n > 0 ? (size_t)n : 0;
}

/* One message, of any type. */
static void take(struct process *p, struct msg *m)
{
	size_t used;
	int r;

	while ((r = msg_decode(p->in.data + p->taken, p->in.len - p->taken, LIMIT_TOLD + 4096, m,
			       &used)) == 0)
		more(p);
	if (r < 0)
		errx(1, "the ledger sent what is no message");
	p->taken += used;
	if (m->type == MSG_LEDGER_STATE)
		p->signed_size = m->ledger_state.signed_;
}

void process_next(struct process *p, struct msg *m)
{
	do
		take(p, m);
	while (m->type == MSG_LEDGER_STATE);
}

int process_ask(struct process *p, enum ledger_question what, uint64_t a, uint64_t b,
		const char *text, struct msg *m)
{
	_cleanup_buf_ struct buf out = BUF_INIT(LIMIT_QUESTION + 256);
	struct msg question = {.type = MSG_LEDGER_ASK,
			       .ledger_ask = {1, (uint8_t)what, a, b, WIRE_STR(text)}};

	if (msg_encode(&out, &question) < 0)
		errx(1, "a question that is too long");
	process_send(p, &out);
	do
		process_next(p, m);
	while (m->type != MSG_LEDGER_TOLD);
	if (m->ledger_told.number)
		warnx("the ledger: %.*s", (int)m->ledger_told.error.len,
		      (const char *)m->ledger_told.error.data);
	return -(int)m->ledger_told.number;
}

void process_await_signed(struct process *p, uint64_t size)
{
	struct msg m;

	while (p->signed_size < size)
		take(p, &m);
}
