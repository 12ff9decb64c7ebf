#include "base/id.h"
#include "base/json.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/run.h"
#include "cli/safe.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

enum {
	BODY_MAX = 128 << 20,
	CANCEL_TIMEOUT_S = 10,
	POLL_MS = 200,
	KEY_MAX = 200,
	PATH_SIZE = 4096
};

/* What the API has no member for: the profile decides it. */
static const char *const local_only[] = {"tier", "eval", "jail", "now"};
/* What only a daemon can do. */
static const char *const remote_only[] = {
	"profile",	   "artifact", "output-schema", "session",     "provenance",
	"idempotency-key", "label",    "tenant",	"deadline-ms", "idempotent"};

static const char *first_given(const struct call *call, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (options_given(call, names[i]))
			return names[i];
	return NULL;
}

static int check_key(const char *key, struct err *reterr)
{
	size_t n = 0;

	for (; key && key[n]; n++)
		if (key[n] < '!' || key[n] > '~')
			break;
	if (key && (!n || key[n] || n > KEY_MAX))
		return err_set(reterr, EINVAL, "usage",
			       "--idempotency-key %s: 1 to %d visible ASCII characters are needed",
			       key, KEY_MAX);
	return 0;
}

int remote_wanted(const struct call *call, const struct client *c, struct err *reterr)
{
	const struct run_options *o = call->options;
	const char *remote = first_given(call, remote_only, ARRAY_SIZE(remote_only));
	const char *local = first_given(call, local_only, ARRAY_SIZE(local_only));

	if (check_key(o->idempotency_key, reterr) < 0)
		return -EINVAL;
	if (o->local && (remote || o->shared.url || o->shared.data))
		return err_set(
			reterr, EINVAL, "usage",
			"--%s is about the daemon, and --local does without it: leave out one",
			remote		? remote
			: o->shared.url ? "url"
					: "data");
	if (o->local || (!c->named && !remote && local))
		return 0;
	if (!remote && c->socket && !client_alive(c)) {
		if (c->named)
			fprintf(stderr,
				"cordon run: no daemon answers on %s: the run has a platform of "
				"its "
				"own\n",
				c->socket);
		return 0;
	}
	if (local)
		return err_set(
			reterr, EINVAL, "usage",
			"--%s is not for a run through the daemon, where the profile decides "
			"that; with --local the run has a platform of its own",
			local);
	return 1;
}

static void add_limits(struct buf *b, const struct call *call)
{
	const struct run_options *o = call->options;
	const struct {
		const char *option, *member;
		uint64_t value;
	} limits[] = {
		{"cpu-ms", "cpu_ms", o->cpu_ms},
		{"wall-ms", "wall_ms", o->wall_ms},
		{"memory-mb", "memory_mb", o->memory_mb},
		{"output-kb", "output_kb", o->output_kb},
		{"operations", "operations", o->operations},
		{"log-lines", "log_lines", o->log_lines},
		{"timers", "timers", o->timers},
	};
	const char *before = ",\"limits\":{";

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		if (options_given(call, limits[i].option)) {
			buf_addf(b, "%s\"%s\":%llu", before, limits[i].member,
				 (unsigned long long)limits[i].value);
			before = ",";
		}
	if (*before == ',' && !before[1])
		buf_addc(b, '}');
}

/* A member with a string; nothing if it is NULL or empty. */
static void add_text(struct buf *b, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	buf_addf(b, ",\"%s\":", name);
	json_quote_str(b, value);
}

/* A member whose object has "K=V" of each option; nothing if there are none. */
static int add_pairs(struct buf *b, const char *name, const struct option_list *pairs,
		     struct err *reterr)
{
	_cleanup_buf_ struct buf object = BUF_INIT(1 << 20);

	if (!pairs->n)
		return 0;
	buf_addc(&object, '{');
	for (size_t i = 0; i < pairs->n; i++)
		if (api_pair(&object, name, pairs->v[i], reterr) < 0)
			return -EINVAL;
	buf_addf(b, ",\"%s%s\":", name, strcmp(name, "label") ? "" : "s");
	buf_add(b, object.data, object.len);
	buf_addc(b, '}');
	return 0;
}

static int build(struct buf *b, const struct call *call, const struct remote_code *code,
		 struct err *reterr)
{
	const struct msg_submit *m = code->submit;
	const struct run_options *o = call->options;
	size_t first = b->len + 1; /* where the comma of the first member comes */

