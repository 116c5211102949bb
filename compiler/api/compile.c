/* SPDX-License-Identifier: Apache-2.0 */
/* weft_compile: passes, plan, package, in that order, with progress and times. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "compiler/api/model.h"
#include "compiler/card/plan.h"
#include "compiler/package/format.h"
#include "compiler/passes/passes.h"
#include "compiler/plan/plan.h"
#include "kernels/fpga/engine.h"

enum { STAGE_PASSES, STAGE_PLAN, STAGE_WRITE, STAGE_COUNT };

struct weft_compile_report {
    weft_arena *arena;
    weft_arena *scratch; /* of the model that passes work on; NULL: none */
    WEFT_VEC(weft_stage_time) stages;
    WEFT_VEC(weft_float_layer) floats;
    bool is_quantised;
    const char *plan_json;
};

static uint64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

static void tell(const weft_compile_params *params, int stage, const char *title)
{
    if (params->progress != NULL)
        params->progress(params->user, stage + 1, STAGE_COUNT, title);
}

static void add_stage(weft_compile_report *report, const char *name, uint64_t begin_ns,
                      size_t before, size_t after, size_t changes)
{
    weft_stage_time stage = {name, now_ns() - begin_ns, before, after, changes};
    WEFT_VEC_PUSH(report->arena, &report->stages, stage);
}

static weft_status run_passes(weft_compile_report *report, weft_graph *graph,
                              const weft_compile_params *params, weft_diag *diag)
{
    weft_pass_stats stats[WEFT_PASS_COUNT] = {{0}};
    weft_pass_params pass_params = {.level = params->level,
                                    .verify = params->verify_passes,
                                    .dump_after = params->dump_after,
                                    .dump = params->dump,
                                    .user = params->user,
                                    .skip = params->board == NULL ? NULL : weft_card_skipped_pass};
    weft_status status = weft_passes_run(graph, &pass_params, stats, diag);
    for (size_t i = 0; i < WEFT_PASS_COUNT; i++) {
        if (stats[i].name == NULL)
            continue;
        weft_stage_time stage = {stats[i].name, stats[i].time_ns, stats[i].nodes_before,
                                 stats[i].nodes_after, stats[i].changes};
        WEFT_VEC_PUSH(report->arena, &report->stages, stage);
    }
    return status;
}

static int by_macs(const void *a, const void *b)
{
    const weft_float_layer *x = a, *y = b;
    if (x->macs != y->macs)
        return x->macs < y->macs ? 1 : -1;
    return strcmp(x->name, y->name);
}

static void collect_floats(weft_compile_report *report, const weft_graph *graph)
{
    report->is_quantised = graph->is_quantised;
    for (size_t i = 0; i < graph->floats.count; i++) {
        const weft_float_node *node = &graph->floats.data[i];
        weft_float_layer layer = {weft_arena_strdup(report->arena, node->name),
                                  weft_op_name(node->op),
                                  weft_arena_strdup(report->arena, node->reason), node->macs};
        WEFT_VEC_PUSH(report->arena, &report->floats, layer);
    }
    if (report->floats.count > 1)
        qsort(report->floats.data, report->floats.count, sizeof(weft_float_layer), by_macs);
}

static weft_status blob_bytes(void *user, size_t blob, void *out)
{
    return weft_plan_blob_bytes(user, blob, out);
}

static const void *plain_bytes(void *user, size_t schedule, size_t value)
{
    const weft_plan *plan = user;
    const weft_value *constant = plan->plain[schedule][value];
    return constant == NULL ? NULL : constant->data;
}

/* NULL: none is wanted. */
static weft_status find_engine(const char *name, const weft_engine_params **out_engine,
                               weft_diag *diag)
{
    name = name == NULL ? WEFT__DEFAULT_ENGINE : name;
    *out_engine = weft_engine_find(name);
    if (*out_engine != NULL || strcmp(name, "none") == 0)
        return WEFT_OK;
    char names[256] = "none";
    for (const weft_engine_params *engine = weft_engines; engine->name != NULL; engine++) {
        size_t length = strlen(names);
        snprintf(names + length, sizeof names - length, ", %s", engine->name);
    }
    weft_status status =
        weft_diag_error(diag, WEFT_E_PLAN_ENGINE, "no engine is named \"%s\"", name);
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "one of: %s", names);
    weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s", name);
    return status;
}

