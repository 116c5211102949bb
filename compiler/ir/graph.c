/* SPDX-License-Identifier: Apache-2.0 */
/* The graph's structure: making values and nodes, connecting and removing them, keeping use counts
 * and names. Must not know about what operators mean. */
#include "compiler/ir/graph.h"

#include <inttypes.h>
#include <string.h>

weft_graph *weft_graph_create(weft_arena *arena, const char *name)
{
    weft_graph *graph = WEFT_NEW(arena, weft_graph);
    graph->arena = arena;
    graph->name = weft_arena_strdup(arena, name ? name : "");
    weft_map_init(&graph->names, arena);
    return graph;
}

/* ---- values ---- */

/* A copy of name that no value has: as it is, with ".1", ".2", ... behind it, or "v1", "v2", ...
 * for NULL and "". */
static const char *unique_name(weft_graph *graph, const char *name)
{
    bool fresh = !name || !*name;
    if (!fresh && !weft_map_get(&graph->names, name))
        return weft_arena_strdup(graph->arena, name);
    for (;;) {
        const char *candidate =
            fresh ? weft_arena_printf(graph->arena, "v%" PRIu64, ++graph->unique_counter)
                  : weft_arena_printf(graph->arena, "%s.%" PRIu64, name, ++graph->unique_counter);
        if (!weft_map_get(&graph->names, candidate))
            return candidate;
    }
}

static weft_value *add_value(weft_graph *graph, const char *name)
{
    weft_value *value = WEFT_NEW(graph->arena, weft_value);
    value->name = unique_name(graph, name);
    weft_map_put(&graph->names, value->name, value);
    WEFT_VEC_PUSH(graph->arena, &graph->values, value);
    return value;
}

static void set_type(weft_value *value, weft_dtype dtype, const weft_shape *shape)
{
    value->dtype = dtype;
    value->has_shape = shape != NULL;
    if (shape)
        value->shape = *shape;
}

weft_value *weft_graph_add_input(weft_graph *graph, const char *name, weft_dtype dtype,
                                 const weft_shape *shape)
{
    weft_value *value = add_value(graph, name);
    set_type(value, dtype, shape);
    value->is_input = true;
    WEFT_VEC_PUSH(graph->arena, &graph->inputs, value);
    return value;
}

weft_value *weft_graph_add_constant(weft_graph *graph, const char *name, weft_dtype dtype,
                                    const weft_shape *shape, const void *data)
{
    WEFT_ASSERT(shape && data);
    weft_value *value = add_value(graph, name);
    set_type(value, dtype, shape);
    value->data = data;
    return value;
}

weft_value *weft_graph_add_constant_ints(weft_graph *graph, const char *name, const int64_t *values,
                                         size_t count)
{
    const void *data = weft_arena_dup(graph->arena, values, count * sizeof *values);
    weft_shape shape = {.rank = 1, .dims = {(int64_t)count}};
    return weft_graph_add_constant(graph, name, WEFT_DTYPE_I64, &shape, data);
}

weft_value *weft_graph_find_value(const weft_graph *graph, const char *name)
{
    return (weft_value *)weft_map_get(&graph->names, name);
}

void weft_graph_add_output(weft_graph *graph, weft_value *value)
{
    WEFT_VEC_PUSH(graph->arena, &graph->outputs, value);
    value->use_count++;
}

/* ---- nodes ---- */

static void link_before(weft_graph *graph, weft_node *node, weft_node *before)
{
    node->next = before;
    node->prev = before ? before->prev : graph->last;
    if (node->prev)
        node->prev->next = node;
    else
        graph->first = node;
    if (before)
        before->prev = node;
    else
        graph->last = node;
}

static void unlink_node(weft_graph *graph, weft_node *node)
{
    if (node->prev)
        node->prev->next = node->next;
    else
        graph->first = node->next;
    if (node->next)
        node->next->prev = node->prev;
    else
        graph->last = node->prev;
    node->prev = node->next = NULL;
}

static weft_value *new_output(weft_graph *graph, weft_node *node, size_t index, const char *name)
{
    weft_value *value = add_value(graph, name);
    value->producer = node;
    value->output_index = (int)index;
    return value;
}

