#include "cli/client.h"

#include "cli/curl.h"

#include "cli/commands.h"
#include "cli/data.h"
#include "cli/jsonview.h"
#include "cli/safe.h"
#include "cli/sse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/un.h>

#ifndef CORDON_VERSION
#define CORDON_VERSION "unknown"
#endif

#define DEFAULT_URL "http://127.0.0.1:7070" /* as `cordon up` listens */

enum { CONNECT_TIMEOUT_MS = 5000, USUAL_TIMEOUT_S = 120, ALIVE_TIMEOUT_S = 2, POLL_MS = 500 };

/* An empty variable counts as none, as shells make it easy to set one so. */
static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static int visible(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return 0;
	return 1;
}

static int set_url(struct client *c, const char *url, struct err *reterr)
{
	const char *host = !strncasecmp(url, "http://", 7)    ? url + 7
			   : !strncasecmp(url, "https://", 8) ? url + 8
							      : "";
	size_t n = strlen(url);

	if (strchr(url, '@')) /* it may hold a secret, so it is not repeated */
		return err_set(reterr, EINVAL, "usage",
			       "the daemon's URL holds a name or a password: the key belongs into "
			       "CORDON_API_KEY");
	if (!*host || *host == '/' || !visible(url) || strpbrk(url, "?#"))
		return err_set(reterr, EINVAL, "usage",
			       "'%s' is not the daemon's URL: http://HOST:PORT or https://HOST is "
			       "needed, and the key in CORDON_API_KEY",
			       url);
	while (url[n - 1] == '/')
		n--;
	c->base = xasprintf("%.*s", (int)n, url);
	return 0;
}

/* An option says more than the environment, and --url excludes --data. */
int client_init(struct client *c, const struct shared_options *o, struct err *reterr)
{
	const char *key = environment("CORDON_API_KEY"), *url = o->url;
	_cleanup_free_ char *data = NULL;

	*c = (struct client){.tenant = o->tenant, .named = 1, .ca = environment("CORDON_CA_FILE")};
	if (o->url && o->data)
		return err_set(reterr, EINVAL, "usage",
			       "--url and --data name two daemons: leave out one");
	if (!url && !o->data)
		url = environment("CORDON_URL");
	if (!url && !o->data && key)
		url = DEFAULT_URL;
	if (url) {
		if (key && !visible(key))
			return err_set(reterr, EINVAL, "usage",
				       "CORDON_API_KEY is not a key: it has spaces or characters "
				       "that no key has");
		if (key)
			c->key = xstrdup(key);
		return set_url(c, url, reterr);
	}
	data = data_directory(o->data);
	c->named = o->data != NULL;
	c->socket = data_socket(data);
	c->base = xstrdup("http://localhost");
	return 0;
}

void client_done(struct client *c)
{
	if (c->key)
		explicit_bzero(c->key, strlen(c->key));
	free(c->key);
	free(c->base);
	free(c->socket);
	*c = (struct client){0};
}

const char *client_where(const struct client *c)
{
	return c->socket ? c->socket : c->base;
}

void reply_done(struct reply *r)
{
	buf_done(&r->body);
}

int client_alive(const struct client *c)
{
	_cleanup_reply_ struct reply reply = {0};
	struct err e;

	/* Without a socket the time to load and start the HTTP client is saved. */
	if (c->socket && access(c->socket, F_OK) < 0)
		return 0;
	return client_call(c,
			   &(struct request){.method = "GET",
					     .path = "/healthz",
					     .timeout_s = ALIVE_TIMEOUT_S},
			   &reply, &e) == 0;
}

