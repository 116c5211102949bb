/* SPDX-License-Identifier: Apache-2.0 */
/* weft.QMatMul and weft.QAttention -> kernels/cpu/qattention.cl: launches that pack what is read by
 * columns, then one that multiplies. The kernels' arguments: kernels/cpu/README.md. */
#include <math.h>
#include <stdio.h>

#include "compiler/ir/attention.h"
#include "compiler/plan/internal.h"
#include "kernels/include/weft_int_row.h"

/* Flags of the kernels. */
enum {
    A_SIGNED = 1,
    SMALL = 2,
    S_SIGNED = 4,
    S_SMALL = 8,
    Q_TABLED_SIGNED = 16,
    S_TABLED_SIGNED = 32,
    P_SIGNED = 64
};
/* A float holds sums up to this. */
#define SMALL_SUM 16777216.0

static bool is_signed(weft_dtype dtype)
{
    return dtype == WEFT_DTYPE_I8;
}

static weft_dtype dtype_of(const weft_node *node, const char *name)
{
    return weft_dtype_from_name(weft_attrs_string(&node->attrs, name, "i8"));
}

static int64_t attr(const weft_node *node, const char *name)
{
    return weft_attrs_int(&node->attrs, name, 0);
}

/* Zero point of codes taken as u8 (s8 + 128), and as s8 (u8 - 128). */
static int64_t zero_as_u8(int64_t zero, weft_dtype dtype)
{
    return is_signed(dtype) ? zero + 128 : zero;
}

static int64_t zero_as_s8(int64_t zero, weft_dtype dtype)
{
    return is_signed(dtype) ? zero : zero - 128;
}

