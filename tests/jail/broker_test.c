/*
 * A real cordon-node against sandboxes that are owned: processes of ours that speak the broker
 * protocol in bad faith. Each bad faith has one typed outcome, exactly one, the journal is whole,
 * and the next run is served as if nothing had been.
 *
 * Usage: jail-broker [CORDON-NODE] (default: $CORDON_BUILD/cordon-node)
 */
#include "jail/evil.h"
#include "jail/sealed.h"
#include "lib/tap.h"
#include "wire/modmap.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum { POOL = 2, OUTPUT = 4096, OPERATIONS = 50, LOG_LINES = 10 };

static struct front f;
static int idle = POOL; /* sandboxes alive when nothing runs */

static uint64_t submit(size_t script, const char *code)
{
	const struct script *s = &scripts[script];
	_cleanup_buf_ struct buf modules = BUF_INIT(4096);
	char input[24], run[24];
	struct msg_submit m = {.engine = ENGINE_STANDARD,
			       .class_ = CLASS_INTERACTIVE,
			       .flags = RUN_JOURNAL,
			       .cpu_us = (s->cpu_ms ? s->cpu_ms : 5000) * 1000,
			       .wall_us = (s->wall_ms ? s->wall_ms : 20000) * 1000,
			       .memory_bytes = 64 << 20,
			       .output_bytes = s->output ? s->output : OUTPUT,
			       .operations = s->operations ? s->operations : OPERATIONS,
			       .log_lines = LOG_LINES,
			       .timers = 10,
			       .seed = 1,
			       .main = WIRE_STR("main.js")};

	snprintf(input, sizeof(input), "%zu", script);
	snprintf(run, sizeof(run), "run-%zu", (size_t)f.last + 1);
	modmap_add(&modules, "main.js", MODULE_AUTO, code, strlen(code), NULL);
	m.modules = WIRE_BUF(&modules);
	m.input = WIRE_STR(input);
	m.run = WIRE_STR(run);
	return front_submit(&f, &m);
}

static const char *code_of(size_t script)
{
	static char code[64];

	/* Each its own artifact, so that no cached code changes the phase it starts in. */
	snprintf(code, sizeof(code), "script %zu%s", script,
		 scripts[script].threads ? " WebAssembly" : "");
	return code;
}

static void describe(const struct done *d)
{
	tap_note("%d times: %s %s, limit %llu, observed %llu: %s%s%s", d->count,
		 words_outcome(d->outcome), words_reason(d->reason), (unsigned long long)d->limit,
		 (unsigned long long)d->observed, d->detail, d->value, d->error);
}

static void serves(const char *after)
{
	uint64_t handle = submit(script_find("honest"), "honest");
	struct done *d = front_await(&f, handle);

	if (!tap_ok(d && d->outcome == OUTCOME_COMPLETED && d->logs == 1 &&
			    !strcmp(d->value, "\"ok\""),
		    "%s: the next run completes", after) &&
	    d)
		describe(d);
}

/* A run that passed a ceiling says which value it had and what was seen. */
static int ceiling_told(const struct done *d, const struct script *s)
{
	const uint64_t limits[REASON_COUNT] = {[REASON_WALL_TIME] = 1000 * s->wall_ms,
					       [REASON_CPU_TIME] = 1000 * s->cpu_ms,
					       [REASON_OUTPUT] = s->output ? s->output : OUTPUT,
					       [REASON_OPERATIONS] =
						       s->operations ? s->operations : OPERATIONS,
					       [REASON_LOG_LINES] = LOG_LINES};

	return d->reason >= REASON_COUNT || !limits[d->reason] ||
	       (d->limit == limits[d->reason] && d->observed >= d->limit);
}

