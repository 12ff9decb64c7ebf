/*
 * The life of a run: admission, a place, a sandbox, its ceilings, its end. Every run that was
 * submitted ends in exactly one RUN_DONE, sent by finish().
 */
#include "base/clock.h"
#include "base/json.h"
#include "node/node.h"
#include "os/proc.h"
#include "wire/modmap.h"

#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* Address space beyond twice the memory ceiling: the engine maps more than it uses, and trims. */
#define SPACE_SLACK (1ULL << 30)

/* The backstop for a sandbox that is kept: more than a lease lasts. */
#define HOLD_CPU_S 100000

/* The flags that are the front's to set. */
#define RUN_ASKED (RUN_VIRTUAL_CLOCK | RUN_FENCES | RUN_EVAL | RUN_JOURNAL | RUN_LIVE)

enum { MEMORY_MIN = 8 << 20, CPU_MIN_STEP_US = 200, THREADS_STEP_US = 2000 };

static void run_free(struct run *r)
{
	list_remove(&r->link);
	r->magic = 0;
	journal_done(r);
	buf_done(&r->value);
	buf_done(&r->error);
	if (r->hold)
		hold_leave(r->hold);
	free(r->body);
	free(r);
}

static unsigned long long number(uint64_t v)
{
	return MIN_U64(v, JSON_INTEGER_MAX);
}

static const struct buf *jail_of(struct run *r)
{
	return &r->node->zygotes[r->spec.engine].jail;
}

/* The last event of a run that was admitted. */
static void last_word(struct run *r)
{
	const struct msg_run_done *d = &r->done;
	int stopped = d->outcome == OUTCOME_TERMINATED;
	char ceiling[80] = "";

	if (!r->seq)
		journal_admitted(r); /* it never got its sandbox */
	if (stopped && (d->limit || d->observed))
		snprintf(ceiling, sizeof(ceiling), ",\"limit\":%llu,\"observed\":%llu",
			 number(d->limit), number(d->observed));
	journal_add(r, stopped ? "execution_terminated" : "execution_completed",
		    ",\"outcome\":\"%s\",\"reason\":\"%s\"%s,\"queue_us\":%llu,\"spawn_us\":%llu,"
		    "\"run_us\":%llu,"
		    "\"wall_us\":%llu,\"cpu_us\":%llu,\"memory_peak_bytes\":%llu,\"operations\":%u,"
		    "\"output_bytes\":%llu",
		    words_outcome(d->outcome), words_reason(d->reason), ceiling,
		    number(d->queue_us), number(d->spawn_us), number(d->run_us), number(d->wall_us),
		    number(d->cpu_us), number(d->memory_peak_bytes), d->operations,
		    number(d->output_bytes));
}

/* The one way out. */
static void finish(struct run *r, enum outcome outcome)
{
	struct node *n = r->node;
	struct msg m = {.type = MSG_RUN_DONE};
	uint64_t now = clock_now_ns();
	int queued = r->state == RUN_QUEUED;
	uint8_t engine;

	r->state = RUN_DYING;
	loop_disarm(n->loop, &r->wall);
	loop_disarm(n->loop, &r->cpu);
	loop_disarm(n->loop, &r->wake);
	if (!r->end_ns)
		r->end_ns = now;
	r->done.handle = r->handle;
	r->done.outcome = (uint8_t)outcome;
	r->done.detail = WIRE_STR(r->detail);
	r->done.value = WIRE_BUF(&r->value);
	r->done.error = WIRE_BUF(&r->error);
	if (r->start_ns) {
		r->done.queue_us = (r->spawn_ns - r->submit_ns) / NS_PER_US;
		r->done.spawn_us = (r->start_ns - r->spawn_ns) / NS_PER_US;
		r->done.run_us = (r->end_ns - r->start_ns) / NS_PER_US;
		run_idle(r, 0);
		r->done.active_us =
			r->done.run_us - MIN_U64(r->done.run_us, r->idle_ns / NS_PER_US);
	} else {
		r->done.queue_us = (now - r->submit_ns) / NS_PER_US;
	}
	r->done.wall_us = (now - r->submit_ns) / NS_PER_US;
	r->done.operations = r->operations;
	r->done.output_bytes = r->output_bytes;
	r->done.seed = r->spec.seed;
	r->done.now_ms = r->start_ms;
	r->done.jail = WIRE_BUF(jail_of(r));
	r->done.engine_version = WIRE_STR(n->zygotes[r->spec.engine].version);
	if (outcome != OUTCOME_DENIED)
		last_word(r);
	journal_send(r);
	journal_close(r);
	m.run_done = r->done;
	node_send_front(n, &m);
	if (r->sandbox) {
		struct sandbox *s = r->sandbox;
		int kept = hold_keeps(r, outcome);

		s->run = NULL;
		r->sandbox = NULL;
		if (kept) {
			s->phase = PHASE_IDLE;
			r->hold->served++;
		} else if (s->phase != PHASE_ENDED) {
			pool_kill(s);
		}
		pool_release(s);
	}
	if (r->hold && r->hold->run == r)
		r->hold->run = NULL;
	if (queued)
		n->queued--;
	else
		n->active--;
	engine = r->spec.engine;
	run_free(r);
	run_dispatch(n);
	pool_refill(n, engine);
}

