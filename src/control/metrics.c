#include "base/clock.h"
#include "control/control.h"
#include "wire/words.h"

void health(struct request *q)
{
	struct buf b = BUF_INIT(64);

	buf_adds(&b, "{\"status\":\"ok\"}\n");
	http_answer(q, 200, "application/json", &b);
}

void ready(struct request *q)
{
	if (q->control->stopping)
		http_problem(q, 503, "platform.stopping", "the platform is ending");
	else if (!q->control->node_ready)
		http_problem(q, 503, "platform.no_node", "no node is ready; one is being started");
	else
		health(q);
}

static void head(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_addf(b, "# HELP cordon_%s %s\n# TYPE cordon_%s %s\n", name, help, name, type);
}

/* Prometheus text format 0.0.4. */
void metrics(struct request *q)
{
	const struct control *c = q->control;
	struct buf b = BUF_INIT(1 << 16);

	head(&b, "http_requests_total", "counter", "HTTP requests begun.");
	buf_addf(&b, "cordon_http_requests_total %llu\n", (unsigned long long)c->requests);
	head(&b, "http_refused_total", "counter",
	     "HTTP requests answered with status 400 or more.");
	buf_addf(&b, "cordon_http_refused_total %llu\n", (unsigned long long)c->refused);
	head(&b, "runs_active", "gauge", "Runs that were accepted and are not over.");
	buf_addf(&b, "cordon_runs_active %zu\n", c->run_count);
	head(&b, "node_ready", "gauge", "1 if the node takes runs.");
	buf_addf(&b, "cordon_node_ready %d\n", c->node_ready);
	head(&b, "runs_total", "counter", "Runs that are over, by outcome.");
	for (int i = 0; i < OUTCOME_COUNT; i++)
		buf_addf(&b, "cordon_runs_total{outcome=\"%s\"} %llu\n", words_outcome((uint8_t)i),
			 (unsigned long long)c->outcomes[i]);
	head(&b, "runs_terminated_total", "counter", "Terminated runs, by reason.");
	for (int i = 0; i < REASON_COUNT; i++)
		buf_addf(&b, "cordon_runs_terminated_total{reason=\"%s\"} %llu\n",
			 words_reason((uint8_t)i), (unsigned long long)c->reasons[i]);
	head(&b, "run_cpu_seconds_total", "counter", "CPU time of all runs.");
	buf_addf(&b, "cordon_run_cpu_seconds_total %.6f\n", (double)c->cpu_us / 1e6);
	head(&b, "run_wall_seconds_total", "counter", "Wall time of all runs.");
	buf_addf(&b, "cordon_run_wall_seconds_total %.6f\n", (double)c->wall_us / 1e6);
	http_answer(q, 200, "text/plain; version=0.0.4", &b);
}
