/* SPDX-License-Identifier: Apache-2.0 */
/* Fusing what follows a product into its epilogue: y = act(product + residual). Must not know the
 * product. */
#include "compiler/passes/epilogue.h"

#include <float.h>
#include <string.h>

#include "compiler/passes/rewrite.h"

bool weft_epilogue_has_act(const weft_node *node)
{
    return strcmp(weft_attrs_string(&node->attrs, "act", "none"), "none") != 0;
}

void weft_epilogue_copy_act(weft_graph *graph, weft_node *node, const char *prefix,
                            const weft_node *from)
{
    const char *act = weft_attrs_string(&from->attrs, "act", "none");
    weft_attrs_set_string(&node->attrs, graph->arena, prefix, act);
    if (strcmp(act, "clip") != 0)
        return;
    const char *low = weft_arena_printf(graph->arena, "%s_min", prefix);
    const char *high = weft_arena_printf(graph->arena, "%s_max", prefix);
    weft_attrs_set_float(&node->attrs, graph->arena, low,
                         weft_attrs_float(&from->attrs, "act_min", -FLT_MAX));
    weft_attrs_set_float(&node->attrs, graph->arena, high,
                         weft_attrs_float(&from->attrs, "act_max", FLT_MAX));
}

static bool set_act(weft_graph *graph, weft_node *node, const weft_node *act)
{
    const weft_value *low = weft_node_input(act, 1), *high = weft_node_input(act, 2);
    double limits[2] = {-(double)FLT_MAX, (double)FLT_MAX};
    switch ((int)act->op) {
    case WEFT_OP_Relu:
        weft_attrs_set_string(&node->attrs, graph->arena, "act", "relu");
        return true;
    case WEFT_OP_Sigmoid:
        weft_attrs_set_string(&node->attrs, graph->arena, "act", "sigmoid");
        return true;
    case WEFT_OP_Gelu: {
        const char *approximate = weft_attrs_string(&act->attrs, "approximate", "none");
        weft_attrs_set_string(&node->attrs, graph->arena, "act",
                              strcmp(approximate, "tanh") == 0 ? "gelu_tanh" : "gelu");
        return true;
    }
    case WEFT_OP_Clip:
        if ((low && !weft_value_const_scalar(low, &limits[0])) ||
            (high && !weft_value_const_scalar(high, &limits[1])))
            return false;
        weft_attrs_set_string(&node->attrs, graph->arena, "act", "clip");
        weft_attrs_set_float(&node->attrs, graph->arena, "act_min", (float)limits[0]);
        weft_attrs_set_float(&node->attrs, graph->arena, "act_max", (float)limits[1]);
        return true;
    default: return false;
    }
}

/* Mul(y, Sigmoid(y)) where nothing else reads y or the sigmoid. */
static weft_node *find_swish(const weft_graph *graph, const weft_value *y)
{
    if (y->use_count != 2 || weft_value_is_output(graph, y))
        return NULL;
    weft_node *sigmoid = weft_rewrite_first_user(graph, y);
    if (!sigmoid || sigmoid->op != WEFT_OP_Sigmoid)
        return NULL;
    weft_node *mul = weft_rewrite_single_user(graph, sigmoid->outputs[0]);
    if (!mul || mul->op != WEFT_OP_Mul || (mul->inputs[0] != y && mul->inputs[1] != y))
        return NULL;
    return mul;
}

weft_status weft_epilogue_fuse_act(weft_graph *graph, weft_node *node, bool *out_done,
                                   weft_diag *diag)
{
    weft_value *y = node->outputs[0];
    if (weft_epilogue_has_act(node) || node->output_count != 1)
        return WEFT_OK;
    weft_node *act = weft_rewrite_single_user(graph, y);
    if (act) {
        if (act->inputs[0] != y || !set_act(graph, node, act))
            return WEFT_OK;
        weft_rewrite_add_sources(graph, node, act);
        *out_done = true;
        return weft_rewrite_replace(graph, act->outputs[0], y, diag);
    }
    weft_node *mul = find_swish(graph, y);
    if (!mul)
        return WEFT_OK;
    weft_node *sigmoid = mul->inputs[mul->inputs[0] == y ? 1 : 0]->producer;
    weft_attrs_set_string(&node->attrs, graph->arena, "act", "silu");
    weft_rewrite_add_sources(graph, node, sigmoid);
    weft_rewrite_add_sources(graph, node, mul);
    *out_done = true;
    weft_status status = weft_rewrite_replace(graph, mul->outputs[0], y, diag);
    if (status == WEFT_OK)
        weft_graph_remove_node(graph, sigmoid);
    return status;
}

size_t weft_epilogue_residual_input(const weft_node *node)
{
    return node->op == WEFT_OP_Gate ? 4 : 3;
}

/* The producer of operand i of add when it can take the other operand as residual. */
static weft_node *residual_taker(const weft_graph *graph, const weft_node *add, size_t i,
                                 bool (*is_allowed)(weft_op op))
{
    const weft_value *mine = add->inputs[i], *other = add->inputs[1 - i];
    weft_node *node = mine->producer;
    bool fits = node && is_allowed(node->op) && node->output_count == 1 &&
                (node->op == WEFT_OP_Conv2D || !weft_value_is_constant(other)) &&
                weft_rewrite_single_user(graph, mine) == add && !weft_epilogue_has_act(node) &&
                !weft_node_input(node, weft_epilogue_residual_input(node)) &&
                weft_shape_equal(&mine->shape, &add->outputs[0]->shape) &&
                weft_shape_equal(&other->shape, &mine->shape);
    return fits ? node : NULL;
}

weft_status weft_epilogue_fuse_add(weft_graph *graph, weft_node *add,
                                   bool (*is_allowed)(weft_op op), bool *out_done, weft_diag *diag)
{
    weft_node *left = residual_taker(graph, add, 0, is_allowed);
    weft_node *right = residual_taker(graph, add, 1, is_allowed);
    if (!left && !right)
        return WEFT_OK;
    size_t mine = !left || (right && weft_rewrite_is_before(left, right)) ? 1 : 0;
    weft_node *node = mine == 0 ? left : right;
    weft_node_set_input(graph, node, weft_epilogue_residual_input(node), add->inputs[1 - mine]);
    weft_graph_move_before(graph, node, add);
    weft_rewrite_add_sources(graph, node, add);
    *out_done = true;
    return weft_rewrite_replace(graph, add->outputs[0], node->outputs[0], diag);
}
