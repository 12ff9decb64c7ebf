/* The destinations, and those that are files. */
#include "cli/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const struct sink_kind *const kinds[] = {&sink_stdout, &sink_file,	&sink_http,
						&sink_https,  &sink_syslog_udp, &sink_syslog_tcp,
						&sink_syslog};

int sink_open(const struct sink_options *o, struct sink **ret, struct err *reterr)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct sink_kind *k = kinds[i];
		int http = k == &sink_http || k == &sink_https;

		if (strncmp(o->to, k->scheme, strlen(k->scheme)) != 0)
			continue;
		if (o->headers->n && !http)
			return err_set(reterr, EINVAL, "usage",
				       "--header belongs to a destination http://… or https://…");
		if (o->ca && k != &sink_https)
			return err_set(reterr, EINVAL, "usage",
				       "--ca belongs to a destination https://…");
		return k->open(k, o, ret, reterr);
	}
	return err_set(
		reterr, EINVAL, "usage",
		"--to %s: -, file:PATH, http://…, https://…, syslog:, syslog+udp://HOST:PORT "
		"or syslog+tcp://HOST:PORT is needed",
		o->to);
}

int sink_send(struct sink *s, struct batch *b, uint32_t *ret_wait_s, struct err *reterr)
{
	*ret_wait_s = 0;
	return s->kind->send(s, b, ret_wait_s, reterr);
}

void sink_free(struct sink **s)
{
	if (*s)
		(*s)->kind->free(*s);
	*s = NULL;
}

/* ---- standard output, and files ---- */

struct file_sink {
	struct sink sink;
	char *path; /* NULL: standard output */
};

static int open_stdout(const struct sink_kind *kind, const struct sink_options *o,
		       struct sink **ret, struct err *reterr)
{
	struct file_sink *f;

	if (strcmp(o->to, "-") != 0)
		return err_set(reterr, EINVAL, "usage", "--to %s: a file is written as file:%s",
			       o->to, o->to);
	f = xcalloc(1, sizeof(*f));
	f->sink.kind = kind;
	*ret = &f->sink;
	return 0;
}

static int open_file(const struct sink_kind *kind, const struct sink_options *o, struct sink **ret,
		     struct err *reterr)
{
	const char *path = o->to + strlen(kind->scheme);
	struct file_sink *f;

	if (!*path)
		return err_set(reterr, EINVAL, "usage", "--to file: needs a path, as file:PATH");
	f = xcalloc(1, sizeof(*f));
	f->sink.kind = kind;
	f->path = xstrdup(path);
	*ret = &f->sink;
	return 0;
}

static int write_all(int fd, const uint8_t *p, size_t len)
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
	return 0;
}

static int send_stdout(struct sink *s, struct batch *b, uint32_t *ret_wait_s, struct err *reterr)
{
	int r = write_all(STDOUT_FILENO, b->lines.data, b->lines.len);

	(void)s;
	(void)ret_wait_s;
	return r < 0 ? err_set(reterr, EIO, "export.file", "standard output cannot be written: %s",
			       strerror(-r))
		     : 0;
}

/* Who was ended in the middle of a line begins with a new one. 0, or -errno. */
static int end_line(int fd, off_t size)
{
	char last = '\n';

	if (size > 0 && pread(fd, &last, 1, size - 1) < 0)
		return -errno;
	return last == '\n' ? 0 : write_all(fd, (const uint8_t *)"\n", 1);
}

/* Appended and on the disk, or not there at all, so that a full disk leaves no half line. */
static int append(int fd, const struct buf *lines)
{
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode)) /* a pipe, a terminal: nothing to go back to */
		return write_all(fd, lines->data, lines->len);
	r = end_line(fd, st.st_size);
	if (r == 0)
		r = write_all(fd, lines->data, lines->len);
	if (r == 0 && fsync(fd) < 0)
		return -errno;
	if (r < 0 && ftruncate(fd, st.st_size) < 0)
		return -errno;
	return r;
}

/* Opened for each batch: whoever rotates the file need not tell us. */
static int send_file(struct sink *s, struct batch *b, uint32_t *ret_wait_s, struct err *reterr)
{
	const struct file_sink *f = container_of(s, struct file_sink, sink);
	_cleanup_fd_ int fd =
		open(f->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	int r = fd < 0 ? -errno : append(fd, &b->lines);

	(void)ret_wait_s;
	if (r == 0)
		return 0;
	err_set(reterr, EIO, "export.file", "%s cannot be written: %s", f->path, strerror(-r));
	return r == -ENOSPC || r == -EDQUOT || r == -EIO ? -EAGAIN : r;
}

static void free_file(struct sink *s)
{
	struct file_sink *f = container_of(s, struct file_sink, sink);

	free(f->path);
	free(f);
}

const struct sink_kind sink_stdout = {"-", open_stdout, send_stdout, free_file};
const struct sink_kind sink_file = {"file:", open_file, send_file, free_file};
