/* SPDX-License-Identifier: Apache-2.0 */
/* See engine_build.h. */
#include "tests/fpga/engine_build.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOT WEFT_TEST_DATA "/.."

int engine_has_compiler(const char *cc)
{
    char command[128];
    snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", cc);
    return system(command) == 0;
}

static int make_folder(char *out, size_t size)
{
    const char *base = getenv("TMPDIR");
    snprintf(out, size, "%.40s/weft-engine-XXXXXX", base != NULL ? base : "/tmp");
    return mkdtemp(out) != NULL;
}

static void remove_folder(const char *folder)
{
    char path[128];
    static const char *const names[] = {"engine.c", "engine.so", "engine"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static int write_engine(const char *folder, const weft_engine_params *params)
{
    char path[128];
    weft_arena *arena = weft_arena_create();
    snprintf(path, sizeof path, "%s/engine.c", folder);
    FILE *file = fopen(path, "w");
    int is_written =
        file != NULL && fputs(weft_engine_print(arena, params, WEFT_DIALECT_HLS_C), file) >= 0;
    if (file != NULL)
        is_written = fclose(file) == 0 && is_written;
    weft_arena_destroy(arena);
    return is_written;
}

/* A function from a pointer to data, as POSIX's dlsym needs it. */
static weft_engine_call *find_engine(void *handle)
{
    void *symbol = dlsym(handle, WEFT_ENGINE_KERNEL);
    weft_engine_call *call = NULL;
    memcpy(&call, &symbol, sizeof call);
    return call;
}

int engine_library_open(const char *cc, const char *flags, const weft_engine_params *params,
                        struct engine_library *out_library)
{
    char command[512], path[128];
    memset(out_library, 0, sizeof *out_library);
    if (!make_folder(out_library->folder, sizeof out_library->folder) ||
        !write_engine(out_library->folder, params))
        return 0;
    snprintf(path, sizeof path, "%s/engine.so", out_library->folder);
    snprintf(command, sizeof command, "%s " ENGINE_CFLAGS " %s -shared -fPIC -o %s %s/engine.c", cc,
             flags, path, out_library->folder);
    if (system(command) != 0)
        return 0;
    out_library->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (out_library->handle == NULL)
        return 0;
    out_library->call = find_engine(out_library->handle);
    return out_library->call != NULL;
}

void engine_library_close(struct engine_library *library)
{
    if (library->handle != NULL)
        dlclose(library->handle);
    remove_folder(library->folder);
}

int engine_run_sanitized(const char *cc, const weft_engine_params *params, int count)
{
    char folder[64], command[1024];
    if (!make_folder(folder, sizeof folder))
        return 0;
    int is_good = write_engine(folder, params);
    snprintf(command, sizeof command,
             "%s -std=gnu11 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -I" ROOT
             " -o %s/engine %s/engine.c " ROOT "/tests/fpga/sanitized/main.c " ROOT
             "/tests/fpga/engine_case.c " ROOT "/tests/fpga/engine_case_attention.c " ROOT
             "/tests/fpga/engine_naive.c " ROOT "/tests/fpga/engine_naive_attention.c " ROOT
             "/tests/fpga/engine_fuzz.c " ROOT "/kernels/fpga/engine.c " ROOT
             "/kernels/fpga/check.c " ROOT "/kernels/fpga/check_attention.c -lm",
             cc, folder, folder);
    is_good = is_good && system(command) == 0;
    snprintf(command, sizeof command, "%s/engine %s %d", folder, params->name, count);
    is_good = is_good && system(command) == 0;
    remove_folder(folder);
    return is_good;
}
