/* SPDX-License-Identifier: Apache-2.0 */
/* TensorProto to tensor, and the initializers of the graph. Data is borrowed from the message or
 * the mapped file wherever it lies there as the graph wants it; what the file claims is checked
 * before anything is allocated. Must not know about: nodes. */
#include <string.h>

#include "compiler/import/importer.h"

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "raw data of ONNX is little-endian and is used in place: swap bytes here"
#endif

const char *weft_import_onnx_type_name(int32_t data_type)
{
    static const char *const names[] = {
        "undefined",      "float",      "uint8",          "int8",       "uint16",   "int16",
        "int32",          "int64",      "string",         "bool",       "float16",  "double",
        "uint32",         "uint64",     "complex64",      "complex128", "bfloat16", "float8e4m3fn",
        "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "uint4",      "int4",     "float4e2m1",
        "float8e8m0",     "uint2",      "int2",
    };
    return data_type >= 0 && (size_t)data_type < sizeof names / sizeof names[0] ? names[data_type]
                                                                                : "unknown";
}

static bool fail(weft_importer *importer, weft_error_id id, const char *what, const char *problem)
{
    weft_import_note(importer, weft_diag_error(importer->diag, id, "%s: %s", problem, what));
    return false;
}

static bool read_type(weft_importer *importer, const Onnx__TensorProto *proto, const char *what,
                      weft_tensor *tensor)
{
    weft_diag *diag = importer->diag;
    tensor->dtype = weft_dtype_from_onnx(proto->data_type);
    if (tensor->dtype == WEFT_DTYPE_NONE) {
        fail(importer, WEFT_E_TENSOR_TYPE, what, "element type not supported");
        weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s (%d)",
                            weft_import_onnx_type_name(proto->data_type), (int)proto->data_type);
        return false;
    }
    if (proto->n_dims > WEFT_MAX_RANK) {
        fail(importer, WEFT_E_TENSOR_RANK, what, "too many dimensions");
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "at most %d", WEFT_MAX_RANK);
        weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%zu", proto->n_dims);
        return false;
    }
    tensor->shape.rank = (int)proto->n_dims;
    bool is_negative = false;
    for (size_t i = 0; i < proto->n_dims; i++) {
        tensor->shape.dims[i] = proto->dims[i];
        is_negative |= proto->dims[i] < 0;
    }
    size_t bytes = 0;
    if (is_negative || !weft_shape_bytes(&tensor->shape, tensor->dtype, &bytes)) {
        char shape[WEFT_SHAPE_TEXT];
        fail(importer, WEFT_E_TENSOR_DIMS, what,
             is_negative ? "negative dimension" : "dimensions too large");
        weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s", weft_shape_format(&tensor->shape, shape));
        return false;
    }
    return true;
}

static bool fail_count(weft_importer *importer, const char *what, const weft_tensor *tensor,
                       size_t expected, size_t found, const char *unit)
{
    char shape[WEFT_SHAPE_TEXT];
    fail(importer, WEFT_E_TENSOR_DATA, what, "data does not fit the dimensions");
    weft_diag_field_set(importer->diag, WEFT_DIAG_EXPECTED, "%zu %s for %s of %s", expected, unit,
                        weft_shape_format(&tensor->shape, shape), weft_dtype_name(tensor->dtype));
    weft_diag_field_set(importer->diag, WEFT_DIAG_FOUND, "%zu %s", found, unit);
    weft_diag_field_set(importer->diag, WEFT_DIAG_TRY, "export the model again");
    return false;
}

/* Uses bytes in place when they are aligned for the element type, and bool is 0 or 1 as C wants it.
 */
static void *borrow(weft_importer *importer, const weft_tensor *tensor, const uint8_t *bytes,
                    size_t size_bytes)
{
    size_t alignment = weft_dtype_bytes(tensor->dtype);
    bool is_usable = bytes != NULL && (uintptr_t)bytes % alignment == 0;
    if (tensor->dtype == WEFT_DTYPE_BOOL)
        for (size_t i = 0; i < size_bytes && is_usable; i++)
            is_usable = bytes[i] <= 1;
    if (is_usable)
        return (void *)(uintptr_t)bytes; /* readers of constants do not write */
    uint8_t *copy = weft_arena_dup(importer->arena, bytes, size_bytes);
    if (tensor->dtype == WEFT_DTYPE_BOOL)
        for (size_t i = 0; i < size_bytes; i++)
            copy[i] = copy[i] != 0;
    return copy;
}

/* Narrow types that ONNX keeps one to an int32; the 16-bit floats as their bits. */
static bool range_of(weft_dtype dtype, int64_t *out_min, int64_t *out_max)
{
    switch (dtype) {
    case WEFT_DTYPE_I8: *out_min = INT8_MIN, *out_max = INT8_MAX; return true;
    case WEFT_DTYPE_U8: *out_min = 0, *out_max = UINT8_MAX; return true;
    case WEFT_DTYPE_I16: *out_min = INT16_MIN, *out_max = INT16_MAX; return true;
    case WEFT_DTYPE_U16:
    case WEFT_DTYPE_F16:
    case WEFT_DTYPE_BF16: *out_min = 0, *out_max = UINT16_MAX; return true;
    case WEFT_DTYPE_BOOL: *out_min = 0, *out_max = 1; return true;
    default: return false;
    }
}

static bool fail_value(weft_importer *importer, const weft_tensor *tensor, const char *what,
                       uint64_t index, long long value)
{
    fail(importer, WEFT_E_TENSOR_DATA, what, "value does not fit the element type");
    weft_diag_field_set(importer->diag, WEFT_DIAG_FOUND, "element %llu is %lld in a tensor of %s",
                        (unsigned long long)index, value, weft_dtype_name(tensor->dtype));
    return false;
}

