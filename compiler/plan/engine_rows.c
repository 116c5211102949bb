/* SPDX-License-Identifier: Apache-2.0 */
/* weft.QSoftmax and weft.QLayerNorm, also the one in front of a product -> stream descriptors of
 * whole rows (kernels/fpga/descriptor.h). */
#include "compiler/base/integer.h"
#include "compiler/plan/engine.h"

static int sign_flag(const weft_value *value, int flag)
{
    return value->dtype == WEFT_DTYPE_I8 ? flag : 0;
}

bool weft__engine_has_row_of(const engine_builder *builder, const weft_value *x)
{
    int64_t length = x->shape.dims[x->shape.rank - 1];
    return weft__engine_is_operand(x) && builder->engine->norms != 0 &&
           weft_round_up(length, builder->engine->lanes) <= builder->engine->line;
}

/* Rows of the last dimension, one behind the other in x and y; word Y is the caller's. */
static void begin_rows(engine_builder *builder, int kind, const weft_value *x)
{
    int64_t length = x->shape.dims[x->shape.rank - 1], elements = weft__plan_elems(x);
    weft__engine_begin(builder, kind, sign_flag(x, WEFT_FLAG_X_SIGNED));
    weft__engine_value(builder, WEFT_D_X, x, 0);
    const int last = WEFT_D_DIMS - 1;
    for (int i = 0; i < WEFT_D_DIMS; i++)
        weft__engine_int(builder, WEFT_D_SIZES + i, 1);
    weft__engine_int(builder, WEFT_D_SIZES + last - 1, elements / length);
    weft__engine_int(builder, WEFT_D_SIZES + last, length);
    weft__engine_int(builder, WEFT_D_A_STEPS + last - 1, length);
    weft__engine_int(builder, WEFT_D_A_STEPS + last, 1);
    weft__engine_int(builder, WEFT_D_Y_STEPS + last - 1, length);
    weft__engine_int(builder, WEFT_D_Y_STEPS + last, 1);
}

/* Its rows fit, and what it reads beside them is constant. */
static bool can_do(const engine_builder *builder, const weft_node *node)
{
    for (size_t i = 1; i < node->input_count; i++)
        if (!weft_value_is_constant(node->inputs[i]))
            return false;
    return weft__engine_has_row_of(builder, node->inputs[0]);
}

void weft__engine_softmax(engine_builder *builder, const weft_value *exps, const char *stage,
                          weft_dtype dtype)
{
    const weft_attrs *attrs = &builder->step->attrs;
    bool is_alone = stage[0] == 'y';
    weft__engine_constant(builder, WEFT_D_EXPS, exps);
    weft__engine_int(builder, WEFT_D_ROW_MULT,
                     weft_attrs_int(attrs, is_alone ? "mult" : "p_mult", 0));
    weft__engine_int(builder, WEFT_D_ROW_SHIFT,
                     weft_attrs_int(attrs, is_alone ? "shift" : "p_shift", 1));
    weft__engine_stage(builder, stage, dtype, WEFT_D_Y_ZERO, WEFT_D_Y_MIN, WEFT_D_Y_MAX);
}

bool weft__engine_plan_softmax(engine_builder *builder, const weft_node *node)
{
    if (!can_do(builder, node))
        return false;
    begin_rows(builder, WEFT_KIND_SOFTMAX, node->inputs[0]);
    weft__engine_value(builder, WEFT_D_Y, node->outputs[0], 0);
    weft__engine_softmax(builder, node->inputs[1], "y", node->outputs[0]->dtype);
    weft__engine_end(builder);
    return true;
}

/* Scale and bias are inputs `input` and the next. */
static void put_norm(engine_builder *builder, const weft_node *node, size_t input,
                     const char *epsilon_name, const char *beta_shift, const char *shift)
{
    const weft_attrs *attrs = &node->attrs;
    int64_t epsilon = weft_attrs_int(attrs, epsilon_name, 0);
    weft__engine_constant(builder, WEFT_D_MULT, node->inputs[input]);
    weft__engine_constant(builder, WEFT_D_BIAS, node->inputs[input + 1]);
    weft__engine_int(builder, WEFT_D_EPSILON_LOW, (int32_t)(uint32_t)epsilon);
    weft__engine_int(builder, WEFT_D_EPSILON_HIGH, epsilon >> 32);
    weft__engine_int(builder, WEFT_D_BETA_SHIFT, weft_attrs_int(attrs, beta_shift, 0));
    weft__engine_int(builder, WEFT_D_ROW_SHIFT, weft_attrs_int(attrs, shift, 1));
}

bool weft__engine_plan_layer_norm(engine_builder *builder, const weft_node *node)
{
    if (!can_do(builder, node))
        return false;
    begin_rows(builder, WEFT_KIND_LAYER_NORM, node->inputs[0]);
    weft__engine_value(builder, WEFT_D_Y, node->outputs[0], 0);
    put_norm(builder, node, 1, "epsilon", "beta_shift", "shift");
    weft__engine_stage(builder, "y", node->outputs[0]->dtype, WEFT_D_Y_ZERO, WEFT_D_Y_MIN,
                       WEFT_D_Y_MAX);
    weft__engine_end(builder);
    return true;
}

void weft__engine_normalise(engine_builder *builder, const weft_node *node, int32_t *out_scratch)
{
    const weft_value *x = node->inputs[0];
    *out_scratch = -1;
    begin_rows(builder, WEFT_KIND_LAYER_NORM, x);
    weft__engine_scratch(builder, WEFT_D_Y, weft__plan_elems(x), 0, out_scratch);
    put_norm(builder, node, 7, "norm_epsilon", "norm_beta_shift", "norm_shift");
    weft__engine_stage(builder, "norm",
                       weft_dtype_from_name(weft_attrs_string(&node->attrs, "norm_type", "i8")),
                       WEFT_D_Y_ZERO, WEFT_D_Y_MIN, WEFT_D_Y_MAX);
    weft__engine_int(builder, WEFT_D_Y_ZERO, weft_attrs_int(&node->attrs, "x_zero", 0));
    weft__engine_end(builder);
}
