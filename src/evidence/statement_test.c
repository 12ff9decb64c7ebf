/* Statements: what they are made of, and that each part of one is checked against that. */
#include "evidence/statement.h"

#include "evidence/tokens.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define FACTS                                                                                      \
	"{\"run\":{\"id\":\"run_1\"},\"artifact\":{\"digest\":\"sha256:" A64 "\"},"                \
	"\"result\":{\"output_sha256\":\"" B64 "\"}}"

enum { ROOM = 192 << 10 };

static struct journal journal_of(const char *const *events)
{
	struct journal j = {.lines = BUF_INIT(1 << 20)};

	for (; *events; events++)
		assert_int_equal(journal_append(&j, *events, strlen(*events)), 0);
	return j;
}

static struct journal some_journal(void)
{
	static const char *const events[] = {
		"{\"event\":\"run_admitted\",\"artifact\":\"sha256:first\"}",
		"{\"event\":\"tool_call_allowed\",\"rule\":\"r1\",\"reason\":\"host\"}",
		"{\"event\":\"tool_call_allowed\",\"rule\":\"r1\",\"reason\":\"host\"}",
		"{\"event\":\"tool_call_blocked\",\"decision\":\"d4\",\"rule\":\"default\","
		"\"reason\":"
		"\"egress.destination\",\"destination\":\"https://x.example\"}",
		NULL};

	return journal_of(events);
}

static struct statement about(const char *facts, const struct journal *j)
{
	return (struct statement){.predicate = STATEMENT_RUN,
				  .facts = facts,
				  .facts_len = strlen(facts),
				  .journal = j,
				  .sealed_by_node = 1,
				  .receipt = "rct_1",
				  .time_ms = 1777636800123,
				  .generation = 3};
}

/* The statement of these facts; free() it. */
static char *written(const char *facts)
{
	_cleanup_buf_ struct buf out = BUF_INIT(ROOM);
	struct journal j = some_journal();
	struct statement s = about(facts, &j);
	struct err e;

	assert_int_equal(statement_write(&s, &out, &e), 0);
	buf_done(&j.lines);
	return xstrdup(buf_str(&out));
}

static int checked(const struct statement *s, const char *text)
{
	struct tokens t;
	struct err e = {.message = ""};
	int r = statement_check(s, text, strlen(text), &t, &e);

	tokens_done(&t);
	assert_true(r == 0 || (r == -EBADMSG && *e.message));
	return r;
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("%s is not in %s", part, text);
}

static void says_what_it_is_about(void **state)
{
	_cleanup_free_ char *text = written(FACTS);

	has(text, "\"subject\":[{\"digest\":{\"sha256\":\"" A64 "\"},\"name\":\"artifact\"},"
		  "{\"digest\":{\"sha256\":\"" B64 "\"},\"name\":\"output\"},"
		  "{\"digest\":{\"sha256\":\"");
	has(text, "\"journal\":{\"artifact\":\"sha256:first\",\"count\":4,\"reason\":"
		  "\"egress.destination\",\"root\":\"");
	has(text, "\"sealed_by\":\"node\"");
	has(text, "\"recorded\":{\"generation\":3,\"receipt\":\"rct_1\",\"time\":"
		  "\"2026-05-01T12:00:00.123Z\"}");
	has(text, "\"allowed\":2,\"by_rule\":[{\"count\":2,\"reason\":\"host\",\"rule\":\"r1\"},"
		  "{\"count\":1,\"reason\":\"egress.destination\",\"rule\":\"default\"}],"
		  "\"denials\":[{\"decision\":\"d4\",\"destination\":\"https://x.example\",");
}

/* A name with an escape is the same name, and what is no digest is no subject. */
static void facts_in_other_words(void **state)
{
	_cleanup_free_ char *plain = written(FACTS);
	_cleanup_free_ char *escaped =
		written(" { \"r\\u0075n\" : {\"id\":\"run_1\"}, \"\\u0061rtifact\":{\"digest\":"
			"\"sha256:" A64 "\"},\"result\":{\"output_sha256\":\"" B64 "\"}} ");
	_cleanup_free_ char *none = written("{\"artifact\":{\"digest\":\"sha256:" A64
					    "x\"},\"result\":{\"output_sha256\":\"" A64 "\"}}");
	_cleanup_free_ char *other = written("{\"artifact\":{\"digest\":\"sha256:Z" A64 "\"}}");

	assert_string_equal(plain, escaped);
	has(none, "\"subject\":[{\"digest\":{\"sha256\":\"" A64 "\"},\"name\":\"output\"}");
	has(other, "\"subject\":[{\"digest\":{\"sha256\":\"");
	assert_null(strstr(other, "\"name\":\"artifact\""));
}

static void refuses_facts(void **state)
{
	static const char *const bad[] = {"",
					  "[]",
					  "{\"a\":1.5}",
					  "{\"a\":1,\"a\":2}",
					  "{\"a\":1",
					  "{\"journal\":1}",
					  "{\"decisions\":{}}",
					  "{\"recorded\":null}",
					  "{\"\\u006aournal\":1}"};
	struct journal j = some_journal();

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_buf_ struct buf out = BUF_INIT(ROOM);
		struct statement s = about(bad[i], &j);
		struct err e;

		assert_int_equal(statement_write(&s, &out, &e), -EINVAL);
		assert_string_equal(e.code, "statement.facts");
		assert_int_equal(out.len, 0);
	}
	buf_done(&j.lines);
}