static void set_error(struct run *r, const char *code, const char *message)
{
	r->error.len = 0;
	buf_adds(&r->error, "{\"name\":\"Denied\",\"code\":");
	json_quote_str(&r->error, code);
	buf_adds(&r->error, ",\"message\":");
	json_quote_str(&r->error, message);
	buf_adds(&r->error, "}");
}

static void deny(struct run *r, const char *code, const char *message)
{
	set_error(r, code, message);
	journal_denied(r, code);
	finish(r, OUTCOME_DENIED);
}

/* A run whose artifact speaks of WebAssembly gets a sandbox in which it works (it needs a thread).
 */
static int wants_wasm(const struct msg_submit *m)
{
	struct modmap map;
	struct module mod;

	if (m->engine != ENGINE_STANDARD || modmap_open(&map, m->modules.data, m->modules.len) < 0)
		return 0;
	while (modmap_next(&map, &mod) > 0)
		if (mod.type == MODULE_WASM ||
		    (mod.name_len > 5 && !memcmp(mod.name + mod.name_len - 5, ".wasm", 5)) ||
		    memmem(mod.source, mod.source_len, "WebAssembly", 11))
			return 1;
	return 0;
}

static void hash_part(crypto_hash_sha256_state *h, struct wire_bytes b)
{
	uint8_t len[8];

	for (int i = 0; i < 8; i++)
		len[i] = (uint8_t)(b.len >> (8 * i));
	crypto_hash_sha256_update(h, len, sizeof(len));
	crypto_hash_sha256_update(h, b.data, b.len);
}

/* The first is the digest that the API names an artifact by (src/control/code.c). */
static void artifact_digest(struct run *r)
{
	const char fences = r->flags & RUN_FENCES ? '1' : '0';
	uint8_t how[2] = {r->flags & (RUN_FENCES | RUN_WASM), r->spec.engine};
	crypto_hash_sha256_state h;

	crypto_hash_sha256_init(&h);
	hash_part(&h, r->spec.main);
	hash_part(&h, r->spec.language);
	hash_part(&h, (struct wire_bytes){&fences, 1});
	hash_part(&h, r->spec.modules);
	crypto_hash_sha256_final(&h, r->artifact);
	crypto_hash_sha256_init(&h);
	crypto_hash_sha256_update(&h, how, sizeof(how));
	crypto_hash_sha256_update(&h, r->artifact, sizeof(r->artifact));
	crypto_hash_sha256_final(&h, r->digest);
}

/* The spec outlives the frame it came in. */
static void keep(struct run *r, const struct msg_submit *m)
{
	struct wire_bytes *parts[] = {&r->spec.run,	 &r->spec.context, &r->spec.admitted,
				      &r->spec.language, &r->spec.main,	   &r->spec.modules,
				      &r->spec.input};
	size_t total = 0, at = 0;

	r->spec = *m;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		total += parts[i]->len;
	r->body = xmalloc(total);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (parts[i]->len)
			memcpy((char *)r->body + at, parts[i]->data, parts[i]->len);
		parts[i]->data = (char *)r->body + at;
		at += parts[i]->len;
	}
}

static void on_wall(struct loop_timer *t)
{
	struct run *r = container_of(t, struct run, wall);
	uint64_t seen = (clock_now_ns() - r->start_ns) / NS_PER_US;

	run_terminate(r, REASON_WALL_TIME, r->spec.wall_us, seen, "%s",
		      r->stuck ? "it awaited a promise that nothing could settle any more"
			       : "it was still running at its wall-time ceiling");
}

