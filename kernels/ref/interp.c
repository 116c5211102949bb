/* SPDX-License-Identifier: Apache-2.0 */
/* The interpreter of interp.h. */
#include "kernels/ref/interp.h"

#include <stdlib.h>
#include <string.h>

/* The run's state of one value of the graph. */
typedef struct value_slot {
    const weft_value *value;
    weft_tensor tensor;
    void *owned;      /* freed after the last use */
    size_t uses_left; /* node inputs and graph outputs still to come */
} value_slot;

typedef struct interp {
    const weft_graph *graph;
    weft_diag *diag;
    value_slot *slots; /* sorted by the value's address */
    size_t slot_count;
    const weft_tensor **node_inputs; /* room for the widest node */
    weft_tensor **node_outputs;
} interp;

static int by_address(const void *a, const void *b)
{
    uintptr_t p = (uintptr_t)((const value_slot *)a)->value,
              q = (uintptr_t)((const value_slot *)b)->value;
    return (p > q) - (p < q);
}

static value_slot *slot_of(const interp *run, const weft_value *value)
{
    value_slot key = {.value = value};
    value_slot *slot = bsearch(&key, run->slots, run->slot_count, sizeof key, by_address);
    WEFT_ASSERT(slot != NULL);
    return slot;
}

static weft_status no_memory(const interp *run)
{
    return weft_diag_error(run->diag, WEFT_E_NO_MEMORY, "out of memory while running graph %s",
                           run->graph->name);
}

static weft_status prepare(interp *run)
{
    const weft_graph *graph = run->graph;
    size_t inputs = 0, outputs = 0;
    for (const weft_node *node = graph->first; node; node = node->next) {
        inputs = node->input_count > inputs ? node->input_count : inputs;
        outputs = node->output_count > outputs ? node->output_count : outputs;
    }
    run->slot_count = graph->values.count;
    run->slots = calloc(run->slot_count + 1, sizeof *run->slots);
    run->node_inputs = calloc(inputs + 1, sizeof(void *));
    run->node_outputs = calloc(outputs + 1, sizeof(void *));
    if (!run->slots || !run->node_inputs || !run->node_outputs)
        return no_memory(run);
    for (size_t i = 0; i < run->slot_count; i++) {
        run->slots[i].value = graph->values.data[i];
        run->slots[i].tensor = weft_value_tensor(graph->values.data[i]);
    }
    qsort(run->slots, run->slot_count, sizeof *run->slots, by_address);
    for (const weft_node *node = graph->first; node; node = node->next) {
        for (size_t i = 0; i < node->input_count; i++) {
            if (node->inputs[i])
                slot_of(run, node->inputs[i])->uses_left++;
        }
    }
    for (size_t i = 0; i < graph->outputs.count; i++)
        slot_of(run, graph->outputs.data[i])->uses_left++;
    return WEFT_OK;
}

/* A tensor given by the caller must be what the graph says. */
static weft_status check_tensor(const interp *run, const char *what, const weft_value *value,
                                const weft_tensor *tensor)
{
    char expected[WEFT_SHAPE_TEXT], found[WEFT_SHAPE_TEXT];
    if (tensor->dtype == value->dtype && weft_shape_equal(&tensor->shape, &value->shape) &&
        tensor->data)
        return WEFT_OK;
    weft_status status = weft_diag_error(run->diag, WEFT_E_API_USE,
                                         "the tensor for %s %s does not fit", what, value->name);
    weft_diag_field_set(run->diag, WEFT_DIAG_EXPECTED, "%s %s", weft_dtype_name(value->dtype),
                        weft_shape_format(&value->shape, expected));
    weft_diag_field_set(run->diag, WEFT_DIAG_FOUND, "%s %s%s", weft_dtype_name(tensor->dtype),
                        weft_shape_format(&tensor->shape, found),
                        tensor->data ? "" : " without data");
    return status;
}

