/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of compiler/import share. Internal to this folder.
 *
 * The steps, in the order of import.c: bytes -> message (wire.c); functions expanded into one list
 * of nodes (functions.c); operators that others define expanded (expand.c, qlinear.c,
 * attention.c); initializers (tensors.c,
 * external.c) and inputs (inputs.c) -> values; nodes -> graph (nodes.c, attrs.c); older forms ->
 * newest (upgrade.c). Each step goes on after an error, so that one run shows all of them. */
#ifndef WEFT_IMPORT_IMPORTER_H
#define WEFT_IMPORT_IMPORTER_H

#include "compiler/base/file.h"
#include "compiler/import/import.h"
#include "onnx.pb-c.h"

/* An attribute under the name that the node gives it (inside a function the value may be the
 * caller's). */
typedef struct weft_import_attr {
    const char *name;
    const Onnx__AttributeProto *value;
} weft_import_attr;

/* A node of the model with functions expanded: names are those of the outer graph. */
typedef struct weft_import_node {
    const char *name;   /* never empty */
    const char *domain; /* "" for ONNX's own */
    const char *op_type;
    int64_t opset;       /* version of its domain; 0 when the model imports none */
    const char **inputs; /* "" = omitted */
    size_t input_count;
    const char **outputs; /* "" = not asked for */
    size_t output_count;
    weft_import_attr *attrs;
    size_t attr_count;
    weft_node *node; /* NULL for constants and for what is not supported */
} weft_import_node;

typedef struct weft_importer {
    weft_arena *arena;
    weft_diag *diag;
    const weft_import_params *params;
    size_t size_bytes; /* of the model file */
    const Onnx__ModelProto *model;
    weft_graph *graph;
    weft_status status; /* of the first error */
    bool has_stand_in;  /* some node could not be made: its outputs are stand-ins without type */
    weft_map values;    /* the model's tensor names -> weft_value */
    weft_map
        unavailable; /* names of outputs that the canonical form does not have -> reason (char *) */
    weft_map files;  /* location of external data -> what external.c knows about it */
    size_t missing_count; /* names that were used and not found */
    WEFT_VEC(weft_import_node) nodes;
} weft_importer;

/* Remembers the status of the first error; returns its argument. */
weft_status weft_import_note(weft_importer *importer, weft_status status);
/* proto2 strings are NULL when absent. */
const char *weft_import_text(const char *text);
/* For messages: path of the model, or "the model" when it came as bytes. */
const char *weft_import_path(const weft_importer *importer);

/* wire.c. The message lives as long as the arena; it shares nothing with data. */
weft_status weft_import_unpack(weft_importer *importer, const uint8_t *data, size_t size_bytes,
                               const Onnx__ModelProto **out_model);
/* The nth field `number` of a message in a format newer than the installed onnx.proto; false when
 * there is none. */
bool weft_import_unknown_field(const ProtobufCMessage *message, uint32_t number, size_t nth,
                               const uint8_t **out_data, size_t *out_size_bytes);
/* NULL when the bytes are no attribute. */
const Onnx__AttributeProto *weft_import_unpack_attribute(weft_importer *importer,
                                                         const uint8_t *data, size_t size_bytes);

/* functions.c. Fills importer->nodes. */
void weft_import_flatten(weft_importer *importer);

/* expand.c. Operators in importer->nodes that others define become these: QLinear* and QGemm the
 * operator on dequantised values, quantised again (qlinear.c), which also makes com.microsoft's
 * QuantizeLinear and DequantizeLinear ONNX's; Attention two products around a Softmax
 * (attention.c). */
void weft_import_expand(weft_importer *importer);

/* tensors.c. False after an error was reported; what: "initializer w", for messages. */
bool weft_import_tensor(weft_importer *importer, const Onnx__TensorProto *proto, const char *what,
                        weft_tensor *out_tensor);
const char *weft_import_onnx_type_name(int32_t data_type);
void weft_import_initializers(weft_importer *importer);
/* A value without type, so that what reads it is still connected and checked; the import fails in
 * the end. */
weft_value *weft_import_stand_in(weft_importer *importer, const char *name);

/* external.c. Closes a weft_file_map; for weft_arena_defer. */
void weft_import_close_map(void *map);
/* Data of the tensor's bytes in its file. NULL after an error was reported. */
const uint8_t *weft_import_external(weft_importer *importer, const Onnx__TensorProto *proto,
                                    const char *what, size_t expected_bytes);

/* inputs.c */
void weft_import_inputs(weft_importer *importer);
void weft_import_check_outputs(weft_importer *importer);

/* attrs.c. Copies attributes in the graph's form; problems are reported. */
void weft_import_attrs(weft_importer *importer, const weft_import_node *node,
                       weft_attrs *out_attrs);
/* The type that is in use: `type`, or from the field that is set in models that leave it out.
 * UNDEFINED when there is none. */
Onnx__AttributeProto__AttributeType weft_import_attr_type(const Onnx__AttributeProto *attr);

/* nodes.c. Nodes with their inputs connected, and the outputs of the graph. */
void weft_import_nodes(weft_importer *importer);
/* Whether the model has the name already, which is reported; what: "an initializer". */
bool weft_import_is_defined(weft_importer *importer, const char *name, const char *what);

/* support.c. The operator of a node, or NONE after it was put on the list of what is not supported.
 */
typedef struct weft_import_support weft_import_support;
weft_import_support *weft_import_support_create(weft_importer *importer);
weft_op weft_import_resolve(weft_import_support *support, const weft_import_node *node);
void weft_import_support_report(weft_import_support *support);

/* upgrade.c. Brings a connected node to the newest form; its inputs have types where those are
 * known. May put nodes before it. */
void weft_import_upgrade(weft_importer *importer, const weft_import_node *source);

#endif
