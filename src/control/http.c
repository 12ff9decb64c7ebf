#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "control/control.h"
#include "control/ledger.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { STREAM_CHUNK = 32768 };

static char tls_priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE";

static const struct {
	unsigned status;
	const char *title;
} titles[] = {
	{400, "Bad Request"},	    {401, "Unauthorized"},	    {403, "Forbidden"},
	{404, "Not Found"},	    {405, "Method Not Allowed"},    {408, "Request Timeout"},
	{409, "Conflict"},	    {413, "Content Too Large"},	    {422, "Unprocessable Content"},
	{429, "Too Many Requests"}, {500, "Internal Server Error"}, {503, "Service Unavailable"}};

/*
 * The library ends connections on which nothing happens. One byte now and then would hold one, so
 * whoever lets us wait for a request has a deadline too.
 */
#define SWEEP_NS (250 * NS_PER_MS)
#define FLUSH_NS (1 * NS_PER_S)
enum { FLUSH_LOOK_MS = 20 };
struct connection {
	struct list link;
	int fd;
	uint64_t deadline_ns; /* 0: it is not the client who is waited for */
};

static void forget_body(struct request *q)
{
	q->control->body_bytes -= q->body_bytes; /* what it is now may be less */
	q->body_bytes = 0;
	buf_done(&q->body);
}

static void take_body(struct request *q, const char *data, size_t size)
{
	struct control *c = q->control;

	q->crowded |= c->body_bytes + size > BODIES_MAX;
	if (q->crowded || buf_add(&q->body, data, size) < 0) {
		forget_body(q);
		q->body.max = 0;
	} else {
		c->body_bytes += size;
		q->body_bytes += size;
	}
}

static void set_deadline(struct MHD_Connection *connection, uint64_t seconds)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct connection *x = info->socket_context;

	x->deadline_ns = seconds ? clock_now_ns() + seconds * NS_PER_S : 0;
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct connection *x = *context;
	struct door *d = arg;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = x = xcalloc(1, sizeof(*x));
		x->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)
				->connect_fd;
		x->deadline_ns = clock_now_ns() + REQUEST_MAX_S * NS_PER_S;
		if (list_empty(&d->connections))
			loop_arm(d->control->loop, &d->sweep, clock_now_ns() + SWEEP_NS);
		list_append(&d->connections, &x->link);
	} else if (x) {
		list_remove(&x->link);
		free(x);
		*context = NULL;
	}
}

/* The library overlooks an end that came together with the last bytes. */
static int has_left(const struct connection *x)
{
	char byte;

	return recv(x->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void on_sweep(struct loop_timer *t)
{
	struct door *d = container_of(t, struct door, sweep);
	uint64_t now = clock_now_ns();
	struct list *p, *tmp;

	list_for_each_safe (p, tmp, &d->connections) {
		const struct connection *x = list_entry(p, struct connection, link);

		if (x->deadline_ns && (x->deadline_ns < now || has_left(x)))
			shutdown(x->fd, SHUT_RDWR); /* the library sees its end */
	}
	if (!list_empty(&d->connections))
		loop_arm(d->control->loop, &d->sweep, now + SWEEP_NS);
}

/* Lets the library work, and learns when it wants to again. */
static void pump(struct door *d)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;

	MHD_run(d->daemon);
	if (MHD_get_timeout(d->daemon, &wait_ms) == MHD_YES)
		loop_arm(d->control->loop, &d->timer, clock_now_ns() + wait_ms * NS_PER_MS);
	else
		loop_disarm(d->control->loop, &d->timer);
}

static void on_ready(struct loop_watch *w, uint32_t events)
{
	(void)events;
	pump(container_of(w, struct door, watch));
}

static void on_timer(struct loop_timer *t)
{
	pump(container_of(t, struct door, timer));
}

const char *http_header(const struct request *q, const char *name)
{
	return MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, name);
}

const char *http_query(const struct request *q, const char *name)
{
	return MHD_lookup_connection_value(q->connection, MHD_GET_ARGUMENT_KIND, name);
}

void http_add_header(struct request *q, const char *name, const char *value)
{
	if (q->answer)
		MHD_add_response_header(q->answer, name, value);
}

