/* What tenants and principals owe in the queues. */
#include "store/db.h"

#include <stdio.h>

int store_debts_put(struct store *s, const struct debt_row *rows, size_t n, struct err *reterr)
{
	int r = db_change(s, reterr, "DELETE FROM debts", "");

	for (size_t i = 0; r >= 0 && i < n; i++)
		r = db_change(s, reterr,
			      "INSERT INTO debts SELECT ?1, ?2, ?3, ?4"
			      " WHERE EXISTS (SELECT 1 FROM tenants WHERE id = ?1)",
			      "sisi", rows[i].tenant, (int64_t)rows[i].class_, rows[i].principal,
			      rows[i].micros);
	return r < 0 ? r : 0;
}

int store_debts(struct store *s, debt_fn *fn, void *arg, struct err *reterr)
{
	sqlite3_stmt *q;
	int r = db_prepare(s, "SELECT tenant, class, principal, micros FROM debts", &q, reterr);

	if (r == 0)
		EACH_ROW(q, 0, {
			struct debt_row row = {.class_ = sqlite3_column_int(q, 1),
					       .micros = sqlite3_column_int64(q, 3)};

			snprintf(row.tenant, sizeof(row.tenant), "%s", db_text(q, 0));
			snprintf(row.principal, sizeof(row.principal), "%s", db_text(q, 2));
			fn(arg, &row);
		});
	return r;
}
