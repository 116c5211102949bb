/* SPDX-License-Identifier: Apache-2.0 */
/* What the reference kernels of 8-bit operators share: elements as s32, and the stages of
 * kernels/include/weft_int.h read from a call's attributes. */
#ifndef WEFT_KERNELS_REF_QUANT_H
#define WEFT_KERNELS_REF_QUANT_H

#include "kernels/include/weft_int.h"
#include "kernels/ref/ref.h"
#include "kernels/ref/walk.h"

static inline bool weft_ref_q_is_8bit(const weft_tensor *tensor)
{
    return tensor->dtype == WEFT_DTYPE_U8 || tensor->dtype == WEFT_DTYPE_I8;
}

static inline int32_t weft_ref_q_get(const weft_tensor *tensor, int64_t index)
{
    return tensor->dtype == WEFT_DTYPE_U8 ? ((const uint8_t *)tensor->data)[index]
                                          : ((const int8_t *)tensor->data)[index];
}

/* value is in the dtype's range. */
static inline void weft_ref_q_put(const weft_tensor *tensor, int64_t index, int32_t value)
{
    if (tensor->dtype == WEFT_DTYPE_U8)
        ((uint8_t *)tensor->data)[index] = (uint8_t)value;
    else
        ((int8_t *)tensor->data)[index] = (int8_t)value;
}

/* The entry of a table (256 elements) for an element of dtype `from`. */
static inline int32_t weft_ref_q_look_up(const weft_tensor *table, weft_dtype from, int32_t value)
{
    return weft_ref_q_get(table, weft_table_index(value, from == WEFT_DTYPE_I8));
}

/* An 8-bit result: zero point and limits, the type's own where absent. */
typedef struct weft_ref_q_stage {
    int32_t zero, low, high;
} weft_ref_q_stage;

static inline weft_ref_q_stage weft_ref_q_stage_read(const weft_attrs *attrs, const char *zero,
                                                     const char *min, const char *max,
                                                     weft_dtype dtype)
{
    int32_t least = dtype == WEFT_DTYPE_U8 ? 0 : -128;
    return (weft_ref_q_stage){.zero = (int32_t)weft_attrs_int(attrs, zero, 0),
                              .low = (int32_t)weft_attrs_int(attrs, min, least),
                              .high = (int32_t)weft_attrs_int(attrs, max, least + 255)};
}

static inline weft_dtype weft_ref_q_dtype(const weft_attrs *attrs, const char *name)
{
    return weft_attrs_string(attrs, name, "i8")[0] == 'u' ? WEFT_DTYPE_U8 : WEFT_DTYPE_I8;
}

/* The add stage: a's zero and multiplier, b's, the shift, and the result. */
typedef struct weft_ref_q_sum {
    int32_t a_zero, a_mult, b_zero, b_mult, shift;
    weft_ref_q_stage y;
} weft_ref_q_sum;

/* Attributes a_zero to y_max of weft.QConv2D and QTokenConv. */
static inline weft_ref_q_sum weft_ref_q_sum_read(const weft_attrs *attrs)
{
    return (weft_ref_q_sum){.a_zero = (int32_t)weft_attrs_int(attrs, "a_zero", 0),
                            .a_mult = (int32_t)weft_attrs_int(attrs, "a_mult", 0),
                            .b_zero = (int32_t)weft_attrs_int(attrs, "b_zero", 0),
                            .b_mult = (int32_t)weft_attrs_int(attrs, "b_mult", 0),
                            .shift = (int32_t)weft_attrs_int(attrs, "add_shift", 1),
                            .y = weft_ref_q_stage_read(attrs, "y_zero", "y_min", "y_max",
                                                       weft_ref_q_dtype(attrs, "to"))};
}

/* Multipliers and shifts of channels are data: only a kernel can check them. */
static inline bool weft_ref_q_ratios_are_sound(const int32_t *mult, const int32_t *shift,
                                               int64_t channels)
{
    for (int64_t c = 0; c < channels; c++)
        if (mult[c] < 0 || mult[c] > WEFT_MULT_MAX || shift[c] < WEFT_SHIFT_MIN ||
            shift[c] > WEFT_SHIFT_MAX)
            return false;
    return true;
}

static inline int32_t weft_ref_q_add_stage(const weft_ref_q_sum *sum, int32_t a, int32_t b)
{
    return weft_add_stage(a - sum->a_zero, sum->a_mult, b - sum->b_zero, sum->b_mult, sum->shift,
                          sum->y.zero, sum->y.low, sum->y.high);
}

/* LayerNorm of an 8-bit operator's input 0: scale and bias are inputs `input` and the next, numbers
 * the attributes <prefix>epsilon, <prefix>beta_shift and <prefix>shift. y gets the codes. */
weft_status weft_ref_q_norm_rows(const weft_ref_call *call, size_t input, const char *prefix,
                                 weft_ref_q_stage stage, void *y);
/* The type that pixels of weft.QConv2D have as they are multiplied: that of x, or with a
 * normalisation that of what it makes. */
weft_dtype weft_ref_q_conv_dtype(const weft_ref_call *call);
/* The normalised pixels; only where there is a normalisation. */
weft_status weft_ref_q_conv_norm(const weft_ref_call *call, void *y);

/* 256 exponentials of weft_int_rows.h: entries in range, the first of them 1. */
bool weft_ref_q_exps_are_sound(const weft_tensor *exps);

#endif
