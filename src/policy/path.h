/*
 * Paths of URLs and patterns of paths.
 *
 * Decisions are made on one form of a path: its segments, percent-decoded. That form is
 * unambiguous because every path that a server could read in two ways is refused: dot segments
 * (also with parameters, `..;x`), empty segments other than the last, encoded slashes, dots,
 * backslashes and percent signs, control characters, what is not UTF-8 (RFC 3986 section 6.2.2,
 * RFC 3629).
 *
 * Patterns: `*` stands for any characters inside one segment (alone: a segment that is not empty),
 * `**` as a segment of its own for any number of segments, also none. A literal star is %2A.
 */
#pragma once

#include "base/buf.h"
#include "policy/arena.h"

#include <stdbool.h>

enum {
	PATH_MAX_BYTES = 8192,
	PATH_MAX_SEGMENTS = 256,
	PATTERN_MAX_BYTES = 1024,
	PATTERN_MAX_SEGMENTS = 32,
	PATTERN_MAX_STARS = 8, /* `*` in one pattern */
	PATTERN_MAX_DEEP = 4   /* `**` in one pattern */
};

struct path {
	unsigned n;
	struct {
		uint16_t at, len;
	} segments[PATH_MAX_SEGMENTS];
	char bytes[PATH_MAX_BYTES];
};

/*
 * SEGMENT_LITERAL: these bytes. SEGMENT_GLOB: bytes, in which PATH_STAR stands for any bytes.
 * SEGMENT_ANY: any but the empty segment. SEGMENT_DEEP: any number of segments.
 */
enum segment_kind { SEGMENT_LITERAL, SEGMENT_GLOB, SEGMENT_ANY, SEGMENT_DEEP };
enum { PATH_STAR = 1 }; /* no path has control characters */

struct path_segment {
	enum segment_kind kind;
	uint16_t len;
	const char *bytes;
};

struct path_pattern {
	unsigned n;
	unsigned deep; /* how many of the segments are `**` */
	const struct path_segment *segments;
	const char *text; /* the canonical spelling */
};

/* -EINVAL: refused, see above. */
int path_parse(const char *text, size_t len, struct path *ret);

/* The pattern's parts live in `a`. On failure *ret_why says what is wrong and what to do. */
int path_pattern_parse(struct arena *a, const char *text, size_t len, struct path_pattern *ret,
		       const char **ret_why);

bool path_matches(const struct path_pattern *p, const struct path *path);

/* Appends bytes of a segment, percent-encoded where RFC 3986 asks for it, and stars always. */
int path_encode(struct buf *b, const char *bytes, size_t len);
