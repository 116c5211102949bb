/* SPDX-License-Identifier: Apache-2.0 */
/* JSON -> one step of a schedule: meaning, launches, descriptors, cost. Must not know about: files.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "compiler/package/internal.h"
#include "compiler/package/manifest_read.h"
#include "compiler/package/manifest_share.h"

static float float_of(json_reader *reader, const json_at *at)
{
    double value = weft__json_number_value(reader, at);
    if (isfinite(value) && fabs(value) > (double)FLT_MAX) {
        weft__json_fail(reader, at, "a number in the range of f32");
        return 0.0f;
    }
    return (float)value;
}

void weft__read_shape(json_reader *reader, json_at *object, weft_shape *shape)
{
    json_at array = weft__json_member(reader, object, "shape", JSON_ARRAY);
    size_t rank = weft__json_count(&array);
    if (rank > WEFT_MAX_RANK) {
        weft__json_fail(reader, &array, "at most 8 dimensions");
        return;
    }
    *shape = (weft_shape){.rank = (int)rank};
    for (size_t i = 0; i < rank; i++) {
        json_at at = weft__json_element(reader, &array, i, JSON_INTEGER);
        shape->dims[i] = json_integer_value(at.json);
        if (at.json != NULL && shape->dims[i] < 0)
            weft__json_fail(reader, &at, "a dimension of 0 or more");
    }
}

weft_dtype weft__read_dtype(json_reader *reader, json_at *object)
{
    json_at at = weft__json_member(reader, object, "dtype", JSON_STRING);
    weft_dtype dtype =
        at.json == NULL ? WEFT_DTYPE_NONE : weft_dtype_from_name(json_string_value(at.json));
    if (dtype == WEFT_DTYPE_NONE)
        weft__json_fail(reader, &at, "an element type such as \"f32\"");
    return dtype;
}

int weft__read_word(json_reader *reader, json_at *object, const char *key,
                    int (*find)(const char *), const char *expected)
{
    json_at at = weft__json_member(reader, object, key, JSON_STRING);
    int found = at.json == NULL ? -1 : find(json_string_value(at.json));
    if (found < 0)
        weft__json_fail(reader, &at, expected);
    return found < 0 ? 0 : found;
}

bool weft__read_as_before(json_reader *reader, json_at *object, bool has_before)
{
    if (!weft__json_has(object, WEFT__AS_BEFORE))
        return false;
    json_at at = weft__json_member(reader, object, WEFT__AS_BEFORE, JSON_TRUE);
    if (!has_before)
        weft__json_fail(reader, &at, "a schedule before, with as many of them");
    return has_before && !reader->failed;
}

bool weft__read_is_given(const json_at *object, bool as_before, const char *key)
{
    return !as_before || weft__json_has(object, key);
}

static weft_tensor *read_tensor(json_reader *reader, json_at *attr)
{
    json_at at = weft__json_member(reader, attr, "tensor", JSON_OBJECT);
    weft_tensor *tensor = WEFT_NEW(reader->arena, weft_tensor);
    tensor->dtype = weft__read_dtype(reader, &at);
    weft__read_shape(reader, &at, &tensor->shape);
    json_at data = weft__json_member(reader, &at, "bytes", JSON_ARRAY);
    size_t bytes = 0, count = weft__json_count(&data);
    if (!weft_shape_bytes(&tensor->shape, tensor->dtype, &bytes) || bytes != count)
        weft__json_fail(reader, &data, "as many bytes as dtype and shape need");
    uint8_t *out = weft_arena_alloc(reader->arena, count);
    for (size_t i = 0; i < count; i++) {
        json_at byte = weft__json_element(reader, &data, i, JSON_INTEGER);
        json_int_t value = json_integer_value(byte.json);
        if (value < 0 || value > UINT8_MAX)
            weft__json_fail(reader, &byte, "a byte");
        out[i] = (uint8_t)value;
    }
    tensor->data = out;
    weft__json_end(reader, &at);
    return tensor;
}

static const float *read_floats(json_reader *reader, json_at *attr, size_t *out_count)
{
    json_at array = weft__json_member(reader, attr, "floats", JSON_ARRAY);
    *out_count = weft__json_count(&array);
    float *list = WEFT_NEW_ARRAY(reader->arena, float, *out_count);
    for (size_t i = 0; i < *out_count; i++) {
        json_at at = {&array, NULL, i, json_array_get(array.json, i), 0};
        list[i] = float_of(reader, &at);
    }
    return list;
}

static float read_float(json_reader *reader, json_at *object, const char *key)
{
    json_at at = {object, key, 0, json_object_get(object->json, key), 0};
    object->used++;
    return float_of(reader, &at);
}

static void read_attr(json_reader *reader, json_at *at, weft_attr *attr)
{
    if (weft__json_has(at, "int")) {
        attr->kind = WEFT_ATTR_INT;
        attr->i = weft__json_int(reader, at, "int", INT64_MIN, INT64_MAX);
    } else if (weft__json_has(at, "float")) {
        attr->kind = WEFT_ATTR_FLOAT;
        attr->f = read_float(reader, at, "float");
    } else if (weft__json_has(at, "ints")) {
        attr->kind = WEFT_ATTR_INTS;
        attr->ints = weft__json_ints(reader, at, "ints", &attr->count);
    } else if (weft__json_has(at, "floats")) {
        attr->kind = WEFT_ATTR_FLOATS;
        attr->floats = read_floats(reader, at, &attr->count);
    } else if (weft__json_has(at, "tensor")) {
        attr->kind = WEFT_ATTR_TENSOR;
        attr->tensor = read_tensor(reader, at);
    } else {
        attr->kind = WEFT_ATTR_STRING;
        attr->s = weft__json_text(reader, at, "string");
    }
    weft__json_end(reader, at);
}

static void read_attrs(json_reader *reader, json_at *step, weft_attrs *attrs)
{
    json_at object = weft__json_member(reader, step, "attrs", JSON_OBJECT);
    *attrs = (weft_attrs){.capacity = json_object_size(object.json)};
    attrs->data = WEFT_NEW_ARRAY(reader->arena, weft_attr, attrs->capacity);
    const char *key;
    json_t *value;
    json_object_foreach(object.json, key, value)
    {
        weft_attr *attr = &attrs->data[attrs->count++];
        attr->name = weft_arena_strdup(reader->arena, key);
        json_at at = weft__json_member(reader, &object, attr->name, JSON_OBJECT);
        read_attr(reader, &at, attr);
    }
}

/* A number, or an object whose one member says what the number is resolved from. */
static void read_arg(json_reader *reader, json_at *at, weft_arg *arg)
{
    arg->index = -1;
    if (!json_is_object(at->json)) {
        json_int_t number = json_integer_value(at->json);
        arg->kind = WEFT_ARG_INT;
        if (!json_is_integer(at->json) || number < INT32_MIN || number > INT32_MAX)
            weft__json_fail(reader, at, "a number of 32 bits, or an object that says where it is");
        else
            arg->i = (int32_t)number;
        return;
    }
    if (weft__json_has(at, "value")) {
        arg->kind = WEFT_ARG_VALUE;
        arg->index = (int32_t)weft__json_int(reader, at, "value", 0, INT32_MAX);
    } else if (weft__json_has(at, "blob")) {
        arg->kind = WEFT_ARG_BLOB;
        arg->index = (int32_t)weft__json_int(reader, at, "blob", 0, INT32_MAX);
    } else if (weft__json_has(at, "float")) {
        arg->kind = WEFT_ARG_FLOAT;
        arg->f = read_float(reader, at, "float");
    } else if (weft__json_has(at, "local")) {
        arg->kind = WEFT_ARG_LOCAL;
        arg->bytes = (uint64_t)weft__json_int(reader, at, "local", 1, INT32_MAX);
    } else if (weft__json_has(at, "scratch")) {
        uint64_t range[2];
        arg->kind = WEFT_ARG_SCRATCH;
        weft__json_sizes(reader, at, "scratch", range, 2);
        arg->offset_bytes = range[0];
        arg->bytes = range[1];
    } else {
        arg->kind = WEFT_ARG_NULL;
        weft__json_member(reader, at, "null", JSON_TRUE);
    }
    weft__json_end(reader, at);
}

