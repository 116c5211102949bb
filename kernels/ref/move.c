/* SPDX-License-Identifier: Apache-2.0 */
/* Reference kernels that move, convert or make elements without arithmetic on them; all but Cast
 * and Range know only an element's size. Output shapes were set by inference; nothing here works
 * them out again. */
#include "kernels/ref/element.h"
#include "kernels/ref/ref.h"
#include "kernels/ref/walk.h"

static void copy_elem(const weft_tensor *y, int64_t to, const weft_tensor *x, int64_t from,
                      size_t bytes)
{
    memcpy((char *)y->data + (size_t)to * bytes, (const char *)x->data + (size_t)from * bytes,
           bytes);
}

/* Operators whose output holds the input's elements in the same order. */
static weft_status copy_all(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *y = weft_ref_out(call, 0);
    int64_t elems = weft_ref_elems(&y->shape);
    if (x->dtype != y->dtype || elems != weft_ref_elems(&x->shape))
        return WEFT_UNSUPPORTED;
    if (elems > 0)
        memmove(y->data, x->data, (size_t)elems * weft_dtype_bytes(y->dtype));
    return WEFT_OK;
}

weft_status weft_ref_identity(const weft_ref_call *call)
{
    return copy_all(call);
}
weft_status weft_ref_reshape(const weft_ref_call *call)
{
    return copy_all(call);
}
weft_status weft_ref_flatten(const weft_ref_call *call)
{
    return copy_all(call);
}
weft_status weft_ref_squeeze(const weft_ref_call *call)
{
    return copy_all(call);
}
weft_status weft_ref_unsqueeze(const weft_ref_call *call)
{
    return copy_all(call);
}

weft_status weft_ref_trilu(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *diagonal = weft_ref_in(call, 1),
                      *y = weft_ref_out(call, 0);
    bool upper = weft_attrs_int(call->attrs, "upper", 1) != 0;
    int rank = x->shape.rank;
    if (x->dtype != y->dtype)
        return WEFT_UNSUPPORTED;
    if (rank < 2 || (diagonal && weft_ref_elems(&diagonal->shape) != 1))
        return WEFT_INVALID;
    int64_t rows = x->shape.dims[rank - 2], cols = x->shape.dims[rank - 1],
            k = diagonal ? weft_ref_get_i64(diagonal, 0) : 0;
    size_t bytes = weft_dtype_bytes(y->dtype);
    /* beyond the corners all diagonals are alike, and no sum of one with an index overflows */
    k = weft_ref_limit_i64(k, -rows, cols);
    for (int64_t i = 0; i < weft_ref_elems(&y->shape); i++) {
        int64_t row = i / cols % rows, col = i % cols;
        if (upper ? col - row >= k : col - row <= k)
            copy_elem(y, i, x, i, bytes);
        else
            memset((char *)y->data + (size_t)i * bytes, 0, bytes);
    }
    return WEFT_OK;
}

weft_status weft_ref_cast(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *y = weft_ref_out(call, 0);
    weft_ref_kind from = weft_ref_kind_of(x->dtype), to = weft_ref_kind_of(y->dtype);
    if (from == WEFT_REF_KIND_NONE || to == WEFT_REF_KIND_NONE)
        return WEFT_UNSUPPORTED;
    bool by_float =
        from == WEFT_REF_KIND_FLOAT || (x->dtype == WEFT_DTYPE_U64 && to == WEFT_REF_KIND_FLOAT);
    int64_t elems = weft_ref_elems(&y->shape);
    for (int64_t i = 0; i < elems; i++) {
        if (by_float)
            weft_ref_put_f64(y, i, weft_ref_get_f64(x, i));
        else
            weft_ref_put_i64(y, i, weft_ref_get_i64(x, i));
    }
    return WEFT_OK;
}

/* Copies the elements of x that `walk` (over y's shape) points to with its operand 0. */
static void gather_walk(weft_ref_walk walk, const weft_tensor *x, const weft_tensor *y)
{
    size_t bytes = weft_dtype_bytes(y->dtype);
    for (int64_t i = 0; walk.left > 0; weft_ref_walk_next(&walk), i++)
        copy_elem(y, i, x, walk.at[0], bytes);
}

weft_status weft_ref_transpose(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *y = weft_ref_out(call, 0);
    int64_t strides[WEFT_MAX_RANK], perm[WEFT_MAX_RANK];
    int rank = y->shape.rank;
    if (x->dtype != y->dtype || x->shape.rank != rank)
        return WEFT_UNSUPPORTED;
    bool given = weft_attrs_ints(call->attrs, "perm", perm, WEFT_MAX_RANK, 0) > 0;
    weft_ref_strides(&x->shape, strides);
    weft_ref_walk walk = weft_ref_walk_over(&y->shape);
    for (int d = 0; d < rank; d++) {
        int from = given ? weft_ref_axis(perm[d], rank) : rank - 1 - d;
        if (from < 0 || x->shape.dims[from] != y->shape.dims[d])
            return WEFT_INVALID;
        walk.step[0][d] = strides[from];
    }
    gather_walk(walk, x, y);
    return WEFT_OK;
}

