/*
 * An attacker in control's place: a real cordon-ledger, and a program that has everything that
 * control has of it, its socket. It tries to alter, to reorder, to drop, to forge; and to bring the
 * ledger down. Then what stands is read from the database as it is on the disk.
 *
 *   ledger_test LEDGER
 */
#include "base/buf.h"
#include "base/json.h"
#include "evidence/journal.h"
#include "evidence/note.h"
#include "lib/tap.h"
#include "os/fd.h"
#include "wire/message.h"
#include "wire/words.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { HANG_MS = 20000 };

static const uint8_t seal_key[32] = "what nodes seal with, here";
static const uint8_t other_key[32] = "what some attacker made up";

struct place {
	char directory[64];
	const char *program;
	pid_t pid;
	int supervisor, link;
	struct buf in;
	uint64_t last;
	struct msg m; /* the last answer; it points into `in` */
	size_t used;
};

/* ---- the ledger and its supervisor ---- */

static void packet(int sock, const struct msg *m, int carry)
{
	_cleanup_buf_ struct buf b = BUF_INIT(8192);

	if (msg_encode(&b, m) == 0)
		fd_send_packet(sock, b.data, b.len, &carry, carry >= 0);
}

static void start(struct place *p)
{
	static const uint8_t key[32] = {7};
	int pair[2], memory = memfd_create("key", 0);

	if (memory < 0 || write(memory, key, sizeof(key)) != sizeof(key) ||
	    fd_pair(SOCK_SEQPACKET, pair) < 0)
		abort();
	p->pid = fork();
	if (p->pid == 0) {
		int a = fcntl(pair[1], F_DUPFD, 100), b = fcntl(memory, F_DUPFD, 100);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(a, 3);
		dup2(b, 4);
		for (int fd = 5; fd < 200; fd++)
			close(fd);
		execl(p->program, "cordon-ledger", p->directory, "--interval=20", NULL);
		_exit(127);
	}
	close(pair[1]);
	close(memory);
	p->supervisor = pair[0];
	packet(p->supervisor,
	       &(struct msg){.type = MSG_SEAL_KEY, .seal_key = {{seal_key, sizeof(seal_key)}}}, -1);
}

/* A new control. */
static void connect_control(struct place *p)
{
	int pair[2];

	close_fd(&p->link);
	buf_done(&p->in);
	p->in = BUF_INIT(64 << 20);
	p->used = 0;
	if (fd_pair(SOCK_STREAM, pair) < 0)
		abort();
	packet(p->supervisor, &(struct msg){.type = MSG_LEDGER_LINK, .ledger_link = {1}}, pair[1]);
	close(pair[1]);
	p->link = pair[0];
}

static void stop(struct place *p)
{
	close_fd(&p->link);
	close_fd(&p->supervisor);
	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
}

static void send_bytes(struct place *p, const void *data, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = send(p->link, (const char *)data + at, len - at, MSG_NOSIGNAL);

		if (n < 0)
			return;
		at += (size_t)n;
	}
}

/* The next message; 0 at the end of the stream. */
static int receive(struct place *p)
{
	buf_consume(&p->in, p->used);
	p->used = 0;
	for (;;) {
		struct pollfd f = {p->link, POLLIN, 0};
		int r = msg_decode(p->in.data, p->in.len, 32 << 20, &p->m, &p->used);
		ssize_t n;

		if (r != 0)
			return r == 1;
		if (poll(&f, 1, HANG_MS) != 1)
			return 0;
		n = recv(p->link, buf_reserve(&p->in, 65536), 65536, 0);
		if (n <= 0)
			return 0;
		p->in.len += (size_t)n;
	}
}

static int await(struct place *p, enum msg_type type)
{
	while (receive(p))
		if (p->m.type == type)
			return 1;
	return 0;
}

/* ---- what control says ---- */

static struct journal journal_of(const char *run, int events)
{
	struct journal j = {.lines = BUF_INIT(1 << 20)};
	char text[512];

	for (int i = 0; i < events; i++) {
		snprintf(text, sizeof(text),
			 "{\"event\":\"%s\",\"run\":\"%s\",\"tenant\":\"acme\",\"n\":%d}",
			 i ? "wait" : "run_admitted", run, i);
		if (journal_append(&j, text, strlen(text)) < 0)
			abort();
	}
	return j;
}

struct told {
	uint32_t number;
	char code[64];
	uint64_t index;
	int known;
	char envelope[8192];
};

static struct told append(struct place *p, struct msg_append a)
{
	_cleanup_buf_ struct buf b = BUF_INIT(LIMIT_FRAME);
	struct told t = {.number = EPIPE};

