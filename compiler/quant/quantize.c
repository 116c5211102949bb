/* SPDX-License-Identifier: Apache-2.0 */
/* weft/quantize.h: the public functions, in the order in which they are called. */
#include <math.h>
#include <string.h>
#include <xxhash.h>

#include "compiler/api/model.h"
#include "compiler/quant/quant.h"

static const char *const method_names[WEFT_QUANT_METHOD_COUNT] = {"mse", "minmax", "percentile",
                                                                  "entropy"};

const char *weft_quant_method_name(weft_quant_method method)
{
    return (size_t)method < WEFT_QUANT_METHOD_COUNT ? method_names[method] : NULL;
}

bool weft_quant_method_find(const char *name, weft_quant_method *out_method)
{
    for (size_t i = 0; i < WEFT_QUANT_METHOD_COUNT; i++)
        if (strcmp(method_names[i], name) == 0) {
            *out_method = (weft_quant_method)i;
            return true;
        }
    return false;
}

/* ---- create ---- */

/* What statistics belong to: the graph with the hashes of its weights, the tensors, the data. */
static uint64_t key_of(const weft_quant *quant)
{
    weft_text text;
    weft_text_init(&text, quant->arena);
    weft_graph_print(quant->graph, false, &text);
    for (size_t i = 0; i < quant->points.count; i++)
        weft_text_printf(&text, "point %s\n", quant->points.data[i].name);
    weft_text_printf(&text, "data %s\n", quant->params.data);
    return XXH3_64bits(text.data, text.length);
}

static uint64_t tensors_of(const weft_quant *quant)
{
    weft_text text;
    weft_text_init(&text, quant->arena);
    for (size_t i = 0; i < quant->points.count; i++) {
        const weft_quant_point *point = &quant->points.data[i];
        weft_text_printf(&text, "%s %s\n", point->name, point->op);
    }
    return XXH3_64bits(text.data, text.length);
}

static weft_status create(weft_arena *arena, const weft_model *model,
                          const weft_quant_params *params, weft_diag *diag, weft_quant **out_quant)
{
    if (WEFT_ARENA_TRY(arena))
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while preparing the model");
    weft_quant *quant = WEFT_NEW(arena, weft_quant);
    quant->arena = arena;
    quant->params = *params;
    const char **exclude = WEFT_NEW_ARRAY(arena, const char *, params->exclude_count);
    for (size_t i = 0; i < params->exclude_count; i++)
        exclude[i] = weft_arena_strdup(arena, params->exclude[i]);
    quant->params.exclude = exclude;
    quant->params.data = weft_arena_strdup(arena, params->data == NULL ? "" : params->data);
    quant->graph = weft__graph_copy(arena, model->graph);
    weft_status status = weft_quant_prepare(quant, diag);
    if (status == WEFT_OK)
        status = weft_quant_find_points(quant, diag);
    if (status != WEFT_OK)
        return status;
    if (params->equalize)
        quant->equalized = weft_quant_equalize(quant);
    quant->key = key_of(quant);
    quant->tensors = tensors_of(quant);
    *out_quant = quant;
    return WEFT_OK;
}

weft_status weft_quant_create(const weft_model *model, const weft_quant_params *params,
                              weft_diag *diag, weft_quant **out_quant)
{
    *out_quant = NULL;
    if (model == NULL || params == NULL || params->size != sizeof *params ||
        (size_t)params->method >= WEFT_QUANT_METHOD_COUNT ||
        !(params->percentile > 0 && params->percentile <= 100) || params->pair_limit < 128 ||
        params->pair_limit > 254)
        return weft_diag_error(diag, WEFT_E_API_USE,
                               "weft_quant_create: needs a model, and params with their size, a "
                               "method, a percentile above 0 and up to 100 and a pair limit of 128 "
                               "to 254");
    weft_arena *arena = weft_arena_create();
    if (arena == NULL)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory");
    weft_status status = create(arena, model, params, diag, out_quant);
    if (status != WEFT_OK)
        weft_arena_destroy(arena);
    return status;
}

void weft_quant_destroy(weft_quant *quant)
{
    if (quant != NULL)
        weft_arena_destroy(quant->arena); /* the quant itself lies in it */
}

/* ---- tensors ---- */

size_t weft_quant_tensor_count(const weft_quant *quant)
{
    return quant->points.count;
}

size_t weft_quant_equalized(const weft_quant *quant)
{
    return quant->equalized;
}

void weft_quant_get_tensor(const weft_quant *quant, size_t index, weft_quant_tensor *out_tensor)
{
    const weft_quant_point *point = &quant->points.data[index];
    *out_tensor = (weft_quant_tensor){.name = point->name,
                                      .op = point->op,
                                      .input = point->input,
                                      .output = point->output,
                                      .elements = point->elements,
                                      .shares = (int)point->shares,
                                      .least = point->seen.least,
                                      .most = point->seen.most,
                                      .scale = point->range.scale,
                                      .zero = point->range.zero,
                                      .is_model_output = point->is_model_output,
                                      .snr_db = point->compared == 0 || point->signal == 0
                                                    ? (double)NAN
                                                    : 10 * log10(point->signal / point->noise)};
}

