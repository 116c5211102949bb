/* SPDX-License-Identifier: Apache-2.0 */
/* PoCL's cache folder; see pocl.h. Must not know about: OpenCL. */
#define _XOPEN_SOURCE 700 /* nftw; includes POSIX.1-2008 */

#include "cli/pocl.h"

#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/memory.h"

enum { OPEN_FOLDERS = 16 };

char *weft_cli_pocl_cache_dir(void)
{
    const char *own = getenv("POCL_CACHE_DIR"), *xdg = getenv("XDG_CACHE_HOME"),
               *home = getenv("HOME");
    if (own != NULL && own[0] != '\0')
        return weft_cli_strdup(own);
    if (xdg != NULL && xdg[0] != '\0')
        return weft_cli_printf("%s/pocl/kcache", xdg);
    return home == NULL ? NULL : weft_cli_printf("%s/.cache/pocl/kcache", home);
}

/* Makes the folder and its ancestors; whether files can be made in it. */
static bool make_folder(char *path)
{
    for (char *at = strchr(path + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        mkdir(path, 0777);
        *at = '/';
    }
    return (mkdir(path, 0777) == 0 || errno == EEXIST) && access(path, W_OK | X_OK) == 0;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info, (void)kind, (void)place;
    return remove(path);
}

/* atexit hands nothing over, and PoCL itself reads the name from here. */
static void remove_temporary(void)
{
    const char *path = getenv("POCL_CACHE_DIR");
    if (path != NULL)
        nftw(path, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
}

void weft_cli_pocl_prepare(weft_cli *cli)
{
    char *wanted = weft_cli_pocl_cache_dir();
    if (wanted == NULL || wanted[0] == '\0' || make_folder(wanted)) {
        free(wanted);
        return;
    }
    const char *parent = getenv("TMPDIR");
    char *folder = weft_cli_printf("%s/weft-pocl-XXXXXX",
                                   parent == NULL || parent[0] == '\0' ? "/tmp" : parent);
    if (mkdtemp(folder) != NULL && setenv("POCL_CACHE_DIR", folder, 1) == 0) {
        atexit(remove_temporary);
        weft_cli_note(&cli->errors, WEFT_SEVERITY_NOTE, "PoCL's cache %s cannot be written",
                      wanted);
        weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY,
                             "set XDG_CACHE_HOME to a writable folder; until then kernels are "
                             "compiled anew");
    }
    free(folder);
    free(wanted);
}
