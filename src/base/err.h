/*
 * An error that can reach a user: a stable code, a sentence that names the value and the remedy,
 * and the errno behind it. Leaf code returns -errno; whoever can explain it to a user fills this.
 */
#pragma once

#include "base/macros.h"

struct err {
	int number;	   /* positive errno, 0 if none */
	char code[48];	   /* stable, dotted: "module.too_many" */
	char message[512]; /* for a person; one line */
};

/* Fills `e` (which may be NULL) and returns -number, or -EINVAL when number is 0. */
int err_set(struct err *e, int number, const char *code, const char *format, ...) _printf_(4, 5);

/* Puts "prefix: " before the message that is there. */
void err_prefix(struct err *e, const char *format, ...) _printf_(2, 3);
