/*
 * Measures a real cordon-ledger, whose supervisor and control this program plays. It trusts the
 * process it measures, and holds nothing but what it has made itself.
 *
 *   ledger LEDGER --make DIRECTORY     writes a small log for tests
 */
#include "bench/ledger_make.h"

#include <err.h>
#include <string.h>

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[2], "--make")) {
		make_small(argv[1], argv[3]);
		return 0;
	}
	if (argc == 5 && !strcmp(argv[2], "--append")) {
		static const char *const options[] = {NULL};
		struct process p;

		process_start(&p, argv[1], argv[3], options);
		make_append(&p, 0, strtoull(argv[4], NULL, 10), 64, 1, 0);
		process_stop(&p, 0);
		return 0;
	}
	errx(2, "usage: ledger LEDGER --make DIRECTORY | --append DIRECTORY N");
}
