/* SPDX-License-Identifier: Apache-2.0 */
/* See message.h. */
#include "tests/import/message.h"

#include <stdlib.h>
#include <string.h>

/* Appends a pointer to one of protobuf-c's arrays. */
#define APPEND(m, list, count, element)                                                            \
    do {                                                                                           \
        void *grown_ = weft_arena_alloc_array((m)->arena, (count) + 1, sizeof *(list));            \
        if ((count) > 0)                                                                           \
            memcpy(grown_, (list), (count) * sizeof *(list));                                      \
        (list) = grown_;                                                                           \
        (list)[(count)++] = (element);                                                             \
    } while (0)

#define MAKE(m, type, prefix, variable)                                                            \
    type *variable = WEFT_NEW((m)->arena, type);                                                   \
    prefix##__init(variable)

static char *copy(const message *m, const char *text)
{
    return weft_arena_strdup(m->arena, text);
}

static void split(const message *m, const char *text, char ***out_list, size_t *out_count)
{
    while (text != NULL && *text != '\0') {
        size_t length = strcspn(text, ",");
        APPEND(m, *out_list, *out_count, weft_arena_strndup(m->arena, text, length));
        if (text[length] == '\0')
            return;
        text += length + 1;
        if (*text == '\0') /* a comma at the end: one more, empty name */
            APPEND(m, *out_list, *out_count, copy(m, ""));
    }
}

message message_create(weft_arena *arena, int64_t opset)
{
    message m = {.arena = arena};
    MAKE(&m, Onnx__ModelProto, onnx__model_proto, model);
    MAKE(&m, Onnx__GraphProto, onnx__graph_proto, graph);
    m.model = model;
    m.graph = graph;
    model->graph = graph;
    model->has_ir_version = 1;
    model->ir_version = 8;
    graph->name = copy(&m, "test");
    message_opset(&m, "", opset);
    return m;
}

void message_opset(message *m, const char *domain, int64_t version)
{
    MAKE(m, Onnx__OperatorSetIdProto, onnx__operator_set_id_proto, opset);
    opset->domain = copy(m, domain);
    opset->has_version = 1;
    opset->version = version;
    APPEND(m, m->model->opset_import, m->model->n_opset_import, opset);
}

static Onnx__ValueInfoProto *value_info(message *m, const char *name, int32_t elem_type,
                                        const char *shape)
{
    MAKE(m, Onnx__ValueInfoProto, onnx__value_info_proto, info);
    MAKE(m, Onnx__TypeProto, onnx__type_proto, type);
    MAKE(m, Onnx__TypeProto__Tensor, onnx__type_proto__tensor, tensor);
    info->name = copy(m, name);
    info->type = type;
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    tensor->has_elem_type = 1;
    tensor->elem_type = elem_type;
    if (shape == NULL)
        return info;
    MAKE(m, Onnx__TensorShapeProto, onnx__tensor_shape_proto, dims);
    tensor->shape = dims;
    char **parts = NULL;
    size_t count = 0;
    split(m, shape, &parts, &count);
    for (size_t i = 0; i < count; i++) {
        MAKE(m, Onnx__TensorShapeProto__Dimension, onnx__tensor_shape_proto__dimension, dim);
        char *end = NULL;
        long long number = strtoll(parts[i], &end, 10);
        if (*end == '\0') {
            dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            dim->dim_value = number;
        } else if (strcmp(parts[i], "?") != 0) {
            dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            dim->dim_param = parts[i];
        }
        APPEND(m, dims->dim, dims->n_dim, dim);
    }
    return info;
}

Onnx__ValueInfoProto *message_input(message *m, const char *name, int32_t elem_type,
                                    const char *shape)
{
    Onnx__ValueInfoProto *info = value_info(m, name, elem_type, shape);
    APPEND(m, m->graph->input, m->graph->n_input, info);
    return info;
}

