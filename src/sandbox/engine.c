#include "sandbox/engine.h"

#include "base/json.h"
#include "sandbox/clock.h"
#include "sandbox/text.h"
#include "wire/modmap.h"
#include "wire/words.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Exported by the library, declared in its private headers only (JSContextRefPrivate.h,
 * JSObjectRefPrivate.h). */
void JSGlobalContextSetEvalEnabled(JSGlobalContextRef ctx, bool enabled, JSStringRef message);
JSObjectRef JSObjectGetProxyTarget(JSObjectRef object);
void JSSynchronousGarbageCollectForDebugging(JSContextRef ctx);
void JSGlobalContextSetUnhandledRejectionCallback(JSGlobalContextRef ctx, JSObjectRef function,
						  JSValueRef *exception);

/* What the prelude sends is bounded here too, so that an honest overrun is an error, not a death.
 */
enum { TEXT_MAX = LIMIT_RESULT };

static JSGlobalContextRef ctx;
static const struct engine_host *host;
static struct {
	JSObjectRef warm, rehearse, touch, quick, solo, start, again, answer, next, timers, pending,
		rejected;
} hooks;

static JSStringRef ascii(const char *s)
{
	return JSStringCreateWithUTF8CString(s);
}

static JSValueRef string_value(const void *data, size_t len)
{
	JSStringRef s = text_from_utf8(data, len);
	JSValueRef v = JSValueMakeString(ctx, s);

	JSStringRelease(s);
	return v;
}

static JSValueRef throw_error(JSContextRef c, JSValueRef *exception, const char *message)
{
	JSStringRef s = ascii(message);
	JSValueRef arg = JSValueMakeString(c, s);

	JSStringRelease(s);
	*exception = JSObjectMakeError(c, 1, &arg, NULL);
	return JSValueMakeUndefined(c);
}

/* A string argument as UTF-8. 0, or -1 with *exception set. */
static int arg_text(JSContextRef c, JSValueRef v, struct buf *out, JSValueRef *exception)
{
	JSStringRef s = JSValueToStringCopy(c, v, exception);
	int r;

	if (!s)
		return -1;
	r = text_to_utf8(s, out);
	JSStringRelease(s);
	if (r < 0)
		throw_error(c, exception, "text is too large for the platform");
	return r;
}

/* A Uint8Array argument; valid until the engine next runs. */
static int arg_view(JSContextRef c, JSValueRef v, struct wire_bytes *ret, JSValueRef *exception)
{
	JSObjectRef o;
	uint8_t *p;

	if (JSValueGetTypedArrayType(c, v, exception) != kJSTypedArrayTypeUint8Array) {
		throw_error(c, exception, "expected a Uint8Array");
		return -1;
	}
	o = (JSObjectRef)v;
	p = JSObjectGetTypedArrayBytesPtr(c, o, exception);
	ret->len = JSObjectGetTypedArrayByteLength(c, o, exception);
	ret->data = p;
	if (*exception)
		return -1;
	/* The pointer is that of the buffer, not of the view. */
	if (p)
		ret->data = p + JSObjectGetTypedArrayByteOffset(c, o, exception);
	return 0;
}

static JSValueRef make_view(JSContextRef c, const void *data, size_t len, JSValueRef *exception)
{
	JSObjectRef o = JSObjectMakeTypedArray(c, kJSTypedArrayTypeUint8Array, len, exception);

	if (!o)
		return JSValueMakeUndefined(c);
	if (len)
		memcpy(JSObjectGetTypedArrayBytesPtr(c, o, exception), data, len);
	return o;
}

#define HOST_FUNCTION(name, min_args)                                                              \
	static JSValueRef name##_body(JSContextRef c, const JSValueRef *argv, size_t argc,         \
				      JSValueRef *exception);                                      \
	static JSValueRef name(JSContextRef c, JSObjectRef function, JSObjectRef self,             \
			       size_t argc, const JSValueRef argv[], JSValueRef *exception)        \
	{                                                                                          \
		(void)function;                                                                    \
		(void)self;                                                                        \
		if (argc < (min_args))                                                             \
			return throw_error(c, exception, #name ": too few arguments");             \
		return name##_body(c, argv, argc, exception);                                      \
	}                                                                                          \
	static JSValueRef name##_body(JSContextRef c, const JSValueRef *argv, size_t argc,         \
				      JSValueRef *exception)

