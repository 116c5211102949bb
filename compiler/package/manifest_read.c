/* SPDX-License-Identifier: Apache-2.0 */
/* JSON -> weft_manifest. Every member is required unless it has a default in docs/package.md, and
 * members that are not known are refused. Memory grows with the text, never with a number in it.
 * Must not know about: files. */
#include <stdio.h>
#include <string.h>

#include "compiler/package/internal.h"
#include "compiler/package/manifest_read.h"

typedef struct source_text {
    const char *kernels;
    size_t kernels_bytes;
} source_text;

static uint64_t read_size(json_reader *reader, json_at *object, const char *key)
{
    return (uint64_t)weft__json_int(reader, object, key, 0, INT64_MAX);
}

/* Where its storage is. A place of its own has its own members. */
static void read_place(json_reader *reader, json_at *at, bool as_before, weft_schedule_value *value)
{
    if (weft__read_is_given(at, as_before, "place")) {
        value->place = (weft_place)weft__read_word(
            reader, at, "place", weft__place_find,
            "\"input\", \"output\", \"arena\", \"constant\" or \"alias\"");
        value->alias_of = value->blob = -1;
        value->offset_bytes = 0;
        value->has_plain = as_before = false;
    }
    if (value->place == WEFT_PLACE_ALIAS && weft__read_is_given(at, as_before, "alias_of"))
        value->alias_of = (int32_t)weft__json_int(reader, at, "alias_of", 0, INT32_MAX);
    if (value->place == WEFT_PLACE_ARENA && weft__read_is_given(at, as_before, "offset"))
        value->offset_bytes = read_size(reader, at, "offset");
    if (value->place == WEFT_PLACE_CONSTANT && weft__json_has(at, "plain")) {
        value->offset_bytes = read_size(reader, at, "plain");
        value->has_plain = true;
    }
    if (value->place == WEFT_PLACE_CONSTANT && weft__json_has(at, "blob"))
        value->blob = (int32_t)weft__json_int(reader, at, "blob", 0, INT32_MAX);
}

static void read_value(json_reader *reader, json_at *at, const weft_schedule_value *before,
                       weft_schedule_value *value)
{
    bool as_before = weft__read_as_before(reader, at, before != NULL) && before != NULL;
    if (as_before)
        *value = *before;
    if (weft__read_is_given(at, as_before, "name"))
        value->name = weft__json_text(reader, at, "name");
    if (weft__read_is_given(at, as_before, "dtype"))
        value->dtype = weft__read_dtype(reader, at);
    if (weft__read_is_given(at, as_before, "shape"))
        weft__read_shape(reader, at, &value->shape);
    if (weft__read_is_given(at, as_before, "bytes"))
        value->size_bytes = read_size(reader, at, "bytes");
    if (weft__read_is_given(at, as_before, "first"))
        value->first_step = (int32_t)weft__json_int(reader, at, "first", -1, INT32_MAX);
    if (weft__read_is_given(at, as_before, "last"))
        value->last_step = (int32_t)weft__json_int(reader, at, "last", -1, INT32_MAX);
    read_place(reader, at, as_before, value);
    if (weft__json_has(at, "partial_blocks"))
        value->partial_blocks = (int32_t)weft__json_int(reader, at, "partial_blocks", 1, INT32_MAX);
    if (value->partial_blocks != 0 && weft__read_is_given(at, as_before, "partial_count"))
        value->partial_count = weft__json_int(reader, at, "partial_count", 1, INT64_MAX);
    weft__json_end(reader, at);
}

/* before: the schedule before, or NULL. */
static void read_schedule(json_reader *reader, json_at *at, const weft_schedule *before,
                          weft_schedule *schedule)
{
    schedule->arena_bytes = read_size(reader, at, "arena_bytes");
    schedule->arena_unshared_bytes = read_size(reader, at, "arena_unshared_bytes");
    schedule->inputs = weft__json_indices(reader, at, "inputs", &schedule->input_count);
    schedule->outputs = weft__json_indices(reader, at, "outputs", &schedule->output_count);
    json_at values = weft__json_member(reader, at, "values", JSON_ARRAY);
    schedule->value_count = weft__json_count(&values);
    schedule->values = WEFT_NEW_ARRAY(reader->arena, weft_schedule_value, schedule->value_count);
    for (size_t i = 0; i < schedule->value_count && !reader->failed; i++) {
        json_at value = weft__json_element(reader, &values, i, JSON_OBJECT);
        bool has_before = before != NULL && i < before->value_count;
        read_value(reader, &value, has_before ? &before->values[i] : NULL, &schedule->values[i]);
    }
    json_at steps = weft__json_member(reader, at, "steps", JSON_ARRAY);
    schedule->step_count = weft__json_count(&steps);
    schedule->steps = WEFT_NEW_ARRAY(reader->arena, weft_step, schedule->step_count);
    for (size_t i = 0; i < schedule->step_count && !reader->failed; i++) {
        json_at step = weft__json_element(reader, &steps, i, JSON_OBJECT);
        bool has_before = before != NULL && i < before->step_count;
        weft__read_step(reader, &step, has_before ? &before->steps[i] : NULL, &schedule->steps[i]);
    }
    weft__json_end(reader, at);
}