/* The library looks at a request that was suspended when it is run next. */
static void wake(struct request *q)
{
	if (!q->suspended)
		return;
	q->suspended = 0;
	MHD_resume_connection(q->connection);
	for (size_t i = 0; i < ARRAY_SIZE(q->control->doors); i++)
		if (q->control->doors[i].daemon)
			loop_arm(q->control->loop, &q->control->doors[i].timer, 0);
}

static void add_common_headers(struct request *q)
{
	http_add_header(q, "Cache-Control", "no-store");
	http_add_header(q, "X-Content-Type-Options", "nosniff");
	if (q->trace[0])
		http_add_header(q, "traceparent", q->trace);
	if (q->replayed)
		http_add_header(q, "Idempotency-Replayed", "true");
}

/* Slow readers must not make control keep more and more. */
static int is_crowded(const struct request *q, size_t more)
{
	return more > ANSWER_SMALL && q->control->answer_bytes + more > ANSWERS_MAX;
}

void http_answer(struct request *q, unsigned status, const char *type, struct buf *b)
{
	size_t len = b ? b->len : 0;

	if (q->answer) { /* one request, one answer */
		if (b)
			buf_done(b);
		return;
	}
	if (is_crowded(q, len)) {
		buf_done(b);
		http_problem(
			q, 503, "capacity",
			"%d bytes of answers wait for their readers; what was asked for is done, "
			"read it again later",
			ANSWERS_MAX);
		return;
	}
	q->answer_bytes = len;
	q->control->answer_bytes += len;
	q->status = status;
	q->answer = MHD_create_response_from_buffer(b ? b->len : 0, b ? b->data : NULL,
						    MHD_RESPMEM_MUST_COPY);
	if (!q->answer)
		log_fatal("no memory for a response");
	if (type)
		http_add_header(q, "Content-Type", type);
	add_common_headers(q);
	if (b)
		buf_done(b);
	if (status >= 400)
		q->control->refused++;
	wake(q);
}

static void problem_json(struct buf *b, unsigned status, const char *code, const char *detail)
{
	const char *title = "";

	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		if (titles[i].status == status)
			title = titles[i].title;
	buf_addf(b, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,\"code\":", title,
		 status);
	json_quote_str(b, code);
	buf_adds(b, ",\"detail\":");
	json_quote_str(b, detail);
	buf_addc(b, '}');
}

void http_problem(struct request *q, unsigned status, const char *code, const char *format, ...)
{
	struct buf b = BUF_INIT(8192);
	char detail[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(detail, sizeof(detail), format, ap);
	va_end(ap);
	problem_json(&b, status, code, detail);
	buf_addc(&b, '\n');
	http_answer(q, status, "application/problem+json", &b);
	if (status == 401)
		http_add_header(q, "WWW-Authenticate", "Bearer realm=\"cordon\"");
	if (status == 503 || status == 429)
		http_add_header(q, "Retry-After", "1");
}

void http_retry_after(struct request *q, unsigned seconds)
{
	const char *before = MHD_get_response_header(q->answer, "Retry-After");
	char text[16];

	if (before)
		MHD_del_response_header(q->answer, "Retry-After", before);
	snprintf(text, sizeof(text), "%u", seconds);
	http_add_header(q, "Retry-After", text);
}

void http_event_problem(struct request *q, unsigned status, const struct err *e)
{
	_cleanup_buf_ struct buf b = BUF_INIT(8192);

	problem_json(&b, status, e->code, e->message);
	http_event(q, "error", b.data, b.len);
}

void http_problem_err(struct request *q, unsigned status, const struct err *e)
{
	http_problem(q, status, e->code, "%s", e->message);
}

void http_store_problem(struct request *q, int r, const struct err *e, const char *what)
{
	if (r == -ENOENT)
		http_problem(q, 404, "not_found", "there is no such %s", what);
	else if (r == -EEXIST)
		http_problem(q, 409, "conflict", "that %s exists already", what);
	else
		http_problem_err(q, 503, e);
}

void http_store_answer(struct request *q, int r, const struct err *e, const char *what,
		       unsigned status, struct buf *json)
{
	if (r < 0)
		http_store_problem(q, r, e, what);
	else
		http_answer(q, status, "application/json", json);
	buf_done(json);
}

void http_suspend(struct request *q)
{
	if (q->answer || q->suspended)
		return;
	q->suspended = 1;
	MHD_suspend_connection(q->connection);
}

void http_wait(struct request *q)
{
	q->again = 1;
	http_suspend(q);
}

void http_again(struct request *q)
{
	q->again = 0;
	wake(q);
}

int http_wants_events(const struct request *q)
{
	const char *accept = http_header(q, "Accept");

	return accept && strcasestr(accept, "text/event-stream");
}

static ssize_t read_stream(void *arg, uint64_t at, char *to, size_t max)
{
	struct request *q = arg;
	size_t n = q->stream.len < max ? q->stream.len : max;

	(void)at;
	if (n) {
		memcpy(to, q->stream.data, n);
		buf_consume(&q->stream, n);
		q->control->answer_bytes -= n;
		return (ssize_t)n;
	}
	if (q->stream_over)
		return MHD_CONTENT_READER_END_OF_STREAM;
	q->suspended = 1;
	MHD_suspend_connection(q->connection);
	if (q->follow)
		events_drained(q);
	return 0;
}

void http_stream(struct request *q)
{
	q->status = 200;
	q->streaming = 1;
	q->stream = BUF_INIT(STREAM_MAX);
	q->answer = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_CHUNK, read_stream,
						      q, NULL);
	if (!q->answer)
		log_fatal("no memory for a response");
	http_add_header(q, "Content-Type", "text/event-stream");
	add_common_headers(q);
}

