/* SPDX-License-Identifier: Apache-2.0 */
/* Dependencies between steps: read after write, write after read and write after write on storage,
 * minus what other dependencies already imply. A device that runs steps out of order needs these
 * and nothing else. */
#include <stdlib.h>

#include "compiler/plan/internal.h"

typedef struct touch {
    uint64_t begin, end; /* bytes of the arena; outputs get ranges behind it */
    bool is_write;
} touch;

static bool storage_range(const weft_schedule *out, int32_t index, touch *range)
{
    const weft_schedule_value *value = &out->values[index];
    if (value->alias_of >= 0) {
        index = value->alias_of;
        value = &out->values[index];
    }
    if (value->place == WEFT_PLACE_ARENA) {
        range->begin = value->offset_bytes;
        range->end = value->offset_bytes + value->size_bytes;
        return true;
    }
    if (value->place == WEFT_PLACE_OUTPUT) {
        range->begin = UINT64_MAX / 2 + (uint64_t)index * 2;
        range->end = range->begin + 1;
        return true;
    }
    return false;
}

static size_t touches_scratch(const weft_arg *args, size_t arg_count, touch *list)
{
    size_t count = 0;
    for (size_t i = 0; i < arg_count; i++)
        if (args[i].kind == WEFT_ARG_SCRATCH)
            list[count++] =
                (touch){args[i].offset_bytes, args[i].offset_bytes + args[i].bytes, true};
    return count;
}

static size_t touches_of(const weft_schedule *out, const weft_step *step, touch *list)
{
    size_t count = 0;
    for (size_t i = 0; i < step->input_count; i++)
        if (step->inputs[i] >= 0 && storage_range(out, step->inputs[i], &list[count]))
            list[count++].is_write = false;
    for (size_t i = 0; i < step->output_count; i++)
        if (step->outputs[i] >= 0 && storage_range(out, step->outputs[i], &list[count]))
            list[count++].is_write = true;
    for (size_t k = 0; k < step->launch_count; k++)
        count += touches_scratch(step->launches[k].args, step->launches[k].arg_count, list + count);
    for (size_t k = 0; k < step->descriptor_count; k++)
        count += touches_scratch(step->descriptors[k].words, step->descriptors[k].word_count,
                                 list + count);
    return count;
}

static bool conflict(const touch *a, size_t a_count, const touch *b, size_t b_count)
{
    for (size_t i = 0; i < a_count; i++)
        for (size_t j = 0; j < b_count; j++)
            if ((a[i].is_write || b[j].is_write) && a[i].begin < b[j].end && b[j].begin < a[i].end)
                return true;
    return false;
}

void weft__plan_deps(schedule_state *state)
{
    weft_schedule *out = state->out;
    weft_arena *arena = state->planner->arena;
    touch **touches = WEFT_NEW_ARRAY(arena, touch *, out->step_count);
    size_t *counts = WEFT_NEW_ARRAY(arena, size_t, out->step_count);
    size_t words = out->step_count / 64 + 1;
    /* reach[s]: bit t when step t certainly ends before s starts. */
    uint64_t *reach = WEFT_NEW_ARRAY(arena, uint64_t, out->step_count * words);
    int32_t *found = WEFT_NEW_ARRAY(arena, int32_t, out->step_count);
    for (size_t s = 0; s < out->step_count; s++) {
        weft_step *step = &out->steps[s];
        size_t most = step->input_count + step->output_count;
        for (size_t k = 0; k < step->launch_count; k++)
            most += step->launches[k].arg_count;
        for (size_t k = 0; k < step->descriptor_count; k++)
            most += step->descriptors[k].word_count;
        touches[s] = WEFT_NEW_ARRAY(arena, touch, most);
        counts[s] = touches_of(out, step, touches[s]);
        uint64_t *mine = reach + s * words;
        size_t count = 0;
        for (size_t t = s; t-- > 0;) {
            if (mine[t / 64] >> (t % 64) & 1 ||
                !conflict(touches[s], counts[s], touches[t], counts[t]))
                continue;
            found[count++] = (int32_t)t;
            mine[t / 64] |= UINT64_C(1) << (t % 64);
            for (size_t w = 0; w < words; w++)
                mine[w] |= reach[t * words + w];
        }
        step->deps = WEFT_NEW_ARRAY(arena, int32_t, count);
        step->dep_count = count;
        for (size_t i = 0; i < count; i++)
            step->deps[i] = found[count - 1 - i];
    }
}
