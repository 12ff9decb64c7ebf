#include "control/shed.h"

#include "base/clock.h"
#include "base/log.h"
#include "control/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

enum { REASONS_MAX = 32 }; /* in the metrics; there are fewer */

/* Of one tenant, for one reason; or, with reason "", its denials that were runs. */
struct count {
	struct {
		char tenant[64], reason[48];
	} name; /* padded with zeros: a key of the table */
	uint64_t n, from_ns;
	int64_t since_ms, until_ms;
	UT_hash_handle hh;
};

struct shed {
	struct control *control;
	struct count *counts;
	struct loop_timer timer;
	struct {
		char reason[48];
		uint64_t n;
	} totals[REASONS_MAX];
};

static void forget(struct shed *s, struct count *x)
{
	HASH_DEL(s->counts, x);
	free(x);
}

/* 0, or a negative errno: nothing of it stands. */
static int record(struct shed *s, struct err *reterr)
{
	struct control *c = s->control;
	struct count *x, *tmp;
	int r = 0;

	HASH_ITER (hh, s->counts, x, tmp) {
		char n[24], since[CLOCK_TEXT_SIZE], until[CLOCK_TEXT_SIZE];

		if (!*x->name.reason || r < 0)
			continue;
		snprintf(n, sizeof(n), "%llu", (unsigned long long)x->n);
		clock_text(x->since_ms, since);
		clock_text(x->until_ms, until);
		r = batch_open(c, reterr);
		if (r == 0)
			r = act(c, NULL, "requests_refused", x->name.tenant, reterr, "reason",
				x->name.reason, "count", n, "since", since, "until", until, NULL);
	}
	if (r == 0)
		return batch_settle(c, reterr);
	batch_abandon(c);
	return r;
}

static void on_timer(struct loop_timer *t)
{
	struct shed *s = container_of(t, struct shed, timer);
	uint64_t now = clock_now_ns(), again = UINT64_MAX;
	struct count *x, *tmp;
	struct err e;

	batch_settle(s->control, NULL); /* what others have written is not taken back with ours */
	if (record(s, &e) < 0) {
		log_line("how many requests were refused could not be recorded: %s", e.message);
		loop_arm(s->control->loop, t, now + NS_PER_S);
		return;
	}
	HASH_ITER (hh, s->counts, x, tmp) {
		uint64_t over = x->from_ns + SHED_EVERY_S * NS_PER_S;

		if (*x->name.reason || over <= now)
			forget(s, x);
		else if (over < again)
			again = over;
	}
	if (s->counts)
		loop_arm(s->control->loop, t, again);
}

static struct shed *the(struct control *c)
{
	if (!c->shed) {
		c->shed = xcalloc(1, sizeof(*c->shed));
		c->shed->control = c;
		c->shed->timer.fire = on_timer;
	}
	return c->shed;
}

static struct count *find(struct shed *s, const char *tenant, const char *reason)
{
	struct count *x, key = {0};
	struct control *c = s->control;

	snprintf(key.name.tenant, sizeof(key.name.tenant), "%s", tenant);
	snprintf(key.name.reason, sizeof(key.name.reason), "%s", reason);
	HASH_FIND(hh, s->counts, &key.name, sizeof(key.name), x);
	if (x)
		return x;
	x = xcalloc(1, sizeof(*x));
	x->name = key.name;
	x->from_ns = clock_now_ns();
	x->since_ms = clock_wall_ms();
	HASH_ADD(hh, s->counts, name, sizeof(x->name), x);
	if (HASH_COUNT(s->counts) > SHED_COUNTS_MAX)
		loop_arm(c->loop, &s->timer, 0);
	else if (!s->timer.slot)
		loop_arm(c->loop, &s->timer, x->from_ns + SHED_EVERY_S * NS_PER_S);
	return x;
}

void shed_count(struct control *c, const char *tenant, const char *reason)
{
	struct shed *s = the(c);
	struct count *x = find(s, tenant, reason);
	size_t i = 0;

	x->n++;
	x->until_ms = clock_wall_ms();
	while (i < REASONS_MAX - 1 && *s->totals[i].reason && strcmp(s->totals[i].reason, reason))
		i++;
	snprintf(s->totals[i].reason, sizeof(s->totals[i].reason), "%s",
		 i < REASONS_MAX - 1 ? reason : "other");
	s->totals[i].n++;
}

int shed_may_deny(struct control *c, const char *tenant)
{
	struct count *x = find(the(c), tenant, "");
	uint64_t now = clock_now_ns();

	if (now - x->from_ns >= SHED_EVERY_S * NS_PER_S) {
		x->from_ns = now;
		x->n = 0;
	}
	if (x->n >= SHED_DENIED_MAX)
		return 0;
	x->n++;
	return 1;
}

void shed_flush(struct control *c)
{
	struct err e;

	if (c->shed && record(c->shed, &e) < 0)
		log_line("how many requests were refused could not be recorded: %s", e.message);
}

void shed_metrics(const struct control *c, struct buf *b)
{
	buf_adds(b, "# HELP cordon_requests_shed_total Requests that were refused without becoming "
		    "runs, by reason.\n# TYPE cordon_requests_shed_total counter\n");
	for (size_t i = 0; c->shed && i < REASONS_MAX && *c->shed->totals[i].reason; i++)
		buf_addf(b, "cordon_requests_shed_total{reason=\"%s\"} %llu\n",
			 c->shed->totals[i].reason, (unsigned long long)c->shed->totals[i].n);
}
