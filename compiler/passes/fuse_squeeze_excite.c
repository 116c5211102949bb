/* SPDX-License-Identifier: Apache-2.0 */
/* fuse-squeeze-excite: the product of a tensor [N, H, W, C] and a gate [N, 1, 1, C]. Where it is
 * the residual of a convolution (a projecting shortcut), that convolution multiplies; elsewhere the
 * layer that makes the gate, the multiplication, the shortcut add and the activation become one
 * weft.Gate. The squeeze mean comes out of the kernel that makes the tensor. Must not know which
 * network this is, nor fuse a swish: there both operands have the same shape or the same origin.
 *
 * needs: fuse-conv.
 * keeps: values up to f32 rounding.
 * breaks: nodes move towards their last operand; the order stays topological. */
#include "compiler/passes/epilogue.h"
#include "compiler/passes/fuse_mean.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

static bool is_gate(weft_op op)
{
    return op == WEFT_OP_Gate;
}

static bool is_gate_shape(const weft_shape *gate, const weft_shape *t)
{
    return gate->rank == 4 && t->rank == 4 && gate->dims[0] == t->dims[0] && gate->dims[1] == 1 &&
           gate->dims[2] == 1 && gate->dims[3] == t->dims[3];
}

/* The weft.Linear whose rows are the gate, read through at most one view and by nothing else. */
static weft_node *gate_layer(const weft_graph *graph, const weft_value *gate, const weft_node *user)
{
    if (weft_rewrite_single_user(graph, gate) != user)
        return NULL;
    weft_node *view = weft_rewrite_producer(gate, WEFT_OP_Reshape);
    if (!view)
        return NULL;
    const weft_value *rows = view->inputs[0];
    weft_node *linear = weft_rewrite_producer(rows, WEFT_OP_Linear);
    if (!linear || weft_rewrite_single_user(graph, rows) != view || weft_node_input(linear, 3) ||
        rows->shape.rank != 2 || rows->shape.dims[0] != gate->shape.dims[0])
        return NULL;
    return linear;
}

/* Which operand of mul is the gate: 0, 1, or -1. On maps of one element the shapes do not tell;
 * there it is the one that a linear layer makes for this product alone, and of two such the later.
 */
static int gate_operand(const weft_graph *graph, const weft_node *mul)
{
    const weft_value *a = mul->inputs[0], *b = mul->inputs[1];
    const weft_shape *y = &mul->outputs[0]->shape;
    if (a == b || weft_value_is_constant(a) || weft_value_is_constant(b))
        return -1;
    bool a_fits = is_gate_shape(&a->shape, y) && weft_shape_equal(&b->shape, y);
    bool b_fits = is_gate_shape(&b->shape, y) && weft_shape_equal(&a->shape, y);
    if (a_fits && b_fits) {
        const weft_node *a_layer = gate_layer(graph, a, mul), *b_layer = gate_layer(graph, b, mul);
        a_fits = a_layer && !(b_layer && weft_rewrite_is_before(a_layer, b_layer));
        b_fits = b_layer && !a_fits;
    }
    return a_fits ? 0 : b_fits ? 1 : -1;
}

/* Conv2D(x, w, bias, residual = Mul(t, gate)) */
static weft_status gate_residual(weft_graph *graph, weft_node *mul, size_t gate_index, bool *done,
                                 weft_diag *diag)
{
    weft_value *gate = mul->inputs[gate_index], *t = mul->inputs[1 - gate_index], *rows = NULL;
    weft_node *conv = weft_rewrite_single_user(graph, mul->outputs[0]);
    if (!conv || conv->op != WEFT_OP_Conv2D || weft_node_input(conv, 3) != mul->outputs[0] ||
        weft_node_input(conv, 4))
        return WEFT_OK;
    weft_shape shape = {.rank = 2, .dims = {gate->shape.dims[0], gate->shape.dims[3]}};
    weft_status status = weft_rewrite_reshape(graph, mul, gate, &shape, NULL, &rows, diag);
    if (status != WEFT_OK)
        return status;
    weft_node_set_input(graph, conv, 3, t);
    weft_node_set_input(graph, conv, 4, rows);
    weft_rewrite_add_sources(graph, conv, mul);
    weft_graph_remove_node(graph, mul);
    *done = true;
    status = weft_node_infer(graph, conv, diag);
    return status == WEFT_OK ? weft_fuse_mean_of(graph, t, done, diag) : status;
}

/* Mul(t, Reshape(Linear(h))) */
static weft_status make_gate(weft_graph *graph, weft_node *mul, size_t gate_index, bool *done,
                             weft_diag *diag)
{
    weft_value *t = mul->inputs[1 - gate_index];
    weft_node *linear = gate_layer(graph, mul->inputs[gate_index], mul);
    if (!linear)
        return WEFT_OK;
    weft_value *inputs[4] = {linear->inputs[0], linear->inputs[1], weft_node_input(linear, 2), t};
    weft_node *gate = weft_rewrite_add(graph, mul, WEFT_OP_Gate, linear->name, inputs, 4, linear);
    weft_rewrite_add_sources(graph, gate, mul->inputs[gate_index]->producer);
    weft_rewrite_add_sources(graph, gate, mul);
    weft_epilogue_copy_act(graph, gate, "gate_act", linear);
    weft_status status = weft_node_infer(graph, gate, diag);
    if (status == WEFT_OK)
        status = weft_rewrite_replace(graph, mul->outputs[0], gate->outputs[0], diag);
    *done = true;
    return status == WEFT_OK ? weft_fuse_mean_of(graph, t, done, diag) : status;
}

static weft_status visit(weft_graph *graph, weft_node *node, bool *done, weft_diag *diag)
{
    if (node->op == WEFT_OP_Gate)
        return weft_epilogue_fuse_act(graph, node, done, diag);
    if (node->op == WEFT_OP_Add)
        return weft_epilogue_fuse_add(graph, node, is_gate, done, diag);
    int gate = node->op == WEFT_OP_Mul ? gate_operand(graph, node) : -1;
    if (gate < 0)
        return WEFT_OK;
    weft_status status = gate_residual(graph, node, (size_t)gate, done, diag);
    if (status == WEFT_OK && !*done)
        status = make_gate(graph, node, (size_t)gate, done, diag);
    return status;
}

weft_status weft_pass_fuse_squeeze_excite(weft_graph *graph, size_t *out_changes, weft_diag *diag)
{
    *out_changes = 0;
    size_t round;
    do {
        round = 0;
        for (weft_node *node = graph->first, *next; node; node = next) {
            bool done = false;
            next = node->next;
            weft_status status = visit(graph, node, &done, diag);
            if (status != WEFT_OK)
                return status;
            if (node->op == WEFT_OP_Gate)
                next = node->next; /* what followed may be fused */
            round += done;
        }
        weft_rewrite_remove_dead(graph);
        *out_changes += round;
    } while (round > 0);
    return WEFT_OK;
}
