/* SPDX-License-Identifier: Apache-2.0 */
/* The folder and the variables under which XRT finds the software card:
 *
 *   FOLDER/          below /tmp, because XRT makes its sockets in /tmp/$USER: USER is this name
 *   xrt/lib          XRT's libraries (XILINX_XRT)
 *   vitis/data/...   what XRT takes for the vendor's model of a card: our device program
 *   emconfig.json    the cards
 *   xrt.ini          so that none beside the command is read
 *   icd/             all OpenCL platforms that are there, and XRT's
 *   run/             XRT's own files of a run
 *
 * Must not know about: processes, packages' contents. */
#define _XOPEN_SOURCE 700 /* nftw */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compiler/base/file.h"
#include "compiler/base/text.h"
#include "compiler/package/format.h"
#include "hls/softcard/softcard_internal.h"

#define DEVICE_PROGRAM "weft-softcard-device"
#define SHIM_LIBRARY "weft-softcard-shim.so"
#define MODEL "generic_pcie/model"
#define DEFAULT_VENDORS "/etc/OpenCL/vendors"

enum { MAX_DEVICES = 16, MAX_VARIABLES = 12, MAX_ICD_BYTES = 1 << 16, OPEN_FILES = 16 };

struct weft_softcard {
    weft_arena *arena;
    const char *folder;
    softcard_card card;
    softcard_xrt xrt;
    struct {
        const char *name, *value;
    } variables[MAX_VARIABLES];
    size_t variable_count;
};

static weft_status fail(const char *what, const char *path, weft_diag *diag)
{
    const char *why = strerror(errno);
    weft_status status = weft_diag_error(diag, WEFT_E_SOFTCARD_FOLDER, "cannot %s %s", what, path);
    weft_diag_field_set(diag, WEFT_DIAG_WHY, "%s", why);
    return status;
}

static const char *inside(weft_softcard *s, const char *name)
{
    return weft_arena_printf(s->arena, "%s/%s", s->folder, name);
}

static void set(weft_softcard *s, const char *name, const char *value)
{
    WEFT_ASSERT(s->variable_count < MAX_VARIABLES);
    s->variables[s->variable_count].name = name;
    s->variables[s->variable_count++].value = value;
}

/* ---- files ---- */

static weft_status make_folder(const char *path, weft_diag *diag)
{
    weft_file_make_folders(path);
    return access(path, W_OK) == 0 ? WEFT_OK : fail("make the folder", path, diag);
}

static weft_status make_link(const char *to, const char *path, weft_diag *diag)
{
    return symlink(to, path) == 0 ? WEFT_OK : fail("make the link", path, diag);
}

static weft_status write_text(const char *path, const char *text, size_t length, weft_diag *diag)
{
    FILE *file = fopen(path, "w");
    bool is_written = file != NULL && fwrite(text, 1, length, file) == length;
    if (file != NULL && fclose(file) != 0)
        is_written = false;
    return is_written ? WEFT_OK : fail("write", path, diag);
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info, (void)kind, (void)place;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

/* ---- parts ---- */

static weft_status make_xrt(weft_softcard *s, weft_diag *diag)
{
    const char *root = inside(s, "xrt"), *library = inside(s, "xrt/lib");
    set(s, "XILINX_XRT", root);
    if (!s->xrt.needs_shim) {
        weft_status status = make_folder(root, diag);
        return status == WEFT_OK ? make_link(s->xrt.folder, library, diag) : status;
    }
    char shim[SOFTCARD_PATH_BYTES];
    weft_status status = weft__softcard_find_helper(SHIM_LIBRARY, shim, diag);
    if (status == WEFT_OK)
        status = make_folder(library, diag);
    if (status == WEFT_OK)
        status = make_link(shim, inside(s, "xrt/lib/libxrt_swemu.so.2"), diag);
    return status;
}

/* XRT 2.15 and newer look in sw_emu first, older ones in cpu_em. */
static weft_status make_model(weft_softcard *s, weft_diag *diag)
{
    static const char *const places[] = {"vitis/data/emulation/unified/sw_emu/" MODEL,
                                         "vitis/data/emulation/unified/cpu_em/" MODEL};
    char program[SOFTCARD_PATH_BYTES];
    weft_status status = weft__softcard_find_helper(DEVICE_PROGRAM, program, diag);
    for (size_t i = 0; i < 2 && status == WEFT_OK; i++) {
        const char *folder = inside(s, places[i]);
        status = make_folder(folder, diag);
        if (status == WEFT_OK)
            status = make_link(program, weft_arena_printf(s->arena, "%s/genericpciemodel", folder),
                               diag);
    }
    set(s, "XILINX_VITIS", inside(s, "vitis"));
    return status;
}

/* A size as emconfig.json has it: a number and a letter; halves of the next unit do not exist. */
static json_t *size_text(uint64_t bytes)
{
    static const char units[] = "KMG";
    size_t unit = 0;
    bytes /= 1024;
    for (; unit + 2 < sizeof units && bytes % 1024 == 0; unit++)
        bytes /= 1024;
    return json_sprintf("%llu%c", (unsigned long long)bytes, units[unit]);
}

static json_t *banks_of(const softcard_card *card)
{
    json_t *banks = json_array();
    for (size_t i = 0; i < card->memory_count; i++)
        json_array_append_new(banks, json_pack("{s:s, s:o}", "Name", card->memories[i].tag, "Size",
                                               size_text(card->memories[i].size_bytes)));
    return banks;
}

static weft_status make_configuration(weft_softcard *s, int devices, weft_diag *diag)
{
    json_t *device = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "Name",
                               s->card.platform, "HalMajorVersion", "2", "HalMinorVersion", "1",
                               "VendorId", "4334", "SubsystemVendorId", "0", "DeviceVersion", "1",
                               "DataAlignment", "4096", "OclFreqency", "300", "NumDevices",
                               json_sprintf("%d", devices), "DdrBanks", banks_of(&s->card));
    json_t *root =
        json_pack("{s:{s:s, s:s}, s:{s:s, s:s, s:[{s:s, s:[o]}]}}", "Version", "FileVersion", "2.0",
                  "ToolVersion", "weft", "Platform", "UnifiedPlatform", "true", "ExpandedPR",
                  "false", "Boards", "NumBoards", "1", "Devices", device);
    char *text = json_dumps(root, JSON_INDENT(1));
    json_decref(root);
    if (text == NULL)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory for the list of cards");
    weft_arena_defer(s->arena, free, text);
    set(s, "EMCONFIG_PATH", s->folder);
    return write_text(inside(s, "emconfig.json"), text, strlen(text), diag);
}

