/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of onnx_case.h: directories with model.onnx and test_data_set_0/{input,output}_N.pb. */
#include "tests/conformance/onnx_case.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compiler/base/file.h"
#include "compiler/base/text.h"
#include "kernels/ref/element.h"
#include "onnx.pb-c.h"

/* Defaults of onnx.backend.test.runner. */
static const double RELATIVE_TOLERANCE = 1e-3, ABSOLUTE_TOLERANCE = 1e-7;

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **onnx_case_list(weft_arena *arena, const char *root, size_t *out_count)
{
    WEFT_VEC(const char *) names = {0};
    DIR *groups = opendir(root);
    for (struct dirent *group = NULL; groups && (group = readdir(groups)) != NULL;) {
        if (group->d_name[0] == '.')
            continue;
        DIR *cases = opendir(weft_arena_printf(arena, "%s/%s", root, group->d_name));
        for (struct dirent *entry = NULL; cases && (entry = readdir(cases)) != NULL;) {
            const char *name = weft_arena_printf(arena, "%s/%s", group->d_name, entry->d_name);
            if (access(weft_arena_printf(arena, "%s/%s/model.onnx", root, name), R_OK) == 0)
                WEFT_VEC_PUSH(arena, &names, name);
        }
        if (cases)
            closedir(cases);
    }
    if (groups)
        closedir(groups);
    if (names.count > 0)
        qsort(names.data, names.count, sizeof *names.data, by_text);
    *out_count = names.count;
    return names.data;
}

/* The file's bytes in the arena, NULL when it cannot be read. */
static const uint8_t *read_file(weft_arena *arena, const char *path, size_t *out_bytes)
{
    weft_file_map map;
    if (weft_file_map_open(path, &map, NULL) != WEFT_OK)
        return NULL;
    const uint8_t *data =
        weft_arena_dup(arena, map.data ? map.data : (const uint8_t *)"", map.size_bytes);
    *out_bytes = map.size_bytes;
    weft_file_map_close(&map);
    return data;
}

/* Elements of the typed field that holds a tensor of this dtype (the rules are in onnx.proto).
 * False: count is wrong. */
static bool copy_typed(const Onnx__TensorProto *proto, const weft_tensor *tensor, int64_t elems)
{
    size_t count = (size_t)elems;
    switch (tensor->dtype) {
    case WEFT_DTYPE_F32:
        for (size_t i = 0; i < count && proto->n_float_data == count; i++)
            weft_ref_put_f64(tensor, (int64_t)i, (double)proto->float_data[i]);
        return proto->n_float_data == count;
    case WEFT_DTYPE_F64:
        for (size_t i = 0; i < count && proto->n_double_data == count; i++)
            weft_ref_put_f64(tensor, (int64_t)i, proto->double_data[i]);
        return proto->n_double_data == count;
    case WEFT_DTYPE_I64:
        for (size_t i = 0; i < count && proto->n_int64_data == count; i++)
            weft_ref_put_i64(tensor, (int64_t)i, proto->int64_data[i]);
        return proto->n_int64_data == count;
    case WEFT_DTYPE_U32:
    case WEFT_DTYPE_U64:
        for (size_t i = 0; i < count && proto->n_uint64_data == count; i++)
            weft_ref_put_i64(tensor, (int64_t)i, (int64_t)proto->uint64_data[i]);
        return proto->n_uint64_data == count;
    case WEFT_DTYPE_F16:
    case WEFT_DTYPE_BF16: {
        weft_tensor bits = *tensor;
        bits.dtype = WEFT_DTYPE_U16;
        for (size_t i = 0; i < count && proto->n_int32_data == count; i++)
            weft_ref_put_i64(&bits, (int64_t)i, proto->int32_data[i]);
        return proto->n_int32_data == count;
    }
    default:
        for (size_t i = 0; i < count && proto->n_int32_data == count; i++)
            weft_ref_put_i64(tensor, (int64_t)i, proto->int32_data[i]);
        return proto->n_int32_data == count;
    }
}

