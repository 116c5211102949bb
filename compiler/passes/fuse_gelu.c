/* SPDX-License-Identifier: Apache-2.0 */
/* fuse-gelu: a GELU spelled out becomes Gelu. Must not know the spelling: what surrounds an Erf or
 * Tanh is expanded to a polynomial in x and t = erf(..) or tanh(..), whatever the order of factors.
 *
 *     0.5 x + 0.5 x t   with t = erf(x / sqrt(2)) or t = tanh(sqrt(2 / pi) (x + 0.044715 x^3))
 *
 * needs: types and shapes; constants folded.
 * keeps: values up to f32 rounding of those constants.
 * breaks: nothing. */
#include <math.h>

#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

/* Exponents of x and t; expressions go this deep. */
enum { X_POWERS = 4, T_POWERS = 2, MAX_DEPTH = 8, MAX_CLIMB = 8 };

/* Constants come as f32, and two or three of them are multiplied. */
#define CONSTANT_TOLERANCE 1e-6

typedef struct polynomial {
    double of[X_POWERS][T_POWERS];
} polynomial;

typedef struct variables {
    const weft_value *x, *t;
} variables;

static bool multiply(const polynomial *a, const polynomial *b, polynomial *out)
{
    *out = (polynomial){{{0}}};
    for (int i = 0; i < X_POWERS * X_POWERS; i++)
        for (int j = 0; j < T_POWERS * T_POWERS; j++) {
            int xa = i / X_POWERS, xb = i % X_POWERS, ta = j / T_POWERS, tb = j % T_POWERS;
            double product = a->of[xa][ta] * b->of[xb][tb];
            if (product == 0.0)
                continue;
            if (xa + xb >= X_POWERS || ta + tb >= T_POWERS)
                return false;
            out->of[xa + xb][ta + tb] += product;
        }
    return true;
}

static bool expand(const weft_value *value, const variables *v, int depth, polynomial *out);

static bool expand_power(const weft_node *node, const variables *v, int depth, polynomial *out)
{
    double exponent;
    polynomial base, product;
    if (!weft_value_const_scalar(node->inputs[1], &exponent) ||
        (exponent != 2.0 && exponent != 3.0) || !expand(node->inputs[0], v, depth, &base))
        return false;
    *out = base;
    for (int i = 1; i < (int)exponent; i++) {
        if (!multiply(out, &base, &product))
            return false;
        *out = product;
    }
    return true;
}

static bool expand_node(const weft_node *node, const variables *v, int depth, polynomial *out)
{
    polynomial a, b;
    if (node->op == WEFT_OP_Pow)
        return expand_power(node, v, depth, out);
    if (node->op != WEFT_OP_Add && node->op != WEFT_OP_Sub && node->op != WEFT_OP_Mul &&
        node->op != WEFT_OP_Div)
        return false;
    if (!expand(node->inputs[0], v, depth, &a) || !expand(node->inputs[1], v, depth, &b))
        return false;
    if (node->op == WEFT_OP_Mul)
        return multiply(&a, &b, out);
    double divisor = b.of[0][0];
    if (node->op == WEFT_OP_Div) {
        if (!weft_value_is_constant(node->inputs[1]) || divisor == 0.0)
            return false;
        b = (polynomial){{{1.0 / divisor}}};
        return multiply(&a, &b, out);
    }
    double sign = node->op == WEFT_OP_Sub ? -1.0 : 1.0;
    for (int i = 0; i < X_POWERS; i++)
        for (int j = 0; j < T_POWERS; j++)
            out->of[i][j] = a.of[i][j] + sign * b.of[i][j];
    return true;
}

static bool expand(const weft_value *value, const variables *v, int depth, polynomial *out)
{
    double number;
    *out = (polynomial){{{0}}};
    if (value == v->x || value == v->t) {
        out->of[value == v->x][value == v->t] = 1.0;
        return true;
    }
    if (weft_value_is_constant(value)) {
        if (!weft_value_const_scalar(value, &number))
            return false;
        out->of[0][0] = number;
        return true;
    }
    return depth > 0 && value->producer && expand_node(value->producer, v, depth - 1, out);
}

static bool is_close(double number, double expected)
{
    return fabs(number - expected) <= CONSTANT_TOLERANCE * fmax(fabs(expected), 0.1);
}

