/* A receipt, and what is given to compare with it. */
#include "cli/api.h"
#include "cli/verify.h"
#include "evidence/journal.h"
#include "evidence/sha256.h"
#include "evidence/source.h"

#include "base/json.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { JOURNAL_FILE_MAX = 64 << 20, OUTPUT_FILE_MAX = 256 << 20, HEX = 2 * SHA256_SIZE + 1 };

static void digest(const void *data, size_t len, char hex[HEX])
{
	uint8_t h[SHA256_SIZE];

	sha256(data, len, h);
	sodium_bin2hex(hex, HEX, h, sizeof(h));
}

static int read_file(const char *path, size_t max, char **ret, size_t *ret_len, struct judged *j)
{
	if (api_read(path, max, ret, ret_len, &j->e) == 0)
		return 0;
	snprintf(j->e.code, sizeof(j->e.code), "verify.file");
	return -EBADMSG;
}

/* ---- who signed the checkpoint ---- */

static void find_signers(const struct trust *t, const struct note_key *witnesses, size_t n,
			 const char *note, size_t len, struct judged *j)
{
	for (size_t i = 0; i < t->n_logs; i++)
		if (note_verify(note, len, &t->logs[i], NULL) == 0) {
			char id[9];

			sodium_bin2hex(id, sizeof(id), t->logs[i].id, 4);
			snprintf(j->log_key, sizeof(j->log_key), "%s+%s", t->logs[i].name, id);
		}
	for (size_t i = 0; i < n; i++) {
		uint64_t time_s;

		if (note_verify(note, len, &witnesses[i], &time_s) < 0 ||
		    time_s > 253402300799) /* the end of year 9999 */
			continue;
		snprintf(j->witnesses[j->n_witnesses].name,
			 sizeof(j->witnesses[j->n_witnesses].name), "%s", witnesses[i].name);
		clock_text((int64_t)time_s * 1000, j->witnesses[j->n_witnesses].time);
		j->n_witnesses++;
	}
}

/* ---- the output ---- */

static int compare_output(const char *path, struct judged *j)
{
	const char *want = verify_subject(j, "output");
	_cleanup_free_ char *text = NULL;
	char have[HEX], cut[HEX] = "";
	size_t len;

	if (read_file(path, OUTPUT_FILE_MAX, &text, &len, j) < 0)
		return -EBADMSG;
	if (!*want)
		return err_set(&j->e, EBADMSG, "verify.output",
			       "the receipt is of something without an output");
	digest(text, len, have);
	if (len && text[len - 1] == '\n')
		digest(text, len - 1, cut);
	if (!strcmp(want, have) || !strcmp(want, cut))
		return 0;
	return err_set(&j->e, EBADMSG, "verify.output",
		       "'%s' is not the output: its SHA-256 is %s, and the receipt says %.64s",
		       path, have, want);
}

/* ---- the journal ---- */

/*
 * An event as the API gives it may have what was asked for after it, as the member "request", which
 * the journal has not: the digest is in the event.
 */
static int take_event(struct journal *j, const char *line, size_t len, uint64_t number,
		      struct err *reterr)
{
	static const char before[] = ",\"request\":";
	_cleanup_buf_ struct buf event = BUF_INIT(len + 2);
	const char *request, *want;
	size_t request_len, want_len;
	char have[HEX];
	int with;

	if (json_check(line, len, NULL) < 0)
		return err_set(reterr, EBADMSG, "verify.journal", "line %llu is no JSON",
			       (unsigned long long)number);
	with = json_member(line, len, "request", &request, &request_len) == 0 &&
	       (size_t)(request - line) > sizeof(before) && request + request_len < line + len &&
	       !memcmp(request - (sizeof(before) - 1), before, sizeof(before) - 1);
	buf_add(&event, line, with ? (size_t)(request - line) - (sizeof(before) - 1) : len);
	if (with)
		buf_addc(&event, '}');
	buf_addc(&event, '\n');
	if (with) {
		digest(request, request_len, have);
		if (json_member(line, len, "sha256", &want, &want_len) < 0 || want_len != HEX + 1 ||
		    memcmp(want + 1, have, HEX - 1) != 0)
			return err_set(reterr, EBADMSG, "verify.request",
				       "the request at line %llu is not the one that the event "
				       "has the digest of",
				       (unsigned long long)number);
	}
	return buf_add(&j->lines, event.data, event.len);
}

static int compare_root(const struct journal *j, const char *path, struct judged *to)
{
	long long count = json_integer_value(source_at(to->v.statement, "predicate.journal.count"));
	struct hash root;
	char have[HEX];

	merkle_root(&j->tree, &root);
	sodium_bin2hex(have, sizeof(have), root.b, sizeof(root.b));
	if ((long long)j->tree.size == count && !strcmp(have, verify_subject(to, "journal")))
		return 0;
	return err_set(&to->e, EBADMSG, "verify.journal",
		       "'%s' has %llu events with the root %s, and the receipt is about %lld with "
		       "the root %.64s",
		       path, (unsigned long long)j->tree.size, have, count,
		       verify_subject(to, "journal"));
}

static int compare_journal(const char *path, struct judged *to)
{
	struct journal lines = {.lines = BUF_INIT(JOURNAL_FILE_MAX)};
	struct journal j = {.lines = BUF_INIT(JOURNAL_FILE_MAX)};
	_cleanup_free_ char *text = NULL;
	uint64_t number = 0;
	size_t len;
	int r = read_file(path, JOURNAL_FILE_MAX - 1, &text, &len, to);

	for (const char *p = text, *end = p + (r < 0 ? 0 : len), *stop; r == 0 && p < end;
	     p = stop + 1) {
		stop = memchr(p, '\n', (size_t)(end - p));
		if (!stop)
			stop = end;
		r = take_event(&lines, p, (size_t)(stop - p), ++number, &to->e);
	}
	if (r == 0 && journal_load(&j, lines.lines.data, lines.lines.len, &number) < 0)
		r = err_set(&to->e, EBADMSG, "verify.journal",
			    "line %llu of '%s' is not the event that comes next",
			    (unsigned long long)number, path);
	if (r == 0)
		r = compare_root(&j, path, to);
	buf_done(&lines.lines);
	buf_done(&j.lines);
	return r;
}

/* ---- all of it ---- */

int verify_judge(const struct trust *t, const struct note_key *witnesses,
		 const struct verify_options *o, struct judged *j)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ json_t *bundle = NULL;
	const char *note;
	size_t len;

	if (read_file(j->file, VERIFY_FILE_MAX, &text, &len, j) < 0 ||
	    verify_bundle(t, text, len, &j->v, &j->e) < 0)
		return -EBADMSG;
	bundle = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	note = json_string_value(source_at(bundle, "verificationMaterial.tlogEntries.0."
						   "inclusionProof.checkpoint.envelope"));
	if (note)
		find_signers(t, witnesses, o->witnesses.n, note, strlen(note), j);
	if (o->output && compare_output(o->output, j) < 0)
		return -EBADMSG;
	return o->journal ? compare_journal(o->journal, j) : 0;
}

void verify_done(struct judged *j)
{
	json_decref(j->v.statement);
	j->v.statement = NULL;
}
