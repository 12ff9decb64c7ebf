/*
 * Policy: what a run may do (DESIGN: section 5). A capability profile, YAML or JSON, is compiled
 * into a policy, which is immutable, independent of the text, and decides without allocating.
 *
 * A policy is one profile, or the intersection of several (its layers, outermost first): then what
 * every layer allows is allowed, and limits and terms are the strictest of all layers.
 *
 * Nothing here does I/O. A policy may be used by several threads at once.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "policy/amount.h"

#include <stdbool.h>

/* Numbers are append-only. */
enum policy_class { POLICY_INTERACTIVE, POLICY_BULK };
enum policy_tier { POLICY_BATCH, POLICY_STANDARD, POLICY_REGULATED }; /* by what they assure */
enum policy_storage_mode { POLICY_STORAGE_NONE, POLICY_STORAGE_READ, POLICY_STORAGE_READ_WRITE };

enum {
	POLICY_LAYERS_MAX = 8,
	POLICY_RULES_MAX = 256, /* egress rules of one profile */
	POLICY_TOOLS_MAX = 256,
	POLICY_TESTS_MAX = 1024,
	POLICY_NAME_SIZE = 64,
	POLICY_DIGEST_SIZE = 72 /* "sha256:" and 64 hexadecimal digits, NUL */
};

struct policy;

struct policy_limits {
	uint64_t cpu_us;
	uint64_t wall_us;
	uint64_t memory_bytes;
	uint64_t output_bytes;
	uint64_t operations;
	uint64_t timers; /* pending at once */
	uint64_t log_lines;
};

struct policy_storage {
	enum policy_storage_mode mode;
	uint64_t max_bytes; /* 0 if the mode is none */
};

/*
 * Compiles a profile, or the canonical form of an intersection. Errors (all but memory are the
 * document's fault): -EINVAL with a code document.* or profile.*, -E2BIG with document.too_large;
 * the message begins with LINE:COLUMN and the path of the place, and names the value and the
 * remedy.
 */
int policy_compile(const char *text, size_t len, struct policy **ret, struct err *reterr);
void policy_free(struct policy *p);
static inline void policy_freep(struct policy **p)
{
	policy_free(*p);
}
#define _cleanup_policy_ _cleanup_(policy_freep)

/*
 * The canonical form (RFC 8785): defaults filled in, amounts as integers (durations in
 * microseconds, sizes in bytes; rates stay "10/s"), sets sorted. Compiling it gives the same policy
 * again. The digest is the SHA-256 of these bytes.
 */
const char *policy_canonical(const struct policy *p, size_t *ret_len);
const char *policy_digest(const struct policy *p);

/* Of an intersection: the name of its innermost layer, for the rest the strictest. */
const char *policy_name(const struct policy *p);
const char *policy_owner(const struct policy *p);
enum policy_class policy_class(const struct policy *p);
enum policy_tier policy_tier(const struct policy *p);
unsigned policy_min_trust(const struct policy *p);
const struct policy_limits *policy_limits(const struct policy *p);
struct policy_storage policy_storage(const struct policy *p);
bool policy_eval(const struct policy *p);
bool policy_wasm(const struct policy *p);
/* It grants nothing that has effects outside of the run: no request, no tool, no storage to write.
 */
bool policy_is_pure(const struct policy *p);
unsigned policy_layers(const struct policy *p);

const char *policy_class_text(enum policy_class c);
const char *policy_tier_text(enum policy_tier t);

/*
 * Reason codes. Stable; they are in journals and in the tests of profiles.
 *   egress.allow     a rule allows the request
 *   egress.url       not an http(s) URL that has one reading (see url.h)
 *   egress.scheme    no rule for the host has the scheme; or it is neither http nor https
 *   egress.host      no rule for the host
 *   egress.port      no rule for host and scheme has the port
 *   egress.method    no rule for the endpoint has the method
 *   egress.path      no rule for endpoint and method has the path; or the path has two readings
 *   egress.denied    a deny rule matches
 *   egress.address   the host's address is not one that the rule may reach
 *   tool.allow, tool.unknown, tool.denied
 *   tool.approval    denied until a person approves this call
 */
