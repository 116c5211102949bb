/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that stand alone: pooling, element-wise functions, reductions, softmax. Arguments: kernels/cpu/README.md. */
#include <string.h>

#include "compiler/plan/internal.h"

/* Floats a work-item of an element-wise kernel handles: large enough to hide its start, small enough to share out. */
enum { ELEMENT_BLOCK = 4096 };

static int64_t elems_of(const weft_value *value)
{
    int64_t elems = 0;
    WEFT_ASSERT(weft_shape_elems(&value->shape, &elems));
    return elems;
}

static bool all_f32(const weft_node *node, size_t inputs)
{
    for (size_t i = 0; i < inputs && i < node->input_count; i++)
        if (node->inputs[i] != NULL && node->inputs[i]->dtype != WEFT_DTYPE_F32)
            return false;
    return node->outputs[0]->dtype == WEFT_DTYPE_F32;
}

/* A tensor operand: activations by value, constants by a plain blob. */
static void launch_operand(launch_builder *builder, const weft_value *value)
{
    if (weft_value_is_constant(value))
        weft__launch_blob(builder, weft__plan_blob(builder->state, value, WEFT_RECIPE_PLAIN, 1, 0));
    else
        weft__launch_value(builder, value);
}

weft_status weft__plan_pool2d(schedule_state *state, const weft_node *node, weft_step *step)
{
    const weft_value *x = weft_node_input(node, 0), *y = node->outputs[0];
    int64_t kernel[2], stride[2], dilation[2], pads[4];
    weft_attrs_ints(&node->attrs, "kernel_shape", kernel, 2, 1);
    weft_attrs_ints(&node->attrs, "strides", stride, 2, 1);
    weft_attrs_ints(&node->attrs, "dilations", dilation, 2, 1);
    weft_attrs_ints(&node->attrs, "pads", pads, 4, 0);
    bool is_max = strcmp(weft_attrs_string(&node->attrs, "mode", "max"), "max") == 0;
    int op = is_max ? 0 : weft_attrs_int(&node->attrs, "count_include_pad", 0) != 0 ? 2 : 1;
    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    weft__launch_value(&builder, x);
    weft__launch_value(&builder, y);
    int64_t numbers[] = {op,        x->shape.dims[1], x->shape.dims[2], x->shape.dims[3], y->shape.dims[1], y->shape.dims[2],
                         kernel[0], kernel[1],        stride[0],        stride[1],        dilation[0],      dilation[1],
                         pads[0],   pads[1],          pads[2],          pads[3],          x->shape.dims[3]};
    weft__launch_ints(&builder, numbers, sizeof numbers / sizeof numbers[0]);
    weft__launch_end(&builder, WEFT_KERNEL_POOL, "weft_pool", y->shape.dims[0] * y->shape.dims[1], 1, "row");
    return WEFT_OK;
}

/* Numbers of unary functions in common.cl and eltwise.cl; -1: not one of them. */
static int unary_number(weft_op op)
{
    switch (op) {
    case WEFT_OP_Identity: return 0;
    case WEFT_OP_Relu: return 1;
    case WEFT_OP_Clip: return 2;
    case WEFT_OP_Sigmoid: return 3;
    case WEFT_OP_HardSigmoid: return 5;
    case WEFT_OP_HardSwish: return 6;
    case WEFT_OP_LeakyRelu: return 7;
    case WEFT_OP_Gelu: return 8;
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
    case WEFT_OP_LeakyRelu: *a = (double)weft_attrs_float(&node->attrs, "alpha", 0.01f); return true;
    case WEFT_OP_Elu: *a = (double)weft_attrs_float(&node->attrs, "alpha", 1.0f); return true;
    case WEFT_OP_Gelu: return strcmp(weft_attrs_string(&node->attrs, "approximate", "none"), "none") == 0;
    case WEFT_OP_Clip:
        *a = -3.4028234663852886e38;
        *b = 3.4028234663852886e38;
        return (weft_node_input(node, 1) == NULL || weft_value_const_scalar(weft_node_input(node, 1), a)) &&
               (weft_node_input(node, 2) == NULL || weft_value_const_scalar(weft_node_input(node, 2), b));
    default: return true;
    }
}

