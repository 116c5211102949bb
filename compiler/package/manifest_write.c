/* SPDX-License-Identifier: Apache-2.0 */
/* weft_manifest -> JSON. The same manifest gives the same bytes: keys are sorted, numbers are
 * printed exactly, nothing comes from outside. Fields that have their default are left out. Must
 * not know about: files. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "compiler/package/internal.h"
#include "compiler/package/manifest_share.h"

/* Sets members of one object; a text that is not UTF-8, or lack of memory, is remembered and
 * reported once. */
typedef struct writer {
    bool has_bad_text, has_no_memory;
    const char *bad_text;
} writer;

static json_t *text(writer *w, const char *string)
{
    json_t *json = json_string(string == NULL ? "" : string);
    if (json == NULL && !w->has_bad_text) {
        w->has_bad_text = true;
        w->bad_text = string;
    }
    return json;
}

static void set(writer *w, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0)
        w->has_no_memory = true;
}

static void append(writer *w, json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0)
        w->has_no_memory = true;
}

static void set_int(writer *w, json_t *object, const char *key, int64_t value)
{
    set(w, object, key, json_integer(value));
}

static void set_size(writer *w, json_t *object, const char *key, uint64_t value)
{
    set(w, object, key, json_integer((json_int_t)value));
}

static json_t *number(double value)
{
    if (isnan(value))
        return json_string("nan");
    return isinf(value) ? json_string(value > 0 ? "inf" : "-inf") : json_real(value);
}

static json_t *indices(writer *w, const int32_t *list, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        append(w, array, json_integer(list[i]));
    return array;
}

static json_t *texts(writer *w, const char *const *list, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        append(w, array, text(w, list[i]));
    return array;
}

static json_t *sizes(writer *w, const uint64_t *list, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        append(w, array, json_integer((json_int_t)list[i]));
    return array;
}

static json_t *shape_json(writer *w, const weft_shape *shape)
{
    json_t *array = json_array();
    for (int i = 0; i < shape->rank; i++)
        append(w, array, json_integer(shape->dims[i]));
    return array;
}

static json_t *tensor_json(writer *w, const weft_tensor *tensor)
{
    json_t *object = json_object();
    size_t bytes = 0;
    if (!weft_shape_bytes(&tensor->shape, tensor->dtype, &bytes)) {
        w->has_no_memory = true;
        return object;
    }
    json_t *data = json_array();
    for (size_t i = 0; i < bytes; i++)
        append(w, data, json_integer(((const uint8_t *)tensor->data)[i]));
    set(w, object, "bytes", data);
    set(w, object, "dtype", text(w, weft_dtype_name(tensor->dtype)));
    set(w, object, "shape", shape_json(w, &tensor->shape));
    return object;
}

static json_t *attr_json(writer *w, const weft_attr *attr)
{
    json_t *object = json_object(), *list;
    switch (attr->kind) {
    case WEFT_ATTR_INT: set_int(w, object, "int", attr->i); break;
    case WEFT_ATTR_FLOAT: set(w, object, "float", number((double)attr->f)); break;
    case WEFT_ATTR_STRING: set(w, object, "string", text(w, attr->s)); break;
    case WEFT_ATTR_INTS:
        list = json_array();
        for (size_t i = 0; i < attr->count; i++)
            append(w, list, json_integer(attr->ints[i]));
        set(w, object, "ints", list);
        break;
    case WEFT_ATTR_FLOATS:
        list = json_array();
        for (size_t i = 0; i < attr->count; i++)
            append(w, list, number((double)attr->floats[i]));
        set(w, object, "floats", list);
        break;
    case WEFT_ATTR_TENSOR: set(w, object, "tensor", tensor_json(w, attr->tensor)); break;
    }
    return object;
}

static json_t *program_json(writer *w, const weft_program *program, uint64_t source_offset)
{
    json_t *object = json_object();
    uint64_t range[2] = {source_offset, strlen(program->source)};
    set(w, object, "kernels", texts(w, program->kernels, program->kernel_count));
    if (program->language != WEFT_LANGUAGE_OPENCL)
        set(w, object, "language", text(w, weft__language_name(program->language)));
    set(w, object, "name", text(w, program->name));
    set(w, object, "options", text(w, program->options));
    set(w, object, "source", sizes(w, range, 2));
    return object;
}

static json_t *blob_json(writer *w, const weft_blob *blob)
{
    json_t *object = json_object();
    set_size(w, object, "bytes", blob->size_bytes);
    set_size(w, object, "offset", blob->offset_bytes);
    set(w, object, "packing", text(w, weft__packing_name(blob->packing)));
    if (blob->panel != 0)
        set_int(w, object, "panel", blob->panel);
    if (blob->winograd != 0)
        set_int(w, object, "winograd", blob->winograd);
    return object;
}

