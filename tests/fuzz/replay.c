/* Runs a fuzz target over files, for machines and lanes without a fuzzer. Prints TAP. */
#include "os/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
	size_t files = 0;
	struct dirent *e;
	DIR *d;

	if (argc != 2 || !(d = opendir(argv[1]))) {
		printf("Bail out! a directory of inputs is needed\n");
		return 1;
	}
	while ((e = readdir(d))) {
		_cleanup_fd_ int fd = openat(dirfd(d), e->d_name, O_RDONLY | O_CLOEXEC);
		_cleanup_free_ char *data = NULL;
		size_t len;

		if (e->d_name[0] == '.' || fd < 0 || fd_read_file(fd, 64 << 20, &data, &len) < 0)
			continue;
		/* Every prefix too: truncation is the commonest damage. */
		for (size_t n = 0; n <= len; n += n < 512 ? 1 : len / 64 + 1)
			LLVMFuzzerTestOneInput((const uint8_t *)data, n);
		LLVMFuzzerTestOneInput((const uint8_t *)data, len);
		files++;
	}
	closedir(d);
	printf("1..1\n%s 1 - %zu inputs of %s replayed\n", files ? "ok" : "not ok", files, argv[1]);
	return files ? 0 : 1;
}
