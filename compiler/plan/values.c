/* SPDX-License-Identifier: Apache-2.0 */
/* Graph values -> schedule values: places, aliases and lifetimes.
 * An alias operator moves nothing: its output is the storage of its input seen with another shape
 * (Reshape and its kin), or the front of it (a Slice or Gather of what lies first). A graph output
 * must own its storage, because the caller brings that memory. */
#include <stdlib.h>

#include "compiler/plan/boxes.h"
#include "compiler/plan/internal.h"

static bool is_view(weft_op op)
{
    return op == WEFT_OP_Reshape || op == WEFT_OP_Flatten || op == WEFT_OP_Squeeze ||
           op == WEFT_OP_Unsqueeze;
}

/* One box, which lies in x as in y. */
static bool is_front(const weft_node *node)
{
    weft_arena *arena = weft_arena_create();
    if (arena == NULL)
        return false;
    weft__box_list boxes = {0};
    bool fits = WEFT_ARENA_TRY(arena) == 0 && weft__plan_boxes(arena, node, &boxes) &&
                boxes.count == 1 && boxes.data[0].x == node->inputs[0] &&
                boxes.data[0].x_offset == 0 && boxes.data[0].y_offset == 0;
    for (int i = 0; fits && i < boxes.data[0].rank; i++)
        fits = boxes.data[0].dims[i] == 1 || boxes.data[0].x_steps[i] == boxes.data[0].y_steps[i];
    weft_arena_destroy(arena);
    return fits;
}

bool weft__plan_is_alias(const weft_node *node)
{
    return is_view(node->op) || ((node->op == WEFT_OP_Slice || node->op == WEFT_OP_Gather) &&
                                 !weft_value_is_constant(node->inputs[0]) && is_front(node));
}

static weft_value *storage_root(weft_value *value)
{
    while (value->producer != NULL && weft__plan_is_alias(value->producer))
        value = value->producer->inputs[0];
    return value;
}

/* The value is a part of it. */
static bool is_larger(const weft_value *root, const weft_value *value)
{
    size_t whole = 0, part = 0;
    return weft_shape_bytes(&root->shape, root->dtype, &whole) &&
           weft_shape_bytes(&value->shape, value->dtype, &part) && whole > part;
}

/* Puts a copy (Identity) in front of every output whose storage is an input, a constant, already
 * another output, or a part of another value. */
void weft__plan_own_outputs(weft_graph *graph)
{
    for (size_t i = 0; i < graph->outputs.count; i++) {
        weft_value *output = graph->outputs.data[i];
        weft_value *root = storage_root(output);
        bool is_shared = root->producer == NULL || is_larger(root, output);
        for (size_t j = 0; j < i && !is_shared; j++)
            is_shared = storage_root(graph->outputs.data[j]) == root;
        if (!is_shared)
            continue;
        weft_value *inputs[1] = {output};
        weft_node *copy = weft_graph_add_node(graph, NULL, WEFT_OP_Identity, "copy_to_output",
                                              inputs, 1, NULL, 1);
        weft_value *made = copy->outputs[0];
        made->dtype = output->dtype;
        made->shape = output->shape;
        made->has_shape = true;
        /* Only the i-th output moves to the copy; other uses stay. The copy takes the output's
         * name. */
        const char *name = output->name;
        output->name = made->name;
        made->name = name;
        weft_map_put(&graph->names, output->name, output);
        weft_map_put(&graph->names, made->name, made);
        graph->outputs.data[i] = made;
        output->use_count--;
        made->use_count++;
    }
}

int32_t weft__plan_value_index(const weft_value *value)
{
    return value == NULL ? -1 : (int32_t)value->mark;
}

static int32_t add_value(schedule_state *state, weft_value *value)
{
    weft_schedule *out = state->out;
    weft_schedule_value *made = &out->values[out->value_count];
    made->name = value->name;
    made->dtype = value->dtype;
    made->shape = value->shape;
    made->alias_of = -1;
    made->blob = -1;
    made->first_step = INT32_MAX;
    made->last_step = -1;
    size_t bytes = 0;
    WEFT_ASSERT(weft_shape_bytes(&value->shape, value->dtype, &bytes));
    made->size_bytes = bytes;
    state->graph_values[out->value_count] = value;
    value->mark = (uint32_t)out->value_count;
    return (int32_t)out->value_count++;
}

static size_t count_values(const weft_graph *graph)
{
    size_t count = graph->inputs.count;
    for (const weft_node *node = graph->first; node != NULL; node = node->next)
        count += node->input_count + node->output_count;
    return count;
}

