/* SPDX-License-Identifier: Apache-2.0 */
/* lower-quantized, numbers: constants in f32, codes of numbers, tables. All by the reference
 * kernels, so that a table holds what the float operators would compute. Must not know where
 * tensors come from. */
#include "compiler/passes/lower_quantized.h"
#include "compiler/passes/rewrite.h"
#include "kernels/include/weft_int.h"

bool weft_lq_evaluate(weft_op op, const weft_attrs *attrs, const weft_tensor *const *inputs,
                      size_t input_count, weft_tensor *output)
{
    weft_ref_call call = {.attrs = attrs,
                          .inputs = inputs,
                          .input_count = input_count,
                          .outputs = &output,
                          .output_count = 1};
    return weft_op_get(op)->ref(&call) == WEFT_OK;
}

bool weft_lq_constant(weft_lq *lq, const weft_value *value, weft_value *out_constant)
{
    *out_constant = *value;
    if (weft_rewrite_f32(value))
        return true;
    const weft_node *node = weft_rewrite_producer(value, WEFT_OP_DequantizeLinear);
    weft_tensor tensors[3];
    const weft_tensor *inputs[3] = {NULL};
    for (size_t i = 0; node && i < node->input_count; i++) {
        if (node->inputs[i] && !weft_value_is_constant(node->inputs[i]))
            return false;
        if (node->inputs[i]) {
            tensors[i] = weft_value_tensor(node->inputs[i]);
            inputs[i] = &tensors[i];
        }
    }
    int64_t elems = 0;
    if (!node || !weft_shape_elems(&value->shape, &elems))
        return false;
    float *to = WEFT_NEW_ARRAY(lq->graph->arena, float, (size_t)elems);
    weft_tensor y = {.dtype = WEFT_DTYPE_F32, .shape = value->shape, .data = to};
    if (!weft_lq_evaluate(node->op, &node->attrs, inputs, node->input_count, &y))
        return false;
    out_constant->data = to;
    out_constant->producer = NULL;
    return true;
}

void weft_lq_quantise(const weft_lq_result *result, const float *numbers, size_t count,
                      int32_t *out_codes)
{
    float scale = (float)result->scale;
    uint8_t bytes[WEFT_LQ_CODES], zero = (uint8_t)result->zero;
    WEFT_ASSERT(count <= WEFT_LQ_CODES);
    weft_shape shape = {.rank = 1, .dims = {(int64_t)count}};
    weft_tensor x = {WEFT_DTYPE_F32, shape, (void *)(uintptr_t)numbers},
                s = {WEFT_DTYPE_F32, {.rank = 0}, &scale}, z = {result->dtype, {.rank = 0}, &zero},
                y = {result->dtype, shape, bytes};
    const weft_tensor *inputs[3] = {&x, &s, &z};
    weft_attrs none = {0};
    bool is_done = weft_lq_evaluate(WEFT_OP_QuantizeLinear, &none, inputs, 3, &y);
    WEFT_ASSERT(is_done);
    for (size_t i = 0; i < count; i++)
        out_codes[i] = result->dtype == WEFT_DTYPE_U8 ? bytes[i] : (int8_t)bytes[i];
}

weft_status weft_lq_requantise(weft_lq *lq, const weft_node *core, const weft_lq_codes *codes,
                               weft_value **out_value)
{
    const weft_lq_result *result = &lq->result;
    weft_value *x = codes->value;
    int32_t table[WEFT_LQ_CODES];
    weft_lq_quantise(result, codes->numbers, WEFT_LQ_CODES, table);
    bool is_identity = x->dtype == result->dtype;
    uint8_t *bytes = WEFT_NEW_ARRAY(lq->graph->arena, uint8_t, WEFT_LQ_CODES);
    for (int i = 0; i < WEFT_LQ_CODES; i++) {
        table[i] = weft_clamp32(table[i], result->low, result->high);
        bytes[i] = (uint8_t)table[i];
        is_identity = is_identity && table[i] == (x->dtype == WEFT_DTYPE_U8 ? i : i - 128);
    }
    *out_value = x;
    for (size_t i = 0; is_identity && x->producer && i < codes->through_count; i++)
        weft_rewrite_add_sources(lq->graph, x->producer, codes->through[i]);
    if (is_identity)
        return WEFT_OK;
    weft_shape shape = {.rank = 1, .dims = {WEFT_LQ_CODES}};
    weft_value *constant = weft_graph_add_constant(
        lq->graph, weft_arena_printf(lq->graph->arena, "%s/table", core->name), result->dtype,
        &shape, bytes);
    weft_node *node = weft_lq_add(lq, WEFT_OP_QTable, core, (weft_value *[]){x, constant}, 2);
    for (size_t i = 0; i < codes->through_count; i++)
        weft_rewrite_add_sources(lq->graph, node, codes->through[i]);
    *out_value = node->outputs[0];
    weft_status status = weft_node_infer(lq->graph, node, lq->diag);
    if (status == WEFT_OK && weft_value_is_constant(x))
        status = weft_node_fold(lq->graph, node, lq->diag);
    return status;
}
