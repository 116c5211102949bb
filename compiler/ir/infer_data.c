/* SPDX-License-Identifier: Apache-2.0 */
/* Shape rules of operators that pick elements or whose result shape follows from numbers: slice,
 * gather, pad, resize, range, constant-of-shape, shape and size. Must not know about arithmetic on
 * activations. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "compiler/ir/infer.h"

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* Number of elements of a slice along one axis of size dim: negative positions count from the end,
 * both ends are clamped. */
static int64_t slice_size(int64_t dim, int64_t start, int64_t end, int64_t step)
{
    /* After the clamp both are in -dim-1..dim, so that adding dim cannot overflow. */
    start = clamp(start, -dim - 1, dim);
    end = clamp(end, -dim - 1, dim);
    start += start < 0 ? dim : 0;
    end += end < 0 ? dim : 0;
    if (step > 0) {
        start = clamp(start, 0, dim);
        end = clamp(end, 0, dim);
        return end > start ? (end - start - 1) / step + 1 : 0;
    }
    start = clamp(start, 0, dim - 1);
    end = clamp(end, -1, dim - 1);
    /* -step would overflow for the smallest step; dividing by it does not. */
    return start > end ? (end - start + 1) / step + 1 : 0;
}

weft_status weft_infer_slice(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *x = node->inputs[0];
    int64_t starts[WEFT_MAX_RANK], ends[WEFT_MAX_RANK], axes[WEFT_MAX_RANK], steps[WEFT_MAX_RANK];
    size_t count, counts[3];
    for (int i = 0; i < WEFT_MAX_RANK; i++) {
        axes[i] = i;
        steps[i] = 1;
    }
    WEFT_INFER_TRY(weft_infer_const_ints(node, 1, starts, WEFT_MAX_RANK, &count, diag));
    counts[0] = counts[1] = counts[2] = count;
    WEFT_INFER_TRY(weft_infer_const_ints(node, 2, ends, WEFT_MAX_RANK, &counts[0], diag));
    if (weft_node_input(node, 3))
        WEFT_INFER_TRY(weft_infer_const_ints(node, 3, axes, WEFT_MAX_RANK, &counts[1], diag));
    if (weft_node_input(node, 4))
        WEFT_INFER_TRY(weft_infer_const_ints(node, 4, steps, WEFT_MAX_RANK, &counts[2], diag));
    for (size_t i = 0; i < 3; i++)
        if (counts[i] != count) {
            char expected[64], found[64];
            snprintf(expected, sizeof expected, "%zu elements, as in starts", count);
            snprintf(found, sizeof found, "%zu elements", counts[i]);
            return weft_infer_fail(node, weft_node_input(node, 2 + i), WEFT_E_INFER_SHAPE, diag,
                                   expected, found,
                                   "starts, ends, axes and steps differ in length");
        }
    weft_shape y = x->shape;
    uint32_t seen = 0;
    for (size_t i = 0; i < count; i++) {
        int axis;
        WEFT_INFER_TRY(weft_infer_axis(node, axes[i], x->shape.rank, false, &axis, diag));
        if (seen & (1U << axis))
            return weft_infer_fail(node, weft_node_input(node, 3), WEFT_E_INFER_AXIS, diag,
                                   "each axis once", "an axis twice", "an axis is given twice");
        seen |= 1U << axis;
        if (steps[i] == 0)
            return weft_infer_fail(node, weft_node_input(node, 4), WEFT_E_INFER_SHAPE, diag,
                                   "steps other than 0", "0", "a step is 0");
        y.dims[axis] = slice_size(x->shape.dims[axis], starts[i], ends[i], steps[i]);
    }
    return weft_infer_set(node, 0, x->dtype, &y, diag);
}

