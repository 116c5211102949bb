/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single nodes; see emit.h. Knows nothing about layers or architectures.
 */
#include "models/emit.h"

#include <assert.h>
#include <string.h>

#include "models/cnn_names.h"

weft_build_value weft_emit_node(weft_cnn *cnn, const char *op, const char *module,
                                const weft_build_value *inputs, int input_count,
                                const weft_build_attr *attrs, size_t attr_count,
                                const weft_build_shape *shape, weft_build_elem elem)
{
    weft_cnn_names names = weft_cnn_name(cnn, op, module);
    const weft_build_value_info output = {.name = names.output, .shape = *shape, .elem = elem};
    const weft_build_node_spec spec = {
        .op = op,
        .name = names.node,
        .inputs = inputs,
        .input_count = input_count,
        .attrs = attrs,
        .attr_count = attr_count,
        .outputs = &output,
        .output_count = 1,
    };
    return weft_build_add(cnn->build, &spec);
}

static weft_build_shape shape_of(const weft_cnn *cnn, weft_build_value x)
{
    return *weft_build_shape_of(cnn->build, x);
}

static weft_build_elem elem_of(const weft_cnn *cnn, weft_build_value x)
{
    return x < 0 ? WEFT_BUILD_F32 : cnn->build->values[x].elem;
}

/* ---- constants ------------------------------------------------------------------------------- */

static bool is_same(const weft_build *build, const weft_build_initializer *a,
                    const weft_build_tensor *b)
{
    const weft_build_value_info *info = &build->values[a->value];
    if (a->is_parameter || info->elem != b->elem || info->shape.rank != b->shape.rank ||
        memcmp(info->shape.dims, b->shape.dims, (size_t)b->shape.rank * sizeof(int64_t)) != 0)
        return false;
    size_t count = (size_t)weft_build_elems(&b->shape);
    if (b->elem == WEFT_BUILD_I64)
        return memcmp(a->ints, b->ints, count * sizeof(int64_t)) == 0;
    return a->recipe.table && memcmp(a->recipe.table, b->floats, count * sizeof(float)) == 0;
}

/* An initialiser; equal ones are one, as in the torch.export based exporter's files. */
static weft_build_value shared_initializer(weft_cnn *cnn, const char *module,
                                           const weft_build_tensor *tensor)
{
    const weft_build *build = cnn->build;
    for (size_t i = 0; build->status == WEFT_BUILD_OK && i < build->initializer_count; i++)
        if (is_same(build, &build->initializers[i], tensor))
            return build->initializers[i].value;
    return weft_build_add_tensor(cnn->build, weft_cnn_constant_name(cnn, module), tensor);
}

weft_build_value weft_emit_tensor(weft_cnn *cnn, const char *module,
                                  const weft_build_tensor *tensor)
{
    if (cnn->form == WEFT_CNN_DYNAMO)
        return shared_initializer(cnn, module, tensor);
    const weft_build_attr value = {.name = "value", .kind = WEFT_BUILD_TENSOR, .t = tensor};
    return weft_emit_node(cnn, "Constant", module, NULL, 0, &value, 1, &tensor->shape,
                          tensor->elem);
}

weft_build_value weft_emit_ints(weft_cnn *cnn, const char *module, const int64_t *values,
                                size_t count)
{
    const weft_build_tensor tensor = {
        .elem = WEFT_BUILD_I64, .shape = {.rank = 1, .dims = {(int64_t)count}}, .ints = values};
    return weft_emit_tensor(cnn, module, &tensor);
}

weft_build_value weft_emit_int(weft_cnn *cnn, const char *module, int64_t value)
{
    const weft_build_tensor tensor = {.elem = WEFT_BUILD_I64, .ints = &value};
    return weft_emit_tensor(cnn, module, &tensor);
}

weft_build_value weft_emit_float(weft_cnn *cnn, const char *module, float value)
{
    const weft_build_tensor tensor = {.elem = WEFT_BUILD_F32, .floats = &value};
    return weft_emit_tensor(cnn, module, &tensor);
}

/* ---- arithmetic ------------------------------------------------------------------------------ */

weft_build_value weft_emit_unary(weft_cnn *cnn, const char *op, const char *module,
                                 weft_build_value x)
{
    const weft_build_shape shape = shape_of(cnn, x);
    return weft_emit_node(cnn, op, module, &x, 1, NULL, 0, &shape, elem_of(cnn, x));
}

