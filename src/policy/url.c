#include "policy/url.h"

#include <string.h>
#include <strings.h>

uint16_t url_default_port(enum url_scheme scheme)
{
	return scheme == URL_HTTPS ? 443 : 80;
}

const char *url_scheme_text(enum url_scheme scheme)
{
	return scheme == URL_HTTPS ? "https" : "http";
}

static bool is_alpha(char c)
{
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'z';
}

/* The scheme and "://": their length, or 0. */
static size_t read_scheme(const char *s, size_t len, struct url *u, enum url_status *status)
{
	size_t n = 0;

	while (n < len && (is_alpha(s[n]) ||
			   (n && ((s[n] >= '0' && s[n] <= '9') || (s[n] && strchr("+-.", s[n]))))))
		n++;
	u->scheme = n == 5 ? URL_HTTPS : URL_HTTP;
	*status = URL_BAD;
	if (!n || n == len || s[n] != ':')
		return 0;
	if ((n != 4 || strncasecmp(s, "http", 4) != 0) &&
	    (n != 5 || strncasecmp(s, "https", 5) != 0))
		*status = URL_BAD_SCHEME;
	else if (len - n >= 3 && s[n + 1] == '/' && s[n + 2] == '/')
		*status = URL_OK;
	return n + 3;
}

/* Digits after the colon; none, zeros in front and 0 are refused. */
static int read_port(const char *s, size_t len, uint16_t *ret)
{
	unsigned v = 0;

	if (!len || len > 5 || s[0] == '0')
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		v = v * 10 + (unsigned)(s[i] - '0');
	}
	if (v > UINT16_MAX)
		return -1;
	*ret = (uint16_t)v;
	return 0;
}

static int read_authority(const char *s, size_t len, struct url *u)
{
	size_t colon = len;
	const char *bracket = len && *s == '[' ? memchr(s, ']', len) : NULL;
	const char *c =
		memchr(bracket ? bracket : s, ':', bracket ? len - (size_t)(bracket - s) : len);

	u->port = url_default_port(u->scheme);
	if (c) {
		colon = (size_t)(c - s);
		if (read_port(c + 1, len - colon - 1, &u->port) < 0)
			return -1;
	}
	return host_normalise(s, colon, u->host, &u->host_len, &u->address, u->bytes);
}

enum url_status url_parse(const char *text, size_t len, struct url *ret)
{
	enum url_status status;
	size_t at, authority, path;

	if (!len || len > URL_MAX_BYTES)
		return URL_BAD;
	at = read_scheme(text, len, ret, &status);
	if (status != URL_OK)
		return status;
	for (authority = at; authority < len && !strchr("/?#\\", text[authority]); authority++)
		;
	if (read_authority(text + at, authority - at, ret) < 0)
		return URL_BAD;
	if (authority < len && (text[authority] == '\\' || !text[authority]))
		return URL_BAD; /* browsers take a backslash for a slash, others for user
				   information */
	for (path = authority; path < len && text[path] != '?'; path++)
		if (text[path] == '#')
			return URL_BAD;
	ret->query = path < len ? text + path : NULL;
	ret->query_len = len - path;
	for (size_t i = path; i < len; i++)
		if (text[i] <= 0x20 || text[i] >= 0x7f || text[i] == '#')
			return URL_BAD;
	if (path == authority)
		return path_parse("/", 1, &ret->path) < 0 ? URL_BAD_PATH : URL_OK;
	return path_parse(text + authority, path - authority, &ret->path) < 0 ? URL_BAD_PATH
									      : URL_OK;
}
