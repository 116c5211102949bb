/* SPDX-License-Identifier: Apache-2.0 */
/* QuantizeLinear, DequantizeLinear and weft's element-wise and pooling operators on 8 bits. The
 * rules are those of kernels/include/weft_int.h; here they only meet tensors. */
#include "kernels/ref/quant.h"

#include <math.h>
#include <string.h>

#include "kernels/ref/window.h"

/* Which scale an element has: elements of `inner` in a row share one. */
typedef struct axis_split {
    int64_t count, inner;
} axis_split;

static weft_status split_at_axis(const weft_ref_call *call, axis_split *out_split)
{
    const weft_tensor *x = weft_ref_in(call, 0), *scale = weft_ref_in(call, 1);
    *out_split = (axis_split){.count = 1, .inner = 1};
    if (weft_ref_elems(&scale->shape) == 1)
        return WEFT_OK;
    int axis = weft_ref_axis(weft_attrs_int(call->attrs, "axis", 1), x->shape.rank);
    if (axis < 0 || weft_ref_elems(&scale->shape) != x->shape.dims[axis])
        return WEFT_INVALID;
    out_split->count = x->shape.dims[axis];
    out_split->inner = weft_ref_span(&x->shape, axis + 1, x->shape.rank);
    return WEFT_OK;
}

/* x / scale in f32, to the nearest integer (halves to even), plus the zero point, saturated. A NaN
 * becomes the lowest value. */
static int32_t quantize(float x, float scale, int32_t zero, int32_t low, int32_t high)
{
    float rounded = nearbyintf(x / scale);
    if (!(rounded > (float)(low - zero)))
        return low;
    if (rounded > (float)(high - zero))
        return high;
    return (int32_t)rounded + zero;
}

weft_status weft_ref_quantize_linear(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *scale = weft_ref_in(call, 1),
                      *zero = weft_ref_in(call, 2), *y = weft_ref_out(call, 0);
    if (x->dtype != WEFT_DTYPE_F32 || scale->dtype != WEFT_DTYPE_F32 || !weft_ref_q_is_8bit(y))
        return WEFT_UNSUPPORTED;
    axis_split split;
    weft_status status = split_at_axis(call, &split);
    if (status != WEFT_OK)
        return status;
    const float *from = x->data, *scales = scale->data;
    int32_t low = y->dtype == WEFT_DTYPE_U8 ? 0 : -128;
    for (int64_t i = 0; i < weft_ref_elems(&x->shape); i++) {
        int64_t k = i / split.inner % split.count;
        weft_ref_q_put(
            y, i, quantize(from[i], scales[k], zero ? weft_ref_q_get(zero, k) : 0, low, low + 255));
    }
    return WEFT_OK;
}

weft_status weft_ref_dequantize_linear(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *scale = weft_ref_in(call, 1),
                      *zero = weft_ref_in(call, 2), *y = weft_ref_out(call, 0);
    bool is_wide = x->dtype == WEFT_DTYPE_I32;
    if (y->dtype != WEFT_DTYPE_F32 || scale->dtype != WEFT_DTYPE_F32 ||
        (!is_wide && !weft_ref_q_is_8bit(x)))
        return WEFT_UNSUPPORTED;
    axis_split split;
    weft_status status = split_at_axis(call, &split);
    if (status != WEFT_OK)
        return status;
    const float *scales = scale->data;
    float *to = y->data;
    for (int64_t i = 0; i < weft_ref_elems(&x->shape); i++) {
        int64_t k = i / split.inner % split.count;
        int64_t value = is_wide ? ((const int32_t *)x->data)[i] : weft_ref_q_get(x, i);
        int64_t offset = !zero     ? 0
                         : is_wide ? ((const int32_t *)zero->data)[k]
                                   : weft_ref_q_get(zero, k);
        to[i] = (float)(value - offset) * scales[k];
    }
    return WEFT_OK;
}

