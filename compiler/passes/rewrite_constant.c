/* SPDX-License-Identifier: Apache-2.0 */
/* Constants under rewriting: read, transpose, combine, scale the weights of a node. Must not know
 * any pass. */
#include "compiler/passes/rewrite.h"

#include <string.h>

const float *weft_rewrite_f32(const weft_value *value)
{
    return value && weft_value_is_constant(value) && value->dtype == WEFT_DTYPE_F32 ? value->data
                                                                                    : NULL;
}

/* A constant named after another one (NULL: a fresh name). */
static weft_value *add_like(weft_graph *graph, const weft_value *like, weft_dtype dtype,
                            const weft_shape *shape, const void *data)
{
    const char *name = like ? weft_rewrite_base_name(graph, like->name) : NULL;
    return weft_graph_add_constant(graph, name, dtype, shape, data);
}

static size_t element_count(const weft_shape *shape)
{
    int64_t count = 0;
    WEFT_ASSERT(weft_shape_elems(shape, &count)); /* inference has accepted the shape */
    return (size_t)count;
}

bool weft_rewrite_all_equal(const weft_value *value, float number)
{
    const float *data = weft_rewrite_f32(value);
    size_t count = data ? element_count(&value->shape) : 0;
    for (size_t i = 0; i < count; i++)
        if (data[i] != number)
            return false;
    return count > 0;
}

static void strides_of(const weft_shape *shape, size_t *out_strides)
{
    size_t stride = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        out_strides[i] = stride;
        stride *= (size_t)shape->dims[i];
    }
}

/* Counts index up over shape, row-major; keeps offset, the sum of index[i] * strides[i]. */
static void advance(const weft_shape *shape, const size_t *strides, int64_t *index, size_t *offset)
{
    for (int i = shape->rank - 1; i >= 0; i--) {
        *offset += strides[i];
        if (++index[i] < shape->dims[i])
            return;
        *offset -= strides[i] * (size_t)shape->dims[i];
        index[i] = 0;
    }
}

/* count elements, `stride` elements apart in from, one after the other into to. */
static void gather_row(uint8_t *to, const uint8_t *from, size_t count, size_t stride,
                       size_t size_bytes)
{
    if (size_bytes == sizeof(uint32_t)) { /* weights: worth a loop of its own */
        for (size_t i = 0; i < count; i++)
            memcpy(to + i * sizeof(uint32_t), from + i * stride * sizeof(uint32_t),
                   sizeof(uint32_t));
        return;
    }
    for (size_t i = 0; i < count; i++)
        memcpy(to + i * size_bytes, from + i * stride * size_bytes, size_bytes);
}

/* Whether all elements are the same, bit by bit: permuting them changes nothing. */
static bool is_uniform(const uint8_t *data, size_t count, size_t size_bytes)
{
    return memcmp(data, data + size_bytes, (count - 1) * size_bytes) == 0;
}

weft_value *weft_rewrite_permute_constant(weft_graph *graph, const weft_value *value,
                                          const int64_t *perm)
{
    weft_shape shape = weft_rewrite_perm_shape(perm, &value->shape);
    size_t count = element_count(&shape), size_bytes = weft_dtype_bytes(value->dtype);
    if (count == 0 || weft_rewrite_perm_is_view(perm, &value->shape))
        return weft_rewrite_view_constant(graph, value, &shape);
    if (is_uniform(value->data, count, size_bytes))
        return add_like(graph, value, value->dtype, &shape, value->data);
    size_t own[WEFT_MAX_RANK] = {0}, strides[WEFT_MAX_RANK] = {0}, offset = 0;
    int64_t index[WEFT_MAX_RANK] = {0};
    strides_of(&value->shape, own);
    for (int i = 0; i < shape.rank; i++)
        strides[i] = own[perm[i]];
    weft_shape outer = shape; /* all but the last axis, which is copied in one go */
    outer.rank--;
    size_t row = (size_t)shape.dims[outer.rank];
    uint8_t *to = weft_arena_alloc_array(graph->arena, count, size_bytes);
    const uint8_t *from = value->data;
    for (size_t done = 0; done < count; done += row) {
        gather_row(to + done * size_bytes, from + offset * size_bytes, row, strides[outer.rank],
                   size_bytes);
        advance(&outer, strides, index, &offset);
    }
    return add_like(graph, value, value->dtype, &shape, to);
}

weft_value *weft_rewrite_view_constant(weft_graph *graph, const weft_value *value,
                                       const weft_shape *shape)
{
    weft_value *view = add_like(graph, value, value->dtype, shape, value->data);
    view->text_hash = value->text_hash;
    return view;
}

