/* A strict subset of YAML into a tree, from libyaml's events; see document.h for the subset. */
#include "policy/document.h"

#include <errno.h>
#include <string.h>
#include <yaml.h>

struct reader {
	struct arena *arena;
	const char *text;
	yaml_parser_t parser;
	yaml_event_t event;
	unsigned nodes;
	struct err *err;
};

static int refuse_at(struct reader *r, yaml_mark_t mark, const char *code, const char *what)
{
	return err_set(r->err, !strcmp(code, "document.too_large") ? E2BIG : EINVAL, code,
		       "%zu:%zu: %s", mark.line + 1, mark.column + 1, what);
}

static int refuse(struct reader *r, const char *code, const char *what)
{
	return refuse_at(r, r->event.start_mark, code, what);
}

static int next_event(struct reader *r)
{
	yaml_event_delete(&r->event);
	if (!yaml_parser_parse(&r->parser, &r->event)) {
		const yaml_parser_t *p = &r->parser;
		unsigned line, column;

		if (p->error == YAML_READER_ERROR) {
			document_place(r->text, p->problem_offset, &line, &column);
			return err_set(r->err, EINVAL, "document.encoding",
				       "%u:%u: a character that YAML does not allow; remove it",
				       line, column);
		}
		return err_set(r->err, EINVAL, "document.syntax", "%zu:%zu: not valid YAML: %s",
			       p->problem_mark.line + 1, p->problem_mark.column + 1,
			       p->problem ? p->problem : "it cannot be read");
	}
	return 0;
}

static bool is_one_of(const char *s, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcasecmp(s, words[i]))
			return true;
	return false;
}

/* Decimal without a leading zero, as YAML 1.1, 1.2 and JSON all read it. */
static bool is_integer(const char *s)
{
	s += *s == '-';
	if (!*s || (*s == '0' && s[1]))
		return false;
	return s[strspn(s, "0123456789")] == '\0';
}

/* A date or time (YAML 1.1): 2026-11-21, 2026-1-1 10:00:00. */
static bool looks_like_date(const char *s)
{
	size_t n = strspn(s, "0123456789");

	for (int i = 0; i < 2; i++) {
		if ((i == 0 && n != 4) || s[n] != '-')
			return false;
		s += n + 1;
		n = strspn(s, "0123456789");
		if (n < 1 || n > 2)
			return false;
	}
	return !s[n] || strchr("Tt \t", s[n]);
}

/*
 * Whether some version of YAML takes the plain scalar for a number: it looks like one, with signs,
 * leading zeros, underscores, a base, a fraction, an exponent or base-60 colons. Something like
 * 64MiB or 10.0.0.1 is a string to all of them.
 */
static bool looks_numeric(const char *s)
{
	static const char *const specials[] = {".inf", "+.inf", "-.inf", ".nan"};
	const char *t = s + (*s == '-' || *s == '+');
	bool exponent = false, digits = false;
	unsigned dots = 0;

	if (is_one_of(s, specials, ARRAY_SIZE(specials)))
		return true;
	if (t[0] == '0' && (t[1] == 'x' || t[1] == 'X'))
		return t[2] && t[2 + strspn(t + 2, "0123456789abcdefABCDEF_")] == '\0';
	if (t[0] == '0' && (t[1] == 'o' || t[1] == 'b'))
		return t[2] && t[2 + strspn(t + 2, "01234567_")] == '\0';
	for (; *t; t++) {
		if (*t >= '0' && *t <= '9')
			digits = true;
		else if (*t == '.')
			dots++;
		else if ((*t == 'e' || *t == 'E') && digits && !exponent)
			exponent = true;
		else if (!((*t == '+' || *t == '-') && exponent &&
			   (t[-1] == 'e' || t[-1] == 'E')) &&
			 !((*t == '_' || *t == ':') && digits))
			return false;
	}
	return digits && dots <= 1;
}

static int plain_integer(struct reader *r, const char *s, struct node *n)
{
	bool negative = *s == '-';
	uint64_t v = 0;

	for (s += negative; *s; s++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v) || v > INT64_MAX)
			return refuse(r, "document.syntax", "the number is too large");
	n->kind = NODE_INT;
	n->integer = negative ? -(int64_t)v : (int64_t)v;
	return 0;
}

static int plain_scalar(struct reader *r, struct node *n)
{
	static const char *const words[] = {"y",    "n",     "yes",  "no", "on", "off",
					    "true", "false", "null", "<<", "="};
	const char *s = n->string;

	if (!n->len || !strcmp(s, "~") || !strcmp(s, "null")) {
		n->kind = NODE_NULL;
		return 0;
	}
	if (!strcmp(s, "true") || !strcmp(s, "false")) {
		n->kind = NODE_BOOL;
		n->boolean = *s == 't';
		return 0;
	}
	if (is_integer(s))
		return plain_integer(r, s, n);
	if (is_one_of(s, words, ARRAY_SIZE(words)) || looks_numeric(s) || looks_like_date(s))
		return err_set(
			r->err, EINVAL, "document.ambiguous",
			"%zu:%zu: %.40s without quotes means different things to different "
			"readers of YAML; write true, false, a decimal integer, or put it in "
			"quotes",
			r->event.start_mark.line + 1, r->event.start_mark.column + 1, s);
	return 0;
}

static int read_scalar(struct reader *r, struct node *n)
{
	const yaml_event_t *e = &r->event;
	const char *s = (const char *)e->data.scalar.value;
	size_t len = e->data.scalar.length;

	if (document_hidden(s, len) < len)
		return refuse(r, "document.encoding", DOCUMENT_HIDDEN);
	n->kind = NODE_STRING;
	n->string = arena_strndup(r->arena, s, len);
	n->len = len;
	return e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? plain_scalar(r, n) : 0;
}

