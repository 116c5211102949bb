/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier: everything that graph.h promises, checked after a pass. It trusts nothing but that
 * pointers are readable, and changes nothing but marks. Must not know about what passes intend. */
#include <string.h>

#include "compiler/ir/infer.h"

enum { MAX_REPORTS = 16 }; /* one broken pass breaks many nodes; the first few tell enough */

typedef struct verifier {
    weft_graph *graph;
    const char *after;
    weft_diag *diag;
    size_t reports;
    weft_node **order; /* nodes in list order; node->mark is the index */
    size_t count;
    size_t *uses; /* per index of graph->values; value->mark is the index */
} verifier;

static void report(verifier *v, const char *subject, const char *expected, const char *found)
{
    if (++v->reports > MAX_REPORTS)
        return;
    weft_diag_error(v->diag, WEFT_E_VERIFY, "the graph is inconsistent after %s: %s: %s", v->after,
                    subject, found);
    weft_diag_field_set(v->diag, WEFT_DIAG_NODES, "%s", subject);
    weft_diag_field_set(v->diag, WEFT_DIAG_EXPECTED, "%s", expected);
    weft_diag_field_set(v->diag, WEFT_DIAG_FOUND, "%s", found);
    weft_diag_field_set(v->diag, WEFT_DIAG_TRY, "report this, with the model and the command");
}

static const char *node_label(const weft_node *node)
{
    return node->name && *node->name ? node->name : "(node without a name)";
}

static const char *value_label(const weft_value *value)
{
    return value->name && *value->name ? value->name : "(value without a name)";
}

/* Whether the node is in the graph's list, and the value in its table. */
static bool has_node(const verifier *v, const weft_node *node)
{
    return node->mark < v->count && v->order[node->mark] == node;
}

static bool has_value(const verifier *v, const weft_value *value)
{
    return value->mark < v->graph->values.count && v->graph->values.data[value->mark] == value;
}

/* ---- the list of nodes ---- */

static bool check_list(verifier *v)
{
    weft_graph *graph = v->graph;
    const weft_node *prev = NULL;
    for (weft_node *node = graph->first; node; node = node->next) {
        if (v->count == graph->node_count) {
            report(v, "node list", "as many nodes as node_count says",
                   "more nodes, or a list that runs in a circle");
            return false;
        }
        if (node->prev != prev) {
            report(v, node_label(node), "prev pointing to the node before", "a broken list");
            return false;
        }
        node->mark = (uint32_t)v->count;
        v->order[v->count++] = node;
        prev = node;
    }
    if (graph->last != prev)
        report(v, "node list", "last pointing to the last node", "another node");
    if (v->count != graph->node_count)
        report(v, "node list", "as many nodes as node_count says", "fewer nodes");
    return graph->last == prev && v->count == graph->node_count;
}

/* ---- values ---- */

static void check_value_table(verifier *v)
{
    weft_graph *graph = v->graph;
    for (size_t i = 0; i < graph->values.count; i++)
        graph->values.data[i]->mark = (uint32_t)i;
    for (size_t i = 0; i < graph->values.count; i++) {
        const weft_value *value = graph->values.data[i];
        if (value->mark != i)
            report(v, value_label(value), "each value once in the table", "a value twice");
        if (!value->name || !*value->name)
            report(v, value_label(value), "a name", "no name");
        else if (weft_map_get(&graph->names, value->name) != value)
            report(v, value_label(value), "its name leading to it",
                   "a name that leads elsewhere, or is shared");
    }
}

/* Where the value comes from, and its type; for graph inputs and values that somebody reads. */
static void check_value(verifier *v, const weft_value *value)
{
    const char *label = value_label(value);
    int origins = (value->is_input ? 1 : 0) + (value->data ? 1 : 0) + (value->producer ? 1 : 0);
    if (origins == 0)
        report(v, label, "a graph input, a constant or a node's output", "a value from nowhere");
    if (origins > 1)
        report(v, label, "one of graph input, constant and node's output", "several at once");
    if (value->producer) {
        const weft_node *producer = value->producer;
        size_t index = (size_t)value->output_index;
        if (!has_node(v, producer))
            report(v, label, "a producer in the graph", "a producer that was removed");
        else if (value->output_index < 0 || index >= producer->output_count ||
                 producer->outputs[index] != value)
            report(v, label, "the producer naming the value as that output", "another value there");
    }
    size_t bytes;
    if (value->dtype <= WEFT_DTYPE_NONE || value->dtype >= WEFT_DTYPE_COUNT)
        report(v, label, "an element type", "none");
    else if (!value->has_shape || value->shape.rank < 0 || value->shape.rank > WEFT_MAX_RANK)
        report(v, label, "a shape of 0 to 8 dimensions",
               value->has_shape ? "an impossible rank" : "no shape");
    else if (!weft_shape_bytes(&value->shape, value->dtype, &bytes) ||
             bytes > (uint64_t)WEFT_IR_MAX_VALUE_BYTES)
        report(v, label, "dimensions of 0 or more, and at most 2^40 bytes", "another shape");
    else if (bytes == 0 && !value->data)
        report(v, label, "elements", "a dimension of 0 outside of a constant");
}

