/* `cordon run`: one run on a platform that lives as long as the run, or through the daemon. */
#include "cli/run.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/link.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "wire/run_json.h"
#include "wire/words.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum { SCHEMA_MAX = 1 << 20 };

#define DEFAULT_NOW_MS 946684800000LL /* 2000-01-01T00:00:00Z: plainly not today */

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	(void)sig;
	interrupted++;
}

/* The JSON of an option: as given, or with @ from a file. */
static int load_json(const char *option, const char *text, size_t max, char **ret, size_t *ret_len,
		     struct err *reterr)
{
	size_t at;
	int r = 0;

	if (text[0] == '@') {
		r = api_read(text + 1, max, ret, ret_len, reterr);
	} else {
		*ret = xstrdup(text);
		*ret_len = strlen(text);
	}
	if (r == 0 && json_check(*ret, *ret_len, &at) < 0)
		return err_set(reterr, EINVAL, "usage",
			       "--%s is not one JSON value: byte %zu is where it goes wrong%s",
			       option, at,
			       text[0] == '@' ? "" : " (a string needs its double quotes)");
	return r;
}

static int number(const char *option, const char *text, uint64_t *ret, struct err *reterr)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 10);
	if (!*text || *end || errno || *text == '-')
		return err_set(reterr, EINVAL, "usage", "%s %s: a whole number is needed", option,
			       text);
	return 0;
}

/* Everything but the code: from the options into the message. */
static int fill(struct msg_submit *m, const struct run_options *o, struct err *reterr)
{
	uint64_t now = DEFAULT_NOW_MS;
	int r = 0;

	m->engine = strcmp(o->tier, "regulated") ? ENGINE_STANDARD : ENGINE_REGULATED;
	words_class_parse(o->class_, &m->class_);
	if (o->seed)
		r = number("--seed", o->seed, &m->seed, reterr);
	else if (getrandom(&m->seed, sizeof(m->seed), 0) != sizeof(m->seed))
		r = err_set(reterr, errno, "platform", "getrandom: %s", strerror(errno));
	if (r == 0 && o->now && !o->seed)
		r = err_set(reterr, EINVAL, "usage",
			    "--now needs --seed: only a repeatable run has a virtual clock");
	if (r == 0 && o->now)
		r = number("--now", o->now, &now, reterr);
	if (r == 0 && now > 8640000000000000ULL)
		r = err_set(reterr, EINVAL, "usage", "--now %s: later than a date can be", o->now);
	if (r < 0)
		return r;
	m->flags = (uint8_t)((o->seed ? RUN_VIRTUAL_CLOCK : 0) | (o->code.fences ? RUN_FENCES : 0) |
			     (o->eval ? RUN_EVAL : 0) | (o->journal ? RUN_JOURNAL : 0));
	m->now_ms = (int64_t)now;
	m->cpu_us = o->cpu_ms * 1000;
	m->wall_us = o->wall_ms * 1000;
	m->memory_bytes = o->memory_mb << 20;
	m->output_bytes = o->output_kb << 10;
	m->operations = (uint32_t)o->operations;
	m->log_lines = (uint32_t)o->log_lines;
	m->timers = (uint32_t)o->timers;
	m->language = WIRE_STR(o->code.language);
	return 0;
}

static void print_done(const struct run_options *o, const struct report *rep,
		       const struct msg_run_done *m)
{
	if (o->shared.json)
		report_json(rep, m);
	else
		report_person(rep, m);
}

/* The node died under the run: that too is an outcome. */
static int node_lost(const struct run_options *o, const struct report *rep)
{
	struct msg_run_done m = {.outcome = OUTCOME_TERMINATED, .reason = REASON_CRASHED};

	m.detail = WIRE_STR("the node ended while the run was under way");
	print_done(o, rep, &m);
	return report_exit(m.outcome);
}

