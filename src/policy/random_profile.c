#include "policy/random_profile.h"

#include <stdio.h>
#include <string.h>

const int universe_methods[2] = {METHOD_GET, METHOD_PUT};
const char *const universe_tools[3] = {"t", "u", "v"};

/* Patterns, and names that tell them apart: z is what no pattern names. */
static const char *const host_patterns[] = {"a.x.io",	"*.x.io",    "**.x.io", "b.a.x.io",
					    "*.a.x.io", "**.a.x.io", "10.0.0.1"};
static const char *const host_names[] = {"a.x.io",   "b.a.x.io",   "z.x.io", "z.z.x.io",
					 "z.a.x.io", "z.z.a.x.io", "x.io",   "10.0.0.1"};
static const char *const endpoints[][2] = {{"https://", ""}, {"https://", ":81"}, {"http://", ""}};
static const char *const segments[] = {"a",  "b",  "*",	 "a*", "*b", "a*b", "ab", "*a*",
				       "**", "**", "*a", "b*", "c",  ".*",  "*;"};

unsigned chance_below(struct chance *c, unsigned n)
{
	uint64_t z = c->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (unsigned)((z ^ z >> 31) % n);
}

static bool maybe(struct chance *c, unsigned in)
{
	return chance_below(c, in) == 0;
}

static void random_path(struct chance *c, struct buf *out)
{
	unsigned n = 1 + chance_below(c, 3);
	const char *last = "";

	while (n--) {
		const char *s = segments[chance_below(c, ARRAY_SIZE(segments))];

		if (!strcmp(s, "**") && !strcmp(last, "**"))
			s = "a";
		buf_addf(out, "/%s", s);
		last = s;
	}
	if (maybe(c, 6))
		buf_addc(out, '/');
}

/* One or two different ones. */
static void random_paths(struct chance *c, struct buf *out)
{
	_cleanup_buf_ struct buf first = BUF_INIT(64), second = BUF_INIT(64);

	random_path(c, &first);
	random_path(c, &second);
	buf_addf(out, ",\"paths\":[\"%s\"", buf_str(&first));
	if (maybe(c, 2) && strcmp(buf_str(&first), buf_str(&second)) != 0)
		buf_addf(out, ",\"%s\"", buf_str(&second));
	buf_addc(out, ']');
}

static void random_terms(struct chance *c, struct buf *out)
{
	static const char *const blocks[] = {"\"10.0.0.0/8\"", "\"10.0.0.0/16\",\"8.0.0.0/8\"",
					     "\"10.0.0.1/32\"", "\"2600::/16\""};

	if (maybe(c, 2))
		buf_addf(out, ",\"maxResponse\":%u", 1000 + chance_below(c, 2));
	if (maybe(c, 4))
		buf_addf(out, ",\"maxRequest\":%u", 1000 + chance_below(c, 2));
	if (maybe(c, 3))
		buf_addf(out, ",\"credential\":\"%c\"", 'k' + (int)chance_below(c, 2));
	if (maybe(c, 3))
		buf_addf(out, ",\"bytesPerDay\":%u", 100 * (1 + chance_below(c, 3)));
	if (maybe(c, 4))
		buf_addf(out, ",\"rate\":\"%u/%c\"", 1 + chance_below(c, 3),
			 maybe(c, 2) ? 's' : 'm');
	if (maybe(c, 4))
		buf_addf(out, ",\"cidrs\":[%s]", blocks[chance_below(c, ARRAY_SIZE(blocks))]);
}

static void random_rule(struct chance *c, const struct random_options *o, unsigned index,
			struct buf *out)
{
	static const char *const methods[] = {"\"GET\"", "\"PUT\"", "\"GET\",\"PUT\""};
	bool deny = maybe(c, 4);

	buf_addf(out, "%s{\"id\":\"r%u\",\"host\":\"%s\",\"deny\":%s", index ? "," : "", index,
		 host_patterns[o->hosts == 1 ? 0 : chance_below(c, ARRAY_SIZE(host_patterns))],
		 deny ? "true" : "false");
	if (!deny || maybe(c, 2))
		random_paths(c, out);
	if (!deny || maybe(c, 2))
		buf_addf(out, ",\"methods\":[%s],\"justification\":\"x\"",
			 methods[chance_below(c, 3)]);
	if (o->hosts > 1 && maybe(c, 4))
		buf_addf(out, ",\"ports\":[%s]", maybe(c, 2) ? "81" : "81,443");
	if (o->hosts > 1 && maybe(c, 4))
		buf_addf(out, ",\"schemes\":[%s]", maybe(c, 2) ? "\"http\"" : "\"http\",\"https\"");
	if (o->terms && !deny)
		random_terms(c, out);
	buf_addc(out, '}');
}

static void random_tools(struct chance *c, struct buf *out)
{
	bool first = true;

	buf_adds(out, ",\"tools\":[");
	for (size_t i = 0; i < ARRAY_SIZE(universe_tools); i++) {
		if (maybe(c, 2)) {
			buf_addf(out, "%s{\"name\":\"%s\",\"approval\":\"%s\"}", first ? "" : ",",
				 universe_tools[i], maybe(c, 2) ? "none" : "required");
			first = false;
		}
		if (maybe(c, 4)) {
			buf_addf(out, "%s{\"name\":\"%s\",\"deny\":true}", first ? "" : ",",
				 universe_tools[i]);
			first = false;
		}
	}
	buf_addc(out, ']');
}

