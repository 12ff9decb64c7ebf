#include "control/body.h"

#include "base/clock.h"
#include "base/json.h"

#include <string.h>

int body_knows(const char *known, const char *name)
{
	char wanted[80];

	snprintf(wanted, sizeof(wanted), " %.70s ", name);
	return !strchr(name, ' ') && strstr(known, wanted) != NULL;
}

json_t *body_object(struct request *q, const char *known)
{
	json_error_t e;
	json_t *body = json_loadb((const char *)q->body.data, q->body.len,
				  JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &e);
	const char *name;
	json_t *value;

	if (!body || !json_is_object(body)) {
		http_problem(q, 400, "request.json",
			     body ? "the body must be a JSON object"
				  : "the body is no JSON: %s at line %d, column %d",
			     e.text, e.line, e.column);
		json_decref(body);
		return NULL;
	}
	json_object_foreach(body, name, value)
	{
		if (!body_knows(known, name)) {
			http_problem(q, 400, "request.member",
				     "unknown member '%.70s'; known are:%.*s", name,
				     (int)strlen(known) - 1, known);
			json_decref(body);
			return NULL;
		}
	}
	return body;
}

const char *body_string(struct request *q, const json_t *body, const char *name, int *failed)
{
	const json_t *v = json_object_get(body, name);

	if (!v)
		return NULL;
	if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v)) {
		http_problem(q, 400, "request.member", "'%s' must be a string without NUL", name);
		*failed = 1;
		return NULL;
	}
	return json_string_value(v);
}

int64_t body_number(struct request *q, const json_t *body, const char *name, int64_t fallback,
		    int64_t min, int64_t max, int *failed)
{
	const json_t *v = json_object_get(body, name);
	int64_t n = v ? (int64_t)json_integer_value(v) : fallback;

	if (v && (!json_is_integer(v) || n < min || n > max)) {
		http_problem(q, 400, "request.member",
			     "'%s' must be a whole number from %lld to %lld", name, (long long)min,
			     (long long)max);
		*failed = 1;
	}
	return n;
}

void body_time(struct buf *b, int64_t ms)
{
	char text[CLOCK_TEXT_SIZE];

	if (!ms) {
		buf_adds(b, "null");
		return;
	}
	clock_text(ms, text);
	buf_addf(b, "\"%s\"", text);
}

void body_text(struct buf *b, const char *text)
{
	if (*text)
		json_quote_str(b, text);
	else
		buf_adds(b, "null");
}

void body_member(struct buf *b, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	buf_addf(b, "%s\"%s\":", b->data[b->len - 1] == '{' ? "" : ",", name);
	json_quote_str(b, value);
}
