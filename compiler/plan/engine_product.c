/* SPDX-License-Identifier: Apache-2.0 */
/* weft.QMatMul, and products of matrices in general -> MATMUL descriptors (kernels/fpga/
 * descriptor.h). */
#include "compiler/plan/engine_product.h"

void weft__engine_place(engine_builder *builder, int word, const engine_place *at)
{
    if (at->value != NULL)
        weft__engine_value(builder, word, at->value, at->offset);
    else
        weft__engine_scratch(builder, word, at->scratch_bytes, at->offset, at->scratch);
}

/* The zero point in the domain of s8. */
static int32_t signed_zero(const engine_matrices *m)
{
    return m->zero - (m->dtype == WEFT_DTYPE_U8 ? INT8_MAX + 1 : 0);
}

static int sign_flag(weft_dtype dtype, int flag)
{
    return dtype == WEFT_DTYPE_I8 ? flag : 0;
}

engine_tile weft__engine_product_tile(const engine_builder *builder, const engine_product *p,
                                      bool is_whole)
{
    weft_engine_params params = *builder->engine;
    params.w_bytes = params.b_bytes; /* where b lies instead of filters */
    const engine_window window = {.pixels = p->rows,
                                  .image_pixels = p->rows,
                                  .channels = p->columns,
                                  .depth = p->depth,
                                  .stretch = p->depth,
                                  .has_filters = true,
                                  .is_whole = is_whole};
    return weft__engine_conv_tile(&params, &window);
}

static void put_shape(engine_builder *builder, const engine_product *p)
{
    static const int ones[] = {WEFT_D_IN_HEIGHT,    WEFT_D_OUT_HEIGHT, WEFT_D_KERNEL_HEIGHT,
                               WEFT_D_KERNEL_WIDTH, WEFT_D_STRIDE_Y,   WEFT_D_STRIDE_X,
                               WEFT_D_DILATION_Y,   WEFT_D_DILATION_X};
    for (size_t i = 0; i < sizeof ones / sizeof ones[0]; i++)
        weft__engine_int(builder, ones[i], 1);
    weft__engine_int(builder, WEFT_D_BATCH, p->images);
    weft__engine_int(builder, WEFT_D_HEADS, p->heads);
    weft__engine_int(builder, WEFT_D_IN_WIDTH, p->rows);
    weft__engine_int(builder, WEFT_D_OUT_WIDTH, p->rows);
    weft__engine_int(builder, WEFT_D_IN_CHANNELS, p->depth);
    weft__engine_int(builder, WEFT_D_OUT_CHANNELS, p->columns);
    const engine_tile tile = weft__engine_product_tile(builder, p, p->exps != NULL);
    WEFT_ASSERT(tile.pixels > 0);
    weft__engine_int(builder, WEFT_D_TILE_PIXELS, tile.pixels);
    weft__engine_int(builder, WEFT_D_TILE_CHANNELS, tile.channels);
    weft__engine_int(builder, WEFT_D_TILE_DEPTH, tile.depth);
}

static void put_operands(engine_builder *builder, const engine_product *p)
{
    weft__engine_place(builder, WEFT_D_X, &p->a.at);
    weft__engine_place(builder, WEFT_D_B, &p->b.at);
    weft__engine_place(builder, WEFT_D_Y, &p->y.at);
    weft__engine_int(builder, WEFT_D_PAD, signed_zero(&p->a));
    weft__engine_int(builder, WEFT_D_X_IMAGE, p->a.image_step);
    weft__engine_int(builder, WEFT_D_X_HEAD, p->a.head_step);
    weft__engine_int(builder, WEFT_D_X_PIXEL, p->a.row_step);
    weft__engine_int(builder, WEFT_D_X_CHANNEL, p->a.inner_step);
    weft__engine_int(builder, WEFT_D_B_ZERO, signed_zero(&p->b));
    weft__engine_int(builder, WEFT_D_B_SHARE, p->share);
    weft__engine_int(builder, WEFT_D_B_IMAGE, p->b.image_step);
    weft__engine_int(builder, WEFT_D_B_HEAD, p->b.head_step);
    weft__engine_int(builder, WEFT_D_B_DEPTH, p->b.row_step);
    weft__engine_int(builder, WEFT_D_B_COLUMN, p->b.inner_step);
    weft__engine_int(builder, WEFT_D_Y_IMAGE, p->y.image_step);
    weft__engine_int(builder, WEFT_D_Y_HEAD, p->y.head_step);
    weft__engine_int(builder, WEFT_D_Y_PIXEL, p->y.row_step);
}

