/* SPDX-License-Identifier: Apache-2.0 */
/* Looking for files below a folder and removing one. Links are never followed. Must not know about:
 * what the files are. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hls/flow/internal.h"

enum {
    MAX_DEPTH = 32,
    MAX_ENTRIES = 1000000 /* a place and route run leaves tens of thousands */
};

typedef struct search {
    weft_arena *arena;
    const char *name;
    WEFT_VEC(const char *) found;
    size_t seen;
} search;

static bool is_wanted(const char *name, const char *wanted)
{
    if (wanted[0] != '*')
        return strcmp(name, wanted) == 0;
    size_t length = strlen(name), ending = strlen(wanted + 1);
    return length >= ending && strcmp(name + length - ending, wanted + 1) == 0;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static void look(search *s, int parent, const char *folder, const char *path, int depth)
{
    int fd = openat(parent, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (stream == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(stream)) != NULL && s->seen < MAX_ENTRIES;) {
        struct stat info;
        if (is_dots(entry->d_name) ||
            fstatat(dirfd(stream), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        s->seen++;
        bool is_folder = S_ISDIR(info.st_mode);
        bool is_match = S_ISREG(info.st_mode) && is_wanted(entry->d_name, s->name);
        if (!is_match && (!is_folder || depth == MAX_DEPTH))
            continue;
        const char *whole = weft_arena_printf(s->arena, "%s/%s", path, entry->d_name);
        if (is_match)
            WEFT_VEC_PUSH(s->arena, &s->found, whole);
        else
            look(s, dirfd(stream), entry->d_name, whole, depth + 1);
    }
    closedir(stream);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

flow_paths weft__build_find_files(weft_arena *arena, const char *folder, const char *name)
{
    search s = {.arena = arena, .name = name};
    look(&s, AT_FDCWD, folder, folder, 0);
    if (s.found.count > 1)
        qsort(s.found.data, s.found.count, sizeof *s.found.data, by_text);
    return (flow_paths){s.found.data, s.found.count};
}

static bool remove_below(int parent, const char *folder, int depth)
{
    int fd = openat(parent, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    bool is_empty = stream != NULL && depth <= MAX_DEPTH;
    if (stream == NULL && fd >= 0)
        close(fd);
    for (struct dirent *entry; is_empty && (entry = readdir(stream)) != NULL;) {
        if (is_dots(entry->d_name))
            continue;
        if (unlinkat(dirfd(stream), entry->d_name, 0) != 0)
            is_empty = remove_below(dirfd(stream), entry->d_name, depth + 1);
    }
    if (stream != NULL)
        closedir(stream);
    return is_empty && unlinkat(parent, folder, AT_REMOVEDIR) == 0;
}

bool weft__build_remove_folder(const char *path)
{
    struct stat info;
    if (lstat(path, &info) != 0)
        return true;
    return S_ISDIR(info.st_mode) ? remove_below(AT_FDCWD, path, 0) : unlink(path) == 0;
}

bool weft__build_is_file(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

const char *weft__build_read_text(weft_arena *arena, const char *path, size_t max_bytes)
{
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size <= 0)
        return "";
    size_t length = (size_t)info.st_size < max_bytes ? (size_t)info.st_size : max_bytes, got = 0;
    char *text = weft_arena_alloc(arena, length + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t start = info.st_size - (off_t)length;
    for (ssize_t n = 1; fd >= 0 && n > 0 && got<length; got += n> 0 ? (size_t)n : 0)
        n = pread(fd, text + got, length - got, start + (off_t)got);
    if (fd >= 0)
        close(fd);
    return text; /* zeroed: ends where the file did */
}