/* The schedule with most work; the first of several. */
static size_t largest_schedule(const weft_manifest *manifest)
{
    size_t largest = 0;
    int64_t most = -1;
    for (size_t i = 0; i < manifest->schedule_count; i++) {
        int64_t macs = 0;
        for (size_t s = 0; s < manifest->schedules[i].step_count; s++)
            macs += manifest->schedules[i].steps[s].cost.macs;
        if (macs > most) {
            most = macs;
            largest = i;
        }
    }
    return largest;
}

/* Plans the engine for the board with the largest schedule's work and the largest memory of any,
 * and all schedules again for that engine, with the tiles that are fastest on it. */
static weft_status plan_card(weft_arena *arena, weft_graph *const *graphs, size_t count,
                             const weft_target *target, int threads,
                             const weft_compile_params *params, weft_plan **io_plan,
                             weft_diag *diag)
{
    const weft_board *board;
    weft_card_network network;
    weft_card_plan *card;
    weft_schedule *schedules = (*io_plan)->manifest.schedules;
    weft_status status = weft_board_open(arena, params->board, &board, diag);
    size_t largest = largest_schedule(&(*io_plan)->manifest);
    if (status == WEFT_OK)
        status = weft_card_network_of(arena, graphs[largest], &schedules[largest], &network, diag);
    for (size_t i = 0; status == WEFT_OK && i < count; i++)
        if ((int64_t)schedules[i].arena_bytes > network.footprint.arena_bytes)
            network.footprint.arena_bytes = (int64_t)schedules[i].arena_bytes;
    if (status == WEFT_OK)
        status = weft_card_plan_make(arena, board, &network,
                                     params->for_latency ? WEFT_GOAL_LATENCY : WEFT_GOAL_THROUGHPUT,
                                     &card, diag);
    if (status == WEFT_OK)
        status =
            weft_plan_build(arena, graphs, count, target, threads, &card->engine, io_plan, diag);
    if (status != WEFT_OK)
        return status;
    weft_manifest *manifest = &(*io_plan)->manifest;
    for (size_t i = 0; i < count; i++)
        weft_card_set_schedule(arena, card, &manifest->schedules[i]);
    weft_card_describe(arena, card, &manifest->card);
    return WEFT_OK;
}

/* "rewrite the graph", of several models with the name of its file. */
static const char *model_stage(weft_compile_report *report, const weft_model *model, size_t count)
{
    const char *path = model->path == NULL ? model->graph->name : model->path;
    const char *slash = strrchr(path, '/');
    char shape[WEFT_SHAPE_TEXT] = "";
    if (model->graph->inputs.count > 0)
        weft_shape_format(&model->graph->inputs.data[0]->shape, shape);
    return count == 1 ? "rewrite the graph"
                      : weft_arena_printf(report->arena, "rewrite the graph of %s, %s",
                                          slash == NULL ? path : slash + 1, shape);
}

/* Passes work on a copy. Of several models (constants is not NULL) each has memory of its own for
 * that: what they make of equal weights is kept once. */
static weft_status rewrite_model(weft_compile_report *report, const weft_model *model,
                                 weft_map *constants, bool is_first,
                                 const weft_compile_params *params, weft_graph **out_graph,
                                 weft_diag *diag)
{
    if (constants == NULL) {
        *out_graph = weft__graph_copy(report->arena, model->graph);
        weft_status status = run_passes(report, *out_graph, params, diag);
        collect_floats(report, *out_graph);
        return status;
    }
    report->scratch = weft_arena_create();
    if (report->scratch == NULL || WEFT_ARENA_TRY(report->scratch))
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while compiling");
    weft_graph *graph = weft__graph_copy(report->scratch, model->graph);
    weft_status status = run_passes(report, graph, params, diag);
    if (status != WEFT_OK)
        return status;
    if (is_first)
        collect_floats(report, graph);
    *out_graph = weft__graph_keep(report->arena, constants, graph);
    weft_arena_destroy(report->scratch);
    report->scratch = NULL;
    return WEFT_OK;
}