uint64_t run_cpu_us(const struct run *r)
{
	uint64_t now = 0;

	if (!r->sandbox || proc_cpu_ns(r->sandbox->pid, &now) < 0 || now < r->sandbox->base_cpu_ns)
		return 0;
	return (now - r->sandbox->base_cpu_ns) / NS_PER_US;
}

/*
 * One thread cannot use CPU time faster than time passes, so the next look is due when it could be
 * used up at the earliest.
 */
static void on_cpu(struct loop_timer *t)
{
	struct run *r = container_of(t, struct run, cpu);
	uint64_t used = run_cpu_us(r), left;

	if (used >= r->spec.cpu_us) {
		run_terminate(r, REASON_CPU_TIME, r->spec.cpu_us, used, "it used up its CPU time");
		return;
	}
	left = r->spec.cpu_us - used;
	if (r->sandbox->threads) {
		unsigned threads = 1;

		if (proc_threads(r->node->proc, r->sandbox->pid, &threads) == 0 && threads > 8) {
			run_terminate(r, REASON_JAIL_VIOLATION, 8, threads,
				      "it started more threads than an engine does");
			return;
		}
		left = MIN_U64(left / 2, THREADS_STEP_US);
	}
	loop_arm(r->node->loop, t, clock_now_ns() + MAX_U64(left, CPU_MIN_STEP_US) * NS_PER_US);
}

int64_t run_clock(struct run *r)
{
	if (!(r->flags & RUN_VIRTUAL_CLOCK)) {
		int64_t now = clock_wall_ms();

		if (now > r->now_ms)
			r->now_ms = now;
	}
	return r->now_ms;
}

void run_journal_full(struct run *r)
{
	run_terminate(r, REASON_OPERATIONS, JOURNAL_MAX, r->journal.lines.len + r->payloads.len,
		      "the journal of the run is full (%d bytes)", JOURNAL_MAX);
}

void run_idle(struct run *r, int idle)
{
	uint64_t now = clock_now_ns();

	if (r->idle_from_ns)
		r->idle_ns += now - r->idle_from_ns;
	r->idle_from_ns = idle ? now : 0;
}

static void on_wake(struct loop_timer *t)
{
	struct run *r = container_of(t, struct run, wake);

	if (r->wake_ms > r->now_ms)
		r->now_ms = r->wake_ms;
	if (journal_add(r, "wake", "%s", "") < 0) {
		run_journal_full(r);
		return;
	}
	run_idle(r, 0);
	broker_send(r->sandbox, &(struct msg){.type = MSG_WAKE, .wake = {r->now_ms}});
}

void run_wait_until(struct run *r, int64_t until_ms)
{
	int64_t now = run_clock(r), ms = until_ms > now ? until_ms - now : 0;

	loop_disarm(r->node->loop, &r->wake); /* its last word counts */
	r->stuck = until_ms < 0;
	if (r->stuck)
		return;
	r->wake_ms = now + ms;
	if ((uint64_t)ms * 1000 <= r->spec.wall_us) /* later than its wall time: never */
		loop_arm(r->node->loop, &r->wake, clock_now_ns() + (uint64_t)ms * NS_PER_MS);
}

static int64_t clock_at_start(const struct run *r)
{
	return r->flags & RUN_VIRTUAL_CLOCK ? r->spec.now_ms : clock_wall_ms();
}

/* The run has its sandbox: from here its ceilings count. */
static void occupy(struct run *r, struct sandbox *s, int cached)
{
	struct node *n = r->node;

	list_remove(&r->link);
	list_append(&n->running, &r->link);
	n->queued--;
	n->active++;
	r->state = RUN_RUNNING;
	r->sandbox = s;
	s->run = r;
	r->done.cached = (uint8_t)cached;
	r->start_ns = clock_now_ns();
	if (!r->missed)
		r->spawn_ns = r->start_ns;
	journal_admitted(r);
	r->now_ms = clock_at_start(r);
	r->start_ms = r->now_ms;
	journal_add(r, "sandbox_issued",
		    "%s%s,\"ttl_us\":%llu,\"seed\":\"%llu\",\"cached\":%s,\"served\":%u",
		    *r->policy ? ",\"policy\":" : "", r->policy,
		    (unsigned long long)r->spec.wall_us, (unsigned long long)r->spec.seed,
		    cached ? "true" : "false", r->hold ? r->hold->served : 0);
	loop_arm(n->loop, &r->wall, r->start_ns + r->spec.wall_us * NS_PER_US);
	loop_arm(n->loop, &r->cpu,
		 r->start_ns + (s->threads ? MIN_U64(r->spec.cpu_us / 2, THREADS_STEP_US)
					   : r->spec.cpu_us) *
				       NS_PER_US);
}

