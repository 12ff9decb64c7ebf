/*
 * Fuzz target: bundles and trusted roots from outside. A bundle that is accepted is about one of
 * the statements that the log of the sample has.
 */
#include "evidence/sample_log.h"
#include "evidence/verify.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct trust trust;

static void init(void)
{
	struct buf root = BUF_INIT(1 << 16);
	struct sample_log l;

	sample_log_init(&l, 1);
	if (trusted_root_write(SAMPLE_ORIGIN, &l.keys, 1, &root) < 0 ||
	    trust_read(root.data, root.len, &trust, NULL) < 0)
		abort();
	buf_done(&root);
	sample_log_done(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trust other;
	struct verified v;
	struct err e;

	if (!trust.n)
		init();
	if (size > 1 << 18)
		return 0;
	if (verify_bundle(&trust, data, size, &v, &e) == 0) {
		const json_t *run =
			json_object_get(json_object_get(v.statement, "predicate"), "run");

		if (strcmp(v.checkpoint.origin, SAMPLE_ORIGIN) != 0 ||
		    v.index >= v.checkpoint.size || json_integer_value(run) != (json_int_t)v.index)
			abort();
		json_decref(v.statement);
	} else if (strncmp(e.code, "verify.", 7) != 0) {
		abort();
	}
	if (trust_read(data, size, &other, &e) == 0) {
		if (!other.n || !other.n_logs)
			abort();
		trust_done(&other);
	} else if (strcmp(e.code, "trust.form") != 0) {
		abort();
	}
	return 0;
}
