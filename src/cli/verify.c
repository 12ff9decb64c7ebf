/*
 * `cordon verify FILE…`: what receipts prove, offline, from nothing but a trusted root. All that
 * stands in a file is somebody's claim until evidence/verify.h has looked at it, and hostile to a
 * terminal even then.
 */
#include "cli/verify.h"

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/safe.h"
#include "evidence/source.h"
#include "evidence/statement.h"

#include "base/json.h"

#include <stdio.h>
#include <string.h>

#define AT(m) offsetof(struct verify_options, m)

static const char *text_at(const struct judged *j, const char *path)
{
	const json_t *v = source_at(j->v.statement, path);
	const char *s = json_string_value(v);

	if (!s)
		return "";
	return strlen(s) == json_string_length(v) ? s : "(it has a zero byte)";
}

static long long number_at(const struct judged *j, const char *path)
{
	return json_integer_value(source_at(j->v.statement, path));
}

const char *verify_subject(const struct judged *j, const char *name)
{
	const json_t *list = source_at(j->v.statement, "subject"), *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		const char *is = json_string_value(source_at(item, "name"));
		const char *digest = json_string_value(source_at(item, "digest.sha256"));

		if (is && digest && !strcmp(is, name))
			return digest;
	}
	return "";
}

static int is_run(const struct judged *j)
{
	return !strcmp(text_at(j, "predicateType"), STATEMENT_RUN);
}

/* ---- for a person ---- */

static void print(const char *text)
{
	_cleanup_buf_ struct buf b = BUF_INIT(1 << 20);

	safe_cell(&b, text, strlen(text));
	fputs(*text ? buf_str(&b) : "-", stdout);
}

static void print_row(const char *name, const char *text, const char *more)
{
	printf("  %-11s", name);
	print(text);
	fputs(more, stdout);
}

static void print_named(const char *name, const char *text, const char *what, const char *more)
{
	if (!*text)
		return;
	print_row(name, text, "");
	if (*more) {
		printf(" (%s ", what);
		print(more);
		putchar(')');
	}
	putchar('\n');
}

static void print_run(const struct judged *j)
{
	const char *node = text_at(j, "predicate.journal.outcome");

	print_row("run", text_at(j, "predicate.run.id"), " of tenant ");
	print(text_at(j, "predicate.run.tenant"));
	putchar('\n');
	print_named("ended", text_at(j, "predicate.result.outcome"), "because of",
		    text_at(j, "predicate.result.reason"));
	if (*node && strcmp(node, text_at(j, "predicate.result.outcome")) != 0)
		print_named("", node, "says its journal, ", text_at(j, "predicate.journal.reason"));
	print_named("artifact", verify_subject(j, "artifact"), "", "");
	print_named("output", verify_subject(j, "output"), "", "");
	print_named("policy", text_at(j, "predicate.policy.digest"), "profile",
		    text_at(j, "predicate.policy.profile"));
	printf("  %-11s%lld allowed, %lld denied\n", "decisions",
	       number_at(j, "predicate.decisions.allowed"),
	       number_at(j, "predicate.decisions.denied"));
}

static void print_what(const struct judged *j)
{
	putchar('\n');
	if (is_run(j)) {
		print_run(j);
	} else if (strcmp(text_at(j, "predicateType"), STATEMENT_ACT) != 0) {
		print_row("about", text_at(j, "predicateType"), ", which is nothing of Cordon's\n");
		return;
	} else {
		print_row("act", text_at(j, "predicate.event.act"), ": ");
		print(text_at(j, "predicate.event.event"));
		putchar('\n');
		print_named("by", text_at(j, "predicate.event.by"), "", "");
		print_named("tenant", text_at(j, "predicate.event.tenant"), "", "");
	}
	printf("  %-11s%lld events, sealed by ", "journal",
	       number_at(j, "predicate.journal.count"));
	print(text_at(j, "predicate.journal.sealed_by"));
	putchar('\n');
	print_row("", verify_subject(j, "journal"), "\n");
	print_row("recorded", text_at(j, "predicate.recorded.time"), ", receipt ");
	print(text_at(j, "predicate.recorded.receipt"));
	putchar('\n');
}

