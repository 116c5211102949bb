/* SPDX-License-Identifier: Apache-2.0 */
/* weft.QSoftmax and weft.QLayerNorm: the rules of kernels/include/weft_int_rows.h, row by row. */
#include "kernels/include/weft_int_rows.h"

#include <stdio.h>

#include "kernels/ref/quant.h"

/* The shape as rows of its last dimension. */
static int64_t last_of(const weft_tensor *x)
{
    return x->shape.rank > 0 ? x->shape.dims[x->shape.rank - 1] : 1;
}

bool weft_ref_q_exps_are_sound(const weft_tensor *exps)
{
    const int32_t *e = exps->data;
    for (int i = 0; i < 256; i++)
        if (e[i] < 0 || e[i] > WEFT_EXP_ONE)
            return false;
    return e[0] == WEFT_EXP_ONE; /* so that no sum is zero */
}

weft_status weft_ref_q_softmax(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *exps = weft_ref_in(call, 1),
                      *y = weft_ref_out(call, 0);
    const weft_attrs *attrs = call->attrs;
    weft_ref_q_stage stage = weft_ref_q_stage_read(attrs, "y_zero", "y_min", "y_max", y->dtype);
    int64_t count = last_of(x), rows = count > 0 ? weft_ref_elems(&x->shape) / count : 0;
    if (!weft_ref_q_is_8bit(x) || exps->dtype != WEFT_DTYPE_I32 || count > WEFT_SOFTMAX_MAX)
        return WEFT_UNSUPPORTED;
    if (!weft_ref_q_exps_are_sound(exps))
        return WEFT_INVALID;
    for (int64_t row = 0; row < rows; row++)
        weft_softmax_row((const uint8_t *)x->data + row * count, (uint8_t *)y->data + row * count,
                         (int32_t)count, 1, x->dtype == WEFT_DTYPE_I8, exps->data,
                         (int32_t)weft_attrs_int(attrs, "mult", 0),
                         (int32_t)weft_attrs_int(attrs, "shift", 1), stage.zero, stage.low,
                         stage.high);
    return WEFT_OK;
}

static bool are_within(const weft_tensor *numbers, int32_t limit)
{
    const int32_t *data = numbers->data;
    for (int64_t i = 0; i < weft_ref_elems(&numbers->shape); i++)
        if (data[i] < -limit || data[i] > limit)
            return false;
    return true;
}

static int64_t norm_attr(const weft_ref_call *call, const char *prefix, const char *name,
                         int64_t fallback)
{
    char full[32];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    return weft_attrs_int(call->attrs, full, fallback);
}

weft_status weft_ref_q_norm_rows(const weft_ref_call *call, size_t input, const char *prefix,
                                 weft_ref_q_stage stage, void *y)
{
    const weft_tensor *x = weft_ref_in(call, 0), *gamma = weft_ref_in(call, input),
                      *beta = weft_ref_in(call, input + 1);
    int64_t count = last_of(x), rows = count > 0 ? weft_ref_elems(&x->shape) / count : 0;
    if (!weft_ref_q_is_8bit(x) || gamma->dtype != WEFT_DTYPE_I32 || beta->dtype != WEFT_DTYPE_I32 ||
        count > WEFT_ROW_MAX)
        return WEFT_UNSUPPORTED;
    if (!are_within(gamma, WEFT_MULT_MAX) || !are_within(beta, 1 << WEFT_BETA_BITS))
        return WEFT_INVALID;
    const int64_t epsilon = norm_attr(call, prefix, "epsilon", 0);
    const int32_t beta_shift = (int32_t)norm_attr(call, prefix, "beta_shift", 0),
                  shift = (int32_t)norm_attr(call, prefix, "shift", 1);
    for (int64_t row = 0; row < rows; row++)
        weft_layer_norm_row((const uint8_t *)x->data + row * count, (uint8_t *)y + row * count,
                            (int32_t)count, 1, x->dtype == WEFT_DTYPE_I8, epsilon, gamma->data,
                            beta->data, beta_shift, shift, stage.zero, stage.low, stage.high);
    return WEFT_OK;
}

weft_status weft_ref_q_layer_norm(const weft_ref_call *call)
{
    const weft_tensor *y = weft_ref_out(call, 0);
    return weft_ref_q_norm_rows(
        call, 1, "", weft_ref_q_stage_read(call->attrs, "y_zero", "y_min", "y_max", y->dtype),
        y->data);
}