void http_event(struct request *q, const char *name, const void *data, size_t len)
{
	http_event_id(q, name, "", data, len);
}

void http_event_id(struct request *q, const char *name, const char *id, const void *data,
		   size_t len)
{
	size_t before = q->stream.len;

	if (q->stream_over)
		return;
	if (is_crowded(q, before + len) || (*id && buf_addf(&q->stream, "id: %s\n", id) < 0) ||
	    buf_addf(&q->stream, "event: %s\ndata: ", name) < 0 ||
	    buf_add(&q->stream, data, len) < 0 || buf_adds(&q->stream, "\n\n") < 0) {
		q->stream.len = before; /* whole events only */
		q->stream_over = 1;
	}
	q->control->answer_bytes += q->stream.len - before;
	wake(q);
}

void http_beat(struct request *q)
{
	if (q->stream_over || q->stream.len || buf_adds(&q->stream, ":\n\n") < 0)
		return;
	q->control->answer_bytes += q->stream.len;
	wake(q);
}

int http_is_gone(const struct request *q)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(q->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	char byte;
	ssize_t n = info ? recv(info->connect_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) : 1;

	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

void http_stream_end(struct request *q)
{
	q->stream_over = 1;
	wake(q);
}

static enum MHD_Result send_answer(struct request *q)
{
	enum MHD_Result r = MHD_queue_response(q->connection, q->status, q->answer);

	MHD_destroy_response(q->answer);
	q->answer = NULL;
	q->refused = 1; /* whatever else comes of this request is dropped */
	return r;
}

/* What a request's context is before there is a request: what its target was like. */
static char target_good, target_bad;

static void *on_target(void *arg, const char *target, struct MHD_Connection *connection)
{
	(void)arg;
	(void)connection;
	return framing_target_bad(target) ? &target_bad : &target_good;
}

/* RFC 9112, section 3.2.2: a target may name the server, which was found by other means. */
static const char *path_of(const char *target)
{
	const char *slash;

	if (strncasecmp(target, "http://", 7) != 0)
		return target;
	slash = strchr(target + 7, '/');
	return slash ? slash : "/";
}

static struct request *request_new(struct door *d, struct MHD_Connection *connection,
				   const char *path, const char *method)
{
	struct request *q = xcalloc(1, sizeof(*q));

	*q = (struct request){.control = d->control,
			      .connection = connection,
			      .method = method,
			      .path = path_of(path)};
	set_deadline(connection, UPLOAD_MAX_S);
	q->caller.role = d->local ? ROLE_LOCAL : ROLE_NOBODY;
	q->body = BUF_INIT(api_body_max(q));
	list_init(&q->waiting);
	d->control->requests++;
	return q;
}

/*
 * The library calls this once when the headers are there, then for each piece of the body, then
 * once more; and again after a request that waited is woken.
 */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *path,
				  const char *method, const char *version, const char *data,
				  size_t *size, void **context)
{
	struct request *q = *context;

	if (*context == &target_good || *context == &target_bad) {
		int bad = *context == &target_bad;

		*context = q = request_new(arg, connection, path, method);
		q->target_bad = bad;
		q->version = version;
		return api_refuse_early(q) ? send_answer(q) : MHD_YES;
	}
	if (q->refused) {
		*size = 0;
		return MHD_YES;
	}
	if (q->answer)
		return send_answer(q);
	if (*size) {
		take_body(q, data, *size);
		*size = 0;
		return MHD_YES;
	}
	set_deadline(connection, 0);
	if (q->crowded)
		http_problem(q, 503, "capacity", "too many large requests at once; try again");
	else if (q->body.max == 0)
		http_problem(q, 413, "request.too_large", "the body is larger than %zu bytes",
			     api_body_max(q));
	else
		api_dispatch(q);
	if (!q->again)
		forget_body(q); /* who waits needs it no more */
	if (q->answer)
		return send_answer(q);
	if (!q->suspended)
		http_problem(q, 500, "internal", "no answer was made; please report this");
	return q->suspended ? MHD_YES : send_answer(q);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
			 enum MHD_RequestTerminationCode code)
{
	struct request *q = *context;

