/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that only move data: Transpose, Concat, Slice, Split, Pad, Expand, Tile -> strided
 * copies (weft_copy) and fills (weft_fill). A copy is a box of up to eight dimensions between two
 * strided places. */
#include <string.h>

#include "compiler/plan/internal.h"

enum { DIMS = WEFT_MAX_RANK, BOX_DIMS = 2 * WEFT_MAX_RANK + 1 };
enum {
    WORD_BYTES = 4
}; /* of the kernels' elements; those of other sizes are moved as several words or bytes */
/* Bytes that a work-item moves at least, and the most work-items that sharing out needs. */
enum { LEAST_BYTES = 4096, MOST_ITEMS = 32 };

typedef struct box {
    int64_t dims[BOX_DIMS], x[BOX_DIMS], y[BOX_DIMS]; /* innermost last; strides in elements */
    int64_t x_offset, y_offset;
} box;

static void row_major(const weft_shape *shape, int64_t *strides)
{
    int64_t stride = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= shape->dims[i];
    }
}

static void push_dim(box *to, int *count, int64_t size, int64_t x, int64_t y)
{
    to->dims[*count] = size;
    to->x[*count] = x;
    to->y[(*count)++] = y;
}

/* The box without dimensions of 1, and with neighbours made one where both sides allow it and no
 * more than `most` elements come together. Returns how many are left. */
static int pack_box(const box *from, int rank, int64_t most, box *out)
{
    int count = 0;
    *out = (box){.x_offset = from->x_offset, .y_offset = from->y_offset};
    for (int i = 0; i < rank; i++) {
        int64_t size = from->dims[i];
        if (size == 1)
            continue;
        if (count > 0 && out->dims[count - 1] <= most / size &&
            out->x[count - 1] == from->x[i] * size && out->y[count - 1] == from->y[i] * size) {
            out->dims[count - 1] *= size;
            out->x[count - 1] = from->x[i];
            out->y[count - 1] = from->y[i];
        } else {
            push_dim(out, &count, size, from->x[i], from->y[i]);
        }
    }
    return count;
}

/* Right-aligns rank dimensions into eight. */
static void align(int64_t *list, int rank, int64_t fill)
{
    memmove(list + (DIMS - rank), list, (size_t)rank * sizeof *list);
    for (int i = 0; i < DIMS - rank; i++)
        list[i] = fill;
}

static weft_status launch_copy(launch_builder *builder, const weft_node *node, const weft_value *x,
                               const weft_value *y, box whole, int rank)
{
    int64_t bytes = (int64_t)weft_dtype_bytes(y->dtype),
            unit = bytes % WORD_BYTES == 0 ? WORD_BYTES : 1, parts = bytes / unit;
    if (weft__plan_elems(x) > INT32_MAX / parts || weft__plan_elems(y) > INT32_MAX / parts)
        return weft__plan_unsupported(builder->state, node,
                                      "a tensor is too large to be moved in words", NULL);
    for (int i = 0; i < rank; i++) {
        if (whole.dims[i] == 0)
            return WEFT_OK;
        whole.x[i] *= parts;
        whole.y[i] *= parts;
    }
    whole.x_offset *= parts;
    whole.y_offset *= parts;
    push_dim(&whole, &rank, parts, 1, 1);
    box copy;
    int count = pack_box(&whole, rank, LEAST_BYTES / unit, &copy);
    if (count > DIMS)
        count = pack_box(&whole, rank, INT64_MAX, &copy);
    if (count > DIMS)
        return weft__plan_unsupported(builder->state, node,
                                      "the copy has more than 8 separate dimensions", NULL);
    align(copy.dims, count, 1);
    align(copy.x, count, 0);
    align(copy.y, count, 0);
    int64_t rows = 1;
    for (int i = 0; i < DIMS - 1; i++)
        rows *= copy.dims[i];
    int64_t least = LEAST_BYTES / (copy.dims[DIMS - 1] * unit) + 1,
            even = (rows + MOST_ITEMS - 1) / MOST_ITEMS, block = even > least ? even : least;
    block = block < rows ? block : rows;
    weft__launch_operand(builder, x);
    weft__launch_value(builder, y);
    weft__launch_ints(builder, (const int64_t[]){copy.x_offset, copy.y_offset}, 2);
    weft__launch_ints(builder, copy.dims + 1, DIMS - 1);
    weft__launch_ints(builder, copy.x, DIMS);
    weft__launch_ints(builder, copy.y, DIMS);
    weft__launch_ints(builder, (const int64_t[]){rows, block}, 2);
    weft__launch_end(builder, WEFT_KERNEL_MOVE, unit == 1 ? "weft_copy_bytes" : "weft_copy",
                     (rows + block - 1) / block, 1, "box");
    return WEFT_OK;
}

