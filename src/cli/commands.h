/* The commands of `cordon`. Each gets argv with argv[0] its own name, and returns the exit status.
 */
#pragma once

enum { EXIT_USAGE = 2, EXIT_PLATFORM = 5 };

int command_run(int argc, char **argv);
int command_doctor(int argc, char **argv);
