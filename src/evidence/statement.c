#include "evidence/statement.h"

#include "base/clock.h"
#include "base/json.h"
#include "evidence/canonical.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct span {
	const char *at;
	size_t len;
};

static struct span member(struct span object, const char *name)
{
	struct span v = {0};

	json_member(object.at, object.len, name, &v.at, &v.len);
	return v;
}

static int is(struct span v, const char *text)
{
	return v.len == strlen(text) && !memcmp(v.at, text, v.len);
}

/* ---- what the journal has of decisions ---- */

struct rule {
	struct span rule, reason;
	uint64_t count;
};

struct decisions {
	struct rule rules[STATEMENT_RULES_MAX];
	size_t n_rules;
	uint64_t allowed, denied, listed, other; /* other: of rules that found no place */
	struct buf denials;
};

static int same(struct span a, struct span b)
{
	return a.len == b.len && (!a.len || !memcmp(a.at, b.at, a.len));
}

static void count(struct decisions *d, struct span rule, struct span reason)
{
	size_t i;

	for (i = 0; i < d->n_rules; i++)
		if (same(d->rules[i].rule, rule) && same(d->rules[i].reason, reason))
			break;
	if (i == STATEMENT_RULES_MAX) {
		d->other++;
		return;
	}
	if (i == d->n_rules)
		d->rules[d->n_rules++] = (struct rule){rule, reason, 0};
	d->rules[i].count++;
}

static void add_member(struct buf *b, const char *name, struct span value)
{
	if (!value.len)
		return;
	buf_addf(b, "%s\"%s\":", b->data[b->len - 1] == '{' ? "" : ",", name);
	buf_add(b, value.at, value.len);
}

static void list_denial(struct decisions *d, struct span line)
{
	static const char *const names[] = {"decision", "tool", "destination", "rule", "reason"};
	size_t at = d->denials.len;

	if (d->listed == STATEMENT_DENIALS_MAX)
		return;
	if (at)
		buf_addc(&d->denials, ',');
	buf_addc(&d->denials, '{');
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		add_member(&d->denials, names[i], member(line, names[i]));
	if (buf_addc(&d->denials, '}') < 0)
		d->denials.len = at;
	else
		d->listed++;
}

static void read_line(struct decisions *d, struct span line)
{
	struct span event = member(line, "event");

	if (is(event, "\"tool_call_allowed\"")) {
		d->allowed++;
		count(d, member(line, "rule"), member(line, "reason"));
	} else if (is(event, "\"tool_call_blocked\"") || is(event, "\"run_denied\"")) {
		d->denied++;
		count(d, member(line, "rule"), member(line, "reason"));
		list_denial(d, line);
	}
}

static void read_journal(struct decisions *d, const struct journal *j)
{
	const char *p = (const char *)j->lines.data, *end = p + j->lines.len;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		read_line(d, (struct span){p, (size_t)(nl - p)});
		p = nl + 1;
	}
}

static void write_decisions(const struct decisions *d, struct buf *b)
{
	buf_addf(b, ",\"decisions\":{\"allowed\":%llu,\"denied\":%llu,\"by_rule\":[",
		 (unsigned long long)d->allowed, (unsigned long long)d->denied);
	for (size_t i = 0; i < d->n_rules; i++) {
		buf_adds(b, i ? ",{" : "{");
		add_member(b, "rule", d->rules[i].rule);
		add_member(b, "reason", d->rules[i].reason);
		buf_addf(b, "%s\"count\":%llu}", b->data[b->len - 1] == '{' ? "" : ",",
			 (unsigned long long)d->rules[i].count);
	}
	buf_adds(b, "],\"denials\":[");
	buf_add(b, d->denials.data, d->denials.len);
	buf_addf(b, "],\"denials_omitted\":%llu,\"other_rules\":%llu}",
		 (unsigned long long)(d->denied - d->listed), (unsigned long long)d->other);
}

/* ---- the statement ---- */

