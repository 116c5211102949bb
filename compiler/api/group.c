/* SPDX-License-Identifier: Apache-2.0 */
/* Whether models belong into one package: one network at several shapes. Its users choose a
 * schedule by the shapes of the inputs alone, so everything else about inputs and outputs must be
 * the same. Must not know about: weights; models that share none are stored beside each other. */
#include <string.h>

#include "compiler/api/model.h"

static const char *title(const weft_model *model)
{
    return model->path != NULL ? model->path : model->graph->name;
}

static const char *shape_text(weft_arena *arena, const weft_value *value)
{
    char text[WEFT_SHAPE_TEXT];
    return weft_arena_strdup(arena, weft_shape_format(&value->shape, text));
}

/* "image f32 1x3x224x224" */
static const char *port_text(weft_arena *arena, const weft_value *value)
{
    return weft_arena_printf(arena, "%s %s %s", value->name, weft_dtype_name(value->dtype),
                             shape_text(arena, value));
}

static bool is_same_port(const weft_value *a, const weft_value *b)
{
    return strcmp(a->name, b->name) == 0 && a->dtype == b->dtype && a->shape.rank == b->shape.rank;
}

static const weft_value *port(const weft_model *model, bool is_input, size_t index)
{
    return is_input ? model->graph->inputs.data[index] : model->graph->outputs.data[index];
}

static size_t port_count(const weft_model *model, bool is_input)
{
    return is_input ? model->graph->inputs.count : model->graph->outputs.count;
}

/* Compares inputs or outputs by place; the first difference is reported. */
static weft_status check_ports(weft_arena *arena, const weft_model *first, const weft_model *other,
                               bool is_input, weft_diag *diag)
{
    size_t expected = port_count(first, is_input), found = port_count(other, is_input), at = 0;
    const char *kind = is_input ? "input" : "output";
    while (expected == found && at < found &&
           is_same_port(port(first, is_input, at), port(other, is_input, at)))
        at++;
    if (expected == found && at == found)
        return WEFT_OK;
    weft_status status =
        weft_diag_error(diag, WEFT_E_PLAN_OTHER_MODEL,
                        "%s does not belong into one package with %s", title(other), title(first));
    if (expected != found) {
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%zu %s%s", expected, kind,
                            expected == 1 ? "" : "s");
        weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%zu", found);
        return status;
    }
    const weft_value *wanted = port(first, is_input, at);
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%s %zu: %s %s, in any shape of rank %d", kind,
                        at, wanted->name, weft_dtype_name(wanted->dtype), wanted->shape.rank);
    weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s %zu: %s", kind, at,
                        port_text(arena, port(other, is_input, at)));
    return status;
}

static bool has_same_shapes(const weft_graph *a, const weft_graph *b)
{
    for (size_t i = 0; i < a->inputs.count; i++)
        if (!weft_shape_equal(&a->inputs.data[i]->shape, &b->inputs.data[i]->shape))
            return false;
    return true;
}

static weft_status check_shapes(weft_arena *arena, weft_model *const *models, size_t index,
                                weft_diag *diag)
{
    const weft_graph *graph = models[index]->graph;
    size_t twin = 0;
    while (twin < index && !has_same_shapes(models[twin]->graph, graph))
        twin++;
    if (twin == index)
        return WEFT_OK;
    weft_status status =
        weft_diag_error(diag, WEFT_E_PLAN_SAME_SHAPES, "%s and %s take inputs of the same shapes",
                        title(models[twin]), title(models[index]));
    if (graph->inputs.count > 0)
        weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s", port_text(arena, graph->inputs.data[0]));
    weft_diag_field_set(diag, WEFT_DIAG_WHY,
                        "the shapes of the inputs choose the schedule, and could not here");
    return status;
}

weft_status weft__models_check_group(weft_arena *arena, weft_model *const *models, size_t count,
                                     weft_diag *diag)
{
    weft_status first = WEFT_OK;
    for (size_t i = 1; i < count; i++) {
        weft_status status = check_ports(arena, models[0], models[i], true, diag);
        if (status == WEFT_OK)
            status = check_ports(arena, models[0], models[i], false, diag);
        first = first == WEFT_OK ? status : first;
    }
    for (size_t i = 1; i < count && first == WEFT_OK; i++)
        first = check_shapes(arena, models, i, diag);
    return first;
}
