/* SPDX-License-Identifier: Apache-2.0 */
/* Older forms of operators to the newest one: a table of operator, opset of the change, and what to
 * do.
 *
 * A row applies to nodes of an opset below its own; rows of one operator apply in the table's
 * order. What a function finds malformed it leaves as it is: inference reports it then. Must not
 * know about: messages of the model. */
#include <string.h>

#include "compiler/import/importer.h"

typedef struct upgrade {
    weft_importer *importer;
    weft_graph *graph;
    weft_node *node;
    const weft_import_node *source;
} upgrade;

static void fail(const upgrade *at, const char *why)
{
    weft_importer *importer = at->importer;
    weft_import_note(importer, weft_diag_error(importer->diag, WEFT_E_OP_FORM,
                                               "%s of opset %lld has no newer form",
                                               at->source->op_type, (long long)at->source->opset));
    weft_diag_field_set(importer->diag, WEFT_DIAG_NODES, "%s", at->source->name);
    weft_diag_field_set(importer->diag, WEFT_DIAG_WHY, "%s", why);
    weft_diag_field_set(importer->diag, WEFT_DIAG_TRY, "export the model for inference");
}

static const char *part_name(const upgrade *at, const char *part)
{
    return weft_arena_printf(at->importer->arena, "%s/%s", at->source->name, part);
}

/* A new node before the one that is upgraded; returns its output. */
static weft_value *add_node(const upgrade *at, weft_op op, const char *part, weft_value *input,
                            const char *attr, int64_t value)
{
    const char *name = part_name(at, part);
    weft_node *node = weft_graph_add_node(at->graph, at->node, op, name, &input, 1, &name, 1);
    if (attr != NULL)
        weft_attrs_set_int(&node->attrs, at->importer->arena, attr, value);
    weft_node_add_sources(at->graph, node, at->node);
    return node->outputs[0];
}

/* Moves a list attribute to an input, if it is there and the input is not. */
static void ints_to_input(const upgrade *at, const char *attr_name, size_t input)
{
    const weft_attr *attr = weft_attrs_find(&at->node->attrs, attr_name);
    if (attr == NULL || attr->kind != WEFT_ATTR_INTS || weft_node_input(at->node, input) != NULL)
        return;
    weft_value *list =
        weft_graph_add_constant_ints(at->graph, part_name(at, attr_name), attr->ints, attr->count);
    weft_node_set_input(at->graph, at->node, input, list);
    weft_attrs_remove(&at->node->attrs, attr_name);
}

/* ONNX's number of an element type. */
static int64_t onnx_type(weft_dtype dtype)
{
    for (int32_t number = 1; number <= 16; number++)
        if (weft_dtype_from_onnx(number) == dtype)
            return number;
    return 0;
}

/* Moves a float attribute to a scalar input of the type that the first input has. */
static void float_to_input(const upgrade *at, const char *attr_name, size_t input)
{
    const weft_attr *attr = weft_attrs_find(&at->node->attrs, attr_name);
    if (attr == NULL || attr->kind != WEFT_ATTR_FLOAT || weft_node_input(at->node, input) != NULL)
        return;
    weft_shape scalar = {0};
    const void *data = weft_arena_dup(at->importer->arena, &attr->f, sizeof attr->f);
    weft_value *value =
        weft_graph_add_constant(at->graph, part_name(at, attr_name), WEFT_DTYPE_F32, &scalar, data);
    const weft_value *like = weft_node_input(at->node, 0);
    if (like != NULL && like->dtype != WEFT_DTYPE_NONE && like->dtype != WEFT_DTYPE_F32)
        value = add_node(at, WEFT_OP_Cast, "cast", value, "to", onnx_type(like->dtype));
    weft_node_set_input(at->graph, at->node, input, value);
    weft_attrs_remove(&at->node->attrs, attr_name);
}

/* Clip 6: limits are attributes. */
static void clip(const upgrade *at)
{
    float_to_input(at, "min", 1);
    float_to_input(at, "max", 2);
}

/* Squeeze, Unsqueeze, Reduce*: axes are an attribute. */
static void axes(const upgrade *at)
{
    ints_to_input(at, "axes", 1);
}

/* Split 2, 11: sizes are an attribute. */
static void split_sizes(const upgrade *at)
{
    ints_to_input(at, "split", 1);
}

/* Split 13: without sizes, the number of outputs divides the axis; the newest form wants that
 * number said. */
static void split_count(const upgrade *at)
{
    if (weft_node_input(at->node, 1) == NULL)
        weft_attrs_set_int(&at->node->attrs, at->importer->arena, "num_outputs",
                           (int64_t)at->node->output_count);
}

/* Pad 2: everything but the data is an attribute. */
static void pad(const upgrade *at)
{
    ints_to_input(at, "pads", 1);
    float_to_input(at, "value", 2);
}

/* Slice 1: everything but the data is an attribute. */
static void slice(const upgrade *at)
{
    ints_to_input(at, "starts", 1);
    ints_to_input(at, "ends", 2);
    ints_to_input(at, "axes", 3);
}

/* Upsample 9, Resize 10: inputs are data and scales, sampling is asymmetric and rounds down. */
static void resize_scales(const upgrade *at)
{
    weft_arena *arena = at->importer->arena;
    weft_node_set_input(at->graph, at->node, 2, weft_node_input(at->node, 1));
    weft_node_set_input(at->graph, at->node, 1, NULL);
    weft_attrs_set_string(&at->node->attrs, arena, "coordinate_transformation_mode", "asymmetric");
    weft_attrs_set_string(&at->node->attrs, arena, "nearest_mode", "floor");
}

