/* SPDX-License-Identifier: Apache-2.0 */
/* See api.h. Must not know about: packages, engines. */
#include "runtime/backends/xrt/api.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char library_name[] = "libxrt_coreutil.so.2";
enum { PATH_BYTES = 4096 };

/* What getenv gave; NULL for an empty text, too. */
static const char *text_of(const char *text)
{
    return text == NULL || text[0] == '\0' ? NULL : text;
}

static const char *library_to_open(void)
{
    const char *named = text_of(getenv("WEFT_XRT_LIBRARY"));
    return named == NULL ? library_name : named;
}

/* ---- names ---- */

static const char *const mode_names[] = {"hw", "noop", "sw_emu", "hw_emu"};

xrt_mode weft__xrt_mode(void)
{
    const char *wanted = getenv("XCL_EMULATION_MODE"); /* set and empty: XRT refuses that, too */
    if (wanted == NULL)
        return XRT_MODE_CARD;
    int mode = XRT_MODE_NOOP;
    while (mode < XRT_MODE_UNKNOWN && strcmp(wanted, mode_names[mode]) != 0)
        mode++;
    return (xrt_mode)mode;
}

const char *weft__xrt_mode_name(xrt_mode mode)
{
    return mode < XRT_MODE_UNKNOWN ? mode_names[mode] : "unknown";
}

const char *weft__xrt_run_state_name(int state)
{
    static const char *const names[] = {"never started", "new",      "queued",  "running",
                                        "completed",     "error",    "aborted", "submitted",
                                        "timed out",     "no answer"};
    return state >= 0 && (size_t)state < sizeof names / sizeof names[0] ? names[state] : "unknown";
}

/* ---- guards ---- */

