/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transformer layers for the builders; see token_layers.h. Knows nothing about any architecture,
 * about files or the command line.
 */
#include "models/token_layers.h"

#include <math.h>
#include <string.h>

#include "models/cnn_names.h"
#include "models/cnn_parts.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#define NORM_EPSILON 1e-6f

/*
 * How far scales and biases stray from the plain ones (1 and 0): enough that a forgotten term, a
 * swapped pair or a wrong sign shows in any output.
 */
static const double scale_spread = 0.3;
static const double bias_spread = 0.2;

/* Of queries, keys and values: scores have about this value's square as standard deviation, so that
 * attention prefers some tokens and forgets none. */
static const double qkv_gain = 1.3;
/* Part of the stream's variance at the start that each branch adds. */
static const double branch_gain = 0.4;
/* Mean square of GELU(x) for a standard normal x is 0.4252. */
static const double gelu_root_mean_square = 0.652;
/* Of what attention puts out: values averaged over the tokens that a query prefers. */
static const double attended_root_mean_square = 0.6;

weft_build_value weft_tokens_weight(weft_cnn *cnn, const char *name, const weft_build_shape *shape,
                                    double sigma)
{
    const weft_init_recipe recipe = {.stream = weft_init_stream(cnn->seed, name), .sigma = sigma};
    return weft_build_add_weight(cnn->build, name, shape, weft_cnn_makes_data(cnn) ? &recipe : NULL,
                                 true);
}

/* The vector "module.leaf", uniform on center +- spread. */
static weft_build_value vector(weft_cnn *cnn, const char *module, const char *leaf, int64_t count,
                               double center, double spread)
{
    const float *table = weft_cnn_make_table(cnn, module, leaf, count, center, spread);
    return weft_cnn_add_table(cnn, module, leaf, count, table, true);
}

static weft_build_shape shape_of(const weft_cnn *cnn, weft_build_value x)
{
    return *weft_build_shape_of(cnn->build, x);
}

static int64_t channels_of(const weft_cnn *cnn, weft_build_value x)
{
    const weft_build_shape shape = shape_of(cnn, x);
    return shape.rank > 0 ? shape.dims[shape.rank - 1] : 1;
}

/* Mean over the last dimension, which stays as 1. */
static weft_build_value mean(weft_cnn *cnn, weft_build_value x, const char *module)
{
    const int64_t axes[] = {-1};
    weft_build_shape shape = shape_of(cnn, x);
    shape.dims[shape.rank > 0 ? shape.rank - 1 : 0] = 1;
    const weft_build_attr attr = {
        .name = "axes", .kind = WEFT_BUILD_INTS, .ints = axes, .ints_count = 1};
    return weft_emit_node(cnn, "ReduceMean", module, &x, 1, &attr, 1, &shape, WEFT_BUILD_F32);
}

static weft_build_value norm_in_steps(weft_cnn *cnn, weft_build_value x, const char *module,
                                      weft_build_value scale, weft_build_value bias)
{
    weft_build_value centred = weft_emit_binary(cnn, "Sub", module, x, mean(cnn, x, module));
    weft_build_value square =
        weft_emit_binary(cnn, "Pow", module, centred, weft_emit_float(cnn, module, 2.0f));
    weft_build_value sum = weft_emit_binary(cnn, "Add", module, mean(cnn, square, module),
                                            weft_emit_float(cnn, module, NORM_EPSILON));
    weft_build_value deviation = weft_emit_unary(cnn, "Sqrt", module, sum);
    weft_build_value y = weft_emit_binary(cnn, "Div", module, centred, deviation);
    y = weft_emit_binary(cnn, "Mul", module, y, scale);
    return weft_emit_binary(cnn, "Add", module, y, bias);
}

