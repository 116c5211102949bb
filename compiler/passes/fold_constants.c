/* SPDX-License-Identifier: Apache-2.0 */
/* fold-constants: nodes whose inputs are all constant are evaluated; Identity and casts to the same
 * type go; the shape of a value is a constant. Must not know what operators compute: that is the
 * reference kernels' business.
 *
 * needs: types and shapes.
 * keeps: graph inputs and outputs; an Identity between an input and an output stays.
 * breaks: nothing. */
#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

/* A result may be this large whatever its inputs are; beyond, it may not be larger than what it is
 * made from, so that a small file cannot claim much memory by an Expand or a ConstantOfShape. */
#define FREE_RESULT_BYTES ((size_t)1 << 20)

static bool is_small_enough(const weft_node *node)
{
    size_t input_bytes = 0, output_bytes = 0, bytes;
    for (size_t i = 0; i < node->input_count; i++)
        if (node->inputs[i] &&
            weft_shape_bytes(&node->inputs[i]->shape, node->inputs[i]->dtype, &bytes))
            input_bytes += bytes;
    for (size_t i = 0; i < node->output_count; i++) {
        if (!node->outputs[i])
            continue;
        if (!weft_shape_bytes(&node->outputs[i]->shape, node->outputs[i]->dtype, &bytes))
            return false;
        output_bytes += bytes;
    }
    /* a cast may widen a byte to eight */
    return output_bytes <= FREE_RESULT_BYTES || output_bytes / sizeof(int64_t) <= input_bytes;
}

static bool is_foldable(const weft_node *node)
{
    bool needs_shape_only = node->op == WEFT_OP_Shape || node->op == WEFT_OP_Size;
    for (size_t i = 0; i < node->input_count && !needs_shape_only; i++)
        if (node->inputs[i] && !weft_value_is_constant(node->inputs[i]))
            return false;
    return is_small_enough(node);
}

/* Whoever reads the result inherits the name of the node that made it; the node is out of the list
 * already. */
static void bequeath(weft_graph *graph, const weft_node *node)
{
    for (size_t i = 0; i < node->output_count; i++) {
        weft_node *user =
            node->outputs[i] ? weft_rewrite_first_user(graph, node->outputs[i]) : NULL;
        if (user)
            weft_rewrite_add_sources(graph, user, node);
    }
}

static weft_status visit(weft_graph *graph, weft_node *node, size_t *changes, weft_diag *diag)
{
    weft_value *x = weft_node_input(node, 0), *y = node->outputs[0];
    if (!x || !y)
        return WEFT_OK;
    bool same = node->op == WEFT_OP_Identity || (node->op == WEFT_OP_Cast && x->dtype == y->dtype);
    if (same && weft_rewrite_can_replace(graph, y, x)) {
        ++*changes;
        return weft_rewrite_bypass(graph, y, x, diag);
    }
    if (!is_foldable(node))
        return WEFT_OK;
    weft_status status = weft_node_fold(graph, node, diag);
    if (status == WEFT_OK) {
        ++*changes;
        bequeath(graph, node);
    }
    return status == WEFT_UNSUPPORTED ? WEFT_OK : status;
}

weft_status weft_pass_fold_constants(weft_graph *graph, size_t *out_changes, weft_diag *diag)
{
    *out_changes = 0;
    for (weft_node *node = graph->first, *next; node; node = next) {
        next = node->next;
        weft_status status = visit(graph, node, out_changes, diag);
        if (status != WEFT_OK)
            return status;
    }
    *out_changes += weft_rewrite_remove_dead(graph);
    return WEFT_OK;
}
