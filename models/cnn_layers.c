/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolutional layers for the builders; see cnn_layers.h. Knows nothing about any architecture,
 * about files or the command line.
 */
#include "models/cnn_layers.h"

#include <math.h>

#include "models/cnn_names.h"
#include "models/cnn_parts.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#define BN_EPSILON 1e-5f

/*
 * How far batch-norm parameters and biases stray from the plain ones (scale 1, shift 0, statistics
 * as expected): enough that a wrong sign, a swapped pair or a forgotten term shows in any output,
 * little enough to keep ranges.
 */
static const double shift_spread = 0.1;      /* beta, uniform +- */
static const double mean_error_spread = 0.1; /* running mean, in standard deviations */
static const double var_error_spread = 0.2;  /* running variance, relative */
static const double bias_spread = 0.2;       /* biases of squeeze-excite and classifier */

/*
 * Part of a pixel's variance that survives averaging over a 2 x 2 window (1/4 for independent
 * pixels, 1 for equal ones), and over a whole map (what differs from image to image). Between what
 * noise and what smooth pictures show.
 */
static const double window_variance_share = 0.8;
static const double pooled_variance_share = 0.15;
/* Pixels of a maximum's window that are worth counting as independent: neighbours are alike. */
enum { max_independent_pixels = 4 };

weft_cnn_map weft_cnn_input(weft_cnn *cnn, const char *name, int64_t batch, int64_t channels,
                            int64_t height, int64_t width)
{
    weft_build_shape shape = {.rank = 4, .dims = {batch, channels, height, width}};
    weft_cnn_map x = {.moments = weft_cnn_moments(cnn, channels)};
    x.value = weft_build_add_input(cnn->build, name, &shape);
    for (size_t c = 0; c < weft_cnn_data_channels(cnn, &x.moments); c++)
        x.moments.var[c] = 1.0;
    return x;
}

/* The four vectors of a batch-norm. All NULL when no data is made. */
typedef struct batch_norm {
    float *gamma, *beta, *mean, *var;
} batch_norm;

/* Draws the vectors around the expected moments of y and replaces these by the moments after
 * normalisation. */
static batch_norm make_batch_norm(weft_cnn *cnn, const char *module, weft_cnn_gamma gamma,
                                  weft_moments *y)
{
    int64_t channels = (int64_t)y->channels;
    batch_norm bn = {
        .gamma = weft_cnn_make_table(cnn, module, "weight", channels, gamma.center, gamma.spread),
        .beta = weft_cnn_make_table(cnn, module, "bias", channels, 0.0, shift_spread),
        .mean = weft_cnn_make_table(cnn, module, "running_mean", channels, 0.0, mean_error_spread),
        .var = weft_cnn_make_table(cnn, module, "running_var", channels, 1.0, var_error_spread),
    };
    for (size_t c = 0; c < weft_cnn_data_channels(cnn, y); c++) {
        double sd = sqrt(y->var[c]);
        bn.mean[c] = (float)(y->mean[c] + sd * (double)bn.mean[c]);
        bn.var[c] = (float)(y->var[c] * (double)bn.var[c]);
        double scale = (double)bn.gamma[c] / sqrt((double)bn.var[c] + (double)BN_EPSILON);
        y->mean[c] = (y->mean[c] - (double)bn.mean[c]) * scale + (double)bn.beta[c];
        y->var[c] = y->var[c] * scale * scale;
    }
    return bn;
}

/* Convolution whose bias and weight absorb the batch-norm: W' = W g / sqrt(v + eps), b' = beta - m
 * g / sqrt(v + eps). */