static weft_status compile_all(weft_compile_report *report, weft_model *const *models,
                               size_t model_count, const weft_compile_params *params,
                               const char *out_path, weft_diag *diag)
{
    weft_arena *arena = report->arena;
    if (WEFT_ARENA_TRY(arena))
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while compiling");
    weft_target target;
    weft_status status = weft_target_find(params->target, &target, diag);
    const weft_engine_params *engine = NULL;
    if (status == WEFT_OK && params->board != NULL && params->engine != NULL)
        status = weft_diag_error(diag, WEFT_E_API_USE,
                                 "weft_compile: a board plans its own engine: name one of the two");
    if (status == WEFT_OK)
        status = find_engine(params->engine, &engine, diag);
    if (status != WEFT_OK)
        return status;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int threads = params->threads > 0 ? params->threads : cores > 0 ? (int)cores : 1;

    status = weft__models_check_group(arena, models, model_count, diag);
    if (status != WEFT_OK)
        return status;
    weft_graph **graphs = WEFT_NEW_ARRAY(arena, weft_graph *, model_count);
    weft_map constants;
    weft_map_init(&constants, arena);
    for (size_t i = 0; i < model_count; i++) {
        tell(params, STAGE_PASSES, model_stage(report, models[i], model_count));
        status = rewrite_model(report, models[i], model_count == 1 ? NULL : &constants, i == 0,
                               params, &graphs[i], diag);
        if (status != WEFT_OK)
            return status;
    }

    tell(params, STAGE_PLAN, "plan kernels, tiles and memory");
    uint64_t begin_ns = now_ns();
    weft_plan *plan = NULL;
    weft_engine_params planning;
    if (params->board != NULL || engine != NULL) {
        planning = params->board != NULL ? weft_card_planning_engine(graphs, model_count)
                                         : weft_card_named_engine(engine, graphs, model_count);
        engine = &planning;
    }
    status = weft_plan_build(arena, graphs, model_count, &target, threads, engine, &plan, diag);
    if (status == WEFT_OK && params->board != NULL)
        status = plan_card(arena, graphs, model_count, &target, threads, params, &plan, diag);
    if (status != WEFT_OK)
        return status;
    plan->manifest.parameters = models[0]->info.parameters;
    plan->manifest.weight_bytes = models[0]->info.weight_bytes;
    report->plan_json = weft_plan_json(plan, arena);
    add_stage(report, "plan", begin_ns, graphs[0]->node_count,
              plan->manifest.schedules[0].step_count, 0);
    if (out_path == NULL)
        return WEFT_OK;

    tell(params, STAGE_WRITE, "pack weights and write the package");
    begin_ns = now_ns();
    weft_text text;
    weft_text_init(&text, arena);
    for (size_t i = 0; i < model_count; i++)
        weft_graph_print(graphs[i], false, &text);
    weft_package_content content = {&plan->manifest, text.data, blob_bytes, plain_bytes, plan};
    status = weft_package_write(out_path, &content, diag);
    add_stage(report, "write package", begin_ns, plan->manifest.schedules[0].step_count,
              plan->manifest.schedules[0].step_count, 0);
    return status;
}

weft_status weft_compile(weft_model *const *models, size_t model_count,
                         const weft_compile_params *params, const char *out_path, weft_diag *diag,
                         weft_compile_report **out_report)
{
    if (out_report != NULL)
        *out_report = NULL;
    if (models == NULL || model_count == 0 || params == NULL || params->size != sizeof *params)
        return weft_diag_error(diag, WEFT_E_API_USE,
                               "weft_compile: needs at least one model and params with their size");
    weft_arena *arena = weft_arena_create();
    if (arena == NULL)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory");
    if (WEFT_ARENA_TRY(arena)) {
        weft_arena_destroy(arena);
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory");
    }
    weft_compile_report *report = WEFT_NEW(arena, weft_compile_report);
    report->arena = arena;
    weft_status status = compile_all(report, models, model_count, params, out_path, diag);
    weft_arena_destroy(report->scratch); /* there after a failure */
    report->scratch = NULL;
    if (status != WEFT_OK || out_report == NULL)
        weft_arena_destroy(arena);
    else
        *out_report = report;
    return status;
}

size_t weft_compile_report_stage_count(const weft_compile_report *report)
{
    return report->stages.count;
}

const weft_stage_time *weft_compile_report_stage(const weft_compile_report *report, size_t index)
{
    return index < report->stages.count ? &report->stages.data[index] : NULL;
}

size_t weft_compile_report_float_count(const weft_compile_report *report)
{
    return report->floats.count;
}

const weft_float_layer *weft_compile_report_float(const weft_compile_report *report, size_t index)
{
    return index < report->floats.count ? &report->floats.data[index] : NULL;
}

bool weft_compile_report_is_quantised(const weft_compile_report *report)
{
    return report->is_quantised;
}

const char *weft_compile_report_plan_json(const weft_compile_report *report)
{
    return report->plan_json;
}

void weft_compile_report_destroy(weft_compile_report *report)
{
    if (report != NULL)
        weft_arena_destroy(
            report->arena); /* the report lies in it, and so does all the compiler made */
}
