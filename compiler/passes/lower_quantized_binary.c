/* SPDX-License-Identifier: Apache-2.0 */
/* lower-quantized, several operands: sums, products and concatenations of 8-bit tensors. Must not
 * know products with weights. */
#include "compiler/passes/lower_quantized.h"
#include "compiler/passes/rewrite.h"
#include "kernels/include/weft_ratio.h"

/* Both operands as 8-bit tensors; false with a reason. */
static weft_status trace_both(weft_lq *lq, weft_node *core, const weft_lq_codes *operands[2],
                              bool *out_found)
{
    *out_found = false;
    for (size_t i = 0; i < 2; i++) {
        weft_status status = weft_lq_trace_affine(lq, core->inputs[i], &operands[i]);
        if (status != WEFT_OK)
            return status;
        if (!operands[i]) {
            weft_lq_refuse(lq, core, "its operand %s is not quantised", core->inputs[i]->name);
            return WEFT_OK;
        }
    }
    *out_found = true;
    return WEFT_OK;
}

/* -b: the codes mirrored, the zero point with them. */
static weft_status mirror(weft_lq *lq, const weft_node *core, weft_lq_codes *b)
{
    int32_t sum = b->value->dtype == WEFT_DTYPE_U8 ? 255 : -1,
            lowest = b->value->dtype == WEFT_DTYPE_U8 ? 0 : -128;
    uint8_t *bytes = WEFT_NEW_ARRAY(lq->graph->arena, uint8_t, WEFT_LQ_CODES);
    for (int32_t i = 0; i < WEFT_LQ_CODES; i++)
        bytes[i] = (uint8_t)(sum - (lowest + i));
    weft_value *table = weft_graph_add_constant(
        lq->graph, weft_arena_printf(lq->graph->arena, "%s/mirror", core->name), b->value->dtype,
        &(weft_shape){1, {WEFT_LQ_CODES}}, bytes);
    weft_node *node = weft_lq_add(lq, WEFT_OP_QTable, core, (weft_value *[]){b->value, table}, 2);
    b->value = node->outputs[0];
    b->zero = sum - b->zero;
    return weft_node_infer(lq->graph, node, lq->diag);
}

weft_status weft_lq_sum(weft_lq *lq, weft_node *core, bool *out_done)
{
    const weft_lq_codes *operands[2];
    bool is_found;
    weft_status status = trace_both(lq, core, operands, &is_found);
    if (status != WEFT_OK || !is_found)
        return status;
    weft_lq_codes a = *operands[0], b = *operands[1];
    int32_t a_mult, b_mult, shift;
    if (!weft_ratio_pair_make(a.scale / lq->result.scale, b.scale / lq->result.scale, &a_mult,
                              &b_mult, &shift)) {
        weft_lq_refuse(lq, core, "its scales are too far apart: %g and %g to %g", a.scale, b.scale,
                       lq->result.scale);
        return WEFT_OK;
    }
    if (core->op == WEFT_OP_Sub)
        status = mirror(lq, core, &b);
    if (status != WEFT_OK)
        return status;
    weft_node *node = weft_lq_add(lq, WEFT_OP_QAdd, core, (weft_value *[]){a.value, b.value}, 2);
    weft_lq_set(lq, node, "a_zero", a.zero);
    weft_lq_set(lq, node, "a_mult", a_mult);
    weft_lq_set(lq, node, "b_zero", b.zero);
    weft_lq_set(lq, node, "b_mult", b_mult);
    weft_lq_set(lq, node, "shift", shift);
    weft_lq_set_stage(lq, node, "y", &lq->result);
    weft_lq_set_dtype(lq, node, "to", lq->result.dtype);
    status = weft_node_infer(lq->graph, node, lq->diag);
    *out_done = true;
    return status == WEFT_OK ? weft_lq_finish(lq, node->outputs[0]) : status;
}

weft_status weft_lq_multiply(weft_lq *lq, weft_node *core, bool *out_done)
{
    const weft_lq_codes *operands[2];
    const weft_shape *shape = &core->outputs[0]->shape;
    bool is_found;
    weft_status status = trace_both(lq, core, operands, &is_found);
    if (status != WEFT_OK || !is_found)
        return status;
    bool swap = !weft_shape_equal(&operands[0]->value->shape, shape);
    const weft_lq_codes *a = operands[swap], *b = operands[!swap];
    if (!weft_shape_equal(&a->value->shape, shape)) {
        weft_lq_refuse(lq, core, "both operands are broadcast");
        return WEFT_OK;
    }
    weft_ratio ratio;
    double real = a->scale * b->scale / lq->result.scale;
    if (!weft_ratio_make(real, &ratio)) {
        weft_lq_refuse(lq, core, "its scales have the ratio %g", real);
        return WEFT_OK;
    }
    weft_node *node = weft_lq_add(lq, WEFT_OP_QMul, core, (weft_value *[]){a->value, b->value}, 2);
    weft_lq_set(lq, node, "a_zero", a->zero);
    weft_lq_set(lq, node, "b_zero", b->zero);
    weft_lq_set(lq, node, "mult", ratio.mult);
    weft_lq_set(lq, node, "shift", ratio.shift);
    weft_lq_set_dtype(lq, node, "c_type", lq->result.dtype);
    weft_lq_set_stage(lq, node, "c", &lq->result);
    weft_lq_set_dtype(lq, node, "to", lq->result.dtype);
    status = weft_node_infer(lq->graph, node, lq->diag);
    *out_done = true;
    return status == WEFT_OK ? weft_lq_finish(lq, node->outputs[0]) : status;
}

weft_status weft_lq_concat(weft_lq *lq, weft_node *core, bool *out_done)
{
    weft_value **inputs = WEFT_NEW_ARRAY(lq->graph->arena, weft_value *, core->input_count);
    const weft_lq_codes **codes =
        WEFT_NEW_ARRAY(lq->graph->arena, const weft_lq_codes *, core->input_count);
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < core->input_count; i++) {
        status = weft_lq_trace_codes(lq, core->inputs[i], &codes[i]);
        if (status != WEFT_OK || !codes[i]) {
            weft_lq_refuse(lq, core, "its operand %s is not quantised", core->inputs[i]->name);
            return status;
        }
    }
    for (size_t i = 0; i < core->input_count && status == WEFT_OK; i++)
        status = weft_lq_requantise(lq, core, codes[i], &inputs[i]);
    if (status != WEFT_OK)
        return status;
    weft_node *node = weft_lq_add(lq, WEFT_OP_Concat, core, inputs, core->input_count);
    weft_rewrite_copy_attrs(lq->graph, node, core);
    status = weft_node_infer(lq->graph, node, lq->diag);
    *out_done = true;
    return status == WEFT_OK ? weft_lq_finish(lq, node->outputs[0]) : status;
}
