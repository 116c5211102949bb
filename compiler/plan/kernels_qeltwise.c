/* SPDX-License-Identifier: Apache-2.0 */
/* QuantizeLinear, DequantizeLinear, weft.QTable, weft.QAdd and weft.QMul ->
 * kernels/cpu/qeltwise.cl. The kernels' arguments: kernels/cpu/README.md; what is computed:
 * kernels/include/weft_int.h. */
#include <math.h>
#include <string.h>

#include "compiler/plan/internal.h"
#include "kernels/include/weft_int.h"

/* Bytes that a work-item handles at least, so that its start is hidden, and the most work-items
 * that sharing out evenly needs. */
enum { LEAST_BYTES = 8192, MOST_ITEMS = 32 };

static bool is_signed(const weft_value *value)
{
    return value->dtype == WEFT_DTYPE_I8;
}

/* Elements, or rows of `unit` elements, for one work-item. */
static int64_t items_block(int64_t count, int64_t unit)
{
    int64_t least = (LEAST_BYTES + unit - 1) / unit;
    int64_t even = (count + MOST_ITEMS - 1) / MOST_ITEMS;
    return even > least ? even : least;
}

/* ---- from and to f32 ---- */

/* Scale and zero point as tables, and how elements meet them: rows of `inner` elements, of which
 * row r has the pair r % count, or (step 1) element i the pair i. */
typedef struct linear_form {
    int32_t scale, zero;
    int64_t rows, inner, count, step;
} linear_form;

static weft_status read_linear(schedule_state *state, const weft_node *node, linear_form *out)
{
    const weft_value *x = weft_node_input(node, 0), *scale = weft_node_input(node, 1),
                     *zero = weft_node_input(node, 2);
    if (!weft_value_is_constant(scale) || (zero != NULL && !weft_value_is_constant(zero)))
        return weft__plan_unsupported(state, node, "scale or zero point is not constant", NULL);
    int64_t count = weft__plan_elems(scale), total = weft__plan_elems(x);
    int32_t *zeros = WEFT_NEW_ARRAY(state->planner->arena, int32_t, (size_t)count);
    for (int64_t i = 0; i < count && zero != NULL; i++)
        zeros[i] = zero->dtype == WEFT_DTYPE_I8   ? ((const int8_t *)zero->data)[i]
                   : zero->dtype == WEFT_DTYPE_U8 ? ((const uint8_t *)zero->data)[i]
                                                  : ((const int32_t *)zero->data)[i];
    *out = (linear_form){.rows = 1, .inner = total, .count = 1};
    out->scale = weft__plan_table(state, WEFT_DTYPE_F32, scale->data, count);
    out->zero = weft__plan_table(state, WEFT_DTYPE_I32, zeros, count);
    if (count == 1)
        return WEFT_OK;
    int64_t axis = weft_attrs_int(&node->attrs, "axis", 1), inner = 1;
    axis += axis < 0 ? x->shape.rank : 0;
    for (int d = (int)axis + 1; d < x->shape.rank; d++)
        inner *= x->shape.dims[d];
    out->step = inner == 1;
    out->inner = inner == 1 ? count : inner;
    out->rows = total / out->inner;
    out->count = inner == 1 ? 1 : count;
    return WEFT_OK;
}

static weft_status plan_linear(schedule_state *state, const weft_node *node, weft_step *step,
                               const char *kernel, int64_t kind)
{
    linear_form form = {0};
    weft_status status = read_linear(state, node, &form);
    if (status != WEFT_OK)
        return status;
    int64_t lanes = state->planner->target->vector_floats;
    int64_t block = (items_block(form.inner, 1) + lanes - 1) / lanes * lanes;
    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    weft__launch_operand(&builder, node->inputs[0]);
    weft__launch_blob(&builder, form.scale);
    weft__launch_blob(&builder, form.zero);
    weft__launch_value(&builder, node->outputs[0]);
    weft__launch_ints(&builder, (const int64_t[]){kind, form.inner, form.count, form.step, block},
                      5);
    weft__launch_end(&builder, WEFT_KERNEL_QELTWISE, kernel, form.rows,
                     (form.inner + block - 1) / block, "row");
    return WEFT_OK;
}

weft_status weft__plan_quantize_linear(schedule_state *state, const weft_node *node,
                                       weft_step *step)
{
    return plan_linear(state, node, step, "weft_quantize", is_signed(node->outputs[0]) ? -128 : 0);
}

weft_status weft__plan_dequantize_linear(schedule_state *state, const weft_node *node,
                                         weft_step *step)
{
    const weft_value *x = node->inputs[0];
    int64_t kind = x->dtype == WEFT_DTYPE_I32 ? 2 : is_signed(x);
    return plan_linear(state, node, step, "weft_dequantize", kind);
}

/* ---- 8 bits to 8 bits ---- */

weft_status weft__plan_q_table(schedule_state *state, const weft_node *node, weft_step *step)
{
    int64_t count = weft__plan_elems(node->outputs[0]), block = items_block(count, 1);
    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    weft__launch_operand(&builder, node->inputs[0]);
    weft__launch_operand(&builder, node->inputs[1]);
    weft__launch_value(&builder, node->outputs[0]);
    weft__launch_ints(&builder, (const int64_t[]){is_signed(node->inputs[0]), count, block}, 3);
    weft__launch_end(&builder, WEFT_KERNEL_QELTWISE, "weft_qtable", (count + block - 1) / block, 1,
                     "block");
    return WEFT_OK;
}

