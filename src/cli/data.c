#include "cli/data.h"

#include "base/macros.h"

#include <stdlib.h>
#include <unistd.h>

char *data_directory(const char *given)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (given)
		return xstrdup(given);
	if (state && *state == '/')
		return xasprintf("%s/cordon", state);
	if (geteuid() == 0)
		return xstrdup("/var/lib/cordon");
	return xasprintf("%s/.local/state/cordon", home && *home ? home : "/tmp");
}

char *data_socket(const char *directory)
{
	return xasprintf("%s/control.sock", directory);
}
