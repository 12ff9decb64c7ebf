/* Code as requests carry it: inline, as modules, or by the digest of an artifact that was put. */
#pragma once

#include "control/body.h"

#define CODE_MEMBERS " code main modules artifact language fences "

struct code {
	char main[LIMIT_MODULE_NAME + 1], language[8];
	int fences;
	struct buf modules; /* wire/modmap.h */
	char digest[80];    /* "sha256:…" over all of the above */
	int64_t trust;	    /* tier: 0 for code that came with the request */
	int stored;	    /* it is an artifact of the tenant */
};

void code_init(struct code *c);
void code_done(struct code *c);

/* Whether the body says anything about code. */
int code_given(const json_t *body);

/*
 * Takes the code that the body names. -EINVAL: the request is wrong and answered. -ENOENT: the
 * tenant has no such artifact, told in *reterr.
 */
int code_take(struct request *q, const json_t *body, const char *tenant, struct code *ret,
	      struct err *reterr);

/* An artifact of the tenant by its digest. -ENOENT as above. */
int code_load(struct control *c, const char *tenant, const char *digest, struct code *ret,
	      struct err *reterr);

/* Makes it an artifact of the tenant. -EDQUOT: the tenant's are large enough. (artifacts.c) */
int code_keep(struct control *c, const char *tenant, const struct code *code, int *ret_added,
	      struct err *reterr);

/* "sha256:" and 64 hexadecimal digits. */
int code_digest_valid(const char *digest);