weft_build_value weft_tokens_norm(weft_cnn *cnn, weft_build_value x, const char *module)
{
    const weft_build_shape shape = shape_of(cnn, x);
    int64_t channels = channels_of(cnn, x);
    weft_build_value scale = vector(cnn, module, "weight", channels, 1.0, scale_spread);
    weft_build_value bias = vector(cnn, module, "bias", channels, 0.0, bias_spread);
    if (cnn->build->opset < 17)
        return norm_in_steps(cnn, x, module, scale, bias);
    const weft_build_attr attrs[] = {
        {.name = "axis", .kind = WEFT_BUILD_INT, .i = -1},
        {.name = "epsilon", .kind = WEFT_BUILD_FLOAT, .f = NORM_EPSILON},
        {.name = "stash_type", .kind = WEFT_BUILD_INT, .i = 1},
    };
    return weft_emit_node(cnn, "LayerNormalization", module,
                          (const weft_build_value[]){x, scale, bias}, 3, attrs,
                          cnn->form == WEFT_CNN_DYNAMO ? 3 : 2, &shape, WEFT_BUILD_F32);
}

weft_build_value weft_tokens_linear(weft_cnn *cnn, weft_build_value x, const char *module,
                                    int64_t channels, double gain)
{
    int64_t in_channels = channels_of(cnn, x);
    const char *name = weft_build_format(cnn->build, "%s.weight", module);
    const weft_build_shape shape = {.rank = 2, .dims = {in_channels, channels}};
    weft_build_value weight =
        weft_tokens_weight(cnn, name, &shape, gain / sqrt((double)in_channels));
    weft_build_value bias = vector(cnn, module, "bias", channels, 0.0, bias_spread);
    weft_build_value y = weft_emit_matmul(cnn, module, x, weight);
    /* The tracing exporter has the bias first. */
    return cnn->form == WEFT_CNN_TORCHSCRIPT ? weft_emit_binary(cnn, "Add", module, bias, y)
                                             : weft_emit_binary(cnn, "Add", module, y, bias);
}

weft_build_value weft_tokens_gemm(weft_cnn *cnn, weft_build_value x, const char *module,
                                  int64_t channels, double gain, const char *output_name)
{
    int64_t in_channels = channels_of(cnn, x);
    const char *name = weft_build_format(cnn->build, "%s.weight", module);
    const weft_build_shape weight_shape = {.rank = 2, .dims = {channels, in_channels}};
    const weft_build_shape shape = {.rank = 2, .dims = {shape_of(cnn, x).dims[0], channels}};
    const weft_build_value inputs[] = {
        x,
        weft_tokens_weight(cnn, name, &weight_shape, gain / sqrt((double)in_channels)),
        vector(cnn, module, "bias", channels, 0.0, bias_spread),
    };
    const weft_build_attr attrs[] = {
        {.name = "alpha", .kind = WEFT_BUILD_FLOAT, .f = 1.0f},
        {.name = "beta", .kind = WEFT_BUILD_FLOAT, .f = 1.0f},
        {.name = "transB", .kind = WEFT_BUILD_INT, .i = 1},
    };
    weft_cnn_names names = weft_cnn_name(cnn, "Gemm", module);
    return weft_build_add_node(cnn->build, "Gemm", names.node, inputs, 3, attrs, 3,
                               output_name ? output_name : names.output, &shape);
}

weft_build_value weft_tokens_gelu(weft_cnn *cnn, weft_build_value x, const char *module)
{
    if (cnn->form == WEFT_CNN_DYNAMO && cnn->build->opset >= 20) {
        const weft_build_shape shape = shape_of(cnn, x);
        const weft_build_attr attr = {
            .name = "approximate", .kind = WEFT_BUILD_STRING, .s = "none"};
        return weft_emit_node(cnn, "Gelu", module, &x, 1, &attr, 1, &shape, WEFT_BUILD_F32);
    }
    weft_build_value root_two = weft_emit_float(cnn, module, 1.41421354f);
    weft_build_value y = weft_emit_binary(cnn, "Div", module, x, root_two);
    y = weft_emit_unary(cnn, "Erf", module, y);
    y = weft_emit_binary(cnn, "Add", module, y, weft_emit_float(cnn, module, 1.0f));
    y = weft_emit_binary(cnn, "Mul", module, x, y);
    return weft_emit_binary(cnn, "Mul", module, y, weft_emit_float(cnn, module, 0.5f));
}

