#include "evidence/verify.h"

#include "evidence/source.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { ENTRY_MAX = 1024, PLACE_MAX = 128 };

/* What a bundle says, before anything of it is believed. */
struct claim {
	uint8_t *payload, *body;
	size_t payload_len, body_len, checkpoint_len, proof_n;
	const char *checkpoint; /* in the JSON tree */
	char hint[DSSE_HINT_SIZE];
	uint8_t signature[DSSE_SIGNATURE], log[HASH_SIZE];
	uint64_t index, size;
	struct hash root, proof[MERKLE_PROOF_MAX];
	const uint8_t *public; /* found by the hint */
};

static void claim_done(struct claim *c)
{
	free(c->payload);
	free(c->body);
}

#define ENTRY "verificationMaterial.tlogEntries.0."

static int read_proof(const struct source *s, struct claim *c)
{
	char path[PLACE_MAX];
	uint64_t index;
	int r = source_number(s, ENTRY "inclusionProof.logIndex", &index);

	if (r == 0)
		r = source_number(s, ENTRY "inclusionProof.treeSize", &c->size);
	if (r == 0)
		r = source_exactly(s, ENTRY "inclusionProof.rootHash", &c->root, HASH_SIZE);
	if (r == 0)
		r = source_array(s, ENTRY "inclusionProof.hashes", 0, MERKLE_PROOF_MAX,
				 &c->proof_n);
	for (size_t i = 0; r == 0 && i < c->proof_n; i++) {
		snprintf(path, sizeof(path), ENTRY "inclusionProof.hashes.%zu", i);
		r = source_exactly(s, path, &c->proof[i], HASH_SIZE);
	}
	if (r == 0)
		r = source_text(s, ENTRY "inclusionProof.checkpoint.envelope", &c->checkpoint,
				&c->checkpoint_len);
	if (r == 0 && index != c->index)
		r = source_bad(s, ENTRY "inclusionProof.logIndex", "is not that of the entry");
	return r;
}

static int read_form(const struct source *s, struct claim *c)
{
	const char *hint;
	size_t n;
	int r = source_word(s, "mediaType", "application/vnd.dev.sigstore.bundle.v0.3+json");

	if (r == 0)
		r = source_text(s, "verificationMaterial.publicKey.hint", &hint, &n);
	if (r)
		return r;
	if (n != DSSE_HINT_SIZE - 1 || strspn(hint, "0123456789abcdef") != n)
		return source_bad(s, "verificationMaterial.publicKey.hint", "is no SHA-256");
	memcpy(c->hint, hint, DSSE_HINT_SIZE);
	r = source_array(s, "verificationMaterial.tlogEntries", 1, 1, &n);
	if (r == 0)
		r = source_word(s, ENTRY "kindVersion.kind", "dsse");
	if (r == 0)
		r = source_word(s, ENTRY "kindVersion.version", "0.0.2");
	if (r == 0)
		r = source_number(s, ENTRY "logIndex", &c->index);
	if (r == 0)
		r = source_exactly(s, ENTRY "logId.keyId", c->log, sizeof(c->log));
	if (r == 0)
		r = source_bytes(s, ENTRY "canonicalizedBody", &c->body, &c->body_len);
	if (r == 0)
		r = read_proof(s, c);
	if (r == 0)
		r = source_word(s, "dsseEnvelope.payloadType", DSSE_TYPE);
	if (r == 0)
		r = source_bytes(s, "dsseEnvelope.payload", &c->payload, &c->payload_len);
	if (r == 0)
		r = source_array(s, "dsseEnvelope.signatures", 1, 1, &n);
	if (r == 0)
		r = source_exactly(s, "dsseEnvelope.signatures.0.sig", c->signature,
				   DSSE_SIGNATURE);
	if (r == 0)
		r = source_word(s, "dsseEnvelope.signatures.0.keyid", c->hint);
	return r;
}

static int check_signature(const struct trust *t, struct claim *c, struct err *e)
{
	for (size_t i = 0; i < t->n && !c->public; i++) {
		char hint[DSSE_HINT_SIZE];

		dsse_hint(t->generations[i].statement, hint);
		if (!strcmp(hint, c->hint))
			c->public = t->generations[i].statement;
	}
	if (!c->public)
		return err_set(e, EBADMSG, "verify.key",
			       "the statement is signed by the key %s, which the trusted root "
			       "does not have",
			       c->hint);
	if (dsse_verify(c->payload, c->payload_len, c->public, c->signature) < 0)
		return err_set(e, EBADMSG, "verify.signature",
			       "the signature is not one of this statement by the key %s", c->hint);
	return 0;
}

