/* SPDX-License-Identifier: Apache-2.0 */
/* fuse-quantized, normalisations: a weft.QLayerNorm that only products read is done while they read
 * their rows. The normalised codes stay what they were: a product rounds to them before it
 * multiplies. Must not know what follows a product. */
#include "compiler/ir/infer.h"
#include "compiler/passes/fuse_quantized.h"
#include "compiler/passes/rewrite.h"

/* A product of the rows of x, a view of what norm makes, with constant weights, that does not
 * normalise yet and takes off the zero point that norm adds: it will have one for both. */
static bool is_foldable(const weft_node *node, const weft_value *x, const weft_node *norm)
{
    int64_t channels = norm->inputs[1]->shape.dims[0];
    if (node->op != WEFT_OP_QConv2D || node->inputs[0] != x || weft_node_input(node, 6) == x ||
        weft_node_input(node, 7) || !weft_value_is_constant(node->inputs[1]))
        return false;
    return weft_attrs_int(&node->attrs, "x_zero", 0) == weft_attrs_int(&norm->attrs, "y_zero", 0) &&
           x->shape.dims[3] == channels && weft_infer_q_is_pointwise(node);
}

/* Every reader is such a product, or a view that only they read. */
static bool is_read_by_products(const weft_graph *graph, const weft_value *x, const weft_node *norm)
{
    size_t uses = 0;
    if (weft_value_is_output(graph, x) || x->use_count == 0)
        return false;
    for (const weft_node *node = x->producer->next; node && uses < x->use_count; node = node->next)
        uses +=
            is_foldable(node, x, norm) || (node->op == WEFT_OP_Reshape && node->inputs[0] == x &&
                                           is_read_by_products(graph, node->outputs[0], norm));
    return uses == x->use_count;
}

static void copy_int(weft_graph *graph, weft_node *node, const char *to, const weft_node *norm,
                     const char *from)
{
    const weft_attr *found = weft_attrs_find(&norm->attrs, from);
    if (found)
        weft_attrs_set_int(&node->attrs, graph->arena, to, found->i);
}

static weft_status fold(weft_graph *graph, weft_node *product, const weft_node *norm,
                        weft_diag *diag)
{
    weft_value *x = NULL;
    const weft_shape *shape = &product->inputs[0]->shape;
    weft_status status =
        weft_rewrite_reshape(graph, product, norm->inputs[0], shape, NULL, &x, diag);
    if (status != WEFT_OK)
        return status;
    for (const weft_node *view = product->inputs[0]->producer; view != norm;
         view = view->inputs[0]->producer)
        weft_rewrite_add_sources(graph, product, view);
    weft_rewrite_add_sources(graph, product, norm);
    weft_node_set_input(graph, product, 0, x);
    weft_node_set_input(graph, product, 7, norm->inputs[1]);
    weft_node_set_input(graph, product, 8, norm->inputs[2]);
    weft_attrs_set_string(&product->attrs, graph->arena, "norm_type",
                          weft_dtype_name(norm->outputs[0]->dtype));
    copy_int(graph, product, "norm_epsilon", norm, "epsilon");
    copy_int(graph, product, "norm_beta_shift", norm, "beta_shift");
    copy_int(graph, product, "norm_shift", norm, "shift");
    copy_int(graph, product, "norm_min", norm, "y_min");
    copy_int(graph, product, "norm_max", norm, "y_max");
    return weft_node_infer(graph, product, diag);
}

/* Folds into the products behind x, a view of what norm makes. */
static weft_status fold_into_readers(weft_graph *graph, const weft_node *norm, weft_value *x,
                                     weft_diag *diag)
{
    weft_status status = WEFT_OK;
    for (weft_node *node = x->producer->next, *next; node && status == WEFT_OK; node = next) {
        next = node->next;
        if (is_foldable(node, x, norm))
            status = fold(graph, node, norm, diag);
        else if (node->op == WEFT_OP_Reshape && node->inputs[0] == x)
            status = fold_into_readers(graph, norm, node->outputs[0], diag);
    }
    return status;
}

weft_status weft_fuse_q_norm(weft_graph *graph, weft_node *node, bool *out_done, weft_diag *diag)
{
    if (node->op != WEFT_OP_QLayerNorm || !weft_value_is_constant(node->inputs[1]) ||
        !weft_value_is_constant(node->inputs[2]))
        return WEFT_OK;
    weft_value *y = node->outputs[0];
    if (!is_read_by_products(graph, y, node))
        return WEFT_OK;
    *out_done = true;
    return fold_into_readers(graph, node, y, diag);
}
