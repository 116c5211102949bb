/* SPDX-License-Identifier: Apache-2.0 */
/* The order of planning: own outputs, values, one launch per node, costs, arena, dependencies. */
#include "compiler/plan/plan.h"

#include "compiler/plan/internal.h"

typedef weft_status (*plan_node_fn)(schedule_state *state, const weft_node *node, weft_step *step);

/* Which file plans which operator; the element-wise one refuses what no kernel executes. */
static plan_node_fn planner_of(weft_op op)
{
    switch (op) {
    case WEFT_OP_Conv2D: return weft__plan_conv2d;
    case WEFT_OP_Linear: return weft__plan_linear;
    case WEFT_OP_Gate: return weft__plan_gate;
    case WEFT_OP_Pool2D: return weft__plan_pool2d;
    case WEFT_OP_Transpose:
    case WEFT_OP_Concat:
    case WEFT_OP_Slice:
    case WEFT_OP_Split:
    case WEFT_OP_Pad:
    case WEFT_OP_Expand:
    case WEFT_OP_Tile: return weft__plan_move;
    case WEFT_OP_Gather: return weft__plan_gather;
    case WEFT_OP_Resize: return weft__plan_resize;
    case WEFT_OP_QConv2D: return weft__plan_q_conv2d;
    case WEFT_OP_QTokenConv: return weft__plan_q_token_conv;
    case WEFT_OP_QPool2D: return weft__plan_q_pool2d;
    case WEFT_OP_QAdd: return weft__plan_q_add;
    case WEFT_OP_QMul: return weft__plan_q_mul;
    case WEFT_OP_QTable: return weft__plan_q_table;
    case WEFT_OP_QMatMul: return weft__plan_q_matmul;
    case WEFT_OP_QAttention: return weft__plan_q_attention;
    case WEFT_OP_QSoftmax: return weft__plan_q_softmax;
    case WEFT_OP_QLayerNorm: return weft__plan_q_layer_norm;
    case WEFT_OP_QuantizeLinear: return weft__plan_quantize_linear;
    case WEFT_OP_DequantizeLinear: return weft__plan_dequantize_linear;
    case WEFT_OP_ReduceMean:
    case WEFT_OP_ReduceSum:
    case WEFT_OP_ReduceMax:
    case WEFT_OP_ReduceMin:
    case WEFT_OP_ReduceProd: return weft__plan_reduce;
    case WEFT_OP_Softmax: return weft__plan_softmax;
    case WEFT_OP_LayerNormalization: return weft__plan_layer_norm;
    case WEFT_OP_MatMul: return weft__plan_matmul;
    case WEFT_OP_Attention: return weft__plan_attention;
    case WEFT_OP_TokenConv: return weft__plan_token_conv;
    default: return weft__plan_elementwise;
    }
}

static void describe_step(schedule_state *state, const weft_node *node, weft_step *step)
{
    weft_arena *arena = state->planner->arena;
    step->name = node->name;
    step->op = weft_op_name(node->op);
    step->attrs = node->attrs;
    step->sources = node->sources;
    step->source_count = node->source_count;
    step->inputs = WEFT_NEW_ARRAY(arena, int32_t, node->input_count);
    step->input_count = node->input_count;
    for (size_t i = 0; i < node->input_count; i++)
        step->inputs[i] = weft__plan_value_index(node->inputs[i]);
    step->outputs = WEFT_NEW_ARRAY(arena, int32_t, node->output_count);
    step->output_count = node->output_count;
    for (size_t i = 0; i < node->output_count; i++)
        step->outputs[i] = weft__plan_value_index(node->outputs[i]);
}

/* Kernels address elements with 32-bit ints, and compute at least one. Operands of i64 are axes and
 * the like: they may be empty. */
static weft_status check_sizes(schedule_state *state, const weft_node *node)
{
    for (size_t i = 0; i < node->input_count + node->output_count; i++) {
        const weft_value *value =
            i < node->input_count ? node->inputs[i] : node->outputs[i - node->input_count];
        int64_t elems = 0;
        if (value != NULL && (!weft_shape_elems(&value->shape, &elems) || elems > INT32_MAX))
            return weft__plan_unsupported(state, node, "a tensor has 2^31 elements or more",
                                          "use a smaller batch or resolution");
        if (value != NULL && elems == 0 && value->dtype != WEFT_DTYPE_I64)
            return weft__plan_unsupported(state, node, "a tensor is empty",
                                          "the reference backend runs it");
    }
    return WEFT_OK;
}

/* F(4x4) rounds five times as much as the other convolution kernels, and errors add up with depth.
 * Largest error of a step against the reference, over the step's largest value: ResNet-RS-270 at
 * 256 (90 such convolutions) 4.5e-5, 350 at 320 (116) 7.7e-5, 420 at 320 (139) 1.2e-4; without
 * F(4x4) 2.6e-5, 3.9e-5 and 6.0e-5. 1e-4 is what users may expect of f32, with a margin for other
 * weights. */
enum { DEEP_CONVOLUTIONS = 100 };

static bool is_deep(const weft_graph *graph)
{
    size_t count = 0;
    for (const weft_node *node = graph->first; node != NULL; node = node->next) {
        if (node->op != WEFT_OP_Conv2D)
            continue;
        int64_t strides[2];
        weft_attrs_ints(&node->attrs, "strides", strides, 2, 1);
        const int64_t *kernel = node->inputs[1]->shape.dims;
        count += kernel[1] == 3 && kernel[2] == 3 && strides[0] == 1 && strides[1] == 1;
    }
    return count > DEEP_CONVOLUTIONS;
}

