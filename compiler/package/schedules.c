/* SPDX-License-Identifier: Apache-2.0 */
/* What each schedule takes of the package: work, memory, and constants, counted where a schedule
 * before it does not read them already. Must not know about: JSON, files. */
#include <inttypes.h>

#include "compiler/package/internal.h"

typedef struct counter {
    const weft_manifest *manifest;
    size_t schedule;
    size_t *blob_reader; /* per blob: 1 + the schedule that was seen last to read it */
    weft_map plain_seen; /* offset of plain elements -> the same */
    weft_arena *arena;
    weft_schedule_info *info;
} counter;

static void add_constant(counter *c, size_t last_reader, uint64_t bytes)
{
    if (last_reader == c->schedule + 1)
        return;
    c->info->constant_bytes += bytes;
    c->info->own_bytes += last_reader == 0 ? bytes : 0;
}

static void add_blob(counter *c, int32_t blob)
{
    if (blob < 0)
        return;
    add_constant(c, c->blob_reader[blob], c->manifest->blobs[blob].size_bytes);
    c->blob_reader[blob] = c->schedule + 1;
}

static void add_args(counter *c, const weft_arg *args, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (args[i].kind == WEFT_ARG_BLOB)
            add_blob(c, args[i].index);
}

static void add_value(counter *c, const weft_schedule_value *value)
{
    if (value->place != WEFT_PLACE_CONSTANT)
        return;
    add_blob(c, value->blob);
    if (!value->has_plain)
        return;
    const char *key = weft_arena_printf(c->arena, "%" PRIu64, value->offset_bytes);
    add_constant(c, (size_t)(uintptr_t)weft_map_get(&c->plain_seen, key), value->size_bytes);
    weft_map_put(&c->plain_seen, key, (void *)(uintptr_t)(c->schedule + 1));
}

/* The numbers of a package are what its writer made of them. */
static int64_t add_macs(int64_t sum, int64_t macs)
{
    return macs > INT64_MAX - sum ? INT64_MAX : sum + macs;
}

const weft_schedule_info *weft__schedule_infos(weft_arena *arena, const weft_manifest *manifest)
{
    weft_schedule_info *infos = WEFT_NEW_ARRAY(arena, weft_schedule_info, manifest->schedule_count);
    counter c = {.manifest = manifest, .arena = arena};
    c.blob_reader = WEFT_NEW_ARRAY(arena, size_t, manifest->blob_count);
    weft_map_init(&c.plain_seen, arena);
    for (c.schedule = 0; c.schedule < manifest->schedule_count; c.schedule++) {
        const weft_schedule *from = &manifest->schedules[c.schedule];
        c.info = &infos[c.schedule];
        *c.info = (weft_schedule_info){.input_count = from->input_count,
                                       .output_count = from->output_count,
                                       .step_count = from->step_count,
                                       .value_count = from->value_count,
                                       .arena_bytes = from->arena_bytes,
                                       .arena_unshared_bytes = from->arena_unshared_bytes};
        for (size_t i = 0; i < from->value_count; i++)
            add_value(&c, &from->values[i]);
        for (size_t s = 0; s < from->step_count; s++) {
            const weft_step *step = &from->steps[s];
            c.info->macs = add_macs(c.info->macs, step->cost.macs);
            for (size_t l = 0; l < step->launch_count; l++)
                add_args(&c, step->launches[l].args, step->launches[l].arg_count);
            for (size_t d = 0; d < step->descriptor_count; d++)
                add_args(&c, step->descriptors[d].words, step->descriptors[d].word_count);
        }
    }
    return infos;
}