/* file_bytes bounds what the dimensions may claim: no element takes less than a byte. */
static const char *read_tensor(weft_arena *arena, const Onnx__TensorProto *proto, size_t file_bytes,
                               weft_tensor *out_tensor)
{
    int64_t elems = 0;
    size_t bytes = 0;
    *out_tensor = (weft_tensor){.dtype = weft_dtype_from_onnx(proto->data_type)};
    if (out_tensor->dtype == WEFT_DTYPE_NONE || proto->n_dims > WEFT_MAX_RANK)
        return "data of a type or rank that weft does not have";
    out_tensor->shape.rank = (int)proto->n_dims;
    for (size_t d = 0; d < proto->n_dims; d++)
        out_tensor->shape.dims[d] = proto->dims[d];
    if (!weft_shape_elems(&out_tensor->shape, &elems) ||
        !weft_shape_bytes(&out_tensor->shape, out_tensor->dtype, &bytes))
        return "damaged data";
    if ((uint64_t)elems > file_bytes)
        return "data that is not a tensor";
    out_tensor->data = weft_arena_alloc(arena, bytes);
    if (!proto->has_raw_data)
        return copy_typed(proto, out_tensor, elems) ? NULL : "data that is not a tensor";
    if (proto->raw_data.len != bytes)
        return "damaged data";
    if (bytes > 0)
        memcpy(out_tensor->data, proto->raw_data.data, bytes);
    return NULL;
}

/* Reads input_0.pb, input_1.pb, ... (or output_*) until one is missing. */
static const char *read_tensors(weft_arena *arena, const char *prefix, weft_tensor **out_tensors,
                                size_t *out_count)
{
    WEFT_VEC(weft_tensor) tensors = {0};
    const char *why = NULL;
    while (!why) {
        size_t bytes = 0;
        weft_tensor tensor;
        const uint8_t *data =
            read_file(arena, weft_arena_printf(arena, "%s_%zu.pb", prefix, tensors.count), &bytes);
        if (!data)
            break;
        Onnx__TensorProto *proto = onnx__tensor_proto__unpack(NULL, bytes, data);
        why = proto ? read_tensor(arena, proto, bytes, &tensor) : "data that is not a tensor";
        if (proto)
            onnx__tensor_proto__free_unpacked(proto, NULL);
        if (!why)
            WEFT_VEC_PUSH(arena, &tensors, tensor);
    }
    *out_tensors = tensors.data;
    *out_count = tensors.count;
    return why;
}

/* numpy, which wrote the data, has no bf16: such tensors are stored as u16 and the model says what
 * they are. */
static void restore_bf16(const Onnx__ValueInfoProto *declared, weft_tensor *tensor)
{
    const Onnx__TypeProto *type = declared->type;
    bool is_tensor = type && type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    if (is_tensor && weft_dtype_from_onnx(type->tensor_type->elem_type) == WEFT_DTYPE_BF16 &&
        tensor->dtype == WEFT_DTYPE_U16)
        tensor->dtype = WEFT_DTYPE_BF16;
}

const char *onnx_case_load(weft_arena *arena, const char *root, const char *name,
                           onnx_case *out_case)
{
    *out_case = (onnx_case){.name = name};
    const char *directory = weft_arena_printf(arena, "%s/%s", root, name);
    out_case->model = read_file(arena, weft_arena_printf(arena, "%s/model.onnx", directory),
                                &out_case->model_bytes);
    if (!out_case->model)
        return "no model.onnx";
    const char *why =
        read_tensors(arena, weft_arena_printf(arena, "%s/test_data_set_0/input", directory),
                     &out_case->inputs, &out_case->input_count);
    if (!why)
        why = read_tensors(arena, weft_arena_printf(arena, "%s/test_data_set_0/output", directory),
                           &out_case->expected, &out_case->expected_count);
    if (why)
        return why;
    if (out_case->expected_count == 0)
        return "no expected outputs";
    Onnx__ModelProto *model =
        onnx__model_proto__unpack(NULL, out_case->model_bytes, out_case->model);
    if (!model || !model->graph || model->graph->n_input < out_case->input_count)
        why = "damaged model";
    out_case->input_names = WEFT_NEW_ARRAY(arena, const char *, out_case->input_count);
    for (size_t i = 0; i < out_case->input_count && !why; i++) {
        out_case->input_names[i] = weft_arena_strdup(arena, model->graph->input[i]->name);
        restore_bf16(model->graph->input[i], &out_case->inputs[i]);
    }
    for (size_t i = 0; i < out_case->expected_count && !why && i < model->graph->n_output; i++)
        restore_bf16(model->graph->output[i], &out_case->expected[i]);
    if (model)
        onnx__model_proto__free_unpacked(model, NULL);
    return why;
}