weft_status weft_ref_q_add(const weft_ref_call *call)
{
    const weft_tensor *a = weft_ref_in(call, 0), *b = weft_ref_in(call, 1),
                      *y = weft_ref_out(call, 0);
    const weft_attrs *attrs = call->attrs;
    weft_ref_q_sum sum = {.a_zero = (int32_t)weft_attrs_int(attrs, "a_zero", 0),
                          .a_mult = (int32_t)weft_attrs_int(attrs, "a_mult", 0),
                          .b_zero = (int32_t)weft_attrs_int(attrs, "b_zero", 0),
                          .b_mult = (int32_t)weft_attrs_int(attrs, "b_mult", 0),
                          .shift = (int32_t)weft_attrs_int(attrs, "shift", 1),
                          .y = weft_ref_q_stage_read(attrs, "y_zero", "y_min", "y_max", y->dtype)};
    weft_ref_walk walk = weft_ref_walk_over(&y->shape);
    weft_ref_walk_broadcast(&walk, 0, &a->shape);
    weft_ref_walk_broadcast(&walk, 1, &b->shape);
    for (int64_t i = 0; walk.left > 0; weft_ref_walk_next(&walk), i++)
        weft_ref_q_put(y, i,
                       weft_ref_q_add_stage(&sum, weft_ref_q_get(a, walk.at[0]),
                                            weft_ref_q_get(b, walk.at[1])));
    return WEFT_OK;
}

weft_status weft_ref_q_mul(const weft_ref_call *call)
{
    const weft_tensor *a = weft_ref_in(call, 0), *b = weft_ref_in(call, 1),
                      *residual = weft_ref_in(call, 2), *y = weft_ref_out(call, 0);
    const weft_attrs *attrs = call->attrs;
    weft_ref_q_stage c =
        weft_ref_q_stage_read(attrs, "c_zero", "c_min", "c_max", weft_ref_q_dtype(attrs, "c_type"));
    weft_ref_q_sum sum = {.a_zero = c.zero,
                          .a_mult = (int32_t)weft_attrs_int(attrs, "c_mult", 0),
                          .b_zero = (int32_t)weft_attrs_int(attrs, "r_zero", 0),
                          .b_mult = (int32_t)weft_attrs_int(attrs, "r_mult", 0),
                          .shift = (int32_t)weft_attrs_int(attrs, "add_shift", 1),
                          .y = weft_ref_q_stage_read(attrs, "y_zero", "y_min", "y_max", y->dtype)};
    int32_t a_zero = (int32_t)weft_attrs_int(attrs, "a_zero", 0),
            b_zero = (int32_t)weft_attrs_int(attrs, "b_zero", 0);
    int32_t mult = (int32_t)weft_attrs_int(attrs, "mult", 0),
            shift = (int32_t)weft_attrs_int(attrs, "shift", 1);
    weft_ref_walk walk = weft_ref_walk_over(&y->shape);
    weft_ref_walk_broadcast(&walk, 0, &a->shape);
    weft_ref_walk_broadcast(&walk, 1, &b->shape);
    for (int64_t i = 0; walk.left > 0; weft_ref_walk_next(&walk), i++) {
        int32_t product =
            (weft_ref_q_get(a, walk.at[0]) - a_zero) * (weft_ref_q_get(b, walk.at[1]) - b_zero);
        int32_t value = weft_requantise(product, mult, shift, c.zero, c.low, c.high);
        if (residual)
            value = weft_ref_q_add_stage(&sum, value, weft_ref_q_get(residual, i));
        weft_ref_q_put(y, i, value);
    }
    return WEFT_OK;
}

typedef struct q_pool {
    weft_ref_window window;
    weft_ref_image x, y;
    bool is_max, count_include_pad;
    int32_t x_zero;
    weft_ref_q_stage stage;
    const int64_t *counts, *mults, *shifts;
    size_t count;
} q_pool;

