/*
 * Fuzz target: what a sandbox can send to the node. Frames are decoded as the broker does, each
 * content that the broker checks is checked, and whatever was decoded must encode to the same
 * bytes.
 */
#include "base/json.h"
#include "wire/message.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_contents(const struct msg *m)
{
	size_t at = 0;
	const struct wire_bytes *b = NULL;

	if (m->type == MSG_LOG)
		b = &m->log.data;
	else if (m->type == MSG_OPERATION)
		b = &m->operation.payload;
	else if (m->type == MSG_RESULT)
		b = &m->result.data;
	else if (m->type == MSG_FAIL)
		b = &m->fail.error;
	if (!b)
		return;
	if (json_check(b->data, b->len, &at) < 0 && at > b->len)
		abort();
	utf8_valid(b->data, b->len);
	if (json_check(b->data, b->len, NULL) == 0) {
		const char *value = b->data;
		size_t len = 0;

		json_member(b->data, b->len, "url", &value, &len);
		if (value < (const char *)b->data || value + len > (const char *)b->data + b->len)
			abort();
	}
	{
		_cleanup_buf_ struct buf out = BUF_INIT(LIMIT_FRAME);

		if (json_quote(&out, b->data, b->len) == 0 &&
		    json_check(out.data, out.len, NULL) < 0)
			abort(); /* what we write must always be JSON */
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum sandbox_phase phase = PHASE_WARMING;

	while (size) {
		_cleanup_buf_ struct buf again = BUF_INIT(LIMIT_FRAME * 2);
		struct msg m;
		size_t used;
		int r = msg_decode(data, size, LIMIT_FRAME, &m, &used);

		if (r != 1)
			break;
		if (msg_allowed(phase, m.type))
			check_contents(&m);
		if (msg_encode(&again, &m) < 0 || again.len != used ||
		    memcmp(again.data, data, used) != 0)
			abort();
		phase = (enum sandbox_phase)((phase + 1) % (PHASE_ENDED + 1));
		data += used;
		size -= used;
	}
	return 0;
}
