/* SPDX-License-Identifier: Apache-2.0 */
/* weft.QTokenConv: sums in s32 over the taps that lie on the grid of an image of tokens, then the
 * stages of weft.QConv2D. Tokens in front of the image have the zero point in place of a sum. */
#include "kernels/ref/quant.h"

typedef struct token_conv {
    const weft_tensor *x, *w, *table, *residual, *y;
    const int32_t *bias, *mult, *shift;
    int64_t grid[2], pads[4], prefix, offset;
    int32_t x_zero;
    weft_dtype c_type;
    weft_ref_q_stage c;
    weft_ref_q_sum sum;
} token_conv;

static token_conv read_call(const weft_ref_call *call)
{
    const weft_attrs *attrs = call->attrs;
    token_conv conv = {.x = weft_ref_in(call, 0),
                       .w = weft_ref_in(call, 1),
                       .table = weft_ref_in(call, 5),
                       .residual = weft_ref_in(call, 6),
                       .y = weft_ref_out(call, 0),
                       .bias = weft_ref_in(call, 2)->data,
                       .mult = weft_ref_in(call, 3)->data,
                       .shift = weft_ref_in(call, 4)->data,
                       .prefix = weft_attrs_int(attrs, "prefix", 0),
                       .offset = weft_attrs_int(attrs, "x_offset", 0),
                       .x_zero = (int32_t)weft_attrs_int(attrs, "x_zero", 0),
                       .c_type = weft_ref_q_dtype(attrs, "c_type")};
    conv.c = weft_ref_q_stage_read(attrs, "c_zero", "c_min", "c_max", conv.c_type);
    conv.sum = weft_ref_q_sum_read(attrs);
    weft_attrs_ints(attrs, "grid", conv.grid, 2, 0);
    weft_attrs_ints(attrs, "pads", conv.pads, 4, 1);
    return conv;
}

static bool fits(const token_conv *conv)
{
    const weft_shape *x = &conv->x->shape, *w = &conv->w->shape;
    if (x->rank != 3 || w->rank != 4 || w->dims[3] != 1 || conv->prefix < 0 || conv->grid[0] < 1 ||
        conv->grid[1] < 1 || conv->offset < 0 ||
        conv->prefix + conv->grid[0] * conv->grid[1] != x->dims[1] ||
        conv->offset + w->dims[0] > x->dims[2])
        return false;
    return weft_ref_q_ratios_are_sound(conv->mult, conv->shift, w->dims[0]);
}

/* The 8-bit code of one position of the grid and one channel, before the residual. Sums wrap like
 * the accumulators of every executor; the compiler proves that they do not. */
static int32_t code_at(const token_conv *conv, int64_t image, int64_t position, int64_t c)
{
    const int64_t *w = conv->w->shape.dims, *x = conv->x->shape.dims;
    uint32_t sum = (uint32_t)conv->bias[c];
    for (int64_t tap = 0; tap < w[1] * w[2]; tap++) {
        int64_t row = position / conv->grid[1] - conv->pads[0] + tap / w[2];
        int64_t col = position % conv->grid[1] - conv->pads[1] + tap % w[2];
        if (row < 0 || row >= conv->grid[0] || col < 0 || col >= conv->grid[1])
            continue;
        int64_t token = conv->prefix + row * conv->grid[1] + col;
        int32_t value = weft_ref_q_get(conv->x, (image * x[1] + token) * x[2] + conv->offset + c);
        sum += (uint32_t)((value - conv->x_zero) * weft_ref_q_get(conv->w, c * w[1] * w[2] + tap));
    }
    int32_t code = weft_requantise((int32_t)sum, conv->mult[c], conv->shift[c], conv->c.zero,
                                   conv->c.low, conv->c.high);
    return conv->table ? weft_ref_q_look_up(conv->table, conv->c_type, code) : code;
}

weft_status weft_ref_q_token_conv(const weft_ref_call *call)
{
    token_conv conv = read_call(call);
    if (!weft_ref_q_is_8bit(conv.x) || conv.w->dtype != WEFT_DTYPE_I8)
        return WEFT_UNSUPPORTED;
    if (!fits(&conv))
        return WEFT_INVALID;
    int64_t tokens = conv.y->shape.dims[1], channels = conv.y->shape.dims[2];
    for (int64_t i = 0; i < weft_ref_elems(&conv.y->shape); i++) {
        int64_t c = i % channels, token = i / channels % tokens, image = i / channels / tokens;
        int32_t value =
            token < conv.prefix ? conv.sum.a_zero : code_at(&conv, image, token - conv.prefix, c);
        if (conv.residual)
            value = weft_ref_q_add_stage(&conv.sum, value, weft_ref_q_get(conv.residual, i));
        weft_ref_q_put(conv.y, i, value);
    }
    return WEFT_OK;
}
