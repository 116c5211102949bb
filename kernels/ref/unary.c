/* SPDX-License-Identifier: Apache-2.0 */
/* Element-wise reference kernels with one data input, and Clip. Float dtypes are evaluated in
 * double and rounded once; Abs, Neg, Relu and Clip also take integers. NaN stays NaN everywhere.
 * Knows nothing about layout. */
#include "kernels/ref/activation.h"
#include "kernels/ref/element.h"
#include "kernels/ref/ref.h"
#include "kernels/ref/walk.h"

typedef double (*float_fn)(double x, const double *params);

static weft_status map_float(const weft_ref_call *call, float_fn function, const double *params)
{
    const weft_tensor *x = weft_ref_in(call, 0), *y = weft_ref_out(call, 0);
    if (weft_ref_kind_of(x->dtype) != WEFT_REF_KIND_FLOAT || y->dtype != x->dtype)
        return WEFT_UNSUPPORTED;
    int64_t elems = weft_ref_elems(&y->shape);
    for (int64_t i = 0; i < elems; i++)
        weft_ref_put_f64(y, i, function(weft_ref_get_f64(x, i), params));
    return WEFT_OK;
}

#define UNARY(name, expression)                                                                    \
    static double name##_of(double x, const double *params)                                        \
    {                                                                                              \
        (void)params;                                                                              \
        return (expression);                                                                       \
    }                                                                                              \
    weft_status weft_ref_##name(const weft_ref_call *call)                                         \
    {                                                                                              \
        return map_float(call, name##_of, NULL);                                                   \
    }

UNARY(ceil, ceil(x))
UNARY(cos, cos(x))
UNARY(erf, erf(x))
UNARY(exp, exp(x))
UNARY(floor, floor(x))
UNARY(log, log(x))
UNARY(reciprocal, 1.0 / x)
UNARY(round, nearbyint(x)) /* halves to even */
UNARY(sigmoid, weft_ref_sigmoid_of(x))
UNARY(sin, sin(x))
UNARY(softplus, x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)))
UNARY(sqrt, sqrt(x))
UNARY(tanh, tanh(x))

weft_status weft_ref_is_nan(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *y = weft_ref_out(call, 0);
    if (weft_ref_kind_of(x->dtype) != WEFT_REF_KIND_FLOAT || y->dtype != WEFT_DTYPE_BOOL)
        return WEFT_UNSUPPORTED;
    for (int64_t i = 0; i < weft_ref_elems(&y->shape); i++)
        weft_ref_put_i64(y, i, isnan(weft_ref_get_f64(x, i)));
    return WEFT_OK;
}

static double elu_of(double x, const double *params)
{
    return x < 0 ? params[0] * expm1(x) : x;
}

weft_status weft_ref_elu(const weft_ref_call *call)
{
    double alpha = (double)weft_attrs_float(call->attrs, "alpha", 1.0f);
    return map_float(call, elu_of, &alpha);
}

static double leaky_relu_of(double x, const double *params)
{
    return x < 0 ? params[0] * x : x;
}

weft_status weft_ref_leaky_relu(const weft_ref_call *call)
{
    double alpha = (double)weft_attrs_float(call->attrs, "alpha", 0.01f);
    return map_float(call, leaky_relu_of, &alpha);
}

static double hard_sigmoid_of(double x, const double *params)
{
    double y = params[0] * x + params[1];
    return y < 0 ? 0 : y > 1 ? 1 : y;
}

weft_status weft_ref_hard_sigmoid(const weft_ref_call *call)
{
    double params[2] = {(double)weft_attrs_float(call->attrs, "alpha", 0.2f),
                        (double)weft_attrs_float(call->attrs, "beta", 0.5f)};
    return map_float(call, hard_sigmoid_of, params);
}

static double hard_swish_of(double x, const double *params)
{
    double gate = x / 6.0 + 0.5;
    (void)params;
    return x * (gate < 0 ? 0 : gate > 1 ? 1 : gate);
}

weft_status weft_ref_hard_swish(const weft_ref_call *call)
{
    return map_float(call, hard_swish_of, NULL);
}

static double gelu_exact(double x, const double *params)
{
    (void)params;
    return weft_ref_gelu_of(x);
}

static double gelu_tanh(double x, const double *params)
{
    (void)params;
    return weft_ref_gelu_tanh_of(x);
}