HOST_FUNCTION(host_evaluate, 3)
{
	JSStringRef source = JSValueToStringCopy(c, argv[0], exception);
	JSStringRef name = source ? JSValueToStringCopy(c, argv[1], exception) : NULL;
	JSValueRef v = NULL;

	(void)argc;
	if (name)
		v = JSEvaluateScript(c, source, NULL, name, (int)JSValueToNumber(c, argv[2], NULL),
				     exception);
	if (name)
		JSStringRelease(name);
	if (source)
		JSStringRelease(source);
	return v ? v : JSValueMakeUndefined(c);
}

HOST_FUNCTION(host_is_syntax, 1)
{
	JSStringRef source = JSValueToStringCopy(c, argv[0], exception);
	JSValueRef ignored = NULL;
	bool good = source && JSCheckScriptSyntax(c, source, NULL, 1, &ignored);

	(void)argc;
	if (source)
		JSStringRelease(source);
	return JSValueMakeBoolean(c, good);
}

HOST_FUNCTION(host_random, 1)
{
	struct wire_bytes view;

	(void)argc;
	if (arg_view(c, argv[0], &view, exception) == 0)
		sandbox_random((void *)view.data, view.len);
	return JSValueMakeUndefined(c);
}

HOST_FUNCTION(host_utf8_encode, 1)
{
	_cleanup_buf_ struct buf b = BUF_INIT(SIZE_MAX / 4);

	(void)argc;
	if (arg_text(c, argv[0], &b, exception) < 0)
		return JSValueMakeUndefined(c);
	return make_view(c, b.data, b.len, exception);
}

HOST_FUNCTION(host_utf8_decode, 1)
{
	struct wire_bytes view;
	JSStringRef s;
	JSValueRef v;

	if (arg_view(c, argv[0], &view, exception) < 0)
		return JSValueMakeUndefined(c);
	s = argc > 1 && JSValueToBoolean(c, argv[1]) ? text_from_utf8_strict(view.data, view.len)
						     : text_from_utf8(view.data, view.len);
	if (!s)
		return JSValueMakeUndefined(c);
	v = JSValueMakeString(c, s);
	JSStringRelease(s);
	return v;
}

HOST_FUNCTION(host_log, 3)
{
	_cleanup_buf_ struct buf text = BUF_INIT(TEXT_MAX), data = BUF_INIT(TEXT_MAX);
	double level = JSValueToNumber(c, argv[0], NULL);

	(void)argc;
	if (arg_text(c, argv[1], &text, exception) < 0 ||
	    arg_text(c, argv[2], &data, exception) < 0)
		return JSValueMakeUndefined(c);
	host->log(level >= 0 && level < LEVEL_COUNT ? (uint8_t)level : LEVEL_LOG, WIRE_BUF(&text),
		  WIRE_BUF(&data));
	return JSValueMakeUndefined(c);
}

HOST_FUNCTION(host_operation, 2)
{
	_cleanup_buf_ struct buf kind = BUF_INIT(TEXT_MAX), payload = BUF_INIT(TEXT_MAX);

	(void)argc;
	if (arg_text(c, argv[0], &kind, exception) < 0 ||
	    arg_text(c, argv[1], &payload, exception) < 0)
		return JSValueMakeUndefined(c);
	if (payload.len > LIMIT_OPERATION)
		return throw_error(c, exception, "the operation's payload is larger than 256 KiB");
	return JSValueMakeNumber(c, host->operation(WIRE_BUF(&kind), WIRE_BUF(&payload)));
}

HOST_FUNCTION(host_compiled, 1)
{
	_cleanup_buf_ struct buf text = BUF_INIT(LIMIT_COMPILED);
	JSValueRef ignored = NULL;

	(void)argc;
	(void)exception;
	if (arg_text(c, argv[0], &text, &ignored) < 0)
		text.len = 0; /* too large to cache is not an error */
	host->compiled(WIRE_BUF(&text));
	return JSValueMakeUndefined(c);
}

HOST_FUNCTION(host_result, 2)
{
	_cleanup_buf_ struct buf text = BUF_INIT(SIZE_MAX / 4);
	struct wire_bytes data;
	uint8_t kind = (uint8_t)JSValueToNumber(c, argv[0], NULL);

	(void)argc;
	if (kind == VALUE_BYTES) {
		if (arg_view(c, argv[1], &data, exception) < 0)
			return JSValueMakeUndefined(c);
	} else {
		if (arg_text(c, argv[1], &text, exception) < 0)
			return JSValueMakeUndefined(c);
		data = WIRE_BUF(&text);
	}
	host->result(kind, data);
	return JSValueMakeUndefined(c);
}

