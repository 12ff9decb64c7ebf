/* `cordon up`: opens the doors, starts the supervisor with control, and waits to be told to end. */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/data.h"
#include "cli/layout.h"
#include "control/day.h"
#include "os/fd.h"
#include "os/spawn.h"
#include "policy/platform.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { TLS_FILE_MAX = 1 << 20 };

static volatile sig_atomic_t asked;

static void on_signal(int sig)
{
	(void)sig;
	asked++;
}

static void on_child(int sig)
{
	(void)sig; /* sigsuspend() returns, and that is all it is for */
}

static int listen_tcp(const char *address, struct err *reterr)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
	struct addrinfo *found = NULL;
	const char *colon = strrchr(address, ':');
	char host[64] = "";
	int fd, on = 1, r;

	if (colon && colon - address < (int)sizeof(host))
		snprintf(host, sizeof(host), "%.*s", (int)(colon - address), address);
	if (host[0] == '[') {
		memmove(host, host + 1, strlen(host));
		host[strcspn(host, "]")] = '\0';
	}
	r = *host ? getaddrinfo(host, colon + 1, &hints, &found) : EAI_NONAME;
	if (r)
		return err_set(reterr, EINVAL, "usage",
			       "--listen %s: ADDRESS:PORT in numbers is needed, such as "
			       "127.0.0.1:7070 or [::1]:7070",
			       address);
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	r = fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, 512) < 0
		    ? -errno
		    : 0;
	freeaddrinfo(found);
	if (r == 0)
		return fd;
	close_fd(&fd);
	return err_set(reterr, -r, "listen", "--listen %s: %s", address, strerror(-r));
}

static int listen_unix(const char *directory, struct err *reterr)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd, r;

	if (snprintf(a.sun_path, sizeof(a.sun_path), "%s/control.sock", directory) >=
	    (int)sizeof(a.sun_path))
		return err_set(
			reterr, ENAMETOOLONG, "data.open",
			"the path of the data directory is too long for a socket in it (%s); "
			"choose a shorter one with --data",
			directory);
	r = unlink(a.sun_path) < 0 && errno != ENOENT;
	fd = r ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	r = fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
			    chmod(a.sun_path, 0600) < 0 || listen(fd, 128) < 0
		    ? -errno
		    : 0;
	if (r == 0)
		return fd;
	close_fd(&fd);
	return err_set(reterr, -r, "listen", "'%s': %s", a.sun_path, strerror(-r));
}

struct up_options {
	struct shared_options shared;
	const char *config, *listen, *jail, *tls_certificate, *tls_key;
	const char *ledger_key, *log_origin, *log_witness, *platform, *billing_zone;
	uint64_t pool_floor, pool_ceiling, rate_address, rate_key, stop_s, keep_days, log_interval,
		log_batch, log_rotate_days;
	uint64_t concurrency_min, concurrency_max, floor[2], waiting[2], attempts[2]; /* by class */
	uint64_t target_ms, concurrency_reserve;
};

/* The words that start the supervisor. */
struct words {
	const char *v[64];
	size_t n;
};

static void add_word(struct words *w, char *word)
{
	if (w->n + 1 >= ARRAY_SIZE(w->v))
		abort(); /* their number does not depend on anybody's input */
	w->v[w->n++] = word;
	w->v[w->n] = NULL;
}

static void words_done(struct words *w)
{
	while (w->n)
		free((char *)(uintptr_t)w->v[--w->n]);
}

/* Verifier keys with commas between them. */
static void add_witnesses(struct words *w, const char *list)
{
	for (const char *p = list; p && *p;) {
		size_t n = strcspn(p, ",");

		if (n)
			add_word(w, xasprintf("--log=--witness=%.*s", (int)n, p));
		p += n + (p[n] == ',');
	}
}