static weft_cnn_map add_folded(weft_cnn *cnn, weft_cnn_map x, const char *conv, int64_t stride,
                               const char *weight_name, const weft_build_shape *shape,
                               weft_init_recipe recipe, batch_norm bn)
{
    int64_t channels = shape->dims[0];
    float *bias = NULL;
    if (cnn->build->with_weights) {
        double *scale = weft_build_alloc(cnn->build, (size_t)channels, sizeof *scale);
        bias = weft_build_alloc(cnn->build, (size_t)channels, sizeof *bias);
        for (size_t c = 0; weft_cnn_makes_data(cnn) && c < (size_t)channels; c++) {
            scale[c] = (double)bn.gamma[c] / sqrt((double)bn.var[c] + (double)BN_EPSILON);
            bias[c] = (float)((double)bn.beta[c] - (double)bn.mean[c] * scale[c]);
        }
        recipe.row_scale = scale;
        recipe.row_elems = 1;
        for (int i = 1; i < shape->rank; i++)
            recipe.row_elems *= (size_t)shape->dims[i];
    }
    weft_build_value weight = weft_cnn_add_weight(cnn, weight_name, shape, &recipe);
    return weft_cnn_add_conv(cnn, x, conv, weight,
                             weft_cnn_add_table(cnn, conv, "bias", channels, bias, true), stride);
}

static weft_cnn_map add_batch_norm(weft_cnn *cnn, weft_cnn_map x, const char *module, batch_norm bn)
{
    weft_build_shape shape = *weft_build_shape_of(cnn->build, x.value);
    int64_t channels = shape.dims[1];
    const weft_build_value inputs[] = {
        x.value,
        weft_cnn_add_table(cnn, module, "weight", channels, bn.gamma, true),
        weft_cnn_add_table(cnn, module, "bias", channels, bn.beta, true),
        weft_cnn_add_table(cnn, module, "running_mean", channels, bn.mean, false),
        weft_cnn_add_table(cnn, module, "running_var", channels, bn.var, false),
    };
    const weft_build_attr attrs[] = {
        {.name = "epsilon", .kind = WEFT_BUILD_FLOAT, .f = BN_EPSILON},
        {.name = "momentum", .kind = WEFT_BUILD_FLOAT, .f = 0.9f},
        {.name = "training_mode",
         .kind = WEFT_BUILD_INT,
         .i = 0}, /* exists since operator set 14 */
    };
    return weft_cnn_add_node(cnn, "BatchNormalization", module, inputs, 5, attrs,
                             cnn->build->opset >= 14 ? 3 : 2, &shape);
}

weft_cnn_map weft_cnn_conv_bn(weft_cnn *cnn, weft_cnn_map x, const char *conv, const char *bn,
                              int64_t channels, int64_t kernel, int64_t stride,
                              weft_cnn_gamma gamma)
{
    int64_t in_channels = weft_build_shape_of(cnn->build, x.value)->dims[1];
    const char *weight_name = weft_build_format(cnn->build, "%s.weight", conv);
    weft_build_shape shape = {.rank = 4, .dims = {channels, in_channels, kernel, kernel}};
    weft_moments moments = weft_cnn_moments(cnn, channels);
    weft_init_recipe recipe = {0};
    if (weft_cnn_makes_data(cnn)) {
        recipe = weft_cnn_recipe(cnn, weight_name, in_channels * kernel * kernel,
                                 weft_moments_mean_square(&x.moments));
        weft_moments_linear(&recipe, (size_t)(kernel * kernel), NULL, &x.moments, &moments);
    }
    batch_norm vectors = make_batch_norm(cnn, bn, gamma, &moments);
    weft_cnn_map y;
    if (cnn->build->status != WEFT_BUILD_OK)
        return (weft_cnn_map){.value = WEFT_BUILD_NONE};
    if (cnn->folds_batch_norm) {
        y = add_folded(cnn, x, conv, stride, weight_name, &shape, recipe, vectors);
    } else {
        y = weft_cnn_add_conv(cnn, x, conv, weft_cnn_add_weight(cnn, weight_name, &shape, &recipe),
                              WEFT_BUILD_NONE, stride);
        y = add_batch_norm(cnn, y, bn, vectors);
    }
    y.moments = moments;
    return y;
}

