/* SPDX-License-Identifier: Apache-2.0 */
/* MatMul of two computed tensors (by constant weights it is weft.Linear) -> weft_matmul. Arguments:
 * kernels/cpu/README.md. */
#include <stdio.h>

#include "compiler/plan/internal.h"

enum { BATCH_DIMS = WEFT__STACK_DIMS };

typedef struct product {
    int64_t rows, depth, columns;
    int64_t batch[BATCH_DIMS], a[BATCH_DIMS],
        b[BATCH_DIMS]; /* strides in elements, 0 where a matrix serves several times */
} product;

/* numpy.matmul: a vector on the left is a row, on the right a column. */
static weft_shape as_matrices(const weft_shape *shape, bool is_left)
{
    if (shape->rank > 1)
        return *shape;
    return (weft_shape){.rank = 2,
                        .dims = {is_left ? 1 : shape->dims[0], is_left ? shape->dims[0] : 1}};
}

bool weft__plan_stack(const weft_shape *a, const weft_shape *b, int64_t a_matrix, int64_t b_matrix,
                      int64_t *out_dims, int64_t *out_a, int64_t *out_b)
{
    int64_t next[2] = {a_matrix, b_matrix};
    int64_t dims[WEFT_MAX_RANK], strides[2][WEFT_MAX_RANK];
    int count = 0; /* from the innermost outwards */
    for (int i = 3; i <= a->rank || i <= b->rank; i++) {
        int64_t a_size = i <= a->rank ? a->dims[a->rank - i] : 1,
                b_size = i <= b->rank ? b->dims[b->rank - i] : 1;
        int64_t size = a_size > b_size ? a_size : b_size;
        int64_t a_stride = a_size == 1 ? 0 : next[0], b_stride = b_size == 1 ? 0 : next[1];
        next[0] *= a_size;
        next[1] *= b_size;
        if (size == 1)
            continue;
        if (count > 0 && a_stride == strides[0][count - 1] * dims[count - 1] &&
            b_stride == strides[1][count - 1] * dims[count - 1]) {
            dims[count - 1] *= size;
            continue;
        }
        dims[count] = size;
        strides[0][count] = a_stride;
        strides[1][count++] = b_stride;
    }
    for (int i = 0; i < WEFT__STACK_DIMS; i++) {
        int at = WEFT__STACK_DIMS - 1 - i;
        out_dims[at] = i < count ? dims[i] : 1;
        out_a[at] = i < count ? strides[0][i] : 0;
        out_b[at] = i < count ? strides[1][i] : 0;
    }
    return count <= WEFT__STACK_DIMS;
}

/* Rows of a block: few enough for all threads to have several, many enough to use a strip of b more
 * than once. */
static int64_t choose_row_block(const planner *shared, const product *p, int64_t matrices,
                                int64_t column_blocks)
{
    int64_t tile = shared->target->tile_rows, wanted = 4 * shared->threads;
    int64_t blocks = (wanted + matrices * column_blocks - 1) / (matrices * column_blocks);
    int64_t rows = (p->rows + blocks - 1) / blocks;
    return (rows + tile - 1) / tile * tile;
}

weft_status weft__plan_matmul(schedule_state *state, const weft_node *node, weft_step *step)
{
    weft_status status = weft__plan_check_f32(state, node, 2);
    if (status != WEFT_OK)
        return status;
    weft_shape a = as_matrices(&node->inputs[0]->shape, true),
               b = as_matrices(&node->inputs[1]->shape, false);
    product p = {
        .rows = a.dims[a.rank - 2], .depth = a.dims[a.rank - 1], .columns = b.dims[b.rank - 1]};
    if (!weft__plan_stack(&a, &b, p.rows * p.depth, p.depth * p.columns, p.batch, p.a, p.b))
        return weft__plan_unsupported(
            state, node, "the operands broadcast in more than 4 separate groups of dimensions",
            NULL);
    int64_t matrices = p.batch[0] * p.batch[1] * p.batch[2] * p.batch[3];
    int64_t panel = 2 * state->planner->target->vector_floats, column_block = 4 * panel;
    int64_t column_blocks = (p.columns + column_block - 1) / column_block;
    int64_t row_block = choose_row_block(state->planner, &p, matrices, column_blocks);
    int64_t row_blocks = (p.rows + row_block - 1) / row_block;

    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    weft__launch_operand(&builder, node->inputs[0]);
    weft__launch_operand(&builder, node->inputs[1]);
    weft__launch_value(&builder, node->outputs[0]);
    weft__launch_ints(&builder,
                      (const int64_t[]){p.rows, p.depth, p.columns, p.depth, 1, p.columns, 1}, 7);
    weft__launch_ints(&builder, p.batch + 1, BATCH_DIMS - 1);
    weft__launch_ints(&builder, p.a, BATCH_DIMS);
    weft__launch_ints(&builder, p.b, BATCH_DIMS);
    weft__launch_ints(&builder, (const int64_t[]){row_block, row_blocks, column_block}, 3);
    char tile[64];
    snprintf(tile, sizeof tile, "%dx%d b%dx%d", state->planner->target->tile_rows, (int)panel,
             (int)row_block, (int)column_block);
    weft__launch_end(&builder, WEFT_KERNEL_MATMUL, "weft_matmul", matrices * row_blocks,
                     column_blocks, tile);
    return WEFT_OK;
}
