/* SPDX-License-Identifier: Apache-2.0 */
/* See manifest_check.h: steps, their launches, arguments and descriptors. */
#include <inttypes.h>
#include <math.h>

#include "compiler/package/manifest_check.h"

static bool check_value_list(const weft__check *c, size_t step, const char *what,
                             const int32_t *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] < -1 || (list[i] >= 0 && (size_t)list[i] >= c->schedule->value_count))
            return weft__check_fail(c, "steps[%zu].%s[%zu]: there is no value %" PRId32, step, what,
                                    i, list[i]);
    return true;
}

static bool check_arg(const weft__check *c, size_t step, const weft_launch *launch, size_t index)
{
    const weft_arg *arg = &launch->args[index];
    switch (arg->kind) {
    case WEFT_ARG_VALUE: {
        if (arg->index < 0 || (size_t)arg->index >= c->schedule->value_count)
            return weft__check_fail(c,
                                    "steps[%zu].launches[].args[%zu]: there is no value %" PRId32,
                                    step, index, arg->index);
        const weft_schedule_value *value = &c->schedule->values[arg->index];
        if (value->place == WEFT_PLACE_ALIAS)
            value = &c->schedule->values[value->alias_of];
        return value->place != WEFT_PLACE_CONSTANT || (value->has_plain && value->size_bytes > 0) ||
               weft__check_fail(c,
                                "steps[%zu].launches[].args[%zu]: constant %" PRId32
                                " has no plain form to point to",
                                step, index, arg->index);
    }
    case WEFT_ARG_BLOB:
        return (arg->index >= 0 && (size_t)arg->index < c->manifest->blob_count) ||
               weft__check_fail(c, "steps[%zu].launches[].args[%zu]: there is no blob %" PRId32,
                                step, index, arg->index);
    case WEFT_ARG_LOCAL:
        return (arg->bytes > 0 && arg->bytes <= INT32_MAX) ||
               weft__check_fail(
                   c, "steps[%zu].launches[].args[%zu]: %" PRIu64 " bytes of local memory", step,
                   index, arg->bytes);
    case WEFT_ARG_SCRATCH:
        return (arg->offset_bytes % WEFT_STORAGE_ALIGN == 0 && arg->bytes > 0 &&
                weft__check_range(arg->offset_bytes, arg->bytes, c->schedule->arena_bytes)) ||
               weft__check_fail(
                   c, "steps[%zu].launches[].args[%zu]: scratch memory outside of the arena", step,
                   index);
    case WEFT_ARG_NULL:
    case WEFT_ARG_INT:
    case WEFT_ARG_FLOAT: return true;
    default:
        return weft__check_fail(c, "steps[%zu].launches[].args[%zu]: unknown kind", step, index);
    }
}

/* Words are numbers, offsets of values in the engine's arena, of scratch memory or of blobs. */
static bool check_descriptor(const weft__check *c, size_t step, size_t index)
{
    const weft_descriptor *descriptor = &c->schedule->steps[step].descriptors[index];
    if (descriptor->word_count == 0 || descriptor->word_count > WEFT_DESCRIPTOR_WORDS)
        return weft__check_fail(c,
                                "steps[%zu].descriptors[%zu]: %zu words, but 1 to %d are possible",
                                step, index, descriptor->word_count, WEFT_DESCRIPTOR_WORDS);
    for (size_t i = 0; i < descriptor->word_count; i++) {
        const weft_arg *word = &descriptor->words[i];
        bool is_value = word->kind == WEFT_ARG_VALUE, is_blob = word->kind == WEFT_ARG_BLOB;
        bool is_scratch = word->kind == WEFT_ARG_SCRATCH;
        if (!is_value && !is_blob && !is_scratch && word->kind != WEFT_ARG_INT)
            return weft__check_fail(
                c, "steps[%zu].descriptors[%zu][%zu]: not a number, a value or a blob", step, index,
                i);
        if (is_scratch &&
            (word->offset_bytes % WEFT_STORAGE_ALIGN != 0 || word->bytes == 0 || word->i < 0 ||
             (uint64_t)word->i >= word->bytes ||
             !weft__check_range(word->offset_bytes, word->bytes, c->schedule->arena_bytes)))
            return weft__check_fail(
                c, "steps[%zu].descriptors[%zu][%zu]: scratch memory outside of the arena", step,
                index, i);
        size_t count = is_value ? c->schedule->value_count : c->manifest->blob_count;
        if ((is_value || is_blob) && (word->index < 0 || (size_t)word->index >= count))
            return weft__check_fail(c, "steps[%zu].descriptors[%zu][%zu]: there is no %s %" PRId32,
                                    step, index, i, is_value ? "value" : "blob", word->index);
        if (!is_value)
            continue;
        const weft_schedule_value *value = &c->schedule->values[word->index];
        if (value->place == WEFT_PLACE_ALIAS)
            value = &c->schedule->values[value->alias_of];
        if (value->place == WEFT_PLACE_CONSTANT && !value->has_plain && value->blob < 0)
            return weft__check_fail(
                c, "steps[%zu].descriptors[%zu][%zu]: constant %" PRId32 " has no plain form", step,
                index, i, word->index);
        if (word->i < 0 || (uint64_t)word->i >= value->size_bytes)
            return weft__check_fail(
                c, "steps[%zu].descriptors[%zu][%zu]: byte %" PRId32 " is not in value %" PRId32,
                step, index, i, word->i, word->index);
    }
    return true;
}

