/*
 * The ledger's main. See log.h for the tour.
 *
 * Descriptors: 3 the supervisor (packets: the key of seals, links to control), 4 the key that the
 * signing keys are encrypted with (KEY_SIZE bytes; read and closed), then one stream to control.
 * Started as: cordon-ledger DIRECTORY --origin=NAME [--interval=MS] [--batch=N] [--rotate-days=N]
 * [--witness=KEY]…, or cordon-ledger check DIRECTORY … (check.c).
 *
 * It trusts the supervisor. It trusts control as far as what is appended from now on: a run that
 * the node sealed cannot be altered on the way, and nothing that stands can be.
 *
 * Worst case if it is owned: the log's future. It has no network and reaches no file but its own;
 * what it has shown in checkpoints, others hold.
 */
#include "base/clock.h"
#include "base/log.h"
#include "ledger/log.h"
#include "os/fd.h"
#include "os/filter.h"
#include "os/jail.h"
#include "os/slice.h"
#include "os/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { SUPERVISOR_FD = 3, KEY_FD = 4, READ_CHUNK = 1 << 20, BATCH_MAX = 1024 };

static void detach(struct ledger *l)
{
	if (l->control.fd < 0)
		return;
	loop_unwatch(l->loop, &l->control);
	close_fd(&l->control.fd);
	buf_done(&l->in);
	buf_done(&l->out);
	ask_forget(l);
}

