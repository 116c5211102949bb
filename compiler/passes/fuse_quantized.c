/* SPDX-License-Identifier: Apache-2.0 */
/* fuse-quantized: sums become the residual of the product or convolution before them, tables and
 * limits part of it, the mean over a map its second output, and a normalisation that products read
 * part of them. Every rounding to 8 bits stays where it was. Must not know how the operators came
 * to be.
 *
 * needs: transposes sunk.
 * keeps: every value, bit by bit.
 * breaks: weft.QConv2D may have a table, a residual, a second output and a normalisation in front,
 * weft.QMul a residual. */
#include "compiler/passes/fuse_quantized.h"

#include <string.h>

#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"
#include "compiler/passes/views.h"

bool weft_fuse_q_takes_sum(const weft_node *node)
{
    return (node->op == WEFT_OP_QConv2D && !weft_node_input(node, 6) && node->output_count == 1) ||
           (node->op == WEFT_OP_QMul && !weft_node_input(node, 2));
}

static int64_t attr(const weft_node *node, const char *name)
{
    return weft_attrs_int(&node->attrs, name, 0);
}

/* Attribute `from` of another node under the name `to`; absent stays absent. */
static void copy(weft_graph *graph, weft_node *node, const char *to, const weft_node *from_node,
                 const char *from)
{
    const weft_attr *found = weft_attrs_find(&from_node->attrs, from);
    if (found && found->kind == WEFT_ATTR_INT)
        weft_attrs_set_int(&node->attrs, graph->arena, to, found->i);
}

/* ---- sums ---- */

/* The producer of operand i when it can do the sum: it makes the operand for the sum only, and the
 * other operand is as large. */
static weft_node *sum_taker(const weft_graph *graph, const weft_node *add, size_t i)
{
    const weft_value *c = add->inputs[i], *residual = add->inputs[1 - i];
    const weft_shape *shape = &add->outputs[0]->shape;
    weft_node *node = c->producer;
    if (!node || node->outputs[0] != c || !weft_fuse_q_takes_sum(node) ||
        weft_rewrite_single_user(graph, c) != add || !weft_shape_equal(&c->shape, shape) ||
        !weft_shape_equal(&residual->shape, shape))
        return NULL;
    /* the product has one zero point for its result, here and there */
    if (node->op == WEFT_OP_QMul && attr(node, "c_zero") != attr(add, i == 0 ? "a_zero" : "b_zero"))
        return NULL;
    return node;
}

/* The product of a gate is short of work: it comes first. Of two equals the later one, which waits
 * for the other anyway. */
static bool is_better(const weft_node *a, const weft_node *b)
{
    if (!b || a->op != b->op)
        return !b || a->op == WEFT_OP_QMul;
    return weft_rewrite_is_before(b, a);
}

static weft_status fuse_sum(weft_graph *graph, weft_node *add, bool *done, weft_diag *diag)
{
    weft_node *taker = NULL;
    size_t at = 0;
    for (size_t i = 0; i < 2; i++) {
        weft_node *node = sum_taker(graph, add, i);
        if (node && is_better(node, taker)) {
            taker = node;
            at = i;
        }
    }
    if (!taker)
        return WEFT_OK;
    bool is_mul = taker->op == WEFT_OP_QMul;
    weft_node_set_input(graph, taker, is_mul ? 2 : 6, add->inputs[1 - at]);
    if (!is_mul)
        copy(graph, taker, "a_zero", add, at == 0 ? "a_zero" : "b_zero");
    copy(graph, taker, is_mul ? "c_mult" : "a_mult", add, at == 0 ? "a_mult" : "b_mult");
    copy(graph, taker, is_mul ? "r_zero" : "b_zero", add, at == 0 ? "b_zero" : "a_zero");
    copy(graph, taker, is_mul ? "r_mult" : "b_mult", add, at == 0 ? "b_mult" : "a_mult");
    copy(graph, taker, "add_shift", add, "shift");
    copy(graph, taker, "y_zero", add, "y_zero");
    copy(graph, taker, "y_min", add, "y_min");
    copy(graph, taker, "y_max", add, "y_max");
    weft_attrs_set_string(&taker->attrs, graph->arena, "to",
                          weft_attrs_string(&add->attrs, "to", "i8"));
    weft_graph_move_before(graph, taker, add);
    weft_rewrite_add_sources(graph, taker, add);
    *done = true;
    weft_status status = weft_node_infer(graph, taker, diag);
    return status == WEFT_OK ? weft_rewrite_replace(graph, add->outputs[0], taker->outputs[0], diag)
                             : status;
}

/* ---- means ---- */

static bool all_are(const weft_node *node, const char *name, size_t count, int64_t absent,
                    int64_t number)
{
    int64_t list[4];
    weft_attrs_ints(&node->attrs, name, list, count, absent);
    for (size_t i = 0; i < count; i++)
        if (list[i] != number)
            return false;
    return true;
}

/* The multiplier of the window's only count. */
static bool read_ratio(const weft_node *pool, int64_t *mult, int64_t *shift)
{
    return weft_attrs_ints(&pool->attrs, "mults", mult, 1, 0) == 1 &&
           weft_attrs_ints(&pool->attrs, "shifts", shift, 1, 1) == 1;
}

