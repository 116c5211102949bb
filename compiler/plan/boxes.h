/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator that only moves data moves: boxes of elements between two strided places, and
 * fills. Knows nothing of who executes them. */
#ifndef WEFT_PLAN_BOXES_H
#define WEFT_PLAN_BOXES_H

#include "compiler/ir/graph.h"

/* Two dimensions for every axis at most (Tile repeats). */
enum { WEFT__BOX_DIMS = 2 * WEFT_MAX_RANK };

typedef struct weft__box {
    const weft_value *x, *y; /* x NULL: y is filled with `fill` */
    double fill;
    int rank;                                                 /* innermost dimension last */
    int64_t dims[WEFT__BOX_DIMS];                             /* never 0 */
    int64_t x_steps[WEFT__BOX_DIMS], y_steps[WEFT__BOX_DIMS]; /* in elements */
    int64_t x_offset, y_offset;
} weft__box;

typedef WEFT_VEC(weft__box) weft__box_list;

/* Boxes of Transpose, Concat, Split, Slice, Gather of a few positions, Pad with a constant, Expand,
 * Tile and Identity, in order; false when the node is none of these, or its operands are not
 * constant. */
bool weft__plan_boxes(weft_arena *arena, const weft_node *node, weft__box_list *out_boxes);

#endif
