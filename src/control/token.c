#include "control/token.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#define ISSUER "cordon"
#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING

static const char header[] = "{\"alg\":\"EdDSA\",\"typ\":\"cordon-lease+jwt\"}";

static int add_base64(struct buf *out, const void *data, size_t len)
{
	size_t size = sodium_base64_encoded_len(len, VARIANT);
	char *to = (char *)buf_reserve(out, size);

	if (!to)
		return -ENOBUFS;
	sodium_bin2base64(to, size, data, len, VARIANT);
	out->len += size - 1; /* without the NUL */
	return 0;
}

int token_issue(const struct token_key *key, const struct token *t, struct buf *out)
{
	_cleanup_buf_ struct buf claims = BUF_INIT(TOKEN_MAX);
	uint8_t signature[crypto_sign_BYTES];
	size_t at = out->len;
	int r;

	/* All of these are names of our own: nothing in them needs escaping. */
	r = buf_addf(&claims,
		     "{\"iss\":\"" ISSUER "\",\"sub\":\"%s\",\"tenant\":\"%s\",\"policy\":\"%s\","
		     "\"epoch\":%lld,\"iat_ms\":%lld,\"exp_ms\":%lld,\"iat\":%lld,\"exp\":%lld}",
		     t->lease, t->tenant, t->policy, (long long)t->epoch, (long long)t->issued_ms,
		     (long long)t->expires_ms, (long long)t->issued_ms / 1000,
		     (long long)(t->expires_ms + 999) / 1000);
	if (r == 0)
		r = add_base64(out, header, sizeof(header) - 1);
	if (r == 0)
		r = buf_addc(out, '.');
	if (r == 0)
		r = add_base64(out, claims.data, claims.len);
	if (r < 0)
		return r;
	crypto_sign_detached(signature, NULL, out->data + at, out->len - at, key->secret);
	r = buf_addc(out, '.');
	return r ? r : add_base64(out, signature, sizeof(signature));
}

static int take_text(const json_t *claims, const char *name, char *to, size_t size)
{
	const json_t *v = json_object_get(claims, name);

	if (!json_is_string(v) || json_string_length(v) >= size ||
	    strlen(json_string_value(v)) != json_string_length(v))
		return -EBADMSG;
	memcpy(to, json_string_value(v), json_string_length(v) + 1);
	return 0;
}

static int take_number(const json_t *claims, const char *name, int64_t *to)
{
	const json_t *v = json_object_get(claims, name);

	*to = json_integer_value(v);
	return json_is_integer(v) && *to >= 0 ? 0 : -EBADMSG;
}

static int read_claims(const char *text, size_t len, struct token *t)
{
	json_t *claims = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	char issuer[16] = "";
	int r = json_is_object(claims) ? 0 : -EBADMSG;

	if (r < 0 || take_text(claims, "iss", issuer, sizeof(issuer)) < 0 ||
	    strcmp(issuer, ISSUER) != 0 ||
	    take_text(claims, "sub", t->lease, sizeof(t->lease)) < 0 ||
	    take_text(claims, "tenant", t->tenant, sizeof(t->tenant)) < 0 ||
	    take_text(claims, "policy", t->policy, sizeof(t->policy)) < 0 ||
	    take_number(claims, "epoch", &t->epoch) < 0 ||
	    take_number(claims, "iat_ms", &t->issued_ms) < 0 ||
	    take_number(claims, "exp_ms", &t->expires_ms) < 0)
		r = -EBADMSG;
	json_decref(claims);
	return r;
}

int token_read(const struct token_key *key, const char *text, struct token *ret)
{
	_cleanup_buf_ struct buf expected = BUF_INIT(256);
	uint8_t signature[crypto_sign_BYTES], claims[TOKEN_MAX];
	const char *payload, *last, *end;
	size_t len = strlen(text), got;
	struct token t;

	if (len > TOKEN_MAX || add_base64(&expected, header, sizeof(header) - 1) < 0 ||
	    len <= expected.len || memcmp(text, expected.data, expected.len) != 0 ||
	    text[expected.len] != '.')
		return -EBADMSG;
	payload = text + expected.len + 1;
	last = strchr(payload, '.');
	if (!last || strchr(last + 1, '.'))
		return -EBADMSG;
	if (sodium_base642bin(signature, sizeof(signature), last + 1, strlen(last + 1), NULL, &got,
			      &end, VARIANT) < 0 ||
	    *end || got != sizeof(signature) ||
	    crypto_sign_verify_detached(signature, (const uint8_t *)text, (size_t)(last - text),
					key->public) < 0)
		return -EBADMSG;
	if (sodium_base642bin(claims, sizeof(claims), payload, (size_t)(last - payload), NULL, &got,
			      &end, VARIANT) < 0 ||
	    end != last || read_claims((const char *)claims, got, &t) < 0)
		return -EBADMSG;
	*ret = t;
	return 0;
}
