/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parameters and multiply-accumulates of a built graph, counted from its nodes and shapes.
 * Knows nothing about architectures: no closed form, no table of known models.
 */
#ifndef WEFT_MODELS_COST_H
#define WEFT_MODELS_COST_H

#include "models/onnx_build.h"

typedef struct weft_cost {
    uint64_t parameters; /* elements of trained tensors; batch-norm running statistics are not among
                            them */
    uint64_t macs;       /* of Conv, Gemm, MatMul and Attention, for the graph's whole batch */
    uint64_t nodes;
    uint64_t weight_bytes; /* of all initialisers */
} weft_cost;

/* False, with a zeroed result, when a total leaves 64 bits. */
bool weft_cost_count(const weft_build *build, weft_cost *out_cost);

/* Number of nodes of one operator. */
uint64_t weft_cost_count_op(const weft_build *build, const char *op);

#endif