weft_cnn_map weft_cnn_relu(weft_cnn *cnn, weft_cnn_map x, const char *module)
{
    weft_cnn_map y = weft_cnn_add_node(cnn, "Relu", module, &x.value, 1, NULL, 0,
                                       weft_build_shape_of(cnn->build, x.value));
    if (weft_cnn_makes_data(cnn))
        weft_moments_relu(&x.moments, &y.moments);
    return y;
}

weft_cnn_map weft_cnn_add_relu(weft_cnn *cnn, weft_cnn_map stream, weft_cnn_map branch,
                               const char *add, const char *relu)
{
    const weft_build_shape shape = *weft_build_shape_of(cnn->build, stream.value);
    weft_cnn_map sum =
        weft_cnn_add_node(cnn, "Add", add, (const weft_build_value[]){branch.value, stream.value},
                          2, NULL, 0, &shape);
    weft_cnn_map y = weft_cnn_add_node(cnn, "Relu", relu, &sum.value, 1, NULL, 0, &shape);
    if (weft_cnn_makes_data(cnn))
        weft_moments_add_relu(&stream.moments, &branch.moments, &y.moments);
    return y;
}

weft_cnn_map weft_cnn_max_pool(weft_cnn *cnn, weft_cnn_map x, const char *module, int64_t kernel,
                               int64_t stride)
{
    weft_build_shape shape = *weft_build_shape_of(cnn->build, x.value);
    int64_t pad = kernel / 2;
    for (int i = 2; i < 4; i++)
        shape.dims[i] = (shape.dims[i] + 2 * pad - kernel) / stride + 1;
    const weft_build_attr attrs[] = {
        {.name = "ceil_mode", .kind = WEFT_BUILD_INT, .i = 0},
        weft_cnn_ints("dilations", (const int64_t[]){1, 1}, 2),
        weft_cnn_ints("kernel_shape", (const int64_t[]){kernel, kernel}, 2),
        weft_cnn_ints("pads", (const int64_t[]){pad, pad, pad, pad}, 4),
        weft_cnn_ints("strides", (const int64_t[]){stride, stride}, 2),
    };
    weft_cnn_map y = weft_cnn_add_node(cnn, "MaxPool", module, &x.value, 1, attrs,
                                       sizeof attrs / sizeof *attrs, &shape);
    if (weft_cnn_makes_data(cnn))
        weft_moments_max(&x.moments, kernel * kernel == 1 ? 1 : max_independent_pixels, &y.moments);
    return y;
}

weft_cnn_map weft_cnn_pool_shortcut(weft_cnn *cnn, weft_cnn_map x, const char *module)
{
    weft_build_shape shape = *weft_build_shape_of(cnn->build, x.value);
    shape.dims[2] = (shape.dims[2] + 1) / 2;
    shape.dims[3] = (shape.dims[3] + 1) / 2;
    const weft_build_attr attrs[] = {
        {.name = "ceil_mode", .kind = WEFT_BUILD_INT, .i = 1},
        {.name = "count_include_pad", .kind = WEFT_BUILD_INT, .i = 0},
        weft_cnn_ints("kernel_shape", (const int64_t[]){2, 2}, 2),
        weft_cnn_ints("pads", (const int64_t[]){0, 0, 0, 0}, 4),
        weft_cnn_ints("strides", (const int64_t[]){2, 2}, 2),
    };
    weft_cnn_map y = weft_cnn_add_node(cnn, "AveragePool", module, &x.value, 1, attrs,
                                       sizeof attrs / sizeof *attrs, &shape);
    for (size_t c = 0; c < weft_cnn_data_channels(cnn, &y.moments); c++) {
        y.moments.mean[c] = x.moments.mean[c];
        y.moments.var[c] = x.moments.var[c] * window_variance_share;
    }
    return y;
}