	a.handle = ++p->last;
	if (msg_encode(&b, &(struct msg){.type = MSG_APPEND, .append = a}) < 0)
		return (struct told){.number = EMSGSIZE};
	send_bytes(p, b.data, b.len);
	while (await(p, MSG_APPENDED))
		if (p->m.appended.handle == a.handle) {
			const struct msg_appended *m = &p->m.appended;

			t.number = m->number;
			t.index = m->index;
			t.known = m->known;
			snprintf(t.code, sizeof(t.code), "%.*s", (int)m->error_code.len,
				 (const char *)m->error_code.data);
			snprintf(t.envelope, sizeof(t.envelope), "%.*s", (int)m->envelope.len,
				 (const char *)m->envelope.data);
			break;
		}
	return t;
}

static struct told append_run(struct place *p, const char *run, const char *more,
			      const uint8_t *key)
{
	struct journal j = journal_of(run, 3);
	uint8_t seal[32];
	struct hash root;
	char facts[512];
	struct told t;

	merkle_root(&j.tree, &root);
	snprintf(facts, sizeof(facts), "{\"run\":{\"id\":\"%s\",\"tenant\":\"acme\"}%s}", run,
		 more);
	if (key)
		journal_seal(key, run, j.tree.size, &root, seal);
	t = append(p, (struct msg_append){.kind = ENTRY_RUN,
					  .subject = WIRE_STR(run),
					  .facts = WIRE_STR(facts),
					  .journal = WIRE_BUF(&j.lines),
					  .seal = {seal, key ? sizeof(seal) : 0}});
	buf_done(&j.lines);
	return t;
}

static struct told append_act(struct place *p, const char *id, const char *event)
{
	struct journal j = {.lines = BUF_INIT(1 << 16)};
	char facts[1024];
	struct told t;

	snprintf(facts, sizeof(facts), "{\"event\":%s}", event);
	if (journal_append(&j, event, strlen(event)) < 0)
		abort();
	t = append(p, (struct msg_append){.kind = ENTRY_ACT,
					  .subject = WIRE_STR(id),
					  .facts = WIRE_STR(facts),
					  .journal = WIRE_BUF(&j.lines)});
	buf_done(&j.lines);
	return t;
}

static uint32_t ask(struct place *p, uint8_t what, uint64_t a, uint64_t b, const void *text,
		    size_t len)
{
	_cleanup_buf_ struct buf out = BUF_INIT(1 << 20);
	struct msg m = {.type = MSG_LEDGER_ASK, .ledger_ask = {++p->last, what, a, b, {text, len}}};

	if (msg_encode(&out, &m) < 0)
		return EMSGSIZE;
	send_bytes(p, out.data, out.len);
	while (await(p, MSG_LEDGER_TOLD))
		if (p->m.ledger_told.handle == p->last)
			return p->m.ledger_told.number;
	return EPIPE;
}

static uint64_t size_of_log(struct place *p)
{
	struct checkpoint c;

	for (int i = 0; i < 500; i++) {
		if (ask(p, ASK_CHECKPOINT, 0, 0, "", 0) == 0 &&
		    checkpoint_read(p->m.ledger_told.body.data, p->m.ledger_told.body.len, &c) == 0)
			return c.size;
		poll(NULL, 0, 10);
	}
	return 0;
}

/* ---- the attempts ---- */

static void rewrite(struct place *p)
{
	struct told first =
		append_run(p, "run_one", ",\"result\":{\"outcome\":\"failed\"}", seal_key);
	struct told again =
		append_run(p, "run_one", ",\"result\":{\"outcome\":\"completed\"}", seal_key);

	tap_ok(first.number == 0 && first.index == 1, "a run is appended");
	tap_ok(again.number == 0 && again.known && again.index == first.index &&
		       !strcmp(again.envelope, first.envelope),
	       "told again with another outcome, it is what it was");
	again = append_run(p, "run_one", "", NULL);
	tap_ok(again.known && !strcmp(again.envelope, first.envelope),
	       "nor does control's own word replace the node's");
	again = append_run(p, "run_two", "", NULL);
	tap_ok(again.number == 0 && again.index == 2, "the next run has the next place");
}

