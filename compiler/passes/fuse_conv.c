/* SPDX-License-Identifier: Apache-2.0 */
/* fuse-conv: bias, residual add and activation go into weft.Conv2D and weft.Linear; the 2x2 average
 * pool of a shortcut into its 1x1 convolution; a convolution over a map of one element is a
 * weft.Linear (fuse_conv_shape.c). Must not know squeeze and excitation; a product with a computed
 * gate is left alone.
 *
 * needs: transposes sunk.
 * keeps: values up to f32 rounding; a value that something else reads too is never fused away.
 * breaks: nodes move towards their last operand; the order stays topological. */
#include "compiler/passes/fuse_conv.h"

#include "compiler/passes/epilogue.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"
#include "compiler/passes/views.h"

static bool is_product(weft_op op)
{
    return op == WEFT_OP_Conv2D || op == WEFT_OP_Linear;
}

/* Add or Mul by a constant per output channel behind a product: into bias and weights. A Mul would
 * have to scale the residual too, so it needs a node without. */
static weft_status fuse_constant(weft_graph *graph, weft_node *node, bool *done, weft_diag *diag)
{
    weft_value *y = node->outputs[0];
    weft_node *user = weft_rewrite_single_user(graph, y);
    int axis = y->shape.rank - 1;
    if (!user || (user->op != WEFT_OP_Add && user->op != WEFT_OP_Mul) || node->output_count != 1 ||
        weft_epilogue_has_act(node) || !weft_shape_equal(&y->shape, &user->outputs[0]->shape))
        return WEFT_OK;
    bool is_add = user->op == WEFT_OP_Add;
    const weft_value *c = user->inputs[user->inputs[0] == y ? 1 : 0];
    double *numbers = WEFT_NEW_ARRAY(graph->arena, double, (size_t)y->shape.dims[axis]);
    if ((!is_add && weft_node_input(node, 3)) ||
        !weft_rewrite_read_channel(c, &y->shape, axis, numbers) ||
        !weft_rewrite_scale_channels(graph, node, is_add ? NULL : numbers, is_add ? numbers : NULL))
        return WEFT_OK;
    weft_rewrite_add_sources(graph, node, user);
    *done = true;
    return weft_rewrite_replace(graph, user->outputs[0], y, diag);
}

/* Fuses into one product until nothing fits any more. */
static weft_status visit_product(weft_graph *graph, weft_node *node, size_t *changes,
                                 weft_diag *diag)
{
    bool done;
    do {
        done = false;
        weft_status status = fuse_constant(graph, node, &done, diag);
        if (status == WEFT_OK && !done)
            status = weft_epilogue_fuse_act(graph, node, &done, diag);
        if (status == WEFT_OK && !done && node->op == WEFT_OP_Conv2D)
            status = weft_fuse_conv_pool(graph, node, &done, diag);
        if (status != WEFT_OK)
            return status;
        *changes += done;
    } while (done);
    return WEFT_OK;
}

static weft_status fuse_epilogues(weft_graph *graph, size_t *changes, weft_diag *diag)
{
    for (weft_node *node = graph->first, *next; node; node = next) {
        weft_status status = WEFT_OK;
        bool done = false;
        next = node->next;
        if (is_product(node->op)) {
            status = visit_product(graph, node, changes, diag);
            next = node->next; /* what followed may be fused */
        } else if (node->op == WEFT_OP_Add) {
            status = weft_epilogue_fuse_add(graph, node, is_product, &done, diag);
        }
        if (status != WEFT_OK)
            return status;
        *changes += done;
    }
    return WEFT_OK;
}

static weft_status change_shapes(weft_graph *graph, size_t *changes, weft_diag *diag)
{
    for (weft_node *node = graph->first, *next; node; node = next) {
        bool done = false;
        next = node->next;
        weft_status status = WEFT_OK;
        if (node->op == WEFT_OP_Conv2D)
            status = weft_fuse_conv_to_linear(graph, node, &done, diag);
        else
            status = weft_view_visit(graph, node, &done, diag);
        if (status != WEFT_OK)
            return status;
        *changes += done;
    }
    return WEFT_OK;
}

weft_status weft_pass_fuse_conv(weft_graph *graph, size_t *out_changes, weft_diag *diag)
{
    *out_changes = weft_rewrite_remove_dead(graph);
    size_t before;
    do {
        do {
            before = *out_changes;
            weft_status status = fuse_epilogues(graph, out_changes, diag);
            if (status != WEFT_OK)
                return status;
        } while (*out_changes > before);
        weft_status status = change_shapes(graph, out_changes, diag);
        if (status != WEFT_OK)
            return status;
        *out_changes += weft_rewrite_remove_dead(graph);
    } while (*out_changes > before);
    return WEFT_OK;
}
