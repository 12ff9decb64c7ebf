#include "wire/message.h"

#include <errno.h>
#include <string.h>

struct reader {
	const uint8_t *p, *end;
};

static int put_int(struct buf *b, uint64_t v, size_t n)
{
	uint8_t raw[8];

	for (size_t i = 0; i < n; i++)
		raw[i] = (uint8_t)(v >> (8 * i));
	return buf_add(b, raw, n);
}

static uint64_t get_int(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | p[n];
	return v;
}

static int read_int(struct reader *r, size_t n, uint64_t *ret)
{
	if ((size_t)(r->end - r->p) < n)
		return -EBADMSG;
	*ret = get_int(r->p, n);
	r->p += n;
	return 0;
}

#define INT_CODEC(type, ctype)                                                                     \
	static int put_##type(struct buf *b, ctype v, size_t max)                                  \
	{                                                                                          \
		(void)max;                                                                         \
		return put_int(b, (uint64_t)v, sizeof(ctype));                                     \
	}                                                                                          \
	static int read_##type(struct reader *r, ctype *ret, size_t max)                           \
	{                                                                                          \
		uint64_t v = 0;                                                                    \
		int e = read_int(r, sizeof(ctype), &v);                                            \
		(void)max;                                                                         \
		*ret = (ctype)v;                                                                   \
		return e;                                                                          \
	}
INT_CODEC(u8, uint8_t)
INT_CODEC(u32, uint32_t)
INT_CODEC(u64, uint64_t)
INT_CODEC(i64, int64_t)

static int put_bytes(struct buf *b, struct wire_bytes v, size_t max)
{
	int e;

	if (v.len > max)
		return -EMSGSIZE;
	e = put_int(b, v.len, 4);
	return e ? e : buf_add(b, v.data, v.len);
}

static int read_bytes(struct reader *r, struct wire_bytes *ret, size_t max)
{
	uint64_t len = 0;
	int e = read_int(r, 4, &len);

	if (e)
		return e;
	if (len > max || len > (size_t)(r->end - r->p))
		return -EBADMSG;
	*ret = (struct wire_bytes){r->p, (size_t)len};
	r->p += len;
	return 0;
}

#define PUT_FIELD(type, name, max)                                                                 \
	if (!e)                                                                                    \
		e = put_##type(b, m->name, max);
#define READ_FIELD(type, name, max)                                                                \
	if (!e)                                                                                    \
		e = read_##type(r, &m->name, max);
#define CODEC(number, UPPER, lower, FIELDS)                                                        \
	static int put_msg_##lower(struct buf *b, const struct msg_##lower *m)                     \
	{                                                                                          \
		int e = 0;                                                                         \
		FIELDS(PUT_FIELD)                                                                  \
		return e;                                                                          \
	}                                                                                          \
	static int read_msg_##lower(struct reader *r, struct msg_##lower *m)                       \
	{                                                                                          \
		int e = 0;                                                                         \
		FIELDS(READ_FIELD)                                                                 \
		return e;                                                                          \
	}
WIRE_MESSAGES(CODEC)

int msg_encode(struct buf *out, const struct msg *m)
{
	size_t at = out->len;
	uint8_t header[FRAME_HEADER] = {0};
	int e = buf_add(out, header, sizeof(header));

	if (e)
		return e;
	switch (m->type) {
#define CASE(number, UPPER, lower, FIELDS)                                                         \
	case MSG_##UPPER:                                                                          \
		e = put_msg_##lower(out, &m->lower);                                               \
		break;
		WIRE_MESSAGES(CASE)
#undef CASE
	}
	if (e) {
		out->len = at;
		return e;
	}
	for (size_t i = 0; i < 4; i++)
		out->data[at + i] = (uint8_t)((out->len - at - FRAME_HEADER) >> (8 * i));
	out->data[at + 4] = (uint8_t)m->type;
	return 0;
}

int msg_decode(const void *data, size_t len, size_t max_body, struct msg *ret, size_t *ret_used)
{
	const uint8_t *p = data;
	struct reader r;
	uint64_t body;
	int e = -EBADMSG;

	*ret_used = 0;
	if (len < FRAME_HEADER)
		return 0;
	body = get_int(p, 4);
	if (body > max_body)
		return -EMSGSIZE;
	if (p[5] || p[6] || p[7])
		return -EBADMSG;
	*ret_used = FRAME_HEADER + (size_t)body;
	if (len < *ret_used)
		return 0;
	r = (struct reader){p + FRAME_HEADER, p + *ret_used};
	switch (p[4]) {
#define CASE(number, UPPER, lower, FIELDS)                                                         \
	case MSG_##UPPER:                                                                          \
		ret->type = MSG_##UPPER;                                                           \
		e = read_msg_##lower(&r, &ret->lower);                                             \
		break;
		WIRE_MESSAGES(CASE)
#undef CASE
	default: /* the type is a byte from outside, not an enum */
		break;
	}
	if (!e && r.p != r.end)
		e = -EBADMSG;
	return e ? e : 1;
}

const char *msg_name(enum msg_type type)
{
	switch (type) {
#define CASE(number, UPPER, lower, FIELDS)                                                         \
	case MSG_##UPPER:                                                                          \
		return #UPPER;
		WIRE_MESSAGES(CASE)
#undef CASE
	}
	return "?";
}

int msg_allowed(enum sandbox_phase phase, enum msg_type type)
{
	switch (phase) {
	case PHASE_WARMING:
		return type == MSG_TOUCHED;
	case PHASE_IDLE:
	case PHASE_ENDED:
		return 0;
	case PHASE_COMPILING:
		if (type == MSG_COMPILED)
			return 1;
		/* fall through */
	case PHASE_RUNNING:
		return type == MSG_LOG || type == MSG_OPERATION || type == MSG_WAIT ||
		       type == MSG_RESULT || type == MSG_FAIL;
	}
	return 0;
}