static void forge(struct place *p)
{
	struct told t = append_run(p, "run_forged", "", other_key);
	struct journal j = journal_of("run_other", 3);
	uint8_t seal[32];
	struct hash root;

	tap_ok(t.number == EINVAL && !strcmp(t.code, "ledger.seal"),
	       "a journal under a seal that no node made is refused (%s)", t.code);
	merkle_root(&j.tree, &root);
	journal_seal(seal_key, "run_other", 3, &root, seal);
	t = append(p, (struct msg_append){
			      .kind = ENTRY_RUN,
			      .subject = WIRE_STR("run_elsewhere"),
			      .facts = WIRE_STR("{\"run\":{\"id\":\"run_elsewhere\",\"tenant\":"
						"\"acme\"}}"),
			      .journal = WIRE_BUF(&j.lines),
			      .seal = {seal, 32}});
	tap_ok(t.number == EINVAL, "nor is another run's journal with its seal (%s)", t.code);
	j.lines.data[j.lines.len - 10] ^= 1;
	t = append(p, (struct msg_append){
			      .kind = ENTRY_RUN,
			      .subject = WIRE_STR("run_other"),
			      .facts = WIRE_STR(
				      "{\"run\":{\"id\":\"run_other\",\"tenant\":\"acme\"}}"),
			      .journal = WIRE_BUF(&j.lines),
			      .seal = {seal, 32}});
	tap_ok(t.number == EINVAL, "nor one that was altered on the way (%s)", t.code);
	buf_done(&j.lines);
	j = journal_of("run_other", 2);
	t = append(p, (struct msg_append){
			      .kind = ENTRY_RUN,
			      .subject = WIRE_STR("run_other"),
			      .facts = WIRE_STR(
				      "{\"run\":{\"id\":\"run_other\",\"tenant\":\"acme\"}}"),
			      .journal = WIRE_BUF(&j.lines),
			      .seal = {seal, 32}});
	tap_ok(t.number == EINVAL, "nor one whose last event was left out (%s)", t.code);
	t = append(p, (struct msg_append){
			      .kind = ENTRY_RUN,
			      .subject = WIRE_STR("run_other"),
			      .facts = WIRE_STR(
				      "{\"run\":{\"id\":\"run_other\",\"tenant\":\"globex\"}}"),
			      .journal = WIRE_BUF(&j.lines)});
	tap_ok(t.number == EINVAL, "nor one filed under another tenant (%s)", t.code);
	buf_done(&j.lines);
	for (size_t i = 0; i < 3; i++) {
		static const char *const ours[] = {"journal", "decisions", "recorded"};
		char more[64];

		snprintf(more, sizeof(more), ",\"%s\":{}", ours[i]);
		t = append_run(p, "run_more", more, seal_key);
		tap_ok(t.number == EINVAL, "facts cannot say '%s' for the ledger (%s)", ours[i],
		       t.code);
	}
	t = append_run(p, "run_more", ",\"run\":{\"id\":\"run_x\"}", seal_key);
	tap_ok(t.number == EINVAL, "nor one thing twice (%s)", t.code);
}

static void pose(struct place *p)
{
	static const char *const events[] = {"keys_rotated", "ledger_created"};
	struct told t;
	char event[256];

	for (size_t i = 0; i < 2; i++) {
		snprintf(event, sizeof(event),
			 "{\"event\":\"%s\",\"act\":\"act_mine\",\"by\":\"ledger\","
			 "\"statement_key\":\"AAAA\"}",
			 events[i]);
		t = append_act(p, "act_mine", event);
		tap_ok(t.number == EINVAL, "the ledger's own act '%s' is nobody else's (%s)",
		       events[i], t.code);
		snprintf(event, sizeof(event),
			 "{\"\\u0065vent\":\"%s\",\"act\":\"act_mine\",\"by\":\"ledger\"}",
			 events[i]);
		t = append_act(p, "act_mine", event);
		tap_ok(t.number == EINVAL, "nor with an escape in its name (%s)", t.code);
	}
	t = append_act(p, "act_mine", "{\"event\":\"key_created\",\"act\":\"act_other\"}");
	tap_ok(t.number == EINVAL, "an act is filed under its own ID (%s)", t.code);
	t = append_act(p, "run_mine", "{\"event\":\"key_created\",\"act\":\"run_mine\"}");
	tap_ok(t.number == EINVAL, "and not under a run's (%s)", t.code);
	t = append_act(p, "act_mine", "{\"event\":\"key_created\",\"act\":\"act_mine\"}");
	tap_ok(t.number == 0, "an ordinary act is appended (%s)", t.code);
}

static void ask_for_too_much(struct place *p)
{
	static const char *const paths[] = {"",
					    "0",
					    "0/",
					    "0/1",
					    "0/000",
					    "0/-01",
					    "9/000.p/1",
					    "0/000.p/0",
					    "0/000.p/256",
					    "0/000.p/999999999999",
					    "7/x999/x999/x999/x999/x999/999",
					    "entries/../../etc/passwd",
					    "entries/x001/000",
					    "-1/000.p/1",
					    "63/000.p/1"};
	uint64_t size = size_of_log(p);
	uint8_t noise[4096];
	int bad = 0;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		bad += ask(p, ASK_TILE, 0, 0, paths[i], strlen(paths[i])) == 0;
	tap_ok(!bad, "tiles that are none are refused");
	tap_ok(ask(p, ASK_INCLUSION, size, size, "", 0) &&
		       ask(p, ASK_INCLUSION, 0, size + 1, "", 0) &&
		       ask(p, ASK_INCLUSION, UINT64_MAX, UINT64_MAX, "", 0) &&
		       ask(p, ASK_CONSISTENCY, 0, size, "", 0) &&
		       ask(p, ASK_CONSISTENCY, size + 1, size, "", 0),
	       "so are proofs of what is not there");
	tap_ok(ask(p, ASK_ROTATE, 0, 0, "", 0) == EAGAIN, "keys are rotated once a minute at most");
	randombytes_buf(noise, sizeof(noise));
	tap_ok(ask(p, ASK_EVENTS, 0, 0, noise, sizeof(noise)) == EINVAL &&
		       ask(p, ASK_COSIGN, 0, 0, noise, sizeof(noise)) == EINVAL &&
		       ask(p, ASK_RECEIPT, 1, 0, noise, 60) == ENOENT &&
		       ask(p, 99, 0, 0, "", 0) == EINVAL,
	       "noise is no question");
	tap_ok(ask(p, ASK_EVENTS, UINT64_MAX, UINT64_MAX, "{}", 2) == 0,
	       "nor is there more than all");
}

