/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors of all steps that the engine can execute, and the engine's programs. What it cannot
 * execute has none and runs on the host. Must not know about: kernels for CPUs. */
#include "compiler/plan/engine.h"

#include <stdio.h>

#include "compiler/codegen/engine_print.h"
#include "compiler/package/engine_params.h"

/* ---- words ---- */

void weft__engine_begin(engine_builder *builder, int kind, int flags)
{
    for (int i = 0; i < WEFT_D_WORDS; i++)
        builder->words[i] = (weft_arg){.kind = WEFT_ARG_INT, .index = -1};
    weft__engine_int(builder, WEFT_D_KIND, kind);
    weft__engine_int(builder, WEFT_D_VERSION, WEFT_D_VERSION_NOW);
    weft__engine_int(builder, WEFT_D_STEP, builder->step - builder->state->out->steps);
    weft__engine_int(builder, WEFT_D_FLAGS, flags);
}

void weft__engine_int(engine_builder *builder, int word, int64_t number)
{
    WEFT_ASSERT(number >= INT32_MIN && number <= INT32_MAX);
    builder->words[word].i = (int32_t)number;
}

void weft__engine_value(engine_builder *builder, int word, const weft_value *value, int64_t plus)
{
    WEFT_ASSERT(plus >= 0 && plus <= INT32_MAX);
    builder->words[word] = (weft_arg){
        .kind = WEFT_ARG_VALUE, .index = weft__plan_value_index(value), .i = (int32_t)plus};
}

void weft__engine_blob(engine_builder *builder, int word, int32_t blob)
{
    builder->words[word] = (weft_arg){.kind = WEFT_ARG_BLOB, .index = blob};
}

void weft__engine_constant(engine_builder *builder, int word, const weft_value *value)
{
    weft__engine_blob(builder, word,
                      weft__plan_blob(builder->state, value, WEFT_RECIPE_PLAIN, 1, 0));
}

void weft__engine_scratch(engine_builder *builder, int word, int64_t bytes, int64_t plus,
                          int32_t *io_scratch)
{
    schedule_state *state = builder->state;
    WEFT_ASSERT(plus >= 0 && plus < bytes && bytes <= INT32_MAX);
    const scratch_use use = {.step = (int32_t)(builder->step - state->out->steps),
                             .launch = builder->step->descriptor_count,
                             .arg = (size_t)word,
                             .is_descriptor = true,
                             .bytes = (uint64_t)bytes,
                             .same_as = *io_scratch};
    WEFT_VEC_PUSH(state->planner->arena, &state->scratch, use);
    if (*io_scratch < 0)
        *io_scratch = (int32_t)state->scratch.count - 1;
    builder->words[word] = (weft_arg){
        .kind = WEFT_ARG_SCRATCH, .index = -1, .i = (int32_t)plus, .bytes = (uint64_t)bytes};
}

void weft__engine_end(engine_builder *builder)
{
    weft_arena *arena = builder->state->planner->arena;
    weft_step *step = builder->step;
    size_t count = WEFT_D_WORDS;
    while (count > 1 && builder->words[count - 1].kind == WEFT_ARG_INT &&
           builder->words[count - 1].i == 0)
        count--;
    if (step->descriptor_count == builder->capacity)
        step->descriptors = weft_arena_grow(arena, step->descriptors, step->descriptor_count,
                                            &builder->capacity, sizeof *step->descriptors);
    step->descriptors[step->descriptor_count++] = (weft_descriptor){
        weft_arena_dup(arena, builder->words, count * sizeof *builder->words), count};
}

bool weft__engine_is_8bit(const weft_value *value)
{
    return value != NULL && (value->dtype == WEFT_DTYPE_U8 || value->dtype == WEFT_DTYPE_I8);
}

bool weft__engine_is_operand(const weft_value *value)
{
    return weft__engine_is_8bit(value) && !weft_value_is_constant(value);
}