static weft_status plan_schedule(planner *shared, weft_graph *graph, size_t index,
                                 weft_schedule *out, schedule_state *state)
{
    *state = (schedule_state){.planner = shared, .graph = graph, .index = index, .out = out};
    weft__plan_own_outputs(graph);
    weft_status status = weft__plan_values(state);
    if (status != WEFT_OK)
        return status;
    out->steps = WEFT_NEW_ARRAY(shared->arena, weft_step, graph->node_count);
    weft_status first_error = WEFT_OK;
    for (const weft_node *node = graph->first; node != NULL; node = node->next) {
        if (weft__plan_is_alias(node))
            continue;
        weft_step *step = &out->steps[out->step_count++];
        describe_step(state, node, step);
        status = check_sizes(state, node);
        if (status == WEFT_OK)
            status = planner_of(node->op)(state, node, step);
        if (status != WEFT_OK && first_error == WEFT_OK)
            first_error = status;
        weft__plan_cost(state, node, step);
    }
    if (first_error != WEFT_OK)
        return first_error;
    /* After all kernels: an engine's blobs are plain, and of the blobs of a constant the last one
     * is what it is read from. */
    if (shared->engine != NULL)
        state->engine_steps = weft__plan_engine_steps(state);
    weft__plan_prefetch(state);
    weft__plan_arena(state);
    weft__plan_deps(state);
    return WEFT_OK;
}

/* Constants that no blob of their schedule holds in a readable form (transformed weights, operands
 * that became numbers of a launch) are kept for the reference backend. In the order of schedules
 * and values: the writer streams them so. */
static void keep_constants(schedule_state *states, size_t count)
{
    for (size_t s = 0; s < count; s++) {
        const weft_schedule *schedule = states[s].out;
        for (size_t i = 0; i < schedule->value_count; i++)
            if (schedule->values[i].place == WEFT_PLACE_CONSTANT && schedule->values[i].blob < 0)
                weft__plan_need_plain(&states[s], i);
    }
}

static planner planner_init(const planner *common, weft_map *hashes)
{
    planner shared = *common;
    shared.programs = weft_program_set_create(shared.arena);
    shared.hashes = hashes;
    weft_map_init(&shared.blob_keys, shared.arena);
    weft_map_init(&shared.plain_keys, shared.arena);
    weft_map_init(&shared.readable_keys, shared.arena);
    return shared;
}

/* Plans every graph as if it were alone, for what the methods of its convolutions would take; the
 * plans are thrown away. What cannot be planned is said when it is planned for good. */
static form_table *survey(const planner *common, weft_map *hashes, weft_graph *const *graphs,
                          size_t count)
{
    form_table *table = weft__forms_create(common->arena, count);
    for (size_t i = 0; i < count; i++) {
        planner alone = planner_init(common, hashes);
        weft_schedule schedule = {0};
        schedule_state state;
        alone.forms = table;
        alone.is_survey = true;
        alone.engine = NULL;
        alone.diag = NULL;
        plan_schedule(&alone, graphs[i], i, &schedule, &state);
    }
    weft__forms_choose(table);
    return table;
}

weft_status weft_plan_build(weft_arena *arena, weft_graph *const *graphs, size_t graph_count,
                            const weft_target *target, int threads,
                            const struct weft_engine_params *engine, weft_plan **out_plan,
                            weft_diag *diag)
{
    *out_plan = NULL;
    planner common = {
        .arena = arena, .target = target, .threads = threads, .engine = engine, .diag = diag};
    size_t engine_steps = 0;
    weft_map hashes;
    weft_map_init(&hashes, arena);
    for (size_t i = 0; i < graph_count; i++)
        common.is_deep = common.is_deep || is_deep(graphs[i]);
    planner shared = planner_init(&common, &hashes);
    if (graph_count > 1)
        shared.forms = survey(&common, &hashes, graphs, graph_count);

    weft_plan *plan = WEFT_NEW(arena, weft_plan);
    weft_manifest *manifest = &plan->manifest;
    const weft_value *const **plain = WEFT_NEW_ARRAY(arena, const weft_value *const *, graph_count);
    const weft_graph **kept = WEFT_NEW_ARRAY(arena, const weft_graph *, graph_count);
    manifest->schedules = WEFT_NEW_ARRAY(arena, weft_schedule, graph_count);
    manifest->schedule_count = graph_count;
    schedule_state *states = WEFT_NEW_ARRAY(arena, schedule_state, graph_count);
    weft_status first_error = WEFT_OK;
    for (size_t i = 0; i < graph_count; i++) {
        weft_status status =
            plan_schedule(&shared, graphs[i], i, &manifest->schedules[i], &states[i]);
        if (status != WEFT_OK && first_error == WEFT_OK)
            first_error = status;
        engine_steps += status == WEFT_OK && engine != NULL ? states[i].engine_steps : 0;
        plain[i] = states[i].graph_values;
        kept[i] = graphs[i];
    }
    if (first_error != WEFT_OK)
        return first_error;
    keep_constants(states, graph_count);
    manifest->model = graphs[0]->name;
    manifest->producer = weft_arena_printf(arena, "weft %s", weft_version());
    manifest->target = target->name;
    manifest->opset = graphs[0]->opset;
    manifest->source_nodes = (int64_t)graphs[0]->source_node_count;
    manifest->blobs = shared.blobs.data;
    manifest->blob_count = shared.blobs.count;
    manifest->program_count = weft_program_set_get(shared.programs, &manifest->programs);
    if (engine_steps > 0)
        weft__plan_engine_programs(&shared, manifest);
    plan->recipes = shared.recipes.data;
    plan->plain = plain;
    plan->graphs = kept;
    *out_plan = plan;
    return WEFT_OK;
}