	buf_addc(b, '{');
	add_text(b, "profile", o->profile);
	add_text(b, "class", options_given(call, "class") ? o->class_ : NULL);
	add_text(b, "seed", o->seed);
	add_text(b, "session", o->session);
	add_text(b, "artifact", o->artifact);
	if (options_given(call, "deadline-ms"))
		buf_addf(b, ",\"deadline_ms\":%llu", (unsigned long long)o->deadline_ms);
	if (o->idempotent)
		buf_adds(b, ",\"idempotent\":true");
	add_limits(b, call);
	if (add_pairs(b, "label", &o->labels, reterr) < 0 ||
	    add_pairs(b, "provenance", &o->provenance, reterr) < 0)
		return -EINVAL;
	if (code->schema) {
		buf_adds(b, ",\"output_schema\":");
		json_line(b, code->schema, strlen(code->schema));
	}
	if (m->input.len) {
		buf_adds(b, ",\"input\":");
		json_line(b, m->input.data, m->input.len);
	}
	if (!o->artifact)
		code_json(b, &o->code, code_main(call->operand_count ? call->operands[0] : "-"),
			  code->map);
	if (buf_addc(b, '}') < 0)
		return err_set(reterr, EFBIG, "usage",
			       "code and input together are larger than the daemon takes");
	b->data[first] = ' ';
	return 0;
}

/* One run while it is under way. */
struct under_way {
	const struct client *client;
	const char *path; /* of the request, with its tenant */
	const char *idempotency;
	const struct buf *body;
	int signals; /* signalfd */
	int cancelled;
	struct err failure; /* of cancelling */
	struct progress progress;
	/* What its events told so far. */
	char run[LIMIT_NAME];
	size_t logs;
	struct buf result;
};

static int run_path(struct buf *path, const char *run, const char *after, const char *tenant)
{
	if (!*run)
		return -EBADMSG;
	path->len = 0;
	api_path(path, "runs", run, after);
	client_query(path, "tenant", tenant);
	return 0;
}

/* The name of the run that an answer describes, "" if it does not. */
static void name_of(const struct reply *r, char out[LIMIT_NAME])
{
	struct jsonview run = {0};

	jsonview_open(&run, r->body.data, r->body.len);
	jsonview_copy(jsonview_get(run, "run"), out, LIMIT_NAME);
}

static int on_event(void *arg, const char *name, const char *data, size_t len)
{
	struct under_way *u = arg;
	struct jsonview v = {0};

	jsonview_open(&v, data, len);
	if (!strcmp(name, "run")) {
		jsonview_copy(jsonview_get(v, "run"), u->run, sizeof(u->run));
	} else if (!strcmp(name, "log")) {
		progress_clear(&u->progress);
		report_api_log(v);
		u->logs++;
	} else if (!strcmp(name, "retry")) {
		progress_clear(&u->progress);
		fputs("cordon: the platform failed this run, and tries it again; what it has "
		      "logged so far is void\n",
		      stderr);
		u->logs = 0;
	} else if (!strcmp(name, "result")) {
		u->result.len = 0;
		return buf_add(&u->result, data, len);
	}
	return 0;
}

/*
 * No answer has named the run yet. The same request under the same key, without waiting, is
 * answered with the run that it started.
 */
static int ask_name(struct under_way *u)
{
	const struct request again = {
		.method = "POST",
		.path = u->path,
		.body = u->body->data,
		.body_len = u->body->len,
		.headers = {u->idempotency, "Prefer: respond-async"},
		.timeout_s = CANCEL_TIMEOUT_S,
	};
	_cleanup_reply_ struct reply first = {0};
	int r = client_call(u->client, &again, &first, &u->failure);

	if (r == 0)
		name_of(&first, u->run);
	return r;
}

static int cancel(struct under_way *u)
{
	_cleanup_buf_ struct buf path = BUF_INIT(PATH_SIZE);
	_cleanup_reply_ struct reply r = {0};
	int status;

	if (!*u->run && ask_name(u) < 0)
		return -1;
	if (run_path(&path, u->run, "", u->client->tenant) < 0)
		return -1;
	status = client_call(u->client,
			     &(struct request){.method = "DELETE",
					       .path = buf_str(&path),
					       .timeout_s = CANCEL_TIMEOUT_S},
			     &r, &u->failure);
	/* It ended by itself meanwhile: its outcome is on the way. */
	return status < 0 && strcmp(u->failure.code, "run.over") != 0 ? status : 0;
}

static void on_tick(void *arg)
{
	progress_tick(&((struct under_way *)arg)->progress);
}

/* SIGINT or SIGTERM: the first cancels the run and waits on for its outcome, the second leaves. */
static int on_signal(void *arg)
{
	struct under_way *u = arg;
	struct signalfd_siginfo info;

	if (read(u->signals, &info, sizeof(info)) != sizeof(info))
		return 0;
	return u->cancelled++ ? -1 : cancel(u);
}

static int guard_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Asks for the run by its name. */
static int ask_run(const struct under_way *u, struct reply *r, struct err *reterr)
{
	_cleanup_buf_ struct buf path = BUF_INIT(PATH_SIZE);

	if (run_path(&path, u->run, "", u->client->tenant) < 0)
		return err_set(reterr, EIO, "client.answer",
			       "the daemon's answer does not name the run");
	reply_done(r);
	return client_call(u->client, &(struct request){.method = "GET", .path = buf_str(&path)}, r,
			   reterr);
}

