#include "store/payloads.h"

#include "store/db.h"

int payloads_each(const char *directory, payload_fn *fn, void *arg, struct err *reterr)
{
	static const struct db_file file = {.name = "state.db",
					    .what = "the state database",
					    .settings = "PRAGMA temp_store = MEMORY"};
	struct store *s;
	sqlite3_stmt *q;
	int r = db_open(directory, &file, &s, reterr);

	if (r < 0)
		return r;
	r = db_prepare(s,
		       "SELECT id, result, payloads FROM runs"
		       " WHERE state = 'done' AND erased_ms = 0 ORDER BY id",
		       &q, reterr);
	if (r == 0)
		EACH_ROW(q, 0, {
			struct payload_row row = {.id = db_text(q, 0),
						  .result = sqlite3_column_blob(q, 1),
						  .result_len = (size_t)sqlite3_column_bytes(q, 1),
						  .payloads = sqlite3_column_blob(q, 2),
						  .payloads_len =
							  (size_t)sqlite3_column_bytes(q, 2)};

			fn(arg, &row);
		});
	store_close(s);
	return r;
}
