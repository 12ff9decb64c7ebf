#include "cli/sse.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char seen[1000];

static int note(void *arg, const char *name, const char *data, size_t len)
{
	size_t n = strlen(seen);

	(void)arg;
	snprintf(seen + n, sizeof(seen) - n, "%s(%.*s)", name, (int)len, data);
	return strcmp(name, "stop") ? 0 : -EINTR;
}

/* Fed in pieces of `step` bytes. */
static int feed(const char *text, size_t step, size_t max)
{
	struct sse s;
	int r = 0;

	seen[0] = '\0';
	sse_init(&s, max, note, NULL);
	for (size_t at = 0, n = strlen(text); at < n && r == 0; at += step)
		r = sse_feed(&s, text + at, n - at < step ? n - at : step);
	sse_done(&s);
	return r;
}

static void events_in_pieces_of_any_size(void **state)
{
	static const char text[] =
		": a comment\nevent: log\ndata: {\"a\":1}\n\n"
		"data:x\r\ndata: y\r\n\r\nid: 7\nevent:end\ndata\n\nevent: none\n\n";

	(void)state;
	for (size_t step = 1; step < sizeof(text); step++) {
		assert_int_equal(feed(text, step, 100), 0);
		assert_string_equal(seen, "log({\"a\":1})message(x\ny)end()");
	}
}

static void what_is_not_complete_is_none(void **state)
{
	(void)state;
	assert_int_equal(feed("event: result\ndata: {}\n", 100, 100), 0);
	assert_string_equal(seen, "");
}

static void an_event_has_a_maximum(void **state)
{
	(void)state;
	assert_int_equal(feed("data: 0123456789\n\n", 3, 8), -ENOSPC);
	assert_int_equal(feed("data: 012\ndata: 012\ndata: 012\n\n", 100, 10), -ENOSPC);
	assert_string_equal(seen, "");
	assert_int_equal(feed("data: 0\n\ndata: 0\n\ndata: 0\n\n", 100, 10), 0);
}

static void whoever_reads_may_end_it(void **state)
{
	(void)state;
	assert_int_equal(feed("event: stop\ndata: 1\n\ndata: 2\n\n", 100, 100), -EINTR);
	assert_string_equal(seen, "stop(1)");
}

static void the_last_event_has_its_id(void **state)
{
	char id[SSE_ID_SIZE] = "";
	struct sse s;
	const char *text = "id: 1.2\nevent: a\ndata: 1\n\ndata: 2\n\nid: 3.4\ndata: 3\n";

	(void)state;
	seen[0] = '\0';
	sse_init(&s, 100, note, NULL);
	sse_keep_id(&s, id);
	assert_int_equal(sse_feed(&s, text, strlen(text)), 0);
	assert_string_equal(id, "1.2"); /* the third event is not complete */
	assert_int_equal(sse_feed(&s, "\n", 1), 0);
	assert_string_equal(id, "3.4");
	assert_int_equal(sse_feed(&s, "id: 5\nevent: stop\ndata: 4\n\n", 28), -EINTR);
	assert_string_equal(id, "3.4"); /* who refused it has not seen it */
	sse_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_in_pieces_of_any_size),
		cmocka_unit_test(what_is_not_complete_is_none),
		cmocka_unit_test(an_event_has_a_maximum),
		cmocka_unit_test(whoever_reads_may_end_it),
		cmocka_unit_test(the_last_event_has_its_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