static void read_program(json_reader *reader, json_at *at, const source_text *sources,
                         weft_program *program)
{
    uint64_t range[2] = {0, 0};
    program->name = weft__json_text(reader, at, "name");
    program->options = weft__json_text(reader, at, "options");
    program->kernels = weft__json_texts(reader, at, "kernels", &program->kernel_count);
    if (weft__json_has(at, "language"))
        program->language = (weft_language)weft__read_word(
            reader, at, "language", weft__language_find, "\"opencl\" or \"hls-c\"");
    weft__json_sizes(reader, at, "source", range, 2);
    weft__json_end(reader, at);
    program->source = "";
    if (reader->failed)
        return;
    if (range[0] >= sources->kernels_bytes || range[1] >= sources->kernels_bytes - range[0] ||
        strnlen(sources->kernels + range[0], (size_t)range[1] + 1) != range[1]) {
        weft__json_fail(reader, at,
                        "a source text inside of section kernels that ends with a zero byte");
        return;
    }
    program->source = sources->kernels + range[0];
}

static void read_blob(json_reader *reader, json_at *at, weft_blob *blob)
{
    blob->packing = (weft_packing)weft__read_word(reader, at, "packing", weft__packing_find,
                                                  "\"plain\", \"panel\" or \"winograd\"");
    blob->offset_bytes = read_size(reader, at, "offset");
    blob->size_bytes = read_size(reader, at, "bytes");
    if (weft__json_has(at, "panel"))
        blob->panel = (int32_t)weft__json_int(reader, at, "panel", 1, INT32_MAX);
    if (weft__json_has(at, "winograd"))
        blob->winograd = (int32_t)weft__json_int(reader, at, "winograd", 1, INT32_MAX);
    weft__json_end(reader, at);
}

static void read_engine(json_reader *reader, json_at *root, weft_engine *engine)
{
    json_at at = weft__json_member(reader, root, "engine", JSON_OBJECT);
    engine->name = weft__json_text(reader, &at, "name");
    engine->version = (int32_t)weft__json_int(reader, &at, "version", 1, INT32_MAX);
    engine->opencl_program = (int32_t)weft__json_int(reader, &at, "program_opencl", 0, INT32_MAX);
    engine->hls_program = (int32_t)weft__json_int(reader, &at, "program_hls", 0, INT32_MAX);
    json_at parameters = weft__json_member(reader, &at, "parameters", JSON_OBJECT);
    const char *key;
    json_t *value;
    json_object_foreach(parameters.json, key, value)
    {
        int64_t number = weft__json_int(reader, &parameters, key, 0, INT32_MAX);
        weft_attrs_set_int(&engine->parameters, reader->arena,
                           weft_arena_strdup(reader->arena, key), number);
    }
    weft__json_end(reader, &at);
}

static void read_unit(json_reader *reader, json_at *at, weft_card_unit *unit)
{
    size_t count = 0;
    unit->name = weft__json_text(reader, at, "name");
    unit->slr = (int32_t)weft__json_int(reader, at, "slr", 0, INT32_MAX);
    const char **banks = weft__json_texts(reader, at, "banks", &count);
    if (!reader->failed && count != WEFT_CARD_PORTS)
        weft__json_fail(reader, at, "a bank for each of the kernel's 5 ports");
    for (size_t i = 0; i < WEFT_CARD_PORTS; i++)
        unit->banks[i] = i < count ? banks[i] : "";
    weft__json_end(reader, at);
}

static void read_card(json_reader *reader, json_at *root, weft_card *card)
{
    json_at at = weft__json_member(reader, root, "card", JSON_OBJECT);
    card->board = weft__json_text(reader, &at, "board");
    card->part = weft__json_text(reader, &at, "part");
    if (weft__json_has(&at, "platform"))
        card->platform = weft__json_text(reader, &at, "platform");
    card->clock_mhz = weft__json_number(reader, &at, "clock_mhz");
    json_at units = weft__json_member(reader, &at, "units", JSON_ARRAY);
    card->unit_count = weft__json_count(&units);
    card->units = WEFT_NEW_ARRAY(reader->arena, weft_card_unit, card->unit_count);
    for (size_t i = 0; i < card->unit_count && !reader->failed; i++) {
        json_at unit = weft__json_element(reader, &units, i, JSON_OBJECT);
        read_unit(reader, &unit, &card->units[i]);
    }
    weft__json_end(reader, &at);
}