weft_status weft_ref_gelu(const weft_ref_call *call)
{
    const char *approximate = weft_attrs_string(call->attrs, "approximate", "none");
    if (strcmp(approximate, "tanh") == 0)
        return map_float(call, gelu_tanh, NULL);
    return strcmp(approximate, "none") == 0 ? map_float(call, gelu_exact, NULL) : WEFT_UNSUPPORTED;
}

/* Abs, Neg, Relu: floats in double, signed integers modulo 2^bits (the most negative value negates
 * to itself). */
static double abs_of(double x, const double *params)
{
    (void)params;
    return fabs(x);
}

static double neg_of(double x, const double *params)
{
    (void)params;
    return -x;
}

static double relu_of(double x, const double *params)
{
    (void)params;
    return x < 0 ? 0 : x;
}

static int64_t negate_i64(int64_t x)
{
    return (int64_t)(0u - (uint64_t)x);
}

static int64_t abs_i64(int64_t x)
{
    return x < 0 ? negate_i64(x) : x;
}

static int64_t relu_i64(int64_t x)
{
    return x < 0 ? 0 : x;
}

static weft_status map_number(const weft_ref_call *call, float_fn on_float,
                              int64_t (*on_signed)(int64_t), bool keeps_unsigned)
{
    const weft_tensor *x = weft_ref_in(call, 0), *y = weft_ref_out(call, 0);
    weft_ref_kind kind = weft_ref_kind_of(x->dtype);
    if (kind == WEFT_REF_KIND_FLOAT)
        return map_float(call, on_float, NULL);
    if (y->dtype != x->dtype)
        return WEFT_UNSUPPORTED;
    if (kind != WEFT_REF_KIND_SIGNED && !(kind == WEFT_REF_KIND_UNSIGNED && keeps_unsigned))
        return WEFT_UNSUPPORTED;
    int64_t elems = weft_ref_elems(&y->shape);
    for (int64_t i = 0; i < elems; i++) {
        int64_t value = weft_ref_get_i64(x, i);
        weft_ref_put_i64(y, i, kind == WEFT_REF_KIND_SIGNED ? on_signed(value) : value);
    }
    return WEFT_OK;
}

weft_status weft_ref_abs(const weft_ref_call *call)
{
    return map_number(call, abs_of, abs_i64, true);
}

weft_status weft_ref_neg(const weft_ref_call *call)
{
    return map_number(call, neg_of, negate_i64, false);
}

weft_status weft_ref_relu(const weft_ref_call *call)
{
    return map_number(call, relu_of, relu_i64, false);
}

/* y = min(max(x, low), high): with low > high everything becomes high. */
weft_status weft_ref_clip(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *y = weft_ref_out(call, 0);
    const weft_tensor *low = weft_ref_in(call, 1), *high = weft_ref_in(call, 2);
    weft_ref_kind kind = weft_ref_kind_of(x->dtype);
    if (y->dtype != x->dtype || (low && low->dtype != x->dtype) ||
        (high && high->dtype != x->dtype))
        return WEFT_UNSUPPORTED;
    int64_t elems = weft_ref_elems(&y->shape);
    if (kind == WEFT_REF_KIND_FLOAT) {
        double min = low ? weft_ref_get_f64(low, 0) : -INFINITY;
        double max = high ? weft_ref_get_f64(high, 0) : INFINITY;
        for (int64_t i = 0; i < elems; i++) {
            double value = weft_ref_get_f64(x, i);
            value = value < min ? min : value;
            weft_ref_put_f64(y, i, value > max ? max : value);
        }
    } else if (kind == WEFT_REF_KIND_SIGNED) {
        int64_t min = low ? weft_ref_get_i64(low, 0) : INT64_MIN;
        int64_t max = high ? weft_ref_get_i64(high, 0) : INT64_MAX;
        for (int64_t i = 0; i < elems; i++) {
            int64_t value = weft_ref_get_i64(x, i);
            value = value < min ? min : value;
            weft_ref_put_i64(y, i, value > max ? max : value);
        }
    } else if (kind == WEFT_REF_KIND_UNSIGNED) {
        uint64_t min = low ? (uint64_t)weft_ref_get_i64(low, 0) : 0;
        uint64_t max = high ? (uint64_t)weft_ref_get_i64(high, 0) : UINT64_MAX;
        for (int64_t i = 0; i < elems; i++) {
            uint64_t value = (uint64_t)weft_ref_get_i64(x, i);
            value = value < min ? min : value;
            weft_ref_put_i64(y, i, (int64_t)(value > max ? max : value));
        }
    } else {
        return WEFT_UNSUPPORTED;
    }
    return WEFT_OK;
}
