/* What a check has found, for a person and for a program. */
#include "base/clock.h"
#include "base/json.h"
#include "ledger/check.h"

#include <stdio.h>
#include <string.h>

/* On one line, in characters that steer no terminal. */
static void print_plain(const char *text)
{
	for (const char *p = text; *p; p++)
		if (*p >= 0x20 && *p < 0x7f)
			putchar(*p);
		else
			printf("\\x%02x", (unsigned char)*p);
}

static void place_text(const struct finding *f, char out[TILE_PATH_SIZE + 32])
{
	char path[TILE_PATH_SIZE];

	switch (f->place) {
	case AT_DATABASE:
		snprintf(out, TILE_PATH_SIZE + 32, "database");
		return;
	case AT_GENERATION:
		snprintf(out, TILE_PATH_SIZE + 32, "generation %lld", (long long)f->number);
		return;
	case AT_ENTRY:
		snprintf(out, TILE_PATH_SIZE + 32, "entry %lld", (long long)f->number);
		return;
	case AT_TILE:
		merkle_tile_path((int)((uint64_t)f->number >> 56),
				 (uint64_t)f->number & (((uint64_t)1 << 56) - 1), TILE_WIDTH, path);
		snprintf(out, TILE_PATH_SIZE + 32, "tile %s", path);
		return;
	case AT_STATE:
		snprintf(out, TILE_PATH_SIZE + 32, "state database");
		return;
	case AT_USAGE:
		snprintf(out, TILE_PATH_SIZE + 32, "row %lld of %s", (long long)f->number,
			 f->subject);
		return;
	case AT_EXPORT:
		if (f->number)
			snprintf(out, TILE_PATH_SIZE + 32, "row %lld of the export",
				 (long long)f->number);
		else
			snprintf(out, TILE_PATH_SIZE + 32, "the export");
		return;
	case AT_CHECKPOINT:
		snprintf(out, TILE_PATH_SIZE + 32, "checkpoint of %lld entries",
			 (long long)f->number);
		return;
	}
}

/* Whether nothing but sums is wrong. */
static int only_usage(const struct verdict *v)
{
	for (size_t i = 0; i < v->found.n; i++)
		if (v->found.f[i].place != AT_USAGE && v->found.f[i].place != AT_EXPORT)
			return 0;
	return 1;
}

static void say_bad(const struct verdict *v)
{
	char place[TILE_PATH_SIZE + 32];

	if (only_usage(v)) {
		printf("Usage is not what the receipts of the log ");
		print_plain(v->check.origin);
		printf(" add up to. First:\n");
	} else {
		printf("The log ");
		print_plain(v->check.origin);
		printf("%sis damaged or was changed. First:\n", *v->check.origin ? " " : "");
	}
	for (size_t i = 0; i < v->found.n; i++) {
		const struct finding *f = &v->found.f[i];

		place_text(f, place);
		printf("  %s", place);
		if (*f->subject && f->place != AT_USAGE) {
			printf(" (");
			print_plain(f->subject);
			putchar(')');
		}
		printf(": ");
		print_plain(f->text);
		putchar('\n');
	}
	if (v->found.more)
		puts("  and more");
}

static void say_usage(const struct verdict *v)
{
	printf("  usage:       %llu rows, as the receipts of %lld entries add up\n",
	       (unsigned long long)v->usage.rows, (long long)v->usage.entries);
	if (v->check.size > v->usage.entries)
		printf("  not in it:   %lld entries, which are added up next\n",
		       (long long)(v->check.size - v->usage.entries));
	if (v->export)
		printf("  export:      %llu rows, as their receipts add up\n",
		       (unsigned long long)(v->usage.exported - v->usage.newer));
	if (v->export && !v->usage.whole)
		printf("  not looked for: rows that are missing in it, for it does not say of what "
		       "it "
		       "is the whole\n");
	if (v->export && v->usage.newer)
		printf("  not looked at: %llu rows of it, with receipts that came after this check "
		       "had begun\n",
		       (unsigned long long)v->usage.newer);
}