static void check_use_counts(verifier *v)
{
    const weft_graph *graph = v->graph;
    for (size_t i = 0; i < graph->values.count; i++) {
        const weft_value *value = graph->values.data[i];
        if (value->use_count != v->uses[i])
            report(v, value_label(value), "use_count equal to node inputs plus graph outputs",
                   value->use_count > v->uses[i] ? "too large a count" : "too small a count");
        if (v->uses[i] > 0 || value->is_input)
            check_value(v, value);
    }
}

static void check_interface(verifier *v)
{
    const weft_graph *graph = v->graph;
    size_t flagged = 0;
    for (size_t i = 0; i < graph->values.count; i++)
        flagged += graph->values.data[i]->is_input;
    for (size_t i = 0; i < graph->inputs.count; i++) {
        const weft_value *input = graph->inputs.data[i];
        if (!input || !has_value(v, input)) {
            report(v, input ? value_label(input) : "graph inputs", "values of this graph",
                   "another value, or none");
            continue;
        }
        if (!input->is_input)
            report(v, value_label(input), "is_input set", "not set on a graph input");
        for (size_t j = 0; j < i; j++)
            if (graph->inputs.data[j] == input)
                report(v, value_label(input), "each graph input once", "a graph input twice");
    }
    if (flagged != graph->inputs.count)
        report(v, "graph inputs", "every value with is_input in the list of inputs",
               "another number of them");
    for (size_t i = 0; i < graph->outputs.count; i++) {
        const weft_value *output = graph->outputs.data[i];
        if (!output || !has_value(v, output))
            report(v, output ? value_label(output) : "graph outputs", "values of this graph",
                   "another value, or none");
        else
            v->uses[output->mark]++;
    }
}

/* ---- nodes ---- */

static void check_inputs(verifier *v, const weft_node *node)
{
    if (node->input_count > 0 && !node->inputs) {
        report(v, node_label(node), "a list of inputs", "none");
        return;
    }
    for (size_t i = 0; i < node->input_count; i++) {
        const weft_value *input = node->inputs[i];
        if (!input)
            continue;
        if (!has_value(v, input)) {
            report(v, node_label(node), "inputs that are values of this graph",
                   "another graph's value");
            continue;
        }
        v->uses[input->mark]++;
        if (input->producer && has_node(v, input->producer) && input->producer->mark >= node->mark)
            report(v, node_label(node), "inputs made by earlier nodes",
                   "an input made by itself or a later node");
    }
}

static bool check_outputs(verifier *v, const weft_node *node)
{
    size_t before = v->reports, given = 0;
    for (size_t i = 0; node->outputs && i < node->output_count; i++) {
        const weft_value *output = node->outputs[i];
        if (!output)
            continue;
        given++;
        if (!has_value(v, output))
            report(v, node_label(node), "outputs that are values of this graph",
                   "another graph's value");
        else if (output->producer != node || output->output_index != (int)i)
            report(v, node_label(node), "outputs that name the node as producer",
                   "another producer or place");
    }
    if (given == 0)
        report(v, node_label(node), "an output", "none");
    return v->reports == before;
}