static void write_hash(struct buf *b, const struct hash *h)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < HASH_SIZE; i++) {
		buf_addc(b, hex[h->b[i] >> 4]);
		buf_addc(b, hex[h->b[i] & 15]);
	}
}

/* "sha256:…" or the digits alone, in quotes. */
static void add_subject(struct buf *b, const char *name, struct span digest)
{
	if (digest.len > 7 && !memcmp(digest.at, "\"sha256:", 8))
		digest = (struct span){digest.at + 8, digest.len - 8};
	else if (digest.len)
		digest = (struct span){digest.at + 1, digest.len - 1};
	if (digest.len != 65) /* with its last quote */
		return;
	buf_addf(b, "{\"name\":\"%s\",\"digest\":{\"sha256\":\"%.64s\"}},", name, digest.at);
}

/* What its first and last events say, in their own words. */
static void write_ends(const struct journal *j, struct buf *b)
{
	const char *p = (const char *)j->lines.data, *end = p + j->lines.len - 1, *last = end;
	const char *nl = memchr(p, '\n', j->lines.len);

	while (last > p && last[-1] != '\n')
		last--;
	add_member(b, "artifact", member((struct span){p, (size_t)(nl - p)}, "artifact"));
	add_member(b, "outcome", member((struct span){last, (size_t)(end - last)}, "outcome"));
	add_member(b, "reason", member((struct span){last, (size_t)(end - last)}, "reason"));
}

static int check_facts(struct span facts, struct err *reterr)
{
	static const char *const ours[] = {"journal", "decisions", "recorded"};

	if (!facts.len || *facts.at != '{' || json_check(facts.at, facts.len, NULL) < 0)
		return err_set(reterr, EINVAL, "statement.facts", "facts are not a JSON object");
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (member(facts, ours[i]).len)
			return err_set(reterr, EINVAL, "statement.facts",
				       "facts have a member '%s', which is the ledger's", ours[i]);
	return 0;
}

int statement_write(const struct statement *s, struct buf *out, struct err *reterr)
{
	struct span facts = {s->facts, s->facts_len};
	_cleanup_buf_ struct buf b = BUF_INIT(out->max + 4096);
	struct decisions d = {.denials = BUF_INIT(out->max / 2)};
	char time[CLOCK_TEXT_SIZE];
	struct hash root;
	int r = check_facts(facts, reterr);

	if (r < 0)
		return r;
	merkle_root(&s->journal->tree, &root);
	clock_text(s->time_ms, time);
	read_journal(&d, s->journal);
	buf_addf(&b, "{\"_type\":\"" STATEMENT_TYPE "\",\"predicateType\":\"%s\",\"subject\":[",
		 s->predicate);
	add_subject(&b, "artifact", member(member(facts, "artifact"), "digest"));
	add_subject(&b, "output", member(member(facts, "result"), "output_sha256"));
	buf_adds(&b, "{\"name\":\"journal\",\"digest\":{\"sha256\":\"");
	write_hash(&b, &root);
	buf_adds(&b, "\"}}],\"predicate\":");
	while (facts.at[facts.len - 1] != '}')
		facts.len--;
	buf_add(&b, facts.at, facts.len - 1);
	buf_addf(&b, "%s\"journal\":{\"root\":\"", facts.len > 2 ? "," : "");
	write_hash(&b, &root);
	buf_addf(&b, "\",\"count\":%llu,\"sealed_by\":\"%s\"",
		 (unsigned long long)s->journal->tree.size, s->sealed_by_node ? "node" : "control");
	write_ends(s->journal, &b);
	buf_addc(&b, '}');
	write_decisions(&d, &b);
	r = buf_addf(&b, ",\"recorded\":{\"receipt\":\"%s\",\"time\":\"%s\",\"generation\":%u}}}",
		     s->receipt, time, s->generation);
	buf_done(&d.denials);
	if (r == 0)
		r = canonical_json(b.data, b.len, out);
	if (r == -ENOSPC || r == 0)
		return r;
	return err_set(reterr, EINVAL, "statement.facts",
		       "facts have no canonical form: a member twice, a number that is no integer");
}
