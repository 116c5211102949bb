/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of a node whose inputs are constant, with its reference kernel. Must not know about
 * which nodes are worth it. */
#include "compiler/ir/infer.h"

/* Shape and Size need their input's shape only. */
static bool reads_data(const weft_node *node)
{
    return node->op != WEFT_OP_Shape && node->op != WEFT_OP_Size;
}

/* The result is the first input's elements under another shape: constants can share their data. */
static bool is_view(const weft_node *node)
{
    return node->op == WEFT_OP_Identity || node->op == WEFT_OP_Reshape ||
           node->op == WEFT_OP_Flatten || node->op == WEFT_OP_Squeeze ||
           node->op == WEFT_OP_Unsqueeze;
}

static bool can_fold(const weft_node *node)
{
    if (!weft_op_get(node->op)->ref)
        return false;
    for (size_t i = 0; i < node->input_count; i++) {
        const weft_value *input = node->inputs[i];
        if (input && reads_data(node) && !weft_value_is_constant(input))
            return false;
    }
    for (size_t i = 0; i < node->output_count; i++)
        if (!node->outputs[i])
            return false;
    return true;
}

static void become_constant(weft_value *value, const void *data)
{
    value->data = data;
    value->producer = NULL;
    value->output_index = 0;
}

static weft_status evaluate(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    weft_arena *arena = graph->arena;
    weft_tensor *tensors =
        WEFT_NEW_ARRAY(arena, weft_tensor, node->input_count + node->output_count);
    const weft_tensor **inputs = WEFT_NEW_ARRAY(arena, const weft_tensor *, node->input_count);
    weft_tensor **outputs = WEFT_NEW_ARRAY(arena, weft_tensor *, node->output_count);
    for (size_t i = 0; i < node->input_count; i++)
        if (node->inputs[i]) {
            tensors[i] = weft_value_tensor(node->inputs[i]);
            inputs[i] = &tensors[i];
        }
    for (size_t i = 0; i < node->output_count; i++) {
        weft_tensor *output = outputs[i] = &tensors[node->input_count + i];
        size_t bytes;
        *output = weft_value_tensor(node->outputs[i]);
        if (!weft_shape_bytes(&output->shape, output->dtype, &bytes) ||
            (bytes > WEFT_IR_FOLD_LIMIT_BYTES &&
             (bytes > WEFT_IR_FOLD_ARENA_BYTES ||
              weft_arena_used_bytes(arena) > WEFT_IR_FOLD_ARENA_BYTES - bytes)))
            return WEFT_UNSUPPORTED;
        output->data = weft_arena_alloc(arena, bytes);
    }
    weft_ref_call call = {.attrs = &node->attrs,
                          .inputs = inputs,
                          .input_count = node->input_count,
                          .outputs = outputs,
                          .output_count = node->output_count};
    weft_status status = weft_op_get(node->op)->ref(&call);
    if (status == WEFT_NO_MEMORY)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "%s: no memory to evaluate node %s",
                               weft_op_name(node->op), node->name);
    if (status == WEFT_UNSUPPORTED)
        return status;
    if (status != WEFT_OK)
        return weft_infer_fail(node, node->outputs[0], WEFT_E_FOLD_FAILED, diag,
                               "data that the operator is defined for", weft_status_text(status),
                               "the constant expression has no result");
    for (size_t i = 0; i < node->output_count; i++)
        become_constant(node->outputs[i], outputs[i]->data);
    return WEFT_OK;
}

weft_status weft_node_fold(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    if (!can_fold(node))
        return WEFT_UNSUPPORTED;
    for (size_t i = 0; i < node->output_count; i++)
        if (!node->outputs[i]->has_shape) {
            WEFT_INFER_TRY(weft_node_infer(graph, node, diag));
            break;
        }
    if (is_view(node)) {
        become_constant(node->outputs[0], node->inputs[0]->data);
        node->outputs[0]->text_hash = node->inputs[0]->text_hash;
    } else {
        WEFT_INFER_TRY(evaluate(graph, node, diag));
    }
    weft_graph_remove_node(graph, node);
    return WEFT_OK;
}
