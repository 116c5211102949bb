/* SPDX-License-Identifier: Apache-2.0 */
/* fuse-quantized, tables: one that changes nothing goes, two become one, one that only limits is
 * the limits of the operator before it, any other is the table of a convolution. Must not know
 * sums. */
#include <string.h>

#include "compiler/passes/fuse_quantized.h"
#include "compiler/passes/rewrite.h"
#include "kernels/include/weft_int.h"

enum { ENTRIES = 256 };

static int32_t lowest(weft_dtype dtype)
{
    return dtype == WEFT_DTYPE_U8 ? 0 : -128;
}

/* The entry for a code of type `from`. */
static int32_t look_up(const weft_value *table, weft_dtype from, int32_t code)
{
    int32_t at = weft_table_index(code, from == WEFT_DTYPE_I8);
    return table->dtype == WEFT_DTYPE_U8 ? ((const uint8_t *)table->data)[at]
                                         : ((const int8_t *)table->data)[at];
}

/* What the last limits of a node that makes 8-bit values are called; NULL when it has none. */
static const char *last_stage(const weft_node *node)
{
    switch ((int)node->op) {
    case WEFT_OP_QAdd:
    case WEFT_OP_QPool2D: return "y";
    case WEFT_OP_QMul: return weft_node_input(node, 2) ? "y" : "c";
    case WEFT_OP_QConv2D:
        return weft_node_input(node, 6) ? "y" : weft_node_input(node, 5) ? NULL : "c";
    default: return NULL;
    }
}

typedef struct limits {
    const char *min, *max; /* attributes; NULL when they cannot be set */
    int32_t low, high;
} limits;

static limits limits_of(weft_graph *graph, const weft_value *value)
{
    int32_t least = lowest(value->dtype);
    limits found = {NULL, NULL, least, least + ENTRIES - 1};
    const weft_node *node = value->producer;
    const char *stage = node && value->output_index == 0 ? last_stage(node) : NULL;
    if (!stage)
        return found;
    found.min = weft_arena_printf(graph->arena, "%s_min", stage);
    found.max = weft_arena_printf(graph->arena, "%s_max", stage);
    found.low = (int32_t)weft_attrs_int(&node->attrs, found.min, found.low);
    found.high = (int32_t)weft_attrs_int(&node->attrs, found.max, found.high);
    return found;
}

/* On the values that occur the table is clamp(code, *low, *high). */
static bool only_limits(const weft_value *x, const weft_value *table, const limits *occurring,
                        int32_t *low, int32_t *high)
{
    *low = look_up(table, x->dtype, occurring->low);
    *high = look_up(table, x->dtype, occurring->high);
    if (x->dtype != table->dtype || *low > *high)
        return false;
    for (int32_t code = occurring->low; code <= occurring->high; code++)
        if (look_up(table, x->dtype, code) != weft_clamp32(code, *low, *high))
            return false;
    return true;
}

/* second(first(code)) for codes of type `from`. */
static weft_value *compose(weft_graph *graph, weft_dtype from, const weft_value *first,
                           const weft_value *second)
{
    uint8_t *bytes = WEFT_NEW_ARRAY(graph->arena, uint8_t, ENTRIES);
    for (int32_t i = 0; i < ENTRIES; i++) {
        int32_t middle = look_up(first, from, lowest(from) + i);
        bytes[i] = (uint8_t)look_up(second, first->dtype, middle);
    }
    return weft_graph_add_constant(graph, weft_rewrite_base_name(graph, second->name),
                                   second->dtype, &second->shape, bytes);
}

static weft_status join(weft_graph *graph, weft_node *node, weft_node *first, weft_diag *diag)
{
    weft_value *x = first->inputs[0];
    weft_value *both = compose(graph, x->dtype, first->inputs[1], node->inputs[1]);
    weft_node *made = weft_rewrite_add(graph, node, WEFT_OP_QTable, node->name,
                                       (weft_value *[]){x, both}, 2, first);
    weft_rewrite_add_sources(graph, made, node);
    weft_status status = weft_node_infer(graph, made, diag);
    return status == WEFT_OK ? weft_rewrite_replace(graph, node->outputs[0], made->outputs[0], diag)
                             : status;
}

/* The type of a convolution's result before its table. */
static weft_dtype conv_dtype(const weft_node *node)
{
    return weft_dtype_from_name(weft_attrs_string(&node->attrs, "c_type", "i8"));
}

/* node's work is done by the producer of its input now. */
static weft_status absorb(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    weft_node *heir = node->inputs[0]->producer;
    weft_rewrite_add_sources(graph, heir, node);
    weft_status status = weft_node_infer(graph, heir, diag);
    return status == WEFT_OK ? weft_rewrite_replace(graph, node->outputs[0], heir->outputs[0], diag)
                             : status;
}

weft_status weft_fuse_q_table(weft_graph *graph, weft_node *node, bool *out_done, weft_diag *diag)
{
    weft_value *x = node->inputs[0], *table = node->inputs[1], *y = node->outputs[0];
    weft_node *before = x->producer;
    if (!weft_value_is_constant(table))
        return WEFT_OK;
    limits occurring = limits_of(graph, x);
    int32_t low, high;
    bool limits_only = only_limits(x, table, &occurring, &low, &high);
    if (limits_only && low <= occurring.low && high >= occurring.high &&
        weft_rewrite_can_replace(graph, y, x)) {
        *out_done = true;
        return weft_rewrite_bypass(graph, y, x, diag);
    }
    if (!before || weft_rewrite_single_user(graph, x) != node || before->outputs[0] != x)
        return WEFT_OK;
    bool has_mean = before->output_count > 1;
    if (before->op == WEFT_OP_QTable && weft_value_is_constant(before->inputs[1])) {
        *out_done = true;
        return join(graph, node, before, diag);
    }
    if (limits_only && occurring.min && !has_mean) {
        weft_attrs_set_int(&before->attrs, graph->arena, occurring.min, low);
        weft_attrs_set_int(&before->attrs, graph->arena, occurring.max, high);
        *out_done = true;
        return absorb(graph, node, diag);
    }
    weft_value *own = before->op == WEFT_OP_QConv2D ? weft_node_input(before, 5) : NULL;
    if (before->op != WEFT_OP_QConv2D || !weft_fuse_q_takes_sum(before) ||
        (own && !weft_value_is_constant(own)))
        return WEFT_OK;
    if (own)
        table = compose(graph, conv_dtype(before), own, table);
    weft_node_set_input(graph, before, 5, table);
    weft_attrs_set_string(&before->attrs, graph->arena, "to", weft_dtype_name(table->dtype));
    weft_attrs_set_int(&before->attrs, graph->arena, "a_zero", 0); /* who needs it sets it */
    *out_done = true;
    weft_status status = weft_node_infer(graph, before, diag);
    return status == WEFT_OK ? absorb(graph, node, diag) : status;
}
