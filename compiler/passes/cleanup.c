/* SPDX-License-Identifier: Apache-2.0 */
/* cleanup: dead nodes go, views that remain are one Reshape each, omitted inputs at the end of a
 * node and values without use go. Must not change what is computed.
 *
 * needs: types and shapes.
 * keeps: graph inputs, used or not.
 * breaks: values removed here are no longer in graph->values. */
#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"
#include "compiler/passes/views.h"

static size_t trim_inputs(weft_node *node)
{
    size_t before = node->input_count;
    while (node->input_count > 0 && !node->inputs[node->input_count - 1])
        node->input_count--;
    return before - node->input_count;
}

static void drop_unused_values(weft_graph *graph)
{
    size_t kept = 0;
    for (size_t i = 0; i < graph->values.count; i++) {
        weft_value *value = graph->values.data[i];
        if (value->is_input || value->producer || value->use_count)
            graph->values.data[kept++] = value;
    }
    graph->values.count = kept;
}

weft_status weft_pass_cleanup(weft_graph *graph, size_t *out_changes, weft_diag *diag)
{
    *out_changes = 0;
    size_t round;
    do {
        round = weft_rewrite_remove_dead(graph);
        for (weft_node *node = graph->first, *next; node; node = next) {
            bool done = false;
            next = node->next;
            round += trim_inputs(node);
            weft_status status = weft_view_visit(graph, node, &done, diag);
            if (status != WEFT_OK)
                return status;
            round += done;
        }
        *out_changes += round;
    } while (round > 0);
    drop_unused_values(graph);
    return WEFT_OK;
}
