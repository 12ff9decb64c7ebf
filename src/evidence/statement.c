#include "evidence/statement.h"

#include "base/clock.h"
#include "base/json.h"
#include "evidence/canonical.h"
#include "evidence/tokens.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { OWN_MAX = 256 << 10 }; /* any of the members that the ledger makes */

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

static int add_member(struct buf *b, const char *name, struct span value)
{
	int r = 0;

	if (value.len)
		r = buf_addf(b, "%s\"%s\":", b->data[b->len - 1] == '{' ? "" : ",", name);
	return r ? r : buf_add(b, value.at, value.len);
}

/* What there is no room for is omitted, all of it. */
static void list_denial(struct decisions *d, struct span line)
{
	static const char *const names[] = {"decision", "tool", "destination", "rule", "reason"};
	size_t at = d->denials.len;
	int r;

	if (d->listed == STATEMENT_DENIALS_MAX)
		return;
	r = buf_adds(&d->denials, at ? ",{" : "{");
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(names); i++)
		r = add_member(&d->denials, names[i], member(line, names[i]));
	if (r == 0)
		r = buf_addc(&d->denials, '}');
	if (r == 0)
		d->listed++;
	else
		d->denials.len = at;
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
	buf_addf(b, "{\"allowed\":%llu,\"denied\":%llu,\"by_rule\":[",
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

/* The members that the ledger makes, as they are written: canonical. */
struct own {
	struct buf journal, decisions, recorded, subject;
};

static void own_done(struct own *o)
{
	buf_done(&o->journal);
	buf_done(&o->decisions);
	buf_done(&o->recorded);
	buf_done(&o->subject);
}

/* `digest` is a string of JSON: "sha256:…" or the digits alone. What is no digest is no subject. */
static void add_subject(struct buf *b, const char *name, struct span digest)
{
	if (digest.len > 7 && !memcmp(digest.at, "\"sha256:", 8))
		digest = (struct span){digest.at + 8, digest.len - 8};
	else if (digest.len)
		digest = (struct span){digest.at + 1, digest.len - 1};
	if (digest.len != HASH_SIZE * 2 + 1) /* with its last quote */
		return;
	for (size_t i = 0; i < HASH_SIZE * 2; i++)
		if (!strchr("0123456789abcdef", digest.at[i]))
			return;
	buf_addf(b, "{\"digest\":{\"sha256\":\"%.64s\"},\"name\":\"%s\"},", digest.at, name);
}

/* What its first and last events say of artifact and end is in their own words. */
static int write_journal(const struct statement *s, const char *root, struct buf *b)
{
	const struct journal *j = s->journal;
	const char *p = (const char *)j->lines.data, *end = p + j->lines.len - 1, *last = end;
	const char *nl = memchr(p, '\n', j->lines.len);
	int r = buf_addc(b, '{');

	while (last > p && last[-1] != '\n')
		last--;
	if (r == 0)
		r = add_member(b, "artifact",
			       member((struct span){p, (size_t)(nl - p)}, "artifact"));
	if (r == 0)
		r = buf_addf(b, "%s\"count\":%llu", b->len > 1 ? "," : "",
			     (unsigned long long)j->tree.size);
	if (r == 0)
		r = add_member(b, "outcome",
			       member((struct span){last, (size_t)(end - last)}, "outcome"));
	if (r == 0)
		r = add_member(b, "reason",
			       member((struct span){last, (size_t)(end - last)}, "reason"));
	return r ? r
		 : buf_addf(b, ",\"root\":\"%s\",\"sealed_by\":\"%s\"}", root,
			    s->sealed_by_node ? "node" : "control");
}

static int make_own(const struct statement *s, struct span artifact, struct span output,
		    struct own *o)
{
	_cleanup_buf_ struct buf b = BUF_INIT(OWN_MAX);
	struct decisions d = {.denials = BUF_INIT(STATEMENT_DENIALS_BYTES)};
	char time[CLOCK_TEXT_SIZE], root[HASH_SIZE * 2 + 1];
	struct hash h;
	int r;

	*o = (struct own){.journal = BUF_INIT(OWN_MAX),
			  .decisions = BUF_INIT(OWN_MAX),
			  .recorded = BUF_INIT(4096),
			  .subject = BUF_INIT(4096)};
	merkle_root(&s->journal->tree, &h);
	sodium_bin2hex(root, sizeof(root), h.b, sizeof(h.b));
	r = write_journal(s, root, &o->journal);
	read_journal(&d, s->journal);
	write_decisions(&d, &b);
	if (r == 0)
		r = canonical_json(b.data, b.len, &o->decisions);
	buf_done(&d.denials);
	clock_text(s->time_ms, time);
	buf_addf(&o->recorded, "{\"generation\":%u,\"receipt\":", s->generation);
	json_quote_str(&o->recorded, s->receipt);
	buf_addf(&o->recorded, ",\"time\":\"%s\"}", time);
	buf_addc(&o->subject, '[');
	add_subject(&o->subject, "artifact", artifact);
	add_subject(&o->subject, "output", output);
	buf_addf(&o->subject, "{\"digest\":{\"sha256\":\"%s\"},\"name\":\"journal\"}]", root);
	return r;
}

static int check_facts(struct span facts, struct err *reterr)
{
	static const char *const ours[] = {"journal", "decisions", "recorded"};

	if (*facts.at != '{')
		return err_set(reterr, EINVAL, "statement.facts", "facts are not a JSON object");
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (member(facts, ours[i]).len)
			return err_set(reterr, EINVAL, "statement.facts",
				       "facts have a member '%s', which is the ledger's", ours[i]);
	return 0;
}

static int compose(const struct statement *s, struct span facts, const struct own *o,
		   struct buf *out)
{
	_cleanup_buf_ struct buf b = BUF_INIT(facts.len + 3 * OWN_MAX);
	int r;

	buf_addf(&b, "{\"_type\":\"" STATEMENT_TYPE "\",\"predicateType\":\"%s\",\"subject\":",
		 s->predicate);
	buf_add(&b, o->subject.data, o->subject.len);
	buf_adds(&b, ",\"predicate\":");
	buf_add(&b, facts.at, facts.len - 1);
	buf_adds(&b, facts.len > 2 ? ",\"journal\":" : "\"journal\":");
	buf_add(&b, o->journal.data, o->journal.len);
	buf_adds(&b, ",\"decisions\":");
	buf_add(&b, o->decisions.data, o->decisions.len);
	buf_adds(&b, ",\"recorded\":");
	buf_add(&b, o->recorded.data, o->recorded.len);
	r = buf_adds(&b, "}}");
	return r ? r : canonical_json(b.data, b.len, out);
}

int statement_write(const struct statement *s, struct buf *out, struct err *reterr)
{
	_cleanup_buf_ struct buf again = BUF_INIT(s->facts_len);
	_cleanup_(own_done) struct own o = {.journal = BUF_INIT(0)};
	struct span facts;
	int r = canonical_json(s->facts, s->facts_len, &again);

	if (r < 0)
		return err_set(reterr, EINVAL, "statement.facts",
			       "facts have no canonical form: they are no JSON, or have a member "
			       "twice, or a number that is no integer");
	facts = (struct span){(const char *)again.data, again.len};
	r = check_facts(facts, reterr);
	if (r < 0)
		return r;
	r = make_own(s, member(member(facts, "artifact"), "digest"),
		     member(member(facts, "result"), "output_sha256"), &o);
	if (r == 0)
		r = compose(s, facts, &o, out);
	if (r == -ENOSPC || r == 0)
		return r;
	return err_set(reterr, EINVAL, "statement.facts",
		       "the statement of these facts and events would have too many values");
}

/* ---- and back ---- */

/* The value of a member as it is written; of a string, with its quotes. */
static struct span at(const struct tokens *t, uint32_t object, const char *name)
{
	uint32_t i = tokens_member(t, object, name);

	if (!i || t->t[i].kind == TOKEN_STRING_DECODED)
		return (struct span){0};
	if (t->t[i].kind == TOKEN_STRING || t->t[i].kind == TOKEN_STRING_WIDE)
		return (struct span){(const char *)t->t[i].p - 1, t->t[i].len + 2};
	return (struct span){(const char *)t->t[i].p, t->t[i].len};
}

static int differs(const struct tokens *t, uint32_t object, const char *name, const void *text,
		   size_t len, struct err *reterr)
{
	struct span have = at(t, object, name);

	if (have.at && have.len == len && !memcmp(have.at, text, len))
		return 0;
	return err_set(reterr, EBADMSG, "statement.differs",
		       "its statement's '%s' is %.*s, and would have to be %.*s", name,
		       have.len ? (int)MIN_U64(have.len, 200) : 7, have.len ? have.at : "missing",
		       (int)MIN_U64(len, 200), (const char *)text);
}

static int check_members(const struct statement *s, const struct tokens *t, struct err *reterr)
{
	uint32_t predicate = tokens_member(t, 0, "predicate");
	_cleanup_(own_done) struct own o = {.journal = BUF_INIT(0)};
	char type[64];
	int r = 0, n = snprintf(type, sizeof(type), "\"%s\"", s->predicate);

	if (!predicate || t->t[predicate].kind != TOKEN_OBJECT)
		return err_set(reterr, EBADMSG, "statement.differs",
			       "its statement has no "
			       "predicate");
	if (make_own(s, at(t, tokens_member(t, predicate, "artifact"), "digest"),
		     at(t, tokens_member(t, predicate, "result"), "output_sha256"), &o) < 0)
		return err_set(reterr, EBADMSG, "statement.differs",
			       "its journal has more decisions than a statement has room for");
	r = differs(t, 0, "_type", "\"" STATEMENT_TYPE "\"", sizeof(STATEMENT_TYPE) + 1, reterr);
	if (r == 0)
		r = differs(t, 0, "predicateType", type, (size_t)n, reterr);
	if (r == 0)
		r = differs(t, predicate, "recorded", o.recorded.data, o.recorded.len, reterr);
	if (r == 0)
		r = differs(t, predicate, "journal", o.journal.data, o.journal.len, reterr);
	if (r == 0)
		r = differs(t, predicate, "decisions", o.decisions.data, o.decisions.len, reterr);
	return r ? r : differs(t, 0, "subject", o.subject.data, o.subject.len, reterr);
}

int statement_check(const struct statement *s, const void *text, size_t len, struct tokens *t,
		    struct err *reterr)
{
	_cleanup_buf_ struct buf again = BUF_INIT(len);
	uint32_t members = 0;

	if (canonical_check(text, len, &again, t) < 0 || t->t[0].kind != TOKEN_OBJECT)
		return err_set(reterr, EBADMSG, "statement.differs",
			       "its statement is no JSON object in canonical form");
	for (uint32_t i = 1; i < t->t[0].next; i = t->t[i + 1].next)
		members++;
	if (members != 4)
		return err_set(reterr, EBADMSG, "statement.differs",
			       "its statement has %u members, and would have to have 4", members);
	return check_members(s, t, reterr);
}
