/* SPDX-License-Identifier: Apache-2.0 */
/* The operators of the weft domain: Conv2D, Linear, Gate, Pool2D, channels-last. Each is one
 * formula from bias to activation in double, rounded once; means are taken over the rounded
 * outputs. docs/operators.md says what each input means. */
#include <stdlib.h>

#include "kernels/ref/activation.h"
#include "kernels/ref/element.h"
#include "kernels/ref/pool.h"
#include "kernels/ref/product.h"
#include "kernels/ref/ref.h"
#include "kernels/ref/window.h"

/* All present operands have y's dtype, which is a float. */
static bool floats_only(const weft_ref_call *call)
{
    const weft_tensor *y = weft_ref_out(call, 0);
    bool same = weft_ref_kind_of(y->dtype) == WEFT_REF_KIND_FLOAT;
    for (size_t i = 0; i < call->input_count; i++)
        same = same && (!call->inputs[i] || call->inputs[i]->dtype == y->dtype);
    for (size_t i = 0; i < call->output_count; i++)
        same = same && (!call->outputs[i] || call->outputs[i]->dtype == y->dtype);
    return same;
}

static weft_status read_act(const weft_ref_call *call, weft_ref_act *out_act)
{
    return weft_ref_act_read(call->attrs, "act", "act_min", "act_max", "none", out_act);
}

/* mean[n, c] = average of y[n, :, :, c]. */
static void put_mean(const weft_tensor *y, const weft_tensor *mean)
{
    weft_ref_image image = weft_ref_image_of(y, true);
    int64_t channels = y->shape.dims[3], positions = y->shape.dims[1] * y->shape.dims[2];
    for (int64_t i = 0; i < y->shape.dims[0] * channels; i++) {
        int64_t start = i / channels * image.batch_step + i % channels;
        double sum = 0;
        for (int64_t p = 0; p < positions; p++)
            sum += weft_ref_get_f64(y, start + p * image.position_step);
        weft_ref_put_f64(mean, i, sum / (double)positions);
    }
}

typedef struct conv_epilogue {
    const weft_tensor *y, *residual, *gate;
    int64_t channels, positions;
    weft_ref_act act;
} conv_epilogue;

static void put_conv(void *context, int64_t n, int64_t channel, int64_t position, double value)
{
    const conv_epilogue *epilogue = context;
    int64_t at = (n * epilogue->positions + position) * epilogue->channels + channel;
    if (epilogue->residual) {
        double residual = weft_ref_get_f64(epilogue->residual, at);
        if (epilogue->gate)
            residual *= weft_ref_get_f64(epilogue->gate, n * epilogue->channels + channel);
        value += residual;
    }
    weft_ref_put_f64(epilogue->y, at, weft_ref_act_apply(&epilogue->act, value));
}

/* The 2 x 2 stride 2 average of x in ceil mode, kept in double; data is the caller's to free, NULL
 * when out of memory. */
static weft_tensor average_by_two(const weft_tensor *x, bool channels_first)
{
    weft_tensor pooled = {.dtype = WEFT_DTYPE_F64, .shape = x->shape};
    int first = channels_first ? 2 : 1;
    for (int d = first; d < first + 2; d++)
        pooled.shape.dims[d] = (x->shape.dims[d] + 1) / 2;
    size_t bytes = 0;
    if (weft_shape_bytes(&pooled.shape, pooled.dtype, &bytes))
        pooled.data = malloc(bytes ? bytes : 1);
    if (!pooled.data)
        return pooled;
    weft_ref_pool pool = {.batch = x->shape.dims[0],
                          .channels = x->shape.dims[channels_first ? 1 : 3],
                          .x = weft_ref_image_of(x, !channels_first),
                          .y = weft_ref_image_of(&pooled, !channels_first)};
    pool.window.in = weft_ref_spatial(&x->shape, first, 2);
    pool.window.out = weft_ref_spatial(&pooled.shape, first, 2);
    pool.window.kernel = (weft_shape){.rank = 2, .dims = {2, 2}};
    for (int d = 0; d < 2; d++) {
        pool.window.stride[d] = 2;
        pool.window.dilation[d] = 1;
    }
    weft_ref_pool_run(&pool);
    return pooled;
}

