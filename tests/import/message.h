/* SPDX-License-Identifier: Apache-2.0 */
/* Building ONNX models in memory for tests. Everything lives in the arena. Must not know what is
 * tested. */
#ifndef WEFT_TESTS_IMPORT_MESSAGE_H
#define WEFT_TESTS_IMPORT_MESSAGE_H

#include "compiler/base/arena.h"
#include "onnx.pb-c.h"

typedef struct message {
    weft_arena *arena;
    Onnx__ModelProto *model;
    Onnx__GraphProto *graph;
} message;

/* A model of IR version 8 and the given opset with an empty graph. */
message message_create(weft_arena *arena, int64_t opset);
void message_opset(message *m, const char *domain, int64_t version);
/* shape: "1,3,H,W" with numbers and symbols, "" for a scalar, "?" for a dimension without either,
 * NULL for no shape. */
Onnx__ValueInfoProto *message_input(message *m, const char *name, int32_t elem_type,
                                    const char *shape);
Onnx__ValueInfoProto *message_output(message *m, const char *name, const char *shape);
/* Names are separated by commas; an empty one is an omitted input. */
Onnx__NodeProto *message_node(message *m, const char *op_type, const char *inputs,
                              const char *outputs);
/* A node that belongs to nothing yet. */
Onnx__NodeProto *message_loose_node(message *m, const char *op_type, const char *inputs,
                                    const char *outputs);
Onnx__AttributeProto *message_attr(message *m, Onnx__NodeProto *node, const char *name,
                                   Onnx__AttributeProto__AttributeType type);
Onnx__TensorProto *message_tensor(message *m, const char *name, int32_t data_type, size_t rank,
                                  const int64_t *dims);
/* Adds it to the initializers. */
Onnx__TensorProto *message_initializer(message *m, const char *name, int32_t data_type, size_t rank,
                                       const int64_t *dims);
void message_raw(message *m, Onnx__TensorProto *tensor, const void *data, size_t size_bytes);
void message_external(message *m, Onnx__TensorProto *tensor, const char *key, const char *value);
Onnx__FunctionProto *message_function(message *m, const char *domain, const char *name,
                                      const char *inputs, const char *outputs);
void message_add_to_function(message *m, Onnx__FunctionProto *function, Onnx__NodeProto *node);

uint8_t *message_pack(const message *m, size_t *out_size_bytes);

#endif