void weft__engine_stage(engine_builder *builder, const char *stage, weft_dtype dtype, int zero_word,
                        int min_word, int max_word)
{
    static const char *const parts[3] = {"zero", "min", "max"};
    const int words[3] = {zero_word, min_word, max_word};
    int64_t least = dtype == WEFT_DTYPE_U8 ? 0 : INT8_MIN;
    const int64_t absent[3] = {0, least, least + UINT8_MAX};
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "%s_%s", stage, parts[i]);
        weft__engine_int(builder, words[i], weft_attrs_int(&builder->step->attrs, name, absent[i]));
    }
}

/* ---- steps ---- */

static bool plan_node(engine_builder *builder, const weft_node *node)
{
    switch (node->op) {
    case WEFT_OP_QConv2D: return weft__engine_plan_conv(builder, node);
    case WEFT_OP_QTokenConv: return weft__engine_plan_token_conv(builder, node);
    case WEFT_OP_QPool2D: return weft__engine_plan_pool(builder, node);
    case WEFT_OP_QAdd: return weft__engine_plan_add(builder, node);
    case WEFT_OP_QMul: return weft__engine_plan_mul(builder, node);
    case WEFT_OP_QTable: return weft__engine_plan_table(builder, node);
    case WEFT_OP_QSoftmax: return weft__engine_plan_softmax(builder, node);
    case WEFT_OP_QLayerNorm: return weft__engine_plan_layer_norm(builder, node);
    case WEFT_OP_QMatMul: return weft__engine_plan_matmul(builder, node);
    case WEFT_OP_QAttention: return weft__engine_plan_attention(builder, node);
    default: return weft__engine_plan_move(builder, node);
    }
}

size_t weft__plan_engine_steps(schedule_state *state)
{
    size_t count = 0;
    weft_step *step = state->out->steps;
    /* Descriptors may use what the engine gets when one of them does (weft_engine_params_for). */
    const weft_engine_params *named = state->planner->engine;
    const weft_engine_params full = weft_engine_with(named, true, true);
    const weft_engine_params *engine = weft_engine_params_are_valid(&full) ? &full : named;
    for (const weft_node *node = state->graph->first; node != NULL; node = node->next) {
        if (weft__plan_is_alias(node))
            continue;
        engine_builder builder = {.state = state, .engine = engine, .step = step};
        step++;
        count += node->input_count > 0 && plan_node(&builder, node);
    }
    return count;
}

/* ---- programs ---- */

static weft_program print(weft_arena *arena, const weft_engine_params *engine, weft_dialect dialect)
{
    static const char *const kernels[] = {WEFT_ENGINE_KERNEL};
    return (weft_program){.name = weft_arena_printf(arena, "engine_%s", engine->name),
                          .source = weft_engine_print(arena, engine, dialect),
                          .options = dialect == WEFT_DIALECT_OPENCL ? "-cl-std=CL1.2" : "-std=c99",
                          .kernels = weft_arena_dup(arena, kernels, sizeof kernels),
                          .kernel_count = 1,
                          .language = dialect == WEFT_DIALECT_OPENCL ? WEFT_LANGUAGE_OPENCL
                                                                     : WEFT_LANGUAGE_HLS_C};
}

void weft__plan_engine_programs(planner *shared, weft_manifest *manifest)
{
    const weft_engine_params used =
        weft_engine_params_for(shared->engine, manifest->schedules, manifest->schedule_count);
    const weft_engine_params *engine = &used;
    weft_program *programs =
        WEFT_NEW_ARRAY(shared->arena, weft_program, manifest->program_count + 2);
    for (size_t i = 0; i < manifest->program_count; i++)
        programs[i] = manifest->programs[i];
    manifest->programs = programs;
    manifest->engine = (weft_engine){.name = engine->name,
                                     .version = WEFT_D_VERSION_NOW,
                                     .opencl_program = (int32_t)manifest->program_count,
                                     .hls_program = (int32_t)manifest->program_count + 1};
    programs[manifest->program_count++] = print(shared->arena, engine, WEFT_DIALECT_OPENCL);
    programs[manifest->program_count++] = print(shared->arena, engine, WEFT_DIALECT_HLS_C);
    weft_engine_params_write(engine, shared->arena, &manifest->engine.parameters);
}
