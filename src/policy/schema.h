/*
 * Reading values out of a document tree with errors that name place, value and remedy. All return
 * 0, or -EINVAL with profile.missing, profile.unknown_key, profile.type, profile.value or
 * profile.range.
 */
#pragma once

#include "policy/document.h"
#include "policy/internal.h"

struct schema_key {
	const char *name;
	bool required;
};

/* A mapping with these keys and no others. */
int schema_map(const struct node *n, const struct schema_key *keys, size_t count,
	       struct err *reterr);
int schema_list(const struct node *n, unsigned max, struct err *reterr);
/* Not empty, at most `max` bytes. */
int schema_string(const struct node *n, size_t max, const char **ret, struct err *reterr);
/* A string of a-z, 0-9 and `also`, at most 63, beginning with a letter or digit. */
int schema_name(const struct node *n, const char *also, const char **ret, struct err *reterr);
int schema_bool(const struct node *n, bool *ret, struct err *reterr);
int schema_int(const struct node *n, uint64_t min, uint64_t max, uint64_t *ret, struct err *reterr);
int schema_amount(const struct node *n, enum amount_kind kind, uint64_t min, uint64_t max,
		  uint64_t *ret, struct err *reterr);
/* One of the words: its index. */
int schema_choice(const struct node *n, const char *const *words, size_t count, unsigned *ret,
		  struct err *reterr);

/* The word that `given` is most likely a slip of, or NULL. */
const char *schema_guess(const char *given, const char *const *words, size_t count);
