/* SPDX-License-Identifier: Apache-2.0 */
/* Opening packages and answering the questions of weft/package.h. Must not know about: devices. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/package/internal.h"

struct weft_package {
    atomic_size_t references;
    weft_arena *arena;
    weft_file_map map; /* empty when opened from memory */
    weft_container container;
    const weft_manifest *manifest;
    weft_package_view view;
    const char *const **attr_texts; /* [schedule][step] */
    const weft_schedule_info *schedules;
};

const weft_package_view *weft_package_get_view(const weft_package *package)
{
    return &package->view;
}

weft_package *weft_package_ref(weft_package *package)
{
    atomic_fetch_add(&package->references, 1);
    return package;
}

void weft_package_close(weft_package *package)
{
    if (package == NULL || atomic_fetch_sub(&package->references, 1) != 1)
        return;
    weft_file_map_close(&package->map);
    weft_arena_destroy(package->arena);
    free(package);
}

/* ---- attributes as text ---- */

static void write_quoted(weft_text *text, const char *string)
{
    weft_text_add(text, "\"");
    for (const char *c = string; *c != '\0'; c++)
        weft_text_printf(text, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
    weft_text_add(text, "\"");
}

static void write_attr(weft_text *text, const weft_attr *attr)
{
    char shape[WEFT_SHAPE_TEXT];
    switch (attr->kind) {
    case WEFT_ATTR_INT: weft_text_printf(text, "%lld", (long long)attr->i); break;
    case WEFT_ATTR_FLOAT: weft_text_printf(text, "%.9g", (double)attr->f); break;
    case WEFT_ATTR_STRING: write_quoted(text, attr->s); break;
    case WEFT_ATTR_INTS:
        for (size_t i = 0; i < attr->count; i++)
            weft_text_printf(text, "%s%lld", i == 0 ? "[" : ",", (long long)attr->ints[i]);
        weft_text_add(text, attr->count == 0 ? "[]" : "]");
        break;
    case WEFT_ATTR_FLOATS:
        for (size_t i = 0; i < attr->count; i++)
            weft_text_printf(text, "%s%.9g", i == 0 ? "[" : ",", (double)attr->floats[i]);
        weft_text_add(text, attr->count == 0 ? "[]" : "]");
        break;
    case WEFT_ATTR_TENSOR:
        weft_text_printf(text, "%s %s", weft_dtype_name(attr->tensor->dtype),
                         weft_shape_format(&attr->tensor->shape, shape));
        break;
    }
}

static const char *attrs_text(weft_arena *arena, const weft_attrs *attrs)
{
    if (attrs->count == 0)
        return "";
    weft_text text;
    weft_text_init(&text, arena);
    for (size_t i = 0; i < attrs->count; i++) {
        weft_text_printf(&text, "%s%s=", i == 0 ? "" : ", ", attrs->data[i].name);
        write_attr(&text, &attrs->data[i]);
    }
    return text.data;
}

/* Steps that say "as_before" have the attributes, and so the text, of the step before. */
static void make_attr_texts(weft_package *package)
{
    weft_arena *arena = package->arena;
    const weft_manifest *manifest = package->manifest;
    package->attr_texts = WEFT_NEW_ARRAY(arena, const char *const *, manifest->schedule_count);
    for (size_t s = 0; s < manifest->schedule_count; s++) {
        const weft_schedule *schedule = &manifest->schedules[s];
        const char **texts = WEFT_NEW_ARRAY(arena, const char *, schedule->step_count);
        for (size_t i = 0; i < schedule->step_count; i++) {
            const weft_schedule *before = s > 0 ? &manifest->schedules[s - 1] : NULL;
            bool is_shared = before != NULL && i < before->step_count &&
                             before->steps[i].attrs.data == schedule->steps[i].attrs.data;
            texts[i] = is_shared ? package->attr_texts[s - 1][i]
                                 : attrs_text(arena, &schedule->steps[i].attrs);
        }
        package->attr_texts[s] = texts;
    }
}

/* ---- opening ---- */

static weft_status read_package(weft_package *package, weft_arena *scratch, weft_diag *diag)
{
    const weft_section_info *manifest =
        weft__container_section(&package->container, WEFT_SECTION_MANIFEST);
    const weft_section_info *kernels =
        weft__container_section(&package->container, WEFT_SECTION_KERNELS);
    const weft_section_info *weights =
        weft__container_section(&package->container, WEFT_SECTION_WEIGHTS);
    const weft_section_info *plain =
        weft__container_section(&package->container, WEFT_SECTION_PLAIN);
    weft_status status =
        weft__manifest_read(package->arena, scratch, manifest->data, (size_t)manifest->size_bytes,
                            kernels->data, (size_t)kernels->size_bytes, &package->manifest, diag);
    if (status != WEFT_OK)
        return status;
    weft_manifest_limits limits = {weights->size_bytes, plain->size_bytes};
    weft_text reason;
    weft_text_init(&reason, scratch);
    if (!weft__manifest_check(package->manifest, &limits, &reason)) {
        status = weft_diag_error(diag, WEFT_E_PACKAGE_MANIFEST, "section manifest is not valid");
        weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s", reason.data);
        return status;
    }
    make_attr_texts(package);
    package->schedules = weft__schedule_infos(package->arena, package->manifest);
    package->view = (weft_package_view){.manifest = package->manifest,
                                        .weights = weights->data,
                                        .plain = plain->data,
                                        .weights_bytes = (size_t)weights->size_bytes,
                                        .plain_bytes = (size_t)plain->size_bytes};
    return WEFT_OK;
}

static weft_status no_memory(const char *name, weft_diag *diag)
{
    return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while opening %s", name);
}

static weft_status read_with_arenas(const char *name, bool is_file, weft_package *package,
                                    weft_diag *diag)
{
    package->arena = weft_arena_create();
    weft_arena *scratch = weft_arena_create();
    if (package->arena == NULL || scratch == NULL || WEFT_ARENA_TRY(package->arena) ||
        WEFT_ARENA_TRY(scratch)) {
        weft_arena_destroy(scratch);
        return no_memory(name, diag);
    }
    weft_status status = read_package(package, scratch, diag);
    if (status == WEFT_OK && is_file)
        package->view.path = weft_arena_strdup(package->arena, name);
    weft_arena_destroy(scratch);
    return status;
}

/* Takes the map, also on failure; without one the package is not a file's. */
static weft_status open_bytes(const char *name, const void *data, size_t size_bytes,
                              weft_file_map *map, weft_diag *diag, weft_package **out_package)
{
    weft_package *package = weft_arena_injected_failure() ? NULL : calloc(1, sizeof *package);
    if (package == NULL) {
        weft_file_map_close(map);
        return no_memory(name, diag);
    }
    atomic_init(&package->references, 1);
    if (map != NULL)
        package->map = *map;
    weft_status status =
        weft__container_open(name, data, size_bytes, map != NULL, &package->container, diag);
    if (status == WEFT_OK)
        status = read_with_arenas(name, map != NULL, package, diag);
    if (status == WEFT_OK)
        *out_package = package;
    else
        weft_package_close(package);
    return status;
}

weft_status weft_package_open(const char *path, weft_diag *diag, weft_package **out_package)
{
    *out_package = NULL;
    weft_file_map map;
    weft_status status = weft_file_map_open(path, &map, diag);
    if (status == WEFT_OK)
        status = open_bytes(path, map.data, map.size_bytes, &map, diag, out_package);
    return status;
}

weft_status weft_package_open_memory(const void *data, size_t size_bytes, weft_diag *diag,
                                     weft_package **out_package)
{
    *out_package = NULL;
    if ((uintptr_t)data % WEFT_STORAGE_ALIGN != 0)
        return weft_diag_error(diag, WEFT_E_PACKAGE_ALIGNMENT,
                               "the package's memory is not aligned to %d bytes",
                               WEFT_STORAGE_ALIGN);
    return open_bytes("the package in memory", data, size_bytes, NULL, diag, out_package);
}

/* ---- questions ---- */

void weft_package_get_info(const weft_package *package, weft_package_info *out_info)
{
    const weft_manifest *manifest = package->manifest;
    *out_info = (weft_package_info){.model = manifest->model,
                                    .producer = manifest->producer,
                                    .target = manifest->target,
                                    .id = package->container.id,
                                    .file_bytes = package->container.size_bytes,
                                    .opset = manifest->opset,
                                    .source_nodes = manifest->source_nodes,
                                    .parameters = manifest->parameters,
                                    .weight_bytes = manifest->weight_bytes,
                                    .schedule_count = manifest->schedule_count,
                                    .program_count = manifest->program_count,
                                    .section_count = package->container.section_count};
}

void weft_package_get_section(const weft_package *package, size_t index,
                              weft_section_info *out_info)
{
    *out_info = (weft_section_info){0};
    if (index < package->container.section_count)
        *out_info = package->container.sections[index];
}

void weft_package_get_program(const weft_package *package, size_t index,
                              weft_program_info *out_info)
{
    *out_info = (weft_program_info){0};
    if (index >= package->manifest->program_count)
        return;
    const weft_program *program = &package->manifest->programs[index];
    *out_info = (weft_program_info){program->name,         program->source,
                                    program->options,      weft__language_name(program->language),
                                    program->kernel_count, program->kernels};
}

void weft_package_get_engine(const weft_package *package, weft_package_engine *out_engine)
{
    const weft_engine *engine = &package->manifest->engine;
    *out_engine = (weft_package_engine){0};
    if (engine->name != NULL)
        *out_engine =
            (weft_package_engine){engine->name, engine->version, (size_t)engine->opencl_program,
                                  (size_t)engine->hls_program, engine->parameters.count};
}

const char *weft_package_get_engine_parameter(const weft_package *package, size_t index,
                                              int64_t *out_number)
{
    const weft_attrs *parameters = &package->manifest->engine.parameters;
    *out_number = index < parameters->count ? parameters->data[index].i : 0;
    return index < parameters->count ? parameters->data[index].name : NULL;
}

void weft_package_get_card(const weft_package *package, weft_package_card *out_card)
{
    const weft_card *card = &package->manifest->card;
    *out_card = (weft_package_card){card->board, card->part, card->platform, card->clock_mhz,
                                    card->unit_count};
}

void weft_package_get_unit(const weft_package *package, size_t index, weft_package_unit *out_unit)
{
    const weft_card *card = &package->manifest->card;
    *out_unit = (weft_package_unit){0};
    if (index >= card->unit_count)
        return;
    out_unit->name = card->units[index].name;
    out_unit->slr = card->units[index].slr;
    for (int i = 0; i < WEFT_PACKAGE_CARD_PORTS; i++)
        out_unit->banks[i] = card->units[index].banks[i];
}

static const weft_schedule *schedule_of(const weft_package *package, size_t index)
{
    return index < package->manifest->schedule_count ? &package->manifest->schedules[index] : NULL;
}

void weft_package_get_schedule(const weft_package *package, size_t schedule,
                               weft_schedule_info *out_info)
{
    *out_info = (weft_schedule_info){0};
    if (schedule < package->manifest->schedule_count)
        *out_info = package->schedules[schedule];
}

static weft_tensor_info tensor_info(const weft_schedule_value *value)
{
    weft_tensor_info info = {
        .name = value->name, .dtype = weft_dtype_name(value->dtype), .rank = value->shape.rank};
    size_t bytes = 0;
    weft_shape_bytes(&value->shape, value->dtype, &bytes);
    info.size_bytes = bytes;
    memcpy(info.dims, value->shape.dims, sizeof info.dims);
    return info;
}

void weft_package_get_input(const weft_package *package, size_t schedule, size_t index,
                            weft_tensor_info *out_info)
{
    *out_info = (weft_tensor_info){0};
    const weft_schedule *from = schedule_of(package, schedule);
    if (from != NULL && index < from->input_count)
        *out_info = tensor_info(&from->values[from->inputs[index]]);
}

void weft_package_get_output(const weft_package *package, size_t schedule, size_t index,
                             weft_tensor_info *out_info)
{
    *out_info = (weft_tensor_info){0};
    const weft_schedule *from = schedule_of(package, schedule);
    if (from != NULL && index < from->output_count)
        *out_info = tensor_info(&from->values[from->outputs[index]]);
}

void weft_package_get_value(const weft_package *package, size_t schedule, size_t index,
                            weft_value_info *out_info)
{
    *out_info = (weft_value_info){.alias_of = -1};
    const weft_schedule *from = schedule_of(package, schedule);
    if (from == NULL || index >= from->value_count)
        return;
    const weft_schedule_value *value = &from->values[index];
    *out_info = (weft_value_info){.tensor = tensor_info(value),
                                  .place = weft__place_name(value->place),
                                  .offset_bytes = value->offset_bytes,
                                  .storage_bytes = value->size_bytes,
                                  .first_step = value->first_step,
                                  .last_step = value->last_step,
                                  .alias_of = value->alias_of};
}

void weft_package_get_launch(const weft_package *package, size_t schedule, size_t step,
                             size_t index, weft_launch_info *out_info)
{
    *out_info = (weft_launch_info){0};
    const weft_schedule *from = schedule_of(package, schedule);
    if (from == NULL || step >= from->step_count || index >= from->steps[step].launch_count)
        return;
    const weft_launch *launch = &from->steps[step].launches[index];
    const weft_program *program = &package->manifest->programs[launch->program];
    *out_info =
        (weft_launch_info){program->name, program->kernels[launch->kernel], launch->tile, {0}, {0}};
    memcpy(out_info->global, launch->global, sizeof launch->global);
    memcpy(out_info->local, launch->local, sizeof launch->local);
}

bool weft_package_get_descriptor(const weft_package *package, size_t schedule, size_t step,
                                 size_t index, weft_word_info out_words[64])
{
    const weft_schedule *from = schedule_of(package, schedule);
    for (size_t i = 0; i < WEFT_DESCRIPTOR_WORDS; i++)
        out_words[i] = (weft_word_info){.value = -1};
    if (from == NULL || step >= from->step_count || index >= from->steps[step].descriptor_count)
        return false;
    const weft_descriptor *descriptor = &from->steps[step].descriptors[index];
    for (size_t i = 0; i < descriptor->word_count; i++) {
        const weft_arg *word = &descriptor->words[i];
        out_words[i].number = word->i;
        if (word->kind == WEFT_ARG_VALUE)
            out_words[i].value = word->index;
        if (word->kind == WEFT_ARG_SCRATCH)
            out_words[i].number += (int32_t)word->offset_bytes;
        out_words[i].is_weights = word->kind == WEFT_ARG_BLOB;
        if (out_words[i].is_weights)
            out_words[i].number = (int32_t)package->manifest->blobs[word->index].offset_bytes;
    }
    return true;
}

void weft_package_get_step(const weft_package *package, size_t schedule, size_t index,
                           weft_step_info *out_info)
{
    *out_info = (weft_step_info){0};
    const weft_schedule *from = schedule_of(package, schedule);
    if (from == NULL || index >= from->step_count)
        return;
    const weft_step *step = &from->steps[index];
    weft_launch_info launch;
    weft_package_get_launch(package, schedule, index, 0, &launch);
    *out_info = (weft_step_info){.name = step->name,
                                 .op = step->op,
                                 .attrs = package->attr_texts[schedule][index],
                                 .program = launch.program,
                                 .kernel = launch.kernel,
                                 .tile = launch.tile,
                                 .launch_count = step->launch_count,
                                 .descriptor_count = step->descriptor_count,
                                 .source_count = step->source_count,
                                 .sources = step->sources,
                                 .input_count = step->input_count,
                                 .output_count = step->output_count,
                                 .dep_count = step->dep_count,
                                 .inputs = step->inputs,
                                 .outputs = step->outputs,
                                 .deps = step->deps,
                                 .macs = step->cost.macs,
                                 .flops = step->cost.flops,
                                 .weight_bytes = step->cost.weight_bytes,
                                 .input_bytes = step->cost.input_bytes,
                                 .output_bytes = step->cost.output_bytes,
                                 .ideal_ns = step->cost.ideal_ns,
                                 .bound = weft__bound_name(step->cost.bound),
                                 .cycles = step->cost.cycles};
    memcpy(out_info->global, launch.global, sizeof launch.global);
    memcpy(out_info->local, launch.local, sizeof launch.local);
}
