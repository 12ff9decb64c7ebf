/* Fuzz target: server-sent events from a daemon. In pieces they are the same events as at once. */
#include "cli/sse.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EVENT_MAX = 256 };

static int keep(void *arg, const char *name, const char *data, size_t len)
{
	if (len > EVENT_MAX || data[len] != '\n')
		abort();
	buf_addf(arg, "%s %zu ", name, len);
	buf_add(arg, data, len);
	return strcmp(name, "stop") ? 0 : -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = BUF_INIT(16 << 20), pieces = BUF_INIT(16 << 20);
	struct sse s;
	int r, p = 0;

	if (size > 1 << 16)
		return 0;
	sse_init(&s, EVENT_MAX, keep, &whole);
	r = sse_feed(&s, (const char *)data, size);
	sse_done(&s);
	sse_init(&s, EVENT_MAX, keep, &pieces);
	for (size_t at = 0; at < size && p == 0; at++)
		p = sse_feed(&s, (const char *)data + at, 1);
	sse_done(&s);
	if (r != p || strcmp(buf_str(&whole), buf_str(&pieces)) != 0)
		abort();
	buf_done(&whole);
	buf_done(&pieces);
	return 0;
}