static void write_event(FILE *journal, const struct msg_run_journal *m)
{
	_cleanup_buf_ struct buf b = BUF_INIT(LIMIT_JOURNAL_LINE + LIMIT_JOURNAL_PAYLOAD + 64);

	run_json_event(&b, m);
	buf_addc(&b, '\n');
	fwrite(b.data, 1, b.len, journal);
}

static int follow(struct link *l, const struct run_options *o, struct report *rep, FILE *journal)
{
	struct progress progress;
	struct err e;
	struct msg m;
	int r, cancelled = 0;

	progress_start(&progress, "running");
	l->tick_ms = progress.wanted ? PROGRESS_TICK_MS : 0;
	while ((r = link_next(l, &m, &e)) != 0) {
		if (r == -EAGAIN) {
			progress_tick(&progress);
			continue;
		}
		progress_clear(&progress);
		if (r == -EINTR && interrupted && !cancelled) {
			cancelled = 1;
			link_send(
				l,
				&(struct msg){.type = MSG_CANCEL, .cancel = {1, REASON_CANCELLED}},
				&e);
		}
		if (r == -EINTR)
			continue;
		if (r < 0) {
			fprintf(stderr, "cordon: %s\n", e.message);
			return EXIT_PLATFORM;
		}
		if (m.type == MSG_NODE_READY && m.node_ready.error_code.len) {
			fprintf(stderr, "cordon: %.*s (%.*s)\n", (int)m.node_ready.error.len,
				(const char *)m.node_ready.error.data,
				(int)m.node_ready.error_code.len,
				(const char *)m.node_ready.error_code.data);
			return EXIT_PLATFORM;
		}
		if (m.type == MSG_RUN_LOG && o->shared.json)
			report_keep_log(rep, &m.run_log);
		else if (m.type == MSG_RUN_LOG)
			report_log(&m.run_log);
		if (m.type == MSG_RUN_JOURNAL && journal)
			write_event(journal, &m.run_journal);
		if (m.type == MSG_RUN_DONE) {
			print_done(o, rep, &m.run_done);
			return report_exit(m.run_done.outcome);
		}
	}
	return node_lost(o, rep);
}

static int run_with(const struct run_options *o, struct msg_submit *submit, FILE *journal)
{
	char warm[32];
	const char *args[] = {warm, "--pool-floor=1", NULL};
	struct report rep = {.tier = o->tier, .class_ = o->class_, .logs = BUF_INIT(256 << 20)};
	struct sigaction act = {.sa_handler =
					on_signal}; /* without SA_RESTART: waiting is cut short */
	char id[ID_SIZE];
	struct link l;
	struct err e;
	int status;

	snprintf(warm, sizeof(warm), "--warm=%s", words_engine(submit->engine));
	id_new("run", id);
	snprintf(rep.run, sizeof(rep.run), "%s", id);
	submit->handle = 1;
	submit->run = WIRE_STR(rep.run);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	if (link_start(&l, !strcmp(o->jail, "full"), args, &e) < 0 ||
	    link_send(&l, &(struct msg){.type = MSG_SUBMIT, .submit = *submit}, &e) < 0) {
		fprintf(stderr, "cordon: %s (%s)\n", e.message, e.code);
		status = EXIT_PLATFORM;
	} else {
		link_guard_signals(&l);
		status = follow(&l, o, &rep, journal);
	}
	link_stop(&l);
	buf_done(&rep.logs);
	return status;
}

/* What the artifact names is not to be said again. */
static int check_artifact(const struct call *call, struct err *reterr)
{
	const struct run_options *o = call->options;
	const char *given = call->operand_count ? "FILE" : code_given(&o->code);

	if (!o->artifact || !given)
		return 0;
	return err_set(reterr, EINVAL, "usage", "--artifact names all of the code: leave out %s%s",
		       call->operand_count ? "" : "--", given);
}

