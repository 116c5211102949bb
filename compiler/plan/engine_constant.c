/* SPDX-License-Identifier: Apache-2.0 */
/* Constants among the operands of streams: class tokens, position embeddings. The engine reads
 * operands from the arena alone, so descriptors write a constant into scratch memory of the step
 * first: a LAYER_NORM with scale 0, whose biases are the bytes. Eight bytes of weights per byte are
 * more than a host would move, and less than a stop of the engine's program. Used where the engine
 * normalises rows anyway. */
#include "compiler/plan/engine.h"
#include "kernels/include/weft_int_row.h"

/* Beyond, the host is faster. */
enum { CONSTANT_MAX = 1 << 20 };

bool weft__engine_has_rows(const schedule_state *state)
{
    for (const weft_node *node = state->graph->first; node != NULL; node = node->next)
        if (node->op == WEFT_OP_QLayerNorm || node->op == WEFT_OP_QSoftmax ||
            node->op == WEFT_OP_QAttention)
            return true;
    return false;
}

bool weft__engine_can_have(const engine_builder *builder, const weft_value *value)
{
    return weft__engine_is_operand(value) ||
           (builder->has_constants && builder->engine->norms != 0 && weft__engine_is_8bit(value) &&
            weft_value_is_constant(value) && weft__plan_elems(value) <= CONSTANT_MAX);
}

bool weft__engine_is_uniform(const weft_value *value, uint8_t *out_byte)
{
    const uint8_t *bytes = value->data;
    int64_t count = weft__plan_elems(value);
    *out_byte = bytes[0];
    for (int64_t i = 1; i < count; i++)
        if (bytes[i] != bytes[0])
            return false;
    return true;
}

/* The scales, all 0: as many as the longest row. */
static int32_t zeros(engine_builder *builder, int64_t count)
{
    const int32_t *list = WEFT_NEW_ARRAY(builder->state->planner->arena, int32_t, (size_t)count);
    return weft__plan_table(builder->state, WEFT_DTYPE_I32, list, count);
}

/* Bytes [first, first + count) of the constant: y = round((0 * u + bias * 2) / 2) of whatever lies
 * there. */
static void put_row(engine_builder *builder, const weft_value *value, int64_t first, int64_t count,
                    int32_t *scratch)
{
    const uint8_t *bytes = value->data;
    int64_t all = weft__plan_elems(value);
    int32_t *list = WEFT_NEW_ARRAY(builder->state->planner->arena, int32_t, (size_t)count);
    for (int64_t i = 0; i < count; i++)
        list[i] = bytes[first + i];
    weft__engine_begin(builder, WEFT_KIND_LAYER_NORM, 0);
    weft__engine_scratch(builder, WEFT_D_X, all, first, scratch);
    weft__engine_scratch(builder, WEFT_D_Y, all, first, scratch);
    weft__engine_blob(builder, WEFT_D_MULT, zeros(builder, count));
    weft__engine_blob(builder, WEFT_D_BIAS,
                      weft__plan_table(builder->state, WEFT_DTYPE_I32, list, count));
    for (int i = 0; i < WEFT_D_DIMS; i++)
        weft__engine_int(builder, WEFT_D_SIZES + i, 1);
    weft__engine_int(builder, WEFT_D_SIZES + WEFT_D_DIMS - 1, count);
    weft__engine_int(builder, WEFT_D_A_STEPS + WEFT_D_DIMS - 1, 1);
    weft__engine_int(builder, WEFT_D_Y_STEPS + WEFT_D_DIMS - 1, 1);
    weft__engine_int(builder, WEFT_D_BETA_SHIFT, 1);
    weft__engine_int(builder, WEFT_D_ROW_SHIFT, 1);
    weft__engine_int(builder, WEFT_D_Y_MAX, UINT8_MAX);
    weft__engine_end(builder);
}

void weft__engine_prepare(engine_builder *builder, const weft_value *value, int32_t *out_scratch)
{
    *out_scratch = -1;
    if (value == NULL || !weft_value_is_constant(value))
        return;
    int64_t count = weft__plan_elems(value), line = builder->engine->line;
    line = line < WEFT_ROW_MAX ? line : WEFT_ROW_MAX;
    for (int64_t first = 0; first < count; first += line)
        put_row(builder, value, first, count - first < line ? count - first : line, out_scratch);
}

void weft__engine_operand(engine_builder *builder, int word, const weft_value *value, int64_t plus,
                          int32_t scratch)
{
    if (scratch < 0)
        weft__engine_value(builder, word, value, plus);
    else
        weft__engine_scratch(builder, word, weft__plan_elems(value), plus, &scratch);
}
