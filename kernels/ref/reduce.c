/* SPDX-License-Identifier: Apache-2.0 */
/* Reductions over axes and CumSum. Floats accumulate in double, integers modulo 2^64; a maximum or
 * minimum with a NaN is NaN. */
#include "kernels/ref/element.h"
#include "kernels/ref/ref.h"
#include "kernels/ref/walk.h"

typedef enum reduction { REDUCE_MAX, REDUCE_MEAN, REDUCE_MIN, REDUCE_PROD, REDUCE_SUM } reduction;

static double reduce_floats(const weft_tensor *x, int64_t start, weft_ref_walk walk, reduction how)
{
    int64_t count = walk.left;
    double total = how == REDUCE_MAX    ? -INFINITY
                   : how == REDUCE_MIN  ? INFINITY
                   : how == REDUCE_PROD ? 1
                                        : 0;
    for (; walk.left > 0; weft_ref_walk_next(&walk)) {
        double value = weft_ref_get_f64(x, start + walk.at[0]);
        switch (how) {
        case REDUCE_MAX: total = isnan(total) || total > value ? total : value; break;
        case REDUCE_MIN: total = isnan(total) || total < value ? total : value; break;
        case REDUCE_PROD: total *= value; break;
        case REDUCE_MEAN:
        case REDUCE_SUM: total += value; break;
        }
    }
    return how == REDUCE_MEAN ? total / (double)count : total;
}

/* Integer means are truncated towards zero. Of nothing: no maximum, minimum or mean. */
static weft_status reduce_integers(const weft_tensor *x, int64_t start, weft_ref_walk walk,
                                   reduction how, int64_t *out)
{
    bool is_signed = weft_ref_kind_of(x->dtype) == WEFT_REF_KIND_SIGNED;
    int64_t count = walk.left;
    bool of_nothing = how != REDUCE_SUM && how != REDUCE_PROD;
    if (count == 0 && of_nothing)
        return WEFT_INVALID;
    uint64_t total = how == REDUCE_PROD;
    for (bool first = true; walk.left > 0; weft_ref_walk_next(&walk), first = false) {
        uint64_t value = (uint64_t)weft_ref_get_i64(x, start + walk.at[0]);
        bool greater = is_signed ? (int64_t)value > (int64_t)total : value > total;
        bool less = is_signed ? (int64_t)value < (int64_t)total : value < total;
        switch (how) {
        case REDUCE_MAX: total = first || greater ? value : total; break;
        case REDUCE_MIN: total = first || less ? value : total; break;
        case REDUCE_PROD: total *= value; break;
        case REDUCE_MEAN:
        case REDUCE_SUM: total += value; break;
        }
    }
    if (how == REDUCE_MEAN)
        total = is_signed ? (uint64_t)((int64_t)total / count) : total / (uint64_t)count;
    *out = (int64_t)total;
    return WEFT_OK;
}

/* Which axes of x are reduced: those in input 1; without any, all, or none under
 * noop_with_empty_axes. */
static weft_status read_axes(const weft_ref_call *call, bool *reduced)
{
    const weft_tensor *x = weft_ref_in(call, 0), *axes = weft_ref_in(call, 1);
    int64_t count = axes ? weft_ref_elems(&axes->shape) : 0;
    bool all = count == 0 && !weft_attrs_int(call->attrs, "noop_with_empty_axes", 0);
    for (int d = 0; d < x->shape.rank; d++)
        reduced[d] = all;
    for (int64_t i = 0; i < count; i++) {
        int axis = weft_ref_axis(weft_ref_get_i64(axes, i), x->shape.rank);
        if (axis < 0)
            return WEFT_INVALID;
        reduced[axis] = true;
    }
    return WEFT_OK;
}

