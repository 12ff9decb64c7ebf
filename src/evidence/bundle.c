#include "evidence/bundle.h"

#include "base/json.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <time.h>

enum { ENTRY_MAX = 1024 };

/* "…base64…" */
static int add_bytes(struct buf *out, const void *data, size_t len)
{
	int r = buf_addc(out, '"');

	if (r == 0)
		r = base64_add(out, data, len);
	return r ? r : buf_addc(out, '"');
}

static int add_proof(const struct bundle *b, struct buf *out)
{
	int r = buf_addf(out, "{\"logIndex\":\"%llu\",\"rootHash\":", (unsigned long long)b->index);

	if (r == 0)
		r = add_bytes(out, b->root, HASH_SIZE);
	if (r == 0)
		r = buf_addf(out, ",\"treeSize\":\"%llu\",\"hashes\":[",
			     (unsigned long long)b->size);
	for (size_t i = 0; r == 0 && i < b->proof_n; i++) {
		if (i)
			r = buf_addc(out, ',');
		if (r == 0)
			r = add_bytes(out, &b->proof[i], HASH_SIZE);
	}
	if (r == 0)
		r = buf_adds(out, "],\"checkpoint\":{\"envelope\":");
	if (r == 0)
		r = json_quote(out, b->checkpoint, b->checkpoint_len);
	return r ? r : buf_adds(out, "}}");
}

static int add_entry(const struct bundle *b, struct buf *out)
{
	_cleanup_buf_ struct buf body = BUF_INIT(ENTRY_MAX);
	struct hash payload;
	int r;

	crypto_hash_sha256(payload.b, b->payload, b->payload_len);
	r = dsse_entry(&payload, b->signature, b->public, &body);
	if (r == 0)
		r = buf_addf(out, "{\"logIndex\":\"%llu\",\"logId\":{\"keyId\":",
			     (unsigned long long)b->index);
	if (r == 0)
		r = add_bytes(out, b->log->id, HASH_SIZE);
	if (r == 0)
		r = buf_adds(out, "},\"kindVersion\":{\"kind\":\"dsse\",\"version\":\"0.0.2\"},"
				  "\"inclusionProof\":");
	if (r == 0)
		r = add_proof(b, out);
	if (r == 0)
		r = buf_adds(out, ",\"canonicalizedBody\":");
	if (r == 0)
		r = add_bytes(out, body.data, body.len);
	return r ? r : buf_addc(out, '}');
}

int bundle_write(const struct bundle *b, struct buf *out)
{
	size_t before = out->len;
	char hint[DSSE_HINT_SIZE];
	int r;

	dsse_hint(b->public, hint);
	r = buf_addf(out,
		     "{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\","
		     "\"verificationMaterial\":{\"publicKey\":{\"hint\":\"%s\"},\"tlogEntries\":[",
		     hint);
	if (r == 0)
		r = add_entry(b, out);
	if (r == 0)
		r = buf_adds(out, "]},\"dsseEnvelope\":");
	if (r == 0)
		r = dsse_envelope(b->payload, b->payload_len, b->signature, b->public, out);
	if (r == 0)
		r = buf_addc(out, '}');
	if (r < 0)
		out->len = before;
	return r;
}

/* RFC 3339, in UTC; what no four digits of a year can say is -EINVAL. */
static int add_time(struct buf *out, int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	char text[32];
	struct tm tm;

	if (ms < 0 || !gmtime_r(&seconds, &tm) || tm.tm_year > 9999 - 1900)
		return -EINVAL;
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	return buf_addf(out, "\"%s.%03dZ\"", text, (int)(ms % 1000));
}

/* The log with the key of g[i]. The same key in several generations is one log, for all their time.
 */
static int add_log(const char *origin, const struct generation *g, size_t n, size_t i,
		   struct buf *out)
{
	_cleanup_free_ char *url = xasprintf("https://%s", origin);
	int64_t from_ms = g[i].from_ms, until_ms = g[i].until_ms;
	uint8_t spki[DSSE_SPKI];
	int r;

	for (size_t k = i + 1; k < n; k++) {
		if (memcmp(g[k].log.id, g[i].log.id, HASH_SIZE) != 0)
			continue;
		if (g[k].from_ms < from_ms)
			from_ms = g[k].from_ms;
		if (!g[k].until_ms || (until_ms && g[k].until_ms > until_ms))
			until_ms = g[k].until_ms;
	}
	dsse_spki(g[i].log.public, spki);
	r = buf_adds(out, "{\"baseUrl\":");
	if (r == 0)
		r = json_quote_str(out, url);
	if (r == 0)
		r = buf_adds(out, ",\"hashAlgorithm\":\"SHA2_256\",\"publicKey\":{\"rawBytes\":");
	if (r == 0)
		r = add_bytes(out, spki, sizeof(spki));
	if (r == 0)
		r = buf_adds(out, ",\"keyDetails\":\"PKIX_ED25519\",\"validFor\":{\"start\":");
	if (r == 0)
		r = add_time(out, from_ms);
	if (r == 0 && until_ms) {
		r = buf_adds(out, ",\"end\":");
		if (r == 0)
			r = add_time(out, until_ms);
	}
	if (r == 0)
		r = buf_adds(out, "}},\"logId\":{\"keyId\":");
	if (r == 0)
		r = add_bytes(out, g[i].log.id, HASH_SIZE);
	return r ? r : buf_adds(out, "}}");
}

static int add_logs(const char *origin, const struct generation *g, size_t n, struct buf *out)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		size_t k = 0;

		while (memcmp(g[k].log.id, g[i].log.id, HASH_SIZE) != 0)
			k++;
		if (k < i)
			continue; /* it was written with g[k] */
		if (i)
			r = buf_addc(out, ',');
		if (r == 0)
			r = add_log(origin, g, n, i, out);
	}
	return r;
}

static int add_keys(const struct generation *g, size_t n, struct buf *out)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		uint8_t spki[DSSE_SPKI];
		char hint[DSSE_HINT_SIZE];
		size_t k = 0;

		while (memcmp(g[k].statement, g[i].statement, DSSE_PUBLIC) != 0)
			k++;
		if (k < i)
			continue;
		dsse_spki(g[i].statement, spki);
		dsse_hint(g[i].statement, hint);
		r = buf_addf(out, "%s\"%s\":", i ? "," : "", hint);
		if (r == 0)
			r = add_bytes(out, spki, sizeof(spki));
	}
	return r;
}

int trusted_root_write(const char *origin, const struct generation *g, size_t n, struct buf *out)
{
	size_t before = out->len;
	int r = buf_adds(out, "{\"trustedRoot\":{\"mediaType\":"
			      "\"application/vnd.dev.sigstore.trustedroot.v0.2+json\",\"tlogs\":[");

	if (r == 0)
		r = add_logs(origin, g, n, out);
	if (r == 0)
		r = buf_adds(out, "],\"certificateAuthorities\":[],\"ctlogs\":[],"
				  "\"timestampAuthorities\":[]},\"keys\":{");
	if (r == 0)
		r = add_keys(g, n, out);
	if (r == 0)
		r = buf_adds(out, "}}");
	if (r < 0)
		out->len = before;
	return r;
}