/* ---- observer and checker ---- */

static weft_status wrap(weft_quant *quant, weft_diag *diag, weft_model **out_model)
{
    weft_arena *arena = weft_arena_create();
    if (arena == NULL)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory");
    if (WEFT_ARENA_TRY(arena)) {
        weft_arena_destroy(arena);
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory");
    }
    weft_graph *graph = weft__graph_copy(arena, quant->graph);
    for (size_t i = 0; i < graph->outputs.count; i++)
        graph->outputs.data[i]->use_count--;
    graph->outputs.count = 0;
    for (size_t i = 0; i < quant->points.count; i++)
        if (quant->points.data[i].output >= 0)
            weft_graph_add_output(graph,
                                  weft_graph_find_value(graph, quant->points.data[i].value->name));
    *out_model = weft__model_wrap(arena, graph);
    return WEFT_OK;
}

weft_status weft_quant_observer(weft_quant *quant, weft_diag *diag, weft_model **out_model)
{
    *out_model = NULL;
    if (quant->is_finished)
        return weft_diag_error(diag, WEFT_E_API_USE, "weft_quant_observer: called after finish");
    return wrap(quant, diag, out_model);
}

weft_status weft_quant_observe(weft_quant *quant, size_t index, const float *data, weft_diag *diag)
{
    weft_quant_point *point = &quant->points.data[index];
    for (int64_t i = 0; i < point->elements; i++) {
        if (isfinite(data[i]))
            continue;
        weft_status status = weft_diag_error(
            diag, WEFT_E_QUANT_NOT_FINITE, "tensor %s has a value that is not finite", point->name);
        weft_diag_field_set(diag, WEFT_DIAG_TENSOR, "%s", point->name);
        weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%g in element %lld of sample %zu",
                            (double)data[i], (long long)i, quant->samples);
        weft_diag_field_set(diag, WEFT_DIAG_TRY, "data of the range the model was trained on");
        return status;
    }
    weft_histogram_add(&point->seen, data, (size_t)point->elements);
    for (int64_t i = 0; i < point->elements; i += point->inner) {
        double sum = 0;
        for (int64_t k = 0; k < point->inner; k++)
            sum += (double)data[i + k];
        point->sums[i / point->inner % point->channels] += sum;
    }
    point->summed += (uint64_t)(point->elements / point->channels);
    return WEFT_OK;
}

void weft_quant_add_sample(weft_quant *quant)
{
    quant->samples++;
}

size_t weft_quant_samples(const weft_quant *quant)
{
    return quant->samples;
}

/* ---- finish ---- */

weft_status weft_quant_finish(weft_quant *quant, weft_diag *diag)
{
    if (quant->is_finished)
        return weft_diag_error(diag, WEFT_E_API_USE, "weft_quant_finish: called twice");
    if (quant->samples == 0)
        return weft_diag_error(diag, WEFT_E_QUANT_NO_SAMPLES, "no sample was observed");
    if (WEFT_ARENA_TRY(quant->arena))
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while quantising");
    for (size_t i = 0; i < quant->points.count; i++) {
        weft_quant_point *point = &quant->points.data[i];
        if (point->shares == i)
            point->range =
                weft_histogram_range(&point->seen, quant->params.method, quant->params.percentile,
                                     quant->params.signed_values);
    }
    quant->is_finished = true; /* whatever comes: the graph is not the float one any more */
    return weft_quant_insert(quant, diag);
}

weft_status weft_quant_checker(weft_quant *quant, weft_diag *diag, weft_model **out_model)
{
    *out_model = NULL;
    if (!quant->is_finished)
        return weft_diag_error(diag, WEFT_E_API_USE, "weft_quant_checker: called before finish");
    return wrap(quant, diag, out_model);
}

void weft_quant_compare(weft_quant *quant, size_t index, const float *signal,
                        const float *quantised)
{
    weft_quant_point *point = &quant->points.data[index];
    for (int64_t i = 0; i < point->elements; i++) {
        double value = (double)signal[i], off = value - (double)quantised[i];
        point->signal += value * value;
        point->noise += off * off;
    }
    point->compared += (uint64_t)point->elements;
}

weft_status weft_quant_write(const weft_quant *quant, const char *path, weft_diag *diag)
{
    if (!quant->is_finished)
        return weft_diag_error(diag, WEFT_E_API_USE, "weft_quant_write: called before finish");
    return weft_quant_write_onnx(quant->graph, path, diag);
}
