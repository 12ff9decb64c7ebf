#include "policy/schema.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { WORD_MAX = 32 };

/* Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
static unsigned distance(const char *a, const char *b)
{
	unsigned rows[3][WORD_MAX + 1], *before = rows[0], *last = rows[1], *now = rows[2];
	size_t n = strlen(a), m = strlen(b);

	if (n > WORD_MAX || m > WORD_MAX)
		return WORD_MAX;
	for (size_t k = 0; k <= m; k++) {
		last[k] = (unsigned)k;
		before[k] = 0;
	}
	for (size_t i = 1; i <= n; i++) {
		unsigned *spare = before;

		now[0] = (unsigned)i;
		for (size_t k = 1; k <= m; k++) {
			unsigned d = last[k - 1] + (a[i - 1] != b[k - 1]);

			d = d < last[k] + 1 ? d : last[k] + 1;
			d = d < now[k - 1] + 1 ? d : now[k - 1] + 1;
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] &&
			    before[k - 2] + 1 < d)
				d = before[k - 2] + 1;
			now[k] = d;
		}
		before = last;
		last = now;
		now = spare;
	}
	return last[m];
}

const char *schema_guess(const char *given, const char *const *words, size_t count)
{
	const char *best = NULL;
	unsigned least = 3;

	for (size_t i = 0; i < count; i++) {
		unsigned d = !strcasecmp(given, words[i]) ? 0 : distance(given, words[i]);

		if (d < least && d < strlen(words[i])) {
			least = d;
			best = words[i];
		}
	}
	return best;
}

static int wrong_type(const struct node *n, const char *wanted, struct err *reterr)
{
	return node_error(n, reterr, "profile.type", "must be %s, but is %s%s", wanted,
			  node_kind_text(n),
			  n->kind != NODE_STRING && n->kind != NODE_LIST && n->kind != NODE_MAP &&
					  strstr(wanted, "string")
				  ? "; put it in quotes"
				  : "");
}

static int unknown_key(const struct node *n, const struct schema_key *keys, size_t count,
		       struct err *reterr)
{
	const char *words[32], *guess;
	struct node place = *n; /* the fault is the key, not its value */
	char all[256] = "";
	size_t at = 0;

	place.line = n->key_line;
	place.column = n->key_column;

	for (size_t i = 0; i < count && i < ARRAY_SIZE(words); i++) {
		words[i] = keys[i].name;
		if (at < sizeof(all))
			at += (size_t)snprintf(all + at, sizeof(all) - at, "%s%s", i ? ", " : "",
					       keys[i].name);
	}
	guess = schema_guess(n->key, words, count);
	if (guess)
		return node_error(&place, reterr, "profile.unknown_key",
				  "unknown key; did you mean \"%s\"?", guess);
	return node_error(&place, reterr, "profile.unknown_key", "unknown key; known here are %s",
			  all);
}

int schema_map(const struct node *n, const struct schema_key *keys, size_t count,
	       struct err *reterr)
{
	if (n->kind != NODE_MAP)
		return wrong_type(n, "a mapping", reterr);
	for (const struct node *c = n->first; c; c = c->next) {
		size_t i = 0;

		while (i < count && strcmp(c->key, keys[i].name) != 0)
			i++;
		if (i == count)
			return unknown_key(c, keys, count, reterr);
	}
	for (size_t i = 0; i < count; i++)
		if (keys[i].required && !node_get(n, keys[i].name))
			return node_error(n, reterr, "profile.missing",
					  "the key \"%s\" is missing; add it", keys[i].name);
	return 0;
}

int schema_list(const struct node *n, unsigned max, struct err *reterr)
{
	if (n->kind != NODE_LIST)
		return wrong_type(n, "a list", reterr);
	if (n->count > max)
		return node_error(n, reterr, "profile.range", "has %u entries; at most %u",
				  n->count, max);
	return 0;
}

int schema_string(const struct node *n, size_t max, const char **ret, struct err *reterr)
{
	if (n->kind != NODE_STRING)
		return wrong_type(n, "a string", reterr);
	if (!n->string[strspn(n->string, " \t\n")])
		return node_error(n, reterr, "profile.value", "is empty; fill it in");
	if (n->len > max)
		return node_error(n, reterr, "profile.range", "has %zu bytes; at most %zu", n->len,
				  max);
	*ret = n->string;
	return 0;
}

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

