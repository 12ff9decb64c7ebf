/* Fuzz target: events as OCSF. Whatever an item has, what comes out is one line of JSON, or
 * nothing. */
#include "cli/ocsf.h"
#include "base/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out = BUF_INIT(1 << 20);
	struct jsonview item;
	int r;

	if (size > 4096 || json_check(data, size, NULL) < 0 || jsonview_open(&item, data, size) < 0)
		return 0;
	r = ocsf_event(item, &out);
	if (r ? json_check(out.data, out.len, NULL) < 0 : out.len != 0)
		abort();
	for (size_t i = 0; i < out.len; i++)
		if (out.data[i] < 0x20 || out.data[i] == 0x7f)
			abort();
	buf_done(&out);
	return 0;
}
