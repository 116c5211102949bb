/* SPDX-License-Identifier: Apache-2.0 */
/* Resize: nearest, linear and cubic over any axes, with every coordinate transformation of
 * opset 19.
 *
 * Each axis is prepared on its own: for each output coordinate the input coordinates it reads
 * ("taps") and their weights. An output element is the sum over the product of the taps of all
 * axes. Nearest has one tap of weight 1 and takes any dtype. */
#include "kernels/ref/resize.h"

#include <stdlib.h>

#include "kernels/ref/element.h"
#include "kernels/ref/ref.h"
#include "kernels/ref/walk.h"

typedef struct resize_mode {
    const char *mode, *coordinates, *nearest, *policy;
    double cubic_a, extrapolation;
    bool exclude_outside, antialias, crop;
} resize_mode;

/* Input coordinate of output coordinate i. The resized length is scale * in, which need not be
 * whole. */
static double original(const weft_ref_resize_axis *axis, const resize_mode *mode, double i)
{
    double in = (double)axis->in, out = axis->scale * in,
           half_pixel = (i + 0.5) / axis->scale - 0.5;
    if (strcmp(mode->coordinates, "asymmetric") == 0)
        return i / axis->scale;
    if (strcmp(mode->coordinates, "align_corners") == 0)
        return axis->out == 1 || out == 1 ? 0 : i * (in - 1) / (out - 1);
    if (strcmp(mode->coordinates, "pytorch_half_pixel") == 0)
        return axis->out > 1 ? half_pixel : 0;
    if (strcmp(mode->coordinates, "tf_half_pixel_for_nn") == 0)
        return half_pixel + 0.5;
    if (strcmp(mode->coordinates, "half_pixel_symmetric") == 0)
        return in / 2 * (1 - (double)axis->out / out) + half_pixel;
    if (mode->crop) {
        double start = axis->roi_start, end = axis->roi_end;
        return axis->out > 1 ? start * (in - 1) + i * (end - start) * (in - 1) / (out - 1)
                             : 0.5 * (start + end) * (in - 1);
    }
    return half_pixel;
}

static double round_nearest(double x, const char *how)
{
    if (strcmp(how, "floor") == 0)
        return floor(x);
    if (strcmp(how, "ceil") == 0)
        return ceil(x);
    return strcmp(how, "round_prefer_ceil") == 0 ? floor(x + 0.5) : ceil(x - 0.5);
}