weft_status weft__launch_whole_copy(launch_builder *builder, const weft_node *node)
{
    const weft_value *x = node->inputs[0], *y = node->outputs[0];
    box copy = {.dims = {weft__plan_elems(y)}, .x = {1}, .y = {1}};
    return launch_copy(builder, node, x, y, copy, 1);
}

static void launch_fill(launch_builder *builder, const weft_value *y, double value)
{
    int64_t elems = weft__plan_elems(y);
    int64_t inner = y->shape.rank > 0 ? y->shape.dims[y->shape.rank - 1] : 1;
    bool is_byte = weft_dtype_bytes(y->dtype) == 1;
    weft__launch_value(builder, y);
    if (is_byte)
        weft__launch_int(builder, (int64_t)value);
    else
        weft__launch_float(builder, value);
    weft__launch_int(builder, 0);
    /* d1..d7: rows lie in d6, the last dimension in d7. */
    weft__launch_ints(builder, (const int64_t[]){1, 1, 1, 1, 1, elems / inner, inner}, 7);
    weft__launch_ints(builder, (const int64_t[]){0, 0, 0, 0, 0, 0, inner, 1}, 8);
    weft__launch_end(builder, WEFT_KERNEL_MOVE, is_byte ? "weft_fill_bytes" : "weft_fill",
                     elems / inner, 1, "box");
}

static weft_status plan_transpose(launch_builder *builder, const weft_node *node)
{
    const weft_value *x = node->inputs[0], *y = node->outputs[0];
    int rank = y->shape.rank;
    int64_t perm[DIMS], x_strides[DIMS];
    if (weft_attrs_ints(&node->attrs, "perm", perm, DIMS, 0) == 0)
        for (int i = 0; i < rank; i++)
            perm[i] = rank - 1 - i;
    row_major(&x->shape, x_strides);
    box copy = {.x_offset = 0};
    row_major(&y->shape, copy.y);
    for (int i = 0; i < rank; i++) {
        copy.dims[i] = y->shape.dims[i];
        copy.x[i] = x_strides[perm[i]];
    }
    return launch_copy(builder, node, x, y, copy, rank);
}

/* One copy per input (Concat) or output (Split) with an offset along the axis. */
static weft_status plan_along_axis(launch_builder *builder, const weft_node *node)
{
    bool is_concat = node->op == WEFT_OP_Concat;
    const weft_value *whole = is_concat ? node->outputs[0] : node->inputs[0];
    int rank = whole->shape.rank;
    int64_t axis = weft_attrs_int(&node->attrs, "axis", 0), whole_strides[DIMS], offset = 0;
    if (axis < 0)
        axis += rank;
    row_major(&whole->shape, whole_strides);
    size_t parts = is_concat ? node->input_count : node->output_count;
    for (size_t i = 0; i < parts; i++) {
        const weft_value *part = is_concat ? node->inputs[i] : node->outputs[i];
        if (part == NULL)
            continue;
        box copy = {.x_offset = is_concat ? 0 : offset, .y_offset = is_concat ? offset : 0};
        memcpy(copy.dims, part->shape.dims, sizeof part->shape.dims);
        row_major(&part->shape, is_concat ? copy.x : copy.y);
        memcpy(is_concat ? copy.y : copy.x, whole_strides, sizeof whole_strides);
        weft_status status = launch_copy(builder, node, is_concat ? part : whole,
                                         is_concat ? whole : part, copy, rank);
        if (status != WEFT_OK)
            return status;
        offset += part->shape.dims[axis] * whole_strides[axis];
    }
    return WEFT_OK;
}

static weft_status plan_slice(launch_builder *builder, const weft_node *node)
{
    const weft_value *x = node->inputs[0], *y = node->outputs[0];
    int rank = x->shape.rank;
    int64_t starts[DIMS], axes[DIMS], steps[DIMS], strides[DIMS];
    size_t count = 0, given = 0;
    if (!weft_value_const_ints(weft_node_input(node, 1), starts, DIMS, &count))
        return weft__plan_unsupported(builder->state, node, "the starts are not constant", NULL);
    for (size_t i = 0; i < count; i++) {
        axes[i] = (int64_t)i;
        steps[i] = 1;
    }
    if (weft_node_input(node, 3) != NULL)
        weft_value_const_ints(weft_node_input(node, 3), axes, DIMS, &given);
    if (weft_node_input(node, 4) != NULL)
        weft_value_const_ints(weft_node_input(node, 4), steps, DIMS, &given);
    row_major(&x->shape, strides);
    box copy = {.x_offset = 0};
    memcpy(copy.dims, y->shape.dims, sizeof y->shape.dims);
    memcpy(copy.x, strides, sizeof strides);
    row_major(&y->shape, copy.y);
    for (size_t i = 0; i < count; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i], size = x->shape.dims[axis];
        int64_t start = starts[i] < 0 ? starts[i] + size : starts[i];
        int64_t last = steps[i] < 0 ? size - 1 : size;
        start = start < 0 ? 0 : start > last ? last : start;
        copy.x_offset += start * strides[axis];
        copy.x[axis] = strides[axis] * steps[i];
    }
    return launch_copy(builder, node, x, y, copy, rank);
}

