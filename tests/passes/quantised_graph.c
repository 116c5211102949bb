/* SPDX-License-Identifier: Apache-2.0 */
/* Random graphs in QDQ form. Must not know passes.
 *
 * A layer reads values made so far through a DequantizeLinear each and writes one through a
 * QuantizeLinear. All values are [N, C, H, W] and small. */
#include "tests/passes/quantised_graph.h"

#include <math.h>

enum { MAX_VALUES = 32, MAX_CHANNELS = 9, MAX_SIDE = 9 };

/* An 8-bit tensor, with what its codes stand for. */
typedef struct codes {
    weft_value *value, *scale, *zero;
    float step;
} codes;

typedef struct pool {
    build *b;
    codes list[MAX_VALUES];
    size_t count;
} pool;

static bool chance(build *b, uint32_t percent)
{
    return build_random(b, 100) < percent;
}

static int64_t between(build *b, int64_t low, int64_t high)
{
    return low + (int64_t)build_random(b, (uint32_t)(high - low + 1));
}

static int64_t dim(const weft_value *x, int axis)
{
    return x->shape.dims[axis];
}

static weft_value *byte_constant(build *b, weft_dtype dtype, int rank, const int64_t *dims, int low,
                                 int high)
{
    weft_shape shape = {.rank = rank};
    int64_t count = 1;
    for (int i = 0; i < rank; i++)
        count *= shape.dims[i] = dims[i];
    uint8_t *data = WEFT_NEW_ARRAY(b->graph->arena, uint8_t, (size_t)count);
    for (int64_t i = 0; i < count; i++)
        data[i] = (uint8_t)between(b, low, high);
    return weft_graph_add_constant(b->graph, "c", dtype, &shape, data);
}

static weft_value *dequantise(build *b, const codes *q)
{
    return build_done(b, build_node(b, WEFT_OP_DequantizeLinear, 3,
                                    (weft_value *[]){q->value, q->scale, q->zero}));
}

/* x in steps of about `step`, of either type. */
static codes quantise(build *b, weft_value *x, float step)
{
    codes q = {.step = step * build_uniform(b, 0.8F, 1.3F)};
    bool is_unsigned = chance(b, 60);
    int low = is_unsigned ? 0 : -128, middle = low + (int)between(b, 90, 160);
    if (chance(b, 20))
        middle = low;
    q.scale = build_scalar(b, q.step);
    q.zero = byte_constant(b, is_unsigned ? WEFT_DTYPE_U8 : WEFT_DTYPE_I8, 0, NULL, middle, middle);
    q.value = build_done(
        b, build_node(b, WEFT_OP_QuantizeLinear, 3, (weft_value *[]){x, q.scale, q.zero}));
    return q;
}

static weft_value *limited(build *b, weft_value *x, float step)
{
    if (chance(b, 30))
        return build_unary(b, WEFT_OP_Relu, x);
    if (chance(b, 15))
        return build_done(b, build_node(b, WEFT_OP_Clip, 3,
                                        (weft_value *[]){x, build_scalar(b, -20 * step),
                                                         build_scalar(b, 60 * step)}));
    return x;
}

/* ---- products ---- */

/* Constant weights in 8 bits; *out_scale is their largest scale. */
static weft_value *weights(build *b, int rank, const int64_t *dims, int axis, float *out_scale)
{
    bool per_channel = chance(b, 50), is_unsigned = !per_channel && chance(b, 20);
    int64_t count = per_channel ? dims[axis] : 1;
    weft_value *w = is_unsigned ? byte_constant(b, WEFT_DTYPE_U8, rank, dims, 1, 255)
                                : byte_constant(b, WEFT_DTYPE_I8, rank, dims, -127, 127);
    weft_value *scale =
        per_channel ? build_random_constant(b, 1, &count, 0.004F, 0.008F) : build_scalar(b, 0.006F);
    weft_value *zero = is_unsigned ? byte_constant(b, WEFT_DTYPE_U8, 0, NULL, 128, 128) : NULL;
    *out_scale = 0.006F;
    weft_node *node =
        build_node(b, WEFT_OP_DequantizeLinear, zero ? 3 : 2, (weft_value *[]){w, scale, zero});
    build_int(b, node, "axis", axis);
    return build_done(b, node);
}