static bool attr_has_value(const weft_attr *attr)
{
    size_t bytes;
    switch (attr->kind) {
    case WEFT_ATTR_INT:
    case WEFT_ATTR_FLOAT: return true;
    case WEFT_ATTR_STRING: return attr->s != NULL;
    case WEFT_ATTR_INTS: return attr->count == 0 || attr->ints;
    case WEFT_ATTR_FLOATS: return attr->count == 0 || attr->floats;
    case WEFT_ATTR_TENSOR:
        return attr->tensor && attr->tensor->shape.rank >= 0 &&
               attr->tensor->shape.rank <= WEFT_MAX_RANK &&
               weft_shape_bytes(&attr->tensor->shape, attr->tensor->dtype, &bytes) &&
               (bytes == 0 || attr->tensor->data);
    }
    return false;
}

static bool check_attrs(verifier *v, const weft_node *node)
{
    size_t before = v->reports;
    for (size_t i = 0; i < node->attrs.count; i++) {
        const weft_attr *attr = &node->attrs.data[i];
        if (!attr->name || !attr_has_value(attr)) {
            report(v, node_label(node), "attributes with name and value", "an attribute without");
            continue;
        }
        for (size_t j = 0; j < i; j++)
            if (node->attrs.data[j].name && strcmp(node->attrs.data[j].name, attr->name) == 0)
                report(v, node_label(node), "each attribute once", "an attribute twice");
    }
    for (size_t i = 0; i < node->source_count; i++)
        if (!node->sources || !node->sources[i])
            report(v, node_label(node), "sources that are names", "a source without a name");
    return v->reports == before;
}

/* Inference may rely on what check_value has found sound; what it has not is reported at its
 * origin. */
static bool has_sound_inputs(const weft_node *node)
{
    for (size_t i = 0; i < node->input_count; i++) {
        const weft_value *value = node->inputs[i];
        if (value &&
            (!value->has_shape || value->shape.rank < 0 || value->shape.rank > WEFT_MAX_RANK ||
             value->dtype <= WEFT_DTYPE_NONE || value->dtype >= WEFT_DTYPE_COUNT))
            return false;
    }
    return true;
}

/* Infers the node again, into copies of its outputs, and compares. */
static void check_types(verifier *v, const weft_node *node)
{
    if (!has_sound_inputs(node))
        return;
    weft_arena *arena = v->graph->arena;
    weft_node shadow = *node;
    shadow.outputs = WEFT_NEW_ARRAY(arena, weft_value *, node->output_count);
    for (size_t i = 0; i < node->output_count; i++)
        if (node->outputs[i]) {
            shadow.outputs[i] = weft_arena_dup(arena, node->outputs[i], sizeof *node->outputs[i]);
            shadow.outputs[i]->dtype = WEFT_DTYPE_NONE;
            shadow.outputs[i]->has_shape = false;
        }
    if (weft_node_infer(v->graph, &shadow, v->diag) != WEFT_OK) {
        report(v, node_label(node), "a node that inference accepts",
               "a node that it refuses (the error before this)");
        return;
    }
    for (size_t i = 0; i < node->output_count; i++) {
        const weft_value *is = node->outputs[i], *should = shadow.outputs[i];
        if (is && (is->dtype != should->dtype || !is->has_shape ||
                   !weft_shape_equal(&is->shape, &should->shape)))
            report(v, value_label(is), "the type and shape that follow from the inputs",
                   "another type or shape");
    }
}

static void check_node(verifier *v, const weft_node *node)
{
    if (node->op <= WEFT_OP_NONE || node->op >= WEFT_OP_COUNT) {
        report(v, node_label(node), "an operator of the table", "none");
        return;
    }
    if (!node->name || !*node->name)
        report(v, weft_op_name(node->op), "a name", "a node without one");
    size_t before = v->reports;
    check_inputs(v, node);
    bool outputs_fit = check_outputs(v, node), attrs_fit = check_attrs(v, node);
    if (outputs_fit && attrs_fit && v->reports == before)
        check_types(v, node);
}

weft_status weft_graph_verify(weft_graph *graph, const char *after, weft_diag *diag)
{
    verifier v = {.graph = graph, .after = after ? after : "a change", .diag = diag};
    v.order = WEFT_NEW_ARRAY(graph->arena, weft_node *, graph->node_count);
    v.uses = WEFT_NEW_ARRAY(graph->arena, size_t, graph->values.count);
    if (check_list(&v)) {
        check_value_table(&v);
        check_interface(&v);
        for (size_t i = 0; i < v.count; i++)
            check_node(&v, v.order[i]);
        check_use_counts(&v);
    }
    return v.reports > 0 ? weft_error_row_find(WEFT_E_VERIFY)->status : WEFT_OK;
}
