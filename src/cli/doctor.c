/* `cordon doctor`: starts the platform with whatever jail is to be had, and says what that is. */
#include "base/json.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/link.h"
#include "cli/safe.h"
#include "os/jail.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

static const char *const remedies[JAIL_PART_COUNT] = {
	[JAIL_USER_NS] =
		"allow user namespaces: sysctl user.max_user_namespaces=15000; on Ubuntu also "
		"kernel.apparmor_restrict_unprivileged_userns=0; on older Debian "
		"kernel.unprivileged_userns_clone=1; in a container, run it with user namespaces "
		"allowed",
	[JAIL_MOUNT_NS] = "comes with the user namespace",
	[JAIL_NET_NS] = "comes with the user namespace",
	[JAIL_IPC_NS] = "comes with the user namespace",
	[JAIL_UTS_NS] = "comes with the user namespace",
	[JAIL_PID_NS] = "comes with the user namespace",
	[JAIL_CGROUP_NS] = "comes with the user namespace",
	[JAIL_ROOT] = "comes with the mount namespace",
	[JAIL_CAPABILITIES] = "run Cordon as an ordinary user, or allow user namespaces",
	[JAIL_LANDLOCK] = "a kernel of 5.13 or later with landlock in CONFIG_LSM or lsm=",
	[JAIL_CGROUP] = "a delegated cgroup v2: run Cordon as a systemd service with Delegate=yes, "
			"or as root",
	[JAIL_SECCOMP] = "a kernel with CONFIG_SECCOMP_FILTER",
};

/* What there is to tell, found out before anything is printed. */
struct finding {
	struct client client;
	int answers, ready; /* the daemon */
	struct buf jail;    /* as the node describes it; empty: it could not start */
	struct err e;	    /* why not */
};

static const struct {
	const char *label, *member, *path;
} settings[] = {
	{"kernel.pid_max", "pid_max", "/proc/sys/kernel/pid_max"},
	{"user.max_user_namespaces", "max_user_namespaces", "/proc/sys/user/max_user_namespaces"},
	{"kernel.unprivileged_userns_clone", "unprivileged_userns_clone",
	 "/proc/sys/kernel/unprivileged_userns_clone"},
	{"apparmor_restrict_userns", "apparmor_restrict_userns",
	 "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"},
};

/* The number in a file of one line; -1: there is none. */
static long long setting(const char *path)
{
	FILE *f = fopen(path, "re");
	char line[64] = "", *end = line;
	long long n;

	if (!f)
		return -1;
	n = fgets(line, sizeof(line), f) ? strtoll(line, &end, 10) : -1;
	fclose(f);
	return end == line ? -1 : n;
}

static long memory_mib(void)
{
	return sysconf(_SC_PHYS_PAGES) / 1024 * (sysconf(_SC_PAGESIZE) / 1024);
}

static void look(struct finding *f)
{
	static const char *const args[] = {"--pool-floor=1", NULL};
	struct msg m = {0};
	struct link l;
	int r;

	f->answers = client_alive(&f->client);
	if (f->answers) {
		_cleanup_reply_ struct reply reply = {0};
		struct err e;

		f->ready = client_call(&f->client,
				       &(struct request){.method = "GET", .path = "/readyz"},
				       &reply, &e) == 0;
	}
	r = link_start(&l, 0, args, &f->e);
	if (r == 0)
		r = link_next(&l, &m, &f->e);
	if (r == 0)
		err_set(&f->e, 0, "platform.start", "the node ended");
	if (r == 1 && m.type == MSG_NODE_READY && !m.node_ready.error_code.len)
		buf_add(&f->jail, m.node_ready.jail.data, m.node_ready.jail.len);
	else if (r == 1 && m.type == MSG_NODE_READY)
		err_set(&f->e, 0, "platform.start", "%.*s", (int)m.node_ready.error.len,
			(const char *)m.node_ready.error.data);
	link_stop(&l);
}

static int has(const struct finding *f, enum jail_part part)
{
	struct jsonview jail = {0};

	jsonview_open(&jail, f->jail.data, f->jail.len);
	return jsonview_is(jsonview_get(jsonview_get(jail, "parts"), jail_part_text(part)), "true");
}

static int is_full(const struct finding *f)
{
	for (int i = 0; i < JAIL_PART_COUNT; i++)
		if (jail_part_required(i) && !has(f, i))
			return 0;
	return f->jail.len > 0;
}

