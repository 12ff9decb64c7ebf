#include "store/db.h"
#include "store/schema.h"

int store_open(const char *directory, struct store **ret, struct err *reterr)
{
	static const struct db_file file = {
		.name = "state.db",
		.what = "the state database",
		.application = 0x436f7264, /* "Cord", in the file's header */
		.versions = schema_versions,
		.n_versions = ARRAY_SIZE(schema_versions),
		.settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
			    "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
			    "PRAGMA locking_mode = EXCLUSIVE; PRAGMA secure_delete = ON"};

	return db_open(directory, &file, ret, reterr);
}
