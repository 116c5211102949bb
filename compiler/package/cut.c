/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting one step out of a package: a package of its own whose inputs are what the step reads.
 * Everything that the step does not touch is left out; what it touches keeps its meaning, its
 * launches and its descriptors. Must not know about: operators, devices. */
#include <string.h>

#include "compiler/package/internal.h"

typedef struct cut {
    weft_arena *arena;
    const weft_package_view *view;
    const weft_schedule *from;
    bool *keeps_step;
    int32_t *step_index, *value_index; /* new index of an old one; -1: left out */
    int32_t *program_index, *blob_index;
    int32_t *blob_source;  /* old index of a new blob */
    int32_t *value_source; /* the same of a value */
    weft_schedule schedule;
    weft_manifest manifest;
} cut;

static int32_t owner_of(const weft_schedule *schedule, int32_t value)
{
    return schedule->values[value].place == WEFT_PLACE_ALIAS ? schedule->values[value].alias_of
                                                             : value;
}

static int32_t *absent(weft_arena *arena, size_t count)
{
    int32_t *list = WEFT_NEW_ARRAY(arena, int32_t, count);
    for (size_t i = 0; i < count; i++)
        list[i] = -1;
    return list;
}

/* The step, or -1, that writes the storage of `owner`. */
static int32_t writer_of(const weft_schedule *schedule, int32_t owner)
{
    for (size_t i = 0; i < schedule->step_count; i++)
        for (size_t k = 0; k < schedule->steps[i].output_count; k++)
            if (schedule->steps[i].outputs[k] >= 0 &&
                owner_of(schedule, schedule->steps[i].outputs[k]) == owner)
                return (int32_t)i;
    return -1;
}

/* An input that lies in memory as sums over blocks cannot be given from outside, so the step that
 * leaves it comes along; its writers stand before it. */
static void choose_steps(cut *c, size_t step)
{
    c->keeps_step[step] = true;
    for (size_t i = step + 1; i-- > 0;) {
        const weft_step *one = &c->from->steps[i];
        for (size_t k = 0; c->keeps_step[i] && k < one->input_count; k++) {
            int32_t owner = one->inputs[k] < 0 ? -1 : owner_of(c->from, one->inputs[k]);
            int32_t writer = owner >= 0 && c->from->values[owner].partial_blocks > 0
                                 ? writer_of(c->from, owner)
                                 : -1;
            if (writer >= 0)
                c->keeps_step[writer] = true;
        }
    }
}

/* ---- which values, blobs and programs ---- */

static void need_blob(cut *c, int32_t blob)
{
    if (blob >= 0)
        c->blob_index[blob] = 0;
}

static void need_value(cut *c, int32_t value)
{
    if (value < 0)
        return;
    int32_t owner = owner_of(c->from, value);
    c->value_index[value] = 0;
    c->value_index[owner] = 0;
    need_blob(c, c->from->values[owner].blob);
    need_blob(c, c->from->values[value].blob);
}

static void need_args(cut *c, const weft_arg *args, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (args[i].kind == WEFT_ARG_VALUE)
            need_value(c, args[i].index);
        if (args[i].kind == WEFT_ARG_BLOB)
            need_blob(c, args[i].index);
    }
}

static void collect(cut *c)
{
    const weft_engine *engine = &c->view->manifest->engine;
    for (size_t i = 0; i < c->from->step_count; i++) {
        const weft_step *step = &c->from->steps[i];
        if (!c->keeps_step[i])
            continue;
        for (size_t k = 0; k < step->input_count; k++)
            need_value(c, step->inputs[k]);
        for (size_t k = 0; k < step->output_count; k++)
            need_value(c, step->outputs[k]);
        for (size_t k = 0; k < step->launch_count; k++) {
            need_args(c, step->launches[k].args, step->launches[k].arg_count);
            c->program_index[step->launches[k].program] = 0;
        }
        for (size_t k = 0; k < step->descriptor_count; k++)
            need_args(c, step->descriptors[k].words, step->descriptors[k].word_count);
    }
    if (engine->name != NULL) {
        c->program_index[engine->opencl_program] = 0;
        c->program_index[engine->hls_program] = 0;
    }
}

