/*
 * `cordon-ledger check`: reads the ledger's database, which somebody else may have written, and
 * believes nothing of it that it has not recomputed. It opens it for reading only, and may run
 * while the ledger does. What it proves is that the log agrees with itself and with the keys that
 * it names; that these are the right keys, only somebody can say who has kept them, or a checkpoint
 * (--checkpoint), elsewhere.
 *
 * Worst case: a database that exploits SQLite. It has no other file then, where there is Landlock,
 * and the identity of the ledger's owner.
 */
#include "ledger/check.h"

#include "base/clock.h"
#include "base/log.h"
#include "os/fd.h"
#include "os/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#define SIZE_MAX_SANE (1LL << 56) /* what tiles have numbers for */
enum { STATUS_BAD = 1, STATUS_USAGE = 2, STATUS_CANNOT = 5 };

/* ---- findings ---- */

void findings_add(struct findings *f, enum place place, int64_t number, const char *subject,
		  const char *format, ...)
{
	struct finding *x;
	va_list ap;

	if (f->n == CHECK_FINDINGS_MAX) {
		f->more = 1;
		return;
	}
	x = &f->f[f->n++];
	x->place = place;
	x->number = number;
	snprintf(x->subject, sizeof(x->subject), "%s", subject);
	va_start(ap, format);
	vsnprintf(x->text, sizeof(x->text), format, ap);
	va_end(ap);
}

static void take_findings(struct findings *to, const struct findings *from)
{
	for (size_t i = 0; i < from->n; i++)
		findings_add(to, from->f[i].place, from->f[i].number, from->f[i].subject, "%s",
			     from->f[i].text);
	to->more |= from->more;
}

/* The entry by which it can be seen. */
static int64_t position(const struct finding *f)
{
	switch (f->place) {
	case AT_DATABASE:
		return INT64_MAX;
	case AT_GENERATION:
		return -1;
	case AT_ENTRY:
		return f->number;
	case AT_TILE:
		return INT64_MAX - 1;
	case AT_STATE:
		return INT64_MAX - 2;
	case AT_USAGE:
	case AT_EXPORT:
		return INT64_MAX;
	case AT_CHECKPOINT:
		return f->number == INT64_MIN ? f->number : f->number - 1;
	}
	return 0;
}

/* The entries that are bad come first, in their order. */
static int by_position(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;
	int64_t p = position(x), q = position(y);

	if (p != q)
		return p < q ? -1 : 1;
	return (x->place > y->place) - (x->place < y->place);
}

/* ---- what comes before the entries ---- */

