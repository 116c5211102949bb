/* SPDX-License-Identifier: Apache-2.0 */
/* File mapping and the write-then-rename writer.
 * Must not know about: what is in the files. */
#define _XOPEN_SOURCE 700 /* realpath; includes POSIX.1-2008 */

#include "compiler/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compiler/base/arena.h"
#include "compiler/base/unnamed.h"

enum {
    ERROR_TEXT_BYTES = 256,
    WRITE_BUFFER_BYTES = 64 * 1024,
    TEMPORARY_SUFFIX_BYTES = 64,
    TEMPORARY_TRIES = 100 /* names that a crashed run may have left */
};

struct weft_file_writer {
    int fd;
    int error;              /* errno of the first failed write; nothing is written after it */
    char *path, *temporary; /* temporary: NULL while the file has no name */
    uint64_t position;
    size_t buffered_bytes;
    unsigned char buffer[WRITE_BUFFER_BYTES];
};

static weft_status fail(weft_diag *diag, weft_error_id id, const char *verb, const char *path,
                        int error)
{
    char text[ERROR_TEXT_BYTES];
    if (strerror_r(error, text, sizeof text) != 0)
        snprintf(text, sizeof text, "system error %d", error);
    weft_status status = weft_diag_error(diag, id, "cannot %s %s", verb, path);
    weft_diag_field_set(diag, WEFT_DIAG_WHY, "%s", text);
    return status;
}

static const char *kind_of(mode_t mode)
{
    return S_ISDIR(mode)    ? "a directory"
           : S_ISFIFO(mode) ? "a pipe"
           : S_ISSOCK(mode) ? "a socket"
           : S_ISCHR(mode)  ? "a character device"
           : S_ISBLK(mode)  ? "a block device"
                            : "something else";
}

static weft_status fail_kind(weft_diag *diag, const char *path, mode_t mode)
{
    weft_status status = weft_diag_error(diag, WEFT_E_FILE_KIND, "not a regular file: %s", path);
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "a regular file");
    weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s", kind_of(mode));
    return status;
}

weft_status weft_file_map_open(const char *path, weft_file_map *out_map, weft_diag *diag)
{
    *out_map = (weft_file_map){0};
    int fd =
        open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe without writer must not block */
    if (fd < 0)
        return fail(diag, WEFT_E_FILE_OPEN, "open", path, errno);
    weft_status status = WEFT_OK;
    struct stat info;
    if (fstat(fd, &info) != 0) {
        status = fail(diag, WEFT_E_FILE_READ, "read", path, errno);
    } else if (!S_ISREG(info.st_mode)) {
        status = fail_kind(diag, path, info.st_mode);
    } else if ((uintmax_t)info.st_size > SIZE_MAX) {
        status = fail(diag, WEFT_E_FILE_READ, "map", path, EFBIG);
    } else if (info.st_size > 0) {
        void *data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
            status = fail(diag, WEFT_E_FILE_READ, "map", path, errno);
        else
            *out_map = (weft_file_map){.data = data, .size_bytes = (size_t)info.st_size};
    }
    close(fd);
    return status;
}

void weft_file_map_close(weft_file_map *map)
{
    if (map == NULL)
        return;
    if (map->data != NULL)
        munmap((void *)(uintptr_t)map->data, map->size_bytes);
    *map = (weft_file_map){0};
}

static void release_writer(weft_file_writer *writer)
{
    if (writer->fd >= 0)
        close(writer->fd);
    if (writer->temporary != NULL)
        unlink(writer->temporary);
    free(writer->temporary);
    free(writer->path);
    free(writer);
}

/* The file that path leads to: through symbolic links where it exists, path itself where it does
 * not. NULL: out of memory. */
static char *resolve(const char *path)
{
    char *resolved = realpath(path, NULL);
    if (resolved != NULL)
        return resolved;
    size_t bytes = strlen(path) + 1;
    resolved = malloc(bytes);
    if (resolved != NULL)
        memcpy(resolved, path, bytes);
    return resolved;
}

/* Creates the temporary file, or names the one that is open without a name; 0 or an errno. */
static int take_temporary_name(weft_file_writer *writer)
{
    size_t bytes = strlen(writer->path) + TEMPORARY_SUFFIX_BYTES;
    char *name = malloc(bytes);
    if (name == NULL)
        return ENOMEM;
    int error = EEXIST;
    for (int attempt = 0; attempt < TEMPORARY_TRIES; attempt++) {
        snprintf(name, bytes, "%s.tmp-%ld-%d", writer->path, (long)getpid(), attempt);
        if (writer->fd >= 0)
            error = weft_unnamed_link(writer->fd, name);
        else
            error = (writer->fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) < 0
                        ? errno
                        : 0;
        if (error == 0) {
            writer->temporary = name;
            return 0;
        }
        if (error != EEXIST)
            break;
    }
    free(name);
    return error;
}

