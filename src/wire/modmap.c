#include "wire/modmap.h"

#include "base/json.h"
#include "wire/limits.h"

#include <errno.h>
#include <string.h>

#define X(n, U, t) [n] = t,
static const char *const types[] = {MODULE_TYPES(X)};
#undef X

static uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void set_u32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static int add_bytes(struct buf *b, const void *data, size_t len)
{
	uint8_t raw[4];
	int e;

	set_u32(raw, (uint32_t)len);
	e = buf_add(b, raw, 4);
	return e ? e : buf_add(b, data, len);
}

static int name_check(const char *name, size_t len, struct err *reterr)
{
	if (!len)
		return err_set(reterr, EINVAL, "module.name",
			       "a module has an empty name; give it one");
	if (len > LIMIT_MODULE_NAME)
		return err_set(reterr, EINVAL, "module.name",
			       "module name of %zu bytes; at most %u are allowed", len,
			       LIMIT_MODULE_NAME);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
			return err_set(reterr, EINVAL, "module.name",
				       "module name has a control character at byte %zu; remove it",
				       i);
	if (!utf8_valid(name, len))
		return err_set(reterr, EINVAL, "module.name", "module name is not valid UTF-8");
	return 0;
}

int modmap_add(struct buf *b, const char *name, uint8_t type, const void *source, size_t len,
	       struct err *reterr)
{
	uint32_t count = b->len ? get_u32(b->data) : 0;
	int e = name_check(name, strlen(name), reterr);

	if (e)
		return e;
	if (count >= LIMIT_MODULES)
		return err_set(reterr, EINVAL, "module.too_many",
			       "more than %u modules; bundle some of them", LIMIT_MODULES);
	if (len > LIMIT_CODE)
		return err_set(reterr, EFBIG, "module.too_large",
			       "module '%s' has %zu bytes; at most %u are allowed", name, len,
			       LIMIT_CODE);
	if (!b->len)
		e = buf_add(b, "\0\0\0\0", 4);
	if (!e)
		e = add_bytes(b, name, strlen(name));
	if (!e)
		e = buf_add(b, &type, 1);
	if (!e)
		e = add_bytes(b, source, len);
	if (e)
		return err_set(reterr, EFBIG, "module.too_large",
			       "the modules together have more than %u bytes", LIMIT_CODE);
	set_u32(b->data, count + 1);
	return 0;
}

int modmap_open(struct modmap *m, const void *data, size_t len)
{
	if (len < 4)
		return -EBADMSG;
	m->p = (const uint8_t *)data + 4;
	m->end = (const uint8_t *)data + len;
	m->left = get_u32(data);
	return m->left > LIMIT_MODULES ? -EBADMSG : 0;
}

static int next_bytes(struct modmap *m, const void **ret, size_t *ret_len)
{
	uint32_t len;

	if (m->end - m->p < 4)
		return -EBADMSG;
	len = get_u32(m->p);
	m->p += 4;
	if (len > (size_t)(m->end - m->p))
		return -EBADMSG;
	*ret = m->p;
	*ret_len = len;
	m->p += len;
	return 0;
}

int modmap_next(struct modmap *m, struct module *ret)
{
	const void *name = NULL;

	if (!m->left)
		return m->p == m->end ? 0 : -EBADMSG;
	m->left--;
	if (next_bytes(m, &name, &ret->name_len) < 0 || m->p >= m->end)
		return -EBADMSG;
	ret->name = name;
	ret->type = *m->p++;
	if (ret->type >= MODULE_TYPE_COUNT || next_bytes(m, &ret->source, &ret->source_len) < 0)
		return -EBADMSG;
	return 1;
}

int modmap_check(const void *data, size_t len, const char *main_name, size_t main_len,
		 struct err *reterr)
{
	struct module seen[LIMIT_MODULES];
	struct modmap m;
	size_t n = 0, total = 0;
	int r = modmap_open(&m, data, len), has_main = 0;

	if (r < 0)
		return err_set(reterr, EBADMSG, "module.malformed",
			       "the module map is malformed or has more than %u modules",
			       LIMIT_MODULES);
	while ((r = modmap_next(&m, &seen[n])) > 0) {
		const struct module *a = &seen[n];

		r = name_check(a->name, a->name_len, reterr);
		if (r < 0)
			return r;
		total += a->source_len;
		for (size_t i = 0; i < n; i++)
			if (seen[i].name_len == a->name_len &&
			    !memcmp(seen[i].name, a->name, a->name_len))
				return err_set(reterr, EEXIST, "module.duplicate",
					       "two modules are named '%.*s'; names must differ",
					       (int)a->name_len, a->name);
		if (a->name_len == main_len && !memcmp(a->name, main_name, main_len))
			has_main = 1;
		n++;
	}
	if (r < 0)
		return err_set(reterr, EBADMSG, "module.malformed", "the module map is malformed");
	if (total > LIMIT_CODE)
		return err_set(reterr, EFBIG, "module.too_large",
			       "the modules together have %zu bytes; at most %u are allowed", total,
			       LIMIT_CODE);
	if (!has_main)
		return err_set(reterr, ENOENT, "module.no_main",
			       "the main module '%.*s' is not given", (int)main_len, main_name);
	return 0;
}

const char *modmap_type_text(uint8_t type)
{
	return type < ARRAY_SIZE(types) ? types[type] : "?";
}

int modmap_type_parse(const char *text, uint8_t *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i], text)) {
			*ret = (uint8_t)i;
			return 0;
		}
	return -EINVAL;
}
