/* `cordon verify`: a receipt, judged (verify_judge.c) and told of (verify.c). */
#pragma once

#include "base/clock.h"
#include "cli/options.h"
#include "evidence/verify.h"

enum { VERIFY_WITNESSES_MAX = 16 };

struct verify_options {
	struct shared_options shared;
	const char *trusted_root, *output, *journal;
	struct option_list witnesses;
};

struct judged {
	const char *file;
	int ok;
	struct err e; /* why it is not */
	struct verified v;
	char log_key[NOTE_NAME_MAX + 16]; /* name and ID of the key that signed the checkpoint */
	struct {
		char name[NOTE_NAME_MAX + 1], time[CLOCK_TEXT_SIZE];
	} witnesses[VERIFY_WITNESSES_MAX]; /* that have signed it, too */
	size_t n_witnesses;
};

/* Fills all but `file` and `ok`. 0, or -EBADMSG and why: verify.*, as verify_bundle() has them, and
 * verify.file, verify.output, verify.journal, verify.request. */
int verify_judge(const struct trust *t, const struct note_key *witnesses,
		 const struct verify_options *o, struct judged *j);
void verify_done(struct judged *j);

/* The SHA-256 of what the statement is about under this name; "". */
const char *verify_subject(const struct judged *j, const char *name);
