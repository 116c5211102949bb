/* SPDX-License-Identifier: Apache-2.0 */
/* Reductions, softmax and layer normalisation: what runs along axes. A tensor is seen as
 * [outer][count][inner] around the axes. Arguments: kernels/cpu/README.md. */
#include "compiler/plan/internal.h"

/* Columns of [outer][count][inner] per work-item, at most. */
enum { INNER_BLOCK = WEFT__ELEMENT_BLOCK / 16 };
enum { REDUCE_SUM, REDUCE_MAX, REDUCE_MIN, REDUCE_PROD };
enum { NORM_BIAS = 1, NORM_STORE_MEAN = 2, NORM_STORE_INVERSE = 4 };

static int64_t inner_block(int64_t inner)
{
    return inner < INNER_BLOCK ? inner : INNER_BLOCK;
}

/* The arguments behind x and y, and the launch. */
static void end_reduce(launch_builder *builder, int op, double scale, int64_t outer, int64_t count,
                       int64_t inner)
{
    int64_t block = inner_block(inner);
    weft__launch_int(builder, op);
    weft__launch_float(builder, scale);
    weft__launch_ints(builder, (const int64_t[]){count, inner, block}, 3);
    weft__launch_end(builder, WEFT_KERNEL_REDUCE, "weft_reduce", outer,
                     inner == 1 ? 1 : (inner + block - 1) / block, "block");
}

void weft__launch_mean(launch_builder *builder, const weft_value *y, const weft_value *mean)
{
    int64_t positions = y->shape.dims[1] * y->shape.dims[2];
    weft__launch_value(builder, y);
    weft__launch_value(builder, mean);
    end_reduce(builder, REDUCE_SUM, 1.0 / (double)positions, y->shape.dims[0], positions,
               y->shape.dims[3]);
}

/* The axes a reduction takes; none: it takes nothing and copies. False when they are not constant.
 */
static bool reduced_axes(const weft_node *node, bool reduced[WEFT_MAX_RANK])
{
    int rank = node->inputs[0]->shape.rank;
    int64_t axes[WEFT_MAX_RANK];
    size_t count = 0;
    const weft_value *list = weft_node_input(node, 1);
    if (list != NULL && !weft_value_const_ints(list, axes, WEFT_MAX_RANK, &count))
        return false;
    bool takes_all = count == 0 && weft_attrs_int(&node->attrs, "noop_with_empty_axes", 0) == 0;
    for (int i = 0; i < rank; i++)
        reduced[i] = takes_all;
    for (size_t i = 0; i < count; i++)
        reduced[axes[i] < 0 ? axes[i] + rank : axes[i]] = true;
    return true;
}

/* Neighbouring axes of one kind as one: groups that are kept and groups that are reduced take
 * turns, the first one is kept. Axes of size 1 belong anywhere. Returns how many; always odd, the
 * last one is kept. */
static int axis_groups(const weft_shape *shape, const bool reduced[WEFT_MAX_RANK],
                       int64_t groups[2 * WEFT_MAX_RANK + 1])
{
    int count = 1;
    groups[0] = 1;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dims[i] == 1)
            continue;
        if (reduced[i] != (count % 2 == 0))
            groups[count++] = 1;
        groups[count - 1] *= shape->dims[i];
    }
    if (count % 2 == 0)
        groups[count++] = 1;
    return count;
}

weft_status weft__plan_reduce(schedule_state *state, const weft_node *node, weft_step *step)
{
    weft_status status = weft__plan_check_f32(state, node, 1);
    if (status != WEFT_OK)
        return status;
    int op = node->op == WEFT_OP_ReduceMax    ? REDUCE_MAX
             : node->op == WEFT_OP_ReduceMin  ? REDUCE_MIN
             : node->op == WEFT_OP_ReduceProd ? REDUCE_PROD
                                              : REDUCE_SUM;
    bool reduced[WEFT_MAX_RANK] = {false};
    int64_t groups[2 * WEFT_MAX_RANK + 1], outer = 1, inner = 1, taken = 1;
    if (!reduced_axes(node, reduced))
        return weft__plan_unsupported(state, node, "the axes are not constant", NULL);
    int count = axis_groups(&node->inputs[0]->shape, reduced, groups);
    for (int i = 0; i < count; i++)
        *(i % 2 == 0 ? &outer : &taken) *= groups[i];
    double scale = node->op == WEFT_OP_ReduceMean ? 1.0 / (double)taken : 1.0;

    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    if (count == 1) { /* nothing is reduced: one element each */
        weft__launch_operand(&builder, node->inputs[0]);
        weft__launch_value(&builder, node->outputs[0]);
        end_reduce(&builder, op, 1.0, 1, 1, outer);
        return WEFT_OK;
    }
    /* The last reduced group first; the others go through scratch memory, which gets smaller each
     * time. */
    int32_t scratch = -1;
    for (int at = count - 2; at > 0; at -= 2) {
        outer = 1;
        inner *= groups[at + 1];
        for (int i = 0; i < at; i++)
            outer *= groups[i];
        if (scratch < 0)
            weft__launch_operand(&builder, node->inputs[0]);
        else
            weft__launch_scratch_again(&builder, scratch);
        if (at == 1)
            weft__launch_value(&builder, node->outputs[0]);
        else
            scratch = weft__launch_scratch(&builder, (uint64_t)(outer * inner) * sizeof(float));
        end_reduce(&builder, op, at == 1 ? scale : 1.0, outer, groups[at], inner);
    }
    return WEFT_OK;
}