/* Where results are computed row by row. */
typedef struct row_form {
    int64_t dims[WEFT__BROADCAST_DIMS], strides[2][WEFT__BROADCAST_DIMS];
    int64_t rows, row_block, block;
} row_form;

static bool read_rows(const schedule_state *state, const weft_node *node, row_form *out)
{
    if (!weft__plan_broadcast(node, out->dims, out->strides))
        return false;
    int64_t quad = 4 * state->planner->target->vector_floats, inner = out->dims[5];
    out->rows = weft__plan_elems(node->outputs[0]) / inner;
    /* Long rows are cut where the kernels' steps end, short ones are put together. */
    out->block = out->rows >= MOST_ITEMS ? inner : items_block(inner, 1);
    out->block = (out->block + quad - 1) / quad * quad;
    out->row_block = out->block < inner ? 1 : items_block(out->rows, inner);
    return true;
}

static void launch_rows(launch_builder *builder, const row_form *rows)
{
    weft__launch_int(builder, rows->rows);
    weft__launch_ints(builder, rows->dims + 1, WEFT__BROADCAST_DIMS - 1);
    weft__launch_ints(builder, rows->strides[0], WEFT__BROADCAST_DIMS);
    weft__launch_ints(builder, rows->strides[1], WEFT__BROADCAST_DIMS);
    weft__launch_ints(builder, (const int64_t[]){rows->row_block, rows->block}, 2);
}

static void launch_end(launch_builder *builder, const char *kernel, const row_form *rows)
{
    weft__launch_end(builder, WEFT_KERNEL_QELTWISE, kernel,
                     (rows->rows + rows->row_block - 1) / rows->row_block,
                     (rows->dims[5] + rows->block - 1) / rows->block, "rows");
}

/* Attributes as arguments, in this order; absent limits are those of the type. */
static void launch_attrs(launch_builder *builder, const weft_attrs *attrs, const char *names,
                         weft_dtype dtype)
{
    int64_t least = dtype == WEFT_DTYPE_I8 ? -128 : 0;
    while (*names != '\0') {
        char name[16];
        size_t length = strcspn(names, " ");
        WEFT_ASSERT(length > 4 && length < sizeof name);
        memcpy(name, names, length);
        name[length] = '\0';
        int64_t absent = strcmp(name + 1, "_min") == 0   ? least
                         : strcmp(name + 1, "_max") == 0 ? least + 255
                         : strstr(name, "shift") != NULL ? 1
                                                         : 0;
        weft__launch_int(builder, weft_attrs_int(attrs, name, absent));
        names += length;
        names += strspn(names, " ");
    }
}

static weft_status refuse_rows(schedule_state *state, const weft_node *node)
{
    return weft__plan_unsupported(
        state, node, "operands broadcast in more than 6 separate groups of dimensions", NULL);
}

weft_status weft__plan_q_add(schedule_state *state, const weft_node *node, weft_step *step)
{
    row_form rows;
    const weft_value *a = node->inputs[0], *b = node->inputs[1], *y = node->outputs[0];
    if (!read_rows(state, node, &rows))
        return refuse_rows(state, node);
    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    weft__launch_operand(&builder, a);
    weft__launch_operand(&builder, b);
    weft__launch_value(&builder, y);
    weft__launch_int(&builder, is_signed(a) | is_signed(b) << 1);
    launch_rows(&builder, &rows);
    launch_attrs(&builder, &node->attrs, "a_zero a_mult b_zero b_mult shift y_zero y_min y_max",
                 y->dtype);
    launch_end(&builder, "weft_qadd", &rows);
    return WEFT_OK;
}

weft_status weft__plan_q_mul(schedule_state *state, const weft_node *node, weft_step *step)
{
    enum { RESIDUAL = 8 };
    row_form rows;
    const weft_value *a = node->inputs[0], *b = node->inputs[1], *r = weft_node_input(node, 2);
    const weft_attrs *attrs = &node->attrs;
    bool c_signed = strcmp(weft_attrs_string(attrs, "c_type", "i8"), "i8") == 0;
    if (!read_rows(state, node, &rows))
        return refuse_rows(state, node);
    /* At 2^19 every product but 0 leaves the range of 8 bits. */
    double ratio = ldexp((double)weft_attrs_int(attrs, "mult", 0),
                         -(int)weft_attrs_int(attrs, "shift", WEFT_SHIFT_MIN));
    ratio = ratio < 524288.0 ? ratio : 524288.0;
    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    weft__launch_operand(&builder, a);
    weft__launch_operand(&builder, b);
    weft__launch_operand(&builder, r);
    weft__launch_value(&builder, node->outputs[0]);
    weft__launch_int(&builder, is_signed(a) | is_signed(b) << 1 | (r != NULL && is_signed(r)) << 2 |
                                   (r != NULL ? RESIDUAL : 0));
    launch_rows(&builder, &rows);
    launch_attrs(&builder, attrs, "a_zero b_zero", WEFT_DTYPE_I8);
    weft__launch_float(&builder, ratio);
    launch_attrs(&builder, attrs, "c_zero c_min c_max", c_signed ? WEFT_DTYPE_I8 : WEFT_DTYPE_U8);
    launch_attrs(&builder, attrs, "c_mult r_zero r_mult add_shift y_zero y_min y_max",
                 node->outputs[0]->dtype);
    launch_end(&builder, "weft_qmul", &rows);
    return WEFT_OK;
}
