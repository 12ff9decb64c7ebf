#include "cli/code.h"

#include "base/json.h"
#include "cli/api.h"
#include "wire/limits.h"
#include "wire/modmap.h"

#include <errno.h>
#include <string.h>

const char *code_main(const char *file)
{
	return strcmp(file, "-") ? api_base_name(file) : "main";
}

/* Bytes must not be taken for text on their way; other types follow from the name in the sandbox.
 */
static uint8_t type_of(const char *name)
{
	const char *dot = strrchr(name, '.');

	if (dot && !strcmp(dot, ".bin"))
		return MODULE_DATA;
	return dot && !strcmp(dot, ".wasm") ? MODULE_WASM : MODULE_AUTO;
}

static int add_file(struct buf *map, const char *name, const char *path, struct err *reterr)
{
	_cleanup_free_ char *source = NULL;
	size_t len;
	int r = api_read(path, LIMIT_CODE, &source, &len, reterr);

	return r < 0 ? r : modmap_add(map, name, type_of(name), source, len, reterr);
}

int code_load(const struct code_options *o, const char *file, struct buf *map, struct err *reterr)
{
	const char *main_name = code_main(file);
	int r = add_file(map, main_name, file, reterr);

	for (size_t i = 0; i < o->modules.n && r == 0; i++) {
		const char *eq = strchr(o->modules.v[i], '=');
		_cleanup_free_ char *name = NULL;

		if (!eq)
			return err_set(reterr, EINVAL, "usage", "--module %s: NAME=FILE is needed",
				       o->modules.v[i]);
		name = xasprintf("%.*s", (int)(eq - o->modules.v[i]), o->modules.v[i]);
		r = add_file(map, name, eq + 1, reterr);
	}
	if (r == 0)
		r = modmap_check(map->data, map->len, main_name, strlen(main_name), reterr);
	return r;
}

void code_json(struct buf *b, const struct code_options *o, const char *main_name,
	       const struct buf *map)
{
	struct modmap walk;
	struct module mod;
	int first = 1;

	buf_adds(b, ",\"main\":");
	json_quote_str(b, main_name);
	buf_adds(b, ",\"modules\":{");
	for (modmap_open(&walk, map->data, map->len); modmap_next(&walk, &mod) == 1; first = 0) {
		int text = mod.type != MODULE_DATA && mod.type != MODULE_WASM &&
			   utf8_valid(mod.source, mod.source_len);

		buf_adds(b, first ? "" : ",");
		json_quote(b, mod.name, mod.name_len);
		buf_adds(b, text ? ":" : ":{\"base64\":\"");
		if (text)
			json_quote(b, mod.source, mod.source_len);
		else
			base64_add(b, mod.source, mod.source_len);
		buf_adds(b, text ? "" : "\"}");
	}
	buf_addc(b, '}');
	if (o->language && *o->language) {
		buf_adds(b, ",\"language\":");
		json_quote_str(b, o->language);
	}
	if (o->fences)
		buf_adds(b, ",\"fences\":true");
}

const char *code_given(const struct code_options *o)
{
	return o->modules.n		     ? "module"
	       : o->language && *o->language ? "language"
	       : o->fences		     ? "fences"
					     : NULL;
}