weft_status weft__plan_softmax(schedule_state *state, const weft_node *node, weft_step *step)
{
    weft_status status = weft__plan_check_f32(state, node, 1);
    if (status != WEFT_OK)
        return status;
    const weft_shape *shape = &node->outputs[0]->shape;
    int64_t axis = weft_attrs_int(&node->attrs, "axis", -1), count = 1, inner = 1;
    if (axis < 0)
        axis += shape->rank;
    if (shape->rank > 0)
        count = shape->dims[axis];
    for (int i = (int)axis + 1; i < shape->rank; i++)
        inner *= shape->dims[i];
    int64_t block = inner_block(inner);
    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    weft__launch_operand(&builder, node->inputs[0]);
    weft__launch_value(&builder, node->outputs[0]);
    weft__launch_ints(&builder, (const int64_t[]){count, inner, 0, block}, 4);
    weft__launch_end(&builder, WEFT_KERNEL_REDUCE, "weft_softmax",
                     weft__plan_elems(node->outputs[0]) / count / inner,
                     inner == 1 ? 1 : (inner + block - 1) / block, inner == 1 ? "row" : "block");
    return WEFT_OK;
}

/* Scale or bias as one number per element of a row: as it is, or a constant repeated. False: an
 * activation that would broadcast. */
static bool launch_row_operand(launch_builder *builder, const weft_value *value,
                               const weft_shape *row)
{
    int64_t elems = weft__plan_elems(value), count = 1;
    for (int i = 0; i < row->rank; i++)
        count *= row->dims[i];
    if (elems == count) { /* dimensions of 1 aside, the shapes are the same */
        weft__launch_operand(builder, value);
        return true;
    }
    if (!weft_value_is_constant(value))
        return false;
    float *table = WEFT_NEW_ARRAY(builder->state->planner->arena, float, (size_t)count);
    const float *source = value->data;
    for (int64_t i = 0; i < count; i++) {
        int64_t rest = i, at = 0, stride = 1;
        for (int d = 1; d <= value->shape.rank; d++) { /* from the last dimension */
            int64_t have = value->shape.dims[value->shape.rank - d];
            int64_t size = d <= row->rank ? row->dims[row->rank - d] : 1;
            WEFT_ASSERT(size > 0); /* empty tensors are refused before */
            at += have == 1 ? 0 : rest % size * stride;
            rest /= size;
            stride *= have;
        }
        table[i] = source[at];
    }
    weft__launch_blob(builder, weft__plan_table(builder->state, WEFT_DTYPE_F32, table, count));
    return true;
}

weft_status weft__plan_layer_norm(schedule_state *state, const weft_node *node, weft_step *step)
{
    static const char *const why = "its scale or bias is computed and broadcasts";
    weft_status status = weft__plan_check_f32(state, node, 3);
    if (status != WEFT_OK)
        return status;
    const weft_value *x = node->inputs[0], *bias = weft_node_input(node, 2);
    const weft_value *mean = node->output_count > 1 ? node->outputs[1] : NULL;
    const weft_value *inverse = node->output_count > 2 ? node->outputs[2] : NULL;
    int64_t axis = weft_attrs_int(&node->attrs, "axis", -1), count = 1;
    weft_shape row = {.rank = 0};
    for (int i = (int)(axis < 0 ? axis + x->shape.rank : axis); i < x->shape.rank; i++) {
        row.dims[row.rank++] = x->shape.dims[i];
        count *= x->shape.dims[i];
    }
    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    weft__launch_operand(&builder, x);
    if (!launch_row_operand(&builder, node->inputs[1], &row))
        return weft__plan_unsupported(state, node, why, NULL);
    if (bias == NULL)
        weft__launch_value(&builder, NULL);
    else if (!launch_row_operand(&builder, bias, &row))
        return weft__plan_unsupported(state, node, why, NULL);
    weft__launch_value(&builder, node->outputs[0]);
    weft__launch_value(&builder, mean);
    weft__launch_value(&builder, inverse);
    weft__launch_int(&builder, (bias != NULL ? NORM_BIAS : 0) |
                                   (mean != NULL ? NORM_STORE_MEAN : 0) |
                                   (inverse != NULL ? NORM_STORE_INVERSE : 0));
    weft__launch_int(&builder, count);
    weft__launch_float(&builder, (double)weft_attrs_float(&node->attrs, "epsilon", 1e-5f));
    weft__launch_end(&builder, WEFT_KERNEL_NORM, "weft_layer_norm", weft__plan_elems(x) / count, 1,
                     "row");
    return WEFT_OK;
}
