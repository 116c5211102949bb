/* SPDX-License-Identifier: Apache-2.0 */
/* weft.QAttention -> MATMUL descriptors (kernels/fpga/descriptor.h), two of them for each group of
 * heads: the first ends in a softmax, so that of scores only a tile exists, on the chip; what lies
 * in the arena between the two are the probabilities of one group. Where a tile cannot hold the
 * scores of a whole row they lie there as well, and become probabilities in their place. */
#include "compiler/base/integer.h"
#include "compiler/ir/attention.h"
#include "compiler/plan/engine_product.h"

static int sign_flag(weft_dtype dtype, int flag)
{
    return dtype == WEFT_DTYPE_I8 ? flag : 0;
}

/* Bytes of probabilities of a group of heads, at most; one head needs what it needs. */
enum { GROUP_BYTES = 1 << 20 };

/* What the groups share. */
typedef struct attention {
    weft_attention form;
    const weft_node *node;
    int64_t images, queries, keys;
    int64_t group_images, group_heads;
    engine_matrices q, k, v, y;
    engine_matrices scores; /* probabilities in the end */
    weft_dtype s_type, p_type;
    int32_t scratch, q_scratch, k_scratch;
    bool is_fused; /* the softmax is the end of the first product */
} attention;

/* Tokens of a value as rows of each head. */
static engine_matrices heads_of(const weft_value *value, const weft_head_form *form, int64_t zero)
{
    int64_t tokens = value->shape.dims[1], channels = value->shape.dims[2];
    return (engine_matrices){.at = {.value = value, .offset = form->offset},
                             .dtype = value->dtype,
                             .zero = (int32_t)zero,
                             .image_step = tokens * channels,
                             .head_step = form->step,
                             .row_step = channels,
                             .inner_step = 1};
}

/* The heads of q or k through their table, into scratch memory, one beside the other. */
static void put_table(engine_builder *builder, const attention *at, const weft_value *table,
                      int64_t tokens, int64_t heads, int64_t size, int32_t *scratch,
                      engine_matrices *io)
{
    const int64_t sizes[4] = {at->images, tokens, heads, size};
    const int64_t from[4] = {io->image_step, io->row_step, io->head_step, 1};
    int64_t bytes = at->images * tokens * heads * size, step = 1;
    weft__engine_begin(builder, WEFT_KIND_TABLE, sign_flag(io->dtype, WEFT_FLAG_X_SIGNED));
    weft__engine_place(builder, WEFT_D_X, &io->at);
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
    *io = (engine_matrices){.at = {.scratch = scratch, .scratch_bytes = bytes},
                            .dtype = table->dtype,
                            .zero = io->zero,
                            .image_step = tokens * heads * size,
                            .head_step = size,
                            .row_step = heads * size,
                            .inner_step = 1};
}

/* The operand's part of a group. */
static engine_matrices part_of(const engine_matrices *whole, int64_t image, int64_t head)
{
    engine_matrices part = *whole;
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
    weft__engine_place(builder, WEFT_D_X, &at->scores.at);
    weft__engine_place(builder, WEFT_D_Y, &at->scores.at);
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

static engine_product scores_of(const attention *at, int64_t images, int64_t heads)
{
    return (engine_product){.images = images,
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
    engine_product scores = scores_of(at, images, heads);
    scores.a = part_of(&at->q, image, head);
    scores.b = part_of(&at->k, image, head / share);
    /* Keys are the columns of b. */
    scores.b.inner_step = scores.b.row_step;
    scores.b.row_step = 1;
    weft__engine_put_product(builder, &scores);
    if (!at->is_fused)
        put_softmax(builder, at, images * heads * at->queries);
    engine_product values = {.images = images,
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
    weft__engine_put_product(builder, &values);
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
    at->scores =
        (engine_matrices){.at = {.scratch = &at->scratch,
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
    const engine_product scores = scores_of(&at, 1, 1);
    at.is_fused = builder->engine->b_bytes > 0 &&
                  weft__engine_product_tile(builder, &scores, true).pixels > 0;
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