weft_status weft_infer_gather(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *x = node->inputs[0], *indices = node->inputs[1];
    int axis;
    if (indices->dtype != WEFT_DTYPE_I64)
        WEFT_INFER_TRY(weft_infer_check_dtype(node, 1, WEFT_DTYPE_I32, diag));
    WEFT_INFER_TRY(weft_infer_check_rank(node, 0, 1, WEFT_MAX_RANK, diag));
    WEFT_INFER_TRY(weft_infer_axis(node, weft_attrs_int(&node->attrs, "axis", 0), x->shape.rank,
                                   false, &axis, diag));
    weft_shape y = {.rank = x->shape.rank - 1 + indices->shape.rank};
    if (y.rank <= WEFT_MAX_RANK) {
        int at = 0;
        for (int i = 0; i < axis; i++)
            y.dims[at++] = x->shape.dims[i];
        for (int i = 0; i < indices->shape.rank; i++)
            y.dims[at++] = indices->shape.dims[i];
        for (int i = axis + 1; i < x->shape.rank; i++)
            y.dims[at++] = x->shape.dims[i];
    }
    return weft_infer_set(node, 0, x->dtype, &y, diag);
}

weft_status weft_infer_pad(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *x = node->inputs[0];
    int64_t pads[2 * WEFT_MAX_RANK], axes[WEFT_MAX_RANK];
    size_t count, axis_count = (size_t)x->shape.rank;
    int mode;
    char expected[96], found[WEFT_SHAPE_TEXT];
    WEFT_INFER_TRY(weft_infer_attr_word(node, "mode", "constant|reflect|edge|wrap", &mode, diag));
    WEFT_INFER_TRY(weft_infer_check_dtype(node, 2, x->dtype, diag));
    WEFT_INFER_TRY(weft_infer_const_ints(node, 1, pads, 2 * WEFT_MAX_RANK, &count, diag));
    for (int i = 0; i < WEFT_MAX_RANK; i++)
        axes[i] = i;
    if (weft_node_input(node, 3))
        WEFT_INFER_TRY(weft_infer_const_ints(node, 3, axes, WEFT_MAX_RANK, &axis_count, diag));
    if (count != 2 * axis_count) {
        snprintf(expected, sizeof expected, "%zu pads, two per axis", 2 * axis_count);
        snprintf(found, sizeof found, "%zu", count);
        return weft_infer_fail(node, node->inputs[1], WEFT_E_INFER_SHAPE, diag, expected, found,
                               "the number of pads does not fit");
    }
    weft_shape y = x->shape;
    for (size_t i = 0; i < axis_count; i++) {
        int axis;
        int64_t begin = pads[i], end = pads[i + axis_count];
        WEFT_INFER_TRY(weft_infer_axis(node, axes[i], x->shape.rank, false, &axis, diag));
        int64_t dim = x->shape.dims[axis];
        if (!weft_add_i64(y.dims[axis], begin, &y.dims[axis]) ||
            !weft_add_i64(y.dims[axis], end, &y.dims[axis]) || y.dims[axis] < 0 || begin < -dim ||
            end < -dim) {
            snprintf(found, sizeof found, "%" PRId64 " and %" PRId64 " on an axis of %" PRId64,
                     begin, end, dim);
            return weft_infer_fail(node, node->inputs[1], WEFT_E_INFER_SHAPE, diag,
                                   "pads that leave 0 or more elements", found,
                                   "pads are out of range");
        }
        /* Reflection repeats at most all elements but the border, edge and wrap need one element.
         */
        int64_t limit = mode == 1 ? dim - 1 : mode == 0 || dim > 0 ? INT64_MAX : 0;
        if (begin > limit || end > limit) {
            snprintf(expected, sizeof expected, "at most %" PRId64 " on each side",
                     limit < 0 ? 0 : limit);
            snprintf(found, sizeof found, "%" PRId64 " and %" PRId64, begin, end);
            return weft_infer_fail(node, node->inputs[1], WEFT_E_INFER_SHAPE, diag, expected, found,
                                   "the axis has too few elements for this padding mode");
        }
    }
    return weft_infer_set(node, 0, x->dtype, &y, diag);
}

/* ---- resize ---- */

