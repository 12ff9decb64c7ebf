/*
 * Measures a real cordon-ledger, whose supervisor and control this program plays. It trusts the
 * process it measures, and holds nothing but what it has made itself.
 *
 *   ledger LEDGER --make DIRECTORY        writes a small log for tests
 *   ledger LEDGER --append DIRECTORY N    appends N entries to a log
 *   ledger LEDGER --measure DIRECTORY [--appends N] [--entries N] [--large N]
 *
 * --measure works in an empty directory, prints one JSON object, and removes what it has written:
 * appends (20,000) and how long one takes, the check of a log of so many entries (200,000), proofs
 * and receipts from a large one (10,000,000).
 */
#include "bench/ledger_make.h"
#include "bench/ledger_sample.h"

#include "base/clock.h"

#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { OUTSTANDING = 64, SINGLES = 1000, QUESTIONS = 2000, FRAMES_MAX = 1u << 30 };

struct options {
	const char *ledger, *directory;
	uint64_t appends, entries, large;
};

struct percentiles {
	double p50_us, p99_us;
};

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static struct percentiles percentiles(uint64_t *ns, size_t n)
{
	size_t middle = n / 2, late = n * 99 / 100;

	qsort(ns, n, sizeof(*ns), by_value);
	return (struct percentiles){(double)ns[middle] / 1000, (double)ns[late] / 1000};
}

static char *directory(const struct options *o, const char *name)
{
	char *path = xasprintf("%s/%s", o->directory, name);

	if (mkdir(path, 0700) < 0)
		err(1, "%s", path);
	return path;
}

static void drop(char *path)
{
	static const char *const names[] = {"ledger.db", "ledger.db-wal", "ledger.db-shm"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *file = xasprintf("%s/%s", path, names[i]);

		unlink(file);
	}
	rmdir(path);
	free(path);
}

static void start(struct process *p, const struct options *o, const char *path)
{
	static const char *const none[] = {NULL};

	process_start(p, o->ledger, path, none);
	process_await_signed(p, 1);
}

/* ---- appends ---- */

static void take(struct process *p)
{
	struct msg m;

	process_next(p, &m);
	if (m.type != MSG_APPENDED || m.appended.number)
		errx(1, "an entry was not appended");
}

static void encode(struct buf *frames, struct process *p, uint64_t n, int synced)
{
	struct sample s;
	struct msg m;

	sample_make(&s, n, 0, p->seal_key);
	m = sample_append(&s, n + 1, synced);
	if (msg_encode(frames, &m) < 0)
		errx(1, "too many entries for the memory that this takes");
	sample_done(&s);
}

/* Per second, OUTSTANDING at a time. What is sent is ready before the clock runs. */
static double append_many(const struct options *o, int synced)
{
	struct buf frames = BUF_INIT(FRAMES_MAX);
	char *path = directory(o, "many");
	uint64_t sent = 0, done = 0, begin;
	size_t *ends = xcalloc(o->appends, sizeof(*ends)), at = 0;
	struct process p;
	double seconds;

	start(&p, o, path);
	for (uint64_t i = 0; i < o->appends; i++) {
		encode(&frames, &p, i, synced);
		ends[i] = frames.len;
	}
	begin = clock_now_ns();
	while (done < o->appends) {
		uint64_t upto = MIN_U64(done + OUTSTANDING, o->appends);

		if (sent < upto && (sent == done || sent + OUTSTANDING / 2 <= upto)) {
			process_send_bytes(&p, frames.data + at, ends[upto - 1] - at);
			at = ends[upto - 1];
			sent = upto;
		}
		take(&p);
		done++;
	}
	seconds = (double)(clock_now_ns() - begin) / NS_PER_S;
	process_stop(&p, 0);
	buf_done(&frames);
	free(ends);
	drop(path);
	return (double)o->appends / seconds;
}

static struct percentiles append_single(const struct options *o, int synced)
{
	_cleanup_buf_ struct buf frame = BUF_INIT(LIMIT_FRAME);
	char *path = directory(o, "single");
	static uint64_t ns[SINGLES];
	struct process p;

	start(&p, o, path);
	for (size_t i = 0; i < SINGLES; i++) {
		uint64_t begin;

		encode(&frame, &p, i, synced);
		begin = clock_now_ns();
		process_send(&p, &frame);
		take(&p);
		ns[i] = clock_now_ns() - begin;
	}
	process_stop(&p, 0);
	drop(path);
	return percentiles(ns, SINGLES);
}

/* ---- the check ---- */

static double check_once(const struct options *o, const char *path, const char *option)
{
	_cleanup_free_ char *command =
		xasprintf("'%s' check '%s' %s >/dev/null", o->ledger, path, option);
	uint64_t begin = clock_now_ns();
	int status = system(command);

	if (status != 0)
		errx(1, "the check of the log failed");
	return (double)(clock_now_ns() - begin) / NS_PER_S;
}