/* Numbers the needed entries in their order; returns how many there are. */
static size_t number(int32_t *index, size_t count)
{
    int32_t next = 0;
    for (size_t i = 0; i < count; i++)
        if (index[i] >= 0)
            index[i] = next++;
    return (size_t)next;
}

/* ---- building ---- */

static uint64_t round_up(uint64_t bytes)
{
    return (bytes + WEFT_STORAGE_ALIGN - 1) / WEFT_STORAGE_ALIGN * WEFT_STORAGE_ALIGN;
}

static void build_programs(cut *c)
{
    const weft_manifest *from = c->view->manifest;
    weft_manifest *to = &c->manifest;
    to->program_count = number(c->program_index, from->program_count);
    to->programs = WEFT_NEW_ARRAY(c->arena, weft_program, to->program_count);
    for (size_t i = 0; i < from->program_count; i++)
        if (c->program_index[i] >= 0)
            to->programs[c->program_index[i]] = from->programs[i];
    if (to->engine.name != NULL) {
        to->engine.opencl_program = c->program_index[to->engine.opencl_program];
        to->engine.hls_program = c->program_index[to->engine.hls_program];
    }
}

static void build_blobs(cut *c)
{
    const weft_manifest *from = c->view->manifest;
    weft_manifest *to = &c->manifest;
    uint64_t offset_bytes = 0;
    to->blob_count = number(c->blob_index, from->blob_count);
    to->blobs = WEFT_NEW_ARRAY(c->arena, weft_blob, to->blob_count);
    c->blob_source = WEFT_NEW_ARRAY(c->arena, int32_t, to->blob_count);
    for (size_t i = 0; i < from->blob_count; i++) {
        if (c->blob_index[i] < 0)
            continue;
        weft_blob *blob = &to->blobs[c->blob_index[i]];
        *blob = from->blobs[i];
        blob->offset_bytes = offset_bytes;
        offset_bytes = round_up(offset_bytes + blob->size_bytes);
        c->blob_source[c->blob_index[i]] = (int32_t)i;
    }
}

/* Elements in section "plain" come one after the other; constants that shared them still do. */
static void place_plain(cut *c, size_t index, uint64_t *end_bytes)
{
    weft_schedule_value *value = &c->schedule.values[index];
    const weft_schedule_value *mine = &c->from->values[c->value_source[index]];
    for (size_t i = 0; i < index; i++) {
        const weft_schedule_value *theirs = &c->from->values[c->value_source[i]];
        if (theirs->has_plain && theirs->offset_bytes == mine->offset_bytes &&
            theirs->size_bytes == mine->size_bytes) {
            value->offset_bytes = c->schedule.values[i].offset_bytes;
            return;
        }
    }
    value->offset_bytes = *end_bytes;
    *end_bytes = round_up(*end_bytes + value->size_bytes);
}

/* Whether a kept step reads (or else: writes) the storage. */
static bool is_used(const cut *c, int32_t owner, bool as_input)
{
    for (size_t i = 0; i < c->from->step_count; i++) {
        const weft_step *step = &c->from->steps[i];
        const int32_t *list = as_input ? step->inputs : step->outputs;
        size_t count = as_input ? step->input_count : step->output_count;
        for (size_t k = 0; c->keeps_step[i] && k < count; k++)
            if (list[k] >= 0 && owner_of(c->from, list[k]) == owner)
                return true;
    }
    return false;
}

/* What is written becomes an output, what is only read an input; sums over blocks stay inside, and
 * so does what one kept step gives to another. */
static weft_place place_of(const cut *c, int32_t old)
{
    const weft_schedule_value *value = &c->from->values[old];
    if (value->place == WEFT_PLACE_ALIAS || value->place == WEFT_PLACE_CONSTANT)
        return value->place;
    bool is_read = is_used(c, old, true), is_written = is_used(c, old, false);
    if (is_written && !is_read && value->partial_blocks == 0)
        return WEFT_PLACE_OUTPUT;
    return is_read && !is_written ? WEFT_PLACE_INPUT : WEFT_PLACE_ARENA;
}

