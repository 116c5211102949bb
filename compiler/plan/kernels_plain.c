/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that stand alone: pooling and element-wise functions. Arguments: kernels/cpu/README.md.
 */
#include <math.h>
#include <string.h>

#include "compiler/plan/internal.h"

weft_status weft__plan_pool2d(schedule_state *state, const weft_node *node, weft_step *step)
{
    const weft_value *x = weft_node_input(node, 0), *y = node->outputs[0];
    plan_window window = weft__plan_window(&node->attrs);
    bool is_max = strcmp(weft_attrs_string(&node->attrs, "mode", "max"), "max") == 0;
    int op = is_max ? 0 : weft_attrs_int(&node->attrs, "count_include_pad", 0) != 0 ? 2 : 1;
    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    weft__launch_value(&builder, x);
    weft__launch_value(&builder, y);
    int64_t shapes[] = {op,
                        x->shape.dims[1],
                        x->shape.dims[2],
                        x->shape.dims[3],
                        y->shape.dims[1],
                        y->shape.dims[2]};
    weft__launch_ints(&builder, shapes, sizeof shapes / sizeof shapes[0]);
    weft__launch_window(&builder, &window);
    weft__launch_int(&builder, x->shape.dims[3]);
    weft__launch_end(&builder, WEFT_KERNEL_POOL, "weft_pool", y->shape.dims[0] * y->shape.dims[1],
                     1, "row");
    return WEFT_OK;
}

/* Numbers of unary functions in common.cl and eltwise.cl; -1: not one of them. */
static int unary_number(const weft_node *node)
{
    switch (node->op) {
    case WEFT_OP_Identity: return 0;
    case WEFT_OP_Relu: return 1;
    case WEFT_OP_Clip: return 2;
    case WEFT_OP_Sigmoid: return 3;
    case WEFT_OP_HardSigmoid: return 5;
    case WEFT_OP_HardSwish: return 6;
    case WEFT_OP_LeakyRelu: return 7;
    case WEFT_OP_Gelu:
        return strcmp(weft_attrs_string(&node->attrs, "approximate", "none"), "tanh") == 0 ? 10 : 8;
    case WEFT_OP_Tanh: return 9;
    case WEFT_OP_Neg: return 32;
    case WEFT_OP_Abs: return 33;
    case WEFT_OP_Sqrt: return 34;
    case WEFT_OP_Exp: return 35;
    case WEFT_OP_Log: return 36;
    case WEFT_OP_Reciprocal: return 37;
    case WEFT_OP_Floor: return 38;
    case WEFT_OP_Ceil: return 39;
    case WEFT_OP_Erf: return 40;
    case WEFT_OP_Softplus: return 41;
    case WEFT_OP_Elu: return 42;
    case WEFT_OP_Round: return 44;
    case WEFT_OP_Sin: return 45;
    case WEFT_OP_Cos: return 46;
    default: return -1;
    }
}

static int binary_number(weft_op op)
{
    switch (op) {
    case WEFT_OP_Add: return 0;
    case WEFT_OP_Sub: return 1;
    case WEFT_OP_Mul: return 2;
    case WEFT_OP_Div: return 3;
    case WEFT_OP_Max: return 4;
    case WEFT_OP_Min: return 5;
    case WEFT_OP_Pow: return 6;
    case WEFT_OP_PRelu: return 7;
    default: return -1;
    }
}

/* The two numbers of a unary function: from attributes, or Clip's bounds from constant inputs. */
static bool unary_params(const weft_node *node, double *a, double *b)
{
    *a = *b = 0.0;
    switch (node->op) {
    case WEFT_OP_HardSigmoid:
        *a = (double)weft_attrs_float(&node->attrs, "alpha", 0.2f);
        *b = (double)weft_attrs_float(&node->attrs, "beta", 0.5f);
        return true;
    case WEFT_OP_LeakyRelu:
        *a = (double)weft_attrs_float(&node->attrs, "alpha", 0.01f);
        return true;
    case WEFT_OP_Elu: *a = (double)weft_attrs_float(&node->attrs, "alpha", 1.0f); return true;
    case WEFT_OP_Clip:
        *a = -(double)INFINITY;
        *b = (double)INFINITY;
        return (weft_node_input(node, 1) == NULL ||
                weft_value_const_scalar(weft_node_input(node, 1), a)) &&
               (weft_node_input(node, 2) == NULL ||
                weft_value_const_scalar(weft_node_input(node, 2), b));
    default: return true;
    }
}