static void print_proven(const struct judged *j, const struct verify_options *o)
{
	printf("\n  Proven, if the trusted root is the right one:\n"
	       "  - whoever has the key %s signed this\n"
	       "  - it is entry %llu of the log ",
	       j->v.hint, (unsigned long long)j->v.index);
	print(j->v.checkpoint.origin);
	printf("\n  - the log's key ");
	print(j->log_key);
	printf(" signed a checkpoint of %llu entries with it\n",
	       (unsigned long long)j->v.checkpoint.size);
	for (size_t i = 0; i < j->n_witnesses; i++) {
		printf("  - the witness ");
		print(j->witnesses[i].name);
		printf(" signed that checkpoint too, at %s\n", j->witnesses[i].time);
	}
	if (o->output)
		puts("  - the output is the one in the file that was given");
	if (o->journal)
		puts("  - the events of its journal are those in the file that was given");
}

static void print_unproven(const struct judged *j, const struct verify_options *o)
{
	puts("\n  Not proven:\n"
	     "  - that the keys belong to whom you think: the trusted root says so, and is yours "
	     "to "
	     "get\n"
	     "  - that what the platform says here is so: this proves that it said it, then");
	if (!j->n_witnesses)
		puts("  - that everybody is shown the same log: no witness whose key was given has "
		     "signed");
	if (!o->output && *verify_subject(j, "output"))
		puts("  - what the output was: compare a file with --output");
	if (!o->journal)
		puts("  - what the events were: compare a file with --journal");
}

static void print_text(const struct judged *j, const struct verify_options *o)
{
	print(j->file);
	if (!j->ok) {
		fputs(": NOT GOOD: ", stdout);
		print(j->e.message);
		printf(" (%s)\n", j->e.code);
		return;
	}
	puts(": good");
	print_what(j);
	print_proven(j, o);
	print_unproven(j, o);
}

/* ---- for a program ---- */

static void add_text(struct buf *b, const char *name, const char *text)
{
	buf_addf(b, ",\"%s\":", name);
	if (*text)
		json_quote_str(b, text);
	else
		buf_adds(b, "null");
}

static void add_good(struct buf *b, const struct judged *j, const struct verify_options *o)
{
	int run = is_run(j);

	add_text(b, "run", run ? text_at(j, "predicate.run.id") : "");
	add_text(b, "act", run ? "" : text_at(j, "predicate.event.act"));
	add_text(b, "receipt", text_at(j, "predicate.recorded.receipt"));
	add_text(b, "recorded_at", text_at(j, "predicate.recorded.time"));
	add_text(b, "tenant", text_at(j, run ? "predicate.run.tenant" : "predicate.event.tenant"));
	add_text(b, "outcome", text_at(j, "predicate.result.outcome"));
	add_text(b, "reason", text_at(j, "predicate.result.reason"));
	add_text(b, "artifact_sha256", verify_subject(j, "artifact"));
	add_text(b, "output_sha256", verify_subject(j, "output"));
	add_text(b, "policy", text_at(j, "predicate.policy.digest"));
	add_text(b, "profile", text_at(j, "predicate.policy.profile"));
	buf_addf(b, ",\"allowed\":%lld,\"denied\":%lld,\"journal\":{\"count\":%lld",
		 number_at(j, "predicate.decisions.allowed"),
		 number_at(j, "predicate.decisions.denied"),
		 number_at(j, "predicate.journal.count"));
	add_text(b, "root", verify_subject(j, "journal"));
	add_text(b, "sealed_by", text_at(j, "predicate.journal.sealed_by"));
	add_text(b, "outcome", text_at(j, "predicate.journal.outcome"));
	add_text(b, "reason", text_at(j, "predicate.journal.reason"));
	buf_adds(b, "}");
	add_text(b, "statement_key", j->v.hint);
	add_text(b, "log", j->v.checkpoint.origin);
	add_text(b, "log_key", j->log_key);
	buf_addf(b, ",\"entry\":%llu,\"size\":%llu,\"witnesses\":[", (unsigned long long)j->v.index,
		 (unsigned long long)j->v.checkpoint.size);
	for (size_t i = 0; i < j->n_witnesses; i++) {
		buf_adds(b, i ? ",{\"name\":" : "{\"name\":");
		json_quote_str(b, j->witnesses[i].name);
		buf_addf(b, ",\"time\":\"%s\"}", j->witnesses[i].time);
	}
	buf_addf(b, "],\"output_compared\":%s,\"journal_compared\":%s",
		 o->output ? "true" : "false", o->journal ? "true" : "false");
}