/* A vendor's file that names XRT's OpenCL is ours to replace. */
static bool names_xrt(const char *text)
{
    return strstr(text, "xilinxopencl") != NULL || strstr(text, "xrt") != NULL;
}

static weft_status copy_icd(weft_softcard *s, const char *folder, const char *name, weft_diag *diag)
{
    char *text = weft_arena_alloc(s->arena, MAX_ICD_BYTES);
    FILE *file = fopen(weft_arena_printf(s->arena, "%s/%s", folder, name), "r");
    size_t length = file == NULL ? 0 : fread(text, 1, MAX_ICD_BYTES - 1, file);
    if (file != NULL)
        fclose(file);
    if (length == 0 || names_xrt(text))
        return WEFT_OK;
    return write_text(weft_arena_printf(s->arena, "%s/icd/%s", s->folder, name), text, length,
                      diag);
}

/* The platforms that the caller's programs see stay, and XRT's joins them. OCL_ICD_VENDORS may be a
 * folder, a file, or the name of a library. */
static weft_status make_platforms(weft_softcard *s, weft_diag *diag)
{
    const char *vendors = getenv("OCL_ICD_VENDORS"), *folder = inside(s, "icd");
    if (vendors == NULL || vendors[0] == '\0')
        vendors = DEFAULT_VENDORS;
    weft_status status = make_folder(folder, diag);
    DIR *open_folder = opendir(vendors);
    for (struct dirent *entry;
         status == WEFT_OK && open_folder != NULL && (entry = readdir(open_folder)) != NULL;) {
        size_t length = strlen(entry->d_name);
        if (length > 4 && strcmp(entry->d_name + length - 4, ".icd") == 0)
            status = copy_icd(s, vendors, entry->d_name, diag);
    }
    if (open_folder != NULL)
        closedir(open_folder);
    size_t length = strlen(vendors);
    if (open_folder == NULL && status == WEFT_OK && length > 4 &&
        strcmp(vendors + length - 4, ".icd") == 0 && strrchr(vendors, '/') != NULL) {
        size_t parent = (size_t)(strrchr(vendors, '/') - vendors);
        status =
            copy_icd(s, weft_arena_strndup(s->arena, vendors, parent), vendors + parent + 1, diag);
    } else if (open_folder == NULL && status == WEFT_OK && strstr(vendors, ".so") != NULL &&
               !names_xrt(vendors)) {
        status = write_text(inside(s, "icd/caller.icd"), vendors, length, diag);
    }
    if (status == WEFT_OK && s->xrt.opencl[0] != '\0')
        status =
            write_text(inside(s, "icd/xilinx.icd"), s->xrt.opencl, strlen(s->xrt.opencl), diag);
    set(s, "OCL_ICD_VENDORS", folder);
    return status;
}

static weft_status make_rest(weft_softcard *s, weft_diag *diag)
{
    weft_status status = make_folder(inside(s, "run"), diag);
    set(s, "XCL_EMULATION_MODE", "sw_emu");
    set(s, "USER", strrchr(s->folder, '/') + 1);
    set(s, "SDACCEL_EM_RUN_DIR", inside(s, "run"));
    if (getenv("XRT_INI_PATH") != NULL || status != WEFT_OK)
        return status;
    set(s, "XRT_INI_PATH", inside(s, "xrt.ini"));
    /* So that a host may read a unit's control register, and reset one that hangs. */
    static const char settings[] = "[Runtime]\nrw_shared=true\n";
    return write_text(inside(s, "xrt.ini"), settings, strlen(settings), diag);
}