static void read_launch(json_reader *reader, json_at *at, weft_launch *launch)
{
    launch->program = (int32_t)weft__json_int(reader, at, "program", 0, INT32_MAX);
    launch->kernel = (int32_t)weft__json_int(reader, at, "kernel", 0, INT32_MAX);
    launch->tile = weft__json_text(reader, at, "tile");
    weft__json_sizes(reader, at, "global", launch->global, 3);
    weft__json_sizes(reader, at, "local", launch->local, 3);
    json_at args = weft__json_member(reader, at, "args", JSON_ARRAY);
    launch->arg_count = weft__json_count(&args);
    launch->args = WEFT_NEW_ARRAY(reader->arena, weft_arg, launch->arg_count);
    for (size_t i = 0; i < launch->arg_count; i++) {
        json_at arg = {&args, NULL, i, json_array_get(args.json, i), 0};
        read_arg(reader, &arg, &launch->args[i]);
    }
    weft__json_end(reader, at);
}

static void read_launches(json_reader *reader, json_at *step, weft_step *out_step)
{
    json_at launches = weft__json_member(reader, step, "launches", JSON_ARRAY);
    out_step->launch_count = weft__json_count(&launches);
    out_step->launches = WEFT_NEW_ARRAY(reader->arena, weft_launch, out_step->launch_count);
    for (size_t i = 0; i < out_step->launch_count; i++) {
        json_at launch = weft__json_element(reader, &launches, i, JSON_OBJECT);
        read_launch(reader, &launch, &out_step->launches[i]);
    }
}