static bool is_empty_constant(const weft_value *value)
{
    int64_t elems = 1;
    return value != NULL && weft_value_is_constant(value) &&
           weft_shape_elems(&value->shape, &elems) && elems == 0;
}

/* Resize 11: omitted inputs may be empty tensors. Later opsets leave them out, but exporters still
 * write this. */
static void resize_empty(const upgrade *at)
{
    for (size_t i = 1; i < at->node->input_count; i++)
        if (is_empty_constant(at->node->inputs[i]))
            weft_node_set_input(at->graph, at->node, i, NULL);
    const char *mode =
        weft_attrs_string(&at->node->attrs, "coordinate_transformation_mode", "half_pixel");
    if (weft_node_input(at->node, 1) != NULL && strcmp(mode, "tf_crop_and_resize") != 0)
        weft_node_set_input(at->graph, at->node, 1, NULL); /* read by that mode only */
}

/* Softmax 1, 11: over all dimensions from axis on together. */
static void softmax(const upgrade *at)
{
    weft_value *x = weft_node_input(at->node, 0);
    int64_t axis = weft_attrs_int(&at->node->attrs, "axis", 1);
    if (x == NULL)
        return;
    bool is_last = axis == -1 || (x->has_shape && axis == x->shape.rank - 1);
    if (is_last || at->node->output_count != 1) {
        weft_attrs_set_int(&at->node->attrs, at->importer->arena, "axis",
                           axis); /* the default has changed */
        return;
    }
    weft_value *flat = add_node(at, WEFT_OP_Flatten, "flatten", x, "axis", axis);
    weft_value *normalised = add_node(at, WEFT_OP_Softmax, "softmax", flat, "axis", -1);
    weft_value *shape = x->has_shape
                            ? weft_graph_add_constant_ints(at->graph, part_name(at, "shape"),
                                                           x->shape.dims, (size_t)x->shape.rank)
                            : add_node(at, WEFT_OP_Shape, "shape", x, NULL, 0);
    at->node->op = WEFT_OP_Reshape;
    at->node->attrs = (weft_attrs){0};
    weft_node_set_input(at->graph, at->node, 0, normalised);
    weft_node_set_input(at->graph, at->node, 1, shape);
}

/* BatchNormalization 9: more outputs mean training. */
static void batch_norm(const upgrade *at)
{
    if (at->node->output_count > 1)
        fail(at, "its outputs for mean and variance belong to training");
}

/* Dropout of every opset, which came here as Identity. */
static void dropout(const upgrade *at)
{
    if (strcmp(at->source->op_type, "Dropout") != 0)
        return;
    const weft_value *training = weft_node_input(at->node, 2);
    if (training != NULL) {
        bool is_off = weft_value_is_constant(training) && training->dtype == WEFT_DTYPE_BOOL &&
                      training->shape.rank == 0 && *(const uint8_t *)training->data == 0;
        if (!is_off)
            fail(at, "training_mode is not the constant false");
    }
    for (size_t i = 1; i < at->node->input_count; i++)
        weft_node_set_input(at->graph, at->node, i, NULL);
    if (at->node->input_count > 1)
        at->node->input_count = 1;
    weft_attrs_remove(&at->node->attrs, "ratio");
    weft_attrs_remove(&at->node->attrs, "seed");
}

/* CastLike of every opset, which came here as Cast: the type is that of the second input. */
static void cast_like(const upgrade *at)
{
    const weft_value *like = weft_node_input(at->node, 1);
    if (strcmp(at->source->op_type, "CastLike") != 0 || at->node->input_count != 2 ||
        like == NULL || like->dtype == WEFT_DTYPE_NONE)
        return;
    weft_attrs_set_int(&at->node->attrs, at->importer->arena, "to", onnx_type(like->dtype));
    weft_node_set_input(at->graph, at->node, 1, NULL);
    at->node->input_count = 1;
}

enum { EVERY_OPSET = WEFT_IMPORT_MAX_OPSET + 1 };

static const struct {
    weft_op op;
    int64_t before; /* the opset that changed the form */
    void (*apply)(const upgrade *at);
} upgrades[] = {
    {WEFT_OP_BatchNormalization, 14, batch_norm},
    {WEFT_OP_Cast, EVERY_OPSET, cast_like},
    {WEFT_OP_Clip, 11, clip},
    {WEFT_OP_Identity, EVERY_OPSET, dropout},
    {WEFT_OP_Pad, 11, pad},
    {WEFT_OP_ReduceMax, 18, axes},
    {WEFT_OP_ReduceMean, 18, axes},
    {WEFT_OP_ReduceMin, 18, axes},
    {WEFT_OP_ReduceProd, 18, axes},
    {WEFT_OP_ReduceSum, 13, axes},
    {WEFT_OP_Resize, 11, resize_scales},
    {WEFT_OP_Resize, EVERY_OPSET, resize_empty},
    {WEFT_OP_Slice, 10, slice},
    {WEFT_OP_Softmax, 13, softmax},
    {WEFT_OP_Split, 13, split_sizes},
    {WEFT_OP_Split, 18, split_count},
    {WEFT_OP_Squeeze, 13, axes},
    {WEFT_OP_Unsqueeze, 13, axes},
};

void weft_import_upgrade(weft_importer *importer, const weft_import_node *source)
{
    weft_op op = source->node->op;
    if (source->opset <= 0 || source->domain[0] != '\0')
        return;
    upgrade at = {
        .importer = importer, .graph = importer->graph, .node = source->node, .source = source};
    for (size_t i = 0; i < sizeof upgrades / sizeof upgrades[0]; i++)
        if (upgrades[i].op == op && source->opset < upgrades[i].before)
            upgrades[i].apply(&at);
}
