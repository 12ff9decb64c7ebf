#include "base/clock.h"
#include "control/lease.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>

static const char key_prefix[] = "cordon_";

#define X(n, U, t) [n] = t,
static const char *const role_texts[] = {ROLES(X)};
#undef X

const char *auth_role_text(enum role role)
{
	for (size_t i = 0; i < ARRAY_SIZE(role_texts); i++)
		if ((int)role == 1 << i)
			return role_texts[i];
	return role == ROLE_LOCAL ? "local" : role == ROLE_LEASE ? "lease" : "none";
}

int auth_role_parse(const char *text, enum role *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(role_texts); i++)
		if (!strcmp(text, role_texts[i])) {
			*ret = 1 << i;
			return 0;
		}
	return -EINVAL;
}

int auth_name_valid(const char *name)
{
	size_t n = strlen(name);

	return n >= 1 && n <= 63 && name[0] != '-' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

int auth_session_valid(const char *session)
{
	size_t n = 0;

	while (session[n] > 0x20 && session[n] < 0x7f)
		n++;
	return !session[n] && n && n < SESSION_SIZE;
}

static void hash_secret(const char *secret, uint8_t hash[KEY_HASH_SIZE])
{
	/* 256 random bits need no slow hash: there is nothing to guess. */
	crypto_generichash(hash, KEY_HASH_SIZE, (const uint8_t *)secret, strlen(secret), NULL, 0);
}

void auth_new_key(char id[ID_SIZE], char secret[64], uint8_t hash[KEY_HASH_SIZE])
{
	uint8_t raw[32];

	id_new("key", id);
	randombytes_buf(raw, sizeof(raw));
	sodium_bin2base64(secret, 64, raw, sizeof(raw), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	hash_secret(secret, hash);
	sodium_memzero(raw, sizeof(raw));
}

struct candidate {
	struct caller *caller;
	uint8_t hash[KEY_HASH_SIZE];
	int64_t now;
	const char *refused;
};

static void consider(void *arg, const struct key_row *k)
{
	struct candidate *x = arg;

	if (sodium_memcmp(x->hash, k->hash, KEY_HASH_SIZE) != 0)
		return;
	if (k->revoked_ms)
		x->refused = "auth.revoked";
	else if (k->expires_ms && k->expires_ms <= x->now)
		x->refused = "auth.expired";
	else if (auth_role_parse(k->role, &x->caller->role) == 0) {
		snprintf(x->caller->tenant, sizeof(x->caller->tenant), "%s", k->tenant);
		snprintf(x->caller->team, sizeof(x->caller->team), "%s", k->team);
		snprintf(x->caller->key, sizeof(x->caller->key), "%s", k->id);
		x->refused = NULL;
	}
}

/* The kernel says who is at the other end of a unix socket. */
static int local_caller(struct request *q)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(q->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (!info || getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ||
	    (peer.uid != 0 && peer.uid != q->control->owner)) {
		http_problem(q, 403, "auth.local",
			     "this socket is for root and for the user that Cordon runs for; use "
			     "an API key over TCP");
		return -EACCES;
	}
	snprintf(q->caller.key, sizeof(q->caller.key), "local");
	return 0;
}

static int refuse(struct request *q, const char *code)
{
	http_problem(q, 401, code, "%s",
		     !strcmp(code, "auth.revoked")   ? "this API key was revoked"
		     : !strcmp(code, "auth.expired") ? "this API key has expired"
						     : "that is no API key of this platform");
	return -EACCES;
}

static int key_caller(struct request *q, const char *id)
{
	const char *secret = strlen(id) > 30 ? strchr(id + 4, '_') : NULL; /* past "key_" */
	struct candidate x = {
		.caller = &q->caller, .now = clock_wall_ms(), .refused = "auth.unknown"};
	char name[ID_SIZE];
	struct err e;
	int r;

	if (!secret || (size_t)(secret - id) >= sizeof(name) || strlen(secret) > 100)
		return refuse(q, "auth.unknown");
	snprintf(name, sizeof(name), "%.*s", (int)(secret - id), id);
	hash_secret(secret + 1, x.hash);
	r = store_keys(q->control->store, NULL, name, consider, &x, &e);
	if (r < 0 && r != -ENOENT) {
		http_problem_err(q, 503, &e);
		return -EACCES;
	}
	return x.refused ? refuse(q, x.refused) : 0;
}

struct standing {
	int64_t now;
	int ok;
};

static void see_standing(void *arg, const struct key_row *k)
{
	struct standing *s = arg;

	s->ok = !k->revoked_ms && (!k->expires_ms || k->expires_ms > s->now);
}

/* A lease is worth no more than the key that made it. */
static int lease_caller(struct request *q, const char *token)
{
	struct standing s = {.now = clock_wall_ms()};
	struct err e;
	int r;

	if (lease_check(q, token) < 0)
		return -EACCES;
	if (!strcmp(q->caller.key, "local"))
		return 0;
	r = store_keys(q->control->store, NULL, q->caller.key, see_standing, &s, &e);
	if (r < 0 && r != -ENOENT)
		http_problem_err(q, 503, &e);
	else if (r < 0 || !s.ok)
		http_problem(q, 401, "auth.revoked",
			     "the API key that made this lease was revoked, or has expired");
	return q->answer ? -EACCES : 0;
}

int auth_caller(struct request *q)
{
	const char *header = http_header(q, "Authorization");
	const char *bearer = header && !strncasecmp(header, "Bearer ", 7) ? header + 7 : "";

	if (strchr(bearer, '.'))
		return lease_caller(q, bearer);
	if (q->caller.role == ROLE_LOCAL && !header)
		return local_caller(q);
	if (!header) {
		http_problem(q, 401, "auth.missing",
			     "an API key is needed: Authorization: Bearer cordon_…");
		return -EACCES;
	}
	if (strncmp(bearer, key_prefix, sizeof(key_prefix) - 1) != 0)
		return refuse(q, "auth.unknown");
	return key_caller(q, bearer + sizeof(key_prefix) - 1);
}

int auth_tenant(struct request *q, char out[64])
{
	const char *named = http_query(q, "tenant");

	if (q->caller.role == ROLE_LOCAL) {
		snprintf(out, 64, "%s", named ? named : "default");
		if (auth_name_valid(out))
			return 0;
	} else {
		snprintf(out, 64, "%s", q->caller.tenant);
		if (!named || !strcmp(named, out))
			return 0;
	}
	http_problem(q, 404, "not_found", "there is no such tenant");
	return -ENOENT;
}
