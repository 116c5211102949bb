/* SPDX-License-Identifier: Apache-2.0 */
/* lower-matmul: Gemm, and MatMul by constant weights, become weft.Linear with weights [M, K]; a
 * constant Add after a product becomes its bias. Gemm by computed weights becomes MatMul. Must not
 * know layouts of images.
 *
 * needs: types and shapes.
 * keeps: everything else.
 * breaks: Gemm is gone. */
#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

/* The constant times factor; for a computed value the factor itself, for a Mul to come. */
static weft_value *scaled_constant(weft_graph *graph, weft_value *value, float factor)
{
    if (factor == 1.0F)
        return value;
    weft_value *number =
        weft_graph_add_constant(graph, NULL, WEFT_DTYPE_F32, &(weft_shape){.rank = 0},
                                weft_arena_dup(graph->arena, &factor, sizeof factor));
    return weft_value_is_constant(value) ? weft_rewrite_combine(graph, WEFT_OP_Mul, value, number)
                                         : number;
}

/* op(inputs) before node, inferred. */
static weft_status step(weft_graph *graph, weft_node *node, weft_op op, weft_value *a,
                        weft_value *b, weft_value **out, weft_diag *diag)
{
    weft_node *made =
        weft_rewrite_add(graph, node, op, node->name, (weft_value *[]){a, b}, b ? 2 : 1, node);
    *out = made->outputs[0];
    return weft_node_infer(graph, made, diag);
}

/* The constant as a bias vector of M numbers, when it is the same for every row. */
static weft_value *bias_of(weft_graph *graph, const weft_value *c, const weft_shape *shape)
{
    size_t channels = (size_t)shape->dims[shape->rank - 1];
    double *numbers = WEFT_NEW_ARRAY(graph->arena, double, channels);
    if (!weft_rewrite_read_channel(c, shape, shape->rank - 1, numbers))
        return NULL;
    float *to = WEFT_NEW_ARRAY(graph->arena, float, channels);
    for (size_t i = 0; i < channels; i++)
        to[i] = (float)numbers[i];
    weft_shape vector = {.rank = 1, .dims = {shape->dims[shape->rank - 1]}};
    return weft_graph_add_constant(graph, weft_rewrite_base_name(graph, c->name), WEFT_DTYPE_F32,
                                   &vector, to);
}

static weft_status add_scaled(weft_graph *graph, weft_node *node, weft_value *c, float beta,
                              weft_value **io_value, weft_diag *diag)
{
    weft_status status = WEFT_OK;
    weft_value *scaled = scaled_constant(graph, c, beta);
    if (scaled != c && !weft_value_is_constant(c))
        status = step(graph, node, WEFT_OP_Mul, c, scaled, &scaled, diag);
    if (status == WEFT_OK)
        status = step(graph, node, WEFT_OP_Add, *io_value, scaled, io_value, diag);
    return status;
}

