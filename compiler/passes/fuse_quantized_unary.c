/* SPDX-License-Identifier: Apache-2.0 */
/* fuse-quantized, functions of one tensor: a product or sum whose operands are tables of the same
 * codes (GELU written out: x times a table of x) is itself a table. Must not know convolutions. */
#include "compiler/passes/fuse_quantized.h"
#include "compiler/passes/rewrite.h"
#include "kernels/include/weft_int.h"

enum { ENTRIES = 256, MAX_TABLES = 16 };

static int32_t lowest(weft_dtype dtype)
{
    return dtype == WEFT_DTYPE_U8 ? 0 : -128;
}

/* Past the tables that made value; out_codes: what value is for each code of the result. */
static weft_value *root_of(weft_value *value, int32_t *out_codes)
{
    const weft_value *tables[MAX_TABLES];
    weft_dtype types[MAX_TABLES];
    size_t count = 0;
    for (; count < MAX_TABLES; count++) {
        const weft_node *node = weft_rewrite_producer(value, WEFT_OP_QTable);
        if (!node || !weft_value_is_constant(node->inputs[1]))
            break;
        tables[count] = node->inputs[1];
        value = node->inputs[0];
        types[count] = value->dtype;
    }
    for (int32_t i = 0; i < ENTRIES; i++) {
        int32_t code = lowest(value->dtype) + i;
        for (size_t t = count; t > 0; t--) {
            int32_t at = weft_table_index(code, types[t - 1] == WEFT_DTYPE_I8);
            code = tables[t - 1]->dtype == WEFT_DTYPE_U8
                       ? ((const uint8_t *)tables[t - 1]->data)[at]
                       : ((const int8_t *)tables[t - 1]->data)[at];
        }
        out_codes[i] = code;
    }
    return value;
}

static int32_t attr(const weft_node *node, const char *name, int32_t absent)
{
    return (int32_t)weft_attrs_int(&node->attrs, name, absent);
}

/* The node's result for codes a and b. */
static int32_t result_of(const weft_node *node, int32_t a, int32_t b)
{
    int32_t low = lowest(node->outputs[0]->dtype), high = low + ENTRIES - 1;
    a -= attr(node, "a_zero", 0);
    b -= attr(node, "b_zero", 0);
    if (node->op == WEFT_OP_QMul)
        return weft_multiply_stage(a, b, attr(node, "mult", 0), attr(node, "shift", 1),
                                   attr(node, "c_zero", 0), attr(node, "c_min", low),
                                   attr(node, "c_max", high));
    return weft_add_stage(a, attr(node, "a_mult", 0), b, attr(node, "b_mult", 0),
                          attr(node, "shift", 1), attr(node, "y_zero", 0), attr(node, "y_min", low),
                          attr(node, "y_max", high));
}

weft_status weft_fuse_q_unary(weft_graph *graph, weft_node *node, bool *out_done, weft_diag *diag)
{
    int32_t a[ENTRIES], b[ENTRIES];
    weft_value *x = root_of(node->inputs[0], a), *y = node->outputs[0];
    if (root_of(node->inputs[1], b) != x || weft_node_input(node, 2) || weft_value_is_constant(x) ||
        !weft_shape_equal(&x->shape, &y->shape))
        return WEFT_OK;
    uint8_t *bytes = WEFT_NEW_ARRAY(graph->arena, uint8_t, ENTRIES);
    for (int32_t i = 0; i < ENTRIES; i++)
        bytes[i] = weft_byte_of(result_of(node, a[i], b[i]));
    weft_value *table =
        weft_graph_add_constant(graph, weft_arena_printf(graph->arena, "%s/table", node->name),
                                y->dtype, &(weft_shape){1, {ENTRIES}}, bytes);
    weft_node *made = weft_rewrite_add(graph, node, WEFT_OP_QTable, node->name,
                                       (weft_value *[]){x, table}, 2, node);
    for (size_t i = 0; i < 2; i++)
        for (const weft_value *at = node->inputs[i]; at != x; at = at->producer->inputs[0])
            weft_rewrite_add_sources(graph, made, at->producer);
    *out_done = true;
    weft_status status = weft_node_infer(graph, made, diag);
    return status == WEFT_OK ? weft_rewrite_replace(graph, y, made->outputs[0], diag) : status;
}
