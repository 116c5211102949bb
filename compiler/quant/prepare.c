/* SPDX-License-Identifier: Apache-2.0 */
/* From an imported model to the graph that is quantised: constants folded, batch normalisation in
 * the weights, matrix products joined with their bias, ONNX operators and layout kept. Must not
 * know: statistics, integers. */
#include <string.h>

#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"
#include "compiler/quant/quant.h"

/* The bias that the Add of a MatMul by constant weights [K, N] brings, N numbers; NULL when it is
 * none. */
static weft_value *bias_of(const weft_node *product, const weft_node *add)
{
    const weft_value *w = product->inputs[1], *y = product->outputs[0];
    if (add == NULL || add->op != WEFT_OP_Add || !weft_rewrite_f32(w) || w->shape.rank != 2 ||
        y->shape.rank < 2 || !weft_shape_equal(&add->outputs[0]->shape, &y->shape))
        return NULL;
    weft_value *bias = add->inputs[add->inputs[0] == y ? 1 : 0];
    int64_t elems = 0;
    return weft_rewrite_f32(bias) && weft_shape_elems(&bias->shape, &elems) &&
                   elems == w->shape.dims[1] && bias->shape.rank > 0 &&
                   bias->shape.dims[bias->shape.rank - 1] == elems
               ? bias
               : NULL;
}

/* The Reshape of value to these dimensions that stands before a node; q, k and v read one value. */
static weft_node *find_reshape(const weft_graph *graph, const weft_node *before,
                               const weft_value *value, const int64_t *dims, size_t rank)
{
    for (weft_node *node = graph->first; node != before; node = node->next) {
        int64_t found[WEFT_MAX_RANK];
        size_t count = 0;
        if (node->op == WEFT_OP_Reshape && node->inputs[0] == value &&
            weft_value_const_ints(node->inputs[1], found, WEFT_MAX_RANK, &count) && count == rank &&
            memcmp(found, dims, rank * sizeof *dims) == 0)
            return node;
    }
    return NULL;
}

/* value as a tensor whose first dimension is what the others leave. */
static weft_status reshape(weft_graph *graph, weft_node *before, weft_value *value,
                           const weft_shape *shape, weft_value **out, weft_diag *diag)
{
    int64_t dims[WEFT_MAX_RANK];
    for (int i = 0; i < shape->rank; i++)
        dims[i] = i == 0 ? -1 : shape->dims[i];
    weft_node *known = find_reshape(graph, before, value, dims, (size_t)shape->rank);
    if (known != NULL) {
        *out = known->outputs[0];
        return WEFT_OK;
    }
    weft_value *inputs[2] = {value,
                             weft_graph_add_constant_ints(graph, NULL, dims, (size_t)shape->rank)};
    const char *name =
        weft_arena_printf(graph->arena, "%s/rows", weft_rewrite_base_name(graph, value->name));
    weft_node *node = weft_rewrite_add(graph, before, WEFT_OP_Reshape, name, inputs, 2, NULL);
    *out = node->outputs[0];
    return weft_node_infer(graph, node, diag);
}

/* MatMul and Add as Gemm, whose bias is s32; tensors of tokens as rows. ONNX Runtime's own
 * preparation does the same. */
static weft_status join_bias(weft_graph *graph, weft_node *product, weft_node *add,
                             weft_value *bias, weft_diag *diag)
{
    weft_value *x = product->inputs[0], *old = add->outputs[0], *y = NULL;
    int rank = x->shape.rank;
    weft_shape rows = {2, {-1, x->shape.dims[rank - 1]}},
               vector = {1, {product->inputs[1]->shape.dims[1]}};
    weft_status status = rank > 2 ? reshape(graph, add, x, &rows, &x, diag) : WEFT_OK;
    if (status != WEFT_OK)
        return status;
    weft_value *inputs[3] = {x, product->inputs[1],
                             weft_rewrite_view_constant(graph, bias, &vector)};
    weft_node *gemm = weft_rewrite_add(graph, add, WEFT_OP_Gemm, product->name, inputs, 3, product);
    weft_rewrite_add_sources(graph, gemm, add);
    status = weft_node_infer(graph, gemm, diag);
    y = gemm->outputs[0];
    if (status == WEFT_OK && rank > 2)
        status = reshape(graph, add, y, &old->shape, &y, diag);
    return status == WEFT_OK ? weft_rewrite_replace(graph, old, y, diag) : status;
}

static weft_status join_biases(weft_graph *graph, weft_diag *diag)
{
    weft_status status = WEFT_OK;
    for (weft_node *node = graph->first, *next; node != NULL && status == WEFT_OK; node = next) {
        next = node->next;
        if (node->op != WEFT_OP_MatMul || node->inputs[0]->dtype != WEFT_DTYPE_F32)
            continue;
        weft_node *add = weft_rewrite_single_user(graph, node->outputs[0]);
        weft_value *bias = bias_of(node, add);
        if (bias != NULL) {
            next = next == add ? add->next : next;
            status = join_bias(graph, node, add, bias, diag);
        }
    }
    weft_rewrite_remove_dead(graph);
    return status;
}

weft_status weft_quant_prepare(weft_quant *quant, weft_diag *diag)
{
    static weft_status (*const passes[])(weft_graph *, size_t *, weft_diag *) = {
        weft_pass_fold_constants, weft_pass_split_variadic, weft_pass_fuse_layer_norm,
        weft_pass_fuse_gelu,      weft_pass_simplify,       weft_pass_fold_batchnorm,
        weft_pass_cleanup};
    for (size_t i = 0; i < sizeof passes / sizeof passes[0]; i++) {
        size_t changes;
        weft_status status = passes[i](quant->graph, &changes, diag);
        if (status != WEFT_OK)
            return status;
    }
    return join_biases(quant->graph, diag);
}