static weft_build_shape broadcast(weft_build_shape a, weft_build_shape b)
{
    weft_build_shape y = a.rank >= b.rank ? a : b;
    const weft_build_shape *other = a.rank >= b.rank ? &b : &a;
    int lead = y.rank - other->rank;
    for (int i = 0; i < other->rank; i++)
        if (y.dims[lead + i] == 1)
            y.dims[lead + i] = other->dims[i];
    return y;
}

weft_build_value weft_emit_binary(weft_cnn *cnn, const char *op, const char *module,
                                  weft_build_value a, weft_build_value b)
{
    const weft_build_shape shape = broadcast(shape_of(cnn, a), shape_of(cnn, b));
    weft_build_elem elem = strcmp(op, "Equal") == 0 ? WEFT_BUILD_BOOL : elem_of(cnn, a);
    return weft_emit_node(cnn, op, module, (const weft_build_value[]){a, b}, 2, NULL, 0, &shape,
                          elem);
}

weft_build_value weft_emit_where(weft_cnn *cnn, const char *module, weft_build_value condition,
                                 weft_build_value a, weft_build_value b)
{
    const weft_build_shape shape =
        broadcast(shape_of(cnn, condition), broadcast(shape_of(cnn, a), shape_of(cnn, b)));
    return weft_emit_node(cnn, "Where", module, (const weft_build_value[]){condition, a, b}, 3,
                          NULL, 0, &shape, elem_of(cnn, a));
}

weft_build_value weft_emit_matmul(weft_cnn *cnn, const char *module, weft_build_value a,
                                  weft_build_value b)
{
    weft_build_shape shape = shape_of(cnn, a);
    const weft_build_shape right = shape_of(cnn, b);
    if (shape.rank < 2 || right.rank < 2)
        return WEFT_BUILD_NONE; /* after a failure */
    assert(shape.dims[shape.rank - 1] == right.dims[right.rank - 2]);
    shape.dims[shape.rank - 1] = right.dims[right.rank - 1];
    return weft_emit_node(cnn, "MatMul", module, (const weft_build_value[]){a, b}, 2, NULL, 0,
                          &shape, WEFT_BUILD_F32);
}

weft_build_value weft_emit_softmax(weft_cnn *cnn, const char *module, weft_build_value x, int axis)
{
    const weft_build_shape shape = shape_of(cnn, x);
    const weft_build_attr attr = {.name = "axis", .kind = WEFT_BUILD_INT, .i = axis};
    return weft_emit_node(cnn, "Softmax", module, &x, 1, &attr, 1, &shape, WEFT_BUILD_F32);
}

/* ---- movement -------------------------------------------------------------------------------- */

weft_build_value weft_emit_transpose(weft_cnn *cnn, const char *module, weft_build_value x,
                                     const int64_t *perm)
{
    const weft_build_shape from = shape_of(cnn, x);
    weft_build_shape shape = {.rank = from.rank};
    for (int i = 0; i < from.rank; i++)
        shape.dims[i] = from.dims[perm[i]];
    const weft_build_attr attr = {
        .name = "perm", .kind = WEFT_BUILD_INTS, .ints = perm, .ints_count = (size_t)from.rank};
    return weft_emit_node(cnn, "Transpose", module, &x, 1, &attr, 1, &shape, elem_of(cnn, x));
}

static weft_build_value reshape_to(weft_cnn *cnn, const char *module, weft_build_value x,
                                   weft_build_value dims, const weft_build_shape *shape)
{
    /* Exists since operator set 14. Without zeros among the dims it says nothing. */
    const weft_build_attr attr = {
        .name = "allowzero", .kind = WEFT_BUILD_INT, .i = cnn->form == WEFT_CNN_DYNAMO};
    return weft_emit_node(cnn, "Reshape", module, (const weft_build_value[]){x, dims}, 2, &attr,
                          cnn->build->opset >= 14, shape, elem_of(cnn, x));
}

weft_build_value weft_emit_reshape(weft_cnn *cnn, const char *module, weft_build_value x, int rank,
                                   const int64_t *dims)
{
    const weft_build_shape from = shape_of(cnn, x);
    weft_build_shape shape = {.rank = rank};
    int64_t written[WEFT_BUILD_MAX_RANK], known = 1;
    int open = -1;
    for (int i = 0; i < rank; i++) {
        written[i] = shape.dims[i] = dims[i];
        if (dims[i] < 0)
            open = i;
        else
            known *= dims[i];
    }
    if (open >= 0)
        shape.dims[open] = known > 0 ? weft_build_elems(&from) / known : 0; /* 0: after a failure */
    else if (cnn->build->batch_symbol)
        written[0] = -1;
    assert(cnn->build->status != WEFT_BUILD_OK ||
           weft_build_elems(&shape) == weft_build_elems(&from));
    return reshape_to(cnn, module, x, weft_emit_ints(cnn, module, written, (size_t)rank), &shape);
}