static void build_values(cut *c)
{
    weft_schedule *to = &c->schedule;
    uint64_t plain_bytes = 0;
    to->value_count = number(c->value_index, c->from->value_count);
    to->values = WEFT_NEW_ARRAY(c->arena, weft_schedule_value, to->value_count);
    to->inputs = WEFT_NEW_ARRAY(c->arena, int32_t, to->value_count);
    to->outputs = WEFT_NEW_ARRAY(c->arena, int32_t, to->value_count);
    c->value_source = WEFT_NEW_ARRAY(c->arena, int32_t, to->value_count);
    for (size_t i = 0; i < c->from->value_count; i++) {
        int32_t index = c->value_index[i];
        if (index < 0)
            continue;
        weft_schedule_value *value = &to->values[index];
        size_t dense_bytes = 0;
        *value = c->from->values[i];
        c->value_source[index] = (int32_t)i;
        value->place = place_of(c, (int32_t)i);
        value->first_step = -1;
        value->last_step = (int32_t)to->step_count;
        value->blob = value->blob < 0 ? -1 : c->blob_index[value->blob];
        if (value->place == WEFT_PLACE_ALIAS)
            value->alias_of = c->value_index[value->alias_of];
        if (value->has_plain)
            place_plain(c, (size_t)index, &plain_bytes);
        if (value->place == WEFT_PLACE_INPUT || value->place == WEFT_PLACE_OUTPUT) {
            weft_shape_bytes(&value->shape, value->dtype, &dense_bytes);
            value->size_bytes = dense_bytes;
            value->offset_bytes = 0;
        }
        if (value->place == WEFT_PLACE_INPUT)
            to->inputs[to->input_count++] = index;
        if (value->place == WEFT_PLACE_OUTPUT)
            to->outputs[to->output_count++] = index;
    }
}

static weft_arg *map_args(const cut *c, const weft_arg *args, size_t count)
{
    weft_arg *mapped = weft_arena_dup(c->arena, args, count * sizeof *args);
    for (size_t i = 0; i < count; i++) {
        if (args[i].kind == WEFT_ARG_VALUE)
            mapped[i].index = c->value_index[args[i].index];
        if (args[i].kind == WEFT_ARG_BLOB)
            mapped[i].index = c->blob_index[args[i].index];
    }
    return mapped;
}

static int32_t *map_values(const cut *c, const int32_t *list, size_t count)
{
    int32_t *mapped = WEFT_NEW_ARRAY(c->arena, int32_t, count);
    for (size_t i = 0; i < count; i++)
        mapped[i] = list[i] < 0 ? -1 : c->value_index[list[i]];
    return mapped;
}

static void build_step(const cut *c, weft_step *step)
{
    weft_launch *launches =
        weft_arena_dup(c->arena, step->launches, step->launch_count * sizeof *launches);
    weft_descriptor *descriptors =
        weft_arena_dup(c->arena, step->descriptors, step->descriptor_count * sizeof *descriptors);
    int32_t *deps = WEFT_NEW_ARRAY(c->arena, int32_t, step->dep_count);
    size_t dep_count = 0;
    for (size_t i = 0; i < step->launch_count; i++) {
        launches[i].program = c->program_index[launches[i].program];
        launches[i].args = map_args(c, launches[i].args, launches[i].arg_count);
    }
    for (size_t i = 0; i < step->descriptor_count; i++)
        descriptors[i].words = map_args(c, descriptors[i].words, descriptors[i].word_count);
    for (size_t i = 0; i < step->dep_count; i++)
        if (c->step_index[step->deps[i]] >= 0)
            deps[dep_count++] = c->step_index[step->deps[i]];
    step->launches = launches;
    step->descriptors = descriptors;
    step->deps = deps;
    step->dep_count = dep_count;
    step->inputs = map_values(c, step->inputs, step->input_count);
    step->outputs = map_values(c, step->outputs, step->output_count);
}

