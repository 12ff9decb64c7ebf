/* The log as its readers have it: checkpoints and tiles (C2SP tlog-checkpoint, tlog-tiles). */
#pragma once

#include "cli/client.h"
#include "evidence/note.h"

struct log_options {
	struct shared_options shared;
	struct option_list log_keys;
	const char *key, *state, *new_key, *kept, *live;
	int verifier_keys, signatures;
};

/* A log whose keys were rotated has several. */
enum { LOG_KEYS_MAX = 64 };
struct log_keys {
	struct note_key key[LOG_KEYS_MAX];
	size_t n;
};

/* A GET that is answered with bytes of this type. As client_call(). */
int log_get(const struct client *c, const char *path, const char *type, struct reply *ret,
	    struct err *reterr);

/*
 * The newest checkpoint, as the daemon gives it. -EIO: it is none. If there are keys it must be of
 * that log and signed by one of them: -EPERM, log.signature.
 */
int log_get_checkpoint(const struct client *c, const struct log_keys *keys, struct buf *note,
		       struct checkpoint *ret, struct err *reterr);

/* The verifier keys of --log-key. -EINVAL: one is none, not a log's, or of another log. */
int log_read_keys(const struct option_list *list, struct log_keys *ret, struct err *reterr);

/* A root as checkpoints have it, in base64. */
enum { LOG_ROOT_SIZE = 48 };
void log_root_text(const struct hash *root, char out[LOG_ROOT_SIZE]);

int log_mirror(const struct call *call);  /* log export */
int log_witness(const struct call *call); /* log witness */
int log_check(const struct call *call);	  /* log check */
int usage_check(const struct call *call); /* usage check */
extern const struct option_row log_check_rows[], usage_check_rows[];