static void say_good(const struct verdict *v)
{
	const struct check *c = &v->check;
	_cleanup_buf_ struct buf root = BUF_INIT(64), key = BUF_INIT(512);
	char time[CLOCK_TEXT_SIZE];

	printf("The log ");
	print_plain(c->origin);
	printf(" is whole%s.\n", v->usage_only ? ", and usage is what its receipts add up to" : "");
	printf("  entries:     %lld, with %llu events\n", (long long)c->size,
	       (unsigned long long)v->events);
	printf("  generations: %zu\n", c->n_generations);
	printf("  checkpoints: %lld\n", (long long)v->tree.checkpoints);
	if (v->tree.checkpoints) {
		base64_add(&root, &v->tree.newest_root, HASH_SIZE);
		clock_text(v->tree.newest_ms, time);
		printf("  newest:      %lld entries, root %s, %s\n", (long long)v->tree.newest,
		       buf_str(&root), time);
	}
	note_key_write(&c->generations[c->n_generations - 1].log, &key);
	printf("  log's key:   ");
	print_plain(buf_str(&key));
	putchar('\n');
	printf("  signatures:  %s\n",
	       c->signatures ? "of each entry" : "of checkpoints, and of entries after the newest");
	if (c->kept.given)
		printf("  the log still is the one of the checkpoint of %llu entries that was "
		       "kept\n",
		       (unsigned long long)c->kept.checkpoint.size);
	say_usage(v);
	if (v->usage_only)
		;
	else if (v->payloads.whole)
		printf("  payloads:    %llu, as receipts and journals have them\n",
		       (unsigned long long)v->payloads.count);
	else
		printf("  payloads:    not looked at: %s\n", v->payloads.why);
	printf("  in %.1f s\n", v->seconds);
}

static void add_findings(const struct verdict *v, struct buf *b)
{
	static const char *const names[] = {
		[AT_DATABASE] = "database", [AT_GENERATION] = "generation", [AT_ENTRY] = "entry",
		[AT_TILE] = "tile",	    [AT_CHECKPOINT] = "checkpoint", [AT_STATE] = "state",
		[AT_USAGE] = "usage",	    [AT_EXPORT] = "export"};
	char place[TILE_PATH_SIZE + 32];

	buf_adds(b, ",\"findings\":[");
	for (size_t i = 0; i < v->found.n; i++) {
		const struct finding *f = &v->found.f[i];

		place_text(f, place);
		buf_addf(b, "%s{\"at\":\"%s\",\"place\":\"%s\"", i ? "," : "", names[f->place],
			 place);
		if (f->place == AT_ENTRY)
			buf_addf(b, ",\"entry\":%lld", (long long)f->number);
		if (*f->subject) {
			buf_adds(b, ",\"subject\":");
			json_quote_str(b, f->subject);
		}
		buf_adds(b, ",\"wrong\":");
		json_quote_str(b, f->text);
		buf_addc(b, '}');
	}
	buf_addf(b, "],\"more\":%s", v->found.more ? "true" : "false");
}

static void say_json(const struct verdict *v)
{
	const struct check *c = &v->check;
	_cleanup_buf_ struct buf b = BUF_INIT(1 << 20);
	char time[CLOCK_TEXT_SIZE];

	buf_addf(&b, "{\"ok\":%s,\"origin\":", v->found.n ? "false" : "true");
	json_quote_str(&b, c->origin);
	buf_addf(&b,
		 ",\"entries\":%lld,\"events\":%llu,\"generations\":%zu,\"checkpoints\":%lld,"
		 "\"newest\":",
		 (long long)c->size, (unsigned long long)v->events, c->n_generations,
		 (long long)v->tree.checkpoints);
	if (v->tree.checkpoints) {
		clock_text(v->tree.newest_ms, time);
		buf_addf(&b, "{\"size\":%lld,\"root\":\"", (long long)v->tree.newest);
		base64_add(&b, &v->tree.newest_root, HASH_SIZE);
		buf_addf(&b, "\",\"time\":\"%s\"}", time);
	} else {
		buf_adds(&b, "null");
	}
	if (c->n_generations) {
		_cleanup_buf_ struct buf key = BUF_INIT(512);

		note_key_write(&c->generations[c->n_generations - 1].log, &key);
		buf_adds(&b, ",\"log_key\":");
		json_quote(&b, key.data, key.len);
	}
	buf_addf(&b, ",\"signatures\":%s,\"kept_checkpoint\":%s,\"seconds\":%.3f",
		 c->signatures ? "true" : "false", c->kept.given ? "true" : "false", v->seconds);
	buf_addf(&b, ",\"usage\":{\"rows\":%llu,\"entries\":%lld",
		 (unsigned long long)v->usage.rows, (long long)v->usage.entries);
	if (v->export)
		buf_addf(&b, ",\"exported\":%llu,\"newer\":%llu,\"export_whole\":%s",
			 (unsigned long long)v->usage.exported, (unsigned long long)v->usage.newer,
			 v->usage.whole ? "true" : "false");
	buf_addc(&b, '}');
	if (v->list && v->payloads.whole) {
		buf_addf(&b, ",\"payloads\":%llu", (unsigned long long)v->payloads.count);
	} else {
		buf_adds(&b, ",\"payloads\":null,\"payloads_why\":");
		json_quote_str(&b, v->payloads.why);
	}
	add_findings(v, &b);
	buf_adds(&b, "}\n");
	fwrite(b.data, 1, b.len, stdout);
}

void check_say(const struct verdict *v)
{
	if (v->check.json)
		say_json(v);
	else if (v->found.n)
		say_bad(v);
	else
		say_good(v);
}
