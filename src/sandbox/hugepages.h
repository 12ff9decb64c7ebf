/*
 * The engine's code in huge pages.
 *
 * A forked process has no page table entries for mapped files; it faults its way through the
 * engine's 24 MiB of code again in every run. Copied into anonymous huge pages, the same code is a
 * dozen entries that fork copies, and faults no more. The copy is readable and executable, never
 * writable; its bytes are those of the library.
 *
 * An optimisation only: where the kernel gives no huge pages, nothing changes.
 */
#pragma once

/* Zygote, with one thread, before the jail closes. */
void hugepages_code(void);