weft_node *weft_graph_add_node(weft_graph *graph, weft_node *before, weft_op op, const char *name,
                               weft_value *const *inputs, size_t input_count,
                               const char *const *output_names, size_t output_count)
{
    WEFT_ASSERT(output_count > 0);
    weft_node *node = WEFT_NEW(graph->arena, weft_node);
    node->op = op;
    node->inputs = WEFT_NEW_ARRAY(graph->arena, weft_value *, input_count);
    node->input_count = input_count;
    for (size_t i = 0; i < input_count; i++) {
        node->inputs[i] = inputs[i];
        if (inputs[i])
            inputs[i]->use_count++;
    }
    node->outputs = WEFT_NEW_ARRAY(graph->arena, weft_value *, output_count);
    node->output_count = output_count;
    const weft_value *first_output = NULL;
    for (size_t i = 0; i < output_count; i++) {
        const char *output_name = output_names ? output_names[i] : NULL;
        if (output_name && !*output_name)
            continue; /* not asked for */
        node->outputs[i] = new_output(graph, node, i, output_name);
        first_output = first_output ? first_output : node->outputs[i];
    }
    if (name && *name)
        node->name = weft_arena_strdup(graph->arena, name);
    else
        node->name = first_output ? first_output->name : weft_op_name(op);
    link_before(graph, node, before);
    graph->node_count++;
    return node;
}

void weft_node_set_input(weft_graph *graph, weft_node *node, size_t index, weft_value *value)
{
    if (index >= node->input_count) {
        weft_value **inputs = WEFT_NEW_ARRAY(graph->arena, weft_value *, index + 1);
        for (size_t i = 0; i < node->input_count; i++)
            inputs[i] = node->inputs[i];
        node->inputs = inputs;
        node->input_count = index + 1;
    }
    if (value)
        value->use_count++;
    if (node->inputs[index])
        node->inputs[index]->use_count--;
    node->inputs[index] = value;
}

void weft_node_add_sources(weft_graph *graph, weft_node *node, const weft_node *from)
{
    size_t count = node->source_count + from->source_count;
    if (count == node->source_count)
        return;
    const char **sources = WEFT_NEW_ARRAY(graph->arena, const char *, count);
    for (size_t i = 0; i < node->source_count; i++)
        sources[i] = node->sources[i];
    for (size_t i = 0; i < from->source_count; i++)
        sources[node->source_count + i] = from->sources[i];
    node->sources = sources;
    node->source_count = count;
}

weft_value *weft_node_add_output(weft_graph *graph, weft_node *node, const char *name)
{
    weft_value **outputs = WEFT_NEW_ARRAY(graph->arena, weft_value *, node->output_count + 1);
    for (size_t i = 0; i < node->output_count; i++)
        outputs[i] = node->outputs[i];
    outputs[node->output_count] = new_output(graph, node, node->output_count, name);
    node->outputs = outputs;
    return outputs[node->output_count++];
}

void weft_graph_remove_node(weft_graph *graph, weft_node *node)
{
    for (size_t i = 0; i < node->output_count; i++) {
        weft_value *output = node->outputs[i];
        if (!output || output->producer != node)
            continue; /* became a constant by folding */
        WEFT_ASSERT(output->use_count == 0);
        output->producer = NULL;
    }
    for (size_t i = 0; i < node->input_count; i++)
        if (node->inputs[i])
            node->inputs[i]->use_count--;
    unlink_node(graph, node);
    graph->node_count--;
}

void weft_graph_replace_uses(weft_graph *graph, weft_value *from, weft_value *to)
{
    if (from == to || from->use_count == 0)
        return;
    int64_t by_outputs = 0;
    for (size_t i = 0; i < graph->outputs.count; i++)
        by_outputs += graph->outputs.data[i] == from;
    /* What uses a value stands behind what makes it, most often close behind; in the middle of a
     * rewriting it may stand before. */
    weft_node *begin = from->producer;
    for (int is_before = begin == NULL; is_before < 2; is_before++)
        for (weft_node *node = is_before ? graph->first : begin;
             node != NULL && (int64_t)from->use_count > by_outputs; node = node->next)
            for (size_t i = 0; i < node->input_count; i++)
                if (node->inputs[i] == from)
                    weft_node_set_input(graph, node, i, to);
    bool was_output = false;
    for (size_t i = 0; i < graph->outputs.count; i++)
        if (graph->outputs.data[i] == from) {
            graph->outputs.data[i] = to;
            from->use_count--;
            to->use_count++;
            was_output = true;
        }
    if (was_output) {
        const char *name = from->name;
        from->name = to->name;
        to->name = name;
        weft_map_put(&graph->names, from->name, from);
        weft_map_put(&graph->names, to->name, to);
    }
}

