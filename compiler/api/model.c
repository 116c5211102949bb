/* SPDX-License-Identifier: Apache-2.0 */
/* weft/compiler.h: models. */
#include <stdlib.h>
#include <string.h>

#include "compiler/api/model.h"
#include "compiler/import/import.h"

void weft_model_close(weft_model *model)
{
    if (model != NULL)
        weft_arena_destroy(model->arena); /* the model itself lies in it */
}

/* Attribute values as text, for listings. */
static const char *attrs_text(weft_arena *arena, const weft_attrs *attrs)
{
    weft_text text;
    weft_text_init(&text, arena);
    for (size_t i = 0; i < attrs->count; i++) {
        const weft_attr *attr = &attrs->data[i];
        weft_text_printf(&text, "%s%s=", i > 0 ? ", " : "", attr->name);
        switch (attr->kind) {
        case WEFT_ATTR_INT: weft_text_printf(&text, "%lld", (long long)attr->i); break;
        case WEFT_ATTR_FLOAT: weft_text_printf(&text, "%.9g", (double)attr->f); break;
        case WEFT_ATTR_STRING: weft_text_printf(&text, "\"%s\"", attr->s); break;
        case WEFT_ATTR_INTS:
            for (size_t k = 0; k < attr->count; k++)
                weft_text_printf(&text, "%s%lld", k > 0 ? "," : "[", (long long)attr->ints[k]);
            weft_text_add(&text, attr->count > 0 ? "]" : "[]");
            break;
        case WEFT_ATTR_FLOATS:
            for (size_t k = 0; k < attr->count; k++)
                weft_text_printf(&text, "%s%.9g", k > 0 ? "," : "[", (double)attr->floats[k]);
            weft_text_add(&text, attr->count > 0 ? "]" : "[]");
            break;
        case WEFT_ATTR_TENSOR: weft_text_add(&text, "tensor"); break;
        }
    }
    return text.data;
}

/* Parameters are what training learned: shape operands and axes (i64) are not, nor are batch
 * normalisation's statistics. */
static int64_t input_parameters(const weft_node *node, size_t index)
{
    const weft_value *value = node->inputs[index];
    int64_t elems = 0;
    if (value == NULL || !weft_value_is_constant(value) || value->dtype == WEFT_DTYPE_I64 ||
        (node->op == WEFT_OP_BatchNormalization && index >= 3) ||
        !weft_shape_elems(&value->shape, &elems))
        return 0;
    return elems;
}

static void describe(const weft_value *value, weft_model_tensor *out)
{
    memset(out, 0, sizeof *out);
    if (value == NULL)
        return;
    out->name = value->name;
    out->dtype = weft_dtype_name(value->dtype);
    out->rank = value->shape.rank;
    for (int i = 0; i < value->shape.rank; i++)
        out->dims[i] = value->shape.dims[i];
}

static void collect(weft_model *model)
{
    weft_graph *graph = model->graph;
    weft_arena *arena = model->arena;
    model->info = (weft_model_info){.name = graph->name,
                                    .opset = graph->opset,
                                    .input_count = graph->inputs.count,
                                    .output_count = graph->outputs.count};
    for (size_t i = 0; i < graph->values.count; i++) {
        weft_value *value = graph->values.data[i];
        size_t bytes = 0;
        value->mark = 0;
        if (value->use_count > 0 && weft_value_is_constant(value) &&
            weft_shape_bytes(&value->shape, value->dtype, &bytes))
            model->info.weight_bytes += (int64_t)bytes;
    }
    model->nodes = WEFT_NEW_ARRAY(arena, weft_model_node, graph->node_count);
    for (const weft_node *node = graph->first; node != NULL; node = node->next) {
        weft_model_node *row = &model->nodes[model->info.node_count++];
        row->name = node->name;
        row->op = weft_op_name(node->op);
        row->attrs = attrs_text(arena, &node->attrs);
        describe(node->output_count > 0 ? node->outputs[0] : NULL, &row->output);
        row->macs = weft_node_cost(node).macs;
        for (size_t i = 0; i < node->input_count; i++) {
            int64_t parameters = input_parameters(node, i);
            row->parameters += parameters;
            if (parameters > 0 && node->inputs[i]->mark == 0) {
                model->info.parameters += parameters; /* shared ones once */
                node->inputs[i]->mark = 1;
            }
        }
        model->info.macs += row->macs;
    }
}

