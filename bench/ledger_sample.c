#include "bench/ledger_sample.h"

#include "base/id.h"
#include "wire/words.h"

#include <err.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What a digest of something numbered n looks like. */
static void digest(const char *what, uint64_t n, char out[65])
{
	uint8_t h[32];
	char text[64];
	int len = snprintf(text, sizeof(text), "%s %llu", what, (unsigned long long)n);

	crypto_hash_sha256(h, (const uint8_t *)text, (size_t)len);
	sodium_bin2hex(out, 65, h, sizeof(h));
}

static void event(struct sample *s, const char *format, ...) _printf_(2, 3);
static void event(struct sample *s, const char *format, ...)
{
	char text[2048];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text) || journal_append(&s->journal, text, (size_t)n) < 0)
		errx(1, "an event that is none");
}

/* What every event of the run says of it. */
static void context(const struct sample *s, uint64_t n, char out[512])
{
	char artifact[65];

	digest("artifact", n % 50, artifact);
	snprintf(out, 512,
		 "\"time\":\"2026-05-01T12:00:00.123Z\",\"clock_ms\":1777636800123,\"run\":\"%s\","
		 "\"tenant\":\"tenant-%llu\",\"trace\":\"4bf92f3577b34da6a3ce929d0e0e%04llx\","
		 "\"session\":\"chat-%llu\",\"lease\":\"lse_01hx%06llu\","
		 "\"artifact\":\"sha256:%s\",\"profile\":\"transform\"",
		 s->subject, (unsigned long long)(n % 20), (unsigned long long)(n / 3 & 0xffff),
		 (unsigned long long)(n / 9), (unsigned long long)(n / 5), artifact);
}

static void journal_of_run(struct sample *s, uint64_t n, int denied, int blocked)
{
	char c[512], policy[65];

	context(s, n, c);
	digest("policy", n % 7, policy);
	if (denied) {
		event(s, "{\"event\":\"run_denied\",%s,\"reason\":\"quota.runs\"}", c);
		return;
	}
	event(s, "{\"event\":\"run_admitted\",%s,\"policy\":\"sha256:%s\"}", c, policy);
	event(s, "{\"event\":\"sandbox_issued\",%s,\"spawn_us\":812,\"queue_us\":44}", c);
	if (blocked) {
		event(s,
		      "{\"event\":\"tool_call_attempted\",%s,\"tool\":\"fetch\","
		      "\"destination\":\"https://mail.example\"}",
		      c);
		event(s,
		      "{\"event\":\"tool_call_blocked\",%s,\"decision\":\"d3\",\"tool\":\"fetch\","
		      "\"destination\":\"https://mail.example\",\"rule\":\"default\","
		      "\"reason\":\"egress.destination\"}",
		      c);
	}
	event(s,
	      "{\"event\":\"execution_completed\",%s,\"outcome\":\"completed\",\"cpu_us\":2133,"
	      "\"wall_us\":3187}",
	      c);
}

