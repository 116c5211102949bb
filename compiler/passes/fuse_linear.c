/* SPDX-License-Identifier: Apache-2.0 */
/* fuse-linear: what stands in front of weft.Linear. A LayerNormalization that only products read is
 * done while they read their rows: its scale goes into the columns of the weights, its bias into
 * theirs. Views of tokens move behind products, and behind sums that a convolution can take. Must
 * not know more of what follows a product.
 *
 * needs: Linear; before fuse-conv, which fuses what follows.
 * keeps: values up to f32 rounding of the weights.
 * breaks: nothing. */
#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"
#include "compiler/passes/sink_views.h"

/* ---- normalisation ---- */

/* Scale or bias of the last dimension, as one number per column; NULL when it is none. */
static bool read_columns(const weft_value *value, int64_t columns, double *out_numbers)
{
    weft_shape shape = {.rank = 1, .dims = {columns}};
    return weft_rewrite_read_channel(value, &shape, 0, out_numbers);
}

static bool is_foldable(const weft_node *linear, const weft_value *x)
{
    const weft_value *bias = weft_node_input(linear, 2);
    return linear->op == WEFT_OP_Linear && linear->inputs[0] == x &&
           weft_node_input(linear, 3) != x && weft_rewrite_f32(linear->inputs[1]) &&
           (!bias || weft_rewrite_f32(bias)) && !weft_attrs_find(&linear->attrs, "norm_epsilon");
}

/* Every reader is a product that can normalise by itself. */
static bool is_read_by_products(const weft_graph *graph, const weft_node *norm)
{
    const weft_value *y = norm->outputs[0];
    size_t readers = 0;
    if (weft_value_is_output(graph, y) || y->use_count == 0)
        return false;
    for (const weft_node *node = norm->next; node && readers < y->use_count; node = node->next)
        readers += node->input_count > 1 && is_foldable(node, y);
    return readers == y->use_count;
}

/* w[o][i] <- w[o][i] * scale[i] and bias[o] <- bias[o] + sum of w[o][i] * shift[i]. */
static void fold_columns(weft_graph *graph, weft_node *linear, const double *scale,
                         const double *shift)
{
    const weft_value *weights = linear->inputs[1], *bias = weft_node_input(linear, 2);
    size_t rows = (size_t)weights->shape.dims[0], columns = (size_t)weights->shape.dims[1];
    const float *w = weft_rewrite_f32(weights), *b = weft_rewrite_f32(bias);
    float *to = WEFT_NEW_ARRAY(graph->arena, float, rows *columns);
    float *sums = WEFT_NEW_ARRAY(graph->arena, float, rows);
    for (size_t o = 0; o < rows; o++) {
        double sum = b ? (double)b[o] : 0.0;
        for (size_t i = 0; i < columns; i++) {
            double number = (double)w[o * columns + i];
            to[o * columns + i] = (float)(number * scale[i]);
            sum += shift ? number * shift[i] : 0.0;
        }
        sums[o] = (float)sum;
    }
    weft_shape vector = {.rank = 1, .dims = {(int64_t)rows}};
    weft_node_set_input(graph, linear, 1,
                        weft_graph_add_constant(graph, weft_rewrite_base_name(graph, weights->name),
                                                WEFT_DTYPE_F32, &weights->shape, to));
    if (bias || shift)
        weft_node_set_input(
            graph, linear, 2,
            weft_graph_add_constant(graph, bias ? weft_rewrite_base_name(graph, bias->name) : NULL,
                                    WEFT_DTYPE_F32, &vector, sums));
}

static weft_status fold_norm(weft_graph *graph, weft_node *norm, bool *done, weft_diag *diag)
{
    const weft_value *bias = weft_node_input(norm, 2), *y = norm->outputs[0];
    int rank = y->shape.rank;
    int64_t axis = weft_attrs_int(&norm->attrs, "axis", -1), columns = y->shape.dims[rank - 1];
    for (size_t i = 1; i < norm->output_count; i++)
        if (norm->outputs[i] && norm->outputs[i]->use_count)
            return WEFT_OK;
    double *scale = WEFT_NEW_ARRAY(graph->arena, double, (size_t)columns);
    double *shift = WEFT_NEW_ARRAY(graph->arena, double, (size_t)columns);
    if (y->dtype != WEFT_DTYPE_F32 || (axis != -1 && axis != rank - 1) ||
        !read_columns(norm->inputs[1], columns, scale) ||
        (bias && !read_columns(bias, columns, shift)) || !is_read_by_products(graph, norm))
        return WEFT_OK;
    *done = true;
    for (weft_node *node = norm->next; node && y->use_count > 0; node = node->next) {
        if (node->input_count < 2 || !is_foldable(node, y))
            continue;
        fold_columns(graph, node, scale, bias ? shift : NULL);
        weft_node_set_input(graph, node, 0, norm->inputs[0]);
        weft_attrs_set_float(&node->attrs, graph->arena, "norm_epsilon",
                             weft_attrs_float(&norm->attrs, "epsilon", 1e-5F));
        weft_rewrite_add_sources(graph, node, norm);
        weft_status status = weft_node_infer(graph, node, diag);
        if (status != WEFT_OK)
            return status;
    }
    weft_graph_remove_node(graph, norm);
    return WEFT_OK;
}

/* ---- views ---- */

/* A sum with a view that only it reads of what a convolution makes: the view moves behind the sum,
 * which the convolution can take then. */
static weft_status move_view_of_sum(weft_graph *graph, weft_node *add, bool *done, weft_diag *diag)
{
    weft_value *y = add->outputs[0], *out = NULL;
    for (size_t i = 0; i < 2; i++) {
        weft_value *mine = add->inputs[i], *other = add->inputs[1 - i];
        weft_node *view = weft_rewrite_producer(mine, WEFT_OP_Reshape);
        weft_node *conv = view ? weft_rewrite_producer(view->inputs[0], WEFT_OP_Conv2D) : NULL;
        if (!conv || weft_rewrite_single_user(graph, mine) != add ||
            weft_rewrite_single_user(graph, conv->outputs[0]) != view ||
            !weft_shape_equal(&other->shape, &y->shape) ||
            !weft_shape_equal(&mine->shape, &y->shape))
            continue;
        weft_status status =
            weft_rewrite_reshape(graph, add, other, &conv->outputs[0]->shape, NULL, &other, diag);
        if (status != WEFT_OK)
            return status;
        weft_node *made = weft_rewrite_add(graph, add, WEFT_OP_Add, add->name,
                                           (weft_value *[]){conv->outputs[0], other}, 2, add);
        status = weft_node_infer(graph, made, diag);
        if (status == WEFT_OK)
            status =
                weft_rewrite_reshape(graph, add, made->outputs[0], &y->shape, view, &out, diag);
        if (status != WEFT_OK)
            return status;
        *done = true;
        return weft_rewrite_replace(graph, y, out, diag);
    }
    return WEFT_OK;
}

static weft_status visit(weft_graph *graph, weft_node *node, bool *done, weft_diag *diag)
{
    switch ((int)node->op) {
    case WEFT_OP_LayerNormalization: return fold_norm(graph, node, done, diag);
    case WEFT_OP_Add: return move_view_of_sum(graph, node, done, diag);
    default: return weft_sink_token_view(graph, node, done, diag);
    }
}

weft_status weft_pass_fuse_linear(weft_graph *graph, size_t *out_changes, weft_diag *diag)
{
    return weft_rewrite_until_still(graph, visit, out_changes, diag);
}
