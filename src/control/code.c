#include "control/code.h"

#include "wire/modmap.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define MODULES_SIZE_MAX (LIMIT_CODE + LIMIT_MODULES * (LIMIT_MODULE_NAME + 16))

void code_init(struct code *c)
{
	*c = (struct code){.modules = BUF_INIT(MODULES_SIZE_MAX)};
}

void code_done(struct code *c)
{
	buf_done(&c->modules);
}

int code_given(const json_t *body)
{
	static const char *const names[] = {"code",	"main",	    "modules",
					    "artifact", "language", "fences"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (json_object_get(body, names[i]))
			return 1;
	return 0;
}

int code_digest_valid(const char *digest)
{
	return !strncmp(digest, "sha256:", 7) && strlen(digest) == 71 &&
	       strspn(digest + 7, "0123456789abcdef") == 64;
}

static int bad(struct request *q, const char *text)
{
	http_problem(q, 400, "request.member", "%s", text);
	return -EINVAL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int add_base64(struct request *q, struct code *c, const char *name, const json_t *text)
{
	size_t len = json_string_length(text), got = 0;
	_cleanup_free_ uint8_t *raw = xmalloc(len + 1);
	const char *dot = strrchr(name, '.');
	struct err e;
	int r;

	if (sodium_base642bin(raw, len, json_string_value(text), len, NULL, &got, NULL,
			      sodium_base64_VARIANT_ORIGINAL) < 0) {
		http_problem(q, 400, "request.member",
			     "modules[\"%.100s\"].base64 is no base64 (RFC 4648, section 4)", name);
		return -EINVAL;
	}
	r = modmap_add(&c->modules, name, dot && !strcmp(dot, ".wasm") ? MODULE_WASM : MODULE_DATA,
		       raw, got, &e);
	if (r < 0)
		http_problem_err(q, 400, &e);
	return r;
}

static int add_module(struct request *q, struct code *c, const char *name, const json_t *v)
{
	const json_t *base64 = json_object_get(v, "base64");
	struct err e;
	int r;

	if (json_is_string(base64) && json_object_size(v) == 1)
		return add_base64(q, c, name, base64);
	if (!json_is_string(v)) {
		http_problem(q, 400, "request.member",
			     "modules[\"%.100s\"] must be a string or {\"base64\":\"…\"}", name);
		return -EINVAL;
	}
	r = modmap_add(&c->modules, name, MODULE_AUTO, json_string_value(v), json_string_length(v),
		       &e);
	if (r < 0)
		http_problem_err(q, 400, &e);
	return r;
}

/* In the order of their names, so that the same code has the same digest. */
static int add_modules(struct request *q, struct code *c, const json_t *modules)
{
	size_t n = 0, count = json_object_size(modules);
	_cleanup_free_ const char **names = xcalloc(count + 1, sizeof(*names));
	const char *name;
	json_t *value;
	int r = 0;

	json_object_foreach((json_t *)(uintptr_t)modules, name, value)
	{
		(void)value;
		names[n++] = name;
	}
	qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n && r == 0; i++)
		r = add_module(q, c, names[i], json_object_get(modules, names[i]));
	return r;
}

/* SHA-256 over the parts, each with its length before it. */
static void name_code(struct code *c)
{
	const char fences = (char)('0' + c->fences);
	const struct wire_bytes parts[] = {
		WIRE_STR(c->main), WIRE_STR(c->language), {&fences, 1}, WIRE_BUF(&c->modules)};
	uint8_t hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		uint64_t len = parts[i].len;

		crypto_hash_sha256_update(&state, (const uint8_t *)&len, sizeof(len));
		crypto_hash_sha256_update(&state, parts[i].data, parts[i].len);
	}
	crypto_hash_sha256_final(&state, hash);
	memcpy(c->digest, "sha256:", 7);
	sodium_bin2hex(c->digest + 7, sizeof(c->digest) - 7, hash, sizeof(hash));
}

static int take_inline(struct request *q, const json_t *body, struct code *c)
{
	const json_t *modules = json_object_get(body, "modules");
	const json_t *fences = json_object_get(body, "fences");
	int failed = 0, r;
	const char *code = body_string(q, body, "code", &failed), *main_name, *language;
	struct err e;

	main_name = failed ? NULL : body_string(q, body, "main", &failed);
	language = failed ? NULL : body_string(q, body, "language", &failed);
	if (failed)
		return -EINVAL;
	if (language && strcmp(language, "js") && strcmp(language, "ts"))
		return bad(q, "'language' must be \"js\" or \"ts\"");
	if (fences && !json_is_boolean(fences))
		return bad(q, "'fences' must be true or false");
	if (!code == !modules || (code && main_name))
		return bad(q, "either 'code', or 'modules' with 'main', or 'artifact' is needed");
	if (!code && (!json_is_object(modules) || !main_name))
		return bad(q, "'modules' must be an object from name to source, and 'main' name "
			      "one of them");
	if (main_name && strlen(main_name) > LIMIT_MODULE_NAME)
		return bad(q, "'main' is longer than a module's name may be");
	snprintf(c->main, sizeof(c->main), "%s", code ? "main" : main_name);
	snprintf(c->language, sizeof(c->language), "%s", language ? language : "");
	c->fences = json_is_true(fences);
	r = code ? modmap_add(&c->modules, "main", MODULE_AUTO, code, strlen(code), &e)
		 : add_modules(q, c, modules);
	if (r < 0 && !code)
		return r;
	if (r == 0)
		r = modmap_check(c->modules.data, c->modules.len, c->main, strlen(c->main), &e);
	if (r < 0) {
		http_problem_err(q, 400, &e);
		return -EINVAL;
	}
	name_code(c);
	return 0;
}

static void take_row(void *arg, const struct artifact_row *w)
{
	struct code *c = arg;

	snprintf(c->main, sizeof(c->main), "%s", w->main);
	snprintf(c->language, sizeof(c->language), "%s", w->language);
	snprintf(c->digest, sizeof(c->digest), "%s", w->digest);
	c->fences = w->fences != 0;
	c->trust = w->trust;
	c->stored = 1;
	buf_add(&c->modules, w->modules, w->modules_len);
}

int code_load(struct control *c, const char *tenant, const char *digest, struct code *ret,
	      struct err *reterr)
{
	int r = store_artifacts(c->store, tenant, digest, take_row, ret, reterr);

	if (r == -ENOENT)
		return err_set(reterr, ENOENT, "artifact.unknown",
			       "the tenant '%s' has no artifact %s; put it first, or send its code",
			       tenant, digest);
	return r;
}

int code_take(struct request *q, const json_t *body, const char *tenant, struct code *ret,
	      struct err *reterr)
{
	int failed = 0, r;
	const char *artifact = body_string(q, body, "artifact", &failed);

	if (failed)
		return -EINVAL;
	if (!artifact)
		return take_inline(q, body, ret);
	if (!code_digest_valid(artifact))
		return bad(q, "'artifact' must be a digest: sha256: and 64 hexadecimal digits");
	if (json_object_get(body, "code") || json_object_get(body, "modules") ||
	    json_object_get(body, "main") || json_object_get(body, "language") ||
	    json_object_get(body, "fences"))
		return bad(q, "'artifact' names all of the code; leave out code, main, modules, "
			      "language and fences");
	r = code_load(q->control, tenant, artifact, ret, reterr);
	if (r == 0 || r == -ENOENT)
		return r;
	http_problem_err(q, 503, reterr);
	return -EINVAL;
}
