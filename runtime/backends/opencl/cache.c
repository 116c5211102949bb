/* SPDX-License-Identifier: Apache-2.0 */
/* Files of compiled programs. One file per key:
 *   0   8   magic "WEFTKRN1"
 *   8   8   key
 *   16  8   size of the bytes
 *   24  8   XXH3-64 of the bytes
 *   32      the bytes
 * in the byte order of the machine, which is the only one that reads them. Anything wrong with a
 * file means that it is not there. Must not know about: OpenCL. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "compiler/base/file.h"
#include "runtime/backends/opencl/cl_backend.h"

typedef struct entry_header {
    char magic[8];
    uint64_t key, size_bytes, hash;
} entry_header;
static const char magic[8] = {'W', 'E', 'F', 'T', 'K', 'R', 'N', '1'};

static char *entry_path(const char *folder, uint64_t key)
{
    size_t bytes = strlen(folder) + 32;
    char *path = malloc(bytes);
    if (path != NULL)
        snprintf(path, bytes, "%s/%016" PRIx64 ".kernel", folder, key);
    return path;
}

static bool is_whole(const entry_header *header, const weft_file_map *map, uint64_t key)
{
    return memcmp(header->magic, magic, sizeof magic) == 0 && header->key == key &&
           header->size_bytes == map->size_bytes - sizeof *header && header->size_bytes > 0 &&
           header->hash == XXH3_64bits(map->data + sizeof *header, (size_t)header->size_bytes);
}

bool weft__cl_cache_load(const char *folder, uint64_t key, uint8_t **out_bytes, size_t *out_size)
{
    char *path = entry_path(folder, key);
    weft_file_map map = {0};
    bool is_found = path != NULL && weft_file_map_open(path, &map, NULL) == WEFT_OK;
    free(path);
    entry_header header;
    *out_bytes = NULL;
    if (is_found && map.size_bytes > sizeof header) {
        memcpy(&header, map.data, sizeof header);
        if (is_whole(&header, &map, key))
            *out_bytes = malloc((size_t)header.size_bytes);
        if (*out_bytes != NULL) {
            *out_size = (size_t)header.size_bytes;
            memcpy(*out_bytes, map.data + sizeof header, *out_size);
        }
    }
    weft_file_map_close(&map);
    return *out_bytes != NULL;
}

void weft__cl_cache_store(const char *folder, uint64_t key, const uint8_t *bytes, size_t size)
{
    char *path = entry_path(folder, key);
    if (path == NULL)
        return;
    weft_file_make_folders(folder);
    entry_header header = {.key = key, .size_bytes = size, .hash = XXH3_64bits(bytes, size)};
    memcpy(header.magic, magic, sizeof magic);
    weft_file_writer *writer = NULL;
    if (weft_file_writer_open(path, &writer, NULL) == WEFT_OK) {
        weft_file_writer_add(writer, &header, sizeof header);
        weft_file_writer_add(writer, bytes, size);
        weft_file_writer_commit(writer, NULL);
    }
    free(path);
}
