/*
 * `cordon log export DIR`: the log as files, in the layout of C2SP tlog-tiles. What is new is
 * fetched beside what is there, checked, and moved to its place; the checkpoint comes last, so that
 * whoever reads DIR has a whole log at any time.
 */
#include "cli/api.h"
#include "cli/log.h"
#include "cli/replace.h"

#include "os/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { ENTRY_BYTES_MAX = 16 << 20, LEVELS_MAX = 8, NAME_SIZE = TILE_PATH_SIZE + 32 };

#define INCOMING ".incoming"

struct mirror {
	struct client client;
	int dir; /* of the mirror; locked */
	struct checkpoint now, before;
	struct buf note;
	int has_before;
	uint64_t fetched; /* tiles */
	struct err *err;
};

/* ---- files below the directory ---- */

static int make_parents(int dir, const char *name)
{
	char part[NAME_SIZE];

	for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - name), name);
		if (mkdirat(dir, part, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

/* Written, not synced: that is done once, for all. */
static int put(const struct mirror *m, const char *name, const void *data, size_t len)
{
	_cleanup_fd_ int fd = -1;
	ssize_t n;
	int r = make_parents(m->dir, name);

	if (r < 0)
		return r;
	fd = openat(m->dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	while ((n = write(fd, data, len)) < 0 && errno == EINTR)
		;
	return n < 0 ? -errno : (size_t)n != len ? -ENOSPC : 0;
}

static int get(const struct mirror *m, const char *name, size_t max, char **ret, size_t *ret_len)
{
	_cleanup_fd_ int fd = openat(m->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd_read_file(fd, max, ret, ret_len);
}

static int on_disk(const struct mirror *m, const char *name, int r)
{
	return err_set(m->err, EIO, "mirror.file", "%s in the mirror: %s", name, strerror(-r));
}

static void tile_name(int level, uint64_t n, unsigned width, const char *prefix,
		      char out[NAME_SIZE])
{
	char path[TILE_PATH_SIZE];

	merkle_tile_path(level, n, width, path);
	snprintf(out, NAME_SIZE, "%stile/%s", prefix, path);
}

/* ---- tiles ---- */

/* What came just now, or what was there. */
static int read_tile(void *arg, unsigned level, uint64_t n, unsigned width, struct hash *out)
{
	const struct mirror *m = arg;
	static const char *const prefixes[] = {INCOMING "/", ""};
	char name[NAME_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(prefixes) * 2; i++) {
		/* A wider one begins with the same hashes. */
		unsigned w = i < ARRAY_SIZE(prefixes) ? width : TILE_WIDTH;
		_cleanup_free_ char *data = NULL;
		size_t len = 0;
		int r;

		tile_name((int)level, n, w, prefixes[i % 2], name);
		r = get(m, name, sizeof(struct hash) * TILE_WIDTH, &data, &len);
		if (r == -ENOENT)
			continue;
		if (r < 0 || !data || len != w * sizeof(*out))
			return r < 0 ? r : -EUCLEAN;
		memcpy(out, data, width * sizeof(*out));
		return 0;
	}
	return -ENOENT;
}

static int fetch(struct mirror *m, int level, uint64_t n, unsigned width)
{
	char path[NAME_SIZE + 16], name[NAME_SIZE];
	_cleanup_reply_ struct reply reply = {0};
	int r;

	tile_name(level, n, width, "", name);
	if (width == TILE_WIDTH && faccessat(m->dir, name, F_OK, 0) == 0)
		return 0;
	snprintf(path, sizeof(path), "/v1/log/%s", name);
	r = log_get(&m->client, path, "application/octet-stream", &reply, m->err);
	if (r < 0)
		return r;
	if (level >= 0 && reply.body.len != width * sizeof(struct hash))
		return err_set(m->err, EIO, "client.answer", "%s is no tile of %u hashes", name,
			       width);
	tile_name(level, n, width, INCOMING "/", name);
	r = put(m, name, reply.body.data, reply.body.len);
	m->fetched++;
	return r < 0 ? on_disk(m, name, r) : 0;
}

/* Calls fn() for each tile of a level that the log has now, -1: of entries; up to an error. */
typedef int tile_fn(struct mirror *m, int level, uint64_t n, unsigned width);

static int each_tile(struct mirror *m, int level, tile_fn *fn)
{
	uint64_t size = level > 0 ? m->now.size >> (8 * level) : m->now.size;
	unsigned rest = (unsigned)(size % TILE_WIDTH);
	int r = 0;

	for (uint64_t n = 0; r == 0 && n < size / TILE_WIDTH; n++)
		r = fn(m, level, n, TILE_WIDTH);
	return r == 0 && rest ? fn(m, level, size / TILE_WIDTH, rest) : r;
}

static int all_tiles(struct mirror *m, tile_fn *fn)
{
	int r = 0;

	for (int level = -1; r == 0 && level < LEVELS_MAX; level++)
		r = each_tile(m, level, fn);
	return r;
}

/* ---- what is checked before it is kept ---- */

static int wrong(const struct mirror *m, const char *name, const char *what)
{
	return err_set(m->err, EBADMSG, "mirror.wrong", "%s: %s; the mirror is left as it was",
		       name, what);
}

/* A whole tile hangs in the one above it. */
static int check_parent(struct mirror *m, int level, uint64_t n, const struct hash *hashes,
			const char *name)
{
	struct merkle_range range = {0};
	struct hash above[TILE_WIDTH], root;
	uint64_t count = m->now.size >> (8 * (level + 1)), parent = n / TILE_WIDTH;
	unsigned width = (unsigned)MIN_U64(count - parent * TILE_WIDTH, TILE_WIDTH);

	for (unsigned i = 0; i < TILE_WIDTH; i++)
		merkle_append(&range, &hashes[i]);
	merkle_root(&range, &root);
	if (read_tile(m, (unsigned)level + 1, parent, width, above) < 0)
		return wrong(m, name, "the tile above it is missing");
	return memcmp(&above[n % TILE_WIDTH], &root, HASH_SIZE) == 0
		       ? 0
		       : wrong(m, name, "it is not what the tile above it has");
}

/* Entries, each with its length before it (16 bits, big-endian), are what the hashes are of. */
static int check_entries(struct mirror *m, const uint8_t *p, size_t len, uint64_t n, unsigned width,
			 const char *name)
{
	struct hash hashes[TILE_WIDTH], leaf;
	const uint8_t *end = p + len;

	if (read_tile(m, 0, n, width, hashes) < 0)
		return wrong(m, name, "its hashes are missing");
	for (unsigned i = 0; i < width; i++) {
		size_t size = end - p < 2 ? SIZE_MAX : (size_t)(p[0] << 8 | p[1]);

		if (size > (size_t)(end - p) - 2)
			return wrong(m, name, "it ends within an entry");
		merkle_leaf(p + 2, size, &leaf);
		if (memcmp(&leaf, &hashes[i], HASH_SIZE) != 0)
			return wrong(m, name, "an entry is not what its hash says");
		p += 2 + size;
	}
	return p == end ? 0 : wrong(m, name, "it has more than its entries");
}

static int check_tile(struct mirror *m, int level, uint64_t n, unsigned width)
{
	struct hash hashes[TILE_WIDTH];
	_cleanup_free_ char *data = NULL;
	char name[NAME_SIZE];
	size_t len = 0;
	int r;

	tile_name(level, n, width, INCOMING "/", name);
	r = get(m, name, ENTRY_BYTES_MAX, &data, &len);
	if (r == -ENOENT)
		return 0; /* it was there, and was checked then */
	if (r < 0 || !data)
		return on_disk(m, name, r);
	if (level < 0)
		return check_entries(m, (const uint8_t *)data, len, n, width, name);
	if (width < TILE_WIDTH)
		return 0; /* all of it goes into the root */
	memcpy(hashes, data, sizeof(hashes));
	return check_parent(m, level, n, hashes, name);
}

static int check_root(struct mirror *m, const struct checkpoint *p, const char *code,
		      const char *what)
{
	struct hash root;
	int r = merkle_root_at(p->size, read_tile, m, &root);

	if (r == 0 && memcmp(&root, &p->root, HASH_SIZE) == 0)
		return 0;
	return err_set(m->err, EBADMSG, code, what, (unsigned long long)p->size);
}

static int check(struct mirror *m)
{
	int r = check_root(m, &m->now, "mirror.wrong",
			   "the tiles are not those of the checkpoint of %llu entries; the mirror "
			   "is left as it was");

	if (r == 0 && m->has_before)
		r = check_root(m, &m->before, "mirror.fork",
			       "THE LOG FORKED: it does not begin with the %llu entries that were "
			       "mirrored before; the mirror is left as it was");
	return r ? r : all_tiles(m, check_tile);
}

/* ---- moving to its place ---- */

static int settle(struct mirror *m, int level, uint64_t n, unsigned width)
{
	char from[NAME_SIZE], to[NAME_SIZE];
	int r;

	tile_name(level, n, width, INCOMING "/", from);
	tile_name(level, n, width, "", to);
	r = make_parents(m->dir, to);
	if (r == 0 && renameat(m->dir, from, m->dir, to) < 0 && errno != ENOENT)
		r = -errno;
	return r < 0 ? on_disk(m, to, r) : 0;
}

/* Narrower forms of the last tile that the mirror had, or of what it was. */
static void drop_narrower(struct mirror *m, int level, unsigned shift)
{
	uint64_t old = m->before.size >> shift, now = m->now.size >> shift, n = old / TILE_WIDTH;
	unsigned old_width = (unsigned)(old % TILE_WIDTH);
	char name[NAME_SIZE];

	if (!old_width || old == now)
		return;
	tile_name(level, n, old_width, "", name);
	unlinkat(m->dir, name, 0);
	*strrchr(name, '/') = '\0';
	unlinkat(m->dir, name, AT_REMOVEDIR); /* if it is empty */
}

static int remove_tree(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d)
		return -errno;
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    unlinkat(fd, e->d_name, 0) < 0)
			remove_tree(fd, e->d_name);
	closedir(d);
	return unlinkat(at, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static int finish(struct mirror *m, const char *path)
{
	_cleanup_free_ char *checkpoint = xasprintf("%s/checkpoint", path);
	int r = all_tiles(m, settle);

	if (r < 0)
		return r;
	if (syncfs(m->dir) < 0)
		return on_disk(m, ".", -errno);
	r = replace_file(checkpoint, m->note.data, m->note.len, 0644);
	if (r < 0)
		return on_disk(m, "checkpoint", r);
	if (m->has_before) {
		drop_narrower(m, -1, 0);
		for (int level = 0; level < LEVELS_MAX; level++)
			drop_narrower(m, level, 8 * (unsigned)level);
	}
	return 0;
}

/* ---- the command ---- */

static int open_mirror(struct mirror *m, const char *path)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r;

	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return on_disk(m, path, -errno);
	m->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->dir < 0)
		return on_disk(m, path, -errno);
	if (flock(m->dir, LOCK_EX | LOCK_NB) < 0)
		return err_set(m->err, EIO, "mirror.file", "%s is being written by another", path);
	remove_tree(m->dir, INCOMING); /* of one who was ended */
	r = get(m, "checkpoint", NOTE_MAX, &text, &len);
	if (r == -ENOENT)
		return 0;
	if (r < 0 || checkpoint_read(text, len, &m->before) < 0)
		return on_disk(m, "checkpoint", r < 0 ? r : -EUCLEAN);
	m->has_before = 1;
	return 0;
}

static int grew(struct mirror *m)
{
	if (!m->has_before)
		return 0;
	if (strcmp(m->now.origin, m->before.origin) != 0)
		return err_set(m->err, EBADMSG, "mirror.other",
			       "the mirror is of the log %s, and this one is %s; give it a "
			       "directory of its own",
			       m->before.origin, m->now.origin);
	if (m->now.size < m->before.size)
		return err_set(m->err, EBADMSG, "mirror.shrank",
			       "THE LOG SHRANK: it has %llu entries, and %llu were mirrored "
			       "before; the mirror is left as it was",
			       (unsigned long long)m->now.size, (unsigned long long)m->before.size);
	return 0;
}

static int mirror(struct mirror *m, const struct call *call, const struct log_keys *keys)
{
	int r = open_mirror(m, call->operands[0]);

	if (r == 0)
		r = log_get_checkpoint(&m->client, keys, &m->note, &m->now, m->err);
	if (r == 0)
		r = grew(m);
	if (r == 0)
		r = all_tiles(m, fetch);
	if (r == 0)
		r = check(m);
	if (r == 0)
		r = finish(m, call->operands[0]);
	if (m->dir >= 0)
		remove_tree(m->dir, INCOMING);
	return r;
}

int log_mirror(const struct call *call)
{
	const struct log_options *o = call->options;
	struct mirror m = {.dir = -1, .note = BUF_INIT(NOTE_MAX)};
	char root[LOG_ROOT_SIZE];
	struct log_keys keys;
	struct err e;
	int status = 0;

	m.err = &e;
	if (log_read_keys(&o->log_keys, &keys, &e) < 0 ||
	    client_init(&m.client, &o->shared, &e) < 0)
		status = api_usage(call, &e);
	else if (mirror(&m, call, &keys) < 0)
		status = client_complain(&e);
	if (!status) {
		log_root_text(&m.now.root, root);
		printf(o->shared.json ? "{\"size\":%llu,\"root\":\"%s\",\"fetched\":%llu}\n"
				      : "mirrored %llu %s (%llu tiles fetched)\n",
		       (unsigned long long)m.now.size, root, (unsigned long long)m.fetched);
	}
	close_fd(&m.dir);
	client_done(&m.client);
	buf_done(&m.note);
	return status;
}
