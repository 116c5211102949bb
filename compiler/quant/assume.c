/* SPDX-License-Identifier: Apache-2.0 */
/* A float graph as it would be after quantising, without data: every range is the same and weights
 * are zeros. For predictions that depend on shapes alone. Must not know what is predicted. */
#include "compiler/quant/assume.h"

#include "compiler/api/model.h"
#include "compiler/quant/quant.h"

/* Scales that no rule finds too small or too large: values about 2^-5, weights about 2^-7, so that
 * sums of some thousand products still fit 8 bits. */
static const double ASSUMED_RANGE = 4.0;
static const float ASSUMED_WEIGHT_SCALE = 1.0f / 128;

/* Output channels stand first, except in a Gemm or MatMul whose weights are not transposed. */
static int64_t outputs_of(const weft_node *node)
{
    const weft_shape *w = &node->inputs[1]->shape;
    bool is_first = node->op == WEFT_OP_Conv ||
                    (node->op == WEFT_OP_Gemm && weft_attrs_int(&node->attrs, "transB", 0) != 0);
    return w->dims[is_first ? 0 : 1];
}

/* zeros: at least as many as the constant has bytes. */
static weft_status assume_constant(weft_quant *quant, weft_node *node, size_t index,
                                   weft_dtype dtype, const weft_shape *shape, const void *zeros,
                                   float scale_value, weft_diag *diag)
{
    const char *name = weft_arena_printf(quant->arena, "%s_assumed%zu", node->name, index);
    weft_value *value, *codes = weft_graph_add_constant(quant->graph, name, dtype, shape, zeros);
    float *scale = weft_arena_dup(quant->arena, &scale_value, sizeof scale_value);
    int32_t *zero = WEFT_NEW(quant->arena, int32_t);
    weft_status status =
        weft_quant_add_dequantised(quant, node, name, codes, scale, zero, 1, 0, &value, diag);
    if (status == WEFT_OK)
        weft_node_set_input(quant->graph, node, index, value);
    return status;
}

/* As weft_quant_insert does it for one product, with zeros. */
static weft_status assume_product(weft_quant *quant, weft_node *node, float x_scale,
                                  const void *zeros, weft_diag *diag)
{
    weft_shape shape = node->inputs[1]->shape, bias = {.rank = 1, .dims = {outputs_of(node)}};
    weft_status status =
        assume_constant(quant, node, 1, WEFT_DTYPE_I8, &shape, zeros, ASSUMED_WEIGHT_SCALE, diag);
    if (status != WEFT_OK || node->op == WEFT_OP_MatMul)
        return status;
    return assume_constant(quant, node, 2, WEFT_DTYPE_I32, &bias, zeros,
                           ASSUMED_WEIGHT_SCALE * x_scale, diag);
}

/* Weights are not looked at any more: zeros, the same for all, spare reading them from the file.
 * Returns them; they are as many as the largest weights in f32 have bytes. */
static const void *forget_weights(weft_quant *quant)
{
    size_t most = 0, bytes;
    void *zeros = NULL;
    for (int is_second = 0; is_second < 2; is_second++) {
        zeros = is_second ? weft_arena_alloc(quant->arena, most) : NULL;
        for (weft_node *node = quant->graph->first; node != NULL; node = node->next) {
            if (!weft_quant_is_product(node) ||
                !weft_shape_bytes(&node->inputs[1]->shape, node->inputs[1]->dtype, &bytes))
                continue;
            most = bytes > most ? bytes : most;
            if (is_second)
                node->inputs[1]->data = zeros;
        }
    }
    return zeros;
}

/* Batch normalisation that would go into a convolution's weights goes without a trace. */
static void drop_normalisation(weft_graph *graph)
{
    for (weft_node *node = graph->first, *next; node != NULL; node = next) {
        next = node->next;
        weft_value *x = weft_node_input(node, 0);
        if (node->op != WEFT_OP_BatchNormalization || x == NULL || x->producer == NULL ||
            x->producer->op != WEFT_OP_Conv || x->use_count != 1 || node->output_count != 1)
            continue;
        weft_graph_replace_uses(graph, node->outputs[0], x);
        weft_graph_remove_node(graph, node);
    }
}

weft_status weft_quant_assume(weft_arena *arena, const weft_graph *graph, weft_graph **out_graph,
                              weft_diag *diag)
{
    static const weft_quant_params params = WEFT_QUANT_PARAMS_DEFAULT;
    weft_quant quant = {.arena = arena, .params = params};
    quant.params.signed_values = true;
    *out_graph = NULL;
    quant.graph = weft__graph_copy(arena, graph);
    drop_normalisation(quant.graph);
    const void *zeros = forget_weights(&quant);
    weft_status status = weft_quant_prepare(&quant, diag);
    if (status == WEFT_OK)
        status = weft_quant_find_points(&quant, diag);
    if (status != WEFT_OK)
        return status;
    weft_quant_range range = weft_quant_range_make(-ASSUMED_RANGE, ASSUMED_RANGE, true);
    for (size_t i = 0; i < quant.points.count; i++)
        quant.points.data[i].range = range;
    for (weft_node *node = quant.graph->first; node != NULL && status == WEFT_OK; node = node->next)
        if (weft_quant_takes(&quant, node) && weft_quant_is_product(node))
            status = assume_product(&quant, node, range.scale, zeros, diag);
    if (status == WEFT_OK)
        status = weft_quant_insert(&quant, diag);
    if (status == WEFT_OK)
        *out_graph = quant.graph;
    return status;
}
