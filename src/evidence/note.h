/*
 * Signed notes and checkpoints: C2SP signed-note, tlog-checkpoint, tlog-cosignature. A note is a
 * text that ends with a line feed, an empty line, and lines "— name base64(key ID || signature)".
 */
#pragma once

#include "base/buf.h"
#include "evidence/merkle.h"

enum {
	NOTE_NAME_MAX = 127, /* of a key: no white space, no "+" */
	NOTE_MAX = 8192,     /* a whole checkpoint */
	NOTE_SIGNATURES_MAX = 16,
	NOTE_PUBLIC = 32,
	NOTE_SECRET = 64, /* as libsodium has it: seed, then public key */
	NOTE_SIGNATURE = 64,
};

enum note_kind { NOTE_LOG = 0x01, NOTE_COSIGNATURE = 0x04 }; /* signature type bytes */

struct note_key {
	enum note_kind kind;
	char name[NOTE_NAME_MAX + 1];
	uint8_t public[NOTE_PUBLIC];
	uint8_t id[HASH_SIZE]; /* SHA-256(name || LF || kind || public); its first 4 bytes sign */
};

/* Fills it. -EINVAL: `name` is empty, too long, or has a character that a name may not have. */
int note_key_init(struct note_key *k, enum note_kind kind, const char *name,
		  const uint8_t public[NOTE_PUBLIC]);
/* The verifier key, "name+hex(ID)+base64(kind || public)", and back (-EINVAL). */
int note_key_write(const struct note_key *k, struct buf *out);
int note_key_read(const char *text, struct note_key *ret);

/* The text of a checkpoint: origin, size, base64 root, a line each. */
int checkpoint_write(const char *origin, uint64_t size, const struct hash *root, struct buf *out);

struct checkpoint {
	char origin[NOTE_NAME_MAX + 1];
	uint64_t size;
	struct hash root;
	size_t text_len; /* what is signed: up to and with the line feed before the empty line */
};
/* Reads a signed checkpoint, strictly: -EBADMSG. Extension lines are allowed, and ignored. */
int checkpoint_read(const void *note, size_t len, struct checkpoint *ret);

/*
 * Appends a signature line to `note`: to a text without signatures, or to a note that has some.
 * A cosignature's time is in seconds since 1970; of NOTE_LOG it is ignored. -EINVAL: the text is
 * no UTF-8, has control characters, or does not end with a line feed; -ENOSPC: past a maximum of
 * the note or of the buffer.
 */
int note_sign(struct buf *note, const struct note_key *k, const uint8_t secret[NOTE_SECRET],
	      uint64_t time_s);
/*
 * Whether the note has a good signature by this key. 0; -ENOENT: none by it; -EBADMSG: a bad one,
 * or no note. *ret_time_s (may be NULL): the newest time of its cosignatures; of NOTE_LOG, 0.
 */
int note_verify(const void *note, size_t len, const struct note_key *k, uint64_t *ret_time_s);
/*
 * Where the first signature line by this key is, with its line feed, be it good or bad. 0, -ENOENT,
 * or -EBADMSG: no note.
 */
int note_find(const void *note, size_t len, const struct note_key *k, const char **ret_line,
	      size_t *ret_len);