/* ReduceMean over H and W; the axes moved from an attribute to an input with operator set 18. */
static weft_cnn_map add_mean(weft_cnn *cnn, weft_cnn_map x, const char *module,
                             const int64_t axes[2], weft_build_value *shared_axes)
{
    weft_build_shape shape = *weft_build_shape_of(cnn->build, x.value);
    shape.dims[2] = shape.dims[3] = 1;
    const weft_build_attr attrs[] = {
        {.name = "keepdims", .kind = WEFT_BUILD_INT, .i = 1},
        weft_cnn_ints("axes", axes, 2),
    };
    weft_build_value inputs[] = {x.value, WEFT_BUILD_NONE};
    bool axes_are_input = cnn->build->opset >= 18;
    if (axes_are_input) {
        if (*shared_axes < 0)
            *shared_axes =
                weft_build_add_ints(cnn->build, weft_cnn_constant_name(cnn, module), axes, 2);
        inputs[1] = *shared_axes;
    }
    weft_cnn_map y = weft_cnn_add_node(cnn, "ReduceMean", module, inputs, axes_are_input ? 2 : 1,
                                       attrs, axes_are_input ? 1 : 2, &shape);
    for (size_t c = 0; c < weft_cnn_data_channels(cnn, &y.moments); c++) {
        y.moments.mean[c] = x.moments.mean[c];
        y.moments.var[c] = x.moments.var[c] * pooled_variance_share;
    }
    return y;
}

/* 1x1 convolution with bias on a pooled map. */
static weft_cnn_map add_biased_conv(weft_cnn *cnn, weft_cnn_map x, const char *module,
                                    int64_t channels)
{
    int64_t in_channels = weft_build_shape_of(cnn->build, x.value)->dims[1];
    const char *name = weft_build_format(cnn->build, "%s.weight", module);
    weft_build_shape shape = {.rank = 4, .dims = {channels, in_channels, 1, 1}};
    weft_init_recipe recipe = {0};
    if (weft_cnn_makes_data(cnn))
        recipe = weft_cnn_recipe(cnn, name, in_channels, weft_moments_mean_square(&x.moments));
    float *bias = weft_cnn_make_table(cnn, module, "bias", channels, 0.0, bias_spread);
    if (cnn->build->status != WEFT_BUILD_OK)
        return (weft_cnn_map){.value = WEFT_BUILD_NONE};
    weft_build_value weight = weft_cnn_add_weight(cnn, name, &shape, &recipe);
    weft_cnn_map y = weft_cnn_add_conv(
        cnn, x, module, weight, weft_cnn_add_table(cnn, module, "bias", channels, bias, true), 1);
    if (weft_cnn_makes_data(cnn))
        weft_moments_linear(&recipe, 1, bias, &x.moments, &y.moments);
    return y;
}

weft_cnn_map weft_cnn_squeeze_excite(weft_cnn *cnn, weft_cnn_map x, const char *module,
                                     int64_t squeeze)
{
    weft_build *build = cnn->build;
    const int64_t axes[] = {2, 3};
    int64_t channels = weft_build_shape_of(build, x.value)->dims[1];
    weft_cnn_map gate = add_mean(cnn, x, module, axes, &cnn->mean_axes);
    gate = add_biased_conv(cnn, gate, weft_build_format(build, "%s.fc1", module), squeeze);
    gate = weft_cnn_relu(cnn, gate, weft_build_format(build, "%s.act", module));
    gate = add_biased_conv(cnn, gate, weft_build_format(build, "%s.fc2", module), channels);
    weft_cnn_map sigmoid =
        weft_cnn_add_node(cnn, "Sigmoid", weft_build_format(build, "%s.gate", module), &gate.value,
                          1, NULL, 0, weft_build_shape_of(build, gate.value));
    weft_cnn_map y =
        weft_cnn_add_node(cnn, "Mul", module, (const weft_build_value[]){x.value, sigmoid.value}, 2,
                          NULL, 0, weft_build_shape_of(build, x.value));
    if (weft_cnn_makes_data(cnn)) {
        weft_moments_sigmoid(&gate.moments, &sigmoid.moments);
        weft_moments_mul(&x.moments, &sigmoid.moments, &y.moments);
    }
    return y;
}