static JSValueRef fail_with(JSContextRef c, JSValueRef json, int exhausted, JSValueRef *exception)
{
	_cleanup_buf_ struct buf text = BUF_INIT(LIMIT_ERROR);

	if (arg_text(c, json, &text, exception) == 0)
		host->fail(exhausted, WIRE_BUF(&text));
	return JSValueMakeUndefined(c);
}

HOST_FUNCTION(host_fail, 1)
{
	(void)argc;
	return fail_with(c, argv[0], 0, exception);
}

HOST_FUNCTION(host_exhausted, 1)
{
	(void)argc;
	return fail_with(c, argv[0], 1, exception);
}

HOST_FUNCTION(host_proxy_target, 1)
{
	JSObjectRef target = NULL;

	(void)argc;
	(void)exception;
	if (JSValueIsObject(c, argv[0]))
		target = JSObjectGetProxyTarget((JSObjectRef)argv[0]);
	return target ? target : JSValueMakeUndefined(c);
}

static const struct {
	const char *name;
	JSObjectCallAsFunctionCallback function;
} host_functions[] = {
	{"evaluate", host_evaluate},
	{"isSyntax", host_is_syntax},
	{"random", host_random},
	{"utf8Encode", host_utf8_encode},
	{"utf8Decode", host_utf8_decode},
	{"log", host_log},
	{"operation", host_operation},
	{"proxyTarget", host_proxy_target},
	{"compiled", host_compiled},
	{"result", host_result},
	{"fail", host_fail},
	{"exhausted", host_exhausted},
};

static void set(JSObjectRef o, const char *name, JSValueRef v)
{
	JSStringRef s = ascii(name);

	JSObjectSetProperty(ctx, o, s, v, kJSPropertyAttributeNone, NULL);
	JSStringRelease(s);
}

static JSObjectRef get_function(JSObjectRef o, const char *name)
{
	JSStringRef s = ascii(name);
	JSValueRef v = JSObjectGetProperty(ctx, o, s, NULL);

	JSStringRelease(s);
	if (!v || !JSValueIsObject(ctx, v) || !JSObjectIsFunction(ctx, (JSObjectRef)v))
		return NULL;
	JSValueProtect(ctx, v);
	return (JSObjectRef)v;
}

static int explain(JSValueRef exception, const char *what, struct err *reterr)
{
	JSStringRef s = exception ? JSValueToStringCopy(ctx, exception, NULL) : NULL;
	_cleanup_buf_ struct buf b = BUF_INIT(400);

	if (s) {
		text_to_utf8(s, &b);
		JSStringRelease(s);
	}
	return err_set(reterr, ENOEXEC, "engine.prelude", "%s: %s", what, buf_str(&b));
}

static JSValueRef call(JSObjectRef function, size_t argc, const JSValueRef *argv,
		       JSValueRef *exception)
{
	return JSObjectCallAsFunction(ctx, function, NULL, argc, argv, exception);
}

static int broken; /* the prelude was left in the middle */

/* The C API does not tell; the library that has it does. */
void engine_version(char out[64])
{
	static const char *const names[] = {"jsc_get_major_version", "jsc_get_minor_version",
					    "jsc_get_micro_version"};
	unsigned v[3] = {0};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		unsigned (*get)(void) = (unsigned (*)(void))dlsym(RTLD_DEFAULT, names[i]);

		if (get)
			v[i] = get();
	}
	snprintf(out, 64, "JavaScriptCore %u.%u.%u", v[0], v[1], v[2]);
}

int engine_broken(void)
{
	return broken;
}

/*
 * A hook that throws was interrupted in the middle of the prelude: memory or stack ran out there.
 * The run cannot go on.
 */
static JSValueRef call_hook(JSObjectRef hook, size_t argc, const JSValueRef *argv)
{
	_cleanup_buf_ struct buf text = BUF_INIT(LIMIT_ERROR), message = BUF_INIT(1024);
	JSValueRef exception = NULL, v = call(hook, argc, argv, &exception);
	JSStringRef s;

	if (v)
		return v;
	broken = 1;
	s = JSValueToStringCopy(ctx, exception, NULL);
	if (s) {
		text_to_utf8(s, &message);
		JSStringRelease(s);
	}
	buf_adds(&text, "{\"name\":\"InternalError\",\"code\":\"code.exception\",\"message\":");
	json_quote(&text, message.data, message.len);
	buf_adds(&text, "}");
	host->fail(strstr(buf_str(&message), "Out of memory") != NULL, WIRE_BUF(&text));
	return NULL;
}