static weft_status plan_unary(schedule_state *state, const weft_node *node, weft_step *step, int number)
{
    double a, b;
    if (!unary_params(node, &a, &b))
        return weft__plan_unsupported(state, node, "a parameter is not constant, or an approximation no kernel has", NULL);
    int64_t count = elems_of(node->outputs[0]);
    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    launch_operand(&builder, node->inputs[0]);
    weft__launch_value(&builder, node->outputs[0]);
    weft__launch_int(&builder, number);
    weft__launch_float(&builder, a);
    weft__launch_float(&builder, b);
    weft__launch_ints(&builder, (const int64_t[]){count, ELEMENT_BLOCK}, 2);
    weft__launch_end(&builder, WEFT_KERNEL_ELTWISE, "weft_unary", (count + ELEMENT_BLOCK - 1) / ELEMENT_BLOCK, 1, "block");
    return WEFT_OK;
}

enum { BINARY_DIMS = 6 };

/* Broadcast dimensions of a binary operator, neighbours merged wherever both operands allow it. */
static bool binary_dims(const weft_node *node, int64_t dims[BINARY_DIMS], int64_t strides[2][BINARY_DIMS])
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
    if (count > BINARY_DIMS)
        return false;
    for (int i = 0; i < BINARY_DIMS; i++) {
        dims[BINARY_DIMS - 1 - i] = i < count ? merged[i] : 1;
        for (int k = 0; k < 2; k++)
            strides[k][BINARY_DIMS - 1 - i] = i < count ? steps[k][i] : 0;
    }
    return true;
}

static weft_status plan_binary(schedule_state *state, const weft_node *node, weft_step *step, int number)
{
    int64_t dims[BINARY_DIMS], strides[2][BINARY_DIMS];
    if (node->input_count != 2 || !binary_dims(node, dims, strides))
        return weft__plan_unsupported(state, node, "operands broadcast in more than 6 separate groups of dimensions", NULL);
    int64_t rows = dims[0] * dims[1] * dims[2] * dims[3] * dims[4], inner = dims[5];
    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    launch_operand(&builder, node->inputs[0]);
    launch_operand(&builder, node->inputs[1]);
    weft__launch_value(&builder, node->outputs[0]);
    weft__launch_ints(&builder, (const int64_t[]){number, 0}, 2);
    weft__launch_float(&builder, 0.0);
    weft__launch_float(&builder, 0.0);
    weft__launch_ints(&builder, dims + 1, BINARY_DIMS - 1);
    weft__launch_ints(&builder, strides[0], BINARY_DIMS);
    weft__launch_ints(&builder, strides[1], BINARY_DIMS);
    weft__launch_int(&builder, ELEMENT_BLOCK);
    weft__launch_end(&builder, WEFT_KERNEL_ELTWISE, "weft_binary", rows, (inner + ELEMENT_BLOCK - 1) / ELEMENT_BLOCK, "row");
    return WEFT_OK;
}

weft_status weft__plan_elementwise(schedule_state *state, const weft_node *node, weft_step *step)
{
    int unary = unary_number(node->op), binary = binary_number(node->op);
    if (unary < 0 && binary < 0)
        return weft__plan_unsupported(state, node, "the target has no kernel for this operator",
                                      "`weft list ops` shows what runs on which target");
    if (!all_f32(node, unary >= 0 ? 1 : 2))
        return weft__plan_unsupported(state, node, "the kernel is for f32 and an operand has another element type",
                                      "export the model in f32");
    return unary >= 0 ? plan_unary(state, node, step, unary) : plan_binary(state, node, step, binary);
}

