/*
 * Load on a node's own socket: starts a platform, keeps `concurrency` runs of the same code under
 * way, and prints latency and throughput as JSON. The answer of each run is compared with what is
 * expected.
 *
 *   runs CODE.js INPUT.json EXPECTED.json [--concurrency N] [--requests N] [--warmup N] [--engine
 * MODE]
 *        [--fresh] [--journal] [--pool N] [--idle SECONDS]
 *
 * --fresh gives each run other code (a comment differs), so that nothing is taken from the cache of
 * transformed code. --journal asks for each run's journal, as control does. --pool N with
 * --requests 0 only keeps N idle sandboxes and prints what they take.
 */
#include "base/clock.h"
#include "cli/link.h"
#include "os/fd.h"
#include "wire/modmap.h"
#include "wire/words.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { CONCURRENCY_MAX = 1024 };

struct options {
	const char *code, *input, *expected, *engine;
	unsigned long concurrency, requests, warmup, pool, idle;
	int fresh, journal;
};

struct sample {
	uint64_t latency_ns;
	uint64_t queue_us, spawn_us, run_us, cpu_us;
};

struct text {
	char *data;
	size_t len;
};

static void die(const char *what)
{
	fprintf(stderr, "runs: %s\n", what);
	exit(1);
}

static struct text load(const char *path)
{
	struct text t;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fd_read_file(fd, 16 << 20, &t.data, &t.len) < 0)
		die(path);
	close(fd);
	while (t.len && t.data[t.len - 1] == '\n')
		t.len--;
	return t;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static double percentile(uint64_t *sorted, size_t n, double p)
{
	size_t i = (size_t)((double)(n - 1) * p);

	return (double)sorted[i];
}

static void submit(struct link *l, const struct options *o, uint64_t handle,
		   const struct text *code, const struct text *input)
{
	_cleanup_buf_ struct buf map = BUF_INIT(LIMIT_CODE), source = BUF_INIT(LIMIT_CODE);
	struct msg m = {.type = MSG_SUBMIT};
	struct err e;

	buf_add(&source, code->data, code->len);
	if (o->fresh)
		buf_addf(&source, "\n// %llu\n", (unsigned long long)handle);
	if (modmap_add(&map, "worker.js", MODULE_AUTO, source.data, source.len, &e) < 0)
		die(e.message);
	m.submit = (struct msg_submit){.handle = handle,
				       .run = WIRE_STR("run_bench"),
				       .flags = o->journal ? RUN_JOURNAL : 0,
				       .cpu_us = 1000000,
				       .wall_us = 5000000,
				       .memory_bytes = 64 << 20,
				       .output_bytes = 256 << 10,
				       .operations = 100,
				       .log_lines = 100,
				       .timers = 100,
				       .seed = handle,
				       .language = WIRE_STR(""),
				       .main = WIRE_STR("worker.js"),
				       .modules = WIRE_BUF(&map),
				       .input = {input->data, input->len}};
	if (words_engine_parse(o->engine, &m.submit.engine) < 0)
		die("unknown engine mode");
	if (link_send(l, &m, &e) < 0)
		die(e.message);
}

static void next(struct link *l, struct msg *m)
{
	struct err e = {.message = "the node is gone"};

	if (link_next(l, m, &e) != 1)
		die(e.message);
}

/* Runs `total` requests; samples[i] is filled for each. Returns the time from first to last, ns. */
static uint64_t load_run(struct link *l, const struct options *o, uint64_t *handle, size_t total,
			 struct sample *samples)
{
	struct text code = load(o->code), input = load(o->input), expected = load(o->expected);
	uint64_t begin = clock_now_ns(), sent_at[CONCURRENCY_MAX * 4];
	size_t sent = 0, done = 0;

	while (done < total) {
		struct msg m;

		while (sent < total && sent - done < o->concurrency) {
			sent_at[(*handle + 1) % (CONCURRENCY_MAX * 4)] = clock_now_ns();
			submit(l, o, ++*handle, &code, &input);
			sent++;
		}
		next(l, &m);
		if (m.type != MSG_RUN_DONE)
			continue;
		if (m.run_done.outcome != OUTCOME_COMPLETED ||
		    m.run_done.value.len != expected.len ||
		    memcmp(m.run_done.value.data, expected.data, expected.len) != 0) {
			fprintf(stderr, "runs: a run ended %s (%.*s%.*s): %.*s\n",
				words_outcome(m.run_done.outcome), (int)m.run_done.detail.len,
				(const char *)m.run_done.detail.data, (int)m.run_done.error.len,
				(const char *)m.run_done.error.data, (int)m.run_done.value.len,
				(const char *)m.run_done.value.data);
			exit(1);
		}
		samples[done++] = (struct sample){
			clock_now_ns() - sent_at[m.run_done.handle % (CONCURRENCY_MAX * 4)],
			m.run_done.queue_us, m.run_done.spawn_us, m.run_done.run_us,
			m.run_done.cpu_us};
	}
	free(code.data);
	free(input.data);
	free(expected.data);
	return clock_now_ns() - begin;
}

