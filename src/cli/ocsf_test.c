#include "cli/ocsf.h"

#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define RUN                                                                                        \
	"\"run\":\"run_1\",\"tenant\":\"acme\",\"seq\":3,\"time\":\"2026-11-21T19:46:01.825Z\","   \
	"\"lease\":\"lease_1\",\"session\":\"s1\",\"trace\":"                                      \
	"\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\","
#define ACT                                                                                        \
	"\"act\":\"act_1\",\"tenant\":\"acme\",\"seq\":1,\"time\":\"2026-11-21T19:46:01.825Z\","   \
	"\"by\":\"key_9\",\"role\":\"admin\","

/* One example of each event, and what makes it what it is. tools/ocsf-check holds the output
 * against the schema itself. */
static const struct {
	const char *event;
	int class, activity, severity, status;
	const char *has[4];
} examples[] = {
	{RUN "\"event\":\"run_admitted\",\"artifact\":\"sha256:aa\",\"policy\":\"sha256:bb\","
	     "\"profile\":\"p\",\"key\":\"key_1\",\"wall_us\":1000000",
	 6003,
	 1,
	 1,
	 1,
	 {"\"action_id\":1,", "\"operation\":\"runs.create\"", "\"uid\":\"sha256:aa\"",
	  "\"trace\":{\"uid\":\"0af7651916cd43dd8448eb211c80319c\"}"}},
	{RUN "\"event\":\"run_denied\",\"reason\":\"limits.exceeded\",\"outcome\":\"denied\"",
	 6003,
	 1,
	 2,
	 2,
	 {"\"action_id\":2,", "\"disposition_id\":2,", "\"status_code\":\"limits.exceeded\""}},
	{RUN "\"event\":\"sandbox_issued\",\"policy\":\"sha256:bb\",\"ttl_us\":1",
	 1007,
	 1,
	 1,
	 1,
	 {"\"process\":{\"uid\":\"run_1\"", "\"device\":{"}},
	{RUN "\"event\":\"tool_call_attempted\",\"tool\":\"fetch\",\"method\":\"POST\","
	     "\"destination\":\"https://example.com:443\",\"bytes\":3,\"sha256\":\"ab\"",
	 4002,
	 6,
	 1,
	 0,
	 {"\"dst_endpoint\":{\"hostname\":\"example.com\",\"port\":443}", "\"action_id\":3,",
	  "\"http_method\":\"POST\""}},
	{RUN "\"event\":\"tool_call_attempted\",\"tool\":\"fetch\","
	     "\"destination\":\"https://[2001:db8::1]:8443\"",
	 4002,
	 99,
	 1,
	 0,
	 {"\"dst_endpoint\":{\"ip\":\"2001:db8::1\",\"port\":8443}",
	  "\"type_name\":\"HTTP Activity: Other\""}},
	{RUN "\"event\":\"tool_call_allowed\",\"tool\":\"kv.get\",\"decision\":\"d4\"",
	 6003,
	 99,
	 1,
	 1,
	 {"\"operation\":\"kv.get\"", "\"action_id\":1,"}},
	{RUN "\"event\":\"tool_call_blocked\",\"tool\":\"fetch\",\"decision\":\"d4\","
	     "\"destination\":\"https://example.com:443\",\"rule\":\"egress.default_deny\","
	     "\"reason\":\"egress.denied\"",
	 4002,
	 99,
	 3,
	 2,
	 {"\"disposition\":\"Blocked\"", "\"firewall_rule\":{\"uid\":\"egress.default_deny\"}",
	  "\"status_code\":\"egress.denied\"", "\"decision\":\"d4\""}},
	{RUN "\"event\":\"tool_call_blocked\",\"tool\":\"kv.get\",\"reason\":\"tool.unknown\"",
	 6003,
	 99,
	 3,
	 2,
	 {"\"operation\":\"kv.get\"",
	  "\"actor\":{\"app_name\":\"cordon\",\"process\":{\"uid\":\"run_1\""}},
	{RUN "\"event\":\"execution_completed\",\"outcome\":\"completed\",\"reason\":\"none\","
	     "\"wall_us\":12345",
	 1007,
	 2,
	 1,
	 1,
	 {"\"duration\":12,", "\"status_code\":\"completed\""}},
	{RUN "\"event\":\"execution_completed\",\"outcome\":\"failed\",\"wall_us\":12345",
	 1007,
	 2,
	 1,
	 2,
	 {"\"status_code\":\"failed\""}},
	{RUN
	 "\"event\":\"execution_terminated\",\"outcome\":\"terminated\",\"reason\":\"cpu_time\"",
	 1007,
	 2,
	 2,
	 2,
	 {"\"status_code\":\"cpu_time\""}},
	{RUN "\"event\":\"execution_terminated\",\"reason\":\"cancelled\"", 1007, 2, 1, 2, {""}},
	{RUN "\"event\":\"execution_terminated\",\"reason\":\"crashed\"", 1007, 2, 3, 2, {""}},
	{RUN "\"event\":\"execution_terminated\",\"reason\":\"jail_violation\"",
	 2004,
	 1,
	 4,
	 1,
	 {"\"is_alert\":true", "\"finding_info\":{\"uid\":\"12.1\"", "\"status\":\"New\"",
	  "\"evidences\":[{\"process\":{\"uid\":\"run_1\""}},
	{ACT "\"event\":\"run_cancelled\",\"run\":\"run_1\"",
	 6003,
	 3,
	 1,
	 1,
	 {"\"operation\":\"runs.cancel\""}},
	{ACT "\"event\":\"payload_erased\",\"run\":\"run_1\"",
	 6003,
	 4,
	 1,
	 1,
	 {"\"user\":{\"uid\":\"key_9\"", "\"resources\":[{\"type\":\"run\",\"uid\":\"run_1\"}"}},
	{ACT "\"event\":\"payloads_erased\",\"runs\":\"3\"", 6003, 4, 1, 1, {""}},
	{ACT "\"event\":\"rotation_asked\"", 6003, 3, 1, 1, {"\"operation\":\"log.rotate\""}},
	{ACT "\"event\":\"requests_refused\",\"reason\":\"quota.cpu\",\"count\":\"812\"",
	 6003,
	 1,
	 2,
	 2,
	 {"\"action_id\":2,", "\"status_code\":\"quota.cpu\"", "\"count\":\"812\""}},
	{ACT "\"event\":\"quota_warned\",\"scope\":\"team\",\"name\":\"red\",\"resource\":\"cpu\"",
	 6003,
	 99,
	 2,
	 0,
	 {"\"action_id\":3,", "\"scope\":\"team\"", "\"resource\":\"cpu\""}},
	{ACT
	 "\"event\":\"quota_exhausted\",\"scope\":\"key\",\"name\":\"key_2\",\"resource\":\"runs\"",
	 6003,
	 99,
	 3,
	 2,
	 {"\"action_id\":2,", "\"name\":\"key_2\""}},
	{ACT "\"event\":\"quota_set\",\"scope\":\"tenant\",\"name\":\"acme\",\"new\":\"9\"",
	 3004,
	 3,
	 1,
	 1,
	 {"\"entity\":{\"type_id\":99,\"type\":\"quota\",\"uid\":\"acme\"}", "\"new\":\"9\""}},
	{ACT "\"event\":\"quota_granted\",\"scope\":\"team\",\"name\":\"red\",\"amount\":\"9\"",
	 3004,
	 3,
	 1,
	 1,
	 {"\"uid\":\"red\"", "\"amount\":\"9\""}},
	{ACT "\"event\":\"quota_removed\",\"scope\":\"team\",\"name\":\"red\",\"old\":\"9\"",
	 3004,
	 4,
	 1,
	 1,
	 {"\"uid\":\"red\"", "\"old\":\"9\""}},
	{ACT "\"event\":\"tenant_created\"",
	 3004,
	 1,
	 1,
	 1,
	 {"\"entity\":{\"type_id\":4,\"type\":\"Organization\",\"uid\":\"acme\"}"}},
	{ACT "\"event\":\"tenant_changed\",\"state\":\"suspended\"", 3004, 12, 1, 1, {""}},
	{ACT "\"event\":\"tenant_changed\",\"state\":\"active\"", 3004, 13, 1, 1, {""}},
	{ACT "\"event\":\"tenant_deleted\"", 3004, 4, 1, 1, {""}},
	{ACT "\"event\":\"key_created\",\"key\":\"key_2\",\"key_role\":\"runner\"",
	 3001,
	 1,
	 1,
	 1,
	 {"\"user\":{\"uid\":\"key_9\"",
	  "\"user\":{\"uid\":\"key_2\",\"credential_uid\":\"key_2\""}},
	{ACT "\"event\":\"key_revoked\",\"key\":\"key_2\"", 3001, 5, 1, 1, {""}},
	{ACT "\"event\":\"profile_put\",\"profile\":\"p\",\"version\":\"3\"",
	 3004,
	 3,
	 1,
	 1,
	 {"\"type\":\"Policy\",\"uid\":\"p\",\"version\":\"3\""}},
	{ACT "\"event\":\"artifact_put\",\"artifact\":\"sha256:dd\"", 3004, 1, 1, 1, {""}},
	{ACT "\"event\":\"artifact_trusted\",\"artifact\":\"sha256:dd\",\"trust\":\"1\"",
	 3004,
	 3,
	 1,
	 1,
	 {"\"trust\":\"1\""}},
	{ACT "\"event\":\"artifact_deleted\",\"artifact\":\"sha256:dd\"", 3004, 4, 1, 1, {""}},
	{ACT "\"event\":\"lease_created\",\"lease\":\"lease_2\",\"profile\":\"p\"",
	 3003,
	 1,
	 1,
	 1,
	 {"\"privileges\":[\"run:p\"]", "\"session\":{\"uid\":\"lease_2\"}"}},
	{ACT "\"event\":\"lease_renewed\",\"lease\":\"lease_2\"", 3003, 1, 1, 1, {""}},
	{ACT "\"event\":\"lease_revoked\",\"lease\":\"lease_2\"",
	 3005,
	 2,
	 1,
	 1,
	 {"\"resources\":[{\"type\":\"lease\""}},
	{ACT "\"event\":\"platform_configured\",\"digest\":\"sha256:0a\",\"currency\":\"EUR\"",
	 3004,
	 3,
	 1,
	 1,
	 {"\"type\":\"platform\",\"uid\":\"sha256:0a\"", "\"currency\":\"EUR\""}},
	{ACT "\"event\":\"ledger_created\",\"origin\":\"cordon.internal/1\",\"generation\":1",
	 3004,
	 1,
	 1,
	 1,
	 {"\"uid\":\"cordon.internal/1\",\"version\":\"1\""}},
	{ACT "\"event\":\"keys_rotated\",\"statement_key\":\"a\",\"generation\":2",
	 3004,
	 3,
	 1,
	 1,
	 {"\"version\":\"2\""}},
	{ACT "\"event\":\"what_comes_later\"",
	 6003,
	 99,
	 1,
	 1,
	 {"\"operation\":\"what_comes_later\""}},
};

