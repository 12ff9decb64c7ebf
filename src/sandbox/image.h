/*
 * The zygote's memory, laid out so that forking it is cheap.
 *
 * What a fork costs is not the amount of memory but the number of mappings and page table entries:
 * fork copies each, the child's end gives each back. Three steps make few of many:
 *
 *  - the engine's code moves into anonymous huge pages. fork copies no entries of file mappings
 *    that were never written, so each child would fault its way through the code again. The copy is
 *    readable and executable, never writable; its bytes are those of the library;
 *  - neighbouring mappings that differ in nothing but a hint for core dumps become one. The
 *    engine's allocator gives that hint with each piece of memory it returns;
 *  - the heap moves into huge pages. A child that writes splits the page it writes to, for itself.
 *
 * An optimisation only: where the kernel gives no huge pages, nothing changes but the cost.
 */
#pragma once

/* Zygote, with one thread, before it warms the engine. Switches huge pages off for what follows. */
void image_code(void);

/* Zygote, with one thread, warmed and with its reservations sealed (reserve.h), before it forks. */
void image_heap(void);
