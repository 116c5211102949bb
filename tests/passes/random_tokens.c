/* SPDX-License-Identifier: Apache-2.0 */
/* Random transformers: image or tokens in, blocks, a class token, a mean or all tokens out. Must
 * not know passes. */
#include "tests/passes/random_tokens.h"

#include <math.h>

typedef struct net {
    build *b;
    int64_t batch, tokens, width; /* of the residual stream [batch, tokens, width] */
    int64_t side;                 /* tokens = side * side, and one class token with has_class */
    bool has_class;
    size_t attentions, token_convs;
} net;

static bool chance(build *b, uint32_t percent)
{
    return build_random(b, 100) < percent;
}

static int64_t between(build *b, int64_t low, int64_t high)
{
    return low + (int64_t)build_random(b, (uint32_t)(high - low + 1));
}

/* Operands of a commutative operator in either order. */
static weft_value *either(build *b, weft_op op, weft_value *x, weft_value *y)
{
    return chance(b, 50) ? build_binary(b, op, x, y) : build_binary(b, op, y, x);
}

static weft_value *vector(build *b, int64_t size, float low, float high)
{
    int64_t dims[3] = {1, 1, size};
    int rank = chance(b, 30) ? 3 : 1;
    return build_random_constant(b, rank, dims + 3 - rank, low, high);
}

static weft_value *scaled(build *b, weft_value *x, double factor)
{
    if (chance(b, 50))
        return either(b, WEFT_OP_Mul, x, build_scalar(b, (float)factor));
    return build_binary(b, WEFT_OP_Div, x, build_scalar(b, (float)(1.0 / factor)));
}

/* ---- parts ---- */

static weft_value *layer_norm(net *n, weft_value *x)
{
    build *b = n->b;
    weft_value *scale = vector(b, n->width, 0.5F, 1.5F), *shift = vector(b, n->width, -0.5F, 0.5F);
    if (chance(b, 50)) {
        weft_value *inputs[3] = {x, scale, shift};
        int64_t columns = n->width;
        for (size_t i = 1; i < 3; i++)
            inputs[i] = build_random_constant(b, 1, &columns, 0.25F, 1.0F);
        weft_node *node = build_node(b, WEFT_OP_LayerNormalization, chance(b, 80) ? 3 : 2, inputs);
        weft_attrs_set_float(&node->attrs, b->graph->arena, "epsilon", 1e-6F);
        return build_done(b, node);
    }
    weft_value *axes = build_ints(b, 1, (int64_t[]){chance(b, 50) ? -1 : 2});
    weft_value *mean = build_binary(b, WEFT_OP_ReduceMean, x, axes);
    weft_value *d = build_binary(b, WEFT_OP_Sub, x, mean);
    weft_value *square = chance(b, 50) ? build_binary(b, WEFT_OP_Pow, d, build_scalar(b, 2))
                                       : build_binary(b, WEFT_OP_Mul, d, d);
    weft_value *variance = build_binary(b, WEFT_OP_ReduceMean, square, axes);
    variance = either(b, WEFT_OP_Add, variance, build_scalar(b, 1e-5F));
    weft_value *y;
    if (chance(b, 20)) { /* as a batch normalisation with computed statistics */
        weft_value *a = build_unary(b, WEFT_OP_Reciprocal, build_unary(b, WEFT_OP_Sqrt, variance));
        if (chance(b, 80))
            a = either(b, WEFT_OP_Mul, a, scale);
        shift = build_binary(b, WEFT_OP_Sub, shift, either(b, WEFT_OP_Mul, mean, a));
        return either(b, WEFT_OP_Add, either(b, WEFT_OP_Mul, x, a), shift);
    }
    if (chance(b, 25)) {
        y = either(b, WEFT_OP_Mul, d,
                   build_binary(b, WEFT_OP_Pow, variance, build_scalar(b, -0.5F)));
    } else {
        weft_value *root = build_unary(b, WEFT_OP_Sqrt, variance);
        y = chance(b, 60) ? build_binary(b, WEFT_OP_Div, d, root)
                          : either(b, WEFT_OP_Mul, d, build_unary(b, WEFT_OP_Reciprocal, root));
    }
    if (chance(b, 80))
        y = either(b, WEFT_OP_Mul, y, scale);
    return chance(b, 80) ? either(b, WEFT_OP_Add, y, shift) : y;
}

