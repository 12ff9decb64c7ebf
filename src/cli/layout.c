#include "cli/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

static int make_parents(char *path)
{
	for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		int r;

		*p = '\0';
		r = mkdir(path, 0755);
		*p = '/';
		if (r < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static int exists(int fd, const char *name)
{
	return faccessat(fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

#define NEW_KEY LAYOUT_KEY ".new"

static int is_ours(const char *name)
{
	static const char *const all[] = {".",		 "..",	     "control.sock", LAYOUT_STATE,
					  LAYOUT_LEDGER, LAYOUT_KEY, NEW_KEY};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (!strcmp(name, all[i]))
			return 1;
	return 0;
}

/* Only what is empty or was Cordon's before may become Cordon's: a wrong --data must not take, say,
 * /etc away from its owner. */
static int may_own(int fd)
{
	struct dirent *e;
	int copy, foreign = 0;
	DIR *d;

	if (exists(fd, "state.db") || exists(fd, LAYOUT_STATE "/state.db"))
		return 1;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	d = copy < 0 ? NULL : fdopendir(copy);
	if (!d)
		return 0;
	while ((e = readdir(d)))
		foreign += !is_ours(e->d_name);
	closedir(d);
	return foreign == 0;
}

/* A directory in ours, for one process alone. */
static int own(int dir, const char *name, uid_t uid, const struct spawn_ids *ids)
{
	_cleanup_fd_ int fd = -1;
	struct stat st;

	if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (ids->root && st.st_uid != uid && fchown(fd, uid, uid) < 0)
		return -errno;
	return (st.st_mode & 077) && fchmod(fd, 0700) < 0 ? -errno : 0;
}

/* Before there was a ledger, the state database stood in the directory itself. */
static int move_state(int dir)
{
	static const char *const names[] = {"state.db-wal", "state.db-shm", "state.db-journal",
					    "state.db"};
	char to[64];

	if (!exists(dir, "state.db") || exists(dir, LAYOUT_STATE "/state.db"))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(to, sizeof(to), LAYOUT_STATE "/%s", names[i]);
		if (exists(dir, names[i]) && renameat(dir, names[i], dir, to) < 0)
			return -errno;
	}
	return 0;
}

static int settle(int fd, const struct stat *st, const struct spawn_ids *ids)
{
	int r;

	if (ids->root && st->st_uid != 0 && fchown(fd, 0, 0) < 0)
		return -errno;
	if (fchmod(fd, ids->root ? 0711 : 0700) < 0)
		return -errno;
	r = own(fd, LAYOUT_STATE, ids->control, ids);
	if (r == 0)
		r = own(fd, LAYOUT_LEDGER, ids->ledger, ids);
	return r ? r : move_state(fd);
}

int layout_open(const char *path, const struct spawn_ids *ids, struct err *reterr)
{
	_cleanup_free_ char *copy = xstrdup(path);
	int fd = -1, r = make_parents(copy);
	struct stat st = {0};

	if (r == 0 && mkdir(path, 0700) < 0 && errno != EEXIST)
		r = -errno;
	if (r == 0) {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		r = fd < 0 || fstat(fd, &st) < 0 ? -errno : 0;
	}
	if (fd < 0 && r == -ENOTDIR && lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		return err_set(reterr, ELOOP, "data.open",
			       "the data directory '%s' is a symbolic link; name what it points to",
			       path);
	if (r == 0 && !may_own(fd)) {
		close_fd(&fd);
		return err_set(reterr, ENOTEMPTY, "data.foreign",
			       "the data directory '%s' is not empty, and what is in it is not "
			       "Cordon's; choose another with --data",
			       path);
	}
	if (r == 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		close_fd(&fd);
		return err_set(reterr, EBUSY, "data.busy",
			       "another `cordon up` works in '%s'; stop it, or choose another "
			       "directory with --data",
			       path);
	}
	if (r == 0)
		r = settle(fd, &st, ids);
	if (r == 0)
		return fd;
	close_fd(&fd);
	return err_set(reterr, -r, "data.open",
		       "the data directory '%s': %s; choose another with --data", path,
		       strerror(-r));
}

int layout_check_way(const char *absolute, const struct spawn_ids *ids, struct err *reterr)
{
	_cleanup_free_ char *path = xstrdup(absolute);
	struct stat st;

	for (char *p = strchr(path + 1, '/'); ids->root && p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (stat(path, &st) == 0 && !(st.st_mode & 0001))
			return err_set(reterr, EACCES, "data.open",
				       "the data directory '%s' is out of reach for the users that "
				       "serve the API and keep the ledger: '%s' lets nobody pass; "
				       "choose another with --data, or `chmod o+x` that one",
				       absolute, path);
		*p = '/';
	}
	return 0;
}

/* ---- the ledger's key ---- */

enum { KEY_SIZE = 32, KEY_TEXT = 2 * KEY_SIZE, KEY_FILE_MAX = 256 };

static int read_key(int fd, const char *name, uint8_t key[KEY_SIZE], struct err *reterr)
{
	char text[KEY_FILE_MAX + 1] = "";
	ssize_t n = read(fd, text, KEY_FILE_MAX);
	const char *end = text;
	size_t len = 0;
	int r = n < 0 ? -errno : 0;

	if (r == 0 && (sodium_hex2bin(key, KEY_SIZE, text, (size_t)n, NULL, &len, &end) < 0 ||
		       len != KEY_SIZE || strspn(end, " \r\n") != strlen(end)))
		r = -EINVAL;
	explicit_bzero(text, sizeof(text));
	return r ? err_set(reterr, -r, "ledger.key",
			   "'%s' does not hold a key: 64 hexadecimal digits are one, such as "
			   "`openssl rand -hex 32` prints",
			   name)
		 : 0;
}

/*
 * A new key, for a ledger that is new. It has its name when it stands on the disk, and nothing is
 * encrypted with it before: whoever dies in between has made none.
 */
static int make_key(int dir, int *ret, struct err *reterr)
{
	_cleanup_fd_ int fd = -1;
	uint8_t key[KEY_SIZE];
	char text[KEY_TEXT + 2];
	int r = 0;

	unlinkat(dir, NEW_KEY, 0);
	fd = openat(dir, NEW_KEY, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(reterr, errno, "ledger.key", "'%s' cannot be made: %s", LAYOUT_KEY,
			       strerror(errno));
	randombytes_buf(key, sizeof(key));
	sodium_bin2hex(text, sizeof(text), key, sizeof(key));
	memcpy(text + KEY_TEXT, "\n", 2);
	if (write(fd, text, KEY_TEXT + 1) != KEY_TEXT + 1 || fsync(fd) < 0 ||
	    renameat(dir, NEW_KEY, dir, LAYOUT_KEY) < 0 || fsync(dir) < 0 ||
	    lseek(fd, 0, SEEK_SET) < 0)
		r = errno;
	explicit_bzero(key, sizeof(key));
	explicit_bzero(text, sizeof(text));
	if (r) {
		unlinkat(dir, NEW_KEY, 0);
		return err_set(reterr, r, "ledger.key", "'%s' cannot be written: %s", LAYOUT_KEY,
			       strerror(r));
	}
	*ret = TAKE_FD(fd);
	return 0;
}

static int open_key(int dir, const char *file, char name[4096], int *ret, struct err *reterr)
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	int fd = -1;

	if (file) {
		snprintf(name, 4096, "%s", file);
		fd = open(file, O_RDONLY | O_CLOEXEC);
	} else if (credentials && snprintf(name, 4096, "%s/ledger-key", credentials) < 4096 &&
		   access(name, F_OK) == 0) {
		fd = open(name, O_RDONLY | O_CLOEXEC);
	} else {
		snprintf(name, 4096, "%s", LAYOUT_KEY);
		fd = openat(dir, LAYOUT_KEY, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT && !exists(dir, LAYOUT_LEDGER "/ledger.db"))
			return make_key(dir, ret, reterr);
	}
	if (fd < 0)
		return err_set(reterr, errno, "ledger.key",
			       "the key of the ledger, '%s': %s; the signing keys do not open "
			       "without it: bring it back, or name it with --ledger-key",
			       name, strerror(errno));
	*ret = fd;
	return 0;
}

int layout_key(int directory, const char *file, struct err *reterr)
{
	_cleanup_fd_ int fd = -1, memory = -1;
	uint8_t key[KEY_SIZE];
	char name[4096];
	int r = open_key(directory, file, name, &fd, reterr);

	if (r == 0)
		r = read_key(fd, name, key, reterr);
	if (r < 0)
		return r;
	memory = memfd_create("cordon-ledger-key", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (memory < 0 || write(memory, key, sizeof(key)) != sizeof(key) ||
	    fcntl(memory, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) <
		    0)
		return err_set(reterr, errno, "ledger.key", "memfd: %s", strerror(errno));
	explicit_bzero(key, sizeof(key));
	return TAKE_FD(memory);
}
