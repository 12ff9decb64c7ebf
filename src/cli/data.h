/* Where the daemon keeps its state, and its socket. */
#pragma once

/*
 * `given`, or the default: $XDG_STATE_HOME/cordon if that variable is an absolute path, else
 * /var/lib/cordon as root, ~/.local/state/cordon otherwise. The caller frees it.
 */
char *data_directory(const char *given);

/* The daemon's socket in it. The caller frees it. */
char *data_socket(const char *directory);
