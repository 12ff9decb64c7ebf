/*
 * A collector that takes batches by HTTP: POST application/x-ndjson. 2xx: it has the batch; 408,
 * 425, 429 and 5xx: it may have it later (Retry-After is honoured); anything else lasts.
 */
#include "cli/api.h"
#include "cli/curl.h"
#include "cli/sink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#ifndef CORDON_VERSION
#define CORDON_VERSION "unknown"
#endif

enum {
	CONNECT_TIMEOUT_MS = 10000,
	WORDS_MAX = 200,
	HEADERS_FILE_MAX = 64 << 10,
	WAIT_MAX_S = 3600
};

struct http_sink {
	struct sink sink;
	CURL *easy; /* kept, and with it the connection */
	struct curl_slist *headers;
	char *url;
	struct buf words; /* the first of what it said last */
};

static void add_header(struct http_sink *h, const char *line)
{
	h->headers = lib.curl_slist_append(h->headers, line);
	if (!h->headers)
		abort();
}

/* "Name: value" (RFC 9110, section 5), on one line. */
static int is_header(const char *line)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789"
				    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t n = strspn(line, token);

	if (!n || line[n] != ':')
		return 0;
	for (const char *p = line + n; *p; p++)
		if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
			return 0;
	return 1;
}

/* The value is not repeated: it may be a secret. */
static int take_header(struct http_sink *h, const char *line, const char *where, struct err *reterr)
{
	if (!is_header(line))
		return err_set(reterr, EINVAL, "usage", "--header%s: 'Name: value' is needed",
			       where);
	add_header(h, line);
	return 0;
}

/* One header a line; empty lines are none. */
static int take_file(struct http_sink *h, const char *path, struct err *reterr)
{
	_cleanup_free_ char *text = NULL, *where = xasprintf(" @%s", path);
	char *line, *rest;
	size_t len;
	int r = api_read(path, HEADERS_FILE_MAX, &text, &len, reterr);

	rest = text;
	while (r == 0 && (line = strsep(&rest, "\n"))) {
		size_t n = strlen(line);

		if (n && line[n - 1] == '\r')
			line[n - 1] = '\0';
		if (*line)
			r = take_header(h, line, where, reterr);
	}
	if (text)
		explicit_bzero(text, len);
	return r;
}

static int has_header(const struct http_sink *h, const char *name)
{
	for (const struct curl_slist *l = h->headers; l; l = l->next)
		if (!strncasecmp(l->data, name, strlen(name)) && l->data[strlen(name)] == ':')
			return 1;
	return 0;
}

static int take_headers(struct http_sink *h, const struct option_list *list, struct err *reterr)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *text = list->v[i];
		int r = *text == '@' ? take_file(h, text + 1, reterr)
				     : take_header(h, text, "", reterr);

		if (r < 0)
			return r;
	}
	if (!has_header(h, "Content-Type"))
		add_header(h, "Content-Type: application/x-ndjson");
	add_header(h, "Expect:");
	return 0;
}

static size_t on_words(char *data, size_t size, size_t n, void *arg)
{
	struct http_sink *h = arg;
	size_t room = WORDS_MAX - h->words.len;

	buf_add(&h->words, data, MIN_U64(room, size * n));
	return size * n;
}

