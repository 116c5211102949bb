/* SPDX-License-Identifier: Apache-2.0 */
/* The listed nodes become graph nodes: first all nodes with their outputs, then the inputs by name,
 * so that their order does not matter. Must not know about: opsets (support.c, upgrade.c). */
#include <string.h>

#include "compiler/import/importer.h"

enum {
    NEAREST_SHOWN = 8
}; /* looking for the nearest of all names is slow, and helps for the first ones only */

bool weft_import_is_defined(weft_importer *importer, const char *name, const char *what)
{
    if (weft_map_get(&importer->values, name) == NULL)
        return false;
    weft_import_note(importer, weft_diag_error(importer->diag, WEFT_E_NAME_DUPLICATE,
                                               "tensor name defined twice: %s", name));
    weft_diag_field_set(importer->diag, WEFT_DIAG_FOUND, "again as %s", what);
    return true;
}

static bool is_type(const weft_import_node *node, const char *op_type)
{
    return node->domain[0] == '\0' && strcmp(node->op_type, op_type) == 0;
}

/* ---- Constant ---- */

static bool fail_constant(weft_importer *importer, const weft_import_node *node, weft_error_id id,
                          const char *found)
{
    weft_import_note(importer,
                     weft_diag_error(importer->diag, id, "Constant without a supported value"));
    weft_diag_field_set(importer->diag, WEFT_DIAG_NODES, "%s", node->name);
    weft_diag_field_set(importer->diag, WEFT_DIAG_EXPECTED,
                        "one of value, value_float, value_floats, value_int, value_ints");
    weft_diag_field_set(importer->diag, WEFT_DIAG_FOUND, "%s", found);
    return false;
}

static bool read_constant(weft_importer *importer, const weft_import_node *node,
                          weft_tensor *out_tensor)
{
    *out_tensor = (weft_tensor){0};
    if (node->attr_count != 1)
        return fail_constant(importer, node, WEFT_E_ATTR_FORM,
                             node->attr_count == 0 ? "no attribute" : "several attributes");
    const char *name = node->attrs[0].name;
    const Onnx__AttributeProto *attr = node->attrs[0].value;
    const void *data = NULL;
    size_t count = 1;
    if (strcmp(name, "value") == 0 && attr->t != NULL)
        return weft_import_tensor(
            importer, attr->t, weft_arena_printf(importer->arena, "value of node %s", node->name),
            out_tensor);
    if (strcmp(name, "value_float") == 0) {
        out_tensor->dtype = WEFT_DTYPE_F32;
        data = &attr->f;
    } else if (strcmp(name, "value_int") == 0) {
        out_tensor->dtype = WEFT_DTYPE_I64;
        data = &attr->i;
    } else if (strcmp(name, "value_floats") == 0) {
        out_tensor->dtype = WEFT_DTYPE_F32;
        data = attr->floats;
        count = attr->n_floats;
    } else if (strcmp(name, "value_ints") == 0) {
        out_tensor->dtype = WEFT_DTYPE_I64;
        data = attr->ints;
        count = attr->n_ints;
    } else {
        return fail_constant(importer, node, WEFT_E_ATTR_TYPE, name);
    }
    if (data == &attr->f || data == &attr->i)
        out_tensor->shape.rank = 0;
    else
        out_tensor->shape = (weft_shape){.rank = 1, .dims = {(int64_t)count}};
    out_tensor->data =
        weft_arena_dup(importer->arena, data, count * weft_dtype_bytes(out_tensor->dtype));
    return true;
}

static void make_constant(weft_importer *importer, const weft_import_node *node)
{
    const char *name = node->outputs[0];
    weft_tensor tensor;
    bool is_read = read_constant(importer, node, &tensor);
    if (weft_import_is_defined(importer, name,
                               weft_arena_printf(importer->arena, "output of node %s", node->name)))
        return;
    weft_map_put(&importer->values, name,
                 is_read ? weft_graph_add_constant(importer->graph, name, tensor.dtype,
                                                   &tensor.shape, tensor.data)
                         : weft_import_stand_in(importer, name));
}

/* ---- other nodes ---- */

static void make_stand_ins(weft_importer *importer, const weft_import_node *node)
{
    importer->has_stand_in = true;
    for (size_t i = 0; i < node->output_count; i++) {
        const char *name = node->outputs[i];
        if (*name != '\0' && !weft_import_is_defined(importer, name, node->name))
            weft_map_put(&importer->values, name, weft_import_stand_in(importer, name));
    }
}

/* Dropout becomes Identity, which has one output: the mask is all true and never needed in
 * inference. */
static void drop_mask(weft_importer *importer, weft_import_node *node)
{
    for (size_t i = 1; i < node->output_count; i++) {
        static char reason[] = "it is the mask of a Dropout, which inference does not have";
        weft_map_put(&importer->unavailable, node->outputs[i], reason);
    }
    node->output_count = 1;
}

