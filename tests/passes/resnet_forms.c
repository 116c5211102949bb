/* SPDX-License-Identifier: Apache-2.0 */
/* ResNet-RS-50 in the forms of the exporters. Must not know passes. */
#include "tests/passes/resnet_forms.h"

#include <math.h>
#include <string.h>

const resnet_form resnet_forms[] = {
    {"torchscript", BN_FOLDED, MEAN_REDUCE, HEAD_GEMM, .expected_nodes = 89},
    {"torchscript, training", BN_NODES, MEAN_REDUCE, HEAD_GEMM, .expected_nodes = 89},
    {"dynamo", BN_FOLDED, MEAN_REDUCE, HEAD_DYNAMO, .shortcut_first = true, .expected_nodes = 89},
    {"dynamo, batch norm as nodes", BN_NODES, MEAN_REDUCE, HEAD_DYNAMO, .expected_nodes = 89},
    {"affine", BN_MUL_ADD, MEAN_POOL, HEAD_GEMM, .expected_nodes = 89},
    {"tf2onnx, TPU", BN_FOLDED, MEAN_POOL, HEAD_MATMUL, .nhwc_input = true, .pad_nodes = true,
     .expected_nodes = 89},
    /* Mul, Add and Softmax are not part of a convolution */
    {"tf2onnx, Keras", BN_FOLDED, MEAN_SQUEEZE, HEAD_SOFTMAX, .nhwc_input = true,
     .preprocess = true, .pad_nodes = true, .shortcut_first = true, .expected_nodes = 89 + 3},
    {"tf2onnx, Keras, channels-last squeeze", BN_FOLDED, MEAN_SQUEEZE_NHWC, HEAD_MATMUL,
     .nhwc_input = true, .pad_nodes = true, .expected_nodes = 89},
    {"tf2onnx, unknown rank", BN_FOLDED, MEAN_NHWC, HEAD_MATMUL, .nhwc_input = true,
     .expected_nodes = 89},
    /* the average pool of stride 1 has no kernel to go into */
    {"tf2onnx, Model Garden", BN_FOLDED, MEAN_POOL, HEAD_MATMUL, .nhwc_input = true,
     .same_pads = true, .swish = true, .expected_nodes = 89 + 1},
};
const size_t resnet_form_count = sizeof resnet_forms / sizeof resnet_forms[0];

typedef struct net {
    build *b;
    const resnet_form *form;
    int64_t divisor;
} net;

static weft_value *activation(net *n, weft_value *x)
{
    if (!n->form->swish)
        return build_unary(n->b, WEFT_OP_Relu, x);
    return build_binary(n->b, WEFT_OP_Mul, x, build_unary(n->b, WEFT_OP_Sigmoid, x));
}

static weft_value *convolution(net *n, weft_value *x, int64_t channels, int64_t kernel,
                               int64_t stride, bool has_bias)
{
    build *b = n->b;
    int64_t in = x->shape.dims[1];
    /* keeps the variance through Relu layers */
    float limit = sqrtf(6.0F / (float)(in * kernel * kernel));
    bool pad_node = n->form->pad_nodes && stride == 2;
    bool asymmetric = n->form->same_pads && stride == 2;
    if (pad_node)
        x = build_binary(b, WEFT_OP_Pad, x, build_ints(b, 8, (int64_t[]){0, 0, 1, 1, 0, 0, 1, 1}));
    weft_value *inputs[3] = {
        x, build_random_constant(b, 4, (int64_t[]){channels, in, kernel, kernel}, -limit, limit),
        has_bias ? build_random_constant(b, 1, &channels, -0.3F, 0.3F) : NULL};
    weft_node *node = build_node(b, WEFT_OP_Conv, has_bias ? 3 : 2, inputs);
    build_list(b, node, "strides", 2, (int64_t[]){stride, stride});
    if (kernel > 1 && !pad_node) {
        int64_t begin = asymmetric ? 0 : 1;
        build_list(b, node, "pads", 4, (int64_t[]){begin, begin, 1, 1});
    }
    return build_done(b, node);
}

