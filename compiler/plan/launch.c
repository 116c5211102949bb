/* SPDX-License-Identifier: Apache-2.0 */
/* Argument lists of launches, in the order of the kernel's parameters. */
#include <stdio.h>
#include <string.h>

#include "compiler/plan/internal.h"

void weft__launch_begin(launch_builder *builder, schedule_state *state, weft_step *step)
{
    *builder = (launch_builder){.state = state, .step = step};
}

static void add(launch_builder *builder, weft_arg arg)
{
    WEFT_VEC_PUSH(builder->state->planner->arena, &builder->args, arg);
}

void weft__launch_value(launch_builder *builder, const weft_value *value)
{
    if (value == NULL)
        add(builder, (weft_arg){.kind = WEFT_ARG_NULL});
    else
        add(builder, (weft_arg){.kind = WEFT_ARG_VALUE, .index = weft__plan_value_index(value)});
}

void weft__launch_blob(launch_builder *builder, int32_t blob)
{
    add(builder,
        (weft_arg){.kind = blob < 0 ? WEFT_ARG_NULL : WEFT_ARG_BLOB, .index = blob < 0 ? 0 : blob});
}

void weft__launch_operand(launch_builder *builder, const weft_value *value)
{
    if (value != NULL && weft_value_is_constant(value))
        weft__launch_blob(builder, weft__plan_blob(builder->state, value, WEFT_RECIPE_PLAIN, 1, 0));
    else
        weft__launch_value(builder, value);
}

void weft__launch_int(launch_builder *builder, int64_t number)
{
    WEFT_ASSERT(number >= INT32_MIN && number <= INT32_MAX);
    add(builder, (weft_arg){.kind = WEFT_ARG_INT, .i = (int32_t)number});
}

void weft__launch_ints(launch_builder *builder, const int64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        weft__launch_int(builder, numbers[i]);
}

void weft__launch_window(launch_builder *builder, const plan_window *window)
{
    weft__launch_ints(builder, window->kernel, 2);
    weft__launch_ints(builder, window->strides, 2);
    weft__launch_ints(builder, window->dilations, 2);
    weft__launch_ints(builder, window->pads, 4);
}

void weft__launch_float(launch_builder *builder, double number)
{
    add(builder, (weft_arg){.kind = WEFT_ARG_FLOAT, .f = (float)number});
}

void weft__launch_local(launch_builder *builder, uint64_t bytes)
{
    add(builder, (weft_arg){.kind = WEFT_ARG_LOCAL, .bytes = bytes});
}

static int32_t add_scratch(launch_builder *builder, uint64_t bytes, int32_t same_as)
{
    schedule_state *state = builder->state;
    scratch_use use = {.step = (int32_t)(builder->step - state->out->steps),
                       .launch = builder->step->launch_count,
                       .arg = builder->args.count,
                       .bytes = bytes,
                       .same_as = same_as};
    WEFT_VEC_PUSH(state->planner->arena, &state->scratch, use);
    add(builder, (weft_arg){.kind = WEFT_ARG_SCRATCH, .bytes = bytes});
    return (int32_t)state->scratch.count - 1;
}

int32_t weft__launch_scratch(launch_builder *builder, uint64_t bytes)
{
    if (bytes > 0)
        return add_scratch(builder, bytes, -1);
    add(builder, (weft_arg){.kind = WEFT_ARG_NULL});
    return -1;
}

void weft__launch_scratch_again(launch_builder *builder, int32_t scratch)
{
    WEFT_ASSERT(scratch >= 0);
    add_scratch(builder, builder->state->scratch.data[scratch].bytes, scratch);
}

void weft__launch_act(launch_builder *builder, const weft_attrs *attrs, const char *prefix)
{
    static const struct {
        const char *name;
        int number; /* ACT_* of common.cl */
    } acts[] = {{"none", 0}, {"relu", 1}, {"clip", 2},      {"sigmoid", 3},
                {"silu", 4}, {"gelu", 8}, {"gelu_tanh", 10}};
    char name[32];
    snprintf(name, sizeof name, "%sact", prefix);
    const char *act = weft_attrs_string(attrs, name, "none");
    int number = -1;
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++)
        if (strcmp(act, acts[i].name) == 0)
            number = acts[i].number;
    WEFT_ASSERT(number >= 0); /* inference checks the attribute */
    weft__launch_int(builder, number);
    snprintf(name, sizeof name, "%sact_min", prefix);
    weft__launch_float(builder, (double)weft_attrs_float(attrs, name, 0.0f));
    snprintf(name, sizeof name, "%sact_max", prefix);
    weft__launch_float(builder, (double)weft_attrs_float(attrs, name, 0.0f));
}

void weft__launch_end(launch_builder *builder, weft_kernel_family family, const char *kernel,
                      int64_t global0, int64_t global1, const char *tile)
{
    planner *shared = builder->state->planner;
    weft_step *step = builder->step;
    if (step->launch_count == builder->capacity)
        step->launches = weft_arena_grow(shared->arena, step->launches, step->launch_count,
                                         &builder->capacity, sizeof *step->launches);
    weft_launch *launch = &step->launches[step->launch_count++];
    *launch = (weft_launch){.args = builder->args.data,
                            .arg_count = builder->args.count,
                            .global = {(uint64_t)global0, (uint64_t)global1, 1},
                            .local = {1, 1, 1},
                            .tile = weft_arena_strdup(shared->arena, tile)};
    bool has_dot = family == WEFT_KERNEL_QCONV || family == WEFT_KERNEL_QWINOGRAD ||
                   family == WEFT_KERNEL_QATTENTION;
    weft_program_key key = {family, shared->target->vector_floats, shared->target->tile_rows,
                            has_dot ? shared->target->dot : 0};
    weft_program_set_use(shared->programs, key, kernel, &launch->program, &launch->kernel);
    memset(&builder->args, 0, sizeof builder->args); /* ready for the step's next launch */
}

int64_t weft__plan_elems(const weft_value *value)
{
    int64_t elems = 0;
    WEFT_ASSERT(weft_shape_elems(&value->shape, &elems));
    return elems;
}

weft_status weft__plan_check_f32(schedule_state *state, const weft_node *node, size_t inputs)
{
    bool is_f32 = node->outputs[0]->dtype == WEFT_DTYPE_F32;
    for (size_t i = 0; i < inputs && i < node->input_count; i++)
        is_f32 = is_f32 && (node->inputs[i] == NULL || node->inputs[i]->dtype == WEFT_DTYPE_F32);
    return is_f32
               ? WEFT_OK
               : weft__plan_unsupported(
                     state, node, "the kernel is for f32 and an operand has another element type",
                     "export the model in f32");
}

weft_status weft__plan_unsupported(schedule_state *state, const weft_node *node, const char *why,
                                   const char *try_this)
{
    weft_diag *diag = state->planner->diag;
    weft_status status = weft_diag_error(diag, WEFT_E_PLAN_NO_KERNEL, "no kernel can run this: %s",
                                         weft_op_name(node->op));
    weft_diag_field_set(diag, WEFT_DIAG_NODES, "%s",
                        node->source_count > 0 ? node->sources[0] : node->name);
    weft_diag_field_set(diag, WEFT_DIAG_WHY, "%s", why);
    if (try_this != NULL)
        weft_diag_field_set(diag, WEFT_DIAG_TRY, "%s", try_this);
    return status;
}
