/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files in, whole files out. Must not know about: formats. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/file.h"
#include "cli/memory.h"

static weft_status read_error(weft_cli_errors *errors, const char *path, const char *why)
{
    weft_status status = weft_cli_error(errors, WEFT_CLI_E_FILE_READ, "cannot read %s", path);
    weft_cli_error_field(errors, WEFT_DIAG_WHY, "%s", why);
    return status;
}

static weft_status read_descriptor(int descriptor, const char *path, weft_cli_errors *errors,
                                   uint8_t **out_data, size_t *out_bytes)
{
    struct stat info;
    if (fstat(descriptor, &info) != 0)
        return read_error(errors, path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return read_error(errors, path,
                          S_ISDIR(info.st_mode) ? "it is a directory" : "it is not a regular file");
    size_t bytes = (size_t)info.st_size, done = 0;
    uint8_t *data = weft_cli_try_alloc(bytes);
    if (data == NULL)
        return weft_cli_error(errors, WEFT_CLI_E_CLI_NO_MEMORY, "no memory for the %zu bytes of %s",
                              bytes, path);
    while (done < bytes) {
        ssize_t got = read(descriptor, data + done, bytes - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            free(data);
            return read_error(errors, path,
                              got == 0 ? "it became shorter while it was read" : strerror(errno));
        }
        done += (size_t)got;
    }
    *out_data = data;
    *out_bytes = bytes;
    return WEFT_OK;
}

weft_status weft_cli_file_read(const char *path, weft_cli_errors *errors, uint8_t **out_data,
                               size_t *out_bytes)
{
    *out_data = NULL;
    *out_bytes = 0;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return read_error(errors, path, strerror(errno));
    weft_status status = read_descriptor(descriptor, path, errors, out_data, out_bytes);
    close(descriptor);
    return status;
}

weft_status weft_cli_file_write(const char *path, const void *head, size_t head_bytes,
                                const void *body, size_t body_bytes, weft_cli_errors *errors)
{
    struct stat info;
    if (stat(path, &info) == 0 &&
        !S_ISREG(info.st_mode)) { /* /dev/stdout, a pipe: renaming would replace it */
        FILE *stream = S_ISDIR(info.st_mode) ? NULL : fopen(path, "wb");
        if (stream != NULL) {
            size_t written =
                fwrite(head, 1, head_bytes, stream) + fwrite(body, 1, body_bytes, stream);
            if (fclose(stream) == 0 && written == head_bytes + body_bytes)
                return WEFT_OK;
        }
        weft_status status = weft_cli_error(errors, WEFT_CLI_E_FILE_WRITE, "cannot write %s", path);
        weft_cli_error_field(errors, WEFT_DIAG_WHY, "%s",
                             S_ISDIR(info.st_mode) ? "it is a directory" : strerror(errno));
        return status;
    }
    char *temporary = weft_cli_printf("%s.XXXXXX", path);
    int descriptor = mkstemp(temporary);
    FILE *stream = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
    bool is_written = false;
    int cause = errno;
    if (stream != NULL) {
        mode_t mask = umask(0);
        umask(mask);
        is_written = fwrite(head, 1, head_bytes, stream) == head_bytes &&
                     fwrite(body, 1, body_bytes, stream) == body_bytes && fflush(stream) == 0 &&
                     fchmod(descriptor, 0666 & ~mask) == 0;
        cause = errno;
        is_written = fclose(stream) == 0 && is_written;
        if (is_written && rename(temporary, path) != 0) {
            is_written = false;
            cause = errno;
        }
        if (!is_written)
            unlink(temporary);
    }
    free(temporary);
    if (is_written)
        return WEFT_OK;
    weft_status status = weft_cli_error(errors, WEFT_CLI_E_FILE_WRITE, "cannot write %s", path);
    weft_cli_error_field(errors, WEFT_DIAG_WHY, "%s", strerror(cause));
    return status;
}

bool weft_cli_is_same_file(const char *a, const char *b)
{
    struct stat first, second;
    if (strcmp(a, b) == 0)
        return true;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino && S_ISREG(first.st_mode);
}
