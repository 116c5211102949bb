/* SPDX-License-Identifier: Apache-2.0 */
/* See boxes.h. */
#include "compiler/plan/boxes.h"

#include <string.h>

enum { DIMS = WEFT_MAX_RANK };

static void row_major(const weft_shape *shape, int64_t steps[DIMS])
{
    int64_t step = 1;
    for (int i = shape->rank; i < DIMS; i++)
        steps[i] = 0;
    for (int i = shape->rank - 1; i >= 0; i--) {
        steps[i] = step;
        step *= shape->dims[i];
    }
}

/* A box over the whole of y with y's own steps. */
static weft__box whole_of(const weft_value *x, const weft_value *y)
{
    weft__box box = {.x = x, .y = y, .rank = y->shape.rank};
    memcpy(box.dims, y->shape.dims, sizeof y->shape.dims);
    row_major(&y->shape, box.y_steps);
    return box;
}

static void push(weft_arena *arena, weft__box_list *list, weft__box box)
{
    for (int i = 0; i < box.rank; i++)
        if (box.dims[i] == 0)
            return;
    WEFT_VEC_PUSH(arena, list, box);
}

static weft__box transpose(const weft_node *node)
{
    const weft_value *x = node->inputs[0];
    weft__box box = whole_of(x, node->outputs[0]);
    int64_t perm[DIMS], steps[DIMS];
    if (weft_attrs_ints(&node->attrs, "perm", perm, DIMS, 0) == 0)
        for (int i = 0; i < box.rank; i++)
            perm[i] = box.rank - 1 - i;
    row_major(&x->shape, steps);
    for (int i = 0; i < box.rank; i++)
        box.x_steps[i] = steps[perm[i]];
    return box;
}

static weft__box expand(const weft_node *node)
{
    const weft_value *x = node->inputs[0];
    weft__box box = whole_of(x, node->outputs[0]);
    int64_t steps[DIMS];
    int shift = box.rank - x->shape.rank;
    row_major(&x->shape, steps);
    for (int i = 0; i < x->shape.rank; i++)
        box.x_steps[i + shift] = x->shape.dims[i] == 1 ? 0 : steps[i];
    return box;
}

static weft__box tile(const weft_node *node)
{
    const weft_value *x = node->inputs[0], *y = node->outputs[0];
    int64_t x_steps[DIMS], y_steps[DIMS];
    weft__box box = {.x = x, .y = y};
    row_major(&x->shape, x_steps);
    row_major(&y->shape, y_steps);
    for (int i = 0; i < x->shape.rank; i++) {
        int64_t size = x->shape.dims[i];
        box.dims[box.rank] = size == 0 ? 0 : y->shape.dims[i] / size;
        box.y_steps[box.rank++] = y_steps[i] * size;
        box.dims[box.rank] = size;
        box.x_steps[box.rank] = x_steps[i];
        box.y_steps[box.rank++] = y_steps[i];
    }
    return box;
}

/* One box per input (Concat) or output (Split). */
static void along_axis(weft_arena *arena, const weft_node *node, weft__box_list *list)
{
    bool is_concat = node->op == WEFT_OP_Concat;
    const weft_value *whole = is_concat ? node->outputs[0] : node->inputs[0];
    int64_t axis = weft_attrs_int(&node->attrs, "axis", 0), whole_steps[DIMS], offset = 0;
    axis += axis < 0 ? whole->shape.rank : 0;
    row_major(&whole->shape, whole_steps);
    size_t parts = is_concat ? node->input_count : node->output_count;
    for (size_t i = 0; i < parts; i++) {
        const weft_value *part = is_concat ? node->inputs[i] : node->outputs[i];
        if (part == NULL)
            continue;
        weft__box box = {.x = is_concat ? part : whole,
                         .y = is_concat ? whole : part,
                         .rank = part->shape.rank,
                         .x_offset = is_concat ? 0 : offset,
                         .y_offset = is_concat ? offset : 0};
        memcpy(box.dims, part->shape.dims, sizeof part->shape.dims);
        row_major(&part->shape, is_concat ? box.x_steps : box.y_steps);
        memcpy(is_concat ? box.y_steps : box.x_steps, whole_steps, sizeof whole_steps);
        push(arena, list, box);
        offset += part->shape.dims[axis] * whole_steps[axis];
    }
}

static bool slice(const weft_node *node, weft__box *out)
{
    const weft_value *x = node->inputs[0];
    int rank = x->shape.rank;
    int64_t starts[DIMS], axes[DIMS], steps[DIMS], x_steps[DIMS];
    size_t count = 0, given = 0;
    if (!weft_value_const_ints(weft_node_input(node, 1), starts, DIMS, &count))
        return false;
    for (size_t i = 0; i < count; i++) {
        axes[i] = (int64_t)i;
        steps[i] = 1;
    }
    if ((weft_node_input(node, 3) != NULL &&
         !weft_value_const_ints(weft_node_input(node, 3), axes, DIMS, &given)) ||
        (weft_node_input(node, 4) != NULL &&
         !weft_value_const_ints(weft_node_input(node, 4), steps, DIMS, &given)))
        return false;
    row_major(&x->shape, x_steps);
    *out = whole_of(x, node->outputs[0]);
    memcpy(out->x_steps, x_steps, sizeof x_steps);
    for (size_t i = 0; i < count; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i], size = x->shape.dims[axis];
        int64_t start = starts[i] < 0 ? starts[i] + size : starts[i];
        int64_t last = steps[i] < 0 ? size - 1 : size;
        start = start < 0 ? 0 : start > last ? last : start;
        out->x_offset += start * x_steps[axis];
        out->x_steps[axis] = x_steps[axis] * steps[i];
    }
    return true;
}

