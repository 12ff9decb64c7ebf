/*
 * `cordon log witness`: somebody else's signature under the log's checkpoints. What it signed last
 * is on the disk before the next signature leaves, so it never signs two logs of one name.
 */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/log.h"
#include "cli/replace.h"

#include "base/clock.h"
#include "base/json.h"
#include "os/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { KEY_FILE_MAX = 1024, SEED = crypto_sign_SEEDBYTES, TRIES = 5, PATH_SIZE = 256 };

#define KEY_HEAD "PRIVATE+KEY+" /* as golang.org/x/mod/sumdb/note has it: NAME+HASH+BASE64 */

struct witness {
	struct client client;
	struct log_keys log;
	struct note_key key;
	uint8_t *secret; /* NOTE_SECRET bytes, locked */
	const char *state;
	int lock;
	struct buf last; /* the checkpoint that it signed last; empty: none */
	struct checkpoint last_read;
};

/* ---- its key ---- */

static int new_key(const struct call *call)
{
	const struct log_options *o = call->options;
	_cleanup_buf_ struct buf file = BUF_INIT(KEY_FILE_MAX), verifier = BUF_INIT(KEY_FILE_MAX);
	uint8_t public[NOTE_PUBLIC], secret[NOTE_SECRET], data[1 + SEED] = {NOTE_COSIGNATURE};
	struct note_key k;
	struct err e;
	int r;

	crypto_sign_keypair(public, secret);
	if (note_key_init(&k, NOTE_COSIGNATURE, o->new_key, public) < 0)
		return api_refuse(call, "--new-key: a name such as witness.example.com/w1 is "
					"needed, without spaces and '+'");
	memcpy(data + 1, secret, SEED);
	buf_addf(&file, KEY_HEAD "%s+%02x%02x%02x%02x+", k.name, k.id[0], k.id[1], k.id[2],
		 k.id[3]);
	base64_add(&file, data, sizeof(data));
	buf_addc(&file, '\n');
	r = replace_new(o->key, file.data, file.len, 0600);
	sodium_memzero(secret, sizeof(secret));
	sodium_memzero(data, sizeof(data));
	sodium_memzero(file.data, file.len);
	if (r == -EEXIST)
		return api_refuse(call, "--key FILE is there already: a key is not replaced");
	if (r < 0) {
		err_set(&e, EIO, "witness.key", "%s cannot be written: %s", o->key, strerror(-r));
		return client_complain(&e);
	}
	note_key_write(&k, &verifier);
	puts(buf_str(&verifier));
	return 0;
}

static int bad_key(const char *path, struct err *reterr)
{
	return err_set(reterr, EINVAL, "usage",
		       "--key %s: that is no key of a witness; --new-key NAME makes one", path);
}

/* NAME+HASH+BASE64, in place. */
static int parse_key(struct witness *w, char *text)
{
	char *hash, *data, hex[9];
	uint8_t raw[1 + SEED], public[NOTE_PUBLIC];
	size_t n;
	int r;

	text[strcspn(text, "\r\n")] = '\0';
	hash = strchr(text, '+');
	data = hash ? strchr(hash + 1, '+') : NULL;
	if (!data || sodium_base642bin(raw, sizeof(raw), data + 1, strlen(data + 1), NULL, &n, NULL,
				       sodium_base64_VARIANT_ORIGINAL) < 0)
		return -EINVAL;
	*hash++ = *data = '\0';
	if (n != sizeof(raw) || raw[0] != NOTE_COSIGNATURE)
		return -EINVAL;
	w->secret = sodium_malloc(NOTE_SECRET);
	if (!w->secret)
		return -ENOMEM;
	crypto_sign_seed_keypair(public, w->secret, raw + 1);
	sodium_memzero(raw, sizeof(raw));
	r = note_key_init(&w->key, NOTE_COSIGNATURE, text, public);
	sodium_bin2hex(hex, sizeof(hex), w->key.id, 4);
	return r < 0 || strcmp(hex, hash) != 0 ? -EINVAL : 0;
}

