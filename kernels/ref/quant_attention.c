/* SPDX-License-Identifier: Apache-2.0 */
/* weft.QMatMul, and weft.QAttention as the same products with the softmax of weft_int_rows.h
 * between them. Operands are widened to s16 with the zero point taken off. */
#include <stdlib.h>
#include <string.h>

#include "compiler/ir/attention.h"
#include "kernels/include/weft_int_rows.h"
#include "kernels/ref/quant.h"

/* Requantisation of a sum, from attributes. */
typedef struct q_ratio {
    int32_t mult, shift;
    weft_ref_q_stage to;
} q_ratio;

static int32_t finish(const q_ratio *ratio, uint32_t sum)
{
    return weft_requantise((int32_t)sum, ratio->mult, ratio->shift, ratio->to.zero, ratio->to.low,
                           ratio->to.high);
}

/* Sums wrap like the accumulators of every executor; inference bounds the depth so that they do
 * not. */
static uint32_t dot(const int16_t *a, const int16_t *b, int64_t depth)
{
    uint32_t sum = 0;
    for (int64_t i = 0; i < depth; i++)
        sum += (uint32_t)(a[i] * b[i]);
    return sum;
}

/* ---- QMatMul ---- */

typedef struct q_matmul {
    int64_t rows, depth, columns;
    bool b_transposed;
    int32_t a_zero, b_zero;
    q_ratio ratio;
    int16_t *a16, *b16; /* [depth], [columns][depth] */
} q_matmul;

static void widen_b(const q_matmul *m, const weft_tensor *b, int64_t from)
{
    int64_t k_step = m->b_transposed ? 1 : m->columns, n_step = m->b_transposed ? m->depth : 1;
    for (int64_t n = 0; n < m->columns; n++)
        for (int64_t k = 0; k < m->depth; k++)
            m->b16[n * m->depth + k] =
                (int16_t)(weft_ref_q_get(b, from + n * n_step + k * k_step) - m->b_zero);
}

static void multiply(const q_matmul *m, const weft_tensor *a, int64_t a_from, const weft_tensor *y,
                     int64_t y_from)
{
    for (int64_t row = 0; row < m->rows; row++) {
        for (int64_t k = 0; k < m->depth; k++)
            m->a16[k] = (int16_t)(weft_ref_q_get(a, a_from + row * m->depth + k) - m->a_zero);
        for (int64_t n = 0; n < m->columns; n++)
            weft_ref_q_put(y, y_from + row * m->columns + n,
                           finish(&m->ratio, dot(m->a16, m->b16 + n * m->depth, m->depth)));
    }
}

/* What stands in front of the matrices. */
static weft_shape batch_of(const weft_shape *shape)
{
    weft_shape batch = *shape;
    batch.rank -= 2;
    return batch;
}

weft_status weft_ref_q_matmul(const weft_ref_call *call)
{
    const weft_tensor *a = weft_ref_in(call, 0), *b = weft_ref_in(call, 1),
                      *y = weft_ref_out(call, 0);
    const weft_attrs *attrs = call->attrs;
    q_matmul m = {.rows = a->shape.dims[a->shape.rank - 2],
                  .depth = a->shape.dims[a->shape.rank - 1],
                  .columns = y->shape.dims[y->shape.rank - 1],
                  .b_transposed = weft_attrs_int(attrs, "b_transposed", 0) != 0,
                  .a_zero = (int32_t)weft_attrs_int(attrs, "a_zero", 0),
                  .b_zero = (int32_t)weft_attrs_int(attrs, "b_zero", 0),
                  .ratio = {(int32_t)weft_attrs_int(attrs, "mult", 0),
                            (int32_t)weft_attrs_int(attrs, "shift", 1),
                            weft_ref_q_stage_read(attrs, "y_zero", "y_min", "y_max", y->dtype)}};
    if (!weft_ref_q_is_8bit(a) || !weft_ref_q_is_8bit(b) || m.depth > WEFT_DEPTH_MAX)
        return WEFT_UNSUPPORTED;
    m.a16 = malloc((size_t)(m.depth + 1) * sizeof *m.a16);
    m.b16 = malloc((size_t)(m.columns * m.depth + 1) * sizeof *m.b16);
    if (m.a16 && m.b16) {
        weft_shape y_batch = batch_of(&y->shape), a_batch = batch_of(&a->shape),
                   b_batch = batch_of(&b->shape);
        weft_ref_walk walk = weft_ref_walk_over(&y_batch);
        weft_ref_walk_broadcast(&walk, 0, &a_batch);
        weft_ref_walk_broadcast(&walk, 1, &b_batch);
        for (int64_t i = 0; walk.left > 0; weft_ref_walk_next(&walk), i++) {
            widen_b(&m, b, walk.at[1] * m.depth * m.columns);
            multiply(&m, a, walk.at[0] * m.rows * m.depth, y, i * m.rows * m.columns);
        }
    }
    weft_status status = m.a16 && m.b16 ? WEFT_OK : WEFT_NO_MEMORY;
    free(m.a16);
    free(m.b16);
    return status;
}

