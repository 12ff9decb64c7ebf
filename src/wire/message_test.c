#include "wire/message.h"

#include "wire/modmap.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct msg sample = {
	.type = MSG_OPERATION,
	.operation = {7, {"fetch", 5}, {"{}", 2}},
};

static void what_is_encoded_is_decoded(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(1024);
	struct msg m;
	size_t used;

	(void)state;
	assert_int_equal(msg_encode(&b, &sample), 0);
	assert_int_equal(msg_decode(b.data, b.len, 1024, &m, &used), 1);
	assert_int_equal(used, b.len);
	assert_int_equal(m.type, MSG_OPERATION);
	assert_int_equal(m.operation.id, 7);
	assert_memory_equal(m.operation.kind.data, "fetch", 5);
	assert_int_equal(m.operation.payload.len, 2);
}

static void a_part_of_a_frame_is_not_a_message(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(1024);
	struct msg m;
	size_t used;

	(void)state;
	assert_int_equal(msg_encode(&b, &sample), 0);
	for (size_t n = 0; n < b.len; n++) {
		assert_int_equal(msg_decode(b.data, n, 1024, &m, &used), 0);
		assert_int_equal(used, n < FRAME_HEADER ? 0 : b.len);
	}
}

static void every_byte_must_be_used(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(1024);
	struct msg m;
	size_t used;

	(void)state;
	assert_int_equal(msg_encode(&b, &sample), 0);
	assert_int_equal(buf_addc(&b, 'x'), 0);
	b.data[0]++; /* the body now has a byte that no field claims */
	assert_int_equal(msg_decode(b.data, b.len, 1024, &m, &used), -EBADMSG);
}

static void lengths_are_held_against_the_schema(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(1024);
	char long_kind[LIMIT_NAME + 1] = {0};
	struct msg m = sample;
	size_t used;

	(void)state;
	m.operation.kind = (struct wire_bytes){long_kind, sizeof(long_kind)};
	assert_int_equal(msg_encode(&b, &m), -EMSGSIZE);
	assert_int_equal(b.len, 0);
	assert_int_equal(msg_encode(&b, &sample), 0);
	b.data[FRAME_HEADER + 4] = 0xff; /* kind's length: past the end */
	assert_int_equal(msg_decode(b.data, b.len, 1024, &m, &used), -EBADMSG);
	b.data[3] = 0x7f; /* the body's length: past what we take */
	assert_int_equal(msg_decode(b.data, b.len, 1024, &m, &used), -EMSGSIZE);
}

static void unknown_types_and_flags_are_refused(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(1024);
	struct msg m;
	size_t used;

	(void)state;
	assert_int_equal(msg_encode(&b, &sample), 0);
	b.data[5] = 1;
	assert_int_equal(msg_decode(b.data, b.len, 1024, &m, &used), -EBADMSG);
	b.data[5] = 0;
	b.data[4] = 255;
	assert_int_equal(msg_decode(b.data, b.len, 1024, &m, &used), -EBADMSG);
}

static void a_sandbox_may_send_only_what_its_phase_permits(void **state)
{
	(void)state;
	assert_true(msg_allowed(PHASE_WARMING, MSG_TOUCHED));
	assert_false(msg_allowed(PHASE_WARMING, MSG_RESULT));
	assert_false(msg_allowed(PHASE_IDLE, MSG_LOG));
	assert_true(msg_allowed(PHASE_COMPILING, MSG_COMPILED));
	assert_true(msg_allowed(PHASE_COMPILING, MSG_RESULT));
	assert_false(msg_allowed(PHASE_RUNNING, MSG_COMPILED));
	assert_false(msg_allowed(PHASE_RUNNING, MSG_TOUCHED));
	assert_true(msg_allowed(PHASE_RUNNING, MSG_WAIT));
	for (int type = 0; type < 256; type++) {
		assert_false(msg_allowed(PHASE_ENDED, (enum msg_type)type));
		if (type < MSG_TOUCHED || type > MSG_FAIL)
			assert_false(msg_allowed(PHASE_RUNNING, (enum msg_type)type));
	}
}

static struct buf two_modules(void)
{
	struct buf b = BUF_INIT(1024);
	struct err e;

	assert_int_equal(modmap_add(&b, "main.js", MODULE_AUTO, "1", 1, &e), 0);
	assert_int_equal(modmap_add(&b, "lib.ts", MODULE_TS, "22", 2, &e), 0);
	return b;
}

static void a_module_map_is_walked_whole(void **state)
{
	_cleanup_buf_ struct buf b = two_modules();
	struct modmap map;
	struct module m;

	(void)state;
	assert_int_equal(modmap_check(b.data, b.len, "main.js", 7, NULL), 0);
	assert_int_equal(modmap_open(&map, b.data, b.len), 0);
	assert_int_equal(modmap_next(&map, &m), 1);
	assert_memory_equal(m.name, "main.js", 7);
	assert_int_equal(modmap_next(&map, &m), 1);
	assert_int_equal(m.type, MODULE_TS);
	assert_int_equal(modmap_next(&map, &m), 0);
	for (size_t n = 0; n < b.len; n++)
		assert_true(modmap_check(b.data, n, "main.js", 7, NULL) < 0);
}

static void a_bad_module_map_is_explained(void **state)
{
	_cleanup_buf_ struct buf b = two_modules();
	struct err e;

	(void)state;
	assert_int_equal(modmap_check(b.data, b.len, "other", 5, &e), -ENOENT);
	assert_string_equal(e.code, "module.no_main");
	assert_int_equal(modmap_add(&b, "main.js", MODULE_JS, "", 0, &e), 0);
	assert_int_equal(modmap_check(b.data, b.len, "main.js", 7, &e), -EEXIST);
	assert_non_null(strstr(e.message, "main.js"));
	assert_int_equal(modmap_add(&b, "", MODULE_JS, "", 0, &e), -EINVAL);
	assert_int_equal(modmap_add(&b, "a\nb", MODULE_JS, "", 0, &e), -EINVAL);
	assert_string_equal(e.code, "module.name");
}

static void modules_are_counted(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT(1 << 20);
	char name[16];
	struct err e;

	(void)state;
	for (unsigned i = 0; i < LIMIT_MODULES; i++) {
		snprintf(name, sizeof(name), "m%u.js", i);
		assert_int_equal(modmap_add(&b, name, MODULE_JS, "", 0, &e), 0);
	}
	assert_int_equal(modmap_check(b.data, b.len, "m0.js", 5, &e), 0);
	assert_int_equal(modmap_add(&b, "one", MODULE_JS, "", 0, &e), -EINVAL);
	assert_string_equal(e.code, "module.too_many");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_encoded_is_decoded),
		cmocka_unit_test(a_part_of_a_frame_is_not_a_message),
		cmocka_unit_test(every_byte_must_be_used),
		cmocka_unit_test(lengths_are_held_against_the_schema),
		cmocka_unit_test(unknown_types_and_flags_are_refused),
		cmocka_unit_test(a_sandbox_may_send_only_what_its_phase_permits),
		cmocka_unit_test(a_module_map_is_walked_whole),
		cmocka_unit_test(a_bad_module_map_is_explained),
		cmocka_unit_test(modules_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