void client_escape(struct buf *out, const char *text)
{
	for (; *text; text++)
		if ((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
		    (*text >= '0' && *text <= '9') || strchr("-._~", *text))
			buf_addc(out, *text);
		else
			buf_addf(out, "%%%02X", (unsigned char)*text);
}

void client_query(struct buf *path, const char *name, const char *value)
{
	if (!value)
		return;
	buf_addf(path, "%c%s=", memchr(path->data, '?', path->len) ? '&' : '?', name);
	client_escape(path, value);
}

/* Where an answer goes as it comes. */
struct receiver {
	CURL *easy;
	struct reply *reply;
	struct sse sse;
	int events; /* it is a stream of them; -1: not known yet */
	int failed; /* -ENOSPC, or what the reader of events returned */
};

static int are_events(CURL *easy)
{
	static const char events[] = "text/event-stream";
	char *type = NULL;
	long status = 0;

	lib.curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
	lib.curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	return status == 200 && type && !strncasecmp(type, events, sizeof(events) - 1);
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct receiver *to = arg;
	int r;

	if (to->events < 0)
		to->events = to->sse.event && are_events(to->easy);
	if (to->events)
		r = sse_feed(&to->sse, data, size * n);
	else
		r = buf_add(&to->reply->body, data, size * n);
	to->failed = r;
	return r < 0 ? 0 : size * n;
}

static struct curl_slist *add_header(struct curl_slist *list, const char *line)
{
	list = lib.curl_slist_append(list, line);
	if (!list)
		abort();
	return list;
}

static struct curl_slist *headers(const struct client *c, const struct request *q)
{
	struct curl_slist *list = NULL;
	_cleanup_free_ char *accept =
		xasprintf("Accept: %s", q->accept  ? q->accept
					: q->event ? "text/event-stream, application/json"
						   : "application/json");
	_cleanup_free_ char *auth = c->key ? xasprintf("Authorization: Bearer %s", c->key) : NULL;
	_cleanup_free_ char *type = xasprintf(
		"Content-Type: %s", q->content_type ? q->content_type : "application/json");

	list = add_header(list, accept);
	list = add_header(list, "Expect:"); /* none: the body goes at once */
	list = add_header(list, q->body ? type : "Content-Type:");
	if (auth) {
		list = add_header(list, auth);
		explicit_bzero(auth, strlen(auth));
	}
	for (size_t i = 0; i < CLIENT_HEADERS_MAX && q->headers[i]; i++)
		list = add_header(list, q->headers[i]);
	return list;
}

static void set_options(CURL *easy, const struct client *c, const struct request *q,
			const char *url, struct curl_slist *list, struct receiver *to)
{
	long seconds = q->timeout_s < 0 ? 0 : q->timeout_s ? q->timeout_s : USUAL_TIMEOUT_S;

	lib.curl_easy_setopt(easy, CURLOPT_URL, url);
	lib.curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	lib.curl_easy_setopt(easy, CURLOPT_PROXY, "");
	lib.curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	lib.curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L); /* an ID of ".." is an ID */
	lib.curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	lib.curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	lib.curl_easy_setopt(easy, CURLOPT_TIMEOUT, seconds);
	lib.curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE,
			     1L); /* a machine that is gone is noticed */
	lib.curl_easy_setopt(easy, CURLOPT_USERAGENT, "cordon/" CORDON_VERSION);
	lib.curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
	lib.curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, q->method);
	lib.curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	lib.curl_easy_setopt(easy, CURLOPT_WRITEDATA, to);
	if (c->ca)
		lib.curl_easy_setopt(easy, CURLOPT_CAINFO, c->ca);
	if (c->socket)
		lib.curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, c->socket);
	if (q->body) {
		lib.curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body_len);
		lib.curl_easy_setopt(easy, CURLOPT_POSTFIELDS, q->body);
	}
}