/* ---- QAttention ---- */

/* An operand: its tensor, the table it goes through (or none), its zero point after that. */
typedef struct q_operand {
    const weft_tensor *x, *table;
    int32_t zero;
    weft_head_form form;
} q_operand;

typedef struct q_attention {
    weft_attention form;
    q_operand q, k, v;
    const weft_tensor *exps, *s_table;
    weft_dtype s_type, p_type;
    q_ratio s, p, y_ratio;
    int64_t queries, keys;
    int16_t *q16, *k16, *v16; /* [size], [keys][size], [keys][v size] */
    uint32_t *sums;           /* [v size] */
    uint8_t *scores;          /* [keys], then the probabilities */
} q_attention;

static q_ratio read_ratio(const weft_attrs *attrs, const char *mult, const char *shift,
                          weft_ref_q_stage to)
{
    return (q_ratio){(int32_t)weft_attrs_int(attrs, mult, 0),
                     (int32_t)weft_attrs_int(attrs, shift, 1), to};
}

static q_attention read_call(const weft_ref_call *call)
{
    const weft_attrs *attrs = call->attrs;
    q_attention at = {.form = weft_attention_read(attrs),
                      .exps = call->inputs[3],
                      .s_table = weft_ref_in(call, 6),
                      .s_type = weft_ref_q_dtype(attrs, "s_type"),
                      .p_type = weft_ref_q_dtype(attrs, "p_type")};
    at.q = (q_operand){call->inputs[0], weft_ref_in(call, 4),
                       (int32_t)weft_attrs_int(attrs, "q_zero", 0), at.form.q};
    at.k = (q_operand){call->inputs[1], weft_ref_in(call, 5),
                       (int32_t)weft_attrs_int(attrs, "k_zero", 0), at.form.k};
    at.v =
        (q_operand){call->inputs[2], NULL, (int32_t)weft_attrs_int(attrs, "v_zero", 0), at.form.v};
    at.s = read_ratio(attrs, "s_mult", "s_shift",
                      weft_ref_q_stage_read(attrs, "s_zero", "s_min", "s_max", at.s_type));
    at.p = read_ratio(attrs, "p_mult", "p_shift",
                      weft_ref_q_stage_read(attrs, "p_zero", "p_min", "p_max", at.p_type));
    at.y_ratio = read_ratio(
        attrs, "y_mult", "y_shift",
        weft_ref_q_stage_read(attrs, "y_zero", "y_min", "y_max", call->outputs[0]->dtype));
    at.queries = at.q.x->shape.dims[1];
    at.keys = at.k.x->shape.dims[1];
    return at;
}

/* The channels of one head of one token, widened. */
static void widen(const q_operand *operand, int64_t token, int64_t head, int16_t *out)
{
    const weft_head_form *form = &operand->form;
    int64_t from = token * operand->x->shape.dims[2] + form->offset + head * form->step;
    for (int64_t i = 0; i < form->size; i++) {
        int32_t value = weft_ref_q_get(operand->x, from + i);
        if (operand->table)
            value = weft_ref_q_look_up(operand->table, operand->x->dtype, value);
        out[i] = (int16_t)(value - operand->zero);
    }
}