static int run(const struct call *call)
{
	_cleanup_buf_ struct buf map = CODE_MAP_INIT;
	const char *file = call->operand_count ? call->operands[0] : "-";
	const struct run_options *o = call->options;
	_cleanup_client_ struct client client = {0};
	_cleanup_free_ char *input = NULL, *schema = NULL;
	struct msg_submit submit = {0};
	size_t input_len = 0, schema_len = 0;
	FILE *journal = NULL;
	struct err e;
	int status, remote;

	if (fill(&submit, o, &e) < 0 || check_artifact(call, &e) < 0 ||
	    (!o->artifact && code_load(&o->code, file, &map, &e) < 0) ||
	    (o->input && load_json("input", o->input, LIMIT_INPUT, &input, &input_len, &e) < 0) ||
	    (o->schema &&
	     load_json("output-schema", o->schema, SCHEMA_MAX, &schema, &schema_len, &e) < 0) ||
	    client_init(&client, &o->shared, &e) < 0)
		return api_usage(call, &e);
	remote = remote_wanted(call, &client, &e);
	if (remote < 0)
		return api_usage(call, &e);
	if (o->journal) {
		journal = fopen(o->journal, "we");
		if (!journal) {
			err_set(&e, errno, "usage", "cannot write '%s': %s", o->journal,
				strerror(errno));
			return api_usage(call, &e);
		}
	}
	submit.main = WIRE_STR(code_main(file));
	submit.modules = WIRE_BUF(&map);
	submit.input = (struct wire_bytes){input, input_len};
	status = remote ? remote_run(call, &client, &(struct remote_code){&submit, &map, schema},
				     journal)
			: run_with(o, &submit, journal);
	if (journal && fclose(journal) != 0) {
		fprintf(stderr, "cordon: writing '%s': %s\n", o->journal, strerror(errno));
		status = EXIT_PLATFORM;
	}
	return status;
}

#define AT(m) .offset = offsetof(struct run_options, m)
#define TEXT(n, a, m, ...)                                                                         \
	{                                                                                          \
		.name = n, .argument = a, .kind = OPTION_TEXT, AT(m), .help = __VA_ARGS__          \
	}
#define CHOICE(n, a, m, p, ...)                                                                    \
	{                                                                                          \
		.name = n, .argument = a, .kind = OPTION_CHOICE, AT(m), .preset = p,               \
		.help = __VA_ARGS__                                                                \
	}
#define LIST(n, a, m, ...)                                                                         \
	{                                                                                          \
		.name = n, .argument = a, .kind = OPTION_REPEATED, AT(m), .help = __VA_ARGS__      \
	}
#define FLAG(n, m, ...)                                                                            \
	{                                                                                          \
		.name = n, .kind = OPTION_FLAG, AT(m), .help = __VA_ARGS__                         \
	}
#define NUMBER(n, m, default_, from, to, ...)                                                      \
	{                                                                                          \
		.name = n, .argument = "N", .kind = OPTION_NUMBER, AT(m), .fallback = default_,    \
		.min = from, .max = to, .help = __VA_ARGS__                                        \
	}