static void set_options(struct http_sink *h, const struct sink_options *o)
{
	lib.curl_easy_setopt(h->easy, CURLOPT_URL, h->url);
	lib.curl_easy_setopt(h->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	lib.curl_easy_setopt(h->easy, CURLOPT_PROXY, "");
	lib.curl_easy_setopt(h->easy, CURLOPT_FOLLOWLOCATION, 0L);
	lib.curl_easy_setopt(h->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	lib.curl_easy_setopt(h->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	lib.curl_easy_setopt(h->easy, CURLOPT_TIMEOUT, (long)o->timeout_s);
	lib.curl_easy_setopt(h->easy, CURLOPT_NOSIGNAL, 1L);
	lib.curl_easy_setopt(h->easy, CURLOPT_USERAGENT, "cordon/" CORDON_VERSION);
	lib.curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, h->headers);
	lib.curl_easy_setopt(h->easy, CURLOPT_POST, 1L);
	lib.curl_easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, on_words);
	lib.curl_easy_setopt(h->easy, CURLOPT_WRITEDATA, h);
	if (o->ca)
		lib.curl_easy_setopt(h->easy, CURLOPT_CAINFO, o->ca);
}

static void free_http(struct sink *s)
{
	struct http_sink *h = container_of(s, struct http_sink, sink);

	if (h->easy)
		lib.curl_easy_cleanup(h->easy);
	for (struct curl_slist *l = h->headers; l; l = l->next)
		explicit_bzero(l->data, strlen(l->data));
	if (h->headers)
		lib.curl_slist_free_all(h->headers);
	buf_done(&h->words);
	free(h->url);
	free(h);
}

static int open_http(const struct sink_kind *kind, const struct sink_options *o, struct sink **ret,
		     struct err *reterr)
{
	const char *host = o->to + strlen(kind->scheme);
	size_t n = strcspn(host, "/?#");
	struct http_sink *h;
	int r;

	if (memchr(host, '@', n))
		return err_set(reterr, EINVAL, "usage",
			       "--to: the URL holds a name or a password, which others on this "
			       "machine would see; give it with --header @FILE");
	if (!n || *host == ':' || strchr(host, '#') || host[strcspn(host, " \t\r\n")])
		return err_set(reterr, EINVAL, "usage", "--to %s: %sHOST[:PORT]/PATH is needed",
			       o->to, kind->scheme);
	r = curl_load(reterr);
	if (r < 0)
		return r;
	h = xcalloc(1, sizeof(*h));
	h->sink.kind = kind;
	h->url = xstrdup(o->to);
	h->words = BUF_INIT(WORDS_MAX + 1);
	r = take_headers(h, o->headers, reterr);
	if (r < 0) {
		free_http(&h->sink);
		return r;
	}
	h->easy = lib.curl_easy_init();
	if (!h->easy)
		abort();
	set_options(h, o);
	*ret = &h->sink;
	return 0;
}

static int not_reached(const struct http_sink *h, CURLcode code, const char *detail,
		       struct err *reterr)
{
	const char *why = *detail ? detail : lib.curl_easy_strerror(code);

	if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
	    code == CURLE_URL_MALFORMAT)
		return err_set(reterr, EIO, "export.refused",
			       "%s is not trusted or is no URL (%s); --ca may name a file with its "
			       "authority",
			       h->url, why);
	err_set(reterr, EIO, "export.unreachable", "%s does not take events now: %s", h->url, why);
	return -EAGAIN;
}

static int send_http(struct sink *s, struct batch *b, uint32_t *ret_wait_s, struct err *reterr)
{
	struct http_sink *h = container_of(s, struct http_sink, sink);
	char detail[CURL_ERROR_SIZE] = "";
	curl_off_t wait = 0;
	long status = 0;
	CURLcode code;

	h->words.len = 0;
	lib.curl_easy_setopt(h->easy, CURLOPT_ERRORBUFFER, detail);
	lib.curl_easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)b->lines.len);
	lib.curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, b->lines.data);
	code = lib.curl_easy_perform(h->easy);
	lib.curl_easy_setopt(h->easy, CURLOPT_ERRORBUFFER, NULL);
	lib.curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK)
		return not_reached(h, code, detail, reterr);
	if (status >= 200 && status < 300)
		return 0;
	err_set(reterr, EIO, "export.refused", "%s answers with status %ld%s%s", h->url, status,
		h->words.len ? ": " : "", buf_str(&h->words));
	if (status != 408 && status != 425 && status != 429 && status < 500)
		return -EIO;
	lib.curl_easy_getinfo(h->easy, CURLINFO_RETRY_AFTER, &wait);
	*ret_wait_s = wait > 0 ? (uint32_t)MIN_U64(wait, WAIT_MAX_S) : 0;
	return -EAGAIN;
}

const struct sink_kind sink_http = {"http://", open_http, send_http, free_http};
const struct sink_kind sink_https = {"https://", open_http, send_http, free_http};
