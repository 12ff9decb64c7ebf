/* A control group of our own (cgroups(7), version 2), where the machine lets us make one. */
#pragma once

#include "base/err.h"

struct cgroup {
	int dir; /* -1: none */
	char path[512];
};

/*
 * Makes "cordon-<pid>" beneath this process' own group, with limits on processes and memory where
 * the controllers are offered. 0, or -errno with c->dir -1. Removes what earlier processes left
 * empty.
 */
int cgroup_create(struct cgroup *c, uint64_t memory_max, uint32_t processes_max);

/* Kills everything in it and removes it. */
void cgroup_remove(struct cgroup *c);
