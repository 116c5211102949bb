/* SPDX-License-Identifier: Apache-2.0 */
/* A graph as imported -> the schedule that is planned for: at another batch, and quantised if it
 * is not. Must not know about: boards, engines' parameters. */
#include <string.h>

#include "compiler/api/model.h"
#include "compiler/base/integer.h"
#include "compiler/card/plan.h"
#include "compiler/passes/passes.h"
#include "compiler/plan/plan.h"
#include "compiler/quant/assume.h"

/* The engine reads channels-last windows by words and others by elements: a picture of three planes
 * is turned once, by the host, which touches it anyway. */
const char weft_card_skipped_pass[] = "absorb-input-layout";

/* Elements of the longest row that a softmax or LayerNorm of the graph has. */
static int64_t longest_row(const weft_graph *graph)
{
    int64_t longest = 0;
    for (const weft_node *node = graph->first; node != NULL; node = node->next) {
        bool is_attention = node->op == WEFT_OP_QAttention,
             is_normalised = node->op == WEFT_OP_QConv2D && weft_node_input(node, 7) != NULL;
        if (!is_attention && !is_normalised && node->op != WEFT_OP_QSoftmax &&
            node->op != WEFT_OP_QLayerNorm)
            continue;
        const weft_shape *shape = &node->inputs[is_attention ? 1 : 0]->shape;
        longest = weft_most(longest, shape->dims[is_attention ? 1 : shape->rank - 1]);
    }
    return longest;
}

static int32_t line_of(const weft_graph *graph)
{
    enum { LANES_MAX = 64 };
    return (int32_t)weft_most(WEFT_CARD_LINE, weft_round_up(longest_row(graph), LANES_MAX));
}

weft_engine_params weft_card_planning_engine(weft_graph *const *graphs, size_t count)
{
    weft_engine_params engine = *weft_engine_find("s");
    for (size_t i = 0; i < count; i++)
        engine.line = (int32_t)weft_most(engine.line, line_of(graphs[i]));
    return engine;
}

weft_engine_params weft_card_named_engine(const weft_engine_params *named,
                                          weft_graph *const *graphs, size_t count)
{
    weft_engine_params engine = *named;
    for (size_t i = 0; i < count; i++) {
        int64_t row = weft_round_up(longest_row(graphs[i]), named->lanes);
        engine.line = (int32_t)weft_most(engine.line, row);
    }
    const weft_engine_params full = weft_engine_with(&engine, true, true);
    return weft_engine_params_are_valid(&full) ? engine : *named;
}

static bool is_made_by_host(const weft_schedule *schedule, size_t step, int32_t value)
{
    if (value < 0)
        return true;
    if (schedule->values[value].place == WEFT_PLACE_ALIAS)
        value = schedule->values[value].alias_of;
    for (size_t i = 0; i < step; i++)
        for (size_t k = 0; k < schedule->steps[i].output_count; k++)
            if (schedule->steps[i].outputs[k] == value)
                return schedule->steps[i].descriptor_count == 0;
    return true; /* an input, a constant */
}

void weft_card_leave_to_host(weft_schedule *schedule)
{
    for (size_t i = 0; i < schedule->step_count; i++) {
        weft_step *step = &schedule->steps[i];
        if (step->descriptor_count > 0 && step->launch_count > 0 &&
            strcmp(step->op, "Transpose") == 0 && is_made_by_host(schedule, i, step->inputs[0]))
            step->descriptor_count = 0;
    }
}

static bool is_float(const weft_graph *graph)
{
    for (const weft_node *node = graph->first; node != NULL; node = node->next)
        if (node->op == WEFT_OP_QuantizeLinear || node->op == WEFT_OP_DequantizeLinear)
            return false;
    return true;
}

static weft_status set_batch(weft_graph *graph, int64_t batch, weft_diag *diag)
{
    if (batch == 0)
        return WEFT_OK;
    for (size_t i = 0; i < graph->inputs.count; i++)
        if (graph->inputs.data[i]->shape.rank > 0)
            graph->inputs.data[i]->shape.dims[0] = batch;
    return weft_graph_infer(graph, diag);
}

static int64_t batch_of(const weft_graph *graph)
{
    if (graph->inputs.count == 0 || graph->inputs.data[0]->shape.rank == 0)
        return 1;
    return graph->inputs.data[0]->shape.dims[0];
}

/* Bytes of the constants that descriptors read; each step's own, because a float model's weights
 * are not there to be told apart. */
static int64_t weights_of(const weft_schedule *schedule)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < schedule->step_count; i++)
        if (schedule->steps[i].descriptor_count > 0)
            bytes += schedule->steps[i].cost.weight_bytes;
    return bytes;
}

weft_status weft_card_network_of(weft_arena *arena, const weft_graph *graph,
                                 weft_schedule *schedule, weft_card_network *out_network,
                                 weft_diag *diag)
{
    weft_card_leave_to_host(schedule);
    *out_network =
        (weft_card_network){.schedule = schedule,
                            .batch = batch_of(graph),
                            .line = line_of(graph),
                            .footprint = {weights_of(schedule), (int64_t)schedule->arena_bytes}};
    weft_card_work_of(arena, schedule, &out_network->work);
    if (out_network->work.count > 0)
        return WEFT_OK;
    weft_status status =
        weft_diag_error(diag, WEFT_E_CARD_NOTHING, "no step of %s can run on a card", graph->name);
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED,
                        "convolutions, matrix products, sums or pools of 8-bit values");
    weft_diag_field_set(diag, WEFT_DIAG_TRY, "weft quantize MODEL.onnx");
    return status;
}

weft_status weft_card_network_make(weft_arena *arena, const weft_graph *graph, int64_t batch,
                                   weft_card_network *out_network, bool *out_is_assumed,
                                   weft_diag *diag)
{
    weft_graph *copy = weft__graph_copy(arena, graph);
    weft_status status = set_batch(copy, batch, diag);
    *out_is_assumed = is_float(copy);
    if (status == WEFT_OK && *out_is_assumed)
        status = weft_quant_assume(arena, copy, &copy, diag);
    weft_pass_params passes = WEFT_PASS_PARAMS_DEFAULT;
    passes.skip = weft_card_skipped_pass;
    if (status == WEFT_OK)
        status = weft_passes_run(copy, &passes, NULL, diag);
    weft_target target;
    weft_engine_params engine;
    weft_plan *plan = NULL;
    if (status == WEFT_OK)
        status = weft_target_find(NULL, &target, diag);
    if (status == WEFT_OK)
        engine = weft_card_planning_engine(&copy, 1);
    if (status == WEFT_OK)
        status = weft_plan_build(arena, &copy, 1, &target, 1, &engine, &plan, diag);
    if (status != WEFT_OK)
        return status;
    return weft_card_network_of(arena, copy, &plan->manifest.schedules[0], out_network, diag);
}