weft_status weft_ref_expand(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *y = weft_ref_out(call, 0);
    if (x->dtype != y->dtype)
        return WEFT_UNSUPPORTED;
    weft_ref_walk walk = weft_ref_walk_over(&y->shape);
    weft_ref_walk_broadcast(&walk, 0, &x->shape);
    gather_walk(walk, x, y);
    return WEFT_OK;
}

weft_status weft_ref_tile(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *y = weft_ref_out(call, 0);
    size_t bytes = weft_dtype_bytes(y->dtype);
    int64_t strides[WEFT_MAX_RANK];
    if (x->dtype != y->dtype || x->shape.rank != y->shape.rank)
        return WEFT_UNSUPPORTED;
    weft_ref_strides(&x->shape, strides);
    weft_ref_walk walk = weft_ref_walk_over(&y->shape);
    for (int64_t i = 0; walk.left > 0; weft_ref_walk_next(&walk), i++) {
        int64_t from = 0;
        for (int d = 0; d < y->shape.rank; d++)
            from += walk.index[d] % x->shape.dims[d] * strides[d];
        copy_elem(y, i, x, from, bytes);
    }
    return WEFT_OK;
}

weft_status weft_ref_concat(const weft_ref_call *call)
{
    const weft_tensor *y = weft_ref_out(call, 0);
    int rank = y->shape.rank, axis = weft_ref_axis(weft_attrs_int(call->attrs, "axis", 0), rank);
    size_t bytes = weft_dtype_bytes(y->dtype);
    int64_t total = 0;
    for (size_t i = 0; i < call->input_count; i++) {
        const weft_tensor *x = call->inputs[i];
        if (axis < 0 || x->shape.rank != rank || x->dtype != y->dtype)
            return WEFT_UNSUPPORTED;
        total += x->shape.dims[axis];
    }
    if (axis < 0 || total != y->shape.dims[axis])
        return WEFT_INVALID;
    int64_t outer = weft_ref_span(&y->shape, 0, axis),
            inner = weft_ref_span(&y->shape, axis + 1, rank);
    char *to = y->data;
    for (int64_t o = 0; o < outer; o++) {
        for (size_t i = 0; i < call->input_count; i++) {
            const weft_tensor *x = call->inputs[i];
            size_t run_bytes = (size_t)(x->shape.dims[axis] * inner) * bytes;
            if (run_bytes > 0)
                memcpy(to, (const char *)x->data + (size_t)o * run_bytes, run_bytes);
            to += run_bytes;
        }
    }
    return WEFT_OK;
}

weft_status weft_ref_split(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0);
    int rank = x->shape.rank, axis = weft_ref_axis(weft_attrs_int(call->attrs, "axis", 0), rank);
    size_t bytes = weft_dtype_bytes(x->dtype);
    const weft_tensor *sizes = weft_ref_in(call, 1);
    if (axis < 0)
        return WEFT_INVALID;
    /* Outputs nobody asked for are NULL, so their extent comes from the sizes, or from equal parts.
     */
    int64_t parts = weft_attrs_int(call->attrs, "num_outputs", (int64_t)call->output_count);
    int64_t whole = x->shape.dims[axis], start = 0;
    int64_t even = parts > 0 ? (whole + parts - 1) / parts : 0;
    int64_t outer = weft_ref_span(&x->shape, 0, axis),
            inner = weft_ref_span(&x->shape, axis + 1, rank);
    for (size_t i = 0; i < call->output_count; i++) {
        const weft_tensor *y = call->outputs[i];
        int64_t extent = even < whole - start ? even : whole - start;
        if (sizes)
            extent = (int64_t)i < weft_ref_elems(&sizes->shape)
                         ? weft_ref_get_i64(sizes, (int64_t)i)
                         : -1;
        if (y && y->shape.dims[axis] != extent)
            return WEFT_INVALID;
        if (extent < 0 || extent > whole - start)
            return WEFT_INVALID;
        size_t run_bytes = (size_t)(extent * inner) * bytes;
        for (int64_t o = 0; y && o < outer && run_bytes > 0; o++)
            memcpy((char *)y->data + (size_t)o * run_bytes,
                   (const char *)x->data + (size_t)((o * whole + start) * inner) * bytes,
                   run_bytes);
        start += extent;
    }
    return WEFT_OK;
}

