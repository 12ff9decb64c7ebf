#include "policy/canonical.h"
#include "policy/schema.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Defaults that are written out and sets that are spelled out make the canonical form longer. */
enum { CANONICAL_MAX = DOCUMENT_TEXT_MAX };

static void merge_layers(struct policy *p)
{
	struct layer *s = &p->strictest;

	*s = p->layers[p->n_layers - 1];
	for (unsigned i = 0; i < p->n_layers; i++) {
		const struct layer *l = &p->layers[i];

		s->class = MAX_U64(s->class, l->class);
		s->tier = MAX_U64(s->tier, l->tier);
		s->min_trust = (unsigned)MAX_U64(s->min_trust, l->min_trust);
		s->eval = s->eval && l->eval;
		s->wasm = s->wasm && l->wasm;
		s->storage.mode = MIN_U64(s->storage.mode, l->storage.mode);
		s->storage.max_bytes = MIN_U64(s->storage.max_bytes, l->storage.max_bytes);
		for (size_t k = 0; k < LIMIT_ROWS; k++)
			*limit_at(&s->limits, k) =
				MIN_U64(*limit_at(&s->limits, k), *limit_at(&l->limits, k));
	}
}

/* {"apiVersion": "cordon/v1", "kind": "CapabilityIntersection", "of": [profile, ...]} */
static int read_intersection(struct policy *p, const struct node *document, struct err *reterr)
{
	static const struct schema_key keys[] = {
		{"apiVersion", true}, {"kind", true}, {"of", true}};
	static const char *const version = "cordon/v1";
	const struct node *of;
	unsigned choice;
	int r = schema_map(document, keys, ARRAY_SIZE(keys), reterr);

	if (r == 0)
		r = schema_choice(node_get(document, "apiVersion"), &version, 1, &choice, reterr);
	if (r < 0)
		return r;
	of = node_get(document, "of");
	r = schema_list(of, POLICY_LAYERS_MAX, reterr);
	if (r < 0)
		return r;
	if (of->count < 2)
		return node_error(of, reterr, "profile.range",
				  "has %u entries; an intersection has two or more", of->count);
	p->layers = arena_new(&p->arena, struct layer, of->count);
	for (const struct node *c = of->first; r == 0 && c; c = c->next)
		r = layer_read(&p->arena, c, &p->layers[p->n_layers++], reterr);
	return r;
}

static int read_policy(struct policy *p, const struct node *document, struct err *reterr)
{
	const struct node *kind = document->kind == NODE_MAP ? node_get(document, "kind") : NULL;

	if (kind && kind->kind == NODE_STRING && !strcmp(kind->string, "CapabilityIntersection"))
		return read_intersection(p, document, reterr);
	p->n_layers = 1;
	p->layers = arena_new(&p->arena, struct layer, 1);
	return layer_read(&p->arena, document, p->layers, reterr);
}

static int keep(struct policy *p, const struct node *n, const char **ret, size_t *ret_len,
		struct err *reterr)
{
	_cleanup_buf_ struct buf b = BUF_INIT(CANONICAL_MAX);
	int r = canonical_write(&b, n);

	if (r < 0)
		return err_set(reterr, E2BIG, "document.too_large",
			       "the profile's canonical form has more than %d bytes; use fewer "
			       "rules or tests",
			       CANONICAL_MAX);
	*ret = arena_strndup(&p->arena, buf_str(&b), b.len);
	*ret_len = b.len;
	return 0;
}

/* Whether one of the first `n` layers is the same. */
static bool has_layer(const struct policy *p, unsigned n, const struct layer *l)
{
	for (unsigned i = 0; i < n; i++)
		if (p->layers[i].canonical_len == l->canonical_len &&
		    !memcmp(p->layers[i].canonical, l->canonical, l->canonical_len))
			return true;
	return false;
}

static int write_policy(struct policy *p, struct err *reterr)
{
	_cleanup_arena_ struct arena scratch = {0};
	struct node *all = node_new(&scratch, NODE_MAP), *of = node_new(&scratch, NODE_LIST);
	int r = 0;

	node_add(all, "apiVersion", node_string(&scratch, "cordon/v1", 9));
	node_add(all, "kind", node_string(&scratch, "CapabilityIntersection", 22));
	node_add(all, "of", of);
	for (unsigned i = 0; r == 0 && i < p->n_layers; i++) {
		struct layer *l = &p->layers[i];
		struct node *n = layer_write(&scratch, l);

		r = keep(p, n, &l->canonical, &l->canonical_len, reterr);
		node_add(of, NULL, n);
		if (r == 0 && has_layer(p, i, l))
			return err_set(reterr, EINVAL, "profile.value",
				       "1:1: of[%u]: stands twice; keep one", i);
	}
	if (r == 0 && p->n_layers == 1) {
		p->canonical = p->layers->canonical;
		p->canonical_len = p->layers->canonical_len;
	} else if (r == 0) {
		r = keep(p, all, &p->canonical, &p->canonical_len, reterr);
	}
	return r;
}

