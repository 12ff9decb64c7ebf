/*
 * JSON into a tree. base/json checks the grammar first, so what is left to do here is to build, and
 * to refuse what JSON allows but a profile must not have: duplicate keys, fractions, lone
 * surrogates, control characters.
 */
#include "base/json.h"
#include "policy/document.h"

#include <errno.h>
#include <string.h>

struct reader {
	struct arena *arena;
	const char *p, *end;
	const char *counted; /* up to here `line` and `column` are counted */
	unsigned line, column, nodes;
	struct err *err;
};

/* Line and column of the cursor; places only ever move forward. */
static void locate(struct reader *r, unsigned *line, unsigned *column)
{
	for (; r->counted < r->p; r->counted++) {
		if (*r->counted == '\n') {
			r->line++;
			r->column = 1;
		} else {
			r->column += (*r->counted & 0xc0) != 0x80;
		}
	}
	*line = r->line;
	*column = r->column;
}

static int refuse(struct reader *r, const char *code, const char *what)
{
	unsigned line, column;

	locate(r, &line, &column);
	return err_set(r->err, !strcmp(code, "document.too_large") ? E2BIG : EINVAL, code,
		       "%u:%u: %s", line, column, what);
}

static void skip(struct reader *r)
{
	while (r->p < r->end && strchr(" \t\r\n", *r->p))
		r->p++;
}

static unsigned hex4(const char *p)
{
	unsigned v = 0;

	for (int i = 0; i < 4; i++) {
		unsigned c = (unsigned char)p[i];

		v = v << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return v;
}

/* \uXXXX at the cursor (after the backslash), with its second half if it is a surrogate. */
static int read_unicode(struct reader *r, unsigned *ret)
{
	unsigned c = hex4(r->p + 1);

	r->p += 5;
	if (c >= 0xd800 && c < 0xe000) {
		unsigned low = c < 0xdc00 && r->p[0] == '\\' && r->p[1] == 'u' ? hex4(r->p + 2) : 0;

		if (low < 0xdc00 || low > 0xdfff)
			return refuse(r, "document.encoding",
				      "an escape is half of a surrogate pair; write both halves");
		r->p += 6;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	*ret = c;
	return 0;
}

/* The string at the cursor, decoded. It is never longer than its source. */
static int read_string(struct reader *r, const char **ret, size_t *ret_len)
{
	const char *q = r->p + 1;
	unsigned line, column;
	char *to, *start;

	while (*q != '"')
		q += *q == '\\' ? 2 : 1;
	locate(r, &line, &column);
	start = to = arena_alloc(r->arena, (size_t)(q - r->p) + 1);
	for (r->p++; *r->p != '"';) {
		static const char from[] = "\"\\/nt", into[] = "\"\\/\n\t";
		const char *e;
		unsigned c = 0;

		if (*r->p != '\\') {
			*to++ = *r->p++;
			continue;
		}
		r->p++;
		if (*r->p == 'u') {
			if (read_unicode(r, &c) < 0)
				return -EINVAL;
			to += utf8_put(to, c);
			continue;
		}
		e = strchr(from, *r->p);
		if (!e)
			return refuse(r, "document.encoding", DOCUMENT_HIDDEN);
		*to++ = into[e - from];
		r->p++;
	}
	r->p++;
	*ret = start;
	*ret_len = (size_t)(to - start);
	if (document_hidden(start, *ret_len) < *ret_len)
		return err_set(r->err, EINVAL, "document.encoding", "%u:%u: %s", line, column,
			       DOCUMENT_HIDDEN);
	return 0;
}

static int read_number(struct reader *r, struct node *n)
{
	bool negative = *r->p == '-';
	uint64_t v = 0;

	r->p += negative;
	for (; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*r->p - '0'), &v) || v > INT64_MAX)
			return refuse(r, "document.syntax", "the number is too large");
	if (r->p < r->end && strchr(".eE", *r->p))
		return refuse(r, "document.syntax", "numbers are integers here, without . or e");
	n->kind = NODE_INT;
	n->integer = negative ? -(int64_t)v : (int64_t)v;
	return 0;
}

static int read_value(struct reader *r, unsigned depth, struct node **ret);

static int read_container(struct reader *r, unsigned depth, struct node *n)
{
	char close = *r->p == '{' ? '}' : ']';
	int e;

	n->kind = close == '}' ? NODE_MAP : NODE_LIST;
	for (r->p++, skip(r); *r->p != close; skip(r)) {
		const char *key = NULL;
		struct node *child = NULL;
		unsigned line = 0, column = 0;
		size_t len;

		if (*r->p == ',') {
			r->p++;
			continue;
		}
		if (close == '}') {
			locate(r, &line, &column);
			e = read_string(r, &key, &len);
			if (e < 0)
				return e;
			if (node_get(n, key))
				return err_set(r->err, EINVAL, "document.duplicate",
					       "%u:%u: the key \"%.60s\" stands twice; keep one",
					       line, column, key);
			skip(r);
			r->p++; /* the colon */
			skip(r);
		}
		e = read_value(r, depth + 1, &child);
		if (e < 0 || !child)
			return e;
		child->key_line = line;
		child->key_column = column;
		if (node_add(n, key, child) < 0)
			return refuse(r, "document.too_large", "a mapping has too many keys");
	}
	r->p++;
	return 0;
}

static int read_value(struct reader *r, unsigned depth, struct node **ret)
{
	struct node *n;
	int e = 0;

	skip(r);
	if (depth > DOCUMENT_DEPTH_MAX)
		return refuse(r, "document.too_large", "nested too deeply");
	if (++r->nodes > DOCUMENT_NODES_MAX)
		return refuse(r, "document.too_large", "too many values");
	n = node_new(r->arena, NODE_NULL);
	n->json = true;
	locate(r, &n->line, &n->column);
	if (*r->p == '{' || *r->p == '[') {
		e = read_container(r, depth, n);
	} else if (*r->p == '"') {
		n->kind = NODE_STRING;
		e = read_string(r, &n->string, &n->len);
	} else if (*r->p == 't' || *r->p == 'f') {
		n->kind = NODE_BOOL;
		n->boolean = *r->p == 't';
		r->p += n->boolean ? 4 : 5;
	} else if (*r->p == 'n') {
		r->p += 4;
	} else {
		e = read_number(r, n);
	}
	if (e == 0)
		*ret = n;
	return e;
}

int document_read_json(struct arena *a, const char *text, size_t len, struct node **ret,
		       struct err *reterr)
{
	struct reader r = {.arena = a,
			   .p = text,
			   .end = text + len,
			   .counted = text,
			   .line = 1,
			   .column = 1,
			   .err = reterr};
	size_t at = 0;

	if (json_check(text, len, &at) < 0) {
		r.p = text + at;
		return refuse(&r, "document.syntax",
			      "not valid JSON; a document that begins with { is read as JSON");
	}
	return read_value(&r, 1, ret);
}