/* Weight of a tap at `distance` from the sampled point. */
static double kernel_at(double distance, const resize_mode *mode)
{
    double x = fabs(distance), a = mode->cubic_a;
    if (strcmp(mode->mode, "linear") == 0)
        return x < 1 ? 1 - x : 0;
    if (x <= 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

static void set_taps(weft_ref_resize_axis *axis, const resize_mode *mode, int64_t i, double stretch,
                     int64_t first)
{
    double at = original(axis, mode, (double)i), base = floor(at), sum = 0;
    int64_t *source = axis->source + i * axis->taps;
    double *weight = axis->weight + i * axis->taps;
    int64_t last_in = axis->in - 1;
    axis->is_outside[i] = mode->crop && (at < 0 || at > (double)last_in);
    if (strcmp(mode->mode, "nearest") == 0) {
        source[0] =
            weft_ref_limit_i64(weft_ref_to_i64(round_nearest(at, mode->nearest)), 0, last_in);
        weight[0] = 1;
        return;
    }
    for (int64_t tap = 0; tap < axis->taps; tap++) {
        double position = base + (double)(first + tap);
        bool outside = position < 0 || position > (double)last_in;
        weight[tap] =
            mode->exclude_outside && outside ? 0 : kernel_at((position - at) * stretch, mode);
        source[tap] = weft_ref_limit_i64(weft_ref_to_i64(position), 0, last_in);
        sum += weight[tap];
    }
    for (int64_t tap = 0; tap < axis->taps && (mode->exclude_outside || mode->antialias); tap++)
        weight[tap] /= sum;
}

static weft_status prepare_axis(weft_ref_resize_axis *axis, const resize_mode *mode)
{
    bool nearest = strcmp(mode->mode, "nearest") == 0;
    int64_t reach = strcmp(mode->mode, "linear") == 0 ? 1 : 2; /* of the kernel, in input pixels */
    double stretch = 1;
    if (mode->antialias && axis->scale < 1 &&
        !nearest) { /* the kernel widens to cover all pixels it replaces */
        stretch = axis->scale;
        reach = weft_ref_to_i64(ceil((double)reach / stretch));
    }
    axis->taps = nearest ? 1 : 2 * reach;
    int64_t elems = 0;
    if (!weft_mul_i64(axis->out, axis->taps, &elems))
        return WEFT_NO_MEMORY;
    axis->source = calloc((size_t)elems, sizeof *axis->source);
    axis->weight = calloc((size_t)elems, sizeof *axis->weight);
    axis->is_outside = calloc((size_t)axis->out, sizeof *axis->is_outside);
    if (!axis->source || !axis->weight || !axis->is_outside)
        return WEFT_NO_MEMORY;
    for (int64_t i = 0; i < axis->out; i++)
        set_taps(axis, mode, i, stretch, 1 - reach);
    return WEFT_OK;
}

/* Sum over the taps of axes d.. of the element at `offset` plus their offsets; zero weights read
 * nothing. */
static double sample(const weft_tensor *x, const weft_ref_resize_axis *axes, const int64_t *strides,
                     const int64_t *index, int d, int64_t offset)
{
    if (d == x->shape.rank)
        return weft_ref_get_f64(x, offset);
    const int64_t *source = axes[d].source + index[d] * axes[d].taps;
    const double *weight = axes[d].weight + index[d] * axes[d].taps;
    double sum = 0;
    for (int64_t tap = 0; tap < axes[d].taps; tap++) {
        if (weight[tap] != 0)
            sum += weight[tap] *
                   sample(x, axes, strides, index, d + 1, offset + source[tap] * strides[d]);
    }
    return sum;
}

static void resize_all(const weft_tensor *x, const weft_tensor *y, const weft_ref_resize_axis *axes,
                       const resize_mode *mode)
{
    int64_t strides[WEFT_MAX_RANK];
    size_t bytes = weft_dtype_bytes(y->dtype);
    bool nearest = strcmp(mode->mode, "nearest") == 0;
    weft_ref_strides(&x->shape, strides);
    weft_ref_walk walk = weft_ref_walk_over(&y->shape);
    for (int64_t i = 0; walk.left > 0; weft_ref_walk_next(&walk), i++) {
        bool outside = false;
        int64_t from = 0;
        for (int d = 0; d < y->shape.rank; d++) {
            outside = outside || axes[d].is_outside[walk.index[d]];
            from += axes[d].source[walk.index[d] * axes[d].taps] * strides[d];
        }
        if (outside)
            weft_ref_put_f64(y, i, mode->extrapolation);
        else if (nearest)
            memcpy((char *)y->data + (size_t)i * bytes,
                   (const char *)x->data + (size_t)from * bytes, bytes);
        else
            weft_ref_put_f64(y, i, sample(x, axes, strides, walk.index, 0, 0));
    }
}

static bool one_of(const char *text, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, names[i]) == 0)
            return true;
    }
    return false;
}

static weft_status read_mode(const weft_attrs *attrs, resize_mode *mode)
{
    static const char *const modes[] = {"nearest", "linear", "cubic"};
    static const char *const coordinates[] = {
        "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",  "align_corners",
        "asymmetric", "tf_crop_and_resize",   "tf_half_pixel_for_nn"};
    static const char *const nearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                          "ceil"};
    static const char *const policies[] = {"stretch", "not_larger", "not_smaller"};
    *mode = (resize_mode){
        .mode = weft_attrs_string(attrs, "mode", "nearest"),
        .coordinates = weft_attrs_string(attrs, "coordinate_transformation_mode", "half_pixel"),
        .nearest = weft_attrs_string(attrs, "nearest_mode", "round_prefer_floor"),
        .policy = weft_attrs_string(attrs, "keep_aspect_ratio_policy", "stretch"),
        .cubic_a = (double)weft_attrs_float(attrs, "cubic_coeff_a", -0.75f),
        .extrapolation = (double)weft_attrs_float(attrs, "extrapolation_value", 0.0f),
        .exclude_outside = weft_attrs_int(attrs, "exclude_outside", 0) != 0,
        .antialias = weft_attrs_int(attrs, "antialias", 0) != 0,
    };
    mode->crop = strcmp(mode->coordinates, "tf_crop_and_resize") == 0;
    bool known = one_of(mode->mode, modes, sizeof modes / sizeof *modes) &&
                 one_of(mode->coordinates, coordinates, sizeof coordinates / sizeof *coordinates) &&
                 one_of(mode->nearest, nearest, sizeof nearest / sizeof *nearest) &&
                 one_of(mode->policy, policies, sizeof policies / sizeof *policies);
    return known ? WEFT_OK : WEFT_UNSUPPORTED;
}