static void measure_check(const struct options *o)
{
	char *path = directory(o, "check");
	double first, second, with;
	struct process p;

	start(&p, o, path);
	make_append(&p, 0, o->entries, OUTSTANDING, 1, 0);
	process_await_signed(&p, o->entries + 1);
	process_stop(&p, 0);
	first = check_once(o, path, "");
	second = check_once(o, path, "");
	with = check_once(o, path, "--signatures");
	printf(",\"check\":{\"entries\":%llu,\"per_s\":%.0f,\"with_signatures_per_s\":%.0f}",
	       (unsigned long long)o->entries,
	       (double)o->entries / (first < second ? first : second), (double)o->entries / with);
	drop(path);
}

/* ---- a large log ---- */

static void ask(struct process *p, enum ledger_question what, uint64_t a, uint64_t b,
		const char *text)
{
	struct msg m;

	if (process_ask(p, what, a, b, text, &m) < 0)
		errx(1, "a question was not answered");
}

static struct percentiles ask_many(const struct options *o, struct process *p,
				   enum ledger_question what, uint64_t size)
{
	static uint64_t ns[QUESTIONS];
	uint64_t random = 88172645463325252ULL;

	for (size_t i = 0; i < QUESTIONS; i++) {
		uint64_t begin, at;
		char subject[32];

		random ^= random << 13; /* xorshift: the same questions each time */
		random ^= random >> 7;
		random ^= random << 17;
		at = 1 + random % (size - 1);
		snprintf(subject, sizeof(subject), "act_%010llu", (unsigned long long)at);
		begin = clock_now_ns();
		ask(p, what, at, what == ASK_RECEIPT ? 0 : size,
		    what == ASK_RECEIPT ? subject : "");
		ns[i] = clock_now_ns() - begin;
	}
	return percentiles(ns, QUESTIONS);
}

static void measure_large(const struct options *o)
{
	static const struct {
		enum ledger_question what;
		const char *name;
	} all[] = {{ASK_INCLUSION, "inclusion"},
		   {ASK_CONSISTENCY, "consistency"},
		   {ASK_RECEIPT, "receipt"}};
	char *path = directory(o, "large");
	uint64_t begin, size = o->large;
	struct process p;
	struct stat st = {.st_size = 0};
	_cleanup_free_ char *file = xasprintf("%s/ledger.db", path);

	start(&p, o, path);
	process_stop(&p, 0);
	begin = clock_now_ns();
	make_large(path, size);
	fprintf(stderr, "bench-ledger: %llu entries made in %.0f s\n", (unsigned long long)size,
		(double)(clock_now_ns() - begin) / NS_PER_S);
	begin = clock_now_ns();
	process_start(&p, o->ledger, path, (const char *const[]){NULL});
	process_await_signed(&p, size);
	stat(file, &st);
	printf(",\"large\":{\"entries\":%llu,\"mib\":%lld,\"start_ms\":%.1f",
	       (unsigned long long)size, (long long)st.st_size >> 20,
	       (double)(clock_now_ns() - begin) / NS_PER_MS);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct percentiles x = ask_many(o, &p, all[i].what, size);

		printf(",\"%s\":{\"p50_us\":%.0f,\"p99_us\":%.0f}", all[i].name, x.p50_us,
		       x.p99_us);
	}
	printf("}");
	process_stop(&p, 0);
	drop(path);
}

static int measure(const struct options *o)
{
	struct percentiles one = append_single(o, 0), synced = append_single(o, 1);

	printf("{\"append\":{\"per_s\":%.0f,\"synced_per_s\":%.0f,\"outstanding\":%d,"
	       "\"p50_us\":%.0f,\"p99_us\":%.0f,\"synced_p50_us\":%.0f,\"synced_p99_us\":%.0f}",
	       append_many(o, 0), append_many(o, 1), OUTSTANDING, one.p50_us, one.p99_us,
	       synced.p50_us, synced.p99_us);
	measure_check(o);
	measure_large(o);
	puts("}");
	return 0;
}

static uint64_t number(const char *text)
{
	uint64_t n = strtoull(text, NULL, 10);

	if (n < 2)
		errx(2, "'%s' is no number of entries", text);
	return n;
}

static int append(const char *ledger, const char *path, uint64_t n)
{
	static const char *const none[] = {NULL};
	struct process p;

	process_start(&p, ledger, path, none);
	make_append(&p, 0, n, OUTSTANDING, 1, 0);
	process_stop(&p, 0);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = {.appends = 20000, .entries = 200000, .large = 10000000};

	if (argc == 4 && !strcmp(argv[2], "--make")) {
		make_small(argv[1], argv[3]);
		return 0;
	}
	if (argc == 5 && !strcmp(argv[2], "--append"))
		return append(argv[1], argv[3], strtoull(argv[4], NULL, 10));
	if (argc < 4 || strcmp(argv[2], "--measure") != 0)
		errx(2, "usage: ledger LEDGER --make DIRECTORY | --append DIRECTORY N | --measure "
			"DIRECTORY [--appends N] [--entries N] [--large N]");
	o.ledger = argv[1];
	o.directory = argv[3];
	for (int i = 4; i + 1 < argc; i += 2) {
		uint64_t n = number(argv[i + 1]);

		if (!strcmp(argv[i], "--appends"))
			o.appends = n;
		else if (!strcmp(argv[i], "--entries"))
			o.entries = n;
		else if (!strcmp(argv[i], "--large"))
			o.large = n;
		else
			errx(2, "unknown option '%s'", argv[i]);
	}
	return measure(&o);
}
