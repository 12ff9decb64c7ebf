#include "evidence/source.h"

#include "base/json.h"
#include "evidence/base64.h"

#include <errno.h>
#include <string.h>

json_t *source_parse(struct source *s, const void *text, size_t len, size_t max, size_t flags)
{
	size_t offset = 0;
	json_t *j;

	if (len > max) {
		err_set(s->err, EBADMSG, s->code, "%s has %zu bytes; at most %zu are read", s->what,
			len, max);
		return NULL;
	}
	/* The parser itself would take a NUL after the value for the end. */
	if (json_check(text, len, &offset) < 0) {
		err_set(s->err, EBADMSG, s->code, "%s is no JSON document from byte %zu on",
			s->what, offset);
		return NULL;
	}
	j = json_loadb(text, len, JSON_REJECT_DUPLICATES | flags, NULL);
	if (!j)
		err_set(s->err, EBADMSG, s->code,
			"%s has a member twice, a lone surrogate, or a number out of range",
			s->what);
	s->root = j;
	return j;
}

const json_t *source_at(const json_t *j, const char *path)
{
	while (j && *path) {
		size_t n = strcspn(path, ".");

		j = json_is_array(j) ? json_array_get(j, strtoul(path, NULL, 10))
				     : json_object_getn(j, path, n);
		path += n + (path[n] == '.');
	}
	return j;
}

int source_text(const struct source *s, const char *path, const char **ret, size_t *ret_len)
{
	const json_t *j = source_at(s->root, path);

	if (!json_is_string(j))
		return source_bad(s, path, "is no string");
	*ret = json_string_value(j);
	*ret_len = json_string_length(j);
	return 0;
}

int source_word(const struct source *s, const char *path, const char *wanted)
{
	const char *text;
	size_t len;
	int r = source_text(s, path, &text, &len);

	if (r < 0)
		return r;
	if (len != strlen(wanted) || memcmp(text, wanted, len) != 0) {
		err_set(s->err, EBADMSG, s->code, "%s: %s is not \"%s\"", s->what, path, wanted);
		return -EBADMSG;
	}
	return 0;
}

int source_bytes(const struct source *s, const char *path, uint8_t **ret, size_t *ret_len)
{
	_cleanup_free_ uint8_t *data = NULL;
	const char *text;
	size_t len, n;
	int r = source_text(s, path, &text, &len);

	if (r < 0)
		return r;
	data = xmalloc(len / 4 * 3 + 1);
	if (base64_read(text, len, data, len / 4 * 3, &n) < 0)
		return source_bad(s, path, "is no base64");
	*ret = TAKE_PTR(data);
	*ret_len = n;
	return 0;
}

int source_exactly(const struct source *s, const char *path, void *to, size_t size)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t len;
	int r = source_bytes(s, path, &data, &len);

	if (r < 0)
		return r;
	if (len != size) {
		err_set(s->err, EBADMSG, s->code, "%s: %s has %zu bytes instead of %zu", s->what,
			path, len, size);
		return -EBADMSG;
	}
	memcpy(to, data, size);
	return 0;
}

int source_number(const struct source *s, const char *path, uint64_t *ret)
{
	const char *text;
	uint64_t v = 0;
	size_t len;
	int r = source_text(s, path, &text, &len);

	if (r < 0)
		return r;
	if (len == 0 || len > 19 || (*text == '0' && len > 1) || strspn(text, "0123456789") != len)
		return source_bad(s, path, "is no decimal number");
	for (size_t i = 0; i < len; i++)
		v = v * 10 + (uint64_t)(text[i] - '0');
	if (v > INT64_MAX)
		return source_bad(s, path, "is too large");
	*ret = v;
	return 0;
}

int source_array(const struct source *s, const char *path, size_t min, size_t max, size_t *ret_n)
{
	const json_t *j = source_at(s->root, path);

	if (!json_is_array(j))
		return source_bad(s, path, "is no array");
	if (json_array_size(j) < min || json_array_size(j) > max) {
		err_set(s->err, EBADMSG, s->code, "%s: %s has %zu items; %zu to %zu may be",
			s->what, path, json_array_size(j), min, max);
		return -EBADMSG;
	}
	*ret_n = json_array_size(j);
	return 0;
}
