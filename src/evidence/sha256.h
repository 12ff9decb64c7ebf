/*
 * SHA-256 (FIPS 180-4): by the processor's own instructions where it has them, which is some four
 * times as fast as libsodium's, whose it is elsewhere. Checking a log is mostly this.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { SHA256_SIZE = 32 };

void sha256(const void *data, size_t len, uint8_t ret[SHA256_SIZE]);
/* Of the byte `first` and what follows it: leaves and nodes of trees (merkle.h). */
void sha256_after(uint8_t first, const void *a, size_t a_len, const void *b, size_t b_len,
		  uint8_t ret[SHA256_SIZE]);
