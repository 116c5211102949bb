/* SPDX-License-Identifier: Apache-2.0 */
/* See xrt_backend.h. A claim is a lock on a file of this process, so that there is no state besides
 * what the system keeps. Must not know about: XRT's API. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "runtime/backends/xrt/xrt_backend.h"

enum { PATH_BYTES = 4096 };

/* Where the emulation itself puts files. */
static void name_file(unsigned int index, char out[PATH_BYTES])
{
    const char *folder = getenv("SDACCEL_EM_RUN_DIR");
    snprintf(out, PATH_BYTES, "%s/weft-card-%ld-%u",
             folder == NULL || folder[0] == '\0' ? "/tmp" : folder, (long)getpid(), index);
}

int weft__xrt_claim(unsigned int index)
{
    char path[PATH_BYTES];
    name_file(index, path);
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file >= 0 && flock(file, LOCK_EX | LOCK_NB) == 0)
        return file;
    if (file >= 0)
        close(file);
    return -1;
}

void weft__xrt_unclaim(int claim, unsigned int index)
{
    char path[PATH_BYTES];
    if (claim < 0)
        return;
    name_file(index, path);
    unlink(path);
    close(claim);
}
