#include "evidence/dsse.h"

#include "base/json.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING of 32 bytes } */
static const uint8_t spki_head[DSSE_SPKI - DSSE_PUBLIC] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
							   0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

void dsse_spki(const uint8_t public[DSSE_PUBLIC], uint8_t ret[DSSE_SPKI])
{
	memcpy(ret, spki_head, sizeof(spki_head));
	memcpy(ret + sizeof(spki_head), public, DSSE_PUBLIC);
}

int dsse_spki_read(const void *der, size_t len, uint8_t ret_public[DSSE_PUBLIC])
{
	if (len != DSSE_SPKI || memcmp(der, spki_head, sizeof(spki_head)) != 0)
		return -EBADMSG;
	memcpy(ret_public, (const uint8_t *)der + sizeof(spki_head), DSSE_PUBLIC);
	return 0;
}

void dsse_hint(const uint8_t public[DSSE_PUBLIC], char ret[DSSE_HINT_SIZE])
{
	uint8_t spki[DSSE_SPKI], hash[HASH_SIZE];

	dsse_spki(public, spki);
	crypto_hash_sha256(hash, spki, sizeof(spki));
	sodium_bin2hex(ret, DSSE_HINT_SIZE, hash, sizeof(hash));
}

/* Pre-authentication encoding; free() it. */
static uint8_t *encode(const void *payload, size_t len, size_t *ret_len)
{
	char head[64 + sizeof(DSSE_TYPE)];
	int n = snprintf(head, sizeof(head), "DSSEv1 %zu %s %zu ", sizeof(DSSE_TYPE) - 1, DSSE_TYPE,
			 len);
	uint8_t *p = xmalloc((size_t)n + len);

	memcpy(p, head, (size_t)n);
	if (len)
		memcpy(p + n, payload, len);
	*ret_len = (size_t)n + len;
	return p;
}

void dsse_sign(const void *payload, size_t len, const uint8_t secret[DSSE_SECRET],
	       uint8_t ret[DSSE_SIGNATURE])
{
	size_t n;
	_cleanup_free_ uint8_t *message = encode(payload, len, &n);

	crypto_sign_detached(ret, NULL, message, n, secret);
}

int dsse_verify(const void *payload, size_t len, const uint8_t public[DSSE_PUBLIC],
		const uint8_t signature[DSSE_SIGNATURE])
{
	size_t n;
	_cleanup_free_ uint8_t *message = encode(payload, len, &n);

	return crypto_sign_verify_detached(signature, message, n, public) == 0 ? 0 : -EBADMSG;
}

int dsse_envelope(const void *payload, size_t len, const uint8_t signature[DSSE_SIGNATURE],
		  const uint8_t public[DSSE_PUBLIC], struct buf *out)
{
	size_t before = out->len;
	char hint[DSSE_HINT_SIZE];
	int r;

	dsse_hint(public, hint);
	r = buf_adds(out, "{\"payload\":\"");
	if (r == 0)
		r = base64_add(out, payload, len);
	if (r == 0)
		r = buf_addf(out,
			     "\",\"payloadType\":\"" DSSE_TYPE
			     "\",\"signatures\":[{\"keyid\":\"%s\",\"sig\":\"",
			     hint);
	if (r == 0)
		r = base64_add(out, signature, DSSE_SIGNATURE);
	if (r == 0)
		r = buf_adds(out, "\"}]}");
	if (r < 0)
		out->len = before;
	return r;
}

int dsse_entry(const struct hash *payload, const uint8_t signature[DSSE_SIGNATURE],
	       const uint8_t public[DSSE_PUBLIC], struct buf *out)
{
	uint8_t spki[DSSE_SPKI];
	size_t before = out->len;
	int r;

	dsse_spki(public, spki);
	r = buf_adds(out, "{\"apiVersion\":\"0.0.2\",\"kind\":\"dsse\",\"spec\":{\"dsseV002\":{"
			  "\"payloadHash\":{\"algorithm\":\"SHA2_256\",\"digest\":\"");
	if (r == 0)
		r = base64_add(out, payload, HASH_SIZE);
	if (r == 0)
		r = buf_adds(out, "\"},\"signatures\":[{\"content\":\"");
	if (r == 0)
		r = base64_add(out, signature, DSSE_SIGNATURE);
	if (r == 0)
		r = buf_adds(out, "\",\"verifier\":{\"keyDetails\":\"PKIX_ED25519\","
				  "\"publicKey\":{\"rawBytes\":\"");
	if (r == 0)
		r = base64_add(out, spki, sizeof(spki));
	if (r == 0)
		r = buf_adds(out, "\"}}}]}}}");
	if (r < 0)
		out->len = before;
	return r;
}
