/* SPDX-License-Identifier: Apache-2.0 */
/* The plan as JSON (schema weft.plan/1), for people and scripts: regions, tiles, memory, order,
 * ideal times. The package's own manifest is another text with another purpose; this one leaves out
 * arguments and keeps names. */
#include <jansson.h>
#include <stdlib.h>

#include "compiler/plan/plan.h"

static const char *const place_names[WEFT_PLACE_COUNT] = {"input", "output", "arena", "constant",
                                                          "alias"};
static const char *const bound_names[WEFT_BOUND_COUNT] = {"compute", "memory", "launch"};

static json_t *dims_json(const weft_shape *shape)
{
    json_t *list = json_array();
    for (int i = 0; i < shape->rank; i++)
        json_array_append_new(list, json_integer(shape->dims[i]));
    return list;
}

static json_t *names_json(const weft_schedule *schedule, const int32_t *indices, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        if (indices[i] >= 0)
            json_array_append_new(list, json_string(schedule->values[indices[i]].name));
    return list;
}

static json_t *launch_json(const weft_plan *plan, const weft_launch *launch)
{
    const weft_program *program = &plan->manifest.programs[launch->program];
    json_t *global = json_array();
    for (int i = 0; i < 3; i++)
        json_array_append_new(global, json_integer((json_int_t)launch->global[i]));
    uint64_t scratch_bytes = 0;
    for (size_t i = 0; i < launch->arg_count; i++)
        if (launch->args[i].kind == WEFT_ARG_SCRATCH)
            scratch_bytes += launch->args[i].bytes;
    return json_pack("{s:s, s:s, s:s, s:o, s:I}", "program", program->name, "kernel",
                     program->kernels[launch->kernel], "tile", launch->tile, "global", global,
                     "scratch_bytes", (json_int_t)scratch_bytes);
}

static json_t *step_json(const weft_plan *plan, const weft_schedule *schedule,
                         const weft_step *step)
{
    json_t *sources = json_array(), *deps = json_array(), *launches = json_array();
    for (size_t i = 0; i < step->source_count; i++)
        json_array_append_new(sources, json_string(step->sources[i]));
    for (size_t i = 0; i < step->dep_count; i++)
        json_array_append_new(deps, json_integer(step->deps[i]));
    for (size_t i = 0; i < step->launch_count; i++)
        json_array_append_new(launches, launch_json(plan, &step->launches[i]));
    json_t *cost = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:f, s:s, s:s}", "macs", (json_int_t)step->cost.macs, "flops",
        (json_int_t)step->cost.flops, "weight_bytes", (json_int_t)step->cost.weight_bytes,
        "input_bytes", (json_int_t)step->cost.input_bytes, "output_bytes",
        (json_int_t)step->cost.output_bytes, "ideal_us", step->cost.ideal_ns / 1000.0, "bound",
        bound_names[step->cost.bound], "source", "model");
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "name", step->name, "op", step->op,
                     "nodes", sources, "launches", launches, "inputs",
                     names_json(schedule, step->inputs, step->input_count), "outputs",
                     names_json(schedule, step->outputs, step->output_count), "deps", deps, "cost",
                     cost);
}

static json_t *value_json(const weft_schedule *schedule, const weft_schedule_value *value)
{
    json_t *made =
        json_pack("{s:s, s:s, s:o, s:s, s:I}", "name", value->name, "dtype",
                  weft_dtype_name(value->dtype), "shape", dims_json(&value->shape), "place",
                  place_names[value->place], "bytes", (json_int_t)value->size_bytes);
    if (value->place == WEFT_PLACE_ARENA) {
        json_object_set_new(made, "offset", json_integer((json_int_t)value->offset_bytes));
        json_object_set_new(made, "first_step", json_integer(value->first_step));
        json_object_set_new(made, "last_step", json_integer(value->last_step));
    }
    if (value->alias_of >= 0)
        json_object_set_new(made, "alias_of", json_string(schedule->values[value->alias_of].name));
    return made;
}

const char *weft_plan_json(const weft_plan *plan, weft_arena *arena)
{
    const weft_manifest *manifest = &plan->manifest;
    json_t *schedules = json_array(), *programs = json_array();
    for (size_t i = 0; i < manifest->program_count; i++)
        json_array_append_new(programs, json_string(manifest->programs[i].name));
    for (size_t s = 0; s < manifest->schedule_count; s++) {
        const weft_schedule *schedule = &manifest->schedules[s];
        json_t *steps = json_array(), *values = json_array();
        for (size_t i = 0; i < schedule->step_count; i++)
            json_array_append_new(steps, step_json(plan, schedule, &schedule->steps[i]));
        for (size_t i = 0; i < schedule->value_count; i++)
            json_array_append_new(values, value_json(schedule, &schedule->values[i]));
        json_array_append_new(
            schedules,
            json_pack("{s:o, s:o, s:I, s:I, s:o, s:o}", "inputs",
                      names_json(schedule, schedule->inputs, schedule->input_count), "outputs",
                      names_json(schedule, schedule->outputs, schedule->output_count),
                      "arena_bytes", (json_int_t)schedule->arena_bytes, "arena_unshared_bytes",
                      (json_int_t)schedule->arena_unshared_bytes, "steps", steps, "values",
                      values));
    }
    json_t *root =
        json_pack("{s:s, s:s, s:s, s:I, s:o, s:o}", "schema", "weft.plan/1", "model",
                  manifest->model, "target", manifest->target, "source_nodes",
                  (json_int_t)manifest->source_nodes, "programs", programs, "schedules", schedules);
    char *text = root == NULL ? NULL : json_dumps(root, JSON_INDENT(1));
    json_decref(root);
    if (text == NULL)
        return "{}";
    weft_arena_defer(arena, free, text);
    return text;
}
