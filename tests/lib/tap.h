/*
 * Test results as TAP 13 on standard output. The counters lie in shared memory, so that a forked
 * child (another user, another filter) may report too, one process at a time.
 */
#pragma once

#include "base/macros.h"

void tap_begin(void);

/* "ok N - name" or "not ok N - name". Returns `ok`. */
int tap_ok(int ok, const char *format, ...) _printf_(2, 3);

/* "ok N - name # SKIP why" */
void tap_skip(const char *why, const char *format, ...) _printf_(2, 3);

/* A diagnostic line. */
void tap_note(const char *format, ...) _printf_(1, 2);

/* The plan, at the end. Returns the exit status: 1 when something failed or nothing ran. */
int tap_end(void);
