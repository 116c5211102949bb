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

static weft_build_value add_value(weft_build *build, const char *name,
                                  const weft_build_shape *shape)
{
    const weft_build_shape own_shape = *shape; /* the caller's may lie in the array that grows */
    void *values = build->values;
    if (!grow(build, &values, sizeof *build->values, build->value_count, &build->value_capacity))
        return WEFT_BUILD_NONE;
    build->values = values;
    char *copy = copy_text(build, name);
    if (!copy || !grow_names(build))
        return WEFT_BUILD_NONE;
    /* Bytes of a float tensor must fit too, hence the start at 4. */
    int64_t bytes = 4;
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
    build->values[value] = (weft_build_value_info){.name = copy, .shape = own_shape};
    build->name_slots[slot] = value;
    return value;
}

weft_build_value weft_build_add_input(weft_build *build, const char *name,
                                      const weft_build_shape *shape)
{
    build->input = add_value(build, name, shape);
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
    initializer.value = add_value(build, name, shape);
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

weft_build_value weft_build_add_ints(weft_build *build, const char *name, const int64_t *values,
                                     size_t count)
{
    int64_t *copy = weft_build_alloc(build, count, sizeof *copy);
    if (!copy)
        return WEFT_BUILD_NONE;
    memcpy(copy, values, count * sizeof *copy);
    weft_build_shape shape = {.rank = 1, .dims = {(int64_t)count}};
    return add_initializer(build, name, &shape, (weft_build_initializer){.ints = copy});
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
    }
    return proto;
}

weft_build_value weft_build_add_node(weft_build *build, const char *op, const char *name,
                                     const weft_build_value *inputs, int input_count,
                                     const weft_build_attr *attrs, size_t attr_count,
                                     const char *output_name, const weft_build_shape *output_shape)
{
    void *array = build->nodes;
    assert(input_count <= WEFT_BUILD_MAX_INPUTS);
    if (!grow(build, &array, sizeof *build->nodes, build->node_count, &build->node_capacity))
        return WEFT_BUILD_NONE;
    build->nodes = array;
    weft_build_node node = {.input_count = input_count,
                            .output = add_value(build, output_name, output_shape)};
    Onnx__NodeProto *proto = weft_build_alloc(build, 1, sizeof *proto);
    char **names = weft_build_alloc(build, (size_t)input_count + 1, sizeof *names);
    Onnx__AttributeProto **attributes =
        weft_build_alloc(build, attr_count, sizeof(Onnx__AttributeProto *));
    if (build->status != WEFT_BUILD_OK)
        return WEFT_BUILD_NONE;
    onnx__node_proto__init(proto);
    proto->op_type = copy_text(build, op);
    proto->name = copy_text(build, name);
    node.op = proto->op_type;
    node.proto = proto;
    for (int i = 0; i < input_count; i++) {
        assert(inputs[i] >= 0 && (size_t)inputs[i] < build->value_count);
        node.inputs[i] = inputs[i];
        names[i] = (char *)(uintptr_t)build->values[inputs[i]]
                       .name; /* protobuf-c has no const; it only reads */
    }
    names[input_count] = (char *)(uintptr_t)build->values[node.output].name;
    proto->n_input = (size_t)input_count;
    proto->input = names;
    proto->n_output = 1;
    proto->output = names + input_count;
    for (size_t i = 0; i < attr_count; i++)
        attributes[i] = make_attribute(build, &attrs[i]);
    proto->n_attribute = attr_count;
    proto->attribute = attributes;
    if (build->status != WEFT_BUILD_OK)
        return WEFT_BUILD_NONE;
    build->nodes[build->node_count++] = node;
    return node.output;
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