static void print_machine(void)
{
	struct utsname u;
	struct rlimit files;

	puts("Machine");
	if (uname(&u) == 0)
		printf("  %-28s %s %s %s\n", "kernel", u.sysname, u.release, u.machine);
	printf("  %-28s %ld\n", "processors", sysconf(_SC_NPROCESSORS_ONLN));
	printf("  %-28s %ld MiB\n", "memory", memory_mib());
	printf("  %-28s %s\n", "started as", geteuid() == 0 ? "root" : "an ordinary user");
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
		printf("  %-28s %llu (two for each sandbox alive)\n", "open files, hard limit",
		       (unsigned long long)files.rlim_max);
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if (setting(settings[i].path) >= 0)
			printf("  %-28s %lld\n", settings[i].label, setting(settings[i].path));
}

static void print_daemon(const struct finding *f)
{
	puts("Daemon");
	printf("  %-28s ", "looked for at");
	safe_print(stdout, client_where(&f->client), strlen(client_where(&f->client)));
	printf("\n  %-28s %s\n", "answers",
	       f->ready	    ? "yes, and serves runs"
	       : f->answers ? "yes, but no node is ready for runs"
			    : "no");
}

static void print_jail(const struct finding *f)
{
	puts("Jail");
	for (int i = 0; i < JAIL_PART_COUNT; i++) {
		int on = has(f, i), required = jail_part_required(i);

		printf("  %s %-20s %s\n",
		       on	  ? "yes"
		       : required ? "NO "
				  : "no ",
		       jail_part_text(i), jail_part_what(i));
		if (!on && remedies[i])
			printf("      remedy: %s\n", remedies[i]);
	}
	puts(is_full(f) ? "Every required part of the jail is in force."
			: "The jail is NOT full: `cordon run` refuses, unless told --jail "
			  "available.");
}

static void print_json(const struct finding *f)
{
	_cleanup_buf_ struct buf b = BUF_INIT(1 << 20);
	struct utsname u = {0};
	struct rlimit files = {0};

	uname(&u);
	getrlimit(RLIMIT_NOFILE, &files);
	buf_adds(&b, "{\"machine\":{\"kernel\":");
	json_quote_str(&b, u.release);
	buf_adds(&b, ",\"architecture\":");
	json_quote_str(&b, u.machine);
	buf_addf(&b, ",\"processors\":%ld,\"memory_mib\":%ld,\"root\":%s,\"open_files\":%llu",
		 sysconf(_SC_NPROCESSORS_ONLN), memory_mib(), geteuid() == 0 ? "true" : "false",
		 (unsigned long long)files.rlim_max);
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if (setting(settings[i].path) >= 0)
			buf_addf(&b, ",\"%s\":%lld", settings[i].member, setting(settings[i].path));
	buf_adds(&b, "},\"daemon\":{\"where\":");
	json_quote_str(&b, client_where(&f->client));
	buf_addf(&b, ",\"answers\":%s,\"ready\":%s},\"jail\":", f->answers ? "true" : "false",
		 f->ready ? "true" : "false");
	if (f->jail.len)
		json_line(&b, f->jail.data, f->jail.len);
	else
		buf_adds(&b, "null");
	buf_adds(&b, ",\"error\":");
	if (f->jail.len) {
		buf_adds(&b, "null");
	} else {
		buf_adds(&b, "{\"code\":");
		json_quote_str(&b, f->e.code);
		buf_adds(&b, ",\"message\":");
		json_quote_str(&b, f->e.message);
		buf_addc(&b, '}');
	}
	buf_adds(&b, "}\n");
	fwrite(b.data, 1, b.len, stdout);
}

static int doctor(const struct call *call)
{
	const struct shared_options *o = call->options;
	struct finding f = {.jail = BUF_INIT(1 << 16)};
	int status;

	if (client_init(&f.client, o, &f.e) < 0)
		return api_usage(call, &f.e);
	if (!o->json) {
		print_machine();
		fflush(stdout);
	}
	look(&f);
	status = is_full(&f) ? 0 : EXIT_PLATFORM;
	if (o->json) {
		print_json(&f);
	} else {
		print_daemon(&f);
		if (f.jail.len)
			print_jail(&f);
		else
			printf("Cordon cannot start: %s\n", f.e.message);
	}
	client_done(&f.client);
	buf_done(&f.jail);
	return status;
}

const struct command doctor_commands[] = {
	{.name = "doctor",
	 .what = "Tells what this machine offers for the jail, and what is missing.",
	 .text = "Tells which parts of the jail this machine offers, and for each missing one the "
		 "remedy; and whether a daemon answers.",
	 .shared = options_daemon,
	 .size = sizeof(struct shared_options),
	 .run = doctor},
	{0}};
