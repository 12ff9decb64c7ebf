/* What the state database has of runs, against the digests that their receipts and journals have.
 */
#include "base/json.h"
#include "ledger/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { LINE = 256 };

struct wanted {
	const char *id, *what, *digest;
	int64_t index;
	int good;
};

static int has_digest(const char *text, size_t len, const char *name, const char *digest)
{
	const char *at;
	size_t n;

	return json_member(text, len, name, &at, &n) == 0 && n == 66 && !memcmp(at + 1, digest, 64);
}

static int in_statement(const struct entry_row *row, const char *digest)
{
	const char *predicate, *result;
	size_t n, m;

	return json_check(row->statement, row->statement_len, NULL) == 0 &&
	       json_member(row->statement, row->statement_len, "predicate", &predicate, &n) == 0 &&
	       json_member(predicate, n, "result", &result, &m) == 0 &&
	       has_digest(result, m, "output_sha256", digest);
}

static int in_journal(const struct entry_row *row, uint64_t line, const char *digest)
{
	const char *p = row->journal, *end = p + row->journal_len;

	for (uint64_t i = 1; p < end; i++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		if (!nl)
			return 0;
		if (i == line)
			return json_check(p, (size_t)(nl - p), NULL) == 0 &&
			       has_digest(p, (size_t)(nl - p), "sha256", digest);
		p = nl + 1;
	}
	return 0;
}

static int compare(void *arg, const struct entry_row *row)
{
	struct wanted *w = arg;

	w->index = row->index;
	if (!row->statement || !row->journal)
		return 1; /* the check of entries says so */
	w->good = !strcmp(w->what, "value")
			  ? in_statement(row, w->digest)
			  : in_journal(row, strtoull(w->what, NULL, 10), w->digest);
	return 1;
}

static int look_at(struct store *s, char *line, struct findings *f, struct err *reterr)
{
	struct wanted w = {.index = -1};
	char *what = strchr(line, ' '), *digest = what ? strchr(what + 1, ' ') : NULL;
	int r;

	if (!digest || strlen(digest + 1) != 64)
		return err_set(reterr, EBADMSG, "check.payloads",
			       "the list of payloads is damaged");
	*what++ = *digest++ = '\0';
	w.id = line;
	w.what = what;
	w.digest = digest;
	r = ledger_entry(s, w.id, compare, &w, reterr);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT)
		findings_add(f, AT_STATE, 0, w.id,
			     "the state database has a run that the log does not have");
	else if (!w.good && !strcmp(what, "value"))
		findings_add(f, AT_STATE, w.index, w.id,
			     "its value in the state database is not the one that its receipt has");
	else if (!w.good)
		findings_add(f, AT_STATE, w.index, w.id,
			     "what the state database has beside event %.20s is not what its "
			     "journal has",
			     what);
	return 0;
}

int check_payloads(const char *directory, FILE *list, struct payloads *ret, struct findings *f,
		   struct err *reterr)
{
	char line[LINE];
	struct store *s;
	int r = ledger_open_to_read(directory, &s, reterr);

	if (r < 0)
		return r;
	while (r == 0 && fgets(line, sizeof(line), list)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strcmp(line, ".")) {
			ret->whole = 1;
			break;
		}
		if (line[0] == '!') {
			snprintf(ret->why, sizeof(ret->why), "%s", line + 2);
			break;
		}
		ret->count++;
		r = look_at(s, line, f, reterr);
	}
	if (!ret->whole && !*ret->why)
		snprintf(ret->why, sizeof(ret->why), "the list of payloads ended early");
	store_close(s);
	return r;
}
