/* SPDX-License-Identifier: Apache-2.0 */
/* fuse-layer-norm: a normalisation spelled out (mean, distance, mean of its squares, epsilon, root,
 * quotient, scale, shift) becomes LayerNormalization. Must not know who wrote it so.
 *
 *     m = ReduceMean(x); d = x - m; v = ReduceMean(d * d); y = d / sqrt(v + epsilon) * scale + bias
 *     or, from TensorFlow, a = scale / sqrt(v + epsilon); y = x * a + (bias - m * a)
 *
 * needs: types and shapes.
 * keeps: values up to the order of sums.
 * breaks: nothing. */
#include "compiler/passes/passes.h"
#include "compiler/passes/rewrite.h"

typedef struct norm {
    weft_value *x;
    weft_node *quotient; /* or the sum that is everything */
    int first_axis;      /* of the normalised ones */
    double epsilon;
    weft_value *scale, *bias; /* of the sum; else NULL, they come after the quotient */
    bool is_sum;
} norm;

/* A mean over the last dimensions, which stay as 1; gives the first of them. */
static bool read_mean(const weft_node *node, int *out_axis)
{
    int64_t axes[WEFT_MAX_RANK];
    size_t count;
    const weft_value *list = weft_node_input(node, 1);
    if (node->op != WEFT_OP_ReduceMean || weft_attrs_int(&node->attrs, "keepdims", 1) == 0 ||
        !list || !weft_value_const_ints(list, axes, WEFT_MAX_RANK, &count) || count < 1 ||
        count > WEFT_MAX_RANK)
        return false;
    int rank = node->inputs[0]->shape.rank;
    unsigned mask = 0;
    for (size_t i = 0; i < count; i++)
        mask |= 1U << (axes[i] < 0 ? axes[i] + rank : axes[i]);
    *out_axis = rank - (int)count;
    return mask == (1U << rank) - (1U << *out_axis);
}

/* x of d = x - mean(x), or NULL. */
static weft_value *centred(const weft_value *d, int *out_axis)
{
    const weft_node *sub = weft_rewrite_producer(d, WEFT_OP_Sub);
    const weft_node *mean = sub ? weft_rewrite_producer(sub->inputs[1], WEFT_OP_ReduceMean) : NULL;
    if (!mean || mean->inputs[0] != sub->inputs[0] || !read_mean(mean, out_axis))
        return NULL;
    return sub->inputs[0];
}

static bool is_power(const weft_node *node, double exponent)
{
    double number;
    return node->op == WEFT_OP_Pow && weft_value_const_scalar(node->inputs[1], &number) &&
           number == exponent;
}

/* v + epsilon where v is the mean of the squares of the distances of x. */
static bool read_variance(const weft_value *value, const weft_value *x, int axis,
                          double *out_epsilon)
{
    const weft_node *add = weft_rewrite_producer(value, WEFT_OP_Add);
    for (size_t i = 0; add && i < 2; i++) {
        const weft_node *mean = weft_rewrite_producer(add->inputs[i], WEFT_OP_ReduceMean);
        int mean_axis, own_axis;
        if (!mean || !weft_value_const_scalar(add->inputs[1 - i], out_epsilon) ||
            !read_mean(mean, &mean_axis) || mean_axis != axis)
            continue;
        const weft_node *square = mean->inputs[0]->producer;
        bool is_square =
            square && (is_power(square, 2.0) ||
                       (square->op == WEFT_OP_Mul && square->inputs[0] == square->inputs[1]));
        if (is_square && centred(square->inputs[0], &own_axis) == x && own_axis == axis)
            return true;
    }
    return false;
}

/* value of 1 / sqrt(value), as a reciprocal, a quotient or a power; NULL when it is none. */
static const weft_value *inverse_root(const weft_value *inverse)
{
    const weft_node *node = inverse->producer;
    double one;
    if (!node)
        return NULL;
    if (is_power(node, -0.5))
        return node->inputs[0];
    bool is_quotient =
        node->op == WEFT_OP_Div && weft_value_const_scalar(node->inputs[0], &one) && one == 1.0;
    if (node->op != WEFT_OP_Reciprocal && !is_quotient)
        return NULL;
    const weft_node *root = node->inputs[is_quotient ? 1 : 0]->producer;
    return root && (root->op == WEFT_OP_Sqrt || is_power(root, 0.5)) ? root->inputs[0] : NULL;
}