/* The queues: words for control. */
static void add_queue(struct words *w, const struct up_options *o)
{
	static const char *const classes[] = {"interactive", "bulk"};

	add_word(w, xasprintf("--pass=--concurrency-min=%llu",
			      (unsigned long long)o->concurrency_min));
	add_word(w, xasprintf("--pass=--concurrency-max=%llu",
			      (unsigned long long)o->concurrency_max));
	add_word(w, xasprintf("--pass=--concurrency-reserve=%llu",
			      (unsigned long long)o->concurrency_reserve));
	add_word(w, xasprintf("--pass=--queue-target=%llu", (unsigned long long)o->target_ms));
	for (int i = 0; i < 2; i++) {
		add_word(w, xasprintf("--pass=--floor-%s=%llu", classes[i],
				      (unsigned long long)o->floor[i]));
		add_word(w, xasprintf("--pass=--queue-%s=%llu", classes[i],
				      (unsigned long long)o->waiting[i]));
		add_word(w, xasprintf("--pass=--attempts-%s=%llu", classes[i],
				      (unsigned long long)o->attempts[i]));
	}
}

static int check_queue(const struct up_options *o, struct err *reterr)
{
	if (o->concurrency_min > o->concurrency_max)
		return err_set(reterr, EINVAL, "usage",
			       "concurrency.min is %llu, and concurrency.max %llu; it cannot be "
			       "less",
			       (unsigned long long)o->concurrency_min,
			       (unsigned long long)o->concurrency_max);
	if (o->floor[0] + o->floor[1] > o->concurrency_min)
		return err_set(reterr, EINVAL, "usage",
			       "the floors of interactive and bulk runs are %llu together; that "
			       "can be at most concurrency.min, %llu",
			       (unsigned long long)(o->floor[0] + o->floor[1]),
			       (unsigned long long)o->concurrency_min);
	return 0;
}

static int start(const char *directory, const struct up_options *o, const int fds[6], pid_t *ret,
		 struct err *reterr)
{
	const char *envp[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL};
	_cleanup_fd_ int exe = spawn_find("cordon-supervisor", reterr);
	struct words w = {.n = 0};
	int r;

	if (exe < 0)
		return exe;
	add_word(&w, xstrdup("cordon-supervisor"));
	add_word(&w, xasprintf("--jail=%s", o->jail));
	add_word(&w, xasprintf("--control=%s/" LAYOUT_STATE, directory));
	add_word(&w, xasprintf("--ledger=%s/" LAYOUT_LEDGER, directory));
	add_word(&w, xasprintf("--log=--interval=%llu", (unsigned long long)o->log_interval));
	add_word(&w, xasprintf("--log=--batch=%llu", (unsigned long long)o->log_batch));
	add_word(&w, xasprintf("--log=--rotate-days=%llu", (unsigned long long)o->log_rotate_days));
	if (o->log_origin)
		add_word(&w, xasprintf("--log=--origin=%s", o->log_origin));
	add_witnesses(&w, o->log_witness);
	if (fds[5] >= 0)
		add_word(&w, xstrdup("--tls"));
	add_word(&w, xasprintf("--pass=--rate-address=%llu", (unsigned long long)o->rate_address));
	add_word(&w, xasprintf("--pass=--rate-key=%llu", (unsigned long long)o->rate_key));
	add_word(&w, xasprintf("--pass=--stop=%llu", (unsigned long long)o->stop_s));
	add_word(&w, xasprintf("--pass=--keep-days=%llu", (unsigned long long)o->keep_days));
	add_word(&w, xasprintf("--pass=--billing-zone=%s", o->billing_zone));
	add_queue(&w, o);
	add_word(&w, xstrdup("--"));
	add_word(&w, xasprintf("--pool-floor=%llu", (unsigned long long)o->pool_floor));
	add_word(&w, xasprintf("--pool-ceiling=%llu", (unsigned long long)o->pool_ceiling));
	add_word(&w, xasprintf("--running-max=%llu",
			       (unsigned long long)(o->concurrency_max + o->concurrency_reserve)));
	r = spawn_plain(&(struct spawn){.exe = exe,
					.argv = w.v,
					.envp = envp,
					.fds = fds,
					.nfds = fds[5] >= 0 ? 6 : 5,
					.uid = geteuid(),
					.cgroup = -1},
			ret, reterr);
	words_done(&w);
	return r;
}

