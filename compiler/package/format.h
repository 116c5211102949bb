/* SPDX-License-Identifier: Apache-2.0 */
/* Byte layout of a .weft package, version 2. Little-endian.
 *
 *   offset  size  field
 *   0       8     magic "WEFTPKG\0"
 *   8       4     u32 format version (2)
 *   12      4     u32 section count n (1..16)
 *   16      8     u64 file size in bytes
 *   24      8     u64 XXH3-64 of bytes 64 .. first section's offset - 1 ("table")
 *   32      8     u64 package id: XXH3-64 of the n section hashes in table order
 *   40      16    zero
 *   56      8     u64 XXH3-64 of bytes 0..55 ("header")
 *   64      n*64  section table, then zeros up to the first section
 *
 *   section table entry
 *   0       24    name, NUL-padded
 *   24      8     u64 offset, multiple of 4096
 *   32      8     u64 size in bytes
 *   40      8     u64 padded size, multiple of 4096; the padding is zero
 *   48      8     u64 XXH3-64 of the padded bytes
 *   56      8     zero
 *
 * Sections follow each other without gaps in table order; the file ends with the last one. So every
 * byte is covered by exactly one hash, and a changed byte is reported with the name of what holds
 * it. manifest  JSON: everything of weft_manifest but sources (docs/package.md) kernels   source of
 * all programs weights   blobs as kernels want them; mapped, never copied plain constants
 * that only the reference backend reads graph     the final graph in text form A hash finds damage,
 * not malice: a package holds code, so take packages only from where you take programs. */
#ifndef WEFT_PACKAGE_FORMAT_H
#define WEFT_PACKAGE_FORMAT_H

#include "compiler/base/file.h"
#include "compiler/package/schedule.h"

#define WEFT_PACKAGE_MAGIC "WEFTPKG"
enum {
    WEFT_PACKAGE_VERSION = 2,
    WEFT_PACKAGE_HEADER_BYTES = 64,
    WEFT_PACKAGE_ENTRY_BYTES = 64,
    WEFT_PACKAGE_NAME_BYTES = 24,
    WEFT_PACKAGE_PAGE_BYTES = 4096,
    WEFT_PACKAGE_MAX_SECTIONS = 16
};

/* What the compiler hands to the writer. Blob and plain bytes are written one after the other, in
 * index order, at the offsets the manifest already states, so the whole of the weights is never
 * held twice. */
typedef struct weft_package_content {
    const weft_manifest *manifest;
    const char *graph_text;
    /* Produces the bytes of blob i / of the plain form of constant value i of schedule s into out
     * (size as the manifest says). */
    weft_status (*blob_bytes)(void *user, size_t blob, void *out);
    const void *(*plain_bytes)(void *user, size_t schedule, size_t value);
    void *user;
} weft_package_content;

/* Writes path atomically: nothing is left behind on failure. */
weft_status weft_package_write(const char *path, const weft_package_content *content,
                               weft_diag *diag);

/* The opened package as the runtime sees it. */
typedef struct weft_package_view {
    const weft_manifest *manifest;
    const uint8_t *weights, *plain; /* mapped */
    size_t weights_bytes, plain_bytes;
    const char *path; /* of the file; NULL: opened from memory */
} weft_package_view;

struct weft_package; /* weft/package.h */
const weft_package_view *weft_package_get_view(const struct weft_package *package);
/* One more reference; weft_package_close gives one back. Any thread. */
struct weft_package *weft_package_ref(struct weft_package *package);

#endif