weft_build_value weft_emit_flatten(weft_cnn *cnn, const char *module, weft_build_value x, int axis)
{
    const weft_build_shape from = shape_of(cnn, x);
    const int64_t open[] = {-1};
    weft_build_shape shape = {.rank = axis + 1};
    shape.dims[axis] = 1;
    for (int i = 0; i < from.rank; i++) {
        if (i < axis)
            shape.dims[i] = from.dims[i];
        else
            shape.dims[axis] *= from.dims[i];
    }
    if (cnn->form == WEFT_CNN_DYNAMO)
        return weft_emit_reshape(cnn, module, x, shape.rank, shape.dims);
    weft_build_value dims = weft_emit_shape(cnn, module, x);
    dims = weft_emit_slice(cnn, module, dims, 0, 0, axis, 0);
    dims = weft_emit_concat(
        cnn, module, (const weft_build_value[]){dims, weft_emit_ints(cnn, module, open, 1)}, 2, 0);
    return reshape_to(cnn, module, x, dims, &shape);
}

/* Squeeze and Unsqueeze, whose axes are an input since operator set 13. */
static weft_build_value with_axis(weft_cnn *cnn, const char *op, const char *module,
                                  weft_build_value x, int axis, const weft_build_shape *shape)
{
    const int64_t axes[] = {axis};
    const weft_build_value inputs[] = {x, weft_emit_ints(cnn, module, axes, 1)};
    return weft_emit_node(cnn, op, module, inputs, 2, NULL, 0, shape, elem_of(cnn, x));
}

weft_build_value weft_emit_unsqueeze(weft_cnn *cnn, const char *module, weft_build_value x,
                                     int axis)
{
    const weft_build_shape from = shape_of(cnn, x);
    weft_build_shape shape = {.rank = from.rank + 1};
    for (int i = 0; i < shape.rank; i++)
        shape.dims[i] = i == axis ? 1 : from.dims[i - (i > axis)];
    return with_axis(cnn, "Unsqueeze", module, x, axis, &shape);
}

static weft_build_shape without(weft_build_shape from, int axis)
{
    weft_build_shape shape = {.rank = from.rank - 1};
    for (int i = 0; i < shape.rank; i++)
        shape.dims[i] = from.dims[i + (i >= axis)];
    return shape;
}

weft_build_value weft_emit_squeeze(weft_cnn *cnn, const char *module, weft_build_value x, int axis)
{
    const weft_build_shape shape = without(shape_of(cnn, x), axis);
    return with_axis(cnn, "Squeeze", module, x, axis, &shape);
}

weft_build_value weft_emit_pick(weft_cnn *cnn, const char *module, weft_build_value x, int axis,
                                int64_t index)
{
    const weft_build_shape shape = without(shape_of(cnn, x), axis);
    assert(index >= 0 && index < WEFT_CNN_SCALARS);
    if (cnn->scalars[index] == 0)
        cnn->scalars[index] = weft_emit_int(cnn, module, index);
    const weft_build_value inputs[] = {x, cnn->scalars[index]};
    const weft_build_attr attr = {.name = "axis", .kind = WEFT_BUILD_INT, .i = axis};
    return weft_emit_node(cnn, "Gather", module, inputs, 2, &attr, 1, &shape, elem_of(cnn, x));
}

weft_build_value weft_emit_slice(weft_cnn *cnn, const char *module, weft_build_value x, int axis,
                                 int64_t start, int64_t end, int64_t step)
{
    weft_build_shape shape = shape_of(cnn, x);
    int64_t dim = shape.dims[axis], stride = step > 0 ? step : 1;
    int64_t first = start < 0 ? start + dim : start, last = end < 0 ? end + dim : end;
    last = last > dim ? dim : last;
    shape.dims[axis] = (last - first + stride - 1) / stride;
    weft_build_value axes = weft_emit_ints(cnn, module, (const int64_t[]){axis}, 1);
    weft_build_value starts = weft_emit_ints(cnn, module, &start, 1);
    weft_build_value inputs[] = {x, starts, weft_emit_ints(cnn, module, &end, 1), axes,
                                 WEFT_BUILD_NONE};
    if (step > 0)
        inputs[4] = weft_emit_ints(cnn, module, &step, 1);
    return weft_emit_node(cnn, "Slice", module, inputs, step > 0 ? 5 : 4, NULL, 0, &shape,
                          elem_of(cnn, x));
}