/* weft.QPool2D that is the mean of whole maps, in the type that the maps have. */
static bool is_mean(const weft_node *pool, int64_t *mult, int64_t *shift)
{
    const weft_value *x = pool->inputs[0], *y = pool->outputs[0];
    int64_t kernel[2] = {0, 0};
    weft_attrs_ints(&pool->attrs, "kernel_shape", kernel, 2, 0);
    return strcmp(weft_attrs_string(&pool->attrs, "mode", "max"), "average") == 0 &&
           kernel[0] == x->shape.dims[1] && kernel[1] == x->shape.dims[2] &&
           y->shape.dims[1] == 1 && y->shape.dims[2] == 1 && all_are(pool, "pads", 4, 0, 0) &&
           all_are(pool, "dilations", 2, 1, 1) && y->dtype == x->dtype &&
           !weft_attrs_find(&pool->attrs, "y_min") && !weft_attrs_find(&pool->attrs, "y_max") &&
           read_ratio(pool, mult, shift);
}

static weft_status fuse_mean(weft_graph *graph, weft_node *pool, bool *done, weft_diag *diag)
{
    weft_value *x = pool->inputs[0], *view = NULL;
    weft_node *conv = weft_rewrite_producer(x, WEFT_OP_QConv2D);
    int64_t mult, shift;
    if (!conv || conv->outputs[0] != x || conv->output_count > 1 || !is_mean(pool, &mult, &shift))
        return WEFT_OK;
    if (weft_node_input(conv, 6) && attr(conv, "y_zero") != attr(pool, "x_zero"))
        return WEFT_OK;
    if (!weft_node_input(conv, 6))
        weft_attrs_set_int(&conv->attrs, graph->arena, "a_zero", attr(pool, "x_zero"));
    weft_attrs_set_int(&conv->attrs, graph->arena, "mean_mult", mult);
    weft_attrs_set_int(&conv->attrs, graph->arena, "mean_shift", shift);
    weft_attrs_set_int(&conv->attrs, graph->arena, "mean_zero", attr(pool, "y_zero"));
    weft_value *mean =
        weft_node_add_output(graph, conv, weft_rewrite_base_name(graph, pool->outputs[0]->name));
    weft_rewrite_add_sources(graph, conv, pool);
    *done = true;
    weft_status status = weft_node_infer(graph, conv, diag);
    if (status == WEFT_OK)
        status =
            weft_rewrite_reshape(graph, pool, mean, &pool->outputs[0]->shape, NULL, &view, diag);
    return status == WEFT_OK ? weft_rewrite_replace(graph, pool->outputs[0], view, diag) : status;
}

/* ---- the walk ---- */

static weft_status visit(weft_graph *graph, weft_node *node, bool *done, weft_diag *diag)
{
    weft_status status = WEFT_OK;
    if (node->op == WEFT_OP_QAdd || node->op == WEFT_OP_QMul)
        status = weft_fuse_q_unary(graph, node, done, diag);
    if (status == WEFT_OK && !*done)
        status = weft_fuse_q_past_view(graph, node, done, diag);
    if (status != WEFT_OK || *done)
        return status;
    switch ((int)node->op) {
    case WEFT_OP_QTable: return weft_fuse_q_table(graph, node, done, diag);
    case WEFT_OP_QAdd: return fuse_sum(graph, node, done, diag);
    default: return WEFT_OK;
    }
}

/* After everything that may still go into a convolution went there. */
static weft_status visit_mean(weft_graph *graph, weft_node *node, bool *done, weft_diag *diag)
{
    if (node->op == WEFT_OP_QPool2D)
        return fuse_mean(graph, node, done, diag);
    return weft_view_visit(graph, node, done, diag);
}

static weft_status sweep(weft_graph *graph,
                         weft_status (*rule)(weft_graph *, weft_node *, bool *, weft_diag *),
                         size_t *changes, weft_diag *diag)
{
    size_t round;
    do {
        round = 0;
        for (weft_node *node = graph->first, *next; node; node = next) {
            bool done = false;
            next = node->next;
            weft_status status = rule(graph, node, &done, diag);
            if (status != WEFT_OK)
                return status;
            round += done;
        }
        weft_rewrite_remove_dead(graph);
        *changes += round;
    } while (round > 0);
    return WEFT_OK;
}

static bool has_quantised(const weft_graph *graph)
{
    for (const weft_node *node = graph->first; node; node = node->next)
        if (node->op == WEFT_OP_QConv2D || node->op == WEFT_OP_QAdd || node->op == WEFT_OP_QMul ||
            node->op == WEFT_OP_QTable)
            return true;
    return false;
}

weft_status weft_pass_fuse_quantized(weft_graph *graph, size_t *out_changes, weft_diag *diag)
{
    *out_changes = 0;
    if (!has_quantised(graph))
        return WEFT_OK;
    weft_status status = sweep(graph, visit, out_changes, diag);
    if (status == WEFT_OK)
        status = sweep(graph, visit_mean, out_changes, diag);
    return status == WEFT_OK ? sweep(graph, weft_fuse_q_norm, out_changes, diag) : status;
}
