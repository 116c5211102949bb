/* SPDX-License-Identifier: Apache-2.0 */
/* The XML of an xclbin's section EMBEDDED_METADATA: kernels, their arguments with places in the
 * register map, their compute units. The reader takes what the tools of the vendor and weft write;
 * it is no general reader of XML. Must not know about: containers, devices. */
#ifndef WEFT_HLS_SOFTCARD_METADATA_H
#define WEFT_HLS_SOFTCARD_METADATA_H

#include "hls/softcard/xclbin.h"

typedef struct metadata_unit {
    const char *name;
    uint64_t base;
} metadata_unit;

typedef struct metadata_kernel {
    const char *name;
    weft_xclbin_argument *arguments;
    size_t argument_count;
    metadata_unit *units;
    size_t unit_count;
} metadata_kernel;

typedef struct metadata {
    metadata_kernel *kernels;
    size_t kernel_count;
} metadata;

/* NULL when it could be read; otherwise what is wrong, in the arena. */
const char *weft__metadata_read(weft_arena *arena, const char *text, size_t length, metadata *out);
/* The text for an xclbin. */
const char *weft__metadata_write(weft_arena *arena, const weft_xclbin *xclbin, size_t *out_length);

#endif
