/*
 * What the library lets pass and we do not: requests that another reader of HTTP, such as a proxy
 * before us, could understand in another way than we do (RFC 9112, sections 2.2, 3.2, 5.1, 6.3).
 */
#include "base/json.h"
#include "control/control.h"

#include <ctype.h>
#include <string.h>

enum { QUERY_MAX = 32 };

/* Headers of which a second one would be a second meaning. */
static const char *const single[] = {"Host", "Content-Length", "Transfer-Encoding", "Authorization",
				     "Idempotency-Key"};

struct check {
	const char *flaw;
	unsigned seen; /* of single[] */
	const char *names[QUERY_MAX];
	size_t count;
};

/* RFC 9110, section 5.6.2 */
static int is_token(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && (!s[i] || !strchr("!#$%&'*+-.^_`|~", s[i])))
			return 0;
	return len > 0;
}

static int has_controls(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)s[i] < 0x20 && s[i] != '\t') || s[i] == 0x7f)
			return 1;
	return 0;
}

static enum MHD_Result check_header(void *arg, enum MHD_ValueKind kind, const char *name,
				    size_t name_len, const char *value, size_t value_len)
{
	struct check *c = arg;

	(void)kind;
	if (!is_token(name, name_len))
		c->flaw = "a header's name is no token (RFC 9110, section 5.6.2)";
	else if (value && has_controls(value, value_len))
		c->flaw = "a header's value has a control character";
	for (size_t i = 0; !c->flaw && i < ARRAY_SIZE(single); i++) {
		/* The library takes a value that begins on the next line for more of the name. */
		if (!value_len && strncasecmp(name, single[i], strlen(single[i])) == 0)
			c->flaw = "a header's value is missing, or begins on the next line";
		if (strcasecmp(name, single[i]) != 0)
			continue;
		if (c->seen & 1u << i)
			c->flaw = "Host, Content-Length, Transfer-Encoding, Authorization and "
				  "Idempotency-Key may stand once";
		c->seen |= 1u << i;
	}
	return c->flaw ? MHD_NO : MHD_YES;
}

static enum MHD_Result check_query(void *arg, enum MHD_ValueKind kind, const char *name,
				   size_t name_len, const char *value, size_t value_len)
{
	struct check *c = arg;

	(void)kind;
	if (!utf8_valid(name, name_len) || (value && !utf8_valid(value, value_len)))
		c->flaw = "the query is not valid UTF-8";
	for (size_t i = 0; !c->flaw && i < c->count; i++)
		if (!strcmp(name, c->names[i]))
			c->flaw = "a name stands twice in the query";
	if (!c->flaw && c->count == QUERY_MAX)
		c->flaw = "the query has too many members";
	if (!c->flaw)
		c->names[c->count++] = name;
	return c->flaw ? MHD_NO : MHD_YES;
}

int framing_target_bad(const char *target)
{
	int query = 0;

	for (const char *p = target; *p; p++) {
		query |= *p == '?';
		if (*p != '%')
			continue;
		if (!isxdigit((unsigned char)p[1]) || !isxdigit((unsigned char)p[2]) ||
		    !strncmp(p, "%00", 3) || (!query && !strncasecmp(p, "%2f", 3)))
			return 1;
	}
	return 0;
}

const char *framing_flaw(const struct request *q)
{
	struct check c = {0};
	const char *length = http_header(q, "Content-Length");
	const char *encoding = http_header(q, "Transfer-Encoding");
	const char *host = http_header(q, "Host");

	if (q->target_bad)
		return "the target has an escape that is none, or one of NUL or of a slash";
	MHD_get_connection_values_n(q->connection, MHD_HEADER_KIND, check_header, &c);
	if (!c.flaw)
		MHD_get_connection_values_n(q->connection, MHD_GET_ARGUMENT_KIND, check_query, &c);
	if (c.flaw)
		return c.flaw;
	if (length && encoding)
		return "Content-Length and Transfer-Encoding exclude each other";
	if (encoding && (strcasecmp(encoding, "chunked") != 0 || strcmp(q->version, "HTTP/1.1")))
		return "Transfer-Encoding may only be 'chunked', in HTTP/1.1";
	if (host && strpbrk(host, " \t,/\\?#@"))
		return "Host is no host name with a port at most";
	return NULL;
}