static weft_value *bias(build *b, int64_t count, float unit)
{
    if (chance(b, 40))
        return build_random_constant(b, 1, &count, -300 * unit, 300 * unit);
    int32_t *data = WEFT_NEW_ARRAY(b->graph->arena, int32_t, (size_t)count);
    for (int64_t i = 0; i < count; i++)
        data[i] = (int32_t)between(b, -3000, 3000);
    weft_shape shape = {1, {count}};
    weft_value *q = weft_graph_add_constant(b->graph, "bias", WEFT_DTYPE_I32, &shape, data);
    return build_done(
        b, build_node(b, WEFT_OP_DequantizeLinear, 2, (weft_value *[]){q, build_scalar(b, unit)}));
}

static codes convolution(build *b, const codes *x)
{
    static const int64_t kernels[] = {1, 1, 1, 3, 3, 2};
    int64_t kernel = kernels[build_random(b, 6)], channels = between(b, 1, MAX_CHANNELS), group = 1;
    if (chance(b, 20))
        channels = group = dim(x->value, 1);
    int64_t dims[4] = {channels, dim(x->value, 1) / group, kernel, kernel};
    float w_scale = 0;
    weft_value *w = weights(b, 4, dims, 0, &w_scale);
    bool has_bias = chance(b, 70);
    weft_value *inputs[3] = {dequantise(b, x), w,
                             has_bias ? bias(b, channels, x->step * w_scale) : NULL};
    weft_node *node = build_node(b, WEFT_OP_Conv, has_bias ? 3 : 2, inputs);
    if (group > 1)
        build_int(b, node, "group", group);
    if (kernel > 1) {
        int64_t stride = between(b, 1, 2);
        build_list(b, node, "strides", 2, (int64_t[]){stride, stride});
        build_list(b, node, "pads", 4, (int64_t[]){1, 1, kernel - 2, kernel - 2});
    }
    weft_value *y = build_done(b, node);
    float step = x->step * w_scale * 40 * sqrtf((float)(dims[1] * kernel * kernel));
    return quantise(b, limited(b, y, step), step);
}

static codes batch_norm(build *b, const codes *x)
{
    int64_t channels = dim(x->value, 1);
    weft_value *inputs[5] = {dequantise(b, x)};
    for (size_t i = 1; i < 5; i++)
        inputs[i] = build_random_constant(b, 1, &channels, i == 4 ? 0.5F : -1.0F, 1.5F);
    weft_value *y = build_done(b, build_node(b, WEFT_OP_BatchNormalization, 5, inputs));
    return quantise(b, limited(b, y, x->step), x->step);
}

/* ---- element-wise ---- */

static codes function(build *b, const codes *x)
{
    weft_value *f = dequantise(b, x);
    static const weft_op ops[] = {WEFT_OP_Sigmoid, WEFT_OP_Tanh,      WEFT_OP_HardSwish,
                                  WEFT_OP_Relu,    WEFT_OP_LeakyRelu, WEFT_OP_Abs};
    if (chance(b, 25)) /* swish from another DequantizeLinear of the same tensor */
        return quantise(
            b, build_binary(b, WEFT_OP_Mul, dequantise(b, x), build_unary(b, WEFT_OP_Sigmoid, f)),
            x->step);
    if (chance(b, 25))
        return quantise(b, build_binary(b, WEFT_OP_Add, build_scalar(b, 10 * x->step), f), x->step);
    weft_op op = ops[build_random(b, 6)];
    bool is_unit = op == WEFT_OP_Sigmoid || op == WEFT_OP_Tanh;
    return quantise(b, build_unary(b, op, f), is_unit ? 0.006F : x->step);
}

/* The same codes with other limits, or in other steps. */
static codes again(build *b, const codes *x)
{
    weft_value *f = dequantise(b, x);
    codes q = *x;
    if (chance(b, 30))
        return quantise(b, f, x->step);
    if (chance(b, 70))
        f = limited(b, f, x->step);
    q.value = build_done(
        b, build_node(b, WEFT_OP_QuantizeLinear, 3, (weft_value *[]){f, q.scale, q.zero}));
    return q;
}

