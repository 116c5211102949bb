/* SPDX-License-Identifier: Apache-2.0 */
/* Printing the engine of kernels/fpga in one of two dialects: OpenCL C 1.2 (Vitis up to 2023.1,
 * PoCL) and HLS C, which is C99 with `#pragma HLS` (any Vitis, gcc, clang). One body serves both:
 * lines of it that start with `@` are markers, which become pragmas or attributes; in a header that
 * C reads as well they stand in comments. Same parameters, same bytes. Knows nothing of graphs or
 * plans.
 *
 *   @pipeline N            a result every N cycles        before a loop
 *   @unroll [N]            N copies, or all               before a loop
 *   @tripcount MIN MAX     for reports                    before a loop
 *   @dataflow              its calls overlap              before a loop
 *   @partition KIND N...   complete: of dimensions N; cyclic: in N banks
 *                                                         before the declaration of an array
 *   @interface memory|scalar NAME...                      before the kernel
 *   @if N ... @else ... @end   lines for engines where N is not 0, and for others
 *
 * N is a number, a parameter of the engine, or a quotient of two. GLOBAL and KERNEL are words of
 * OpenCL C that vanish from HLS C. */
#ifndef WEFT_CODEGEN_ENGINE_PRINT_H
#define WEFT_CODEGEN_ENGINE_PRINT_H

#include "compiler/base/arena.h"
#include "kernels/fpga/engine.h"

typedef enum weft_dialect {
    WEFT_DIALECT_OPENCL,
    WEFT_DIALECT_HLS_C,
    WEFT_DIALECT_COUNT
} weft_dialect;

/* The engine's complete source, in the arena. The parameters are valid
 * (weft_engine_params_are_valid). */
const char *weft_engine_print(weft_arena *arena, const weft_engine_params *params,
                              weft_dialect dialect);

#endif