weft_build_value weft_emit_concat(weft_cnn *cnn, const char *module, const weft_build_value *parts,
                                  int count, int axis)
{
    weft_build_shape shape = shape_of(cnn, parts[0]);
    for (int i = 1; i < count; i++)
        shape.dims[axis] += shape_of(cnn, parts[i]).dims[axis];
    const weft_build_attr attr = {.name = "axis", .kind = WEFT_BUILD_INT, .i = axis};
    return weft_emit_node(cnn, "Concat", module, parts, count, &attr, 1, &shape,
                          elem_of(cnn, parts[0]));
}

weft_build_value weft_emit_split(weft_cnn *cnn, const char *module, weft_build_value x, int axis,
                                 int parts)
{
    weft_build_value_info outputs[WEFT_EMIT_MAX_PARTS];
    int64_t sizes[WEFT_EMIT_MAX_PARTS];
    weft_build_shape shape = shape_of(cnn, x);
    assert(parts <= WEFT_EMIT_MAX_PARTS);
    shape.dims[axis] /= parts;
    for (int i = 0; i < parts; i++)
        sizes[i] = shape.dims[axis];
    const weft_build_value inputs[] = {x, weft_emit_ints(cnn, module, sizes, (size_t)parts)};
    weft_cnn_names names = weft_cnn_name(cnn, "Split", module);
    for (int i = 0; i < parts; i++)
        outputs[i] = (weft_build_value_info){
            .name = weft_cnn_output_name(cnn, &names, i), .shape = shape, .elem = elem_of(cnn, x)};
    const weft_build_attr attr = {.name = "axis", .kind = WEFT_BUILD_INT, .i = axis};
    const weft_build_node_spec spec = {
        .op = "Split",
        .name = names.node,
        .inputs = inputs,
        .input_count = 2,
        .attrs = &attr,
        .attr_count = 1,
        .outputs = outputs,
        .output_count = parts,
    };
    return weft_build_add(cnn->build, &spec);
}

weft_build_value weft_emit_cast_to_float(weft_cnn *cnn, const char *module, weft_build_value x)
{
    const weft_build_shape shape = shape_of(cnn, x);
    const weft_build_attr attr = {
        .name = "to", .kind = WEFT_BUILD_INT, .i = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT};
    return weft_emit_node(cnn, "Cast", module, &x, 1, &attr, 1, &shape, WEFT_BUILD_F32);
}

/* ---- shapes ---------------------------------------------------------------------------------- */

weft_build_value weft_emit_shape(weft_cnn *cnn, const char *module, weft_build_value x)
{
    const weft_build_shape shape = {.rank = 1, .dims = {shape_of(cnn, x).rank}};
    return weft_emit_node(cnn, "Shape", module, &x, 1, NULL, 0, &shape, WEFT_BUILD_I64);
}

weft_build_value weft_emit_filled(weft_cnn *cnn, const char *module, weft_build_value dims,
                                  const weft_build_shape *shape, weft_build_elem elem,
                                  int64_t value)
{
    const float as_float = (float)value;
    const weft_build_tensor tensor = {
        .elem = elem, .shape = {.rank = 1, .dims = {1}}, .ints = &value, .floats = &as_float};
    const weft_build_attr attr = {.name = "value", .kind = WEFT_BUILD_TENSOR, .t = &tensor};
    return weft_emit_node(cnn, "ConstantOfShape", module, &dims, 1, &attr, 1, shape, elem);
}

weft_build_value weft_emit_expand(weft_cnn *cnn, const char *module, weft_build_value x,
                                  weft_build_value dims, const weft_build_shape *shape)
{
    const weft_build_shape list = {.rank = 1, .dims = {shape->rank}};
    if (cnn->form == WEFT_CNN_TORCHSCRIPT) {
        const int64_t rank = shape->rank;
        weft_build_value ones = weft_emit_filled(cnn, module, weft_emit_ints(cnn, module, &rank, 1),
                                                 &list, WEFT_BUILD_I64, 1);
        weft_build_value minus =
            weft_emit_binary(cnn, "Mul", module, ones, weft_emit_int(cnn, module, -1));
        dims = weft_emit_where(cnn, module, weft_emit_binary(cnn, "Equal", module, dims, minus),
                               ones, dims);
    }
    return weft_emit_node(cnn, "Expand", module, (const weft_build_value[]){x, dims}, 2, NULL, 0,
                          shape, elem_of(cnn, x));
}