static void flush(struct ledger *l)
{
	if (l->control.fd < 0)
		return;
	while (l->out.len) {
		ssize_t n =
			send(l->control.fd, l->out.data, l->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break; /* full, or gone: the loop sees the end of the stream */
		buf_consume(&l->out, (size_t)n);
	}
	/* What control does not take holds up what it says. */
	loop_watch(l->loop, &l->control,
		   (l->out.len < LINK_HIGH ? EPOLLIN : 0) | (l->out.len ? EPOLLOUT : 0));
}

static void on_turn(void *arg)
{
	struct ledger *l = arg;

	ask_turn(l);
	if (l->out.len)
		flush(l);
}

/* All appends that came are one transaction; questions are answered after them. */
static int consume(struct ledger *l)
{
	static struct msg_append batch[BATCH_MAX];
	size_t at = 0, n = 0, used;
	int r;

	for (;;) {
		struct msg m;

		r = msg_decode(l->in.data + at, l->in.len - at, LIMIT_FRAME, &m, &used);
		if (n && (r <= 0 || m.type != MSG_APPEND || n == BATCH_MAX)) {
			log_append_all(l, batch, n);
			n = 0;
		}
		if (r <= 0)
			break;
		if (m.type == MSG_APPEND)
			batch[n++] = m.append;
		else if (m.type == MSG_LEDGER_ASK)
			ask(l, &m.ledger_ask);
		else
			r = -EBADMSG;
		if (r < 0)
			break;
		at += used;
	}
	buf_consume(&l->in, at);
	return r < 0 ? r : 0;
}

static void on_control(struct loop_watch *w, uint32_t events)
{
	struct ledger *l = container_of(w, struct ledger, control);
	uint8_t *to;
	ssize_t n;

	if (events & EPOLLOUT)
		flush(l);
	if (!(events & ~(uint32_t)EPOLLOUT))
		return;
	to = buf_reserve(&l->in, READ_CHUNK);
	n = to ? recv(w->fd, to, READ_CHUNK, MSG_DONTWAIT) : -1;
	if (n < 0 && to && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		l->in.len += (size_t)n;
		if (consume(l) == 0)
			return;
		log_line("control sent bytes that are no message; it is let go");
	}
	detach(l);
}

static void attach(struct ledger *l, int fd)
{
	detach(l);
	l->control = (struct loop_watch){.fd = fd, .ready = on_control};
	l->in = BUF_INIT(LIMIT_FRAME * 2 + READ_CHUNK);
	l->out = BUF_INIT(LINK_MAX);
	fd_set_blocking(fd, 0);
	if (loop_watch(l->loop, &l->control, EPOLLIN) < 0)
		log_fatal("epoll: %s", strerror(errno));
	log_state(l);
}

static void on_supervisor(struct loop_watch *w, uint32_t events)
{
	struct ledger *l = container_of(w, struct ledger, supervisor);
	uint8_t packet[128];
	int fds[FD_PACKET_MAX];
	size_t nfds, used;
	struct msg m;
	ssize_t n = fd_recv_packet(w->fd, packet, sizeof(packet), fds, &nfds);

	(void)events;
	if (n <= 0) { /* an orderly end, or the kernel would have ended us */
		log_end(l);
		_exit(0);
	}
	if (msg_decode(packet, (size_t)n, sizeof(packet), &m, &used) == 1) {
		if (m.type == MSG_LEDGER_LINK && nfds == 1) {
			attach(l, fds[0]);
			return;
		}
		if (m.type == MSG_SEAL_KEY && m.seal_key.key.len == JOURNAL_KEY) {
			memcpy(l->seal_key, m.seal_key.key.data, JOURNAL_KEY);
			l->has_seal_key = 1;
			explicit_bzero(packet, sizeof(packet));
		}
	}
	while (nfds)
		close(fds[--nfds]);
}

static void confine(const char *directory)
{
	struct err e;
	int r = jail_service(directory, FILTER_LEDGER, &e);

	if (r < 0)
		log_fatal("%s", e.message);
	if (r == 0)
		log_line("no Landlock here: the ledger's identity alone limits which files it "
			 "could open");
}

static void add_witness(struct ledger *l, const char *text)
{
	struct note_key *w = &l->witnesses[l->n_witnesses];

	if (l->n_witnesses == WITNESSES_MAX || note_key_read(text, w) < 0 ||
	    w->kind != NOTE_COSIGNATURE) {
		log_line("--log-witness '%s': a witness's verifier key is NAME+HASH+KEY, of type 4 "
			 "(C2SP tlog-cosignature), and there are at most %d",
			 text, WITNESSES_MAX);
		exit(SPAWN_USELESS);
	}
	l->n_witnesses++;
}

static void parse(struct ledger *l, int argc, char **argv, const char **ret_origin)
{
	for (int i = 2; i < argc; i++) {
		const char *value = strchr(argv[i], '=');

		if (!value)
			log_fatal("unknown option '%s'", argv[i]);
		value++;
		if (!strncmp(argv[i], "--origin=", 9))
			*ret_origin = value;
		else if (!strncmp(argv[i], "--interval=", 11))
			l->interval_ns = strtoull(value, NULL, 10) * NS_PER_MS;
		else if (!strncmp(argv[i], "--batch=", 8))
			l->batch = strtoull(value, NULL, 10);
		else if (!strncmp(argv[i], "--rotate-days=", 14))
			l->rotate_ms = strtoull(value, NULL, 10) * 86400000;
		else if (!strncmp(argv[i], "--witness=", 10))
			add_witness(l, value);
		else
			log_fatal("unknown option '%s'", argv[i]);
	}
}

/* The name is given once. Without one the log gets a name that no other has. */
static int name_log(struct ledger *l, const char *asked, struct err *reterr)
{
	static const uint8_t none[NOTE_PUBLIC];
	uint8_t random[8];
	struct note_key k;
	int r = ledger_origin(l->store, l->origin, sizeof(l->origin), reterr);

	if (r == 0 && *asked && strcmp(asked, l->origin) != 0)
		return err_set(reterr, EINVAL, "ledger.origin",
			       "the log was named '%s' when it was made, and cannot become '%s'; "
			       "leave --log-origin out",
			       l->origin, asked);
	if (r != -ENOENT)
		return r;
	randombytes_buf(random, sizeof(random));
	if (*asked) {
		snprintf(l->origin, sizeof(l->origin), "%s", asked);
	} else {
		snprintf(l->origin, sizeof(l->origin), "cordon.internal/");
		sodium_bin2hex(l->origin + strlen(l->origin), 2 * sizeof(random) + 1, random,
			       sizeof(random));
	}
	if (*asked && note_key_init(&k, NOTE_LOG, asked, none) < 0)
		return err_set(reterr, EINVAL, "ledger.origin",
			       "a log's name has no white space and no '+', and at most %d bytes; "
			       "'%s' is no name",
			       NOTE_NAME_MAX, asked);
	return ledger_origin_put(l->store, l->origin, reterr);
}

static void start(struct ledger *l, const char *directory, const char *origin)
{
	struct err e;

	l->loop = loop_new();
	if (!l->loop || sodium_init() < 0)
		log_fatal("start-up: %s", strerror(errno));
	loop_each_turn(l->loop, on_turn, l);
	if (pread(KEY_FD, l->key, sizeof(l->key), 0) != sizeof(l->key))
		log_fatal("the key was not handed over");
	close(KEY_FD);
	if (ledger_open(directory, &l->store, &e) < 0 || name_log(l, origin, &e) < 0 ||
	    log_load(l, &e) < 0 || keys_load(l, &e) < 0) {
		log_line("the ledger in '%s': %s", directory, e.message);
		exit(SPAWN_USELESS);
	}
	if (loop_watch(l->loop, &l->supervisor, EPOLLIN) < 0)
		log_fatal("start-up: %s", strerror(errno));
	log_start(l);
	keys_erase_traces(l);
	keys_schedule(l);
}

int main(int argc, char **argv)
{
	static struct ledger l = {.supervisor = {.fd = SUPERVISOR_FD, .ready = on_supervisor},
				  .control = {.fd = -1},
				  .interval_ns = 500 * NS_PER_MS,
				  .batch = 4096};
	const char *origin = "";

	log_init("cordon-ledger");
	slice_short();
	if (argc > 1 && !strcmp(argv[1], "payloads"))
		return payloads_main(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "check"))
		return check_main(argc - 1, argv + 1);
	if (argc < 2 || fcntl(SUPERVISOR_FD, F_GETFD) < 0)
		log_fatal("started by cordon-supervisor, not by hand");
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	l.checkpoint = BUF_INIT(NOTE_MAX);
	list_init(&l.asked);
	l.tiles = xcalloc(TILES_KEPT, sizeof(*l.tiles));
	parse(&l, argc, argv, &origin);
	start(&l, argv[1], origin);
	confine(argv[1]);
	loop_run(l.loop);
	return 1; /* it ends when the supervisor does */
}
