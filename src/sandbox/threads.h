/*
 * Threads of the engine.
 *
 * The engine's allocator starts a helper thread that lives for some ten seconds and takes the
 * allocator's locks now and then. A process forked at such a moment would wait for the lock for
 * ever. So while the zygote lives, pthread_create(3), which this program defines itself, starts
 * threads that end at once: the allocator does without, and the zygote stays alone. In a sandbox
 * threads are real again, where the jail lets them be (WebAssembly).
 */
#pragma once

#include "base/err.h"

/* Zygote: waits until this is the only thread (a moment), or says why not. */
int threads_wait_alone(struct err *reterr);

/* Sandbox: from now on threads are real. */
void threads_allow(void);
