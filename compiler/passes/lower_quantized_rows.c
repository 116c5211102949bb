/* SPDX-License-Identifier: Apache-2.0 */
/* lower-quantized, what transformers have: products of two activations, softmax and layer
 * normalisation of 8-bit tensors. Must not know products with weights. */
#include <inttypes.h>

#include "compiler/passes/lower_quantized.h"
#include "compiler/passes/rewrite.h"
#include "kernels/include/weft_tables.h"

enum { MAX_FACTORS = 16 };

/* ---- products ---- */

/* y = x * factor or x / factor with a positive constant number; gives x, or NULL. */
static weft_value *read_factor(weft_lq *lq, const weft_node *node, double *out_factor)
{
    for (size_t i = 0; i < 2 && (node->op == WEFT_OP_Mul || node->op == WEFT_OP_Div); i++) {
        weft_value *x = node->inputs[i], constant;
        int64_t elems = 0;
        if ((i == 1 && node->op == WEFT_OP_Div) ||
            !weft_shape_equal(&x->shape, &node->outputs[0]->shape) ||
            !weft_shape_elems(&node->inputs[1 - i]->shape, &elems) || elems != 1 ||
            !weft_lq_constant(lq, node->inputs[1 - i], &constant))
            continue;
        double number = (double)*(const float *)constant.data;
        *out_factor = node->op == WEFT_OP_Mul ? number : 1 / number;
        return *out_factor > 0 ? x : NULL;
    }
    return NULL;
}

weft_value *weft_lq_peel_factors(weft_lq *lq, weft_value *value, double *out_factor)
{
    *out_factor = 1;
    for (int i = 0; i < MAX_FACTORS && value->producer; i++) {
        double factor;
        weft_value *x = read_factor(lq, value->producer, &factor);
        if (!x)
            break;
        *out_factor *= factor;
        WEFT_VEC_PUSH(lq->graph->arena, &lq->between, value->producer);
        value = x;
    }
    return value;
}

/* Both operands as 8-bit tensors of at least two dimensions; false with a reason. */
static weft_status trace_operands(weft_lq *lq, weft_node *core, const weft_lq_codes *operands[2],
                                  bool *out_found)
{
    *out_found = false;
    for (size_t i = 0; i < 2; i++) {
        if (core->inputs[i]->shape.rank < 2)
            return WEFT_OK;
        weft_status status = weft_lq_trace_affine(lq, core->inputs[i], &operands[i]);
        if (status != WEFT_OK)
            return status;
        if (!operands[i]) {
            weft_lq_refuse(lq, core, "its operand %s is not quantised", core->inputs[i]->name);
            return WEFT_OK;
        }
    }
    int64_t depth = core->inputs[0]->shape.dims[core->inputs[0]->shape.rank - 1];
    *out_found = depth >= 1 && depth <= WEFT_DEPTH_MAX;
    if (!*out_found)
        weft_lq_refuse(lq, core, "its inner dimension is %" PRId64, depth);
    return WEFT_OK;
}

weft_status weft_lq_matmul(weft_lq *lq, weft_node *core, double factor, bool *out_done)
{
    const weft_lq_codes *operands[2];
    bool is_found;
    weft_status status = trace_operands(lq, core, operands, &is_found);
    if (status != WEFT_OK || !is_found)
        return status;
    const weft_lq_codes *a = operands[0], *b = operands[1];
    weft_ratio ratio;
    double real = a->scale * b->scale * factor / lq->result.scale;
    if (!weft_ratio_make(real, &ratio)) {
        weft_lq_refuse(lq, core, "its scales have the ratio %g", real);
        return WEFT_OK;
    }
    weft_node *node =
        weft_lq_add(lq, WEFT_OP_QMatMul, core, (weft_value *[]){a->value, b->value}, 2);
    weft_lq_set(lq, node, "a_zero", a->zero);
    weft_lq_set(lq, node, "b_zero", b->zero);
    weft_lq_set(lq, node, "mult", ratio.mult);
    weft_lq_set(lq, node, "shift", ratio.shift);
    weft_lq_set_stage(lq, node, "y", &lq->result);
    weft_lq_set_dtype(lq, node, "to", lq->result.dtype);
    status = weft_node_infer(lq->graph, node, lq->diag);
    *out_done = true;
    return status == WEFT_OK ? weft_lq_finish(lq, node->outputs[0]) : status;
}

/* ---- rows ---- */

/* axis is the last dimension, or the ones after it have size 1: both are rows side by side. */
static bool is_last(const weft_shape *shape, int64_t axis)
{
    axis += axis < 0 ? shape->rank : 0;
    for (int64_t d = axis + 1; d < shape->rank; d++)
        if (shape->dims[d] != 1)
            return false;
    return axis == shape->rank - 1;
}