weft_status weft_ref_conv2d(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *w = weft_ref_in(call, 1),
                      *y = weft_ref_out(call, 0);
    const weft_tensor *mean = weft_ref_out(call, 1);
    bool channels_first = weft_attrs_int(call->attrs, "x_nchw", 0) != 0;
    bool pooled = weft_attrs_int(call->attrs, "pool", 0) != 0;
    conv_epilogue epilogue = {
        .y = y, .residual = weft_ref_in(call, 3), .gate = weft_ref_in(call, 4)};
    if (!floats_only(call))
        return WEFT_UNSUPPORTED;
    if (x->shape.rank != 4 || w->shape.rank != 4 || y->shape.rank != 4 ||
        (epilogue.gate && !epilogue.residual))
        return WEFT_INVALID;
    weft_status status = read_act(call, &epilogue.act);
    if (status != WEFT_OK)
        return status;
    weft_tensor source = pooled ? average_by_two(x, channels_first) : *x;
    if (!source.data)
        return WEFT_NO_MEMORY;
    epilogue.channels = y->shape.dims[3];
    epilogue.positions = y->shape.dims[1] * y->shape.dims[2];
    weft_ref_convolution conv = {.batch = x->shape.dims[0],
                                 .in_channels = x->shape.dims[channels_first ? 1 : 3],
                                 .out_channels = w->shape.dims[0],
                                 .group = weft_attrs_int(call->attrs, "group", 1),
                                 .x = weft_ref_image_of(&source, !channels_first),
                                 .w = w,
                                 .w_channel_step = 1,
                                 .w_tap_step = w->shape.dims[3],
                                 .bias = weft_ref_in(call, 2),
                                 .emit = put_conv,
                                 .context = &epilogue};
    conv.window.in = weft_ref_spatial(&source.shape, channels_first ? 2 : 1, 2);
    conv.window.out = weft_ref_spatial(&y->shape, 1, 2);
    conv.window.kernel = weft_ref_spatial(&w->shape, 1, 2);
    status = weft_ref_window_read(&conv.window, call->attrs);
    if (status == WEFT_OK)
        status = weft_ref_conv_run(&conv);
    if (status == WEFT_OK && mean)
        put_mean(y, mean);
    if (pooled)
        free(source.data);
    return status;
}

/* The rows of A in work become (x - mean) / sqrt(variance + epsilon). */
static void normalise_rows(weft_ref_product *product, double epsilon)
{
    double depth = (double)product->depth;
    for (int64_t row = 0; row < WEFT_REF_ROWS; row++) {
        double mean = 0, variance = 0;
        for (int64_t k = 0; k < product->depth; k++)
            mean += product->a[k * WEFT_REF_ROWS + row] / depth;
        for (int64_t k = 0; k < product->depth; k++) {
            double distance = product->a[k * WEFT_REF_ROWS + row] - mean;
            variance += distance * distance / depth;
        }
        double inverse = 1.0 / sqrt(variance + epsilon);
        for (int64_t k = 0; k < product->depth; k++)
            product->a[k * WEFT_REF_ROWS + row] =
                (product->a[k * WEFT_REF_ROWS + row] - mean) * inverse;
    }
}

weft_status weft_ref_linear(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *w = weft_ref_in(call, 1),
                      *bias = weft_ref_in(call, 2);
    const weft_tensor *residual = weft_ref_in(call, 3), *y = weft_ref_out(call, 0);
    const weft_attr *norm = weft_attrs_find(call->attrs, "norm_epsilon");
    weft_ref_act act;
    if (!floats_only(call))
        return WEFT_UNSUPPORTED;
    if (x->shape.rank < 1 || w->shape.rank != 2)
        return WEFT_INVALID;
    int64_t cols = w->shape.dims[0], depth = w->shape.dims[1];
    int64_t rows = weft_ref_span(&x->shape, 0, x->shape.rank - 1);
    weft_status status = read_act(call, &act);
    if (status != WEFT_OK)
        return status;
    weft_ref_product product;
    status = weft_ref_product_init(&product, depth, cols);
    if (status == WEFT_OK)
        weft_ref_product_pack(&product, (weft_ref_matrix){w, 0, 1, depth});
    for (int64_t first = 0; first < rows && status == WEFT_OK; first += WEFT_REF_ROWS) {
        int64_t count = rows - first < WEFT_REF_ROWS ? rows - first : WEFT_REF_ROWS;
        weft_ref_product_load(&product, (weft_ref_matrix){x, 0, depth, 1}, first, count);
        if (norm)
            normalise_rows(&product, (double)norm->f);
        weft_ref_product_run(&product);
        for (int64_t row = 0; row < count; row++) {
            for (int64_t col = 0; col < cols; col++) {
                int64_t at = (first + row) * cols + col;
                double value = weft_ref_product_get(&product, row, col);
                value += bias ? weft_ref_get_f64(bias, col) : 0;
                value += residual ? weft_ref_get_f64(residual, at) : 0;
                weft_ref_put_f64(y, at, weft_ref_act_apply(&act, value));
            }
        }
    }
    weft_ref_product_finish(&product);
    return status;
}

