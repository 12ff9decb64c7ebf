/*
 * How soon a process gets the CPU when it has something to do. Those that every run passes through,
 * and that use little each time, ask for short slices: then they need not wait for the end of the
 * slice of whoever computes (Linux 6.12 and later, sched_setattr(2), sched_runtime of SCHED_OTHER;
 * older ones take no notice). It gives no more of the CPU, and needs no privilege.
 */
#pragma once

void slice_short(void); /* before a filter is in force */
