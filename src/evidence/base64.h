/*
 * Reading base64 (RFC 4648, section 4), the one form of each sequence of bytes only: padded,
 * without unused bits, and of nothing but its alphabet. (libsodium's decoder takes some bytes past
 * ASCII.)
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* 0, or -EBADMSG: not such a text, or of more than `max` bytes. `to` may be written to in any case.
 */
int base64_read(const char *text, size_t len, uint8_t *to, size_t max, size_t *ret_len);