static int load_key(struct witness *w, const char *path, struct err *reterr)
{
	_cleanup_free_ char *text = NULL;
	size_t len, head = strlen(KEY_HEAD);
	int r = api_read(path, KEY_FILE_MAX, &text, &len, reterr);

	if (r < 0)
		return err_set(reterr, EINVAL, "usage", "--key %s: %s", path, strerror(-r));
	r = strncmp(text, KEY_HEAD, head) ? -EINVAL : parse_key(w, text + head);
	sodium_memzero(text, len);
	return r < 0 ? bad_key(path, reterr) : 0;
}

/* ---- what it signed last ---- */

static int load_state(struct witness *w, struct err *reterr)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_fd_ int fd = -1;
	size_t len = 0;
	int r = lock_beside(w->state, &w->lock);

	if (r < 0)
		return err_set(reterr, EIO, "witness.state", "%s.lock: %s", w->state,
			       r == -EBUSY ? "another witness uses this state" : strerror(-r));
	fd = open(w->state, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	r = fd < 0 ? -errno : fd_read_file(fd, NOTE_MAX, &text, &len);
	if (r == -ENOENT)
		return 0;
	if (r < 0 || checkpoint_read(text, len, &w->last_read) < 0 ||
	    strcmp(w->last_read.origin, w->log.key[0].name) != 0)
		return err_set(
			reterr, EIO, "witness.state",
			"%s cannot be read as a checkpoint of %s; who forgets what he signed "
			"is no witness, so it is not replaced",
			w->state, w->log.key[0].name);
	buf_add(&w->last, text, len);
	return 0;
}

static int keep_state(struct witness *w, const struct buf *note, const struct checkpoint *p,
		      struct err *reterr)
{
	int r = replace_file(w->state, note->data, note->len, 0600);

	if (r < 0)
		return err_set(reterr, EIO, "witness.state", "%s cannot be written: %s", w->state,
			       strerror(-r));
	w->last.len = 0;
	buf_add(&w->last, note->data, note->len);
	w->last_read = *p;
	return 0;
}

/* ---- whether the log only grew ---- */

static int conflict(const struct witness *w, const struct buf *note, const char *code,
		    const char *what, struct err *reterr)
{
	_cleanup_free_ char *path = xasprintf("%s.conflict", w->state);
	int r = replace_file(path, note->data, note->len, 0600);

	return err_set(reterr, EBADMSG, code,
		       "THE LOG %s: %s. Its checkpoint is not signed, and %s %s",
		       w->log.key[0].name, what,
		       r < 0 ? "could not be kept as" : "is kept as evidence in", path);
}

/* {"hashes":[base64,…]}. -EBADMSG: it is not that. */
static int read_proof(const struct reply *reply, struct hash proof[MERKLE_PROOF_MAX], size_t *ret_n)
{
	struct jsonview v, at = {0}, key, item;

	*ret_n = 0;
	if (json_check(reply->body.data, reply->body.len, NULL) < 0 ||
	    jsonview_open(&v, reply->body.data, reply->body.len) < 0)
		return -EBADMSG;
	v = jsonview_get(v, "hashes");
	if (!v.len || *v.p != '[')
		return -EBADMSG;
	while (jsonview_next(v, &at, &key, &item)) {
		_cleanup_buf_ struct buf hash = BUF_INIT(HASH_SIZE);

		if (*ret_n == MERKLE_PROOF_MAX || jsonview_base64(item, &hash) < 0 ||
		    hash.len != HASH_SIZE)
			return -EBADMSG;
		memcpy(proof[(*ret_n)++].b, hash.data, HASH_SIZE);
	}
	return 0;
}

static int check_growth(const struct witness *w, const struct buf *note, const struct checkpoint *p,
			struct err *reterr)
{
	const struct checkpoint *last = &w->last_read;
	_cleanup_reply_ struct reply reply = {0};
	struct hash proof[MERKLE_PROOF_MAX];
	char path[PATH_SIZE], what[128];
	size_t n;
	int r;