/*
 * The run that is over: as its events told it; as the answer has it; or asked for until it is, when
 * the events ended before the run (who is far behind is given no more), or another waits for it.
 */
static int await_end(struct under_way *u, struct reply *r, struct err *reterr)
{
	int status;

	if (u->result.len) {
		reply_done(r);
		r->body = u->result;
		u->result = BUF_INIT(CLIENT_REPLY_MAX);
		return 0;
	}
	if (!r->body.len) {
		status = ask_run(u, r, reterr);
		if (status < 0)
			return status;
	}
	for (;;) {
		struct pollfd p = {u->signals, POLLIN, 0};
		struct jsonview run = {0};

		jsonview_open(&run, r->body.data, r->body.len);
		if (!jsonview_is(jsonview_get(run, "state"), "\"running\""))
			return 0;
		if (!*u->run)
			name_of(r, u->run);
		on_tick(u);
		if (poll(&p, 1, POLL_MS) > 0 && on_signal(u) < 0)
			return err_set(reterr, EINTR, "client.interrupted", "interrupted");
		status = ask_run(u, r, reterr);
		if (status < 0)
			return status;
	}
}

static int fetch_journal(const struct client *c, const struct reply *r, FILE *journal,
			 struct err *reterr)
{
	_cleanup_buf_ struct buf path = BUF_INIT(PATH_SIZE);
	_cleanup_reply_ struct reply events = {0};
	char run[LIMIT_NAME];
	int status;

	name_of(r, run);
	if (run_path(&path, run, "/events", c->tenant) < 0)
		return err_set(reterr, EIO, "client.answer",
			       "the daemon's answer does not name the run");
	status = client_call(c, &(struct request){.method = "GET", .path = buf_str(&path)}, &events,
			     reterr);
	if (status == 0)
		fwrite(buf_str(&events.body), 1, events.body.len, journal);
	return status;
}

static int print(const struct run_options *o, const struct reply *r, size_t logs_shown,
		 struct err *reterr)
{
	int outcome;

	if (!o->shared.json)
		return report_api((const char *)r->body.data, r->body.len, logs_shown, reterr);
	outcome = report_api_outcome((const char *)r->body.data, r->body.len, reterr);
	if (outcome < 0)
		return outcome;
	return api_print_json(r) ? EXIT_PLATFORM : report_exit((uint8_t)outcome);
}

int remote_run(const struct call *call, const struct client *c, const struct remote_code *code,
	       FILE *journal)
{
	const struct run_options *o = call->options;
	_cleanup_buf_ struct buf body = BUF_INIT(BODY_MAX), path = BUF_INIT(PATH_SIZE);
	_cleanup_free_ char *idempotency = NULL;
	_cleanup_fd_ int signals = -1;
	_cleanup_reply_ struct reply r = {0};
	struct under_way u = {.client = c, .body = &body, .result = BUF_INIT(CLIENT_REPLY_MAX)};
	/* Under a key of the caller's the run may be an older one, whose first logs are past. */
	int live = !o->shared.json && !o->idempotency_key;
	char key[ID_SIZE];
	struct err e;
	int status;

	if (build(&body, call, code, &e) < 0)
		return api_usage(call, &e);
	/* A key of our own lets us ask for the run's name while we wait for its answer. */
	id_new("cli", key);
	idempotency =
		xasprintf("Idempotency-Key: %s", o->idempotency_key ? o->idempotency_key : key);
	buf_adds(&path, "/v1/runs");
	client_query(&path, "tenant", c->tenant);
	signals = guard_signals();
	u.path = buf_str(&path);
	u.idempotency = idempotency;
	u.signals = signals;
	progress_start(&u.progress, "running");
	status = client_call(c,
			     &(struct request){.method = "POST",
					       .path = u.path,
					       .body = body.data,
					       .body_len = body.len,
					       .headers = {idempotency},
					       .timeout_s = -1,
					       .watch_fd = signals,
					       .watched = on_signal,
					       .tick = on_tick,
					       .event = live ? on_event : NULL,
					       .arg = &u},
			     &r, &e);
	if (status == 0)
		status = await_end(&u, &r, &e);
	progress_clear(&u.progress);
	if (status == -EINTR && u.failure.number)
		e = u.failure;
	if (status == -EINTR || (status == -EIO && !strcmp(e.code, "client.lost")))
		fprintf(stderr,
			"cordon: what became of the run is not known here; the same command with "
			"--idempotency-key %s asks, and starts nothing twice\n",
			o->idempotency_key ? o->idempotency_key : key);
	if (status == 0 && journal)
		status = fetch_journal(c, &r, journal, &e);
	if (status == 0)
		status = print(o, &r, u.logs, &e);
	buf_done(&u.result);
	return status < 0 ? client_complain(&e) : status;
}