/* The scores of one query, 8 bits each, then its probabilities in their place. */
static void make_probabilities(const q_attention *at)
{
    weft_tensor row = {.dtype = at->s_type, .data = at->scores};
    for (int64_t m = 0; m < at->keys; m++) {
        int32_t score =
            finish(&at->s, dot(at->q16, at->k16 + m * at->form.k.size, at->form.k.size));
        row.dtype = at->s_table ? at->s_table->dtype : at->s_type;
        if (at->s_table)
            score = weft_ref_q_look_up(at->s_table, at->s_type, score);
        weft_ref_q_put(&row, m, score);
    }
    weft_softmax_row(at->scores, at->scores, (int32_t)at->keys, 1, row.dtype == WEFT_DTYPE_I8,
                     at->exps->data, at->p.mult, at->p.shift, at->p.to.zero, at->p.to.low,
                     at->p.to.high);
}

static void attend(const q_attention *at, const weft_tensor *y, int64_t y_from)
{
    const weft_tensor row = {.dtype = at->p_type, .data = at->scores};
    int64_t size = at->form.v.size;
    memset(at->sums, 0, (size_t)size * sizeof *at->sums);
    for (int64_t m = 0; m < at->keys; m++) {
        const int16_t *v = at->v16 + m * size;
        int32_t probability = weft_ref_q_get(&row, m) - at->p.to.zero;
        for (int64_t c = 0; c < size; c++)
            at->sums[c] += (uint32_t)(probability * v[c]);
    }
    for (int64_t c = 0; c < size; c++)
        weft_ref_q_put(y, y_from + c, finish(&at->y_ratio, at->sums[c]));
}

static void run_head(const q_attention *at, int64_t batch, int64_t head, const weft_tensor *y)
{
    int64_t kv_head = head / (at->form.heads / at->form.kv_heads);
    for (int64_t m = 0; m < at->keys; m++) {
        widen(&at->k, batch * at->keys + m, kv_head, at->k16 + m * at->form.k.size);
        widen(&at->v, batch * at->keys + m, kv_head, at->v16 + m * at->form.v.size);
    }
    for (int64_t n = 0; n < at->queries; n++) {
        int64_t token = batch * at->queries + n;
        widen(&at->q, token, head, at->q16);
        make_probabilities(at);
        attend(at, y, (token * at->form.heads + head) * at->form.v.size);
    }
}

weft_status weft_ref_q_attention(const weft_ref_call *call)
{
    q_attention at = read_call(call);
    const weft_tensor *y = call->outputs[0];
    if (!weft_ref_q_is_8bit(at.q.x) || !weft_ref_q_is_8bit(at.k.x) || !weft_ref_q_is_8bit(at.v.x) ||
        at.exps->dtype != WEFT_DTYPE_I32 || at.keys < 1 || at.keys > WEFT_SOFTMAX_MAX ||
        at.form.k.size > WEFT_DEPTH_MAX)
        return WEFT_UNSUPPORTED;
    if (!weft_ref_q_exps_are_sound(at.exps))
        return WEFT_INVALID;
    at.q16 = malloc((size_t)at.form.q.size * sizeof *at.q16);
    at.k16 = malloc((size_t)(at.keys * at.form.k.size + 1) * sizeof *at.k16);
    at.v16 = malloc((size_t)(at.keys * at.form.v.size + 1) * sizeof *at.v16);
    at.sums = malloc((size_t)at.form.v.size * sizeof *at.sums);
    at.scores = malloc((size_t)at.keys + 1);
    bool has_memory = at.q16 && at.k16 && at.v16 && at.sums && at.scores;
    for (int64_t batch = 0; batch < y->shape.dims[0] && has_memory; batch++)
        for (int64_t head = 0; head < at.form.heads; head++)
            run_head(&at, batch, head, y);
    free(at.q16);
    free(at.k16);
    free(at.v16);
    free(at.sums);
    free(at.scores);
    return has_memory ? WEFT_OK : WEFT_NO_MEMORY;
}