static json_t *value_json(writer *w, const weft_schedule_value *value)
{
    json_t *object = json_object();
    set(w, object, "name", text(w, value->name));
    set(w, object, "dtype", text(w, weft_dtype_name(value->dtype)));
    set(w, object, "shape", shape_json(w, &value->shape));
    set(w, object, "place", text(w, weft__place_name(value->place)));
    set_size(w, object, "bytes", value->size_bytes);
    set_int(w, object, "first", value->first_step);
    set_int(w, object, "last", value->last_step);
    if (value->place == WEFT_PLACE_ALIAS)
        set_int(w, object, "alias_of", value->alias_of);
    if (value->place == WEFT_PLACE_ARENA)
        set_size(w, object, "offset", value->offset_bytes);
    if (value->place == WEFT_PLACE_CONSTANT && value->has_plain)
        set_size(w, object, "plain", value->offset_bytes);
    if (value->place == WEFT_PLACE_CONSTANT && value->blob >= 0)
        set_int(w, object, "blob", value->blob);
    if (value->partial_blocks != 0) {
        set_int(w, object, "partial_blocks", value->partial_blocks);
        set_int(w, object, "partial_count", value->partial_count);
    }
    return object;
}

/* A number, or what it is resolved from. */
static json_t *arg_json(writer *w, const weft_arg *arg)
{
    if (arg->kind == WEFT_ARG_INT)
        return json_integer(arg->i);
    json_t *object = json_object();
    uint64_t range[2] = {arg->offset_bytes, arg->bytes};
    switch (arg->kind) {
    case WEFT_ARG_VALUE: set_int(w, object, "value", arg->index); break;
    case WEFT_ARG_BLOB: set_int(w, object, "blob", arg->index); break;
    case WEFT_ARG_FLOAT: set(w, object, "float", number((double)arg->f)); break;
    case WEFT_ARG_LOCAL: set_size(w, object, "local", arg->bytes); break;
    case WEFT_ARG_SCRATCH: set(w, object, "scratch", sizes(w, range, 2)); break;
    default: set(w, object, "null", json_true()); break;
    }
    return object;
}

static json_t *launch_json(writer *w, const weft_launch *launch)
{
    json_t *object = json_object(), *args = json_array();
    for (size_t i = 0; i < launch->arg_count; i++)
        append(w, args, arg_json(w, &launch->args[i]));
    set(w, object, "args", args);
    set(w, object, "global", sizes(w, launch->global, 3));
    set(w, object, "kernel", json_integer(launch->kernel));
    set(w, object, "local", sizes(w, launch->local, 3));
    set(w, object, "program", json_integer(launch->program));
    set(w, object, "tile", text(w, launch->tile));
    return object;
}

static json_t *word_json(writer *w, const weft_arg *word)
{
    json_t *json = arg_json(w, word);
    if (word->kind != WEFT_ARG_INT && word->i != 0)
        set_int(w, json, "plus", word->i);
    return json;
}

static json_t *descriptors_json(writer *w, const weft_step *step)
{
    json_t *list = json_array();
    for (size_t i = 0; i < step->descriptor_count; i++) {
        const weft_descriptor *descriptor = &step->descriptors[i];
        json_t *words = json_array();
        for (size_t k = 0; k < descriptor->word_count; k++)
            append(w, words, word_json(w, &descriptor->words[k]));
        append(w, list, words);
    }
    return list;
}

static json_t *cost_json(writer *w, const weft_step_cost *cost)
{
    json_t *object = json_object();
    set(w, object, "bound", text(w, weft__bound_name(cost->bound)));
    if (cost->cycles != 0)
        set_int(w, object, "cycles", cost->cycles);
    set_int(w, object, "flops", cost->flops);
    set(w, object, "ideal_ns", number(cost->ideal_ns));
    set_int(w, object, "input_bytes", cost->input_bytes);
    set_int(w, object, "macs", cost->macs);
    set_int(w, object, "output_bytes", cost->output_bytes);
    set_int(w, object, "weight_bytes", cost->weight_bytes);
    return object;
}

static json_t *step_json(writer *w, const weft_step *step)
{
    json_t *object = json_object(), *attrs = json_object(), *launches = json_array();
    for (size_t i = 0; i < step->launch_count; i++)
        append(w, launches, launch_json(w, &step->launches[i]));
    for (size_t i = 0; i < step->attrs.count; i++)
        set(w, attrs, step->attrs.data[i].name, attr_json(w, &step->attrs.data[i]));
    set(w, object, "attrs", attrs);
    set(w, object, "cost", cost_json(w, &step->cost));
    set(w, object, "deps", indices(w, step->deps, step->dep_count));
    if (step->descriptor_count > 0)
        set(w, object, "descriptors", descriptors_json(w, step));
    set(w, object, "inputs", indices(w, step->inputs, step->input_count));
    set(w, object, "launches", launches);
    set(w, object, "name", text(w, step->name));
    set(w, object, "op", text(w, step->op));
    set(w, object, "outputs", indices(w, step->outputs, step->output_count));
    set(w, object, "sources", texts(w, step->sources, step->source_count));
    return object;
}

