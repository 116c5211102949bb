/* SPDX-License-Identifier: Apache-2.0 */
/* Assembling OpenCL programs: a few `#define`s, the prelude, and a kernel family of kernels/cpu.
 * Programs are shared by all steps with the same key, because each new program costs the device
 * compiler about a second. Same keys, same bytes; no names or sizes of the model enter the text.
 * Knows nothing of graphs or plans. */
#ifndef WEFT_CODEGEN_PROGRAM_H
#define WEFT_CODEGEN_PROGRAM_H

#include "compiler/package/schedule.h"

typedef enum weft_kernel_family {
#define WEFT_KERNEL(id, name, files, kernels, doc) WEFT_KERNEL_##id,
#include "kernels/cpu/kernels.def"
#undef WEFT_KERNEL
    WEFT_KERNEL_COUNT
} weft_kernel_family;

typedef struct weft_kernel_row {
    const char *name, *files, *kernels, *doc;
} weft_kernel_row;
const weft_kernel_row *weft_kernel_get(weft_kernel_family family);

/* A program: family and register tile of tile_rows x 2 vectors; dot is WEFT_DOT of the families
 * that multiply 8-bit values, else 0. */
typedef struct weft_program_key {
    weft_kernel_family family;
    int vector_floats, tile_rows, dot;
} weft_program_key;

typedef struct weft_program_set weft_program_set;
weft_program_set *weft_program_set_create(weft_arena *arena);
/* Index of the program with this key and of its kernel of this name; the program is added when it
 * is new. The kernel must be in the family's row. */
void weft_program_set_use(weft_program_set *set, weft_program_key key, const char *kernel,
                          int32_t *out_program, int32_t *out_kernel);
/* The programs so far, with sources; the array lives in the arena. */
size_t weft_program_set_get(const weft_program_set *set, weft_program **out_programs);

#endif