weft_status weft_ref_slice(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *y = weft_ref_out(call, 0);
    const weft_tensor *starts = weft_ref_in(call, 1), *axes = weft_ref_in(call, 3),
                      *steps = weft_ref_in(call, 4);
    int64_t strides[WEFT_MAX_RANK];
    if (x->dtype != y->dtype || x->shape.rank != y->shape.rank)
        return WEFT_UNSUPPORTED;
    weft_ref_strides(&x->shape, strides);
    weft_ref_walk walk = weft_ref_walk_over(&y->shape);
    for (int d = 0; d < y->shape.rank; d++)
        walk.step[0][d] = strides[d];
    int64_t count = weft_ref_elems(&starts->shape);
    for (int64_t i = 0; i < count; i++) {
        int axis = weft_ref_axis(axes ? weft_ref_get_i64(axes, i) : i, x->shape.rank);
        int64_t step = steps ? weft_ref_get_i64(steps, i) : 1;
        if (axis < 0 || step == 0)
            return WEFT_INVALID;
        int64_t dim = x->shape.dims[axis], length = y->shape.dims[axis];
        if (length == 0)
            return WEFT_OK; /* y is empty */
        int64_t start = weft_ref_get_i64(starts, i);
        if (start < 0)
            start =
                start < -dim ? -1 : start + dim; /* -1: before the first, whatever the distance */
        if (step > 0)
            start = weft_ref_limit_i64(start, 0, dim);
        else
            start = weft_ref_limit_i64(start, 0, dim - 1);
        /* A step beyond the axis is only ever taken zero times; with it the product below cannot
         * overflow. */
        step = weft_ref_limit_i64(step, -dim, dim);
        int64_t last = start + (length - 1) * step;
        if (start >= dim || last < 0 || last >= dim)
            return WEFT_INVALID;
        walk.step[0][axis] = step * strides[axis];
        walk.at[0] += start * strides[axis];
    }
    gather_walk(walk, x, y);
    return WEFT_OK;
}

/* Where position `at` (may lie outside) of an axis with `dim` elements reads from; -1: the
 * constant. */
static int64_t pad_source(int64_t at, int64_t dim, const char *mode)
{
    if (at >= 0 && at < dim)
        return at;
    if (strcmp(mode, "edge") == 0)
        return dim == 0 ? -1 : at < 0 ? 0 : dim - 1;
    if (strcmp(mode, "reflect") == 0 &&
        dim > 0) { /* the edge itself is not repeated: period 2 (dim - 1) */
        int64_t period = dim > 1 ? 2 * (dim - 1) : 1;
        int64_t phase = (at % period + period) % period;
        return phase < dim ? phase : period - phase;
    }
    if (strcmp(mode, "wrap") == 0 && dim > 0)
        return (at % dim + dim) % dim;
    return -1;
}

weft_status weft_ref_pad(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *y = weft_ref_out(call, 0),
                      *pads = weft_ref_in(call, 1);
    const weft_tensor *constant = weft_ref_in(call, 2), *axes = weft_ref_in(call, 3);
    const char *mode = weft_attrs_string(call->attrs, "mode", "constant");
    bool is_constant = strcmp(mode, "constant") == 0;
    size_t bytes = weft_dtype_bytes(y->dtype);
    int64_t strides[WEFT_MAX_RANK], before[WEFT_MAX_RANK] = {0};
    if (x->dtype != y->dtype || x->shape.rank != y->shape.rank ||
        (constant && constant->dtype != y->dtype))
        return WEFT_UNSUPPORTED;
    bool known = is_constant || strcmp(mode, "edge") == 0 || strcmp(mode, "reflect") == 0 ||
                 strcmp(mode, "wrap") == 0;
    if (!known)
        return WEFT_UNSUPPORTED;
    int64_t count = axes ? weft_ref_elems(&axes->shape) : x->shape.rank;
    if (weft_ref_elems(&pads->shape) != 2 * count)
        return WEFT_INVALID;
    for (int64_t i = 0; i < count; i++) {
        int axis = weft_ref_axis(axes ? weft_ref_get_i64(axes, i) : i, x->shape.rank);
        if (axis < 0)
            return WEFT_INVALID;
        before[axis] = weft_ref_get_i64(pads, i);
    }
    weft_ref_strides(&x->shape, strides);
    weft_ref_walk walk = weft_ref_walk_over(&y->shape);
    for (int64_t i = 0; walk.left > 0; weft_ref_walk_next(&walk), i++) {
        int64_t from = 0;
        for (int d = 0; d < y->shape.rank && from >= 0; d++) {
            int64_t at = pad_source(walk.index[d] - before[d], x->shape.dims[d], mode);
            from = at < 0 ? -1 : from + at * strides[d];
        }
        if (from >= 0)
            copy_elem(y, i, x, from, bytes);
        else if (constant && is_constant)
            copy_elem(y, i, constant, 0, bytes);
        else
            memset((char *)y->data + (size_t)i * bytes, 0, bytes);
    }
    return WEFT_OK;
}

