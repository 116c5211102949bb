/* SPDX-License-Identifier: Apache-2.0 */
/* The activations that weft-domain operators can carry, as functions of one double. */
#ifndef WEFT_KERNELS_REF_ACTIVATION_H
#define WEFT_KERNELS_REF_ACTIVATION_H

#include <math.h>
#include <string.h>

#include "compiler/base/tensor.h"
#include "weft/status.h"

typedef enum weft_ref_act_kind {
    WEFT_REF_ACT_NONE,
    WEFT_REF_ACT_RELU,
    WEFT_REF_ACT_CLIP,
    WEFT_REF_ACT_SIGMOID,
    WEFT_REF_ACT_SILU,
    WEFT_REF_ACT_GELU,
    WEFT_REF_ACT_GELU_TANH,
    WEFT_REF_ACT_COUNT
} weft_ref_act_kind;

typedef struct weft_ref_act {
    weft_ref_act_kind kind;
    double min, max; /* clip only */
} weft_ref_act;

/* Written so that exp never overflows. */
static inline double weft_ref_sigmoid_of(double x)
{
    if (x >= 0)
        return 1.0 / (1.0 + exp(-x));
    double e = exp(x);
    return e / (1.0 + e);
}

static inline double weft_ref_gelu_of(double x)
{
    return 0.5 * x * (1.0 + erf(x / sqrt(2.0)));
}

static inline double weft_ref_gelu_tanh_of(double x)
{
    const double pi = 3.14159265358979323846;
    return 0.5 * x * (1.0 + tanh(sqrt(2.0 / pi) * (x + 0.044715 * x * x * x)));
}

/* Reads attributes `name`, `name_min`, `name_max`, for example act, act_min, act_max. */
static inline weft_status weft_ref_act_read(const weft_attrs *attrs, const char *name,
                                            const char *name_min, const char *name_max,
                                            const char *fallback, weft_ref_act *out_act)
{
    static const char *const names[] = {"none", "relu", "clip",     "sigmoid",
                                        "silu", "gelu", "gelu_tanh"};
    const char *text = weft_attrs_string(attrs, name, fallback);
    out_act->min = (double)weft_attrs_float(attrs, name_min, -INFINITY);
    out_act->max = (double)weft_attrs_float(attrs, name_max, INFINITY);
    for (int i = 0; i < (int)WEFT_REF_ACT_COUNT; i++) {
        if (strcmp(text, names[i]) == 0) {
            out_act->kind = (weft_ref_act_kind)i;
            return WEFT_OK;
        }
    }
    return WEFT_UNSUPPORTED;
}

static inline double weft_ref_act_apply(const weft_ref_act *act, double x)
{
    switch (act->kind) {
    case WEFT_REF_ACT_RELU: return x < 0 ? 0 : x;
    case WEFT_REF_ACT_CLIP: x = x < act->min ? act->min : x; return x > act->max ? act->max : x;
    case WEFT_REF_ACT_SIGMOID: return weft_ref_sigmoid_of(x);
    case WEFT_REF_ACT_SILU: return x * weft_ref_sigmoid_of(x);
    case WEFT_REF_ACT_GELU: return weft_ref_gelu_of(x);
    case WEFT_REF_ACT_GELU_TANH: return weft_ref_gelu_tanh_of(x);
    case WEFT_REF_ACT_NONE:
    case WEFT_REF_ACT_COUNT: break;
    }
    return x;
}

#endif
