/* SPDX-License-Identifier: Apache-2.0 */
/* fold-constants: nodes whose inputs are all constant are evaluated; Identity and casts to the same
 * type go; the shape of a value is a constant. Must not know what operators compute: that is the
 * reference kernels' business.
 *
 * needs: types and shapes.
 * keeps: graph inputs and outputs; an Identity between an input and an output stays.
 * breaks: nothing. */
#include "compiler/passes/fold_constants.h"

#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

/* What all results together may be larger than what they are made from, so that a small file cannot
 * claim any amount of memory by an Expand or a ConstantOfShape. Enough for networks whose weights
 * are written that way (VGG-19 has 575 MB). */
#define GROWTH_LIMIT_BYTES ((size_t)1 << 30)

/* Bytes by which the results are larger than the inputs; false when a size overflows. */
static bool growth_of(const weft_node *node, size_t *out_bytes)
{
    size_t input_bytes = 0, output_bytes = 0, bytes;
    for (size_t i = 0; i < node->input_count; i++) {
        const weft_value *input = node->inputs[i];
        if (input && (!weft_shape_bytes(&input->shape, input->dtype, &bytes) ||
                      !weft_add_size(input_bytes, bytes, &input_bytes)))
            return false;
    }
    for (size_t i = 0; i < node->output_count; i++) {
        const weft_value *output = node->outputs[i];
        if (output && (!weft_shape_bytes(&output->shape, output->dtype, &bytes) ||
                       !weft_add_size(output_bytes, bytes, &output_bytes)))
            return false;
    }
    *out_bytes = output_bytes > input_bytes ? output_bytes - input_bytes : 0;
    return true;
}

static bool is_constant_expression(const weft_node *node)
{
    bool needs_shape_only = node->op == WEFT_OP_Shape || node->op == WEFT_OP_Size;
    for (size_t i = 0; i < node->input_count && !needs_shape_only; i++)
        if (node->inputs[i] && !weft_value_is_constant(node->inputs[i]))
            return false;
    return true;
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

static weft_status visit(weft_graph *graph, weft_node *node, size_t *growth_left, size_t *changes,
                         weft_diag *diag)
{
    weft_value *x = weft_node_input(node, 0), *y = node->outputs[0];
    if (!x || !y)
        return WEFT_OK;
    bool same = node->op == WEFT_OP_Identity || (node->op == WEFT_OP_Cast && x->dtype == y->dtype);
    if (same && weft_rewrite_can_replace(graph, y, x)) {
        ++*changes;
        return weft_rewrite_bypass(graph, y, x, diag);
    }
    size_t growth;
    if (!is_constant_expression(node) || !growth_of(node, &growth) || growth > *growth_left)
        return WEFT_OK;
    weft_status status = weft_node_fold(graph, node, diag);
    if (status == WEFT_OK) {
        ++*changes;
        *growth_left -= growth;
        bequeath(graph, node);
    }
    return status == WEFT_UNSUPPORTED ? WEFT_OK : status;
}

weft_status weft_fold_constants(weft_graph *graph, bool and_quantised, size_t *changes,
                                weft_diag *diag)
{
    size_t growth_left = GROWTH_LIMIT_BYTES;
    for (weft_node *node = graph->first, *next; node; node = next) {
        next = node->next;
        if (node->op == WEFT_OP_DequantizeLinear && !and_quantised)
            continue;
        weft_status status = visit(graph, node, &growth_left, changes, diag);
        if (status != WEFT_OK)
            return status;
    }
    *changes += weft_rewrite_remove_dead(graph);
    return WEFT_OK;
}

weft_status weft_pass_fold_constants(weft_graph *graph, size_t *out_changes, weft_diag *diag)
{
    *out_changes = 0;
    return weft_fold_constants(graph, false, out_changes, diag);
}