/* Drives the exchange to its end. CURLE_OK, curl's error, or CURLE_ABORTED_BY_CALLBACK. */
static CURLcode drive(CURLM *multi, const struct request *q)
{
	int running = 1, left;
	CURLMsg *m;

	for (;;) {
		struct curl_waitfd watch = {.fd = q->watch_fd, .events = CURL_WAIT_POLLIN};
		unsigned watches = q->watched ? 1 : 0;

		if (lib.curl_multi_perform(multi, &running) != CURLM_OK)
			return CURLE_FAILED_INIT;
		if (!running)
			break;
		if (lib.curl_multi_poll(multi, &watch, watches, POLL_MS, NULL) != CURLM_OK)
			return CURLE_FAILED_INIT;
		if (watches && watch.revents && q->watched(q->arg) < 0)
			return CURLE_ABORTED_BY_CALLBACK;
		if (q->tick)
			q->tick(q->arg);
	}
	m = lib.curl_multi_info_read(multi, &left);
	return m && m->msg == CURLMSG_DONE ? m->data.result : CURLE_FAILED_INIT;
}

static int transport_error(const struct client *c, CURLcode code, const char *detail,
			   struct err *reterr)
{
	const char *where = client_where(c);

	if (code == CURLE_ABORTED_BY_CALLBACK)
		return err_set(reterr, EINTR, "client.interrupted", "interrupted");
	if (code == CURLE_WRITE_ERROR)
		return err_set(reterr, EIO, "client.too_large",
			       "the daemon's answer has more than %d MiB; ask for less at a time",
			       CLIENT_REPLY_MAX >> 20);
	if (c->socket && code == CURLE_COULDNT_CONNECT)
		return err_set(
			reterr, EIO, "client.no_daemon",
			"no daemon answers on %s: start one with `cordon up`, or name it with "
			"--data DIR, --url or CORDON_URL",
			where);
	if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST)
		return err_set(reterr, EIO, "client.no_daemon",
			       "no daemon answers on %s (%s): check --url, CORDON_URL and that "
			       "`cordon up` runs there",
			       where, *detail ? detail : lib.curl_easy_strerror(code));
	if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
		return err_set(reterr, EIO, "client.certificate",
			       "the certificate of %s is not trusted (%s): check the URL; "
			       "CORDON_CA_FILE may name a file with its authority",
			       where, *detail ? detail : lib.curl_easy_strerror(code));
	if (code == CURLE_OPERATION_TIMEDOUT)
		return err_set(reterr, EIO, "client.timeout", "%s does not answer in time", where);
	return err_set(reterr, EIO, "client.lost", "%s: %s", where,
		       *detail ? detail : lib.curl_easy_strerror(code));
}

/* 401 and 403 are a caller who may not; the rest below 500 is a request that cannot be served. */
static int number_of(int status)
{
	if (status == 401 || status == 403)
		return EACCES;
	return status >= 400 && status < 500 && status != 408 && status != 429 ? EINVAL : EIO;
}

/* What to do about a problem that the daemon's own words leave open. */
static const struct {
	const char *code, *remedy;
} remedies[] = {
	{"auth.missing", "set CORDON_API_KEY to a key of this daemon"},
	{"auth.unknown", "check CORDON_API_KEY, and that the key is of this daemon"},
	{"auth.revoked", "make another with `cordon key create`"},
	{"auth.expired", "make another with `cordon key create`"},
	{"auth.role", "use a key of another role, or the daemon's socket (--data DIR)"},
	{"receipt.pending", "`cordon receipt --wait` waits for it"},
	{"not_found", "the `list` commands show what there is, `--tenant` says whose"},
};

static const char *remedy_for(const char *code)
{
	for (size_t i = 0; i < ARRAY_SIZE(remedies); i++)
		if (!strcmp(code, remedies[i].code))
			return remedies[i].remedy;
	return NULL;
}