static bool check_launch(const weft__check *c, size_t step, const weft_launch *launch)
{
    if (launch->program < 0 || (size_t)launch->program >= c->manifest->program_count)
        return weft__check_fail(c, "steps[%zu].launches[].program: there is no program %" PRId32,
                                step, launch->program);
    if (launch->kernel < 0 ||
        (size_t)launch->kernel >= c->manifest->programs[launch->program].kernel_count)
        return weft__check_fail(c,
                                "steps[%zu].launches[].kernel: the program has no kernel %" PRId32,
                                step, launch->kernel);
    if (c->manifest->programs[launch->program].language != WEFT_LANGUAGE_OPENCL)
        return weft__check_fail(
            c, "steps[%zu].launches[].program: program %" PRId32 " is not OpenCL C", step,
            launch->program);
    uint64_t items = 1;
    for (int i = 0; i < 3; i++) {
        if (launch->local[i] == 0 || launch->global[i] == 0 || launch->global[i] > UINT32_MAX ||
            launch->global[i] % launch->local[i] != 0)
            return weft__check_fail(
                c, "steps[%zu].launches[].global[%d]: not a positive multiple of the local size",
                step, i);
        if (items > WEFT_CHECK_MAX_BYTES / launch->global[i])
            return weft__check_fail(c, "steps[%zu].launches[].global: too many work-items", step);
        items *= launch->global[i];
    }
    for (size_t i = 0; i < launch->arg_count; i++)
        if (!check_arg(c, step, launch, i))
            return false;
    return true;
}

bool weft__check_step(const weft__check *c, size_t index)
{
    const weft_step *step = &c->schedule->steps[index];
    if (step->name[0] == '\0' || step->op[0] == '\0')
        return weft__check_fail(c, "steps[%zu]: name and op must not be empty", index);
    if (!check_value_list(c, index, "inputs", step->inputs, step->input_count) ||
        !check_value_list(c, index, "outputs", step->outputs, step->output_count))
        return false;
    for (size_t i = 0; i < step->output_count; i++) {
        weft_place place =
            step->outputs[i] < 0 ? WEFT_PLACE_ARENA : c->schedule->values[step->outputs[i]].place;
        if (place == WEFT_PLACE_INPUT || place == WEFT_PLACE_CONSTANT)
            return weft__check_fail(
                c, "steps[%zu].outputs[%zu]: inputs and constants are not written", index, i);
    }
    for (size_t i = 0; i < step->dep_count; i++)
        if (step->deps[i] < 0 || (size_t)step->deps[i] >= index ||
            (i > 0 && step->deps[i] <= step->deps[i - 1]))
            return weft__check_fail(
                c, "steps[%zu].deps[%zu]: must be earlier steps in ascending order", index, i);
    if (!isfinite(step->cost.ideal_ns) || step->cost.ideal_ns < 0)
        return weft__check_fail(c, "steps[%zu].cost.ideal_ns: not a time", index);
    if (step->cost.cycles < 0 || (step->cost.cycles > 0 && step->descriptor_count == 0))
        return weft__check_fail(c, "steps[%zu].cost.cycles: only steps with descriptors have any",
                                index);
    if (step->launch_count == 0 && step->descriptor_count == 0)
        return weft__check_fail(c, "steps[%zu].launches: must not be empty without descriptors",
                                index);
    if (step->descriptor_count > 0 && c->manifest->engine.name == NULL)
        return weft__check_fail(c, "steps[%zu].descriptors: the package has no engine", index);
    for (size_t i = 0; i < step->descriptor_count; i++)
        if (!check_descriptor(c, index, i))
            return false;
    for (size_t i = 0; i < step->launch_count; i++)
        if (!check_launch(c, index, &step->launches[i]))
            return false;
    return true;
}