static weft_value *normalised(net *n, weft_value *x, int64_t channels, int64_t kernel,
                              int64_t stride)
{
    build *b = n->b;
    x = convolution(n, x, channels, kernel, stride, n->form->bn == BN_FOLDED);
    if (n->form->bn == BN_FOLDED)
        return x;
    if (n->form->bn == BN_MUL_ADD) {
        int64_t dims[4] = {1, channels, 1, 1};
        x = build_binary(b, WEFT_OP_Mul, x, build_random_constant(b, 4, dims, 0.8F, 1.2F));
        return build_binary(b, WEFT_OP_Add, build_random_constant(b, 4, dims, -0.2F, 0.2F), x);
    }
    weft_value *inputs[5] = {x, NULL};
    for (size_t i = 1; i < 5; i++) {
        bool is_positive = i == 1 || i == 4; /* scale, variance */
        inputs[i] = build_random_constant(b, 1, &channels, is_positive ? 0.6F : -0.2F,
                                          is_positive ? 1.4F : 0.2F);
    }
    return build_done(b, build_node(b, WEFT_OP_BatchNormalization, 5, inputs));
}

static weft_value *mean(net *n, weft_value *x)
{
    static const int64_t to_nhwc[4] = {0, 2, 3, 1}, to_nchw[4] = {0, 3, 1, 2};
    build *b = n->b;
    int64_t batch = x->shape.dims[0], channels = x->shape.dims[1];
    switch (n->form->mean) {
    case MEAN_REDUCE:
        return build_binary(b, WEFT_OP_ReduceMean, x, build_ints(b, 2, (int64_t[]){2, 3}));
    case MEAN_POOL: return build_unary(b, WEFT_OP_GlobalAveragePool, x);
    case MEAN_NHWC:
        x = build_transpose(b, x, to_nhwc);
        x = build_binary(b, WEFT_OP_ReduceMean, x, build_ints(b, 2, (int64_t[]){1, 2}));
        return build_transpose(b, x, to_nchw);
    case MEAN_SQUEEZE:
    case MEAN_SQUEEZE_NHWC: break;
    }
    x = build_unary(b, WEFT_OP_GlobalAveragePool, x);
    x = build_binary(b, WEFT_OP_Squeeze, x, build_ints(b, 2, (int64_t[]){2, 3}));
    if (n->form->mean == MEAN_SQUEEZE)
        return build_reshape(b, x, 4, (int64_t[]){batch, channels, 1, 1});
    x = build_reshape(b, x, 4, (int64_t[]){batch, 1, 1, channels});
    return build_transpose(b, x, to_nchw);
}

static weft_value *shortcut(net *n, weft_value *x, int64_t channels, int64_t stride)
{
    build *b = n->b;
    if (stride == 2 || n->form->same_pads) {
        weft_node *pool = build_node(b, WEFT_OP_AveragePool, 1, &x);
        build_list(b, pool, "kernel_shape", 2, (int64_t[]){2, 2});
        build_list(b, pool, "strides", 2, (int64_t[]){stride, stride});
        if (n->form->same_pads && stride == 2)
            weft_attrs_set_string(&pool->attrs, b->graph->arena, "auto_pad", "SAME_UPPER");
        else if (n->form->same_pads)
            build_list(b, pool, "pads", 4, (int64_t[]){0, 0, 1, 1});
        else
            build_int(b, pool, "ceil_mode", 1);
        x = build_done(b, pool);
    }
    return normalised(n, x, channels, 1, 1);
}

static weft_value *block(net *n, weft_value *x, int64_t planes, int64_t stride, bool projects)
{
    build *b = n->b;
    weft_value *skip = x;
    if (projects && n->form->shortcut_first)
        skip = shortcut(n, x, 4 * planes, stride);
    weft_value *t = activation(n, normalised(n, x, planes, 1, 1));
    t = activation(n, normalised(n, t, planes, 3, stride));
    t = normalised(n, t, 4 * planes, 1, 1);
    weft_value *g = build_unary(b, WEFT_OP_Relu, convolution(n, mean(n, t), planes, 1, 1, true));
    g = build_unary(b, WEFT_OP_Sigmoid, convolution(n, g, 4 * planes, 1, 1, true));
    t = build_binary(b, WEFT_OP_Mul, t, g);
    if (projects && !n->form->shortcut_first)
        skip = shortcut(n, x, 4 * planes, stride);
    return activation(n, build_binary(b, WEFT_OP_Add, t, skip));
}