	(void)arg;
	(void)code;
	set_deadline(connection, REQUEST_MAX_S);
	if (!q || *context == &target_good || *context == &target_bad)
		return;
	list_remove(&q->waiting);
	events_leave(q);
	if (q->answer)
		MHD_destroy_response(q->answer);
	forget_body(q);
	q->control->answer_bytes -= q->answer_bytes + q->stream.len;
	buf_done(&q->stream);
	free(q);
	*context = NULL;
}

static void on_library_log(void *arg, const char *format, va_list ap)
{
	(void)arg;
	(void)format;
	(void)ap; /* what clients do wrong is not the operator's concern */
}

int http_open(struct control *c, struct door *d, int fd, struct err *reterr)
{
	const union MHD_DaemonInfo *info;
	int tls = !d->local && c->tls_key;
	/* TLS 1.2 and 1.3 with what GnuTLS deems secure, and nothing older. */
	struct MHD_OptionItem secure[] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, c->tls_certificate},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, c->tls_key},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, tls_priorities},
		{MHD_OPTION_END, 0, NULL},
	};

	d->control = c;
	d->watch.ready = on_ready;
	d->timer.fire = on_timer;
	d->sweep.fire = on_sweep;
	list_init(&d->connections);
	d->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
			(tls ? MHD_USE_TLS : 0),
		0, NULL, NULL, on_request, d, MHD_OPTION_EXTERNAL_LOGGER, on_library_log, NULL,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, d, MHD_OPTION_URI_LOG_CALLBACK,
		on_target, NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		d->local ? 0U : (unsigned)CONNECTIONS_PER_ADDRESS, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)IDLE_MAX_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADERS_MAX,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_COMPLETED, on_completed, d,
		MHD_OPTION_ARRAY, tls ? secure : secure + 3, MHD_OPTION_END);
	info = d->daemon ? MHD_get_daemon_info(d->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info)
		return err_set(reterr, EIO, "http.start",
			       tls ? "the HTTPS server does not start; are certificate and key PEM "
				     "files that belong together?"
				   : "the HTTP server does not start");
	d->watch.fd = info->epoll_fd;
	if (loop_watch(c->loop, &d->watch, EPOLLIN) < 0)
		return err_set(reterr, errno, "http.start", "epoll: %s", strerror(errno));
	pump(d);
	return 0;
}

static int is_busy(const struct door *d)
{
	struct list *p, *tmp;

	list_for_each_safe (p, tmp, &d->connections)
		if (!list_entry(p, struct connection, link)->deadline_ns)
			return 1;
	return 0;
}

void http_close(struct door *d)
{
	uint64_t end = clock_now_ns() + FLUSH_NS;

	if (d->daemon) {
		/* Answers that are there already still go out. */
		while (is_busy(d) && clock_now_ns() < end)
			MHD_run_wait(d->daemon, FLUSH_LOOK_MS);
		loop_disarm(d->control->loop, &d->timer);
		loop_disarm(d->control->loop, &d->sweep);
		loop_unwatch(d->control->loop, &d->watch);
		MHD_stop_daemon(d->daemon);
	}
	d->daemon = NULL;
}