/* What the schema requires of each class besides the base event's. */
static const struct {
	int class;
	const char *members[4];
} required[] = {{1007, {"actor", "device", "process"}},
		{2004, {"finding_info"}},
		{3001, {"user"}},
		{3003, {"user"}},
		{3004, {"entity"}},
		{3005, {"user", "privileges"}},
		{4002, {"src_endpoint", "http_request"}},
		{6003, {"actor", "api", "src_endpoint"}}};

static void convert(const char *event, struct buf *out)
{
	_cleanup_buf_ struct buf text = BUF_INIT(1 << 16);
	struct jsonview item;

	buf_addf(&text, "{\"entry\":12,\"line\":1,\"receipt\":\"rct_1\",\"event\":{%s}}", event);
	assert_int_equal(json_check(text.data, text.len, NULL), 0);
	assert_int_equal(jsonview_open(&item, text.data, text.len), 0);
	assert_int_equal(ocsf_event(item, out), 1);
	assert_int_equal(json_check(out->data, out->len, NULL), 0);
}

static void number_is(struct jsonview v, const char *name, int wanted)
{
	if (jsonview_u64(jsonview_get(v, name), UINT64_MAX) != (uint64_t)wanted)
		fail_msg("%s is not %d in %.*s", name, wanted, (int)v.len, v.p);
}

