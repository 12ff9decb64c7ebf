/*
 * Fuzz target: the body of a request that carries code. The code that comes out of it can be walked
 * to its end, and its digest is one; what is refused is answered, once. The server is stubs.
 */
#include "base/json.h"
#include "control/code.h"
#include "wire/modmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int answered;

void http_problem(struct request *q, unsigned status, const char *code, const char *format, ...)
{
	(void)q;
	(void)format;
	if (status != 400 && status != 413)
		abort();
	if (!*code)
		abort();
	answered++;
}

void http_problem_err(struct request *q, unsigned status, const struct err *e)
{
	http_problem(q, status, e->code, "%s", e->message);
}

int store_artifacts(struct store *s, const char *tenant, const char *digest, artifact_fn *fn,
		    void *arg, struct err *reterr)
{
	(void)s;
	(void)tenant;
	(void)fn;
	(void)arg;
	(void)reterr;
	if (!code_digest_valid(digest))
		abort();
	return -ENOENT;
}

static void walk(const struct code *c)
{
	struct modmap map;
	struct module m;
	struct err e;
	int r;

	if (!code_digest_valid(c->digest) ||
	    modmap_check(c->modules.data, c->modules.len, c->main, strlen(c->main), &e) < 0 ||
	    modmap_open(&map, c->modules.data, c->modules.len) < 0)
		abort();
	while ((r = modmap_next(&map, &m)) > 0)
		;
	if (r < 0)
		abort();
}

/* The input is taken out of the text before a parser sees it. */
static void take_input(struct request *q)
{
	const char *at;
	size_t len;

	if (json_check(q->body.data, q->body.len, NULL) < 0 ||
	    json_member(q->body.data, q->body.len, "input", &at, &len) < 0)
		return;
	if (at < (const char *)q->body.data ||
	    at + len > (const char *)q->body.data + q->body.len || json_check(at, len, NULL) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct control control;
	struct request q = {.control = &control, .body = BUF_INIT(1 << 20)};
	json_t *body;
	struct code c;
	struct err e;
	int r;

	if (buf_add(&q.body, data, size) < 0)
		return 0;
	answered = 0;
	take_input(&q);
	body = body_object(&q, CODE_MEMBERS "input ");
	if (!body != (answered == 1))
		abort();
	if (body) {
		code_init(&c);
		r = code_take(&q, body, "tenant", &c, &e);
		if ((r == -EINVAL) != (answered == 1) || (r < 0 && r != -EINVAL && r != -ENOENT))
			abort();
		if (r == 0)
			walk(&c);
		code_done(&c);
		json_decref(body);
	}
	buf_done(&q.body);
	return 0;
}