#define POLICY_REASONS(X)                                                                          \
	X(EGRESS_ALLOW, "egress.allow")                                                            \
	X(EGRESS_URL, "egress.url")                                                                \
	X(EGRESS_HOST, "egress.host")                                                              \
	X(EGRESS_SCHEME, "egress.scheme")                                                          \
	X(EGRESS_PORT, "egress.port")                                                              \
	X(EGRESS_METHOD, "egress.method")                                                          \
	X(EGRESS_PATH, "egress.path")                                                              \
	X(EGRESS_DENIED, "egress.denied")                                                          \
	X(EGRESS_ADDRESS, "egress.address")                                                        \
	X(TOOL_ALLOW, "tool.allow")                                                                \
	X(TOOL_UNKNOWN, "tool.unknown")                                                            \
	X(TOOL_DENIED, "tool.denied")                                                              \
	X(TOOL_APPROVAL, "tool.approval")
#define X(U, t) POLICY_##U,
enum policy_reason { POLICY_REASONS(X) POLICY_REASON_COUNT };
#undef X
const char *policy_reason_text(enum policy_reason r);

struct rule;

/* What a rule of one layer allows in sum; to be counted under (profile, rule). */
struct policy_budget {
	const char *profile;	  /* name of the layer's profile */
	const char *rule;	  /* id of the rule */
	struct policy_rate rate;  /* a token bucket; period 0: no limit */
	uint64_t bytes_per_day;	  /* UINT64_MAX: no limit */
	const struct rule *terms; /* for policy_decide_address() */
};

/*
 * All pointers belong to the policy. If denied, `rule` is the deny rule, or the allow rule that
 * came closest, or "" if none had even the host (or the tool).
 */
struct policy_decision {
	bool allow;
	bool approval; /* denied, but to be allowed once a person has approved it */
	enum policy_reason reason;
	const char *rule;
	const char *profile; /* the layer that decided: the first that denies, or the innermost */
	/* Only if an HTTP request is allowed: */
	uint64_t max_request;	/* bytes of its body */
	uint64_t max_response;	/* bytes of the answer's body */
	const char *credential; /* what egress injects; NULL: nothing */
	unsigned n_budgets;	/* one for each layer */
	struct policy_budget budgets[POLICY_LAYERS_MAX];
};

/*
 * Decides a request before it is made: method as in HTTP (case matters), URL absolute. Where
 * several allow rules of a profile match, the first in the document gives id and terms. A
 * credential is granted only if all layers grant the same one.
 */
void policy_decide_http(const struct policy *p, const char *method, const char *url, size_t len,
			struct policy_decision *ret);
void policy_decide_tool(const struct policy *p, const char *name, struct policy_decision *ret);

/*
 * Decides the address an allowed request is about to connect to, once the name is resolved: IPv4
 * addresses as ::ffff:a.b.c.d. A rule with cidrs reaches those; one whose host is an address
 * reaches that; all others reach the public internet only (see cidr.h).
 */
bool policy_decide_address(const struct policy_decision *d, const uint8_t address[16]);

/*
 * What both allow: a policy with the layers of the parent, then those of the child that the parent
 * does not have. Exact by construction. -E2BIG (profile.layers) past POLICY_LAYERS_MAX.
 */
int policy_intersect(const struct policy *parent, const struct policy *child, struct policy **ret,
		     struct err *reterr);

enum policy_effect { POLICY_WIDENS, POLICY_NARROWS, POLICY_CHANGES };

struct policy_difference {
	enum policy_effect effect; /* going from A to B */
	char *text;		   /* for people, one line */
};

struct policy_diff {
	bool widens; /* B allows something that A does not */
	/* If so, an example: a request (method and url), or a tool, or what `what` says. */
	char method[8];	  /* "" if the example is not a request */
	char *url;	  /* else NULL */
	const char *tool; /* name of a tool, belongs to B; else NULL */
	char what[160];	  /* in words: the limit, term, address ... and both values */
	struct policy_difference *items;
	size_t n_items;
};

/*
 * Does B allow anything that A does not? The answer is exact (diff.c says why), and proven: the
 * example was decided with both policies before it is returned. Only for sums over several rules
 * (rate, bytesPerDay) of intersections the answer may say "widens" where nothing is.
 * -E2BIG (policy.too_complex): the patterns interact in too many ways to be compared within bounds;
 * treat it as "widens".
 */
int policy_diff(const struct policy *a, const struct policy *b, struct policy_diff *ret,
		struct err *reterr);
void policy_diff_done(struct policy_diff *d);

/*
 * Runs the tests that the (innermost) profile carries. 0 if all hold. Else -EINVAL and the first
 * one that does not, with its line (profile.test).
 */
struct policy_report {
	unsigned passed, failed;
	unsigned line; /* of the first that failed; 0 if none */
};
int policy_check(const struct policy *p, struct policy_report *ret, struct err *reterr);
