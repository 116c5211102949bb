/* SPDX-License-Identifier: Apache-2.0 */
/* weft.QMatMul and weft.QAttention -> MATMUL descriptors (kernels/fpga/descriptor.h). Attention is
 * two of them for each group of heads: the first ends in a softmax, so that of scores only a tile
 * exists, on the chip; what lies in the arena between the two are the probabilities of one group.
 * Where a tile cannot hold the scores of a whole row they lie there as well, and become
 * probabilities in their place. */
#include "compiler/base/integer.h"
#include "compiler/ir/attention.h"
#include "compiler/plan/engine.h"

/* Where an operand begins: a value, or scratch memory of the step. */
typedef struct place {
    const weft_value *value; /* NULL: scratch */
    int32_t *scratch;
    int64_t scratch_bytes, offset;
} place;

/* Matrices [image][head][row][inner]; one of row and inner steps is 1. */
typedef struct matrices {
    place at;
    weft_dtype dtype;
    int32_t zero;
    int64_t image_step, head_step, row_step, inner_step;
} matrices;

/* a [rows][depth] times b [depth][columns]. */
typedef struct product {
    int64_t images, heads, share, rows, depth, columns;
    matrices a, b, y; /* b: rows are the depth */
    const char *mult, *shift, *stage;
    weft_dtype c_type;
    const weft_value *table, *exps; /* NULL: none */
    weft_dtype y_type;              /* of the softmax */
} product;

static void put_place(engine_builder *builder, int word, const place *at)
{
    if (at->value != NULL)
        weft__engine_value(builder, word, at->value, at->offset);
    else
        weft__engine_scratch(builder, word, at->scratch_bytes, at->offset, at->scratch);
}

/* The zero point in the domain of s8. */
static int32_t signed_zero(const matrices *m)
{
    return m->zero - (m->dtype == WEFT_DTYPE_U8 ? INT8_MAX + 1 : 0);
}

static int sign_flag(weft_dtype dtype, int flag)
{
    return dtype == WEFT_DTYPE_I8 ? flag : 0;
}

static engine_tile tile_of(const engine_builder *builder, const product *p, bool is_whole)
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

static void put_shape(engine_builder *builder, const product *p)
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
    const engine_tile tile = tile_of(builder, p, p->exps != NULL);
    WEFT_ASSERT(tile.pixels > 0);
    weft__engine_int(builder, WEFT_D_TILE_PIXELS, tile.pixels);
    weft__engine_int(builder, WEFT_D_TILE_CHANNELS, tile.channels);
    weft__engine_int(builder, WEFT_D_TILE_DEPTH, tile.depth);
}

static void put_operands(engine_builder *builder, const product *p)
{
    put_place(builder, WEFT_D_X, &p->a.at);
    put_place(builder, WEFT_D_B, &p->b.at);
    put_place(builder, WEFT_D_Y, &p->y.at);
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

static void put_product(engine_builder *builder, const product *p)
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
                        product *p)
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
    matrices *operands[3] = {&p->a, &p->b, &p->y};
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
    product p = {.share = 1,
                 .rows = a->shape.dims[a->shape.rank - 2],
                 .depth = a->shape.dims[a->shape.rank - 1],
                 .columns = y->shape.dims[y->shape.rank - 1],
                 .mult = "mult",
                 .shift = "shift",
                 .stage = "y",
                 .c_type = y->dtype};
    p.a = (matrices){.at = {.value = a},
                     .dtype = a->dtype,
                     .zero = (int32_t)weft_attrs_int(attrs, "a_zero", 0),
                     .row_step = p.depth,
                     .inner_step = 1};
    p.b = (matrices){.at = {.value = b},
                     .dtype = b->dtype,
                     .zero = (int32_t)weft_attrs_int(attrs, "b_zero", 0),
                     .row_step = transposed ? 1 : p.columns,
                     .inner_step = transposed ? p.depth : 1};
    p.y = (matrices){.at = {.value = y}, .dtype = y->dtype, .row_step = p.columns, .inner_step = 1};
    if (!merge_batch(node, p.rows * p.depth, p.depth * p.columns, p.rows * p.columns, &p))
        return false;
    put_product(builder, &p);
    return true;
}

/* ---- QAttention ---- */

/* Bytes of probabilities of a group of heads, at most; one head needs what it needs. */
enum { GROUP_BYTES = 1 << 20 };

/* What the groups share. */
typedef struct attention {
    weft_attention form;
    const weft_node *node;
    int64_t images, queries, keys;
    int64_t group_images, group_heads;
    matrices q, k, v, y;
    matrices scores; /* probabilities in the end */
    weft_dtype s_type, p_type;
    int32_t scratch, q_scratch, k_scratch;
    bool is_fused; /* the softmax is the end of the first product */
} attention;

