/*
 * Fuzz target: bodies of requests, from bytes to code that a run could be given. What is taken is
 * in order; what is not was answered, once, with a code and a reason.
 */
#include "control/code.h"
#include "wire/modmap.h"

#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned answers;

void http_problem(struct request *q, unsigned status, const char *code, const char *format, ...)
{
	char text[1024];
	va_list ap;

	(void)q;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (status < 400 || !*code || !*text)
		abort();
	answers++;
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct control control = {.stopping = 0};
	struct request q = {.control = &control, .body = BUF_INIT(BODY_MAX)};
	struct code code;
	struct err e;
	json_t *body;
	int r;

	answers = 0;
	if (buf_add(&q.body, data, size) < 0)
		return 0;
	body = body_object(&q, CODE_MEMBERS);
	if (!body != (answers == 1))
		abort();
	code_init(&code);
	r = body ? code_take(&q, body, "tenant", &code, &e) : -EINVAL;
	if (r == 0 && (answers || !code_digest_valid(code.digest) ||
		       modmap_check(code.modules.data, code.modules.len, code.main,
				    strlen(code.main), &e) < 0))
		abort();
	if (r == -EINVAL && answers != 1)
		abort();
	code_done(&code);
	json_decref(body);
	buf_done(&q.body);
	return 0;
}
