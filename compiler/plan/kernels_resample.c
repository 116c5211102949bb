/* SPDX-License-Identifier: Apache-2.0 */
/* Operators whose output reads chosen positions of its input along axes: Gather by constant
 * indices, Resize, Pad by reflection and its kin. The positions, and for Resize their weights,
 * become tables in the package; axes are taken one after the other, through scratch memory.
 * Arguments: kernels/cpu/README.md. */
#include <string.h>

#include "compiler/plan/internal.h"
#include "kernels/ref/resize.h"

/* What an axis of the output reads; source NULL: the axis stays as it is. */
typedef struct axis_table {
    int64_t count; /* size of the axis in the output */
    int64_t taps;  /* positions per element */
    int32_t *source;
    float *weight; /* NULL: one position, weight 1, elements of any meaning */
} axis_table;

enum { WORD_BYTES = 4 };

/* inner counts elements of unit_bytes: those of the f32 kernels, or bytes. */
static void launch_axis(launch_builder *builder, const axis_table *table, int64_t outer,
                        int64_t axis, int64_t inner, int64_t unit_bytes)
{
    int64_t block = WEFT__ELEMENT_BLOCK / inner;
    block = block < 1 ? 1 : block > table->count ? table->count : block;
    weft__launch_ints(builder, (const int64_t[]){axis, table->count, inner}, 3);
    if (table->weight != NULL)
        weft__launch_int(builder, table->taps);
    weft__launch_int(builder, block);
    weft__launch_end(builder, WEFT_KERNEL_RESAMPLE,
                     table->weight != NULL      ? "weft_resample"
                     : unit_bytes == WORD_BYTES ? "weft_gather"
                                                : "weft_gather_bytes",
                     outer, (table->count + block - 1) / block, "block");
}

/* One launch per axis with a table; x_shape is the node's input seen with as many axes as there are
 * tables. */
static weft_status launch_tables(launch_builder *builder, const weft_node *node,
                                 const weft_shape *x_shape, const axis_table *tables)
{
    schedule_state *state = builder->state;
    int64_t bytes = (int64_t)weft_dtype_bytes(node->outputs[0]->dtype),
            unit_bytes = bytes % WORD_BYTES == 0 ? WORD_BYTES : 1, units = bytes / unit_bytes;
    weft_shape shape = *x_shape;
    int32_t scratch = -1;
    int last = -1;
    for (int axis = 0; axis < shape.rank; axis++)
        last = tables[axis].source != NULL ? axis : last;
    if (last < 0)
        return weft__launch_whole_copy(builder, node);
    for (int axis = 0; axis <= last; axis++) {
        const axis_table *table = &tables[axis];
        if (table->source == NULL)
            continue;
        int64_t outer = 1, inner = units, elems = 0, size = shape.dims[axis];
        for (int i = 0; i < axis; i++)
            outer *= shape.dims[i];
        for (int i = axis + 1; i < shape.rank; i++)
            inner *= shape.dims[i];
        shape.dims[axis] = table->count;
        if (!weft_shape_elems(&shape, &elems) || elems > INT32_MAX / units)
            return weft__plan_unsupported(state, node,
                                          "a tensor has 2^31 elements or more on the way", NULL);
        if (scratch < 0)
            weft__launch_operand(builder, node->inputs[0]);
        else
            weft__launch_scratch_again(builder, scratch);
        weft__launch_blob(builder, weft__plan_table(state, WEFT_DTYPE_I32, table->source,
                                                    table->count * table->taps));
        if (table->weight != NULL)
            weft__launch_blob(builder, weft__plan_table(state, WEFT_DTYPE_F32, table->weight,
                                                        table->count * table->taps));
        if (axis == last)
            weft__launch_value(builder, node->outputs[0]);
        else
            scratch = weft__launch_scratch(builder, (uint64_t)(elems * bytes));
        launch_axis(builder, table, outer, size, inner, unit_bytes);
    }
    return WEFT_OK;
}

weft_status weft__plan_gather(schedule_state *state, const weft_node *node, weft_step *step)
{
    const weft_value *x = node->inputs[0], *indices = node->inputs[1];
    weft_arena *arena = state->planner->arena;
    if (!weft_value_is_constant(indices))
        return weft__plan_unsupported(state, node, "the indices are computed at run time",
                                      "only gathering by constant indices has a kernel");
    int64_t axis = weft_attrs_int(&node->attrs, "axis", 0), count = weft__plan_elems(indices);
    axis += axis < 0 ? x->shape.rank : 0;
    int64_t size = x->shape.dims[axis];
    axis_table tables[WEFT_MAX_RANK] = {{0}};
    int32_t *source = WEFT_NEW_ARRAY(arena, int32_t, (size_t)count);
    for (int64_t i = 0; i < count; i++) {
        int64_t index = indices->dtype == WEFT_DTYPE_I64 ? ((const int64_t *)indices->data)[i]
                                                         : ((const int32_t *)indices->data)[i];
        index += index < 0 ? size : 0;
        if (index < 0 || index >= size)
            return weft__plan_unsupported(state, node, "an index lies outside the axis", NULL);
        source[i] = (int32_t)index;
    }
    tables[axis] = (axis_table){count, 1, source, NULL};
    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    return launch_tables(&builder, node, &x->shape, tables);
}