void weft_graph_move_before(weft_graph *graph, weft_node *node, weft_node *before)
{
    if (node == before)
        return;
    unlink_node(graph, node);
    link_before(graph, node, before);
}

/* ---- questions ---- */

weft_value *weft_node_input(const weft_node *node, size_t index)
{
    return index < node->input_count ? node->inputs[index] : NULL;
}

bool weft_value_is_output(const weft_graph *graph, const weft_value *value)
{
    for (size_t i = 0; i < graph->outputs.count; i++)
        if (graph->outputs.data[i] == value)
            return true;
    return false;
}

bool weft_value_is_constant(const weft_value *value)
{
    return value && value->data != NULL;
}

weft_node *weft_value_only_user(const weft_graph *graph, const weft_value *value)
{
    if (value->use_count == 0 || weft_value_is_output(graph, value))
        return NULL;
    for (weft_node *node = graph->first; node; node = node->next) {
        size_t uses = 0;
        for (size_t i = 0; i < node->input_count; i++)
            uses += node->inputs[i] == value;
        if (uses > 0)
            return uses == value->use_count ? node : NULL;
    }
    return NULL;
}

bool weft_value_const_ints(const weft_value *value, int64_t *out, size_t capacity,
                           size_t *out_count)
{
    *out_count = 0;
    if (!weft_value_is_constant(value) || !value->has_shape ||
        (value->dtype != WEFT_DTYPE_I64 && value->dtype != WEFT_DTYPE_I32))
        return false;
    int64_t elems;
    if (!weft_shape_elems(&value->shape, &elems))
        return false;
    *out_count = (size_t)elems;
    for (size_t i = 0; i < *out_count && i < capacity; i++)
        out[i] = value->dtype == WEFT_DTYPE_I64 ? ((const int64_t *)value->data)[i]
                                                : ((const int32_t *)value->data)[i];
    return true;
}

bool weft_value_const_scalar(const weft_value *value, double *out)
{
    int64_t elems;
    if (!weft_value_is_constant(value) || !value->has_shape ||
        !weft_shape_elems(&value->shape, &elems) || elems != 1)
        return false;
    const void *data = value->data;
    switch (value->dtype) {
    case WEFT_DTYPE_F32: *out = (double)*(const float *)data; return true;
    case WEFT_DTYPE_F64: *out = *(const double *)data; return true;
    case WEFT_DTYPE_U8: *out = *(const uint8_t *)data; return true;
    case WEFT_DTYPE_I8: *out = *(const int8_t *)data; return true;
    case WEFT_DTYPE_U16: *out = *(const uint16_t *)data; return true;
    case WEFT_DTYPE_I16: *out = *(const int16_t *)data; return true;
    case WEFT_DTYPE_I32: *out = *(const int32_t *)data; return true;
    case WEFT_DTYPE_U32: *out = *(const uint32_t *)data; return true;
    case WEFT_DTYPE_I64: *out = (double)*(const int64_t *)data; return true;
    case WEFT_DTYPE_U64: *out = (double)*(const uint64_t *)data; return true;
    case WEFT_DTYPE_NONE:
    case WEFT_DTYPE_BOOL:
    case WEFT_DTYPE_F16:
    case WEFT_DTYPE_BF16:
    case WEFT_DTYPE_COUNT: break;
    }
    return false;
}

weft_tensor weft_value_tensor(const weft_value *value)
{
    /* The tensor type serves reading and writing; readers of constants do not write. */
    union {
        const void *in;
        void *out;
    } data = {.in = value->data};
    return (weft_tensor){.dtype = value->dtype, .shape = value->shape, .data = data.out};
}