static const codes *partner(pool *p, const codes *x)
{
    size_t start = build_random(p->b, (uint32_t)p->count);
    for (size_t i = 0; i < p->count; i++) {
        const codes *y = &p->list[(start + i) % p->count];
        if (y != x && weft_shape_equal(&y->value->shape, &x->value->shape))
            return y;
    }
    return NULL;
}

static codes sum(pool *p, const codes *x)
{
    build *b = p->b;
    const codes *y = partner(p, x);
    if (!y)
        return convolution(b, x);
    static const weft_op ops[] = {WEFT_OP_Add, WEFT_OP_Add, WEFT_OP_Add, WEFT_OP_Sub, WEFT_OP_Mul};
    weft_op op = ops[build_random(b, 5)];
    weft_value *f = build_binary(b, op, dequantise(b, x), dequantise(b, y));
    float step = op == WEFT_OP_Mul ? x->step * y->step * 40 : x->step + y->step;
    return quantise(b, limited(b, f, step), step);
}

static codes gated(pool *p, const codes *x)
{
    build *b = p->b;
    weft_value *f = dequantise(b, x);
    weft_value *mean =
        chance(b, 50) ? build_unary(b, WEFT_OP_GlobalAveragePool, f)
                      : build_binary(b, WEFT_OP_ReduceMean, f, build_ints(b, 2, (int64_t[]){2, 3}));
    codes m = quantise(b, mean, x->step / 2);
    float w_scale = 0;
    int64_t channels = dim(x->value, 1), dims[4] = {channels, channels, 1, 1};
    weft_value *w = weights(b, 4, dims, 0, &w_scale);
    weft_value *c =
        build_done(b, build_node(b, WEFT_OP_Conv, 2, (weft_value *[]){dequantise(b, &m), w}));
    codes q = quantise(b, c, m.step * w_scale * 60 * sqrtf((float)channels));
    codes s = quantise(b, build_unary(b, WEFT_OP_Sigmoid, dequantise(b, &q)), 0.004F);
    weft_value *g = dequantise(b, &s);
    weft_value *y =
        chance(b, 50) ? build_binary(b, WEFT_OP_Mul, f, g) : build_binary(b, WEFT_OP_Mul, g, f);
    return quantise(b, y, x->step / 2);
}

/* ---- windows and moves ---- */

static codes window(build *b, const codes *x)
{
    if (dim(x->value, 2) < 2 || dim(x->value, 3) < 2)
        return again(b, x);
    bool is_max = chance(b, 50);
    weft_node *node = build_node(b, is_max ? WEFT_OP_MaxPool : WEFT_OP_AveragePool, 1,
                                 (weft_value *[]){dequantise(b, x)});
    int64_t stride = between(b, 1, 2);
    build_list(b, node, "kernel_shape", 2, (int64_t[]){2, 2});
    build_list(b, node, "strides", 2, (int64_t[]){stride, stride});
    if (chance(b, 40))
        build_list(b, node, "pads", 4, (int64_t[]){0, between(b, 0, 1), between(b, 0, 1), 0});
    if (chance(b, 30))
        build_int(b, node, "ceil_mode", 1);
    if (!is_max && chance(b, 30))
        build_int(b, node, "count_include_pad", 1);
    return quantise(b, build_done(b, node), x->step);
}

static codes moved(pool *p, const codes *x)
{
    build *b = p->b;
    weft_value *f = dequantise(b, x);
    const codes *y = partner(p, x);
    if (y && dim(x->value, 1) * 2 <= MAX_CHANNELS && chance(b, 40)) {
        weft_node *join = build_node(b, WEFT_OP_Concat, 2, (weft_value *[]){f, dequantise(b, y)});
        build_int(b, join, "axis", 1);
        return quantise(b, build_done(b, join), x->step);
    }
    if (chance(b, 40) && dim(x->value, 2) < MAX_SIDE) {
        weft_value *pads = build_ints(b, 8, (int64_t[]){0, 0, 1, 0, 0, 0, 0, 1});
        f = build_done(b, build_node(b, WEFT_OP_Pad, 2, (weft_value *[]){f, pads}));
        return quantise(b, f, x->step);
    }
    f = build_transpose(b, f, (int64_t[]){0, 2, 3, 1});
    if (chance(b, 50))
        f = build_unary(b, WEFT_OP_Tanh, f);
    return quantise(b, build_transpose(b, f, (int64_t[]){0, 3, 1, 2}), x->step);
}