static void member_is_there(struct jsonview v, const char *name)
{
	if (!jsonview_get(v, name).len)
		fail_msg("%s is not in %.*s", name, (int)v.len, v.p);
}

static void each_event_has_its_class(void **state)
{
	static const char *const base[] = {"metadata", "severity_id", "time", "message"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		_cleanup_buf_ struct buf out = BUF_INIT(1 << 16);
		int class = examples[i].class;
		struct jsonview v;

		convert(examples[i].event, &out);
		assert_int_equal(jsonview_open(&v, out.data, out.len), 0);
		number_is(v, "class_uid", class);
		number_is(v, "category_uid", class / 1000);
		number_is(v, "activity_id", examples[i].activity);
		number_is(v, "type_uid", class * 100 + examples[i].activity);
		number_is(v, "severity_id", examples[i].severity);
		number_is(v, "status_id", examples[i].status);
		for (size_t k = 0; k < ARRAY_SIZE(base); k++)
			member_is_there(v, base[k]);
		for (size_t k = 0; k < ARRAY_SIZE(required); k++)
			for (size_t n = 0; required[k].class == class && required[k].members[n];
			     n++)
				member_is_there(v, required[k].members[n]);
		for (size_t k = 0; k < 4 && examples[i].has[k]; k++)
			if (!strstr(buf_str(&out), examples[i].has[k]))
				fail_msg("%s is not in %s", examples[i].has[k], buf_str(&out));
	}
}