/* Tokens of a value as rows of each head. */
static matrices heads_of(const weft_value *value, const weft_head_form *form, int64_t zero)
{
    int64_t tokens = value->shape.dims[1], channels = value->shape.dims[2];
    return (matrices){.at = {.value = value, .offset = form->offset},
                      .dtype = value->dtype,
                      .zero = (int32_t)zero,
                      .image_step = tokens * channels,
                      .head_step = form->step,
                      .row_step = channels,
                      .inner_step = 1};
}

/* The heads of q or k through their table, into scratch memory, one beside the other. */
static void put_table(engine_builder *builder, const attention *at, const weft_value *table,
                      int64_t tokens, int64_t heads, int64_t size, int32_t *scratch, matrices *io)
{
    const int64_t sizes[4] = {at->images, tokens, heads, size};
    const int64_t from[4] = {io->image_step, io->row_step, io->head_step, 1};
    int64_t bytes = at->images * tokens * heads * size, step = 1;
    weft__engine_begin(builder, WEFT_KIND_TABLE, sign_flag(io->dtype, WEFT_FLAG_X_SIGNED));
    put_place(builder, WEFT_D_X, &io->at);
    weft__engine_scratch(builder, WEFT_D_Y, bytes, 0, scratch);
    weft__engine_constant(builder, WEFT_D_TABLE, table);
    weft__engine_int(builder, WEFT_D_SIZES, 1);
    weft__engine_int(builder, WEFT_D_SIZES + 1, 1);
    for (int i = 3; i >= 0; i--) {
        weft__engine_int(builder, WEFT_D_SIZES + 2 + i, sizes[i]);
        weft__engine_int(builder, WEFT_D_A_STEPS + 2 + i, from[i]);
        weft__engine_int(builder, WEFT_D_Y_STEPS + 2 + i, step);
        step *= sizes[i];
    }
    weft__engine_end(builder);
    *io = (matrices){.at = {.scratch = scratch, .scratch_bytes = bytes},
                     .dtype = table->dtype,
                     .zero = io->zero,
                     .image_step = tokens * heads * size,
                     .head_step = size,
                     .row_step = heads * size,
                     .inner_step = 1};
}

/* The operand's part of a group. */
static matrices part_of(const matrices *whole, int64_t image, int64_t head)
{
    matrices part = *whole;
    part.at.offset += image * whole->image_step + head * whole->head_step;
    return part;
}

/* Scores in scratch memory become probabilities. */
static void put_softmax(engine_builder *builder, const attention *at, int64_t rows)
{
    const weft_value *table = weft_node_input(at->node, 6);
    weft_dtype type = table != NULL ? table->dtype : at->s_type;
    const int last = WEFT_D_DIMS - 1;
    weft__engine_begin(builder, WEFT_KIND_SOFTMAX, sign_flag(type, WEFT_FLAG_X_SIGNED));
    put_place(builder, WEFT_D_X, &at->scores.at);
    put_place(builder, WEFT_D_Y, &at->scores.at);
    for (int i = 0; i < last - 1; i++)
        weft__engine_int(builder, WEFT_D_SIZES + i, 1);
    weft__engine_int(builder, WEFT_D_SIZES + last - 1, rows);
    weft__engine_int(builder, WEFT_D_SIZES + last, at->keys);
    weft__engine_int(builder, WEFT_D_A_STEPS + last - 1, at->keys);
    weft__engine_int(builder, WEFT_D_A_STEPS + last, 1);
    weft__engine_int(builder, WEFT_D_Y_STEPS + last - 1, at->keys);
    weft__engine_int(builder, WEFT_D_Y_STEPS + last, 1);
    weft__engine_softmax(builder, at->node->inputs[3], "p", at->p_type);
    weft__engine_end(builder);
}

static product scores_of(const attention *at, int64_t images, int64_t heads)
{
    return (product){.images = images,
                     .heads = heads,
                     .share = at->form.heads / at->form.kv_heads,
                     .rows = at->queries,
                     .depth = at->form.q.size,
                     .columns = at->keys,
                     .mult = "s_mult",
                     .shift = "s_shift",
                     .stage = "s",
                     .c_type = at->s_type,
                     .table = weft_node_input(at->node, 6),
                     .exps = at->is_fused ? at->node->inputs[3] : NULL,
                     .y_type = at->p_type,
                     .y = at->scores};
}