weft_build_value weft_tokens_conv(weft_cnn *cnn, weft_build_value x, const char *module,
                                  int64_t channels, weft_tokens_window window, double gain)
{
    const weft_build_shape from = shape_of(cnn, x);
    int64_t kernel = window.kernel, group_channels = from.dims[1] / window.group;
    const char *name = weft_build_format(cnn->build, "%s.weight", module);
    const weft_build_shape weight_shape = {.rank = 4,
                                           .dims = {channels, group_channels, kernel, kernel}};
    weft_build_shape shape = {.rank = 4, .dims = {from.dims[0], channels}};
    for (int i = 2; i < 4; i++)
        shape.dims[i] = (from.dims[i] + 2 * window.pad - kernel) / window.stride + 1;
    double fan_in = (double)(group_channels * kernel * kernel);
    const weft_build_value inputs[] = {
        x,
        weft_tokens_weight(cnn, name, &weight_shape, gain / sqrt(fan_in)),
        vector(cnn, module, "bias", channels, 0.0, bias_spread * gain),
    };
    const int64_t ones[] = {1, 1}, kernels[] = {kernel, kernel};
    const int64_t strides[] = {window.stride, window.stride};
    const int64_t pads[] = {window.pad, window.pad, window.pad, window.pad};
    const weft_build_attr attrs[] = {
        {.name = "dilations", .kind = WEFT_BUILD_INTS, .ints = ones, .ints_count = 2},
        {.name = "group", .kind = WEFT_BUILD_INT, .i = window.group},
        {.name = "kernel_shape", .kind = WEFT_BUILD_INTS, .ints = kernels, .ints_count = 2},
        {.name = "pads", .kind = WEFT_BUILD_INTS, .ints = pads, .ints_count = 4},
        {.name = "strides", .kind = WEFT_BUILD_INTS, .ints = strides, .ints_count = 2},
    };
    return weft_emit_node(cnn, "Conv", module, inputs, 3, attrs, sizeof attrs / sizeof *attrs,
                          &shape, WEFT_BUILD_F32);
}

weft_build_value weft_tokens_from_map(weft_cnn *cnn, weft_build_value x, const char *module)
{
    x = weft_emit_flatten(cnn, module, x, 2);
    return weft_emit_transpose(cnn, module, x, (const int64_t[]){0, 2, 1});
}

weft_build_value weft_tokens_to_map(weft_cnn *cnn, weft_build_value x, const char *module,
                                    int64_t side)
{
    x = weft_emit_transpose(cnn, module, x, (const int64_t[]){0, 2, 1});
    const weft_build_shape from = shape_of(cnn, x);
    return weft_emit_reshape(cnn, module, x, 4,
                             (const int64_t[]){from.dims[0], from.dims[1], side, side});
}

weft_build_value weft_tokens_batch_dims(weft_cnn *cnn, const char *module, weft_build_value x,
                                        int rank, const int64_t *dims)
{
    weft_build_value parts[WEFT_BUILD_MAX_RANK];
    if (!cnn->build->batch_symbol || x < 0)
        return weft_emit_ints(cnn, module, dims, (size_t)rank);
    weft_build_value batch = weft_emit_pick(cnn, module, weft_emit_shape(cnn, module, x), 0, 0);
    parts[0] = weft_emit_unsqueeze(cnn, module, batch, 0);
    for (int i = 1; i < rank; i++)
        parts[i] = weft_emit_ints(cnn, module, &dims[i], 1);
    return weft_emit_concat(cnn, module, parts, rank, 0);
}

weft_build_value weft_tokens_zeros(weft_cnn *cnn, const char *module, weft_build_value x,
                                   const weft_build_shape *shape)
{
    if (!cnn->build->batch_symbol || x < 0) {
        const float *zeros =
            weft_build_alloc(cnn->build, (size_t)weft_build_elems(shape), sizeof *zeros);
        const weft_build_tensor tensor = {.shape = *shape, .floats = zeros};
        return zeros ? weft_emit_tensor(cnn, module, &tensor) : WEFT_BUILD_NONE;
    }
    weft_build_value dims = weft_tokens_batch_dims(cnn, module, x, shape->rank, shape->dims);
    return weft_emit_filled(cnn, module, dims, shape, WEFT_BUILD_F32, 0);
}

