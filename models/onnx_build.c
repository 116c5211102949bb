/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The graph builder; see onnx_build.h. Knows nothing about architectures, files or the command
 * line.
 */
#include "models/onnx_build.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Small objects share blocks of this size; larger ones get their own. */
#define BLOCK_BYTES ((size_t)64 * 1024)

typedef struct weft_build_block {
    struct weft_build_block *next;
    size_t used_bytes, size_bytes;
    max_align_t data[];
} weft_build_block;

static const weft_build_shape no_shape;

static void fail(weft_build *build, weft_build_status status, const char *culprit)
{
    if (build->status != WEFT_BUILD_OK)
        return;
    build->status = status;
    build->culprit = culprit;
}

void *weft_build_alloc(weft_build *build, size_t count, size_t elem_bytes)
{
    size_t bytes;
    if (build->status != WEFT_BUILD_OK)
        return NULL;
    if (__builtin_mul_overflow(count, elem_bytes, &bytes) || bytes > SIZE_MAX / 2) {
        fail(build, WEFT_BUILD_NO_MEMORY, NULL);
        return NULL;
    }
    bytes = (bytes + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    weft_build_block *block = build->blocks;
    if (!block || block->size_bytes - block->used_bytes < bytes) {
        size_t size_bytes = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
        block = calloc(1, sizeof *block + size_bytes);
        if (!block) {
            fail(build, WEFT_BUILD_NO_MEMORY, NULL);
            return NULL;
        }
        block->size_bytes = size_bytes;
        block->next = build->blocks;
        build->blocks = block;
    }
    void *result = (char *)block->data + block->used_bytes;
    block->used_bytes += bytes;
    return result;
}

const char *weft_build_format(weft_build *build, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = length < 0 ? NULL : weft_build_alloc(build, (size_t)length + 1, 1);
    if (!text)
        return "";
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

static char *copy_text(weft_build *build, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = weft_build_alloc(build, bytes, 1);
    if (copy)
        memcpy(copy, text, bytes);
    return copy;
}

/* Makes room for one more element. False after a failure. */
static bool grow(weft_build *build, void **array, size_t elem_bytes, size_t count, size_t *capacity)
{
    if (build->status != WEFT_BUILD_OK)
        return false;
    if (count < *capacity)
        return true;
    size_t wanted = *capacity ? *capacity * 2 : 64;
    void *larger = realloc(*array, wanted * elem_bytes);
    if (!larger) {
        fail(build, WEFT_BUILD_NO_MEMORY, NULL);
        return false;
    }
    *array = larger;
    *capacity = wanted;
    return true;
}

weft_build *weft_build_create(const char *graph_name, int opset, bool with_weights)
{
    weft_build *build = calloc(1, sizeof *build);
    if (!build)
        return NULL;
    build->opset = opset;
    build->with_weights = with_weights;
    build->input = WEFT_BUILD_NONE;
    build->output = WEFT_BUILD_NONE;
    build->graph_name = copy_text(build, graph_name);
    if (!build->graph_name) {
        weft_build_destroy(build);
        return NULL;
    }
    return build;
}

void weft_build_destroy(weft_build *build)
{
    if (!build)
        return;
    for (weft_build_block *block = build->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(build->values);
    free(build->initializers);
    free(build->nodes);
    free(build->name_slots);
    free(build);
}

/* The slot that holds the name, or the free one where it belongs. */
static size_t find_slot(const weft_build *build, const char *name)
{
    size_t mask = build->name_slot_count - 1;
    size_t slot = (size_t)weft_init_stream(0, name) & mask;
    while (build->name_slots[slot] != WEFT_BUILD_NONE &&
           strcmp(build->values[build->name_slots[slot]].name, name) != 0)
        slot = (slot + 1) & mask;
    return slot;
}

/* Keeps the table at most half full. */
static bool grow_names(weft_build *build)
{
    if (build->value_count < build->name_slot_count / 2)
        return true;
    size_t wanted = build->name_slot_count ? build->name_slot_count * 2 : 256;
    int *slots = malloc(wanted * sizeof *slots);
    if (!slots) {
        fail(build, WEFT_BUILD_NO_MEMORY, NULL);
        return false;
    }
    for (size_t i = 0; i < wanted; i++)
        slots[i] = WEFT_BUILD_NONE;
    free(build->name_slots);
    build->name_slots = slots;
    build->name_slot_count = wanted;
    for (size_t i = 0; i < build->value_count; i++)
        slots[find_slot(build, build->values[i].name)] = (int)i;
    return true;
}

bool weft_build_has(const weft_build *build, const char *name)
{
    return build->name_slot_count > 0 &&
           build->name_slots[find_slot(build, name)] != WEFT_BUILD_NONE;
}

static weft_build_value add_value(weft_build *build, const char *name,
                                  const weft_build_shape *shape, weft_build_elem elem)
{
    const weft_build_shape own_shape = *shape; /* the caller's may lie in the array that grows */
    void *values = build->values;
    if (!grow(build, &values, sizeof *build->values, build->value_count, &build->value_capacity))
        return WEFT_BUILD_NONE;
    build->values = values;
    char *copy = copy_text(build, name);
    if (!copy || !grow_names(build))
        return WEFT_BUILD_NONE;
    int64_t bytes = 8; /* of the largest element */
    for (int i = 0; i < own_shape.rank; i++) {
        if (__builtin_mul_overflow(bytes, own_shape.dims[i], &bytes)) {
            fail(build, WEFT_BUILD_TOO_LARGE, copy);
            return WEFT_BUILD_NONE;
        }
    }
    size_t slot = find_slot(build, copy);
    if (build->name_slots[slot] != WEFT_BUILD_NONE) {
        fail(build, WEFT_BUILD_NAME_TAKEN, copy);
        return WEFT_BUILD_NONE;
    }
    weft_build_value value = (weft_build_value)build->value_count++;
    build->values[value] = (weft_build_value_info){.name = copy, .shape = own_shape, .elem = elem};
    build->name_slots[slot] = value;
    return value;
}

weft_build_value weft_build_add_input(weft_build *build, const char *name,
                                      const weft_build_shape *shape)
{
    build->input = add_value(build, name, shape, WEFT_BUILD_F32);
    return build->input;
}

void weft_build_set_output(weft_build *build, weft_build_value value)
{
    build->output = value;
}

static weft_build_value add_initializer(weft_build *build, const char *name,
                                        const weft_build_shape *shape,
                                        weft_build_initializer initializer)
{
    void *array = build->initializers;
    if (!grow(build, &array, sizeof *build->initializers, build->initializer_count,
              &build->initializer_capacity))
        return WEFT_BUILD_NONE;
    build->initializers = array;
    initializer.value =
        add_value(build, name, shape, initializer.ints ? WEFT_BUILD_I64 : WEFT_BUILD_F32);
    if (initializer.value >= 0)
        build->initializers[build->initializer_count++] = initializer;
    return initializer.value;
}

weft_build_value weft_build_add_weight(weft_build *build, const char *name,
                                       const weft_build_shape *shape,
                                       const weft_init_recipe *recipe, bool is_parameter)
{
    weft_build_initializer initializer = {.is_parameter = is_parameter};
    assert(recipe || !build->with_weights || build->status != WEFT_BUILD_OK);
    if (recipe)
        initializer.recipe = *recipe;
    return add_initializer(build, name, shape, initializer);
}

weft_build_value weft_build_add_tensor(weft_build *build, const char *name,
                                       const weft_build_tensor *tensor)
{
    size_t count = (size_t)weft_build_elems(&tensor->shape);
    weft_build_initializer initializer = {0};
    if (tensor->elem == WEFT_BUILD_I64) {
        int64_t *copy = weft_build_alloc(build, count, sizeof *copy);
        if (copy)
            memcpy(copy, tensor->ints, count * sizeof *copy);
        initializer.ints = copy;
    } else {
        float *copy = weft_build_alloc(build, count, sizeof *copy);
        if (copy)
            memcpy(copy, tensor->floats, count * sizeof *copy);
        initializer.recipe.table = copy;
    }
    return add_initializer(build, name, &tensor->shape, initializer);
}

weft_build_value weft_build_add_ints(weft_build *build, const char *name, const int64_t *values,
                                     size_t count)
{
    const weft_build_tensor tensor = {
        .elem = WEFT_BUILD_I64, .shape = {.rank = 1, .dims = {(int64_t)count}}, .ints = values};
    return weft_build_add_tensor(build, name, &tensor);
}

/* The message form of a small constant. */
static Onnx__TensorProto *make_tensor(weft_build *build, const weft_build_tensor *tensor)
{
    size_t count = (size_t)weft_build_elems(&tensor->shape);
    size_t rank = (size_t)tensor->shape.rank;
    Onnx__TensorProto *proto = weft_build_alloc(build, 1, sizeof *proto);
    int64_t *dims = weft_build_alloc(build, rank, sizeof *dims);
    if (!proto || !dims)
        return NULL;
    onnx__tensor_proto__init(proto);
    memcpy(dims, tensor->shape.dims, rank * sizeof *dims);
    proto->n_dims = rank;
    proto->dims = dims;
    proto->has_data_type = 1;
    if (tensor->elem == WEFT_BUILD_I64) {
        proto->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
        proto->n_int64_data = count;
        proto->int64_data = weft_build_alloc(build, count, sizeof *proto->int64_data);
        if (proto->int64_data)
            memcpy(proto->int64_data, tensor->ints, count * sizeof *proto->int64_data);
    } else {
        proto->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
        proto->n_float_data = count;
        proto->float_data = weft_build_alloc(build, count, sizeof *proto->float_data);
        if (proto->float_data)
            memcpy(proto->float_data, tensor->floats, count * sizeof *proto->float_data);
    }
    return proto;
}

static Onnx__AttributeProto *make_attribute(weft_build *build, const weft_build_attr *attr)
{
    Onnx__AttributeProto *proto = weft_build_alloc(build, 1, sizeof *proto);
    if (!proto)
        return NULL;
    onnx__attribute_proto__init(proto);
    proto->name = copy_text(build, attr->name);
    proto->has_type = 1;
    switch (attr->kind) {
    case WEFT_BUILD_INT:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
        proto->has_i = 1;
        proto->i = attr->i;
        break;
    case WEFT_BUILD_FLOAT:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
        proto->has_f = 1;
        proto->f = attr->f;
        break;
    case WEFT_BUILD_INTS:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
        proto->n_ints = attr->ints_count;
        proto->ints = weft_build_alloc(build, attr->ints_count, sizeof *proto->ints);
        if (proto->ints)
            memcpy(proto->ints, attr->ints, attr->ints_count * sizeof *proto->ints);
        break;
    case WEFT_BUILD_STRING:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
        proto->has_s = 1;
        proto->s.len = strlen(attr->s);
        proto->s.data = (uint8_t *)copy_text(build, attr->s);
        break;
    case WEFT_BUILD_TENSOR:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR;
        proto->t = make_tensor(build, attr->t);
        break;
    }
    return proto;
}

/* The outputs, under numbers that follow each other; the first. */
static weft_build_value add_outputs(weft_build *build, const weft_build_node_spec *spec)
{
    weft_build_value first = WEFT_BUILD_NONE;
    for (int i = 0; i < spec->output_count; i++) {
        const weft_build_value_info *output = &spec->outputs[i];
        weft_build_value value = add_value(build, output->name, &output->shape, output->elem);
        if (i == 0)
            first = value;
    }
    return first;
}

weft_build_value weft_build_add(weft_build *build, const weft_build_node_spec *spec)
{
    void *array = build->nodes;
    int input_count = spec->input_count, output_count = spec->output_count;
    assert(input_count <= WEFT_BUILD_MAX_INPUTS && output_count > 0);
    if (!grow(build, &array, sizeof *build->nodes, build->node_count, &build->node_capacity))
        return WEFT_BUILD_NONE;
    build->nodes = array;
    weft_build_node node = {.input_count = input_count,
                            .output = add_outputs(build, spec),
                            .output_count = output_count};
    Onnx__NodeProto *proto = weft_build_alloc(build, 1, sizeof *proto);
    char **names =
        weft_build_alloc(build, (size_t)input_count + (size_t)output_count, sizeof *names);
    Onnx__AttributeProto **attributes =
        weft_build_alloc(build, spec->attr_count, sizeof(Onnx__AttributeProto *));
    if (build->status != WEFT_BUILD_OK)
        return WEFT_BUILD_NONE;
    onnx__node_proto__init(proto);
    proto->op_type = copy_text(build, spec->op);
    proto->name = copy_text(build, spec->name);
    node.op = proto->op_type;
    node.proto = proto;
    for (int i = 0; i < input_count; i++) {
        weft_build_value input = spec->inputs[i];
        assert(input >= 0 && (size_t)input < build->value_count);
        node.inputs[i] = input;
        names[i] = (char *)(uintptr_t)build->values[input]
                       .name; /* protobuf-c has no const; it only reads */
    }
    for (int i = 0; i < output_count; i++)
        names[input_count + i] = (char *)(uintptr_t)build->values[node.output + i].name;
    proto->n_input = (size_t)input_count;
    proto->input = names;
    proto->n_output = (size_t)output_count;
    proto->output = names + input_count;
    for (size_t i = 0; i < spec->attr_count; i++)
        attributes[i] = make_attribute(build, &spec->attrs[i]);
    proto->n_attribute = spec->attr_count;
    proto->attribute = attributes;
    if (build->status != WEFT_BUILD_OK)
        return WEFT_BUILD_NONE;
    build->nodes[build->node_count++] = node;
    return node.output;
}

weft_build_value weft_build_add_node(weft_build *build, const char *op, const char *name,
                                     const weft_build_value *inputs, int input_count,
                                     const weft_build_attr *attrs, size_t attr_count,
                                     const char *output_name, const weft_build_shape *output_shape)
{
    const weft_build_value_info output = {.name = output_name, .shape = *output_shape};
    const weft_build_node_spec spec = {
        .op = op,
        .name = name,
        .inputs = inputs,
        .input_count = input_count,
        .attrs = attrs,
        .attr_count = attr_count,
        .outputs = &output,
        .output_count = 1,
    };
    return weft_build_add(build, &spec);
}

const weft_build_shape *weft_build_shape_of(const weft_build *build, weft_build_value value)
{
    return value < 0 ? &no_shape : &build->values[value].shape;
}

int64_t weft_build_elems(const weft_build_shape *shape)
{
    int64_t elems = 1;
    for (int i = 0; i < shape->rank; i++)
        elems *= shape->dims[i];
    return elems;
}