/* Opens a file to write to; 0 or an errno. */
static int open_file(weft_file_writer *writer)
{
    int error = weft_unnamed_open(writer->path, &writer->fd);
    return error == 0 || error == ENOMEM ? error : take_temporary_name(writer);
}

weft_status weft_file_writer_open(const char *path, weft_file_writer **out_writer, weft_diag *diag)
{
    *out_writer = NULL;
    /* Renaming over a device would replace the device. */
    struct stat info;
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
        return fail_kind(diag, path, info.st_mode);
    weft_file_writer *writer = weft_arena_injected_failure() ? NULL : calloc(1, sizeof *writer);
    if (writer == NULL)
        return fail(diag, WEFT_E_NO_MEMORY, "write", path, ENOMEM);
    writer->fd = -1;
    writer->path = resolve(path);
    int error = writer->path == NULL ? ENOMEM : open_file(writer);
    if (error != 0) {
        release_writer(writer);
        return fail(diag, error == ENOMEM ? WEFT_E_NO_MEMORY : WEFT_E_FILE_WRITE, "create", path,
                    error);
    }
    *out_writer = writer;
    return WEFT_OK;
}

static void write_all(weft_file_writer *writer, const unsigned char *bytes, size_t count)
{
    while (count > 0 && writer->error == 0) {
        ssize_t written = write(writer->fd, bytes, count);
        if (written > 0) {
            bytes += written;
            count -= (size_t)written;
        } else if (written < 0 && errno != EINTR) {
            writer->error = errno;
        }
    }
}

static void flush(weft_file_writer *writer)
{
    write_all(writer, writer->buffer, writer->buffered_bytes);
    writer->buffered_bytes = 0;
}

weft_status weft_file_writer_add(weft_file_writer *writer, const void *data, size_t size_bytes)
{
    if (size_bytes > sizeof writer->buffer - writer->buffered_bytes)
        flush(writer);
    if (size_bytes > sizeof writer->buffer) {
        write_all(writer, data, size_bytes);
    } else if (size_bytes > 0) {
        memcpy(writer->buffer + writer->buffered_bytes, data, size_bytes);
        writer->buffered_bytes += size_bytes;
    }
    writer->position += size_bytes;
    return writer->error == 0 ? WEFT_OK : WEFT_IO;
}

weft_status weft_file_writer_pad(weft_file_writer *writer, size_t alignment)
{
    static const unsigned char zeros[256];
    WEFT_ASSERT(alignment > 0);
    size_t beyond = (size_t)(writer->position % alignment);
    size_t left = beyond == 0 ? 0 : alignment - beyond;
    while (left > 0) {
        size_t step = left < sizeof zeros ? left : sizeof zeros;
        weft_file_writer_add(writer, zeros, step);
        left -= step;
    }
    return writer->error == 0 ? WEFT_OK : WEFT_IO;
}

uint64_t weft_file_writer_position(const weft_file_writer *writer)
{
    return writer->position;
}

weft_status weft_file_writer_patch(weft_file_writer *writer, uint64_t offset, const void *data,
                                   size_t size_bytes)
{
    WEFT_ASSERT(offset <= writer->position && size_bytes <= writer->position - offset);
    flush(writer);
    const unsigned char *bytes = data;
    while (size_bytes > 0 && writer->error == 0) {
        ssize_t written = pwrite(writer->fd, bytes, size_bytes, (off_t)offset);
        if (written > 0) {
            bytes += written;
            offset += (uint64_t)written;
            size_bytes -= (size_t)written;
        } else if (written < 0 && errno != EINTR) {
            writer->error = errno;
        }
    }
    return writer->error == 0 ? WEFT_OK : WEFT_IO;
}

weft_status weft_file_writer_commit(weft_file_writer *writer, weft_diag *diag)
{
    flush(writer);
    if (writer->error == 0 && writer->temporary == NULL)
        writer->error = take_temporary_name(writer);
    if (close(writer->fd) != 0 && writer->error == 0)
        writer->error = errno;
    writer->fd = -1;
    if (writer->error == 0 && rename(writer->temporary, writer->path) != 0)
        writer->error = errno;
    weft_status status = WEFT_OK;
    if (writer->error != 0) {
        status = fail(diag, WEFT_E_FILE_WRITE, "write", writer->path, writer->error);
    } else {
        free(writer->temporary); /* it has its final name: nothing to remove */
        writer->temporary = NULL;
    }
    release_writer(writer);
    return status;
}

void weft_file_writer_abort(weft_file_writer *writer)
{
    if (writer != NULL)
        release_writer(writer);
}

void weft_file_make_folders(const char *path)
{
    size_t bytes = strlen(path) + 1;
    char *copy = malloc(bytes);
    if (copy == NULL)
        return;
    memcpy(copy, path, bytes);
    for (char *at = copy + 1; bytes > 1 && *at != '\0'; at++)
        if (*at == '/') {
            *at = '\0';
            mkdir(copy, 0777);
            *at = '/';
        }
    mkdir(copy, 0777);
    free(copy);
}
