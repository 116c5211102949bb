/* SPDX-License-Identifier: Apache-2.0 */
/* weft.QLayerNorm -> weft_qlayer_norm, weft.QSoftmax -> weft_qsoftmax. The kernels' arguments:
 * kernels/cpu/README.md; what is computed: kernels/include/weft_int_row.h. */
#include <math.h>
#include <stdio.h>

#include "compiler/plan/qconv.h"
#include "kernels/cpu/qpack.h"
#include "kernels/include/weft_int_row.h"

/* Bytes that a work-item handles at least, and the most work-items that sharing out needs. */
enum { LEAST_BYTES = 4096, MOST_ITEMS = 32 };

typedef struct row_form {
    int64_t rows, count, block, blocks;
} row_form;

static row_form rows_of(const weft_value *x)
{
    row_form form = {.count = x->shape.dims[x->shape.rank - 1]};
    form.rows = weft__plan_elems(x) / form.count;
    int64_t least = (LEAST_BYTES + form.count - 1) / form.count,
            even = (form.rows + MOST_ITEMS - 1) / MOST_ITEMS;
    form.block = even > least ? even : least;
    form.blocks = (form.rows + form.block - 1) / form.block;
    return form;
}

static void launch_stage(launch_builder *builder, const weft_node *node)
{
    int64_t least = node->outputs[0]->dtype == WEFT_DTYPE_I8 ? -128 : 0;
    weft__launch_int(builder, weft_attrs_int(&node->attrs, "y_zero", 0));
    weft__launch_int(builder, weft_attrs_int(&node->attrs, "y_min", least));
    weft__launch_int(builder, weft_attrs_int(&node->attrs, "y_max", least + 255));
}

/* Largest absolute number of a constant of i32; the limit of its kind when it is computed. */
static double largest_of(const weft_value *value, double limit)
{
    const int32_t *numbers = value->data;
    double largest = 0;
    for (int64_t i = 0; numbers != NULL && i < weft__plan_elems(value); i++)
        largest = fmax(largest, fabs((double)numbers[i]));
    return numbers != NULL ? largest : limit;
}

double weft__qnorm_margin(const weft_value *gamma, const weft_value *beta, int beta_shift,
                          int shift)
{
    return weft_qnorm_margin(largest_of(gamma, WEFT_MULT_MAX),
                             largest_of(beta, ldexp(1, WEFT_BETA_BITS)), beta_shift, shift);
}

weft_status weft__plan_q_layer_norm(schedule_state *state, const weft_node *node, weft_step *step)
{
    const weft_value *x = node->inputs[0];
    const weft_attrs *attrs = &node->attrs;
    row_form form = rows_of(x);
    int64_t epsilon = weft_attrs_int(attrs, "epsilon", 0);
    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    weft__launch_operand(&builder, x);
    weft__launch_operand(&builder, node->inputs[1]);
    weft__launch_operand(&builder, node->inputs[2]);
    weft__launch_value(&builder, node->outputs[0]);
    weft__launch_ints(&builder,
                      (const int64_t[]){x->dtype == WEFT_DTYPE_I8, form.rows, form.count,
                                        form.block, epsilon >> 32, (int32_t)(uint32_t)epsilon,
                                        weft_attrs_int(attrs, "beta_shift", 0),
                                        weft_attrs_int(attrs, "shift", 1)},
                      8);
    launch_stage(&builder, node);
    weft__launch_float(&builder, weft__qnorm_margin(node->inputs[1], node->inputs[2],
                                                    (int)weft_attrs_int(attrs, "beta_shift", 0),
                                                    (int)weft_attrs_int(attrs, "shift", 1)));
    weft__launch_end(&builder, WEFT_KERNEL_QNORM, "weft_qlayer_norm", form.blocks, 1, "rows");
    return WEFT_OK;
}

weft_status weft__plan_q_softmax(schedule_state *state, const weft_node *node, weft_step *step)
{
    const weft_value *x = node->inputs[0];
    const weft_attrs *attrs = &node->attrs;
    row_form form = rows_of(x);
    int64_t lanes = state->planner->target->vector_floats,
            padded = (form.count + lanes - 1) / lanes * lanes;
    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    weft__launch_operand(&builder, x);
    weft__launch_operand(&builder, node->inputs[1]);
    weft__launch_value(&builder, node->outputs[0]);
    weft__launch_ints(&builder,
                      (const int64_t[]){x->dtype == WEFT_DTYPE_I8, form.rows, form.count,
                                        form.block, weft_attrs_int(attrs, "mult", 0),
                                        weft_attrs_int(attrs, "shift", 1)},
                      6);
    launch_stage(&builder, node);
    weft__launch_local(&builder, (uint64_t)padded * 5);
    weft__launch_end(&builder, WEFT_KERNEL_QATTENTION, "weft_qsoftmax", form.blocks, 1, "rows");
    return WEFT_OK;
}
