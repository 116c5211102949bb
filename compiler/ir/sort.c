/* SPDX-License-Identifier: Apache-2.0 */
/* Topological order of the nodes. Must not know about what operators mean. */
#include "compiler/ir/graph.h"

enum { UNSEEN = 0, OPEN = 1, DONE = 2 };

/* One node whose producers are being visited. */
typedef struct frame {
    weft_node *node;
    size_t next_input;
} frame;

enum { CYCLE_NAMES_SHOWN = 8 };

static weft_status report_cycle(weft_graph *graph, const frame *stack, size_t depth,
                                const weft_node *closing, weft_diag *diag)
{
    size_t start = depth;
    while (start > 0 && stack[start - 1].node != closing)
        start--;
    start -= start > 0;
    weft_text names;
    weft_text_init(&names, graph->arena);
    size_t count = depth - start;
    for (size_t i = 0; i < count && i < CYCLE_NAMES_SHOWN; i++)
        weft_text_printf(&names, "%s%s", i ? ", " : "", stack[start + i].node->name);
    if (count > CYCLE_NAMES_SHOWN)
        weft_text_printf(&names, ", and %zu more", count - CYCLE_NAMES_SHOWN);
    weft_status status =
        weft_diag_error(diag, WEFT_E_GRAPH_CYCLE, "the graph has a cycle of %zu node%s", count,
                        count == 1 ? "" : "s");
    weft_diag_field_set(diag, WEFT_DIAG_NODES, "%s", names.data);
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "every node needs only results of earlier ones");
    weft_diag_field_set(diag, WEFT_DIAG_FOUND, "node %s needs its own result", closing->name);
    weft_diag_field_set(diag, WEFT_DIAG_TRY,
                        "export the model again, or check where it was edited");
    return status;
}

/* Appends node after everything it needs. The stack holds at most every node once. */
static weft_status visit(weft_graph *graph, weft_node *root, frame *stack, weft_node **order,
                         size_t *count, weft_diag *diag)
{
    size_t depth = 0;
    stack[depth++] = (frame){root, 0};
    root->mark = OPEN;
    while (depth > 0) {
        frame *top = &stack[depth - 1];
        if (top->next_input == top->node->input_count) {
            top->node->mark = DONE;
            order[(*count)++] = top->node;
            depth--;
            continue;
        }
        const weft_value *input = top->node->inputs[top->next_input++];
        weft_node *producer = input ? input->producer : NULL;
        if (!producer || producer->mark == DONE)
            continue;
        if (producer->mark == OPEN)
            return report_cycle(graph, stack, depth, producer, diag);
        producer->mark = OPEN;
        stack[depth++] = (frame){producer, 0};
    }
    return WEFT_OK;
}

weft_status weft_graph_sort(weft_graph *graph, weft_diag *diag)
{
    for (weft_node *node = graph->first; node; node = node->next)
        node->mark = UNSEEN;
    frame *stack = WEFT_NEW_ARRAY(graph->arena, frame, graph->node_count);
    weft_node **order = WEFT_NEW_ARRAY(graph->arena, weft_node *, graph->node_count);
    size_t count = 0;
    for (weft_node *node = graph->first; node; node = node->next) {
        if (node->mark != UNSEEN)
            continue;
        weft_status status = visit(graph, node, stack, order, &count, diag);
        if (status != WEFT_OK)
            return status;
    }
    WEFT_ASSERT(count == graph->node_count);
    for (size_t i = 0; i < count; i++) {
        order[i]->prev = i > 0 ? order[i - 1] : NULL;
        order[i]->next = i + 1 < count ? order[i + 1] : NULL;
    }
    graph->first = count > 0 ? order[0] : NULL;
    graph->last = count > 0 ? order[count - 1] : NULL;
    return WEFT_OK;
}
