/* The routes: method, path, who may, what answers. One table; nothing is reachable but by it. */
#include "control/queue.h"
#include "control/quota.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define WRITERS (ROLE_OPERATOR | ROLE_ADMIN | ROLE_LOCAL)
#define RUNNERS (ROLE_RUNNER | WRITERS)
#define READERS (ROLE_AUDITOR | ROLE_OPERATOR | ROLE_ADMIN | ROLE_LOCAL)

static const struct route {
	const char *method,
		*path; /* "*" in a path: one segment; "**" at its end: all that is left */
	unsigned roles;
	void (*handle)(struct request *q);
	size_t body_max;
} routes[] = {
	{"GET", "/healthz", ROLE_NOBODY, health, 0},
	{"GET", "/readyz", ROLE_NOBODY, ready, 0},
	{"GET", "/openapi.json", ROLE_NOBODY, openapi, 0},
	{"GET", "/metrics", READERS, metrics, 0},
	{"POST", "/v1/tenants", ROLE_LOCAL, admin_tenant_add, SMALL_BODY_MAX},
	{"GET", "/v1/tenants", ROLE_LOCAL, admin_tenants, 0},
	{"GET", "/v1/tenants/*", ROLE_LOCAL, admin_tenant, 0},
	{"PATCH", "/v1/tenants/*", ROLE_LOCAL, admin_tenant_set, SMALL_BODY_MAX},
	{"DELETE", "/v1/tenants/*", ROLE_LOCAL, admin_tenant_delete, 0},
	{"POST", "/v1/keys", ROLE_ADMIN | ROLE_LOCAL, admin_key_add, SMALL_BODY_MAX},
	{"GET", "/v1/keys", ROLE_ADMIN | ROLE_LOCAL, admin_keys, 0},
	{"DELETE", "/v1/keys/*", ROLE_ADMIN | ROLE_LOCAL, admin_key_revoke, 0},
	{"GET", "/v1/quotas", READERS, quota_list, 0},
	{"PUT", "/v1/quotas/*/*", WRITERS, quota_put, SMALL_BODY_MAX},
	{"DELETE", "/v1/quotas/*/*", WRITERS, quota_delete, 0},
	{"POST", "/v1/quotas/*/*/grants", WRITERS, quota_grant, SMALL_BODY_MAX},
	{"GET", "/v1/tiers", ROLE_KEY, tier_list, 0},
	{"GET", "/v1/prices", ROLE_KEY, tier_prices, 0},
	{"POST", "/v1/profiles/check", ROLE_KEY, profile_check, SMALL_BODY_MAX},
	{"POST", "/v1/profiles/diff", ROLE_KEY, profile_diff, SMALL_BODY_MAX},
	{"GET", "/v1/profiles", ROLE_KEY, profile_list, 0},
	{"PUT", "/v1/profiles/*", WRITERS, profile_put, SMALL_BODY_MAX},
	{"GET", "/v1/profiles/*", ROLE_KEY, profile_get, 0},
	{"GET", "/v1/profiles/*/versions", ROLE_KEY, profile_versions, 0},
	{"PUT", "/v1/artifacts", RUNNERS, artifact_put, BODY_MAX},
	{"GET", "/v1/artifacts", ROLE_KEY, artifact_list, 0},
	{"GET", "/v1/artifacts/*", ROLE_KEY, artifact_get, 0},
	{"DELETE", "/v1/artifacts/*", WRITERS, artifact_delete, 0},
	{"PUT", "/v1/artifacts/*/trust", WRITERS, artifact_trust, SMALL_BODY_MAX},
	{"POST", "/v1/leases", RUNNERS, lease_create, BODY_MAX},
	{"GET", "/v1/leases", ROLE_KEY, lease_list, 0},
	{"GET", "/v1/leases/*", ROLE_KEY, lease_get, 0},
	{"POST", "/v1/leases/*/renew", RUNNERS, lease_renew, SMALL_BODY_MAX},
	{"DELETE", "/v1/leases/*", RUNNERS, lease_revoke, 0},
	{"POST", "/v1/runs", RUNNERS | ROLE_LEASE, submit_run, BODY_MAX},
	{"GET", "/v1/runs", ROLE_KEY | ROLE_LEASE, runs_list, 0},
	{"GET", "/v1/runs/*", ROLE_KEY | ROLE_LEASE, runs_get, 0},
	{"GET", "/v1/runs/*/events", ROLE_KEY | ROLE_LEASE, runs_events, 0},
	{"DELETE", "/v1/runs/*/payload", WRITERS, runs_erase, 0},
	{"GET", "/v1/queue", READERS, queue_show, 0},
	{"GET", "/v1/receipts/*", ROLE_KEY | ROLE_LEASE, receipt_get, 0},
	{"GET", "/v1/events", READERS, events_list, 0},
	{"GET", "/v1/usage", ROLE_KEY, usage_list, 0},
	{"GET", "/v1/usage/reasons", READERS, usage_reasons, 0},
	/* The log's leaves are digests and signatures; who has no key sees none all the same. */
	{"GET", "/v1/log/checkpoint", ROLE_KEY, log_checkpoint, 0},
	{"GET", "/v1/log/tile/**", ROLE_KEY, log_tile, 0},
	{"GET", "/v1/log/entries/**", ROLE_KEY, log_tile, 0},
	{"GET", "/v1/log/trusted-root", ROLE_KEY, log_trusted_root, 0},
	{"GET", "/v1/log/proof/inclusion", ROLE_KEY, log_inclusion, 0},
	{"GET", "/v1/log/proof/consistency", ROLE_KEY, log_consistency, 0},
	{"POST", "/v1/log/rotate", ROLE_LOCAL, log_rotate, 0},
	{"POST", "/v1/log/cosignatures", READERS, log_cosign, SMALL_BODY_MAX},
	{"DELETE", "/v1/runs/*", RUNNERS | ROLE_LEASE, runs_cancel, 0},
};

