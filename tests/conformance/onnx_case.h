/* SPDX-License-Identifier: Apache-2.0 */
/* One case of ONNX's backend test data: a model, its inputs and the outputs ONNX expects. Knows the
 * file layout, not how a model is run. */
#ifndef WEFT_TESTS_CONFORMANCE_ONNX_CASE_H
#define WEFT_TESTS_CONFORMANCE_ONNX_CASE_H

#include "compiler/base/tensor.h"

typedef struct onnx_case {
    const char *name; /* "node/test_add" */
    const uint8_t *model;
    size_t model_bytes;
    const char **input_names;
    weft_tensor *inputs;
    size_t input_count;
    weft_tensor *expected;
    size_t expected_count;
} onnx_case;

/* Names of all cases below root ("node/test_add"), sorted; *out_count 0 when root is not there. */
const char **onnx_case_list(weft_arena *arena, const char *root, size_t *out_count);

/* Loads a case. NULL, or why it cannot be used: a sequence instead of a tensor, strings, a damaged
 * file. */
const char *onnx_case_load(weft_arena *arena, const char *root, const char *name,
                           onnx_case *out_case);

/* Makes the values of inputs [first, count) part of the model, as initializers: shapes and axes
 * often are inputs in this data, while the compiler needs them to be constant. */
bool onnx_case_bind_inputs(weft_arena *arena, onnx_case *test, size_t first);

/* NULL when found is what the case expects under the tolerances of ONNX's own runner, otherwise the
 * difference in words. */
const char *onnx_case_compare(weft_arena *arena, const weft_tensor *expected,
                              const weft_tensor *found);

#endif