weft_build_value weft_tokens_prepend_class(weft_cnn *cnn, weft_build_value x, const char *name,
                                           double sigma)
{
    int64_t channels = channels_of(cnn, x);
    const weft_build_shape one = {.rank = 3, .dims = {1, 1, channels}};
    const weft_build_shape shape = {.rank = 3, .dims = {shape_of(cnn, x).dims[0], 1, channels}};
    weft_build_value token = weft_tokens_weight(cnn, name, &one, sigma);
    bool is_traced = cnn->form == WEFT_CNN_TORCHSCRIPT;
    if (is_traced || cnn->build->batch_symbol || shape.dims[0] > 1) {
        const int64_t kept = is_traced ? -1 : 1; /* ONNX itself knows no -1 here */
        const int64_t dims[] = {shape.dims[0], kept, kept};
        token =
            weft_emit_expand(cnn, "", token, weft_tokens_batch_dims(cnn, "", x, 3, dims), &shape);
    }
    return weft_emit_concat(cnn, "", (const weft_build_value[]){token, x}, 2, 1);
}

/* ---- attention ------------------------------------------------------------------------------- */

/* Part i of three along axis 0, by unbind. *first carries the Split from call to call. */
static weft_build_value unbound(weft_cnn *cnn, const char *module, weft_build_value x, int i,
                                weft_build_value *first)
{
    if (cnn->form == WEFT_CNN_DYNAMO)
        return weft_emit_squeeze(cnn, module, weft_emit_slice(cnn, module, x, 0, i, i + 1, 0), 0);
    if (i == 0)
        *first = weft_emit_split(cnn, module, x, 0, 3);
    return weft_emit_squeeze(cnn, module, *first < 0 ? *first : *first + i, 0);
}

weft_tokens_heads weft_tokens_qkv(weft_cnn *cnn, weft_build_value x, const char *module,
                                  int64_t heads, int64_t head_size, weft_tokens_parting parting)
{
    const weft_build_shape from = shape_of(cnn, x);
    const char *qkv = weft_build_format(cnn->build, "%s.qkv", module);
    const int64_t dims[] = {from.dims[0], from.dims[1], 3, heads, head_size};
    x = weft_tokens_linear(cnn, x, qkv, 3 * heads * head_size, qkv_gain);
    x = weft_emit_reshape(cnn, module, x, 5, dims);
    x = weft_emit_transpose(cnn, module, x, (const int64_t[]){2, 0, 3, 1, 4});
    weft_build_value parts[3], first = WEFT_BUILD_NONE;
    for (int i = 0; i < 3; i++)
        parts[i] = parting == WEFT_TOKENS_INDEX ? weft_emit_pick(cnn, module, x, 0, i)
                                                : unbound(cnn, module, x, i, &first);
    return (weft_tokens_heads){parts[0], parts[1], parts[2], heads, head_size};
}

weft_tokens_attention weft_tokens_attention_of(const char *name)
{
    if (strcmp(name, "sdpa") == 0)
        return WEFT_TOKENS_SDPA;
    return strcmp(name, "operator") == 0 ? WEFT_TOKENS_OPERATOR : WEFT_TOKENS_PLAIN;
}

static weft_build_value swap_last(weft_cnn *cnn, const char *module, weft_build_value x)
{
    return weft_emit_transpose(cnn, module, x, (const int64_t[]){0, 1, 3, 2});
}

/* 1 / sqrt(head size), worked out in the graph from the shape of q. */
static weft_build_value traced_scale(weft_cnn *cnn, const char *module, weft_build_value q)
{
    const float one[] = {1.0f};
    const weft_build_tensor tensor = {.shape = {.rank = 1, .dims = {1}}, .floats = one};
    weft_build_value size =
        weft_emit_slice(cnn, module, weft_emit_shape(cnn, module, q), 0, -1, WEFT_EMIT_END, 0);
    size = weft_emit_cast_to_float(cnn, module, size);
    size = weft_emit_unary(cnn, "Sqrt", module, size);
    size = weft_emit_binary(cnn, "Div", module, weft_emit_tensor(cnn, module, &tensor), size);
    return weft_emit_cast_to_float(cnn, module, size);
}

