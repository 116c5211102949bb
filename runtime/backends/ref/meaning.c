/* SPDX-License-Identifier: Apache-2.0 */
/* A package states types and shapes; the kernels trust them. So before any step runs, each is
 * inferred again from its inputs, and what the package says must be what follows. Must not know
 * about: running. */
#include <string.h>

#include "runtime/backends/ref/ref_backend.h"

static weft_op find_op(weft_arena *arena, const char *text)
{
    const char *dot = strchr(text, '.');
    return dot == NULL
               ? weft_op_find("", text)
               : weft_op_find(weft_arena_strndup(arena, text, (size_t)(dot - text)), dot + 1);
}

static weft_status no_meaning(const weft_step *step, weft_diag *diag)
{
    weft_status status =
        weft_diag_error(diag, WEFT_E_RUNTIME_MEANING, "step %s has no valid meaning", step->name);
    weft_diag_field_set(diag, WEFT_DIAG_NODES, "%s", step->name);
    return status;
}

static weft_value *add_operand(const ref_session *session, weft_graph *graph, int32_t index)
{
    const weft_schedule_value *value = &session->schedule->values[index];
    const void *elements = session->constants[weft__storage_owner(session->schedule, index)];
    return elements != NULL
               ? weft_graph_add_constant(graph, NULL, value->dtype, &value->shape, elements)
               : weft_graph_add_input(graph, NULL, value->dtype, &value->shape);
}

static bool is_as_stated(const weft_schedule_value *stated, const weft_value *inferred)
{
    return inferred != NULL && inferred->has_shape && inferred->dtype == stated->dtype &&
           weft_shape_equal(&inferred->shape, &stated->shape);
}

static weft_status wrong_output(const weft_step *step, const weft_schedule_value *stated,
                                const weft_value *inferred, weft_diag *diag)
{
    char shape[WEFT_SHAPE_TEXT];
    weft_status status = no_meaning(step, diag);
    weft_diag_field_set(diag, WEFT_DIAG_TENSOR, "%s", stated->name);
    weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s %s", weft_dtype_name(stated->dtype),
                        weft_shape_format(&stated->shape, shape));
    if (inferred != NULL && inferred->has_shape)
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%s %s", weft_dtype_name(inferred->dtype),
                            weft_shape_format(&inferred->shape, shape));
    return status;
}

static weft_status check_step(ref_session *session, weft_arena *arena, size_t index,
                              weft_diag *diag)
{
    const weft_step *step = &session->schedule->steps[index];
    weft_op op = find_op(arena, step->op);
    const weft_op_row *row = op == WEFT_OP_NONE ? NULL : weft_op_get(op);
    if (row == NULL || row->ref == NULL || row->infer == NULL || step->output_count == 0 ||
        step->outputs[0] < 0) {
        weft_status status = no_meaning(step, diag);
        weft_diag_field_set(diag, WEFT_DIAG_FOUND, "operator %s with %zu outputs", step->op,
                            step->output_count);
        return status;
    }
    weft_graph *graph = weft_graph_create(arena, step->name);
    weft_value **inputs = WEFT_NEW_ARRAY(arena, weft_value *, step->input_count);
    const char **names = WEFT_NEW_ARRAY(arena, const char *, step->output_count);
    for (size_t i = 0; i < step->input_count; i++)
        inputs[i] = step->inputs[i] < 0 ? NULL : add_operand(session, graph, step->inputs[i]);
    for (size_t i = 0; i < step->output_count; i++)
        names[i] = step->outputs[i] < 0 ? "" : NULL;
    weft_node *node = weft_graph_add_node(graph, NULL, op, step->name, inputs, step->input_count,
                                          names, step->output_count);
    node->attrs = step->attrs;
    weft_status status = weft_node_infer(graph, node, diag);
    if (status != WEFT_OK)
        return no_meaning(step, diag);
    for (size_t i = 0; i < step->output_count; i++) {
        if (step->outputs[i] < 0)
            continue;
        const weft_schedule_value *stated = &session->schedule->values[step->outputs[i]];
        if (!is_as_stated(stated, node->outputs[i]))
            return wrong_output(step, stated, node->outputs[i], diag);
    }
    session->rows[index] = row;
    return WEFT_OK;
}

static weft_status check_readable(const ref_session *session, const weft_step *step,
                                  weft_diag *diag)
{
    for (size_t i = 0; i < step->input_count; i++) {
        if (step->inputs[i] < 0)
            continue;
        int32_t owner = weft__storage_owner(session->schedule, step->inputs[i]);
        const weft_schedule_value *value = &session->schedule->values[owner];
        if (value->place == WEFT_PLACE_CONSTANT &&
            !weft__constant_is_readable(session->view, value)) {
            weft_status status =
                weft_diag_error(diag, WEFT_E_RUNTIME_NO_PLAIN,
                                "constant %s cannot be read in plain form", value->name);
            weft_diag_field_set(diag, WEFT_DIAG_NODES, "%s", step->name);
            return status;
        }
    }
    return WEFT_OK;
}

static weft_status check_step_alone(ref_session *session, size_t index, weft_diag *diag)
{
    weft_arena *scratch = weft_arena_create();
    if (scratch == NULL || WEFT_ARENA_TRY(scratch)) {
        weft_arena_destroy(scratch);
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while checking the schedule");
    }
    weft_status status = check_readable(session, &session->schedule->steps[index], diag);
    if (status == WEFT_OK)
        status = check_step(session, scratch, index, diag);
    weft_arena_destroy(scratch);
    return status;
}

weft_status weft__ref_check_steps(ref_session *session, weft_diag *diag)
{
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < session->schedule->step_count && status == WEFT_OK; i++) {
        const weft_step *step = &session->schedule->steps[i];
        if (step->input_count + step->output_count > session->widest)
            session->widest = step->input_count + step->output_count;
        status = check_step_alone(session, i, diag);
    }
    return status;
}
