/* The one place that writes a process' own diagnostics: a line on standard error. */
#pragma once

#include "base/macros.h"

/* Name of this process, put before each line. */
void log_init(const char *process);

/* One line; control characters in it are replaced, so nothing logged can steer a terminal. */
void log_line(const char *format, ...) _printf_(1, 2);

/* As log_line, then exits with status 1: for start-up only, where failing closed is the answer. */
_Noreturn void log_fatal(const char *format, ...) _printf_(1, 2);