weft_status weft_ref_gate(const weft_ref_call *call)
{
    const weft_tensor *h = weft_ref_in(call, 0), *w = weft_ref_in(call, 1),
                      *bias = weft_ref_in(call, 2);
    const weft_tensor *t = weft_ref_in(call, 3), *residual = weft_ref_in(call, 4);
    const weft_tensor *y = weft_ref_out(call, 0), *mean = weft_ref_out(call, 1);
    weft_ref_act gate_act, act;
    if (!floats_only(call))
        return WEFT_UNSUPPORTED;
    if (h->shape.rank != 2 || w->shape.rank != 2 || t->shape.rank != 4)
        return WEFT_INVALID;
    weft_status status = weft_ref_act_read(call->attrs, "gate_act", "gate_act_min", "gate_act_max",
                                           "sigmoid", &gate_act);
    if (status == WEFT_OK)
        status = read_act(call, &act);
    if (status != WEFT_OK)
        return status;
    int64_t channels = w->shape.dims[0], depth = w->shape.dims[1];
    int64_t positions = t->shape.dims[1] * t->shape.dims[2];
    for (int64_t i = 0; i < t->shape.dims[0] * channels; i++) {
        int64_t n = i / channels, channel = i % channels;
        double sum = bias ? weft_ref_get_f64(bias, channel) : 0;
        for (int64_t k = 0; k < depth; k++)
            sum += weft_ref_get_f64(h, n * depth + k) * weft_ref_get_f64(w, channel * depth + k);
        double gate = weft_ref_act_apply(&gate_act, sum);
        for (int64_t p = 0; p < positions; p++) {
            int64_t at = (n * positions + p) * channels + channel;
            double value = weft_ref_get_f64(t, at) * gate;
            value += residual ? weft_ref_get_f64(residual, at) : 0;
            weft_ref_put_f64(y, at, weft_ref_act_apply(&act, value));
        }
    }
    if (mean)
        put_mean(y, mean);
    return WEFT_OK;
}

weft_status weft_ref_pool2d(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *y = weft_ref_out(call, 0);
    const char *mode = weft_attrs_string(call->attrs, "mode", "max");
    bool is_max = strcmp(mode, "max") == 0;
    if (!floats_only(call) || (!is_max && strcmp(mode, "average") != 0))
        return WEFT_UNSUPPORTED;
    if (x->shape.rank != 4 || y->shape.rank != 4)
        return WEFT_INVALID;
    weft_ref_pool pool = {.batch = x->shape.dims[0],
                          .channels = x->shape.dims[3],
                          .x = weft_ref_image_of(x, true),
                          .y = weft_ref_image_of(y, true),
                          .is_max = is_max,
                          .count_include_pad =
                              weft_attrs_int(call->attrs, "count_include_pad", 0) != 0};
    pool.window.in = weft_ref_spatial(&x->shape, 1, 2);
    pool.window.out = weft_ref_spatial(&y->shape, 1, 2);
    pool.window.kernel.rank = 2;
    if (weft_attrs_ints(call->attrs, "kernel_shape", pool.window.kernel.dims, 2, 1) != 2)
        return WEFT_INVALID;
    weft_status status = weft_ref_window_read(&pool.window, call->attrs);
    if (status == WEFT_OK)
        weft_ref_pool_run(&pool);
    return status;
}
