/* Versions of profiles. */
#include "store/db.h"

struct newest {
	int64_t version;
	const char *digest;
	int same;
};

static void see_newest(void *arg, const struct profile_row *row)
{
	struct newest *n = arg;

	n->version = row->version;
	n->same = !strcmp(row->digest, n->digest);
}

int store_profile_put(struct store *s, const struct profile_row *p, int64_t *ret_version,
		      int *ret_added, struct err *reterr)
{
	struct newest n = {.digest = p->digest};
	int r = store_profiles(s, p->tenant, p->name, 0, see_newest, &n, reterr);

	if (r < 0 && r != -ENOENT)
		return r;
	*ret_version = n.version + !n.same;
	*ret_added = !n.same;
	if (n.same)
		return 0;
	return db_one(db_change(s, reterr, "INSERT INTO profiles VALUES (?, ?, ?, ?, ?, ?)",
				"ssisbi", p->tenant, p->name, *ret_version, p->digest, p->source,
				p->source_len, p->created_ms));
}

#define PROFILE "SELECT tenant, name, digest, source, version, created_ms FROM profiles "
static const char profile_newest_of_all[] =
	PROFILE "AS p WHERE tenant = ?1 AND version = (SELECT max(version) FROM profiles"
		" WHERE tenant = p.tenant AND name = p.name) ORDER BY name";
static const char profile_all_of_name[] =
	PROFILE "WHERE tenant = ?1 AND name = ?2 ORDER BY version DESC";
static const char profile_newest[] =
	PROFILE "WHERE tenant = ?1 AND name = ?2 ORDER BY version DESC LIMIT 1";
static const char profile_version[] = PROFILE "WHERE tenant = ?1 AND name = ?2 AND version = ?3";

static struct profile_row row_of(sqlite3_stmt *q)
{
	return (struct profile_row){.tenant = db_text(q, 0),
				    .name = db_text(q, 1),
				    .digest = db_text(q, 2),
				    .source = sqlite3_column_blob(q, 3),
				    .source_len = (size_t)sqlite3_column_bytes(q, 3),
				    .version = sqlite3_column_int64(q, 4),
				    .created_ms = sqlite3_column_int64(q, 5)};
}

int store_profiles(struct store *s, const char *tenant, const char *name, int64_t version,
		   profile_fn *fn, void *arg, struct err *reterr)
{
	const char *sql = !name		 ? profile_newest_of_all
			  : version < 0	 ? profile_all_of_name
			  : version == 0 ? profile_newest
					 : profile_version;
	sqlite3_stmt *q;
	int r = db_prepare(s, sql, &q, reterr);

	if (r < 0)
		return r;
	sqlite3_bind_text(q, 1, tenant, -1, SQLITE_STATIC);
	if (name)
		sqlite3_bind_text(q, 2, name, -1, SQLITE_STATIC);
	if (version > 0)
		sqlite3_bind_int64(q, 3, version);
	EACH_ROW(q, name != NULL, {
		struct profile_row row = row_of(q);

		fn(arg, &row);
	});
	return r;
}

int store_profile_by_digest(struct store *s, const char *tenant, const char *name,
			    const char *digest, profile_fn *fn, void *arg, struct err *reterr)
{
	sqlite3_stmt *q;
	int r = db_prepare(s, PROFILE "WHERE tenant = ? AND name = ? AND digest = ? LIMIT 1", &q,
			   reterr);

	if (r < 0)
		return r;
	sqlite3_bind_text(q, 1, tenant, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 2, name, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 3, digest, -1, SQLITE_STATIC);
	EACH_ROW(q, 1, {
		struct profile_row row = row_of(q);

		fn(arg, &row);
	});
	return r;
}
