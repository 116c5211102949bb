/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution: the core for any layout and number of spatial dimensions, and ONNX's Conv over it.
 * For every block of output positions the patches under the window are copied out (zeros in the
 * padding) and multiplied with the filters. */
#include "kernels/ref/element.h"
#include "kernels/ref/product.h"
#include "kernels/ref/ref.h"
#include "kernels/ref/window.h"

/* Copies the patches of `count` output positions from `walk` on into product->a,
 * [tap][channel][row]; advances walk. */
static void load_patches(const weft_ref_convolution *conv, int64_t n, int64_t group,
                         weft_ref_walk *walk, int64_t count, weft_ref_product *product)
{
    int64_t channels = conv->in_channels / conv->group;
    int64_t start = n * conv->x.batch_step + group * channels * conv->x.channel_step;
    for (int64_t row = 0; row < WEFT_REF_ROWS; row++) {
        double *to = product->a + row;
        weft_ref_walk tap = weft_ref_walk_over(&conv->window.kernel);
        for (; tap.left > 0; weft_ref_walk_next(&tap)) {
            int64_t position =
                row < count ? weft_ref_window_source(&conv->window, walk->index, tap.index, NULL)
                            : -1;
            int64_t from = start + position * conv->x.position_step;
            for (int64_t channel = 0; channel < channels; channel++) {
                *to = position < 0
                          ? 0
                          : weft_ref_get_f64(conv->x.tensor, from + channel * conv->x.channel_step);
                to += WEFT_REF_ROWS;
            }
        }
        if (row < count)
            weft_ref_walk_next(walk);
    }
}

static void run_group(const weft_ref_convolution *conv, int64_t n, int64_t group,
                      weft_ref_product *product)
{
    weft_ref_walk walk = weft_ref_walk_over(&conv->window.out);
    for (int64_t first = 0; walk.left > 0; first += WEFT_REF_ROWS) {
        int64_t count = walk.left < WEFT_REF_ROWS ? walk.left : WEFT_REF_ROWS;
        load_patches(conv, n, group, &walk, count, product);
        weft_ref_product_run(product);
        for (int64_t row = 0; row < count; row++) {
            for (int64_t col = 0; col < product->cols; col++) {
                int64_t channel = group * product->cols + col;
                double bias = conv->bias ? weft_ref_get_f64(conv->bias, channel) : 0;
                conv->emit(conv->context, n, channel, first + row,
                           bias + weft_ref_product_get(product, row, col));
            }
        }
    }
}

weft_status weft_ref_conv_run(const weft_ref_convolution *conv)
{
    if (conv->group < 1 || conv->in_channels % conv->group || conv->out_channels % conv->group)
        return WEFT_INVALID;
    int64_t channels = conv->in_channels / conv->group, cols = conv->out_channels / conv->group;
    int64_t taps = weft_ref_elems(&conv->window.kernel), depth = taps * channels;
    weft_ref_product product;
    weft_status status = weft_ref_product_init(&product, depth, cols);
    for (int64_t group = 0; group < conv->group && status == WEFT_OK; group++) {
        /* B[tap * channels + channel][col]: one filter per column, in the order of load_patches. */
        for (int64_t col = 0; col < cols; col++) {
            double *panel =
                product.b + col / WEFT_REF_COLS * depth * WEFT_REF_COLS + col % WEFT_REF_COLS;
            for (int64_t k = 0; k < depth; k++)
                panel[k * WEFT_REF_COLS] = weft_ref_get_f64(
                    conv->w, (group * cols + col) * depth + k / channels * conv->w_tap_step +
                                 k % channels * conv->w_channel_step);
        }
        for (int64_t n = 0; n < conv->batch; n++)
            run_group(conv, n, group, &product);
    }
    weft_ref_product_finish(&product);
    return status;
}

static void put_image(void *context, int64_t n, int64_t channel, int64_t position, double value)
{
    const weft_ref_image *y = context;
    weft_ref_put_f64(y->tensor,
                     n * y->batch_step + channel * y->channel_step + position * y->position_step,
                     value);
}

weft_status weft_ref_conv(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *w = weft_ref_in(call, 1),
                      *bias = weft_ref_in(call, 2);
    const weft_tensor *y = weft_ref_out(call, 0);
    int spatial = x->shape.rank - 2;
    if (weft_ref_kind_of(y->dtype) != WEFT_REF_KIND_FLOAT || x->dtype != y->dtype ||
        w->dtype != y->dtype)
        return WEFT_UNSUPPORTED;
    if ((bias && bias->dtype != y->dtype) || spatial < 1)
        return WEFT_UNSUPPORTED;
    weft_ref_image out = weft_ref_image_of(y, false);
    weft_ref_convolution conv = {.batch = x->shape.dims[0],
                                 .in_channels = x->shape.dims[1],
                                 .out_channels = w->shape.dims[0],
                                 .group = weft_attrs_int(call->attrs, "group", 1),
                                 .x = weft_ref_image_of(x, false),
                                 .w = w,
                                 .bias = bias,
                                 .emit = put_image,
                                 .context = &out};
    conv.window.in = weft_ref_spatial(&x->shape, 2, spatial);
    conv.window.out = weft_ref_spatial(&y->shape, 2, spatial);
    conv.window.kernel = weft_ref_spatial(&w->shape, 2, spatial);
    conv.w_channel_step = weft_ref_elems(&conv.window.kernel);
    conv.w_tap_step = 1;
    weft_status status = weft_ref_window_read(&conv.window, call->attrs);
    return status == WEFT_OK ? weft_ref_conv_run(&conv) : status;
}