weft_cnn_map weft_cnn_global_pool(weft_cnn *cnn, weft_cnn_map x, const char *module)
{
    weft_build *build = cnn->build;
    const int64_t axes[] = {-1, -2};
    weft_build_shape shape = *weft_build_shape_of(build, x.value);
    weft_build_shape flat = {.rank = 2, .dims = {shape.dims[0], shape.dims[1]}};
    const char *pool = weft_build_format(build, "%s.pool", module);
    const char *flatten = weft_build_format(build, "%s.flatten", module);
    weft_build_value no_axes = WEFT_BUILD_NONE;
    shape.dims[2] = shape.dims[3] = 1;
    if (cnn->form == WEFT_CNN_DYNAMO) {
        weft_cnn_map mean = add_mean(cnn, x, pool, axes, &no_axes);
        const int64_t target[] = {build->batch_symbol ? -1 : flat.dims[0], flat.dims[1]};
        weft_build_value shape_input =
            weft_build_add_ints(build, weft_cnn_constant_name(cnn, flatten), target, 2);
        weft_cnn_map y = weft_cnn_add_node(cnn, "Reshape", flatten,
                                           (const weft_build_value[]){mean.value, shape_input}, 2,
                                           NULL, 0, &flat);
        y.moments = mean.moments;
        return y;
    }
    weft_cnn_map mean =
        weft_cnn_add_node(cnn, "GlobalAveragePool", pool, &x.value, 1, NULL, 0, &shape);
    weft_build_attr axis = {.name = "axis", .kind = WEFT_BUILD_INT, .i = 1};
    weft_cnn_map y = weft_cnn_add_node(cnn, "Flatten", flatten, &mean.value, 1, &axis, 1, &flat);
    for (size_t c = 0; c < weft_cnn_data_channels(cnn, &y.moments); c++) {
        y.moments.mean[c] = x.moments.mean[c];
        y.moments.var[c] = x.moments.var[c] * pooled_variance_share;
    }
    return y;
}

weft_cnn_map weft_cnn_classifier(weft_cnn *cnn, weft_cnn_map x, const char *module, int64_t classes,
                                 const char *output_name)
{
    weft_build *build = cnn->build;
    weft_build_shape in = *weft_build_shape_of(build, x.value);
    weft_build_shape weight_shape = {.rank = 2, .dims = {classes, in.dims[1]}};
    weft_build_shape shape = {.rank = 2, .dims = {in.dims[0], classes}};
    const char *name = weft_build_format(build, "%s.weight", module);
    weft_cnn_map y = {.value = WEFT_BUILD_NONE, .moments = weft_cnn_moments(cnn, classes)};
    weft_init_recipe recipe = {0};
    float *bias = weft_cnn_make_table(cnn, module, "bias", classes, 0.0, bias_spread);
    if (weft_cnn_makes_data(cnn)) {
        /*
         * The pooled features have a large part that is the same for every image. The weights are
         * scaled by the part that differs, and the bias takes the constant part away, so that
         * logits answer to the image.
         */
        double var = 0.0;
        for (size_t c = 0; c < x.moments.channels; c++)
            var += x.moments.var[c];
        recipe = weft_cnn_recipe(cnn, name, in.dims[1], var / (double)in.dims[1]);
        weft_moments_linear(&recipe, 1, bias, &x.moments, &y.moments);
        for (int64_t i = 0; i < classes; i++)
            bias[i] = (float)(2.0 * (double)bias[i] - y.moments.mean[i]);
    }
    weft_build_value weight = weft_cnn_add_weight(cnn, name, &weight_shape, &recipe);
    weft_build_value inputs[] = {x.value, weight,
                                 weft_cnn_add_table(cnn, module, "bias", classes, bias, true)};
    const weft_build_attr attrs[] = {
        {.name = "alpha", .kind = WEFT_BUILD_FLOAT, .f = 1.0f},
        {.name = "beta", .kind = WEFT_BUILD_FLOAT, .f = 1.0f},
        {.name = "transB", .kind = WEFT_BUILD_INT, .i = 1},
    };
    y.value = weft_build_add_node(build, "Gemm", weft_cnn_name(cnn, "Gemm", module).node, inputs, 3,
                                  attrs, 3, output_name, &shape);
    return y;
}
