/* Logs for tests and measurements, written by a real cordon-ledger or, when they are too large for
 * that, by hand. */
#pragma once

#include "bench/ledger_process.h"

/* Appends entries number `from` … `to`-1, `outstanding` at a time, and waits for all answers. */
void make_append(struct process *p, uint64_t from, uint64_t to, unsigned outstanding, int varied,
		 int synced);

/*
 * About 700 entries of all kinds, of two generations of keys, with many checkpoints; the last
 * entries have none yet.
 */
void make_small(const char *program, const char *directory);

/*
 * Fills the log in `directory`, which a ledger has made and does not run, up to `size` entries:
 * small acts, written past the ledger, whose signatures are none. Leaves and tiles are right, so a
 * ledger goes on from there. Subjects are act_0000000001 and so on.
 */
void make_large(const char *directory, uint64_t size);