static const struct option_row rows[] = {
	TEXT("input", "JSON|@FILE", input,
	     "Input of the code: a JSON value, or @FILE to read one from FILE (@- for standard "
	     "input)."),
	CODE_ROWS(run_options, code),
	CHOICE("class", "interactive|bulk", class_, "interactive",
	       "Task class. Default: interactive."),
	CHOICE("tier", "batch|standard|regulated", tier, "standard",
	       "Service tier. `regulated` runs without JIT, WebAssembly or executable memory. "
	       "Default: standard. Through the daemon the profile decides."),
	NUMBER("cpu-ms", cpu_ms, 1000, 1, 3600000, "CPU time ceiling in milliseconds."),
	NUMBER("wall-ms", wall_ms, 10000, 1, 86400000, "Wall time ceiling in milliseconds."),
	NUMBER("memory-mb", memory_mb, 128, 8, 65536,
	       "Memory ceiling in MiB, counted as growth of the sandbox's data segment."),
	NUMBER("output-kb", output_kb, 1024, 1, 32768,
	       "Ceiling in KiB on result and logs together."),
	NUMBER("operations", operations, 1000, 0, 1000000,
	       "Ceiling on messages to the broker that ask for an answer (fetch, waiting for a "
	       "timer)."),
	NUMBER("log-lines", log_lines, 1000, 0, 1000000, "Ceiling on log lines."),
	NUMBER("timers", timers, 1000, 0, 10000, "Ceiling on timers pending at once."),
	TEXT("seed", "N", seed,
	     "Seed of Math.random and crypto, 0 to 18446744073709551615. With a seed the clock is "
	     "virtual too, so that the same seed gives the same result and logs to the byte."),
	TEXT("now", "TIME", now,
	     "What the clock says at the start, in milliseconds since 1970, with --seed. Default: "
	     "946684800000 (2000-01-01T00:00:00Z)."),
	FLAG("eval", eval, "Let eval and new Function work."),
	CHOICE("jail", "full|available", jail, "full",
	       "`full` (default) refuses to run unless every required part of the jail is in "
	       "force; "
	       "`available` runs with what the machine offers, and says so in the result."),
	TEXT("journal", "FILE", journal,
	     "Write the journal of the run to FILE, one JSON object per line."),
	FLAG("local", local,
	     "Run on a platform that lives as long as the run, even if a daemon could be asked."),
	TEXT("profile", "NAME", profile,
	     "Run under this profile of the daemon, its newest version. Default: transform. "
	     "Ceilings "
	     "that are not given are the profile's."),
	TEXT("artifact", "DIGEST", artifact,
	     "Run the code that was put under this digest (`cordon artifact put`), in place of a "
	     "FILE."),
	TEXT("output-schema", "JSON|@FILE", schema,
	     "JSON Schema that the value must match, or the run has failed."),
	TEXT("session", "ID", session, "The session that the run belongs to."),
	LIST("provenance", "KEY=VALUE", provenance,
	     "Who made the code: origin, model, prompt_sha256 or author. Kept with the run, and "
	     "not believed."),
	NUMBER("deadline-ms", deadline_ms, 0, 1, 86400000,
	       "Milliseconds from now, waiting included, after which nobody needs the result: what "
	       "cannot be done by then is not begun, and what runs then is stopped."),
	FLAG("idempotent", idempotent,
	     "It does no harm to run it twice: if the platform fails it, it is tried again."),
	TEXT("idempotency-key", "KEY", idempotency_key,
	     "The daemon runs the same thing under the same key once, and gives its result again."),
	LIST("label", "KEY=VALUE", labels,
	     "A label by which the daemon's runs can be listed. May be given more than once."),
	{0}};

const struct command run_commands[] = {
	{.name = "run",
	 .operands = "[FILE|-]",
	 .operands_max = 1,
	 .surplus = "one FILE is run; give further modules with --module NAME=FILE",
	 .what = "Runs JavaScript or TypeScript in a jailed process of its own.",
	 .text = "Runs JavaScript or TypeScript in a jailed process of its own, and prints what it "
		 "returns.\n"
		 "The shape of the code is recognised: a function expression (`async ({input}) => "
		 "…`), a module whose default export is a function, or one whose default export "
		 "has "
		 "`fetch`.\n"
		 "The value goes to standard output; logs, usage and errors to standard error.\n"
		 "The run goes to the daemon if --url, --data, CORDON_URL or CORDON_API_KEY names "
		 "one, "
		 "or if one answers in the default data directory; else, and with --local, it has "
		 "a "
		 "platform of its own. --tier, --eval, --jail and --now are for the latter: in the "
		 "daemon the profile decides.",
	 .rows = rows,
	 .shared = options_shared,
	 .size = sizeof(struct run_options),
	 .run = run},
	{0}};
