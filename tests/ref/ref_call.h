/* SPDX-License-Identifier: Apache-2.0 */
/* Calling one reference kernel from a test: tensors from lists of numbers, attributes, comparison.
 * Knows no graph. */
#ifndef WEFT_TESTS_REF_REF_CALL_H
#define WEFT_TESTS_REF_REF_CALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "compiler/ir/graph.h"
#include "kernels/ref/ref.h"

/* cmocka set-up and tear-down: *state is a weft_arena. */
int ref_setup(void **state);
int ref_teardown(void **state);

/* A tensor in the arena. dims is "2x3" or "" for a scalar; values NULL: pseudo-random in [-2, 2),
 * the same in every run. */
weft_tensor *ref_tensor(weft_arena *arena, weft_dtype dtype, const char *dims,
                        const double *values);
weft_tensor *ref_tensor_of(weft_arena *arena, weft_dtype dtype, const weft_shape *shape,
                           const double *values);
#define REF_F32(arena, dims, ...)                                                                  \
    ref_tensor(arena, WEFT_DTYPE_F32, dims, (const double[]){__VA_ARGS__})
#define REF_I64(arena, dims, ...)                                                                  \
    ref_tensor(arena, WEFT_DTYPE_I64, dims, (const double[]){__VA_ARGS__})

/* Pseudo-random integer in [0, limit), the same sequence in every run. */
uint32_t ref_random(uint32_t limit);

weft_status ref_run(weft_ref_kernel kernel, const weft_attrs *attrs, weft_tensor *const *inputs,
                    size_t input_count, weft_tensor *const *outputs, size_t output_count);
#define REF_LIST(...)                                                                              \
    (weft_tensor *const[]){__VA_ARGS__},                                                           \
        sizeof((weft_tensor *const[]){__VA_ARGS__}) / sizeof(weft_tensor *)

/* Every element within tolerance * (1 + |expected|); NaN equals NaN, infinities are exact. */
void ref_expect(const weft_tensor *tensor, const double *expected, double tolerance);
#define REF_EXPECT(tensor, ...) ref_expect(tensor, (const double[]){__VA_ARGS__}, 1e-6)
#define REF_EXACT(tensor, ...) ref_expect(tensor, (const double[]){__VA_ARGS__}, 0)

#endif
