#include "cli/place.h"

#include "cli/replace.h"
#include "os/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* Digits and a dot; what else is in it, nobody wrote as a cursor. */
static int read_text(const char *path, char text[EVENT_CURSOR_SIZE], struct err *reterr)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	_cleanup_free_ char *all = NULL;
	size_t len, n;
	int r = fd < 0 ? -errno : fd_read_file(fd, EVENT_CURSOR_SIZE, &all, &len);

	if (r == -ENOENT)
		return 0;
	if (r < 0 || !all)
		return err_set(reterr, EIO, "export.cursor", "%s cannot be read: %s", path,
			       strerror(-r));
	n = strspn(all, "0123456789.");
	if (strcmp(all + n, "\n") != 0 && all[n])
		return err_set(reterr, EIO, "export.cursor",
			       "%s holds no cursor: remove it to begin anew, at the beginning of "
			       "the log or after --after",
			       path);
	if (n) {
		memcpy(text, all, n);
		text[n] = '\0';
	}
	return 0;
}

int place_open(struct place *p, const char *path, char text[EVENT_CURSOR_SIZE], struct err *reterr)
{
	int r;

	*p = (struct place){.lock = -1};
	if (!path)
		return 0;
	p->path = xstrdup(path);
	r = lock_beside(path, &p->lock);
	if (r < 0)
		return err_set(reterr, EIO, "export.cursor", "%s.lock: %s", path,
			       r == -EBUSY ? "another export goes on from this cursor; give each "
					     "one of its own"
					   : strerror(-r));
	r = read_text(path, text, reterr);
	if (r == 0)
		memcpy(p->kept, text, sizeof(p->kept));
	return r;
}

int place_keep(struct place *p, const char *text, struct err *reterr)
{
	_cleanup_free_ char *line = NULL;
	int r;

	if (!p->path || !strcmp(p->kept, text))
		return 0;
	line = xasprintf("%s\n", text);
	r = replace_file(p->path, line, strlen(line), 0600);
	if (r < 0)
		return err_set(reterr, EIO, "export.cursor", "%s cannot be written: %s", p->path,
			       strerror(-r));
	snprintf(p->kept, sizeof(p->kept), "%s", text);
	return 0;
}

void place_done(struct place *p)
{
	close_fd(&p->lock);
	free(p->path);
	p->path = NULL;
}
