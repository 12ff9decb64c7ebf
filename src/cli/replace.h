/* Files that are replaced as a whole: a reader sees the old one or the new one. */
#pragma once

#include "base/macros.h"

#include <sys/types.h>

/* What is in it is on the disk when it returns 0; -errno: the file is as it was. */
int replace_file(const char *path, const void *data, size_t len, mode_t mode);

/* The same for a file that must not be there yet. -EEXIST: it is. */
int replace_new(const char *path, const void *data, size_t len, mode_t mode);

/*
 * Takes PATH.lock for this process until *ret_fd is closed: a lock of its own, as the file itself
 * is replaced. -EBUSY: another process has it.
 */
int lock_beside(const char *path, int *ret_fd);
