/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over operators that are defined by others, and the nodes that take their place: all
 * nodes of one carry its name. Must not know which operators these are. */
#include "compiler/import/expand.h"

#include <string.h>

const char *weft_import_input_of(const weft_import_node *node, size_t index)
{
    return index < node->input_count ? node->inputs[index] : "";
}

const weft_import_attr *weft_import_find_attr(const weft_import_node *node, const char *name)
{
    for (size_t i = 0; i < node->attr_count; i++)
        if (strcmp(node->attrs[i].name, name) == 0)
            return &node->attrs[i];
    return NULL;
}

int64_t weft_import_int_of(const weft_import_node *node, const char *name, int64_t fallback)
{
    const weft_import_attr *attr = weft_import_find_attr(node, name);
    return attr != NULL && attr->value->has_i ? attr->value->i : fallback;
}

/* A name that no tensor has: that of the node's result with a word behind it. */
static const char *fresh_name(weft_import_expansion *e, const char *word)
{
    weft_arena *arena = e->importer->arena;
    const char *name = weft_arena_printf(arena, "%s/%s", e->node->outputs[0], word);
    while (weft_map_get(&e->names, name) != NULL)
        name = weft_arena_printf(arena, "%s/%s.%llu", e->node->outputs[0], word,
                                 (unsigned long long)++e->counter);
    weft_map_put(&e->names, name, e);
    return name;
}

weft_import_node *weft_import_expand_to(weft_import_expansion *e, const char *op_type,
                                        const char *const *inputs, size_t input_count,
                                        const char *output, const char *word)
{
    weft_arena *arena = e->importer->arena;
    weft_import_node made = {.name = e->node->name,
                             .domain = "",
                             .op_type = op_type,
                             .opset = WEFT_IMPORT_MAX_OPSET,
                             .input_count = input_count,
                             .output_count = 1};
    if (input_count > 0)
        made.inputs = weft_arena_dup(arena, inputs, input_count * sizeof *inputs);
    made.outputs = WEFT_NEW(arena, const char *);
    made.outputs[0] = output != NULL ? output : fresh_name(e, word);
    WEFT_VEC_PUSH(arena, &e->nodes, made);
    return &e->nodes.data[e->nodes.count - 1];
}

static Onnx__AttributeProto *add_attr(weft_import_expansion *e, weft_import_node *node,
                                      const char *name, Onnx__AttributeProto__AttributeType type)
{
    weft_arena *arena = e->importer->arena;
    Onnx__AttributeProto *attr = WEFT_NEW(arena, Onnx__AttributeProto);
    onnx__attribute_proto__init(attr);
    attr->has_type = 1;
    attr->type = type;
    weft_import_attr *attrs = WEFT_NEW_ARRAY(arena, weft_import_attr, node->attr_count + 1);
    if (node->attr_count > 0)
        memcpy(attrs, node->attrs, node->attr_count * sizeof *attrs);
    attrs[node->attr_count] = (weft_import_attr){.name = name, .value = attr};
    node->attrs = attrs;
    node->attr_count++;
    return attr;
}

void weft_import_add_int(weft_import_expansion *e, weft_import_node *node, const char *name,
                         int64_t value)
{
    Onnx__AttributeProto *attr =
        add_attr(e, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    attr->has_i = 1;
    attr->i = value;
}

void weft_import_add_ints(weft_import_expansion *e, weft_import_node *node, const char *name,
                          const int64_t *values, size_t count)
{
    Onnx__AttributeProto *attr =
        add_attr(e, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    attr->n_ints = count;
    attr->ints = weft_arena_dup(e->importer->arena, values, count * sizeof *values);
}

void weft_import_add_float(weft_import_expansion *e, weft_import_node *node, const char *name,
                           float value)
{
    Onnx__AttributeProto *attr =
        add_attr(e, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    attr->has_f = 1;
    attr->f = value;
}

/* The node goes; what reads its outputs is not to blame. */
static void fail(weft_importer *importer, const weft_import_node *node,
                 const weft_import_definition *definition, const char *why)
{
    weft_import_note(importer, weft_diag_error(importer->diag, WEFT_E_OP_FORM, "%s %s",
                                               node->op_type, definition->problem));
    weft_diag_field_set(importer->diag, WEFT_DIAG_NODES, "%s", node->name);
    weft_diag_field_set(importer->diag, WEFT_DIAG_WHY, "%s", why);
    weft_diag_field_set(importer->diag, WEFT_DIAG_TRY, "%s", definition->advice);
    for (size_t i = 0; i < node->output_count; i++)
        if (*node->outputs[i] != '\0' && weft_map_get(&importer->values, node->outputs[i]) == NULL)
            weft_map_put(&importer->values, node->outputs[i],
                         weft_import_stand_in(importer, node->outputs[i]));
}

static const weft_import_definition *find_definition(const weft_import_node *node)
{
    if (weft_import_quantised.defines(node))
        return &weft_import_quantised;
    return weft_import_attention.defines(node) ? &weft_import_attention : NULL;
}

static void collect_names(weft_import_expansion *e)
{
    const Onnx__GraphProto *graph = e->importer->model->graph;
    weft_map_init(&e->names, e->importer->arena);
    for (size_t i = 0; i < graph->n_initializer; i++)
        weft_map_put(&e->names, weft_import_text(graph->initializer[i]->name), e);
    for (size_t i = 0; i < graph->n_input; i++)
        weft_map_put(&e->names, weft_import_text(graph->input[i]->name), e);
    for (size_t i = 0; i < e->importer->nodes.count; i++)
        for (size_t j = 0; j < e->importer->nodes.data[i].output_count; j++)
            weft_map_put(&e->names, e->importer->nodes.data[i].outputs[j], e);
}

void weft_import_expand(weft_importer *importer)
{
    weft_import_expansion e = {.importer = importer};
    bool is_needed = false;
    for (size_t i = 0; i < importer->nodes.count; i++)
        is_needed = is_needed || find_definition(&importer->nodes.data[i]) != NULL;
    if (!is_needed)
        return;
    collect_names(&e);
    for (size_t i = 0; i < importer->nodes.count; i++) {
        const weft_import_node node = importer->nodes.data[i];
        const weft_import_definition *definition = find_definition(&node);
        const char *why = definition != NULL ? definition->problem_of(&node) : NULL;
        e.node = &node;
        if (why != NULL)
            fail(importer, &node, definition, why);
        else if (definition != NULL)
            definition->expand(&e);
        else
            WEFT_VEC_PUSH(importer->arena, &e.nodes, node);
    }
    importer->nodes.data = e.nodes.data;
    importer->nodes.count = e.nodes.count;
    importer->nodes.capacity = e.nodes.capacity;
}