static void release_if_done(value_slot *slot)
{
    if (slot->uses_left == 0) {
        free(slot->owned);
        slot->owned = NULL;
        slot->tensor.data = NULL;
    }
}

static weft_status make_outputs(interp *run, const weft_node *node)
{
    for (size_t i = 0; i < node->output_count; i++) {
        run->node_outputs[i] = NULL;
        if (!node->outputs[i])
            continue;
        value_slot *slot = slot_of(run, node->outputs[i]);
        size_t bytes = 0;
        if (!weft_shape_bytes(&slot->tensor.shape, slot->tensor.dtype, &bytes))
            return no_memory(run);
        slot->owned = malloc(bytes ? bytes : 1);
        if (!slot->owned)
            return no_memory(run);
        slot->tensor.data = slot->owned;
        run->node_outputs[i] = &slot->tensor;
    }
    return WEFT_OK;
}

static weft_status run_node(interp *run, const weft_node *node)
{
    const weft_op_row *row = weft_op_get(node->op);
    for (size_t i = 0; i < node->input_count; i++)
        run->node_inputs[i] = node->inputs[i] ? &slot_of(run, node->inputs[i])->tensor : NULL;
    weft_status status = make_outputs(run, node);
    if (status != WEFT_OK)
        return status;
    weft_ref_call call = {.attrs = &node->attrs,
                          .inputs = run->node_inputs,
                          .input_count = node->input_count,
                          .outputs = run->node_outputs,
                          .output_count = node->output_count};
    status = row->ref ? row->ref(&call) : WEFT_UNSUPPORTED;
    if (status != WEFT_OK) {
        weft_diag_error(run->diag, WEFT_E_EVAL_FAILED, "node %s (%s) cannot be computed: %s",
                        node->name, weft_op_name(node->op), weft_status_text(status));
        weft_diag_field_set(run->diag, WEFT_DIAG_NODES, "%s", node->name);
        return status;
    }
    for (size_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i]) {
            value_slot *slot = slot_of(run, node->inputs[i]);
            slot->uses_left--;
            release_if_done(slot);
        }
    }
    for (size_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i])
            release_if_done(slot_of(run, node->outputs[i]));
    }
    return WEFT_OK;
}

static weft_status run_all(interp *run, const weft_tensor *inputs, weft_tensor *outputs)
{
    const weft_graph *graph = run->graph;
    weft_status status = prepare(run);
    for (size_t i = 0; i < graph->inputs.count && status == WEFT_OK; i++) {
        status = check_tensor(run, "input", graph->inputs.data[i], &inputs[i]);
        if (status == WEFT_OK)
            slot_of(run, graph->inputs.data[i])->tensor.data = inputs[i].data;
    }
    for (size_t i = 0; i < graph->outputs.count && status == WEFT_OK; i++)
        status = check_tensor(run, "output", graph->outputs.data[i], &outputs[i]);
    for (const weft_node *node = graph->first; node && status == WEFT_OK; node = node->next)
        status = run_node(run, node);
    for (size_t i = 0; i < graph->outputs.count && status == WEFT_OK; i++) {
        const weft_tensor *tensor = &slot_of(run, graph->outputs.data[i])->tensor;
        size_t bytes = 0;
        if (weft_shape_bytes(&tensor->shape, tensor->dtype, &bytes) && bytes > 0)
            memcpy(outputs[i].data, tensor->data, bytes);
    }
    return status;
}

weft_status weft_ref_run_graph(const weft_graph *graph, const weft_tensor *inputs,
                               weft_tensor *outputs, weft_diag *diag)
{
    interp run = {.graph = graph, .diag = diag};
    weft_status status = run_all(&run, inputs, outputs);
    for (size_t i = 0; i < run.slot_count && run.slots; i++)
        free(run.slots[i].owned);
    free(run.slots);
    free(run.node_inputs);
    free(run.node_outputs);
    return status;
}