Onnx__ValueInfoProto *message_output(message *m, const char *name, const char *shape)
{
    Onnx__ValueInfoProto *info = value_info(m, name, 1, shape);
    APPEND(m, m->graph->output, m->graph->n_output, info);
    return info;
}

Onnx__NodeProto *message_loose_node(message *m, const char *op_type, const char *inputs,
                                    const char *outputs)
{
    MAKE(m, Onnx__NodeProto, onnx__node_proto, node);
    node->op_type = copy(m, op_type);
    split(m, inputs, &node->input, &node->n_input);
    split(m, outputs, &node->output, &node->n_output);
    return node;
}

Onnx__NodeProto *message_node(message *m, const char *op_type, const char *inputs,
                              const char *outputs)
{
    Onnx__NodeProto *node = message_loose_node(m, op_type, inputs, outputs);
    APPEND(m, m->graph->node, m->graph->n_node, node);
    return node;
}

Onnx__AttributeProto *message_attr(message *m, Onnx__NodeProto *node, const char *name,
                                   Onnx__AttributeProto__AttributeType type)
{
    MAKE(m, Onnx__AttributeProto, onnx__attribute_proto, attr);
    attr->name = copy(m, name);
    attr->has_type = 1;
    attr->type = type;
    APPEND(m, node->attribute, node->n_attribute, attr);
    return attr;
}

Onnx__TensorProto *message_tensor(message *m, const char *name, int32_t data_type, size_t rank,
                                  const int64_t *dims)
{
    MAKE(m, Onnx__TensorProto, onnx__tensor_proto, tensor);
    tensor->name = copy(m, name);
    tensor->has_data_type = 1;
    tensor->data_type = data_type;
    tensor->n_dims = rank;
    tensor->dims = weft_arena_dup(m->arena, dims, rank * sizeof *dims);
    return tensor;
}

Onnx__TensorProto *message_initializer(message *m, const char *name, int32_t data_type, size_t rank,
                                       const int64_t *dims)
{
    Onnx__TensorProto *tensor = message_tensor(m, name, data_type, rank, dims);
    APPEND(m, m->graph->initializer, m->graph->n_initializer, tensor);
    return tensor;
}

void message_raw(message *m, Onnx__TensorProto *tensor, const void *data, size_t size_bytes)
{
    tensor->has_raw_data = 1;
    tensor->raw_data = (ProtobufCBinaryData){.len = size_bytes,
                                             .data = weft_arena_dup(m->arena, data, size_bytes)};
}

void message_external(message *m, Onnx__TensorProto *tensor, const char *key, const char *value)
{
    MAKE(m, Onnx__StringStringEntryProto, onnx__string_string_entry_proto, entry);
    entry->key = copy(m, key);
    entry->value = copy(m, value);
    tensor->has_data_location = 1;
    tensor->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    APPEND(m, tensor->external_data, tensor->n_external_data, entry);
}

Onnx__FunctionProto *message_function(message *m, const char *domain, const char *name,
                                      const char *inputs, const char *outputs)
{
    MAKE(m, Onnx__FunctionProto, onnx__function_proto, function);
    function->domain = copy(m, domain);
    function->name = copy(m, name);
    split(m, inputs, &function->input, &function->n_input);
    split(m, outputs, &function->output, &function->n_output);
    function->opset_import = m->model->opset_import;
    function->n_opset_import = m->model->n_opset_import;
    APPEND(m, m->model->functions, m->model->n_functions, function);
    return function;
}

void message_add_to_function(message *m, Onnx__FunctionProto *function, Onnx__NodeProto *node)
{
    APPEND(m, function->node, function->n_node, node);
}

uint8_t *message_pack(const message *m, size_t *out_size_bytes)
{
    *out_size_bytes = onnx__model_proto__get_packed_size(m->model);
    uint8_t *bytes = weft_arena_alloc(m->arena, *out_size_bytes);
    onnx__model_proto__pack(m->model, bytes);
    return bytes;
}
