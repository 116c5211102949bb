/* SPDX-License-Identifier: Apache-2.0 */
/* Files without a name, where Linux has them. Must not know about: who writes what. */
#define _GNU_SOURCE /* O_TMPFILE */

#include "compiler/base/unnamed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINK_TEXT_BYTES = 40 };

/* The name under which a process without privileges can reach its open file. */
static void format_link(int fd, char text[LINK_TEXT_BYTES])
{
    snprintf(text, LINK_TEXT_BYTES, "/proc/self/fd/%d", fd);
}

int weft_unnamed_open(const char *path, int *out_fd)
{
    *out_fd = -1;
#ifdef O_TMPFILE
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    char link[LINK_TEXT_BYTES], *folder = malloc(length + 2);
    if (folder == NULL)
        return ENOMEM;
    memcpy(folder, path, length);
    memcpy(folder + length, ".", 2);
    int fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
    int error = fd < 0 ? errno : 0;
    free(folder);
    if (fd < 0)
        return error;
    format_link(fd, link);
    if (access(link, F_OK) != 0) { /* no /proc: it could never get a name */
        close(fd);
        return ENOTSUP;
    }
    *out_fd = fd;
    return 0;
#else
    (void)path;
    return ENOTSUP;
#endif
}

int weft_unnamed_link(int fd, const char *path)
{
    char link[LINK_TEXT_BYTES];
    format_link(fd, link);
    return linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
}