static void start(struct run *r, struct sandbox *s)
{
	struct wire_bytes compiled = cache_get(r->node->cache, r->digest);
	struct msg m = {
		.type = MSG_START,
		.start = {.memory_bytes = r->spec.memory_bytes,
			  .data_limit = s->base.data + r->spec.memory_bytes,
			  .space_limit = s->base.size + 2 * r->spec.memory_bytes + SPACE_SLACK,
			  .nice = r->hold ? r->hold->spec.nice : r->spec.nice,
			  .cpu_s = r->hold ? HOLD_CPU_S : r->spec.cpu_us / 1000000 + 2,
			  .seed = r->spec.seed,
			  .flags = r->flags | (r->hold ? RUN_HOLD : 0),
			  .timers = r->spec.timers,
			  .language = r->spec.language,
			  .main = r->spec.main,
			  .modules = r->spec.modules,
			  .input = r->spec.input,
			  .compiled = compiled}};

	if (r->hold) {
		r->hold->run = r;
		r->hold->sandbox = s;
		s->hold = r->hold;
		if (s->statm < 0) /* it will be asked often */
			s->statm = proc_memory_open(r->node->proc, s->pid);
	}
	s->phase = compiled.data ? PHASE_RUNNING : PHASE_COMPILING;
	occupy(r, s, compiled.data != NULL);
	m.start.now_ms = r->now_ms;
	broker_send(s, &m); /* if it died meanwhile, the end of its stream tells */
}

/* The next run of a sandbox that is kept. */
static void start_again(struct run *r, struct sandbox *s)
{
	struct msg m = {
		.type = MSG_AGAIN,
		.again = {.seed = r->spec.seed, .timers = r->spec.timers, .input = r->spec.input}};

	r->hold->run = r;
	s->phase = PHASE_RUNNING;
	proc_cpu_ns(s->pid, &s->base_cpu_ns); /* if it is gone, the end of its stream tells */
	occupy(r, s, 1);
	m.again.now_ms = r->now_ms;
	broker_send(s, &m);
}

/* Gives runs in the queue what is free; first come, first served. */
void run_dispatch(struct node *n)
{
	struct list *p, *tmp;

	list_for_each_safe (p, tmp, &n->queue) {
		struct run *r = list_entry(p, struct run, link);
		struct sandbox *s;

		if (n->active >= n->limits.running_max)
			return;
		if (r->hold && r->hold->run)
			continue; /* its sandbox serves one run at a time */
		if (r->hold && r->hold->sandbox) {
			start_again(r, r->hold->sandbox);
			continue;
		}
		if (!r->spawn_ns)
			r->spawn_ns = clock_now_ns();
		s = pool_take(n, r->spec.engine, !!(r->flags & RUN_WASM));
		if (s)
			start(r, s);
		else
			r->missed = 1;
	}
}

static void know_code(struct run *r)
{
	r->flags |= !(r->spec.flags & RUN_NO_WASM) && wants_wasm(&r->spec) ? RUN_WASM : 0;
	artifact_digest(r);
	if (!r->hold)
		return;
	r->hold->checked = 1;
	r->hold->flags = r->flags & RUN_WASM;
	memcpy(r->hold->artifact, r->artifact, sizeof(r->artifact));
	memcpy(r->hold->digest, r->digest, sizeof(r->digest));
}

/* What is held has the code; the run brings only what differs from run to run. */
static int join_hold(struct run *r, uint64_t id)
{
	struct hold *h = hold_find(r->node, id);

	if (!h)
		return -ENOENT;
	h->users++;
	r->hold = h;
	r->spec.engine = h->spec.engine;
	r->spec.memory_bytes = h->spec.memory_bytes;
	r->spec.language = h->spec.language;
	r->spec.main = h->spec.main;
	r->spec.modules = h->spec.modules;
	r->spec.flags =
		(r->spec.flags & (RUN_VIRTUAL_CLOCK | RUN_JOURNAL | RUN_LIVE)) | h->spec.flags;
	r->flags = r->spec.flags & RUN_ASKED;
	return 0;
}

