#include "cli/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

static int sync_directory(const char *path)
{
	_cleanup_free_ char *copy = xstrdup(path);
	_cleanup_fd_ int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int write_synced(int fd, const uint8_t *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int replace(const char *path, const void *data, size_t len, mode_t mode, int must_be_new)
{
	_cleanup_free_ char *beside = xasprintf("%s.%ld.new", path, (long)getpid());
	_cleanup_fd_ int fd = -1;
	int r;

	unlink(beside); /* of one who had this process ID and was ended */
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	r = write_synced(fd, data, len);
	if (r == 0 && must_be_new && link(beside, path) < 0)
		r = -errno;
	if (r == 0 && !must_be_new && rename(beside, path) < 0)
		r = -errno;
	if (r < 0 || must_be_new)
		unlink(beside);
	return r < 0 ? r : sync_directory(path);
}

int replace_file(const char *path, const void *data, size_t len, mode_t mode)
{
	return replace(path, data, len, mode, 0);
}

int replace_new(const char *path, const void *data, size_t len, mode_t mode)
{
	return replace(path, data, len, mode, 1);
}

int lock_beside(const char *path, int *ret_fd)
{
	_cleanup_free_ char *name = xasprintf("%s.lock", path);
	_cleanup_fd_ int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}