/* ---- rows ---- */

static codes product(build *b, const codes *x, int64_t columns)
{
    float w_scale = 0;
    weft_value *w = weights(b, 2, (int64_t[]){dim(x->value, 3), columns}, 1, &w_scale);
    weft_value *y = build_binary(b, WEFT_OP_MatMul, dequantise(b, x), w);
    if (chance(b, 50))
        y = build_binary(b, WEFT_OP_Add, y, bias(b, columns, x->step * w_scale));
    return quantise(b, y, x->step * w_scale * 130);
}

/* Rows normalised, and one product of them or several; now and then others read them too. */
static codes normalised(pool *p, const codes *x)
{
    build *b = p->b;
    int64_t count = dim(x->value, 3);
    weft_value *inputs[3] = {dequantise(b, x), build_random_constant(b, 1, &count, -1.5F, 1.5F),
                             build_random_constant(b, 1, &count, -1.0F, 1.0F)};
    weft_node *node = build_node(b, WEFT_OP_LayerNormalization, chance(b, 70) ? 3 : 2, inputs);
    codes y = quantise(b, build_done(b, node), 0.02F);
    if (chance(b, 20) && p->count + 1 < MAX_VALUES)
        p->list[p->count++] = y;
    if (chance(b, 10))
        return y;
    codes first = product(b, &y, between(b, 1, MAX_SIDE));
    if (chance(b, 30) && p->count + 1 < MAX_VALUES)
        p->list[p->count++] = product(b, &y, between(b, 1, MAX_SIDE));
    return first;
}

/* ---- the graph ---- */

static codes layer(pool *p, const codes *x)
{
    build *b = p->b;
    switch (build_random(b, 16)) {
    case 0:
    case 1: return function(b, x);
    case 2: return again(b, x);
    case 3:
    case 4: return sum(p, x);
    case 5: return gated(p, x);
    case 6: return window(b, x);
    case 7: return moved(p, x);
    case 8: return batch_norm(b, x);
    case 9:
    case 10: return normalised(p, x);
    default: return convolution(b, x);
    }
}

static weft_value *classifier(build *b, const codes *x)
{
    codes m = quantise(b, build_unary(b, WEFT_OP_GlobalAveragePool, dequantise(b, x)), x->step);
    weft_value *flat = build_unary(b, WEFT_OP_Flatten, dequantise(b, &m));
    float w_scale = 0;
    int64_t channels = dim(x->value, 1);
    weft_value *w = weights(b, 2, (int64_t[]){5, channels}, 0, &w_scale);
    weft_node *node = build_node(b, WEFT_OP_Gemm, 2, (weft_value *[]){flat, w});
    build_int(b, node, "transB", 1);
    codes y = quantise(b, build_done(b, node), m.step * w_scale * 60 * sqrtf((float)channels));
    return dequantise(b, &y);
}

void quantised_graph_build(build *b, size_t layers)
{
    pool p = {.b = b};
    int64_t dims[4] = {between(b, 1, 2), between(b, 1, 4), between(b, 1, MAX_SIDE),
                       between(b, 1, MAX_SIDE)};
    p.list[p.count++] = quantise(b, build_input(b, "x", 4, dims), 0.012F);
    for (size_t i = 0; i < layers && p.count < MAX_VALUES; i++) {
        size_t back = chance(b, 70) ? 0 : build_random(b, (uint32_t)p.count);
        codes y = layer(&p, &p.list[p.count - 1 - back]);
        p.list[p.count++] = y;
    }
    const codes *last = &p.list[p.count - 1];
    if (chance(b, 30)) {
        const codes *extra = &p.list[build_random(b, (uint32_t)p.count)];
        if (extra->value != last->value)
            weft_graph_add_output(b->graph, extra->value);
    }
    weft_graph_add_output(b->graph, chance(b, 40) ? classifier(b, last) : last->value);
}
