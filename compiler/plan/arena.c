/* SPDX-License-Identifier: Apache-2.0 */
/* Lifetimes -> offsets in one arena: largest first, each at the lowest offset where nothing that
 * lives at the same time lies. Best known simple rule for this problem ("greedy by size", Pisarchyk
 * and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020). Scratch of a step
 * takes part with a lifetime of that one step. */
#include <stdlib.h>

#include "compiler/plan/internal.h"

typedef struct block {
    uint64_t size_bytes, offset_bytes;
    int32_t first, last;
    size_t order; /* ties: the order of making */
    bool is_scratch;
    size_t index; /* value or scratch use */
} block;

static int larger_first(const void *left, const void *right)
{
    const block *a = left, *b = right;
    if (a->size_bytes != b->size_bytes)
        return a->size_bytes < b->size_bytes ? 1 : -1;
    return a->order < b->order ? -1 : a->order > b->order;
}

static int lower_offset(const void *left, const void *right)
{
    const block *a = *(const block *const *)left, *b = *(const block *const *)right;
    return a->offset_bytes < b->offset_bytes ? -1 : a->offset_bytes > b->offset_bytes;
}

static uint64_t aligned(uint64_t bytes)
{
    return (bytes + WEFT_STORAGE_ALIGN - 1) / WEFT_STORAGE_ALIGN * WEFT_STORAGE_ALIGN;
}

/* Lifetimes of storage: from the step that writes it to the last step that reads it, aliases
 * included. */
static void set_lifetimes(weft_schedule *out)
{
    for (size_t s = 0; s < out->step_count; s++) {
        const weft_step *step = &out->steps[s];
        for (size_t i = 0; i < step->input_count + step->output_count; i++) {
            int32_t index =
                i < step->input_count ? step->inputs[i] : step->outputs[i - step->input_count];
            if (index < 0)
                continue;
            weft_schedule_value *value = &out->values[index];
            for (int hop = 0; hop < 2; hop++) {
                if (value->first_step > (int32_t)s)
                    value->first_step = (int32_t)s;
                if (value->last_step < (int32_t)s)
                    value->last_step = (int32_t)s;
                if (value->alias_of < 0)
                    break;
                value = &out->values[value->alias_of];
            }
        }
    }
    for (size_t i = 0; i < out->output_count; i++)
        out->values[out->outputs[i]].last_step = (int32_t)out->step_count;
    for (size_t i = 0; i < out->value_count; i++)
        if (out->values[i].first_step == INT32_MAX)
            out->values[i].first_step = out->values[i].last_step = 0;
}

static void place_blocks(weft_arena *arena, block *blocks, size_t count, uint64_t *out_bytes)
{
    qsort(blocks, count, sizeof *blocks, larger_first);
    block **live = WEFT_NEW_ARRAY(arena, block *, count);
    *out_bytes = 0;
    for (size_t i = 0; i < count; i++) {
        size_t live_count = 0;
        for (size_t j = 0; j < i; j++)
            if (blocks[j].first <= blocks[i].last && blocks[i].first <= blocks[j].last)
                live[live_count++] = &blocks[j];
        qsort(live, live_count, sizeof *live, lower_offset);
        uint64_t offset = 0;
        for (size_t j = 0; j < live_count; j++) {
            if (live[j]->offset_bytes >= offset + blocks[i].size_bytes)
                break;
            uint64_t end = live[j]->offset_bytes + live[j]->size_bytes;
            if (end > offset)
                offset = end;
        }
        blocks[i].offset_bytes = offset;
        if (offset + blocks[i].size_bytes > *out_bytes)
            *out_bytes = offset + blocks[i].size_bytes;
    }
}

static weft_arg *arg_of(const weft_schedule *out, const scratch_use *use)
{
    weft_step *step = &out->steps[use->step];
    return use->is_descriptor ? &step->descriptors[use->launch].words[use->arg]
                              : &step->launches[use->launch].args[use->arg];
}

void weft__plan_arena(schedule_state *state)
{
    weft_schedule *out = state->out;
    weft_arena *arena = state->planner->arena;
    set_lifetimes(out);
    block *blocks = WEFT_NEW_ARRAY(arena, block, out->value_count + state->scratch.count);
    size_t count = 0;
    for (size_t i = 0; i < out->value_count; i++) {
        const weft_schedule_value *value = &out->values[i];
        if (value->place == WEFT_PLACE_ARENA) {
            blocks[count] = (block){aligned(value->size_bytes),
                                    0,
                                    value->first_step,
                                    value->last_step,
                                    count,
                                    false,
                                    i};
            count++;
        }
    }
    for (size_t i = 0; i < state->scratch.count; i++) {
        const scratch_use *use = &state->scratch.data[i];
        if (use->same_as >= 0)
            continue;
        blocks[count] = (block){aligned(use->bytes), 0, use->step, use->step, count, true, i};
        count++;
    }
    out->arena_unshared_bytes = 0;
    for (size_t i = 0; i < count; i++)
        out->arena_unshared_bytes += blocks[i].size_bytes;
    place_blocks(arena, blocks, count, &out->arena_bytes);
    for (size_t i = 0; i < count; i++) {
        if (blocks[i].is_scratch) {
            arg_of(out, &state->scratch.data[blocks[i].index])->offset_bytes =
                blocks[i].offset_bytes;
        } else {
            out->values[blocks[i].index].offset_bytes = blocks[i].offset_bytes;
        }
    }
    for (size_t i = 0; i < state->scratch.count; i++) {
        const scratch_use *use = &state->scratch.data[i];
        if (use->same_as < 0)
            continue;
        const scratch_use *owner = &state->scratch.data[use->same_as];
        WEFT_ASSERT(owner->step == use->step);
        arg_of(out, use)->offset_bytes = arg_of(out, owner)->offset_bytes;
    }
}
