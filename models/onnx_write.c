/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streaming ONNX writer; see onnx_write.h. Knows nothing about architectures or the command line.
 *
 * A protobuf message is the concatenation of its fields, so a GraphProto that holds one node,
 * packed after one that holds another, gives the same bytes as one GraphProto that holds both. The
 * graph is written as such pieces, twice: first into a sink that only adds up sizes, for the length
 * that stands in front, then into the file.
 *
 *   ModelProto without graph | tag and length of `graph` | name | node ... | initializer ... |
 * input | output | values
 */
#include "models/onnx_write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GRAPH_TAG 0x3a           /* field 7 of ModelProto, length-delimited */
#define MAX_FILE_BYTES INT32_MAX /* protobuf parsers refuse more */
#define CHUNK_ELEMS 4096
#define VARINT_MAX_BYTES 10

/* A protobuf-c buffer that appends to a stdio stream; the stream remembers failures. */
typedef struct file_buffer {
    ProtobufCBuffer base;
    FILE *file;
} file_buffer;

/* Where the pieces go. Without a buffer they are only measured. */
typedef struct piece_sink {
    uint64_t bytes;
    ProtobufCBuffer *buffer;
    uint8_t *scratch; /* as large as the largest initialiser; NULL when measuring */
} piece_sink;

static void append_to_file(ProtobufCBuffer *base, size_t length, const uint8_t *data)
{
    file_buffer *buffer = (file_buffer *)(void *)base;
    fwrite(data, 1, length, buffer->file);
}

/* protobuf-c's structs have no const; packing only reads. */
static char *borrow(const char *text)
{
    return (char *)(uintptr_t)text;
}

static void put(piece_sink *sink, const ProtobufCMessage *message)
{
    sink->bytes += protobuf_c_message_get_packed_size(message);
    if (sink->buffer)
        protobuf_c_message_pack_to_buffer(message, sink->buffer);
}

static void store_le(uint8_t *to, uint64_t word, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)(word >> (8 * i));
}

/* The initialiser's elements, little-endian as raw_data wants them. */
static void store_elements(const weft_build_initializer *initializer, size_t count, uint8_t *to)
{
    float chunk[CHUNK_ELEMS];
    if (initializer->ints) {
        for (size_t i = 0; i < count; i++)
            store_le(to + 8 * i, (uint64_t)initializer->ints[i], 8);
        return;
    }
    for (size_t at = 0; at < count; at += CHUNK_ELEMS) {
        size_t piece = count - at < CHUNK_ELEMS ? count - at : CHUNK_ELEMS;
        weft_init_fill(&initializer->recipe, at, piece, chunk);
        for (size_t i = 0; i < piece; i++) {
            uint32_t word;
            memcpy(&word, &chunk[i], sizeof word);
            store_le(to + 4 * (at + i), word, 4);
        }
    }
}

static void put_initializer(piece_sink *sink, const weft_build *build,
                            const weft_build_initializer *initializer)
{
    const weft_build_value_info *value = &build->values[initializer->value];
    size_t count = (size_t)weft_build_elems(&value->shape);
    weft_build_shape shape = value->shape;
    Onnx__TensorProto tensor = ONNX__TENSOR_PROTO__INIT;
    Onnx__TensorProto *list[] = {&tensor};
    Onnx__GraphProto piece = ONNX__GRAPH_PROTO__INIT;

    tensor.name = borrow(value->name);
    tensor.n_dims = (size_t)shape.rank;
    tensor.dims = shape.dims;
    tensor.has_data_type = 1;
    tensor.data_type = initializer->ints ? ONNX__TENSOR_PROTO__DATA_TYPE__INT64
                                         : ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    tensor.has_raw_data = 1;
    tensor.raw_data.len = count * (initializer->ints ? 8 : 4);
    tensor.raw_data.data = sink->scratch;
    if (sink->scratch)
        store_elements(initializer, count, sink->scratch);
    piece.n_initializer = 1;
    piece.initializer = list;
    put(sink, &piece.base);
}