/* The scales, which ONNX has in f32 only. */
static weft_status read_scales(const weft_node *node, float *out, size_t count, weft_diag *diag)
{
    const weft_value *scales = node->inputs[2];
    WEFT_INFER_TRY(weft_infer_check_dtype(node, 2, WEFT_DTYPE_F32, diag));
    weft_shape shape = {.rank = 1, .dims = {(int64_t)count}};
    WEFT_INFER_TRY(weft_infer_check_shape(node, 2, &shape, diag));
    if (!weft_value_is_constant(scales))
        return weft_infer_fail(node, scales, WEFT_E_INFER_NOT_CONSTANT, diag, "a constant",
                               "a value that depends on the model's input data",
                               "scales are not constant");
    for (size_t i = 0; i < count; i++) {
        out[i] = ((const float *)scales->data)[i];
        if (!(out[i] > 0.0F) || out[i] > 1e9F) {
            char found[64];
            snprintf(found, sizeof found, "%g", (double)out[i]);
            return weft_infer_fail(node, scales, WEFT_E_INFER_SHAPE, diag,
                                   "factors above 0, up to 1e9", found, "a scale is out of range");
        }
    }
    return WEFT_OK;
}

static bool is_given(const weft_value *value)
{
    int64_t elems;
    return value && weft_shape_elems(&value->shape, &elems) &&
           elems > 0; /* older opsets leave out by emptiness */
}

/* A size computed in floating point; what no dimension can hold becomes one that weft_infer_set
 * refuses. */
static int64_t to_dim(double size)
{
    return size < (double)WEFT_IR_MAX_VALUE_BYTES * 2 ? (int64_t)floor(size) : INT64_MAX;
}

/* One factor for all axes when keep_aspect_ratio_policy asks for it: the smallest (not_larger) or
 * largest. */
static void keep_aspect(int policy, const weft_shape *x, const int *axes, int64_t *sizes,
                        size_t count)
{
    double factor = 0.0;
    for (size_t i = 0; i < count; i++) {
        double own = (double)sizes[i] / (double)x->dims[axes[i]];
        if (i == 0 || (policy == 1 ? own < factor : own > factor))
            factor = own;
    }
    for (size_t i = 0; i < count; i++)
        sizes[i] = to_dim(factor * (double)x->dims[axes[i]] + 0.5);
}

weft_status weft_infer_resize(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    const weft_value *x = node->inputs[0];
    bool has_scales = is_given(weft_node_input(node, 2)),
         has_sizes = is_given(weft_node_input(node, 3));
    int mode, policy, axes[WEFT_MAX_RANK];
    int64_t listed[WEFT_MAX_RANK], sizes[WEFT_MAX_RANK];
    float scales[WEFT_MAX_RANK] = {0};
    size_t count = (size_t)x->shape.rank;
    WEFT_INFER_TRY(weft_infer_attr_word(node, "mode", "nearest|linear|cubic", &mode, diag));
    WEFT_INFER_TRY(weft_infer_attr_word(node, "keep_aspect_ratio_policy",
                                        "stretch|not_larger|not_smaller", &policy, diag));
    if (has_scales == has_sizes)
        return weft_infer_fail(node, NULL, WEFT_E_INFER_ARITY, diag, "either scales or sizes",
                               has_scales ? "both" : "neither",
                               "the target size is not given once");
    const weft_attr *axes_attr = weft_attrs_find(&node->attrs, "axes");
    if (axes_attr) {
        count = axes_attr->count <= count ? axes_attr->count : count;
        WEFT_INFER_TRY(weft_infer_attr_ints(node, "axes", listed, count, 0, -x->shape.rank,
                                            x->shape.rank - 1, diag));
    }
    uint32_t seen = 0;
    for (size_t i = 0; i < count; i++) {
        WEFT_INFER_TRY(weft_infer_axis(node, axes_attr ? listed[i] : (int64_t)i, x->shape.rank,
                                       false, &axes[i], diag));
        if (x->shape.dims[axes[i]] < 1 || seen & (1U << axes[i]))
            return weft_infer_fail(node, x, WEFT_E_INFER_AXIS, diag,
                                   "each axis once, with elements", "an axis twice or empty",
                                   "the axes are not valid");
        seen |= 1U << axes[i];
    }
    weft_shape y = x->shape;
    if (has_scales) {
        WEFT_INFER_TRY(read_scales(node, scales, count, diag));
        for (size_t i = 0; i < count;
             i++) /* the product is rounded to f32, as ONNX's own inference does */
            y.dims[axes[i]] = to_dim((double)((float)x->shape.dims[axes[i]] * scales[i]));
        return weft_infer_set(node, 0, x->dtype, &y, diag);
    }
    size_t found_count;
    WEFT_INFER_TRY(weft_infer_const_ints(node, 3, sizes, WEFT_MAX_RANK, &found_count, diag));
    for (size_t i = 0; i < found_count; i++)
        if (found_count != count || sizes[i] < 1 || sizes[i] > INT32_MAX)
            return weft_infer_fail(
                node, node->inputs[3], WEFT_E_INFER_SHAPE, diag, "one size of 1 or more per axis",
                found_count != count ? "another number of sizes" : "a size out of range",
                "the sizes are not valid");
    if (policy != 0)
        keep_aspect(policy, &x->shape, axes, sizes, count);
    for (size_t i = 0; i < count; i++)
        y.dims[axes[i]] = sizes[i];
    return weft_infer_set(node, 0, x->dtype, &y, diag);
}

