/*
 * Fuzz target: canonical JSON. What is taken is JSON of the same value to another parser, no longer
 * than it was, and its own canonical form; what another parser takes is refused only for a number
 * or a maximum.
 */
#include "evidence/canonical.h"

#include "base/json.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FLAGS = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL };

static void check_taken(const uint8_t *data, size_t size, const struct buf *out)
{
	struct buf again = BUF_INIT(1 << 20);
	json_t *was, *is;

	if (out->len > size || json_check(out->data, out->len, NULL) < 0 ||
	    canonical_json(out->data, out->len, &again) != 0 || again.len != out->len ||
	    memcmp(again.data, out->data, out->len) != 0)
		abort();
	buf_done(&again);
	was = json_loadb((const char *)data, size, FLAGS, NULL);
	is = json_loadb((const char *)out->data, out->len, FLAGS, NULL);
	if (!was != !is || (was && !json_equal(was, is)))
		abort();
	/* It refuses nothing of ours but a NUL in a name. */
	if (!was && !memmem(data, size, "\\u0000", 6))
		abort();
	json_decref(was);
	json_decref(is);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out = BUF_INIT(1 << 20);
	json_t *other;
	int r;

	if (size > 1 << 16)
		return 0;
	r = canonical_json(data, size, &out);
	if (r == 0) {
		check_taken(data, size, &out);
	} else if (r == -EBADMSG) {
		other = json_loadb((const char *)data, size, FLAGS, NULL);
		/* The other one takes a NUL after the value for the end. */
		if ((other && json_check(data, size, NULL) == 0) || out.len)
			abort();
		json_decref(other);
	} else if ((r != -ERANGE && r != -E2BIG) || out.len) {
		abort();
	}
	buf_done(&out);
	return 0;
}
