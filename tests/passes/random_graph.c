/* SPDX-License-Identifier: Apache-2.0 */
/* Random convolutional graphs. Must not know passes.
 *
 * A step takes one of the values made so far and puts a new one beside them, so that chains,
 * branches, shared values and dead ends all occur. All values are [N, C, H, W] and small. */
#include "tests/passes/random_graph.h"

#include <math.h>

enum { MAX_VALUES = 64, MAX_CHANNELS = 12, MAX_SIDE = 12 };

static const int64_t to_nhwc[4] = {0, 2, 3, 1}, to_nchw[4] = {0, 3, 1, 2};

typedef struct pool {
    build *b;
    weft_value *values[MAX_VALUES];
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

/* Another value with the same dimensions on the axes of mask, or NULL. */
static weft_value *partner(pool *p, const weft_value *x, unsigned mask)
{
    size_t start = build_random(p->b, (uint32_t)p->count);
    for (size_t k = 0; k < p->count; k++) {
        weft_value *y = p->values[(start + k) % p->count];
        bool fits = y != x;
        for (int i = 0; i < 4; i++)
            fits = fits && (!(mask >> i & 1) || dim(x, i) == dim(y, i));
        if (fits)
            return y;
    }
    return NULL;
}

/* ---- layers ---- */

static weft_value *activation(build *b, weft_value *x)
{
    switch (build_random(b, 9)) {
    case 0:
        return build_done(b,
                          build_node(b, WEFT_OP_Clip, 3,
                                     (weft_value *[]){x, build_scalar(b, 0), build_scalar(b, 2)}));
    case 1: return build_unary(b, WEFT_OP_Sigmoid, x);
    case 2: return build_binary(b, WEFT_OP_Mul, build_unary(b, WEFT_OP_Sigmoid, x), x);
    case 3: return build_unary(b, WEFT_OP_HardSwish, x);
    case 4: return build_unary(b, WEFT_OP_LeakyRelu, x);
    case 5:
        return build_binary(b, WEFT_OP_Min, build_binary(b, WEFT_OP_Max, x, build_scalar(b, 0)),
                            build_scalar(b, 1));
    default: return build_unary(b, WEFT_OP_Relu, x);
    }
}

static weft_value *conv_of(build *b, weft_value *x, int64_t channels, int64_t kernel, int64_t group)
{
    int64_t in = dim(x, 1) / group;
    float limit = sqrtf(3.0F / (float)(in * kernel * kernel));
    bool has_bias = chance(b, 50);
    weft_value *inputs[3] = {
        x, build_random_constant(b, 4, (int64_t[]){channels, in, kernel, kernel}, -limit, limit),
        has_bias ? build_random_constant(b, 1, &channels, -0.5F, 0.5F) : NULL};
    weft_node *node = build_node(b, WEFT_OP_Conv, has_bias ? 3 : 2, inputs);
    if (group > 1)
        build_int(b, node, "group", group);
    if (kernel > 1) {
        static const char *const modes[] = {"SAME_UPPER", "SAME_LOWER"};
        bool is_auto = chance(b, 20);
        int64_t dilation = chance(b, 15) ? 2 : 1, reach = (kernel - 1) * dilation;
        int64_t stride[2] = {between(b, 1, 2), between(b, 1, 2)}, pads[4];
        for (int i = 0; i < 4; i++) {
            /* enough that the window fits */
            int64_t need = reach + 1 - dim(x, 2 + i % 2);
            pads[i] = between(b, 0, reach / 2);
            pads[i] = pads[i] < need ? need : pads[i];
        }
        build_list(b, node, "strides", 2, stride);
        build_list(b, node, "dilations", 2, (int64_t[]){dilation, dilation});
        if (is_auto)
            weft_attrs_set_string(&node->attrs, b->graph->arena, "auto_pad",
                                  modes[build_random(b, 2)]);
        else
            build_list(b, node, "pads", 4, pads);
    }
    return build_done(b, node);
}

static weft_value *batch_norm(build *b, weft_value *x)
{
    weft_value *inputs[5] = {x, NULL};
    int64_t channels = dim(x, 1);
    for (size_t i = 1; i < 5; i++)
        inputs[i] = build_random_constant(b, 1, &channels, i == 4 ? 0.5F : -1.0F, 1.5F);
    return build_done(b, build_node(b, WEFT_OP_BatchNormalization, 5, inputs));
}

static weft_value *convolution(build *b, weft_value *x)
{
    static const int64_t kernels[] = {1, 1, 3, 3, 2, 5};
    int64_t channels = between(b, 1, MAX_CHANNELS), group = 1;
    if (chance(b, 20))
        channels = group = dim(x, 1);
    x = conv_of(b, x, channels, kernels[build_random(b, 6)], group);
    if (chance(b, 30))
        x = batch_norm(b, x);
    return chance(b, 60) ? activation(b, x) : x;
}

static weft_value *affine(build *b, weft_value *x)
{
    static const weft_op ops[] = {WEFT_OP_Mul, WEFT_OP_Add, WEFT_OP_Sub, WEFT_OP_Div};
    int64_t dims[3][4] = {{1, dim(x, 1), 1, 1}, {1, 1, 1, dim(x, 3)}, {1, dim(x, 1), dim(x, 2), 1}};
    size_t kind = build_random(b, 5);
    weft_value *c = kind == 0   ? build_scalar(b, build_uniform(b, 0.5F, 1.5F))
                    : kind == 1 ? build_random_constant(b, 3, dims[0] + 1, 0.5F, 1.5F)
                                : build_random_constant(b, 4, dims[kind - 2], 0.5F, 1.5F);
    weft_op op = ops[build_random(b, 4)];
    bool swap = (op == WEFT_OP_Mul || op == WEFT_OP_Add) && chance(b, 30);
    return swap ? build_binary(b, op, c, x) : build_binary(b, op, x, c);
}

static weft_value *window(build *b, weft_value *x)
{
    bool is_max = chance(b, 50);
    if (dim(x, 2) < 2 || dim(x, 3) < 2)
        return x;
    weft_node *node = build_node(b, is_max ? WEFT_OP_MaxPool : WEFT_OP_AveragePool, 1, &x);
    int64_t kernel = between(b, 2, dim(x, 2) > 2 && dim(x, 3) > 2 ? 3 : 2),
            stride = between(b, 1, 2);
    build_list(b, node, "kernel_shape", 2, (int64_t[]){kernel, kernel});
    build_list(b, node, "strides", 2, (int64_t[]){stride, stride});
    if (chance(b, 40))
        build_list(
            b, node, "pads", 4,
            (int64_t[]){between(b, 0, 1), between(b, 0, 1), between(b, 0, 1), between(b, 0, 1)});
    if (chance(b, 50))
        build_int(b, node, "ceil_mode", 1);
    if (!is_max && chance(b, 40))
        build_int(b, node, "count_include_pad", 1);
    return build_done(b, node);
}

static weft_value *padding(build *b, weft_value *x)
{
    weft_value *inputs[3] = {x, NULL,
                             chance(b, 30) ? build_scalar(b, chance(b, 50) ? 0.0F : 0.5F) : NULL};
    int64_t most = dim(x, 2) < MAX_SIDE && dim(x, 3) < MAX_SIDE ? 1 : 0;
    int64_t pads[8] = {0, chance(b, 10),       between(b, 0, most), between(b, 0, most), 0,
                       0, between(b, 0, most), between(b, 0, most)};
    inputs[1] = build_ints(b, 8, pads);
    x = build_done(b, build_node(b, WEFT_OP_Pad, inputs[2] ? 3 : 2, inputs));
    return chance(b, 50) ? window(b, x) : convolution(b, x);
}

/* ---- squeeze and excitation ---- */

static weft_value *linear(build *b, weft_value *x, int64_t outputs)
{
    int64_t inputs = x->shape.dims[x->shape.rank - 1];
    weft_value *w = build_random_constant(b, 2, (int64_t[]){inputs, outputs}, -0.7F, 0.7F);
    weft_value *bias = build_random_constant(b, 1, &outputs, -0.5F, 0.5F);
    if (chance(b, 50))
        return build_binary(b, WEFT_OP_Add, build_binary(b, WEFT_OP_MatMul, x, w), bias);
    return build_done(b, build_node(b, WEFT_OP_Gemm, 3, (weft_value *[]){x, w, bias}));
}

static weft_value *squeeze(build *b, weft_value *x)
{
    if (chance(b, 30))
        return build_unary(b, WEFT_OP_GlobalAveragePool, x);
    if (chance(b, 30)) {
        x = build_transpose(b, x, to_nhwc);
        x = build_binary(b, WEFT_OP_ReduceMean, x, build_ints(b, 2, (int64_t[]){-2, -3}));
        return build_transpose(b, x, to_nchw);
    }
    return build_binary(b, WEFT_OP_ReduceMean, x, build_ints(b, 2, (int64_t[]){2, 3}));
}

static weft_value *gated(build *b, weft_value *x)
{
    int64_t batch = dim(x, 0), channels = dim(x, 1), inner = between(b, 1, 6);
    weft_value *g = squeeze(b, x);
    weft_op last = chance(b, 80) ? WEFT_OP_Sigmoid : WEFT_OP_HardSigmoid;
    if (chance(b, 50)) {
        g = activation(b, conv_of(b, g, inner, 1, 1));
        g = build_unary(b, last, conv_of(b, g, channels, 1, 1));
    } else {
        g = chance(b, 50)
                ? build_unary(b, WEFT_OP_Flatten, g)
                : build_binary(b, WEFT_OP_Squeeze, g, build_ints(b, 2, (int64_t[]){2, 3}));
        g = build_unary(b, WEFT_OP_Relu, linear(b, g, inner));
        g = build_unary(b, last, linear(b, g, channels));
        g = build_reshape(b, g, 4, (int64_t[]){batch, channels, 1, 1});
    }
    return chance(b, 50) ? build_binary(b, WEFT_OP_Mul, x, g) : build_binary(b, WEFT_OP_Mul, g, x);
}

static weft_value *block(pool *p, weft_value *x)
{
    build *b = p->b;
    weft_value *t =
        conv_of(b, chance(b, 60) ? activation(b, conv_of(b, x, between(b, 1, 8), 1, 1)) : x,
                dim(x, 1), 1, 1);
    weft_value *skip = x;
    if (chance(b, 60))
        t = gated(b, t);
    if (chance(b, 40)) {
        skip = conv_of(b, x, dim(x, 1), 1, 1);
        if (chance(b, 30))
            p->values[p->count++] = skip;
    }
    t = chance(b, 50) ? build_binary(b, WEFT_OP_Add, t, skip)
                      : build_binary(b, WEFT_OP_Add, skip, t);
    return chance(b, 70) ? activation(b, t) : t;
}

/* 2x2 average pool, then 1x1 */
static weft_value *halving(build *b, weft_value *x)
{
    if (dim(x, 2) < 2 || dim(x, 3) < 2)
        return x;
    weft_node *node = build_node(b, WEFT_OP_AveragePool, 1, &x);
    build_list(b, node, "kernel_shape", 2, (int64_t[]){2, 2});
    build_list(b, node, "strides", 2, (int64_t[]){2, 2});
    if (chance(b, 50))
        build_int(b, node, "ceil_mode", 1);
    else if (chance(b, 50))
        weft_attrs_set_string(&node->attrs, b->graph->arena, "auto_pad", "SAME_UPPER");
    return conv_of(b, build_done(b, node), between(b, 1, MAX_CHANNELS), 1, 1);
}

/* ---- data movement ---- */

static weft_value *split_and_join(build *b, weft_value *x)
{
    int64_t channels = dim(x, 1), first = between(b, 1, channels - 1);
    const char *names[2] = {"half", "half"};
    weft_node *node = weft_graph_add_node(
        b->graph, NULL, WEFT_OP_Split, NULL,
        (weft_value *[]){x, build_ints(b, 2, (int64_t[]){first, channels - first})}, 2, names, 2);
    build_int(b, node, "axis", 1);
    build_done(b, node);
    weft_node *join = build_node(
        b, WEFT_OP_Concat, 2, (weft_value *[]){activation(b, node->outputs[1]), node->outputs[0]});
    build_int(b, join, "axis", chance(b, 50) ? 1 : -3);
    return build_done(b, join);
}

static weft_value *slice(build *b, weft_value *x)
{
    int64_t step = between(b, 1, 2);
    weft_value *inputs[5] = {
        x, build_ints(b, 2, (int64_t[]){0, chance(b, 50)}), build_ints(b, 2, (int64_t[]){99, 99}),
        build_ints(b, 2, (int64_t[]){-1, 1}), build_ints(b, 2, (int64_t[]){step, 1})};
    return dim(x, 1) < 2 ? x : build_done(b, build_node(b, WEFT_OP_Slice, 5, inputs));
}

static weft_value *upsample(build *b, weft_value *x)
{
    if (dim(x, 2) > MAX_SIDE / 2 || dim(x, 3) > MAX_SIDE / 2)
        return x;
    float *scales = WEFT_NEW_ARRAY(b->graph->arena, float, 4);
    for (int i = 0; i < 4; i++)
        scales[i] = i < 2 ? 1.0F : 2.0F;
    weft_shape shape = {.rank = 1, .dims = {4}};
    weft_value *list = weft_graph_add_constant(b->graph, "scales", WEFT_DTYPE_F32, &shape, scales);
    weft_node *node = build_node(b, WEFT_OP_Resize, 3, (weft_value *[]){x, NULL, list});
    weft_attrs_set_string(&node->attrs, b->graph->arena, "coordinate_transformation_mode",
                          "asymmetric");
    return build_done(b, node);
}

static weft_value *channels_last_detour(build *b, weft_value *x)
{
    int64_t channels = dim(x, 1);
    x = build_transpose(b, x, to_nhwc);
    x = build_binary(b, WEFT_OP_Mul, x, build_random_constant(b, 1, &channels, 0.5F, 1.5F));
    if (chance(b, 40))
        x = build_unary(b, WEFT_OP_Softmax, x);
    if (chance(b, 40))
        x = activation(b, x);
    return build_transpose(b, x, to_nchw);
}

static weft_value *reshaped_detour(build *b, weft_value *x)
{
    weft_shape shape = x->shape;
    if (dim(x, 1) % 2 == 0 && chance(b, 50)) { /* channel shuffle */
        x = build_reshape(b, x, 5, (int64_t[]){dim(x, 0), 2, dim(x, 1) / 2, dim(x, 2), dim(x, 3)});
        x = build_transpose(b, x, (int64_t[]){0, 2, 1, 3, 4});
    } else {
        x = build_reshape(b, x, 3, (int64_t[]){0, 0, -1});
        x = activation(b, x);
    }
    return build_reshape(b, x, 4, shape.dims);
}

static weft_value *pooled_product(build *b, weft_value *x)
{
    weft_node *node =
        build_node(b, WEFT_OP_ReduceMax, 2, (weft_value *[]){x, build_ints(b, 1, (int64_t[]){1})});
    weft_value *most = build_unary(b, WEFT_OP_Sigmoid, build_done(b, node));
    return build_binary(b, WEFT_OP_Mul, x, most);
}

/* ---- the graph ---- */

static weft_value *step(pool *p, weft_value *x)
{
    build *b = p->b;
    weft_value *y;
    switch (build_random(b, 20)) {
    case 0: return activation(b, x);
    case 1: return batch_norm(b, x);
    case 2: return affine(b, x);
    case 3: return window(b, x);
    case 4: return padding(b, x);
    case 5: return gated(b, x);
    case 6: return halving(b, x);
    case 7: return dim(x, 1) > 1 ? split_and_join(b, x) : x;
    case 8: return slice(b, x);
    case 9: return upsample(b, x);
    case 10: return channels_last_detour(b, x);
    case 11: return reshaped_detour(b, x);
    case 12: return pooled_product(b, x);
    case 13:
        y = partner(p, x, 15);
        return y ? build_binary(b, chance(b, 80) ? WEFT_OP_Add : WEFT_OP_Mul, x, y) : x;
    case 14:
        y = partner(p, x, 13);
        if (!y || dim(x, 1) + dim(y, 1) > 2 * MAX_CHANNELS)
            return x;
        weft_node *join = build_node(b, WEFT_OP_Concat, 2, (weft_value *[]){x, y});
        build_int(b, join, "axis", 1);
        return build_done(b, join);
    case 15:
    case 16: return block(p, x);
    default: return convolution(b, x);
    }
}

static weft_value *classifier(build *b, weft_value *x)
{
    x = build_unary(b, WEFT_OP_Flatten, chance(b, 80) ? squeeze(b, x) : x);
    x = linear(b, x, 5);
    return chance(b, 50) ? build_unary(b, WEFT_OP_Softmax, x) : x;
}

void random_graph_build(build *b)
{
    pool p = {.b = b};
    int64_t dims[4] = {between(b, 1, 2), between(b, 1, 4), between(b, 1, MAX_SIDE),
                       between(b, 1, MAX_SIDE)};
    if (chance(b, 30)) {
        int64_t last[4] = {dims[0], dims[2], dims[3], dims[1]};
        p.values[p.count++] = build_transpose(b, build_input(b, "x", 4, last), to_nchw);
    } else {
        p.values[p.count++] = build_input(b, "x", 4, dims);
    }
    size_t steps = 3 + build_random(b, 12);
    for (size_t i = 0; i < steps; i++) {
        size_t back = chance(b, 75) ? 0 : build_random(b, (uint32_t)p.count);
        weft_value *x = step(&p, p.values[p.count - 1 - back]);
        p.values[p.count++] = x;
    }
    weft_value *last = p.values[p.count - 1];
    if (last->is_input) /* every step was one that does not fit */
        last = build_unary(b, WEFT_OP_Relu, last);
    if (chance(b, 30)) {
        weft_value *extra = p.values[build_random(b, (uint32_t)p.count)];
        if (!extra->is_input && extra != last)
            weft_graph_add_output(b->graph, extra);
    }
    weft_graph_add_output(b->graph, chance(b, 60) ? classifier(b, last) : last);
}
