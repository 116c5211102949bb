/* SPDX-License-Identifier: Apache-2.0 */
/* What this machine and this process are, from /proc. Must not know about: packages, devices. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/machine.h"
#include "cli/memory.h"

/* The value of "Key:   123 kB" in a /proc file, in bytes; 0 when absent. */
static uint64_t proc_kilobytes(const char *path, const char *key)
{
    char line[256];
    uint64_t bytes = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            bytes = strtoull(line + strlen(key), NULL, 10) * 1024;
    fclose(file);
    return bytes;
}

weft_cli_process_memory weft_cli_process_memory_get(void)
{
    return (weft_cli_process_memory){proc_kilobytes("/proc/self/status", "VmRSS:"),
                                     proc_kilobytes("/proc/self/status", "VmHWM:")};
}

static bool has_word(const char *line, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = strstr(line, word); at != NULL; at = strstr(at + 1, word))
        if (at > line && (at[-1] == ' ' || at[-1] == '\t') &&
            (at[length] == ' ' || at[length] == '\n'))
            return true;
    return false;
}

void weft_cli_machine_get(weft_cli_machine *out_machine)
{
    static const char *const features[] = {"avx",     "avx2",        "fma",     "f16c",
                                           "avx512f", "avx512_vnni", "avx_vnni"};
    *out_machine = (weft_cli_machine){.cores = sysconf(_SC_NPROCESSORS_ONLN)};
    out_machine->memory_bytes = proc_kilobytes("/proc/meminfo", "MemTotal:");
    out_machine->available_bytes = proc_kilobytes("/proc/meminfo", "MemAvailable:");
    FILE *file = fopen("/proc/cpuinfo", "r");
    char line[8192];
    while (file != NULL && fgets(line, sizeof line, file) != NULL &&
           out_machine->features[0] == '\0') {
        const char *colon = strchr(line, ':');
        if (colon == NULL)
            continue;
        if (strncmp(line, "model name", 10) == 0)
            snprintf(out_machine->cpu, sizeof out_machine->cpu, "%.*s",
                     (int)strcspn(colon + 2, "\n"), colon + 2);
        if (strncmp(line, "flags", 5) != 0)
            continue;
        size_t length = 0;
        for (size_t i = 0; i < sizeof features / sizeof features[0]; i++)
            if (has_word(colon, features[i]))
                length += (size_t)snprintf(out_machine->features + length,
                                           sizeof out_machine->features - length, "%s%s",
                                           length == 0 ? "" : " ", features[i]);
    }
    if (file != NULL)
        fclose(file);
}

char *weft_cli_default_cache_dir(void)
{
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (xdg != NULL && xdg[0] == '/')
        return weft_cli_printf("%s/weft", xdg);
    return home == NULL || home[0] == '\0' ? NULL : weft_cli_printf("%s/.cache/weft", home);
}

bool weft_cli_folder_is_writable(const char *path)
{
    char *folder = weft_cli_strdup(path);
    struct stat info;
    while (stat(folder, &info) != 0) { /* not there yet: the nearest ancestor decides */
        char *slash = strrchr(folder, '/');
        if (slash == NULL || slash == folder) {
            snprintf(folder, strlen(folder) + 1, "%s", slash == NULL ? "." : "/");
            break;
        }
        *slash = '\0';
    }
    bool is_writable =
        access(folder, W_OK | X_OK) == 0 && stat(folder, &info) == 0 && S_ISDIR(info.st_mode);
    free(folder);
    return is_writable;
}
