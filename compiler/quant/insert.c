/* SPDX-License-Identifier: Apache-2.0 */
/* QuantizeLinear and DequantizeLinear around every tensor that was chosen, and 8-bit constants for
 * what the operators between them read. Names are those that ONNX Runtime's quantizer gives. Must
 * not know how ranges were found. */
#include <math.h>

#include "compiler/passes/rewrite.h"
#include "compiler/quant/quant.h"

static weft_dtype code_type(const weft_quant *quant)
{
    return quant->params.signed_values ? WEFT_DTYPE_I8 : WEFT_DTYPE_U8;
}

static weft_status add_node(weft_quant *quant, weft_node *before, weft_op op, const char *name,
                            weft_value *const *inputs, weft_node **out_node, weft_diag *diag)
{
    const char *node = weft_arena_printf(quant->arena, "%s_%s", name, weft_op_name(op));
    const char *output = weft_arena_printf(quant->arena, "%s_Output", node);
    *out_node = weft_graph_add_node(quant->graph, before, op, node, inputs, 3, &output, 1);
    return weft_node_infer(quant->graph, *out_node, diag);
}

/* All uses of the tensor become uses of its dequantised form. */
static weft_status insert_pair(weft_quant *quant, weft_quant_point *point, weft_diag *diag)
{
    weft_graph *graph = quant->graph;
    weft_arena *arena = quant->arena;
    weft_value *value = point->value;
    weft_node *before = value->producer != NULL ? value->producer->next : graph->first;
    uint8_t byte = (uint8_t)point->range.zero;
    weft_shape scalar = {0};
    weft_value *scale = weft_graph_add_constant(
        graph, weft_arena_printf(arena, "%s_scale", point->name), WEFT_DTYPE_F32, &scalar,
        weft_arena_dup(arena, &point->range.scale, sizeof point->range.scale));
    weft_value *zero =
        weft_graph_add_constant(graph, weft_arena_printf(arena, "%s_zero_point", point->name),
                                code_type(quant), &scalar, weft_arena_dup(arena, &byte, 1));
    weft_node *quantize, *dequantize;
    weft_status status = add_node(quant, before, WEFT_OP_QuantizeLinear, point->name,
                                  (weft_value *[]){value, scale, zero}, &quantize, diag);
    if (status == WEFT_OK)
        status = add_node(quant, before, WEFT_OP_DequantizeLinear, point->name,
                          (weft_value *[]){quantize->outputs[0], scale, zero}, &dequantize, diag);
    if (status != WEFT_OK)
        return status;
    weft_graph_replace_uses(graph, value, dequantize->outputs[0]);
    weft_node_set_input(graph, quantize, 0, value);
    point->value = dequantize->outputs[0];
    return WEFT_OK;
}

/* A constant operand of a sum or product: 8 bits over all it holds. */
static weft_status insert_constant(weft_quant *quant, weft_node *node, size_t index,
                                   weft_diag *diag)
{
    weft_value *constant = node->inputs[index];
    const float *data = constant->data;
    int64_t elems = 0;
    weft_shape_elems(&constant->shape, &elems);
    float least = 0, most = 0;
    for (int64_t i = 0; i < elems; i++) {
        least = fminf(least, data[i]);
        most = fmaxf(most, data[i]);
    }
    bool is_signed = quant->params.signed_values;
    weft_quant_range range = weft_quant_range_make((double)least, (double)most, is_signed);
    int first = is_signed ? -128 : 0;
    uint8_t *codes = weft_arena_alloc(quant->arena, (size_t)elems), zero = (uint8_t)range.zero;
    for (int64_t i = 0; i < elems; i++) {
        double code = nearbyint((double)data[i] / (double)range.scale) + range.zero;
        codes[i] = (uint8_t)(int)fmax(first, fmin(first + WEFT_QUANT_LEVELS - 1, code));
    }
    weft_value *value = weft_graph_add_constant(
        quant->graph, weft_arena_printf(quant->arena, "%s_quantized", constant->name),
        code_type(quant), &constant->shape, codes);
    weft_status status =
        weft_quant_add_dequantised(quant, node, constant->name, value,
                                   weft_arena_dup(quant->arena, &range.scale, sizeof range.scale),
                                   weft_arena_dup(quant->arena, &zero, 1), 1, 0, &value, diag);
    if (status == WEFT_OK)
        weft_node_set_input(quant->graph, node, index, value);
    return status;
}

static bool has_two_operands(weft_op op)
{
    return op == WEFT_OP_Add || op == WEFT_OP_Sub || op == WEFT_OP_Mul || op == WEFT_OP_Concat;
}

weft_status weft_quant_insert(weft_quant *quant, weft_diag *diag)
{
    for (size_t i = 0; i < quant->points.count; i++)
        quant->points.data[i].range = quant->points.data[quant->points.data[i].shares].range;
    weft_status status = WEFT_OK;
    for (weft_node *node = quant->graph->first; node != NULL && status == WEFT_OK;
         node = node->next) {
        if (!weft_quant_takes(quant, node))
            continue;
        if (weft_quant_is_product(node))
            status = weft_quant_make_weights(quant, node, diag);
        for (size_t i = 0; has_two_operands(node->op) && i < node->input_count; i++)
            if (status == WEFT_OK && weft_value_is_constant(node->inputs[i]))
                status = insert_constant(quant, node, i, diag);
    }
    for (size_t i = 0; i < quant->points.count && status == WEFT_OK; i++)
        status = insert_pair(quant, &quant->points.data[i], diag);
    return status;
}
