/* SPDX-License-Identifier: Apache-2.0 */
/* Reading whole files by mapping, and writing files so that a failed write leaves nothing behind.
 */
#ifndef WEFT_BASE_FILE_H
#define WEFT_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "compiler/base/error.h"

typedef struct weft_file_map {
    const uint8_t *data; /* read-only, shared with the page cache; NULL when size_bytes is 0 */
    size_t size_bytes;
} weft_file_map;

/* Maps a regular file read-only. Errors: FILE_OPEN (absent, no right), FILE_KIND (directory,
 * device), each naming the path. */
weft_status weft_file_map_open(const char *path, weft_file_map *out_map, weft_diag *diag);
void weft_file_map_close(weft_file_map *map);

/* Writes to a file without a name in the folder of path, or, where the file system has no such
 * files, to a temporary name beside path; commit gives it its name. So nothing is left after abort,
 * after a failed commit, and, with a file without a name, after the process is killed. */
typedef struct weft_file_writer weft_file_writer;
weft_status weft_file_writer_open(const char *path, weft_file_writer **out_writer, weft_diag *diag);
weft_status weft_file_writer_add(weft_file_writer *writer, const void *data, size_t size_bytes);
weft_status weft_file_writer_pad(weft_file_writer *writer, size_t alignment);
uint64_t weft_file_writer_position(const weft_file_writer *writer);
/* Replaces bytes that were added before: for headers that hold sizes and hashes of what follows
 * them. */
weft_status weft_file_writer_patch(weft_file_writer *writer, uint64_t offset, const void *data,
                                   size_t size_bytes);
weft_status weft_file_writer_commit(weft_file_writer *writer,
                                    weft_diag *diag);  /* frees the writer in every case */
void weft_file_writer_abort(weft_file_writer *writer); /* NULL accepted */

/* Creates a folder and those above it, as far as that is possible. */
void weft_file_make_folders(const char *path);

#endif
