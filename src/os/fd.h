/* Descriptors: packets that carry descriptors, and making sure of what is open. */
#pragma once

#include "base/macros.h"

#include <sys/types.h>

enum { FD_PACKET_MAX = 2 };

/* Both ends close-on-exec. type: SOCK_STREAM or SOCK_SEQPACKET. 0 or -errno. */
int fd_pair(int type, int ret[2]);

int fd_set_blocking(int fd, int blocking);

/* Sends one packet with `n` descriptors (at most FD_PACKET_MAX). 0 or -errno; never SIGPIPE. */
int fd_send_packet(int sock, const void *data, size_t len, const int *fds, size_t n);

/*
 * Receives one packet. Returns its length, 0 at the end of the stream, -errno otherwise (-EMSGSIZE:
 * larger than `size`). Descriptors that came are in fds[0 .. *ret_n - 1], close-on-exec, now ours.
 */
ssize_t fd_recv_packet(int sock, void *data, size_t size, int fds[FD_PACKET_MAX], size_t *ret_n);

/* Whole files from their beginning, or streams to their end; at most `max` bytes; -EFBIG past it.
 * *ret is terminated with a zero byte. */
int fd_read_file(int fd, size_t max, char **ret, size_t *ret_len);