void random_profile(struct chance *c, const struct random_options *o, struct buf *out)
{
	static const char *const tiers[] = {"batch", "standard", "regulated"};
	unsigned tier = o->rest ? chance_below(c, 3) : 1, rules = chance_below(c, o->rules + 1);

	buf_addf(out,
		 "{\"apiVersion\":\"cordon/v1\",\"kind\":\"CapabilityProfile\",\"metadata\":"
		 "{\"name\":\"p%u\",\"owner\":\"o\"},\"spec\":{\"class\":\"%s\",\"tier\":\"%s\","
		 "\"minTrust\":%u,\"limits\":{\"cpu\":%u,\"wall\":2000000,\"memory\":8388608,"
		 "\"output\":1024,\"operations\":%u},\"egress\":[",
		 chance_below(c, 4), o->rest && maybe(c, 2) ? "bulk" : "interactive", tiers[tier],
		 o->rest ? chance_below(c, 3) : 0, 50000 + (o->rest ? chance_below(c, 2) : 0),
		 o->rest ? chance_below(c, 2) : 0);
	for (unsigned i = 0; i < rules; i++) {
		c->state += i + 1 == o->fork ? 12345 : 0;
		random_rule(c, o, i, out);
	}
	buf_addc(out, ']');
	if (o->rest) {
		random_tools(c, out);
		buf_addf(out, ",\"eval\":%s,\"wasm\":%s", maybe(c, 2) ? "true" : "false",
			 tier < 2 && maybe(c, 2) ? "true" : "false");
		if (maybe(c, 2))
			buf_addf(out, ",\"storage\":[{\"session\":\"%s\",\"maxBytes\":%u}]",
				 maybe(c, 2) ? "read" : "read-write", chance_below(c, 3));
	}
	buf_adds(out, "}}");
}

struct policy *random_policy(struct chance *c, const struct random_options *o)
{
	_cleanup_buf_ struct buf b = BUF_INIT(1 << 16);
	struct policy *p;
	struct err e;

	random_profile(c, o, &b);
	if (policy_compile(buf_str(&b), b.len, &p, &e) < 0) {
		fprintf(stderr, "%s: %s\n%s\n", e.code, e.message, buf_str(&b));
		abort();
	}
	return p;
}

static void add_url(struct universe *u, const char *scheme, const char *host, const char *port,
		    const char *path)
{
	snprintf(u->texts[u->n], sizeof(u->texts[0]), "%s%s%s%s", scheme, host, port, path);
	if (url_parse(u->texts[u->n], strlen(u->texts[u->n]), &u->urls[u->n]) != URL_OK)
		abort();
	u->n++;
}

/* Segments of up to three of a, b, c; then a few of them two and three deep. */
static unsigned universe_paths(char paths[][32])
{
	static const char *const firsts[] = {"a", "b", "c", "ab", "ba"};
	static const char *const lasts[] = {"", "a", "b", "c", "ab"};
	static const char *const dotted[] = {"/.a",   "/...",	 "/a.",	 "/.a;", "/;",	  "/a;",
					     "/...;", "/.a/..b", "/..a", "/b.a", "/..b;/"};
	unsigned n = 0;

	snprintf(paths[n++], 32, "/");
	for (size_t i = 0; i < ARRAY_SIZE(dotted); i++)
		snprintf(paths[n++], 32, "%s", dotted[i]);
	for (unsigned i = 1; i < 64; i++) {
		char text[4] = {0};
		unsigned k = 0;

		for (unsigned v = i; v; v /= 4)
			text[k++] = (char)('a' + (int)(v % 4) - 1);
		if (strchr(text, '`') || strlen(text) != k)
			continue;
		snprintf(paths[n++], 32, "/%s", text);
	}
	for (unsigned i = 0; i < 5; i++)
		for (unsigned k = 0; k < 5; k++)
			snprintf(paths[n++], 32, "/%s/%s", firsts[i], lasts[k]);
	for (unsigned i = 0; i < 36; i++)
		snprintf(paths[n++], 32, "/%s/%s/%s", firsts[i % 3], firsts[i / 3 % 3],
			 lasts[i / 9]);
	return n;
}

void universe_init(struct universe *u, unsigned hosts)
{
	char paths[128][32];
	unsigned n = universe_paths(paths), names = hosts == 1 ? 1 : ARRAY_SIZE(host_names),
		 ends = hosts == 1 ? 1 : ARRAY_SIZE(endpoints);
	size_t all = (size_t)n * names * ends;

	*u = (struct universe){.urls = xcalloc(all, sizeof(*u->urls)),
			       .texts = xcalloc(all, sizeof(*u->texts))};
	for (unsigned h = 0; h < names; h++)
		for (unsigned e = 0; e < ends; e++)
			for (unsigned i = 0; i < n; i++)
				add_url(u, endpoints[e][0], host_names[h], endpoints[e][1],
					paths[i]);
}

void universe_done(struct universe *u)
{
	free(u->urls);
	free(u->texts);
}
