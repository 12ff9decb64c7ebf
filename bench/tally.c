#include "tally.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/macros.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tally_init(struct tally *t, const struct stream_config *stream, const struct streams *all)
{
	*t = (struct tally){.stream = stream, .retry_min = -1, .retry_max = -1};
	if (all->slice_seconds <= 0)
		return;
	t->slice_ns = (uint64_t)(all->slice_seconds * (double)NS_PER_S);
	t->slice_count = (unsigned)ceil(all->seconds / all->slice_seconds);
	t->slices = xcalloc(t->slice_count, sizeof(*t->slices));
}

void tally_done(struct tally *t)
{
	free(t->slices);
}

/* The slice of that moment; NULL: there is none. */
static struct tally_slice *slice_of(struct tally *t, uint64_t at)
{
	return t->slice_count && at / t->slice_ns < t->slice_count ? &t->slices[at / t->slice_ns]
								   : NULL;
}

static void count_word(struct tally_words *w, const char *text)
{
	unsigned i = 0;

	while (i < w->count && strcmp(w->all[i].text, text) != 0)
		i++;
	if (i == TALLY_WORDS_MAX)
		text = "other";
	if (i == w->count && w->count <= TALLY_WORDS_MAX)
		snprintf(w->all[w->count++].text, TALLY_WORD_SIZE, "%s", text);
	w->all[i].count++;
}

void tally_due(struct tally *t, uint64_t due)
{
	struct tally_slice *slice = slice_of(t, due);

	t->due++;
	if (slice)
		slice->due++;
}

static uint64_t number(const char *object, size_t size, const char *name)
{
	const char *value;
	char text[24];
	size_t n;

	if (json_member(object, size, name, &value, &n) < 0 || n >= sizeof(text))
		return 0;
	memcpy(text, value, n);
	text[n] = '\0';
	return strtoull(text, NULL, 10);
}

/* What a run's result says, or a problem (RFC 9457). False: it is not what was asked for. */
static bool read_body(struct tally *t, const struct reply *reply, const char *body,
		      struct tally_slice *over)
{
	size_t size = reply->body_size, n;
	const char *object;
	char word[TALLY_WORD_SIZE];
	bool right = true;

	if (json_check(body, size, NULL) < 0)
		return true; /* it is no platform's, and its status and text must do */
	if (json_text(body, size, "outcome", word, sizeof(word))) {
		count_word(&t->outcomes, word);
		right = strcmp(word, "completed") == 0;
	}
	if (json_text(body, size, "code", word, sizeof(word)))
		count_word(&t->codes, word);
	if (json_member(body, size, "error", &object, &n) == 0 &&
	    json_text(object, n, "code", word, sizeof(word)))
		count_word(&t->codes, word);
	if (json_member(body, size, "usage", &object, &n) == 0) {
		uint64_t cpu_us = number(object, n, "cpu_us");

		t->cpu_us += cpu_us;
		if (over)
			over->cpu_us += cpu_us;
	}
	if (json_member(body, size, "queue", &object, &n) == 0)
		latency_add(&t->waited, number(object, n, "waited_us"));
	return right;
}

/* As it should be, by status and text. */
static bool is_expected(struct tally *t, const struct reply *reply, const char *body)
{
	const struct stream_config *s = t->stream;

	if (reply->status != (s->async ? 202 : 200))
		return false;
	if ((!s->expect.data || (reply->body_size == s->expect.size &&
				 memcmp(body, s->expect.data, s->expect.size) == 0)) &&
	    (!s->contains.data ||
	     memmem(body, reply->body_size, s->contains.data, s->contains.size)))
		return true;
	t->wrong++;
	return false;
}

void tally_reply(struct tally *t, const struct reply *reply, uint64_t due, uint64_t now)
{
	struct tally_slice *when_due = slice_of(t, due), *when_over = slice_of(t, now);
	uint64_t us = (now - due) / NS_PER_US;
	const char *body = reply->data + reply->body;
	char status[16];
	bool completed = read_body(t, reply, body, when_over);

	snprintf(status, sizeof(status), "%d", reply->status);
	count_word(&t->status, status);
	if (reply->retry_after >= 0) {
		t->retries++;
		t->retry_max =
			reply->retry_after > t->retry_max ? reply->retry_after : t->retry_max;
		if (t->retry_min < 0 || reply->retry_after < t->retry_min)
			t->retry_min = reply->retry_after;
	}
	if (!completed || !is_expected(t, reply, body)) {
		latency_add(&t->refused, us);
		if (when_due)
			when_due->refused++;
		return;
	}
	t->right++;
	t->in_time += now < t->stream->schedule.end_ns;
	latency_add(&t->latency, us);
	if (when_due)
		latency_add(&when_due->latency, us);
	if (when_over)
		when_over->completed++;
}

