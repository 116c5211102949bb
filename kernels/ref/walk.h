/* SPDX-License-Identifier: Apache-2.0 */
/* Walking a shape in row-major order while following up to three tensors with strides of their own
 * (0 = broadcast): the loop under every broadcasting, permuting, slicing and reducing kernel. Also
 * access to a call's operands. Knows nothing about element types. */
#ifndef WEFT_KERNELS_REF_WALK_H
#define WEFT_KERNELS_REF_WALK_H

#include "compiler/ir/graph.h"

enum { WEFT_REF_WALK_OPERANDS = 3 };

/* Use:  walk = weft_ref_walk_over(&shape); set operands;  for (; walk.left > 0;
 * weft_ref_walk_next(&walk)) use walk.at[k]; */
typedef struct weft_ref_walk {
    weft_shape shape;
    int64_t index[WEFT_MAX_RANK];
    int64_t step[WEFT_REF_WALK_OPERANDS][WEFT_MAX_RANK];
    int64_t at[WEFT_REF_WALK_OPERANDS]; /* element offset of each operand at the current index */
    int64_t left;                       /* positions not yet done, the current one included */
} weft_ref_walk;

/* Number of elements; shapes were checked, so it cannot overflow. */
static inline int64_t weft_ref_elems(const weft_shape *shape)
{
    int64_t elems = 1;
    for (int d = 0; d < shape->rank; d++)
        elems *= shape->dims[d];
    return elems;
}

/* Product of dims[first..last). */
static inline int64_t weft_ref_span(const weft_shape *shape, int first, int last)
{
    int64_t elems = 1;
    for (int d = first; d < last; d++)
        elems *= shape->dims[d];
    return elems;
}

static inline void weft_ref_strides(const weft_shape *shape, int64_t *out_strides)
{
    int64_t stride = 1;
    for (int d = shape->rank - 1; d >= 0; d--) {
        out_strides[d] = stride;
        stride *= shape->dims[d];
    }
}

static inline weft_ref_walk weft_ref_walk_over(const weft_shape *shape)
{
    weft_ref_walk walk = {.shape = *shape};
    walk.left = weft_ref_elems(shape);
    return walk;
}

/* Operand k is a tensor of `shape`, broadcast to the walked shape by the multidirectional rule
 * (aligned at the last axis). */
static inline void weft_ref_walk_broadcast(weft_ref_walk *walk, int k, const weft_shape *shape)
{
    int64_t strides[WEFT_MAX_RANK];
    int shift = walk->shape.rank - shape->rank;
    weft_ref_strides(shape, strides);
    for (int d = 0; d < shape->rank; d++)
        walk->step[k][shift + d] = shape->dims[d] == 1 ? 0 : strides[d];
}

static inline void weft_ref_walk_next(weft_ref_walk *walk)
{
    walk->left--;
    for (int d = walk->shape.rank - 1; d >= 0; d--) {
        walk->index[d]++;
        for (int k = 0; k < WEFT_REF_WALK_OPERANDS; k++)
            walk->at[k] += walk->step[k][d];
        if (walk->index[d] < walk->shape.dims[d])
            return;
        for (int k = 0; k < WEFT_REF_WALK_OPERANDS; k++)
            walk->at[k] -= walk->step[k][d] * walk->shape.dims[d];
        walk->index[d] = 0;
    }
}

/* NULL when omitted. */
static inline const weft_tensor *weft_ref_in(const weft_ref_call *call, size_t index)
{
    return index < call->input_count ? call->inputs[index] : NULL;
}

static inline const weft_tensor *weft_ref_out(const weft_ref_call *call, size_t index)
{
    return index < call->output_count ? call->outputs[index] : NULL;
}

/* An axis attribute or input with negative values counted from the end; -1 when out of range. */
static inline int weft_ref_axis(int64_t axis, int rank)
{
    if (axis < 0)
        axis += rank;
    return axis >= 0 && axis < rank ? (int)axis : -1;
}

#endif