static int check_inclusion(const struct claim *c, struct err *e)
{
	_cleanup_buf_ struct buf entry = BUF_INIT(ENTRY_MAX);
	struct hash payload, leaf;

	crypto_hash_sha256(payload.b, c->payload, c->payload_len);
	if (dsse_entry(&payload, c->signature, c->public, &entry) < 0 || entry.len != c->body_len ||
	    memcmp(entry.data, c->body, entry.len) != 0)
		return err_set(e, EBADMSG, "verify.entry",
			       "the entry of the log is not about this statement and signature");
	merkle_leaf(c->body, c->body_len, &leaf);
	if (merkle_check_inclusion(c->index, c->size, &leaf, c->proof, c->proof_n, &c->root) < 0)
		return err_set(e, EBADMSG, "verify.inclusion",
			       "the proof does not show that the entry is number %llu of the %llu "
			       "of the log",
			       (unsigned long long)c->index, (unsigned long long)c->size);
	return 0;
}

static int check_checkpoint(const struct trust *t, const struct claim *c, struct checkpoint *ret,
			    struct err *e)
{
	static const char code[] = "verify.checkpoint";
	const struct note_key *log = NULL;

	for (size_t i = 0; i < t->n_logs && !log; i++)
		if (!memcmp(t->logs[i].id, c->log, HASH_SIZE))
			log = &t->logs[i];
	if (!log)
		return err_set(e, EBADMSG, code, "the trusted root does not have the log");
	if (checkpoint_read(c->checkpoint, c->checkpoint_len, ret) < 0)
		return err_set(e, EBADMSG, code, "the checkpoint is none");
	if (strcmp(ret->origin, log->name) != 0)
		return err_set(e, EBADMSG, code, "the checkpoint is of %s, not of %s", ret->origin,
			       log->name);
	if (note_verify(c->checkpoint, c->checkpoint_len, log, NULL) < 0)
		return err_set(e, EBADMSG, code, "the checkpoint has no good signature of %s",
			       log->name);
	if (ret->size != c->size || memcmp(&ret->root, &c->root, HASH_SIZE) != 0)
		return err_set(e, EBADMSG, code,
			       "the checkpoint has another size or root than the proof");
	return 0;
}

/* in-toto Statement v1. Its signature is right, so this is about whom it came from, not safety. */
static int check_statement(const struct source *s)
{
	const json_t *subject, *digest;
	size_t n, i;
	int r = source_word(s, "_type", "https://in-toto.io/Statement/v1");

	if (r == 0)
		r = source_array(s, "subject", 1, VERIFY_KEYS_MAX, &n);
	if (r < 0)
		return r;
	json_array_foreach(source_at(s->root, "subject"), i, subject)
	{
		digest = source_at(subject, "digest.sha256");
		if (!json_is_string(digest))
			return source_bad(s, "subject", "has an item without a digest");
	}
	if (!json_is_string(source_at(s->root, "predicateType")))
		return source_bad(s, "predicateType", "is no string");
	return json_is_object(source_at(s->root, "predicate"))
		       ? 0
		       : source_bad(s, "predicate", "is no object");
}

int verify_bundle(const struct trust *t, const void *text, size_t len, struct verified *ret,
		  struct err *reterr)
{
	struct source s = {NULL, "the bundle", "verify.form", reterr}, about = s;
	_cleanup_(claim_done) struct claim c = {.payload = NULL};
	_cleanup_json_ json_t *statement = NULL,
			      *j = source_parse(&s, text, len, VERIFY_FILE_MAX, 0);
	struct verified v = {.statement = NULL};
	int r;

	if (!j)
		return -EBADMSG;
	r = read_form(&s, &c);
	if (r == 0)
		r = check_signature(t, &c, reterr);
	if (r == 0)
		r = check_inclusion(&c, reterr);
	if (r == 0)
		r = check_checkpoint(t, &c, &v.checkpoint, reterr);
	if (r)
		return r;
	about.what = "the statement";
	statement = source_parse(&about, c.payload, c.payload_len, VERIFY_FILE_MAX, JSON_ALLOW_NUL);
	if (!statement)
		return -EBADMSG;
	r = check_statement(&about);
	if (r < 0)
		return r;
	v.statement = TAKE_PTR(statement);
	v.index = c.index;
	memcpy(v.hint, c.hint, DSSE_HINT_SIZE);
	*ret = v;
	return 0;
}