void tally_none(struct tally *t, int r, uint64_t due, uint64_t now)
{
	struct tally_slice *slice = slice_of(t, due);

	if (r < 0) {
		t->broken++;
		t->last_break = r;
	} else {
		t->unanswered++;
	}
	latency_add(&t->latency, (now - due) / NS_PER_US);
	if (slice)
		latency_add(&slice->latency, (now - due) / NS_PER_US);
}

void tally_print_latency(const char *name, const struct latency *l)
{
	printf("\"%s\": {\"count\": %" PRIu64 ", \"p50\": %" PRIu64 ", \"p90\": %" PRIu64
	       ", \"p99\": %" PRIu64 ", \"p99.9\": %" PRIu64 ", \"max\": %" PRIu64
	       ", \"mean\": %.1f}",
	       name, l->count, latency_at(l, 50000), latency_at(l, 90000), latency_at(l, 99000),
	       latency_at(l, 99900), l->max_us,
	       l->count > 0 ? (double)l->sum_us / (double)l->count : 0);
}

static void print_words(const char *name, const struct tally_words *w)
{
	printf("\"%s\": {", name);
	for (unsigned i = 0; i < w->count; i++)
		printf("%s\"%s\": %" PRIu64, i > 0 ? ", " : "", w->all[i].text, w->all[i].count);
	printf("}, ");
}

static void print_slices(const struct tally *t)
{
	for (unsigned i = 0; i < t->slice_count; i++) {
		const struct tally_slice *s = &t->slices[i];

		printf("%s\n    {\"at\": %.3f, \"due\": %" PRIu64 ", \"completed\": %" PRIu64
		       ", \"refused\": %" PRIu64 ", \"cpu_us\": %" PRIu64 ", ",
		       i > 0 ? "," : "", (double)(i * t->slice_ns) / 1e9, s->due, s->completed,
		       s->refused, s->cpu_us);
		tally_print_latency("latency_us", &s->latency);
		printf("}");
	}
}

void tally_print(const struct tally *t)
{
	const struct stream_config *s = t->stream;
	double seconds = (double)(s->schedule.end_ns - s->schedule.start_ns) / 1e9;

	printf("{\"name\": \"%s\", \"per_second\": %g, \"law\": \"%s\", \"burst\": %" PRIu64
	       ", \"seconds\": %.3f,\n   \"due\": %" PRIu64 ", \"sent\": %" PRIu64
	       ", \"right\": %" PRIu64 ", \"wrong\": %" PRIu64 ", \"broken\": %" PRIu64
	       ", \"unanswered\": %" PRIu64 ", \"reconnected\": %" PRIu64
	       ", \"goodput_per_s\": %.2f, \"cpu_us\": %" PRIu64 ",\n   ",
	       s->name, s->schedule.per_second,
	       s->schedule.law == SCHEDULE_POISSON ? "poisson" : "uniform", s->schedule.burst,
	       seconds, t->due, t->sent, t->right, t->wrong, t->broken, t->unanswered,
	       t->reconnected, seconds > 0 ? (double)t->in_time / seconds : 0, t->cpu_us);
	print_words("status", &t->status);
	print_words("outcome", &t->outcomes);
	print_words("code", &t->codes);
	printf("\"retry_after_s\": {\"count\": %" PRIu64 ", \"min\": %ld, \"max\": %ld},\n   ",
	       t->retries, t->retries ? t->retry_min : 0, t->retries ? t->retry_max : 0);
	tally_print_latency("latency_us", &t->latency);
	printf(",\n   ");
	tally_print_latency("refused_us", &t->refused);
	printf(",\n   ");
	tally_print_latency("queue_us", &t->waited);
	printf(",\n   ");
	tally_print_latency("pool_us", &t->pool);
	printf(",\n   \"slices\": [");
	print_slices(t);
	printf("]}");
}