weft_status weft_ref_gather(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *indices = weft_ref_in(call, 1),
                      *y = weft_ref_out(call, 0);
    int rank = x->shape.rank, axis = weft_ref_axis(weft_attrs_int(call->attrs, "axis", 0), rank);
    if (x->dtype != y->dtype ||
        (indices->dtype != WEFT_DTYPE_I64 && indices->dtype != WEFT_DTYPE_I32))
        return WEFT_UNSUPPORTED;
    if (axis < 0)
        return WEFT_INVALID;
    int64_t outer = weft_ref_span(&x->shape, 0, axis), dim = x->shape.dims[axis];
    int64_t inner = weft_ref_span(&x->shape, axis + 1, rank),
            count = weft_ref_elems(&indices->shape);
    size_t run_bytes = (size_t)inner * weft_dtype_bytes(y->dtype);
    for (int64_t o = 0; o < outer; o++) {
        for (int64_t i = 0; i < count; i++) {
            int64_t at = weft_ref_get_i64(indices, i);
            if (at < -dim || at >= dim)
                return WEFT_INVALID;
            at = at < 0 ? at + dim : at;
            if (run_bytes > 0)
                memcpy((char *)y->data + (size_t)(o * count + i) * run_bytes,
                       (const char *)x->data + (size_t)(o * dim + at) * run_bytes, run_bytes);
        }
    }
    return WEFT_OK;
}

weft_status weft_ref_shape(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *y = weft_ref_out(call, 0);
    int64_t rank = x->shape.rank;
    int64_t start = weft_attrs_int(call->attrs, "start", 0),
            end = weft_attrs_int(call->attrs, "end", rank);
    start = weft_ref_limit_i64(start < 0 ? start + rank : start, 0, rank);
    end = weft_ref_limit_i64(end < 0 ? end + rank : end, start, rank);
    if (y->dtype != WEFT_DTYPE_I64 || weft_ref_elems(&y->shape) != end - start)
        return WEFT_UNSUPPORTED;
    for (int64_t i = start; i < end; i++)
        weft_ref_put_i64(y, i - start, x->shape.dims[i]);
    return WEFT_OK;
}

weft_status weft_ref_size(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *y = weft_ref_out(call, 0);
    if (y->dtype != WEFT_DTYPE_I64)
        return WEFT_UNSUPPORTED;
    weft_ref_put_i64(y, 0, weft_ref_elems(&x->shape));
    return WEFT_OK;
}

weft_status weft_ref_constant_of_shape(const weft_ref_call *call)
{
    const weft_tensor *y = weft_ref_out(call, 0);
    const weft_attr *value = weft_attrs_find(call->attrs, "value");
    size_t bytes = weft_dtype_bytes(y->dtype);
    int64_t elems = weft_ref_elems(&y->shape);
    bool given = value && value->kind == WEFT_ATTR_TENSOR;
    if (given && (value->tensor->dtype != y->dtype || weft_ref_elems(&value->tensor->shape) != 1))
        return WEFT_INVALID;
    for (int64_t i = 0; i < elems; i++) {
        if (given)
            copy_elem(y, i, value->tensor, 0, bytes);
        else
            memset((char *)y->data + (size_t)i * bytes, 0, bytes);
    }
    return WEFT_OK;
}

weft_status weft_ref_range(const weft_ref_call *call)
{
    const weft_tensor *start = weft_ref_in(call, 0), *delta = weft_ref_in(call, 2),
                      *y = weft_ref_out(call, 0);
    weft_ref_kind kind = weft_ref_kind_of(y->dtype);
    if (start->dtype != y->dtype || delta->dtype != y->dtype)
        return WEFT_UNSUPPORTED;
    if (kind != WEFT_REF_KIND_FLOAT && kind != WEFT_REF_KIND_SIGNED)
        return WEFT_UNSUPPORTED;
    int64_t elems = weft_ref_elems(&y->shape);
    for (int64_t i = 0; i < elems; i++) {
        if (kind == WEFT_REF_KIND_FLOAT) {
            weft_ref_put_f64(y, i,
                             weft_ref_get_f64(start, 0) + (double)i * weft_ref_get_f64(delta, 0));
        } else {
            uint64_t offset = (uint64_t)i * (uint64_t)weft_ref_get_i64(delta, 0);
            weft_ref_put_i64(y, i, (int64_t)((uint64_t)weft_ref_get_i64(start, 0) + offset));
        }
    }
    return WEFT_OK;
}