/* Until it ends; what we are told is passed on. */
static int wait_for(pid_t pid)
{
	sigset_t block, waiting;
	int status, told = 0;

	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGCHLD);
	sigprocmask(SIG_BLOCK, &block, &waiting);
	for (;;) {
		pid_t r = waitpid(pid, &status, WNOHANG);

		if (r == pid)
			return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EXIT_PLATFORM;
		if (told < asked) {
			told++;
			kill(pid, SIGTERM);
		}
		sigsuspend(&waiting);
	}
}

/* Certificates and key, each with its length before it, for who may not open files: a descriptor.
 */
static int tls_files(const struct up_options *o, int *ret, struct err *reterr)
{
	const char *paths[] = {o->tls_certificate, o->tls_key};
	_cleanup_fd_ int fd = -1;

	if (!paths[0] && !paths[1])
		return 0;
	if (!paths[0] || !paths[1])
		return err_set(reterr, EINVAL, "usage",
			       "--tls-certificate and --tls-key belong together; give both");
	fd = memfd_create("cordon-tls", MFD_CLOEXEC);
	if (fd < 0)
		return err_set(reterr, errno, "tls", "memfd_create: %s", strerror(errno));
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		_cleanup_free_ char *text = NULL;
		uint64_t len;
		size_t n;
		int r = api_read(paths[i], TLS_FILE_MAX, &text, &n, reterr);

		if (r < 0)
			return r;
		len = n + 1; /* with its NUL */
		if (write(fd, &len, sizeof(len)) != sizeof(len) ||
		    write(fd, text, len) != (ssize_t)len)
			return err_set(reterr, EIO, "tls", "memfd: %s", strerror(errno));
		explicit_bzero(text, n);
	}
	*ret = TAKE_FD(fd);
	return 0;
}

static int check_zone(const char *name, struct err *reterr)
{
	if (*name && day_zone(name) == 0)
		return 0;
	return err_set(
		reterr, EINVAL, "usage",
		"--billing-zone %s: there is no such time zone in /usr/share/zoneinfo; give a "
		"name such as Europe/Berlin, or install the package tzdata",
		name);
}

/*
 * The platform document in its canonical form, checked, and sealed: control gets it again with each
 * start, and can change no byte of it. Empty if there is none.
 */