static weft_value *head(net *n, weft_value *x, int64_t classes)
{
    build *b = n->b;
    int64_t batch = x->shape.dims[0], channels = x->shape.dims[1];
    bool is_gemm = n->form->head == HEAD_GEMM || n->form->head == HEAD_DYNAMO;
    if (n->form->head == HEAD_DYNAMO) {
        x = build_binary(b, WEFT_OP_ReduceMean, x, build_ints(b, 2, (int64_t[]){-1, -2}));
        x = build_reshape(b, x, 2, (int64_t[]){batch, -1});
    } else {
        x = build_unary(b, WEFT_OP_GlobalAveragePool, x);
        x = is_gemm ? build_unary(b, WEFT_OP_Flatten, x)
                    : build_binary(b, WEFT_OP_Squeeze, x, build_ints(b, 2, (int64_t[]){2, 3}));
    }
    weft_value *w = build_random_constant(
        b, 2, is_gemm ? (int64_t[]){classes, channels} : (int64_t[]){channels, classes}, -0.1F,
        0.1F);
    weft_value *bias = build_random_constant(b, 1, &classes, -0.1F, 0.1F);
    if (is_gemm) {
        weft_node *gemm = build_node(b, WEFT_OP_Gemm, 3, (weft_value *[]){x, w, bias});
        build_int(b, gemm, "transB", 1);
        return build_done(b, gemm);
    }
    x = build_binary(b, WEFT_OP_Add, build_binary(b, WEFT_OP_MatMul, x, w), bias);
    return n->form->head == HEAD_SOFTMAX ? build_unary(b, WEFT_OP_Softmax, x) : x;
}

static weft_value *input(net *n, int64_t batch, int64_t size)
{
    static const int64_t to_nchw[4] = {0, 3, 1, 2};
    build *b = n->b;
    const resnet_form *form = n->form;
    weft_value *x = form->nhwc_input
                        ? build_input(b, "input", 4, (int64_t[]){batch, size, size, 3})
                        : build_input(b, "input", 4, (int64_t[]){batch, 3, size, size});
    if (form->preprocess) {
        const int64_t *dims = form->nhwc_input ? (int64_t[]){1, 1, 1, 3} : (int64_t[]){1, 3, 1, 1};
        x = build_binary(b, WEFT_OP_Mul, x, build_scalar(b, 0.7F));
        x = build_binary(b, WEFT_OP_Sub, x, build_random_constant(b, 4, dims, 0.3F, 0.5F));
        x = build_binary(b, WEFT_OP_Div, x, build_random_constant(b, 4, dims, 0.4F, 0.6F));
    }
    return form->nhwc_input ? build_transpose(b, x, to_nchw) : x;
}

void resnet_form_build(build *b, const resnet_form *form, int64_t batch, int64_t size,
                       int64_t divisor)
{
    static const int64_t blocks[4] = {3, 4, 6, 3};
    net n = {b, form, divisor};
    weft_value *x = input(&n, batch, size);
    x = activation(&n, normalised(&n, x, 32 / divisor, 3, 2));
    x = activation(&n, normalised(&n, x, 32 / divisor, 3, 1));
    x = activation(&n, normalised(&n, x, 64 / divisor, 3, 1));
    x = activation(&n, normalised(&n, x, 64 / divisor, 3, 2));
    for (int64_t stage = 0; stage < 4; stage++)
        for (int64_t i = 0; i < blocks[stage]; i++)
            x = block(&n, x, (INT64_C(64) << stage) / divisor, i == 0 && stage > 0 ? 2 : 1, i == 0);
    weft_graph_add_output(b->graph, head(&n, x, 10));
}
