#include "evidence/merkle.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { LEVEL_MAX = 63 };

void merkle_tile_path(int level, uint64_t n, unsigned width, char out[TILE_PATH_SIZE])
{
	uint64_t unit = 1;
	int at;

	at = level < 0 ? snprintf(out, TILE_PATH_SIZE, "entries/")
		       : snprintf(out, TILE_PATH_SIZE, "%d/", level);
	while (n / unit >= 1000)
		unit *= 1000;
	for (; unit > 1; unit /= 1000)
		at += snprintf(out + at, (size_t)(TILE_PATH_SIZE - at), "x%03u/",
			       (unsigned)(n / unit % 1000));
	at += snprintf(out + at, (size_t)(TILE_PATH_SIZE - at), "%03u", (unsigned)(n % 1000));
	if (width < TILE_WIDTH)
		snprintf(out + at, (size_t)(TILE_PATH_SIZE - at), ".p/%u", width);
}

/* Decimal digits; *p is moved past them. Values too large for anything here wrap, and then differ.
 */
static uint64_t number(const char **p)
{
	uint64_t v = 0;

	for (; **p >= '0' && **p <= '9'; (*p)++)
		v = v * 10 + (uint64_t)(**p - '0');
	return v;
}

/* Reads what may be a path, and takes it if writing what was read gives the same again. */
int merkle_tile_parse(const char *path, int *ret_level, uint64_t *ret_n, unsigned *ret_width)
{
	static const char entries[] = "entries/";
	uint64_t level = 0, n = 0, width = TILE_WIDTH;
	char again[TILE_PATH_SIZE];
	int is_entries = !strncmp(path, entries, sizeof(entries) - 1);
	const char *p = path;

	if (strlen(path) >= TILE_PATH_SIZE)
		return -EINVAL;
	if (is_entries)
		p += sizeof(entries) - 1;
	else
		level = number(&p);
	if (level > LEVEL_MAX || (!is_entries && *p++ != '/'))
		return -EINVAL;
	for (; *p == 'x'; p++) {
		p++;
		n = n * 1000 + number(&p);
		if (*p != '/')
			return -EINVAL;
	}
	n = n * 1000 + number(&p);
	if (!strncmp(p, ".p/", 3)) {
		p += 3;
		width = number(&p);
		if (width == 0 || width >= TILE_WIDTH)
			return -EINVAL;
	}
	merkle_tile_path(is_entries ? -1 : (int)level, n, (unsigned)width, again);
	if (*p || strcmp(path, again) != 0)
		return -EINVAL;
	*ret_level = is_entries ? -1 : (int)level;
	*ret_n = n;
	*ret_width = (unsigned)width;
	return 0;
}