	if (!w->last.len || (last->size == 0 && p->size >= last->size))
		return 0;
	if (p->size < last->size) {
		snprintf(what, sizeof(what), "it shrank, from %llu entries to %llu",
			 (unsigned long long)last->size, (unsigned long long)p->size);
		return conflict(w, note, "witness.shrank", what, reterr);
	}
	if (p->size == last->size)
		return memcmp(&p->root, &last->root, HASH_SIZE) == 0
			       ? 0
			       : conflict(w, note, "witness.fork",
					  "it forked: two roots of the same size", reterr);
	snprintf(path, sizeof(path), "/v1/log/proof/consistency?from=%llu&size=%llu",
		 (unsigned long long)last->size, (unsigned long long)p->size);
	r = log_get(&w->client, path, NULL, &reply, reterr);
	if (r < 0)
		return r;
	if (read_proof(&reply, proof, &n) < 0)
		return err_set(reterr, EIO, "client.answer",
			       "the daemon's answer is no consistency proof");
	if (merkle_check_consistency(last->size, p->size, &last->root, &p->root, proof, n) == 0)
		return 0;
	snprintf(what, sizeof(what),
		 "it forked, or proves nothing: its %llu entries do not begin with the %llu of "
		 "before",
		 (unsigned long long)p->size, (unsigned long long)last->size);
	return conflict(w, note, "witness.fork", what, reterr);
}

/* ---- one signature ---- */

static int cosign(struct witness *w, struct checkpoint *p, struct err *reterr)
{
	_cleanup_buf_ struct buf note = BUF_INIT(NOTE_MAX);
	_cleanup_reply_ struct reply reply = {0};
	int r = log_get_checkpoint(&w->client, &w->log, &note, p, reterr);

	if (r == 0)
		r = check_growth(w, &note, p, reterr);
	if (r == 0)
		r = keep_state(w, &note, p, reterr);
	if (r < 0)
		return r;
	if (note_verify(note.data, note.len, &w->key, NULL) == 0)
		return 0; /* it has our signature */
	if (note_sign(&note, &w->key, w->secret, (uint64_t)clock_wall_ms() / 1000) < 0)
		return err_set(reterr, EIO, "witness.note",
			       "the checkpoint has too many signatures for one more");
	r = client_call(&w->client,
			&(struct request){.method = "POST",
					  .path = "/v1/log/cosignatures",
					  .body = note.data,
					  .body_len = note.len,
					  .content_type = "text/plain; charset=utf-8",
					  .accept = "text/plain"},
			&reply, reterr);
	if (r < 0 || note_verify(reply.body.data, reply.body.len, &w->key, NULL) == 0)
		return r;
	return err_set(reterr, EPERM, "witness.unknown",
		       "the log does not show the signature of %s: name its verifier key with "
		       "`cordon up --log-witness`",
		       w->key.name);
}

static void print(const struct log_options *o, const struct checkpoint *p)
{
	char root[LOG_ROOT_SIZE];

	log_root_text(&p->root, root);
	printf(o->shared.json ? "{\"size\":%llu,\"root\":\"%s\"}\n" : "cosigned %llu %s\n",
	       (unsigned long long)p->size, root);
}

static int run(struct witness *w, const struct log_options *o, struct err *reterr)
{
	struct checkpoint p;
	int r = load_state(w, reterr);

	for (int i = 0; r == 0 && i < TRIES; i++) {
		r = cosign(w, &p, reterr);
		if (r == 0)
			break;
		if (strcmp(reterr->code, "witness.stale") != 0)
			return r;
		r = i + 1 < TRIES ? 0 : r; /* the log has a newer one meanwhile */
	}
	if (r == 0)
		print(o, &p);
	return r;
}

int log_witness(const struct call *call)
{
	const struct log_options *o = call->options;
	struct witness w = {.lock = -1, .state = o->state, .last = BUF_INIT(NOTE_MAX)};
	int status, r;
	struct err e;

	if (sodium_init() < 0)
		return api_refuse(call, "this machine gives no randomness");
	if (!o->key)
		return api_refuse(call, "--key FILE is needed: the witness's own key");
	if (o->new_key)
		return new_key(call);
	if (!o->state || !o->log_keys.n)
		return api_refuse(call, "--state FILE and --log-key VKEY are needed: what was "
					"signed last, and which log that is of");
	if (log_read_keys(&o->log_keys, &w.log, &e) < 0 || load_key(&w, o->key, &e) < 0 ||
	    client_init(&w.client, &o->shared, &e) < 0) {
		status = api_usage(call, &e);
	} else {
		r = run(&w, o, &e);
		status = r < 0 ? client_complain(&e) : 0;
	}
	if (w.secret)
		sodium_free(w.secret);
	client_done(&w.client);
	buf_done(&w.last);
	close_fd(&w.lock);
	return status;
}
