/*
 * Fuzz target: journals that somebody else wrote, and events that are added. What is added can be
 * read again; what is read stays as it is.
 */
#include "evidence/journal.h"

#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX = 1 << 17 };

static void load(const struct buf *lines, uint64_t count)
{
	struct journal j = {.lines = BUF_INIT(MAX)};
	uint64_t line;

	if (journal_load(&j, lines->data, lines->len, &line) != 0 || j.tree.size != count)
		abort();
	buf_done(&j.lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct journal j = {.lines = BUF_INIT(MAX)};
	uint64_t line = 0;

	if (size > MAX / 4)
		return 0;
	if (journal_load(&j, data, size, &line) == 0) {
		if (j.lines.len != size || (size && memcmp(j.lines.data, data, size) != 0))
			abort();
		if (journal_append(&j, "{\"last\":1}", 10) != 0)
			abort();
		load(&j.lines, j.tree.size);
	} else if (line == 0 || j.lines.len || j.tree.size) {
		abort();
	}
	buf_done(&j.lines);
	j = (struct journal){.lines = BUF_INIT(MAX)};
	if (journal_append(&j, (const char *)data, size) == 0 &&
	    journal_append(&j, (const char *)data, size) == 0)
		load(&j.lines, 2);
	else if (j.lines.len || j.tree.size)
		abort();
	buf_done(&j.lines);
	return 0;
}
