/* Moments as people write them, and as the API does: RFC 3339 in UTC, or milliseconds since 1970.
 */
#pragma once

#include "base/err.h"

/*
 * "1795278366531" (milliseconds since 1970), "2026-11-21T16:26:06.531Z" (RFC 3339; the fraction may
 * be missing), or how long before `now_ms`: "90s", "15m", "2h", "7d". -EINVAL: none of these.
 */
int moment_parse(const char *text, int64_t now_ms, int64_t *ret_ms);
