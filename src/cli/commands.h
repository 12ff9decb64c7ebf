/* The commands of `cordon`. Each gets argv with argv[0] its own name, and returns the exit status.
 */
#pragma once

enum { EXIT_USAGE = 2, EXIT_PLATFORM = 5 };

int command_run(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_up(int argc, char **argv);

/* The daemon's data directory: `given`, or where it is by default. The caller frees it. */
char *data_directory(const char *given);
