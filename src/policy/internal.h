/* What a policy is made of. Only for this folder. Everything lives in the policy's arena. */
#pragma once

#include "policy/arena.h"
#include "policy/cidr.h"
#include "policy/document.h"
#include "policy/host.h"
#include "policy/path.h"
#include "policy/policy.h"
#include "policy/url.h"

#define POLICY_MAGIC 0x706f6c79u
#define POLICY_NO_LIMIT UINT64_MAX

enum { RULE_PATHS_MAX = 64, RULE_PORTS_MAX = 32, RULE_CIDRS_MAX = 32 };

/* In the order of canonical lists. */
#define POLICY_METHODS(X)                                                                          \
	X(DELETE, "DELETE")                                                                        \
	X(GET, "GET")                                                                              \
	X(HEAD, "HEAD")                                                                            \
	X(OPTIONS, "OPTIONS")                                                                      \
	X(PATCH, "PATCH")                                                                          \
	X(POST, "POST")                                                                            \
	X(PUT, "PUT")
#define X(U, t) METHOD_##U,
enum { POLICY_METHODS(X) METHOD_COUNT };
#undef X
enum {
	METHODS_ALL = (1 << METHOD_COUNT) - 1,
	METHODS_READ = 1 << METHOD_GET | 1 << METHOD_HEAD | 1 << METHOD_OPTIONS,
	SCHEMES_ALL = (1 << URL_SCHEMES) - 1
};

extern const char *const policy_method_names[METHOD_COUNT];

/* METHOD_... or -1. */
int policy_method(const char *name);

enum port_kind {
	PORTS_DEFAULT, /* the scheme's own */
	PORTS_LISTED,
	PORTS_ANY /* deny rules only */
};

struct rule {
	const char *id;
	bool deny;
	struct host_pattern host;
	unsigned host_id; /* the same for rules of a layer with the same pattern */
	unsigned schemes; /* bits 1 << URL_HTTP ... */
	unsigned methods; /* bits 1 << METHOD_GET ... */
	enum port_kind port_kind;
	unsigned n_ports;
	uint16_t *ports; /* ascending */
	/*
	 * The first n_paths are the profile's, sorted. A deny rule has more behind them, so that
	 * "/x" denies "/x/" too, and the reverse: servers tend to take them for the same.
	 */
	unsigned n_paths, n_match;
	struct path_pattern *paths;
	uint64_t max_request, max_response;
	uint64_t bytes_per_day; /* POLICY_NO_LIMIT */
	struct policy_rate rate;
	const char *credential;	   /* NULL */
	const char *justification; /* NULL */
	unsigned n_cidrs;
	struct cidr *cidrs;
};

bool rule_has_port(const struct rule *r, enum url_scheme scheme, uint16_t port);
bool rule_has_path(const struct rule *r, const struct path *path);
bool rule_has_address(const struct rule *r, const uint8_t address[16]);

struct tool {
	const char *name;
	bool approval, deny;
};

struct embedded_test {
	unsigned line;
	const char *method, *url; /* or: */
	const char *tool;
	bool allow;
	int reason;	  /* enum policy_reason, or -1 for any */
	const char *rule; /* NULL for any */
};

/* One profile. */
struct layer {
	const char *name, *owner, *description;
	enum policy_class class;
	enum policy_tier tier;
	unsigned min_trust;
	struct policy_limits limits;
	bool eval, wasm;
	unsigned n_rules;
	struct rule *rules; /* in the order of the document */
	unsigned n_tools;
	struct tool *tools; /* by name; of the same name, deny first */
	struct policy_storage storage;
	unsigned n_tests;
	struct embedded_test *tests;
	const char *canonical; /* to tell layers apart */
	size_t canonical_len;
};

struct policy {
	unsigned magic;
	struct arena arena;
	unsigned n_layers;
	struct layer *layers;
	struct layer strictest; /* class to wasm and storage only */
	const char *canonical;
	size_t canonical_len;
	char digest[POLICY_DIGEST_SIZE];
};

/* The table of limits, from which they are read, written, merged and compared. */
enum amount_kind { AMOUNT_DURATION, AMOUNT_SIZE, AMOUNT_COUNT };

struct limit_row {
	const char *key;
	size_t offset; /* in struct policy_limits */
	enum amount_kind kind;
	uint64_t min, max;
	uint64_t otherwise; /* the default; POLICY_NO_LIMIT: the key is required */
};

enum { LIMIT_ROWS = 7 };
extern const struct limit_row limit_rows[LIMIT_ROWS];

static inline uint64_t *limit_at(const struct policy_limits *l, size_t row)
{
	return (uint64_t *)((char *)l + limit_rows[row].offset);
}

const char *amount_text(enum amount_kind kind, uint64_t value, char out[AMOUNT_TEXT]);

/* Reading (profile_read.c, rule_read.c) and writing (profile_write.c) of profiles. */
int layer_read(struct arena *a, const struct node *document, struct layer *ret, struct err *reterr);
int rule_read(struct arena *a, const struct node *n, struct rule *ret, struct err *reterr);
struct node *layer_write(struct arena *a, const struct layer *l);
/* Names the canonical form of a rule: rules with the same digest are the same. */
enum { RULE_DIGEST = 32 };
void rule_digest(const struct rule *r, unsigned char out[RULE_DIGEST]);

/* Deciding for one layer, with the rule's index, or -1 and why. decide.c */
struct layer_verdict {
	enum policy_reason reason;
	const struct rule *rule; /* NULL: none came close */
};
struct layer_verdict layer_decide(const struct layer *l, const struct url *u, int method);

extern const char *const policy_class_names[2];
extern const char *const policy_tier_names[3];
extern const char *const policy_storage_names[3];
