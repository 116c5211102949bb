/* SPDX-License-Identifier: Apache-2.0 */
/* Where XRT and the software card's own programs are. Must not know about: cards. */
#define _GNU_SOURCE /* dlinfo, link_map */
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hls/softcard/softcard_internal.h"

#define COREUTIL "libxrt_coreutil.so.2"
#define SHIM "libxrt_swemu.so.2"
#define OPENCL "libxilinxopencl.so.2"

/* The folder of a path; false when it has none. */
static bool cut_name(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path)
        return false;
    *slash = '\0';
    return true;
}

static weft_status no_xrt(const char *found, weft_diag *diag)
{
    weft_status status =
        weft_diag_error(diag, WEFT_E_SOFTCARD_NO_XRT, "there is no XRT for the software card");
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%s with %s beside it", COREUTIL, SHIM);
    weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s", found);
    weft_diag_field_set(diag, WEFT_DIAG_TRY,
                        "apt-get install libxrt1 (Debian 12 and 13; newer ones libxrt2 and "
                        "libxrt-alveo2), or source the setup.sh of AMD's package");
    return status;
}

/* XRT 2.13 does not tell its version, and is the one whose shim breaks its heap in Debian's build;
 * in front of a sound one of that version ours changes nothing. */
static void read_version(void *library, softcard_xrt *out)
{
    unsigned int (*version_code)(void) = NULL;
    void *symbol = dlsym(library, "xrtVersionCode");
    memcpy(&version_code, &symbol, sizeof symbol);
    unsigned int code = version_code == NULL ? 2 << 16 | 13 : version_code();
    out->needs_shim = version_code == NULL;
    snprintf(out->text, sizeof out->text, "%u.%u%s (%s)", code >> 16, code & 0xffff,
             version_code == NULL ? " or older" : "", out->folder);
}

weft_status weft__softcard_find_xrt(softcard_xrt *out, weft_diag *diag)
{
    *out = (softcard_xrt){0};
    void *library = dlopen(COREUTIL, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
    if (library == NULL) {
        const char *why = dlerror();
        return no_xrt(why == NULL ? "nothing" : why, diag);
    }
    struct link_map *map = NULL;
    char path[SOFTCARD_PATH_BYTES + sizeof OPENCL];
    if (dlinfo(library, RTLD_DI_LINKMAP, &map) == 0)
        snprintf(out->folder, sizeof out->folder, "%s", map->l_name);
    bool is_whole = cut_name(out->folder);
    snprintf(path, sizeof path, "%s/%s", out->folder, SHIM);
    is_whole = is_whole && access(path, R_OK) == 0;
    read_version(library, out);
    dlclose(library);
    if (!is_whole)
        return no_xrt(out->text, diag);
    snprintf(path, sizeof path, "%s/%s", out->folder, OPENCL);
    if (access(path, R_OK) == 0)
        snprintf(out->opencl, sizeof out->opencl, "%.*s", (int)sizeof out->opencl - 1, path);
    return WEFT_OK;
}

weft_status weft__softcard_find_helper(const char *name, char out[SOFTCARD_PATH_BYTES],
                                       weft_diag *diag)
{
    static const char *const places[] = {"", "/../libexec/weft"};
    char folder[SOFTCARD_PATH_BYTES] = "";
    ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
    folder[length > 0 ? length : 0] = '\0';
    bool is_known = cut_name(folder);
    for (size_t i = 0; is_known && i < sizeof places / sizeof places[0]; i++) {
        int bytes = snprintf(out, SOFTCARD_PATH_BYTES, "%s%s/%s", folder, places[i], name);
        if (bytes > 0 && bytes < SOFTCARD_PATH_BYTES && access(out, R_OK) == 0)
            return WEFT_OK;
    }
    weft_status status =
        weft_diag_error(diag, WEFT_E_SOFTCARD_HELPER, "weft's own file %s is missing", name);
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "in %s or %s/../libexec/weft", folder, folder);
    weft_diag_field_set(diag, WEFT_DIAG_TRY, "make all, or install weft again");
    return status;
}