static int platform_file(const char *path, int *ret, struct err *reterr)
{
	_cleanup_fd_ int fd = memfd_create("cordon-platform", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	_cleanup_platform_ struct platform *p = NULL;
	_cleanup_free_ char *text = NULL;
	const char *canonical = "";
	size_t n = 0;
	int r = path ? api_read(path, PLATFORM_TEXT_MAX, &text, &n, reterr) : 0;

	if (r < 0)
		return r;
	if (path) {
		r = platform_read(text, n, &p, reterr);
		if (r < 0) {
			err_prefix(reterr, "--platform %s", path);
			return r;
		}
		canonical = platform_canonical(p, &n);
	}
	if (fd < 0 || write(fd, canonical, n) != (ssize_t)n ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return err_set(reterr, errno, "platform", "memfd: %s", strerror(errno));
	*ret = TAKE_FD(fd);
	return 0;
}

static int up(const struct call *call)
{
	_cleanup_arena_ struct arena texts = {0};
	struct call all = *call; /* with what the file says */
	const struct up_options *o = all.options;
	struct sigaction act = {.sa_handler = on_signal};
	_cleanup_fd_ int dir = -1, tcp = -1, local = -1, theirs = -1, tls = -1, key = -1,
			 platform = -1;
	_cleanup_free_ char *directory = NULL, *absolute = NULL;
	struct spawn_ids ids;
	struct err e;
	int pair[2];
	pid_t pid;

	if (o->config && config_read(&all, o->config, &texts, &e) < 0)
		return api_usage(call, &e);
	if (check_queue(o, &e) < 0 || tls_files(o, &tls, &e) < 0 ||
	    check_zone(o->billing_zone, &e) < 0 || platform_file(o->platform, &platform, &e) < 0)
		return api_usage(call, &e);
	spawn_ids(&ids);
	directory = data_directory(o->shared.data);
	dir = layout_open(directory, &ids, &e);
	absolute = dir < 0 ? NULL : realpath(directory, NULL);
	if (dir >= 0 && !absolute)
		err_set(&e, errno, "data.open", "the data directory '%s': %s", directory,
			strerror(errno));
	if (absolute && layout_check_way(absolute, &ids, &e) == 0 &&
	    (key = layout_key(dir, o->ledger_key, &e)) >= 0) {
		tcp = listen_tcp(o->listen, &e);
		local = tcp < 0 ? -1 : listen_unix(absolute, &e);
	}
	if (local < 0)
		return api_usage(call, &e);
	if (fd_pair(SOCK_SEQPACKET, pair) < 0) {
		perror("cordon up: socketpair");
		return EXIT_PLATFORM;
	}
	theirs = pair[1]; /* the other end stays open: the supervisor ends when it closes */
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	act.sa_handler = on_child;
	sigaction(SIGCHLD, &act, NULL);
	if (start(absolute, o, (int[]){theirs, tcp, local, key, platform, tls}, &pid, &e) < 0)
		return client_complain(&e);
	close_fd(&theirs);
	return wait_for(pid);
}

#define AT(m) offsetof(struct up_options, m)
static const struct option_row rows[] = {
	{.name = "config",
	 .argument = "FILE",
	 .kind = OPTION_TEXT,
	 .offset = AT(config),
	 .help = "Settings, as YAML or JSON; `cordon config` prints one with all of them. Options "
		 "count more than the file."},
	{.name = "data",
	 .argument = "DIR",
	 .kind = OPTION_TEXT,
	 .offset = AT(shared.data),
	 .setting = "data",
	 .help = "Where the state lives; made if it is missing. `control.sock` in it is the "
		 "administrator's door. Default: $XDG_STATE_HOME/cordon; without that variable "
		 "/var/lib/cordon as root, else ~/.local/state/cordon."},
	{.name = "listen",
	 .argument = "ADDRESS:PORT",
	 .kind = OPTION_TEXT,
	 .offset = AT(listen),
	 .preset = "127.0.0.1:7070",
	 .setting = "listen",
	 .help = "Where the API is served, in numbers; port 0: any that is free. Default: "
		 "127.0.0.1:7070."},
	{.name = "jail",
	 .argument = "full|available",
	 .kind = OPTION_CHOICE,
	 .offset = AT(jail),
	 .preset = "full",
	 .setting = "jail.require",
	 .help = "As for `cordon run`: `full` (default) refuses to serve unless every required "
		 "part "
		 "of the jail is in force."},
	{.name = "tls-certificate",
	 .argument = "FILE",
	 .kind = OPTION_TEXT,
	 .offset = AT(tls_certificate),
	 .setting = "tls.certificate",
	 .help = "Serve HTTPS with this certificate and those that lead to its authority (PEM). "
		 "Needs the key too. Default: HTTP."},
	{.name = "tls-key",
	 .argument = "FILE",
	 .kind = OPTION_TEXT,
	 .offset = AT(tls_key),
	 .setting = "tls.key",
	 .help = "The certificate's private key (PEM)."},
	{.name = "pool-floor",
	 .argument = "N",
	 .kind = OPTION_NUMBER,
	 .offset = AT(pool_floor),
	 .fallback = 4,
	 .min = 0,
	 .max = 10000,
	 .setting = "pool.floor",
	 .help = "Sandboxes that are kept ready for each engine mode in use."},
	{.name = "pool-ceiling",
	 .argument = "N",
	 .kind = OPTION_NUMBER,
	 .offset = AT(pool_ceiling),
	 .fallback = 64,
	 .min = 0,
	 .max = 10000,
	 .setting = "pool.ceiling",
	 .help = "The most that demand may make it keep ready."},
	{.name = "concurrency-min",
	 .argument = "N",
	 .kind = OPTION_NUMBER,
	 .offset = AT(concurrency_min),
	 .fallback = 8,
	 .min = 1,
	 .max = 10000,
	 .setting = "concurrency.min",
	 .help = "Runs under way at once, however slow the machine is."},
	{.name = "concurrency-max",
	 .argument = "N",
	 .kind = OPTION_NUMBER,
	 .offset = AT(concurrency_max),
	 .fallback = 64,
	 .min = 1,
	 .max = 9000,
	 .setting = "concurrency.max",
	 .help = "The most at once. In between, the number follows how much longer runs take than "
		 "when "
		 "the machine has little to do."},
	{.name = "concurrency-reserve",
	 .argument = "N",
	 .kind = OPTION_NUMBER,
	 .offset = AT(concurrency_reserve),
	 .fallback = 16,
	 .min = 0,
	 .max = 1000,
	 .setting = "concurrency.reserve",
	 .help = "Past that, for tenants who have nothing running and have waited for a second "
		 "(bulk: "
		 "ten): one run each. So nobody keeps all slots by sleeping in them."},
	{.name = "floor-interactive",
	 .argument = "N",
	 .kind = OPTION_NUMBER,
	 .offset = AT(floor[0]),
	 .fallback = 4,
	 .min = 0,
	 .max = 10000,
	 .setting = "floor.interactive",
	 .help = "Of these, what interactive runs get whenever they ask. Bulk runs may borrow it; "
		 "interactive ones do not wait for them to end, but start beside them."},
	{.name = "floor-bulk",
	 .argument = "N",
	 .kind = OPTION_NUMBER,
	 .offset = AT(floor[1]),
	 .fallback = 2,
	 .min = 0,
	 .max = 10000,
	 .setting = "floor.bulk",
	 .help = "The same for bulk runs, who do wait. Both floors together are at most "
		 "concurrency.min."},
	{.name = "queue-interactive",
	 .argument = "N",
	 .kind = OPTION_NUMBER,
	 .offset = AT(waiting[0]),
	 .fallback = 2000,
	 .min = 1,
	 .max = 1000000,
	 .setting = "queue.interactive",
	 .help = "Interactive runs that wait; the next is refused with status 429. One tenant has "
		 "room "
		 "for half of them."},
	{.name = "queue-bulk",
	 .argument = "N",
	 .kind = OPTION_NUMBER,
	 .offset = AT(waiting[1]),
	 .fallback = 10000,
	 .min = 1,
	 .max = 1000000,
	 .setting = "queue.bulk",
	 .help = "The same for bulk runs."},
	{.name = "queue-target",
	 .argument = "MILLISECONDS",
	 .kind = OPTION_NUMBER,
	 .offset = AT(target_ms),
	 .fallback = 10000,
	 .min = 0,
	 .max = 3600000,
	 .setting = "queue.target",
	 .help = "When no interactive run has waited for less than that for half a second, some "
		 "are let "
		 "go; 0: they wait as long as it takes."},
	{.name = "attempts-interactive",
	 .argument = "N",
	 .kind = OPTION_NUMBER,
	 .offset = AT(attempts[0]),
	 .fallback = 2,
	 .min = 1,
	 .max = 10,
	 .setting = "attempts.interactive",
	 .help = "How often a run is begun when the platform fails it and it is safe to run it "
		 "again."},
	{.name = "attempts-bulk",
	 .argument = "N",
	 .kind = OPTION_NUMBER,
	 .offset = AT(attempts[1]),
	 .fallback = 3,
	 .min = 1,
	 .max = 10,
	 .setting = "attempts.bulk",
	 .help = "The same for bulk runs."},
	{.name = "rate-address",
	 .argument = "N",
	 .kind = OPTION_NUMBER,
	 .offset = AT(rate_address),
	 .fallback = 20000,
	 .min = 0,
	 .max = 1000000,
	 .setting = "rate.address",
	 .help = "Requests a second of one address (of IPv6: one /64), with bursts of twice as "
		 "many; 0: no limit."},
	{.name = "rate-key",
	 .argument = "N",
	 .kind = OPTION_NUMBER,
	 .offset = AT(rate_key),
	 .fallback = 10000,
	 .min = 0,
	 .max = 1000000,
	 .setting = "rate.key",
	 .help = "The same of one API key."},
	{.name = "keep-days",
	 .argument = "DAYS",
	 .kind = OPTION_NUMBER,
	 .offset = AT(keep_days),
	 .fallback = 30,
	 .min = 1,
	 .max = 36500,
	 .setting = "keep.days",
	 .help = "How long runs that are over are kept: results, logs, payloads of tool calls, "
		 "idempotency keys. Receipts and journals stay."},
	{.name = "platform",
	 .argument = "FILE",
	 .kind = OPTION_TEXT,
	 .offset = AT(platform),
	 .setting = "platform",
	 .help = "Service tiers and prices, as YAML or JSON: docs/platform.md. Default: tiers "
		 "without ceilings, for everybody; no prices."},
	{.name = "billing-zone",
	 .argument = "ZONE",
	 .kind = OPTION_TEXT,
	 .offset = AT(billing_zone),
	 .preset = "UTC",
	 .setting = "billing.zone",
	 .help = "The time zone whose days are billed, such as Europe/Berlin. Default: UTC."},
	{.name = "ledger-key",
	 .argument = "FILE",
	 .kind = OPTION_TEXT,
	 .offset = AT(ledger_key),
	 .setting = "ledger.key",
	 .help = "What the ledger's signing keys are encrypted with: a file of 64 hexadecimal "
		 "digits. Default: the systemd credential `ledger-key` if there is one, else "
		 "`ledger.key` in the data directory, made at the first start."},
	{.name = "log-origin",
	 .argument = "NAME",
	 .kind = OPTION_TEXT,
	 .offset = AT(log_origin),
	 .setting = "log.origin",
	 .help = "The log's name in checkpoints, such as log.example.com/cordon; given once, at "
		 "the first start. Default: a name that no other log has."},
	{.name = "log-interval",
	 .argument = "MILLISECONDS",
	 .kind = OPTION_NUMBER,
	 .offset = AT(log_interval),
	 .fallback = 500,
	 .min = 10,
	 .max = 60000,
	 .setting = "log.interval",
	 .help = "How long an entry waits for a signed checkpoint at most."},
	{.name = "log-batch",
	 .argument = "N",
	 .kind = OPTION_NUMBER,
	 .offset = AT(log_batch),
	 .fallback = 4096,
	 .min = 1,
	 .max = 1000000,
	 .setting = "log.batch",
	 .help = "Entries after which there is a checkpoint before that."},
	{.name = "log-rotate-days",
	 .argument = "DAYS",
	 .kind = OPTION_NUMBER,
	 .offset = AT(log_rotate_days),
	 .fallback = 90,
	 .min = 0,
	 .max = 3650,
	 .setting = "log.rotate_days",
	 .help = "How long the ledger signs with the same keys; 0: until `cordon log rotate`."},
	{.name = "log-witness",
	 .argument = "KEYS",
	 .kind = OPTION_TEXT,
	 .offset = AT(log_witness),
	 .setting = "log.witness",
	 .help = "Verifier keys of witnesses whose signatures under checkpoints are taken, with "
		 "commas between them."},
	{.name = "stop-deadline",
	 .argument = "SECONDS",
	 .kind = OPTION_NUMBER,
	 .offset = AT(stop_s),
	 .fallback = 10,
	 .min = 0,
	 .max = 3600,
	 .setting = "stop.deadline",
	 .help = "Seconds that runs under way have when the daemon is told to end."},
	{0}};
#undef AT

const struct command up_commands[] = {{.name = "up",
				       .what = "Serves the HTTP API, in the foreground.",
				       .text = "Serves the HTTP API in the foreground until SIGINT "
					       "or SIGTERM, and prints the line "
					       "`ready URL` when it does.\n"
					       "When it is told to end, runs that are under way "
					       "have --stop-deadline seconds; a second signal "
					       "ends them at once.",
				       .rows = rows,
				       .shared = options_help_only,
				       .size = sizeof(struct up_options),
				       .run = up},
				      {0}};