typedef enum value_role { ROLE_INPUT, ROLE_OUTPUT, ROLE_INNER } value_role;

static void put_value(piece_sink *sink, const weft_build *build, weft_build_value value,
                      value_role role)
{
    const weft_build_value_info *info = &build->values[value];
    Onnx__TensorShapeProto__Dimension dims[WEFT_BUILD_MAX_RANK];
    Onnx__TensorShapeProto__Dimension *dim_list[WEFT_BUILD_MAX_RANK];
    Onnx__TensorShapeProto shape = ONNX__TENSOR_SHAPE_PROTO__INIT;
    Onnx__TypeProto__Tensor tensor = ONNX__TYPE_PROTO__TENSOR__INIT;
    Onnx__TypeProto type = ONNX__TYPE_PROTO__INIT;
    Onnx__ValueInfoProto proto = ONNX__VALUE_INFO_PROTO__INIT;
    Onnx__ValueInfoProto *list[] = {&proto};
    Onnx__GraphProto piece = ONNX__GRAPH_PROTO__INIT;

    for (int i = 0; i < info->shape.rank; i++) {
        onnx__tensor_shape_proto__dimension__init(&dims[i]);
        dim_list[i] = &dims[i];
        if (i == 0 && build->batch_symbol) {
            dims[i].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            dims[i].dim_param = borrow(build->batch_symbol);
        } else {
            dims[i].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            dims[i].dim_value = info->shape.dims[i];
        }
    }
    shape.n_dim = (size_t)info->shape.rank;
    shape.dim = dim_list;
    tensor.has_elem_type = 1;
    tensor.elem_type = info->elem == WEFT_BUILD_F32   ? ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT
                       : info->elem == WEFT_BUILD_I64 ? ONNX__TENSOR_PROTO__DATA_TYPE__INT64
                                                      : ONNX__TENSOR_PROTO__DATA_TYPE__BOOL;
    tensor.shape = &shape;
    type.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type.tensor_type = &tensor;
    proto.name = borrow(info->name);
    proto.type = &type;
    switch (role) {
    case ROLE_INPUT:
        piece.n_input = 1;
        piece.input = list;
        break;
    case ROLE_OUTPUT:
        piece.n_output = 1;
        piece.output = list;
        break;
    case ROLE_INNER:
        piece.n_value_info = 1;
        piece.value_info = list;
        break;
    }
    put(sink, &piece.base);
}

static void put_graph(piece_sink *sink, const weft_build *build)
{
    Onnx__GraphProto name = ONNX__GRAPH_PROTO__INIT;
    name.name = borrow(build->graph_name);
    put(sink, &name.base);
    for (size_t i = 0; i < build->node_count; i++) {
        Onnx__NodeProto *list[] = {build->nodes[i].proto};
        Onnx__GraphProto piece = ONNX__GRAPH_PROTO__INIT;
        piece.n_node = 1;
        piece.node = list;
        put(sink, &piece.base);
    }
    for (size_t i = 0; i < build->initializer_count; i++)
        put_initializer(sink, build, &build->initializers[i]);
    put_value(sink, build, build->input, ROLE_INPUT);
    put_value(sink, build, build->output, ROLE_OUTPUT);
    for (size_t i = 0; build->lists_values && i < build->node_count; i++) {
        const weft_build_node *node = &build->nodes[i];
        for (int k = 0; k < node->output_count; k++)
            if (node->output + k != build->output)
                put_value(sink, build, node->output + k, ROLE_INNER);
    }
}

/* The file format version that goes with an operator set, by ONNX's table of releases. */
static int64_t ir_version_of(int opset)
{
    if (opset <= 14)
        return 7;
    if (opset <= 18)
        return 8;
    if (opset <= 20)
        return 9;
    return opset <= 22 ? 10 : 11;
}

