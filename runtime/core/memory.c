/* SPDX-License-Identifier: Apache-2.0 */
/* See memory.h. */
#include "runtime/core/memory.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_BYTES = 4096 };

int32_t weft__storage_owner(const weft_schedule *schedule, int32_t index)
{
    const weft_schedule_value *value = &schedule->values[index];
    return value->place == WEFT_PLACE_ALIAS ? value->alias_of : index;
}

static uint64_t round_up(uint64_t bytes, uint64_t step)
{
    return (bytes + step - 1) / step * step;
}

static uint64_t scratch_end_of(const weft_arg *args, size_t count, uint64_t end)
{
    for (size_t i = 0; i < count; i++)
        if (args[i].kind == WEFT_ARG_SCRATCH && args[i].offset_bytes + args[i].bytes > end)
            end = args[i].offset_bytes + args[i].bytes;
    return end;
}

static uint64_t scratch_end(const weft_schedule *schedule)
{
    uint64_t end = 0;
    for (size_t s = 0; s < schedule->step_count; s++) {
        const weft_step *step = &schedule->steps[s];
        for (size_t l = 0; l < step->launch_count; l++)
            end = scratch_end_of(step->launches[l].args, step->launches[l].arg_count, end);
        for (size_t d = 0; d < step->descriptor_count; d++)
            end = scratch_end_of(step->descriptors[d].words, step->descriptors[d].word_count, end);
    }
    return end;
}

static bool is_port(const weft_schedule_value *value)
{
    return value->place == WEFT_PLACE_INPUT || value->place == WEFT_PLACE_OUTPUT;
}

static void place(const weft_schedule_value *value, uint64_t *offset, uint64_t *end)
{
    *offset = *end;
    *end += round_up(value->size_bytes, WEFT_STORAGE_ALIGN);
}

/* Constants that the engine reads as values: at `end`, those of a step in a row. */
static uint64_t place_constants(const weft_schedule *schedule, uint64_t end, uint64_t *offsets)
{
    for (size_t s = 0; s < schedule->step_count; s++)
        for (size_t d = 0; d < schedule->steps[s].descriptor_count; d++) {
            const weft_descriptor *descriptor = &schedule->steps[s].descriptors[d];
            for (size_t w = 0; w < descriptor->word_count; w++) {
                if (descriptor->words[w].kind != WEFT_ARG_VALUE)
                    continue;
                int32_t owner = weft__storage_owner(schedule, descriptor->words[w].index);
                if (schedule->values[owner].place == WEFT_PLACE_CONSTANT &&
                    offsets[owner] == WEFT__NOT_IN_ARENA)
                    place(&schedule->values[owner], &offsets[owner], &end);
            }
        }
    return end;
}

/* Offsets of the schedule, or, to keep every value, one after the other behind the scratch memory;
 * ports and constants, when they lie in the arena, behind that. Returns the arena's size. Each size
 * is at most 2^40 and a manifest has less than 2^20 of them per megabyte, so the sum cannot
 * overflow before memory ends. */
static uint64_t place_values(const weft_schedule *schedule, bool keep_values, bool ports_in_arena,
                             uint64_t *offsets)
{
    uint64_t end =
        round_up(keep_values ? scratch_end(schedule) : schedule->arena_bytes, WEFT_STORAGE_ALIGN);
    for (size_t i = 0; i < schedule->value_count; i++) {
        const weft_schedule_value *value = &schedule->values[i];
        offsets[i] = value->place == WEFT_PLACE_CONSTANT ? WEFT__NOT_IN_ARENA : value->offset_bytes;
        if ((keep_values && value->place == WEFT_PLACE_ARENA) || (ports_in_arena && is_port(value)))
            place(value, &offsets[i], &end);
    }
    return ports_in_arena ? place_constants(schedule, end, offsets) : end;
}

/* Whole pages, so that an OpenCL device takes them as they are. Fresh ones cost nothing until they
 * are touched. */
static void *allocate(uint64_t bytes)
{
    void *memory = NULL;
    if (bytes > SIZE_MAX / 2 || weft_arena_injected_failure() ||
        posix_memalign(&memory, PAGE_BYTES, (size_t)round_up(bytes, PAGE_BYTES)) != 0)
        return NULL;
    return memory;
}

static bool allocate_ports(const weft_schedule *schedule, weft_run_memory *memory, uint64_t *needed)
{
    for (size_t i = 0; i < schedule->value_count; i++) {
        const weft_schedule_value *value = &schedule->values[i];
        if (!is_port(value))
            continue;
        *needed = value->size_bytes;
        memory->storage[i] = allocate(value->size_bytes);
        if (memory->storage[i] == NULL)
            return false;
        memset(memory->storage[i], 0, (size_t)value->size_bytes);
    }
    return true;
}

bool weft__memory_init(const weft_schedule *schedule, bool keep_values, bool ports_in_arena,
                       weft_run_memory *out_memory, uint64_t *out_needed_bytes)
{
    *out_memory = (weft_run_memory){.has_ports_in_arena = ports_in_arena};
    *out_needed_bytes = schedule->value_count * sizeof(void *) * 2;
    out_memory->storage = calloc(schedule->value_count + 1, sizeof *out_memory->storage);
    out_memory->arena_offsets =
        calloc(schedule->value_count + 1, sizeof *out_memory->arena_offsets);
    if (out_memory->storage == NULL || out_memory->arena_offsets == NULL ||
        (!ports_in_arena && !allocate_ports(schedule, out_memory, out_needed_bytes))) {
        weft__memory_finish(schedule, out_memory);
        return false;
    }
    uint64_t arena_bytes =
        place_values(schedule, keep_values, ports_in_arena, out_memory->arena_offsets);
    *out_needed_bytes = arena_bytes;
    out_memory->arena = arena_bytes == 0 ? NULL : allocate(arena_bytes);
    if (out_memory->arena == NULL && arena_bytes > 0) {
        weft__memory_finish(schedule, out_memory);
        return false;
    }
    out_memory->arena_bytes = (size_t)arena_bytes;
    for (size_t i = 0; i < schedule->value_count; i++) {
        const weft_schedule_value *value = &schedule->values[i];
        bool is_port_here = ports_in_arena && is_port(value);
        if (out_memory->arena == NULL)
            continue; /* every value is empty */
        if (value->place == WEFT_PLACE_ARENA || is_port_here)
            out_memory->storage[i] = out_memory->arena + out_memory->arena_offsets[i];
        if (is_port_here)
            memset(out_memory->storage[i], 0, (size_t)value->size_bytes);
    }
    for (size_t i = 0; i < schedule->value_count; i++)
        out_memory->storage[i] = out_memory->storage[weft__storage_owner(schedule, (int32_t)i)];
    return true;
}

void weft__memory_finish(const weft_schedule *schedule, weft_run_memory *memory)
{
    for (size_t i = 0; memory->storage != NULL && i < schedule->value_count; i++)
        if (!memory->has_ports_in_arena && is_port(&schedule->values[i]))
            free(memory->storage[i]);
    free(memory->storage);
    free(memory->arena_offsets);
    free(memory->arena);
    *memory = (weft_run_memory){0};
}
