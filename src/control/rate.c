/*
 * Coarse limits on requests: a token bucket for each address, before anything else is looked at,
 * and for each caller, once it is known who it is. The table has a fixed size; two names that share
 * a place take turns in it, and the newcomer begins with a full bucket. So the limits hold against
 * a busy client, not against one that has thousands of addresses: quotas are another matter.
 */
#include "base/clock.h"
#include "control/control.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>

enum { PLACES = 4096 };

struct bucket {
	uint64_t name; /* hash */
	uint64_t at_ns;
	double left;
};

static struct bucket buckets[PLACES];
static uint8_t secret[crypto_shorthash_KEYBYTES]; /* so that nobody can choose who he shares with */

static struct bucket *find(uint64_t name, double burst, uint64_t now)
{
	struct bucket *b = &buckets[name % PLACES];

	if (b->name != name)
		*b = (struct bucket){.name = name, .at_ns = now, .left = burst};
	return b;
}

/* 1: one more is allowed. */
static int take(const void *name, size_t len, double per_s, double burst)
{
	uint64_t hash, now = clock_now_ns();
	struct bucket *b;

	if (per_s <= 0)
		return 1;
	if (sodium_is_zero(secret, sizeof(secret)))
		randombytes_buf(secret, sizeof(secret));
	crypto_shorthash((uint8_t *)&hash, name, len, secret);
	b = find(hash, burst, now);
	b->left += (double)(now - b->at_ns) / (double)NS_PER_S * per_s;
	b->at_ns = now;
	if (b->left > burst)
		b->left = burst;
	if (b->left < 1)
		return 0;
	b->left -= 1;
	return 1;
}

static int refuse(struct request *q, const char *code, unsigned per_s)
{
	q->control->limited++;
	http_problem(q, 429, code, "more than %u requests a second; slow down", per_s);
	return 0;
}

int rate_address(struct request *q)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(q->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *a = info ? info->client_addr : NULL;
	unsigned per_s = q->control->rate_address;
	int ok = 1;

	if (a && a->sa_family == AF_INET)
		ok = take(&((const struct sockaddr_in *)a)->sin_addr, 4, per_s, 2.0 * per_s);
	else if (a && a->sa_family == AF_INET6) /* a site has a /64 to itself */
		ok = take(&((const struct sockaddr_in6 *)a)->sin6_addr, 8, per_s, 2.0 * per_s);
	return ok ? 1 : refuse(q, "rate.address", per_s);
}

int rate_caller(struct request *q)
{
	unsigned per_s = q->control->rate_key;

	if (q->caller.role == ROLE_LOCAL)
		return 1;
	return take(q->caller.key, strlen(q->caller.key), per_s, 2.0 * per_s)
		       ? 1
		       : refuse(q, "rate.key", per_s);
}
