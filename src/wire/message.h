/*
 * Framing and messages between Cordon's processes, generated from schema.h.
 *
 *   struct msg m = {.type = MSG_WAKE, .wake = {.now_ms = t}};
 *   msg_encode(&out, &m);                       // appends a frame
 *   r = msg_decode(in.data, in.len, max, &m, &used);
 *
 * Decoded `bytes` point into the input: they live as long as it does.
 */
#pragma once

#include "base/buf.h"
#include "wire/schema.h"

enum { FRAME_HEADER = 8 };

struct wire_bytes {
	const void *data;
	size_t len;
};
#define WIRE_STR(s) ((struct wire_bytes){(s), strlen(s)})
#define WIRE_BUF(b) ((struct wire_bytes){(b)->data, (b)->len})

#define wire_type_u8 uint8_t
#define wire_type_u32 uint32_t
#define wire_type_u64 uint64_t
#define wire_type_i64 int64_t
#define wire_type_bytes struct wire_bytes

#define WIRE_FIELD(type, name, max) wire_type_##type name;
#define WIRE_STRUCT(number, UPPER, lower, FIELDS)                                                  \
	struct msg_##lower {                                                                       \
		FIELDS(WIRE_FIELD)                                                                 \
	};
WIRE_MESSAGES(WIRE_STRUCT)

#define WIRE_NUMBER(number, UPPER, lower, FIELDS) MSG_##UPPER = number,
enum msg_type { WIRE_MESSAGES(WIRE_NUMBER) };

#define WIRE_MEMBER(number, UPPER, lower, FIELDS) struct msg_##lower lower;
struct msg {
	enum msg_type type;
	union {
		WIRE_MESSAGES(WIRE_MEMBER)
	};
};

/* Appends one frame. -ENOSPC: past the buffer's maximum; -EMSGSIZE: a field past its own. */
int msg_encode(struct buf *out, const struct msg *m);

/*
 * Takes one frame from the front of `data`.
 *   1         decoded; *ret_used bytes were taken
 *   0         not whole yet; *ret_used is the number of bytes the whole frame will have (0:
 * unknown) -EMSGSIZE the frame claims more than `max_body` bytes -EBADMSG  not a message of the
 * schema
 */
int msg_decode(const void *data, size_t len, size_t max_body, struct msg *ret, size_t *ret_used);

const char *msg_name(enum msg_type type);

/*
 * What a sandbox may send, by phase of its life. Everything else ends it.
 * COMPILED comes before any of the agent's code has run: after START, before the first other
 * message.
 */
enum sandbox_phase { PHASE_WARMING, PHASE_IDLE, PHASE_COMPILING, PHASE_RUNNING, PHASE_ENDED };
int msg_allowed(enum sandbox_phase phase, enum msg_type type);