/* Whether `path` is what `pattern` says; segments that a "*" took go to tail[]. */
static int matches(const char *pattern, const char *path, char tail[3][128])
{
	size_t n = 0;

	for (; *pattern; pattern++) {
		size_t len;

		if (!strcmp(pattern, "**"))
			return *path != '\0';
		if (*pattern != '*') {
			if (*path++ != *pattern)
				return 0;
			continue;
		}
		len = strcspn(path, "/");
		if (!len || len >= 128 || n == 3)
			return 0;
		memcpy(tail[n], path, len);
		tail[n++][len] = '\0';
		path += len;
	}
	return *path == '\0';
}

static const struct route *find(struct request *q, char methods[64])
{
	methods[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		if (!matches(routes[i].path, q->path, q->tail))
			continue;
		if (!strcmp(routes[i].method, q->method) ||
		    (!strcmp(q->method, "HEAD") && !strcmp(routes[i].method, "GET")))
			return &routes[i];
		snprintf(methods + strlen(methods), 64 - strlen(methods), "%s%s",
			 *methods ? ", " : "", routes[i].method);
	}
	return NULL;
}

size_t api_body_max(const struct request *q)
{
	struct request copy = *q;
	char methods[64];
	const struct route *r = find(&copy, methods);

	return r && r->body_max ? r->body_max : 1;
}

/* W3C Trace Context, section 3.2: version 00 only; anything else is as if it were not there. */
static void take_trace(struct request *q)
{
	const char *t = http_header(q, "traceparent");
	static const char hex[] = "0123456789abcdef";

	if (t && strlen(t) == 55 && !strncmp(t, "00-", 3) && strspn(t + 3, hex) == 32 &&
	    t[35] == '-' && strspn(t + 36, hex) == 16 && t[52] == '-' && strspn(t + 53, hex) == 2 &&
	    strncmp(t + 3, "00000000000000000000000000000000", 32) &&
	    strncmp(t + 36, "0000000000000000", 16))
		snprintf(q->trace, sizeof(q->trace), "%s", t);
}

int api_refuse_early(struct request *q)
{
	const char *length = http_header(q, "Content-Length");
	const char *flaw = framing_flaw(q);
	char methods[64];
	const struct route *route = find(q, methods);

	take_trace(q);
	if (flaw)
		http_problem(q, 400, "request.framing", "%s", flaw);
	else if (!route && *methods) {
		http_problem(q, 405, "request.method", "this resource takes %s", methods);
		http_add_header(q, "Allow", methods);
	} else if (!route)
		http_problem(q, 404, "not_found", "there is no such resource");
	else if (length && strtoull(length, NULL, 10) > route->body_max)
		http_problem(q, 413, "request.too_large", "the body is larger than %zu bytes",
			     route->body_max);
	else if (rate_address(q) && route->roles != ROLE_NOBODY && auth_caller(q) == 0 &&
		 rate_caller(q) && !(q->caller.role & route->roles))
		http_problem(q, 403, "auth.role", "role %s may not do this",
			     auth_role_text(q->caller.role));
	return q->answer != NULL;
}

void api_dispatch(struct request *q)
{
	char methods[64];
	const struct route *route = find(q, methods);

	/* Only runs are written in batches; everybody else sees what is committed, and commits. */
	if (route->handle != submit_run)
		batch_settle(q->control, NULL);
	/* A key or lease may have been revoked while the body came. */
	if (q->body.len && route->roles != ROLE_NOBODY && auth_caller(q) < 0)
		return;
	route->handle(q);
}