static bool is_file(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

/* The newest release looks for the part that drives cards, or emulates them, beside its own
 * library. */
static bool needs_folder(void *library)
{
    enum { FIRST_WITHOUT = 2 << 16 | 25 }; /* 2.25 */
    unsigned int (*version_code)(void) = NULL;
    void *symbol = dlsym(library, "xrtVersionCode"); /* not in 2.13 */
    memcpy(&version_code, &symbol, sizeof symbol);
    return version_code == NULL || version_code() < FIRST_WITHOUT;
}

/* Older ones load it by this path. */
static bool check_shim(xrt_mode mode, char out_why[XRT_WHY_BYTES])
{
    static const char *const shims[] = {"core", "noop", "swemu", "hwemu"};
    const char *root = text_of(getenv("XILINX_XRT"));
    char path[PATH_BYTES];
    if (root == NULL) {
        snprintf(out_why, XRT_WHY_BYTES,
                 "XILINX_XRT is not set: source /opt/xilinx/xrt/setup.sh, or run under weft "
                 "softcard");
        return false;
    }
    snprintf(path, sizeof path, "%s/lib/libxrt_%s.so.2", root, shims[mode]);
    if (is_file(path))
        return true;
    snprintf(out_why, XRT_WHY_BYTES,
             "%s/lib has no libxrt_%s.so.2, which XRT needs for mode %s: set XILINX_XRT to an XRT "
             "that has it (a folder whose lib is a link to Debian's is enough)",
             root, shims[mode], weft__xrt_mode_name(mode));
    return false;
}

/* Without them the emulation ends the process or waits for a program that never starts. */
static bool check_emulation(char out_why[XRT_WHY_BYTES])
{
    const char *vitis = text_of(getenv("XILINX_VITIS"));
    char program[PATH_BYTES];
    static const char *const places[] = {"sw_emu", "cpu_em"};
    if (text_of(getenv("USER")) == NULL) {
        snprintf(out_why, XRT_WHY_BYTES,
                 "USER is not set, which XRT's emulation names its socket by: set it, or run under "
                 "weft softcard");
        return false;
    }
    for (size_t i = 0; vitis != NULL && i < sizeof places / sizeof places[0]; i++) {
        snprintf(program, sizeof program,
                 "%s/data/emulation/unified/%s/generic_pcie/model/genericpciemodel", vitis,
                 places[i]);
        if (access(program, X_OK) == 0)
            return true;
    }
    snprintf(out_why, XRT_WHY_BYTES,
             "XCL_EMULATION_MODE is sw_emu, but %s: run under weft softcard",
             vitis == NULL ? "XILINX_VITIS is not set"
                           : "XILINX_VITIS has no program for the emulated card");
    return false;
}

bool weft__xrt_is_ready(char out_why[XRT_WHY_BYTES], bool *out_is_absent)
{
    const char *name = library_to_open();
    xrt_mode mode = weft__xrt_mode();
    void *library = dlopen(name, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
    *out_is_absent = library == NULL;
    if (library == NULL) {
        const char *why = dlerror();
        snprintf(out_why, XRT_WHY_BYTES,
                 "XRT is not installed (%s): apt-get install libxrt1 (Debian 12), or AMD's package "
                 "xrt",
                 why == NULL ? name : why);
        return false;
    }
    bool is_folder_needed = needs_folder(library);
    dlclose(library);
    if (mode == XRT_MODE_UNKNOWN) {
        snprintf(out_why, XRT_WHY_BYTES,
                 "XCL_EMULATION_MODE is %s, which XRT does not know: unset it for a card, or "
                 "noop, sw_emu, hw_emu",
                 getenv("XCL_EMULATION_MODE"));
        return false;
    }
    return (!is_folder_needed || check_shim(mode, out_why)) &&
           (mode != XRT_MODE_SW_EMU || check_emulation(out_why));
}

/* ---- functions ---- */

bool weft__xrt_api_open(xrt_api *out_api, char out_why[XRT_WHY_BYTES])
{
    *out_api = (xrt_api){0};
    struct {
        const char *name;
        void *to;
    } functions[] = {{"xrtDeviceOpen", &out_api->device_open},
                     {"xrtDeviceOpenByBDF", &out_api->device_open_by_bdf},
                     {"xrtDeviceClose", &out_api->device_close},
                     {"xrtDeviceLoadXclbinFile", &out_api->device_load_xclbin_file},
                     {"xrtDeviceGetXclbinUUID", &out_api->device_get_xclbin_uuid},
                     {"xrtPLKernelOpen", &out_api->kernel_open},
                     {"xrtKernelClose", &out_api->kernel_close},
                     {"xrtKernelArgGroupId", &out_api->kernel_arg_group_id},
                     {"xrtKernelReadRegister", &out_api->kernel_read_register},
                     {"xrtKernelWriteRegister", &out_api->kernel_write_register},
                     {"xrtBOAlloc", &out_api->bo_alloc},
                     {"xrtBOSubAlloc", &out_api->bo_sub_alloc},
                     {"xrtBOFree", &out_api->bo_free},
                     {"xrtBOAddress", &out_api->bo_address},
                     {"xrtBOMap", &out_api->bo_map},
                     {"xrtBOSync", &out_api->bo_sync},
                     {"xrtRunOpen", &out_api->run_open},
                     {"xrtRunSetArg", &out_api->run_set_arg},
                     {"xrtRunStart", &out_api->run_start},
                     {"xrtRunWaitFor", &out_api->run_wait_for},
                     {"xrtRunState", &out_api->run_state},
                     {"xrtRunClose", &out_api->run_close}};
    out_api->library = dlopen(library_to_open(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (out_api->library == NULL) {
        const char *why = dlerror();
        snprintf(out_why, XRT_WHY_BYTES, "%s", why == NULL ? "it cannot be loaded" : why);
        return false;
    }
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        void *symbol = dlsym(out_api->library, functions[i].name);
        if (symbol == NULL) {
            snprintf(out_why, XRT_WHY_BYTES, "%s has no function %s", library_to_open(),
                     functions[i].name);
            weft__xrt_api_close(out_api);
            return false;
        }
        memcpy(functions[i].to, &symbol, sizeof symbol); /* POSIX: a function is a pointer */
    }
    return true;
}

void weft__xrt_api_close(xrt_api *api)
{
    if (api->library != NULL)
        dlclose(api->library);
    *api = (xrt_api){0};
}