/* The scores as exporters write scaled_dot_product_attention. */
static weft_build_value sdpa_scores(weft_cnn *cnn, const weft_tokens_heads *heads,
                                    const char *module)
{
    weft_build_value q = heads->q, k = heads->k, roots[2];
    if (cnn->form == WEFT_CNN_TORCHSCRIPT) {
        weft_build_value scale = traced_scale(cnn, module, q);
        k = swap_last(cnn, module, k);
        for (int i = 0; i < 2; i++)
            roots[i] = weft_emit_unary(cnn, "Sqrt", module, scale);
    } else {
        const weft_build_shape from = shape_of(cnn, k);
        const float root[] = {(float)sqrt(1.0 / sqrt((double)heads->head_size))};
        const weft_build_tensor tensor = {.shape = {.rank = 1, .dims = {1}}, .floats = root};
        const int64_t matrices[] = {-1, from.dims[2], from.dims[3]};
        const int64_t back[] = {from.dims[0], from.dims[1], from.dims[3], from.dims[2]};
        k = weft_emit_reshape(cnn, module, k, 3, matrices);
        k = weft_emit_transpose(cnn, module, k, (const int64_t[]){0, 2, 1});
        k = weft_emit_reshape(cnn, module, k, 4, back);
        roots[0] = roots[1] = weft_emit_tensor(cnn, module, &tensor);
    }
    q = weft_emit_binary(cnn, "Mul", module, q, roots[0]);
    k = weft_emit_binary(cnn, "Mul", module, k, roots[1]);
    return weft_emit_matmul(cnn, module, q, k);
}

static weft_build_value attention_operator(weft_cnn *cnn, const weft_tokens_heads *heads,
                                           const char *module)
{
    const weft_build_shape shape = shape_of(cnn, heads->q);
    const weft_build_value inputs[] = {heads->q, heads->k, heads->v};
    const weft_build_attr attrs[] = {
        {.name = "is_causal", .kind = WEFT_BUILD_INT, .i = 0},
        {.name = "qk_matmul_output_mode", .kind = WEFT_BUILD_INT, .i = 0},
        {.name = "softcap", .kind = WEFT_BUILD_FLOAT, .f = 0.0f},
    };
    return weft_emit_node(cnn, "Attention", module, inputs, 3, attrs, 3, &shape, WEFT_BUILD_F32);
}

weft_build_value weft_tokens_attend(weft_cnn *cnn, const weft_tokens_heads *heads,
                                    const char *module, weft_tokens_attention attention)
{
    weft_build_value x;
    if (attention == WEFT_TOKENS_OPERATOR)
        return attention_operator(cnn, heads, module);
    if (attention == WEFT_TOKENS_SDPA) {
        x = sdpa_scores(cnn, heads, module);
    } else {
        const float scale = (float)(1.0 / sqrt((double)heads->head_size));
        x = weft_emit_matmul(cnn, module, heads->q, swap_last(cnn, module, heads->k));
        x = weft_emit_binary(cnn, "Mul", module, x, weft_emit_float(cnn, module, scale));
    }
    x = weft_emit_softmax(cnn, module, x, -1);
    return weft_emit_matmul(cnn, module, x, heads->v);
}

weft_build_value weft_tokens_project(weft_cnn *cnn, weft_build_value x, const char *module,
                                     int64_t channels)
{
    const weft_build_shape from = shape_of(cnn, x);
    const char *proj = weft_build_format(cnn->build, "%s.proj", module);
    x = weft_emit_transpose(cnn, module, x, (const int64_t[]){0, 2, 1, 3});
    x = weft_emit_reshape(
        cnn, module, x, 3,
        (const int64_t[]){from.dims[0], from.dims[2], from.dims[1] * from.dims[3]});
    return weft_tokens_linear(cnn, x, proj, channels, branch_gain / attended_root_mean_square);
}

weft_build_value weft_tokens_mlp(weft_cnn *cnn, weft_build_value x, const char *module,
                                 int64_t hidden)
{
    weft_build *build = cnn->build;
    int64_t channels = channels_of(cnn, x);
    x = weft_tokens_linear(cnn, x, weft_build_format(build, "%s.fc1", module), hidden, 1.0);
    x = weft_tokens_gelu(cnn, x, weft_build_format(build, "%s.act", module));
    return weft_tokens_linear(cnn, x, weft_build_format(build, "%s.fc2", module), channels,
                              branch_gain / gelu_root_mean_square);
}
