/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz harness over files: every argument is a file, or a folder whose files are taken. So
 * what a fuzzer found stays tested where there is no fuzzer. Speaks TAP. Must not know about any
 * harness but its entry point. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t files_run;

static int verdict(int failed, const char *path)
{
    printf("%s %zu - %s\n", failed ? "not ok" : "ok", ++files_run, path);
    return failed;
}

/* An exact allocation per input, so that a sanitizer sees a read beyond the end. */
static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat info;
    if (file == NULL || fstat(fileno(file), &info) != 0) {
        if (file != NULL)
            fclose(file);
        return verdict(1, path);
    }
    size_t size = (size_t)info.st_size;
    uint8_t *data = malloc(size > 0 ? size : 1);
    int failed = data == NULL || fread(data, 1, size, file) != size;
    fclose(file);
    printf("# %s\n", path); /* a crash is found below the last name */
    fflush(stdout);
    if (!failed)
        LLVMFuzzerTestOneInput(data, size);
    free(data);
    return verdict(failed, path);
}

static int run_path(const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL)
        return run_file(path);
    int failed = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char inner[4096];
        int length = snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.' && length > 0 && (size_t)length < sizeof inner)
            failed |= run_path(inner);
    }
    closedir(folder);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed |= run_path(argv[i]);
    printf("1..%zu\n", files_run);
    return failed != 0 || files_run == 0;
}
