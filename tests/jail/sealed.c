#include "jail/sealed.h"

#include "base/json.h"
#include "evidence/journal.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { SMALL = 4096 }; /* up to here a payload stands beside its event */

int sealed_is(const char *line, const char *name, const char *value)
{
	const char *at;
	size_t len;

	return json_member(line, strlen(line), name, &at, &len) == 0 && len == strlen(value) &&
	       !memcmp(at, value, len);
}

static const char *check_seal(const struct done *d, const struct journal *j)
{
	uint8_t seal[JOURNAL_SEAL], key[JOURNAL_KEY];
	char other[LIMIT_NAME + 2];
	struct hash root;

	merkle_root(&j->tree, &root);
	if (d->journal_count != j->tree.size)
		return "the count is not that of its lines";
	if (d->root_len != sizeof(root.b) || memcmp(d->root, root.b, sizeof(root.b)) != 0)
		return "the root is not that of its lines";
	journal_seal(front_seal_key, d->run, j->tree.size, &root, seal);
	if (d->seal_len != sizeof(seal) || memcmp(d->seal, seal, sizeof(seal)) != 0)
		return "the seal does not verify";
	memcpy(key, front_seal_key, sizeof(key));
	key[31] ^= 1;
	journal_seal(key, d->run, j->tree.size, &root, seal);
	if (!memcmp(d->seal, seal, sizeof(seal)))
		return "the seal verifies with another key";
	snprintf(other, sizeof(other), "%s1", d->run);
	journal_seal(front_seal_key, other, j->tree.size, &root, seal);
	if (!memcmp(d->seal, seal, sizeof(seal)))
		return "the seal verifies for another run";
	return NULL;
}

/* `at` moves on past the payload of event `seq`, if it has one. */
static const char *check_payload(struct done *d, const char *line, uint64_t seq, size_t *at)
{
	uint8_t digest[crypto_hash_sha256_BYTES];
	char hex[sizeof(digest) * 2 + 3] = "\"", bytes[24];
	const uint8_t *p = d->payloads.data + *at;
	const char *text;
	uint64_t head[2] = {0};
	size_t len;
	int call = sealed_is(line, "event", "\"tool_call_attempted\"");

	if (*at < d->payloads.len)
		memcpy(head, p, sizeof(head));
	if (head[0] != seq) {
		if (!call)
			return NULL;
		return json_member(line, strlen(line), "bytes", &text, &len) == 0 &&
				       strtoul(text, NULL, 10) > SMALL
			       ? NULL
			       : "a small payload is missing";
	}
	*at += sizeof(head) + head[1];
	crypto_hash_sha256(digest, p + sizeof(head), head[1]);
	sodium_bin2hex(hex + 1, sizeof(hex) - 1, digest, sizeof(digest));
	hex[sizeof(hex) - 2] = '"';
	snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)head[1]);
	if (!call || head[1] > SMALL)
		return "a payload that does not belong there";
	return sealed_is(line, "sha256", hex) && sealed_is(line, "bytes", bytes)
		       ? NULL
		       : "a payload without its digest";
}

static const char *check_place(const struct done *d, const char *line, uint64_t seq)
{
	const char *first = d->outcome == OUTCOME_DENIED ? "\"run_denied\"" : "\"run_admitted\"";
	const char *last = d->outcome == OUTCOME_DENIED	      ? "\"run_denied\""
			   : d->outcome == OUTCOME_TERMINATED ? "\"execution_terminated\""
							      : "\"execution_completed\"";
	static const char *const ends[] = {"\"run_denied\"", "\"execution_terminated\"",
					   "\"execution_completed\""};
	char outcome[32], reason[32];
	int is_end = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		is_end |= sealed_is(line, "event", ends[i]);
	if (seq == 1 && !sealed_is(line, "event", first))
		return "it does not begin as it must";
	if (seq != 1 && sealed_is(line, "event", "\"run_admitted\""))
		return "it begins twice";
	if (is_end != (seq == d->journal_count) || (is_end && !sealed_is(line, "event", last)))
		return "it does not end as it must";
	if (d->outcome == OUTCOME_DENIED)
		return d->journal_count == 1 ? NULL : "a denied run has more than one event";
	snprintf(outcome, sizeof(outcome), "\"%s\"", words_outcome(d->outcome));
	snprintf(reason, sizeof(reason), "\"%s\"", words_reason(d->reason));
	return !is_end || (sealed_is(line, "outcome", outcome) && sealed_is(line, "reason", reason))
		       ? NULL
		       : "its last event has another outcome or reason";
}

static const char *check_lines(struct done *d)
{
	char run[LIMIT_NAME + 3];
	const char *p = buf_str(&d->journal), *flaw;
	size_t at = 0;

	snprintf(run, sizeof(run), "\"%s\"", d->run);
	for (uint64_t seq = 1; *p; seq++) {
		_cleanup_free_ char *line = sealed_line(&p);

		if (!sealed_is(line, "run", run))
			return "an event of another run";
		if (sealed_is(line, "event", "\"forged\""))
			return "an event that the node did not write";
		flaw = check_place(d, line, seq);
		if (!flaw)
			flaw = check_payload(d, line, seq, &at);
		if (flaw)
			return flaw;
	}
	return at == d->payloads.len ? NULL : "payloads without an event";
}

const char *sealed_flaw(struct done *d)
{
	struct journal j = {.lines = BUF_INIT(d->journal.len)};
	static char text[64];
	const char *flaw;
	uint64_t line = 0;

	if (!d->journal.len)
		return "there is none";
	if (d->journal.len > LIMIT_JOURNAL)
		return "it is longer than a journal can be";
	if (journal_load(&j, d->journal.data, d->journal.len, &line) < 0) {
		snprintf(text, sizeof(text), "line %llu", (unsigned long long)line);
		flaw = text;
	} else {
		flaw = check_seal(d, &j);
	}
	buf_done(&j.lines);
	return flaw ? flaw : check_lines(d);
}

char *sealed_line(const char **p)
{
	size_t len = strcspn(*p, "\n");
	char *line = xmalloc(len + 1);

	memcpy(line, *p, len);
	line[len] = '\0';
	*p += len + 1; /* each line has its line feed */
	return line;
}

char *sealed_find(struct done *d, const char *event)
{
	const char *p = buf_str(&d->journal);
	char quoted[64];

	snprintf(quoted, sizeof(quoted), "\"%s\"", event);
	while (*p) {
		char *line = sealed_line(&p);

		if (sealed_is(line, "event", quoted))
			return line;
		free(line);
	}
	return NULL;
}