size_t check_generation(const struct check *c, int64_t index)
{
	size_t low = 0, high = c->n_generations;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (c->firsts[middle] <= index)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static int read_log(struct verdict *v, struct store *s, struct err *reterr)
{
	static const uint8_t none[NOTE_PUBLIC];
	struct findings *f = &v->found;
	struct note_key k;
	struct strict c;
	int r = strict_begin(&c, s, STRICT_LOG, 0, 0, reterr), known = 0;

	while (r == 0 && (r = strict_next(&c, reterr)) == 1) {
		r = 0;
		if (c.odd) {
			findings_add(f, AT_DATABASE, 0, "",
				     "its table of names has a value that is no text");
		} else if (!strcmp(c.log.name, "origin") &&
			   note_key_init(&k, NOTE_LOG, c.log.value, none) == 0) {
			snprintf(v->check.origin, sizeof(v->check.origin), "%s", c.log.value);
			known = 1;
		} else {
			findings_add(f, AT_DATABASE, 0, "", "its table of names has '%.64s'",
				     c.log.name);
		}
	}
	strict_end(&c);
	if (r == 0 && !known)
		findings_add(f, AT_DATABASE, 0, "", "it does not say how the log is called");
	return r;
}

static void add_generation(struct verdict *v, const struct generation_row *row)
{
	struct check *c = &v->check;
	struct generation *g;
	int64_t *first;

	c->generations = xrealloc(c->generations, (c->n_generations + 1) * sizeof(*c->generations));
	c->firsts = xrealloc(c->firsts, (c->n_generations + 1) * sizeof(*c->firsts));
	g = &c->generations[c->n_generations];
	first = &c->firsts[c->n_generations++];
	*g = (struct generation){.from_ms = row->from_ms, .until_ms = row->until_ms};
	*first = row->first;
	memcpy(g->statement, row->statement, sizeof(g->statement));
	note_key_init(&g->log, NOTE_LOG, c->origin, row->log);
}

/* What is wrong with a generation that follows those that are there; NULL: nothing. */
static const char *generation_wrong(const struct check *c, const struct generation_row *row,
				    const char *odd)
{
	size_t n = c->n_generations;

	if (odd)
		return "a value of it is not of the type and size that the ledger writes";
	if (row->number != (int64_t)n + 1 || n == GENERATIONS_MAX)
		return "it has not the number that comes next";
	if (n ? row->first <= c->firsts[n - 1] || row->from_ms != c->generations[n - 1].until_ms ||
			    !row->from_ms
	      : row->first != 0)
		return "it does not begin where the one before it ends";
	if (row->first > c->size)
		return "it begins after the log's last entry";
	if (row->until_ms ? row->secret != NULL : row->secret_len != KEYS_BOX)
		return row->until_ms ? "its secret keys are still there"
				     : "its secret keys are not there";
	if (row->until_ms && row->until_ms < row->from_ms)
		return "it ends before it begins";
	return NULL;
}

static int read_generations(struct verdict *v, struct store *s, struct err *reterr)
{
	struct check *c = &v->check;
	struct strict at;
	int r = strict_begin(&at, s, STRICT_GENERATIONS, 0, 0, reterr);

	while (r == 0 && (r = strict_next(&at, reterr)) == 1) {
		const char *wrong = generation_wrong(c, &at.generation, at.odd);

		if (wrong) {
			findings_add(&v->found, AT_GENERATION, at.generation.number, "", "%s",
				     wrong);
			break;
		}
		add_generation(v, &at.generation);
		r = 0;
	}
	strict_end(&at);
	if (r < 0 || v->found.n)
		return r < 0 ? r : 0;
	if (!c->n_generations)
		findings_add(&v->found, AT_GENERATION, 1, "", "there is none");
	else if (c->generations[c->n_generations - 1].until_ms)
		findings_add(&v->found, AT_GENERATION, (int64_t)c->n_generations + 1, "",
			     "it is missing: the keys before it were retired");
	return 0;
}

/* ---- the whole ---- */

/* Whoever signed which entry can say which of them was changed, where a root only says between
 * which. */
static void name_changed(struct verdict *v, struct store *s)
{
	struct looker *k;
	int64_t index;

	for (size_t i = 0; i < v->found.n; i++)
		if (v->found.f[i].place == AT_ENTRY && v->found.f[i].number < v->tree.wrong) {
			store_close(s);
			return;
		}
	k = looker_new(&v->check, s);
	index = looker_unsigned(k, v->tree.right, v->tree.wrong);
	if (index >= 0)
		findings_add(&v->found, AT_ENTRY, index, "",
			     "its signature is not by the key of its generation");
	looker_free(k);
}

static int look_at_all(struct verdict *v, struct store *s, struct err *reterr)
{
	struct sums *sums = sums_new(&v->check, s, &v->found);
	struct tree *t;
	struct range *r;
	struct pool *p;
	int64_t before = 0;

	p = !v->export || export_read(v->export, sums, reterr) == 0 ? pool_new(&v->check, reterr)
								    : NULL;
	if (!p) {
		sums_free(sums);
		return -EAGAIN;
	}
	t = tree_new(&v->check, s, &v->found);
	while (v->found.n < CHECK_FINDINGS_MAX && (r = pool_next(p))) {
		take_findings(&v->found, &r->found);
		if (r->good && r->times[0] < before)
			findings_add(&v->found, AT_ENTRY, r->from, "",
				     "its time is earlier than that of the entry before it");
		before = r->good ? r->times[r->good - 1] : before;
		tree_add(t, r);
		sums_add(sums, r);
		v->events += r->events;
	}
	if (v->found.n < CHECK_FINDINGS_MAX)
		tree_end(t);
	else
		v->found.more = 1;
	v->tree = *tree_state(t);
	tree_free(t);
	pool_free(p, &v->found);
	sums_compare(sums, &v->usage);
	sums_free(sums);
	return 0;
}

static int check_all(struct verdict *v, struct err *reterr)
{
	struct check *c = &v->check;
	int64_t last = 0;
	struct store *s;
	int r = strict_open(c->directory, &s, reterr);

	if (r < 0)
		return r;
	r = strict_schema(s, reterr);
	if (r == 0)
		r = strict_last(s, &last, &c->newest, reterr);
	if (r == 0 && last >= SIZE_MAX_SANE)
		findings_add(&v->found, AT_ENTRY, last, "", "no log has as many entries");
	c->size = last < 0 || last >= SIZE_MAX_SANE ? 0 : last + 1;
	if (r == 0 && !v->found.n)
		r = read_log(v, s, reterr);
	if (r == 0 && !v->found.n)
		r = read_generations(v, s, reterr);
	if (r == 0 && !v->found.n && c->size == 0)
		findings_add(&v->found, AT_ENTRY, 0, "", "it is missing: the log is empty");
	if (r == 0 && !v->found.n)
		r = look_at_all(v, s, reterr);
	if (r == 0 && v->tree.wrong) {
		name_changed(v, s); /* closes it */
		return 0;
	}
	store_close(s);
	return r;
}

/* ---- how it is called ---- */

static int usage(const char *what)
{
	fprintf(stderr,
		"cordon-ledger check: %s\n"
		"usage: cordon-ledger check DIRECTORY [--signatures] [--checkpoint=FILE|-] "
		"[--payloads=DESCRIPTOR] [--usage] [--export=FILE|-] [--json]\n",
		what);
	return STATUS_USAGE;
}

static int read_kept(const char *path, struct kept *k)
{
	_cleanup_fd_ int fd = strcmp(path, "-") != 0 ? open(path, O_RDONLY | O_CLOEXEC)
						     : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (fd < 0 || fd_read_file(fd, NOTE_MAX, &text, &len) < 0 ||
	    checkpoint_read(text, len, &k->checkpoint) < 0)
		return -EINVAL;
	k->given = 1;
	return 0;
}

static void confine(const char *directory)
{
	_cleanup_fd_ int dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (dir >= 0)
		jail_landlock(-1, dir);
}

static unsigned processors(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return n < 1 ? 1 : n > CHECK_THREADS_MAX ? CHECK_THREADS_MAX : (unsigned)n;
}

/* It says nothing about what is in the database. */
static int out_of_reach(const struct err *e)
{
	static const char *const codes[] = {"store.open", "store.locked", "store.read_only",
					    "store.full", "check.thread", "check.export"};

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (!strcmp(e->code, codes[i]))
			return 1;
	return 0;
}

static int conclude(struct verdict *v)
{
	qsort(v->found.f, v->found.n, sizeof(v->found.f[0]), by_position);
	check_say(v);
	free(v->check.generations);
	free(v->check.firsts);
	if (fflush(stdout) != 0)
		return STATUS_CANNOT;
	return v->found.n ? STATUS_BAD : 0;
}

/* What is wrong with it; NULL: nothing. */
static const char *take_option(struct verdict *v, const char *text)
{
	struct check *c = &v->check;

	if (!strcmp(text, "--signatures")) {
		c->signatures = 1;
	} else if (!strcmp(text, "--json")) {
		c->json = 1;
	} else if (!strncmp(text, "--checkpoint=", 13)) {
		if (read_kept(text + 13, &c->kept) < 0)
			return "what --checkpoint names is no signed checkpoint";
	} else if (!strcmp(text, "--usage")) {
		v->usage_only = 1;
	} else if (!strncmp(text, "--export=", 9)) {
		v->export = strcmp(text + 9, "-") != 0 ? fopen(text + 9, "re") : stdin;
		if (!v->export)
			return "what --export names cannot be read";
	} else if (!strncmp(text, "--payloads=", 11)) {
		v->list = fdopen(atoi(text + 11), "re");
		if (!v->list)
			return "what --payloads names is no open descriptor";
	} else if (*text == '-' || c->directory) {
		return "that is none of its options";
	} else {
		c->directory = text;
	}
	return NULL;
}

int check_main(int argc, char **argv)
{
	static struct verdict v;
	struct check *c = &v.check;
	uint64_t begin = clock_now_ns();
	struct err e;
	int r;

	for (int i = 1; i < argc; i++) {
		const char *wrong = take_option(&v, argv[i]);

		if (wrong)
			return usage(wrong);
	}
	if (!c->directory)
		return usage("a directory is needed");
	if (sodium_init() < 0)
		log_fatal("start-up: %s", strerror(errno));
	c->threads = processors();
	confine(c->directory);
	r = check_all(&v, &e);
	if (r < 0 && out_of_reach(&e)) {
		fprintf(stderr, "cordon-ledger check: %s\n", e.message);
		return STATUS_CANNOT;
	}
	if (r < 0)
		findings_add(&v.found, AT_DATABASE, 0, "", "%s", e.message);
	if (!v.list)
		snprintf(v.payloads.why, sizeof(v.payloads.why), "nobody asked for it");
	else if (check_payloads(c->directory, v.list, &v.payloads, &v.found, &e) < 0)
		findings_add(&v.found, AT_DATABASE, 0, "", "%s", e.message);
	v.seconds = (double)(clock_now_ns() - begin) / NS_PER_S;
	return conclude(&v);
}
