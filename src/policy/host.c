#include "policy/host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_label_char(char c)
{
	return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-';
}

/*
 * Whether a name that ends in this label is read as an IPv4 address by URL parsers (WHATWG URL,
 * "ends in a number"): 127.1, 0x7f.1, 2130706433. Such a name is a host only in dotted decimal.
 */
static bool is_number_label(const char *s, size_t len)
{
	size_t i = 0;

	while (i < len && is_digit(s[i]))
		i++;
	return i == len || (len >= 2 && s[0] == '0' && s[1] == 'x');
}

static int check_name(const char *s, size_t len)
{
	size_t start = 0;

	if (!len || len > 253)
		return -EINVAL;
	for (size_t i = 0; i <= len; i++) {
		if (i < len && s[i] != '.') {
			if (!is_label_char(s[i]))
				return -EINVAL;
			continue;
		}
		if (i == start || i - start > 63 || s[start] == '-' || s[i - 1] == '-')
			return -EINVAL;
		if (i == len && is_number_label(s + start, i - start))
			return -EINVAL;
		start = i + 1;
	}
	return 0;
}

static int normalise_v6(const char *text, size_t len, char out[HOST_SIZE], size_t *ret_len,
			uint8_t ret_bytes[16])
{
	char inner[INET6_ADDRSTRLEN];
	struct in6_addr a;

	if (len < 4 || text[len - 1] != ']' || len - 2 >= sizeof(inner) || memchr(text, 0, len))
		return -EINVAL;
	memcpy(inner, text + 1, len - 2);
	inner[len - 2] = '\0';
	if (inet_pton(AF_INET6, inner, &a) != 1)
		return -EINVAL;
	if (IN6_IS_ADDR_V4MAPPED(&a)) /* the same address would have two names */
		return -EINVAL;
	inet_ntop(AF_INET6, &a, inner, sizeof(inner));
	memcpy(ret_bytes, &a, 16);
	*ret_len = (size_t)snprintf(out, HOST_SIZE, "[%s]", inner);
	return 0;
}

int host_normalise(const char *text, size_t len, char out[HOST_SIZE], size_t *ret_len,
		   bool *ret_address, uint8_t ret_bytes[16])
{
	struct in_addr v4;

	if (len && text[0] == '[') {
		*ret_address = true;
		return normalise_v6(text, len, out, ret_len, ret_bytes);
	}
	if (len && text[len - 1] == '.')
		len--;
	if (!len || len > 253)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		out[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 0x20 : text[i]);
	out[len] = '\0';
	*ret_len = len;
	*ret_address = false;
	if (check_name(out, len) == 0)
		return 0;
	if (strlen(out) != len || inet_pton(AF_INET, out, &v4) != 1)
		return -EINVAL;
	*ret_address = true;
	memset(ret_bytes, 0, 10);
	memset(ret_bytes + 10, 0xff, 2);
	memcpy(ret_bytes + 12, &v4, 4);
	return 0;
}

int host_pattern_parse(const char *text, size_t len, struct host_pattern *ret, const char **ret_why)
{
	struct host_pattern p = {.kind = HOST_EXACT};

	*ret_why = "is not a host; give a name such as docs.example.com";
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] >= 0x80) {
			*ret_why = "is not ASCII; write international names as A-labels (xn--...)";
			return -EINVAL;
		}
		if (text[i] == '/' || (text[i] == ':' && text[0] != '[')) {
			*ret_why = "is more than a host; scheme, port and path have their own keys";
			return -EINVAL;
		}
	}
	if (len >= 1 && text[0] == '*') {
		p.kind = len >= 2 && text[1] == '*' ? HOST_DEEP : HOST_ONE;
		text += p.kind == HOST_DEEP ? 2 : 1;
		len -= p.kind == HOST_DEEP ? 2 : 1;
		if (!len || (len == 1 && *text == '.')) {
			*ret_why = "means every host; name the hosts that are needed";
			return -EINVAL;
		}
		if (*text != '.') {
			*ret_why = "has a star that is not a label of its own; write *.example.com";
			return -EINVAL;
		}
		text++;
		len--;
	}
	if (memchr(text, '*', len)) {
		*ret_why = "has a star after the beginning; only the first label may be * or **";
		return -EINVAL;
	}
	if (host_normalise(text, len, p.base, &p.len, &p.address, p.bytes) < 0)
		return -EINVAL;
	if (p.kind != HOST_EXACT && p.address) {
		*ret_why = "is a wildcard over an address; name exact addresses";
		return -EINVAL;
	}
	if (p.kind != HOST_EXACT && !strchr(p.base, '.')) {
		*ret_why = "covers a whole top-level domain; name a domain below it";
		return -EINVAL;
	}
	if (p.len > HOST_PATTERN_BASE) {
		*ret_why = "is longer than 200 characters";
		return -EINVAL;
	}
	*ret = p;
	return 0;
}

bool host_matches(const struct host_pattern *p, const char *host, size_t len, bool address)
{
	size_t more;

	if (p->kind == HOST_EXACT)
		return len == p->len && !memcmp(host, p->base, len);
	if (address || len < p->len + 2)
		return false;
	more = len - p->len;
	if (host[more - 1] != '.' || memcmp(host + more, p->base, p->len) != 0)
		return false;
	return p->kind == HOST_DEEP || !memchr(host, '.', more - 1);
}

const char *host_pattern_text(const struct host_pattern *p, char out[HOST_SIZE + 3])
{
	snprintf(out, HOST_SIZE + 3, "%s%s",
		 p->kind == HOST_DEEP  ? "**."
		 : p->kind == HOST_ONE ? "*."
				       : "",
		 p->base);
	return out;
}