static void read_word(json_reader *reader, json_at *at, weft_arg *word)
{
    if (json_is_object(at->json) && weft__json_has(at, "plus"))
        word->i = (int32_t)weft__json_int(reader, at, "plus", 1, INT32_MAX);
    read_arg(reader, at, word);
}

static void read_descriptors(json_reader *reader, json_at *step, weft_step *out_step)
{
    json_at list = weft__json_member(reader, step, "descriptors", JSON_ARRAY);
    out_step->descriptor_count = weft__json_count(&list);
    out_step->descriptors =
        WEFT_NEW_ARRAY(reader->arena, weft_descriptor, out_step->descriptor_count);
    for (size_t i = 0; i < out_step->descriptor_count; i++) {
        json_at words = weft__json_element(reader, &list, i, JSON_ARRAY);
        weft_descriptor *descriptor = &out_step->descriptors[i];
        descriptor->word_count = weft__json_count(&words);
        descriptor->words = WEFT_NEW_ARRAY(reader->arena, weft_arg, descriptor->word_count);
        for (size_t k = 0; k < descriptor->word_count; k++) {
            json_at at = {&words, NULL, k, json_array_get(words.json, k), 0};
            read_word(reader, &at, &descriptor->words[k]);
        }
    }
}

static void read_cost(json_reader *reader, json_at *step, weft_step_cost *cost)
{
    json_at at = weft__json_member(reader, step, "cost", JSON_OBJECT);
    *cost = (weft_step_cost){0};
    cost->macs = weft__json_int(reader, &at, "macs", 0, INT64_MAX);
    cost->flops = weft__json_int(reader, &at, "flops", 0, INT64_MAX);
    cost->weight_bytes = weft__json_int(reader, &at, "weight_bytes", 0, INT64_MAX);
    cost->input_bytes = weft__json_int(reader, &at, "input_bytes", 0, INT64_MAX);
    cost->output_bytes = weft__json_int(reader, &at, "output_bytes", 0, INT64_MAX);
    cost->ideal_ns = weft__json_number(reader, &at, "ideal_ns");
    cost->bound = (weft_bound)weft__read_word(reader, &at, "bound", weft__bound_find,
                                              "\"compute\", \"memory\" or \"launch\"");
    if (weft__json_has(&at, "cycles"))
        cost->cycles = weft__json_int(reader, &at, "cycles", 1, INT64_MAX);
    weft__json_end(reader, &at);
}

void weft__read_step(json_reader *reader, json_at *at, const weft_step *before, weft_step *step)
{
    bool as_before = weft__read_as_before(reader, at, before != NULL) && before != NULL;
    if (as_before)
        *step = *before;
    if (weft__read_is_given(at, as_before, "name"))
        step->name = weft__json_text(reader, at, "name");
    if (weft__read_is_given(at, as_before, "op"))
        step->op = weft__json_text(reader, at, "op");
    if (weft__read_is_given(at, as_before, "inputs"))
        step->inputs = weft__json_indices(reader, at, "inputs", &step->input_count);
    if (weft__read_is_given(at, as_before, "outputs"))
        step->outputs = weft__json_indices(reader, at, "outputs", &step->output_count);
    if (weft__read_is_given(at, as_before, "deps"))
        step->deps = weft__json_indices(reader, at, "deps", &step->dep_count);
    if (weft__read_is_given(at, as_before, "sources"))
        step->sources = weft__json_texts(reader, at, "sources", &step->source_count);
    if (weft__read_is_given(at, as_before, "attrs"))
        read_attrs(reader, at, &step->attrs);
    if (weft__read_is_given(at, as_before, "launches"))
        read_launches(reader, at, step);
    if (weft__json_has(at, "descriptors"))
        read_descriptors(reader, at, step);
    if (weft__read_is_given(at, as_before, "cost"))
        read_cost(reader, at, &step->cost);
    weft__json_end(reader, at);
}