static int take_hooks(JSObjectRef o, struct err *reterr)
{
	const struct {
		const char *name;
		JSObjectRef *to;
	} all[] = {{"warm", &hooks.warm},	{"rehearse", &hooks.rehearse},
		   {"touch", &hooks.touch},	{"quick", &hooks.quick},
		   {"solo", &hooks.solo},	{"start", &hooks.start},
		   {"again", &hooks.again},	{"answer", &hooks.answer},
		   {"next", &hooks.next},	{"timers", &hooks.timers},
		   {"pending", &hooks.pending}, {"rejected", &hooks.rejected}};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		*all[i].to = get_function(o, all[i].name);
		if (!*all[i].to)
			return err_set(reterr, ENOEXEC, "engine.prelude",
				       "the prelude has no hook '%s'", all[i].name);
	}
	return 0;
}

int engine_init(const char *prelude, size_t len, const struct engine_host *h, struct err *reterr)
{
	JSStringRef source, name;
	JSValueRef exception = NULL, v;
	JSObjectRef host_object;

	host = h;
	ctx = JSGlobalContextCreate(NULL);
	source = text_from_utf8(prelude, len);
	name = ascii("cordon:prelude");
	v = JSEvaluateScript(ctx, source, NULL, name, 1, &exception);
	JSStringRelease(source);
	JSStringRelease(name);
	if (!v || !JSValueIsObject(ctx, v))
		return explain(exception, "evaluating the prelude", reterr);
	host_object = JSObjectMake(ctx, NULL, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(host_functions); i++) {
		JSStringRef s = ascii(host_functions[i].name);

		set(host_object, host_functions[i].name,
		    JSObjectMakeFunctionWithCallback(ctx, s, host_functions[i].function));
		JSStringRelease(s);
	}
	v = call((JSObjectRef)v, 1, (JSValueRef[]){host_object}, &exception);
	if (!v || !JSValueIsObject(ctx, v))
		return explain(exception, "loading the prelude", reterr);
	if (take_hooks((JSObjectRef)v, reterr) < 0)
		return -ENOEXEC;
	if (!call(hooks.warm, 0, NULL, &exception))
		return explain(exception, "warming the prelude", reterr);
	JSGlobalContextSetUnhandledRejectionCallback(ctx, hooks.rejected, &exception);
	name = ascii("eval and new Function are off; the profile may allow them");
	JSGlobalContextSetEvalEnabled(ctx, false, name);
	JSStringRelease(name);
	return 0;
}

int engine_settle(struct err *reterr)
{
	JSValueRef exception = NULL;
	/*
	 * The allocator gives free pages back from the thread that threads.h keeps away; this is
	 * the same by hand. Not in any header, so its absence is no error: the image is then merely
	 * larger.
	 */
	void *p = dlsym(RTLD_DEFAULT, "_ZN3WTF27releaseFastMallocFreeMemoryEv");
	void (*release)(void);

	memcpy(&release, &p, sizeof(p));
	JSSynchronousGarbageCollectForDebugging(ctx);
	if (release)
		release();
	if (!call(hooks.rehearse, 0, NULL, &exception))
		return explain(exception, "rehearsing runs", reterr);
	return 0;
}

void engine_touch(void)
{
	call_hook(hooks.touch, 0, NULL);
}

static JSValueRef module_value(const struct module *m, JSValueRef *exception)
{
	if (m->type == MODULE_DATA || m->type == MODULE_WASM)
		return make_view(ctx, m->source, m->source_len, exception);
	return string_value(m->source, m->source_len);
}

static JSValueRef modules_value(const struct msg_start *start, JSValueRef *exception)
{
	JSObjectRef list = JSObjectMakeArray(ctx, 0, NULL, exception);
	struct modmap map;
	struct module m;
	unsigned n = 0;

	if (!list || modmap_open(&map, start->modules.data, start->modules.len) < 0)
		return JSValueMakeUndefined(ctx);
	while (modmap_next(&map, &m) > 0) {
		JSObjectRef o = JSObjectMake(ctx, NULL, NULL);

		set(o, "name", string_value(m.name, m.name_len));
		set(o, "type",
		    string_value(modmap_type_text(m.type), strlen(modmap_type_text(m.type))));
		set(o, "source", module_value(&m, exception));
		JSObjectSetPropertyAtIndex(ctx, list, n++, o, exception);
	}
	return list;
}

