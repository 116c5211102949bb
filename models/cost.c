/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting; see cost.h. Knows nothing about architectures.
 */
#include "models/cost.h"

#include <string.h>

static uint64_t dim(const weft_build_shape *shape, int axis)
{
    return (uint64_t)shape->dims[axis];
}

static bool node_macs(const weft_build *build, const weft_build_node *node, uint64_t *out_macs)
{
    const weft_build_shape *y = weft_build_shape_of(build, node->output);
    uint64_t per_output = 0;
    if (strcmp(node->op, "Conv") == 0) {
        const weft_build_shape *w = weft_build_shape_of(build, node->inputs[1]);
        per_output =
            dim(w, 1) * dim(w, 2) * dim(w, 3); /* input channels of the group, times the window */
    } else if (strcmp(node->op, "Gemm") == 0 || strcmp(node->op, "MatMul") == 0) {
        const weft_build_shape *x = weft_build_shape_of(build, node->inputs[0]);
        per_output = dim(x, x->rank - 1);
    } else if (strcmp(node->op, "Attention") == 0) {
        /* An output of the second product takes one element of each key; an equally large row of
         * the first product takes as many. */
        per_output = 2 * dim(weft_build_shape_of(build, node->inputs[1]), 2);
    }
    return !__builtin_mul_overflow((uint64_t)weft_build_elems(y), per_output, out_macs);
}

bool weft_cost_count(const weft_build *build, weft_cost *out_cost)
{
    weft_cost cost = {.nodes = build->node_count};
    bool fits = true;
    for (size_t i = 0; i < build->node_count; i++) {
        uint64_t macs = 0;
        fits = node_macs(build, &build->nodes[i], &macs) && fits;
        fits = !__builtin_add_overflow(cost.macs, macs, &cost.macs) && fits;
    }
    for (size_t i = 0; i < build->initializer_count; i++) {
        const weft_build_initializer *initializer = &build->initializers[i];
        uint64_t elems = (uint64_t)weft_build_elems(weft_build_shape_of(build, initializer->value));
        uint64_t elem_bytes = initializer->ints ? sizeof(int64_t) : sizeof(float);
        /* The builder admits no tensor whose bytes leave int64, so only the sum can overflow. */
        fits = !__builtin_add_overflow(cost.weight_bytes, elems * elem_bytes, &cost.weight_bytes) &&
               fits;
        if (initializer->is_parameter)
            cost.parameters += elems;
    }
    *out_cost = fits ? cost : (weft_cost){0};
    return fits;
}

uint64_t weft_cost_count_op(const weft_build *build, const char *op)
{
    uint64_t count = 0;
    for (size_t i = 0; i < build->node_count; i++)
        count += strcmp(build->nodes[i].op, op) == 0;
    return count;
}