static void put_group(engine_builder *builder, const attention *at, int64_t image, int64_t head)
{
    int64_t images = weft_least(at->group_images, at->images - image);
    int64_t heads = weft_least(at->group_heads, at->form.heads - head);
    int64_t share = at->form.heads / at->form.kv_heads;
    product scores = scores_of(at, images, heads);
    scores.a = part_of(&at->q, image, head);
    scores.b = part_of(&at->k, image, head / share);
    /* Keys are the columns of b. */
    scores.b.inner_step = scores.b.row_step;
    scores.b.row_step = 1;
    put_product(builder, &scores);
    if (!at->is_fused)
        put_softmax(builder, at, images * heads * at->queries);
    product values = {.images = images,
                      .heads = heads,
                      .share = share,
                      .rows = at->queries,
                      .depth = at->keys,
                      .columns = at->form.v.size,
                      .mult = "y_mult",
                      .shift = "y_shift",
                      .stage = "y",
                      .c_type = at->y.dtype,
                      .a = at->scores,
                      .b = part_of(&at->v, image, head / share),
                      .y = part_of(&at->y, image, head)};
    values.a.dtype = at->p_type;
    values.a.zero = (int32_t)weft_attrs_int(&at->node->attrs, "p_zero", 0);
    put_product(builder, &values);
}

/* As many heads, or images with all their heads, as a group may have; heads that share one of k and
 * v stay together. */
static void choose_groups(attention *at)
{
    int64_t matrix = at->queries * at->keys, share = at->form.heads / at->form.kv_heads;
    int64_t fit = weft_most(1, GROUP_BYTES / matrix);
    at->group_heads = weft_least(at->form.heads, weft_most(share, fit / share * share));
    at->group_images = at->group_heads < at->form.heads
                           ? 1
                           : weft_least(at->images, weft_most(1, fit / at->form.heads));
    at->scores = (matrices){.at = {.scratch = &at->scratch,
                                   .scratch_bytes = at->group_images * at->group_heads * matrix},
                            .dtype = at->p_type,
                            .image_step = at->group_heads * matrix,
                            .head_step = matrix,
                            .row_step = at->keys,
                            .inner_step = 1};
}

static bool can_run(const engine_builder *builder, const attention *at)
{
    const weft_node *node = at->node;
    const weft_engine_params *e = builder->engine;
    for (size_t i = 0; i < 3; i++)
        if (!weft__engine_is_operand(node->inputs[i]))
            return false;
    for (size_t i = 3; i < 7; i++)
        if (weft_node_input(node, i) != NULL && !weft_value_is_constant(weft_node_input(node, i)))
            return false;
    if (e->b_bytes == 0 || e->norms == 0 || at->scores.at.scratch_bytes > INT32_MAX / 2)
        return false;
    return at->is_fused || weft_round_up(at->keys, e->lanes) <= e->line;
}

bool weft__engine_plan_attention(engine_builder *builder, const weft_node *node)
{
    const weft_attrs *attrs = &node->attrs;
    const weft_value *q = node->inputs[0], *k = node->inputs[1], *v = node->inputs[2],
                     *y = node->outputs[0], *q_table = weft_node_input(node, 4),
                     *k_table = weft_node_input(node, 5);
    attention at = {.form = weft_attention_read(attrs),
                    .node = node,
                    .images = y->shape.dims[0],
                    .queries = y->shape.dims[1],
                    .keys = k->shape.dims[1],
                    .s_type = weft_dtype_from_name(weft_attrs_string(attrs, "s_type", "i8")),
                    .p_type = weft_dtype_from_name(weft_attrs_string(attrs, "p_type", "i8")),
                    .scratch = -1,
                    .q_scratch = -1,
                    .k_scratch = -1};
    const weft_head_form whole = {at.form.v.size, 0, at.form.v.size};
    choose_groups(&at);
    const product scores = scores_of(&at, 1, 1);
    at.is_fused = builder->engine->b_bytes > 0 && tile_of(builder, &scores, true).pixels > 0;
    if (!can_run(builder, &at))
        return false;
    at.q = heads_of(q, &at.form.q, weft_attrs_int(attrs, "q_zero", 0));
    at.k = heads_of(k, &at.form.k, weft_attrs_int(attrs, "k_zero", 0));
    at.v = heads_of(v, &at.form.v, weft_attrs_int(attrs, "v_zero", 0));
    at.y = heads_of(y, &whole, 0);
    if (q_table != NULL)
        put_table(builder, &at, q_table, at.queries, at.form.heads, at.form.q.size, &at.q_scratch,
                  &at.q);
    if (k_table != NULL)
        put_table(builder, &at, k_table, at.keys, at.form.kv_heads, at.form.k.size, &at.k_scratch,
                  &at.k);
    for (int64_t image = 0; image < at.images; image += at.group_images)
        for (int64_t head = 0; head < at.form.heads; head += at.group_heads)
            put_group(builder, &at, image, head);
    return true;
}