int schema_name(const struct node *n, const char *also, const char **ret, struct err *reterr)
{
	size_t i;

	if (n->kind != NODE_STRING)
		return wrong_type(n, "a string", reterr);
	for (i = 0; i < n->len; i++)
		if (!is_alphanumeric(n->string[i]) && !(i && strchr(also, n->string[i])))
			break;
	if (i < n->len || !n->len || n->len > 63)
		return node_error(n, reterr, "profile.value",
				  "\"%.80s\" is not a name; use 1 to 63 of a-z, 0-9 and %s, "
				  "beginning with a letter or digit",
				  n->string, also);
	*ret = n->string;
	return 0;
}

int schema_bool(const struct node *n, bool *ret, struct err *reterr)
{
	if (n->kind != NODE_BOOL)
		return wrong_type(n, "true or false", reterr);
	*ret = n->boolean;
	return 0;
}

int schema_int(const struct node *n, uint64_t min, uint64_t max, uint64_t *ret, struct err *reterr)
{
	if (n->kind != NODE_INT)
		return wrong_type(n, "a whole number", reterr);
	if (n->integer < 0 || (uint64_t)n->integer < min || (uint64_t)n->integer > max)
		return node_error(n, reterr, "profile.range", "%lld is not from %llu to %llu",
				  (long long)n->integer, (unsigned long long)min,
				  (unsigned long long)max);
	*ret = (uint64_t)n->integer;
	return 0;
}

const char *amount_text(enum amount_kind kind, uint64_t value, char out[AMOUNT_TEXT])
{
	switch (kind) {
	case AMOUNT_DURATION:
		return amount_duration_text(value, out);
	case AMOUNT_SIZE:
		return amount_size_text(value, out);
	case AMOUNT_COUNT:
		snprintf(out, AMOUNT_TEXT, "%llu", (unsigned long long)value);
		return out;
	}
	return "";
}

/*
 * In JSON, the platform's form, an integer is an amount in the base unit. In YAML, the form of
 * people, a duration without a unit is an error: 50 could mean anything.
 */
int schema_amount(const struct node *n, enum amount_kind kind, uint64_t min, uint64_t max,
		  uint64_t *ret, struct err *reterr)
{
	static const char *const wanted[] = {"a duration such as 50ms, 2s or 5m",
					     "a size such as 64MiB, 256KiB or a number of bytes"};
	char low[AMOUNT_TEXT], high[AMOUNT_TEXT];
	uint64_t v;
	int r = 0;

	if (kind == AMOUNT_COUNT)
		return schema_int(n, min, max, ret, reterr);
	if (n->kind == NODE_INT && n->integer >= 0 && (n->json || kind == AMOUNT_SIZE))
		v = (uint64_t)n->integer;
	else if (n->kind == NODE_INT)
		return node_error(n, reterr, "profile.value", "%lld is not %s",
				  (long long)n->integer, wanted[kind]);
	else if (n->kind != NODE_STRING)
		return node_error(n, reterr, "profile.type", "must be %s, but is %s", wanted[kind],
				  node_kind_text(n));
	else
		r = kind == AMOUNT_DURATION ? amount_duration(n->string, &v)
					    : amount_size(n->string, &v);
	if (r == -EINVAL)
		return node_error(n, reterr, "profile.value", "\"%.40s\" is not %s", n->string,
				  wanted[kind]);
	if (r == -ERANGE || v < min || v > max) {
		char given[AMOUNT_TEXT];

		if (n->kind == NODE_INT)
			snprintf(given, sizeof(given), "%lld", (long long)n->integer);
		else
			snprintf(given, sizeof(given), "%.31s", n->string);
		return node_error(n, reterr, "profile.range", "%s is not from %s to %s", given,
				  amount_text(kind, min, low), amount_text(kind, max, high));
	}
	*ret = v;
	return 0;
}

int schema_choice(const struct node *n, const char *const *words, size_t count, unsigned *ret,
		  struct err *reterr)
{
	char all[256] = "";
	const char *guess;
	size_t at = 0;

	if (n->kind != NODE_STRING)
		return wrong_type(n, "a string", reterr);
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(n->string, words[i])) {
			*ret = (unsigned)i;
			return 0;
		}
		if (at < sizeof(all))
			at += (size_t)snprintf(all + at, sizeof(all) - at, "%s%s", i ? ", " : "",
					       words[i]);
	}
	guess = schema_guess(n->string, words, count);
	if (guess)
		return node_error(n, reterr, "profile.value",
				  "\"%.40s\" is unknown; did you mean \"%s\"?", n->string, guess);
	return node_error(n, reterr, "profile.value", "\"%.40s\" is unknown; use one of %s",
			  n->string, all);
}
