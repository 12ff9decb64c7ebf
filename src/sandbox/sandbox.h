/*
 * The sandbox: a forked copy of the warm zygote that runs one piece of agent code and ends.
 *
 * Descriptors: 3, the socket to the node's broker; nothing else. It trusts what the node sends.
 * Once the agent's code has begun, nobody trusts what it sends.
 *
 * Worst case if it is owned: its own run. It can send the node wrong bytes, which ends it.
 */
#pragma once

#include "os/jail.h"
#include "sandbox/engine.h"

extern const struct engine_host sandbox_host;

/*
 * For reserve_seal(): the process is about to die. If that is for want of memory, it tells the
 * node, in a way that the node can check, and waits for its end; else it returns.
 */
void sandbox_fatal(void);

/* In the zygote, before its jail closes: what cannot be found out any more inside. */
void sandbox_prepare(void);
/* In the child, right after fork: closes the jail, serves one run, exits. */
_Noreturn void sandbox_main(const struct jail *jail, int sock, int threads);