static int problem(const struct client *c, struct reply *reply, struct err *reterr)
{
	char code[sizeof(reterr->code)] = "", detail[sizeof(reterr->message)] = "";
	struct jsonview v = {0};
	const char *remedy;

	jsonview_open(&v, buf_str(&reply->body), reply->body.len);
	jsonview_copy(jsonview_get(v, "code"), code, sizeof(code));
	jsonview_copy(jsonview_get(v, "detail"), detail, sizeof(detail));
	if (!*detail)
		jsonview_copy(jsonview_get(v, "title"), detail, sizeof(detail));
	if (!*code && reply->status >= 500) /* of something in between, mostly */
		return err_set(reterr, EIO, "client.lost", "%s answers with status %d",
			       client_where(c), reply->status);
	if (!*code)
		return err_set(reterr, EIO, "client.answer",
			       "%s answers with status %d, not as Cordon's API does: check the URL",
			       client_where(c), reply->status);
	remedy = remedy_for(code);
	return err_set(reterr, number_of(reply->status), code, "%s%s%s",
		       *detail ? detail : "refused", remedy ? "; " : "", remedy ? remedy : "");
}

/* Whether the socket could be an impostor's: nobody named it, and it is not ours nor root's. */
static int is_foreign(const struct client *c)
{
	struct stat st;

	return c->socket && !c->named && stat(c->socket, &st) == 0 && st.st_uid != 0 &&
	       st.st_uid != geteuid();
}

int client_call(const struct client *c, const struct request *q, struct reply *ret,
		struct err *reterr)
{
	_cleanup_free_ char *url = xasprintf("%s%s", c->base, q->path);
	char detail[CURL_ERROR_SIZE] = "";
	struct curl_slist *list;
	struct receiver to;
	long status = 0;
	CURLcode code;
	CURLM *multi;
	CURL *easy;

	*ret = (struct reply){.body = BUF_INIT(CLIENT_REPLY_MAX)};
	if (c->socket && strlen(c->socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return err_set(reterr, EINVAL, "usage",
			       "the path %s is too long for a socket; use a shorter --data DIR",
			       c->socket);
	if (is_foreign(c))
		return err_set(reterr, EACCES, "client.foreign",
			       "the socket %s belongs to another user; name its directory with "
			       "--data if you trust it",
			       c->socket);
	if (curl_load(reterr) < 0)
		return -EIO;
	multi = lib.curl_multi_init();
	easy = lib.curl_easy_init();
	if (!multi || !easy)
		abort();
	list = headers(c, q);
	to = (struct receiver){.easy = easy, .reply = ret, .events = -1};
	sse_init(&to.sse, CLIENT_REPLY_MAX, q->event, q->arg);
	if (q->event_id)
		sse_keep_id(&to.sse, q->event_id);
	set_options(easy, c, q, url, list, &to);
	lib.curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail);
	lib.curl_multi_add_handle(multi, easy);
	code = drive(multi, q);
	lib.curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	lib.curl_multi_remove_handle(multi, easy);
	lib.curl_easy_cleanup(easy);
	lib.curl_multi_cleanup(multi);
	lib.curl_slist_free_all(list);
	sse_done(&to.sse);
	ret->status = (int)status;
	if (to.failed < 0 && to.failed != -ENOSPC)
		return err_set(reterr, EIO, "client.answer",
			       "an event from %s is not what the API gives", client_where(c));
	if (code != CURLE_OK)
		return transport_error(c, code, detail, reterr);
	return status >= 200 && status < 300 ? 0 : problem(c, ret, reterr);
}

int client_passing(const struct err *e)
{
	static const char *const lasting[] = {"client.answer", "client.too_large",
					      "client.certificate", "client.library"};

	for (size_t i = 0; i < ARRAY_SIZE(lasting); i++)
		if (!strcmp(e->code, lasting[i]))
			return 0;
	return e->number == EIO;
}

int client_complain(const struct err *e)
{
	fputs("cordon: ", stderr);
	safe_print(stderr, e->message, strlen(e->message));
	fputs(" (", stderr);
	safe_print(stderr, e->code, strlen(e->code));
	fputs(")\n", stderr);
	if (e->number == EACCES)
		return EXIT_DENIED;
	return e->number == EINVAL ? EXIT_USAGE : EXIT_PLATFORM;
}