void run_submit(struct node *n, const struct msg_submit *m)
{
	struct run *r = xcalloc(1, sizeof(*r));
	struct err e;

	r->magic = RUN_MAGIC;
	r->node = n;
	r->handle = m->handle;
	r->flags = m->flags & RUN_ASKED;
	r->submit_ns = clock_now_ns();
	r->value = BUF_INIT(LIMIT_RESULT);
	r->error = BUF_INIT(LIMIT_ERROR);
	r->wall.fire = on_wall;
	r->cpu.fire = on_cpu;
	r->wake.fire = on_wake;
	snprintf(r->id, sizeof(r->id), "%.*s", (int)m->run.len, (const char *)m->run.data);
	keep(r, m);
	r->admitted_ms = clock_wall_ms();
	r->now_ms = clock_at_start(r);
	journal_open(r);
	list_append(&n->queue, &r->link);
	n->queued++;
	if (m->hold && join_hold(r, m->hold) < 0) {
		deny(r, "run.hold", "the sandbox that was held is not there any more");
		return;
	}
	m = &r->spec;
	if (r->hold && r->hold->checked) {
		r->flags |= r->hold->flags;
		memcpy(r->artifact, r->hold->artifact, sizeof(r->artifact));
		memcpy(r->digest, r->hold->digest, sizeof(r->digest));
	}
	if (m->engine >= ENGINE_COUNT || m->class_ >= CLASS_COUNT) {
		r->spec.engine = 0;
		deny(r, "run.malformed",
		     "the run names an engine mode or a class that does not exist");
	} else if (!(r->hold && r->hold->checked) &&
		   modmap_check(m->modules.data, m->modules.len, m->main.data, m->main.len, &e) <
			   0) {
		deny(r, e.code, e.message);
	} else if (m->input.len && json_check(m->input.data, m->input.len, NULL) < 0) {
		deny(r, "run.input", "the input is not one JSON value");
	} else if (!m->cpu_us || !m->wall_us || m->memory_bytes < MEMORY_MIN ||
		   m->output_bytes > LIMIT_RESULT || m->cpu_us > JSON_INTEGER_MAX ||
		   m->wall_us > JSON_INTEGER_MAX || m->memory_bytes > JSON_INTEGER_MAX) {
		deny(r, "run.limits",
		     "CPU and wall time must not be 0, memory at least 8 MiB, output at most 32 "
		     "MiB, none of them above 2^53-1");
	} else if (n->queued > n->limits.queue_max) {
		r->done.platform = 1;
		deny(r, "capacity", "too many runs are waiting on this node; try again later");
	} else if (n->zygotes[m->engine].state == ZYGOTE_FAILED) {
		r->done.platform = 1;
		deny(r, n->zygotes[m->engine].error.code, n->zygotes[m->engine].error.message);
	} else {
		if (!r->hold || !r->hold->checked)
			know_code(r);
		run_dispatch(n);
	}
}

/*
 * Usage as the node sees it, while there is something to see. -ESRCH: the process is gone, and
 * nobody saw.
 */
static int measure(struct run *r)
{
	struct sandbox *s = r->sandbox;
	struct proc_memory memory = {0};
	uint64_t cpu = 0;
	int seen = proc_cpu_ns(s->pid, &cpu) == 0;

	if (s->statm >= 0)
		seen &= proc_memory_read(s->statm, &memory) == 0;
	else
		seen &= proc_memory(r->node->proc, s->pid, &memory) == 0;
	r->end_ns = clock_now_ns();
	r->done.cpu_us = cpu > s->base_cpu_ns ? (cpu - s->base_cpu_ns) / NS_PER_US : 0;
	if (memory.data > s->base.data)
		r->done.memory_peak_bytes = memory.data - s->base.data;
	return seen && memory.size ? 0 : -ESRCH;
}

/*
 * A sandbox waits for its end after its last word. One that is gone has ended itself, so that
 * nobody could see what it used. (Not when its zygote ended it.)
 */
