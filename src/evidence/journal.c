#include "evidence/journal.h"

#include "base/json.h"
#include "evidence/canonical.h"
#include "evidence/tokens.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { ADDED_MAX = 128 }; /* "prev" and "seq" */

static int is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Past the opening brace of the object and white space; NULL: it is no object. */
static const char *past_brace(const char *p, const char *end)
{
	while (p < end && is_space(*p))
		p++;
	if (p == end || *p++ != '{')
		return NULL;
	while (p < end && is_space(*p))
		p++;
	return p;
}

/* A line, without its line feed, becomes a leaf. */
static void take_line(struct journal *j, const void *line, size_t len)
{
	merkle_leaf(line, len, &j->last);
	merkle_append(&j->tree, &j->last);
}

static int has_prev(const void *line, size_t len)
{
	const char *p;
	size_t n;

	return json_member(line, len, "prev", &p, &n) == 0;
}

int journal_append(struct journal *j, const char *members, size_t len)
{
	const char *end = members + len, *rest = past_brace(members, end);
	_cleanup_buf_ struct buf text = BUF_INIT(len + ADDED_MAX);
	char prev[HASH_SIZE * 2 + 1];
	size_t before = j->lines.len;
	int r;

	if (!rest || rest == end)
		return -EBADMSG;
	r = buf_addc(&text, '{');
	if (r == 0 && j->tree.size) {
		sodium_bin2hex(prev, sizeof(prev), j->last.b, HASH_SIZE);
		r = buf_addf(&text, "\"prev\":\"%s\",", prev);
	}
	if (r == 0)
		r = buf_addf(&text, "\"seq\":%llu%s", (unsigned long long)j->tree.size + 1,
			     *rest == '}' ? "" : ",");
	if (r == 0)
		r = buf_add(&text, rest, (size_t)(end - rest));
	if (r == 0)
		r = canonical_json(text.data, text.len, &j->lines);
	if (r == 0 && !j->tree.size && has_prev(j->lines.data + before, j->lines.len - before))
		r = -EBADMSG;
	if (r == 0)
		r = buf_addc(&j->lines, '\n');
	if (r < 0) {
		j->lines.len = before;
		return r;
	}
	take_line(j, j->lines.data + before, j->lines.len - 1 - before);
	return 0;
}

static int member_is(const struct tokens *t, const char *name, const char *text, int kind)
{
	uint32_t i = tokens_member(t, 0, name);

	return i && t->t[i].kind == (unsigned)kind && t->t[i].len == strlen(text) &&
	       !memcmp(t->t[i].p, text, t->t[i].len);
}

/* Whether the line may come next; `again` is for work. */
static int line_check(const struct journal *j, const char *line, size_t len, struct buf *again)
{
	_cleanup_(tokens_done) struct tokens t;
	char prev[HASH_SIZE * 2 + 1], seq[24];

	if (canonical_check(line, len, again, &t) < 0)
		return -EBADMSG;
	snprintf(seq, sizeof(seq), "%llu", (unsigned long long)j->tree.size + 1);
	if (!member_is(&t, "seq", seq, TOKEN_PLAIN))
		return -EBADMSG;
	if (!j->tree.size)
		return tokens_member(&t, 0, "prev") ? -EBADMSG : 0;
	sodium_bin2hex(prev, sizeof(prev), j->last.b, HASH_SIZE);
	return member_is(&t, "prev", prev, TOKEN_STRING) ? 0 : -EBADMSG;
}

int journal_load(struct journal *j, const void *lines, size_t len, uint64_t *ret_line)
{
	_cleanup_buf_ struct buf again = BUF_INIT(len);
	const char *p = lines, *end = p + len;

	if (len > j->lines.max)
		return -ENOSPC;
	while (p < end) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));

		if (!stop || line_check(j, p, (size_t)(stop - p), &again) < 0) {
			if (ret_line)
				*ret_line = j->tree.size + 1;
			j->tree.size = 0;
			return -EBADMSG;
		}
		take_line(j, p, (size_t)(stop - p));
		p = stop + 1;
	}
	return buf_add(&j->lines, lines, len);
}

void journal_seal(const uint8_t key[JOURNAL_KEY], const char *run, uint64_t count,
		  const struct hash *root, uint8_t ret[JOURNAL_SEAL])
{
	static const char what[] = "cordon journal seal v1";
	crypto_generichash_state s;
	uint8_t number[8];

	for (int i = 0; i < 8; i++)
		number[i] = (uint8_t)(count >> (56 - 8 * i));
	/* The terminators part the strings from what follows, so no two triples are the same bytes.
	 */
	crypto_generichash_init(&s, key, JOURNAL_KEY, JOURNAL_SEAL);
	crypto_generichash_update(&s, (const uint8_t *)what, sizeof(what));
	crypto_generichash_update(&s, (const uint8_t *)run, strlen(run) + 1);
	crypto_generichash_update(&s, number, sizeof(number));
	crypto_generichash_update(&s, root->b, HASH_SIZE);
	crypto_generichash_final(&s, ret, JOURNAL_SEAL);
}
