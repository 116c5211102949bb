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

/* Compares inputs or outputs by place; the first difference is reported. */
static weft_status check_ports(weft_arena *arena, const weft_model *first, const weft_model *other,
                               bool is_input, weft_diag *diag)
{
    const weft_graph *a = first->graph, *b = other->graph;
    size_t expected = is_input ? a->inputs.count : a->outputs.count;
    size_t found = is_input ? b->inputs.count : b->outputs.count, at = 0;
    const char *kind = is_input ? "input" : "output";
    while (at < expected && at < found &&
           is_same_port(is_input ? a->inputs.data[at] : a->outputs.data[at],
                        is_input ? b->inputs.data[at] : b->outputs.data[at]))
        at++;
    if (at == expected && at == found)
        return WEFT_OK;
    weft_status status =
        weft_diag_error(diag, WEFT_E_PLAN_OTHER_MODEL,
                        "%s does not belong into one package with %s", title(other), title(first));
    if (at < expected && at < found) {
        const weft_value *x = is_input ? a->inputs.data[at] : a->outputs.data[at];
        const weft_value *y = is_input ? b->inputs.data[at] : b->outputs.data[at];
        weft_diag_field_set(
            diag, WEFT_DIAG_EXPECTED, "%s %zu: %s, in any shape of rank %d", kind, at,
            weft_arena_printf(arena, "%s %s", x->name, weft_dtype_name(x->dtype)), x->shape.rank);
        weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s %zu: %s", kind, at, port_text(arena, y));
    } else {
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%zu %ss", expected, kind);
        weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%zu", found);
    }
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
