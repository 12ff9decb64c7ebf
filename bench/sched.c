/*
 * What the scheduler costs: nanoseconds of CPU for a run (it is added, started, and over) in a full
 * queue, and bytes for one that waits. Trusts and holds nothing; reads no input. Prints one line of
 * JSON.
 *
 *   bench-sched [--runs N]
 *
 * "plain": 10,000 tenants, 100,000 waiting, no caps. "caps": the same; each tenant has two keys,
 * two profiles and two leases, and caps on all of them. "one_cap": all that runs is of one tenant,
 * with a thousand leases behind a cap of one on their profile: the worst that a tenant can do to
 * the search.
 */
#include "sched/sched.h"
#include "base/clock.h"
#include "base/macros.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { TENANTS = 10000, WAITING = 100000, SLOTS = 64, LEASES = 1000, RUNS = 1000000 };

struct queue {
	struct sched *sched;
	struct sched_item *items, *running[SLOTS];
	char (*names)[16];
	uint32_t tenants, waiting, slots, random;
	bool caps;
	uint64_t now;
};

static uint32_t roll(struct queue *q)
{
	return (q->random = q->random * 1664525 + 1013904223) >> 8;
}

static struct sched_terms terms(void *arg, enum sched_scope scope, const char *tenant,
				const char *name)
{
	const struct queue *q = arg;
	struct sched_terms t = {.weight = 100};

	(void)tenant;
	(void)name;
	if (q->caps)
		t.running_max = scope == SCHED_OF_TENANT ? 2 : 1;
	return t;
}

static void add(struct queue *q, struct sched_item *i)
{
	static const char *const keys[] = {"key_a", "key_b"}, *const profiles[] = {"read", "write"};
	uint32_t tenant = roll(q) % q->tenants, kind = q->caps ? roll(q) : 0;
	struct sched_who who = {q->names[tenant], keys[kind & 1], profiles[kind >> 1 & 1],
				kind & 4 ? kind >> 3 & 1 : 0};
	struct sched_item *evicted;
	enum sched_refusal why;
	uint32_t ms;

	if (q->tenants == 1)
		who = (struct sched_who){q->names[0], "key", "read", 1 + roll(q) % LEASES};
	if (sched_add(q->sched, i, CLASS_BULK, &who, 0, 1, q->now, &why, &ms, &evicted) < 0)
		abort();
}

static struct sched_item *next(struct queue *q)
{
	enum sched_refusal why;
	int shed;

	return sched_next(q->sched, q->now, &shed, &why);
}

/* Bytes for each that waits, all of the scheduler's memory divided among them. */
static double fill(struct queue *q)
{
	struct sched_class_config c = {
		.floor = 1, .queue_max = UINT32_MAX, .tenant_max = UINT32_MAX, .age_ns = NS_PER_S};
	struct sched_config config = {.classes = {c, c},
				      .limit = q->slots,
				      .limit_max = q->slots,
				      .quantum_us = 10000,
				      .debt_max_us = 60000000,
				      .age_every = 8};
	size_t before;

	q->items = xcalloc(q->waiting, sizeof(*q->items));
	q->names = xcalloc(q->tenants, sizeof(*q->names));
	for (uint32_t i = 0; i < q->tenants; i++)
		snprintf(q->names[i], sizeof(*q->names), "tenant-%u", i);
	before = mallinfo2().uordblks;
	q->now = 1;
	q->sched = sched_new(&config);
	sched_on_terms(q->sched, terms, q);
	for (uint32_t i = 0; i < q->waiting; i++)
		add(q, &q->items[i]);
	return (double)(mallinfo2().uordblks - before) / q->waiting + sizeof(struct sched_item);
}

/* Of CPU time: it is all that a scheduler uses, and others may use the machine. */
static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* Nanoseconds for each run. */
static double work(struct queue *q, uint32_t runs)
{
	uint32_t at = 0;
	uint64_t begin;

	for (uint32_t i = 0; i < q->slots; i++)
		q->running[i] = next(q);
	begin = cpu_ns();
	for (uint32_t i = 0; i < runs; i++) {
		struct sched_item **slot = &q->running[at];

		at = at + 1 < q->slots ? at + 1 : 0;
		q->now += NS_PER_US * 10;
		if (*slot) {
			sched_done(q->sched, *slot, 500 + roll(q) % 1000, 2000, q->now);
			add(q, *slot);
		}
		*slot = next(q);
		if (!*slot)
			abort(); /* there is always one that may run */
	}
	return (double)(cpu_ns() - begin) / runs;
}

static void measure(const char *name, struct queue q, uint32_t runs, const char *end)
{
	double bytes = fill(&q), ns;

	ns = work(&q, runs);
	printf("\"%s\": {\"ns_per_run\": %.0f, \"bytes_per_waiting\": %.0f}%s", name, ns, bytes,
	       end);
	sched_free(q.sched);
	free(q.items);
	free(q.names);
}

int main(int argc, char **argv)
{
	uint32_t runs = RUNS;

	if (argc == 3 && strcmp(argv[1], "--runs") == 0)
		runs = (uint32_t)strtoul(argv[2], NULL, 10);
	else if (argc != 1)
		return 2;
	if (runs < 10)
		return 2;
	printf("{\"tenants\": %d, \"waiting\": %d, ", TENANTS, WAITING);
	measure("plain", (struct queue){.tenants = TENANTS, .waiting = WAITING, .slots = SLOTS},
		runs, ", ");
	measure("caps",
		(struct queue){
			.tenants = TENANTS, .waiting = WAITING, .slots = SLOTS, .caps = true},
		runs, ", ");
	measure("one_cap",
		(struct queue){.tenants = 1, .waiting = LEASES, .slots = 1, .caps = true},
		runs / 10, "}\n");
	return 0;
}