bool onnx_case_bind_inputs(weft_arena *arena, onnx_case *test, size_t first)
{
    Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, test->model_bytes, test->model);
    if (!model)
        return false;
    size_t added = test->input_count - first, had = model->graph->n_initializer;
    Onnx__TensorProto **old = model->graph->initializer;
    Onnx__TensorProto **list = WEFT_NEW_ARRAY(arena, Onnx__TensorProto *, had + added);
    Onnx__TensorProto *made = WEFT_NEW_ARRAY(arena, Onnx__TensorProto, added);
    for (size_t i = 0; i < had; i++)
        list[i] = old[i];
    for (size_t i = 0; i < added; i++) {
        weft_tensor *input = &test->inputs[first + i];
        onnx__tensor_proto__init(&made[i]);
        made[i].name = model->graph->input[first + i]->name;
        made[i].has_data_type = true;
        made[i].data_type = model->graph->input[first + i]->type->tensor_type->elem_type;
        made[i].n_dims = (size_t)input->shape.rank;
        made[i].dims = input->shape.dims;
        made[i].has_raw_data = true;
        weft_shape_bytes(&input->shape, input->dtype, &made[i].raw_data.len);
        made[i].raw_data.data = input->data;
        list[had + i] = &made[i];
    }
    model->graph->initializer = list;
    model->graph->n_initializer = had + added;
    size_t bytes = onnx__model_proto__get_packed_size(model);
    uint8_t *packed = weft_arena_alloc(arena, bytes);
    test->model = packed;
    test->model_bytes = onnx__model_proto__pack(model, packed);
    model->graph->initializer = old;
    model->graph->n_initializer = had;
    onnx__model_proto__free_unpacked(model, NULL);
    return true;
}

const char *onnx_case_compare(weft_arena *arena, const weft_tensor *expected,
                              const weft_tensor *found)
{
    char a[WEFT_SHAPE_TEXT], b[WEFT_SHAPE_TEXT];
    int64_t elems = 0;
    if (expected->dtype != found->dtype || !weft_shape_equal(&expected->shape, &found->shape))
        return weft_arena_printf(
            arena, "expected %s %s, found %s %s", weft_dtype_name(expected->dtype),
            weft_shape_format(&expected->shape, a), weft_dtype_name(found->dtype),
            weft_shape_format(&found->shape, b));
    bool is_float = weft_ref_kind_of(expected->dtype) == WEFT_REF_KIND_FLOAT;
    if (!weft_shape_elems(&expected->shape, &elems))
        return "expected output has no size";
    for (int64_t i = 0; i < elems; i++) {
        double want = weft_ref_get_f64(expected, i), have = weft_ref_get_f64(found, i);
        bool close =
            is_float ? want == have || (isnan(want) && isnan(have)) ||
                           fabs(want - have) <= ABSOLUTE_TOLERANCE + RELATIVE_TOLERANCE * fabs(want)
                     : weft_ref_get_i64(expected, i) == weft_ref_get_i64(found, i);
        if (!close || isinf(want) != isinf(have))
            return weft_arena_printf(arena, "element %lld: expected %.9g, found %.9g", (long long)i,
                                     want, have);
    }
    return NULL;
}
