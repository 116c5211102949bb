/* SPDX-License-Identifier: Apache-2.0 */
/* weft.QConv2D: LayerNorm of the pixels where it has one, sums in s32, then the stages of
 * kernels/include/weft_int.h. The patches of a few
 * output pixels are copied out as s16 with the zero point taken off (zeros in the padding), and
 * every filter, widened to s16 once, is multiplied with them: products of 16 bits summed in pairs
 * are what compilers have an instruction for. */
#include <stdlib.h>
#include <string.h>

#include "kernels/ref/quant.h"
#include "kernels/ref/window.h"

/* Patches at once: as many sums as share one load of a filter. */
enum { ROWS = 4 };

typedef struct q_conv {
    weft_tensor x; /* as it is multiplied */
    const weft_tensor *w, *table, *residual, *y, *mean;
    const int32_t *bias, *mult, *shift;
    weft_ref_window window;
    weft_ref_image image;
    int64_t channels, group, depth; /* input channels and elements of a filter; both per group */
    int32_t x_zero;
    weft_dtype c_type;
    weft_ref_q_stage c;
    weft_ref_q_sum sum;
    int64_t outputs;  /* output channels */
    int16_t *w16;     /* [outputs][depth] */
    int16_t *patches; /* [ROWS][group][depth] */
} q_conv;

static q_conv read_call(const weft_ref_call *call)
{
    const weft_attrs *attrs = call->attrs;
    q_conv conv = {.x = *weft_ref_in(call, 0),
                   .w = weft_ref_in(call, 1),
                   .table = weft_ref_in(call, 5),
                   .residual = weft_ref_in(call, 6),
                   .y = call->outputs[0],
                   .mean = weft_ref_out(call, 1),
                   .bias = weft_ref_in(call, 2)->data,
                   .mult = weft_ref_in(call, 3)->data,
                   .shift = weft_ref_in(call, 4)->data,
                   .group = weft_attrs_int(attrs, "group", 1),
                   .x_zero = (int32_t)weft_attrs_int(attrs, "x_zero", 0),
                   .c_type = weft_ref_q_dtype(attrs, "c_type")};
    bool is_nchw = weft_attrs_int(attrs, "x_nchw", 0) != 0;
    conv.c = weft_ref_q_stage_read(attrs, "c_zero", "c_min", "c_max", conv.c_type);
    conv.sum = weft_ref_q_sum_read(attrs);
    conv.image = weft_ref_image_of(weft_ref_in(call, 0), !is_nchw);
    conv.channels = conv.w->shape.dims[3];
    conv.depth = weft_ref_span(&conv.w->shape, 1, 4);
    conv.outputs = conv.w->shape.dims[0];
    conv.window.in = weft_ref_spatial(&conv.x.shape, is_nchw ? 2 : 1, 2);
    conv.window.out = weft_ref_spatial(&conv.y->shape, 1, 2);
    conv.window.kernel = weft_ref_spatial(&conv.w->shape, 1, 2);
    return conv;
}

/* `count` elements, `step` apart, from index `from` on, less the zero point. */
static void load_channels(const q_conv *conv, int64_t from, int64_t step, int64_t count,
                          int16_t *out)
{
    if (conv->x.dtype == WEFT_DTYPE_U8) {
        const uint8_t *x = (const uint8_t *)conv->x.data + from;
        for (int64_t i = 0; i < count; i++)
            out[i] = (int16_t)(x[i * step] - conv->x_zero);
    } else {
        const int8_t *x = (const int8_t *)conv->x.data + from;
        for (int64_t i = 0; i < count; i++)
            out[i] = (int16_t)(x[i * step] - conv->x_zero);
    }
}

/* The patch under the window at output index `at`, [group][tap][channel]. */
static void load_patch(const q_conv *conv, int64_t n, const int64_t *at, int16_t *out)
{
    weft_ref_walk tap = weft_ref_walk_over(&conv->window.kernel);
    const weft_ref_image *image = &conv->image;
    for (; tap.left > 0; weft_ref_walk_next(&tap), out += conv->channels) {
        int64_t position = weft_ref_window_source(&conv->window, at, tap.index, NULL);
        int64_t from = n * image->batch_step + position * image->position_step;
        for (int64_t group = 0; group < conv->group; group++) {
            int16_t *to = out + group * conv->depth;
            if (position < 0)
                memset(to, 0, (size_t)conv->channels * sizeof *to);
            else if (image->channel_step == 1)
                load_channels(conv, from + group * conv->channels, 1, conv->channels, to);
            else
                load_channels(conv, from + group * conv->channels * image->channel_step,
                              image->channel_step, conv->channels, to);
        }
    }
}

/* One filter over the ROWS patches, `step` apart. Sums wrap like the accumulators of every
 * executor; the compiler proves that they do not. */
static void multiply(const int16_t *a, int64_t step, const int16_t *w, int64_t depth,
                     uint32_t *out_sums)
{
    const int16_t *a1 = a + step, *a2 = a1 + step, *a3 = a2 + step;
    uint32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
    for (int64_t k = 0; k < depth; k++) {
        sum0 += (uint32_t)(a[k] * w[k]);
        sum1 += (uint32_t)(a1[k] * w[k]);
        sum2 += (uint32_t)(a2[k] * w[k]);
        sum3 += (uint32_t)(a3[k] * w[k]);
    }
    out_sums[0] = sum0;
    out_sums[1] = sum1;
    out_sums[2] = sum2;
    out_sums[3] = sum3;
}