static weft_value *linear(net *n, weft_value *x, int64_t outputs)
{
    build *b = n->b;
    int64_t inputs = x->shape.dims[2];
    float limit = sqrtf(3.0F / (float)inputs);
    weft_value *w = build_random_constant(b, 2, (int64_t[]){inputs, outputs}, -limit, limit);
    if (chance(b, 25)) {
        weft_value *bias = build_random_constant(b, 1, &outputs, -0.3F, 0.3F);
        x = build_reshape(b, x, 2, (int64_t[]){-1, inputs});
        x = build_done(b, build_node(b, WEFT_OP_Gemm, 3, (weft_value *[]){x, w, bias}));
        return build_reshape(b, x, 3, (int64_t[]){n->batch, -1, outputs});
    }
    x = build_binary(b, WEFT_OP_MatMul, x, w);
    return chance(b, 80) ? either(b, WEFT_OP_Add, x, vector(b, outputs, -0.3F, 0.3F)) : x;
}

static weft_value *gelu(build *b, weft_value *x)
{
    if (chance(b, 20))
        return build_unary(b, WEFT_OP_Gelu, x);
    bool by_tanh = chance(b, 40);
    weft_value *t;
    if (by_tanh) {
        weft_value *cube = chance(b, 50)
                               ? build_binary(b, WEFT_OP_Pow, x, build_scalar(b, 3))
                               : either(b, WEFT_OP_Mul, build_binary(b, WEFT_OP_Mul, x, x), x);
        weft_value *sum =
            either(b, WEFT_OP_Add, x, either(b, WEFT_OP_Mul, cube, build_scalar(b, 0.044715F)));
        t = build_unary(b, WEFT_OP_Tanh, scaled(b, sum, sqrt(2.0 / 3.14159265358979323846)));
    } else {
        t = build_unary(b, WEFT_OP_Erf, scaled(b, x, sqrt(0.5)));
    }
    weft_value *one = either(b, WEFT_OP_Add, t, build_scalar(b, 1));
    if (chance(b, 50))
        return either(b, WEFT_OP_Mul, scaled(b, x, 0.5), one);
    return scaled(b, either(b, WEFT_OP_Mul, x, one), 0.5);
}

/* ---- attention ---- */

/* Part 0, 1 or 2 of the product of qkv, as [batch, heads, tokens, size]. */
typedef struct cut {
    weft_value *parts; /* [3, batch, heads, tokens, size], or NULL */
    weft_value *product;
    bool is_interleaved;
    int64_t heads, size;
    uint32_t style;
} cut;

static cut begin_cut(net *n, weft_value *product, int64_t heads, int64_t size)
{
    build *b = n->b;
    cut c = {.product = product,
             .is_interleaved = chance(b, 25),
             .heads = heads,
             .size = size,
             .style = build_random(b, 3)};
    if (c.style == 0) {
        int64_t dims[5] = {n->batch, n->tokens, c.is_interleaved ? heads : 3,
                           c.is_interleaved ? 3 : heads, size};
        const int64_t *perm =
            c.is_interleaved ? (int64_t[]){3, 0, 2, 1, 4} : (int64_t[]){2, 0, 3, 1, 4};
        c.parts = build_transpose(b, build_reshape(b, product, 5, dims), perm);
    }
    return c;
}

static weft_value *slice_axis(build *b, weft_value *x, int64_t axis, int64_t start, int64_t end)
{
    weft_value *inputs[4] = {x, build_ints(b, 1, &start), build_ints(b, 1, &end),
                             build_ints(b, 1, &axis)};
    return build_done(b, build_node(b, WEFT_OP_Slice, 4, inputs));
}

static weft_value *part_of(net *n, const cut *c, int64_t part)
{
    build *b = n->b;
    if (c->style == 0) { /* one transpose, then an index */
        weft_node *node = build_node(
            b, WEFT_OP_Gather, 2,
            (weft_value *[]){
                c->parts,
                weft_graph_add_constant(b->graph, "index", WEFT_DTYPE_I64, &(weft_shape){.rank = 0},
                                        weft_arena_dup(b->graph->arena, &part, sizeof part))});
        return build_done(b, node);
    }
    weft_value *x = c->product;
    if (c->style == 1) { /* heads apart, then the part of each */
        int64_t dims[5] = {n->batch, n->tokens, c->is_interleaved ? c->heads : 3,
                           c->is_interleaved ? 3 : c->heads, c->size};
        int64_t axis = c->is_interleaved ? 3 : 2;
        x = slice_axis(b, build_reshape(b, x, 5, dims), axis, part, part + 1);
        x = build_binary(b, WEFT_OP_Squeeze, x, build_ints(b, 1, &axis));
    } else { /* channels first */
        int64_t row = c->heads * c->size;
        x = slice_axis(b, x, -1, part * row, (part + 1) * row);
        x = build_reshape(b, x, 4, (int64_t[]){n->batch, n->tokens, c->heads, c->size});
    }
    return build_transpose(b, x, (int64_t[]){0, 2, 1, 3});
}

