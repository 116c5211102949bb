/* SPDX-License-Identifier: Apache-2.0 */
/* A small manifest in which every field and every kind of thing occurs, and package images built
 * byte by byte, without the writer. */
#ifndef WEFT_TESTS_PACKAGE_SAMPLE_H
#define WEFT_TESTS_PACKAGE_SAMPLE_H

#include "compiler/package/format.h"
#include "weft/package.h"

/* A fresh copy that the caller may change; all memory is in the arena. */
weft_package_content *sample_content(weft_arena *arena);
const char *sample_blob_bytes(size_t blob); /* 128 bytes each */
const char *sample_plain_bytes(void);       /* 512 bytes */

/* Bytes in memory that open_memory takes; free with free(). */
typedef struct image {
    uint8_t *bytes;
    size_t size;
} image;
image image_read(const char *path);
image image_copy(const image *from, size_t size); /* the first size bytes */

/* Follows docs/package.md, not the writer's code. */
typedef struct image_section {
    const char *name;
    const void *bytes;
    size_t size;
} image_section;
image image_build(const image_section *sections, size_t count);
/* Makes all hashes of an image right again. */
void image_seal(image *package);

/* What open says about an image: the id of the first error (0: it opened), and its text. */
uint32_t image_open_error(const image *package, char *out_text, size_t capacity);

#endif