int policy_compile(const char *text, size_t len, struct policy **ret, struct err *reterr)
{
	_cleanup_arena_ struct arena scratch = {0};
	_cleanup_policy_ struct policy *p = xcalloc(1, sizeof(*p));
	struct node *document;
	int r = document_read(&scratch, text, len, &document, reterr);

	p->magic = POLICY_MAGIC;
	if (r == 0)
		r = read_policy(p, document, reterr);
	if (r == 0)
		r = write_policy(p, reterr);
	if (r < 0)
		return r;
	merge_layers(p);
	canonical_digest(p->canonical, p->canonical_len, p->digest);
	*ret = TAKE_PTR(p);
	return 0;
}

void policy_free(struct policy *p)
{
	if (!p)
		return;
	assert(p->magic == POLICY_MAGIC);
	arena_done(&p->arena);
	p->magic = 0;
	free(p);
}

/*
 * The intersection is the list of layers, and all must allow: no pattern has to be intersected with
 * another, which globs are not closed under. It is built by way of its canonical form, so that what
 * is returned is what another process gets from these bytes.
 */
int policy_intersect(const struct policy *parent, const struct policy *child, struct policy **ret,
		     struct err *reterr)
{
	static const char head[] =
		"{\"apiVersion\":\"cordon/v1\",\"kind\":\"CapabilityIntersection\","
		"\"of\":[";
	_cleanup_buf_ struct buf b = BUF_INIT(CANONICAL_MAX);
	unsigned n = 0;
	int r = buf_adds(&b, head);

	for (unsigned i = 0; r == 0 && i < parent->n_layers + child->n_layers; i++) {
		const struct layer *l = i < parent->n_layers ? &parent->layers[i]
							     : &child->layers[i - parent->n_layers];

		if (i >= parent->n_layers && has_layer(parent, parent->n_layers, l))
			continue;
		if (n++)
			r = buf_addc(&b, ',');
		if (r == 0)
			r = buf_add(&b, l->canonical, l->canonical_len);
	}
	if (r == 0)
		r = buf_adds(&b, "]}");
	if (r < 0 || n > POLICY_LAYERS_MAX)
		return err_set(reterr, E2BIG, "profile.layers",
			       "the profile has more than %d ancestors, or they are too large "
			       "together; derive it from one further up",
			       POLICY_LAYERS_MAX - 1);
	if (n == 1)
		return policy_compile(parent->canonical, parent->canonical_len, ret, reterr);
	return policy_compile(buf_str(&b), b.len, ret, reterr);
}

const char *policy_canonical(const struct policy *p, size_t *ret_len)
{
	*ret_len = p->canonical_len;
	return p->canonical;
}

const char *policy_digest(const struct policy *p)
{
	return p->digest;
}

const char *policy_name(const struct policy *p)
{
	return p->strictest.name;
}

const char *policy_owner(const struct policy *p)
{
	return p->strictest.owner;
}

enum policy_class policy_class(const struct policy *p)
{
	return p->strictest.class;
}

enum policy_tier policy_tier(const struct policy *p)
{
	return p->strictest.tier;
}

unsigned policy_min_trust(const struct policy *p)
{
	return p->strictest.min_trust;
}

const struct policy_limits *policy_limits(const struct policy *p)
{
	return &p->strictest.limits;
}

struct policy_storage policy_storage(const struct policy *p)
{
	return p->strictest.storage;
}

bool policy_is_pure(const struct policy *p)
{
	for (unsigned i = 0; i < p->n_layers; i++) {
		const struct layer *l = &p->layers[i];

		if (!l->n_rules && !l->n_tools && l->storage.mode != POLICY_STORAGE_READ_WRITE)
			return true; /* what one layer does not allow, none does */
	}
	return false;
}

bool policy_eval(const struct policy *p)
{
	return p->strictest.eval;
}

bool policy_wasm(const struct policy *p)
{
	return p->strictest.wasm;
}

unsigned policy_layers(const struct policy *p)
{
	return p->n_layers;
}

const char *policy_class_text(enum policy_class c)
{
	return policy_class_names[c];
}

const char *policy_tier_text(enum policy_tier t)
{
	return policy_tier_names[t];
}
