/* SPDX-License-Identifier: Apache-2.0 */
/* simplify: views collapse into one Reshape, transposes merge, nodes that do nothing go, arithmetic
 * with constants becomes Mul then Add (simplify_arithmetic.c), dead nodes go. Must not know layouts
 * or fusion.
 *
 * needs: types and shapes.
 * keeps: values up to f32 rounding of combined constants.
 * breaks: Flatten, Squeeze and Unsqueeze are gone, except between a constant and a graph output. */
#include "compiler/passes/simplify.h"

#include <string.h>

#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"
#include "compiler/passes/views.h"

static bool all_ints_are(const weft_value *value, int64_t number)
{
    int64_t list[2 * WEFT_MAX_RANK];
    size_t count;
    if (!weft_value_const_ints(value, list, 2 * WEFT_MAX_RANK, &count) || count > 2 * WEFT_MAX_RANK)
        return false;
    for (size_t i = 0; i < count; i++)
        if (list[i] != number)
            return false;
    return true;
}

/* Same shape in and out and nothing else happens. */
static bool does_nothing(const weft_node *node)
{
    switch ((int)node->op) {
    case WEFT_OP_Slice: /* a full slice backwards has step -1 */
        return !weft_node_input(node, 4) || all_ints_are(node->inputs[4], 1);
    case WEFT_OP_Pad: return all_ints_are(weft_node_input(node, 1), 0);
    case WEFT_OP_Concat:
    case WEFT_OP_Split:
    case WEFT_OP_Expand:
    case WEFT_OP_Tile: return true;
    case WEFT_OP_Clip: return !weft_node_input(node, 1) && !weft_node_input(node, 2);
    default: return false;
    }
}

static weft_status drop_noop(weft_graph *graph, weft_node *node, bool *done, weft_diag *diag)
{
    if (node->op == WEFT_OP_Concat && node->input_count != 1)
        return WEFT_OK;
    if (!does_nothing(node) || node->output_count != 1 ||
        !weft_rewrite_can_replace(graph, node->outputs[0], node->inputs[0]))
        return WEFT_OK;
    *done = true;
    return weft_rewrite_bypass(graph, node->outputs[0], node->inputs[0], diag);
}

static weft_status visit(weft_graph *graph, weft_node *node, bool *done, weft_diag *diag)
{
    typedef weft_status (*rule)(weft_graph *, weft_node *, bool *, weft_diag *);
    static const rule rules[] = {weft_view_visit, weft_view_visit_transpose, drop_noop,
                                 weft_simplify_arithmetic};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0] && !*done; i++) {
        weft_status status = rules[i](graph, node, done, diag);
        if (status != WEFT_OK)
            return status;
    }
    return WEFT_OK;
}

weft_status weft_pass_simplify(weft_graph *graph, size_t *out_changes, weft_diag *diag)
{
    *out_changes = weft_rewrite_remove_dead(graph);
    size_t round;
    do {
        round = 0;
        for (weft_node *node = graph->first, *next; node; node = next) {
            next = node->next;
            bool done = false;
            if (!node->outputs[0])
                continue;
            weft_status status = visit(graph, node, &done, diag);
            if (status != WEFT_OK)
                return status;
            round += done;
        }
        round += weft_rewrite_remove_dead(graph);
        *out_changes += round;
    } while (round > 0);
    return WEFT_OK;
}
