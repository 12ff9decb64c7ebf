#include "os/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Where version 2 is mounted: the first mount of type cgroup2. */
static int find_mount(char *out, size_t size)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	int r = -ENOENT;

	while (f && (m = getmntent(f)))
		if (!strcmp(m->mnt_type, "cgroup2")) {
			snprintf(out, size, "%s", m->mnt_dir);
			r = 0;
			break;
		}
	if (f)
		endmntent(f);
	return r;
}

/* Our own group: the line "0::/path". */
static int own_group(char *out, size_t size)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[512];
	int r = -ENOENT;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "0::", 3)) {
			line[strcspn(line, "\n")] = '\0';
			snprintf(out, size, "%s", line + 3);
			r = 0;
			break;
		}
	if (f)
		fclose(f);
	return r;
}

static int put(int dir, const char *file, const char *text)
{
	_cleanup_fd_ int fd = openat(dir, file, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* rmdir fails on a group that has processes, so only what nobody uses goes. */
static void remove_stale(const char *parent)
{
	DIR *d = opendir(parent);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (!strncmp(e->d_name, "cordon-", 7))
			unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
	if (d)
		closedir(d);
}

/* Whether a process of ours may enter: tried by a child, which then ends. */
static int may_join(int dir)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		_exit(put(dir, "cgroup.procs", "0") == 0 ? 0 : 1);
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return status == 0 ? 0 : -EACCES;
}

int cgroup_create(struct cgroup *c, uint64_t memory_max, uint32_t processes_max)
{
	char mount[200], own[200], text[32];
	int r;

	c->dir = -1;
	r = find_mount(mount, sizeof(mount));
	if (r == 0)
		r = own_group(own, sizeof(own));
	if (r < 0)
		return r;
	snprintf(c->path, sizeof(c->path), "%s%s", mount, own);
	remove_stale(c->path);
	snprintf(c->path, sizeof(c->path), "%s%s/cordon-%d", mount, own, (int)getpid());
	if (mkdir(c->path, 0755) < 0 && errno != EEXIST)
		return -errno;
	c->dir = open(c->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c->dir < 0) {
		r = -errno;
		rmdir(c->path);
		return r;
	}
	snprintf(text, sizeof(text), "%llu", (unsigned long long)memory_max);
	put(c->dir, "memory.max", text); /* absent without the controller */
	snprintf(text, sizeof(text), "%u", processes_max);
	put(c->dir, "pids.max", text);
	r = may_join(c->dir);
	if (r < 0)
		cgroup_remove(c);
	return r;
}

void cgroup_remove(struct cgroup *c)
{
	if (c->dir < 0)
		return;
	put(c->dir, "cgroup.kill", "1");
	/* The kernel lets go of the directory when the last process is gone: soon, not at once. */
	for (int i = 0; i < 200 && rmdir(c->path) < 0 && errno == EBUSY; i++)
		usleep(1000);
	close_fd(&c->dir);
}