weft_status weft_lq_softmax(weft_lq *lq, weft_node *core, bool *out_done)
{
    const weft_lq_codes *x = NULL;
    const weft_shape *shape = &core->outputs[0]->shape;
    if (shape->rank < 1 || !is_last(shape, weft_attrs_int(&core->attrs, "axis", -1))) {
        weft_lq_refuse(lq, core, "it is not over the last dimension");
        return WEFT_OK;
    }
    weft_status status = weft_lq_trace_affine(lq, core->inputs[0], &x);
    if (status != WEFT_OK || !x) {
        weft_lq_refuse(lq, core, "what it reads is not quantised");
        return status;
    }
    int64_t count = shape->dims[shape->rank - 1];
    weft_arena *arena = lq->graph->arena;
    uint32_t *exps = WEFT_NEW_ARRAY(arena, uint32_t, WEFT_LQ_CODES);
    weft_ratio ratio;
    if (count < 1 || count > WEFT_SOFTMAX_MAX ||
        !weft_softmax_make(x->scale, lq->result.scale, exps, &ratio) ||
        ratio.shift < WEFT_SHIFT_MIN || ratio.shift > WEFT_SOFTMAX_SHIFT_MAX) {
        weft_lq_refuse(lq, core, "the integers do not hold rows of %" PRId64 " to the scale %g",
                       count, lq->result.scale);
        return WEFT_OK;
    }
    weft_value *table =
        weft_graph_add_constant(lq->graph, weft_arena_printf(arena, "%s/exps", core->name),
                                WEFT_DTYPE_I32, &(weft_shape){1, {WEFT_LQ_CODES}}, exps);
    weft_node *node = weft_lq_add(lq, WEFT_OP_QSoftmax, core, (weft_value *[]){x->value, table}, 2);
    weft_lq_set(lq, node, "mult", ratio.mult);
    weft_lq_set(lq, node, "shift", ratio.shift);
    weft_lq_set_stage(lq, node, "y", &lq->result);
    weft_lq_set_dtype(lq, node, "to", lq->result.dtype);
    status = weft_node_infer(lq->graph, node, lq->diag);
    *out_done = true;
    return status == WEFT_OK ? weft_lq_finish(lq, node->outputs[0]) : status;
}

/* Scale or bias of a LayerNormalization: `count` numbers; NULL with *ok when there is none. */
static const float *read_vector(weft_lq *lq, const weft_value *value, int64_t count, bool *ok)
{
    weft_value constant;
    int64_t elems = 0;
    if (!value)
        return NULL;
    *ok = weft_shape_elems(&value->shape, &elems) && elems == count &&
          weft_lq_constant(lq, value, &constant);
    return *ok ? constant.data : NULL;
}

static weft_value *add_numbers(weft_lq *lq, const weft_node *core, const char *name, int64_t count,
                               const int32_t *numbers)
{
    return weft_graph_add_constant(lq->graph,
                                   weft_arena_printf(lq->graph->arena, "%s/%s", core->name, name),
                                   WEFT_DTYPE_I32, &(weft_shape){1, {count}}, numbers);
}

weft_status weft_lq_layer_norm(weft_lq *lq, weft_node *core, bool *out_done)
{
    const weft_lq_codes *x = NULL;
    const weft_shape *shape = &core->outputs[0]->shape;
    if (!is_last(shape, weft_attrs_int(&core->attrs, "axis", -1))) {
        weft_lq_refuse(lq, core, "it is not over the last dimension");
        return WEFT_OK;
    }
    weft_status status = weft_lq_trace_affine(lq, core->inputs[0], &x);
    if (status != WEFT_OK || !x) {
        weft_lq_refuse(lq, core, "what it reads is not quantised");
        return status;
    }
    int64_t count = shape->dims[shape->rank - 1];
    bool ok = count <= WEFT_ROW_MAX;
    const float *scale = ok ? read_vector(lq, core->inputs[1], count, &ok) : NULL;
    const float *bias = ok ? read_vector(lq, weft_node_input(core, 2), count, &ok) : NULL;
    if (!ok) {
        weft_lq_refuse(lq, core, "its scale or bias is not constant, or it has %" PRId64 " numbers",
                       count);
        return WEFT_OK;
    }
    weft_arena *arena = lq->graph->arena;
    int32_t *gamma = WEFT_NEW_ARRAY(arena, int32_t, (size_t)count),
            *beta = WEFT_NEW_ARRAY(arena, int32_t, (size_t)count);
    weft_layer_norm made;
    if (!weft_layer_norm_make((int32_t)count,
                              (double)weft_attrs_float(&core->attrs, "epsilon", 1e-5F), x->scale,
                              lq->result.scale, scale, bias, &made, gamma, beta)) {
        weft_lq_refuse(lq, core, "its numbers do not fit the integers: scales %g to %g", x->scale,
                       lq->result.scale);
        return WEFT_OK;
    }
    weft_value *inputs[] = {x->value, add_numbers(lq, core, "gamma", count, gamma),
                            add_numbers(lq, core, "beta", count, beta)};
    weft_node *node = weft_lq_add(lq, WEFT_OP_QLayerNorm, core, inputs, 3);
    weft_lq_set(lq, node, "epsilon", made.epsilon);
    weft_lq_set(lq, node, "beta_shift", made.beta_shift);
    weft_lq_set(lq, node, "shift", made.shift);
    weft_lq_set_stage(lq, node, "y", &lq->result);
    weft_lq_set_dtype(lq, node, "to", lq->result.dtype);
    status = weft_node_infer(lq->graph, node, lq->diag);
    *out_done = true;
    return status == WEFT_OK ? weft_lq_finish(lq, node->outputs[0]) : status;
}