/* d / deviation, where the deviation is a root of value: Div by Sqrt or a power, or Mul by an
 * inverse root. Gives d and value. */
static bool read_quotient(const weft_node *node, size_t i, weft_value **out_d,
                          const weft_value **out_value)
{
    *out_d = node->inputs[1 - i];
    if (node->op == WEFT_OP_Mul)
        *out_value = inverse_root(node->inputs[i]);
    else if (node->op == WEFT_OP_Div && i == 1) {
        const weft_node *root = node->inputs[1]->producer;
        bool is_root = root && (root->op == WEFT_OP_Sqrt || is_power(root, 0.5));
        *out_value = is_root ? root->inputs[0] : NULL;
    } else {
        *out_value = NULL;
    }
    return *out_value != NULL;
}

/* An f32 constant that varies over the normalised dimensions alone, with these; NULL for others. */
static weft_value *over_normalised(weft_graph *graph, const norm *n, const weft_value *c)
{
    if (!weft_rewrite_f32(c) || c->shape.rank > n->x->shape.rank)
        return NULL;
    weft_shape own = weft_rewrite_pad_rank(&c->shape, n->x->shape.rank), inner = {.rank = 0};
    for (int i = 0; i < own.rank; i++) {
        if (i < n->first_axis && own.dims[i] != 1)
            return NULL;
        if (i >= n->first_axis)
            inner.dims[inner.rank++] = own.dims[i];
    }
    return weft_rewrite_view_constant(graph, c, &inner);
}

/* Such a constant operand of the only reader of *io_value when that is of the operator; *io_value
 * becomes the reader's result. */
static weft_value *constant_of_user(weft_graph *graph, const norm *n, weft_op op,
                                    weft_value **io_value, weft_node **out_user)
{
    weft_node *user = weft_rewrite_single_user(graph, *io_value);
    if (!user || user->op != op || !weft_shape_equal(&user->outputs[0]->shape, &n->x->shape))
        return NULL;
    weft_value *c = over_normalised(graph, n, user->inputs[user->inputs[0] == *io_value ? 1 : 0]);
    if (!c)
        return NULL;
    *io_value = user->outputs[0];
    *out_user = user;
    return c;
}

/* x * a + (bias - m * a) with a = scale / deviation. */
static bool read_sum(weft_graph *graph, weft_node *add, size_t i, norm *out)
{
    const weft_node *left = weft_rewrite_producer(add->inputs[i], WEFT_OP_Mul);
    const weft_node *sub = weft_rewrite_producer(add->inputs[1 - i], WEFT_OP_Sub);
    const weft_node *right = sub ? weft_rewrite_producer(sub->inputs[1], WEFT_OP_Mul) : NULL;
    for (size_t k = 0; left && right && k < 4; k++) {
        weft_value *a = left->inputs[k & 1], *x = left->inputs[1 - (k & 1)];
        const weft_node *mean = weft_rewrite_producer(right->inputs[k >> 1], WEFT_OP_ReduceMean);
        if (right->inputs[1 - (k >> 1)] != a || !mean || mean->inputs[0] != x ||
            x->dtype != WEFT_DTYPE_F32 || !read_mean(mean, &out->first_axis))
            continue;
        *out = (norm){.x = x, .quotient = add, .first_axis = out->first_axis, .is_sum = true};
        const weft_value *value = inverse_root(a);
        const weft_node *product = weft_rewrite_producer(a, WEFT_OP_Mul);
        for (size_t s = 0; !value && product && s < 2; s++) {
            value = inverse_root(product->inputs[s]);
            out->scale = value ? over_normalised(graph, out, product->inputs[1 - s]) : NULL;
            if (value && !out->scale)
                return false;
        }
        out->bias = over_normalised(graph, out, sub->inputs[0]);
        return value && out->bias && weft_shape_equal(&x->shape, &add->outputs[0]->shape) &&
               read_variance(value, x, out->first_axis, &out->epsilon);
    }
    return false;
}

