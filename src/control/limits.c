#include "control/limits.h"

#include <errno.h>

static int take(const struct limits_asked *a, const json_t *asked, const char *name, uint64_t scale,
		uint64_t profile, uint64_t given, uint64_t *ret, struct err *denied)
{
	int failed = 0;
	int64_t v = body_number(a->q, asked, name, -1, 0, INT64_MAX / (1 << 20), &failed);

	*ret = given;
	if (failed)
		return -EINVAL;
	if (v < 0)
		return 0;
	if ((uint64_t)v * scale > given && !*denied->code)
		err_set(denied, EPERM, "limits.exceeded",
			"limits.%s: %lld was asked for, the %s '%s' gives at most %llu", name,
			(long long)v, given < profile ? "tier" : "profile",
			given < profile ? a->tier : a->profile,
			(unsigned long long)(given / scale));
	*ret = (uint64_t)v * scale;
	return 0;
}

/* Of the form that it must have, whatever it asks for. */
static int check(const struct limits_asked *a, json_t *asked)
{
	static const char known[] =
		" cpu_ms wall_ms memory_mb output_kb operations log_lines timers ";
	const char *name;
	json_t *value;

	if (asked && !json_is_object(asked)) {
		http_problem(a->q, 400, "request.member", "'limits' must be an object");
		return -EINVAL;
	}
	json_object_foreach(asked, name, value)
	{
		if (body_knows(known, name))
			continue;
		http_problem(a->q, 400, "request.member", "unknown limit '%.70s'; known are:%.*s",
			     name, (int)sizeof(known) - 2, known);
		return -EINVAL;
	}
	if (*a->q->lease.artifact && json_object_get(asked, "memory_mb")) {
		http_problem(a->q, 400, "request.member",
			     "limits.memory_mb: what a lease holds has the memory of its profile, "
			     "over all its runs");
		return -EINVAL;
	}
	return 0;
}

int limits_take(const struct limits_asked *a, struct msg_submit *m, struct err *denied)
{
	const struct policy_limits *p = a->of_profile, *l = a->given;
	json_t *asked = json_object_get(a->body, "limits");
	uint64_t operations, lines, timers;

	if (check(a, asked) < 0 ||
	    take(a, asked, "cpu_ms", 1000, p->cpu_us, l->cpu_us, &m->cpu_us, denied) < 0 ||
	    take(a, asked, "wall_ms", 1000, p->wall_us, l->wall_us, &m->wall_us, denied) < 0 ||
	    take(a, asked, "memory_mb", 1 << 20, p->memory_bytes, l->memory_bytes, &m->memory_bytes,
		 denied) < 0 ||
	    take(a, asked, "output_kb", 1 << 10, p->output_bytes, l->output_bytes, &m->output_bytes,
		 denied) < 0 ||
	    take(a, asked, "operations", 1, p->operations, l->operations, &operations, denied) <
		    0 ||
	    take(a, asked, "log_lines", 1, p->log_lines, l->log_lines, &lines, denied) < 0 ||
	    take(a, asked, "timers", 1, p->timers, l->timers, &timers, denied) < 0)
		return -EINVAL;
	m->operations = (uint32_t)operations;
	m->log_lines = (uint32_t)lines;
	m->timers = (uint32_t)timers;
	return 0;
}
