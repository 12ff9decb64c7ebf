/* `cordon log check`: the ledger's own program looks at its database, as the database's owner. */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/data.h"
#include "cli/layout.h"
#include "cli/log.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

/* The kept checkpoint becomes standard input: who reads it may not be who may open it. */
static int take_kept(const char *path, struct err *reterr)
{
	_cleanup_fd_ int fd = strcmp(path, "-") != 0 ? open(path, O_RDONLY | O_CLOEXEC)
						     : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);

	if (fd < 0 || dup2(fd, STDIN_FILENO) < 0)
		return err_set(reterr, errno, "usage", "'%s' cannot be read: %s", path,
			       strerror(errno));
	return 0;
}

static int find_owner(const char *directory, struct stat *ret, struct err *reterr)
{
	_cleanup_fd_ int dir = open(directory, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_fd_ int file =
		dir < 0 ? -1 : openat(dir, "ledger.db", O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (file < 0 || fstat(file, ret) < 0 || (ret->st_uid == 0 && fstat(dir, ret) < 0))
		return err_set(reterr, errno, "log.check",
			       "there is no ledger in '%s' (%s); --data names the data directory "
			       "of the daemon",
			       directory, strerror(errno));
	return 0;
}

/* Whoever wrote the database may have written it for us. */
static int become(const struct stat *owner, struct err *reterr)
{
	if (geteuid() != 0 || owner->st_uid == 0)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(owner->st_gid, owner->st_gid, owner->st_gid) < 0 ||
	    setresuid(owner->st_uid, owner->st_uid, owner->st_uid) < 0)
		return err_set(reterr, errno, "log.check",
			       "the identity of the database's owner, user %u, cannot be taken: %s",
			       (unsigned)owner->st_uid, strerror(errno));
	return 0;
}

/*
 * Values and payloads are in control's database, which only its own user may read: another process
 * reads them, and hands over their digests. Its end is told at once, or the two would wait for each
 * other.
 */
static int list_payloads(int exe, const char *data, int *ret, struct err *reterr)
{
	_cleanup_free_ char *directory = xasprintf("%s/" LAYOUT_STATE, data);
	const char *argv[] = {"cordon-ledger", "payloads", directory, NULL};
	struct stat owner;
	int ends[2];
	pid_t pid;

	if (stat(directory, &owner) < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return err_set(reterr, errno, "log.check", "the state database in '%s': %s",
			       directory, strerror(errno));
	pid = fork();
	if (pid == 0) {
		if (dup2(ends[1], STDOUT_FILENO) >= 0 && become(&owner, reterr) == 0)
			fexecve(exe, (char *const *)argv, environ);
		_exit(127);
	}
	close(ends[1]);
	*ret = ends[0];
	return pid < 0 ? err_set(reterr, errno, "log.check", "fork: %s", strerror(errno)) : 0;
}

static int complain(const struct err *e)
{
	fprintf(stderr, "cordon log check: %s\n", e->message);
	return EXIT_PLATFORM;
}

int log_check(const struct call *call)
{
	const struct log_options *o = call->options;
	_cleanup_free_ char *data = data_directory(o->shared.data);
	_cleanup_free_ char *directory = xasprintf("%s/" LAYOUT_LEDGER, data);
	const char *argv[8] = {"cordon-ledger", "check", directory};
	_cleanup_free_ char *payloads = NULL;
	_cleanup_fd_ int exe = -1, list = -1;
	struct stat owner = {0};
	struct err e;
	int n = 3;

	if (o->kept && take_kept(o->kept, &e) < 0)
		return api_usage(call, &e);
	if (o->shared.json)
		argv[n++] = "--json";
	if (o->signatures)
		argv[n++] = "--signatures";
	if (o->kept)
		argv[n++] = "--checkpoint=-";
	exe = spawn_find("cordon-ledger", &e);
	if (exe < 0 || find_owner(directory, &owner, &e) < 0 ||
	    list_payloads(exe, data, &list, &e) < 0 || become(&owner, &e) < 0)
		return complain(&e);
	payloads = xasprintf("--payloads=%d", list);
	argv[n++] = payloads;
	fcntl(list, F_SETFD, 0);
	fflush(stdout);
	fexecve(exe, (char *const *)argv, environ);
	err_set(&e, errno, "log.check", "cordon-ledger cannot be started: %s", strerror(errno));
	return complain(&e);
}

#define AT(m) offsetof(struct log_options, m)
const struct option_row log_check_rows[] = {
	{.name = "signatures",
	 .kind = OPTION_FLAG,
	 .offset = AT(signatures),
	 .help = "Look at the signature of each entry, too. Without, those of entries that a "
		 "checkpoint covers are not looked at: who could change such an entry had the "
		 "log's own key."},
	{.name = "checkpoint",
	 .argument = "FILE|-",
	 .kind = OPTION_TEXT,
	 .offset = AT(kept),
	 .help = "A checkpoint of the log that was kept elsewhere. The log must still be the one "
		 "that it is of; only so can it be known that nobody has put another in its "
		 "place, or cut off its end."},
	{0}};
#undef AT
