/* SPDX-License-Identifier: Apache-2.0 */
/* BatchNormalization (inference), LayerNormalization and Softmax, computed in double and rounded
 * once. */
#include "kernels/ref/element.h"
#include "kernels/ref/ref.h"
#include "kernels/ref/walk.h"

weft_status weft_ref_batch_normalization(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *y = weft_ref_out(call, 0);
    double epsilon = (double)weft_attrs_float(call->attrs, "epsilon", 1e-5f);
    if (weft_ref_kind_of(x->dtype) != WEFT_REF_KIND_FLOAT || y->dtype != x->dtype ||
        x->shape.rank < 2)
        return WEFT_UNSUPPORTED;
    if (weft_attrs_int(call->attrs, "training_mode", 0) || weft_ref_out(call, 1) ||
        weft_ref_out(call, 2))
        return WEFT_UNSUPPORTED;
    int64_t channels = x->shape.dims[1], positions = weft_ref_span(&x->shape, 2, x->shape.rank);
    for (size_t i = 1; i < 5; i++) {
        if (weft_ref_elems(&weft_ref_in(call, i)->shape) != channels)
            return WEFT_INVALID;
    }
    for (int64_t image = 0; image < x->shape.dims[0] * channels; image++) {
        int64_t channel = image % channels;
        double scale = weft_ref_get_f64(weft_ref_in(call, 1), channel);
        double bias = weft_ref_get_f64(weft_ref_in(call, 2), channel);
        double mean = weft_ref_get_f64(weft_ref_in(call, 3), channel);
        double variance = weft_ref_get_f64(weft_ref_in(call, 4), channel);
        for (int64_t i = image * positions; i < (image + 1) * positions; i++)
            weft_ref_put_f64(
                y, i, (weft_ref_get_f64(x, i) - mean) / sqrt(variance + epsilon) * scale + bias);
    }
    return WEFT_OK;
}

/* Outputs: y, and where asked for the mean and 1 / standard deviation of each normalised slice. */
weft_status weft_ref_layer_normalization(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *scale = weft_ref_in(call, 1),
                      *bias = weft_ref_in(call, 2);
    const weft_tensor *y = weft_ref_out(call, 0), *means = weft_ref_out(call, 1),
                      *deviations = weft_ref_out(call, 2);
    double epsilon = (double)weft_attrs_float(call->attrs, "epsilon", 1e-5f);
    int axis = weft_ref_axis(weft_attrs_int(call->attrs, "axis", -1), x->shape.rank);
    if (weft_ref_kind_of(x->dtype) != WEFT_REF_KIND_FLOAT || y->dtype != x->dtype ||
        scale->dtype != x->dtype)
        return WEFT_UNSUPPORTED;
    if (bias && bias->dtype != x->dtype)
        return WEFT_UNSUPPORTED;
    if (axis < 0)
        return WEFT_INVALID;
    weft_shape inner = {.rank = x->shape.rank - axis};
    for (int d = 0; d < inner.rank; d++)
        inner.dims[d] = x->shape.dims[axis + d];
    if (scale->shape.rank > inner.rank || (bias && bias->shape.rank > inner.rank))
        return WEFT_INVALID;
    int64_t outer = weft_ref_span(&x->shape, 0, axis), length = weft_ref_elems(&inner);
    for (int64_t slice = 0; slice < outer; slice++) {
        double mean = 0, variance = 0;
        for (int64_t i = 0; i < length; i++)
            mean += weft_ref_get_f64(x, slice * length + i) / (double)length;
        for (int64_t i = 0; i < length; i++) {
            double distance = weft_ref_get_f64(x, slice * length + i) - mean;
            variance += distance * distance / (double)length;
        }
        double inverse = 1.0 / sqrt(variance + epsilon);
        weft_ref_walk walk = weft_ref_walk_over(&inner);
        weft_ref_walk_broadcast(&walk, 0, &scale->shape);
        if (bias)
            weft_ref_walk_broadcast(&walk, 1, &bias->shape);
        for (int64_t i = slice * length; walk.left > 0; weft_ref_walk_next(&walk), i++) {
            double value =
                (weft_ref_get_f64(x, i) - mean) * inverse * weft_ref_get_f64(scale, walk.at[0]);
            weft_ref_put_f64(y, i, bias ? value + weft_ref_get_f64(bias, walk.at[1]) : value);
        }
        if (means)
            weft_ref_put_f64(means, slice, mean);
        if (deviations)
            weft_ref_put_f64(deviations, slice, inverse);
    }
    return WEFT_OK;
}

weft_status weft_ref_softmax(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *y = weft_ref_out(call, 0);
    int axis = weft_ref_axis(weft_attrs_int(call->attrs, "axis", -1), x->shape.rank);
    if (weft_ref_kind_of(x->dtype) != WEFT_REF_KIND_FLOAT || y->dtype != x->dtype)
        return WEFT_UNSUPPORTED;
    if (axis < 0)
        return WEFT_INVALID;
    int64_t outer = weft_ref_span(&x->shape, 0, axis), length = x->shape.dims[axis];
    int64_t inner = weft_ref_span(&x->shape, axis + 1, x->shape.rank);
    for (int64_t line = 0; line < outer * inner; line++) {
        int64_t start = line / inner * length * inner + line % inner;
        double largest = -INFINITY, sum = 0;
        for (int64_t i = 0; i < length; i++) {
            double value = weft_ref_get_f64(x, start + i * inner);
            largest = isnan(largest) || largest > value ? largest : value;
        }
        for (int64_t i = 0; i < length; i++)
            sum += exp(weft_ref_get_f64(x, start + i * inner) - largest);
        for (int64_t i = 0; i < length; i++) {
            int64_t at = start + i * inner;
            weft_ref_put_f64(y, at, exp(weft_ref_get_f64(x, at) - largest) / sum);
        }
    }
    return WEFT_OK;
}