static void launch_reduce(launch_builder *builder, const weft_value *x, const weft_value *y, int op, double scale, int64_t outer,
                          int64_t count, int64_t inner)
{
    int64_t block = inner < ELEMENT_BLOCK / 16 ? inner : ELEMENT_BLOCK / 16;
    weft__launch_value(builder, x);
    weft__launch_value(builder, y);
    weft__launch_int(builder, op);
    weft__launch_float(builder, scale);
    weft__launch_ints(builder, (const int64_t[]){count, inner, block}, 3);
    weft__launch_end(builder, WEFT_KERNEL_REDUCE, "weft_reduce", outer, inner == 1 ? 1 : (inner + block - 1) / block, "block");
}

void weft__launch_mean(launch_builder *builder, const weft_value *y, const weft_value *mean)
{
    int64_t positions = y->shape.dims[1] * y->shape.dims[2];
    launch_reduce(builder, y, mean, 0, 1.0 / (double)positions, y->shape.dims[0], positions, y->shape.dims[3]);
}

static weft_status plan_softmax(schedule_state *state, const weft_node *node, weft_step *step)
{
    const weft_shape *shape = &node->outputs[0]->shape;
    int64_t axis = weft_attrs_int(&node->attrs, "axis", -1);
    if (shape->rank == 0 || (axis != -1 && axis != shape->rank - 1))
        return weft__plan_unsupported(state, node, "softmax over another axis than the last", NULL);
    int64_t count = shape->dims[shape->rank - 1];
    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    weft__launch_value(&builder, node->inputs[0]);
    weft__launch_value(&builder, node->outputs[0]);
    weft__launch_ints(&builder, (const int64_t[]){count, 0}, 2);
    weft__launch_end(&builder, WEFT_KERNEL_REDUCE, "weft_softmax", elems_of(node->outputs[0]) / count, 1, "row");
    return WEFT_OK;
}

weft_status weft__plan_reduce(schedule_state *state, const weft_node *node, weft_step *step)
{
    if (!all_f32(node, 1))
        return weft__plan_unsupported(state, node, "the kernel is for f32 and an operand has another element type",
                                      "export the model in f32");
    if (node->op == WEFT_OP_Softmax)
        return plan_softmax(state, node, step);
    int op = node->op == WEFT_OP_ReduceMax ? 1 : node->op == WEFT_OP_ReduceMin ? 2 : node->op == WEFT_OP_ReduceProd ? 3 : 0;
    const weft_shape *shape = &node->inputs[0]->shape;
    bool reduced[WEFT_MAX_RANK] = {false};
    int64_t axes[WEFT_MAX_RANK];
    size_t count = 0;
    if (weft_node_input(node, 1) == NULL) {
        for (int i = 0; i < shape->rank; i++)
            reduced[i] = true;
    } else if (weft_value_const_ints(weft_node_input(node, 1), axes, WEFT_MAX_RANK, &count)) {
        for (size_t i = 0; i < count; i++)
            reduced[axes[i] < 0 ? axes[i] + shape->rank : axes[i]] = true;
        for (int i = 0; count == 0 && i < shape->rank; i++)
            reduced[i] = true;
    }
    /* [outer][count][inner]: the reduced axes must be neighbours; dimensions of 1 belong anywhere. */
    int64_t view[3] = {1, 1, 1};
    int part = 0;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dims[i] == 1)
            continue;
        int wanted = reduced[i] ? 1 : part == 0 ? 0 : 2;
        if (wanted < part)
            return weft__plan_unsupported(state, node, "the reduced axes are not next to each other", NULL);
        part = wanted;
        view[part] *= shape->dims[i];
    }
    launch_builder builder;
    weft__launch_begin(&builder, state, step);
    launch_reduce(&builder, node->inputs[0], node->outputs[0], op,
                  node->op == WEFT_OP_ReduceMean ? 1.0 / (double)view[1] : 1.0, view[0], view[1], view[2]);
    return WEFT_OK;
}