static void play(size_t i)
{
	const struct script *s = &scripts[i];
	uint64_t handle = submit(i, code_of(i));
	struct done *d = front_await(&f, handle);
	const char *flaw;
	int ok;

	if (s->threads)
		idle = POOL + 1; /* it keeps one that may have threads from now on */
	tap_ok(!!d, "%s: has an outcome", s->name);
	if (!d)
		return;
	ok = d->outcome == s->outcome && d->reason == s->reason && ceiling_told(d, s);
	if (ok && s->value)
		ok = !strcmp(s->outcome == OUTCOME_FAILED ? d->error : d->value, s->value);
	if (!tap_ok(ok, "%s: %s %s", s->name, words_outcome(s->outcome), words_reason(s->reason)))
		describe(d);
	tap_ok(s->outcome != OUTCOME_TERMINATED || d->detail[0], "%s: says why", s->name);
	serves(s->name);
	tap_ok(d->count == 1, "%s: exactly one outcome", s->name);
	tap_ok(d->logs_after == 0, "%s: nothing of it after its outcome", s->name);
	flaw = sealed_flaw(d);
	if (!tap_ok(!flaw, "%s: its journal is whole and sealed", s->name))
		tap_note("%s", flaw);
}

/* The next sandbox that is forked misbehaves, and only that one. A run makes room for it. */
static void let_in(const struct opening *o)
{
	int forks = f.forks;
	uint64_t handle;

	evil_opening = o;
	handle = submit(script_find("honest"), "honest");
	while (f.forks == forks && front_turn(&f) == 0)
		;
	evil_opening = NULL;
	front_await(&f, handle);
}

/* It misbehaves before it has a run: it is replaced, and nobody notices. */
static void open_badly(const struct opening *o)
{
	int forks = f.forks;

	let_in(o);
	tap_ok(front_settle(&f, idle, forks + 2) == 0, "%s: it is ended and replaced", o->name);
	serves(o->name);
	front_settle(&f, idle, 0);
}

/* Sandboxes that never say that they are ready take up places in the pool, not runs. */
static void never_ready(void)
{
	static const struct opening silence = {"never TOUCHED", evil_silence};
	uint64_t handle;
	struct done *d;

	let_in(&silence);
	for (int i = 0; i < 3; i++)
		serves("one that is never ready");
	let_in(&silence);
	handle = submit(script_find("honest"), "honest");
	front_cancel(&f, handle);
	d = front_await(&f, handle);
	tap_ok(d && d->count == 1, "all that are never ready: a run can be cancelled (%s)",
	       d ? words_reason(d->reason) : "no outcome");
}

/* The cache keeps what a sandbox says of its own code, and only for that very code. */
static void poison(void)
{
	_cleanup_buf_ struct buf none = BUF_INIT(1);
	struct done *d;

	d = front_await(&f, submit(script_find("COMPILED twice"), "poisoned"));
	tap_ok(d && d->reason == REASON_JAIL_VIOLATION, "cache: the poisoner ends");
	/* From the cache it starts in the phase after COMPILED, so that saying COMPILED is wrong.
	 */
	d = front_await(&f, submit(script_find("COMPILED that is no text"), "poisoned"));
	tap_ok(d && d->reason == REASON_JAIL_VIOLATION, "cache: its own code comes from the cache");
	d = front_await(&f, submit(script_find("COMPILED that is no text"), "other"));
	tap_ok(d && d->outcome == OUTCOME_COMPLETED, "cache: other code does not");
}

static void together(void)
{
	uint64_t bad[4] = {submit(script_find("log lines without end"), "a"),
			   submit(script_find("silence"), "b"),
			   submit(script_find("an endless loop"), "c"),
			   submit(script_find("a result, then bytes without end"), "d")};
	uint64_t good[8];
	int ok = 0, once = 0;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		good[i] = submit(script_find("honest"), "honest");
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct done *d = front_await(&f, good[i]);

		ok += d && d->outcome == OUTCOME_COMPLETED;
	}
	tap_ok(ok == ARRAY_SIZE(good), "8 good runs among 4 bad ones complete");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct done *d = front_await(&f, bad[i]);

		once += d && d->count == 1;
	}
	tap_ok(once == ARRAY_SIZE(bad), "and each bad one has its one outcome");
}