/* ---- shapes made of numbers ---- */

weft_status weft_infer_range(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    weft_dtype dtype = node->inputs[0]->dtype;
    double values[3];
    WEFT_INFER_TRY(weft_infer_check_class(node, 0, WEFT_CLASS_NUMERIC, diag));
    for (size_t i = 0; i < 3; i++) {
        WEFT_INFER_TRY(weft_infer_check_dtype(node, i, dtype, diag));
        if (!weft_value_const_scalar(node->inputs[i], &values[i]))
            return weft_infer_fail(
                node, node->inputs[i], WEFT_E_INFER_NOT_CONSTANT, diag, "a constant scalar",
                "a value that depends on the model's input data", "input %zu is not constant", i);
    }
    double count = ceil((values[1] - values[0]) / values[2]);
    if (values[2] == 0.0 || !(count < (double)WEFT_IR_MAX_VALUE_BYTES))
        return weft_infer_fail(
            node, node->inputs[2], WEFT_E_INFER_TOO_LARGE, diag, "a finite number of elements",
            values[2] == 0.0 ? "a step of 0" : "too many elements", "the range is too long");
    weft_shape y = {.rank = 1, .dims = {count > 0.0 ? (int64_t)count : 0}};
    return weft_infer_set(node, 0, dtype, &y, diag);
}

weft_status weft_infer_constant_of_shape(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    size_t count;
    int64_t elems;
    weft_shape y = {.rank = 0};
    WEFT_INFER_TRY(weft_infer_const_ints(node, 0, y.dims, WEFT_MAX_RANK, &count, diag));
    y.rank = (int)count;
    const weft_attr *value = weft_attrs_find(&node->attrs, "value");
    if (value && (!weft_shape_elems(&value->tensor->shape, &elems) || elems != 1)) {
        char found[WEFT_SHAPE_TEXT];
        return weft_infer_fail(node, NULL, WEFT_E_INFER_ATTR, diag, "a tensor of one element",
                               weft_shape_format(&value->tensor->shape, found),
                               "attribute value has a wrong shape");
    }
    return weft_infer_set(node, 0, value ? value->tensor->dtype : WEFT_DTYPE_F32, &y, diag);
}

weft_status weft_infer_shape(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    int64_t rank = node->inputs[0]->shape.rank;
    int64_t start = weft_attrs_int(&node->attrs, "start", 0),
            end = weft_attrs_int(&node->attrs, "end", rank);
    start = clamp(start < -rank ? 0 : start < 0 ? start + rank : start, 0, rank);
    end = clamp(end < -rank ? 0 : end < 0 ? end + rank : end, 0, rank);
    weft_shape y = {.rank = 1, .dims = {end > start ? end - start : 0}};
    return weft_infer_set(node, 0, WEFT_DTYPE_I64, &y, diag);
}

weft_status weft_infer_size(weft_graph *graph, weft_node *node, weft_diag *diag)
{
    (void)graph;
    weft_shape scalar = {.rank = 0};
    return weft_infer_set(node, 0, WEFT_DTYPE_I64, &scalar, diag);
}
