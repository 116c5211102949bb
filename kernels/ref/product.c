/* SPDX-License-Identifier: Apache-2.0 */
/* The matrix product of product.h. */
#include "kernels/ref/product.h"

#include <stdlib.h>

#include "kernels/ref/element.h"

/* count * times doubles, zeroed; NULL when out of memory. */
static double *doubles(int64_t count, int64_t times)
{
    int64_t elems = 0;
    if (!weft_mul_i64(count, times, &elems) || elems < 0)
        return NULL;
    return calloc(elems ? (size_t)elems : 1, sizeof(double));
}

weft_status weft_ref_product_init(weft_ref_product *product, int64_t depth, int64_t cols)
{
    *product = (weft_ref_product){
        .depth = depth, .cols = cols, .panels = (cols + WEFT_REF_COLS - 1) / WEFT_REF_COLS};
    int64_t padded = product->panels * WEFT_REF_COLS;
    product->a = doubles(depth, WEFT_REF_ROWS);
    product->b = doubles(depth, padded);
    product->c = doubles(padded, WEFT_REF_ROWS);
    return product->a && product->b && product->c ? WEFT_OK : WEFT_NO_MEMORY;
}

void weft_ref_product_finish(weft_ref_product *product)
{
    free(product->a);
    free(product->b);
    free(product->c);
}

void weft_ref_product_pack(weft_ref_product *product, weft_ref_matrix b)
{
    for (int64_t col = 0; col < product->cols; col++) {
        double *panel = product->b + col / WEFT_REF_COLS * product->depth * WEFT_REF_COLS;
        for (int64_t k = 0; k < product->depth; k++)
            panel[k * WEFT_REF_COLS + col % WEFT_REF_COLS] =
                weft_ref_get_f64(b.tensor, b.start + k * b.row_step + col * b.col_step);
    }
}

static void multiply_panel(int64_t depth, const double *restrict a, const double *restrict b,
                           double *restrict c, int64_t c_row_step)
{
    double sum[WEFT_REF_ROWS][WEFT_REF_COLS] = {{0}};
    for (int64_t k = 0; k < depth; k++)
        for (int row = 0; row < WEFT_REF_ROWS; row++)
            for (int col = 0; col < WEFT_REF_COLS; col++)
                sum[row][col] += a[k * WEFT_REF_ROWS + row] * b[k * WEFT_REF_COLS + col];
    for (int row = 0; row < WEFT_REF_ROWS; row++)
        for (int col = 0; col < WEFT_REF_COLS; col++)
            c[row * c_row_step + col] = sum[row][col];
}

void weft_ref_product_run(weft_ref_product *product)
{
    int64_t panel_elems = product->depth * WEFT_REF_COLS;
    for (int64_t panel = 0; panel < product->panels; panel++)
        multiply_panel(product->depth, product->a, product->b + panel * panel_elems,
                       product->c + panel * WEFT_REF_COLS, product->panels * WEFT_REF_COLS);
}

void weft_ref_product_load(weft_ref_product *product, weft_ref_matrix a, int64_t first,
                           int64_t count)
{
    for (int64_t row = 0; row < WEFT_REF_ROWS; row++)
        for (int64_t k = 0; k < product->depth; k++)
            product->a[k * WEFT_REF_ROWS + row] =
                row < count ? weft_ref_get_f64(a.tensor, a.start + (first + row) * a.row_step +
                                                             k * a.col_step)
                            : 0;
}

void weft_ref_product_rows(weft_ref_product *product, weft_ref_matrix a, int64_t first,
                           int64_t count)
{
    weft_ref_product_load(product, a, first, count);
    weft_ref_product_run(product);
}
