/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a model from bytes to an inferred graph, step by step.
 * Must not know about: single operators. */
#include "compiler/import/import.h"

#include <string.h>

#include "compiler/import/importer.h"

/* Constants that are evaluated between upgrades, so that shapes are known there: lists of
 * dimensions are much smaller. */
enum { FOLD_LIMIT_BYTES = 512 };

weft_status weft_import_note(weft_importer *importer, weft_status status)
{
    if (importer->status == WEFT_OK)
        importer->status = status;
    return status;
}

const char *weft_import_text(const char *text)
{
    return text != NULL ? text : "";
}

const char *weft_import_path(const weft_importer *importer)
{
    return importer->params->path != NULL ? importer->params->path : "the model";
}

/* ---- reading ---- */

static weft_status read_model(weft_importer *importer)
{
    const weft_import_params *params = importer->params;
    if (params->data != NULL) {
        importer->size_bytes = params->size_bytes;
        return weft_import_unpack(importer, params->data, params->size_bytes, &importer->model);
    }
    WEFT_ASSERT(params->path != NULL);
    weft_file_map *map = WEFT_NEW(importer->arena, weft_file_map);
    weft_status status = weft_file_map_open(params->path, map, importer->diag);
    if (status != WEFT_OK)
        return status;
    importer->size_bytes = map->size_bytes;
    weft_arena_defer(importer->arena, weft_import_close_map, map);
    status = weft_import_unpack(importer, map->data, map->size_bytes, &importer->model);
    weft_file_map_close(
        map); /* the message has copies; closing again at the arena's end does nothing */
    return status;
}

/* ---- versions ---- */

static void check_ir_version(weft_importer *importer)
{
    const Onnx__ModelProto *model = importer->model;
    long long version = model->has_ir_version ? (long long)model->ir_version : 0;
    if (version > WEFT_IMPORT_MAX_IR) {
        weft_diag_warning(importer->diag, WEFT_E_IR_VERSION,
                          "IR version %lld is newer than the newest one checked, %d", version,
                          WEFT_IMPORT_MAX_IR);
        return;
    }
    if (version >= WEFT_IMPORT_MIN_IR)
        return;
    weft_import_note(
        importer, weft_diag_error(importer->diag, WEFT_E_IR_VERSION, "IR version not supported"));
    weft_diag_field_set(importer->diag, WEFT_DIAG_EXPECTED, "%d or newer", WEFT_IMPORT_MIN_IR);
    weft_diag_field_set(importer->diag, WEFT_DIAG_FOUND, model->has_ir_version ? "%lld" : "none",
                        version);
    weft_diag_field_set(importer->diag, WEFT_DIAG_TRY,
                        "load and save the model with the onnx Python package");
}

static bool uses_default_domain(const weft_importer *importer)
{
    for (size_t i = 0; i < importer->nodes.count; i++)
        if (importer->nodes.data[i].domain[0] == '\0')
            return true;
    return false;
}

static void check_opset(weft_importer *importer)
{
    const Onnx__ModelProto *model = importer->model;
    weft_diag *diag = importer->diag;
    const int64_t *version = NULL;
    for (size_t i = 0; i < model->n_opset_import; i++) {
        const char *domain = weft_import_text(model->opset_import[i]->domain);
        if (domain[0] == '\0' || strcmp(domain, "ai.onnx") == 0)
            version = &model->opset_import[i]->version;
    }
    if (version == NULL && !uses_default_domain(importer))
        return;
    if (version == NULL) {
        weft_import_note(importer, weft_diag_error(diag, WEFT_E_OPSET_MISSING,
                                                   "the model does not say which opset it uses"));
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED,
                            "an opset_import for the default domain, %d to %d",
                            WEFT_IMPORT_MIN_OPSET, WEFT_IMPORT_MAX_OPSET);
        return;
    }
    importer->graph->opset = *version;
    if (*version >= WEFT_IMPORT_MIN_OPSET && *version <= WEFT_IMPORT_MAX_OPSET)
        return;
    weft_import_note(importer, weft_diag_error(diag, WEFT_E_OPSET_VERSION,
                                               "opset %lld is not supported", (long long)*version));
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%d to %d", WEFT_IMPORT_MIN_OPSET,
                        WEFT_IMPORT_MAX_OPSET);
    weft_diag_field_set(
        diag, WEFT_DIAG_TRY,
        "convert the model with onnx.version_converter, or export it with another opset_version");
}

