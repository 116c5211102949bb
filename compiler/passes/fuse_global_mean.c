/* SPDX-License-Identifier: Apache-2.0 */
/* fuse-global-mean: a mean over H and W of what weft.Conv2D or weft.Gate makes comes out of that
 * node as its second output. Must not know what the mean is for.
 *
 * needs: fuse-conv and fuse-squeeze-excite: the mean is of the final value, so nothing more may go
 * into that node. keeps: values up to the order of sums. breaks: such nodes have two outputs; the
 * fusions before leave them alone. */
#include "compiler/passes/fuse_mean.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"
#include "compiler/passes/views.h"

static bool is_spatial_mean(const weft_node *node, const weft_value *value)
{
    int64_t axes[WEFT_MAX_RANK];
    size_t count;
    if (node->op != WEFT_OP_ReduceMean || node->inputs[0] != value || value->shape.rank != 4 ||
        !weft_value_const_ints(weft_node_input(node, 1), axes, WEFT_MAX_RANK, &count) || count != 2)
        return false;
    for (size_t i = 0; i < 2; i++)
        axes[i] = axes[i] < 0 ? axes[i] + 4 : axes[i];
    return (axes[0] == 1 && axes[1] == 2) || (axes[0] == 2 && axes[1] == 1);
}

static weft_status take_mean(weft_graph *graph, weft_node *producer, weft_node *reduce,
                             weft_diag *diag)
{
    weft_value *view = NULL;
    if (producer->output_count == 1)
        weft_node_add_output(graph, producer,
                             weft_rewrite_base_name(graph, reduce->outputs[0]->name));
    weft_rewrite_add_sources(graph, producer, reduce);
    weft_status status = weft_node_infer(graph, producer, diag);
    if (status == WEFT_OK)
        status = weft_rewrite_reshape(graph, reduce, producer->outputs[1],
                                      &reduce->outputs[0]->shape, NULL, &view, diag);
    return status == WEFT_OK ? weft_rewrite_replace(graph, reduce->outputs[0], view, diag) : status;
}

weft_status weft_fuse_mean_of(weft_graph *graph, weft_value *value, bool *out_done, weft_diag *diag)
{
    weft_node *producer = value->producer;
    if (!producer || value->output_index != 0 ||
        (producer->op != WEFT_OP_Conv2D && producer->op != WEFT_OP_Gate))
        return WEFT_OK;
    for (weft_node *node = producer->next, *next; node; node = next) {
        next = node->next;
        if (!is_spatial_mean(node, value) || (producer->output_count > 1 && !producer->outputs[1]))
            continue;
        *out_done = true;
        weft_status status = take_mean(graph, producer, node, diag);
        if (status != WEFT_OK)
            return status;
    }
    return WEFT_OK;
}

weft_status weft_pass_fuse_global_mean(weft_graph *graph, size_t *out_changes, weft_diag *diag)
{
    *out_changes = 0;
    for (weft_node *node = graph->first; node; node = node->next) {
        bool done = false;
        weft_status status = weft_fuse_mean_of(graph, node->outputs[0], &done, diag);
        if (status != WEFT_OK)
            return status;
        *out_changes += done;
    }
    for (weft_node *node = graph->first, *next; node; node = next) {
        bool done = false;
        next = node->next;
        weft_status status = weft_view_visit(graph, node, &done, diag);
        if (status != WEFT_OK)
            return status;
        *out_changes += done;
    }
    *out_changes += weft_rewrite_remove_dead(graph);
    return WEFT_OK;
}
