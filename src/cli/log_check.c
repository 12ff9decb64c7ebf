/* `cordon log check`: the ledger's own program looks at its database, as the database's owner. */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/data.h"
#include "cli/layout.h"
#include "cli/log.h"
#include "cli/usage.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>

/* What is compared becomes standard input: who reads it may not be who may open it. */
static int take_input(const char *path, struct err *reterr)
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

static int complain(const struct call *call, const struct err *e)
{
	fprintf(stderr, "cordon %s: %s\n", call->command->name, e->message);
	return EXIT_PLATFORM;
}

/* With these options. It returns only if that cannot be done. */
static int check(const struct call *call, const char *first, const char *second, int payloads)
{
	const struct log_options *o = call->options;
	_cleanup_free_ char *data = data_directory(o->shared.data), *listed = NULL;
	_cleanup_free_ char *directory = xasprintf("%s/" LAYOUT_LEDGER, data);
	const char *argv[9] = {"cordon-ledger", "check", directory};
	_cleanup_fd_ int exe = -1, list = -1;
	struct stat owner = {0};
	struct err e;
	int n = 3;

	if (o->shared.json)
		argv[n++] = "--json";
	if (o->signatures)
		argv[n++] = "--signatures";
	if (first)
		argv[n++] = first;
	if (second)
		argv[n++] = second;
	exe = spawn_find("cordon-ledger", &e);
	if (exe < 0 || find_owner(directory, &owner, &e) < 0 ||
	    (payloads && list_payloads(exe, data, &list, &e) < 0) || become(&owner, &e) < 0)
		return complain(call, &e);
	if (payloads) {
		listed = xasprintf("--payloads=%d", list);
		argv[n++] = listed;
		fcntl(list, F_SETFD, 0);
	}
	fflush(stdout);
	fexecve(exe, (char *const *)argv, environ);
	err_set(&e, errno, "log.check", "cordon-ledger cannot be started: %s", strerror(errno));
	return complain(call, &e);
}

int log_check(const struct call *call)
{
	const struct log_options *o = call->options;
	struct err e;

	if (o->kept && take_input(o->kept, &e) < 0)
		return api_usage(call, &e);
	return check(call, o->kept ? "--checkpoint=-" : NULL, NULL, 1);
}

/* What the daemon answers, as the export that is checked. */
static int take_answer(const struct log_options *o, struct err *reterr)
{
	_cleanup_buf_ struct buf b = BUF_INIT(256u << 20);
	_cleanup_fd_ int fd = memfd_create("cordon-usage", MFD_CLOEXEC);
	_cleanup_client_ struct client c = {0};
	enum usage_table t = !strcmp(o->live, "detail")	   ? USAGE_DETAIL
			     : !strcmp(o->live, "reasons") ? USAGE_REASONS
							   : USAGE_TOTALS;
	int r = client_init(&c, &o->shared, reterr);

	if (r == 0)
		r = usage_fetch(&c, t, NULL, &(struct usage_query){.from = NULL}, &b, reterr);
	if (r == 0 && (fd < 0 || write(fd, b.data, b.len) != (ssize_t)b.len ||
		       lseek(fd, 0, SEEK_SET) < 0 || dup2(fd, STDIN_FILENO) < 0))
		r = err_set(reterr, errno, "usage", "the daemon's answer cannot be kept: %s",
			    strerror(errno));
	return r;
}

int usage_check(const struct call *call)
{
	const struct log_options *o = call->options;
	struct err e;

	if (o->kept && o->live)
		return api_refuse(call, "--export and --live are two things to look at: leave out "
					"one");
	if (o->kept && take_input(o->kept, &e) < 0)
		return api_usage(call, &e);
	if (o->live && take_answer(o, &e) < 0)
		return client_complain(&e);
	return check(call, "--usage", o->kept || o->live ? "--export=-" : NULL, 0);
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

const struct option_row usage_check_rows[] = {
	{.name = "export",
	 .argument = "FILE|-",
	 .kind = OPTION_TEXT,
	 .offset = AT(kept),
	 .help = "Compare this export (csv or json) with the receipts, too: each row as of the "
		 "last "
		 "entry that is in it. A csv is taken for one of all days and tenants."},
	{.name = "live",
	 .argument = "totals|detail|reasons",
	 .kind = OPTION_CHOICE,
	 .offset = AT(live),
	 .help = "The same with what the running daemon answers."},
	{.name = "signatures",
	 .kind = OPTION_FLAG,
	 .offset = AT(signatures),
	 .help = "As `cordon log check --signatures`."},
	{0}};
#undef AT