/* Fills in, out, scale and roi of every axis of x. */
static weft_status read_axes(const weft_ref_call *call, const resize_mode *mode,
                             weft_ref_resize_axis *axes)
{
    const weft_tensor *x = weft_ref_in(call, 0), *roi = weft_ref_in(call, 1),
                      *y = weft_ref_out(call, 0);
    const weft_tensor *scales = weft_ref_in(call, 2), *sizes = weft_ref_in(call, 3);
    int64_t listed[WEFT_MAX_RANK];
    int64_t count = (int64_t)weft_attrs_ints(call->attrs, "axes", listed, WEFT_MAX_RANK, 0);
    bool by_scales = scales && weft_ref_elems(&scales->shape) > 0;
    bool keeps_aspect = strcmp(mode->policy, "stretch") != 0,
         larger = strcmp(mode->policy, "not_smaller") == 0;
    double common = larger ? 0 : INFINITY; /* the one scale that keeps the aspect ratio */
    for (int d = 0; d < x->shape.rank; d++) {
        axes[d].in = x->shape.dims[d];
        axes[d].out = y->shape.dims[d];
        axes[d].scale = 1;
        axes[d].roi_end = 1;
        if (axes[d].in < 1)
            return WEFT_INVALID;
    }
    for (int64_t i = 0; count == 0 && i < x->shape.rank; i++)
        listed[i] = i;
    count = count == 0 ? x->shape.rank : count;
    const weft_tensor *factors = by_scales ? scales : sizes;
    if (!factors || weft_ref_elems(&factors->shape) != count || count > x->shape.rank)
        return WEFT_INVALID;
    if (mode->crop && (!roi || weft_ref_elems(&roi->shape) != 2 * count))
        return WEFT_INVALID;
    for (int64_t i = 0; i < count; i++) {
        int d = weft_ref_axis(listed[i], x->shape.rank);
        if (d < 0)
            return WEFT_INVALID;
        double factor = weft_ref_get_f64(factors, i);
        axes[d].scale = by_scales ? factor : factor / (double)axes[d].in;
        if (!(axes[d].scale > 0) || isinf(axes[d].scale))
            return WEFT_INVALID;
        common = larger == (axes[d].scale > common) ? axes[d].scale : common;
        if (mode->crop) {
            axes[d].roi_start = weft_ref_get_f64(roi, i);
            axes[d].roi_end = weft_ref_get_f64(roi, count + i);
        }
    }
    for (int64_t i = 0; i < count && keeps_aspect && !by_scales; i++)
        axes[weft_ref_axis(listed[i], x->shape.rank)].scale = common;
    return WEFT_OK;
}

weft_status weft_ref_resize_axes(const weft_ref_call *call,
                                 weft_ref_resize_axis axes[WEFT_MAX_RANK])
{
    resize_mode mode;
    int rank = weft_ref_in(call, 0)->shape.rank;
    memset(axes, 0, sizeof *axes * WEFT_MAX_RANK);
    weft_status status = read_mode(call->attrs, &mode);
    if (status == WEFT_OK && rank != weft_ref_out(call, 0)->shape.rank)
        status = WEFT_UNSUPPORTED;
    if (status == WEFT_OK)
        status = read_axes(call, &mode, axes);
    for (int d = 0; d < rank && status == WEFT_OK; d++)
        status = prepare_axis(&axes[d], &mode);
    return status;
}

void weft_ref_resize_axes_finish(weft_ref_resize_axis axes[WEFT_MAX_RANK])
{
    for (int d = 0; d < WEFT_MAX_RANK; d++) {
        free(axes[d].source);
        free(axes[d].weight);
        free(axes[d].is_outside);
    }
}

weft_status weft_ref_resize(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *y = weft_ref_out(call, 0);
    weft_ref_resize_axis axes[WEFT_MAX_RANK];
    resize_mode mode;
    weft_status status = read_mode(call->attrs, &mode);
    if (status != WEFT_OK)
        return status;
    if (x->dtype != y->dtype || x->shape.rank != y->shape.rank)
        return WEFT_UNSUPPORTED;
    if (strcmp(mode.mode, "nearest") != 0 && weft_ref_kind_of(x->dtype) != WEFT_REF_KIND_FLOAT)
        return WEFT_UNSUPPORTED;
    if (weft_ref_elems(&y->shape) == 0)
        return WEFT_OK;
    status = weft_ref_resize_axes(call, axes);
    if (status == WEFT_OK)
        resize_all(x, y, axes, &mode);
    weft_ref_resize_axes_finish(axes);
    return status;
}
