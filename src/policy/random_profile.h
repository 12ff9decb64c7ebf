/*
 * Small random profiles and a small universe of requests for them, for the property tests of this
 * folder: few hosts, paths and methods, so that rules of two profiles meet often. Only in tests.
 */
#pragma once

#include "policy/internal.h"

struct chance {
	uint64_t state;
};

/* From 0 to n - 1 (splitmix64). The same seed gives the same numbers everywhere. */
unsigned chance_below(struct chance *c, unsigned n);

struct random_options {
	unsigned rules; /* at most */
	unsigned hosts; /* how many of the hosts to use: 1 makes it a test of paths */
	bool terms;	/* with credentials, sizes, budgets and blocks of addresses */
	bool rest;	/* with limits, tools, storage and switches that differ */
	/* From this rule on (counted from 1) the same seed gives other rules; 0: never. */
	unsigned fork;
};

/* Appends a profile as JSON. */
void random_profile(struct chance *c, const struct random_options *o, struct buf *out);
/* The same, compiled. */
struct policy *random_policy(struct chance *c, const struct random_options *o);

struct universe {
	struct url *urls;
	char (*texts)[96];
	size_t n;
};

/* All combinations of hosts, ports and paths that tell such profiles apart. */
void universe_init(struct universe *u, unsigned hosts);
void universe_done(struct universe *u);

/* Methods of the universe. */
extern const int universe_methods[2];
extern const char *const universe_tools[3];