static json_t *schedule_json(writer *w, const weft_schedule *schedule)
{
    json_t *object = json_object(), *values = json_array(), *steps = json_array();
    for (size_t i = 0; i < schedule->value_count; i++)
        append(w, values, value_json(w, &schedule->values[i]));
    for (size_t i = 0; i < schedule->step_count; i++)
        append(w, steps, step_json(w, &schedule->steps[i]));
    set_size(w, object, "arena_bytes", schedule->arena_bytes);
    set_size(w, object, "arena_unshared_bytes", schedule->arena_unshared_bytes);
    set(w, object, "inputs", indices(w, schedule->inputs, schedule->input_count));
    set(w, object, "outputs", indices(w, schedule->outputs, schedule->output_count));
    set(w, object, "steps", steps);
    set(w, object, "values", values);
    return object;
}

static json_t *engine_json(writer *w, const weft_engine *engine)
{
    json_t *object = json_object(), *parameters = json_object();
    for (size_t i = 0; i < engine->parameters.count; i++)
        set_int(w, parameters, engine->parameters.data[i].name, engine->parameters.data[i].i);
    set(w, object, "name", text(w, engine->name));
    set(w, object, "parameters", parameters);
    set_int(w, object, "program_hls", engine->hls_program);
    set_int(w, object, "program_opencl", engine->opencl_program);
    set_int(w, object, "version", engine->version);
    return object;
}

static json_t *card_json(writer *w, const weft_card *card)
{
    json_t *object = json_object(), *units = json_array();
    for (size_t i = 0; i < card->unit_count; i++) {
        json_t *unit = json_object();
        set(w, unit, "banks", texts(w, card->units[i].banks, WEFT_CARD_PORTS));
        set(w, unit, "name", text(w, card->units[i].name));
        set_int(w, unit, "slr", card->units[i].slr);
        append(w, units, unit);
    }
    set(w, object, "board", text(w, card->board));
    set(w, object, "clock_mhz", number(card->clock_mhz));
    set(w, object, "part", text(w, card->part));
    if (card->platform != NULL)
        set(w, object, "platform", text(w, card->platform));
    set(w, object, "units", units);
    return object;
}

static json_t *manifest_json(writer *w, const weft_manifest *manifest,
                             const uint64_t *source_offsets)
{
    json_t *object = json_object(), *programs = json_array(), *blobs = json_array(),
           *schedules = json_array();
    for (size_t i = 0; i < manifest->program_count; i++)
        append(w, programs, program_json(w, &manifest->programs[i], source_offsets[i]));
    for (size_t i = 0; i < manifest->blob_count; i++)
        append(w, blobs, blob_json(w, &manifest->blobs[i]));
    for (size_t i = 0; i < manifest->schedule_count; i++)
        append(w, schedules, schedule_json(w, &manifest->schedules[i]));
    if (!weft__manifest_share(schedules))
        w->has_no_memory = true;
    set(w, object, "blobs", blobs);
    if (manifest->card.board != NULL)
        set(w, object, "card", card_json(w, &manifest->card));
    if (manifest->engine.name != NULL)
        set(w, object, "engine", engine_json(w, &manifest->engine));
    set(w, object, "model", text(w, manifest->model));
    set_int(w, object, "opset", manifest->opset);
    set_int(w, object, "parameters", manifest->parameters);
    set(w, object, "producer", text(w, manifest->producer));
    set(w, object, "programs", programs);
    set(w, object, "schedules", schedules);
    set_int(w, object, "source_nodes", manifest->source_nodes);
    set(w, object, "target", text(w, manifest->target));
    set_int(w, object, "weight_bytes", manifest->weight_bytes);
    return object;
}

weft_status weft__manifest_write(const weft_manifest *manifest, const uint64_t *source_offsets,
                                 weft_text *out_text, weft_diag *diag)
{
    writer w = {false, false, NULL};
    json_t *root = manifest_json(&w, manifest, source_offsets);
    if (w.has_bad_text) {
        json_decref(root);
        weft_status status =
            weft_diag_error(diag, WEFT_E_PACKAGE_NAME, "a name of the model is not valid UTF-8");
        weft_text shown;
        weft_text_init(&shown, out_text->arena);
        for (const char *c = w.bad_text; *c != '\0'; c++)
            weft_text_printf(&shown, *c >= ' ' && *c < 0x7f ? "%c" : "\\x%02x",
                             (unsigned)(unsigned char)*c);
        weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s", shown.data);
        return status;
    }
    char *dump = w.has_no_memory ? NULL : json_dumps(root, JSON_SORT_KEYS | JSON_COMPACT);
    json_decref(root);
    if (dump == NULL)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while writing the manifest");
    weft_arena_defer(out_text->arena, free, dump);
    weft_text_add(out_text, dump);
    return WEFT_OK;
}