static void make_node(weft_importer *importer, weft_import_node *node, weft_op op)
{
    weft_graph *graph = importer->graph;
    const char **names = WEFT_NEW_ARRAY(importer->arena, const char *, node->output_count);
    for (size_t i = 0; i < node->output_count; i++) {
        bool is_free = *node->outputs[i] != '\0' &&
                       !weft_import_is_defined(
                           importer, node->outputs[i],
                           weft_arena_printf(importer->arena, "output of node %s", node->name));
        names[i] = is_free ? node->outputs[i]
                           : weft_arena_printf(importer->arena, "%s:%zu", node->name, i);
    }
    weft_value **inputs = WEFT_NEW_ARRAY(importer->arena, weft_value *, node->input_count);
    node->node = weft_graph_add_node(graph, NULL, op, node->name, inputs, node->input_count, names,
                                     node->output_count);
    node->node->sources = WEFT_NEW(importer->arena, const char *);
    node->node->sources[0] = node->name;
    node->node->source_count = 1;
    for (size_t i = 0; i < node->output_count; i++)
        if (names[i] == node->outputs[i])
            weft_map_put(&importer->values, names[i], node->node->outputs[i]);
    weft_import_attrs(importer, node, &node->node->attrs);
}

static void make_nodes(weft_importer *importer)
{
    weft_import_support *support = weft_import_support_create(importer);
    for (size_t i = 0; i < importer->nodes.count; i++) {
        weft_import_node *node = &importer->nodes.data[i];
        while (node->output_count > 0 && *node->outputs[node->output_count - 1] == '\0')
            node->output_count--;
        bool is_dropout = is_type(node, "Dropout");
        if (is_dropout && node->output_count > 1)
            drop_mask(importer, node);
        if (node->output_count == 0 || (is_dropout && *node->outputs[0] == '\0')) {
            weft_import_note(importer, weft_diag_error(importer->diag, WEFT_E_NODE_OUTPUTS,
                                                       "%s without outputs", node->op_type));
            weft_diag_field_set(importer->diag, WEFT_DIAG_NODES, "%s", node->name);
            continue;
        }
        if (is_type(node, "Constant") && node->output_count == 1) {
            make_constant(importer, node);
            continue;
        }
        weft_op op = weft_import_resolve(support, node);
        if (op == WEFT_OP_NONE)
            make_stand_ins(importer, node);
        else
            make_node(importer, node, op);
    }
    weft_import_support_report(support);
}

/* ---- names to values ---- */

static const char *nearest_name(weft_importer *importer, const char *name)
{
    const char **names = WEFT_NEW_ARRAY(importer->arena, const char *, importer->values.count);
    size_t count = 0;
    for (size_t i = 0; i < importer->values.capacity; i++)
        if (importer->values.slots[i].key != NULL)
            names[count++] = importer->values.slots[i].key;
    return weft_nearest(name, names, count);
}

/* The value of that name. A missing one is reported once, and then stood in for. */
static weft_value *find(weft_importer *importer, const char *name, const char *reader)
{
    weft_value *value = weft_map_get(&importer->values, name);
    if (value != NULL)
        return value;
    weft_diag *diag = importer->diag;
    const char *reason = weft_map_get(&importer->unavailable, name);
    if (reason != NULL) {
        weft_import_note(
            importer, weft_diag_error(diag, WEFT_E_OP_FORM,
                                      "a tensor is used that inference does not make: %s", name));
        weft_diag_field_set(diag, WEFT_DIAG_WHY, "%s", reason);
    } else {
        weft_import_note(importer,
                         weft_diag_error(diag, WEFT_E_NAME_MISSING,
                                         "a tensor is used that nothing makes: %s", name));
        const char *nearest =
            importer->missing_count++ < NEAREST_SHOWN ? nearest_name(importer, name) : NULL;
        if (nearest != NULL)
            weft_diag_field_set(diag, WEFT_DIAG_TRY, "the nearest name is %s", nearest);
    }
    weft_diag_field_set(diag, WEFT_DIAG_TENSOR, "%s", name);
    weft_diag_field_set(diag, WEFT_DIAG_NODES, "%s", reader);
    value = weft_import_stand_in(importer, name);
    weft_map_put(&importer->values, name, value);
    return value;
}

static void connect(weft_importer *importer)
{
    for (size_t i = 0; i < importer->nodes.count; i++) {
        const weft_import_node *node = &importer->nodes.data[i];
        for (size_t j = 0; j < node->input_count; j++) {
            weft_value *value =
                *node->inputs[j] == '\0' ? NULL : find(importer, node->inputs[j], node->name);
            if (node->node != NULL)
                weft_node_set_input(importer->graph, node->node, j, value);
        }
    }
}

static void add_outputs(weft_importer *importer)
{
    const Onnx__GraphProto *graph = importer->model->graph;
    weft_map seen;
    weft_map_init(&seen, importer->arena);
    for (size_t i = 0; i < graph->n_output; i++) {
        const char *name = weft_import_text(graph->output[i]->name);
        if (weft_map_get(&seen, name) != NULL) {
            weft_import_note(importer, weft_diag_error(importer->diag, WEFT_E_NAME_DUPLICATE,
                                                       "graph output listed twice: %s", name));
            continue;
        }
        weft_map_put(&seen, name, importer);
        weft_graph_add_output(importer->graph, find(importer, name, "the list of graph outputs"));
    }
}

void weft_import_nodes(weft_importer *importer)
{
    make_nodes(importer);
    connect(importer);
    add_outputs(importer);
}
