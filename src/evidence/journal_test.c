#include "evidence/journal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void add(struct journal *j, const char *members)
{
	assert_int_equal(journal_append(j, members, strlen(members)), 0);
}

static void root_of(const struct journal *j, struct hash *ret)
{
	merkle_root(&j->tree, ret);
}

static void fill(struct journal *j)
{
	*j = (struct journal){.lines = BUF_INIT(1 << 16)};
	add(j, "{\"event\":\"sandbox_issued\",\"policy\":\"sha256:00\"}");
	add(j, " { \"tool\" : \"fetch\", \"event\":\"tool_call_attempted\",\n\"bytes\":12 } ");
	add(j, "{\"z\":{\"b\":[1,2],\"a\":\"\\u00fc\"}}");
	add(j, "{}");
}

static void events_are_numbered_and_linked(void **state)
{
	struct journal j;
	const char *line, *next;
	struct hash leaf;

	(void)state;
	fill(&j);
	assert_int_equal(j.tree.size, 4);
	line = buf_str(&j.lines);
	next = strchr(line, '\n') + 1;
	assert_memory_equal(line,
			    "{\"event\":\"sandbox_issued\",\"policy\":\"sha256:00\",\"seq\":1}\n",
			    (size_t)(next - line));
	assert_non_null(
		strstr(next, "{\"bytes\":12,\"event\":\"tool_call_attempted\",\"prev\":\""));
	merkle_leaf(line, (size_t)(next - 1 - line), &leaf);
	for (int i = 0; i < HASH_SIZE; i++) {
		char hex[3];

		snprintf(hex, sizeof(hex), "%02x", leaf.b[i]);
		assert_memory_equal(strstr(next, "\"prev\":\"") + 8 + 2 * i, hex, 2);
	}
	buf_done(&j.lines);
}

static void what_is_no_event_is_not_added(void **state)
{
	static const struct {
		const char *members;
		int error;
	} bad[] = {
		{"", -EBADMSG},
		{" ", -EBADMSG},
		{"[]", -EBADMSG},
		{"1", -EBADMSG},
		{"{", -EBADMSG},
		{"{}}", -EBADMSG},
		{"{} {}", -EBADMSG},
		{"{,}", -EBADMSG},
		{"{\"a\":1,}", -EBADMSG},
		{"{,\"a\":1}", -EBADMSG},
		{"{\"seq\":1}", -EBADMSG},
		{"{\"prev\":1}", -EBADMSG},
		{"{\"\\u0073eq\":1}", -EBADMSG},
		{"{\"\\u0070rev\":1}", -EBADMSG},
		{"{\"a\":1,\"a\":1}", -EBADMSG},
		{"{\"a\":\"\\ud800\"}", -EBADMSG},
		{"{\"a\":1.5}", -ERANGE},
		{"{\"a\":9007199254740993}", -ERANGE},
		{"{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}",
		 -E2BIG},
	};
	struct journal j, empty = {.lines = BUF_INIT(1000)};
	struct hash last;
	size_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(journal_append(&empty, bad[i].members, strlen(bad[i].members)),
				 bad[i].error);
	assert_int_equal(empty.lines.len, 0);
	assert_int_equal(empty.tree.size, 0);
	buf_done(&empty.lines);
	fill(&j);
	len = j.lines.len;
	last = j.last;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (journal_append(&j, bad[i].members, strlen(bad[i].members)) != bad[i].error)
			fail_msg("%s", bad[i].members);
	assert_int_equal(j.lines.len, len);
	assert_int_equal(j.tree.size, 4);
	assert_memory_equal(&j.last, &last, HASH_SIZE);
	buf_done(&j.lines);
}

static void a_full_journal_takes_no_more(void **state)
{
	struct journal j = {.lines = BUF_INIT(24)};

	(void)state;
	assert_int_equal(journal_append(&j, "{\"a\":\"123456789\"}", 17), -ENOSPC);
	assert_int_equal(journal_append(&j, "{\"a\":\"12345678\"}", 16),
			 -ENOSPC); /* for the line feed */
	assert_int_equal(j.lines.len, 0);
	assert_int_equal(j.tree.size, 0);
	assert_int_equal(journal_append(&j, "{\"a\":\"1234567\"}", 15), 0);
	assert_int_equal(j.lines.len, 24);
	buf_done(&j.lines);
}

static void what_was_written_is_read(void **state)
{
	struct journal j, again = {.lines = BUF_INIT(1 << 16)};
	struct hash a, b;
	uint64_t line;

	(void)state;
	fill(&j);
	assert_int_equal(journal_load(&again, j.lines.data, j.lines.len, &line), 0);
	assert_int_equal(again.lines.len, j.lines.len);
	assert_memory_equal(again.lines.data, j.lines.data, j.lines.len);
	root_of(&j, &a);
	root_of(&again, &b);
	assert_memory_equal(&a, &b, HASH_SIZE);
	add(&j, "{\"more\":1}");
	add(&again, "{\"more\":1}");
	assert_memory_equal(&j.last, &again.last, HASH_SIZE);
	buf_done(&j.lines);
	buf_done(&again.lines);
	again = (struct journal){.lines = BUF_INIT(10)};
	assert_int_equal(journal_load(&again, "{\"seq\":1}\n\n", 11, &line), -ENOSPC);
	assert_int_equal(journal_load(&again, "", 0, &line), 0);
	assert_int_equal(again.tree.size, 0);
	buf_done(&again.lines);
}

