/*
 * A document as a tree of nodes that know where they stand in the text, so that an error can name
 * the place. Two readers make the same tree: a strict subset of YAML 1.1/1.2, and JSON (RFC 8259).
 *
 * The subset: one document; no anchors, aliases, tags, directives or merge keys; keys are strings
 * and occur once in a mapping; plain scalars that YAML 1.1 and 1.2 read differently (yes, 010,
 * 1_000, 0x1f, 1:30 ...) are errors, so that a document means the same to every reader. Numbers are
 * integers. Depth, nodes and text are bounded.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "policy/arena.h"

#include <stdbool.h>

enum {
	DOCUMENT_TEXT_MAX = 1 << 20,
	DOCUMENT_NODES_MAX = 100000,
	DOCUMENT_DEPTH_MAX = 16,
	DOCUMENT_PATH_MAX = 128, /* of a node's path in messages; longer ones are cut */
};

enum node_kind { NODE_NULL, NODE_BOOL, NODE_INT, NODE_STRING, NODE_LIST, NODE_MAP };

struct node {
	enum node_kind kind;
	bool json; /* read from JSON: integers may stand for amounts */
	bool boolean;
	int64_t integer;
	const char *string; /* NUL-terminated; holds no NUL itself */
	size_t len;
	unsigned line, column; /* from 1; 0: made by us, not read */
	const struct node *parent;
	const char *key; /* in a mapping; else NULL */
	unsigned key_line, key_column;
	unsigned index; /* in a list */
	struct node *first, *last, *next;
	unsigned count;
};

/*
 * Reads a text: as JSON if it begins with "{", else as YAML. The tree lives in `a`.
 * Errors (-EINVAL): document.encoding, document.syntax, document.duplicate, document.unsupported,
 * document.ambiguous; -E2BIG: document.too_large.
 */
int document_read(struct arena *a, const char *text, size_t len, struct node **ret,
		  struct err *reterr);

/*
 * Characters that a person who reviews a text does not see, or that change how the rest of it is
 * shown: control characters other than line feed and tab, line separators, byte order marks, marks
 * of width zero or of direction. The offset of the first one in valid UTF-8, or `len`.
 */
size_t document_hidden(const char *text, size_t len);
#define DOCUMENT_HIDDEN                                                                            \
	"a control character, byte order mark, line separator, or a mark of width zero or "        \
	"direction; remove it"

/* Line and column (in characters) of an offset, from 1. */
void document_place(const char *text, size_t at, unsigned *ret_line, unsigned *ret_column);

/* The two readers. The text is valid UTF-8 without control characters other than line breaks/tabs.
 */
int document_read_json(struct arena *a, const char *text, size_t len, struct node **ret,
		       struct err *reterr);
int document_read_yaml(struct arena *a, const char *text, size_t len, struct node **ret,
		       struct err *reterr);

/*
 * Building a tree. node_add() appends to a list (key NULL) or mapping; a key that is there already
 * is refused with -EEXIST. The node is not yet part of another tree.
 */
struct node *node_new(struct arena *a, enum node_kind kind);
struct node *node_string(struct arena *a, const char *s, size_t len);
struct node *node_int(struct arena *a, int64_t value);
struct node *node_bool(struct arena *a, bool value);
int node_add(struct node *parent, const char *key, struct node *child);

/* The same for trees that we write: a key that stands twice is a bug, and ends
 * the process. A string that is NULL is left out. */
void node_put(struct node *parent, const char *key, struct node *value);
void node_put_string(struct arena *a, struct node *map, const char *key, const char *s);
void node_put_int(struct arena *a, struct node *map, const char *key, uint64_t v);
void node_put_bool(struct arena *a, struct node *map, const char *key, bool v);
struct node *node_put_list(struct arena *a, struct node *map, const char *key);
void node_add_string(struct arena *a, struct node *list, const char *s);

/* The value under a key, or NULL. */
const struct node *node_get(const struct node *map, const char *key);

/* "spec.egress[0].host"; "document" for the root. */
void node_path(const struct node *n, char out[DOCUMENT_PATH_MAX]);

/* Fills the error with "LINE:COLUMN: PATH: message" and returns -EINVAL. */
int node_error(const struct node *n, struct err *reterr, const char *code, const char *format, ...)
	_printf_(4, 5);

/* "a string", "a list" ... */
const char *node_kind_text(const struct node *n);