static void build(cut *c)
{
    weft_schedule *to = &c->schedule;
    const weft_manifest *from = c->view->manifest;
    for (size_t i = 0; i < c->from->step_count; i++)
        c->step_index[i] = c->keeps_step[i] ? 0 : -1;
    collect(c);
    c->manifest = (weft_manifest){.model = from->model,
                                  .producer = from->producer,
                                  .target = from->target,
                                  .opset = from->opset,
                                  .engine = from->engine,
                                  .card = from->card,
                                  .schedules = to,
                                  .schedule_count = 1};
    to->arena_bytes = c->from->arena_bytes; /* offsets in it stay as they are */
    to->arena_unshared_bytes = c->from->arena_unshared_bytes;
    to->step_count = number(c->step_index, c->from->step_count);
    to->steps = WEFT_NEW_ARRAY(c->arena, weft_step, to->step_count);
    build_programs(c);
    build_blobs(c);
    build_values(c);
    for (size_t i = 0; i < c->from->step_count; i++) {
        if (c->step_index[i] < 0)
            continue;
        weft_step *step = &to->steps[c->step_index[i]];
        *step = c->from->steps[i];
        build_step(c, step);
        c->manifest.source_nodes += (int64_t)step->source_count;
        c->manifest.weight_bytes += step->cost.weight_bytes;
    }
    for (size_t i = 0; i < to->value_count; i++) {
        int64_t elements = 0;
        if (to->values[i].place == WEFT_PLACE_CONSTANT &&
            weft_shape_elems(&to->values[i].shape, &elements))
            c->manifest.parameters += elements;
    }
}

/* ---- writing ---- */

static weft_status blob_bytes(void *user, size_t blob, void *out)
{
    const cut *c = user;
    const weft_blob *from = &c->view->manifest->blobs[c->blob_source[blob]];
    memcpy(out, c->view->weights + from->offset_bytes, (size_t)from->size_bytes);
    return WEFT_OK;
}

static const void *plain_bytes(void *user, size_t schedule, size_t value)
{
    (void)schedule;
    const cut *c = user;
    return c->view->plain + c->from->values[c->value_source[value]].offset_bytes;
}

static weft_status check_step(const weft_manifest *manifest, size_t schedule, size_t step,
                              weft_diag *diag)
{
    if (schedule < manifest->schedule_count && step < manifest->schedules[schedule].step_count)
        return WEFT_OK;
    weft_status status = weft_diag_error(diag, WEFT_E_PACKAGE_STEP,
                                         "schedule %zu has no step %zu to cut out", schedule, step);
    if (schedule < manifest->schedule_count)
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "0 to %zu",
                            manifest->schedules[schedule].step_count - 1);
    return status;
}

weft_status weft_package_cut(const weft_package *package, size_t schedule, size_t step,
                             const char *path, weft_diag *diag)
{
    const weft_package_view *view = weft_package_get_view(package);
    weft_status status = check_step(view->manifest, schedule, step, diag);
    if (status != WEFT_OK)
        return status;
    weft_arena *arena = weft_arena_create();
    if (arena == NULL || WEFT_ARENA_TRY(arena)) {
        weft_arena_destroy(arena);
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while cutting out step %zu",
                               step);
    }
    const weft_schedule *from = &view->manifest->schedules[schedule];
    cut *c = WEFT_NEW(arena, cut);
    *c = (cut){.arena = arena,
               .view = view,
               .from = from,
               .keeps_step = WEFT_NEW_ARRAY(arena, bool, from->step_count),
               .step_index = absent(arena, from->step_count),
               .value_index = absent(arena, from->value_count),
               .program_index = absent(arena, view->manifest->program_count),
               .blob_index = absent(arena, view->manifest->blob_count)};
    choose_steps(c, step);
    build(c);
    weft_package_content content = {.manifest = &c->manifest,
                                    .graph_text = "",
                                    .blob_bytes = blob_bytes,
                                    .plain_bytes = plain_bytes,
                                    .user = c};
    status = weft_package_write(path, &content, diag);
    weft_arena_destroy(arena);
    return status;
}
