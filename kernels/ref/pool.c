/* SPDX-License-Identifier: Apache-2.0 */
/* MaxPool, AveragePool, the global pools and their core. Maxima are compared and averages
 * accumulated in double, which holds every dtype accepted here exactly. */
#include "kernels/ref/pool.h"

#include "kernels/ref/element.h"
#include "kernels/ref/ref.h"

/* The position's index with the first spatial dimension running fastest. */
static int64_t column_major(const weft_shape *in, int64_t position)
{
    int64_t index = 0, stride = weft_ref_elems(in);
    for (int d = in->rank - 1; d >= 0; d--) {
        stride /= in->dims[d];
        index += position % in->dims[d] * stride;
        position /= in->dims[d];
    }
    return index;
}

static void pool_one(const weft_ref_pool *pool, const int64_t *at, int64_t n, int64_t channel,
                     int64_t to)
{
    int64_t start = n * pool->x.batch_step + channel * pool->x.channel_step, count = 0,
            best_at = -1;
    double sum = 0, best = -INFINITY;
    weft_ref_walk tap = weft_ref_walk_over(&pool->window.kernel);
    for (; tap.left > 0; weft_ref_walk_next(&tap)) {
        bool counted;
        int64_t position = weft_ref_window_source(&pool->window, at, tap.index, &counted);
        count += pool->count_include_pad ? counted : position >= 0;
        if (position < 0)
            continue;
        double value = weft_ref_get_f64(pool->x.tensor, start + position * pool->x.position_step);
        sum += value;
        if (best_at < 0 || value > best || (isnan(value) && !isnan(best))) {
            best = value;
            best_at = position;
        }
    }
    /* A window without any position, possible in ceil mode, gives -infinity and 0. */
    weft_ref_put_f64(pool->y.tensor, to, pool->is_max ? best : count > 0 ? sum / (double)count : 0);
    if (pool->indices) {
        int64_t positions = weft_ref_elems(&pool->window.in);
        int64_t index =
            pool->column_major_indices ? column_major(&pool->window.in, best_at) : best_at;
        weft_ref_put_i64(pool->indices, to,
                         best_at < 0 ? -1 : (n * pool->channels + channel) * positions + index);
    }
}

void weft_ref_pool_run(const weft_ref_pool *pool)
{
    for (int64_t n = 0; n < pool->batch; n++) {
        for (int64_t channel = 0; channel < pool->channels; channel++) {
            weft_ref_walk walk = weft_ref_walk_over(&pool->window.out);
            int64_t start = n * pool->y.batch_step + channel * pool->y.channel_step;
            for (int64_t i = 0; walk.left > 0; weft_ref_walk_next(&walk), i++)
                pool_one(pool, walk.index, n, channel, start + i * pool->y.position_step);
        }
    }
}

static weft_status pool_channels_first(const weft_ref_call *call, bool is_max)
{
    const weft_tensor *x = weft_ref_in(call, 0), *y = weft_ref_out(call, 0),
                      *indices = weft_ref_out(call, 1);
    weft_ref_kind kind = weft_ref_kind_of(x->dtype);
    bool exact = weft_dtype_bytes(x->dtype) <= 4 && kind != WEFT_REF_KIND_BOOL && is_max;
    int spatial = x->shape.rank - 2;
    if ((kind != WEFT_REF_KIND_FLOAT && !exact) || x->dtype != y->dtype || spatial < 1)
        return WEFT_UNSUPPORTED;
    if (indices && indices->dtype != WEFT_DTYPE_I64)
        return WEFT_UNSUPPORTED;
    weft_ref_pool pool = {
        .batch = x->shape.dims[0],
        .channels = x->shape.dims[1],
        .x = weft_ref_image_of(x, false),
        .y = weft_ref_image_of(y, false),
        .is_max = is_max,
        .count_include_pad = weft_attrs_int(call->attrs, "count_include_pad", 0) != 0,
        .indices = indices,
        .column_major_indices = weft_attrs_int(call->attrs, "storage_order", 0) != 0};
    pool.window.in = weft_ref_spatial(&x->shape, 2, spatial);
    pool.window.out = weft_ref_spatial(&y->shape, 2, spatial);
    pool.window.kernel.rank = spatial;
    if (weft_attrs_ints(call->attrs, "kernel_shape", pool.window.kernel.dims, WEFT_MAX_RANK, 1) !=
        (size_t)spatial)
        return WEFT_INVALID;
    weft_status status = weft_ref_window_read(&pool.window, call->attrs);
    if (status == WEFT_OK)
        weft_ref_pool_run(&pool);
    return status;
}

weft_status weft_ref_max_pool(const weft_ref_call *call)
{
    return pool_channels_first(call, true);
}
weft_status weft_ref_average_pool(const weft_ref_call *call)
{
    return pool_channels_first(call, false);
}

static weft_status pool_global(const weft_ref_call *call, bool is_max)
{
    const weft_tensor *x = weft_ref_in(call, 0), *y = weft_ref_out(call, 0);
    if (weft_ref_kind_of(x->dtype) != WEFT_REF_KIND_FLOAT || x->dtype != y->dtype ||
        x->shape.rank < 3)
        return WEFT_UNSUPPORTED;
    int64_t positions = weft_ref_span(&x->shape, 2, x->shape.rank);
    int64_t images = weft_ref_span(&x->shape, 0, 2);
    for (int64_t i = 0; i < images; i++) {
        double sum = 0, best = -INFINITY;
        for (int64_t p = 0; p < positions; p++) {
            double value = weft_ref_get_f64(x, i * positions + p);
            sum += value;
            best = isnan(best) || best > value ? best : value;
        }
        weft_ref_put_f64(y, i, is_max ? best : sum / (double)positions);
    }
    return WEFT_OK;
}

weft_status weft_ref_global_max_pool(const weft_ref_call *call)
{
    return pool_global(call, true);
}
weft_status weft_ref_global_average_pool(const weft_ref_call *call)
{
    return pool_global(call, false);
}