static weft_value *heads_of(net *n, weft_value *x, int64_t heads, int64_t size)
{
    x = build_reshape(n->b, x, 4, (int64_t[]){n->batch, n->tokens, heads, size});
    return build_transpose(n->b, x, (int64_t[]){0, 2, 1, 3});
}

/* The local position embedding of ResFormer. */
static weft_value *local_position(net *n, weft_value *v, weft_value *o, int64_t heads, int64_t size)
{
    build *b = n->b;
    int64_t patches = n->side * n->side, first = n->has_class ? 1 : 0;
    weft_value *x = n->has_class ? slice_axis(b, v, 2, 1, INT64_MAX) : v;
    x = build_reshape(b, x, 4, (int64_t[]){n->batch * heads, n->side, n->side, size});
    x = build_transpose(b, x, (int64_t[]){0, 3, 1, 2});
    weft_value *inputs[3] = {x,
                             build_random_constant(b, 4, (int64_t[]){size, 1, 3, 3}, -0.3F, 0.3F),
                             build_random_constant(b, 1, &size, -0.3F, 0.3F)};
    weft_node *conv = build_node(b, WEFT_OP_Conv, chance(b, 80) ? 3 : 2, inputs);
    build_int(b, conv, "group", size);
    build_list(b, conv, "pads", 4, (int64_t[]){1, 1, 1, 1});
    x = build_done(b, conv);
    if (chance(b, 50)) {
        x = build_transpose(b, x, (int64_t[]){0, 2, 3, 1});
        x = build_reshape(b, x, 4, (int64_t[]){n->batch, heads, patches, size});
    } else {
        x = build_reshape(b, x, 4, (int64_t[]){n->batch, heads, size, patches});
        x = build_transpose(b, x, (int64_t[]){0, 1, 3, 2});
    }
    n->token_convs++;
    if (first > 0) {
        weft_value *zero = build_random_constant(b, 4, (int64_t[]){n->batch, heads, 1, size}, 0, 0);
        weft_node *concat = build_node(b, WEFT_OP_Concat, 2, (weft_value *[]){zero, x});
        build_int(b, concat, "axis", 2);
        x = build_done(b, concat);
    }
    return either(b, WEFT_OP_Add, o, x);
}

static weft_value *attention(net *n, weft_value *x)
{
    build *b = n->b;
    int64_t heads = between(b, 1, 3), size = between(b, 2, 5), row = heads * size;
    weft_value *q, *k, *v;
    bool is_packed = chance(b, 65);
    if (is_packed) {
        cut c = begin_cut(n, linear(n, x, 3 * row), heads, size);
        q = part_of(n, &c, 0);
        k = part_of(n, &c, 1);
        v = part_of(n, &c, 2);
    } else {
        q = heads_of(n, linear(n, x, row), heads, size);
        k = heads_of(n, linear(n, x, row), heads, size);
        v = heads_of(n, linear(n, x, row), heads, size);
    }
    weft_value *values = v;
    double scale = 1.0 / sqrt((double)size);
    uint32_t place = build_random(b, 4); /* of the scale: scores, queries, keys, both */
    if (place == 1 || place == 3)
        q = scaled(b, q, place == 3 ? sqrt(scale) : scale);
    k = build_transpose(b, k, (int64_t[]){0, 1, 3, 2});
    if (place == 2 || place == 3)
        k = scaled(b, k, place == 3 ? sqrt(scale) : scale);
    bool is_merged = chance(b, 30);
    if (is_merged) { /* images and heads in one dimension */
        q = build_reshape(b, q, 3, (int64_t[]){n->batch * heads, n->tokens, size});
        k = build_reshape(b, k, 3, (int64_t[]){n->batch * heads, size, n->tokens});
        v = build_reshape(b, v, 3, (int64_t[]){n->batch * heads, n->tokens, size});
    }
    weft_value *s = build_binary(b, WEFT_OP_MatMul, q, k);
    if (place == 0)
        s = scaled(b, s, scale);
    if (chance(b, 20)) { /* a mask for all heads, or one for each */
        bool is_one = is_merged || chance(b, 50);
        int64_t dims[3] = {heads, n->tokens, n->tokens};
        s = either(b, WEFT_OP_Add, s,
                   build_random_constant(b, is_one ? 2 : 3, is_one ? dims + 1 : dims, -3, 0));
    }
    n->attentions++;
    s = build_unary(b, WEFT_OP_Softmax, s);
    weft_value *o = build_binary(b, WEFT_OP_MatMul, s, v);
    if (is_merged)
        o = build_reshape(b, o, 4, (int64_t[]){n->batch, heads, n->tokens, size});
    if (n->side > 1 && is_packed && chance(b, 40))
        o = local_position(n, values, o, heads, size);
    o = build_transpose(b, o, (int64_t[]){0, 2, 1, 3});
    return build_reshape(b, o, 3, (int64_t[]){n->batch, n->tokens, row});
}

