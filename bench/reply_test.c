#include "reply.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Feeds text in pieces of `piece` bytes; returns the last answer of reply_received. */
static int feed(struct reply *reply, const char *text, size_t piece)
{
	size_t size = strlen(text);
	int r = 0;

	for (size_t at = 0; at < size && r == 0;) {
		size_t room_size, n = size - at < piece ? size - at : piece;
		char *room = reply_room(reply, &room_size);

		if (!room)
			return -ENOBUFS;
		if (n > room_size)
			n = room_size;
		memcpy(room, text + at, n);
		at += n;
		r = reply_received(reply, n);
		if (r == 1 && at < size)
			return -EBADMSG;
	}
	return r;
}

static void assert_reply(const char *text, int status, const char *body, bool close)
{
	for (size_t piece = 1; piece <= strlen(text); piece++) {
		struct reply reply;

		reply_init(&reply);
		assert_int_equal(feed(&reply, text, piece), 1);
		assert_int_equal(reply.status, status);
		assert_int_equal(reply.body_size, strlen(body));
		assert_memory_equal(reply.data + reply.body, body, strlen(body));
		assert_int_equal(reply.close, close);
		reply_done(&reply);
	}
}

static void assert_refused(const char *text)
{
	struct reply reply;

	reply_init(&reply);
	assert_int_equal(feed(&reply, text, strlen(text)), -EBADMSG);
	reply_done(&reply);
}

static void reads_a_body_of_known_length(void **state)
{
	(void)state;
	assert_reply("HTTP/1.1 200 OK\r\ncontent-length:  5 \r\nX: y\r\n\r\nhello", 200, "hello",
		     false);
	assert_reply("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, "", false);
	assert_reply("HTTP/1.1 204 No Content\r\n\r\n", 204, "", false);
}

static void reads_a_chunked_body(void **state)
{
	(void)state;
	assert_reply("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		     "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: z\r\n\r\n",
		     200, "abc0123456789", false);
}

static void skips_an_interim_reply(void **state)
{
	(void)state;
	assert_reply("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		     200, "ok", false);
}

static void sees_when_the_peer_closes(void **state)
{
	(void)state;
	assert_reply("HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 1\r\n\r\nx", 200, "x",
		     true);
	assert_reply("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "x", true);
}

static void reads_when_to_try_again(void **state)
{
	static const struct {
		const char *field;
		long seconds;
	} fields[] = {{"retry-after: 17", 17},
		      {"Retry-After:0 ", 0},
		      {"Retry-After: Fri, 31 Dec 1999 23:59:59 GMT", -1},
		      {"Retry-Afterwards: 3", -1}};
	struct reply reply;

	(void)state;
	reply_init(&reply);
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		char text[200];

		snprintf(text, sizeof(text), "HTTP/1.1 429 X\r\n%s\r\nContent-Length: 0\r\n\r\n",
			 fields[i].field);
		assert_int_equal(feed(&reply, text, strlen(text)), 1);
		assert_int_equal(reply.retry_after, fields[i].seconds);
		reply_reset(&reply);
	}
	reply_done(&reply);
}

static void refuses_what_is_no_reply(void **state)
{
	(void)state;
	assert_refused("SSH-2.0-example\r\n\r\n");
	assert_refused("HTTP/1.1 2x0 OK\r\nContent-Length: 1\r\n\r\n");
	assert_refused("HTTP/1.1 200 OK\r\n\r\n");
	assert_refused("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n");
	assert_refused("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n");
	assert_refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n");
	assert_refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc");
	assert_refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
	assert_refused("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy");
}

static void reads_one_reply_after_another(void **state)
{
	struct reply reply;

	(void)state;
	reply_init(&reply);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(feed(&reply, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 7),
				 1);
		assert_int_equal(reply.body_size, 2);
		reply_reset(&reply);
	}
	reply_done(&reply);
}

static void refuses_to_grow_without_end(void **state)
{
	struct reply reply;
	size_t room;
	int r = 0;

	(void)state;
	reply_init(&reply);
	assert_int_equal(feed(&reply, "HTTP/1.1 200 OK\r\n", 64), 0);
	for (char *at = reply_room(&reply, &room); at && r == 0; at = reply_room(&reply, &room)) {
		memset(at, 'x', room);
		r = reply_received(&reply, room);
	}
	assert_int_equal(r, 0);
	assert_int_equal(reply.size, REPLY_MAX);
	reply_done(&reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_body_of_known_length),
		cmocka_unit_test(reads_a_chunked_body),
		cmocka_unit_test(skips_an_interim_reply),
		cmocka_unit_test(sees_when_the_peer_closes),
		cmocka_unit_test(reads_when_to_try_again),
		cmocka_unit_test(refuses_what_is_no_reply),
		cmocka_unit_test(reads_one_reply_after_another),
		cmocka_unit_test(refuses_to_grow_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