static void put_model(piece_sink *sink, const weft_build *build, const char *producer)
{
    Onnx__OperatorSetIdProto opset = ONNX__OPERATOR_SET_ID_PROTO__INIT;
    Onnx__OperatorSetIdProto *opsets[] = {&opset};
    Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
    opset.domain = borrow("");
    opset.has_version = 1;
    opset.version = build->opset;
    model.has_ir_version = 1;
    model.ir_version = ir_version_of(build->opset);
    model.producer_name = borrow(producer);
    model.n_opset_import = 1;
    model.opset_import = opsets;
    put(sink, &model.base);
}

static void put_graph_header(piece_sink *sink, uint64_t graph_bytes)
{
    uint8_t header[1 + VARINT_MAX_BYTES] = {GRAPH_TAG};
    size_t length = 1;
    for (; graph_bytes >= 0x80; graph_bytes >>= 7)
        header[length++] = (uint8_t)(graph_bytes | 0x80);
    header[length++] = (uint8_t)graph_bytes;
    sink->bytes += length;
    if (sink->buffer)
        sink->buffer->append(sink->buffer, length, header);
}

static size_t largest_initializer_bytes(const weft_build *build)
{
    size_t largest = 1;
    for (size_t i = 0; i < build->initializer_count; i++) {
        const weft_build_initializer *initializer = &build->initializers[i];
        size_t elems = (size_t)weft_build_elems(&build->values[initializer->value].shape);
        size_t bytes = elems * (initializer->ints ? 8 : 4);
        largest = bytes > largest ? bytes : largest;
    }
    return largest;
}

/* Writes everything to an open stream and closes it. */
static weft_write_status write_stream(const weft_build *build, const char *producer,
                                      uint64_t graph_bytes, FILE *file)
{
    file_buffer buffer = {.base = {.append = append_to_file}, .file = file};
    piece_sink to_file = {.buffer = &buffer.base,
                          .scratch = malloc(largest_initializer_bytes(build))};
    if (!to_file.scratch) {
        fclose(file);
        return WEFT_WRITE_NO_MEMORY;
    }
    put_model(&to_file, build, producer);
    put_graph_header(&to_file, graph_bytes);
    put_graph(&to_file, build);
    free(to_file.scratch);
    bool has_failed = ferror(file) != 0;
    int error = errno;
    has_failed = fclose(file) != 0 || has_failed;
    if (has_failed && errno == 0)
        errno = error;
    return has_failed ? WEFT_WRITE_IO : WEFT_WRITE_OK;
}

weft_write_status weft_write_onnx(const weft_build *build, const char *producer, const char *path,
                                  uint64_t *out_bytes)
{
    piece_sink graph = {0}, whole = {0};
    *out_bytes = 0;
    put_graph(&graph, build);
    put_model(&whole, build, producer);
    put_graph_header(&whole, graph.bytes);
    whole.bytes += graph.bytes;
    if (whole.bytes > MAX_FILE_BYTES)
        return WEFT_WRITE_TOO_LARGE;

    /* Renaming over a device or a pipe would replace it. */
    struct stat info;
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
        return WEFT_WRITE_NOT_A_FILE;
    size_t name_bytes = strlen(path) + 40; /* a process number has at most 20 digits */
    char *partial = malloc(name_bytes);
    if (!partial)
        return WEFT_WRITE_NO_MEMORY;
    snprintf(partial, name_bytes, "%s.%ld.partial", path, (long)getpid());

    weft_write_status status = WEFT_WRITE_NO_CREATE;
    FILE *file = fopen(partial, "wbx");
    if (file) {
        status = write_stream(build, producer, graph.bytes, file);
        if (status == WEFT_WRITE_OK && rename(partial, path) != 0)
            status = WEFT_WRITE_NO_RENAME;
        int error = errno;
        if (status != WEFT_WRITE_OK)
            unlink(partial);
        errno = error;
    }
    free(partial);
    if (status == WEFT_WRITE_OK)
        *out_bytes = whole.bytes;
    return status;
}
