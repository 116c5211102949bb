/* SPDX-License-Identifier: Apache-2.0 */
/* From shapes of inputs to the schedule that takes them. Inputs have the same names in all
 * schedules (manifest_check.c). Must not know about: data. */
#include <string.h>

#include "compiler/package/internal.h"

static const weft_schedule_value *input_of(const weft_schedule *schedule, size_t index)
{
    return &schedule->values[schedule->inputs[index]];
}

/* Index of the input that is meant; the count of inputs when there is none. */
static size_t find_input(const weft_schedule *schedule, const char *name)
{
    size_t i = 0;
    if (name == NULL)
        return schedule->input_count == 1 ? 0 : schedule->input_count;
    while (i < schedule->input_count && strcmp(input_of(schedule, i)->name, name) != 0)
        i++;
    return i;
}

static bool fits(const weft_schedule_value *input, const weft_input_shape *wanted)
{
    if (input->shape.rank != wanted->rank)
        return false;
    for (int i = 0; i < wanted->rank; i++)
        if (wanted->dims[i] >= 0 && wanted->dims[i] != input->shape.dims[i])
            return false;
    return true;
}

static bool takes(const weft_schedule *schedule, const weft_input_shape *shapes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!fits(input_of(schedule, find_input(schedule, shapes[i].input)), &shapes[i]))
            return false;
    return true;
}

static weft_status unknown_input(weft_arena *arena, const weft_schedule *schedule, const char *name,
                                 weft_diag *diag)
{
    weft_text list;
    weft_text_init(&list, arena);
    for (size_t i = 0; i < schedule->input_count; i++)
        weft_text_printf(&list, "%s%s", i == 0 ? "" : ", ", input_of(schedule, i)->name);
    weft_status status =
        name == NULL
            ? weft_diag_error(
                  diag, WEFT_E_PACKAGE_INPUT,
                  "a shape without the name of an input, but the package has %zu inputs",
                  schedule->input_count)
            : weft_diag_error(diag, WEFT_E_PACKAGE_INPUT, "the package has no input %s", name);
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%s",
                        schedule->input_count == 0 ? "none" : list.data);
    return status;
}

/* "image 1x3x16x16", the inputs that are asked for. */
static void add_shapes(weft_text *text, const weft_schedule *schedule,
                       const weft_input_shape *shapes, size_t count)
{
    char shape[WEFT_SHAPE_TEXT];
    for (size_t i = 0; i < count; i++) {
        const weft_schedule_value *input =
            input_of(schedule, find_input(schedule, shapes[i].input));
        weft_text_printf(text, "%s%s %s", i == 0 ? "" : ", ", input->name,
                         weft_shape_format(&input->shape, shape));
    }
}

/* "1x3x?x224" */
static void add_wanted(weft_text *text, const weft_input_shape *wanted)
{
    for (int i = 0; i < wanted->rank; i++) {
        weft_text_add(text, i == 0 ? "" : "x");
        if (wanted->dims[i] < 0)
            weft_text_add(text, "?");
        else
            weft_text_printf(text, "%lld", (long long)wanted->dims[i]);
    }
    if (wanted->rank == 0)
        weft_text_add(text, "scalar");
}

static weft_status no_schedule(weft_arena *arena, const weft_manifest *manifest,
                               const weft_input_shape *shapes, size_t count, weft_diag *diag)
{
    const weft_schedule *first = &manifest->schedules[0];
    weft_text there, wanted;
    weft_text_init(&there, arena);
    weft_text_init(&wanted, arena);
    for (size_t i = 0; i < manifest->schedule_count; i++) {
        weft_text_add(&there, i == 0 ? "" : "; ");
        add_shapes(&there, &manifest->schedules[i], shapes, count);
    }
    for (size_t i = 0; i < count; i++) {
        weft_text_printf(&wanted, "%s%s ", i == 0 ? "" : ", ",
                         input_of(first, find_input(first, shapes[i].input))->name);
        add_wanted(&wanted, &shapes[i]);
    }
    weft_status status = weft_diag_error(diag, WEFT_E_PACKAGE_SHAPE,
                                         "the package was not compiled for %s", wanted.data);
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "one of: %s", there.data);
    return status;
}

weft_status weft_package_find_schedule(const weft_package *package, const weft_input_shape *shapes,
                                       size_t count, weft_diag *diag, size_t *out_schedule)
{
    const weft_manifest *manifest = weft_package_get_view(package)->manifest;
    const weft_schedule *first = &manifest->schedules[0];
    size_t unknown = 0, found = 0;
    *out_schedule = 0;
    while (unknown < count && find_input(first, shapes[unknown].input) < first->input_count)
        unknown++;
    if (unknown == count)
        while (found < manifest->schedule_count &&
               !takes(&manifest->schedules[found], shapes, count))
            found++;
    if (unknown == count && found < manifest->schedule_count) {
        *out_schedule = found;
        return WEFT_OK;
    }
    weft_arena *scratch = weft_arena_create();
    if (scratch == NULL || WEFT_ARENA_TRY(scratch)) {
        weft_arena_destroy(scratch);
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory");
    }
    weft_status status = unknown < count
                             ? unknown_input(scratch, first, shapes[unknown].input, diag)
                             : no_schedule(scratch, manifest, shapes, count, diag);
    weft_arena_destroy(scratch);
    return status;
}