static weft_status plan_pad(launch_builder *builder, const weft_node *node)
{
    const weft_value *x = node->inputs[0], *y = node->outputs[0];
    int rank = x->shape.rank;
    int64_t pads[2 * DIMS], axes[DIMS], before[DIMS] = {0};
    size_t count = 0, axis_count = (size_t)rank;
    double value = 0.0;
    if (!weft_value_const_ints(weft_node_input(node, 1), pads, 2 * DIMS, &count) ||
        (weft_node_input(node, 2) != NULL &&
         !weft_value_const_scalar(weft_node_input(node, 2), &value)))
        return weft__plan_unsupported(builder->state, node,
                                      "the pads or the fill value are not constant", NULL);
    for (int i = 0; i < rank; i++)
        axes[i] = i;
    if (weft_node_input(node, 3) != NULL)
        weft_value_const_ints(weft_node_input(node, 3), axes, DIMS, &axis_count);
    for (size_t i = 0; i < axis_count; i++)
        before[axes[i] < 0 ? axes[i] + rank : axes[i]] = pads[i];
    const char *mode = weft_attrs_string(&node->attrs, "mode", "constant");
    if (strcmp(mode, "constant") != 0)
        return weft__launch_pad_tables(builder, node, before, mode);
    /* The kernels fill with f32 or bytes; the bits of 0 are the same in every type. */
    size_t bytes = weft_dtype_bytes(y->dtype);
    if (y->dtype != WEFT_DTYPE_F32 && bytes != 1 && (bytes != WORD_BYTES || value != 0.0))
        return weft__plan_unsupported(builder->state, node,
                                      "padding with a constant has kernels for f32 and 8 bits only",
                                      "export the model in f32");
    launch_fill(builder, y, value);
    box copy = {.x_offset = 0};
    row_major(&x->shape, copy.x);
    row_major(&y->shape, copy.y);
    for (int i = 0; i < rank; i++) {
        /* Negative pads cut: the box is what both tensors hold. */
        int64_t begin = before[i] > 0 ? before[i] : 0;
        int64_t end = x->shape.dims[i] + before[i] < y->shape.dims[i] ? x->shape.dims[i] + before[i]
                                                                      : y->shape.dims[i];
        copy.dims[i] = end > begin ? end - begin : 0;
        copy.y_offset += begin * copy.y[i];
        copy.x_offset += (begin - before[i]) * copy.x[i];
    }
    return launch_copy(builder, node, x, y, copy, rank);
}

static weft_status plan_expand(launch_builder *builder, const weft_node *node)
{
    const weft_value *x = node->inputs[0], *y = node->outputs[0];
    int shift = y->shape.rank - x->shape.rank;
    int64_t strides[DIMS] = {0};
    row_major(&x->shape, strides);
    box copy = {.x_offset = 0};
    memcpy(copy.dims, y->shape.dims, sizeof y->shape.dims);
    row_major(&y->shape, copy.y);
    for (int i = 0; i < x->shape.rank; i++)
        copy.x[i + shift] = x->shape.dims[i] == 1 ? 0 : strides[i];
    return launch_copy(builder, node, x, y, copy, y->shape.rank);
}

/* Every axis twice: how often the tensor repeats along it (stride 0 in x), and its size. */
static weft_status plan_tile(launch_builder *builder, const weft_node *node)
{
    const weft_value *x = node->inputs[0], *y = node->outputs[0];
    int64_t x_strides[DIMS] = {0}, y_strides[DIMS] = {0};
    int count = 0;
    row_major(&x->shape, x_strides);
    row_major(&y->shape, y_strides);
    box copy = {.x_offset = 0};
    for (int i = 0; i < x->shape.rank; i++) {
        int64_t size = x->shape.dims[i];
        push_dim(&copy, &count, y->shape.dims[i] / size, 0, y_strides[i] * size);
        push_dim(&copy, &count, size, x_strides[i], y_strides[i]);
    }
    return launch_copy(builder, node, x, y, copy, count);
}

weft_status weft__plan_move(schedule_state *state, const weft_node *node, weft_step *step)
{
    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    switch (node->op) {
    case WEFT_OP_Transpose: return plan_transpose(&builder, node);
    case WEFT_OP_Concat:
    case WEFT_OP_Split: return plan_along_axis(&builder, node);
    case WEFT_OP_Slice: return plan_slice(&builder, node);
    case WEFT_OP_Pad: return plan_pad(&builder, node);
    case WEFT_OP_Tile: return plan_tile(&builder, node);
    default: return plan_expand(&builder, node);
    }
}
