/* SPDX-License-Identifier: Apache-2.0 */
/* AttributeProto to the graph's attributes. Whether the operator knows them is checked by
 * inference. Must not know about: operators. */
#include <string.h>

#include "compiler/import/importer.h"

enum {
    MAX_ATTRS = 64
}; /* of one node; no operator has a third of that, and finding one by name is linear */

Onnx__AttributeProto__AttributeType weft_import_attr_type(const Onnx__AttributeProto *attr)
{
    if (attr->has_type && attr->type != ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED)
        return attr->type;
    if (attr->has_f)
        return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
    if (attr->has_i)
        return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
    if (attr->has_s)
        return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
    if (attr->t != NULL)
        return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR;
    if (attr->g != NULL)
        return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH;
    if (attr->n_floats > 0)
        return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS;
    if (attr->n_ints > 0)
        return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
    if (attr->n_strings > 0)
        return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS;
    return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED;
}

static void fail(weft_importer *importer, weft_error_id id, const weft_import_node *node,
                 const char *attr, const char *found)
{
    weft_import_note(importer, weft_diag_error(importer->diag, id, "attribute %s of %s: %s", attr,
                                               node->op_type, found));
    weft_diag_field_set(importer->diag, WEFT_DIAG_NODES, "%s", node->name);
}

static void set_tensor(weft_importer *importer, const weft_import_node *node,
                       const weft_import_attr *attr, weft_attrs *out_attrs)
{
    if (attr->value->t == NULL) {
        fail(importer, WEFT_E_ATTR_FORM, node, attr->name, "the tensor is missing");
        return;
    }
    weft_tensor *tensor = WEFT_NEW(importer->arena, weft_tensor);
    const char *what =
        weft_arena_printf(importer->arena, "attribute %s of node %s", attr->name, node->name);
    if (weft_import_tensor(importer, attr->value->t, what, tensor))
        weft_attrs_set_tensor(out_attrs, importer->arena, attr->name, tensor);
}

void weft_import_attrs(weft_importer *importer, const weft_import_node *node, weft_attrs *out_attrs)
{
    weft_arena *arena = importer->arena;
    if (node->attr_count > MAX_ATTRS) {
        fail(importer, WEFT_E_ATTR_FORM, node, weft_arena_printf(arena, "%d", MAX_ATTRS),
             "a node has at most so many attributes");
        return;
    }
    for (size_t i = 0; i < node->attr_count; i++) {
        const char *name = node->attrs[i].name;
        const Onnx__AttributeProto *value = node->attrs[i].value;
        if (*name == '\0') {
            fail(importer, WEFT_E_ATTR_FORM, node, "?", "it has no name");
            continue;
        }
        if (weft_attrs_find(out_attrs, name) != NULL) {
            fail(importer, WEFT_E_ATTR_FORM, node, name, "it is given twice");
            continue;
        }
        switch (weft_import_attr_type(value)) {
        case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT:
            weft_attrs_set_int(out_attrs, arena, name, value->i);
            break;
        case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT:
            weft_attrs_set_float(out_attrs, arena, name, value->f);
            break;
        case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
            weft_attrs_set_ints(out_attrs, arena, name, value->ints, value->n_ints);
            break;
        case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS:
            weft_attrs_set_floats(out_attrs, arena, name, value->floats, value->n_floats);
            break;
        case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING: {
            const char *text =
                value->s.data == NULL
                    ? ""
                    : weft_arena_strndup(arena, (const char *)value->s.data, value->s.len);
            weft_attrs_set_string(out_attrs, arena, name, text);
            break;
        }
        case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR:
            set_tensor(importer, node, &node->attrs[i], out_attrs);
            break;
        case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED:
            fail(importer, WEFT_E_ATTR_FORM, node, name, "it has neither type nor value");
            break;
        default:
            fail(importer, WEFT_E_ATTR_TYPE, node, name,
                 "lists of strings, graphs, sparse tensors and types are not supported");
            break;
        }
    }
}