static weft_status pool_one(const q_pool *pool, const int64_t *at, int64_t start, int32_t *out)
{
    weft_ref_walk tap = weft_ref_walk_over(&pool->window.kernel);
    int64_t count = 0;
    int32_t sum = 0, best = pool->stage.low;
    for (; tap.left > 0; weft_ref_walk_next(&tap)) {
        bool counted;
        int64_t position = weft_ref_window_source(&pool->window, at, tap.index, &counted);
        count += pool->count_include_pad ? counted : position >= 0;
        if (position < 0)
            continue;
        int32_t value = weft_ref_q_get(pool->x.tensor, start + position * pool->x.position_step);
        sum += value - pool->x_zero;
        best = value > best ? value : best;
    }
    *out = weft_clamp32(pool->is_max ? best : pool->stage.zero, pool->stage.low, pool->stage.high);
    for (size_t i = 0; !pool->is_max && count > 0; i++) {
        if (i == pool->count)
            return WEFT_INVALID; /* no multiplier for this count */
        if (pool->counts[i] == count) {
            *out = weft_requantise(sum, (int32_t)pool->mults[i], (int32_t)pool->shifts[i],
                                   pool->stage.zero, pool->stage.low, pool->stage.high);
            break;
        }
    }
    return WEFT_OK;
}

static bool read_list(const weft_attrs *attrs, const char *name, const int64_t **out, size_t *count)
{
    const weft_attr *list = weft_attrs_find(attrs, name);
    if (!list || list->kind != WEFT_ATTR_INTS || (*count > 0 && list->count != *count))
        return false;
    *out = list->ints;
    *count = list->count;
    return *count > 0;
}

weft_status weft_ref_q_pool2d(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *y = weft_ref_out(call, 0);
    const weft_attrs *attrs = call->attrs;
    q_pool pool = {.x = weft_ref_image_of(x, true),
                   .y = weft_ref_image_of(y, true),
                   .is_max = strcmp(weft_attrs_string(attrs, "mode", "max"), "max") == 0,
                   .count_include_pad = weft_attrs_int(attrs, "count_include_pad", 0) != 0,
                   .x_zero = (int32_t)weft_attrs_int(attrs, "x_zero", 0),
                   .stage = weft_ref_q_stage_read(attrs, "y_zero", "y_min", "y_max", y->dtype)};
    pool.window.in = weft_ref_spatial(&x->shape, 1, 2);
    pool.window.out = weft_ref_spatial(&y->shape, 1, 2);
    pool.window.kernel.rank = 2;
    if (weft_attrs_ints(attrs, "kernel_shape", pool.window.kernel.dims, 2, 1) != 2)
        return WEFT_INVALID;
    if (!pool.is_max && (!read_list(attrs, "counts", &pool.counts, &pool.count) ||
                         !read_list(attrs, "mults", &pool.mults, &pool.count) ||
                         !read_list(attrs, "shifts", &pool.shifts, &pool.count)))
        return WEFT_INVALID;
    weft_status status = weft_ref_window_read(&pool.window, attrs);
    int64_t channels = x->shape.dims[3];
    for (int64_t i = 0; i < x->shape.dims[0] * channels; i++) {
        int64_t n = i / channels, channel = i % channels;
        weft_ref_walk walk = weft_ref_walk_over(&pool.window.out);
        for (int64_t p = 0; walk.left > 0 && status == WEFT_OK; weft_ref_walk_next(&walk), p++) {
            int32_t value = 0;
            status = pool_one(&pool, walk.index, n * pool.x.batch_step + channel, &value);
            weft_ref_q_put(y, n * pool.y.batch_step + channel + p * pool.y.position_step, value);
        }
    }
    return status;
}

weft_status weft_ref_q_table(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *table = weft_ref_in(call, 1),
                      *y = weft_ref_out(call, 0);
    for (int64_t i = 0; i < weft_ref_elems(&x->shape); i++)
        weft_ref_q_put(y, i, weft_ref_q_look_up(table, x->dtype, weft_ref_q_get(x, i)));
    return WEFT_OK;
}