static weft_status reduce(const weft_ref_call *call, reduction how)
{
    const weft_tensor *x = weft_ref_in(call, 0), *y = weft_ref_out(call, 0);
    weft_ref_kind kind = weft_ref_kind_of(x->dtype);
    bool reduced[WEFT_MAX_RANK] = {false};
    bool picks = how == REDUCE_MAX || how == REDUCE_MIN;
    if (kind == WEFT_REF_KIND_NONE || (kind == WEFT_REF_KIND_BOOL && !picks) ||
        y->dtype != x->dtype)
        return WEFT_UNSUPPORTED;
    weft_status status = read_axes(call, reduced);
    if (status != WEFT_OK)
        return status;
    /* Two nested walks over x's axes: the kept ones outside, the reduced ones inside. */
    weft_shape kept = x->shape, inner = x->shape;
    for (int d = 0; d < x->shape.rank; d++) {
        kept.dims[d] = reduced[d] ? 1 : x->shape.dims[d];
        inner.dims[d] = reduced[d] ? x->shape.dims[d] : 1;
    }
    weft_ref_walk outer_walk = weft_ref_walk_over(&kept), inner_walk = weft_ref_walk_over(&inner);
    weft_ref_strides(&x->shape, outer_walk.step[0]);
    weft_ref_strides(&x->shape, inner_walk.step[0]);
    if (outer_walk.left != weft_ref_elems(&y->shape))
        return WEFT_INVALID;
    for (int64_t i = 0; outer_walk.left > 0 && status == WEFT_OK;
         weft_ref_walk_next(&outer_walk), i++) {
        int64_t start = outer_walk.at[0], integer = 0;
        if (kind == WEFT_REF_KIND_FLOAT) {
            weft_ref_put_f64(y, i, reduce_floats(x, start, inner_walk, how));
        } else {
            status = reduce_integers(x, start, inner_walk, how, &integer);
            weft_ref_put_i64(y, i, integer);
        }
    }
    return status;
}

weft_status weft_ref_reduce_max(const weft_ref_call *call)
{
    return reduce(call, REDUCE_MAX);
}
weft_status weft_ref_reduce_mean(const weft_ref_call *call)
{
    return reduce(call, REDUCE_MEAN);
}
weft_status weft_ref_reduce_min(const weft_ref_call *call)
{
    return reduce(call, REDUCE_MIN);
}
weft_status weft_ref_reduce_prod(const weft_ref_call *call)
{
    return reduce(call, REDUCE_PROD);
}
weft_status weft_ref_reduce_sum(const weft_ref_call *call)
{
    return reduce(call, REDUCE_SUM);
}

weft_status weft_ref_cum_sum(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *axis_input = weft_ref_in(call, 1),
                      *y = weft_ref_out(call, 0);
    weft_ref_kind kind = weft_ref_kind_of(x->dtype);
    bool exclusive = weft_attrs_int(call->attrs, "exclusive", 0),
         reverse = weft_attrs_int(call->attrs, "reverse", 0);
    if (kind == WEFT_REF_KIND_NONE || kind == WEFT_REF_KIND_BOOL || y->dtype != x->dtype)
        return WEFT_UNSUPPORTED;
    int axis = weft_ref_elems(&axis_input->shape) == 1
                   ? weft_ref_axis(weft_ref_get_i64(axis_input, 0), x->shape.rank)
                   : -1;
    if (axis < 0)
        return WEFT_INVALID;
    int64_t outer = weft_ref_span(&x->shape, 0, axis), length = x->shape.dims[axis];
    int64_t inner = weft_ref_span(&x->shape, axis + 1, x->shape.rank);
    for (int64_t line = 0; line < outer * inner; line++) {
        int64_t start = line / inner * length * inner + line % inner;
        double sum = 0;
        uint64_t integer = 0;
        for (int64_t i = 0; i < length; i++) {
            int64_t at = start + (reverse ? length - 1 - i : i) * inner;
            double sum_before = sum;
            uint64_t integer_before = integer;
            sum += kind == WEFT_REF_KIND_FLOAT ? weft_ref_get_f64(x, at) : 0;
            integer += kind == WEFT_REF_KIND_FLOAT ? 0 : (uint64_t)weft_ref_get_i64(x, at);
            if (kind == WEFT_REF_KIND_FLOAT)
                weft_ref_put_f64(y, at, exclusive ? sum_before : sum);
            else
                weft_ref_put_i64(y, at, (int64_t)(exclusive ? integer_before : integer));
        }
    }
    return WEFT_OK;
}