static int32_t finish(const q_conv *conv, int32_t sum, int64_t channel, int64_t at)
{
    int32_t value = weft_requantise(sum, conv->mult[channel], conv->shift[channel], conv->c.zero,
                                    conv->c.low, conv->c.high);
    if (conv->table)
        value = weft_ref_q_look_up(conv->table, conv->c_type, value);
    if (conv->residual)
        value = weft_ref_q_add_stage(&conv->sum, value, weft_ref_q_get(conv->residual, at));
    return value;
}

/* The mean of y, about the zero point of y. */
static void put_mean(const q_conv *conv, const weft_attrs *attrs)
{
    int64_t channels = conv->y->shape.dims[3];
    int64_t positions = conv->y->shape.dims[1] * conv->y->shape.dims[2];
    int32_t y_zero = conv->residual ? conv->sum.y.zero : conv->sum.a_zero;
    int32_t mult = (int32_t)weft_attrs_int(attrs, "mean_mult", 0),
            shift = (int32_t)weft_attrs_int(attrs, "mean_shift", 1),
            zero = (int32_t)weft_attrs_int(attrs, "mean_zero", 0);
    int32_t low = conv->mean->dtype == WEFT_DTYPE_U8 ? 0 : -128;
    for (int64_t i = 0; i < conv->y->shape.dims[0] * channels; i++) {
        int64_t start = i / channels * positions * channels + i % channels;
        int32_t sum = 0;
        for (int64_t p = 0; p < positions; p++)
            sum += weft_ref_q_get(conv->y, start + p * channels) - y_zero;
        weft_ref_q_put(conv->mean, i, weft_requantise(sum, mult, shift, zero, low, low + 255));
    }
}

/* The outputs of `count` <= ROWS patches, of pixels from `first` on. */
static void run_rows(const q_conv *conv, int64_t first, int64_t count)
{
    int64_t step = conv->group * conv->depth, filters = conv->outputs / conv->group;
    for (int64_t o = 0; o < conv->outputs; o++) {
        uint32_t sums[ROWS];
        multiply(conv->patches + o / filters * conv->depth, step, conv->w16 + o * conv->depth,
                 conv->depth, sums);
        for (int64_t row = 0; row < count; row++) {
            int64_t at = (first + row) * conv->outputs + o;
            int32_t sum = (int32_t)(sums[row] + (uint32_t)conv->bias[o]);
            weft_ref_q_put(conv->y, at, finish(conv, sum, o, at));
        }
    }
}

static void run(const q_conv *conv)
{
    for (int64_t i = 0; i < conv->outputs * conv->depth; i++)
        conv->w16[i] = (int16_t)weft_ref_q_get(conv->w, i);
    int64_t pixel = 0, loaded = 0;
    for (int64_t n = 0; n < conv->x.shape.dims[0]; n++) {
        weft_ref_walk walk = weft_ref_walk_over(&conv->window.out);
        for (; walk.left > 0; weft_ref_walk_next(&walk)) {
            load_patch(conv, n, walk.index, conv->patches + loaded * conv->group * conv->depth);
            if (++loaded < ROWS)
                continue;
            run_rows(conv, pixel, loaded);
            pixel += loaded;
            loaded = 0;
        }
    }
    if (loaded > 0)
        run_rows(conv, pixel, loaded);
}

weft_dtype weft_ref_q_conv_dtype(const weft_ref_call *call)
{
    return weft_ref_in(call, 7) ? weft_ref_q_dtype(call->attrs, "norm_type")
                                : weft_ref_in(call, 0)->dtype;
}

weft_status weft_ref_q_conv_norm(const weft_ref_call *call, void *y)
{
    return weft_ref_q_norm_rows(call, 7, "norm_",
                                weft_ref_q_stage_read(call->attrs, "x_zero", "norm_min", "norm_max",
                                                      weft_ref_q_conv_dtype(call)),
                                y);
}

weft_status weft_ref_q_conv2d(const weft_ref_call *call)
{
    q_conv conv = read_call(call);
    if (!weft_ref_q_is_8bit(&conv.x) || conv.w->dtype != WEFT_DTYPE_I8)
        return WEFT_UNSUPPORTED;
    if (!weft_ref_q_ratios_are_sound(conv.mult, conv.shift, conv.outputs))
        return WEFT_INVALID;
    if (conv.mean && weft_ref_elems(&conv.window.out) > WEFT_AVERAGE_COUNT_MAX)
        return WEFT_INVALID; /* the sum of a channel would not fit */
    weft_status status = weft_ref_window_read(&conv.window, call->attrs);
    if (status != WEFT_OK)
        return status;
    /* Groups divide the filters, so both are a small multiple of the weights that exist. Zeros,
     * because with few pixels some patches are multiplied though nobody loaded them. */
    conv.w16 = malloc((size_t)(conv.outputs * conv.depth) * sizeof *conv.w16);
    conv.patches = calloc((size_t)(ROWS * conv.group * conv.depth), sizeof *conv.patches);
    void *normalised =
        weft_ref_in(call, 7) ? malloc((size_t)weft_ref_elems(&conv.x.shape) + 1) : NULL;
    if (!conv.w16 || !conv.patches || (weft_ref_in(call, 7) && !normalised))
        status = WEFT_NO_MEMORY;
    if (status == WEFT_OK && normalised) {
        status = weft_ref_q_conv_norm(call, normalised);
        conv.x.dtype = weft_ref_q_conv_dtype(call);
        conv.x.data = normalised;
    }
    if (status == WEFT_OK)
        run(&conv);
    if (status == WEFT_OK && conv.mean)
        put_mean(&conv, call->attrs);
    free(conv.w16);
    free(conv.patches);
    free(normalised);
    return status;
}
