/* What people are shown of the queues. */
#include "base/clock.h"
#include "base/json.h"
#include "control/body.h"
#include "control/run.h"

#include <string.h>

enum { ANSWER_MAX = 1 << 20, TOP_TENANTS = 50 };

void queue_json(const struct run *r, struct buf *b)
{
	uint64_t waited = r->waited_ns;

	if (r->waiting_ns)
		waited += clock_now_ns() - r->waiting_ns;
	buf_addf(b,
		 "\"queue\":{\"class\":\"%s\",\"position\":%u,\"waited_us\":%llu,\"because\":"
		 "\"%s\"},\"attempts\":%u",
		 r->class_, r->item.position, (unsigned long long)(waited / NS_PER_US),
		 sched_reason_text(sched_because(r->control->queue->sched, &r->item)), r->attempts);
}

static uint64_t since_us(uint64_t then_ns)
{
	return then_ns ? (clock_now_ns() - then_ns) / NS_PER_US : 0;
}

static void add_class(struct buf *b, enum task_class class, const struct sched_class_view *v,
		      const struct queue_settings *s)
{
	buf_addf(b,
		 "\"%s\":{\"waiting\":%u,\"waiting_max\":%u,\"running\":%u,\"floor\":%u,"
		 "\"borrowed\":%u,\"tenants\":%u,\"oldest_us\":%llu,\"started\":%llu,"
		 "\"refused\":%llu,\"evicted\":%llu,\"shed\":%llu,\"aged\":%llu,"
		 "\"overloaded\":%s}",
		 words_class((uint8_t) class), v->waiting, s->waiting[class], v->running, v->floor,
		 v->borrowed, v->tenants, (unsigned long long)since_us(v->oldest_ns),
		 (unsigned long long)v->started, (unsigned long long)v->refused,
		 (unsigned long long)v->evicted, (unsigned long long)v->shed,
		 (unsigned long long)v->aged, v->overloaded ? "true" : "false");
}

static void add_tenant(void *arg, const struct sched_tenant_view *v)
{
	struct buf *b = arg;

	if (b->data[b->len - 1] == '}')
		buf_addc(b, ',');
	buf_adds(b, "{\"tenant\":");
	json_quote_str(b, v->tenant);
	buf_addf(b,
		 ",\"class\":\"%s\",\"waiting\":%u,\"running\":%u,\"weight\":%u,"
		 "\"running_max\":%u,\"debt_us\":%lld,\"oldest_us\":%llu}",
		 words_class((uint8_t)v->class_), v->waiting, v->running, v->weight, v->running_max,
		 (long long)v->debt_us, (unsigned long long)since_us(v->oldest_ns));
}

/* Who may see all tenants: the machine's administrator, and who sees the metrics. */
void queue_show(struct request *q)
{
	const struct queue *queue = q->control->queue;
	int all = q->caller.role == ROLE_LOCAL || !strcmp(q->caller.tenant, "default");
	struct buf b = BUF_INIT(ANSWER_MAX);
	struct sched_view v;

	sched_view(queue->sched, &v);
	buf_adds(&b, "{");
	if (all) {
		buf_addf(&b,
			 "\"limit\":%u,\"limit_min\":%u,\"limit_max\":%u,\"running\":%u,"
			 "\"stretch\":%.2f,\"classes\":{",
			 (unsigned)queue->limit.value, queue->settings.limit_min,
			 queue->settings.limit_max, v.running, queue->limit.stretch);
		for (int i = 0; i < CLASS_COUNT; i++) {
			if (i)
				buf_addc(&b, ',');
			add_class(&b, (enum task_class)i, &v.classes[i], &queue->settings);
		}
		buf_adds(&b, "},");
	}
	buf_adds(&b, "\"tenants\":[");
	sched_tenants(queue->sched, all ? NULL : q->caller.tenant, TOP_TENANTS, add_tenant, &b);
	buf_adds(&b, "]}\n");
	http_answer(q, 200, "application/json", &b);
}

static void head(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_addf(b, "# HELP cordon_%s %s\n# TYPE cordon_%s %s\n", name, help, name, type);
}

#define EACH_CLASS(name, type, help, format, value)                                                \
	do {                                                                                       \
		head(b, name, type, help);                                                         \
		for (int i = 0; i < CLASS_COUNT; i++)                                              \
			buf_addf(b, "cordon_" name "{class=\"%s\"} " format "\n",                  \
				 words_class((uint8_t)i), value);                                  \
	} while (0)

void queue_metrics(const struct control *c, struct buf *b)
{
	const struct queue *q = c->queue;
	struct sched_view v;

	sched_view(q->sched, &v);
	head(b, "concurrency_limit", "gauge",
	     "Runs that are done at once, as the limit has it now.");
	buf_addf(b, "cordon_concurrency_limit %u\n", (unsigned)q->limit.value);
	head(b, "cpu_stretch_ratio", "gauge",
	     "Time in which runs could have used the CPU to the CPU time that they used.");
	buf_addf(b, "cordon_cpu_stretch_ratio %.3f\n", q->limit.stretch);
	EACH_CLASS("queue_waiting", "gauge", "Runs that wait.", "%u", v.classes[i].waiting);
	EACH_CLASS("queue_running", "gauge", "Runs that are begun and not over.", "%u",
		   v.classes[i].running);
	EACH_CLASS("queue_borrowed", "gauge", "Runs under way in slots of the other class's floor.",
		   "%u", v.classes[i].borrowed);
	EACH_CLASS("queue_tenants", "gauge", "Tenants that have runs waiting.", "%u",
		   v.classes[i].tenants);
	EACH_CLASS("queue_oldest_seconds", "gauge", "How long the oldest has been waiting.", "%.6f",
		   (double)since_us(v.classes[i].oldest_ns) / 1e6);
	EACH_CLASS("queue_overloaded", "gauge", "1 while runs are let go for having waited.", "%d",
		   v.classes[i].overloaded);
	EACH_CLASS("queue_started_total", "counter", "Runs that were started from the queue.",
		   "%llu", (unsigned long long)v.classes[i].started);
	EACH_CLASS("queue_refused_total", "counter", "Runs that found the queue full.", "%llu",
		   (unsigned long long)v.classes[i].refused);
	EACH_CLASS("queue_evicted_total", "counter",
		   "Runs that made room for those of other tenants.", "%llu",
		   (unsigned long long)v.classes[i].evicted);
	EACH_CLASS("queue_shed_total", "counter",
		   "Runs that were let go for their deadline, or for having waited.", "%llu",
		   (unsigned long long)v.classes[i].shed);
	EACH_CLASS("queue_aged_total", "counter", "Starts out of turn, of who had waited long.",
		   "%llu", (unsigned long long)v.classes[i].aged);
	EACH_CLASS("queue_waited_seconds_total", "counter", "Time that runs waited, in all.",
		   "%.6f", (double)q->waited_us[i] / 1e6);
	EACH_CLASS("run_attempts_total", "counter",
		   "Attempts of runs; to runs, it is the amplification.", "%llu",
		   (unsigned long long)q->attempts[i]);
	head(b, "run_retries_total", "counter",
	     "Runs that the platform failed, by whether they were tried again.");
	for (int i = 0; i < CLASS_COUNT; i++)
		for (int k = 0; k < RETRY_VERDICT_COUNT; k++)
			buf_addf(b, "cordon_run_retries_total{class=\"%s\",verdict=\"%s\"} %llu\n",
				 words_class((uint8_t)i), retry_verdict_text((enum retry_verdict)k),
				 (unsigned long long)q->retries[i][k]);
}