/* ---- the graph ---- */

static weft_value *mixed(net *n, weft_value *x)
{
    weft_value *u = layer_norm(n, x);
    u = linear(n, attention(n, u), n->width);
    x = either(n->b, WEFT_OP_Add, x, u);
    u = linear(n, layer_norm(n, x), between(n->b, 2, 12));
    return either(n->b, WEFT_OP_Add, x, linear(n, gelu(n->b, u), n->width));
}

/* [batch, tokens, width] from an image by a convolution, with or without a class token. */
static weft_value *embedding(net *n)
{
    build *b = n->b;
    int64_t dims[4] = {n->batch, 3, n->side * 2, n->side * 2};
    weft_value *inputs[3] = {
        build_input(b, "x", 4, dims),
        build_random_constant(b, 4, (int64_t[]){n->width, 3, 2, 2}, -0.5F, 0.5F),
        build_random_constant(b, 1, &n->width, -0.5F, 0.5F)};
    weft_node *conv = build_node(b, WEFT_OP_Conv, 3, inputs);
    build_list(b, conv, "strides", 2, (int64_t[]){2, 2});
    weft_value *x = build_done(b, conv);
    x = build_reshape(b, x, 3, (int64_t[]){n->batch, n->width, n->side * n->side});
    x = build_transpose(b, x, (int64_t[]){0, 2, 1});
    if (n->has_class) {
        weft_value *token = build_random_constant(b, 3, (int64_t[]){n->batch, 1, n->width}, -1, 1);
        weft_node *concat = build_node(b, WEFT_OP_Concat, 2, (weft_value *[]){token, x});
        build_int(b, concat, "axis", 1);
        x = build_done(b, concat);
    }
    return either(b, WEFT_OP_Add, x,
                  build_random_constant(b, 3, (int64_t[]){1, n->tokens, n->width}, -1, 1));
}

static weft_value *ending(net *n, weft_value *x)
{
    build *b = n->b;
    uint32_t kind = build_random(b, 4);
    if (chance(b, 70))
        x = layer_norm(n, x);
    if (kind == 0)
        return linear(n, x, 4);
    if (kind == 1)
        x = build_binary(b, WEFT_OP_ReduceMean, x, build_ints(b, 1, (int64_t[]){1}));
    else if (kind == 2)
        x = slice_axis(b, x, 1, 0, 1);
    else
        x = slice_axis(b, x, 1, n->tokens - 1, INT64_MAX);
    return linear(n, x, 4);
}

void random_tokens_build(build *b, size_t *out_attentions, size_t *out_token_convs)
{
    net n = {.b = b,
             .batch = between(b, 1, 2),
             .side = between(b, 1, 3),
             .width = between(b, 2, 9),
             .has_class = chance(b, 70)};
    n.tokens = n.side * n.side + (n.has_class ? 1 : 0);
    weft_value *x = chance(b, 50) ? embedding(&n)
                                  : build_input(b, "x", 3, (int64_t[]){n.batch, n.tokens, n.width});
    size_t blocks = 1 + build_random(b, 2);
    for (size_t i = 0; i < blocks; i++)
        x = mixed(&n, x);
    x = ending(&n, x);
    if (x->is_input)
        x = build_unary(b, WEFT_OP_Relu, x);
    weft_graph_add_output(b->graph, x);
    *out_attentions = n.attentions;
    *out_token_convs = n.token_convs;
}
