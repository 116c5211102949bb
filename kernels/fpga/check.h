/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the engine can execute a descriptor without leaving its memories, its buffers or the
 * range of its numbers. For whoever has a program from a file. Must not know where it came from. */
#ifndef WEFT_KERNELS_FPGA_CHECK_H
#define WEFT_KERNELS_FPGA_CHECK_H

#include "kernels/fpga/engine.h"

typedef struct weft_descriptor_memory {
    const uint8_t *weights; /* multipliers and shifts are read */
    uint64_t weights_bytes, arena_bytes;
} weft_descriptor_memory;

/* NULL when it can, else what is wrong, in a few words. Whether the results mean anything, and
 * whether outputs overlap inputs, is not asked. */
const char *weft_descriptor_check(const uint32_t words[WEFT_D_WORDS],
                                  const weft_engine_params *params,
                                  const weft_descriptor_memory *memory);

#endif