static int contains(const struct module *m, const char *word)
{
	return memmem(m->source, m->source_len, word, strlen(word)) != NULL;
}

/* The one module of a run that needs neither fences removed nor a language declared. */
static int single_module(const struct msg_start *start, struct module *ret)
{
	struct modmap map;

	return !(start->flags & (RUN_FENCES | RUN_WASM)) && !start->language.len &&
	       modmap_open(&map, start->modules.data, start->modules.len) == 0 && map.left == 1 &&
	       modmap_next(&map, ret) == 1;
}

/* Plain JavaScript, which may be a code-mode function: see hooks.quick in the contract. */
static int may_be_quick(const struct module *m)
{
	const char *dot = memchr(m->name, '.', m->name_len);

	if (m->type != MODULE_AUTO && m->type != MODULE_JS)
		return 0;
	if (m->type == MODULE_AUTO && dot &&
	    (m->name + m->name_len - dot != 3 || memcmp(dot, ".js", 3) != 0))
		return 0;
	return !contains(m, "import") && !contains(m, "export");
}

/* The short ways. 1: the run is under way. */
static int start_short(const struct msg_start *start)
{
	const char *compiled = start->compiled.data;
	struct module m;
	JSValueRef argv[5], v;

	if (!single_module(start, &m))
		return 0;
	argv[0] = string_value(m.name, m.name_len);
	argv[2] = start->input.len ? string_value(start->input.data, start->input.len)
				   : JSValueMakeUndefined(ctx);
	argv[3] = JSValueMakeNumber(ctx, start->timers);
	if (start->compiled.len && compiled[0] == '"') {
		argv[1] = string_value(start->compiled.data, start->compiled.len);
		argv[4] = string_value(m.source, m.source_len);
		call_hook(hooks.solo, 5, argv);
		return 1;
	}
	if (start->compiled.len || !may_be_quick(&m))
		return 0;
	argv[1] = string_value(m.source, m.source_len);
	v = call_hook(hooks.quick, 4, argv);
	return !v || JSValueToBoolean(ctx, v);
}

void engine_start(const struct msg_start *start)
{
	JSValueRef exception = NULL;
	JSObjectRef job;

	if (start->flags & RUN_EVAL)
		JSGlobalContextSetEvalEnabled(ctx, true, NULL);
	if (start_short(start))
		return;
	job = JSObjectMake(ctx, NULL, NULL);

	set(job, "main", string_value(start->main.data, start->main.len));
	set(job, "modules", modules_value(start, &exception));
	set(job, "language", string_value(start->language.data, start->language.len));
	set(job, "fences", JSValueMakeBoolean(ctx, start->flags & RUN_FENCES));
	set(job, "eval", JSValueMakeBoolean(ctx, start->flags & RUN_EVAL));
	set(job, "wasm", JSValueMakeBoolean(ctx, start->flags & RUN_WASM));
	set(job, "timers", JSValueMakeNumber(ctx, start->timers));
	if (start->input.len)
		set(job, "input", string_value(start->input.data, start->input.len));
	if (start->compiled.len)
		set(job, "compiled", string_value(start->compiled.data, start->compiled.len));
	call_hook(hooks.start, 1, (JSValueRef[]){job});
}

void engine_again(const struct msg_again *a)
{
	JSValueRef argv[] = {a->input.len ? string_value(a->input.data, a->input.len)
					  : JSValueMakeUndefined(ctx),
			     JSValueMakeNumber(ctx, a->timers)};

	call_hook(hooks.again, ARRAY_SIZE(argv), argv);
}

void engine_answer(const struct msg_answer *a)
{
	JSValueRef argv[] = {JSValueMakeNumber(ctx, a->id), JSValueMakeNumber(ctx, a->status),
			     string_value(a->payload.data, a->payload.len)};

	call_hook(hooks.answer, ARRAY_SIZE(argv), argv);
}

static double number_from(JSObjectRef hook)
{
	JSValueRef v = call_hook(hook, 0, NULL);

	return v ? JSValueToNumber(ctx, v, NULL) : -1;
}

int64_t engine_next_timer(void)
{
	double due = number_from(hooks.next);

	return due >= 0 && due < 9e15 ? (int64_t)due : -1;
}

void engine_run_timers(void)
{
	call_hook(hooks.timers, 0, NULL);
}

uint32_t engine_pending(void)
{
	double n = number_from(hooks.pending);

	return n > 0 ? (uint32_t)n : 0;
}
