#include "control/day.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A compiled zone (RFC 9636); a folder of zones, or a table, would do for UTC without a word. */
static int check_file(const char *path)
{
	char magic[4] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, magic, sizeof(magic));

	if (fd >= 0)
		close(fd);
	return n == sizeof(magic) && !memcmp(magic, "TZif", sizeof(magic)) ? 0 : -ENOENT;
}

int day_zone(const char *name)
{
	char path[DAY_ZONE_SIZE + 32];

	if (!name || !*name)
		name = "UTC";
	/* The C library takes any name, and says nothing if it knows no such zone. */
	if (strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") !=
		    strlen(name) ||
	    name[0] == '/' || strlen(name) >= DAY_ZONE_SIZE)
		return -EINVAL;
	snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
	if (strcmp(name, "UTC") != 0 && check_file(path) < 0)
		return -ENOENT;
	setenv("TZ", name, 1);
	tzset();
	return 0;
}

static struct tm local(int64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm = {0};

	localtime_r(&s, &tm);
	return tm;
}

void day_of(int64_t ms, char out[DAY_SIZE])
{
	struct tm tm = local(ms);
	char text[64];

	snprintf(text, sizeof(text), "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1,
		 tm.tm_mday);
	snprintf(out, DAY_SIZE, "%.10s", text);
}

int64_t day_end(int64_t ms)
{
	struct tm tm = local(ms);

	tm.tm_mday++;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_isdst = -1; /* midnight, whatever the clock says then */
	return (int64_t)mktime(&tm) * 1000;
}