static bool narrow(weft_importer *importer, const int32_t *from, size_t count, const char *what,
                   weft_tensor *tensor)
{
    int64_t min = 0, max = 0;
    WEFT_ASSERT(range_of(tensor->dtype, &min, &max));
    size_t element = weft_dtype_bytes(tensor->dtype);
    uint8_t *to =
        WEFT_NEW_ARRAY(importer->arena, uint8_t, count * element); /* less than the message takes */
    for (size_t i = 0; i < count; i++) {
        if (from[i] < min || from[i] > max)
            return fail_value(importer, tensor, what, i, from[i]);
        uint32_t bits = (uint32_t)from[i];
        for (size_t byte = 0; byte < element; byte++)
            to[i * element + byte] = (uint8_t)(bits >> (8 * byte));
    }
    tensor->data = to;
    return true;
}

static bool narrow_u32(weft_importer *importer, const uint64_t *from, size_t count,
                       const char *what, weft_tensor *tensor)
{
    uint32_t *to = WEFT_NEW_ARRAY(importer->arena, uint32_t, count);
    for (size_t i = 0; i < count; i++) {
        if (from[i] > UINT32_MAX)
            return fail_value(importer, tensor, what, i, (long long)from[i]);
        to[i] = (uint32_t)from[i];
    }
    tensor->data = to;
    return true;
}

/* The field of the message that holds elements of the type. */
static const void *typed_field(const Onnx__TensorProto *proto, weft_dtype dtype, size_t *out_count)
{
    switch (dtype) {
    case WEFT_DTYPE_F32: *out_count = proto->n_float_data; return proto->float_data;
    case WEFT_DTYPE_F64: *out_count = proto->n_double_data; return proto->double_data;
    case WEFT_DTYPE_I64: *out_count = proto->n_int64_data; return proto->int64_data;
    case WEFT_DTYPE_U32:
    case WEFT_DTYPE_U64: *out_count = proto->n_uint64_data; return proto->uint64_data;
    default: *out_count = proto->n_int32_data; return proto->int32_data;
    }
}

static bool read_data(weft_importer *importer, const Onnx__TensorProto *proto, const char *what,
                      weft_tensor *tensor)
{
    size_t bytes = 0;
    WEFT_ASSERT(weft_shape_bytes(&tensor->shape, tensor->dtype, &bytes));
    if (proto->has_data_location &&
        proto->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL) {
        const uint8_t *data = weft_import_external(importer, proto, what, bytes);
        if (data != NULL)
            tensor->data = borrow(importer, tensor, data, bytes);
        return data != NULL;
    }
    if (proto->has_raw_data) {
        if (proto->raw_data.len != bytes)
            return fail_count(importer, what, tensor, bytes, proto->raw_data.len, "bytes");
        tensor->data = borrow(importer, tensor, proto->raw_data.data, bytes);
        return true;
    }
    size_t expected = bytes / weft_dtype_bytes(tensor->dtype), count = 0;
    const void *field = typed_field(proto, tensor->dtype, &count);
    if (count != expected)
        return fail_count(importer, what, tensor, expected, count, "elements");
    int64_t min = 0, max = 0;
    if (range_of(tensor->dtype, &min, &max))
        return narrow(importer, field, count, what, tensor);
    if (tensor->dtype == WEFT_DTYPE_U32)
        return narrow_u32(importer, field, count, what, tensor);
    tensor->data = borrow(importer, tensor, field, bytes);
    return true;
}

bool weft_import_tensor(weft_importer *importer, const Onnx__TensorProto *proto, const char *what,
                        weft_tensor *out_tensor)
{
    *out_tensor = (weft_tensor){0};
    if (proto->segment != NULL)
        return fail(importer, WEFT_E_TENSOR_FORM, what, "segmented tensors are not supported");
    return read_type(importer, proto, what, out_tensor) &&
           read_data(importer, proto, what, out_tensor);
}

weft_value *weft_import_stand_in(weft_importer *importer, const char *name)
{
    importer->has_stand_in = true;
    return weft_graph_add_input(importer->graph, name, WEFT_DTYPE_NONE, NULL);
}

void weft_import_initializers(weft_importer *importer)
{
    const Onnx__GraphProto *graph = importer->model->graph;
    for (size_t i = 0; i < graph->n_initializer; i++) {
        const Onnx__TensorProto *proto = graph->initializer[i];
        const char *name = weft_import_text(proto->name);
        if (*name == '\0') {
            fail(importer, WEFT_E_TENSOR_NAME,
                 weft_arena_printf(importer->arena, "initializer %zu", i), "no name");
            continue;
        }
        if (weft_import_is_defined(importer, name, "an initializer"))
            continue;
        weft_tensor tensor;
        const char *what = weft_arena_printf(importer->arena, "initializer %s", name);
        weft_value *value = weft_import_tensor(importer, proto, what, &tensor)
                                ? weft_graph_add_constant(importer->graph, name, tensor.dtype,
                                                          &tensor.shape, tensor.data)
                                : weft_import_stand_in(importer, name);
        weft_map_put(&importer->values, name, value);
    }
    for (size_t i = 0; i < graph->n_sparse_initializer; i++) {
        const Onnx__TensorProto *values = graph->sparse_initializer[i]->values;
        const char *name = values != NULL ? weft_import_text(values->name) : "";
        fail(importer, WEFT_E_TENSOR_FORM,
             weft_arena_printf(importer->arena, "initializer %s", name),
             "sparse tensors are not supported");
        if (*name != '\0' && !weft_import_is_defined(importer, name, "a sparse initializer"))
            weft_map_put(&importer->values, name, weft_import_stand_in(importer, name));
    }
}
