/* SPDX-License-Identifier: Apache-2.0 */
/* MatMul and Gemm. Floats are accumulated in double and rounded once, integers modulo 2^bits. */
#include "kernels/ref/element.h"
#include "kernels/ref/product.h"
#include "kernels/ref/ref.h"
#include "kernels/ref/walk.h"

/* One integer product of an M x K and a K x N matrix into y from element `to` on. */
static void multiply_integers(weft_ref_matrix a, weft_ref_matrix b, int64_t rows, int64_t depth,
                              int64_t cols, const weft_tensor *y, int64_t to)
{
    for (int64_t row = 0; row < rows; row++) {
        for (int64_t col = 0; col < cols; col++) {
            uint64_t sum = 0;
            for (int64_t k = 0; k < depth; k++)
                sum += (uint64_t)weft_ref_get_i64(a.tensor,
                                                  a.start + row * a.row_step + k * a.col_step) *
                       (uint64_t)weft_ref_get_i64(b.tensor,
                                                  b.start + k * b.row_step + col * b.col_step);
            weft_ref_put_i64(y, to + row * cols + col, (int64_t)sum);
        }
    }
}

weft_status weft_ref_mat_mul(const weft_ref_call *call)
{
    const weft_tensor *a = weft_ref_in(call, 0), *b = weft_ref_in(call, 1),
                      *y = weft_ref_out(call, 0);
    weft_ref_kind kind = weft_ref_kind_of(y->dtype);
    if (a->dtype != y->dtype || b->dtype != y->dtype || kind == WEFT_REF_KIND_NONE ||
        kind == WEFT_REF_KIND_BOOL)
        return WEFT_UNSUPPORTED;
    /* numpy.matmul: a vector on the left is a row, on the right a column; the axis made up is
     * dropped from y. */
    weft_shape as = a->shape, bs = b->shape;
    if (as.rank == 0 || bs.rank == 0)
        return WEFT_INVALID;
    bool row_vector = as.rank == 1, column_vector = bs.rank == 1;
    if (row_vector)
        as = (weft_shape){.rank = 2, .dims = {1, a->shape.dims[0]}};
    if (column_vector)
        bs = (weft_shape){.rank = 2, .dims = {b->shape.dims[0], 1}};
    int64_t rows = as.dims[as.rank - 2], depth = as.dims[as.rank - 1], cols = bs.dims[bs.rank - 1];
    if (depth != bs.dims[bs.rank - 2])
        return WEFT_INVALID;
    /* The leading dimensions broadcast; they are y's without its matrix dimensions. */
    weft_shape batch = y->shape;
    batch.rank -= !row_vector + !column_vector;
    as.rank -= 2;
    bs.rank -= 2;
    weft_ref_walk walk = weft_ref_walk_over(&batch);
    weft_ref_walk_broadcast(&walk, 0, &as);
    weft_ref_walk_broadcast(&walk, 1, &bs);
    weft_ref_product product = {0};
    weft_status status =
        kind == WEFT_REF_KIND_FLOAT ? weft_ref_product_init(&product, depth, cols) : WEFT_OK;
    int64_t packed = -1;
    for (int64_t i = 0; walk.left > 0 && status == WEFT_OK; weft_ref_walk_next(&walk), i++) {
        weft_ref_matrix left = {a, walk.at[0] * rows * depth, depth, 1};
        weft_ref_matrix right = {b, walk.at[1] * depth * cols, cols, 1};
        int64_t to = i * rows * cols;
        if (kind != WEFT_REF_KIND_FLOAT) {
            multiply_integers(left, right, rows, depth, cols, y, to);
            continue;
        }
        if (packed != walk.at[1])
            weft_ref_product_pack(&product, right);
        packed = walk.at[1];
        for (int64_t first = 0; first < rows; first += WEFT_REF_ROWS) {
            int64_t count = rows - first < WEFT_REF_ROWS ? rows - first : WEFT_REF_ROWS;
            weft_ref_product_rows(&product, left, first, count);
            for (int64_t row = 0; row < count; row++)
                for (int64_t col = 0; col < cols; col++)
                    weft_ref_put_f64(y, to + (first + row) * cols + col,
                                     weft_ref_product_get(&product, row, col));
        }
    }
    weft_ref_product_finish(&product);
    return status;
}

/* y = alpha * A' * B' + beta * C, C broadcast to y. */
weft_status weft_ref_gemm(const weft_ref_call *call)
{
    const weft_tensor *a = weft_ref_in(call, 0), *b = weft_ref_in(call, 1),
                      *c = weft_ref_in(call, 2);
    const weft_tensor *y = weft_ref_out(call, 0);
    bool trans_a = weft_attrs_int(call->attrs, "transA", 0),
         trans_b = weft_attrs_int(call->attrs, "transB", 0);
    double alpha = (double)weft_attrs_float(call->attrs, "alpha", 1.0f);
    double beta = (double)weft_attrs_float(call->attrs, "beta", 1.0f);
    if (weft_ref_kind_of(y->dtype) != WEFT_REF_KIND_FLOAT || a->dtype != y->dtype ||
        b->dtype != y->dtype)
        return WEFT_UNSUPPORTED;
    if (c && c->dtype != y->dtype)
        return WEFT_UNSUPPORTED;
    if (a->shape.rank != 2 || b->shape.rank != 2 || y->shape.rank != 2)
        return WEFT_INVALID;
    int64_t rows = y->shape.dims[0], cols = y->shape.dims[1],
            depth = a->shape.dims[trans_a ? 0 : 1];
    weft_ref_matrix left = {a, 0, trans_a ? 1 : depth, trans_a ? rows : 1};
    weft_ref_matrix right = {b, 0, trans_b ? 1 : cols, trans_b ? depth : 1};
    weft_ref_product product;
    weft_status status = weft_ref_product_init(&product, depth, cols);
    if (status == WEFT_OK) {
        weft_ref_walk walk = weft_ref_walk_over(&y->shape);
        if (c)
            weft_ref_walk_broadcast(&walk, 0, &c->shape);
        weft_ref_product_pack(&product, right);
        for (int64_t i = 0; walk.left > 0; weft_ref_walk_next(&walk), i++) {
            int64_t row = i / cols, col = i % cols;
            if (row % WEFT_REF_ROWS == 0 && col == 0)
                weft_ref_product_rows(&product, left, row,
                                      rows - row < WEFT_REF_ROWS ? rows - row : WEFT_REF_ROWS);
            double value = alpha * weft_ref_product_get(&product, row % WEFT_REF_ROWS, col);
            weft_ref_put_f64(y, i, c ? value + beta * weft_ref_get_f64(c, walk.at[0]) : value);
        }
    }
    weft_ref_product_finish(&product);
    return status;
}