static weft_status plan_unary(schedule_state *state, const weft_node *node, weft_step *step,
                              int number)
{
    double a, b;
    if (!unary_params(node, &a, &b))
        return weft__plan_unsupported(state, node, "a parameter is not constant", NULL);
    int64_t count = weft__plan_elems(node->outputs[0]);
    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    weft__launch_operand(&builder, node->inputs[0]);
    weft__launch_value(&builder, node->outputs[0]);
    weft__launch_int(&builder, number);
    weft__launch_float(&builder, a);
    weft__launch_float(&builder, b);
    weft__launch_ints(&builder, (const int64_t[]){count, WEFT__ELEMENT_BLOCK}, 2);
    weft__launch_end(&builder, WEFT_KERNEL_ELTWISE, "weft_unary",
                     (count + WEFT__ELEMENT_BLOCK - 1) / WEFT__ELEMENT_BLOCK, 1, "block");
    return WEFT_OK;
}

bool weft__plan_broadcast(const weft_node *node, int64_t dims[WEFT__BROADCAST_DIMS],
                          int64_t strides[2][WEFT__BROADCAST_DIMS])
{
    const weft_shape *y = &node->outputs[0]->shape;
    int64_t merged[WEFT_MAX_RANK + 1], steps[2][WEFT_MAX_RANK + 1];
    int count = 0; /* from the innermost outwards */
    int64_t next[2] = {1, 1};
    for (int i = y->rank - 1; i >= 0; i--) {
        int64_t stride[2];
        for (int k = 0; k < 2; k++) {
            const weft_shape *shape = &node->inputs[k]->shape;
            int axis = i - (y->rank - shape->rank);
            int64_t size = axis < 0 ? 1 : shape->dims[axis];
            stride[k] = size == 1 ? 0 : next[k];
            next[k] *= size;
        }
        if (y->dims[i] == 1)
            continue;
        if (count > 0 && stride[0] == steps[0][count - 1] * merged[count - 1] &&
            stride[1] == steps[1][count - 1] * merged[count - 1]) {
            merged[count - 1] *= y->dims[i];
            continue;
        }
        merged[count] = y->dims[i];
        steps[0][count] = stride[0];
        steps[1][count++] = stride[1];
    }
    if (count > WEFT__BROADCAST_DIMS)
        return false;
    for (int i = 0; i < WEFT__BROADCAST_DIMS; i++) {
        dims[WEFT__BROADCAST_DIMS - 1 - i] = i < count ? merged[i] : 1;
        for (int k = 0; k < 2; k++)
            strides[k][WEFT__BROADCAST_DIMS - 1 - i] = i < count ? steps[k][i] : 0;
    }
    return true;
}

static weft_status plan_binary(schedule_state *state, const weft_node *node, weft_step *step,
                               int number)
{
    int64_t dims[WEFT__BROADCAST_DIMS], strides[2][WEFT__BROADCAST_DIMS];
    if (node->input_count != 2 || !weft__plan_broadcast(node, dims, strides))
        return weft__plan_unsupported(
            state, node, "operands broadcast in more than 6 separate groups of dimensions", NULL);
    int64_t rows = dims[0] * dims[1] * dims[2] * dims[3] * dims[4], inner = dims[5];
    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    weft__launch_operand(&builder, node->inputs[0]);
    weft__launch_operand(&builder, node->inputs[1]);
    weft__launch_value(&builder, node->outputs[0]);
    weft__launch_ints(&builder, (const int64_t[]){number, 0}, 2);
    weft__launch_float(&builder, 0.0);
    weft__launch_float(&builder, 0.0);
    weft__launch_ints(&builder, dims + 1, WEFT__BROADCAST_DIMS - 1);
    weft__launch_ints(&builder, strides[0], WEFT__BROADCAST_DIMS);
    weft__launch_ints(&builder, strides[1], WEFT__BROADCAST_DIMS);
    weft__launch_int(&builder, WEFT__ELEMENT_BLOCK);
    weft__launch_end(&builder, WEFT_KERNEL_ELTWISE, "weft_binary", rows,
                     (inner + WEFT__ELEMENT_BLOCK - 1) / WEFT__ELEMENT_BLOCK, "row");
    return WEFT_OK;
}

weft_status weft__plan_elementwise(schedule_state *state, const weft_node *node, weft_step *step)
{
    int unary = unary_number(node), binary = binary_number(node->op);
    if (unary < 0 && binary < 0)
        return weft__plan_unsupported(state, node, "the target has no kernel for this operator",
                                      "`weft list ops` shows what runs on which target");
    if (node->op == WEFT_OP_Identity && node->outputs[0]->dtype != WEFT_DTYPE_F32) {
        launch_builder builder;
        weft__launch_begin(&builder, state, step);
        return weft__launch_whole_copy(&builder, node);
    }
    weft_status status = weft__plan_check_f32(state, node, unary >= 0 ? 1 : 2);
    if (status != WEFT_OK)
        return status;
    return unary >= 0 ? plan_unary(state, node, step, unary)
                      : plan_binary(state, node, step, binary);
}