/* A link that speaks no language of ours is let go; the next one is served. */
static void babble(struct place *p)
{
	static const uint8_t types[] = {1, 6, 20, 30, 51, 60, 64, 80, 81, 82, 200};
	uint8_t noise[65536];
	int served = 0;

	for (size_t i = 0; i < ARRAY_SIZE(types) + 3; i++) {
		uint8_t frame[16] = {4, 0, 0, 0, i < ARRAY_SIZE(types) ? types[i] : 0};

		connect_control(p);
		randombytes_buf(noise, sizeof(noise));
		if (i < ARRAY_SIZE(types))
			send_bytes(p, frame, 12);
		else
			send_bytes(p, noise, sizeof(noise));
		shutdown(p->link, SHUT_WR);
		while (receive(p))
			;
		connect_control(p);
		served += size_of_log(p) > 0;
	}
	tap_ok(served == (int)ARRAY_SIZE(types) + 3,
	       "after messages that are none, the next is served");
}

/* ---- what stands ---- */

static void stands(struct place *p, uint64_t size, const struct checkpoint *before)
{
	struct hash proof[64];
	const char *at;
	size_t len, n = 0;
	struct checkpoint now;

	/* Where all of that happened, the log has grown by what was rightly appended. */
	for (int i = 0; i < 500; i++) {
		ask(p, ASK_CHECKPOINT, 0, 0, "", 0);
		if (checkpoint_read(p->m.ledger_told.body.data, p->m.ledger_told.body.len, &now) ==
			    0 &&
		    now.size == size)
			break;
		poll(NULL, 0, 10);
	}
	tap_ok(now.size == size, "the log has what was rightly appended: %llu entries, %llu",
	       (unsigned long long)now.size, (unsigned long long)size);
	if (ask(p, ASK_CONSISTENCY, before->size, now.size, "", 0) == 0 &&
	    json_member(p->m.ledger_told.body.data, p->m.ledger_told.body.len, "hashes", &at,
			&len) == 0)
		for (const char *q = at; (q = memchr(q, '"', (size_t)(at + len - q))); q += 46, n++)
			sodium_base642bin(proof[n].b, 32, q + 1, 44, NULL, NULL, NULL,
					  sodium_base64_VARIANT_ORIGINAL);
	tap_ok(merkle_check_consistency(before->size, now.size, &before->root, &now.root, proof,
					n) == 0,
	       "and begins as it began");
}

static void forget(const char *directory)
{
	static const char *const names[] = {"ledger.db", "ledger.db-wal", "ledger.db-shm"};
	char path[128];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		unlink(path);
	}
	rmdir(directory);
}

int main(int argc, char **argv)
{
	struct place p = {.link = -1, .supervisor = -1, .in = BUF_INIT(64 << 20)};
	struct checkpoint before = {0};

	tap_begin();
	if (argc < 2 || sodium_init() < 0) {
		fprintf(stderr, "usage: ledger_test LEDGER\n");
		return 2;
	}
	p.program = argv[1];
	strcpy(p.directory, "/tmp/cordon-ledger-XXXXXX");
	if (!mkdtemp(p.directory))
		return 2;
	start(&p);
	connect_control(&p);
	tap_ok(size_of_log(&p) == 1, "a new log begins with its keys");
	checkpoint_read(p.m.ledger_told.body.data, p.m.ledger_told.body.len, &before);
	rewrite(&p);
	forge(&p);
	pose(&p);
	ask_for_too_much(&p);
	babble(&p);
	stands(&p, 4, &before);
	kill(p.pid, SIGKILL);
	waitpid(p.pid, NULL, 0);
	close_fd(&p.supervisor);
	start(&p);
	connect_control(&p);
	stands(&p, 4, &before);
	stop(&p);
	buf_done(&p.in);
	forget(p.directory);
	return tap_end();
}
