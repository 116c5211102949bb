/* SPDX-License-Identifier: Apache-2.0 */
/* A graph of ONNX operators as an ONNX file of opset 21. Structures of protobuf-c borrow names and
 * data from the graph; one packing makes the bytes. Must not know about quantisation. */
#include <stdlib.h>
#include <string.h>

#include "compiler/base/file.h"
#include "compiler/quant/quant.h"
#include "onnx.pb-c.h"

enum { OPSET = 21, IR_VERSION = 10 };
/* Readers of protocol buffers refuse more. */
static const size_t most_bytes = ((size_t)1 << 31) - 1;

typedef struct onnx_out {
    weft_arena *arena;
    const weft_graph *graph;
} onnx_out;

/* protobuf-c has no const; packing only reads. */
static char *borrow(const char *text)
{
    return (char *)(uintptr_t)text;
}

static int32_t onnx_type(weft_dtype dtype)
{
    for (int32_t number = 1; number <= 16; number++)
        if (weft_dtype_from_onnx(number) == dtype)
            return number;
    return 0;
}

static Onnx__TensorProto *make_tensor(onnx_out *out, const char *name, const weft_tensor *tensor)
{
    Onnx__TensorProto *made = WEFT_NEW(out->arena, Onnx__TensorProto);
    size_t bytes = 0;
    onnx__tensor_proto__init(made);
    made->name = borrow(name);
    made->has_data_type = 1;
    made->data_type = onnx_type(tensor->dtype);
    made->n_dims = (size_t)tensor->shape.rank;
    made->dims = weft_arena_dup(out->arena, tensor->shape.dims, made->n_dims * sizeof(int64_t));
    weft_shape_bytes(&tensor->shape, tensor->dtype, &bytes);
    made->has_raw_data = 1;
    made->raw_data = (ProtobufCBinaryData){bytes, tensor->data};
    return made;
}

static Onnx__ValueInfoProto *make_port(onnx_out *out, const weft_value *value)
{
    Onnx__ValueInfoProto *made = WEFT_NEW(out->arena, Onnx__ValueInfoProto);
    Onnx__TypeProto *type = WEFT_NEW(out->arena, Onnx__TypeProto);
    Onnx__TypeProto__Tensor *tensor = WEFT_NEW(out->arena, Onnx__TypeProto__Tensor);
    Onnx__TensorShapeProto *shape = WEFT_NEW(out->arena, Onnx__TensorShapeProto);
    size_t rank = (size_t)value->shape.rank;
    onnx__value_info_proto__init(made);
    onnx__type_proto__init(type);
    onnx__type_proto__tensor__init(tensor);
    onnx__tensor_shape_proto__init(shape);
    shape->n_dim = rank;
    shape->dim = WEFT_NEW_ARRAY(out->arena, Onnx__TensorShapeProto__Dimension *, rank);
    for (size_t d = 0; d < rank; d++) {
        shape->dim[d] = WEFT_NEW(out->arena, Onnx__TensorShapeProto__Dimension);
        onnx__tensor_shape_proto__dimension__init(shape->dim[d]);
        shape->dim[d]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        shape->dim[d]->dim_value = value->shape.dims[d];
    }
    tensor->has_elem_type = 1;
    tensor->elem_type = onnx_type(value->dtype);
    tensor->shape = shape;
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    made->name = borrow(value->name);
    made->type = type;
    return made;
}

static Onnx__AttributeProto *make_attribute(onnx_out *out, const weft_attr *attr)
{
    Onnx__AttributeProto *made = WEFT_NEW(out->arena, Onnx__AttributeProto);
    onnx__attribute_proto__init(made);
    made->name = borrow(attr->name);
    made->has_type = 1;
    switch (attr->kind) {
    case WEFT_ATTR_INT:
        made->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
        made->has_i = 1;
        made->i = attr->i;
        break;
    case WEFT_ATTR_FLOAT:
        made->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
        made->has_f = 1;
        made->f = attr->f;
        break;
    case WEFT_ATTR_STRING:
        made->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
        made->has_s = 1;
        made->s = (ProtobufCBinaryData){strlen(attr->s), (uint8_t *)borrow(attr->s)};
        break;
    case WEFT_ATTR_INTS:
        made->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
        made->n_ints = attr->count;
        made->ints = weft_arena_dup(out->arena, attr->ints, attr->count * sizeof(int64_t));
        break;
    case WEFT_ATTR_FLOATS:
        made->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS;
        made->n_floats = attr->count;
        made->floats = weft_arena_dup(out->arena, attr->floats, attr->count * sizeof(float));
        break;
    case WEFT_ATTR_TENSOR:
        made->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR;
        made->t = make_tensor(out, "", attr->tensor);
        break;
    }
    return made;
}

