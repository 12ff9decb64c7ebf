/* `cordon run`: one run on a platform that lives as long as the run. */
#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/link.h"
#include "cli/options.h"
#include "cli/report.h"
#include "os/fd.h"
#include "wire/modmap.h"
#include "wire/words.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define DEFAULT_NOW_MS 946684800000LL /* 2000-01-01T00:00:00Z: plainly not today */

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	(void)sig;
	interrupted++;
}

static int read_path(const char *path, size_t max, char **ret, size_t *ret_len, struct err *reterr)
{
	_cleanup_fd_ int fd =
		strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
	int r = fd < 0 ? -errno : fd_read_file(fd, max, ret, ret_len);

	if (r == -EFBIG)
		return err_set(reterr, EFBIG, "usage", "%s has more than %zu bytes", path, max);
	if (r < 0)
		return err_set(reterr, -r, "usage", "cannot read '%s': %s", path, strerror(-r));
	return 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Bytes must not be taken for text on their way; other types follow from the name in the sandbox.
 */
static uint8_t type_of(const char *name)
{
	const char *dot = strrchr(name, '.');

	if (dot && !strcmp(dot, ".bin"))
		return MODULE_DATA;
	return dot && !strcmp(dot, ".wasm") ? MODULE_WASM : MODULE_AUTO;
}

static int add_file(struct buf *map, const char *name, const char *path, struct err *reterr)
{
	_cleanup_free_ char *source = NULL;
	size_t len;
	int r = read_path(path, LIMIT_CODE, &source, &len, reterr);

	return r < 0 ? r : modmap_add(map, name, type_of(name), source, len, reterr);
}

static int load_modules(const struct run_options *o, const char *main_name, struct buf *map,
			struct err *reterr)
{
	int r = add_file(map, main_name, o->file, reterr);

	for (size_t i = 0; i < o->module_count && r == 0; i++) {
		const char *eq = strchr(o->modules[i], '=');
		_cleanup_free_ char *name = NULL;

		if (!eq)
			return err_set(reterr, EINVAL, "usage", "--module %s: NAME=FILE is needed",
				       o->modules[i]);
		name = xasprintf("%.*s", (int)(eq - o->modules[i]), o->modules[i]);
		r = add_file(map, name, eq + 1, reterr);
	}
	if (r == 0)
		r = modmap_check(map->data, map->len, main_name, strlen(main_name), reterr);
	return r;
}

static int load_input(const char *text, char **ret, size_t *ret_len, struct err *reterr)
{
	size_t at;
	int r = 0;

	if (text[0] == '@') {
		r = read_path(text + 1, LIMIT_INPUT, ret, ret_len, reterr);
	} else {
		*ret = xstrdup(text);
		*ret_len = strlen(text);
	}
	if (r == 0 && json_check(*ret, *ret_len, &at) < 0)
		return err_set(reterr, EINVAL, "usage",
			       "--input is not one JSON value: byte %zu is where it goes wrong%s",
			       at, text[0] == '@' ? "" : " (a string needs its double quotes)");
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

static int choose_engine(const char *tier, uint8_t *ret, struct err *reterr)
{
	if (strcmp(tier, "regulated") && strcmp(tier, "standard") && strcmp(tier, "batch"))
		return err_set(reterr, EINVAL, "usage",
			       "--tier %s: batch, standard or regulated is needed", tier);
	*ret = strcmp(tier, "regulated") ? ENGINE_STANDARD : ENGINE_REGULATED;
	return 0;
}

/* Everything but the code: from the options into the message. */
static int fill(struct msg_submit *m, const struct run_options *o, struct err *reterr)
{
	uint64_t now = DEFAULT_NOW_MS;
	int r = choose_engine(o->tier, &m->engine, reterr);

	if (r == 0 && words_class_parse(o->class_, &m->class_) < 0)
		r = err_set(reterr, EINVAL, "usage", "--class %s: interactive or bulk is needed",
			    o->class_);
	if (r == 0 && strcmp(o->language, "") && strcmp(o->language, "js") &&
	    strcmp(o->language, "ts"))
		r = err_set(reterr, EINVAL, "usage", "--language %s: js or ts is needed",
			    o->language);
	if (r == 0 && o->seed)
		r = number("--seed", o->seed, &m->seed, reterr);
	else if (r == 0 && getrandom(&m->seed, sizeof(m->seed), 0) != sizeof(m->seed))
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
	m->flags = (uint8_t)((o->seed ? RUN_VIRTUAL_CLOCK : 0) | (o->fences ? RUN_FENCES : 0) |
			     (o->eval ? RUN_EVAL : 0) | (o->journal ? RUN_JOURNAL : 0));
	m->now_ms = (int64_t)now;
	m->cpu_us = o->cpu_ms * 1000;
	m->wall_us = o->wall_ms * 1000;
	m->memory_bytes = o->memory_mb << 20;
	m->output_bytes = o->output_kb << 10;
	m->operations = (uint32_t)o->operations;
	m->log_lines = (uint32_t)o->log_lines;
	m->timers = (uint32_t)o->timers;
	m->language = WIRE_STR(o->language);
	return 0;
}

static void print_done(const struct run_options *o, const struct report *rep,
		       const struct msg_run_done *m)
{
	if (o->json)
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

static int follow(struct link *l, const struct run_options *o, struct report *rep, FILE *journal)
{
	struct err e;
	struct msg m;
	int r, cancelled = 0;

	while ((r = link_next(l, &m, &e)) != 0) {
		if (r == -EINTR && interrupted && !cancelled) {
			cancelled = 1;
			link_send(l, &(struct msg){.type = MSG_CANCEL, .cancel = {1, REASON_CANCELLED}}, &e);
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
		if (m.type == MSG_RUN_LOG && o->json)
			report_keep_log(rep, &m.run_log);
		else if (m.type == MSG_RUN_LOG)
			report_log(&m.run_log);
		if (m.type == MSG_RUN_JOURNAL && journal)
			fprintf(journal, "%.*s\n", (int)m.run_journal.line.len,
				(const char *)m.run_journal.line.data);
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

static int usage_error(const struct err *e)
{
	fprintf(stderr, "cordon run: %s\n", e->message);
	return EXIT_USAGE;
}

int command_run(int argc, char **argv)
{
	_cleanup_buf_ struct buf map =
		BUF_INIT(LIMIT_CODE + LIMIT_MODULES * (LIMIT_MODULE_NAME + 16));
	_cleanup_free_ char *input = NULL;
	struct msg_submit submit = {0};
	struct run_options o;
	const char *main_name;
	size_t input_len = 0;
	FILE *journal = NULL;
	struct err e;
	int status;

	if (options_parse(&o, argc, argv, &e) < 0)
		return usage_error(&e);
	if (o.help) {
		options_help(stdout);
		return 0;
	}
	if (strcmp(o.jail, "full") && strcmp(o.jail, "available")) {
		err_set(&e, EINVAL, "usage", "--jail %s: full or available is needed", o.jail);
		return usage_error(&e);
	}
	main_name = strcmp(o.file, "-") ? base_name(o.file) : "main";
	if (fill(&submit, &o, &e) < 0 || load_modules(&o, main_name, &map, &e) < 0 ||
	    (o.input && load_input(o.input, &input, &input_len, &e) < 0))
		return usage_error(&e);
	if (o.journal) {
		journal = fopen(o.journal, "we");
		if (!journal) {
			err_set(&e, errno, "usage", "cannot write '%s': %s", o.journal,
				strerror(errno));
			return usage_error(&e);
		}
	}
	submit.main = WIRE_STR(main_name);
	submit.modules = WIRE_BUF(&map);
	submit.input = (struct wire_bytes){input, input_len};
	status = run_with(&o, &submit, journal);
	if (journal && fclose(journal) != 0) {
		fprintf(stderr, "cordon: writing '%s': %s\n", o.journal, strerror(errno));
		status = EXIT_PLATFORM;
	}
	return status;
}