weft_status weft__plan_values(schedule_state *state)
{
    weft_graph *graph = state->graph;
    weft_schedule *out = state->out;
    weft_arena *arena = state->planner->arena;
    size_t most = count_values(graph);
    out->values = WEFT_NEW_ARRAY(arena, weft_schedule_value, most);
    state->graph_values = WEFT_NEW_ARRAY(arena, const weft_value *, most);
    for (size_t i = 0; i < graph->values.count; i++)
        graph->values.data[i]->mark = UINT32_MAX;

    out->inputs = WEFT_NEW_ARRAY(arena, int32_t, graph->inputs.count);
    for (size_t i = 0; i < graph->inputs.count; i++) {
        out->inputs[i] = add_value(state, graph->inputs.data[i]);
        out->values[out->inputs[i]].place = WEFT_PLACE_INPUT;
    }
    out->input_count = graph->inputs.count;

    for (weft_node *node = graph->first; node != NULL; node = node->next) {
        for (size_t i = 0; i < node->input_count; i++) {
            weft_value *value = node->inputs[i];
            if (value == NULL || value->mark != UINT32_MAX)
                continue;
            WEFT_ASSERT(weft_value_is_constant(value));
            if (weft__plan_is_alias(node) && i > 0)
                continue; /* the shape operand of a Reshape, say: nobody reads it */
            out->values[add_value(state, value)].place = WEFT_PLACE_CONSTANT;
        }
        for (size_t i = 0; i < node->output_count; i++)
            if (node->outputs[i] != NULL)
                out->values[add_value(state, node->outputs[i])].place = WEFT_PLACE_ARENA;
    }

    out->outputs = WEFT_NEW_ARRAY(arena, int32_t, graph->outputs.count);
    for (size_t i = 0; i < graph->outputs.count; i++) {
        out->outputs[i] = weft__plan_value_index(graph->outputs.data[i]);
        out->values[out->outputs[i]].place = WEFT_PLACE_OUTPUT;
    }
    out->output_count = graph->outputs.count;

    /* Aliases point at the owner of the storage: the root, or the output when the root's storage is
     * one. */
    for (weft_node *node = graph->first; node != NULL; node = node->next) {
        if (!weft__plan_is_alias(node))
            continue;
        weft_value *made = node->outputs[0];
        WEFT_ASSERT(made != NULL);
        weft_schedule_value *alias = &out->values[made->mark];
        weft_schedule_value *root = &out->values[storage_root(made)->mark];
        int32_t root_index = (int32_t)(root - out->values);
        if (alias->place == WEFT_PLACE_OUTPUT) {
            root->place = WEFT_PLACE_ALIAS;
            root->alias_of = (int32_t)(alias - out->values);
        } else {
            alias->place = WEFT_PLACE_ALIAS;
            alias->alias_of = root_index;
        }
    }
    for (size_t i = 0; i < out->value_count; i++) {
        weft_schedule_value *value = &out->values[i];
        while (value->place == WEFT_PLACE_ALIAS &&
               out->values[value->alias_of].place == WEFT_PLACE_ALIAS)
            value->alias_of = out->values[value->alias_of].alias_of;
    }
    return WEFT_OK;
}

const weft_schedule_value *weft__plan_storage(const schedule_state *state, const weft_value *value)
{
    const weft_schedule_value *made = &state->out->values[weft__plan_value_index(value)];
    return made->alias_of >= 0 ? &state->out->values[made->alias_of] : made;
}

bool weft__plan_can_be_partial(const schedule_state *state, const weft_value *mean)
{
    if (mean->use_count == 0 || weft_value_is_output(state->graph, mean))
        return false;
    for (const weft_node *node = state->graph->first; node != NULL; node = node->next)
        for (size_t i = 0; i < node->input_count; i++) {
            if (node->inputs[i] != mean)
                continue;
            bool is_read_by_linear =
                node->op == WEFT_OP_Linear && i == 0 && weft_node_input(node, 3) == NULL;
            bool is_alias = is_view(node->op) && weft__plan_can_be_partial(state, node->outputs[0]);
            if (!is_read_by_linear && !is_alias)
                return false;
        }
    return true;
}

void weft__plan_set_partial(schedule_state *state, const weft_value *mean, int64_t images,
                            int64_t blocks, int64_t channels, int64_t positions)
{
    weft_schedule_value *value = &state->out->values[weft__plan_value_index(mean)];
    WEFT_ASSERT(value->place == WEFT_PLACE_ARENA);
    value->partial_blocks = (int32_t)blocks;
    value->partial_count = positions;
    value->size_bytes = (uint64_t)(images * blocks * channels) * sizeof(float);
}

plan_window weft__plan_window(const weft_attrs *attrs)
{
    plan_window window = {0};
    weft_attrs_ints(attrs, "kernel_shape", window.kernel, 2, 1);
    weft_attrs_ints(attrs, "strides", window.strides, 2, 1);
    weft_attrs_ints(attrs, "dilations", window.dilations, 2, 1);
    weft_attrs_ints(attrs, "pads", window.pads, 4, 0);
    return window;
}
