/* `cordon doctor`: starts the platform with whatever jail is to be had, and says what that is. */
#include "cli/commands.h"
#include "cli/link.h"
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

static void print_number(const char *label, const char *path)
{
	FILE *f = fopen(path, "re");
	char line[128] = "";

	if (!f)
		return;
	if (fgets(line, sizeof(line), f))
		printf("  %-28s %s%s", label, line, strchr(line, '\n') ? "" : "\n");
	fclose(f);
}

static void machine(void)
{
	struct utsname u;
	struct rlimit files;

	puts("Machine");
	if (uname(&u) == 0)
		printf("  %-28s %s %s %s\n", "kernel", u.sysname, u.release, u.machine);
	printf("  %-28s %ld\n", "processors", sysconf(_SC_NPROCESSORS_ONLN));
	printf("  %-28s %ld MiB\n", "memory",
	       sysconf(_SC_PHYS_PAGES) / 1024 * (sysconf(_SC_PAGESIZE) / 1024));
	printf("  %-28s %s\n", "started as", geteuid() == 0 ? "root" : "an ordinary user");
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
		printf("  %-28s %llu (two for each sandbox alive)\n", "open files, hard limit",
		       (unsigned long long)files.rlim_max);
	print_number("kernel.pid_max", "/proc/sys/kernel/pid_max");
	print_number("user.max_user_namespaces", "/proc/sys/user/max_user_namespaces");
	print_number("kernel.unprivileged_userns_clone",
		     "/proc/sys/kernel/unprivileged_userns_clone");
	print_number("apparmor_restrict_userns",
		     "/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
}

static int has(struct wire_bytes jail, const char *part)
{
	char text[64];

	snprintf(text, sizeof(text), "\"%s\":true", part);
	return memmem(jail.data, jail.len, text, strlen(text)) != NULL;
}

static int parts(struct wire_bytes jail)
{
	int full = 1;

	puts("Jail");
	for (int i = 0; i < JAIL_PART_COUNT; i++) {
		int on = has(jail, jail_part_text(i)), required = jail_part_required(i);

		printf("  %s %-20s %s\n",
		       on	  ? "yes"
		       : required ? "NO "
				  : "no ",
		       jail_part_text(i), jail_part_what(i));
		if (!on && remedies[i])
			printf("      remedy: %s\n", remedies[i]);
		if (!on && required)
			full = 0;
	}
	return full;
}

static int doctor(const struct call *call)
{
	static const char *const args[] = {"--pool-floor=1", NULL};
	struct link l;
	struct err e;
	struct msg m;
	int status = EXIT_PLATFORM, r;

	(void)call;
	machine();
	r = link_start(&l, 0, args, &e);
	if (r == 0)
		r = link_next(&l, &m, &e);
	if (r == 1 && m.type == MSG_NODE_READY && !m.node_ready.error_code.len) {
		int full = parts(m.node_ready.jail);

		puts(full ? "Every required part of the jail is in force."
			  : "The jail is NOT full: `cordon run` refuses, unless told --jail "
			    "available.");
		status = full ? 0 : EXIT_PLATFORM;
	} else if (r == 1 && m.type == MSG_NODE_READY) {
		printf("Cordon cannot start: %.*s\n", (int)m.node_ready.error.len,
		       (const char *)m.node_ready.error.data);
	} else {
		printf("Cordon cannot start: %s\n", r < 0 ? e.message : "the node ended");
	}
	link_stop(&l);
	return status;
}

const struct command doctor_commands[] = {
	{.name = "doctor",
	 .what = "Tells what this machine offers for the jail, and what is missing.",
	 .text = "Tells which parts of the jail this machine offers, and for each missing one the "
		 "remedy.",
	 .shared = options_help_only,
	 .size = sizeof(struct shared_options),
	 .run = doctor},
	{0}};
