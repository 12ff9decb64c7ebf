/*
 * Makes the engine's address-space reservations count.
 *
 * The engine reserves gigabytes of writable memory at start and touches little of it. RLIMIT_DATA
 * counts what is writable, not what is touched, so all of that would be free of charge later, and
 * the memory ceiling would not be exact. So before it serves, the zygote makes the untouched parts
 * read-only, which takes them out of the count. A sandbox that writes there gets the page's
 * neighbourhood back from a handler for SIGSEGV, and that is when the kernel counts it; past the
 * ceiling the kernel refuses, and the process ends as one that ran out of memory.
 *
 * It is the kernel that refuses: an owned engine that asks for itself gets no more. What stays
 * outside of the count is the JIT's code, whose reservation the supervisor keeps small.
 */
#pragma once

#include "base/err.h"

/*
 * Zygote, after warming and with one thread. `fatal` is called, on a stack of its own, when the
 * process is about to die of a signal that its own doing caused (a failed assertion, a bad access,
 * memory that the kernel refused); when it returns, the process dies.
 */
int reserve_seal(void (*fatal)(void), struct err *reterr);
