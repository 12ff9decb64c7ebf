#include "sched/retry.h"
#include "base/clock.h"
#include "base/list.h"
#include "sched/names.h"

#include <string.h>

/* Who was not heard of for so long has full budgets again. */
#define FORGET_NS (10 * 60 * NS_PER_S)
/* Ten tenths of a token are a bit less than one. */
#define WHOLE (1 - 1e-9)

struct budget {
	UT_hash_handle hh;
	struct list age;
	uint64_t heard_ns; /* 0: never */
	double tokens[CLASS_COUNT];
	char tenant[];
};

struct retry {
	struct retry_config config;
	double classes[CLASS_COUNT];
	struct budget *tenants;
	struct list age; /* the longest not heard of first */
};

static const char *const verdict_texts[] = {
#define X(U, t) [RETRY_##U] = (t),
	RETRY_REFUSALS(X)
#undef X
};

const char *retry_verdict_text(enum retry_verdict v)
{
	return verdict_texts[v];
}

struct retry *retry_new(const struct retry_config *config)
{
	struct retry *r = xcalloc(1, sizeof(*r));

	r->config = *config;
	if (r->config.tenants < 1)
		r->config.tenants = 1;
	for (unsigned c = 0; c < CLASS_COUNT; c++)
		r->classes[c] = config->burst;
	list_init(&r->age);
	return r;
}

void retry_free(struct retry *r)
{
	struct budget *b, *next;

	if (!r)
		return;
	HASH_ITER (hh, r->tenants, b, next) {
		HASH_DEL(r->tenants, b);
		free(b);
	}
	free(r);
}

static struct budget *new_budget(struct retry *r, const char *tenant, size_t len)
{
	struct budget *b;

	if (HASH_COUNT(r->tenants) >= r->config.tenants) {
		b = list_entry(r->age.next, struct budget, age);
		HASH_DEL(r->tenants, b);
		list_remove(&b->age);
		free(b);
	}
	b = xcalloc(1, sizeof(*b) + len + 1);
	memcpy(b->tenant, tenant, len + 1);
	HASH_ADD_KEYPTR(hh, r->tenants, b->tenant, len, b);
	list_init(&b->age);
	return b;
}

static struct budget *find(struct retry *r, const char *tenant, uint64_t now)
{
	size_t len = strlen(tenant);
	struct budget *b;

	HASH_FIND(hh, r->tenants, tenant, len, b);
	if (!b)
		b = new_budget(r, tenant, len);
	if (!b->heard_ns || (now > b->heard_ns && now - b->heard_ns >= FORGET_NS))
		for (unsigned c = 0; c < CLASS_COUNT; c++)
			b->tokens[c] = r->config.burst;
	list_remove(&b->age);
	list_append(&r->age, &b->age);
	b->heard_ns = MAX_U64(now, 1);
	return b;
}

static void give(const struct retry *r, enum task_class c, double *tokens)
{
	*tokens += r->config.ratio[c];
	if (*tokens > r->config.burst)
		*tokens = r->config.burst;
}

void retry_first(struct retry *r, enum task_class c, const char *tenant, uint64_t now)
{
	give(r, c, &find(r, tenant, now)->tokens[c]);
	give(r, c, &r->classes[c]);
}

/* Uniform between 0 and the bound: the upper half of random * (bound + 1). */
static uint64_t jitter(const struct retry *r, unsigned done, uint64_t random)
{
	uint64_t bound = r->config.base_ns;

	for (unsigned i = 0; i < done && bound && bound < r->config.cap_ns; i++)
		bound = bound > UINT64_MAX / 2 ? UINT64_MAX : bound * 2;
	bound = MIN_U64(bound, r->config.cap_ns);
	return (uint64_t)((unsigned __int128)random * ((unsigned __int128)bound + 1) >> 64);
}

enum retry_verdict retry_ask(struct retry *r, enum task_class c, const char *tenant, unsigned done,
			     uint64_t random, uint64_t now, uint64_t *ret_delay_ns)
{
	struct budget *b;

	if (done >= r->config.attempts[c])
		return RETRY_ATTEMPTS;
	b = find(r, tenant, now);
	if (b->tokens[c] < WHOLE)
		return RETRY_TENANT;
	if (r->classes[c] < WHOLE)
		return RETRY_CLASS;
	b->tokens[c] -= 1;
	r->classes[c] -= 1;
	*ret_delay_ns = jitter(r, done, random);
	return RETRY_ALLOWED;
}