weft_shape weft_rewrite_pad_rank(const weft_shape *shape, int rank)
{
    weft_shape result = {.rank = rank};
    int lead = rank - shape->rank;
    for (int i = 0; i < rank; i++)
        result.dims[i] = i < lead ? 1 : shape->dims[i - lead];
    return result;
}

/* Strides of a broadcast operand: 0 where it has one element for many. */
static void broadcast_strides(const weft_shape *operand, const weft_shape *result,
                              size_t *out_strides)
{
    weft_shape padded = weft_rewrite_pad_rank(operand, result->rank);
    strides_of(&padded, out_strides);
    for (int i = 0; i < result->rank; i++)
        if (padded.dims[i] == 1)
            out_strides[i] = 0;
}

weft_value *weft_rewrite_combine(weft_graph *graph, weft_op op, const weft_value *a,
                                 const weft_value *b)
{
    int rank = a->shape.rank > b->shape.rank ? a->shape.rank : b->shape.rank;
    weft_shape left = weft_rewrite_pad_rank(&a->shape, rank);
    weft_shape right = weft_rewrite_pad_rank(&b->shape, rank), shape = left;
    for (int i = 0; i < rank; i++) {
        if (left.dims[i] != right.dims[i] && left.dims[i] != 1 && right.dims[i] != 1)
            return NULL;
        shape.dims[i] = left.dims[i] == 1 ? right.dims[i] : left.dims[i];
    }
    int64_t elems;
    if (!weft_shape_elems(&shape, &elems))
        return NULL;
    size_t a_strides[WEFT_MAX_RANK] = {0}, b_strides[WEFT_MAX_RANK] = {0}, a_offset = 0,
           b_offset = 0;
    int64_t a_index[WEFT_MAX_RANK] = {0}, b_index[WEFT_MAX_RANK] = {0};
    broadcast_strides(&a->shape, &shape, a_strides);
    broadcast_strides(&b->shape, &shape, b_strides);
    const float *x = weft_rewrite_f32(a), *y = weft_rewrite_f32(b);
    float *to = WEFT_NEW_ARRAY(graph->arena, float, (size_t)elems);
    for (size_t i = 0; i < (size_t)elems; i++) {
        to[i] = op == WEFT_OP_Add ? x[a_offset] + y[b_offset] : x[a_offset] * y[b_offset];
        advance(&shape, a_strides, a_index, &a_offset);
        advance(&shape, b_strides, b_index, &b_offset);
    }
    return add_like(graph, a, WEFT_DTYPE_F32, &shape, to);
}

bool weft_rewrite_read_channel(const weft_value *value, const weft_shape *shape, int axis,
                               double *out_numbers)
{
    const float *data = weft_rewrite_f32(value);
    if (!data || value->shape.rank > shape->rank)
        return false;
    weft_shape own = weft_rewrite_pad_rank(&value->shape, shape->rank);
    for (int i = 0; i < shape->rank; i++)
        if (own.dims[i] != 1 && (i != axis || own.dims[i] != shape->dims[i]))
            return false;
    for (int64_t c = 0; c < shape->dims[axis]; c++)
        out_numbers[c] = (double)data[own.dims[axis] == 1 ? 0 : c];
    return true;
}

bool weft_rewrite_scale_channels(weft_graph *graph, weft_node *node, const double *scale,
                                 const double *shift)
{
    const weft_value *weights = weft_node_input(node, 1), *bias = weft_node_input(node, 2);
    const float *w = weft_rewrite_f32(weights), *b = weft_rewrite_f32(bias);
    if (!w || (bias && !b) || weights->shape.rank < 1 || weights->shape.dims[0] < 1)
        return false;
    size_t channels = (size_t)weights->shape.dims[0];
    size_t inner = element_count(&weights->shape) / channels;
    if (scale) {
        float *to = WEFT_NEW_ARRAY(graph->arena, float, channels *inner);
        for (size_t c = 0; c < channels; c++)
            for (size_t i = 0; i < inner; i++)
                to[c * inner + i] = (float)((double)w[c * inner + i] * scale[c]);
        weft_node_set_input(graph, node, 1,
                            add_like(graph, weights, WEFT_DTYPE_F32, &weights->shape, to));
    }
    if (!b && !shift)
        return true;
    float *to = WEFT_NEW_ARRAY(graph->arena, float, channels);
    for (size_t c = 0; c < channels; c++)
        to[c] =
            (float)((b ? (double)b[c] : 0.0) * (scale ? scale[c] : 1.0) + (shift ? shift[c] : 0.0));
    weft_shape shape = {.rank = 1, .dims = {(int64_t)channels}};
    weft_node_set_input(graph, node, 2, add_like(graph, bias, WEFT_DTYPE_F32, &shape, to));
    return true;
}