static void has_a_maximum(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT(100);
	struct journal j = some_journal();
	struct statement s = about(FACTS, &j);
	struct err e;

	assert_int_equal(statement_write(&s, &out, &e), -ENOSPC);
	buf_done(&j.lines);
}

static void what_was_written_is_right(void **state)
{
	static const char *const facts[] = {"{}", FACTS, "{\"zzz\":[1,2,{\"\\u20ac\":\"\\n\"}]}"};
	struct journal j = some_journal();

	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		_cleanup_free_ char *text = written(facts[i]);
		struct statement s = about("", &j);

		assert_int_equal(checked(&s, text), 0);
	}
	buf_done(&j.lines);
}

static void each_input_is_checked(void **state)
{
	static const char *const one[] = {"{\"event\":\"run_admitted\"}", NULL};
	_cleanup_free_ char *text = written(FACTS);
	struct journal j = some_journal(), k = journal_of(one);
	struct statement s = about("", &j), other[6];

	for (size_t i = 0; i < ARRAY_SIZE(other); i++)
		other[i] = s;
	other[0].predicate = STATEMENT_ACT;
	other[1].journal = &k;
	other[2].sealed_by_node = 0;
	other[3].receipt = "rct_2";
	other[4].time_ms++;
	other[5].generation = 4;
	for (size_t i = 0; i < ARRAY_SIZE(other); i++)
		assert_int_equal(checked(&other[i], text), -EBADMSG);
	buf_done(&j.lines);
	buf_done(&k.lines);
}

/* Of the text, other than the facts, nothing can be said in another way. */
static void each_part_is_checked(void **state)
{
	static const char *const parts[][2] = {
		{"\"_type\":\"https", "\"_type\":\"httpx"},
		{"urn:cordon:run:v1", "urn:cordon:run:v2"},
		{"\"allowed\":2", "\"allowed\":3"},
		{"\"denied\":1", "\"denied\":0"},
		{"\"count\":2", "\"count\":9"},
		{"\"decision\":\"d4\"", "\"decision\":\"d5\""},
		{"\"denials_omitted\":0", "\"denials_omitted\":1"},
		{"\"count\":4", "\"count\":5"},
		{"\"artifact\":\"sha256:first\"", "\"artifact\":\"sha256:other\""},
		{"\"root\":\"", "\"root\":\"0"},
		{"\"name\":\"artifact\"", "\"name\":\"artifakt\""},
		{"{\"digest\":{\"sha256\":\"" B64 "\"},\"name\":\"output\"},", ""},
		{"\"generation\":3", "\"generation\":2"},
		{"\"predicate\":{", "\"predicate\": {"},
		{"{\"_type\"", "{\"\\u005ftype\""},
		{"}]}", "}],\"x\":1}"},
		{"\"id\":\"run_1\"", "\"id\":\"run_1\",\"id\":\"run_1\""},
	};
	_cleanup_free_ char *text = written(FACTS);
	struct journal j = some_journal();
	struct statement s = about("", &j);

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const char *at = strstr(text, parts[i][0]);
		_cleanup_free_ char *changed = NULL;

		assert_non_null(at);
		changed = xasprintf("%.*s%s%s", (int)(at - text), text, parts[i][1],
				    at + strlen(parts[i][0]));
		assert_int_equal(checked(&s, changed), -EBADMSG);
	}
	assert_int_equal(checked(&s, ""), -EBADMSG);
	assert_int_equal(checked(&s, "[]"), -EBADMSG);
	assert_int_equal(checked(&s, "{\"_type\":1,\"predicate\":2,\"predicateType\":3,"
				     "\"subject\":4}"),
			 -EBADMSG);
	buf_done(&j.lines);
}

/* More denials and rules than are listed: what is written is what is checked. */
static void many_decisions(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT(ROOM);
	struct journal j = {.lines = BUF_INIT(4 << 20)};
	struct statement s = about(FACTS, &j);
	struct err e;
	char event[2048];

	for (int i = 0; i < 300; i++) {
		snprintf(event, sizeof(event),
			 "{\"event\":\"tool_call_blocked\",\"rule\":\"r%d\",\"reason\":\"x\","
			 "\"destination\":\"https://%01000d.example\"}",
			 i, i);
		assert_int_equal(journal_append(&j, event, strlen(event)), 0);
	}
	assert_int_equal(statement_write(&s, &out, &e), 0);
	has(buf_str(&out), "\"other_rules\":200");
	assert_int_equal(checked(&s, buf_str(&out)), 0);
	buf_done(&j.lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_it_is_about),
		cmocka_unit_test(facts_in_other_words),
		cmocka_unit_test(refuses_facts),
		cmocka_unit_test(has_a_maximum),
		cmocka_unit_test(what_was_written_is_right),
		cmocka_unit_test(each_input_is_checked),
		cmocka_unit_test(each_part_is_checked),
		cmocka_unit_test(many_decisions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