static void every_event_says_where_it_comes_from(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT(1 << 16);
	struct jsonview v, metadata;

	(void)state;
	convert(examples[0].event, &out);
	jsonview_open(&v, out.data, out.len);
	metadata = jsonview_get(v, "metadata");
	assert_true(jsonview_is(jsonview_get(metadata, "version"), "\"1.8.0\""));
	assert_true(jsonview_is(jsonview_get(metadata, "uid"), "\"12.1\""));
	assert_true(jsonview_is(jsonview_get(metadata, "tenant_uid"), "\"acme\""));
	assert_true(jsonview_is(jsonview_get(metadata, "correlation_uid"), "\"run_1\""));
	assert_true(jsonview_is(jsonview_get(metadata, "profiles"),
				"[\"security_control\",\"trace\"]"));
	assert_true(jsonview_is(jsonview_get(v, "time"), "1795290361825"));
	assert_true(jsonview_is(jsonview_get(jsonview_get(v, "unmapped"), "receipt"), "\"rct_1\""));
}

static void what_is_no_concern_of_security_is_left_out(void **state)
{
	static const char *const names[] = {"wait", "wake", "log"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_buf_ struct buf text = BUF_INIT(1024), out = BUF_INIT(1024);
		struct jsonview item;

		buf_addf(&text, "{\"entry\":1,\"line\":1,\"event\":{\"event\":\"%s\"}}", names[i]);
		jsonview_open(&item, text.data, text.len);
		assert_int_equal(ocsf_event(item, &out), 0);
		assert_int_equal(out.len, 0);
	}
}

static void hostile_members_stay_within_their_strings(void **state)
{
	static const char *const events[] = {
		"\"event\":\"tool_call_blocked\",\"tool\":\"a\\\"},{\\u001b[2J\\n\",\"run\":5,"
		"\"destination\":\"x://\",\"reason\":[1,{\"a\":\"b\"}]",
		"\"event\":\"tool_call_blocked\",\"tool\":{\"a\":1},\"destination\":\"://[\"",
		"\"event\":\"tool_call_blocked\",\"tool\":\"t\",\"destination\":\"http://"
		":99999999999\"",
		"\"event\":\"lease_created\",\"profile\":\"\\\"]\\\\\",\"lease\":\"\\ud800\"",
		"\"event\":\"a\\nb\\\"\",\"time\":7,\"seq\":\"x\",\"trace\":\"00-\\\"-\"",
		"\"event\":null",
		""};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		_cleanup_buf_ struct buf out = BUF_INIT(1 << 16);

		convert(events[i], &out);
		for (size_t k = 0; k < out.len; k++)
			assert_true(out.data[k] >= 0x20 && out.data[k] != 0x7f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_event_has_its_class),
		cmocka_unit_test(every_event_says_where_it_comes_from),
		cmocka_unit_test(what_is_no_concern_of_security_is_left_out),
		cmocka_unit_test(hostile_members_stay_within_their_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
