#include "evidence/trust.h"

#include "evidence/source.h"

#include <errno.h>
#include <string.h>

static int read_log(const struct source *s, struct note_key *ret)
{
	static const char https[] = "https://";
	uint8_t spki[DSSE_SPKI], id[HASH_SIZE], public[DSSE_PUBLIC];
	const size_t skip = sizeof(https) - 1;
	const char *url;
	size_t len;
	int r = source_text(s, "baseUrl", &url, &len);

	if (r == 0)
		r = source_word(s, "hashAlgorithm", "SHA2_256");
	if (r == 0)
		r = source_word(s, "publicKey.keyDetails", "PKIX_ED25519");
	if (r == 0)
		r = source_exactly(s, "publicKey.rawBytes", spki, sizeof(spki));
	if (r == 0)
		r = source_exactly(s, "logId.keyId", id, sizeof(id));
	if (r < 0)
		return r;
	if (dsse_spki_read(spki, sizeof(spki), public) < 0)
		return source_bad(s, "publicKey.rawBytes", "is no Ed25519 key");
	if (strncmp(url, https, skip) != 0 || note_key_init(ret, NOTE_LOG, url + skip, public) < 0)
		return source_bad(s, "baseUrl", "is not https:// and the name of a log");
	if (memcmp(ret->id, id, sizeof(id)) != 0)
		return source_bad(s, "logId.keyId", "does not belong to that name and key");
	return 0;
}

static int read_key(const struct source *s, const char *hint, struct generation *ret)
{
	uint8_t spki[DSSE_SPKI];
	char right[DSSE_HINT_SIZE];
	int r = source_exactly(s, "", spki, sizeof(spki));

	if (r < 0)
		return r;
	if (dsse_spki_read(spki, sizeof(spki), ret->statement) < 0)
		return source_bad(s, "its value", "is no Ed25519 key");
	dsse_hint(ret->statement, right);
	return strcmp(right, hint) ? source_bad(s, "its name", "is not the hint of its value") : 0;
}

void trust_done(struct trust *t)
{
	free(t->generations);
	free(t->logs);
	*t = (struct trust){.generations = NULL};
}

static struct trust take(struct trust *t)
{
	struct trust taken = *t;

	*t = (struct trust){.generations = NULL};
	return taken;
}

int trust_read(const void *text, size_t len, struct trust *ret, struct err *reterr)
{
	struct source s = {NULL, "the trusted root", "trust.form", reterr};
	_cleanup_(trust_done) struct trust t = {.generations = NULL};
	_cleanup_json_ json_t *j = source_parse(&s, text, len, VERIFY_FILE_MAX, 0);
	json_t *keys, *key, *log;
	const char *hint;
	size_t n, i;
	int r;

	if (!j)
		return -EBADMSG;
	r = source_array(&s, "trustedRoot.tlogs", 1, VERIFY_KEYS_MAX, &n);
	if (r < 0)
		return r;
	keys = json_object_get(j, "keys");
	if (json_object_size(keys) == 0 || json_object_size(keys) > VERIFY_KEYS_MAX)
		return err_set(reterr, EBADMSG, s.code,
			       "the trusted root: keys is no object with 1 to %d members",
			       VERIFY_KEYS_MAX);
	s.what = "a log of the trusted root";
	t.logs = xcalloc(n, sizeof(*t.logs));
	t.generations = xcalloc(json_object_size(keys), sizeof(*t.generations));
	json_array_foreach(source_at(j, "trustedRoot.tlogs"), i, log)
	{
		s.root = log;
		r = read_log(&s, &t.logs[t.n_logs++]);
		if (r < 0)
			return r;
	}
	s.what = "a key of the trusted root";
	json_object_foreach(keys, hint, key)
	{
		s.root = key;
		r = read_key(&s, hint, &t.generations[t.n++]);
		if (r < 0)
			return r;
	}
	*ret = take(&t);
	return 0;
}