/* The position an element `at` (negative or beyond the end in the pads) repeats. */
static int64_t padded_position(int64_t at, int64_t size, const char *mode)
{
    if (strcmp(mode, "reflect") == 0)
        return at < 0 ? -at : at >= size ? 2 * (size - 1) - at : at;
    if (strcmp(mode, "wrap") == 0)
        return (at % size + size) % size;
    return at < 0 ? 0 : at >= size ? size - 1 : at;
}

weft_status weft__launch_pad_tables(launch_builder *builder, const weft_node *node,
                                    const int64_t *before, const char *mode)
{
    weft_arena *arena = builder->state->planner->arena;
    const weft_shape *x = &node->inputs[0]->shape, *y = &node->outputs[0]->shape;
    axis_table tables[WEFT_MAX_RANK] = {{0}};
    for (int axis = 0; axis < x->rank; axis++) {
        int64_t count = y->dims[axis];
        if (count == x->dims[axis] && before[axis] == 0)
            continue;
        int32_t *source = WEFT_NEW_ARRAY(arena, int32_t, (size_t)count);
        for (int64_t i = 0; i < count; i++) {
            int64_t position = padded_position(i - before[axis], x->dims[axis], mode);
            WEFT_ASSERT(position >= 0 && position < x->dims[axis]); /* inference limits the pads */
            source[i] = (int32_t)position;
        }
        tables[axis] = (axis_table){count, 1, source, NULL};
    }
    return launch_tables(builder, node, x, tables);
}

/* Tables of the axes that change; false when some element takes the extrapolation value. */
static bool resize_tables(weft_arena *arena, const weft_ref_resize_axis *axes, int rank,
                          bool is_nearest, axis_table *tables)
{
    for (int d = 0; d < rank; d++) {
        const weft_ref_resize_axis *axis = &axes[d];
        size_t count = (size_t)(axis->out * axis->taps);
        int32_t *source = WEFT_NEW_ARRAY(arena, int32_t, count);
        float *weight = is_nearest ? NULL : WEFT_NEW_ARRAY(arena, float, count);
        bool is_same = axis->out == axis->in;
        for (int64_t i = 0; i < axis->out; i++) {
            if (axis->is_outside[i])
                return false;
            for (int64_t t = i * axis->taps; t < (i + 1) * axis->taps; t++) {
                source[t] = (int32_t)axis->source[t];
                if (weight != NULL)
                    weight[t] = (float)axis->weight[t];
                is_same = is_same && (axis->weight[t] == 0.0 ||
                                      (axis->source[t] == i && axis->weight[t] == 1.0));
            }
        }
        if (!is_same)
            tables[d] = (axis_table){axis->out, axis->taps, source, weight};
    }
    return true;
}

weft_status weft__plan_resize(schedule_state *state, const weft_node *node, weft_step *step)
{
    const weft_value *x = node->inputs[0];
    weft_tensor tensors[4], y = {node->outputs[0]->dtype, node->outputs[0]->shape, NULL};
    const weft_tensor *inputs[4] = {NULL};
    weft_tensor *outputs[1] = {&y};
    for (size_t i = 0; i < 4; i++) {
        const weft_value *value = weft_node_input(node, i);
        if (value == NULL)
            continue;
        if (i > 0 && !weft_value_is_constant(value))
            return weft__plan_unsupported(
                state, node, "its regions, scales or sizes are computed at run time", NULL);
        tensors[i] = weft_value_tensor(value);
        inputs[i] = &tensors[i];
    }
    bool is_nearest = strcmp(weft_attrs_string(&node->attrs, "mode", "nearest"), "nearest") == 0;
    weft_status status = is_nearest ? WEFT_OK : weft__plan_check_f32(state, node, 1);
    if (status != WEFT_OK)
        return status;
    weft_ref_call call = {&node->attrs, inputs, 4, outputs, 1};
    weft_ref_resize_axis axes[WEFT_MAX_RANK];
    axis_table tables[WEFT_MAX_RANK] = {{0}};
    status = weft_ref_resize_axes(&call, axes);
    bool has_tables = status == WEFT_OK &&
                      resize_tables(state->planner->arena, axes, x->shape.rank, is_nearest, tables);
    weft_ref_resize_axes_finish(axes);
    if (status == WEFT_NO_MEMORY)
        return weft_diag_error(state->planner->diag, WEFT_E_NO_MEMORY,
                               "out of memory while planning");
    if (!has_tables)
        return weft__plan_unsupported(
            state, node,
            status == WEFT_OK
                ? "some elements lie outside the image and take the extrapolation value"
                : "its sizes, scales or modes do not fit together",
            NULL);
    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    return launch_tables(&builder, node, &x->shape, tables);
}