static void read_root(json_reader *reader, json_at *root, const source_text *sources,
                      weft_manifest *manifest)
{
    manifest->model = weft__json_text(reader, root, "model");
    manifest->producer = weft__json_text(reader, root, "producer");
    manifest->target = weft__json_text(reader, root, "target");
    manifest->opset = weft__json_int(reader, root, "opset", 0, INT64_MAX);
    manifest->source_nodes = weft__json_int(reader, root, "source_nodes", 0, INT64_MAX);
    manifest->parameters = weft__json_int(reader, root, "parameters", 0, INT64_MAX);
    manifest->weight_bytes = weft__json_int(reader, root, "weight_bytes", 0, INT64_MAX);

    json_at programs = weft__json_member(reader, root, "programs", JSON_ARRAY);
    manifest->program_count = weft__json_count(&programs);
    manifest->programs = WEFT_NEW_ARRAY(reader->arena, weft_program, manifest->program_count);
    for (size_t i = 0; i < manifest->program_count && !reader->failed; i++) {
        json_at at = weft__json_element(reader, &programs, i, JSON_OBJECT);
        read_program(reader, &at, sources, &manifest->programs[i]);
    }
    if (weft__json_has(root, "engine"))
        read_engine(reader, root, &manifest->engine);
    if (weft__json_has(root, "card"))
        read_card(reader, root, &manifest->card);
    json_at blobs = weft__json_member(reader, root, "blobs", JSON_ARRAY);
    manifest->blob_count = weft__json_count(&blobs);
    manifest->blobs = WEFT_NEW_ARRAY(reader->arena, weft_blob, manifest->blob_count);
    for (size_t i = 0; i < manifest->blob_count && !reader->failed; i++) {
        json_at at = weft__json_element(reader, &blobs, i, JSON_OBJECT);
        read_blob(reader, &at, &manifest->blobs[i]);
    }
    json_at schedules = weft__json_member(reader, root, "schedules", JSON_ARRAY);
    manifest->schedule_count = weft__json_count(&schedules);
    manifest->schedules = WEFT_NEW_ARRAY(reader->arena, weft_schedule, manifest->schedule_count);
    for (size_t i = 0; i < manifest->schedule_count && !reader->failed; i++) {
        json_at at = weft__json_element(reader, &schedules, i, JSON_OBJECT);
        read_schedule(reader, &at, i > 0 ? &manifest->schedules[i - 1] : NULL,
                      &manifest->schedules[i]);
    }
    weft__json_end(reader, root);
}

static void release_json(void *json)
{
    json_decref(json);
}

weft_status weft__manifest_read(weft_arena *arena, weft_arena *scratch, const char *json,
                                size_t json_bytes, const char *kernels, size_t kernels_bytes,
                                const weft_manifest **out_manifest, weft_diag *diag)
{
    *out_manifest = NULL;
    json_error_t error;
    json_t *tree = json_loadb(json, json_bytes, JSON_REJECT_DUPLICATES, &error);
    if (tree == NULL) {
        if (json_error_code(&error) == json_error_out_of_memory)
            return weft_diag_error(diag, WEFT_E_NO_MEMORY,
                                   "out of memory while reading the manifest");
        weft_status status =
            weft_diag_error(diag, WEFT_E_PACKAGE_MANIFEST, "section manifest is not valid JSON");
        weft_diag_field_set(diag, WEFT_DIAG_AT, "line %d, column %d", error.line, error.column);
        weft_diag_field_set(diag, WEFT_DIAG_WHY, "%s", error.text);
        return status;
    }
    weft_arena_defer(scratch, release_json, tree);
    json_reader reader = {.arena = arena};
    json_at root = {NULL, NULL, 0, tree, 0};
    if (!json_is_object(tree))
        weft__json_fail(&reader, &root, "an object");
    source_text sources = {kernels, kernels_bytes};
    weft_manifest *manifest = WEFT_NEW(arena, weft_manifest);
    if (!reader.failed)
        read_root(&reader, &root, &sources, manifest);
    if (reader.failed) {
        weft_status status = weft_diag_error(diag, WEFT_E_PACKAGE_MANIFEST,
                                             "section manifest is not valid: %s", reader.at);
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%s", reader.expected);
        return status;
    }
    *out_manifest = manifest;
    return WEFT_OK;
}
