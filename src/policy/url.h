/*
 * An http or https URL, read strictly (RFC 3986): what this accepts has one reading. Refused are
 * user information, fragments, other schemes, everything outside of printable ASCII, and paths
 * that path.h refuses. The query is not looked at, beyond its characters.
 */
#pragma once

#include "policy/host.h"
#include "policy/path.h"

enum { URL_MAX_BYTES = 8192 };

enum url_scheme { URL_HTTP, URL_HTTPS, URL_SCHEMES };

/* URL_BAD_SCHEME, URL_BAD_PATH: the text was in order up to there. */
enum url_status { URL_OK, URL_BAD, URL_BAD_SCHEME, URL_BAD_PATH };

struct url {
	enum url_scheme scheme;
	uint16_t port; /* the scheme's default if the text has none */
	bool address;  /* the host is an IP address */
	uint8_t bytes[16];
	size_t host_len;
	char host[HOST_SIZE];
	const char *query; /* in the text, with its "?"; NULL if there is none */
	size_t query_len;
	struct path path;
};

enum url_status url_parse(const char *text, size_t len, struct url *ret);

uint16_t url_default_port(enum url_scheme scheme);
const char *url_scheme_text(enum url_scheme scheme);
