#include "policy/document.h"

#include "base/json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct node *node_new(struct arena *a, enum node_kind kind)
{
	struct node *n = arena_new(a, struct node, 1);

	n->kind = kind;
	return n;
}

struct node *node_string(struct arena *a, const char *s, size_t len)
{
	struct node *n = node_new(a, NODE_STRING);

	n->string = arena_strndup(a, s, len);
	n->len = len;
	return n;
}

struct node *node_int(struct arena *a, int64_t value)
{
	struct node *n = node_new(a, NODE_INT);

	n->integer = value;
	return n;
}

struct node *node_bool(struct arena *a, bool value)
{
	struct node *n = node_new(a, NODE_BOOL);

	n->boolean = value;
	return n;
}

/* Mappings here have a few keys: the schema knows about thirty, and an unknown one ends the reading
 * of the profile. Only a hostile text has more, and those are bounded by KEYS_MAX. */
enum { KEYS_MAX = 64 };

int node_add(struct node *parent, const char *key, struct node *child)
{
	if (key) {
		if (parent->count >= KEYS_MAX)
			return -E2BIG;
		if (node_get(parent, key))
			return -EEXIST;
	}
	child->parent = parent;
	child->key = key;
	child->index = parent->count++;
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	return 0;
}

const struct node *node_get(const struct node *map, const char *key)
{
	for (const struct node *n = map->first; n; n = n->next)
		if (n->key && !strcmp(n->key, key))
			return n;
	return NULL;
}

void node_path(const struct node *n, char out[DOCUMENT_PATH_MAX])
{
	const struct node *chain[DOCUMENT_DEPTH_MAX + 2];
	unsigned depth = 0;
	size_t at = 0;

	for (; n && n->parent && depth < ARRAY_SIZE(chain); n = n->parent)
		chain[depth++] = n;
	if (!depth) {
		snprintf(out, DOCUMENT_PATH_MAX, "document");
		return;
	}
	while (depth-- && at < DOCUMENT_PATH_MAX) {
		const struct node *c = chain[depth];

		if (c->key)
			at += (size_t)snprintf(out + at, DOCUMENT_PATH_MAX - at, "%s%.40s",
					       at ? "." : "", c->key);
		else
			at += (size_t)snprintf(out + at, DOCUMENT_PATH_MAX - at, "[%u]", c->index);
	}
}

/* Keys and values are quoted in errors, and an error is one line. */
static void one_line(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20)
			*s = ' ';
}

int node_error(const struct node *n, struct err *reterr, const char *code, const char *format, ...)
{
	char path[DOCUMENT_PATH_MAX], message[384];
	va_list ap;

	node_path(n, path);
	va_start(ap, format);
	vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	one_line(path);
	one_line(message);
	return err_set(reterr, EINVAL, code, "%u:%u: %s: %s", n->line, n->column, path, message);
}

const char *node_kind_text(const struct node *n)
{
	switch (n->kind) {
	case NODE_NULL:
		return "empty";
	case NODE_BOOL:
		return "true or false";
	case NODE_INT:
		return "a number";
	case NODE_STRING:
		return "a string";
	case NODE_LIST:
		return "a list";
	case NODE_MAP:
		return "a mapping";
	}
	return "?";
}

static void place(const char *text, size_t at, unsigned *line, unsigned *column)
{
	*line = *column = 1;
	for (size_t i = 0; i < at; i++) {
		if (text[i] == '\n') {
			++*line;
			*column = 1;
		} else if ((text[i] & 0xc0) != 0x80) {
			++*column;
		}
	}
}

/* Before any reader: the bytes. A control character could hide text from a person who reviews. */
static int check_bytes(const char *text, size_t len, struct err *reterr)
{
	unsigned line, column;

	if (len > DOCUMENT_TEXT_MAX)
		return err_set(reterr, E2BIG, "document.too_large",
			       "the document has %zu bytes; at most %d", len, DOCUMENT_TEXT_MAX);
	if (!utf8_valid(text, len))
		return err_set(reterr, EINVAL, "document.encoding",
			       "the document is not valid UTF-8; save it as UTF-8");
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c >= 0x20 && c != 0x7f && c != 0xef && c != 0xc2 && c != 0xe2) || c == '\n' ||
		    c == '\r' || c == '\t')
			continue;
		if (c == 0xef && memcmp(text + i, "\xef\xbb\xbf", 3) != 0)
			continue;
		if (c == 0xc2 && (unsigned char)text[i + 1] >= 0xa0)
			continue;
		/* Line separators, and marks that turn the direction of what is shown. */
		if (c == 0xe2 && !((unsigned char)text[i + 1] == 0x80 &&
				   (unsigned char)text[i + 2] >= 0xa8 &&
				   (unsigned char)text[i + 2] <= 0xae) &&
		    !((unsigned char)text[i + 1] == 0x81 && (unsigned char)text[i + 2] >= 0xa6 &&
		      (unsigned char)text[i + 2] <= 0xa9))
			continue;
		place(text, i, &line, &column);
		return err_set(reterr, EINVAL, "document.encoding",
			       "%u:%u: a control character, byte order mark, line separator or "
			       "direction mark; remove it",
			       line, column);
	}
	return 0;
}

int document_read(struct arena *a, const char *text, size_t len, struct node **ret,
		  struct err *reterr)
{
	size_t at = 0;
	int r = check_bytes(text, len, reterr);

	if (r < 0)
		return r;
	while (at < len && (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' ||
			    text[at] == '\t'))
		at++;
	return at < len && text[at] == '{' ? document_read_json(a, text, len, ret, reterr)
					   : document_read_yaml(a, text, len, ret, reterr);
}
