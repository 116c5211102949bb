/* SPDX-License-Identifier: Apache-2.0 */
/* A product of matrices as MATMUL descriptors see it. Shared by the files engine*.c of this room
 * only. */
#ifndef WEFT_PLAN_ENGINE_PRODUCT_H
#define WEFT_PLAN_ENGINE_PRODUCT_H

#include "compiler/plan/engine.h"

/* Where an operand begins: a value, or scratch memory of the step. */
typedef struct engine_place {
    const weft_value *value; /* NULL: scratch */
    int32_t *scratch;
    int64_t scratch_bytes, offset;
} engine_place;

/* Matrices [image][head][row][inner]; one of row and inner steps is 1. */
typedef struct engine_matrices {
    engine_place at;
    weft_dtype dtype;
    int32_t zero;
    int64_t image_step, head_step, row_step, inner_step;
} engine_matrices;

/* a [rows][depth] times b [depth][columns]. */
typedef struct engine_product {
    int64_t images, heads, share, rows, depth, columns;
    engine_matrices a, b, y; /* b: rows are the depth */
    const char *mult, *shift, *stage;
    weft_dtype c_type;
    const weft_value *table, *exps; /* NULL: none */
    weft_dtype y_type;              /* of the softmax */
} engine_product;

void weft__engine_place(engine_builder *builder, int word, const engine_place *at);
/* Tiles of the product; is_whole: rows of y are not parted. No pixels: none fits. */
engine_tile weft__engine_product_tile(const engine_builder *builder, const engine_product *p,
                                      bool is_whole);
void weft__engine_put_product(engine_builder *builder, const engine_product *p);

#endif
