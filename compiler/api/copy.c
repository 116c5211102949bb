/* SPDX-License-Identifier: Apache-2.0 */
/* A graph's copy: so that one model can be compiled several times, and so that the graphs of
 * several models share the constants that are equal. */
#include <xxhash.h>

#include "compiler/api/model.h"

static void copy_attrs(weft_arena *arena, weft_attrs *to, const weft_attrs *from)
{
    for (size_t i = 0; i < from->count; i++) {
        const weft_attr *attr = &from->data[i];
        switch (attr->kind) {
        case WEFT_ATTR_INT: weft_attrs_set_int(to, arena, attr->name, attr->i); break;
        case WEFT_ATTR_FLOAT: weft_attrs_set_float(to, arena, attr->name, attr->f); break;
        case WEFT_ATTR_STRING: weft_attrs_set_string(to, arena, attr->name, attr->s); break;
        case WEFT_ATTR_INTS:
            weft_attrs_set_ints(to, arena, attr->name, attr->ints, attr->count);
            break;
        case WEFT_ATTR_FLOATS:
            weft_attrs_set_floats(to, arena, attr->name, attr->floats, attr->count);
            break;
        case WEFT_ATTR_TENSOR: WEFT_VEC_PUSH(arena, to, *attr); break;
        }
    }
}

/* The elements as they are there already, or a copy of them from now on. */
static const void *shared_data(weft_arena *arena, weft_map *constants, const weft_value *value)
{
    size_t bytes = 0;
    WEFT_ASSERT(weft_shape_bytes(&value->shape, value->dtype, &bytes));
    XXH128_hash_t hash = XXH3_128bits(value->data, bytes);
    const char *key =
        weft_arena_printf(arena, "%016llx%016llx %zu", (unsigned long long)hash.high64,
                          (unsigned long long)hash.low64, bytes);
    void *known = weft_map_get(constants, key);
    if (known == NULL) {
        known = weft_arena_dup(arena, value->data, bytes);
        weft_map_put(constants, key, known);
    }
    return known;
}

weft_graph *weft__graph_keep(weft_arena *arena, weft_map *constants, const weft_graph *graph)
{
    weft_graph *kept = weft__graph_copy(arena, graph);
    for (size_t i = 0; i < kept->values.count; i++)
        if (weft_value_is_constant(kept->values.data[i]))
            kept->values.data[i]->data = shared_data(arena, constants, kept->values.data[i]);
    for (weft_node *node = kept->first; node != NULL; node = node->next) {
        for (size_t i = 0; i < node->source_count; i++)
            node->sources[i] = weft_arena_strdup(arena, node->sources[i]);
        for (size_t i = 0; i < node->attrs.count; i++) {
            weft_attr *attr = &node->attrs.data[i];
            size_t bytes = 0;
            attr->name = weft_arena_strdup(arena, attr->name);
            if (attr->kind != WEFT_ATTR_TENSOR)
                continue;
            weft_tensor *tensor = weft_arena_dup(arena, attr->tensor, sizeof *tensor);
            WEFT_ASSERT(weft_shape_bytes(&tensor->shape, tensor->dtype, &bytes));
            tensor->data = weft_arena_dup(arena, tensor->data, bytes);
            attr->tensor = tensor;
        }
    }
    return kept;
}

weft_graph *weft__graph_copy(weft_arena *arena, const weft_graph *graph)
{
    weft_graph *copy = weft_graph_create(arena, graph->name);
    copy->opset = graph->opset;
    copy->source_node_count = graph->source_node_count;
    weft_map values; /* name -> copy */
    weft_map_init(&values, arena);
    for (size_t i = 0; i < graph->inputs.count; i++) {
        const weft_value *input = graph->inputs.data[i];
        weft_map_put(&values, input->name,
                     weft_graph_add_input(copy, input->name, input->dtype, &input->shape));
    }
    for (size_t i = 0; i < graph->values.count; i++) {
        const weft_value *value = graph->values.data[i];
        if (weft_value_is_constant(value) && value->use_count > 0)
            weft_map_put(&values, value->name,
                         weft_graph_add_constant(copy, value->name, value->dtype, &value->shape,
                                                 value->data));
    }
    for (const weft_node *node = graph->first; node != NULL; node = node->next) {
        weft_value **inputs = WEFT_NEW_ARRAY(arena, weft_value *, node->input_count);
        const char **names = WEFT_NEW_ARRAY(arena, const char *, node->output_count);
        for (size_t i = 0; i < node->input_count; i++)
            inputs[i] =
                node->inputs[i] == NULL ? NULL : weft_map_get(&values, node->inputs[i]->name);
        for (size_t i = 0; i < node->output_count; i++)
            names[i] = node->outputs[i] == NULL ? "" : node->outputs[i]->name;
        weft_node *made = weft_graph_add_node(copy, NULL, node->op, node->name, inputs,
                                              node->input_count, names, node->output_count);
        copy_attrs(arena, &made->attrs, &node->attrs);
        weft_node_add_sources(copy, made, node);
        for (size_t i = 0; i < node->output_count; i++) {
            if (node->outputs[i] == NULL)
                continue;
            made->outputs[i]->dtype = node->outputs[i]->dtype;
            made->outputs[i]->shape = node->outputs[i]->shape;
            made->outputs[i]->has_shape = node->outputs[i]->has_shape;
            weft_map_put(&values, node->outputs[i]->name, made->outputs[i]);
        }
    }
    for (size_t i = 0; i < graph->outputs.count; i++)
        weft_graph_add_output(copy, weft_map_get(&values, graph->outputs.data[i]->name));
    return copy;
}
