/* Fuzz target: the module map of a run. A map that passes the check can be walked to its end. */
#include "wire/modmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct modmap map;
	struct module m;
	struct err e;
	size_t total = 0;
	int r = modmap_check(data, size, "main.js", 7, &e);

	if (r < 0)
		return 0;
	if (modmap_open(&map, data, size) < 0)
		abort();
	while ((r = modmap_next(&map, &m)) > 0)
		total += m.name_len + m.source_len;
	if (r < 0 || total > size)
		abort();
	return 0;
}