weft_model *weft__model_wrap(weft_arena *arena, weft_graph *graph)
{
    weft_model *model = WEFT_NEW(arena, weft_model);
    model->arena = arena;
    model->graph = graph;
    collect(model);
    return model;
}

static weft_status open_model(weft_arena *arena, const weft_model_params *params, weft_diag *diag,
                              weft_model **out_model)
{
    if (WEFT_ARENA_TRY(arena))
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while reading the model");
    weft_model *model = WEFT_NEW(arena, weft_model);
    model->arena = arena;
    model->path = params->path == NULL ? NULL : weft_arena_strdup(arena, params->path);
    weft_shape_binding *shapes = WEFT_NEW_ARRAY(arena, weft_shape_binding, params->shape_count);
    for (size_t i = 0; i < params->shape_count; i++) {
        const weft_input_shape *from = &params->shapes[i];
        shapes[i].input = from->input;
        shapes[i].shape.rank = from->rank < 0               ? 0
                               : from->rank > WEFT_MAX_RANK ? WEFT_MAX_RANK
                                                            : from->rank;
        memcpy(shapes[i].shape.dims, from->dims, sizeof shapes[i].shape.dims);
    }
    weft_import_params import = {.path = params->path,
                                 .data = params->data,
                                 .size_bytes = params->data_bytes,
                                 .shapes = shapes,
                                 .shape_count = params->shape_count};
    weft_status status = weft_import_onnx(arena, &import, &model->graph, diag);
    if (status != WEFT_OK)
        return status;
    collect(model);
    *out_model = model;
    return WEFT_OK;
}

weft_status weft_model_open(const weft_model_params *params, weft_diag *diag,
                            weft_model **out_model)
{
    *out_model = NULL;
    if (params == NULL || params->size != sizeof *params ||
        (params->path == NULL && params->data == NULL))
        return weft_diag_error(diag, WEFT_E_API_USE,
                               "weft_model_open: params need a size and a path or data");
    weft_arena *arena = weft_arena_create();
    if (arena == NULL)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory");
    weft_status status = open_model(arena, params, diag, out_model);
    if (status != WEFT_OK)
        weft_arena_destroy(arena);
    return status;
}

void weft_model_get_info(const weft_model *model, weft_model_info *out_info)
{
    *out_info = model->info;
}

void weft_model_get_input(const weft_model *model, size_t index, weft_model_tensor *out_tensor)
{
    describe(index < model->graph->inputs.count ? model->graph->inputs.data[index] : NULL,
             out_tensor);
}

void weft_model_get_output(const weft_model *model, size_t index, weft_model_tensor *out_tensor)
{
    describe(index < model->graph->outputs.count ? model->graph->outputs.data[index] : NULL,
             out_tensor);
}

void weft_model_get_node(const weft_model *model, size_t index, weft_model_node *out_node)
{
    if (index < model->info.node_count)
        *out_node = model->nodes[index];
    else
        memset(out_node, 0, sizeof *out_node);
}

weft_status weft_model_print(const weft_model *model, char **out_text)
{
    *out_text = NULL;
    weft_arena *scratch = weft_arena_create();
    if (scratch == NULL)
        return WEFT_NO_MEMORY;
    if (WEFT_ARENA_TRY(scratch)) {
        weft_arena_destroy(scratch);
        return WEFT_NO_MEMORY;
    }
    weft_text text;
    weft_text_init(&text, scratch);
    weft_graph_print(model->graph, false, &text);
    char *copy = malloc(text.length + 1);
    if (copy != NULL)
        memcpy(copy, text.data, text.length + 1);
    weft_arena_destroy(scratch);
    *out_text = copy;
    return copy == NULL ? WEFT_NO_MEMORY : WEFT_OK;
}

void weft_text_free(char *text)
{
    free(text);
}