/* ---- the card ---- */

static weft_status find_package_card(weft_softcard *s, const char *path, weft_diag *diag)
{
    weft_package *package = NULL;
    weft_status status = weft_package_open(path, diag, &package);
    if (status != WEFT_OK)
        return status;
    const weft_card *card = &weft_package_get_view(package)->manifest->card;
    if (card->board == NULL) {
        status =
            weft_diag_error(diag, WEFT_E_SOFTCARD_PACKAGE, "%s was not compiled for a card", path);
        weft_diag_field_set(diag, WEFT_DIAG_TRY, "leave --board away");
    } else {
        softcard_card found;
        weft__softcard_of_package(s->arena, card, &found);
        s->card.platform = weft_arena_strdup(s->arena, found.platform);
        s->card.memories = WEFT_NEW_ARRAY(s->arena, weft_xclbin_memory, found.memory_count);
        s->card.memory_count = found.memory_count;
        for (size_t i = 0; i < found.memory_count; i++) {
            s->card.memories[i] = found.memories[i];
            s->card.memories[i].tag = weft_arena_strdup(s->arena, found.memories[i].tag);
        }
    }
    weft_package_close(package);
    return status;
}

static weft_status find_card(weft_softcard *s, const char *name, weft_diag *diag)
{
    static const weft_card none;
    size_t length = name == NULL ? 0 : strlen(name);
    if (name == NULL) {
        weft__softcard_of_package(s->arena, &none, &s->card);
        return WEFT_OK;
    }
    if (length > 5 && strcmp(name + length - 5, ".weft") == 0)
        return find_package_card(s, name, diag);
    const weft_board *board = NULL;
    weft_status status = weft_board_open(s->arena, name, &board, diag);
    if (status == WEFT_OK)
        weft__softcard_of_board(s->arena, board, &s->card);
    return status;
}

static weft_status make(weft_softcard *s, const weft_softcard_params *params, weft_diag *diag)
{
    static weft_status (*const parts[])(weft_softcard *, weft_diag *) = {make_xrt, make_model,
                                                                         make_platforms, make_rest};
    char *folder = weft_arena_strdup(s->arena, "/tmp/weft-card-XXXXXX");
    weft_status status = find_card(s, params->board, diag);
    if (status == WEFT_OK)
        status = weft__softcard_find_xrt(&s->xrt, diag);
    if (status == WEFT_OK && mkdtemp(folder) == NULL)
        status = fail("make the folder", folder, diag);
    if (status != WEFT_OK)
        return status;
    s->folder = folder;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && status == WEFT_OK; i++)
        status = parts[i](s, diag);
    return status == WEFT_OK ? make_configuration(s, params->devices, diag) : status;
}

weft_status weft_softcard_create(const weft_softcard_params *params, weft_diag *diag,
                                 weft_softcard **out_softcard)
{
    if (params == NULL || params->size != sizeof *params || out_softcard == NULL ||
        params->devices < 1 || params->devices > MAX_DEVICES)
        return weft_diag_error(diag, WEFT_E_API_USE,
                               "weft_softcard_create needs its parameters, with 1 to 16 devices");
    *out_softcard = NULL;
    weft_softcard *s = calloc(1, sizeof *s);
    weft_arena *arena = s == NULL ? NULL : weft_arena_create();
    if (arena == NULL) {
        free(s);
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory");
    }
    s->arena = arena;
    if (WEFT_ARENA_TRY(arena)) {
        weft_softcard_destroy(s);
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory");
    }
    weft_status status = make(s, params, diag);
    if (status == WEFT_OK)
        *out_softcard = s;
    else
        weft_softcard_destroy(s);
    return status;
}

void weft_softcard_leave(weft_softcard *softcard)
{
    if (softcard == NULL)
        return;
    weft_arena_destroy(softcard->arena);
    free(softcard);
}

void weft_softcard_destroy(weft_softcard *softcard)
{
    if (softcard != NULL && softcard->folder != NULL)
        nftw(softcard->folder, remove_entry, OPEN_FILES, FTW_DEPTH | FTW_PHYS);
    weft_softcard_leave(softcard);
}

const char *weft_softcard_folder(const weft_softcard *softcard)
{
    return softcard->folder;
}

const char *weft_softcard_platform(const weft_softcard *softcard)
{
    return softcard->card.platform;
}

const char *weft_softcard_xrt(const weft_softcard *softcard)
{
    return softcard->xrt.text;
}

bool weft_softcard_variable(const weft_softcard *softcard, size_t index, const char **out_name,
                            const char **out_value)
{
    if (index >= softcard->variable_count)
        return false;
    *out_name = softcard->variables[index].name;
    *out_value = softcard->variables[index].value;
    return true;
}