/* ---- after all nodes are connected ---- */

static bool has_types(const weft_node *node)
{
    for (size_t i = 0; i < node->input_count; i++)
        if (node->inputs[i] != NULL &&
            (node->inputs[i]->dtype == WEFT_DTYPE_NONE || !node->inputs[i]->has_shape))
            return false;
    return true;
}

/* Evaluates a node that makes a small constant, as shape arithmetic does. Quantised constants stay:
 * passes want the integers. */
static void fold_if_small(weft_graph *graph, weft_node *node)
{
    if (node->op == WEFT_OP_DequantizeLinear)
        return;
    for (size_t i = 0; i < node->output_count; i++) {
        const weft_value *output = node->outputs[i];
        size_t bytes = 0;
        if (output != NULL &&
            (!output->has_shape || !weft_shape_bytes(&output->shape, output->dtype, &bytes) ||
             bytes > FOLD_LIMIT_BYTES))
            return;
    }
    weft_node_fold(graph, node, NULL);
}

/* Newest forms, in order, with the types of what comes before a node known as far as they can be.
 */
static void upgrade_nodes(weft_importer *importer)
{
    weft_graph *graph = importer->graph;
    for (weft_node *node = graph->first; node != NULL; node = node->next)
        node->mark = 0;
    for (size_t i = 0; i < importer->nodes.count; i++)
        if (importer->nodes.data[i].node != NULL)
            importer->nodes.data[i].node->mark = (uint32_t)i + 1;
    for (weft_node *node = graph->first, *next; node != NULL; node = next) {
        weft_node *before = node->prev;
        next = node->next;
        if (node->mark != 0)
            weft_import_upgrade(importer, &importer->nodes.data[node->mark - 1]);
        for (weft_node *made = before != NULL ? before->next : graph->first, *following;
             made != next; made = following) {
            following = made->next;
            if (has_types(made) && weft_node_infer(graph, made, NULL) == WEFT_OK)
                fold_if_small(graph, made);
        }
    }
}

/* The model is refused already: reports also what is wrong with the nodes whose inputs are known.
 */
static void check_nodes(weft_importer *importer)
{
    for (weft_node *node = importer->graph->first; node != NULL; node = node->next)
        if (has_types(node))
            weft_import_note(importer, weft_node_infer(importer->graph, node, importer->diag));
}

static void build(weft_importer *importer)
{
    weft_import_flatten(importer);
    check_opset(importer);
    importer->graph->source_node_count = importer->nodes.count;
    weft_import_expand(importer);
    weft_import_initializers(importer);
    weft_import_inputs(importer);
    weft_import_nodes(importer);
    if (weft_import_note(importer, weft_graph_sort(importer->graph, importer->diag)) != WEFT_OK)
        return;
    upgrade_nodes(importer);
    if (importer->status != WEFT_OK) {
        check_nodes(importer);
        return;
    }
    WEFT_ASSERT(!importer->has_stand_in);
    if (weft_import_note(importer, weft_graph_infer(importer->graph, importer->diag)) == WEFT_OK)
        weft_import_check_outputs(importer);
}

weft_status weft_import_onnx(weft_arena *arena, const weft_import_params *params,
                             weft_graph **out_graph, weft_diag *diag)
{
    *out_graph = NULL;
    weft_importer *importer = WEFT_NEW(arena, weft_importer);
    importer->arena = arena;
    importer->diag = diag;
    importer->params = params;
    weft_map_init(&importer->values, arena);
    weft_map_init(&importer->unavailable, arena);
    weft_map_init(&importer->files, arena);
    weft_status status = read_model(importer);
    if (status != WEFT_OK)
        return status;
    const Onnx__GraphProto *graph = importer->model->graph;
    if (graph == NULL || graph->n_output == 0) {
        status = weft_diag_error(diag, WEFT_E_NO_GRAPH, "%s: %s",
                                 graph == NULL ? "no graph" : "the graph has no outputs",
                                 weft_import_path(importer));
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "a model with a graph that has outputs");
        return status;
    }
    importer->graph = weft_graph_create(arena, weft_import_text(graph->name));
    check_ir_version(importer);
    build(importer);
    if (importer->status == WEFT_OK)
        *out_graph = importer->graph;
    return importer->status;
}
