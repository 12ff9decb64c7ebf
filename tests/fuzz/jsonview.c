/* Fuzz target: what the command line does with an answer. Whatever the bytes are, a walk stays
 * within them, and what JSON a reader accepted is still that JSON when it is shown. */
#include "cli/jsonview.h"
#include "base/json.h"
#include "cli/safe.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void within(struct jsonview v, const uint8_t *data, size_t size)
{
	const char *from = (const char *)data;

	if (v.len && (v.p < from || v.len > size || (size_t)(v.p - from) > size - v.len))
		abort();
}

static void walk(struct jsonview v, const uint8_t *data, size_t size, int depth)
{
	struct jsonview at = {0}, key, item;
	struct buf text = BUF_INIT(size * 4 + 1), cell = BUF_INIT(size * 20 + 1);
	char copy[16];

	within(v, data, size);
	jsonview_copy(v, copy, sizeof(copy));
	jsonview_base64(v, &text);
	jsonview_text(v, &text);
	safe_cell(&cell, buf_str(&text), text.len);
	for (size_t i = 0; i < cell.len; i++)
		if (cell.data[i] < 0x20 || cell.data[i] == 0x7f)
			abort();
	buf_done(&text);
	buf_done(&cell);
	jsonview_u64(v, 0);
	jsonview_i64(v, 0);
	within(jsonview_get(v, "a"), data, size);
	while (depth < 8 && jsonview_next(v, &at, &key, &item)) {
		within(key, data, size);
		walk(item, data, size, depth + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jsonview v = {0};
	char *shown = NULL;
	size_t shown_len = 0;
	FILE *to;

	if (size > 1 << 16)
		return 0;
	if (jsonview_open(&v, data, size) == 0)
		walk(v, data, size, 0);
	else if (json_check(data, size, NULL) == 0)
		abort();
	if (json_check(data, size, NULL) < 0)
		return 0;
	to = open_memstream(&shown, &shown_len);
	safe_json(to, (const char *)data, size);
	fclose(to);
	if (json_check(shown, shown_len, NULL) < 0)
		abort();
	free(shown);
	return 0;
}
