/*
 * DSSE envelopes (secure-systems-lab/dsse, protocol.md 1.0.0) with one Ed25519 signature, and what
 * of them stands in the log: the body of a Rekor v2 entry of kind "dsse", version 0.0.2.
 */
#pragma once

#include "base/buf.h"
#include "evidence/merkle.h"

#define DSSE_TYPE "application/vnd.in-toto+json"

enum {
	DSSE_PUBLIC = 32,
	DSSE_SECRET = 64,
	DSSE_SIGNATURE = 64,
	DSSE_SPKI = 44,
	DSSE_HINT_SIZE = 65
};

/* SubjectPublicKeyInfo of an Ed25519 key, DER (RFC 8410, section 4). */
void dsse_spki(const uint8_t public[DSSE_PUBLIC], uint8_t ret[DSSE_SPKI]);
int dsse_spki_read(const void *der, size_t len, uint8_t ret_public[DSSE_PUBLIC]); /* -EBADMSG */
/* The key's name: hexadecimal SHA-256 of its SubjectPublicKeyInfo. */
void dsse_hint(const uint8_t public[DSSE_PUBLIC], char ret[DSSE_HINT_SIZE]);

/* Signs DSSEv1 SP len(type) SP type SP len(payload) SP payload, type being DSSE_TYPE. */
void dsse_sign(const void *payload, size_t len, const uint8_t secret[DSSE_SECRET],
	       uint8_t ret[DSSE_SIGNATURE]);
int dsse_verify(const void *payload, size_t len, const uint8_t public[DSSE_PUBLIC],
		const uint8_t signature[DSSE_SIGNATURE]); /* -EBADMSG */

/* {"payload":…,"payloadType":…,"signatures":[{"keyid":hint,"sig":…}]} */
int dsse_envelope(const void *payload, size_t len, const uint8_t signature[DSSE_SIGNATURE],
		  const uint8_t public[DSSE_PUBLIC], struct buf *out);

/* The entry: canonical JSON; `payload` is the SHA-256 of the payload, without a prefix. */
int dsse_entry(const struct hash *payload, const uint8_t signature[DSSE_SIGNATURE],
	       const uint8_t public[DSSE_PUBLIC], struct buf *out);