static void print_json(const struct judged *j, const struct verify_options *o)
{
	_cleanup_buf_ struct buf b = BUF_INIT(VERIFY_FILE_MAX * 8);

	buf_adds(&b, "{\"file\":");
	json_quote_str(&b, j->file);
	buf_addf(&b, ",\"ok\":%s", j->ok ? "true" : "false");
	add_text(&b, "code", j->ok ? "" : j->e.code);
	add_text(&b, "detail", j->ok ? "" : j->e.message);
	if (j->ok)
		add_good(&b, j, o);
	buf_addc(&b, '}');
	puts(buf_str(&b));
}

/* ---- the command ---- */

static int read_trust(const struct verify_options *o, struct trust *ret, struct err *reterr)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r;

	if (!o->trusted_root)
		return err_set(reterr, EINVAL, "usage",
			       "--trusted-root FILE is needed: the keys to believe, as `cordon log "
			       "trusted-root` prints them where the log is; get it by a way that "
			       "you trust");
	r = api_read(o->trusted_root, VERIFY_FILE_MAX, &text, &len, reterr);
	if (r == 0)
		r = trust_read(text, len, ret, reterr);
	return r;
}

static int read_witnesses(const struct verify_options *o, struct note_key *keys, struct err *reterr)
{
	for (size_t i = 0; i < o->witnesses.n; i++)
		if (i == VERIFY_WITNESSES_MAX || note_key_read(o->witnesses.v[i], &keys[i]) < 0 ||
		    keys[i].kind != NOTE_COSIGNATURE)
			return err_set(reterr, EINVAL, "usage",
				       "--witness %s: a witness's verifier key is NAME+HASH+KEY, "
				       "of type 4 (C2SP tlog-cosignature), and there are at most "
				       "%d",
				       o->witnesses.v[i], VERIFY_WITNESSES_MAX);
	return 0;
}

static int verify(const struct call *call)
{
	const struct verify_options *o = call->options;
	_cleanup_(trust_done) struct trust trust = {.n = 0};
	struct note_key witnesses[VERIFY_WITNESSES_MAX];
	struct err e;
	int bad = 0;

	if (call->operand_count > 1 && (o->output || o->journal))
		return api_refuse(call, "--output and --journal are about one receipt: give one "
					"FILE with them");
	if (read_witnesses(o, witnesses, &e) < 0 || read_trust(o, &trust, &e) < 0)
		return api_usage(call, &e);
	for (size_t i = 0; i < call->operand_count; i++) {
		struct judged j = {.file = call->operands[i]};

		j.ok = verify_judge(&trust, witnesses, o, &j) == 0;
		if (o->shared.json)
			print_json(&j, o);
		else
			print_text(&j, o);
		bad |= !j.ok;
		verify_done(&j);
	}
	return bad;
}

static const struct option_row rows[] = {
	{.name = "trusted-root",
	 .argument = "FILE",
	 .kind = OPTION_TEXT,
	 .offset = AT(trusted_root),
	 .help = "The keys to believe, as `cordon log trusted-root` prints them; needed."},
	{.name = "output",
	 .argument = "FILE",
	 .kind = OPTION_TEXT,
	 .offset = AT(output),
	 .help = "Whether this is the run's output, byte for byte; a line feed at its end may be "
		 "more."},
	{.name = "journal",
	 .argument = "FILE",
	 .kind = OPTION_TEXT,
	 .offset = AT(journal),
	 .help = "Whether these are the events of the run's journal, all of them, as `cordon runs "
		 "events` prints them."},
	{.name = "witness",
	 .argument = "KEY",
	 .kind = OPTION_REPEATED,
	 .offset = AT(witnesses),
	 .help = "The verifier key of a witness (C2SP tlog-cosignature): whether it has signed "
		 "the checkpoint, too."},
	{0}};

const struct command verify_commands[] = {
	{.name = "verify",
	 .operands = "FILE|-...",
	 .operands_min = 1,
	 .operands_max = OPERANDS_MAX,
	 .surplus = "so many receipts are taken at once",
	 .what = "Checks receipts offline, and says what they prove and what not.",
	 .text = "Checks receipts, as `cordon receipt` gives them, offline: the statement's "
		 "signature, its entry in the log, the proof that the log has it, and the log's "
		 "signature under its checkpoint. Then it says what is proven, by whom, and what "
		 "is not.\n"
		 "Exit status: 0 all are good, 1 one is not, 2 usage.",
	 .rows = rows,
	 .shared = options_json,
	 .size = sizeof(struct verify_options),
	 .run = verify},
	{0}};
