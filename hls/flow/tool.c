/* SPDX-License-Identifier: Apache-2.0 */
/* Where v++ is, which release it is of, and where the programs are that come with it. Must not know
 * about: what is done with them. */
#define _XOPEN_SOURCE 700 /* realpath; includes POSIX.1-2008 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hls/flow/internal.h"

enum {
    ASK_SECONDS = 120, /* v++ starts a Java machine and may sit on a network drive */
    ASK_BYTES = 8192
};

static bool can_run(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0;
}

const char *weft__build_find_program(weft_arena *arena, const char *name)
{
    if (strchr(name, '/') != NULL)
        return can_run(name) ? weft_arena_strdup(arena, name) : NULL;
    const char *path = getenv("PATH");
    while (path != NULL && *path != '\0') {
        size_t length = strcspn(path, ":");
        const char *file =
            weft_arena_printf(arena, "%.*s/%s", (int)length, length == 0 ? "." : path, name);
        if (can_run(file))
            return file;
        path += length + (path[length] == ':');
    }
    return NULL;
}

const char *weft__build_absolute(weft_arena *arena, const char *path)
{
    if (path == NULL || path[0] == '/')
        return path;
    char *whole = realpath(path, NULL);
    const char *copy = whole == NULL ? path : weft_arena_strdup(arena, whole);
    free(whole);
    return copy;
}

static weft_status not_found(const char *given, const char *root, weft_diag *diag)
{
    weft_status status =
        weft_diag_error(diag, WEFT_E_BUILD_TOOL_ABSENT, "v++ of AMD Vitis was not found");
    if (given != NULL) {
        weft_diag_field_set(diag, WEFT_DIAG_AT, "%s", given);
        weft_diag_field_set(diag, WEFT_DIAG_WHY, "there is no program that may be run");
    } else {
        weft_diag_field_set(diag, WEFT_DIAG_WHY, "it is not in PATH, and XILINX_VITIS is %s%s",
                            root == NULL ? "not set" : root,
                            root == NULL ? "" : ", where bin/v++ is not a program");
    }
    weft_diag_field_set(diag, WEFT_DIAG_TRY,
                        "source the settings64.sh of Vitis, or --tool .../bin/v++; --dry-run needs "
                        "no tool, --target softcard only gcc");
    return status;
}

weft_status weft__build_find_tool(weft_arena *arena, const char *given, weft_diag *diag,
                                  const char **out_path)
{
    const char *root = getenv("XILINX_VITIS");
    struct stat info;
    if (given != NULL && stat(given, &info) == 0 && S_ISDIR(info.st_mode))
        *out_path = weft__build_find_program(arena, weft_arena_printf(arena, "%s/bin/v++", given));
    else
        *out_path = weft__build_find_program(arena, given == NULL ? "v++" : given);
    if (*out_path == NULL && given == NULL && root != NULL && root[0] != '\0')
        *out_path = weft__build_find_program(arena, weft_arena_printf(arena, "%s/bin/v++", root));
    if (*out_path == NULL)
        return not_found(given, root, diag);
    *out_path = weft__build_absolute(arena, *out_path);
    return WEFT_OK;
}

const char *weft__build_find_companion(weft_arena *arena, const char *tool, const char *name)
{
    const char *slash = tool == NULL ? NULL : strrchr(tool, '/');
    const char *runtime = getenv("XILINX_XRT");
    const char *found = NULL;
    if (slash != NULL)
        found = weft__build_find_program(
            arena, weft_arena_printf(arena, "%.*s/%s", (int)(slash - tool), tool, name));
    if (found == NULL)
        found = weft__build_find_program(arena, name);
    if (found == NULL && runtime != NULL && runtime[0] != '\0')
        found =
            weft__build_find_program(arena, weft_arena_printf(arena, "%s/bin/%s", runtime, name));
    if (found == NULL)
        found = weft__build_find_program(arena,
                                         weft_arena_printf(arena, "/opt/xilinx/xrt/bin/%s", name));
    return weft__build_absolute(arena, found);
}

static bool still_waits(void *user, double seconds)
{
    (void)user;
    return seconds < ASK_SECONDS;
}

static weft_status no_version(const char *tool, const char *text, weft_diag *diag)
{
    weft_status status = weft_diag_error(diag, WEFT_E_BUILD_TOOL_VERSION,
                                         "%s does not say which release it is of", tool);
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "a line like: ****** v++ v2023.2 (64-bit)");
    int length = (int)strcspn(text, "\n");
    weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%.*s", length,
                        length == 0 ? "no output, or only empty lines" : text);
    weft_diag_field_set(diag, WEFT_DIAG_TRY, "%s --version", tool);
    return status;
}

weft_status weft__build_ask_version(weft_arena *arena, const char *tool, weft_diag *diag,
                                    const char **out_text, int *out_year, int *out_part)
{
    const char *words[] = {tool, "--version", NULL};
    char *text = weft_arena_alloc(arena, ASK_BYTES);
    FILE *file = tmpfile();
    if (file == NULL) {
        weft_status status =
            weft_diag_error(diag, WEFT_E_FILE_WRITE, "there is no place for temporary files");
        weft_diag_field_set(diag, WEFT_DIAG_TRY, "free space in /tmp");
        return status;
    }
    weft__build_process(words, NULL, fileno(file), still_waits, NULL);
    ssize_t length = pread(fileno(file), text, ASK_BYTES - 1, 0);
    fclose(file);
    text[length < 0 ? 0 : length] = '\0';
    *out_text = text;
    for (const char *at = strstr(text, "v++ v"); at != NULL; at = strstr(at + 1, "v++ v"))
        if (weft__build_release_read(at + strlen("v++ v"), out_year, out_part))
            return WEFT_OK;
    return no_version(tool, text, diag);
}

static char *owned(const char *text)
{
    size_t bytes = text == NULL ? 0 : strlen(text) + 1;
    char *copy = bytes == 0 ? NULL : malloc(bytes);
    return copy == NULL ? NULL : memcpy(copy, text, bytes);
}

weft_status weft_flow_tool_find(weft_flow_tool *out_tool)
{
    const char *path = NULL, *text = NULL;
    int year = 0, part = 0;
    *out_tool = (weft_flow_tool){.path = NULL};
    weft_arena *arena = weft_arena_create();
    if (arena == NULL)
        return WEFT_NO_MEMORY;
    if (WEFT_ARENA_TRY(arena)) {
        weft_arena_destroy(arena);
        weft_flow_tool_finish(out_tool);
        return WEFT_NO_MEMORY;
    }
    if (weft__build_find_tool(arena, NULL, NULL, &path) == WEFT_OK) {
        out_tool->path = owned(path);
        if (weft__build_ask_version(arena, path, NULL, &text, &year, &part) == WEFT_OK)
            out_tool->version = owned(weft_arena_printf(arena, "%d.%d", year, part));
    }
    out_tool->has_xclbinutil = weft__build_find_companion(arena, path, "xclbinutil") != NULL;
    weft_arena_destroy(arena);
    return WEFT_OK;
}

void weft_flow_tool_finish(weft_flow_tool *tool)
{
    free(tool->path);
    free(tool->version);
    *tool = (weft_flow_tool){.path = NULL};
}
