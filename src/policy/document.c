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

void node_put(struct node *parent, const char *key, struct node *value)
{
	if (node_add(parent, key, value) < 0)
		abort();
}

void node_put_string(struct arena *a, struct node *map, const char *key, const char *s)
{
	if (s)
		node_put(map, key, node_string(a, s, strlen(s)));
}

void node_put_int(struct arena *a, struct node *map, const char *key, uint64_t v)
{
	node_put(map, key, node_int(a, (int64_t)v));
}

void node_put_bool(struct arena *a, struct node *map, const char *key, bool v)
{
	node_put(map, key, node_bool(a, v));
}

struct node *node_put_list(struct arena *a, struct node *map, const char *key)
{
	struct node *n = node_new(a, NODE_LIST);

	node_put(map, key, n);
	return n;
}

void node_add_string(struct arena *a, struct node *list, const char *s)
{
	node_put(list, NULL, node_string(a, s, strlen(s)));
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

void document_place(const char *text, size_t at, unsigned *ret_line, unsigned *ret_column)
{
	*ret_line = *ret_column = 1;
	for (size_t i = 0; i < at; i++) {
		if (text[i] == '\n') {
			++*ret_line;
			*ret_column = 1;
		} else if ((text[i] & 0xc0) != 0x80) {
			++*ret_column;
		}
	}
}

size_t document_hidden(const char *text, size_t len)
{
	static const struct {
		unsigned first, last;
	} hidden[] = {{0x61c, 0x61c},
		      {0x200b, 0x200f},
		      {0x2028, 0x202e},
		      {0x2060, 0x2069},
		      {0xfeff, 0xfeff}};

	for (size_t i = 0; i < len; i++) {
		const unsigned char *p = (const unsigned char *)text + i;
		unsigned c = 0;

		if (*p < 0x20 ? *p != '\n' && *p != '\t' : *p == 0x7f)
			return i;
		if (*p == 0xc2 && p[1] < 0xa0)
			return i;
		if (*p == 0xd8)
			c = (*p & 0x1fu) << 6 | (p[1] & 0x3fu);
		else if (*p == 0xe2 || *p == 0xef)
			c = (*p & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
		for (size_t k = 0; c && k < ARRAY_SIZE(hidden); k++)
			if (c >= hidden[k].first && c <= hidden[k].last)
				return i;
	}
	return len;
}

/* The first byte that does not belong to a valid sequence. */
static size_t first_invalid(const char *text, size_t len)
{
	size_t i = 0, n = 1;

	while (i < len && n <= 4) {
		for (n = 1; n <= 4 && (n > len - i || !utf8_valid(text + i, n)); n++)
			;
		i += n <= 4 ? n : 0;
	}
	return i;
}

/* Before any reader: the bytes. A hidden character could show a reviewer another text. */
static int check_bytes(const char *text, size_t len, struct err *reterr)
{
	unsigned line, column;
	size_t at = 0;

	if (len > DOCUMENT_TEXT_MAX)
		return err_set(reterr, E2BIG, "document.too_large",
			       "1:1: the document has %zu bytes; at most %d", len,
			       DOCUMENT_TEXT_MAX);
	if (!utf8_valid(text, len)) {
		document_place(text, first_invalid(text, len), &line, &column);
		return err_set(reterr, EINVAL, "document.encoding",
			       "%u:%u: not valid UTF-8; save the document as UTF-8", line, column);
	}
	/* A carriage return may end a line, and nothing else. */
	for (; at < len; at++) {
		at += document_hidden(text + at, len - at);
		if (at < len && (text[at] != '\r' || at + 1 == len || text[at + 1] != '\n'))
			break;
	}
	if (at >= len)
		return 0;
	document_place(text, at, &line, &column);
	return err_set(reterr, EINVAL, "document.encoding", "%u:%u: %s", line, column,
		       DOCUMENT_HIDDEN);
}

int document_read(struct arena *a, const char *text, size_t len, struct node **ret,
		  struct err *reterr)
{
	size_t at = 0;
	int r;

	if (!text) /* an empty buffer may have none */
		text = "";
	r = check_bytes(text, len, reterr);
	if (r < 0)
		return r;
	while (at < len &&
	       (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t'))
		at++;
	return at < len && text[at] == '{' ? document_read_json(a, text, len, ret, reterr)
					   : document_read_yaml(a, text, len, ret, reterr);
}