/* Runs that had not begun wait for the next zygote; only the one that had begun is lost. */
static void zygote_dies(const char *node)
{
	static const char *const args[] = {"--pool-floor=3", "--pool-ceiling=3", "--running-max=1",
					   NULL};
	struct done *d;
	uint64_t running, queued[4];
	int ok = 0;

	if (!tap_ok(front_open(&f, node, args, evil_sandbox) == 0 && front_settle(&f, 3, 3) == 0,
		    "a node for the death of its zygote starts"))
		return;
	running = submit(script_find("a wait for ages, patiently"), "a");
	for (size_t i = 0; i < ARRAY_SIZE(queued); i++)
		queued[i] = submit(script_find("honest"), "honest");
	front_settle(&f, 4, 4); /* it runs, and the pool is full again */
	front_lose_zygote(&f);
	d = front_await(&f, running);
	if (!tap_ok(d && d->outcome == OUTCOME_TERMINATED && d->reason == REASON_CRASHED &&
			    !sealed_flaw(d),
		    "its zygote dies: the run under way has crashed") &&
	    d)
		describe(d);
	for (size_t i = 0; i < ARRAY_SIZE(queued); i++) {
		d = front_await(&f, queued[i]);
		ok += d && d->count == 1 && d->outcome == OUTCOME_COMPLETED && !sealed_flaw(d);
		if (d && d->outcome != OUTCOME_COMPLETED)
			describe(d);
	}
	tap_ok(ok == ARRAY_SIZE(queued), "its zygote dies: the runs in the queue complete");
	tap_ok(f.spawns == 2, "its zygote dies: it asked for one other (%d)", f.spawns - 1);
	tap_ok(front_close(&f) == 0, "its zygote dies: the node ends with status 0");
}

static int descriptors(pid_t pid)
{
	char path[32];
	DIR *d;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

/* What the node holds at rest. It hears of its children's ends later than we do, so it gets some
 * turns of its loop first: a run that it refuses at once takes one. */
static int holds(void)
{
	for (int i = 0; i < 10; i++) {
		front_settle(&f, idle, 0);
		front_await(&f, front_submit(&f, &(struct msg_submit){.engine = 99}));
	}
	return descriptors(f.node);
}

int main(int argc, char **argv)
{
	/* floor == ceiling: the pool has this many, no more, no fewer */
	static const char *const args[] = {"--pool-floor=2", "--pool-ceiling=2", "--running-max=16",
					   NULL};
	int before, now, status;
	char path[4096];

	if (argc == 2)
		snprintf(path, sizeof(path), "%s", argv[1]);
	else
		snprintf(path, sizeof(path), "%s/cordon-node",
			 getenv("CORDON_BUILD") ? getenv("CORDON_BUILD") : "build");
	signal(SIGPIPE, SIG_IGN);
	tap_begin();
	if (!tap_ok(front_open(&f, path, args, evil_sandbox) == 0 &&
			    front_settle(&f, POOL, POOL) == 0,
		    "the node starts and fills its pool"))
		return tap_end();
	serves("start");
	front_settle(&f, POOL, 0);
	before = holds();
	for (size_t i = 0; i < script_count; i++)
		play(i);
	poison();
	together();
	for (size_t i = 0; i < opening_count; i++)
		open_badly(&openings[i]);
	tap_ok(front_settle(&f, idle, 0) == 0, "all that were used are gone, the pool is full");
	serves("after everything");
	now = holds() - 2 * (idle - POOL); /* a socket and a pidfd for each */
	tap_ok(now == before, "the node holds no more descriptors than before (%d, %d)", before,
	       now);
	never_ready();
	tap_ok(f.spawns == 1, "it never asked for another zygote");
	status = front_close(&f);
	tap_ok(status == 0, "the node ends with status 0 (%#x)", (unsigned)status);
	zygote_dies(path);
	return tap_end();
}