static int64_t round_up(int64_t value, int64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

/* mult / 2^shift as a float: 22 bits, no error. At 2^19 every sum but 0 leaves 8 bits. */
static double ratio_of(const weft_node *node, const char *mult, const char *shift)
{
    double ratio =
        ldexp((double)attr(node, mult), -(int)weft_attrs_int(&node->attrs, shift, WEFT_SHIFT_MIN));
    return ratio < 524288.0 ? ratio : 524288.0;
}

static void launch_stage(launch_builder *builder, const weft_node *node, char stage,
                         weft_dtype dtype)
{
    static const char *const names[] = {"zero", "min", "max"};
    int64_t least = is_signed(dtype) ? -128 : 0, absent[] = {0, least, least + 255};
    for (int i = 0; i < 3; i++) {
        char name[8];
        snprintf(name, sizeof name, "%c_%s", stage, names[i]);
        weft__launch_int(builder, weft_attrs_int(&node->attrs, name, absent[i]));
    }
}

/* ---- panels ---- */

/* A stack of matrices that is packed: matrix i lies at base + i / inner * outer_step + i % inner *
 * inner_step. Its columns lie along rows of the tensor, or across them. */
typedef struct panels {
    const weft_value *x, *table;
    bool along_rows;
    int64_t matrices, columns, depth, inner, outer_step, inner_step, row_step, base;
    int64_t zero, other_zero; /* of this one as s8, of the other operand as the rows hold it */
    int32_t packed, sums;     /* scratch */
} panels;

/* The launch that packs. */
static void launch_pack(launch_builder *builder, panels *p)
{
    const weft_target *target = builder->state->planner->target;
    int64_t panel = 2 * target->vector_floats, count = round_up(p->columns, panel) / panel;
    weft_dtype dtype = p->table != NULL ? p->table->dtype : p->x->dtype;
    weft__launch_operand(builder, p->x);
    if (p->along_rows)
        weft__launch_operand(builder, p->table);
    p->packed = weft__launch_scratch(
        builder, (uint64_t)(p->matrices * count * panel * round_up(p->depth, target->dot)));
    p->sums = weft__launch_scratch(builder, (uint64_t)(p->matrices * count * panel * 4));
    if (p->along_rows)
        weft__launch_int(builder, is_signed(p->x->dtype) ? 128 : 0);
    weft__launch_ints(builder,
                      (const int64_t[]){is_signed(dtype) ? 0 : 128, p->columns, p->depth, p->inner,
                                        p->outer_step, p->inner_step, p->row_step, p->base, p->zero,
                                        p->other_zero},
                      10);
    weft__launch_end(builder, WEFT_KERNEL_QATTENTION,
                     p->along_rows ? "weft_qpack_rows" : "weft_qpack_columns", p->matrices, count,
                     "panel");
}

static void launch_panels(launch_builder *builder, const panels *p)
{
    weft__launch_scratch_again(builder, p->packed);
    weft__launch_scratch_again(builder, p->sums);
}

/* Rows of a work-item: full tiles, and several work-items for each thread. */
static int64_t choose_block(const planner *shared, int64_t rows, int64_t matrices)
{
    int64_t tile = shared->target->tile_rows, wanted = 6 * shared->threads;
    int64_t blocks = (wanted + matrices - 1) / matrices;
    int64_t block = round_up((rows + blocks - 1) / blocks, tile);
    return block < 1 ? tile : block;
}

static weft_status refuse_local(schedule_state *state, const weft_node *node)
{
    return weft__plan_unsupported(state, node, "its rows are longer than local memory holds", NULL);
}

/* Bytes of an element of the rows in local memory. */
static int64_t row_bytes(const weft_target *target)
{
    return target->dot == 4 ? 1 : 2;
}

/* ---- QMatMul ---- */

weft_status weft__plan_q_matmul(schedule_state *state, const weft_node *node, weft_step *step)
{
    const weft_value *a = node->inputs[0], *b = node->inputs[1], *y = node->outputs[0];
    const weft_target *target = state->planner->target;
    int64_t rows = a->shape.dims[a->shape.rank - 2], depth = a->shape.dims[a->shape.rank - 1],
            columns = y->shape.dims[y->shape.rank - 1], local;
    int64_t dims[WEFT__STACK_DIMS], a_strides[WEFT__STACK_DIMS], b_strides[WEFT__STACK_DIMS];
    bool transposed = attr(node, "b_transposed") != 0;
    if (!weft__plan_stack(&a->shape, &b->shape, 1, 1, dims, a_strides, b_strides))
        return weft__plan_unsupported(
            state, node, "the operands broadcast in more than 4 separate groups of dimensions",
            NULL);
    local = target->tile_rows * round_up(depth, target->dot) * row_bytes(target);
    if (local > target->local_bytes)
        return refuse_local(state, node);
    int64_t a_zero = zero_as_u8(attr(node, "a_zero"), a->dtype);
    panels p = {.x = b,
                .along_rows = transposed,
                .matrices = weft__plan_elems(b) / (depth * columns),
                .columns = columns,
                .depth = depth,
                .inner = 1,
                .outer_step = depth * columns,
                .row_step = transposed ? depth : columns,
                .zero = zero_as_s8(attr(node, "b_zero"), b->dtype),
                .other_zero = a_zero};
    int64_t matrices = dims[0] * dims[1] * dims[2] * dims[3];
    int64_t block = choose_block(state->planner, rows, matrices),
            blocks = (rows + block - 1) / block;
    bool is_small = 255.0 * 255.0 * (double)depth <= SMALL_SUM;
    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    launch_pack(&builder, &p);
    weft__launch_operand(&builder, a);
    launch_panels(&builder, &p);
    weft__launch_value(&builder, y);
    weft__launch_ints(
        &builder,
        (const int64_t[]){(is_signed(a->dtype) ? A_SIGNED : 0) | (is_small ? SMALL : 0), a_zero,
                          p.zero, rows, depth, columns},
        6);
    weft__launch_ints(&builder, dims + 1, WEFT__STACK_DIMS - 1);
    weft__launch_ints(&builder, a_strides, WEFT__STACK_DIMS);
    weft__launch_ints(&builder, b_strides, WEFT__STACK_DIMS);
    weft__launch_ints(&builder, (const int64_t[]){block, blocks}, 2);
    weft__launch_float(&builder, ratio_of(node, "mult", "shift"));
    launch_stage(&builder, node, 'y', y->dtype);
    weft__launch_local(&builder, (uint64_t)local);
    char tile[64];
    snprintf(tile, sizeof tile, "%dx%d b%d", target->tile_rows, 2 * target->vector_floats,
             (int)block);
    weft__launch_end(&builder, WEFT_KERNEL_QATTENTION, "weft_qmatmul", matrices * blocks, 1, tile);
    return WEFT_OK;
}

/* ---- QAttention ---- */

/* Keys and values: a matrix for each image and head. */
static panels panels_of(const weft_node *node, size_t input, const weft_head_form *form,
                        int64_t heads, const char *zero)
{
    const weft_value *x = node->inputs[input];
    const weft_value *table = input == 1 ? weft_node_input(node, 5) : NULL;
    int64_t tokens = x->shape.dims[1], channels = x->shape.dims[2];
    bool is_key = input == 1;
    return (panels){.x = x,
                    .table = table,
                    .along_rows = is_key,
                    .matrices = x->shape.dims[0] * heads,
                    .columns = is_key ? tokens : form->size,
                    .depth = is_key ? form->size : tokens,
                    .inner = heads,
                    .outer_step = tokens * channels,
                    .inner_step = form->step,
                    .row_step = channels,
                    .base = form->offset,
                    .zero = zero_as_s8(attr(node, zero), table != NULL ? table->dtype : x->dtype)};
}

/* No sum of (p - p_zero)(v - v_zero) is larger: probabilities add up to 1 / p_scale, and rounding
 * adds a half to each. */
static bool values_are_small(const weft_node *node, int64_t keys)
{
    int64_t least = is_signed(dtype_of(node, "p_type")) ? -128 : 0;
    double all = ldexp((double)attr(node, "p_mult"),
                       -(int)weft_attrs_int(&node->attrs, "p_shift", WEFT_SHIFT_MIN)) +
                 1 + (double)keys / 2;
    bool stays = weft_attrs_int(&node->attrs, "p_min", least) <= attr(node, "p_zero") &&
                 weft_attrs_int(&node->attrs, "p_max", least + 255) >= attr(node, "p_zero");
    double most = 255.0 * (double)keys;
    return 255.0 * (stays && all < most ? all : most) <= SMALL_SUM;
}

static int64_t flags_of(const weft_node *node, const weft_attention *form)
{
    const weft_value *q = node->inputs[0], *q_table = weft_node_input(node, 4),
                     *s_table = weft_node_input(node, 6);
    weft_dtype s = dtype_of(node, "s_type");
    int64_t keys = node->inputs[1]->shape.dims[1], flags = 0;
    flags |= is_signed(q->dtype) ? A_SIGNED : 0;
    flags |= q_table != NULL && is_signed(q_table->dtype) ? Q_TABLED_SIGNED : 0;
    flags |= is_signed(s) ? S_SIGNED : 0;
    flags |= s_table != NULL && is_signed(s_table->dtype) ? S_TABLED_SIGNED : 0;
    flags |= is_signed(dtype_of(node, "p_type")) ? P_SIGNED : 0;
    flags |= 255.0 * 255.0 * (double)form->q.size <= SMALL_SUM ? S_SMALL : 0;
    flags |= values_are_small(node, keys) ? SMALL : 0;
    return flags;
}

/* The rows that qattention.cl wants in local memory. */
static int64_t attention_local(const weft_target *target, int64_t keys, int64_t size)
{
    int64_t padded = round_up(keys, 2 * target->vector_floats);
    int64_t row = padded * row_bytes(target) + (target->dot == 4 ? 0 : padded) +
                  round_up(size, target->dot) * row_bytes(target);
    return target->tile_rows * row + 4 * padded;
}

static void launch_numbers(launch_builder *builder, const weft_node *node,
                           const weft_attention *form, int64_t block, int64_t blocks)
{
    const weft_value *q = node->inputs[0];
    int64_t numbers[] = {flags_of(node, form),
                         form->heads,
                         form->heads / form->kv_heads,
                         q->shape.dims[1],
                         node->inputs[1]->shape.dims[1],
                         form->q.size,
                         form->v.size,
                         q->shape.dims[2],
                         form->q.offset,
                         form->q.step,
                         block,
                         blocks};
    weft__launch_ints(builder, numbers, sizeof numbers / sizeof numbers[0]);
}

weft_status weft__plan_q_attention(schedule_state *state, const weft_node *node, weft_step *step)
{
    const weft_attention form = weft_attention_read(&node->attrs);
    const weft_target *target = state->planner->target;
    const weft_value *q = node->inputs[0], *q_table = weft_node_input(node, 4),
                     *y = node->outputs[0];
    int64_t queries = q->shape.dims[1], keys = node->inputs[1]->shape.dims[1],
            heads = q->shape.dims[0] * form.heads,
            local = attention_local(target, keys, form.q.size);
    if (local > target->local_bytes)
        return refuse_local(state, node);
    int64_t q_zero = zero_as_u8(attr(node, "q_zero"), q_table != NULL ? q_table->dtype : q->dtype);
    panels k = panels_of(node, 1, &form.k, form.kv_heads, "k_zero"),
           v = panels_of(node, 2, &form.v, form.kv_heads, "v_zero");
    k.other_zero = q_zero;
    v.other_zero = zero_as_u8(attr(node, "p_zero"), dtype_of(node, "p_type"));
    int64_t block = choose_block(state->planner, queries, heads),
            blocks = (queries + block - 1) / block;
    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    launch_pack(&builder, &k);
    launch_pack(&builder, &v);
    weft__launch_operand(&builder, q);
    launch_panels(&builder, &k);
    launch_panels(&builder, &v);
    weft__launch_operand(&builder, node->inputs[3]);
    weft__launch_operand(&builder, q_table);
    weft__launch_operand(&builder, weft_node_input(node, 6));
    weft__launch_value(&builder, y);
    launch_numbers(&builder, node, &form, block, blocks);
    weft__launch_ints(&builder, (const int64_t[]){q_zero, k.zero, v.zero}, 3);
    weft__launch_float(&builder, ratio_of(node, "s_mult", "s_shift"));
    launch_stage(&builder, node, 's', dtype_of(node, "s_type"));
    weft__launch_ints(
        &builder,
        (const int64_t[]){attr(node, "p_mult"), weft_attrs_int(&node->attrs, "p_shift", 1)}, 2);
    launch_stage(&builder, node, 'p', dtype_of(node, "p_type"));
    weft__launch_float(&builder, ratio_of(node, "y_mult", "y_shift"));
    launch_stage(&builder, node, 'y', y->dtype);
    weft__launch_local(&builder, (uint64_t)local);
    char tile[64];
    snprintf(tile, sizeof tile, "%dx%d b%d", target->tile_rows, 2 * target->vector_floats,
             (int)block);
    weft__launch_end(&builder, WEFT_KERNEL_QATTENTION, "weft_qattention", heads * blocks, 1, tile);
    return WEFT_OK;
}