static bool pad(weft_arena *arena, const weft_node *node, weft__box_list *list)
{
    const weft_value *x = node->inputs[0], *y = node->outputs[0];
    int rank = x->shape.rank;
    int64_t pads[2 * DIMS], axes[DIMS], before[DIMS] = {0};
    size_t count = 0, axis_count = (size_t)rank;
    double fill = 0.0;
    for (int i = 0; i < rank; i++)
        axes[i] = i;
    if (strcmp(weft_attrs_string(&node->attrs, "mode", "constant"), "constant") != 0 ||
        !weft_value_const_ints(weft_node_input(node, 1), pads, 2 * DIMS, &count) ||
        (weft_node_input(node, 2) != NULL &&
         !weft_value_const_scalar(weft_node_input(node, 2), &fill)) ||
        (weft_node_input(node, 3) != NULL &&
         !weft_value_const_ints(weft_node_input(node, 3), axes, DIMS, &axis_count)))
        return false;
    for (size_t i = 0; i < axis_count; i++)
        before[axes[i] < 0 ? axes[i] + rank : axes[i]] = pads[i];
    weft__box border = whole_of(NULL, y), inner = whole_of(x, y);
    border.fill = fill;
    push(arena, list, border);
    row_major(&x->shape, inner.x_steps);
    for (int i = 0; i < rank; i++) {
        /* Negative pads cut: the box is what both tensors hold. */
        int64_t begin = before[i] > 0 ? before[i] : 0;
        int64_t end = x->shape.dims[i] + before[i] < y->shape.dims[i] ? x->shape.dims[i] + before[i]
                                                                      : y->shape.dims[i];
        inner.dims[i] = end > begin ? end - begin : 0;
        inner.y_offset += begin * inner.y_steps[i];
        inner.x_offset += (begin - before[i]) * inner.x_steps[i];
    }
    push(arena, list, inner);
    return true;
}

/* One box per position; many of them are no move but a table. */
enum { GATHERED_MAX = 16 };

static bool gather(weft_arena *arena, const weft_node *node, weft__box_list *list)
{
    const weft_value *x = node->inputs[0], *y = node->outputs[0];
    int64_t positions[GATHERED_MAX], axis = weft_attrs_int(&node->attrs, "axis", 0);
    int64_t outer = 1, inner = 1;
    size_t count = 0;
    if (!weft_value_const_ints(node->inputs[1], positions, GATHERED_MAX, &count))
        return false;
    axis += axis < 0 ? x->shape.rank : 0;
    for (int i = 0; i < x->shape.rank; i++) {
        outer *= i < axis ? x->shape.dims[i] : 1;
        inner *= i > axis ? x->shape.dims[i] : 1;
    }
    int64_t size = x->shape.dims[axis];
    for (size_t i = 0; i < count; i++) {
        int64_t position = positions[i] < 0 ? positions[i] + size : positions[i];
        push(arena, list,
             (weft__box){.x = x,
                         .y = y,
                         .rank = 2,
                         .dims = {outer, inner},
                         .x_steps = {size * inner, 1},
                         .y_steps = {(int64_t)count * inner, 1},
                         .x_offset = position * inner,
                         .y_offset = (int64_t)i * inner});
    }
    return true;
}

bool weft__plan_boxes(weft_arena *arena, const weft_node *node, weft__box_list *out_boxes)
{
    weft__box box;
    *out_boxes = (weft__box_list){NULL, 0, 0};
    switch (node->op) {
    case WEFT_OP_Transpose: push(arena, out_boxes, transpose(node)); return true;
    case WEFT_OP_Expand: push(arena, out_boxes, expand(node)); return true;
    case WEFT_OP_Tile: push(arena, out_boxes, tile(node)); return true;
    case WEFT_OP_Identity:
        box = whole_of(node->inputs[0], node->outputs[0]);
        memcpy(box.x_steps, box.y_steps, sizeof box.y_steps);
        push(arena, out_boxes, box);
        return true;
    case WEFT_OP_Concat:
    case WEFT_OP_Split: along_axis(arena, node, out_boxes); return true;
    case WEFT_OP_Slice:
        if (!slice(node, &box))
            return false;
        push(arena, out_boxes, box);
        return true;
    case WEFT_OP_Gather: return gather(arena, node, out_boxes);
    case WEFT_OP_Pad: return pad(arena, node, out_boxes);
    default: return false;
    }
}
