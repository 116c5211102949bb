/* SPDX-License-Identifier: Apache-2.0 */
/* Products of two activations, f32: y[batch] = a[batch] . b[batch], any number of matrices. Both
 * operands are read in place through strides, so a transposed operand, one row that serves as a
 * matrix, or a batch that broadcasts (stride 0) costs no copy. Products with constant weights have
 * kernels of their own that read packed panels (conv.cl, linear.cl).
 *
 *   y[i][row][col] = sum over k of a[a_i + row * a_row + k * a_k] * b[b_i + k * b_k + col * b_col]
 *   a_i, b_i: offsets of matrix i from its place in d0 x d1 x d2 x d3 and a stride per dimension
 *
 * Global {d0 * d1 * d2 * d3 * row blocks, column blocks}, work-group size 1. A sum runs in the order
 * of k, so the same shape gives the same bits whatever the blocks. */

INLINE fv load_columns(__global const float *p, const int stride, const int left)
{
    if (stride == 1)
        return load_part(p, left);
    float t[WEFT_VW];
    for (int i = 0; i < WEFT_VW; i++)
        t[i] = i < left ? p[i * stride] : 0.0f;
    return LOADV(t);
}

/* Rows below the last one repeat it; they are computed and not stored. */
#define TILE_DECLARE(m)                                              \
    __global const float *a##m = a + min(m, rows - 1) * a_row;       \
    fv lo##m = (fv)(0.0f), hi##m = (fv)(0.0f);
#define TILE_STEP(m)                   \
    {                                  \
        const fv av = (fv)(a##m[at]);  \
        lo##m = fma(av, b_lo, lo##m);  \
        hi##m = fma(av, b_hi, hi##m);  \
    }
#define TILE_STORE(m)                                                          \
    if (m < rows) {                                                            \
        store_part(lo##m, y + m * y_row, left);                                \
        if (left > WEFT_VW)                                                    \
            store_part(hi##m, y + m * y_row + WEFT_VW, left - WEFT_VW);        \
    }

/* Up to MR_A rows by up to WEFT_NR columns. */
INLINE void tile(__global const float *a, __global const float *b, __global float *y, const int rows, const int left,
                 const int depth, const int a_row, const int a_k, const int b_k, const int b_col, const int y_row)
{
    ROWS(MR_A, TILE_DECLARE)
    for (int k = 0, at = 0; k < depth; k++, at += a_k) {
        const fv b_lo = load_columns(b, b_col, left);
        const fv b_hi = left > WEFT_VW ? load_columns(b + WEFT_VW * b_col, b_col, left - WEFT_VW) : (fv)(0.0f);
        b += b_k;
        ROWS(MR_A, TILE_STEP)
    }
    ROWS(MR_A, TILE_STORE)
}

__kernel void weft_matmul(__global const float *restrict a, __global const float *restrict b, __global float *restrict y,
                          const int rows, const int depth, const int columns, const int a_row, const int a_k,
                          const int b_k, const int b_col, const int d1, const int d2, const int d3, const int a0,
                          const int a1, const int a2, const int a3, const int b0, const int b1, const int b2,
                          const int b3, const int row_block, const int row_blocks, const int column_block)
{
    const int matrix = (int)get_global_id(0) / row_blocks;
    const int i3 = matrix % d3, i2 = matrix / d3 % d2, i1 = matrix / d3 / d2 % d1, i0 = matrix / d3 / d2 / d1;
    __global const float *pa = a + i0 * a0 + i1 * a1 + i2 * a2 + i3 * a3;
    __global const float *pb = b + i0 * b0 + i1 * b1 + i2 * b2 + i3 * b3;
    __global float *py = y + matrix * rows * columns;
    const int row_begin = (int)get_global_id(0) % row_blocks * row_block;
    const int row_end = min(row_begin + row_block, rows);
    const int column_begin = (int)get_global_id(1) * column_block;
    const int column_end = min(column_begin + column_block, columns);
    /* Columns outside: a strip of b then stays in the cache for all rows of the block. */
    for (int column = column_begin; column < column_end; column += WEFT_NR)
        for (int row = row_begin; row < row_end; row += MR_A) {
            __global const float *strip = pb + column * b_col;
            __global const float *from = pa + row * a_row;
            __global float *to = py + row * columns + column;
            const int height = min(MR_A, row_end - row), left = min(WEFT_NR, column_end - column);
            if (left == WEFT_NR && b_col == 1) /* constants: no edges inside the loop */
                tile(from, strip, to, height, WEFT_NR, depth, a_row, a_k, b_k, 1, columns);
            else
                tile(from, strip, to, height, left, depth, a_row, a_k, b_k, b_col, columns);
        }
}