/* Loads a copy that is changed: it must be refused, or, in the last line, give another root. */
static void expect_noticed(const struct journal *j, const char *lines, size_t len)
{
	struct journal again = {.lines = BUF_INIT(1 << 16)};
	struct hash a, b;
	uint64_t line = 0;
	int r = journal_load(&again, lines, len, &line);

	root_of(j, &a);
	root_of(&again, &b);
	if (r == 0) {
		assert_memory_not_equal(&a, &b, HASH_SIZE);
	} else {
		assert_int_equal(r, -EBADMSG);
		assert_in_range(line, 1, 5);
		assert_int_equal(again.lines.len, 0);
		assert_int_equal(again.tree.size, 0);
	}
	buf_done(&again.lines);
}

static void every_change_is_noticed(void **state)
{
	struct journal j;
	char *copy;
	size_t len;

	(void)state;
	fill(&j);
	len = j.lines.len;
	copy = xmalloc(len + 1);
	for (size_t i = 0; i < len; i++) {
		memcpy(copy, j.lines.data, len);
		for (int bit = 0; bit < 8; bit++) {
			copy[i] = (char)(j.lines.data[i] ^ 1 << bit);
			expect_noticed(&j, copy, len);
		}
		copy[i] = ' ';
		if (j.lines.data[i] != ' ')
			expect_noticed(&j, copy, len);
		memmove(copy + i, j.lines.data + i + 1, len - i - 1); /* a byte left out */
		expect_noticed(&j, copy, len - 1);
		memcpy(copy + i + 1, j.lines.data + i, len - i); /* one more */
		copy[i] = ' ';
		expect_noticed(&j, copy, len + 1);
		expect_noticed(&j, copy, i); /* cut off */
	}
	free(copy);
	buf_done(&j.lines);
}

static void lines_out_of_order(void **state)
{
	static const char *const bad[] = {
		"{\"seq\":2}\n",
		"{\"seq\":0}\n",
		"{\"seq\":\"1\"}\n",
		"{}\n",
		"1\n",
		"\n",
		"{\"prev\":\"b119a77a4864308c481efb947ff723d6bd4ea1e7fab902eb8ca98bd759e46aee\","
		"\"seq\":1}\n",
		"{\"seq\":1}\n{\"seq\":2}\n",
		"{\"seq\":1}\n{\"prev\":"
		"\"B119a77a4864308c481efb947ff723d6bd4ea1e7fab902eb8ca98bd759e46aee\","
		"\"seq\":2}\n",
		"{\"seq\":1}\n{\"prev\":"
		"\"b119a77a4864308c481efb947ff723d6bd4ea1e7fab902eb8ca98bd759e46aee\","
		"\"seq\":3}\n",
		"{\"seq\":1}\n{\"prev\":"
		"\"b119a77a4864308c481efb947ff723d6bd4ea1e7fab902eb8ca98bd759e46aee\","
		"\"seq\":2}",
		"{\"seq\":1}\n{\"seq\":2,\"prev\":"
		"\"b119a77a4864308c481efb947ff723d6bd4ea1e7fab902eb8ca98bd759e"
		"46aee\"}\n",
	};
	static const char good[] =
		"{\"seq\":1}\n{\"prev\":"
		"\"b119a77a4864308c481efb947ff723d6bd4ea1e7fab902eb8ca98bd759e46aee\","
		"\"seq\":2}\n";
	struct journal j = {.lines = BUF_INIT(1000)};
	uint64_t line;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(journal_load(&j, bad[i], strlen(bad[i]), &line), -EBADMSG);
		assert_int_equal(line, i < 7 ? 1 : 2);
	}
	assert_int_equal(journal_load(&j, good, strlen(good), &line), 0);
	assert_int_equal(j.tree.size, 2);
	buf_done(&j.lines);
}

static void a_seal_depends_on_everything(void **state)
{
	uint8_t key[JOURNAL_KEY] = {1}, a[JOURNAL_SEAL], b[JOURNAL_SEAL];
	struct hash root = {{2}};

	(void)state;
	journal_seal(key, "run_1", 3, &root, a);
	journal_seal(key, "run_1", 3, &root, b);
	assert_memory_equal(a, b, sizeof(a));
	journal_seal(key, "run_2", 3, &root, b);
	assert_memory_not_equal(a, b, sizeof(a));
	journal_seal(key, "run_1", 4, &root, b);
	assert_memory_not_equal(a, b, sizeof(a));
	root.b[31] = 1;
	journal_seal(key, "run_1", 3, &root, b);
	assert_memory_not_equal(a, b, sizeof(a));
	root.b[31] = 0;
	key[31] = 1;
	journal_seal(key, "run_1", 3, &root, b);
	assert_memory_not_equal(a, b, sizeof(a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_are_numbered_and_linked),
		cmocka_unit_test(what_is_no_event_is_not_added),
		cmocka_unit_test(a_full_journal_takes_no_more),
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(every_change_is_noticed),
		cmocka_unit_test(lines_out_of_order),
		cmocka_unit_test(a_seal_depends_on_everything),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