static bool equals(const polynomial *p, const polynomial *expected)
{
    for (int i = 0; i < X_POWERS; i++)
        for (int j = 0; j < T_POWERS; j++)
            if (!is_close(p->of[i][j], expected->of[i][j]))
                return false;
    return true;
}

/* The argument of t is that of a GELU of x. */
static bool is_argument(const weft_node *function, const weft_value *x)
{
    variables v = {x, NULL};
    polynomial argument, erf_of = {{{0}}}, tanh_of = {{{0}}};
    erf_of.of[1][0] = 0.70710678118654752;
    tanh_of.of[1][0] = 0.79788456080286536;
    tanh_of.of[3][0] = 0.79788456080286536 * 0.044715;
    return expand(function->inputs[0], &v, MAX_DEPTH, &argument) &&
           equals(&argument, function->op == WEFT_OP_Erf ? &erf_of : &tanh_of);
}

/* x for which t is that of a GELU: any value below t that is not constant. */
static weft_value *find_x(const weft_node *function, weft_value *below, int depth)
{
    weft_node *node = below->producer;
    if (weft_value_is_constant(below))
        return NULL;
    if (is_argument(function, below))
        return below;
    bool is_ours = node && (node->op == WEFT_OP_Add || node->op == WEFT_OP_Mul ||
                            node->op == WEFT_OP_Div || node->op == WEFT_OP_Pow);
    for (size_t i = 0; is_ours && depth > 0 && i < 2; i++) {
        weft_value *x = find_x(function, node->inputs[i], depth - 1);
        if (x)
            return x;
    }
    return NULL;
}

static void take_sources(weft_graph *graph, weft_node *to, const weft_value *from,
                         const weft_value *x)
{
    const weft_node *node = from->producer;
    if (from == x || !node)
        return;
    for (size_t i = 0; i < node->input_count; i++)
        take_sources(graph, to, node->inputs[i], x);
    weft_rewrite_add_sources(graph, to, node);
}

/* Climbs from t as long as one node reads the value; the first that is the whole GELU is replaced.
 */
static weft_status visit(weft_graph *graph, weft_node *function, bool *done, weft_diag *diag)
{
    weft_value *t = function->outputs[0], *value = t;
    weft_value *x = find_x(function, function->inputs[0], MAX_DEPTH);
    polynomial gelu = {{{0}}}, p;
    gelu.of[1][0] = gelu.of[1][1] = 0.5;
    variables v = {x, t};
    for (int i = 0; x && i < MAX_CLIMB; i++) {
        weft_node *user = weft_rewrite_single_user(graph, value);
        if (!user || !user->outputs[0])
            return WEFT_OK;
        value = user->outputs[0];
        if (!expand(value, &v, MAX_DEPTH, &p))
            return WEFT_OK;
        if (!equals(&p, &gelu) || !weft_shape_equal(&value->shape, &x->shape))
            continue;
        weft_node *node = weft_rewrite_add(graph, user, WEFT_OP_Gelu, user->name, &x, 1, user);
        node->source_count = 0;
        take_sources(graph, node, value, x);
        if (function->op == WEFT_OP_Tanh)
            weft_attrs_set_string(&node->attrs, graph->arena, "approximate", "tanh");
        *done = true;
        weft_status status = weft_node_infer(graph, node, diag);
        return status == WEFT_OK ? weft_rewrite_replace(graph, value, node->outputs[0], diag)
                                 : status;
    }
    return WEFT_OK;
}

weft_status weft_pass_fuse_gelu(weft_graph *graph, size_t *out_changes, weft_diag *diag)
{
    *out_changes = 0;
    for (weft_node *node = graph->first, *next; node; node = next) {
        bool done = false;
        next = node->next;
        if ((node->op != WEFT_OP_Erf && node->op != WEFT_OP_Tanh) ||
            node->outputs[0]->dtype != WEFT_DTYPE_F32)
            continue;
        weft_status status = visit(graph, node, &done, diag);
        if (status != WEFT_OK)
            return status;
        *out_changes += done;
    }
    if (*out_changes > 0)
        weft_rewrite_remove_dead(graph);
    return WEFT_OK;
}
