/* SPDX-License-Identifier: Apache-2.0 */
/* Files that have no name until they are complete: the system removes them when the process ends.
 */
#ifndef WEFT_BASE_UNNAMED_H
#define WEFT_BASE_UNNAMED_H

/* Opens a file without a name for writing, in the folder of path. 0 or an errno; *out_fd is -1 on
 * failure, as it is where the file system has no such files. */
int weft_unnamed_open(const char *path, int *out_fd);
/* Gives it a name, which must not exist. 0 or an errno. */
int weft_unnamed_link(int fd, const char *path);

#endif