static weft_status lower_gemm(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    static const int64_t swap[2] = {1, 0};
    weft_value *a = node->inputs[0], *b = node->inputs[1], *c = weft_node_input(node, 2), *y = NULL;
    float alpha = weft_attrs_float(&node->attrs, "alpha", 1.0F);
    float beta = weft_attrs_float(&node->attrs, "beta", 1.0F);
    bool b_is_rows = weft_attrs_int(&node->attrs, "transB", 0) != 0;
    weft_status status = WEFT_OK;
    if (weft_attrs_int(&node->attrs, "transA", 0)) /* perm absent reverses the two axes */
        status = step(graph, node, WEFT_OP_Transpose, a, NULL, &a, diag);
    if (status != WEFT_OK)
        return status;
    if (weft_rewrite_f32(b)) {
        weft_value *w = b_is_rows ? b : weft_rewrite_permute_constant(graph, b, swap);
        weft_value *bias = NULL;
        if (c && weft_rewrite_f32(c) && beta != 0.0F)
            bias = bias_of(graph, scaled_constant(graph, c, beta), &node->outputs[0]->shape);
        weft_value *inputs[3] = {a, scaled_constant(graph, w, alpha), bias};
        weft_node *linear =
            weft_rewrite_add(graph, node, WEFT_OP_Linear, node->name, inputs, bias ? 3 : 2, node);
        y = linear->outputs[0];
        status = weft_node_infer(graph, linear, diag);
        c = bias ? NULL : c;
    } else {
        if (b_is_rows)
            status = step(graph, node, WEFT_OP_Transpose, b, NULL, &b, diag);
        if (status == WEFT_OK)
            status = step(graph, node, WEFT_OP_MatMul, a, b, &y, diag);
        if (status == WEFT_OK && alpha != 1.0F)
            status = step(graph, node, WEFT_OP_Mul, y, scaled_constant(graph, y, alpha), &y, diag);
    }
    if (status == WEFT_OK && c && beta != 0.0F)
        status = add_scaled(graph, node, c, beta, &y, diag);
    return status == WEFT_OK ? weft_rewrite_replace(graph, node->outputs[0], y, diag) : status;
}

static weft_status lower_matmul(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    static const int64_t swap[2] = {1, 0};
    weft_value *w = weft_rewrite_permute_constant(graph, node->inputs[1], swap);
    weft_value *inputs[2] = {node->inputs[0], w};
    weft_node *linear = weft_rewrite_add(graph, node, WEFT_OP_Linear, node->name, inputs, 2, node);
    weft_status status = weft_node_infer(graph, linear, diag);
    if (status != WEFT_OK)
        return status;
    return weft_rewrite_replace(graph, node->outputs[0], linear->outputs[0], diag);
}

/* Add(Linear(x), constant): the constant is the bias or is added to it. */
static weft_status merge_bias(weft_graph *graph, weft_node *node, size_t *changes, weft_diag *diag)
{
    for (size_t i = 0; i < 2; i++) {
        weft_value *product = node->inputs[i], *c = node->inputs[1 - i];
        weft_node *linear = weft_rewrite_producer(product, WEFT_OP_Linear);
        if (!linear || !weft_rewrite_f32(c) || weft_node_input(linear, 3) ||
            weft_attrs_find(&linear->attrs, "act") ||
            weft_rewrite_single_user(graph, product) != node ||
            !weft_shape_equal(&product->shape, &node->outputs[0]->shape))
            continue;
        int axis = product->shape.rank - 1;
        double *shift = WEFT_NEW_ARRAY(graph->arena, double, (size_t)product->shape.dims[axis]);
        if (!weft_rewrite_read_channel(c, &product->shape, axis, shift) ||
            !weft_rewrite_scale_channels(graph, linear, NULL, shift))
            continue;
        weft_rewrite_add_sources(graph, linear, node);
        ++*changes;
        return weft_rewrite_replace(graph, node->outputs[0], product, diag);
    }
    return WEFT_OK;
}

weft_status weft_pass_lower_matmul(weft_graph *graph, size_t *out_changes, weft_diag *diag)
{
    *out_changes = 0;
    for (weft_node *node = graph->first, *next; node; node = next) {
        next = node->next;
        weft_status status = WEFT_OK;
        if (node->outputs[0]->dtype != WEFT_DTYPE_F32)
            continue;
        if (node->op == WEFT_OP_Gemm) {
            status = lower_gemm(graph, node, diag);
            ++*out_changes;
        } else if (node->op == WEFT_OP_MatMul && weft_rewrite_f32(node->inputs[1]) &&
                   node->inputs[1]->shape.rank == 2 && !weft_value_is_constant(node->inputs[0])) {
            status = lower_matmul(graph, node, diag);
            ++*out_changes;
        } else if (node->op == WEFT_OP_Add) {
            status = merge_bias(graph, node, out_changes, diag);
        }
        if (status != WEFT_OK)
            return status;
    }
    return WEFT_OK;
}