void weft__engine_put_product(engine_builder *builder, const engine_product *p)
{
    const weft_attrs *attrs = &builder->step->attrs;
    int flags = sign_flag(p->a.dtype, WEFT_FLAG_X_SIGNED) |
                sign_flag(p->b.dtype, WEFT_FLAG_B_SIGNED) |
                sign_flag(p->c_type, WEFT_FLAG_C_SIGNED);
    flags |= p->exps != NULL ? WEFT_FLAG_SOFTMAX : 0;
    if (p->table != NULL)
        flags |= WEFT_FLAG_TABLE | sign_flag(p->table->dtype, WEFT_FLAG_T_SIGNED);
    weft__engine_begin(builder, WEFT_KIND_MATMUL, flags);
    put_shape(builder, p);
    put_operands(builder, p);
    weft__engine_int(builder, WEFT_D_SUM_MULT, weft_attrs_int(attrs, p->mult, 0));
    weft__engine_int(builder, WEFT_D_SUM_SHIFT, weft_attrs_int(attrs, p->shift, 1));
    weft__engine_stage(builder, p->stage, p->c_type, WEFT_D_C_ZERO, WEFT_D_C_MIN, WEFT_D_C_MAX);
    if (p->table != NULL)
        weft__engine_constant(builder, WEFT_D_TABLE, p->table);
    if (p->exps != NULL)
        weft__engine_softmax(builder, p->exps, "p", p->y_type);
    weft__engine_end(builder);
}

/* ---- QMatMul ---- */

/* Dimensions in front of the matrices, merged where a, b and y allow it; false: more than two. */
static bool merge_batch(const weft_node *node, int64_t a_size, int64_t b_size, int64_t y_size,
                        engine_product *p)
{
    const weft_shape *shapes[3] = {&node->inputs[0]->shape, &node->inputs[1]->shape,
                                   &node->outputs[0]->shape};
    int64_t next[3] = {a_size, b_size, y_size}, sizes[2] = {1, 1}, steps[2][3] = {{0}};
    int used = 0, rank = shapes[2]->rank - 2;
    for (int i = rank - 1; i >= 0; i--) {
        int64_t size = shapes[2]->dims[i], step[3];
        for (int k = 0; k < 3; k++) {
            int at = i - rank + shapes[k]->rank - 2;
            int64_t own = at >= 0 ? shapes[k]->dims[at] : 1;
            step[k] = own == 1 ? 0 : next[k];
            next[k] *= own;
        }
        if (size == 1)
            continue;
        bool merges = used > 0;
        for (int k = 0; k < 3 && merges; k++)
            merges = step[k] == steps[used - 1][k] * sizes[used - 1];
        if (!merges) {
            if (used == 2)
                return false;
            for (int k = 0; k < 3; k++)
                steps[used][k] = step[k];
            used++;
        }
        sizes[used - 1] *= size;
    }
    engine_matrices *operands[3] = {&p->a, &p->b, &p->y};
    p->heads = sizes[0];
    p->images = sizes[1];
    for (int k = 0; k < 3; k++) {
        operands[k]->head_step = steps[0][k];
        operands[k]->image_step = steps[1][k];
    }
    return true;
}

bool weft__engine_plan_matmul(engine_builder *builder, const weft_node *node)
{
    const weft_attrs *attrs = &node->attrs;
    const weft_value *a = node->inputs[0], *b = node->inputs[1], *y = node->outputs[0];
    bool transposed = weft_attrs_int(attrs, "b_transposed", 0) != 0;
    if (!weft__engine_is_operand(a) || !weft__engine_is_operand(b) || builder->engine->b_bytes == 0)
        return false;
    engine_product p = {.share = 1,
                        .rows = a->shape.dims[a->shape.rank - 2],
                        .depth = a->shape.dims[a->shape.rank - 1],
                        .columns = y->shape.dims[y->shape.rank - 1],
                        .mult = "mult",
                        .shift = "shift",
                        .stage = "y",
                        .c_type = y->dtype};
    p.a = (engine_matrices){.at = {.value = a},
                            .dtype = a->dtype,
                            .zero = (int32_t)weft_attrs_int(attrs, "a_zero", 0),
                            .row_step = p.depth,
                            .inner_step = 1};
    p.b = (engine_matrices){.at = {.value = b},
                            .dtype = b->dtype,
                            .zero = (int32_t)weft_attrs_int(attrs, "b_zero", 0),
                            .row_step = transposed ? 1 : p.columns,
                            .inner_step = transposed ? p.depth : 1};
    p.y = (engine_matrices){
        .at = {.value = y}, .dtype = y->dtype, .row_step = p.columns, .inner_step = 1};
    if (!merge_batch(node, p.rows * p.depth, p.depth * p.columns, p.rows * p.columns, &p))
        return false;
    weft__engine_put_product(builder, &p);
    return true;
}