static bool read_norm(weft_graph *graph, weft_node *node, norm *out)
{
    for (size_t i = 0; i < 2 && node->input_count == 2; i++) {
        weft_value *d;
        const weft_value *value;
        *out = (norm){0};
        if (node->op == WEFT_OP_Add && read_sum(graph, node, i, out))
            return true;
        if (!read_quotient(node, i, &d, &value))
            continue;
        out->x = centred(d, &out->first_axis);
        out->quotient = node;
        if (out->x && out->x->dtype == WEFT_DTYPE_F32 &&
            weft_shape_equal(&out->x->shape, &node->outputs[0]->shape) &&
            read_variance(value, out->x, out->first_axis, &out->epsilon))
            return true;
    }
    return false;
}

static weft_value *ones(weft_graph *graph, int64_t count)
{
    float *to = WEFT_NEW_ARRAY(graph->arena, float, (size_t)count);
    for (int64_t i = 0; i < count; i++)
        to[i] = 1.0F;
    weft_shape shape = {.rank = 1, .dims = {count}};
    return weft_graph_add_constant(graph, "ones", WEFT_DTYPE_F32, &shape, to);
}

/* The nodes from x to the quotient. */
static void take_sources(weft_graph *graph, weft_node *to, const weft_node *from, const norm *n)
{
    for (size_t i = 0; i < from->input_count; i++) {
        const weft_value *value = from->inputs[i];
        if (value && value != n->x && value->producer)
            take_sources(graph, to, value->producer, n);
    }
    weft_rewrite_add_sources(graph, to, from);
}

static weft_status rewrite(weft_graph *graph, const norm *n, weft_node **out_node, weft_diag *diag)
{
    weft_value *y = n->quotient->outputs[0];
    weft_node *scale_node = NULL, *bias_node = NULL;
    weft_value *scale = n->scale, *bias = n->bias;
    if (!n->is_sum) {
        scale = constant_of_user(graph, n, WEFT_OP_Mul, &y, &scale_node);
        bias = constant_of_user(graph, n, WEFT_OP_Add, &y, &bias_node);
    }
    if (!scale)
        scale = ones(graph, n->x->shape.dims[n->x->shape.rank - 1]);
    weft_node *node =
        weft_rewrite_add(graph, n->quotient, WEFT_OP_LayerNormalization, n->quotient->name,
                         (weft_value *[]){n->x, scale, bias}, bias ? 3 : 2, y->producer);
    node->source_count = 0;
    take_sources(graph, node, n->quotient, n);
    if (scale_node)
        weft_rewrite_add_sources(graph, node, scale_node);
    if (bias_node)
        weft_rewrite_add_sources(graph, node, bias_node);
    weft_attrs_set_int(&node->attrs, graph->arena, "axis", n->first_axis - n->x->shape.rank);
    weft_attrs_set_float(&node->attrs, graph->arena, "epsilon", (float)n->epsilon);
    *out_node = node;
    weft_status status = weft_node_infer(graph, node, diag);
    if (status == WEFT_OK)
        status = weft_rewrite_replace(graph, y, node->outputs[0], diag);
    weft_rewrite_remove_dead(graph); /* so that what is left of this one is not met again */
    return status;
}

weft_status weft_pass_fuse_layer_norm(weft_graph *graph, size_t *out_changes, weft_diag *diag)
{
    *out_changes = 0;
    for (weft_node *node = graph->first; node; node = node->next) {
        norm n;
        if (!read_norm(graph, node, &n))
            continue;
        weft_status status = rewrite(graph, &n, &node, diag);
        if (status != WEFT_OK)
            return status;
        ++*out_changes;
    }
    return WEFT_OK;
}