static int measure_last(struct run *r)
{
	if (measure(r) == 0 || r->sandbox->zygote->link.fd < 0)
		return 0;
	run_terminate(r, REASON_CRASHED, 0, 0, "its process ended before its usage was read");
	return -ESRCH;
}

void run_completed(struct run *r, uint8_t kind, struct wire_bytes data)
{
	if (measure_last(r) < 0)
		return;
	r->done.value_kind = kind;
	buf_add(&r->value, data.data, data.len);
	finish(r, OUTCOME_COMPLETED);
}

void run_failed(struct run *r, struct wire_bytes error)
{
	if (measure_last(r) < 0)
		return;
	/* Seen, not believed: the data segment stands at its ceiling. */
	if (r->done.memory_peak_bytes + (64 << 10) >= r->spec.memory_bytes) {
		run_terminate(r, REASON_MEMORY, r->spec.memory_bytes, r->done.memory_peak_bytes,
			      "it ran out of memory");
		return;
	}
	buf_add(&r->error, error.data, error.len);
	finish(r, OUTCOME_FAILED);
}

void run_terminate(struct run *r, enum termination_reason why, uint64_t limit, uint64_t observed,
		   const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(r->detail, sizeof(r->detail), format, ap);
	va_end(ap);
	if (r->sandbox && !r->sandbox->exited) /* else its exit told */
		measure(r);
	r->done.reason = (uint8_t)why;
	r->done.limit = limit;
	r->done.observed = observed;
	finish(r, OUTCOME_TERMINATED);
}

void run_cancel(struct node *n, uint64_t handle, uint8_t why)
{
	struct list *lists[] = {&n->queue, &n->running}, *p, *tmp;

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		list_for_each_safe (p, tmp, lists[i]) {
			struct run *r = list_entry(p, struct run, link);

			if (r->handle == handle) {
				run_terminate(r, why, 0, 0, "%s",
					      why == REASON_CANCELLED ? "cancelled by its caller"
					      : why == REASON_REVOKED
						      ? "the lease or key that it ran under was "
							"revoked, or has expired"
						      : "the node is stopping");
				return;
			}
		}
}

void run_engine_failed(struct node *n, uint8_t engine, const struct err *e)
{
	struct list *p = n->queue.next;

	while (p != &n->queue) {
		struct run *r = list_entry(p, struct run, link);

		p = p->next;
		if (r->spec.engine != engine)
			continue;
		r->done.platform = 1;
		deny(r, e->code, e->message);
		p = n->queue.next; /* ending one run may have started others */
	}
}

/* Its process ended without a result. The kernel's word on how, and how much memory it had,
 * decides. */
void run_sandbox_died(struct run *r)
{
	const struct sandbox *s = r->sandbox;
	int status = (int)s->exit.status, sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	uint64_t grown = s->exit.rss_peak_bytes > s->base.resident
				 ? s->exit.rss_peak_bytes - s->base.resident
				 : 0;

	r->done.cpu_us = s->exit.cpu_us > s->base_cpu_ns / NS_PER_US
				 ? s->exit.cpu_us - s->base_cpu_ns / NS_PER_US
				 : 0;
	r->done.memory_peak_bytes = grown;
	if (r->done.cpu_us >= r->spec.cpu_us && (sig == SIGXCPU || sig == SIGKILL))
		run_terminate(r, REASON_CPU_TIME, r->spec.cpu_us, r->done.cpu_us,
			      "it used up its CPU time");
	else if (sig == SIGSYS)
		run_terminate(
			r, REASON_JAIL_VIOLATION, 0, 0,
			"it made a system call that the jail forbids, and the kernel ended it");
	else if ((sig == SIGSEGV || sig == SIGABRT || sig == SIGTRAP || sig == SIGILL ||
		  sig == SIGBUS) &&
		 grown >= r->spec.memory_bytes / 2)
		run_terminate(r, REASON_MEMORY, r->spec.memory_bytes, grown,
			      "it ran out of memory");
	else if (sig)
		run_terminate(r, REASON_CRASHED, 0, 0, "its process was ended by signal %d (%s)",
			      sig, sigabbrev_np(sig));
	else if (!s->exit.id) {
		r->done.platform = 1;
		run_terminate(r, REASON_CRASHED, 0, 0, "its zygote ended, and its process with it");
	} else
		run_terminate(r, REASON_CRASHED, 0, 0,
			      "its process ended with status %d and no result",
			      WEXITSTATUS(status));
}
