#include "os/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

int fd_pair(int type, int ret[2])
{
	return socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ret) < 0 ? -errno : 0;
}

int fd_set_blocking(int fd, int blocking)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

union control {
	char raw[CMSG_SPACE(FD_PACKET_MAX * sizeof(int))];
	struct cmsghdr align;
};

int fd_send_packet(int sock, const void *data, size_t len, const int *fds, size_t n)
{
	struct iovec iov = {(void *)data, len};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
	union control c;

	if (n) {
		struct cmsghdr *m;

		memset(&c, 0, sizeof(c));
		h.msg_control = c.raw;
		h.msg_controllen = CMSG_SPACE(n * sizeof(int));
		m = CMSG_FIRSTHDR(&h);
		m->cmsg_level = SOL_SOCKET;
		m->cmsg_type = SCM_RIGHTS;
		m->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(m), fds, n * sizeof(int));
	}
	for (;;) {
		if (sendmsg(sock, &h, MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

ssize_t fd_recv_packet(int sock, void *data, size_t size, int fds[FD_PACKET_MAX], size_t *ret_n)
{
	struct iovec iov = {data, size};
	union control c;
	struct msghdr h = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = c.raw,
			   .msg_controllen = sizeof(c.raw)};
	ssize_t r;

	*ret_n = 0;
	do
		r = recvmsg(sock, &h, MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	for (struct cmsghdr *m = CMSG_FIRSTHDR(&h); m; m = CMSG_NXTHDR(&h, m)) {
		if (m->cmsg_level != SOL_SOCKET || m->cmsg_type != SCM_RIGHTS)
			continue;
		*ret_n = (m->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(m), *ret_n * sizeof(int));
	}
	if (h.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		while (*ret_n)
			close(fds[--*ret_n]);
		return -EMSGSIZE;
	}
	return r;
}

int fd_read_file(int fd, size_t max, char **ret, size_t *ret_len)
{
	_cleanup_free_ char *data = NULL;
	size_t len = 0, cap = 0;

	for (;;) {
		ssize_t n;

		if (len + 1 >= cap) {
			cap = cap ? cap * 2 : 65536;
			data = xrealloc(data, cap);
		}
		/* By position where it has one: whoever shares the descriptor may read too. */
		n = pread(fd, data + len, cap - len - 1, (off_t)len);
		if (n < 0 && errno == ESPIPE)
			n = read(fd, data + len, cap - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > max)
			return -EFBIG;
	}
	data[len] = '\0';
	*ret = TAKE_PTR(data);
	*ret_len = len;
	return 0;
}