static Onnx__NodeProto *make_node(onnx_out *out, const weft_node *node)
{
    Onnx__NodeProto *made = WEFT_NEW(out->arena, Onnx__NodeProto);
    size_t inputs = node->input_count;
    onnx__node_proto__init(made);
    while (inputs > 0 && node->inputs[inputs - 1] == NULL)
        inputs--;
    made->name = borrow(node->name);
    made->op_type = borrow(weft_op_name(node->op));
    made->n_input = inputs;
    made->input = WEFT_NEW_ARRAY(out->arena, char *, inputs);
    for (size_t i = 0; i < inputs; i++)
        made->input[i] = borrow(node->inputs[i] != NULL ? node->inputs[i]->name : "");
    made->n_output = node->output_count;
    made->output = WEFT_NEW_ARRAY(out->arena, char *, node->output_count);
    for (size_t i = 0; i < node->output_count; i++)
        made->output[i] = borrow(node->outputs[i] != NULL ? node->outputs[i]->name : "");
    made->n_attribute = node->attrs.count;
    made->attribute = WEFT_NEW_ARRAY(out->arena, Onnx__AttributeProto *, node->attrs.count);
    for (size_t i = 0; i < node->attrs.count; i++)
        made->attribute[i] = make_attribute(out, &node->attrs.data[i]);
    return made;
}

static Onnx__GraphProto *make_graph(onnx_out *out)
{
    const weft_graph *graph = out->graph;
    Onnx__GraphProto *made = WEFT_NEW(out->arena, Onnx__GraphProto);
    onnx__graph_proto__init(made);
    made->name = borrow(graph->name);
    made->node = WEFT_NEW_ARRAY(out->arena, Onnx__NodeProto *, graph->node_count);
    for (const weft_node *node = graph->first; node != NULL; node = node->next)
        made->node[made->n_node++] = make_node(out, node);
    made->initializer = WEFT_NEW_ARRAY(out->arena, Onnx__TensorProto *, graph->values.count);
    for (size_t i = 0; i < graph->values.count; i++) {
        const weft_value *value = graph->values.data[i];
        if (!weft_value_is_constant(value) || value->use_count == 0)
            continue;
        weft_tensor tensor = weft_value_tensor(value);
        made->initializer[made->n_initializer++] = make_tensor(out, value->name, &tensor);
    }
    made->n_input = graph->inputs.count;
    made->input = WEFT_NEW_ARRAY(out->arena, Onnx__ValueInfoProto *, made->n_input);
    for (size_t i = 0; i < made->n_input; i++)
        made->input[i] = make_port(out, graph->inputs.data[i]);
    made->n_output = graph->outputs.count;
    made->output = WEFT_NEW_ARRAY(out->arena, Onnx__ValueInfoProto *, made->n_output);
    for (size_t i = 0; i < made->n_output; i++)
        made->output[i] = make_port(out, graph->outputs.data[i]);
    return made;
}

static weft_status write_bytes(const char *path, const uint8_t *bytes, size_t count,
                               weft_diag *diag)
{
    weft_file_writer *writer = NULL;
    weft_status status = weft_file_writer_open(path, &writer, diag);
    if (status != WEFT_OK)
        return status;
    weft_file_writer_add(writer, bytes, count); /* commit reports what failed */
    return weft_file_writer_commit(writer, diag);
}

weft_status weft_quant_write_onnx(const weft_graph *graph, const char *path, weft_diag *diag)
{
    weft_arena *arena = weft_arena_create();
    if (arena == NULL)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory");
    if (WEFT_ARENA_TRY(arena)) {
        weft_arena_destroy(arena);
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while writing %s", path);
    }
    onnx_out out = {arena, graph};
    Onnx__OperatorSetIdProto opset;
    Onnx__OperatorSetIdProto *opsets[1] = {&opset};
    Onnx__ModelProto model;
    onnx__operator_set_id_proto__init(&opset);
    onnx__model_proto__init(&model);
    opset.domain = borrow("");
    opset.has_version = 1;
    opset.version = OPSET;
    model.has_ir_version = 1;
    model.ir_version = IR_VERSION;
    model.producer_name = borrow("weft");
    model.producer_version = borrow(weft_version());
    model.n_opset_import = 1;
    model.opset_import = opsets;
    model.graph = make_graph(&out);
    size_t bytes = onnx__model_proto__get_packed_size(&model);
    weft_status status;
    uint8_t *packed = bytes <= most_bytes ? malloc(bytes) : NULL;
    if (bytes > most_bytes) {
        status = weft_diag_error(diag, WEFT_E_QUANT_SIZE, "the quantised model is too large");
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "less than 2^31 bytes");
        weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%zu", bytes);
    } else if (packed == NULL) {
        status = weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while writing %s", path);
    } else {
        status = write_bytes(path, packed, onnx__model_proto__pack(&model, packed), diag);
    }
    free(packed);
    weft_arena_destroy(arena);
    return status;
}
