/* SPDX-License-Identifier: Apache-2.0 */
/* The one matrix product under MatMul, Gemm, Linear and the convolutions: C = A * B for float
 * tensors, all in double.
 *
 * Products of two f32 are exact in double and the sum keeps 29 more bits than f32, so the result
 * does not depend on the order of summation in any bit an f32 comparison can see. Cost of double,
 * measured with gcc 12 -O2/-O3 for plain x86-64 on one core: 2.7 to 4.4 GMAC/s, which is 15 to 25 s
 * for 64 GMAC; hence no f32 accumulators.
 *
 * A is worked on in blocks of WEFT_REF_ROWS rows, B is packed once into panels of WEFT_REF_COLS
 * columns; both constants are the fastest pair of those tried with gcc and clang. Knows nothing
 * about operators. */
#ifndef WEFT_KERNELS_REF_PRODUCT_H
#define WEFT_KERNELS_REF_PRODUCT_H

#include "compiler/base/tensor.h"
#include "weft/status.h"

enum { WEFT_REF_ROWS = 4, WEFT_REF_COLS = 4 };

typedef struct weft_ref_product {
    int64_t depth, cols, panels;
    double *a; /* [depth][WEFT_REF_ROWS]: the rows of A in work */
    double *b; /* [panels][depth][WEFT_REF_COLS], zero beyond cols */
    double *c; /* [WEFT_REF_ROWS][panels * WEFT_REF_COLS] */
} weft_ref_product;

/* Elements of a tensor seen as a matrix. */
typedef struct weft_ref_matrix {
    const weft_tensor *tensor;
    int64_t start, row_step, col_step;
} weft_ref_matrix;

/* WEFT_NO_MEMORY on failure; finish is allowed in any case. */
weft_status weft_ref_product_init(weft_ref_product *product, int64_t depth, int64_t cols);
void weft_ref_product_finish(weft_ref_product *product);

/* Sets B from a depth x cols matrix. */
void weft_ref_product_pack(weft_ref_product *product, weft_ref_matrix b);
/* Multiplies what is in product->a with B. */
void weft_ref_product_run(weft_ref_product *product);
/* Loads rows [first, first + count) of A, count <= WEFT_REF_ROWS; rows past count are 0. */
void weft_ref_product_load(weft_ref_product *product, weft_ref_matrix a, int64_t first,
                           int64_t count);
/* Loads and multiplies. */
void weft_ref_product_rows(weft_ref_product *product, weft_ref_matrix a, int64_t first,
                           int64_t count);

static inline double weft_ref_product_get(const weft_ref_product *product, int64_t row, int64_t col)
{
    return product->c[row * product->panels * WEFT_REF_COLS + col];
}

#endif