static void print_load(const struct options *o, struct sample *s, size_t n, uint64_t took)
{
	uint64_t *v = xcalloc(n, sizeof(*v));
	static const struct {
		const char *name;
		size_t offset;
		double scale;
	} series[] = {{"latency_us", offsetof(struct sample, latency_ns), 1e3},
		      {"queue_us", offsetof(struct sample, queue_us), 1},
		      {"spawn_us", offsetof(struct sample, spawn_us), 1},
		      {"run_us", offsetof(struct sample, run_us), 1},
		      {"cpu_us", offsetof(struct sample, cpu_us), 1}};

	printf("{\"engine\":\"%s\",\"concurrency\":%lu,\"requests\":%zu,\"fresh\":%s,\"per_"
	       "second\":%.1f",
	       o->engine, o->concurrency, n, o->fresh ? "true" : "false",
	       (double)n / ((double)took / 1e9));
	for (size_t k = 0; k < ARRAY_SIZE(series); k++) {
		for (size_t i = 0; i < n; i++)
			v[i] = *(uint64_t *)((char *)&s[i] + series[k].offset);
		qsort(v, n, sizeof(*v), by_value);
		printf(",\"%s\":{\"p50\":%.0f,\"p90\":%.0f,\"p99\":%.0f,\"max\":%.0f}",
		       series[k].name, percentile(v, n, 0.5) / series[k].scale,
		       percentile(v, n, 0.9) / series[k].scale,
		       percentile(v, n, 0.99) / series[k].scale,
		       (double)v[n - 1] / series[k].scale);
	}
	puts("}");
	free(v);
}

static unsigned long number(const char *text)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (!*text || *end)
		die("a number is needed");
	return v;
}

static void parse(struct options *o, int argc, char **argv)
{
	const struct {
		const char *name;
		unsigned long *to;
	} numbers[] = {{"--concurrency", &o->concurrency},
		       {"--requests", &o->requests},
		       {"--warmup", &o->warmup},
		       {"--pool", &o->pool},
		       {"--idle", &o->idle}};

	if (argc < 4)
		die("CODE INPUT EXPECTED are needed");
	o->code = argv[1];
	o->input = argv[2];
	o->expected = argv[3];
	for (int i = 4; i < argc; i++) {
		size_t k = 0;

		if (!strcmp(argv[i], "--fresh")) {
			o->fresh = 1;
			continue;
		}
		if (!strcmp(argv[i], "--journal")) {
			o->journal = 1;
			continue;
		}
		if (i + 1 >= argc)
			die("an option needs its value");
		if (!strcmp(argv[i], "--engine")) {
			o->engine = argv[++i];
			continue;
		}
		while (k < ARRAY_SIZE(numbers) && strcmp(argv[i], numbers[k].name) != 0)
			k++;
		if (k == ARRAY_SIZE(numbers))
			die("unknown option");
		*numbers[k].to = number(argv[++i]);
	}
	if (!o->concurrency || o->concurrency > CONCURRENCY_MAX)
		die("--concurrency: 1 to 1024");
}

int main(int argc, char **argv)
{
	struct options o = {
		.engine = "standard", .concurrency = 1, .requests = 1000, .warmup = 100};
	char warm[48], floor[48], ceiling[48];
	const char *args[] = {warm, floor, ceiling, NULL};
	struct sample *samples;
	struct link l;
	struct err e;
	struct msg m;
	uint64_t handle = 0, took;

	parse(&o, argc, argv);
	snprintf(warm, sizeof(warm), "--warm=%s", o.engine);
	snprintf(floor, sizeof(floor), "--pool-floor=%lu", o.pool ? o.pool : 4);
	snprintf(ceiling, sizeof(ceiling), "--pool-ceiling=%lu", o.pool > 64 ? o.pool : 64);
	if (link_start(&l, 1, args, &e) < 0)
		die(e.message);
	next(&l, &m);
	if (m.type != MSG_NODE_READY || m.node_ready.error_code.len)
		die("the node cannot start");
	samples = xcalloc(o.requests + o.warmup + 1, sizeof(*samples));
	if (o.warmup)
		load_run(&l, &o, &handle, o.warmup, samples);
	if (o.requests) {
		took = load_run(&l, &o, &handle, o.requests, samples);
		print_load(&o, samples, o.requests, took);
	}
	if (o.idle) {
		printf("idle %d\n", (int)l.supervisor);
		fflush(stdout);
		sleep((unsigned)o.idle);
	}
	link_stop(&l);
	free(samples);
	return 0;
}