/* Anchors and tags on the current event. */
static int check_properties(struct reader *r)
{
	const yaml_event_t *e = &r->event;
	const void *anchor = NULL, *tag = NULL;

	if (e->type == YAML_SCALAR_EVENT) {
		anchor = e->data.scalar.anchor;
		tag = e->data.scalar.tag;
	} else if (e->type == YAML_SEQUENCE_START_EVENT) {
		anchor = e->data.sequence_start.anchor;
		tag = e->data.sequence_start.tag;
	} else if (e->type == YAML_MAPPING_START_EVENT) {
		anchor = e->data.mapping_start.anchor;
		tag = e->data.mapping_start.tag;
	}
	if (e->type == YAML_ALIAS_EVENT || anchor)
		return refuse(r, "document.unsupported",
			      "anchors and aliases (& and *) are not allowed; write the value out, "
			      "or in quotes if it begins with one of them");
	if (tag)
		return refuse(r, "document.unsupported", "tags (!) are not allowed; remove it");
	return 0;
}

static int read_value(struct reader *r, unsigned depth, struct node **ret);

static int read_key(struct reader *r, struct node *map, const char **ret)
{
	struct node key = {0};
	int e = check_properties(r);

	if (e < 0)
		return e;
	if (r->event.type != YAML_SCALAR_EVENT)
		return refuse(r, "document.unsupported", "a key must be a plain word");
	e = read_scalar(r, &key);
	if (e < 0)
		return e;
	if (key.kind != NODE_STRING)
		return refuse(r, "document.unsupported", "a key must be a word; put it in quotes");
	if (node_get(map, key.string))
		return err_set(r->err, EINVAL, "document.duplicate",
			       "%zu:%zu: the key \"%.60s\" stands twice; keep one",
			       r->event.start_mark.line + 1, r->event.start_mark.column + 1,
			       key.string);
	*ret = key.string;
	return 0;
}

static int read_container(struct reader *r, unsigned depth, struct node *n)
{
	yaml_event_type_t end =
		n->kind == NODE_MAP ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
	int e = next_event(r);

	for (; e == 0 && r->event.type != end; e = next_event(r)) {
		const char *key = NULL;
		struct node *child = NULL;
		yaml_mark_t mark = r->event.start_mark;

		if (n->kind == NODE_MAP) {
			e = read_key(r, n, &key);
			if (e == 0)
				e = next_event(r);
			if (e < 0)
				return e;
		}
		e = read_value(r, depth + 1, &child);
		if (e < 0 || !child)
			return e;
		child->key_line = (unsigned)mark.line + 1;
		child->key_column = (unsigned)mark.column + 1;
		if (node_add(n, key, child) < 0)
			return refuse(r, "document.too_large", "a mapping has too many keys");
	}
	return e;
}

/* The value that the current event begins; on return the current event is its last. */
static int read_value(struct reader *r, unsigned depth, struct node **ret)
{
	struct node *n;
	int e = check_properties(r);

	if (e < 0)
		return e;
	if (depth > DOCUMENT_DEPTH_MAX)
		return refuse(r, "document.too_large", "nested too deeply");
	if (++r->nodes > DOCUMENT_NODES_MAX)
		return refuse(r, "document.too_large", "too many values");
	n = node_new(r->arena, NODE_NULL);
	n->line = (unsigned)r->event.start_mark.line + 1;
	n->column = (unsigned)r->event.start_mark.column + 1;
	if (r->event.type == YAML_SCALAR_EVENT) {
		e = read_scalar(r, n);
	} else if (r->event.type == YAML_MAPPING_START_EVENT ||
		   r->event.type == YAML_SEQUENCE_START_EVENT) {
		n->kind = r->event.type == YAML_MAPPING_START_EVENT ? NODE_MAP : NODE_LIST;
		e = read_container(r, depth, n);
	} else {
		e = refuse(r, "document.syntax", "a value is missing");
	}
	if (e == 0)
		*ret = n;
	return e;
}

static int read_document(struct reader *r, struct node **ret)
{
	int e = next_event(r); /* stream start */

	if (e == 0)
		e = next_event(r);
	if (e < 0)
		return e;
	if (r->event.type != YAML_DOCUMENT_START_EVENT)
		return refuse(r, "document.syntax", "the document is empty");
	if (r->event.data.document_start.version_directive ||
	    r->event.data.document_start.tag_directives.start !=
		    r->event.data.document_start.tag_directives.end)
		return refuse(r, "document.unsupported",
			      "directives (%YAML, %TAG) are not allowed; remove them");
	e = next_event(r);
	if (e == 0)
		e = read_value(r, 1, ret);
	if (e == 0)
		e = next_event(r); /* document end */
	if (e == 0)
		e = next_event(r);
	if (e == 0 && r->event.type != YAML_STREAM_END_EVENT)
		return refuse(r, "document.unsupported", "one document only; remove the second");
	return e;
}

int document_read_yaml(struct arena *a, const char *text, size_t len, struct node **ret,
		       struct err *reterr)
{
	struct reader r = {.arena = a, .text = text, .err = reterr};
	struct node *root = NULL;
	int e;

	if (!yaml_parser_initialize(&r.parser))
		abort(); /* no memory (STYLE: rule 8) */
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	e = read_document(&r, &root);
	yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	if (e == 0)
		*ret = root;
	return e;
}