static void facts_of_run(struct sample *s, uint64_t n, int denied)
{
	char artifact[65], output[65], input[65], policy[65];

	digest("artifact", n % 50, artifact);
	digest("output", n, output);
	digest("input", n, input);
	digest("policy", n % 7, policy);
	buf_addf(&s->facts,
		 "{\"run\":{\"id\":\"%s\",\"tenant\":\"tenant-%llu\",\"session\":\"chat-%llu\","
		 "\"lease\":\"lse_01hx%06llu\",\"trace\":\"4bf92f3577b34da6a3ce929d0e0e%04llx\","
		 "\"tier\":\"standard\",\"class\":\"interactive\",\"input_sha256\":\"%s\","
		 "\"labels\":{\"team\":\"support\"},\"created_at\":\"2026-05-01T12:00:00.101Z\"},"
		 "\"caller\":{\"key\":\"key_01hx4b2m6v0q9r8s7t6u5v4w3x\",\"role\":\"runner\"},",
		 s->subject, (unsigned long long)(n % 20), (unsigned long long)(n / 9),
		 (unsigned long long)(n / 5), (unsigned long long)(n / 3 & 0xffff), input);
	buf_addf(&s->facts,
		 "\"provenance\":{\"model\":\"model-7\",\"prompt_sha256\":\"%s\"},"
		 "\"artifact\":{\"digest\":\"sha256:%s\"},\"policy\":{\"digest\":\"sha256:%s\","
		 "\"profile\":\"transform\"},\"limits\":{\"cpu_us\":1000000,\"wall_us\":5000000,"
		 "\"memory_bytes\":67108864,\"output_bytes\":262144,\"operations\":100,"
		 "\"log_lines\":100,\"timers\":100},\"usage\":{\"queue_us\":44,\"spawn_us\":812,"
		 "\"run_us\":2290,\"wall_us\":3187,\"cpu_us\":2133,\"memory_peak_bytes\":9437184,"
		 "\"operations\":2,\"output_bytes\":733},\"result\":{",
		 input, artifact, policy);
	if (denied)
		buf_adds(&s->facts, "\"outcome\":\"denied\",\"reason\":\"quota.runs\"");
	else
		buf_addf(&s->facts,
			 "\"outcome\":\"completed\",\"value_kind\":\"json\","
			 "\"output_sha256\":\"%s\"",
			 output);
	buf_adds(&s->facts,
		 ",\"ended_at\":\"2026-05-01T12:00:00.126Z\"},\"runtime\":{\"cordon\":\"0.1.0\","
		 "\"engine\":\"fast\",\"engine_version\":\"2.50.6\",\"cached\":true,\"seed\":"
		 "\"9223372036854775807\",\"clock_ms\":1777636800123},\"jail\":{\"full\":true,"
		 "\"parts\":{\"cgroup\":true,\"cgroup_namespace\":true,\"descriptors\":true,"
		 "\"empty_root\":true,\"ipc_namespace\":true,\"landlock\":true,\"mount_namespace\":"
		 "true,\"network_namespace\":true,\"no_capabilities\":true,\"no_new_privs\":true,"
		 "\"not_dumpable\":true,\"pid_namespace\":true,\"rlimits\":true,\"seccomp\":true,"
		 "\"user_namespace\":true,\"uts_namespace\":true}}}");
}

static void act(struct sample *s, uint64_t n)
{
	char members[512];

	id_new("act", s->subject);
	snprintf(members, sizeof(members),
		 "{\"event\":\"tenant_created\",\"act\":\"%s\",\"by\":\"key_01hx0001\","
		 "\"tenant\":\"tenant-%llu\",\"time\":\"2026-05-01T12:00:00.123Z\"}",
		 s->subject, (unsigned long long)n);
	buf_addf(&s->facts, "{\"event\":%s}", members);
	event(s, "%s", members);
}

void sample_make(struct sample *s, uint64_t n, int varied, const uint8_t seal_key[JOURNAL_KEY])
{
	unsigned which = varied ? (unsigned)(n % 10) : 0;
	struct hash root;

	*s = (struct sample){.facts = BUF_INIT(LIMIT_FACTS), .journal.lines = BUF_INIT(1 << 16)};
	s->act = which == 9;
	s->sealed = which < 7;
	if (s->act) {
		act(s, n);
		return;
	}
	id_new("run", s->subject);
	journal_of_run(s, n, which == 8, which == 3 || which == 6);
	facts_of_run(s, n, which == 8);
	merkle_root(&s->journal.tree, &root);
	journal_seal(seal_key, s->subject, s->journal.tree.size, &root, s->seal);
}

void sample_done(struct sample *s)
{
	buf_done(&s->facts);
	buf_done(&s->journal.lines);
}

struct msg sample_append(const struct sample *s, uint64_t handle, int synced)
{
	return (struct msg){.type = MSG_APPEND,
			    .append = {.handle = handle,
				       .kind = s->act ? ENTRY_ACT : ENTRY_RUN,
				       .synced = (uint8_t)synced,
				       .subject = WIRE_STR(s->subject),
				       .facts = WIRE_BUF(&s->facts),
				       .journal = WIRE_BUF(&s->journal.lines),
				       .seal = {s->seal, s->sealed ? sizeof(s->seal) : 0}}};
}
